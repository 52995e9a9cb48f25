package console

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func do(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	code = Run(args, &o, &e)
	return code, o.String(), e.String()
}

func made(t *testing.T, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tape")
	if code, out, errOut := do(t, append([]string{"tape", "--out", path}, args...)...); code != 0 || out != "" || errOut != "" {
		t.Fatalf("exit %d\n%s%s", code, out, errOut)
	}
	return path
}

// A tape is made, played and measured, and both ways end in the same state.
func TestWayOfATape(t *testing.T) {
	t.Parallel()
	path := made(t, "--commands", "5000", "--resting", "500", "--accounts", "20", "--prices", "50", "--seed", "9")
	digest := regexp.MustCompile(`digest +([0-9a-f]{64})`)
	code, out, errOut := do(t, "replay", "--tape", path, "--prefund")
	if code != 0 || errOut != "" {
		t.Fatalf("exit %d\n%s", code, errOut)
	}
	for _, want := range []string{`commands +5500\n`, `accepted +\d+\n`, `rejected +0\n`, `canceled +\d+\n`, `trades +\d+\n`, `volume +\d+\n`, `resting +\d+\n`, `time +\S+\n`} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("the summary has no %s:\n%s", want, out)
		}
	}
	first := digest.FindStringSubmatch(out)
	code, out, errOut = do(t, "bench", "--tape", path, "--repeat", "3")
	again := digest.FindStringSubmatch(out)
	if code != 0 || first == nil || again == nil || first[1] != again[1] {
		t.Errorf("exit %d, %s\nreplay ended with %v, bench:\n%s", code, errOut, first, out)
	}
	for _, want := range []string{`ns/command +\d+\.\d\n`, `commands/s +\d+\n`, `allocs/command +0\n`, `events +\d+\n`, `event bytes +\d+\n`, `runs +3, ns/command: min \d+\.\d, median \d+\.\d\n`} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("bench prints no %s:\n%s", want, out)
		}
	}
	code, out, errOut = do(t, "bench", "--tape", path, "--json", "--warmup", "1000", "--replies")
	var f figures
	if err := json.Unmarshal([]byte(out), &f); code != 0 || err != nil || f.Commands != 4500 || f.Digest != first[1] || f.Resting == 0 || f.BytesPerOrder == 0 {
		t.Errorf("exit %d, %v, %s: %s", code, err, errOut, out)
	}
}

// Events go to a file or to standard output, and nothing else goes there.
func TestEvents(t *testing.T) {
	t.Parallel()
	path, events := made(t, "--sweep", "3"), filepath.Join(t.TempDir(), "events")
	want := `{"cmd":3,"type":"trade","account":100,"ref":1,"maker_account":0,"maker":0,"price":1048577,"qty":10}`
	code, out, errOut := do(t, "replay", "--tape", path, "--prefund", "--events", "-")
	if code != 0 || strings.Count(out, "\n") != 7 || !strings.Contains(out, want) || strings.Contains(out, "digest") {
		t.Errorf("exit %d, %s\n%s", code, errOut, out)
	}
	code, sum, errOut := do(t, "replay", "--tape", path, "--prefund", "--events", events)
	data, err := os.ReadFile(events)
	if code != 0 || err != nil || string(data) != out || !strings.Contains(sum, "digest") {
		t.Errorf("exit %d, %s, %v\n%s\n%s", code, errOut, err, sum, data)
	}
	// Of one account's own orders nothing trades, but with no prevention.
	if code, out, _ := do(t, "replay", "--tape", path); code != 0 || !strings.Contains(out, "insufficient_balance  4") {
		t.Errorf("without money, exit %d:\n%s", code, out)
	}
}

// A mistake is named, with the exit code of its kind.
func TestMistakes(t *testing.T) {
	t.Parallel()
	good := made(t, "--commands", "10", "--resting", "10")
	bad := filepath.Join(t.TempDir(), "bad")
	if err := os.WriteFile(bad, []byte("not a tape at all"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"replya --tape x", 2, `no command "replya"`},
		{"", 2, "no command"},
		{"replay", 2, "--tape is missing"},
		{"tape", 2, "--out is missing"},
		{"replay --tape " + good + " --sdp none", 2, "flag provided but not defined: -sdp"},
		{"replay --tape " + good + " --stp never", 2, "want none, cancel_taker"},
		{"bench --tape " + good + " more", 2, `unexpected argument "more"`},
		{"bench --tape " + good + " --repeat x", 2, "invalid value"},
		{"bench --tape " + good + " --repeat 0", 1, "at least 1"},
		{"bench --tape " + good + " --warmup 20", 1, "leaves none of 20"},
		{"bench --tape " + good + " --taker-fee -1", 1, "ppm"},
		{"replay --tape " + bad + ".missing", 1, "no such file"},
		{"replay --tape " + bad, 1, "not a usable tape: it begins with"},
		{"replay --tape " + good + " --events " + bad + "/x", 1, "not a directory"},
		{"tape --out " + bad + " --accounts 0", 1, "1 account"},
	} {
		code, out, errOut := do(t, strings.Fields(c.args)...)
		if code != c.code || out != "" || !strings.Contains(errOut, c.want) {
			t.Errorf("%s: exit %d, %q, %q; want %d, %q", c.args, code, out, errOut, c.code, c.want)
		}
	}
	for _, args := range [][]string{{"-h"}, {"help"}, {"replay", "-h"}, {"bench", "--help"}, {"tape", "-h"}} {
		if code, out, errOut := do(t, args...); code != 0 || !strings.Contains(out+errOut, "tape") {
			t.Errorf("%v: exit %d, %s%s", args, code, out, errOut)
		}
	}
}
