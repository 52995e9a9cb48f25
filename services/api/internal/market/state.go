package market

import (
	"slices"
	"sync/atomic"

	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
)

// Bounds of what is kept beyond the live orders.
const (
	MaxFinished = 20000 // orders that ended, newest kept; older ones are in Postgres
	MaxTail     = 1000  // trades a market
)

// State is the fold of a venue's events up to Seq. It is not safe for
// concurrent use.
type State struct {
	Seq    uint64 // event_seq of the last event folded
	InSeq  uint64 // ORDERS sequence of the last pack applied
	NowMS  int64  // stream time of that pack
	Halted bool
	// Quiet: nobody asks what changes, so that changes tell nothing of orders.
	Quiet bool
	Gone  uint64 // event_seq up to which things that ended may be in Postgres alone

	dir       *Directory
	venues    []*trading // by market id - 1
	orders    *orders
	clientIDs *names
	refs      *names
	finished  []uint64 // ids in orders that ended, oldest first
	accounts  map[uint64]*account
	last      *account // the one that was looked up last
	touched   []uint32 // markets whose book or trades changed since they were taken
	unknown   uint64
	scratch   scratch
}

// trading is what changes in a market all the time.
type trading struct {
	id      uint32
	book    book
	tail    []Trade // oldest first
	last    int64   // price of the newest trade; 0 = none
	window  window
	candles candles
	touched bool

	indication atomic.Pointer[indicated]
}

// account is what one of them has.
type account struct {
	id       uint64
	newest   uint32 // slot of its newest order; 0 = it has none here
	balances []held
}

type held struct {
	asset uint32
	Balance
}

// Directory is the venue's markets and assets. It is never changed: State
// replaces it.
type Directory struct {
	assets  []Asset // by id - 1
	markets []*Market
	symbols map[string]*Market
}

// Asset is a name and the decimals of its smallest unit.
type Asset struct {
	Name  string
	Scale uint32
}

// New makes the state before the first event.
func New() *State {
	t := &orders{}
	return &State{dir: &Directory{symbols: map[string]*Market{}}, orders: t, clientIDs: namesOf(t, false), refs: namesOf(t, true), accounts: map[uint64]*account{}}
}

// account finds one, or makes it.
func (s *State) account(id uint64) *account {
	if s.last != nil && s.last.id == id {
		return s.last
	}
	a := s.accounts[id]
	if a == nil {
		a = &account{id: id}
		s.accounts[id] = a
	}
	s.last = a
	return a
}

// Unknown counts events about orders that the state does not hold. In a
// replay for one account that is everybody else; in the venue's own
// projection it must stay 0.
func (s *State) Unknown() uint64 { return s.unknown }

// PutAsset adds an asset; scale = decimals of its smallest unit.
func (s *State) PutAsset(id uint32, name string, scale uint32) {
	d := s.dir.clone()
	for len(d.assets) < int(id) {
		d.assets = append(d.assets, Asset{})
	}
	d.assets[id-1] = Asset{name, scale}
	s.dir = d
}

// PutMarket adds or replaces a market whose assets are known.
func (s *State) PutMarket(m Market) {
	d := s.dir.clone()
	m.BaseID, m.BaseScale = d.asset(m.Base)
	m.QuoteID, m.QuoteScale = d.asset(m.Quote)
	for len(d.markets) < int(m.ID) {
		d.markets = append(d.markets, nil)
		s.venues = append(s.venues, nil)
	}
	if s.venues[m.ID-1] == nil {
		s.venues[m.ID-1] = &trading{id: m.ID}
	}
	d.markets[m.ID-1], d.symbols[m.Symbol] = &m, &m
	s.dir = d
}

func (d *Directory) clone() *Directory {
	out := &Directory{assets: slices.Clone(d.assets), markets: slices.Clone(d.markets), symbols: make(map[string]*Market, len(d.symbols)+1)}
	for name, m := range d.symbols {
		out.symbols[name] = m
	}
	return out
}

func (d *Directory) asset(name string) (id uint32, scale uint32) {
	for i, a := range d.assets {
		if a.Name == name {
			return uint32(i + 1), a.Scale
		}
	}
	return 0, 0
}

func (s *State) trading(id uint32) *trading {
	if id == 0 || int(id) > len(s.venues) {
		return nil
	}
	return s.venues[id-1]
}

func (s *State) touch(t *trading) {
	if !t.touched {
		t.touched = true
		s.touched = append(s.touched, t.id)
	}
}

// PutLast sets a loaded last price; 0 = never traded.
func (s *State) PutLast(market uint32, ticks int64) {
	if t := s.trading(market); t != nil {
		t.last = ticks
	}
}

