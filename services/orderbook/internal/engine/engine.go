package engine

import (
	"fmt"

	ordersv1 "fondaco.dev/proto/orders/v1"
)

// Versions of the engine's behaviour. Activate raises the one in force, up to
// the newest that this program knows.
const (
	FirstSemantics  = 2
	NewestSemantics = GatheredPacks

	// GatheredPacks is the version from which on a message of ORDERS may hold packs
	// of several gateways.
	GatheredPacks = 4
)

// Bounds on what one venue holds and one name may be.
const (
	MaxDeadIDs     = 1_000_000 // client order ids of dead orders; the oldest go first
	MaxAssets      = 4096
	MaxMarkets     = 4096
	MaxScale       = 18
	MaxName        = 32  // bytes of an asset's name
	MaxSymbol      = 64  // bytes of a market's symbol
	MaxClientID    = 64  // bytes
	MaxFundsID     = 128 // bytes of a deposit's or withdrawal's id
	MaxGatewayName = 64  // bytes
)

// Options of an engine; the zero value is what a venue runs with.
type Options struct {
	// MaxDead bounds the dead orders whose client order ids are remembered;
	// 0 = 1,000,000, -1 = none. It is part of the behaviour: all engines of a
	// venue have the same.
	MaxDead int
	// Large, if set, is told of the memory of every new slab of 2 MiB or more
	// before it is used, so that its owner can ask the system for huge pages: with
	// small ones most of what a large book costs is looking up addresses. It
	// changes nothing else.
	Large func(memory []byte)
	// Reserve, if set, gives address space of that many bytes or more, all zeros,
	// that takes memory only where it is used, and a function that is told how
	// many bytes of it will be used soon, which may get them ready beside the
	// engine. The space lasts as long as that function is held. What grows in it is
	// never moved, so that no command waits for a copy of all that there is; nil
	// instead of a space, or no Reserve, has slabs copied as they grow.
	Reserve func(bytes int) (room []byte, need func(bytes int))
}

// Engine is the state of one venue. It is not safe for concurrent use.
type Engine struct {
	lastInSeq uint64 // ORDERS sequence of the last pack applied
	events    uint64 // events so far: the next event_seq is events+1
	orderID   uint64 // last id given out
	tradeID   uint64
	arrivals  uint64 // OrderRested so far
	semantics uint32
	clock     clock
	gateways  gateways

	assets      []asset
	assetIndex  map[string]uint32 // name -> number
	markets     []market
	marketIndex map[string]uint32 // symbol -> number

	accounts    []account // slot 0 is none
	accountRoom room
	byAccount   index
	balances    []balance // slot 0 is an empty one
	balanceRoom room
	byHolding   index
	changes     []change // of balances by the pack at hand: the first changed of them
	changed     int
	stamp       uint64 // number of the pack at hand, for changes

	orders    []order // slot 0 is none
	orderRoom room
	freeOrder uint32 // chained by order.next
	terms     []terms
	termsRoom room
	freeTerms uint32
	ids       clientIDs
	byID      idIndex
	byClient  index    // account and client order id
	byRef     refIndex // account and client_ref, live orders only
	live      int
	dead      int
	deadHead  uint32 // oldest
	deadTail  uint32
	maxDead   int
	memory    memory
	spaces    spaces // see ReadyClone

	funds          fundsLog
	timers         heap
	deadMen        sum   // digest of the armed dead-man timers
	jobs           []job // mass cancels that are not done
	chases         []chase
	awaiting       []target // trailing stops that came during a chase, by id
	pendingMarkets int
	late           lateScratch
	workBound      int // units that a command may do

	dirty        notes // orders whose hash is out of date
	dirtyMarkets []uint32
	orderSum     sum
	marketSum    sum
	balanceSum   sum
	digestBuf    []byte

	// The pack at hand.
	out      *Batch
	reply    *Reply
	in       PackHead
	byOwners bool // the pack comes from api
	calm     bool // and its commands may be carried out
	doubtful bool
	index    int // of the command
	rejected int
	unknown  uint32 // version that was activated and is not known
	lifted   [2]lifted
	answer   answer    // what the command at hand answers
	hint     hint      // what was found of it already
	commands []Command // of the pack, read
	spare    spare
	fills    []fill // of the order that the command at hand answers
	none     Batch  // takes the events when nobody wants them

	near [nearAccounts]uint32 // slots of accounts that were looked for lately, by id
}

