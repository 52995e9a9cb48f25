package engine

import "fmt"

// Builder makes an engine from its logical state, for snapshots and for folds of
// events. Assets come first, then markets, accounts and balances, then dead
// orders in the order of their death, then live ones: those that rest in queue
// order, any of those that wait.
type Builder struct {
	e        *Engine
	pairs    []pairOf
	reserves bool
}

type pairOf struct {
	slot  uint32
	other uint64
}

// Scalars are the counters and the time.
type Scalars struct {
	Semantics                                     uint32
	LastInSeq, Events, OrderID, TradeID, Arrivals uint64
	NowMs, LeaptToMs                              int64
	Halted, Doubted                               bool
	DoubtfulBy                                    string
}

// NewBuilder begins with the counters.
func NewBuilder(opts Options, s Scalars) *Builder {
	e := New(opts)
	e.semantics, e.lastInSeq, e.events = s.Semantics, s.LastInSeq, s.Events
	e.orderID, e.tradeID, e.arrivals = s.OrderID, s.TradeID, s.Arrivals
	e.clock = clock{nowMs: s.NowMs, halted: s.Halted, leaptToMs: s.LeaptToMs, doubted: s.Doubted, doubtfulBy: s.DoubtfulBy}
	return &Builder{e: e}
}

// Asset adds the next asset.
func (b *Builder) Asset(name string, scale uint32, supply, fees int64) {
	b.e.assets = append(b.e.assets, asset{name: name, scale: scale, supply: supply, fees: fees})
	b.e.assetIndex[name] = uint32(len(b.e.assets))
}

// MarketState is what a market is beyond its terms.
type MarketState struct {
	Phase, Then                       uint8
	Last, PauseRef, BeganMs, EndsAtMs int64
	Limits                            Limits
}

// Market adds the next market from its terms as they were given.
func (b *Builder) Market(terms *Admin, s MarketState) error {
	m, r := b.e.newMarket(terms)
	if r != ok {
		return fmt.Errorf("market %q: reject %d", terms.Name, r)
	}
	m.phase, m.then, m.last, m.pauseRef, m.beganMs, m.endsAtMs, m.limits = s.Phase, s.Then, s.Last, s.PauseRef, s.BeganMs, s.EndsAtMs, s.Limits
	b.e.enterMarket(m)
	return nil
}

// Account adds an account; deadManMs is the deadline of its timer, 0 = none.
func (b *Builder) Account(id uint64, deadManMs int64) {
	s := b.e.account(id)
	b.e.accounts[s].known = true
	b.e.accounts[s].deadMan = deadManMs
}

// Balance sets what an account holds of an asset.
func (b *Builder) Balance(account uint64, asset uint32, available, reserved int64) error {
	e := b.e
	s := e.accountSlot(account)
	if s == 0 || asset == 0 || int(asset) > len(e.assets) || available < 0 || reserved < 0 || e.holding(s, asset) != 0 {
		return fmt.Errorf("balance of account %d in asset %d", account, asset)
	}
	bl := e.newBalance(s, asset)
	bl.available, bl.reserved = available, reserved
	bl.hash = bl.hashed()
	e.balanceSum.add(bl.hash)
	return nil
}

