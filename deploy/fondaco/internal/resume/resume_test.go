package resume

import (
	"crypto/sha256"
	"errors"
	"testing"
	"time"

	"go.uber.org/zap"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/bustest"
	"fondaco.dev/pkg/pg"
	"fondaco.dev/pkg/pgtest"
	feedv1 "fondaco.dev/proto/feed/v1"
	identityv1 "fondaco.dev/proto/identity/v1"
	"fondaco.dev/proto/topology"
	"fondaco.dev/services/writer"
)

// ask stores requests and returns the stream's end.
func ask(t *testing.T, b *bus.Bus, requests ...string) (last uint64) {
	t.Helper()
	for _, r := range requests {
		ack, err := b.JetStream().Publish(t.Context(), identityv1.Subject, []byte(r))
		if err != nil {
			t.Fatal(err)
		}
		last = ack.Sequence
	}
	return last
}

// TestIdentity: the stream goes on behind the writer's cursor, whatever became of
// it, and is left alone where it does already.
func TestIdentity(t *testing.T) {
	t.Parallel()
	const cursor = 3
	for name, c := range map[string]struct {
		holds   []string // requests in the stream
		discard bool
		resumed bool
		thrown  uint64
		refused bool
		next    uint64 // sequence of the next request
	}{
		"nothing was lost":         {holds: []string{"a", "b", "c"}, next: 4},
		"the writer is behind":     {holds: []string{"a", "b", "c", "d"}, next: 5},
		"the stream is new":        {resumed: true, next: 4},
		"another life":             {holds: []string{"x"}, refused: true, next: 2},
		"another life, discarded":  {holds: []string{"x"}, discard: true, resumed: true, thrown: 1, next: 4},
		"as long, discarded":       {holds: []string{"x", "y", "z"}, discard: true, resumed: true, thrown: 3, next: 4},
		"a longer life":            {holds: []string{"x", "y", "z", "u"}, refused: true, next: 5},
		"a longer life, discarded": {holds: []string{"x", "y", "z", "u"}, discard: true, resumed: true, thrown: 4, next: 4},
		"nothing lost to discard":  {holds: []string{"a", "b", "c"}, discard: true, next: 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, srv := pgtest.New(t), bustest.Start(t)
			bustest.Provision(t, srv, topology.Streams(), topology.Buckets(), topology.Objects())
			b := srv.Bus(t)
			if err := writer.Migrate(t.Context(), url); err != nil {
				t.Fatal(err)
			}
			db, err := pg.Open(t.Context(), url, 2, "test", zap.NewNop())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(db.Close)
			ask(t, b, c.holds...)
			if r, err := Identity(t.Context(), b, db, c.discard); err != nil || r != (Resumed{}) {
				t.Fatalf("without a cursor: %+v, %v", r, err)
			}
			sum := sha256.Sum256([]byte("c"))
			if _, err := db.Exec(t.Context(), "insert into ctl.cursors (build, partition, stream_created, seq, digest, pos) values ('', $1, $2, $3, $4, 0)",
				feedv1.IdentityPartition, time.Now().UnixMilli(), cursor, sum[:]); err != nil {
				t.Fatal(err)
			}
			r, err := Identity(t.Context(), b, db, c.discard)
			if errors.Is(err, ErrOtherLife) != c.refused || (err != nil) != c.refused || r.Resumed != c.resumed || !c.refused && r.Thrown != c.thrown {
				t.Errorf("%+v, %v", r, err)
			}
			if again, err := Identity(t.Context(), b, db, c.discard); again.Resumed || (err != nil) != c.refused {
				t.Errorf("once more: %+v, %v", again, err)
			}
			if next := ask(t, b, "next"); next != c.next {
				t.Errorf("the next request is message %d, want %d", next, c.next)
			}
		})
	}
}