// PackHead is a pack without its commands.
type PackHead struct {
	Seq      uint64 // stream sequence, rising
	Again    bool   // not the first pack of its message: Seq is that of the one before
	From     string // last token of the subject: api, funds, admin, tick
	ServerMs int64  // the server's timestamp, Unix milliseconds
	Gateway  string
	PackNo   uint64
	SentMs   int64
	Bad      bool // it could not be read
}

// Input is one message of the ORDERS stream, or a pack of those gathered in one.
type Input struct {
	Seq      uint64
	Again    bool // see PackHead
	From     string
	ServerMs int64
	Data     []byte // an encoded orders.v1.Pack; nothing of it is kept
}

// Applied says what became of a pack.
type Applied struct {
	Skipped  bool // repeated or bad: no command was looked at
	Bad      bool // undecodable, or without a usable gateway name and number
	Commands int
	Rejected int // commands that were refused, repeated answers not counted
	Halted   bool
	// Unknown is a version that was activated and that this program does not
	// have: nothing after that command was carried out, and the engine is of no
	// further use. 0: none.
	Unknown uint32
}

// New returns an empty venue.
func New(opts Options) *Engine {
	e := &Engine{
		semantics:   FirstSemantics,
		gateways:    newGateways(),
		assetIndex:  map[string]uint32{},
		marketIndex: map[string]uint32{},
		accounts:    make([]account, 1),
		balances:    make([]balance, 1),
		orders:      make([]order, 1),
		terms:       make([]terms, 1),
		maxDead:     opts.MaxDead,
		memory:      memory{opts.Large, opts.Reserve},
		workBound:   defaultWorkBound,
		byID:        newIDIndex(),
	}
	e.byAccount.thin, e.byHolding.thin = 2, 2
	e.byRef = newRefIndex(&e.memory)
	if e.maxDead == 0 {
		e.maxDead = MaxDeadIDs
	}
	e.maxDead = max(e.maxDead, 0)
	e.byID.old.large, e.byClient.large = opts.Large, opts.Large
	return e
}

// Apply applies a message: it appends the events to out and puts the answer in
// reply, which may be nil (a replay answers nobody). A pack always leaves at
// least its PackApplied event; a skipped one leaves an empty reply. It panics
// when in.Seq does not rise, but for in.Again: then the caller has lost its place.
func (e *Engine) Apply(in Input, out *Batch, reply *Reply) Applied {
	head, n, readable := e.readHead(in.Data)
	head.Seq, head.Again, head.From, head.ServerMs = in.Seq, in.Again, in.From, in.ServerMs
	head.Bad = !readable
	res := Applied{Bad: head.Bad || head.bad()}
	if e.Begin(head, out, reply) {
		e.each(in.Data, ordersv1.MaxCommands)
		res.Commands = n
	} else {
		res.Skipped = true
	}
	e.End()
	res.Rejected, res.Halted, res.Unknown = e.rejected, e.clock.halted, e.unknown
	return res
}

// bad reports a pack without a usable gateway name and number.
func (p *PackHead) bad() bool {
	return p.PackNo == 0 || !printable(p.Gateway, MaxGatewayName)
}

