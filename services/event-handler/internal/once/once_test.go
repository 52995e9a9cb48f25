package once_test

import (
	"strings"
	"testing"
	"time"

	"fondaco.dev/services/event-handler/internal/once"
)

func TestParse(t *testing.T) {
	t.Parallel()
	o, err := once.Parse(strings.Fields("--once --network dev --from 0 --to 17 --contract usd --store-only --wait 5s"))
	if err != nil || *o != (once.Options{Network: "dev", To: 17, Contract: "usd", StoreOnly: true, Wait: 5 * time.Second}) {
		t.Errorf("%+v, %v", o, err)
	}
	for args, want := range map[string]string{
		"--network dev --from 1 --to 2":                   "--once is missing",
		"--once --from 1 --to 2":                          "--network is missing",
		"--once --network dev --to 2":                     "--from is missing",
		"--once --network dev --from 2":                   "--to is missing",
		"--once --network dev --from 3 --to 2":            "--from 3 is above --to 2",
		"--once --network dev --from -1 --to 2":           "-1",
		"--once --network dev --from 1 --to 2 more":       `"more" is not understood`,
		"--once --network dev --from 1 --to 2 --fast":     "-fast",
		"--once --network dev --from 1 --to 2 --wait -1s": "--wait -1s is below 0",
	} {
		if _, err := once.Parse(strings.Fields(args)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", args, err)
		}
	}
}
