package service

import (
	"testing"
	"time"

	"fondaco.dev/pkg/pg"
	"fondaco.dev/pkg/pgtest"
	"fondaco.dev/pkg/zlog"
	"fondaco.dev/services/writer/internal/projection"
	"fondaco.dev/services/writer/internal/schema"
)

// A build that an operator promotes beside a writer that has run for long is
// served for as long as anybody may need to start its writer: the pause begins
// with the promotion. It once began with the start of the writer that was
// displaced, which took the place back within a second.
func TestDisplacedWriterWaitsBeforeItTakesThePlaceBack(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	url := pgtest.New(t)
	if _, err := schema.Migrate(ctx, url); err != nil {
		t.Fatal(err)
	}
	pool, err := pg.Open(ctx, url, 2, "test", zlog.Nop().Logger)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	for _, build := range []string{"old", "mended"} { // the first one is live at once
		if err := schema.EnsureBuild(ctx, pool, build, projection.Version, nil); err != nil {
			t.Fatal(err)
		}
	}
	p := &promotion{service: &service{cfg: Config{Promote: PromoteAuto}, build: "old", pool: pool, log: zlog.Nop()}}
	served := func(want string) {
		t.Helper()
		if err := p.try(ctx); err != nil {
			t.Fatal(err)
		}
		if s, err := schema.Stand(ctx, pool, "old"); err != nil || s.Live != want {
			t.Fatalf("build %s is served, %v; want %s", s.Live, err, want)
		}
	}
	p.written = time.Now().Add(-time.Hour) // when this writer began
	served("old")
	if err := schema.Promote(ctx, pool, "mended"); err != nil {
		t.Fatal(err)
	}
	served("mended")
	p.written = p.written.Add(-abandoned) // no writer of it came
	served("old")
}
