package cli

import (
	"bytes"
	"strings"
	"testing"
)

func TestMainSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	empty := t.TempDir()
	for _, c := range []struct {
		name string
		args []string
		code int
		out  string // in what is printed
		err  string // in what is complained
	}{
		{"version", []string{"version"}, 0, "fondaco 0.", ""},
		{"help", nil, 0, "up ", ""},
		{"unknown command", []string{"down"}, 2, "", "down"},
		{"unknown flag", []string{"up", "--colour"}, 2, "", "--colour"},
		{"nothing to run", []string{"up", "--data-dir", empty}, 1, "", "--demo"},
		{"a role is required", []string{"account", "create", "x"}, 1, "", "--role"},
		{"a wrong role", []string{"account", "create", "x", "--role", "king", "--data-dir", empty}, 1, "", "auditor"},
		{"no system", []string{"account", "create", "x", "--role", "trader", "--data-dir", empty}, 1, "", "fondaco up"},
		{"no system for status", []string{"status", "--data-dir", empty}, 1, "", "fondaco up"},
		{"no system for endpoints", []string{"endpoints", "--data-dir", empty}, 1, "", "fondaco up"},
		{"no system for dead letters", []string{"deadletters", "list", "--data-dir", empty}, 1, "", "fondaco up"},
		{"dead letters of nothing", []string{"deadletters", "replay", "--data-dir", empty}, 2, "", "network"},
		{"dead letters of two kinds", []string{"deadletters", "replay", "--all", "--id", "x"}, 2, "", "all id"},
		{"a group by itself", []string{"deadletters"}, 2, "", "--help"},
		{"an unknown command of a group", []string{"deadletters", "burn"}, 2, "", `unknown command "burn"`},
		{"with a flag", []string{"deadletters", "burn", "--data-dir", empty}, 2, "", `unknown command "burn"`},
		{"help of a group", []string{"account", "--help"}, 0, "create", ""},
		{"no name", []string{"account", "create", "--role", "trader"}, 2, "", "arg"},
		{"both ways to the system", []string{"account", "create", "x", "--role", "trader", "--data-dir", empty, "--nats", "nats://127.0.0.1:1"}, 1, "", "either"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out, errOut bytes.Buffer
			code := Main(c.args, &out, &errOut)
			if code != c.code || !strings.Contains(out.String(), c.out) || !strings.Contains(errOut.String(), c.err) {
				t.Errorf("exit code %d, want %d\nprinted: %s\ncomplained: %s", code, c.code, out.String(), errOut.String())
			}
		})
	}
}

func TestProductionStreamsRefuseManualDeposits(t *testing.T) {
	for name, value := range map[string]string{"FONDACO_ALLOW_MANUAL_DEPOSITS": "true", "FONDACO_PROFILE": "production"} {
		t.Setenv(name, value)
	}
	if _, err := externalSystem(""); err == nil || !strings.Contains(err.Error(), "FONDACO_ALLOW_MANUAL_DEPOSITS") {
		t.Errorf("got %v", err)
	}
	s, err := externalSystem("dev")
	if err != nil || !s.ManualDeposits {
		t.Errorf("in the dev profile: %+v, %v", s, err)
	}
}
