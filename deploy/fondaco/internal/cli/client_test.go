package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"

	"fondaco.dev/deploy/fondaco/internal/home"
	"fondaco.dev/pkg/bustest"
	"fondaco.dev/proto/topology"
)

// running is the data folder of a system with the given addresses.
func running(t *testing.T, r home.Run) string {
	t.Helper()
	r.PID = os.Getpid()
	body, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "run.json"), body, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// said runs one command and holds it to its exit code and a part of what it says.
func said(t *testing.T, code int, part string, args ...string) {
	t.Helper()
	var out, errOut bytes.Buffer
	if got := Main(args, &out, &errOut); got != code || !strings.Contains(out.String()+errOut.String(), part) {
		t.Errorf("%s: exit code %d, want %d and %q\n%s%s", strings.Join(args, " "), got, code, part, out.String(), errOut.String())
	}
}

// TestMaintenance: it is switched on once and off once, and what is on is told.
func TestMaintenance(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	bustest.Provision(t, srv, topology.Streams(), topology.Buckets(), topology.Objects())
	dir := running(t, home.Run{NATS: home.NATS{URL: srv.URL}})
	run := func(code int, part string, args ...string) {
		t.Helper()
		said(t, code, part, append([]string{"maintenance", args[0], "--data-dir", dir}, args[1:]...)...)
	}
	run(0, "maintenance is not on", "status")
	run(0, "null\n", "status", "--json")
	run(1, "maintenance is not on", "off")
	run(2, "message", "on")
	run(1, "--message wants", "on", "--message", " ")
	run(1, "--message wants", "on", "--message", strings.Repeat("x", 1001))
	run(1, "neither writes nor all", "on", "--message", "x", "--scope", "some")
	for range 2 { // and again after it was off
		run(0, "new orders are refused", "on", "--message", "the cellar is counted")
		run(1, "maintenance is on already", "on", "--message", "other", "--scope", "all")
		run(0, "the cellar is counted", "status")
		run(0, `"scope":"writes"`, "status", "--json")
		run(0, "maintenance is over", "off")
		run(1, "maintenance is not on", "off")
	}
	run(0, "everything is refused", "on", "--message", "x", "--scope", "all")
}

// TestLimits: what Redis holds is shown and reset.
func TestLimits(t *testing.T) {
	t.Parallel()
	mini := miniredis.RunT(t)
	dir := running(t, home.Run{Redis: "redis://" + mini.Addr()})
	run := func(code int, part string, args ...string) {
		t.Helper()
		said(t, code, part, append([]string{"limits", args[0], "--data-dir", dir}, args[1:]...)...)
	}
	run(0, "nothing is counted now", "show")
	run(1, "nothing is counted", "reset", "order:account:7")
	run(1, "they look like", "show", "alice")
	run(1, "they look like", "reset", "alice")
	run(2, "arg", "reset")
	// In the year 2100 the burst of account 7 will be whole; that of 8 was.
	if err := mini.Set("fondaco:limit:order:account:7", "4102444800000000 2000 4000"); err != nil {
		t.Fatal(err)
	}
	if err := mini.Set("fondaco:limit:read:address:192.0.2.1", "1000000000000000 1000 2000"); err != nil {
		t.Fatal(err)
	}
	run(0, "order:account:7", "show")
	run(0, `"key":"order:account:7","per_second":2000,"burst":4000`, "show", "--json", "order:account:7")
	run(0, `"key":"read:address:192.0.2.1","per_second":1000,"burst":2000,"left":2000,"full_in_ms":0}`, "show", "--json", "read:address:192.0.2.1")
	run(0, "order:account:7 has its whole burst", "reset", "order:account:7")
	run(0, "nothing is counted now", "show", "order:account:7")
	if mini.Exists("fondaco:limit:order:account:7") {
		t.Error("it is still there")
	}
}
