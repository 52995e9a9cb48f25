package core

import (
	"math/big"
	"slices"
	"sort"

	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
)

// twin is the same venue written naively: it keeps every order for ever,
// sorts the book anew for each command, computes reservations from the open
// orders whenever asked, and reckons in big integers. It shares no code with
// the engine; both must tell the same story.
type twin struct {
	now, leapt int64
	halted     bool
	doubtful   bool
	doubtedBy  string
	gateways   map[string]twinGateway
	assets     []*ordersv1.AddAsset
	markets    []*ordersv1.AddMarket
	deposits   map[string]*ordersv1.Deposit
	owned      map[twinKey]*big.Int
	orders     []*twinOrder
	deaths     []*twinOrder // remembered, oldest first
	maxDead    int
	lastID     uint64
	trades     uint64
	events     []*tradesv1.Event
	outcomes   []*ordersv1.Outcome
	from       string
	sent       int64
	server     int64
}

type twinGateway struct {
	no   uint64
	seen int64
}

type twinKey struct {
	account uint64
	asset   string
}

type twinOrder struct {
	body           *ordersv1.NewOrder
	state          *ordersv1.Order // fills: the first eight
	resting        bool
	remembered     bool
	died           int64
	asTaker, asMkr *big.Int
	paid           *big.Int
}

func newTwin() *twin {
	return &twin{gateways: map[string]twinGateway{}, deposits: map[string]*ordersv1.Deposit{},
		owned: map[twinKey]*big.Int{}, maxDead: MaxDeadIDs}
}

func (w *twin) emit(e *tradesv1.Event) { w.events = append(w.events, e) }

func (w *twin) apply(seq uint64, from string, server int64, p *ordersv1.Pack) ([]*tradesv1.Event, *ordersv1.PackReply) {
	w.events, w.outcomes, w.from, w.sent, w.server = nil, nil, from, p.SentAtMs, server
	halts := false
	w.doubtful = false
	if !w.halted {
		if w.now != 0 && server-w.now > 60000 && server-p.SentAtMs > 60000 {
			w.doubtful = true
			again := p.PackNo <= w.gateways[p.Gateway].no
			if from == "tick" && !again && w.doubtedBy == p.Gateway {
				halts, w.halted, w.leapt, w.doubtful = true, true, server, false
			} else if from == "tick" && !again {
				w.doubtedBy = p.Gateway
			}
		} else {
			w.now, w.doubtedBy = max(w.now, server), ""
		}
	}
	for name, g := range w.gateways {
		if g.seen <= w.now-3600000 {
			delete(w.gateways, name)
		}
	}
	for len(w.deaths) > 0 && w.deaths[0].died <= w.now-86400000 {
		w.deaths[0].remembered, w.deaths = false, w.deaths[1:]
	}
	g, seen := w.gateways[p.Gateway]
	skip := seen && p.PackNo <= g.no
	w.emit(&tradesv1.Event{Kind: &tradesv1.Event_PackApplied{PackApplied: &tradesv1.PackApplied{
		InSeq: seq, Gateway: p.Gateway, PackNo: p.PackNo, NowMs: w.now, Skipped: skip, Doubtful: w.doubtful, From: from}}})
	if halts {
		w.emit(&tradesv1.Event{Kind: &tradesv1.Event_Halted{Halted: &tradesv1.Halted{NowMs: w.now, JumpedToMs: server}}})
	}
	if skip {
		return w.events, &ordersv1.PackReply{}
	}
	w.gateways[p.Gateway] = twinGateway{p.PackNo, w.now}
	for i, c := range p.Commands {
		before := w.balances()
		w.command(i, c)
		w.changes(before)
	}
	return w.events, &ordersv1.PackReply{PackNo: p.PackNo, InSeq: seq, Outcomes: w.outcomes}
}

func (w *twin) command(i int, c *ordersv1.Command) {
	switch op := c.Op.(type) {
	case *ordersv1.Command_NewOrder:
		w.place(i, op.NewOrder)
	case *ordersv1.Command_Cancel:
		w.cancel(i, op.Cancel)
	case *ordersv1.Command_Deposit:
		w.deposit(i, op.Deposit)
	case *ordersv1.Command_AddAsset: // the walk makes valid ones only
		w.assets = append(w.assets, op.AddAsset)
		w.emit(&tradesv1.Event{Kind: &tradesv1.Event_AssetAdded{AssetAdded: &tradesv1.AssetAdded{Name: op.AddAsset.Name, Scale: op.AddAsset.Scale}}})
		w.done(&ordersv1.Outcome{})
	case *ordersv1.Command_AddMarket:
		m := op.AddMarket
		w.markets = append(w.markets, m)
		w.emit(&tradesv1.Event{Kind: &tradesv1.Event_MarketAdded{MarketAdded: &tradesv1.MarketAdded{Symbol: m.Symbol, Base: m.Base,
			Quote: m.Quote, Tick: m.Tick, Lot: m.Lot, MakerFeePpm: m.MakerFeePpm, TakerFeePpm: m.TakerFeePpm}}})
		w.done(&ordersv1.Outcome{})
	case *ordersv1.Command_Tick:
		if w.halted {
			w.refuse(i, 0, 0, ordersv1.RejectReason_REJECT_REASON_HALTED)
			return
		}
		w.done(&ordersv1.Outcome{})
	case *ordersv1.Command_AcceptTime:
		if w.halted {
			w.halted, w.now, w.doubtedBy = false, max(w.now, w.server), ""
			w.emit(&tradesv1.Event{Kind: &tradesv1.Event_Resumed{Resumed: &tradesv1.Resumed{NowMs: w.now}}})
		}
		w.done(&ordersv1.Outcome{})
	}
}

