package e2e

import (
	"io"
	"strings"
	"testing"

	"fondaco.dev/deploy/fondaco/internal/house"
)

// Every service's malformed settings, the profile's refusals and a mistake in
// the file come in one error, before anything is started.
func TestEveryProblemInOneError(t *testing.T) {
	t.Parallel()
	err := house.Up(t.Context(), house.Options{Demo: true, Ephemeral: true, Profile: "production", Out: io.Discard, Log: io.Discard, Environ: []string{
		"LOG_LEVEL=loud", "FONDACO_WS_MAX=0", "FONDACO_SNAPSHOT_INTERVAL=soon", "FONDACO_RPC_BATCH=many", "FONDACO_PROMOTE=never",
		"FONDACO_ALLOW_LAZY_SYNC=true", "FONDACO_DEVNET_SEED=7", "FONDACO_DEVNET_EVM_PERIOD=1ns", "FONDACO_REDIS_URL=redis://:changeme@127.0.0.1:6379",
	}})
	if err == nil {
		t.Fatal("it started")
	}
	for _, name := range []string{"LOG_LEVEL", "FONDACO_WS_MAX", "FONDACO_SNAPSHOT_INTERVAL", "FONDACO_RPC_BATCH", "FONDACO_PROMOTE", "FONDACO_DEVNET_EVM_PERIOD",
		"--demo", "FONDACO_ALLOW_LAZY_SYNC", "FONDACO_DEVNET_SEED", "FONDACO_REDIS_URL"} {
		if n := strings.Count(err.Error(), name+": "); n != 1 {
			t.Errorf("%s is named %d times:\n%v", name, n, err)
		}
	}
	if strings.Contains(err.Error(), "changeme") {
		t.Error("the error tells a password")
	}
	t.Logf("\n%v", err)
}