// Order adds an order.
func (b *Builder) Order(s *OrderState) error {
	e := b.e
	if s.Market == 0 && s.Status != statusRejected || int(s.Market) > len(e.markets) || s.ID == 0 || s.ID > e.orderID ||
		len(s.ClientID) > MaxClientID || s.Side != buy && s.Side != sell {
		return fmt.Errorf("order %d: out of range", s.ID)
	}
	i := e.newSlot()
	o := &e.orders[i]
	r := &o.rest
	*o = order{
		id: s.ID, price: s.Price, remaining: s.Remaining, reserved: s.Reserved, acct: e.account(s.Account),
		ref: s.Ref, market: uint16(s.Market), flags: s.Side - buy, status: s.Status,
	}
	*r = rest{
		quantity: s.Quantity, made: s.Made, took: s.Took, arrival: s.Arrival,
		typ: s.Type, tif: s.TIF, self: s.SelfRule, why: s.Why,
	}
	if s.Status == statusRejected {
		o.remaining, r.quantity = 0, 0
	}
	if s.PostOnly {
		o.flags |= flagPost
	}
	if len(s.ClientID) != 0 {
		r.clientID = e.ids.add(s.ClientID, sum{s.Content[0], s.Content[1]}, &e.memory)
	}
	if s.HasTerms {
		b.terms(i, s)
	}
	e.byID.addOld(o.id, i)
	e.enterName(i)
	switch {
	case !o.isLive():
		e.entomb(i)
	case o.status == statusWaiting:
		e.enlist(i)
	case s.Price <= 0 || s.Remaining <= 0:
		return fmt.Errorf("order %d rests without price or lots", s.ID)
	default:
		e.enlist(i)
		e.rest(&e.markets[s.Market-1], i)
	}
	r.hash = sum{}
	e.mark(i)
	if e.dirty.n >= maxDirty && len(b.pairs) == 0 {
		e.settleDigest()
	}
	return nil
}

func (b *Builder) terms(i uint32, s *OrderState) {
	e := b.e
	n := e.newTerms()
	o, x := &e.orders[i], &s.Terms
	o.terms = n
	e.terms[n] = terms{
		budget: x.Budget, protection: x.Protection, trigger: x.Trigger, trail: x.Trail, display: x.Display,
		minLots: x.MinLots, expiresMs: x.ExpiresMs, visible: s.Visible, triggered: s.Triggered,
	}
	if x.Budget != 0 {
		o.flags |= flagBudget
		e.terms[n].bought = s.Filled
	}
	if x.Display != 0 {
		o.flags |= flagIceberg
	}
	if s.OtherLeg != 0 {
		o.flags |= flagPair
		b.pairs = append(b.pairs, pairOf{i, s.OtherLeg})
	}
}

// Fund adds the next deposit, or withdrawal when amount is negative.
func (b *Builder) Fund(id []byte, account uint64, asset uint32, amount int64) {
	b.e.funds.add(id, account, asset, amount, &b.e.memory)
}

// Gateway adds the next gateway, in the order in which they were last heard of.
func (b *Builder) Gateway(name string, packNo uint64, seenMs int64) {
	b.e.gateways.take(name, packNo, seenMs)
}

// Engine ends the building and audits what came of it.
func (b *Builder) Engine() (*Engine, error) {
	e := b.e
	if err := b.settle(); err != nil {
		return nil, err
	}
	e.relist()
	e.settleDigest()
	return e, e.Audit()
}

// settle joins pairs and, if that was asked for, reserves.
func (b *Builder) settle() error {
	e := b.e
	for _, p := range b.pairs {
		j := e.findID(p.other)
		if j == 0 || e.orders[j].flags&flagPair == 0 {
			return fmt.Errorf("order %d: its other leg %d is missing", e.orders[p.slot].id, p.other)
		}
		e.terms[e.orders[p.slot].terms].other = j
	}
	if b.reserves {
		b.reserveRest()
	}
	return nil
}

// reserve makes room for n more orders.
func (b *Builder) reserve(n int) {
	e := b.e
	e.orders = roomy(e.orders, len(e.orders)+n, &e.orderRoom, &e.memory)
	e.byID.old.reserve(e.byID.old.n + n)
	if e.byRef.n == 0 {
		e.byRef.reset(n)
	}
}

// MassCancel adds an unfinished mass cancel, the oldest first; see
// trades.v1.WorkLeft.
func (b *Builder) MassCancel(account uint64, market uint32, side, why uint8, after, last uint64) {
	b.e.jobs = append(b.e.jobs, job{account: account, market: market, side: side, why: why, after: after, last: last})
}

// Chase adds a price that trailing stops of a side have still to follow, the best
// of a market's side first; see trades.v1.WorkLeft.
func (b *Builder) Chase(market uint32, side uint8, price int64, last uint64) {
	b.e.chases = append(b.e.chases, chase{market, side == buy, price, last})
}
