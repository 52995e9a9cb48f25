package core

import (
	"fmt"

	ordersv1 "fondaco.dev/proto/orders/v1"
)

// Semantics is the version of the engine's behaviour. It is raised with every
// change after which the same packs give other bytes.
const Semantics = 1

// none is the slab index of nothing.
const none int32 = -1

// Bounds on what one venue holds and one name may be.
const (
	MaxDeadIDs     = 1_000_000 // client ids of dead orders; the oldest go first
	MaxAssets      = 4096
	MaxMarkets     = 4096
	MaxScale       = 18
	MaxName        = 32  // bytes of an asset's name
	MaxSymbol      = 64  // bytes of a market's symbol
	MaxClientID    = 64  // bytes
	MaxDepositID   = 128 // bytes
	MaxGatewayName = 64  // bytes
)

// Engine is the state of one venue. It is not safe for concurrent use.
type Engine struct {
	lastInSeq uint64 // ORDERS sequence of the last pack applied
	events    uint64 // events so far: the next event_seq is events+1
	orderID   uint64 // last id given out
	tradeID   uint64
	clock     clock
	gateways  gateways

	assets      []asset
	assetIndex  map[string]int32
	markets     []market
	marketIndex map[string]int32

	accounts     []account
	accountIndex map[uint64]int32
	balances     []balance
	balanceSum   sum
	touched      []touch
	stamp        uint64

	orders    orderSlab
	byID      map[uint64]int32
	byClient  map[clientKey]int32
	orderSum  sum
	fillSum   sum
	live      int
	dead      int
	deadHead  int32
	deadTail  int32
	maxDead   int
	fillSlab  []keptFill
	fillFree  int32
	tookFills []keptFill // fills of the command at hand, for its answer

	deposits     []deposit
	depositIndex map[string]int32
	depositSum   sum

	// The call of Apply at hand.
	out       *Batch
	reply     *Reply
	in        Input
	doubtful  bool
	digestBuf []byte
}

// New returns an empty venue.
func New() *Engine {
	return &Engine{
		gateways:    newGateways(),
		assetIndex:  map[string]int32{},
		marketIndex: map[string]int32{},

		accountIndex: map[uint64]int32{},
		byID:         map[uint64]int32{},
		byClient:     map[clientKey]int32{},
		deadHead:     none,
		deadTail:     none,
		maxDead:      MaxDeadIDs,
		orders:       orderSlab{free: none},
		fillFree:     none,
		depositIndex: map[string]int32{},
	}
}

// Input is one message of the ORDERS stream.
type Input struct {
	Seq      uint64         // stream sequence, rising
	From     string         // last token of the subject: api, funds, admin, tick
	ServerMs int64          // the server's timestamp, Unix milliseconds
	Pack     *ordersv1.Pack // nil: the message could not be decoded
}

// Applied says what became of a pack.
type Applied struct {
	Skipped  bool // repeated or undecodable: no command was looked at
	Bad      bool // undecodable, or without a usable gateway name and number
	Commands int
	Rejected int // commands that were refused, repeated answers not counted
	Halted   bool
}

// Apply applies a pack: it appends the events to out and puts the answer in
// reply, which may be nil (a replay answers nobody). A pack always leaves at
// least its PackApplied event; a skipped one leaves an empty reply. The engine
// keeps no reference to the pack but its strings. It panics when in.Seq does
// not rise: then the caller has lost its place.
func (e *Engine) Apply(in Input, out *Batch, reply *Reply) Applied {
	if in.Seq <= e.lastInSeq {
		panic(fmt.Sprintf("pack at sequence %d after %d", in.Seq, e.lastInSeq))
	}
	e.in, e.out, e.reply = in, out, reply
	defer func() { e.in, e.out, e.reply = Input{}, nil, nil }()
	reply.reset()
	e.lastInSeq = in.Seq

	p := in.Pack
	bad := p == nil || p.PackNo == 0 || !printable(p.Gateway, MaxGatewayName)
	if bad {
		p = &ordersv1.Pack{}
	}
	t := e.clock.advance(in.From, p.Gateway, bad || e.gateways.seen(p.Gateway, p.PackNo), p.SentAtMs, in.ServerMs)
	e.doubtful = t == tellDoubtful
	e.gateways.forget(e.clock.nowMs)
	e.expireClientIDs()

	skipped := bad || !e.gateways.take(p.Gateway, p.PackNo, e.clock.nowMs)
	e.emitPackApplied(p.Gateway, p.PackNo, skipped)
	if t == tellHalt {
		e.emitHalted()
	}
	res := Applied{Skipped: skipped, Bad: bad, Halted: e.clock.halted}
	if skipped {
		return res
	}
	reply.begin(p.PackNo, in.Seq)
	for i, c := range p.Commands {
		e.stamp++
		if reason := e.command(i, c); reason != ok {
			res.Rejected++
		}
		e.flushBalances()
	}
	res.Commands, res.Halted = len(p.Commands), e.clock.halted
	return res
}

