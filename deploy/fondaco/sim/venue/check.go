package venue

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
	"fondaco.dev/services/orderbook/core"
)

// lastIn is the sequence of the newest pack whose events are in TRADES.
func (w *World) lastIn() uint64 {
	last := uint64(0)
	for _, m := range w.Trades.Messages() {
		var o tradesv1.Output
		if proto.Unmarshal(m.Data, &o) == nil {
			last = o.LastInSeq
		}
	}
	return last
}

// rest lets what is on its way arrive, and one instance alone work until there
// is nothing left to do.
func (w *World) rest(ctx context.Context) error {
	w.Orders.Lose, w.Trades.Lose = 0, 0
	for _, i := range w.instances {
		i.die()
		i.paused = 0
	}
	w.lease, w.depth = nil, 99 // no more acts within publishes
	w.resting, w.sent = true, nil
	for _, g := range w.gateways {
		for g.pending != nil {
			if err := g.step(); err != nil {
				return err
			}
		}
	}
	i := w.instances[0]
	for range 20_000 {
		if err := i.step(ctx); err != nil {
			return err
		}
		if i.desk != nil && w.lease != i {
			w.lease = i
		}
		if i.desk != nil && i.desk.Packs() == 0 && i.ticker.sent == nil && !i.ticker.waits && i.desk.Engine.LastInSeq() == w.Orders.LastSeq() && w.lastIn() == w.Orders.LastSeq() {
			return nil
		}
	}
	return errors.New("the venue never comes to rest")
}

// compare holds TRADES, and every answer that left, against a clean replay of
// ORDERS.
func (w *World) compare() error {
	e := core.New(core.Options{})
	var batch core.Batch
	var reply core.Reply
	packs := w.Orders.Messages()
	var open []*tradesv1.Output // parts of the output under way
	var data [][]byte
	var sum []byte
	prev, next, outputs := uint64(0), uint64(1), 0
	seen := map[string]uint64{}
	for _, m := range w.Trades.Messages() {
		o := &tradesv1.Output{}
		if err := proto.Unmarshal(m.Data, o); err != nil {
			return err
		}
		if o.PrevSeq != prev || !bytes.Equal(o.PrevDigest, sum) {
			return fmt.Errorf("TRADES message %d follows %d, which is not the one before it (%d)", m.Seq, o.PrevSeq, prev)
		}
		if o.FirstEventSeq != next {
			return fmt.Errorf("TRADES message %d begins with event %d, want %d", m.Seq, o.FirstEventSeq, next)
		}
		if err := once(seen, o); err != nil {
			return fmt.Errorf("TRADES message %d: %w", m.Seq, err)
		}
		d := sha256.Sum256(m.Data)
		prev, sum, next = m.Seq, d[:], next+uint64(len(o.Events))
		open, data = append(open, o), append(data, m.Data)
		if !o.Last {
			continue
		}
		batch.Reset()
		first := e.Events() + 1
		if want := e.LastInSeq() + 1; open[0].FirstInSeq != want {
			return fmt.Errorf("the output at TRADES message %d begins with pack %d, want %d", m.Seq, open[0].FirstInSeq, want)
		}
		for len(packs) > 0 && packs[0].Seq <= o.LastInSeq {
			if err := w.replay(e, packs[0].Subject, packs[0].Seq, packs[0].Time.UnixMilli(), packs[0].Data, &batch, &reply); err != nil {
				return err
			}
			packs = packs[1:]
		}
		counts := make([]int, len(open))
		for k, p := range open {
			counts[k] = len(p.Events)
		}
		out := core.Regenerate(&batch, w.partBytes, counts...)
		out.FirstInSeq, out.LastInSeq, out.FirstEvent, out.Digest, out.Semantics = open[0].FirstInSeq, o.LastInSeq, first, e.Digest(), e.Semantics()
		if out.Parts() != len(open) {
			return fmt.Errorf("the output that ends at TRADES message %d has %d parts, the replay gives %d", m.Seq, len(open), out.Parts())
		}
		for k, p := range open {
			if !bytes.Equal(out.AppendPart(nil, k, p.PrevSeq, p.PrevDigest), data[k]) {
				return fmt.Errorf("the replay does not give the bytes of part %d of the output that ends at TRADES message %d", k+1, m.Seq)
			}
		}
		open, data = nil, nil
		outputs++
	}
	if len(open) > 0 || len(packs) > 0 {
		return fmt.Errorf("%d packs and %d parts are left over", len(packs), len(open))
	}
	if err := e.Audit(); err != nil {
		return fmt.Errorf("auditing the replayed state: %w", err)
	}
	return w.fold(e)
}

// replay applies a message and holds the answers that left against those that it
// gives.
func (w *World) replay(e *core.Engine, subject string, seq uint64, serverMs int64, data []byte, batch *core.Batch, reply *core.Reply) error {
	from := subject[len(ordersv1.SubjectPrefix+name+"."):]
	var failed error
	at := place{seq: seq}
	err := core.Apply(e, core.Input{Seq: seq, From: from, ServerMs: serverMs, Data: data}, batch, reply, func(in core.Input, res core.Applied) {
		failed = errors.Join(failed, w.told(at, in, res, reply))
		at.index++
	})
	return errors.Join(err, failed)
}

func (w *World) told(at place, in core.Input, res core.Applied, reply *core.Reply) error {
	a, left := w.replies[at]
	if !left || !bytes.Equal(a.pack, in.Data) {
		return nil // nobody was told, or of a pack that a restored copy does not have
	}
	if res.Skipped {
		return fmt.Errorf("pack %d was answered, although it repeats another", at)
	}
	if !bytes.Equal(a.reply, reply.Bytes()) && w.cuts == 0 {
		return fmt.Errorf("pack %d was answered with something else than TRADES says", at)
	}
	w.count("answers compared")
	return nil
}

// once: no client order id is accepted twice. The world is younger than a day.
func once(seen map[string]uint64, o *tradesv1.Output) error {
	for _, ev := range o.Events {
		a := ev.GetOrderAccepted()
		if a == nil || a.ClientOrderId == "" {
			continue
		}
		if before := seen[a.ClientOrderId]; before != 0 {
			return fmt.Errorf("client order id %s is order %d and order %d", a.ClientOrderId, before, a.OrderId)
		}
		seen[a.ClientOrderId] = a.OrderId
	}
	return nil
}

// fold holds the balances that TRADES tells against the replayed state.
func (w *World) fold(e *core.Engine) error {
	type key struct {
		account uint64
		asset   uint32
	}
	last := map[key][2]int64{}
	for _, m := range w.Trades.Messages() {
		o := &tradesv1.Output{}
		if err := proto.Unmarshal(m.Data, o); err != nil {
			return err
		}
		for _, ev := range o.Events {
			if b := ev.GetBalanceChanged(); b != nil {
				last[key{b.Account, b.Asset}] = [2]int64{int64(b.Available), int64(b.Reserved)}
			}
		}
	}
	for k, v := range last {
		if a, r := e.Balance(k.account, k.asset); a != v[0] || r != v[1] {
			return fmt.Errorf("account %d asset %d: TRADES says %v, the state %d and %d", k.account, k.asset, v, a, r)
		}
	}
	return nil
}
