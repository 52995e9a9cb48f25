package recovery

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"

	"go.uber.org/zap"

	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
	"fondaco.dev/services/orderbook/core"
	"fondaco.dev/services/orderbook/internal/intake"
)

// replayBytes is how much of ORDERS is taken at once.
const replayBytes = 16 << 20

// replay applies ORDERS, muted, up to the last pack of the last output, and
// compares that output with what was published. Its bounds and the borders of
// its parts are taken from TRADES, so that the bytes can be equal.
func (s *Source) replay(ctx context.Context, st *State, last *published, pub Publisher) error {
	first, end := last.first().FirstInSeq, last.last().LastInSeq
	if at := st.Engine.LastInSeq(); at >= first {
		return fmt.Errorf("%w: the snapshot at pack %d is inside the output of packs %d to %d; %s", ErrDiverged, at, first, end, advice)
	}
	follow := s.Bus.Follow(ctx, ordersv1.Stream, []string{ordersv1.VenueSubjects(s.Venue)}, st.Engine.LastInSeq()+1)
	defer follow.Close()
	var batch core.Batch
	var firstEvent uint64
	for st.Engine.LastInSeq() < end {
		msgs, err := follow.Next(ctx, replayBytes)
		if err != nil {
			return err
		}
		for i := range msgs {
			m := &msgs[i]
			if m.Seq > end {
				return fmt.Errorf("%w: ORDERS goes from pack %d to %d without %d; %s", ErrRegressed, st.Engine.LastInSeq(), m.Seq, end, advice)
			}
			if st.Engine.LastInSeq() < first && m.Seq >= first {
				firstEvent = st.Engine.Events() + 1
				batch.Reset()
			} else if m.Seq < first {
				batch.Reset()
			}
			if _, err := intake.Apply(st.Engine, intake.Input(s.Venue, m), &batch, nil); err != nil {
				return err
			}
			st.Replayed++
			if m.Seq == end {
				break
			}
		}
	}
	counts := make([]int, len(last.outputs))
	for i, o := range last.outputs {
		counts[i] = len(o.Events)
	}
	partBytes := s.PartBytes
	if partBytes == 0 {
		partBytes = tradesv1.MaxMessage
	}
	out := core.NewOutput(&batch, partBytes, counts...)
	out.FirstInSeq, out.LastInSeq, out.FirstEvent, out.Digest = first, end, firstEvent, st.Engine.Digest()
	if err := s.compare(out, last); err != nil {
		return err
	}
	return s.complete(ctx, st, out, len(last.parts), pub)
}

func (s *Source) compare(out *core.Output, last *published) error {
	var buf []byte
	for k, part := range last.parts {
		if k >= out.Parts() {
			return fmt.Errorf("%w: the output of packs %d to %d has %d parts, %d are published; %s",
				ErrDiverged, out.FirstInSeq, out.LastInSeq, out.Parts(), len(last.parts), advice)
		}
		buf = out.AppendPart(buf[:0], k, last.outputs[k].PrevSeq, last.outputs[k].PrevDigest)
		if !bytes.Equal(buf, part.Data) {
			return fmt.Errorf("%w: packs %d to %d do not give the bytes of TRADES message %d (part %d); %s",
				ErrDiverged, out.FirstInSeq, out.LastInSeq, part.Seq, k+1, advice)
		}
	}
	return nil
}

// complete publishes the parts that a crash left out.
func (s *Source) complete(ctx context.Context, st *State, out *core.Output, from int, pub Publisher) error {
	for k := from; k < out.Parts(); k++ {
		data := out.AppendPart(nil, k, st.Tail, st.TailDigest)
		seq, err := pub.Publish(ctx, st.Tail, data, nil)
		if err != nil {
			return fmt.Errorf("publishing part %d of %d of the last output: %w", k+1, out.Parts(), err)
		}
		sum := sha256.Sum256(data)
		st.Tail, st.TailDigest = seq, sum[:]
		s.Log.Info("published a part that a crash had left out", zap.Int("part", k+1), zap.Int("parts", out.Parts()), zap.Uint64("seq", seq))
	}
	return nil
}
