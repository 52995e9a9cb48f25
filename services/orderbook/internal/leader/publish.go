package leader

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"go.uber.org/zap"

	tradesv1 "fondaco.dev/proto/trades/v1"
	"fondaco.dev/services/orderbook/core"
)

// job is one output on its way to TRADES.
type job struct {
	batch      *core.Batch
	packs      int
	firstIn    uint64
	lastIn     uint64
	firstEvent uint64
	digest     [32]byte
	ids        []string
	snapshot   *save // of the state after the output; nil = none is due
}

// save is a snapshot whose events are in TRADES.
type save struct {
	inSeq uint64
	data  []byte
}

// publish stores outputs, part by part, each fenced by the one before.
func (r *reign) publish(work context.Context, tail uint64, digest []byte) error {
	defer close(r.saves)
	var buf []byte
	for j := range r.jobs {
		started := time.Now()
		r.publishing.Store(started.UnixMilli())
		out := core.NewOutput(j.batch, r.PartBytes)
		out.FirstInSeq, out.LastInSeq, out.FirstEvent, out.Digest = j.firstIn, j.lastIn, j.firstEvent, j.digest
		for k := range out.Parts() {
			buf = out.AppendPart(buf[:0], k, tail, digest)
			seq, err := r.Wire.Publish(work, tail, buf, j.ids)
			if err != nil {
				return fmt.Errorf("publishing packs %d to %d (part %d of %d): %w", j.firstIn, j.lastIn, k+1, out.Parts(), err)
			}
			sum := sha256.Sum256(buf)
			tail, digest = seq, sum[:]
			r.Metrics.Parts.Inc()
			r.Metrics.OutputBytes.Add(float64(len(buf)))
		}
		r.publishing.Store(0)
		r.Metrics.Outputs.Inc()
		r.Metrics.OutputPacks.Observe(float64(j.packs))
		r.Metrics.PublishTime.Observe(time.Since(started).Seconds())
		if cap(buf) > tradesv1.MaxMessage/2 {
			buf = nil // a rare large part is not worth its memory
		}
		if j.snapshot != nil && r.saving.CompareAndSwap(false, true) {
			r.saves <- *j.snapshot // never blocks: saving was false
		}
		r.idle <- j.batch // never blocks: one batch is under way at most
	}
	return nil
}

// save stores snapshots. One that cannot be stored is only a longer replay.
func (r *reign) save(work context.Context) error {
	for s := range r.saves {
		ctx := work
		ref, err := r.Store.Save(ctx, s.inSeq, s.data)
		r.saving.Store(false)
		if err != nil {
			r.Metrics.SnapshotErrs.Inc()
			r.Log.Warn("snapshot was not stored", zap.Uint64("in_seq", s.inSeq), zap.Error(err))
			continue
		}
		r.Metrics.Snapshots.Inc()
		r.Metrics.SnapshotSize.Set(float64(len(s.data)))
		r.Log.Debug("snapshot stored", zap.String("snapshot", ref.Name), zap.Int("bytes", len(s.data)))
	}
	return nil
}