// PutOrder adds an order that was loaded; a resting one enters the book.
// Ascending ids.
func (s *State) PutOrder(o Order) {
	i, p := s.orders.add(o.ID)
	p.Account, p.ClientRef, p.Market, p.kind = o.Account, o.ClientRef, o.Market, kindOf(&o)
	p.PriceTicks, p.QuantityLots, p.FilledLots, p.RemainingLots, p.VisibleLots = o.PriceTicks, o.QuantityLots, o.FilledLots, o.RemainingLots, o.VisibleLots
	p.QueueSeq, p.CreatedMS, p.UpdatedMS, p.EventSeq = o.QueueSeq, o.CreatedMS, o.UpdatedMS, o.EventSeq
	p.status, p.reject, p.cancel, p.Resting, p.Triggered = uint8(o.Status), uint8(o.RejectReason), uint8(o.CancelReason), o.Resting, o.Triggered
	if o.ClientOrderID != "" || o.Terms != (Terms{}) || o.Decremented != 0 || len(o.Fills) > 0 {
		r := s.orders.some(p)
		r.clientOrderID, r.terms, r.decremented, r.fills = o.ClientOrderID, o.Terms, o.Decremented, o.Fills
	}
	s.put(i, p)
	if !p.Open() {
		s.finish(p)
	} else if p.Resting {
		s.show(p, p.VisibleLots)
		s.hide(p)
	}
}

// put enters an order that is in a slot.
func (s *State) put(slot uint32, o *row) {
	a := s.account(o.Account)
	if o.older = a.newest; o.older != 0 {
		s.orders.at(o.older).newer = slot
	}
	a.newest = slot
	// A conflict is answered about an id that belongs to another order.
	if o.reject != uint8(ordersv1.RejectReason_REJECT_REASON_CONFLICT) && o.reject != uint8(ordersv1.RejectReason_REJECT_REASON_DUPLICATE) {
		if s.orders.of(o).clientOrderID != "" {
			s.clientIDs.put(slot, o)
		}
		if o.ClientRef != 0 {
			s.refs.put(slot, o)
		}
	}
}

// PutBalance sets a balance.
func (s *State) PutBalance(account uint64, asset uint32, b Balance) {
	a := s.account(account)
	all := a.balances
	for i := range all {
		if all[i].asset == asset {
			all[i].Balance = b
			return
		}
	}
	a.balances = append(all, held{asset, b})
}

// PutTrade appends to a market's tail; ascending ids.
func (s *State) PutTrade(t Trade) {
	m := s.trading(t.Market)
	if m == nil {
		return
	}
	m.tail = append(m.tail, t)
	if len(m.tail) >= 2*MaxTail {
		s.Gone = max(s.Gone, m.tail[len(m.tail)-MaxTail].EventSeq)
		m.tail = append(m.tail[:0:0], m.tail[len(m.tail)-MaxTail:]...)
	}
	m.last = t.PriceTicks
}

// show changes what the book shows at the order's price.
func (s *State) show(o *row, lots int64) {
	if t := s.trading(o.Market); t != nil && lots != 0 {
		t.book.add(o.side(), o.PriceTicks, lots)
		s.touch(t)
	}
}

// hide brings what the book holds of the order beside what it shows up to what
// it has now.
func (s *State) hide(o *row) {
	hidden := int64(0)
	if o.Resting {
		hidden = o.RemainingLots - o.VisibleLots
	}
	if was := s.orders.of(o).hidden; hidden != was {
		if t := s.trading(o.Market); t != nil {
			t.book.hide(o.side(), o.PriceTicks, hidden-was)
			s.orders.some(o).hidden = hidden
		}
	}
}

// finish remembers an ended order and forgets the oldest beyond MaxFinished.
func (s *State) finish(o *row) {
	s.finished = append(s.finished, o.ID)
	if len(s.finished) < 2*MaxFinished {
		return
	}
	for _, id := range s.finished[:MaxFinished] {
		s.forget(s.orders.get(id))
	}
	s.finished = append(s.finished[:0:0], s.finished[MaxFinished:]...)
}

func (s *State) forget(o *row) {
	s.Gone = max(s.Gone, o.EventSeq)
	slot := s.orders.slot(o.ID)
	if o.newer != 0 {
		s.orders.at(o.newer).older = o.older
	} else {
		s.account(o.Account).newest = o.older
	}
	if o.older != 0 {
		s.orders.at(o.older).newer = o.newer
	}
	if s.orders.of(o).clientOrderID != "" {
		s.clientIDs.remove(slot, o)
	}
	if o.ClientRef != 0 {
		s.refs.remove(slot, o)
	}
	s.orders.remove(o)
}

// scratch holds the frequent events while they are folded.
type scratch struct {
	accepted tradesv1.OrderAccepted
	rested   tradesv1.OrderRested
	trade    tradesv1.Trade
	canceled tradesv1.OrderCanceled
	balance  tradesv1.BalanceChanged
}
