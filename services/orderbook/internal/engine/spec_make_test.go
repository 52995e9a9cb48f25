package engine_test

import (
	ordersv1 "fondaco.dev/proto/orders/v1"
)

const (
	buy  = ordersv1.Side_SIDE_BUY
	sell = ordersv1.Side_SIDE_SELL

	gtc = ordersv1.TimeInForce_TIME_IN_FORCE_GTC
	ioc = ordersv1.TimeInForce_TIME_IN_FORCE_IOC
	fok = ordersv1.TimeInForce_TIME_IN_FORCE_FOK
	gtd = ordersv1.TimeInForce_TIME_IN_FORCE_GTD
	day = ordersv1.TimeInForce_TIME_IN_FORCE_DAY

	limitType       = ordersv1.OrderType_ORDER_TYPE_LIMIT
	marketType      = ordersv1.OrderType_ORDER_TYPE_MARKET
	stopType        = ordersv1.OrderType_ORDER_TYPE_STOP
	stopLimitType   = ordersv1.OrderType_ORDER_TYPE_STOP_LIMIT
	takeProfitType  = ordersv1.OrderType_ORDER_TYPE_TAKE_PROFIT
	takeProfitLimit = ordersv1.OrderType_ORDER_TYPE_TAKE_PROFIT_LIMIT
	trailingType    = ordersv1.OrderType_ORDER_TYPE_TRAILING_STOP
)

// command wraps the body of any command.
func command(body any) *ordersv1.Command {
	switch b := body.(type) {
	case *ordersv1.NewOrder:
		return &ordersv1.Command{Op: &ordersv1.Command_NewOrder{NewOrder: b}}
	case *ordersv1.CancelOrder:
		return &ordersv1.Command{Op: &ordersv1.Command_Cancel{Cancel: b}}
	case *ordersv1.AmendOrder:
		return &ordersv1.Command{Op: &ordersv1.Command_Amend{Amend: b}}
	case *ordersv1.ReplaceOrder:
		return &ordersv1.Command{Op: &ordersv1.Command_Replace{Replace: b}}
	case *ordersv1.NewPair:
		return &ordersv1.Command{Op: &ordersv1.Command_NewPair{NewPair: b}}
	case *ordersv1.CancelAll:
		return &ordersv1.Command{Op: &ordersv1.Command_CancelAll{CancelAll: b}}
	case *ordersv1.KeepAlive:
		return &ordersv1.Command{Op: &ordersv1.Command_KeepAlive{KeepAlive: b}}
	case *ordersv1.Deposit:
		return &ordersv1.Command{Op: &ordersv1.Command_Deposit{Deposit: b}}
	case *ordersv1.Withdraw:
		return &ordersv1.Command{Op: &ordersv1.Command_Withdraw{Withdraw: b}}
	case *ordersv1.AddAsset:
		return &ordersv1.Command{Op: &ordersv1.Command_AddAsset{AddAsset: b}}
	case *ordersv1.AddMarket:
		return &ordersv1.Command{Op: &ordersv1.Command_AddMarket{AddMarket: b}}
	case *ordersv1.SetPhase:
		return &ordersv1.Command{Op: &ordersv1.Command_SetPhase{SetPhase: b}}
	case *ordersv1.SetLimits:
		return &ordersv1.Command{Op: &ordersv1.Command_SetLimits{SetLimits: b}}
	case *ordersv1.Delist:
		return &ordersv1.Command{Op: &ordersv1.Command_Delist{Delist: b}}
	case *ordersv1.Activate:
		return &ordersv1.Command{Op: &ordersv1.Command_Activate{Activate: b}}
	case *ordersv1.AcceptTime:
		return &ordersv1.Command{Op: &ordersv1.Command_AcceptTime{AcceptTime: b}}
	case *ordersv1.Tick:
		return &ordersv1.Command{Op: &ordersv1.Command_Tick{Tick: b}}
	}
	return &ordersv1.Command{}
}

// source draws a number in 0..n-1: from rapid, or from the bytes of a tape.
type source func(n int) int

// one draws an element.
func one[T any](draw source, of ...T) T { return of[draw(len(of))] }

// often is true k times of n.
func often(draw source, k, n int) bool { return draw(n) >= n-k }

// maker makes packs that collide: few accounts, few prices, tight balances.
type maker struct {
	draw   source
	r      *rig
	refs   uint64
	trails int // of 10 + trails orders are trailing stops
}

