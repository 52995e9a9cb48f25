package bus_test

import (
	"testing"
	"time"
)

// TestBegin: a stream is empty afterwards and its next message has the sequence,
// wherever it was before.
func TestBegin(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ holds, at uint64 }{
		"empty": {0, 5}, "behind": {2, 5}, "just before": {4, 5}, "there already": {5, 5}, "beyond": {9, 5}, "anew": {3, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, b := setup(t)
			ctx := within(t, 20*time.Second)
			publish := func() (seq uint64) {
				ack, err := b.JetStream().Publish(ctx, subject, []byte("x"))
				if err != nil {
					t.Fatal(err)
				}
				return ack.Sequence
			}
			for range c.holds {
				publish()
			}
			for range 2 { // once more changes nothing
				if err := b.Begin(ctx, stream, c.at); err != nil {
					t.Fatal(err)
				}
				if st, err := b.Stream(ctx, stream); err != nil || st.LastSeq != c.at-1 {
					t.Fatalf("the stream is %+v, %v", st, err)
				}
			}
			if seq := publish(); seq != c.at {
				t.Errorf("the next message is %d, want %d", seq, c.at)
			}
		})
	}
}
