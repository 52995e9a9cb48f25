package tape

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/orderbook/internal/engine"
	"fondaco.dev/services/orderbook/internal/hugepage"
)

// packSize is the number of records that are one pack of the engine.
const packSize = ordersv1.MaxCommands

// gateway names the sender of a tape's packs.
const gateway = "tape"

// Settings of a play. The zero value has no fees and no money.
type Settings struct {
	SelfTrade SelfTrade
	Prefund   bool  // give every account of the tape an equal share of both assets
	MakerPPM  int64 // fees, parts per million of the notional: 0..1,000,000
	TakerPPM  int64
}

// SelfTrade says what happens when an order meets one of its own account.
type SelfTrade uint8

// The rules of self-trade prevention; the zero value is CancelTaker.
const (
	CancelTaker SelfTrade = iota
	NoPrevention
	CancelMaker
	CancelBoth
	Decrement
)

var selfTrades = map[string]SelfTrade{
	"none": NoPrevention, "cancel_taker": CancelTaker, "cancel_maker": CancelMaker, "cancel_both": CancelBoth, "decrement": Decrement,
}

// UnmarshalText takes none, cancel_taker, cancel_maker, cancel_both or decrement.
func (s *SelfTrade) UnmarshalText(text []byte) error {
	v, found := selfTrades[string(text)]
	if !found {
		return fmt.Errorf("%q is no rule: want none, cancel_taker, cancel_maker, cancel_both or decrement", text)
	}
	*s = v
	return nil
}

// MarshalText is the inverse of UnmarshalText.
func (s SelfTrade) MarshalText() ([]byte, error) {
	for name, v := range selfTrades {
		if v == s {
			return []byte(name), nil
		}
	}
	return nil, fmt.Errorf("no rule has the number %d", s)
}

// protoSelfTrade is by SelfTrade.
var protoSelfTrade = [...]ordersv1.SelfTrade{
	CancelTaker: ordersv1.SelfTrade_SELF_TRADE_CANCEL_TAKER, NoPrevention: ordersv1.SelfTrade_SELF_TRADE_NONE,
	CancelMaker: ordersv1.SelfTrade_SELF_TRADE_CANCEL_MAKER, CancelBoth: ordersv1.SelfTrade_SELF_TRADE_CANCEL_BOTH,
	Decrement: ordersv1.SelfTrade_SELF_TRADE_DECREMENT,
}

// player drives an engine with records. Account a of the tape is the engine's
// a+1 and ref r its client_ref r+1, since the engine knows no 0.
type player struct {
	engine *engine.Engine
	batch  engine.Batch // of the pack at hand
	reply  *engine.Reply
	self   uint8
	seq    uint64
	nowMs  int64
	room   [packSize]engine.Command // of the pack at hand
}

// market is the number of the only one.
const market = 1

// newPlayer makes a venue with one market and, when asked for, the money of the
// records' accounts.
func newPlayer(records []Record, s Settings) (*player, error) {
	p := &player{engine: engine.New(hugepage.Options()), self: uint8(protoSelfTrade[s.SelfTrade])}
	if len(records) > 0 {
		p.moveTime(records[0].TimeMs)
	}
	base, quote := []byte("BASE"), []byte("QUOTE")
	p.send(ordersv1.FromAdmin, []engine.Command{
		{Op: engine.OpAddAsset, Admin: &engine.Admin{Name: base}}, {Op: engine.OpAddAsset, Admin: &engine.Admin{Name: quote}},
		{Op: engine.OpAddMarket, Admin: &engine.Admin{Name: []byte("BASE-QUOTE"), Base: base, Quote: quote, Tick: 1, Lot: 1, MakerPPM: s.MakerPPM, TakerPPM: s.TakerPPM}},
	})
	if p.engine.Markets() != market {
		return nil, fmt.Errorf("making the market: fees of %d and %d ppm, want 0 to 1,000,000", s.MakerPPM, s.TakerPPM)
	}
	if s.Prefund {
		p.prefund(accounts(records), base, quote)
	}
	return p, nil
}

// accounts returns the records' accounts, each once, in order.
func accounts(records []Record) []uint32 {
	seen := map[uint32]struct{}{}
	var out []uint32
	for i := range records {
		a := records[i].Account
		if _, known := seen[a]; !known {
			seen[a] = struct{}{}
			out = append(out, a)
		}
	}
	slices.Sort(out)
	return out
}

func (p *player) prefund(accounts []uint32, assets ...[]byte) {
	var pack []engine.Command
	for _, a := range accounts {
		for _, asset := range assets {
			pack = append(pack, engine.Command{Op: engine.OpDeposit, Account: uint64(a) + 1, Admin: &engine.Admin{
				Name: asset, Amount: math.MaxInt64 / int64(len(accounts)), ID: fmt.Appendf(nil, "%s-%d", asset, a)}})
		}
	}
	for part := range slices.Chunk(pack, packSize) {
		p.send(ordersv1.FromFunds, part)
	}
}