// open makes the assets, three markets of different temper, and the money.
func (k *maker) open() {
	d := k.draw
	ms := func(m *ordersv1.AddMarket) *ordersv1.Command { return command(m) }
	k.r.send("admin",
		command(&ordersv1.AddAsset{Name: "USD", Scale: 2}), command(&ordersv1.AddAsset{Name: "WINE"}), command(&ordersv1.AddAsset{Name: "OIL", Scale: 2}),
		ms(&ordersv1.AddMarket{Symbol: "WINE-USD", Base: "WINE", Quote: "USD", Tick: 1, Lot: 1, MakerFeePpm: 1000, TakerFeePpm: 2500,
			DayEndsMs: 3_600_000, Phase: one(d, ordersv1.Phase_PHASE_UNSPECIFIED, ordersv1.Phase_PHASE_AUCTION)}),
		ms(&ordersv1.AddMarket{Symbol: "OIL-USD", Base: "OIL", Quote: "USD", Tick: 10, Lot: 10, MakerFeePpm: 30_000, TakerFeePpm: 7,
			Limits: &ordersv1.Limits{CollarPpm: 80_000, PausePpm: 30_000, PauseMs: 2500, ReferenceTicks: one[int64](d, 0, 100)}}),
		ms(&ordersv1.AddMarket{Symbol: "OIL-WINE", Base: "OIL", Quote: "WINE", Tick: 100, Lot: 1, OneSide: true,
			Limits: &ordersv1.Limits{MinLots: 2, MaxLots: 15, MinNotional: 150, MaxNotional: 1400}}))
	if k.trails = 1 + 5*d(2); d(4) != 0 {
		k.r.send("admin", command(&ordersv1.Activate{Semantics: 3}))
	}
	for a := uint64(1); a <= 4; a++ {
		for _, as := range []string{"USD", "WINE", "OIL"} {
			amount := int64(3000)
			if as != "USD" {
				amount = one[int64](d, 20, 60, 2000)
			}
			k.r.send("funds", command(&ordersv1.Deposit{Account: a, Asset: as, Amount: amount, DepositId: as + string('0'+rune(a))}))
		}
	}
}

// step sends the next pack.
func (k *maker) step() {
	d := k.draw
	r := k.r
	switch d(40) {
	case 0:
		r.restart()
	case 1:
		r.copy()
	case 2: // the next day, or a leap
		r.nowMs += one[int64](d, 59_000, 3_700_000, 90_000_000)
	case 3, 4, 5, 6:
		r.nowMs += one[int64](d, 1, 500, 1000, 2500)
	case 7:
		r.nowMs -= 700
	}
	from := "api"
	switch d(16) {
	case 0:
		from = "funds"
	case 1, 2:
		from = "admin"
	case 3:
		from = "tick"
	}
	n := one(d, 1, 1, 1, 2, 5)
	p := &ordersv1.Pack{Gateway: one(d, from, from, from, from, "other"), SentAtMs: r.nowMs}
	for range n {
		p.Commands = append(p.Commands, k.command(from))
	}
	if often(d, 1, 24) {
		p.SentAtMs -= one[int64](d, 4000, 5001, 5000, 70_000)
	}
	if often(d, 1, 40) { // a leap that nobody believes
		r.nowMs += 70_000
		p.SentAtMs = r.nowMs - 61_000
	}
	if data := r.lastOf[p.Gateway]; data != nil && often(d, 1, 40) {
		again := &ordersv1.Pack{}
		if unmarshal(data, again) == nil {
			r.sendPack(from, again)
			return
		}
	}
	r.packNo[p.Gateway]++
	p.PackNo = r.packNo[p.Gateway]
	r.sendPack(from, p)
	if r.e.Halted() {
		r.send("admin", command(&ordersv1.AcceptTime{}))
	}
}

func (k *maker) account() uint64 {
	if often(k.draw, 1, 40) {
		return one[uint64](k.draw, 0, 5)
	}
	return uint64(1 + k.draw(4))
}

