package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// script is the TypeScript client that node runs: it places an order and sees it
// on its own feed, and follows the blocks until the test ends.
type script struct {
	mu          sync.Mutex
	got         []told
	connections int      // that it made to follow the blocks
	order       []string // what its order was, one after the other
	errors      string
}

// typeScript compiles and starts it. It is nil where node or the compiler is not
// at hand, except in continuous integration.
func typeScript(t *testing.T, ctx context.Context, wait *sync.WaitGroup, url, token string) *script {
	t.Helper()
	missing := func(what string) *script {
		if os.Getenv("CI") == "true" {
			t.Fatal(what)
		}
		t.Log(what, "the TypeScript client is left out")
		return nil
	}
	node, err := exec.LookPath("node")
	if err != nil {
		return missing("node is not here:")
	}
	client := filepath.Join("..", "..", "..", "services", "api", "client", "ts")
	tsc := filepath.Join(client, "node_modules", "typescript", "bin", "tsc")
	if _, err := os.Stat(tsc); err != nil {
		return missing("typescript is not here (npm ci --prefix services/api/client/ts):")
	}
	dist := t.TempDir()
	if out, err := exec.CommandContext(ctx, node, tsc, "-p", client, "--outDir", dist).CombinedOutput(); err != nil {
		t.Fatalf("compiling the TypeScript client: %v\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(dist, "package.json"), []byte(`{"type":"module"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &script{}
	cmd := exec.CommandContext(ctx, node, "--experimental-websocket", "--no-warnings", filepath.Join("testdata", "follow.mjs"), dist, url, token)
	cmd.Stderr = (*complaints)(s)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	wait.Go(func() {
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			s.take(lines.Bytes())
		}
		_ = cmd.Wait() // it ends by being killed
	})
	return s
}

// complaints is what it writes to its standard error.
type complaints script

func (c *complaints) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.errors += string(p)
	return len(p), nil
}

func (s *script) take(line []byte) {
	var said struct {
		Op          string
		Seq         uint64
		Data        json.RawMessage
		Connections int
		Order       string
	}
	err := json.Unmarshal(line, &said)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err != nil:
		s.errors += string(line)
	case said.Order != "":
		s.order = append(s.order, said.Order)
	case said.Op == "":
		s.connections = said.Connections
	default:
		data, err := stable(said.Data)
		if err != nil {
			s.errors += err.Error()
		}
		s.got = append(s.got, told{said.Op, said.Seq, data})
	}
}

// all is what it has, and what went wrong.
func (s *script) all() (got []told, connections int, order []string, errors string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got), s.connections, slices.Clone(s.order), s.errors
}

// ends compares what it was told of the blocks with what the others were.
func (s *script) ends(t *testing.T, others []*follower) {
	t.Helper()
	i := slices.IndexFunc(others, func(f *follower) bool { return f.name == "blocks-0" })
	want, _, err := others[i].all()
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, 20*time.Second, "the TypeScript client to have every block", func() error {
		if got, _, order, errs := s.all(); len(got) < len(want) || errs != "" {
			return fmt.Errorf("it has %d of %d, its order was %s, and it says %q", len(got), len(want), order, errs)
		}
		return nil
	})
	got, connections, order, _ := s.all()
	if err := holds(got, want); err != nil {
		t.Errorf("the TypeScript client, beside the other: %v", err)
	}
	if connections < 2 {
		t.Errorf("the TypeScript client made %d connections: it did not resume", connections)
	}
	if text := fmt.Sprint(order); !strings.HasPrefix(text, "[open open on the feed ") || !strings.HasSuffix(text, " canceled on the feed]") {
		t.Errorf("its order was %s", text)
	}
}
