package proc

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
)

type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) wait(t *testing.T, want string, n int) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for time.Now().Before(deadline) {
		l.mu.Lock()
		got := strings.Count(l.buf.String(), want)
		l.mu.Unlock()
		if got >= n {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("did not see %q %d times:\n%s", want, n, l.buf.String())
}

func script(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func TestProcess(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "program")
	script(t, path, "trap 'echo stopped $V; exit 0' TERM; echo one $V; while :; do sleep 0.05; done\n")
	out := &lines{}
	p := &Process{Name: "program", Path: path, Env: []string{"V=7", "PATH=" + os.Getenv("PATH")}, Out: out, Log: zap.NewNop()}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	out.wait(t, "one 7", 1)
	p.Kill()
	out.wait(t, "one 7", 2)
	script(t, path, "echo two; exec sleep 100\n")
	p.Replace()
	out.wait(t, "stopped 7", 1)
	out.wait(t, "two", 1)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if p.Starts() != 3 {
		t.Errorf("%d starts, want 3", p.Starts())
	}
}