// Begin takes a pack in before its commands: the time moves, what is due
// happens, unfinished work goes on. It returns false when the pack's commands
// must not be carried out: it is bad or was applied before.
func (e *Engine) Begin(p PackHead, out *Batch, reply *Reply) bool {
	if p.Seq < e.lastInSeq || p.Seq == e.lastInSeq && !p.Again {
		panic(fmt.Sprintf("pack at sequence %d after %d", p.Seq, e.lastInSeq))
	}
	if out == nil {
		out = &e.none
		out.Reset()
	}
	if bad := p.Bad || p.bad(); bad {
		p.Bad, p.Gateway, p.PackNo, p.SentMs = true, "", 0, 0
	}
	e.in, e.out, e.reply = p, out, reply
	e.byOwners = p.From == fromAPI
	e.stamp++
	e.index, e.rejected = 0, 0
	e.lastInSeq = p.Seq
	reply.reset()

	t := e.clock.advance(p.From, p.Gateway, p.Bad || e.gateways.seen(p.Gateway, p.PackNo), p.SentMs, p.ServerMs)
	e.doubtful = t == tellDoubtful
	e.gateways.forget(e.clock.nowMs)
	e.expireClientIDs()
	skipped := p.Bad || !e.gateways.take(p.Gateway, p.PackNo, e.clock.nowMs)
	e.late.chases = append(e.late.chases[:0], e.chases...)
	e.emitPackApplied(skipped)
	if t == tellHalt {
		e.emitHalted()
	}
	if !skipped {
		reply.begin(p.Gateway, p.PackNo, p.Seq)
	}
	if !e.clock.halted {
		e.fireDue()
		e.continuePending()
	}
	e.calm = e.byOwners && !skipped && !e.clock.halted && !e.stale()
	return !skipped
}

// Do carries out the next command of the pack.
func (e *Engine) Do(c *Command) {
	var h hint
	e.do(c, &h)
}

// do is Do with what was found of the command already.
func (e *Engine) do(c *Command, h *hint) {
	e.answer = answer{}
	e.fills = e.fills[:0]
	r := ok
	if !e.calm || !e.plain(c, h) {
		e.hint = *h
		e.beginWork()
		r = e.carryOut(c)
	}
	if r != ok && !e.answer.repeated {
		e.rejected++
	}
	if e.reply != nil {
		e.outcome(r)
	}
	e.index++
}

// End closes the pack: changed balances are its last events.
func (e *Engine) End() {
	e.tellWorkLeft()
	e.flushBalances()
	e.reply.end(e.clock.nowMs)
	if e.dirty.n > maxDirty {
		e.settleDigest()
	}
	e.out, e.reply = nil, nil
	e.in.Gateway, e.in.From = "", ""
}

func (e *Engine) carryOut(c *Command) reason {
	switch c.Op {
	case OpNew:
		return e.newOrder(c)
	case OpCancel:
		return e.cancel(c)
	case OpAmend:
		return e.amend(c)
	case OpReplace:
		return e.replace(c)
	case OpPair:
		return e.newPair(c)
	case OpCancelAll:
		return e.cancelAll(c)
	case OpKeepAlive:
		return e.keepAlive(c)
	case OpDeposit:
		return e.deposit(c)
	case OpWithdraw:
		return e.withdraw(c)
	case OpAddAsset:
		return e.addAsset(c)
	case OpAddMarket:
		return e.addMarket(c)
	case OpSetPhase:
		return e.setPhase(c)
	case OpSetLimits:
		return e.setLimits(c)
	case OpDelist:
		return e.delist(c)
	case OpActivate:
		return e.activate(c)
	case OpAcceptTime:
		return e.acceptTime()
	case OpTick:
		return e.tick()
	}
	return e.refuse(0, 0, rejBadCommand)
}

// barred reports why no command from this pack may be carried out: it comes
// from the wrong room, or the venue is halted.
func (e *Engine) barred(from string) reason {
	if e.in.From != from {
		return rejNotAllowed
	}
	if e.clock.halted {
		return rejHalted
	}
	return ok
}

// stale reports a gateway's pack that is too old to be carried out. Commands of
// funds and admin are idempotent by ids and names, so age does not matter there.
func (e *Engine) stale() bool {
	return e.doubtful || e.in.SentMs < e.clock.nowMs-staleMs
}

// refuse leaves the event of a command that is no new order and changed nothing.
func (e *Engine) refuse(account, orderID uint64, r reason) reason {
	e.emitCommandRejected(account, orderID, r)
	return r
}
