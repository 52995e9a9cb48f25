// Package zlogtest makes loggers that write to a test's own log.
package zlogtest

import (
	"testing"

	"fondaco.dev/pkg/zlog"
)

type writer struct{ t testing.TB }

func (w writer) Write(p []byte) (int, error) {
	w.t.Helper()
	w.t.Log(string(p))
	return len(p), nil
}

// Test returns a logger at debug level whose lines go nowhere once the test is
// over, so that a goroutine that ends a moment later does no harm.
func Test(t testing.TB) *zlog.Logger {
	t.Helper()
	w := &gate{w: writer{t}}
	t.Cleanup(w.close)
	log, err := zlog.New(zlog.Config{Level: "debug"}, "test", w)
	if err != nil {
		t.Fatal(err)
	}
	return log
}
