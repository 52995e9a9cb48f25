package recovery

import (
	"bytes"
	"context"
	"fmt"
	"time"

	ordersv1 "fondaco.dev/proto/orders/v1"
)

// Last is the newest message of ORDERS that was applied.
type Last struct {
	Seq  uint64
	Data []byte // nil: not known
}

// Held looks whether ORDERS, which was made at the time created, still holds a
// message that was applied: ErrRegressed when not, another error when
// that cannot be told now. A stream that was restored from an older copy may
// have been filled up again to the same sequence, with other packs.
func Held(ctx context.Context, s Streams, created time.Time, last Last) error {
	now, err := s.Stream(ctx, ordersv1.Stream)
	switch {
	case err != nil:
		return err
	case now.LastSeq < last.Seq:
		return fmt.Errorf("%w: ORDERS ends at %d, packs up to %d are applied; %s", ErrRegressed, now.LastSeq, last.Seq, advice)
	case !now.Created.Equal(created):
		return fmt.Errorf("%w: ORDERS was made anew at %s; %s", ErrRegressed, now.Created.UTC().Format(time.RFC3339), advice)
	case last.Data == nil || last.Seq < now.FirstSeq:
		return nil // nothing was applied yet, or it is purged below a snapshot
	}
	m, err := s.Get(ctx, ordersv1.Stream, last.Seq)
	if err != nil {
		return err
	}
	if m == nil || !bytes.Equal(m.Data, last.Data) {
		return fmt.Errorf("%w: message %d of ORDERS is not the one that was applied: the stream was cut and filled anew; %s", ErrRegressed, last.Seq, advice)
	}
	return nil
}
