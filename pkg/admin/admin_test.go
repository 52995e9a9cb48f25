package admin_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"fondaco.dev/pkg/admin"
	"fondaco.dev/pkg/zlog"
)

func TestAdminPort(t *testing.T) {
	t.Parallel()
	var buf bytes.Buffer
	log, err := zlog.New(zlog.Config{Level: "info"}, "x", &buf)
	if err != nil {
		t.Fatal(err)
	}
	s := admin.New("127.0.0.1:0", log)
	nats, pg := s.Status("nats"), s.Status("postgres")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	for s.Addr() == "" {
		time.Sleep(time.Millisecond)
	}
	call := func(method, path string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, fmt.Sprintf("http://%s%s", s.Addr(), path), nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	nats.Set(nil)
	pg.Set(errors.New("connection refused"))
	if code, body := call("GET", "/readyz"); code != 503 || !strings.Contains(body, "connection refused") || strings.Contains(body, "nats") {
		t.Errorf("readyz = %d %s", code, body)
	}
	pg.Set(nil)
	if code, _ := call("GET", "/readyz"); code != 200 || s.Ready() != nil {
		t.Errorf("readyz = %d", code)
	}
	if code, _ := call("GET", "/livez"); code != 200 {
		t.Errorf("livez = %d", code)
	}
	if code, body := call("PUT", "/log-level?level=DEBUG"); code != 200 || strings.TrimSpace(body) != "debug" || log.Level.String() != "debug" {
		t.Errorf("log-level = %d %s", code, body)
	}
	if code, body := call("PUT", "/log-level?level=loud"); code != 400 || !strings.Contains(body, "trace") {
		t.Errorf("bad level = %d %s", code, body)
	}
	if code, body := call("GET", "/metrics"); code != 200 || !strings.Contains(body, "go_goroutines") {
		t.Errorf("metrics = %d", code)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("stopping: %v", err)
	}
}
