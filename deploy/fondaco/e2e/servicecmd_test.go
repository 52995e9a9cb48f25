package e2e

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fondaco.dev/deploy/fondaco/internal/house"
	"fondaco.dev/deploy/fondaco/internal/infra"
)

// Every service's program can ask after its own health, as its image does, and
// says what is wrong with its settings before it does anything.
func TestServicePrograms(t *testing.T) {
	dir := programs(t)
	for _, name := range house.ServiceNames() {
		t.Run(name, func(t *testing.T) {
			run := func(env []string, args ...string) (string, int) {
				cmd := exec.Command(filepath.Join(dir, name), args...)
				cmd.Env = env
				out, _ := cmd.CombinedOutput()
				return string(out), cmd.ProcessState.ExitCode()
			}
			if out, code := run([]string{"FONDACO_ADMIN_ADDR=127.0.0.1:1"}, "healthcheck"); code != 1 || !strings.Contains(out, "/readyz") {
				t.Errorf("healthcheck without a service: exit code %d, %s", code, out)
			}
			out, code := run([]string{"LOG_LEVEL=loud", "FONDACO_ALLOW_LAZY_SYNC=perhaps"})
			if code != 2 {
				t.Errorf("exit code %d with bad settings, want 2", code)
			}
			for _, want := range []string{"LOG_LEVEL", "FONDACO_ALLOW_LAZY_SYNC", "FONDACO_CONFIG"} {
				if !strings.Contains(out, want) {
					t.Errorf("the error does not name %s:\n%s", want, out)
				}
			}
		})
	}
	t.Run("healthcheck of a ready service", func(t *testing.T) {
		_, path := chains(t)
		s := newStack(t, startInfra(t, infra.Config{}), path)
		p := s.start("orderbook", "orderbook")
		s.allReady(60e9)
		cmd := exec.Command(filepath.Join(dir, "orderbook"), "healthcheck")
		cmd.Env = []string{"FONDACO_ADMIN_ADDR=" + p.admin}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
}
