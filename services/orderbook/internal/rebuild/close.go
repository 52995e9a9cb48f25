package rebuild

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
)

// Message is one message of TRADES and the SHA-256 of its data.
type Message struct {
	Seq  uint64 // in the stream
	Data []byte
	Sum  []byte
}

// partBytes is about how large a message of Close becomes: well below what a
// message may have.
const partBytes = tradesv1.MaxMessage / 2

// Cut tells that the events end inside an output: its leader published some of
// its parts, and nobody the rest.
func (f *Fold) Cut() bool { return len(f.parts) != 0 }

// Close ends an output whose last parts are lost together with the packs that
// they would be made of again. What its parts told stays true. What they left
// half done cannot be finished, since nobody knows the command, and so is ended:
//
//   - an order that was still matching, or of which nothing was told but that it
//     was accepted (it may be half of a pair), is canceled by the administrator,
//     its other leg with it;
//   - an iceberg whose shown part was used up shows the next one;
//   - trailing stops follow the last price, unless they are on their way already;
//   - cancels after a delisting or of a dead-man timer that began go on as work
//     that was left;
//   - balances are what the trades and the orders that live make of them;
//   - of later packs of the output one PackApplied says that they could not be
//     read.
//
// An auction of which only some trades were told is still the market's phase, and
// uncrosses again at its end.
//
// The messages follow the newest one at the sequences behind it. The same events
// give the same bytes, so that a rebuild can be done again.
func (f *Fold) Close() ([]Message, error) {
	if f.tail != 0 {
		if _, err := f.Engine(); err != nil {
			return nil, err
		}
	}
	if len(f.parts) == 0 {
		return nil, fmt.Errorf("%w: no output is cut", ErrIncomplete)
	}
	c := &closing{Fold: f, matching: map[uint64]bool{}, moved: map[holding]int64{}, of: f.parts[0]}
	for _, p := range f.parts {
		for _, e := range p.Events {
			if err := c.told(e); err != nil {
				return nil, fmt.Errorf("%w: event %d: %w", ErrIncomplete, f.s.Events, err)
			}
		}
	}
	part := uint32(len(f.parts))
	f.parts = f.parts[:0]
	if err := c.finish(); err != nil {
		return nil, fmt.Errorf("%w: ending the output: %w", ErrIncomplete, err)
	}
	f.forget()
	e, err := f.build()
	if err != nil {
		return nil, fmt.Errorf("%w: ending the output: %w", ErrIncomplete, err)
	}
	d := e.Digest()
	f.digest = d[:]
	return c.messages(part)
}

// closing is a fold that ends an output.
type closing struct {
	*Fold
	of       *tradesv1.Output // its first part
	last     *tradesv1.Event
	matching map[uint64]bool        // orders that came in and of which neither rest nor end was told
	moved    map[holding]int64      // by trades and deposits since the balance was told
	jobs     []*tradesv1.MassCancel // that began in the pack under way
	events   []*tradesv1.Event      // that end it
}

// told folds an event of the parts and notes what it leaves open.
func (c *closing) told(e *tradesv1.Event) error {
	c.last = e
	c.s.Events++
	switch k := e.Kind.(type) {
	case *tradesv1.Event_PackApplied:
		clear(c.moved)
		c.jobs = nil
	case *tradesv1.Event_WorkLeft:
		c.jobs = nil // it names them
	case *tradesv1.Event_BalanceChanged:
		delete(c.moved, holding{k.BalanceChanged.Account, k.BalanceChanged.Asset})
	case *tradesv1.Event_FundsChanged:
		c.moved[holding{k.FundsChanged.Account, k.FundsChanged.Asset}] += k.FundsChanged.Amount
	case *tradesv1.Event_Trade:
		if err := c.paid(k.Trade); err != nil {
			return err
		}
	case *tradesv1.Event_KeptAlive:
		if was := c.accounts[k.KeptAlive.Account]; k.KeptAlive.DeadlineMs == 0 && was != 0 && was <= c.s.NowMs {
			c.jobs = append(c.jobs, &tradesv1.MassCancel{Account: k.KeptAlive.Account, Reason: ordersv1.CancelReason_CANCEL_REASON_DEAD_MAN, LastOrderId: c.s.OrderID})
		}
	case *tradesv1.Event_PhaseChanged:
		if k.PhaseChanged.Phase == ordersv1.Phase_PHASE_DELISTED {
			c.jobs = append(c.jobs, &tradesv1.MassCancel{Market: k.PhaseChanged.Market, Reason: ordersv1.CancelReason_CANCEL_REASON_DELISTED, LastOrderId: c.s.OrderID})
		}
	}
	if err := c.event(e); err != nil {
		return err
	}
	switch k := e.Kind.(type) {
	case *tradesv1.Event_OrderAccepted:
		if id := k.OrderAccepted.OrderId; c.orders[id].Status != statusWaiting {
			c.matching[id] = true
		}
	case *tradesv1.Event_OrderTriggered:
		c.matching[k.OrderTriggered.OrderId] = true
	case *tradesv1.Event_OrderAmended:
		if !k.OrderAmended.KeptPlace {
			c.matching[k.OrderAmended.OrderId] = true
		}
	case *tradesv1.Event_OrderRested:
		delete(c.matching, k.OrderRested.OrderId)
	case *tradesv1.Event_OrderDecremented:
		d := k.OrderDecremented
		if o := c.orders[d.OrderId]; o.Terms.Display != 0 && !c.matching[d.OrderId] {
			o.Visible = int64(d.VisibleLots)
		}
	}
	return nil
}

