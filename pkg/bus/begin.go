package bus

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// Begin throws away all that a stream holds and lets its next message have a
// sequence: for a stream that was lost, whose readers know up to where it was. One
// that is there already or beyond is made anew, since sequences never go back; its
// readers then see that by the time at which it was made. It needs the
// provisioner's permissions.
func (b *Bus) Begin(ctx context.Context, stream string, seq uint64) error {
	s, err := b.js.Stream(ctx, stream)
	if err != nil {
		return fmt.Errorf("looking at stream %s: %w", stream, err)
	}
	if info := s.CachedInfo(); info.State.LastSeq >= seq {
		if err := b.js.DeleteStream(ctx, stream); err != nil {
			return fmt.Errorf("making stream %s anew: %w", stream, err)
		}
		if s, err = b.js.CreateStream(ctx, info.Config); err != nil {
			return fmt.Errorf("making stream %s anew, which `fondaco streams apply` does too: %w", stream, err)
		}
	}
	if err := s.Purge(ctx, jetstream.WithPurgeSequence(seq)); err != nil {
		return fmt.Errorf("letting stream %s go on at %d: %w", stream, seq, err)
	}
	return nil
}