func (p *player) send(from string, commands []engine.Command) {
	p.begin(from)
	for i := range commands {
		p.engine.Do(&commands[i])
	}
	p.engine.End()
}

// moveTime takes a record's time; it never goes back.
func (p *player) moveTime(ms uint64) { p.nowMs = max(p.nowMs, int64(min(ms, math.MaxInt64))) }

// begin opens a pack. Sent and stored at once, so that no leap is doubted.
func (p *player) begin(from string) {
	p.seq++
	p.batch.Reset()
	p.engine.Begin(engine.PackHead{Seq: p.seq, From: from, ServerMs: p.nowMs, Gateway: gateway, PackNo: p.seq, SentMs: p.nowMs}, &p.batch, p.reply)
}

// commands makes a pack of up to packSize records, and moves the time to it.
func (p *player) commands(records []Record) []engine.Command {
	p.moveTime(records[0].TimeMs)
	commands := p.room[:len(records)]
	for i := range records {
		p.command(&commands[i], &records[i])
	}
	return commands
}

// pack applies up to packSize records; after each, look is told the record's
// index within them.
func (p *player) pack(records []Record, look func(i int) error) error {
	commands := p.commands(records)
	p.begin(ordersv1.FromAPI)
	for i := range commands {
		p.engine.Do(&commands[i])
		if err := look(i); err != nil {
			return err
		}
	}
	p.engine.End()
	return nil
}

// tifs is the engine's time in force of limit orders.
var tifs = [...]uint8{
	GTC: uint8(ordersv1.TimeInForce_TIME_IN_FORCE_GTC), IOC: uint8(ordersv1.TimeInForce_TIME_IN_FORCE_IOC),
	FOK: uint8(ordersv1.TimeInForce_TIME_IN_FORCE_FOK), PostOnly: uint8(ordersv1.TimeInForce_TIME_IN_FORCE_GTC),
}

// command makes c what the record asks for. Quantities above 2^63-1 become
// negative, which the engine rejects.
func (p *player) command(c *engine.Command, r *Record) {
	*c = engine.Command{Account: uint64(r.Account) + 1, Ref: r.Ref + 1}
	if !r.means() {
		c.Op = engine.OpBad
		return
	}
	switch r.Op {
	case OpCancel:
		c.Op = engine.OpCancel
		return
	case OpAmend:
		c.Op = engine.OpAmend
		c.Price, c.Quantity = r.Price, int64(r.Quantity)
		return
	}
	c.Op, c.Market, c.SelfTrade = engine.OpNew, market, p.self
	c.Side, c.Price, c.Quantity = uint8(ordersv1.Side_SIDE_BUY)+uint8(r.Side), r.Price, int64(r.Quantity)
	c.PostOnly = r.TIF == PostOnly
	c.Type, c.TIF = uint8(ordersv1.OrderType_ORDER_TYPE_LIMIT), tifs[r.TIF]
	if r.Kind == Market {
		c.Type, c.TIF = uint8(ordersv1.OrderType_ORDER_TYPE_MARKET), 0
		if r.TIF == FOK {
			c.TIF = tifs[FOK]
		}
	}
}

// Summary is what became of a tape.
type Summary struct {
	Commands int
	Accepted int
	Amended  int
	Canceled int
	Rejected map[string]int // by reason
	Trades   int
	Lots     uint64 // traded
	Volume   Volume // price x quantity of all trades
	Resting  int    // orders at the end
	Digest   [32]byte
	Took     time.Duration // without setup
}

// Volume is a sum of notionals in 128 bits.
type Volume struct{ hi, lo uint64 }

// Play plays records through a new engine. Events are written to events as the
// package's documentation says, none when it is nil; an error is its.
func Play(records []Record, s Settings, events io.Writer) (Summary, error) {
	p, err := newPlayer(records, s)
	if err != nil {
		return Summary{}, err
	}
	l := newLog(events)
	began := time.Now()
	for at := 0; at < len(records); at += packSize {
		part := records[at:min(at+packSize, len(records))]
		seen := 0 // the pack's own events come with the first command's and are no lines
		err := p.pack(part, func(i int) (err error) {
			seen, err = l.command(at+i, &part[i], p.batch.Bytes(), seen)
			return err
		})
		if err != nil {
			return Summary{}, err
		}
		l.sum.Digest = p.engine.Digest()
	}
	if err := l.flush(); err != nil {
		return Summary{}, err
	}
	l.sum.Commands, l.sum.Took, l.sum.Resting = len(records), time.Since(began), p.engine.Size().LiveOrders
	return l.sum, nil
}

// errEvents is a batch that this package cannot read, which is a mistake of this
// program.
var errEvents = errors.New("the engine's events cannot be read")
