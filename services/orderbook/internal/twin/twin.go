// Package twin is a second engine, written from docs/MATCHING.md alone and
// sharing no code with the real one. It is slow and plain on purpose: it sorts
// the book anew for every step, finds what is due by looking at everything, and
// answers "what would happen" by doing it on a copy of the venue. Tests compare
// the two; nothing else imports it.
package twin

import (
	"maps"
	"slices"

	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
	"google.golang.org/protobuf/proto"
)

// Venue is the state of one venue.
type Venue struct {
	// MaxDead bounds the remembered dead orders; Bound the units of work of one
	// command or pack's start.
	MaxDead, Bound int

	now, leaptTo int64
	halted       bool
	doubtful     bool   // the pack at hand
	doubtedBy    string // gateway of the tick that was not believed
	gateways     map[string]seen
	semantics    uint32

	assets   []*ordersv1.AddAsset // asset id - 1
	markets  []*market            // market id - 1
	accounts map[uint64]bool
	owned    map[purse]int64 // available and reserved
	supply   map[uint32]int64
	fees     map[uint32]int64
	funds    map[string]*tradesv1.FundsChanged
	deadman  map[uint64]int64

	orders                   []*order // live and remembered, by id
	graves                   []uint64 // remembered dead orders, oldest first
	mass                     []massCancel
	massMoved                bool // in the pack at hand
	chases                   []*tradesv1.Chase
	lastID, trades, arrivals uint64

	// The pack and command at hand.
	seq    uint64
	from   string
	sent   int64
	server int64
	index  int
	units  int
	events []*tradesv1.Event
	reply  []*ordersv1.Outcome
	copied bool // a copy that only looks ahead
}

type seen struct {
	packNo uint64
	atMs   int64
}

type purse struct {
	account uint64
	asset   uint32
}

// New returns an empty venue.
func New() *Venue {
	return &Venue{
		MaxDead: 1_000_000, Bound: 10_000, semantics: 2,
		gateways: map[string]seen{}, accounts: map[uint64]bool{}, owned: map[purse]int64{}, supply: map[uint32]int64{},
		fees: map[uint32]int64{}, funds: map[string]*tradesv1.FundsChanged{}, deadman: map[uint64]int64{},
	}
}

// copy is a venue on which things may be tried.
func (v *Venue) copy() *Venue {
	c := *v
	c.copied = true
	c.events, c.reply = nil, nil
	c.gateways, c.accounts, c.owned = maps.Clone(v.gateways), maps.Clone(v.accounts), maps.Clone(v.owned)
	c.supply, c.fees, c.funds, c.deadman = maps.Clone(v.supply), maps.Clone(v.fees), maps.Clone(v.funds), maps.Clone(v.deadman)
	c.mass, c.graves = slices.Clone(v.mass), slices.Clone(v.graves)
	c.markets, c.orders = nil, nil
	for _, m := range v.markets {
		d := *m
		c.markets = append(c.markets, &d)
	}
	for _, o := range v.orders {
		d := *o
		c.orders = append(c.orders, &d)
	}
	return &c
}

// Apply applies a pack; nil is one that could not be read. It returns the
// events and the answer; the answer to a skipped pack is nil.
func (v *Venue) Apply(seq uint64, from string, serverMs int64, p *ordersv1.Pack) ([]*tradesv1.Event, *ordersv1.PackReply) {
	bad := p == nil || p.PackNo == 0 || !printable(p.Gateway, 64)
	if bad {
		p = &ordersv1.Pack{}
	}
	v.events, v.reply = nil, nil
	v.seq, v.from, v.sent, v.server = seq, from, p.SentAtMs, serverMs
	last, known := v.gateways[p.Gateway]
	halts := v.moveTime(p.Gateway, bad || known && p.PackNo <= last.packNo)
	for name, g := range v.gateways {
		if g.atMs <= v.now-3_600_000 {
			delete(v.gateways, name)
		}
	}
	for len(v.graves) > 0 && v.find(v.graves[0]).diedMs <= v.now-86_400_000 {
		v.forgetOldest()
	}
	last, known = v.gateways[p.Gateway]
	skipped := bad || known && p.PackNo <= last.packNo
	if !skipped {
		v.gateways[p.Gateway] = seen{p.PackNo, v.now}
	}
	if !printable(from, 64) {
		from = ""
	}
	v.emit(&tradesv1.PackApplied{InSeq: seq, Gateway: p.Gateway, PackNo: p.PackNo, NowMs: v.now, Skipped: skipped,
		Doubtful: v.doubtful, From: from, Bad: bad})
	if halts {
		v.emit(&tradesv1.Halted{NowMs: v.now, JumpedToMs: v.leaptTo})
	}
	before, chases := v.balances(), v.chases
	v.units, v.massMoved = v.Bound, false
	if !v.halted {
		v.fireDue()
		v.goOn()
	}
	if !skipped {
		for i, c := range p.Commands {
			v.index, v.units = i, v.Bound
			v.command(c)
		}
	}
	if v.massMoved || !sameChases(chases, v.chases) {
		v.emitWorkLeft()
	}
	v.emitBalances(before)
	if skipped {
		return v.events, nil
	}
	return v.events, &ordersv1.PackReply{PackNo: p.PackNo, InSeq: seq, Outcomes: v.reply, NowMs: v.now}
}

