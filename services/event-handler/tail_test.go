package eventhandler

import (
	"context"
	"errors"
	"testing"
	"time"

	"fondaco.dev/pkg/bustest"
	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/proto/topology"
	"fondaco.dev/services/event-handler/internal/core"
)

// The stream is restored from an older backup under a running session, and
// somebody fills it up to the very sequence that the session believes to be the
// last: what it publishes next would stand behind a message that it is not linked to,
// and no reader could pass that place again.
func TestASequenceThatWasGivenAgainIsNoTail(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	bustest.Provision(t, srv, topology.Streams(), topology.Buckets(), topology.Objects())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	open := func() *subjectLog {
		return &subjectLog{bus: srv.Bus(t), subject: chainv1.Subject("dev", "f"), took: func(int, time.Duration) {}, pace: func() pace { return pace{} }}
	}
	ours := open()
	publish := func(l *subjectLog, expected uint64, behind, data string) (uint64, error) {
		t.Helper()
		return l.Publish(ctx, expected, core.Digest([]byte(behind)), []byte(data))
	}
	if _, err := ours.Publish(ctx, 0, nil, []byte("A")); err != nil {
		t.Fatal(err)
	}
	restore := srv.Backup(t)
	if _, err := publish(ours, 1, "A", "B"); err != nil {
		t.Fatalf("a restart alone must not fence: %v", err)
	}
	restore()
	theirs := open()
	if seq, err := publish(theirs, 1, "A", "X"); err != nil || seq != 2 {
		t.Fatal(seq, err)
	}
	if seq, err := publish(ours, 2, "B", "C"); !errors.Is(err, core.ErrFenced) {
		t.Fatalf("stored behind a message that it is not linked to: %d %v", seq, err)
	}
	if _, err := publish(theirs, 2, "X", "Y"); err != nil {
		t.Fatal(err)
	}
}