// paid notes what a trade moves between two accounts and into the fees.
func (c *closing) paid(t *tradesv1.Trade) error {
	m, err := c.marketOf(t.Market)
	if err != nil {
		return err
	}
	paid, lots := int64(t.PriceTicks)*int64(t.QuantityLots)*m.unit, int64(t.QuantityLots)*m.terms.Lot
	buyer, seller, bought, sold := t.MakerAccount, t.TakerAccount, t.MakerFee, t.TakerFee
	if t.TakerSide == uint32(ordersv1.Side_SIDE_BUY) {
		buyer, seller, bought, sold = seller, buyer, sold, bought
	}
	c.moved[holding{buyer, m.base}] += lots
	c.moved[holding{seller, m.base}] -= lots
	c.moved[holding{buyer, m.quote}] -= paid + int64(bought)
	c.moved[holding{seller, m.quote}] += paid - int64(sold)
	return nil
}

// tell folds an event of our own.
func (c *closing) tell(e *tradesv1.Event) error {
	c.s.Events++
	c.events = append(c.events, e)
	return c.event(e)
}

func (c *closing) cancels(id uint64, why ordersv1.CancelReason) error {
	return c.tell(&tradesv1.Event{Kind: &tradesv1.Event_OrderCanceled{OrderCanceled: &tradesv1.OrderCanceled{
		OrderId: id, RemainingLots: uint64(c.orders[id].Remaining), AtMs: uint64(c.s.NowMs), Reason: uint32(why)}}})
}

