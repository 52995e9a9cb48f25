package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fondaco.dev/deploy/fondaco/internal/cli"
	"fondaco.dev/deploy/fondaco/internal/home"
	"fondaco.dev/deploy/fondaco/internal/house"
	"fondaco.dev/pkg/embedded/child"
	"fondaco.dev/pkg/pgtest"
)

// shallow is a folder that another user can enter, as Postgres must when the
// tests run as root; t.TempDir is not one.
func shallow(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "fondaco-e2e-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}

// needPostgres skips by name where no server can be run, but not under CI.
func needPostgres(t *testing.T) {
	t.Helper()
	pgtest.Server(t)
}

func freePort(t *testing.T) int {
	t.Helper()
	port, err := child.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// lines collects what programs print and shows its end when the test failed,
// without what the api was asked: that alone would be all.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func newLines(t *testing.T) *lines {
	t.Helper()
	l := &lines{}
	t.Cleanup(func() {
		if t.Failed() {
			text := strings.Split(l.String(), "\n")
			text = slices.DeleteFunc(text, func(line string) bool { return strings.Contains(line, " info api.http ") })
			t.Logf("the programs' last lines:\n%s", strings.Join(text[max(0, len(text)-60):], "\n"))
		}
	})
	return l
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// up is a house that runs in this process.
type up struct {
	t    *testing.T
	run  home.Run
	out  *lines
	stop context.CancelFunc
	done chan error
}

// start runs `fondaco up` and returns when every service was started.
func start(t *testing.T, o house.Options) *up {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	u := &up{t: t, out: newLines(t), stop: cancel, done: make(chan error, 1)}
	started := make(chan home.Run, 1)
	o.Out, o.Log, o.Started = u.out, u.out, func(r home.Run) { started <- r }
	if o.HTTP == "" {
		o.HTTP = fmt.Sprintf("127.0.0.1:%d", freePort(t))
	}
	go func() { u.done <- house.Up(ctx, o) }()
	t.Cleanup(func() { cancel() })
	select {
	case u.run = <-started:
	case err := <-u.done:
		t.Fatalf("the house did not start: %v\n%s", err, u.out)
	case <-time.After(90 * time.Second):
		t.Fatalf("the house does not start:\n%s", u.out)
	}
	return u
}

// end stops the house as Ctrl-C does; it must be clean. It takes less than 5 s
// where the machine is not busy with other tests, as it is here.
func (u *up) end() {
	u.t.Helper()
	began := time.Now()
	u.stop()
	select {
	case err := <-u.done:
		if err != nil {
			u.t.Errorf("a clean stop returned %v", err)
		}
	case <-time.After(15 * time.Second):
		u.t.Fatal("the house does not stop")
	}
	if took := time.Since(began); took > 10*time.Second {
		u.t.Errorf("stopping took %v, more than twice the 5 s of a quiet machine", took)
	} else {
		u.t.Logf("stopped in %v", took)
	}
}

// command runs one fondaco command and returns what it prints.
func command(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out, errOut bytes.Buffer
	if code := cli.Main(args, &out, &errOut); code != 0 {
		return out.String(), fmt.Errorf("exit code %d: %s", code, strings.TrimSpace(errOut.String()))
	}
	return out.String(), nil
}

// answer is one HTTP answer.
type answer struct {
	code int
	body []byte
}

func (a answer) decode(t *testing.T, into any) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(a.body))
	dec.UseNumber()
	if err := dec.Decode(into); err != nil {
		t.Fatalf("reading %q: %v", a.body, err)
	}
}

func call(ctx context.Context, method, url, token string, body any) (answer, error) {
	var in io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return answer{}, err
		}
		in = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, in)
	if err != nil {
		return answer{}, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, data}, err
}

// get asks and wants 200.
func get(t *testing.T, url, token string, into any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	a, err := call(ctx, http.MethodGet, url, token, nil)
	if err != nil {
		t.Fatal(err)
	}
	if a.code != http.StatusOK {
		t.Fatalf("GET %s: %d %s", url, a.code, a.body)
	}
	a.decode(t, into)
}

// eventually asks again until ok says that it holds, or the time is over.
func eventually(t *testing.T, limit time.Duration, what string, ok func() error) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := ok()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waiting for %s: %v", what, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// status is what GET / says.
type status struct {
	Status   string
	Networks []struct {
		Name, Status         string
		Head, Indexed        *int64
		Finalized, LagBlocks *int64
	}
}

func readStatus(base string) (s status, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	a, err := call(ctx, http.MethodGet, base+"/", "", nil)
	if err != nil {
		return s, err
	}
	if a.code != http.StatusOK {
		return s, fmt.Errorf("GET / answers %d %s", a.code, a.body)
	}
	return s, json.Unmarshal(a.body, &s)
}

// becomesOK waits until every network has caught up with its node.
func becomesOK(t *testing.T, base string) {
	t.Helper()
	eventually(t, 60*time.Second, "GET / to say ok", func() error {
		s, err := readStatus(base)
		if err == nil && s.Status != "ok" {
			err = fmt.Errorf("it says %+v", s)
		}
		return err
	})
}

// binaries builds every service once for this test binary.
var binaries = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "fondaco-e2e-bin-*")
	if err != nil {
		return "", err
	}
	var failed []error
	for _, name := range house.ServiceNames() {
		cmd := exec.Command("go", "build", "-o", filepath.Join(dir, name), "./cmd/"+name)
		cmd.Dir = filepath.Join("..", "..", "..", "services", name)
		if out, err := cmd.CombinedOutput(); err != nil {
			failed = append(failed, fmt.Errorf("building %s: %w\n%s", name, err, out))
		}
	}
	return dir, errors.Join(failed...)
})

func TestMain(m *testing.M) {
	code := m.Run()
	if built {
		if dir, err := binaries(); err == nil {
			_ = os.RemoveAll(dir)
		}
	}
	os.Exit(code)
}

var built bool

func programs(t *testing.T) string {
	t.Helper()
	built = true
	dir, err := binaries()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