func (k *maker) command(from string) *ordersv1.Command {
	d := k.draw
	if often(d, 1, 60) {
		from = one(d, "api", "funds", "admin", "tick", "nobody")
	}
	switch from {
	case "funds":
		if d(2) == 0 {
			return command(&ordersv1.Deposit{Account: k.account(), Asset: one(d, "USD", "WINE", "OIL", "GOLD"), Amount: int64(d(200) - 1), DepositId: one(d, "a", "b", "c", "d", "")})
		}
		return command(&ordersv1.Withdraw{Account: k.account(), Asset: one(d, "USD", "WINE", "OIL"), Amount: int64(d(2000)), WithdrawalId: string('a' + rune(d(20)))})
	case "tick":
		return command(&ordersv1.Tick{})
	case "admin":
		return k.admin()
	case "nobody":
		return command(nil)
	}
	switch d(20) {
	case 0, 1, 2:
		return command(k.name())
	case 3, 4, 5:
		n := k.name()
		return command(&ordersv1.AmendOrder{Account: n.Account, OrderId: n.OrderId, ClientOrderId: n.ClientOrderId, ClientRef: n.ClientRef,
			PriceTicks: one(d, 0, 0, k.price()), QuantityLots: one(d, 0, k.lots(), k.lots()), Malformed: k.malformed()})
	case 6:
		n := k.name()
		o := k.order()
		if often(d, 9, 10) {
			o.Account = n.Account
		}
		return command(&ordersv1.ReplaceOrder{Cancel: n, NewOrder: o})
	case 7, 8:
		a, b := k.order(), k.order()
		if often(d, 9, 10) {
			b.Account, b.Market, b.Side = a.Account, a.Market, a.Side
		}
		return command(&ordersv1.NewPair{First: a, Second: b})
	case 9:
		switch d(4) {
		case 0:
			return command(&ordersv1.CancelAll{Account: k.account(), Market: uint32(d(5)), Side: ordersv1.Side(d(3))})
		case 1:
			return command(&ordersv1.KeepAlive{Account: k.account(), TimeoutMs: one[int64](d, 0, 700, 3000, -1)})
		}
	}
	return command(k.order())
}

func (k *maker) admin() *ordersv1.Command {
	d := k.draw
	m := uint32(1 + d(3))
	if often(d, 1, 20) {
		m = one[uint32](d, 0, 9)
	}
	switch d(12) {
	case 0:
		return command(&ordersv1.SetLimits{Market: m, Limits: &ordersv1.Limits{MinLots: int64(d(3)), MaxLots: int64(d(2) * 12), MinNotional: int64(d(2) * 200),
			CollarPpm: one[int64](d, 0, 50_000, 100_000), PausePpm: one[int64](d, 0, 20_000), PauseMs: one[int64](d, 1000, 5000), ReferenceTicks: one[int64](d, 0, 98, 100)}})
	case 1:
		return command(&ordersv1.CancelAll{Account: one[uint64](d, 0, 1, 2), Market: uint32(d(4)), Side: ordersv1.Side(d(3))})
	case 2:
		if often(d, 1, 8) {
			return command(&ordersv1.Delist{Market: m})
		}
		return command(&ordersv1.AddAsset{Name: one(d, "USD", "GOLD", ""), Scale: uint32(2 + d(2))})
	case 3:
		if often(d, 1, 4) {
			return command(&ordersv1.Activate{Semantics: uint32(1 + d(3))})
		}
		return command(&ordersv1.AddMarket{Symbol: one(d, "WINE-USD", "GOLD-USD"), Base: "WINE", Quote: one(d, "USD", "WINE", "GOLD"), Tick: int64(d(3)), Lot: 1})
	case 4, 5, 6:
		return command(&ordersv1.SetPhase{Market: m, Phase: ordersv1.Phase_PHASE_CONTINUOUS})
	}
	p := &ordersv1.SetPhase{Market: m, Phase: ordersv1.Phase(d(7))}
	if p.Phase == ordersv1.Phase_PHASE_AUCTION && d(2) == 0 {
		p.EndsAtMs, p.ThenPhase = k.r.nowMs+int64(d(4))*1000, ordersv1.Phase(d(6))
	}
	return command(p)
}

func (k *maker) price() int64 {
	if often(k.draw, 1, 30) {
		return one[int64](k.draw, 0, -1, 1, 1<<62, 1<<40)
	}
	return int64(94 + k.draw(13))
}

func (k *maker) lots() int64 {
	if often(k.draw, 1, 30) {
		return one[int64](k.draw, 0, -1, 1<<62, 1<<40)
	}
	return int64(1 + k.draw(12))
}

