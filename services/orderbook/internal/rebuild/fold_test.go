package rebuild

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"google.golang.org/protobuf/proto"

	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/orderbook/internal/engine"
)

// venue is an engine and the fold of what it publishes.
type venue struct {
	t      *testing.T
	rng    *rand.Rand
	e      *engine.Engine
	fold   *Fold
	out    engine.Batch
	seq    uint64
	nowMs  int64
	tail   uint64
	sum    []byte
	names  int
	firstE uint64
	firstI uint64
	last   []byte    // newest message
	kept   []Message // all
	seed   uint64
}

func newVenue(t *testing.T, seed uint64) *venue {
	v := &venue{t: t, rng: rand.New(rand.NewPCG(seed, 7)), e: engine.New(engine.Options{}), fold: New(), nowMs: 1_700_000_000_000, seed: seed}
	v.pack(ordersv1.FromAdmin, &ordersv1.Command{Op: &ordersv1.Command_AddAsset{AddAsset: &ordersv1.AddAsset{Name: "USD", Scale: 2}}},
		&ordersv1.Command{Op: &ordersv1.Command_AddAsset{AddAsset: &ordersv1.AddAsset{Name: "WINE", Scale: 1}}},
		&ordersv1.Command{Op: &ordersv1.Command_AddMarket{AddMarket: &ordersv1.AddMarket{Symbol: "WINE-USD", Base: "WINE", Quote: "USD", Tick: 5, Lot: 2,
			MakerFeePpm: 700, TakerFeePpm: 1900, DayEndsMs: 3_600_000, Limits: &ordersv1.Limits{PausePpm: 200_000, PauseMs: 4000, ReferenceTicks: 100}}}},
		&ordersv1.Command{Op: &ordersv1.Command_AddMarket{AddMarket: &ordersv1.AddMarket{Symbol: "WINE-AUC", Base: "WINE", Quote: "USD", Tick: 5, Lot: 2,
			Phase: ordersv1.Phase_PHASE_AUCTION, Limits: &ordersv1.Limits{CollarPpm: 300_000, ReferenceTicks: 100}}}})
	v.flush()
	return v
}

func (v *venue) pack(from string, cmds ...*ordersv1.Command) {
	v.t.Helper()
	v.seq += 1 + uint64(v.rng.IntN(2))
	data, err := proto.Marshal(&ordersv1.Pack{Gateway: fmt.Sprint("g", v.rng.IntN(3)), PackNo: v.seq, SentAtMs: v.nowMs, Commands: cmds})
	if err != nil {
		v.t.Fatal(err)
	}
	if v.out.Len() == 0 {
		v.firstE, v.firstI = v.e.Events()+1, v.seq
	}
	v.e.Apply(engine.Input{Seq: v.seq, From: from, ServerMs: v.nowMs, Data: data}, &v.out, nil)
}

// flush publishes what was applied, in parts, to the fold.
func (v *venue) flush() {
	v.t.Helper()
	o := engine.NewOutput(&v.out, 300+v.rng.IntN(4000))
	o.FirstInSeq, o.LastInSeq, o.FirstEvent, o.Digest, o.Semantics = v.firstI, v.e.LastInSeq(), v.firstE, v.e.Digest(), v.e.Semantics()
	for k := range o.Parts() {
		v.last = o.AppendPart(nil, k, v.tail, v.sum)
		sum := sha256.Sum256(v.last)
		v.tail, v.sum = v.tail+1, sum[:]
		if err := v.fold.Message(v.tail, v.last, v.sum); err != nil {
			v.t.Fatal(err)
		}
		v.kept = append(v.kept, Message{v.tail, v.last, v.sum})
	}
	v.out.Reset()
}

func pick[T any](v *venue, of ...T) T { return of[v.rng.IntN(len(of))] }

func (v *venue) maybe(n int) bool { return v.rng.IntN(n) == 0 }