// moveTime advances the stream's time by the server's, unless that cannot be
// believed; true when the venue halts with this pack. See ADR 7.
func (v *Venue) moveTime(gateway string, repeated bool) bool {
	v.doubtful = false
	if v.halted {
		return false
	}
	server, sent := max(v.server, 0), max(v.sent, 0)
	if v.now == 0 || server-v.now <= 60_000 || server-sent <= 60_000 {
		v.now, v.doubtedBy = max(v.now, server), ""
		return false
	}
	if v.from == "tick" && !repeated {
		if v.doubtedBy == gateway {
			v.halted, v.leaptTo = true, server
			return true
		}
		v.doubtedBy = gateway
	}
	v.doubtful = true
	return false
}

func (v *Venue) command(c *ordersv1.Command) {
	if v.index >= 1000 {
		v.refuse(0, 0, badCommand)
		return
	}
	switch op := c.GetOp().(type) {
	case *ordersv1.Command_NewOrder:
		v.newOrder(op.NewOrder)
	case *ordersv1.Command_Cancel:
		v.cancelOne(op.Cancel)
	case *ordersv1.Command_Amend:
		v.amend(op.Amend)
	case *ordersv1.Command_Replace:
		v.replace(op.Replace)
	case *ordersv1.Command_NewPair:
		v.newPair(op.NewPair)
	case *ordersv1.Command_CancelAll:
		v.cancelAll(op.CancelAll)
	case *ordersv1.Command_KeepAlive:
		v.keepAlive(op.KeepAlive)
	case *ordersv1.Command_Deposit:
		d := op.Deposit
		v.moveFunds(d.GetAccount(), d.GetAsset(), d.GetAmount(), d.GetDepositId(), 1)
	case *ordersv1.Command_Withdraw:
		d := op.Withdraw
		v.moveFunds(d.GetAccount(), d.GetAsset(), d.GetAmount(), d.GetWithdrawalId(), -1)
	case *ordersv1.Command_AddAsset:
		v.addAsset(op.AddAsset)
	case *ordersv1.Command_AddMarket:
		v.addMarket(op.AddMarket)
	case *ordersv1.Command_SetPhase:
		v.setPhase(op.SetPhase)
	case *ordersv1.Command_SetLimits:
		v.setLimits(op.SetLimits)
	case *ordersv1.Command_Delist:
		v.delist(op.Delist)
	case *ordersv1.Command_Activate:
		v.activateVersion(op.Activate)
	case *ordersv1.Command_AcceptTime:
		v.acceptTime()
	case *ordersv1.Command_Tick:
		if r := v.barred("tick"); r != ok {
			v.refuse(0, 0, r)
			return
		}
		v.done()
	default:
		v.refuse(0, 0, badCommand)
	}
}

// barred reports why no command of this pack may be carried out: it comes from
// the wrong room, or the venue is halted.
func (v *Venue) barred(rooms ...string) ordersv1.RejectReason {
	switch {
	case !slices.Contains(rooms, v.from):
		return ordersv1.RejectReason_REJECT_REASON_NOT_ALLOWED
	case v.halted:
		return ordersv1.RejectReason_REJECT_REASON_HALTED
	}
	return ok
}

func (v *Venue) stale() bool { return v.doubtful || v.sent < v.now-5_000 }

func (v *Venue) acceptTime() {
	if v.from != "admin" {
		v.refuse(0, 0, ordersv1.RejectReason_REJECT_REASON_NOT_ALLOWED)
		return
	}
	if v.halted {
		v.halted, v.doubtedBy, v.now = false, "", max(v.now, v.server)
		v.emit(&tradesv1.Resumed{NowMs: v.now})
		v.fireDue()
	}
	v.done()
}

func (v *Venue) activateVersion(c *ordersv1.Activate) {
	if r := v.barred("admin"); r != ok {
		v.refuse(0, 0, r)
		return
	}
	if c.GetSemantics() != v.semantics+1 {
		v.refuse(0, 0, ordersv1.RejectReason_REJECT_REASON_BAD_VERSION)
		return
	}
	v.semantics++
	v.emit(&tradesv1.Activated{Semantics: v.semantics})
	v.done()
}

// done answers a command that names no order.
func (v *Venue) done() { v.reply = append(v.reply, &ordersv1.Outcome{}) }

func (v *Venue) repeated() { v.reply = append(v.reply, &ordersv1.Outcome{RepeatedId: true}) }

// refuse answers a command that is no new order and changed nothing.
func (v *Venue) refuse(account, order uint64, why ordersv1.RejectReason) {
	v.emit(&tradesv1.CommandRejected{Index: uint32(v.index), Account: account, OrderId: order, Reason: why})
	v.reply = append(v.reply, &ordersv1.Outcome{Reject: why})
}

// emit wraps an event's body by the name of its type.
func (v *Venue) emit(body proto.Message) {
	if v.copied {
		return
	}
	e := (&tradesv1.Event{}).ProtoReflect()
	fields := e.Descriptor().Fields()
	for i := range fields.Len() {
		if f := fields.Get(i); f.Message().FullName() == body.ProtoReflect().Descriptor().FullName() {
			e.Set(f, protoValue(body))
			v.events = append(v.events, e.Interface().(*tradesv1.Event))
			return
		}
	}
	panic("an event of no kind")
}
