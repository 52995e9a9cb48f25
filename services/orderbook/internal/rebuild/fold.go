// Package rebuild makes the state of a venue from its events alone: the last
// resort, when ORDERS and every snapshot are gone and the journal of the writer
// is what is left.
//
// An engine computes and an event tells what came of it, so a fold of events
// needs no matching: it keeps orders, balances, timers, gateways, client order
// ids and deposits as they were told, and takes from rules only what no event
// says: what a resting order has reserved, when a gateway or a client order id is
// forgotten, and whether the clock was doubted. Its digest must be the one that
// the last output carries.
package rebuild

import (
	"bytes"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
	"fondaco.dev/services/orderbook/internal/engine"
)

// ErrIncomplete: the events are not all there, or are not this venue's.
var ErrIncomplete = errors.New("the events do not make a state")

// Spans of stream time in milliseconds, as the engine has them.
const (
	gatewayMs  = 3_600_000
	clientIDMs = 24 * 3_600_000
)

// Fold is the state of a venue as its events tell it.
type Fold struct {
	s        engine.Scalars
	packMs   int64 // stream time at which the last pack began
	assets   []assetRow
	markets  []*marketRow
	accounts map[uint64]int64 // with a deposit; deadline of the dead-man timer, 0 = none
	balances map[holding]*tradesv1.BalanceChanged
	orders   map[uint64]*engine.OrderState // live
	dead     []*engine.OrderState          // remembered, in the order of their death
	parting  *engine.OrderState            // ended, its other leg is about to
	funds    []*tradesv1.FundsChanged
	gateways map[string]*gatewayRow
	heard    uint64
	mass     []*tradesv1.MassCancel
	chases   []*tradesv1.Chase

	parts      []*tradesv1.Output // of an output that is not whole yet
	newest     Message            // the newest of all; its data is not kept
	digest     []byte
	tail       uint64
	tailDigest []byte
}

type assetRow struct {
	name         string
	scale        uint32
	supply, fees int64
}

type marketRow struct {
	terms       *engine.Admin
	state       engine.MarketState
	base, quote uint32
	unit        int64
}

type holding struct {
	account uint64
	asset   uint32
}

type gatewayRow struct {
	no     uint64
	seenMs int64
	heard  uint64 // rises with each pack
}

// New begins with an empty venue.
func New() *Fold {
	return &Fold{
		s:        engine.Scalars{Semantics: engine.FirstSemantics},
		accounts: map[uint64]int64{}, balances: map[holding]*tradesv1.BalanceChanged{},
		orders: map[uint64]*engine.OrderState{}, gateways: map[string]*gatewayRow{},
	}
}

// Tail is the TRADES sequence and digest of the last message of the last whole
// output, and InSeq its last pack.
func (f *Fold) Tail() (seq uint64, digest []byte) { return f.tail, f.tailDigest }

// InSeq is the last pack whose events were all folded.
func (f *Fold) InSeq() uint64 { return f.s.LastInSeq }

// Message folds the next message of the venue's TRADES subject. Events count
// when their output is whole.
func (f *Fold) Message(seq uint64, data []byte, sum []byte) error {
	out := &tradesv1.Output{}
	if err := proto.Unmarshal(data, out); err != nil {
		return fmt.Errorf("%w: message %d cannot be decoded: %w", ErrIncomplete, seq, err)
	}
	next := f.s.Events + 1
	for _, p := range f.parts {
		next += uint64(len(p.Events))
	}
	if out.FirstEventSeq != next || int(out.Part) != len(f.parts)+1 {
		return fmt.Errorf("%w: message %d is part %d and begins with event %d; part %d and event %d were awaited",
			ErrIncomplete, seq, out.Part, out.FirstEventSeq, len(f.parts)+1, next)
	}
	f.parts, f.newest = append(f.parts, out), Message{Seq: seq, Sum: sum}
	if !out.Last {
		return nil
	}
	for _, p := range f.parts {
		for _, e := range p.Events {
			f.s.Events++
			if err := f.event(e); err != nil {
				return fmt.Errorf("%w: event %d of message %d: %w", ErrIncomplete, f.s.Events, seq, err)
			}
		}
	}
	f.parts = f.parts[:0]
	if f.s.LastInSeq != out.LastInSeq {
		return fmt.Errorf("%w: message %d ends with pack %d, its events with %d", ErrIncomplete, seq, out.LastInSeq, f.s.LastInSeq)
	}
	f.digest, f.tail, f.tailDigest = out.Digest, seq, sum
	f.forget()
	return nil
}