func (v *venue) order(account uint64) *ordersv1.NewOrder {
	v.names++
	o := &ordersv1.NewOrder{
		Account: account, Market: uint32(1 + v.rng.IntN(2)), Side: ordersv1.Side(1 + v.rng.IntN(2)), Type: ordersv1.OrderType_ORDER_TYPE_LIMIT,
		TimeInForce:  pick(v, ordersv1.TimeInForce_TIME_IN_FORCE_GTC, ordersv1.TimeInForce_TIME_IN_FORCE_GTC, ordersv1.TimeInForce_TIME_IN_FORCE_IOC, ordersv1.TimeInForce_TIME_IN_FORCE_FOK, ordersv1.TimeInForce_TIME_IN_FORCE_GTD, ordersv1.TimeInForce_TIME_IN_FORCE_DAY),
		QuantityLots: int64(1 + v.rng.IntN(20)), SelfTrade: ordersv1.SelfTrade(v.rng.IntN(6)), PriceTicks: int64(90 + v.rng.IntN(21)),
	}
	if v.maybe(3) {
		o.ClientRef = uint64(1 + v.rng.IntN(40))
	} else {
		o.ClientOrderId = fmt.Sprint("n", v.names-v.rng.IntN(4))
	}
	if o.TimeInForce == ordersv1.TimeInForce_TIME_IN_FORCE_GTD {
		o.ExpiresAtMs = v.nowMs + int64(v.rng.IntN(20_000))
	}
	rests := o.TimeInForce != ordersv1.TimeInForce_TIME_IN_FORCE_IOC && o.TimeInForce != ordersv1.TimeInForce_TIME_IN_FORCE_FOK
	if rests && v.maybe(4) {
		o.DisplayLots = 1 + int64(v.rng.IntN(int(o.QuantityLots)))
	}
	o.PostOnly = rests && v.maybe(6)
	if v.maybe(10) {
		o.MinLots = 1 + int64(v.rng.IntN(int(o.QuantityLots)))
	}
	if v.maybe(2) {
		return o
	}
	o.MinLots = 0
	o.Type = ordersv1.OrderType(2 + v.rng.IntN(6))
	limit := o.Type == ordersv1.OrderType_ORDER_TYPE_STOP_LIMIT || o.Type == ordersv1.OrderType_ORDER_TYPE_TAKE_PROFIT_LIMIT
	if !limit {
		o.PriceTicks, o.DisplayLots, o.PostOnly, o.ExpiresAtMs = 0, 0, false, 0
		o.TimeInForce = pick(v, ordersv1.TimeInForce_TIME_IN_FORCE_UNSPECIFIED, ordersv1.TimeInForce_TIME_IN_FORCE_IOC, ordersv1.TimeInForce_TIME_IN_FORCE_FOK)
		if v.maybe(2) {
			o.ProtectionTicks = int64(90 + v.rng.IntN(21))
		} else if o.Side == ordersv1.Side_SIDE_BUY {
			o.QuantityLots, o.QuoteBudget = 0, int64(1+v.rng.IntN(20_000))
		}
	}
	switch o.Type {
	case ordersv1.OrderType_ORDER_TYPE_MARKET:
	case ordersv1.OrderType_ORDER_TYPE_TRAILING_STOP:
		o.TrailTicks = int64(1 + v.rng.IntN(8))
		if v.maybe(2) {
			o.TriggerTicks = int64(90 + v.rng.IntN(21))
		}
	default:
		o.TriggerTicks = int64(90 + v.rng.IntN(21))
	}
	return o
}

func (v *venue) named(account uint64) *ordersv1.CancelOrder {
	c := &ordersv1.CancelOrder{Account: account}
	if v.maybe(2) {
		c.ClientOrderId = fmt.Sprint("n", v.names-v.rng.IntN(60))
	} else {
		c.ClientRef = uint64(1 + v.rng.IntN(40))
	}
	return c
}

