package venue

import (
	"fmt"
	"math/rand/v2"

	"google.golang.org/protobuf/proto"

	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/orderbook/core"
)

// sent is a pack that is not known to be stored.
type sent struct {
	subject, id string
	data        []byte
}

// gateway publishes packs in order: one of unknown outcome is sent again
// unchanged before the next.
type gateway struct {
	world   *World
	from    string
	name    string
	no      uint64
	pending *sent
	script  []*ordersv1.Command // what it sends first
}

func (w *World) gateway(from string, script ...*ordersv1.Command) *gateway {
	g := &gateway{world: w, from: from, script: script}
	g.restart()
	return g
}

// restart is a crash: a new process is a new gateway. A client that had no
// answer asks again under the same client order id, through any of them.
func (g *gateway) restart() {
	g.world.names++
	g.name, g.no, g.pending = fmt.Sprintf("%s-%d", g.from, g.world.names), 0, nil
}

func (g *gateway) step() error {
	w := g.world
	if g.pending == nil {
		cmds := g.commands()
		if len(cmds) == 0 {
			return nil
		}
		g.no++
		sentAt := w.now
		if w.chance(50) {
			sentAt -= 6000 // it was under way for long
		}
		data, err := proto.Marshal(&ordersv1.Pack{Gateway: g.name, PackNo: g.no, SentAtMs: sentAt, Commands: cmds})
		if err != nil {
			return err
		}
		g.pending = &sent{ordersv1.Subject(name, g.from), ordersv1.MsgID(g.name, g.no), data}
	}
	p := g.pending
	if g.from == ordersv1.FromAPI && !w.resting && w.chance(2) {
		// To be gathered; it stays pending until it is answered, or sent by itself.
		if len(w.sent) < 8 {
			w.sent = append(w.sent, p.data)
		}
		return nil
	}
	_, duplicate, err := w.Orders.Put(p.subject, p.id, p.data)
	if err != nil {
		w.count("pack of unknown outcome")
		return nil
	}
	if duplicate {
		w.count("duplicate of a pack")
	}
	g.pending = nil
	if w.chance(20) {
		// Once more, after the server forgot the id: only its number tells.
		w.Orders.Forget()
		_, _, _ = w.Orders.Put(p.subject, p.id, p.data)
		w.count("pack twice in ORDERS")
	}
	return nil
}

func (g *gateway) commands() []*ordersv1.Command {
	w := g.world
	if n := min(len(g.script), 4); n > 0 {
		out := g.script[:n]
		g.script = g.script[n:]
		return out
	}
	switch g.from {
	case ordersv1.FromAPI:
		var out []*ordersv1.Command
		for range 1 + w.rng.IntN(4) {
			out = append(out, w.order())
		}
		if w.chance(30) {
			out = append(out, &ordersv1.Command{}) // nobody knows what this is
		}
		return out
	case ordersv1.FromFunds:
		w.deposits++
		return []*ordersv1.Command{deposit(1+uint64(w.rng.IntN(accounts)), w.rng, fmt.Sprint("d", w.deposits-w.rng.IntN(2)))}
	default:
		return []*ordersv1.Command{w.rule()}
	}
}

func deposit(account uint64, rng *rand.Rand, id string) *ordersv1.Command {
	asset := []string{"USD", "WINE"}[rng.IntN(2)]
	return &ordersv1.Command{Op: &ordersv1.Command_Deposit{Deposit: &ordersv1.Deposit{Account: account, Asset: asset, Amount: int64(1 + rng.IntN(1_000_000)), DepositId: id}}}
}

// opening are the commands that every world begins with.
func opening() (admin, funds []*ordersv1.Command) {
	add := func(symbol string, phase ordersv1.Phase, limits *ordersv1.Limits) *ordersv1.Command {
		return &ordersv1.Command{Op: &ordersv1.Command_AddMarket{AddMarket: &ordersv1.AddMarket{Symbol: symbol, Base: "WINE", Quote: "USD", Tick: 1, Lot: 1,
			MakerFeePpm: 500, TakerFeePpm: 1500, Phase: phase, Limits: limits}}}
	}
	admin = []*ordersv1.Command{
		{Op: &ordersv1.Command_Activate{Activate: &ordersv1.Activate{Semantics: 3}}},
		{Op: &ordersv1.Command_Activate{Activate: &ordersv1.Activate{Semantics: core.GatheredPacks}}},
		{Op: &ordersv1.Command_AddAsset{AddAsset: &ordersv1.AddAsset{Name: "USD", Scale: 2}}},
		{Op: &ordersv1.Command_AddAsset{AddAsset: &ordersv1.AddAsset{Name: "WINE"}}},
		add("WINE-USD", 0, nil),
		add("CASK-USD", ordersv1.Phase_PHASE_AUCTION, &ordersv1.Limits{ReferenceTicks: 100, PausePpm: 50_000, PauseMs: 5000, CollarPpm: 500_000}),
	}
	for account := range uint64(accounts) {
		for k, asset := range []string{"USD", "WINE"} {
			funds = append(funds, &ordersv1.Command{Op: &ordersv1.Command_Deposit{Deposit: &ordersv1.Deposit{Account: account + 1, Asset: asset, Amount: 1 << 30,
				DepositId: fmt.Sprintf("open-%d-%d", account, k)}}})
		}
	}
	return admin, funds
}