func (k *maker) malformed() ordersv1.RejectReason {
	if often(k.draw, 1, 50) {
		return ordersv1.RejectReason(k.draw(40))
	}
	return 0
}

// name names an order, mostly a live one of its account.
func (k *maker) name() *ordersv1.CancelOrder {
	d := k.draw
	c := &ordersv1.CancelOrder{Account: k.account()}
	live := k.r.w.LiveOf(c.Account)
	switch {
	case len(live) > 0 && often(d, 7, 10):
		c.OrderId = live[d(len(live))]
	case d(2) == 0:
		c.ClientOrderId = one(d, "a", "b", "c", "d")
	case d(2) == 0:
		c.ClientRef = uint64(d(6))
	default:
		c.OrderId = uint64(d(100))
	}
	return c
}

func (k *maker) order() *ordersv1.NewOrder {
	d := k.draw
	o := &ordersv1.NewOrder{Account: k.account(), Market: one[uint32](d, 1, 1, 1, 2, 2, 3), Side: one(d, buy, sell), Malformed: k.malformed(),
		SelfTrade: ordersv1.SelfTrade(d(6))}
	if often(d, 1, 50) {
		o.Market = uint32(d(6))
	}
	switch d(8) {
	case 0:
		o.ClientOrderId = one(d, "a", "b", "c", "d", "e\x01")
	case 1:
		o.ClientRef = uint64(d(6))
	default:
		k.refs++
		o.ClientRef = 1000 + k.refs
	}
	o.Type = trailingType
	if !often(d, k.trails, 10+k.trails) {
		o.Type = one(d, limitType, limitType, limitType, limitType, limitType, marketType, stopType, stopLimitType, takeProfitType, takeProfitLimit)
	}
	limited := o.Type == limitType || o.Type == stopLimitType || o.Type == takeProfitLimit
	o.QuantityLots = k.lots()
	if limited {
		o.PriceTicks = k.price()
		o.TimeInForce = one(d, gtc, gtc, gtc, gtc, gtd, day, ioc, fok)
		lasting := o.TimeInForce != ioc && o.TimeInForce != fok
		if lasting && often(d, 1, 5) {
			o.DisplayLots = int64(1 + d(4))
		}
		if lasting && often(d, 1, 8) {
			o.PostOnly = true
		}
		if o.TimeInForce == gtd {
			o.ExpiresAtMs = k.r.nowMs + one[int64](d, 0, 1, 500, 1000, 3000, 4_000_000)
		}
	} else {
		o.TimeInForce = one(d, 0, ioc, fok)
		if often(d, 2, 3) {
			o.ProtectionTicks = k.price()
		}
		if o.Side == buy && often(d, 1, 3) {
			o.QuoteBudget, o.QuantityLots = int64(d(2000)), 0
		}
	}
	switch {
	case o.Type == limitType || o.Type == marketType:
		if often(d, 1, 6) {
			o.MinLots = int64(d(10))
		}
	case o.Type == trailingType:
		o.TrailTicks = int64(d(6))
		if d(2) == 0 {
			o.TriggerTicks = k.price()
		}
	default:
		o.TriggerTicks = k.price()
	}
	if often(d, 1, 30) {
		k.spoil(o)
	}
	return o
}

// spoil gives an order a field that it should not have.
func (k *maker) spoil(o *ordersv1.NewOrder) {
	d := k.draw
	switch d(12) {
	case 0:
		o.PriceTicks = k.price()
	case 1:
		o.QuoteBudget = int64(d(100) - 1)
	case 2:
		o.ProtectionTicks = k.price()
	case 3:
		o.TriggerTicks = k.price()
	case 4:
		o.TrailTicks = int64(d(5) - 1)
	case 5:
		o.DisplayLots = int64(d(20) - 1)
	case 6:
		o.MinLots = int64(d(20) - 1)
	case 7:
		o.PostOnly = true
	case 8:
		o.ExpiresAtMs = k.r.nowMs + int64(d(100)) - 1
	case 9:
		o.TimeInForce = ordersv1.TimeInForce(d(7))
	case 10:
		o.Type = ordersv1.OrderType(d(9))
	case 11:
		o.Side, o.SelfTrade = ordersv1.Side(d(4)), ordersv1.SelfTrade(d(8))
	}
}
