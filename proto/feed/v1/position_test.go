package feedv1_test

import (
	"testing"
	"time"

	feedv1 "fondaco.dev/proto/feed/v1"
)

func TestPosition(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		seq uint64
		row int
	}{{0, 0}, {1, 0}, {1, feedv1.MaxRows - 1}, {1<<33 - 1, feedv1.MaxRows - 1}} {
		pos := feedv1.Position(c.seq, c.row)
		if seq, row := feedv1.SplitPosition(pos); seq != c.seq || row != c.row {
			t.Errorf("(%d, %d) came back as (%d, %d)", c.seq, c.row, seq, row)
		}
		if pos >= 1<<53 {
			t.Errorf("position %d is not exact in a JSON number", pos)
		}
	}
	if feedv1.EndOf(1) >= feedv1.Position(2, 0) {
		t.Error("a message's last position must be below the next one's first")
	}
}

func TestEpochChangesWithEitherPart(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1_790_000_000_000)
	seen := map[string]bool{}
	for _, e := range []string{feedv1.Epoch(at, 0), feedv1.Epoch(at, 1), feedv1.Epoch(at.Add(time.Second), 0)} {
		if seen[e] {
			t.Errorf("epoch %s twice", e)
		}
		seen[e] = true
	}
}