// rule is something that an operator does.
func (w *World) rule() *ordersv1.Command {
	market := uint32(1 + w.rng.IntN(2))
	switch w.rng.IntN(8) {
	case 0:
		return &ordersv1.Command{Op: &ordersv1.Command_SetPhase{SetPhase: &ordersv1.SetPhase{Market: market, Phase: ordersv1.Phase_PHASE_AUCTION, EndsAtMs: w.now + int64(w.rng.IntN(4000))}}}
	case 1:
		return &ordersv1.Command{Op: &ordersv1.Command_SetPhase{SetPhase: &ordersv1.SetPhase{Market: market, Phase: ordersv1.Phase(2 + w.rng.IntN(3))}}}
	case 2:
		return &ordersv1.Command{Op: &ordersv1.Command_CancelAll{CancelAll: &ordersv1.CancelAll{Market: market}}}
	case 3, 4, 5:
		return &ordersv1.Command{Op: &ordersv1.Command_SetPhase{SetPhase: &ordersv1.SetPhase{Market: market, Phase: ordersv1.Phase_PHASE_CONTINUOUS}}}
	}
	return &ordersv1.Command{Op: &ordersv1.Command_AcceptTime{AcceptTime: &ordersv1.AcceptTime{}}}
}

// order is something that a client asks for. Now and then one asks again for
// what it has no answer to.
func (w *World) order() *ordersv1.Command {
	r, account := w.rng, 1+uint64(w.rng.IntN(accounts))
	if len(w.asked) > 0 && r.IntN(6) == 0 {
		w.count("command asked again")
		return w.asked[r.IntN(len(w.asked))]
	}
	w.clients++
	id := fmt.Sprintf("c%d", w.clients)
	switch r.IntN(12) {
	case 0, 1, 2:
		return &ordersv1.Command{Op: &ordersv1.Command_Cancel{Cancel: &ordersv1.CancelOrder{Account: account, OrderId: 1 + uint64(r.IntN(w.clients))}}}
	case 3:
		return &ordersv1.Command{Op: &ordersv1.Command_Amend{Amend: &ordersv1.AmendOrder{Account: account, ClientOrderId: fmt.Sprintf("c%d", 1+r.IntN(w.clients)), QuantityLots: 1 + int64(r.IntN(20)), PriceTicks: int64(r.IntN(2)) * (90 + int64(r.IntN(20)))}}}
	case 4:
		if r.IntN(4) == 0 {
			return &ordersv1.Command{Op: &ordersv1.Command_CancelAll{CancelAll: &ordersv1.CancelAll{Account: account}}}
		}
		return &ordersv1.Command{Op: &ordersv1.Command_KeepAlive{KeepAlive: &ordersv1.KeepAlive{Account: account, TimeoutMs: int64(r.IntN(3)) * 1500}}}
	}
	o := &ordersv1.NewOrder{Account: account, Market: uint32(1 + r.IntN(2)), Side: ordersv1.Side(1 + r.IntN(2)), Type: ordersv1.OrderType_ORDER_TYPE_LIMIT,
		TimeInForce: ordersv1.TimeInForce_TIME_IN_FORCE_GTC, PriceTicks: 90 + int64(r.IntN(20)), QuantityLots: 1 + int64(r.IntN(20)), ClientOrderId: id,
		SelfTrade: ordersv1.SelfTrade(r.IntN(6))}
	switch r.IntN(8) {
	case 0:
		o.Type, o.TimeInForce, o.PriceTicks, o.ProtectionTicks = ordersv1.OrderType_ORDER_TYPE_MARKET, 0, 0, int64(r.IntN(2))*105
	case 1:
		o.Type, o.TimeInForce, o.PriceTicks, o.TriggerTicks, o.ProtectionTicks = ordersv1.OrderType_ORDER_TYPE_STOP, 0, 0, 90+int64(r.IntN(20)), 120
	case 2:
		o.Type, o.TriggerTicks = ordersv1.OrderType_ORDER_TYPE_STOP_LIMIT, 90+int64(r.IntN(20))
	case 3:
		o.Type, o.TimeInForce, o.PriceTicks, o.TrailTicks, o.ProtectionTicks = ordersv1.OrderType_ORDER_TYPE_TRAILING_STOP, 0, 0, 1+int64(r.IntN(5)), 120
	case 4:
		o.DisplayLots = 1 + int64(r.IntN(int(o.QuantityLots)))
	case 5:
		o.TimeInForce = ordersv1.TimeInForce(2 + r.IntN(2))
	case 6:
		o.TimeInForce, o.ExpiresAtMs = ordersv1.TimeInForce_TIME_IN_FORCE_GTD, w.now+int64(r.IntN(5000))
	}
	c := &ordersv1.Command{Op: &ordersv1.Command_NewOrder{NewOrder: o}}
	if r.IntN(8) == 0 {
		o.ClientOrderId = id + "p"
		second := proto.Clone(o).(*ordersv1.NewOrder)
		second.ClientOrderId, second.PriceTicks = id+"q", second.PriceTicks*2
		c = &ordersv1.Command{Op: &ordersv1.Command_NewPair{NewPair: &ordersv1.NewPair{First: o, Second: second}}}
	}
	if w.asked = append(w.asked, c); len(w.asked) > 30 {
		w.asked = w.asked[1:]
	}
	return c
}