// finish tells what ends the output; see Close.
func (c *closing) finish() error {
	if p := c.parting; p != nil && c.orders[p.OtherLeg] != nil {
		if err := c.cancels(p.OtherLeg, ordersv1.CancelReason_CANCEL_REASON_OTHER_LEG); err != nil {
			return err
		}
	}
	if a := c.last.GetOrderAccepted(); a != nil {
		c.matching[a.OrderId] = true
	}
	for _, id := range slices.Sorted(maps.Keys(c.matching)) {
		o := c.orders[id]
		if o == nil {
			continue
		}
		other := o.OtherLeg
		if err := c.cancels(id, ordersv1.CancelReason_CANCEL_REASON_BY_ADMIN); err != nil {
			return err
		}
		if c.orders[other] != nil {
			if err := c.cancels(other, ordersv1.CancelReason_CANCEL_REASON_OTHER_LEG); err != nil {
				return err
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(c.orders)) {
		if err := c.show(id); err != nil {
			return err
		}
	}
	if len(c.jobs) != 0 {
		work := &tradesv1.WorkLeft{MassCancels: append(slices.Clone(c.mass), c.jobs...), Chases: c.chases}
		if err := c.tell(&tradesv1.Event{Kind: &tradesv1.Event_WorkLeft{WorkLeft: work}}); err != nil {
			return err
		}
	}
	if err := c.balance(); err != nil {
		return err
	}
	if c.s.LastInSeq >= c.of.LastInSeq {
		return nil
	}
	return c.tell(&tradesv1.Event{Kind: &tradesv1.Event_PackApplied{PackApplied: &tradesv1.PackApplied{
		InSeq: c.of.LastInSeq, NowMs: c.s.NowMs, From: ordersv1.FromAdmin, Skipped: true, Bad: true}}})
}

// show lets an iceberg without a shown part show the next, and a trailing stop
// follow.
func (c *closing) show(id uint64) error {
	o := c.orders[id]
	switch m := c.markets[o.Market-1]; {
	case o.Status == statusWaiting && o.Terms.Trail != 0 && m.state.Last != 0:
		if slices.ContainsFunc(c.chases, func(h *tradesv1.Chase) bool { return h.Market == o.Market && uint8(h.Side) == o.Side }) {
			return nil
		}
		to, moves := m.state.Last-o.Terms.Trail, false
		if o.Side == uint8(ordersv1.Side_SIDE_BUY) {
			to = m.state.Last + o.Terms.Trail
			moves = to > 0 && (o.Terms.Trigger == 0 || to < o.Terms.Trigger)
		} else {
			moves = to > 0 && to > o.Terms.Trigger
		}
		if !moves {
			return nil
		}
		return c.tell(&tradesv1.Event{Kind: &tradesv1.Event_TriggerMoved{TriggerMoved: &tradesv1.TriggerMoved{OrderId: id, TriggerTicks: uint64(to)}}})
	case o.Status != statusWaiting && o.Terms.Display != 0 && o.Visible <= 0:
		return c.tell(&tradesv1.Event{Kind: &tradesv1.Event_OrderRested{OrderRested: &tradesv1.OrderRested{
			OrderId: id, RemainingLots: uint64(o.Remaining), VisibleLots: uint64(min(o.Terms.Display, o.Remaining))}}})
	}
	return nil
}

// balance tells every balance that is not what was told last.
func (c *closing) balance() error {
	b, err := c.assemble()
	if err != nil {
		return err
	}
	reserved := map[holding]int64{}
	if err := b.Reservations(func(account uint64, asset uint32, amount int64) { reserved[holding{account, asset}] += amount }); err != nil {
		return err
	}
	all := map[holding]bool{}
	for h := range c.balances {
		all[h] = true
	}
	for h := range c.moved {
		all[h] = true
	}
	for _, h := range slices.SortedFunc(maps.Keys(all), func(x, y holding) int {
		return cmp.Or(cmp.Compare(x.account, y.account), cmp.Compare(x.asset, y.asset))
	}) {
		was := c.balances[h]
		available := int64(was.GetAvailable()+was.GetReserved()) + c.moved[h] - reserved[h]
		switch {
		case available < 0:
			return fmt.Errorf("account %d lacks %d of asset %d", h.account, -available, h.asset)
		case was != nil && int64(was.Available) == available && int64(was.Reserved) == reserved[h]:
			continue
		}
		if err := c.tell(&tradesv1.Event{Kind: &tradesv1.Event_BalanceChanged{BalanceChanged: &tradesv1.BalanceChanged{
			Account: h.account, Asset: h.asset, Available: uint64(available), Reserved: uint64(reserved[h])}}}); err != nil {
			return err
		}
	}
	return nil
}

// messages are the parts behind a number of parts that were told.
func (c *closing) messages(part uint32) ([]Message, error) {
	var out []Message
	first := c.s.Events + 1 - uint64(len(c.events))
	for rest := c.events; len(out) == 0 || len(rest) > 0; {
		n := 0
		for size := 0; n < len(rest) && size < partBytes; n++ {
			size += proto.Size(rest[n])
		}
		part++
		m := &tradesv1.Output{FirstInSeq: c.of.FirstInSeq, LastInSeq: c.of.LastInSeq, Part: part, Last: n == len(rest), FirstEventSeq: first,
			Events: rest[:n], PrevSeq: c.newest.Seq, PrevDigest: c.newest.Sum, Semantics: c.s.Semantics}
		if m.Last {
			m.Digest = bytes.Clone(c.digest)
		}
		data, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		if err != nil {
			return nil, fmt.Errorf("encoding part %d of an output: %w", part, err)
		}
		sum := sha256.Sum256(data)
		c.newest = Message{Seq: c.newest.Seq + 1, Sum: sum[:]}
		out = append(out, Message{Seq: c.newest.Seq, Data: data, Sum: sum[:]})
		rest, first = rest[n:], first+uint64(n)
	}
	c.tail, c.tailDigest = c.newest.Seq, c.newest.Sum
	return out, nil
}