func (w *twin) done(o *ordersv1.Outcome) { w.outcomes = append(w.outcomes, o) }

func (w *twin) refuse(i int, account, order uint64, why ordersv1.RejectReason) {
	w.emit(&tradesv1.Event{Kind: &tradesv1.Event_CommandRejected{CommandRejected: &tradesv1.CommandRejected{
		Index: uint32(i), Account: account, OrderId: order, Reason: why}}})
	w.done(&ordersv1.Outcome{Reject: why})
}

func (w *twin) deposit(i int, d *ordersv1.Deposit) {
	if w.halted {
		w.refuse(i, d.Account, 0, ordersv1.RejectReason_REJECT_REASON_HALTED)
		return
	}
	if old := w.deposits[d.DepositId]; old != nil {
		if old.Account != d.Account || old.Asset != d.Asset || old.Amount != d.Amount {
			w.refuse(i, d.Account, 0, ordersv1.RejectReason_REJECT_REASON_CONFLICT)
			return
		}
		w.done(&ordersv1.Outcome{RepeatedId: true})
		return
	}
	w.deposits[d.DepositId] = d
	w.own(d.Account, d.Asset, big.NewInt(d.Amount))
	w.emit(&tradesv1.Event{Kind: &tradesv1.Event_Deposited{Deposited: &tradesv1.Deposited{
		Account: d.Account, Asset: d.Asset, Amount: d.Amount, DepositId: d.DepositId}}})
	w.done(&ordersv1.Outcome{})
}

func (w *twin) own(account uint64, asset string, amount *big.Int) {
	k := twinKey{account, asset}
	if w.owned[k] == nil {
		w.owned[k] = new(big.Int)
	}
	w.owned[k].Add(w.owned[k], amount)
}

// reserved is what an account's open orders can still cost.
func (w *twin) reserved(account uint64, asset string) *big.Int {
	total := new(big.Int)
	for _, o := range w.orders {
		if o.resting && o.body.Account == account && w.spends(o.body) == asset {
			total.Add(total, w.worst(o))
		}
	}
	return total
}

func (w *twin) market(symbol string) *ordersv1.AddMarket {
	i := slices.IndexFunc(w.markets, func(m *ordersv1.AddMarket) bool { return m.Symbol == symbol })
	if i < 0 {
		return nil
	}
	return w.markets[i]
}

func (w *twin) spends(o *ordersv1.NewOrder) string {
	if m := w.market(o.Symbol); o.Side == ordersv1.Side_SIDE_SELL {
		return m.Base
	} else {
		return m.Quote
	}
}

// worth is the quote amount of lots at a price.
func (w *twin) worth(m *ordersv1.AddMarket, price, lots int64) *big.Int {
	var scale uint32
	for _, a := range w.assets {
		if a.Name == m.Base {
			scale = a.Scale
		}
	}
	n := big.NewInt(price)
	for _, f := range []int64{m.Tick, lots, m.Lot} {
		n.Mul(n, big.NewInt(f))
	}
	return n.Quo(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil))
}

func ceilPPM(n *big.Int) *big.Int {
	n = new(big.Int).Add(n, big.NewInt(999_999))
	return n.Quo(n, big.NewInt(1_000_000))
}

// weighed is rate x notional over the order's fills, in millionths.
func (w *twin) weighed(o *twinOrder) *big.Int {
	m := w.market(o.body.Symbol)
	a := new(big.Int).Mul(o.asTaker, big.NewInt(m.TakerFeePpm))
	return a.Add(a, new(big.Int).Mul(o.asMkr, big.NewInt(m.MakerFeePpm)))
}

func (w *twin) worst(o *twinOrder) *big.Int {
	m := w.market(o.body.Symbol)
	left := o.body.QuantityLots - o.state.FilledLots
	if o.body.Side == ordersv1.Side_SIDE_SELL {
		return new(big.Int).Mul(big.NewInt(left), big.NewInt(m.Lot))
	}
	rest := w.worth(m, o.body.PriceTicks, left)
	fee := ceilPPM(new(big.Int).Add(w.weighed(o), new(big.Int).Mul(rest, big.NewInt(max(m.MakerFeePpm, m.TakerFeePpm)))))
	return rest.Add(rest, fee).Sub(rest, o.paid)
}

type twinBalance struct{ available, reserved int64 }

func (w *twin) balances() map[twinKey]twinBalance {
	out := map[twinKey]twinBalance{}
	for k, n := range w.owned {
		r := w.reserved(k.account, k.asset)
		out[k] = twinBalance{new(big.Int).Sub(n, r).Int64(), r.Int64()}
	}
	return out
}

func (w *twin) changes(before map[twinKey]twinBalance) {
	after := w.balances()
	var keys []twinKey
	for k, b := range after {
		if before[k] != b {
			keys = append(keys, k)
		}
	}
	place := func(name string) int {
		return slices.IndexFunc(w.assets, func(a *ordersv1.AddAsset) bool { return a.Name == name })
	}
	sort.Slice(keys, func(i, j int) bool {
		if keys[i].account != keys[j].account {
			return keys[i].account < keys[j].account
		}
		return place(keys[i].asset) < place(keys[j].asset)
	})
	for _, k := range keys {
		w.emit(&tradesv1.Event{Kind: &tradesv1.Event_BalanceChanged{BalanceChanged: &tradesv1.BalanceChanged{
			Account: k.account, Asset: k.asset, Available: after[k].available, Reserved: after[k].reserved}}})
	}
}