// command is any command of a trader.
func (v *venue) command() *ordersv1.Command {
	account := uint64(1 + v.rng.IntN(4))
	switch v.rng.IntN(20) {
	case 0, 1, 2:
		return &ordersv1.Command{Op: &ordersv1.Command_Cancel{Cancel: v.named(account)}}
	case 3, 4:
		n := v.named(account)
		a := &ordersv1.AmendOrder{Account: account, ClientOrderId: n.ClientOrderId, ClientRef: n.ClientRef, QuantityLots: int64(v.rng.IntN(20))}
		if v.maybe(2) {
			a.PriceTicks = int64(90 + v.rng.IntN(21))
		}
		return &ordersv1.Command{Op: &ordersv1.Command_Amend{Amend: a}}
	case 5:
		return &ordersv1.Command{Op: &ordersv1.Command_Replace{Replace: &ordersv1.ReplaceOrder{Cancel: v.named(account), NewOrder: v.order(account)}}}
	case 6, 7, 8:
		first, second := v.order(account), v.order(account)
		second.Market, second.Side = first.Market, first.Side
		return &ordersv1.Command{Op: &ordersv1.Command_NewPair{NewPair: &ordersv1.NewPair{First: first, Second: second}}}
	case 9:
		if v.maybe(4) {
			return &ordersv1.Command{Op: &ordersv1.Command_CancelAll{CancelAll: &ordersv1.CancelAll{Account: account, Market: uint32(v.rng.IntN(3)), Side: ordersv1.Side(v.rng.IntN(3))}}}
		}
		return &ordersv1.Command{Op: &ordersv1.Command_KeepAlive{KeepAlive: &ordersv1.KeepAlive{Account: account, TimeoutMs: int64(v.rng.IntN(60_000))}}}
	}
	return &ordersv1.Command{Op: &ordersv1.Command_NewOrder{NewOrder: v.order(account)}}
}

// rule is any command of the house.
func (v *venue) rule() (string, *ordersv1.Command) {
	market := uint32(1 + v.rng.IntN(2))
	switch v.rng.IntN(6) {
	case 0:
		return ordersv1.FromFunds, &ordersv1.Command{Op: &ordersv1.Command_Withdraw{Withdraw: &ordersv1.Withdraw{Account: uint64(1 + v.rng.IntN(4)), Asset: pick(v, "USD", "WINE"), Amount: int64(1 + v.rng.IntN(100)), WithdrawalId: fmt.Sprint("w", v.seq)}}}
	case 1:
		return ordersv1.FromAdmin, &ordersv1.Command{Op: &ordersv1.Command_SetLimits{SetLimits: &ordersv1.SetLimits{Market: market, Limits: &ordersv1.Limits{
			CollarPpm: int64(v.rng.IntN(2)) * 150_000, PausePpm: int64(v.rng.IntN(2)) * 50_000, PauseMs: 3000, ReferenceTicks: 100}}}}
	}
	p := &ordersv1.SetPhase{Market: market, Phase: ordersv1.Phase(1 + v.rng.IntN(5))}
	if v.maybe(2) {
		p.Phase = ordersv1.Phase_PHASE_CONTINUOUS
	}
	if p.Phase == ordersv1.Phase_PHASE_AUCTION && v.maybe(2) {
		p.EndsAtMs = v.nowMs + int64(1+v.rng.IntN(5000))
	}
	return ordersv1.FromAdmin, &ordersv1.Command{Op: &ordersv1.Command_SetPhase{SetPhase: p}}
}

func (v *venue) fund() {
	var cmds []*ordersv1.Command
	for account := uint64(1); account <= 4; account++ {
		for _, asset := range []string{"USD", "WINE"} {
			cmds = append(cmds, &ordersv1.Command{Op: &ordersv1.Command_Deposit{Deposit: &ordersv1.Deposit{Account: account, Asset: asset,
				Amount: int64(20_000 + v.rng.IntN(200_000)), DepositId: fmt.Sprint(asset, account, "-", v.seq)}}})
		}
	}
	v.pack(ordersv1.FromFunds, cmds...)
}

// same compares the fold's engine with the one that computed.
func (v *venue) same() {
	v.t.Helper()
	folded, err := v.fold.Engine()
	if err != nil {
		v.t.Fatalf("seed %d, after pack %d: %v", v.seed, v.seq, err)
	}
	if !bytes.Equal(folded.AppendSnapshot(nil), v.e.AppendSnapshot(nil)) {
		v.t.Fatalf("seed %d, after pack %d: the digests agree and the snapshots do not", v.seed, v.seq)
	}
}