// Engine builds the engine of what was folded and compares its digest with the
// one of the last output.
func (f *Fold) Engine() (*engine.Engine, error) {
	if f.tail == 0 {
		return nil, fmt.Errorf("%w: there is no whole output", ErrIncomplete)
	}
	e, err := f.build()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrIncomplete, err)
	}
	if d := e.Digest(); !bytes.Equal(d[:], f.digest) {
		return nil, fmt.Errorf("%w: the state of pack %d has digest %x, the output says %x", ErrIncomplete, f.s.LastInSeq, d[:8], f.digest[:min(8, len(f.digest))])
	}
	return e, nil
}

// event folds one event.
func (f *Fold) event(e *tradesv1.Event) error {
	switch k := e.Kind.(type) {
	case *tradesv1.Event_PackApplied:
		f.pack(k.PackApplied)
	case *tradesv1.Event_Halted:
		f.s.Halted, f.s.LeaptToMs, f.s.Doubted = true, k.Halted.JumpedToMs, true
	case *tradesv1.Event_Resumed:
		f.s.Halted, f.s.LeaptToMs, f.s.Doubted, f.s.DoubtfulBy = false, 0, false, ""
		f.s.NowMs = k.Resumed.NowMs
	case *tradesv1.Event_Activated:
		f.s.Semantics = k.Activated.Semantics
	case *tradesv1.Event_AssetAdded:
		f.assets = append(f.assets, assetRow{name: k.AssetAdded.Name, scale: k.AssetAdded.Scale})
	case *tradesv1.Event_FundsChanged:
		return f.fund(k.FundsChanged)
	case *tradesv1.Event_BalanceChanged:
		f.balances[holding{k.BalanceChanged.Account, k.BalanceChanged.Asset}] = k.BalanceChanged
	case *tradesv1.Event_KeptAlive:
		f.accounts[k.KeptAlive.Account] = k.KeptAlive.DeadlineMs
	case *tradesv1.Event_WorkLeft:
		f.mass, f.chases = k.WorkLeft.MassCancels, k.WorkLeft.Chases
	case *tradesv1.Event_CommandRejected:
	case *tradesv1.Event_MarketAdded, *tradesv1.Event_LimitsChanged, *tradesv1.Event_PhaseChanged, *tradesv1.Event_Auctioned:
		return f.market(e)
	case nil:
		return errors.New("an event of a kind that this program does not know")
	default:
		return f.order(e)
	}
	return nil
}

// pack folds a pack's beginning: time, and who was heard of. See the engine's
// clock.
func (f *Fold) pack(p *tradesv1.PackApplied) {
	f.s.LastInSeq = p.InSeq
	switch {
	case f.s.Halted:
	case p.Doubtful:
		f.s.Doubted = true
		if p.From == ordersv1.FromTick && !p.Skipped {
			f.s.DoubtfulBy = p.Gateway
		}
	case f.halts(p):
		// Halted follows, and the doubt stays with it.
	default:
		f.s.Doubted, f.s.DoubtfulBy = false, ""
	}
	f.s.NowMs, f.packMs = p.NowMs, p.NowMs
	if !p.Skipped {
		f.heard++
		f.gateways[p.Gateway] = &gatewayRow{p.PackNo, p.NowMs, f.heard}
	}
}

// halts tells that a pack may be the tick that halts the venue: the second in a
// row from a gateway whose last one was doubted, and time stood still. One that
// did not halt has moved the time or is a tick of an agreeing clock; then Halted
// does not follow and the doubt is cleared with the next event.
func (f *Fold) halts(p *tradesv1.PackApplied) bool {
	return f.s.Doubted && p.From == ordersv1.FromTick && !p.Skipped && f.s.DoubtfulBy == p.Gateway && p.NowMs == f.s.NowMs
}

func (f *Fold) fund(c *tradesv1.FundsChanged) error {
	if c.Asset == 0 || int(c.Asset) > len(f.assets) {
		return fmt.Errorf("asset %d is unknown", c.Asset)
	}
	f.funds = append(f.funds, c)
	f.assets[c.Asset-1].supply += c.Amount
	if _, known := f.accounts[c.Account]; !known {
		f.accounts[c.Account] = 0
	}
	return nil
}
