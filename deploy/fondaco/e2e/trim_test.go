package e2e

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fondaco.dev/deploy/fondaco/internal/house"
)

// TestTrimmedStreams: the operator trims the streams of a system that trades.
// It goes on, starts again, api and all; its book can still be verified from the
// snapshot on, and be made anew from the database, which has every event.
func TestTrimmedStreams(t *testing.T) {
	needPostgres(t)
	dir := filepath.Join(shallow(t), "data")
	o := house.Options{Demo: true, DataDir: dir, Environ: append(demoEnviron(t), "FONDACO_SNAPSHOT_PACKS=30", "FONDACO_SNAPSHOT_INTERVAL=1s",
		"FONDACO_SNAPSHOT_CONFIRM_INTERVAL=1s", "LOG_LEVEL=warn")}
	u := start(t, o)
	becomesOK(t, u.run.HTTP)
	type report struct {
		Venue    string
		Snapshot string
		Orders   uint64 `json:"orders_below"`
		Trades   uint64 `json:"trades_below"`
		DryRun   bool   `json:"dry_run"`
		Subjects []struct {
			Subject             string
			Below, Purged, Kept uint64
		}
	}
	trim := func(args ...string) (r report, purged uint64, err error) {
		out, err := command(t, append([]string{"streams", "trim", "--data-dir", dir}, args...)...)
		if err != nil {
			return r, 0, err
		}
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			t.Fatalf("streams trim printed %q: %v", out, err)
		}
		for _, s := range r.Subjects {
			if purged += s.Purged; s.Kept == 0 {
				t.Errorf("%s has no message left", s.Subject)
			}
		}
		return r, purged, nil
	}
	enough := func() {
		t.Helper()
		eventually(t, 60*time.Second, "something to trim", func() error {
			r, n, err := trim("--dry-run")
			if err == nil && (n < 20 || !r.DryRun) {
				err = fmt.Errorf("it would take %d messages: %+v", n, r)
			}
			return err
		})
	}
	enough()
	done, purged, err := trim()
	if err != nil || purged < 20 || done.DryRun || done.Venue == "" || done.Orders == 0 || done.Trades == 0 || done.Snapshot == "" {
		t.Fatalf("%+v, %v", done, err)
	}
	check := func() {
		t.Helper()
		var v struct {
			From uint64 `json:"from_in_seq"`
			In   uint64 `json:"in_seq"`
		}
		out, err := command(t, "book", "verify", "--data-dir", dir)
		if err == nil {
			err = json.Unmarshal([]byte(out), &v)
		}
		if err != nil || v.From < done.Orders || v.In <= v.From {
			t.Errorf("book verify: %q, %v", out, err)
		}
		var r struct {
			In     uint64 `json:"in_seq"`
			Digest string
			Stored string `json:"snapshot"`
		}
		out, err = command(t, "book", "rebuild", "--examine", "--data-dir", dir)
		if err == nil {
			err = json.Unmarshal([]byte(out), &r)
		}
		if err != nil || r.In < v.From || len(r.Digest) != 64 || r.Stored != "" {
			t.Errorf("book rebuild --examine: %q, %v", out, err)
		}
		becomesOK(t, u.run.HTTP)
		before := snapshot(t, u.run.HTTP, u.run)
		eventually(t, 30*time.Second, "trades to go on", func() error {
			if now := snapshot(t, u.run.HTTP, u.run); now.trades <= before.trades {
				return fmt.Errorf("there are %d, as before", now.trades)
			}
			return nil
		})
	}
	check()
	u.end()
	u = start(t, o)
	check()
	tradeOnce(t, u.run.HTTP, dir)
	enough() // a second time
	if _, _, err := trim(); err != nil {
		t.Error(err)
	}
	check()
	if out := u.out.String(); strings.Contains(out, "diverged") || strings.Contains(out, "differs from what was published") {
		t.Error("a service complained; see above")
	}

	// The last resort: every snapshot is made anew from the database's journal.
	if out, err := command(t, "book", "rebuild", "--data-dir", dir); err != nil || !strings.Contains(out, `"snapshot":"`) {
		t.Errorf("book rebuild: %q, %v", out, err)
	}
	u.end()
	u = start(t, o)
	becomesOK(t, u.run.HTTP)
	u.end()
}