// TestFoldOfRandomLives: whatever traders and the house do, the events alone
// make the state, at every output.
func TestFoldOfRandomLives(t *testing.T) {
	t.Parallel()
	var trades uint64
	lives := 60
	if n, err := strconv.Atoi(os.Getenv("FONDACO_LIVES")); err == nil {
		lives = n
	}
	for seed := range uint64(lives) {
		v := newVenue(t, seed)
		v.fund()
		for n := range 250 {
			if v.maybe(4) {
				v.nowMs += int64(v.rng.IntN(3000))
			}
			switch {
			case v.maybe(400):
				v.nowMs += 30 * 3_600_000 // client order ids, gateways and days end
			case v.maybe(60):
				v.fund()
			}
			if v.maybe(12) {
				from, c := v.rule()
				v.pack(from, c)
			} else {
				var cmds []*ordersv1.Command
				for range 1 + v.rng.IntN(8) {
					cmds = append(cmds, v.command())
				}
				v.pack(ordersv1.FromAPI, cmds...)
			}
			if v.maybe(3) {
				v.flush()
				if n%5 == 0 {
					v.same()
				}
			}
		}
		v.flush()
		v.same()
		trades += v.fold.s.TradeID
	}
	if trades < uint64(lives)*100 {
		t.Errorf("there were only %d trades", trades)
	}
}

// TestFoldKnowsTheClock: doubt, halt and its end.
func TestFoldKnowsTheClock(t *testing.T) {
	t.Parallel()
	v := newVenue(t, 1)
	v.fund()
	sent := v.nowMs
	leap := func(from string, cmds ...*ordersv1.Command) {
		v.seq++
		data, err := proto.Marshal(&ordersv1.Pack{Gateway: from, PackNo: v.seq, SentAtMs: sent, Commands: cmds})
		if err != nil {
			t.Fatal(err)
		}
		if v.out.Len() == 0 {
			v.firstE, v.firstI = v.e.Events()+1, v.seq
		}
		v.e.Apply(engine.Input{Seq: v.seq, From: from, ServerMs: sent + 600_000, Data: data}, &v.out, nil)
		v.flush()
		v.same()
	}
	leap(ordersv1.FromAPI)
	leap(ordersv1.FromTick)
	if v.e.Halted() {
		t.Fatal("halted too early")
	}
	leap(ordersv1.FromTick)
	if !v.e.Halted() {
		t.Fatal("not halted: the test tests nothing")
	}
	leap(ordersv1.FromAPI)
	leap(ordersv1.FromAdmin, &ordersv1.Command{Op: &ordersv1.Command_AcceptTime{AcceptTime: &ordersv1.AcceptTime{}}})
	if v.e.Halted() {
		t.Fatal("still halted")
	}
}

// TestFoldRefuses a journal with a hole, with a message twice, and a digest that
// is not the state's.
func TestFoldRefuses(t *testing.T) {
	t.Parallel()
	v := newVenue(t, 2)
	v.fund()
	v.flush()
	v.same()
	if err := v.fold.Message(v.tail+1, v.last, v.sum); !errors.Is(err, ErrIncomplete) {
		t.Errorf("a message twice: %v", err)
	}
	v.pack(ordersv1.FromAPI, v.command())
	v.out.Reset()
	v.pack(ordersv1.FromAPI, v.command())
	o := engine.NewOutput(&v.out, 1<<20)
	o.FirstInSeq, o.LastInSeq, o.FirstEvent, o.Digest, o.Semantics = v.seq, v.seq, v.firstE, v.e.Digest(), v.e.Semantics()
	if err := v.fold.Message(v.tail+1, o.AppendPart(nil, 0, v.tail, v.sum), nil); !errors.Is(err, ErrIncomplete) {
		t.Errorf("a hole: %v", err)
	}
	w := newVenue(t, 3)
	w.fund()
	w.flush()
	w.fold.digest = bytes.Repeat([]byte{1}, 32)
	if _, err := w.fold.Engine(); !errors.Is(err, ErrIncomplete) {
		t.Errorf("another digest: %v", err)
	}
}