// command carries out one command and answers it.
func (e *Engine) command(i int, c *ordersv1.Command) reason {
	if c == nil || i >= ordersv1.MaxCommands {
		return e.refuse(i, 0, 0, ordersv1.RejectReason_REJECT_REASON_BAD_COMMAND)
	}
	switch op := c.Op.(type) {
	case *ordersv1.Command_NewOrder:
		return e.newOrder(i, op.NewOrder)
	case *ordersv1.Command_Cancel:
		return e.cancel(i, op.Cancel)
	case *ordersv1.Command_Deposit:
		return e.deposit(i, op.Deposit)
	case *ordersv1.Command_AddAsset:
		return e.addAsset(i, op.AddAsset)
	case *ordersv1.Command_AddMarket:
		return e.addMarket(i, op.AddMarket)
	case *ordersv1.Command_AcceptTime:
		return e.acceptTime(i)
	case *ordersv1.Command_Tick:
		return e.tick(i)
	case *ordersv1.Command_Credit:
		return e.refuse(i, op.Credit.GetAccount(), 0, ordersv1.RejectReason_REJECT_REASON_NOT_ALLOWED)
	case *ordersv1.Command_Debit:
		return e.refuse(i, op.Debit.GetAccount(), 0, ordersv1.RejectReason_REJECT_REASON_NOT_ALLOWED)
	case *ordersv1.Command_Freeze:
		return e.refuse(i, op.Freeze.GetAccount(), 0, ordersv1.RejectReason_REJECT_REASON_NOT_ALLOWED)
	}
	return e.refuse(i, 0, 0, ordersv1.RejectReason_REJECT_REASON_BAD_COMMAND)
}

// reason shortens the name of the closed list of rejects; ok is none of them.
type reason = ordersv1.RejectReason

const ok = ordersv1.RejectReason_REJECT_REASON_UNSPECIFIED

// barred reports why no command from this pack may be carried out: it comes
// from the wrong room, or the venue is halted.
func (e *Engine) barred(from string) reason {
	if e.in.From != from {
		return ordersv1.RejectReason_REJECT_REASON_NOT_ALLOWED
	}
	if e.clock.halted {
		return ordersv1.RejectReason_REJECT_REASON_HALTED
	}
	return ok
}

// stale reports a gateway's pack that is too old to be carried out. Deposits
// and admin commands are idempotent by their ids and names, so age does not
// matter to them.
func (e *Engine) stale() bool {
	return e.doubtful || e.in.Pack.SentAtMs < e.clock.nowMs-staleMs
}

func (e *Engine) acceptTime(i int) reason {
	if e.in.From != ordersv1.FromAdmin {
		return e.refuse(i, 0, 0, ordersv1.RejectReason_REJECT_REASON_NOT_ALLOWED)
	}
	if e.clock.halted {
		e.clock.accept(e.in.ServerMs)
		e.emitResumed()
	}
	e.reply.outcome(ok, false)
	return ok
}

func (e *Engine) tick(i int) reason {
	if r := e.barred(ordersv1.FromTick); r != ok {
		return e.refuse(i, 0, 0, r)
	}
	e.reply.outcome(ok, false)
	return ok
}

// refuse answers a command that is no new order and changed nothing.
func (e *Engine) refuse(index int, account, orderID uint64, r reason) reason {
	e.emitCommandRejected(index, account, orderID, r)
	e.reply.outcome(r, false)
	return r
}

// LastInSeq is the ORDERS sequence of the last pack applied; 0 before any.
func (e *Engine) LastInSeq() uint64 { return e.lastInSeq }

// Events counts the events so far; the next one has the sequence Events()+1.
func (e *Engine) Events() uint64 { return e.events }

// NowMs is the stream's time in Unix milliseconds; 0 before the first pack.
func (e *Engine) NowMs() int64 { return e.clock.nowMs }

// Halted reports that only AcceptTime is carried out.
func (e *Engine) Halted() bool { return e.clock.halted }

// WantsTick reports that the last pack's time was not believed and that a
// fresh tick would settle whose clock is wrong.
func (e *Engine) WantsTick() bool { return e.clock.doubted && !e.clock.halted }

// Size counts what the venue holds.
type Size struct{ Accounts, LiveOrders, DeadOrders, Deposits int }

// Size counts what the venue holds.
func (e *Engine) Size() Size {
	return Size{len(e.accounts), e.live, e.dead, len(e.deposits)}
}
