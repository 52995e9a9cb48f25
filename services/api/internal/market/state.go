package market

import (
	"slices"

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
	Seq       uint64 // event_seq of the last event folded
	InSeq     uint64 // ORDERS sequence of the last pack applied
	Halted    bool
	assets    map[string]uint32
	markets   map[string]*Market
	symbols   []string // in order of their addition
	orders    map[uint64]*Order
	accounts  map[uint64]map[uint64]*Order // account -> its orders in orders
	clientIDs map[clientKey]uint64
	finished  []uint64 // ids in orders that ended, oldest first
	balances  map[uint64]map[string]Balance
	books     map[string]*book
	tails     map[string][]Trade // oldest first
	unknown   uint64
}

type clientKey struct {
	account uint64
	id      string
}

// New makes the state before the first event.
func New() *State {
	return &State{assets: map[string]uint32{}, markets: map[string]*Market{}, orders: map[uint64]*Order{},
		accounts: map[uint64]map[uint64]*Order{}, clientIDs: map[clientKey]uint64{}, balances: map[uint64]map[string]Balance{},
		books: map[string]*book{}, tails: map[string][]Trade{}}
}

// Unknown counts events about orders that the state does not hold. In a
// replay for one account that is everybody else; in the venue's own
// projection it must stay 0.
func (s *State) Unknown() uint64 { return s.unknown }

// PutAsset adds an asset; scale = decimals of its smallest unit.
func (s *State) PutAsset(name string, scale uint32) { s.assets[name] = scale }

// PutMarket adds a market whose assets are known.
func (s *State) PutMarket(m Market) {
	m.BaseScale, m.QuoteScale = s.assets[m.Base], s.assets[m.Quote]
	if _, ok := s.markets[m.Symbol]; !ok {
		s.symbols = append(s.symbols, m.Symbol)
		s.books[m.Symbol] = &book{}
	}
	s.markets[m.Symbol] = &m
}

// PutOrder adds an order that was loaded; a resting one enters the book.
func (s *State) PutOrder(o Order) {
	p := &o
	s.orders[o.ID] = p
	if s.accounts[o.Account] == nil {
		s.accounts[o.Account] = map[uint64]*Order{}
	}
	s.accounts[o.Account][o.ID] = p
	// A conflict is answered about an id that belongs to another order.
	if o.ClientOrderID != "" && o.RejectReason != ordersv1.RejectReason_REJECT_REASON_CONFLICT {
		if s.clientIDs[clientKey{o.Account, o.ClientOrderID}] < o.ID {
			s.clientIDs[clientKey{o.Account, o.ClientOrderID}] = o.ID
		}
	}
	if !o.Open() {
		s.finish(p)
	} else if o.Resting {
		s.rest(p, o.QuantityLots-o.FilledLots)
	}
}

// PutBalance sets a loaded balance.
func (s *State) PutBalance(account uint64, asset string, b Balance) {
	if s.balances[account] == nil {
		s.balances[account] = map[string]Balance{}
	}
	s.balances[account][asset] = b
}

// PutTrade appends to a market's tail; ascending ids.
func (s *State) PutTrade(t Trade) {
	tail := append(s.tails[t.Symbol], t)
	if len(tail) >= 2*MaxTail {
		tail = slices.Clone(tail[len(tail)-MaxTail:])
	}
	s.tails[t.Symbol] = tail
}

// Apply folds the event with event_seq seq and says what changed for
// watchers. Depth changes are collected and taken with TakeDepth.
func (s *State) Apply(seq uint64, e *tradesv1.Event) Change {
	s.Seq = seq
	c := Change{Seq: seq}
	switch k := e.GetKind().(type) {
	case *tradesv1.Event_PackApplied:
		s.InSeq = max(s.InSeq, k.PackApplied.GetInSeq())
	case *tradesv1.Event_AssetAdded:
		s.PutAsset(k.AssetAdded.GetName(), k.AssetAdded.GetScale())
	case *tradesv1.Event_MarketAdded:
		m := k.MarketAdded
		s.PutMarket(Market{Symbol: m.GetSymbol(), Base: m.GetBase(), Quote: m.GetQuote(), Tick: m.GetTick(), Lot: m.GetLot(),
			MakerFeePPM: m.GetMakerFeePpm(), TakerFeePPM: m.GetTakerFeePpm()})
	case *tradesv1.Event_OrderAccepted:
		c.Orders = s.accept(seq, k.OrderAccepted)
	case *tradesv1.Event_OrderRejected:
		c.Orders = s.reject(seq, k.OrderRejected)
	case *tradesv1.Event_OrderRested:
		if o := s.order(k.OrderRested.GetOrderId()); o != nil {
			o.Resting, o.EventSeq = true, seq
			s.rest(o, k.OrderRested.GetRemainingLots())
		}
	case *tradesv1.Event_Trade:
		c.Trade, c.Orders = s.trade(seq, k.Trade)
	case *tradesv1.Event_OrderCanceled:
		e := k.OrderCanceled
		c.Orders = s.end(seq, e.GetOrderId(), ordersv1.OrderStatus_ORDER_STATUS_CANCELED, e.GetReason(), e.GetAtMs())
	case *tradesv1.Event_OrderExpired:
		e := k.OrderExpired
		c.Orders = s.end(seq, e.GetOrderId(), ordersv1.OrderStatus_ORDER_STATUS_EXPIRED, 0, e.GetAtMs())
	case *tradesv1.Event_BalanceChanged:
		b := k.BalanceChanged
		s.PutBalance(b.GetAccount(), b.GetAsset(), Balance{Available: b.GetAvailable(), Reserved: b.GetReserved()})
	case *tradesv1.Event_Halted:
		s.Halted = true
	case *tradesv1.Event_Resumed:
		s.Halted = false
	}
	return c
}

func (s *State) order(id uint64) *Order {
	o := s.orders[id]
	if o == nil {
		s.unknown++
	}
	return o
}

func (s *State) accept(seq uint64, e *tradesv1.OrderAccepted) []Order {
	o := Order{ID: e.GetOrderId(), Account: e.GetAccount(), ClientOrderID: e.GetClientOrderId(), Symbol: e.GetSymbol(), Side: e.GetSide(),
		Type: e.GetType(), TimeInForce: e.GetTimeInForce(), PriceTicks: e.GetPriceTicks(), QuantityLots: e.GetQuantityLots(),
		Status: ordersv1.OrderStatus_ORDER_STATUS_OPEN, CreatedMS: e.GetAtMs(), UpdatedMS: e.GetAtMs(), EventSeq: seq}
	s.PutOrder(o)
	return []Order{o}
}

func (s *State) reject(seq uint64, e *tradesv1.OrderRejected) []Order {
	o := Order{ID: e.GetOrderId(), Account: e.GetAccount(), ClientOrderID: e.GetClientOrderId(), Symbol: e.GetSymbol(), Side: e.GetSide(),
		Type: e.GetType(), TimeInForce: e.GetTimeInForce(), PriceTicks: e.GetPriceTicks(), QuantityLots: e.GetQuantityLots(),
		Status: ordersv1.OrderStatus_ORDER_STATUS_REJECTED, RejectReason: e.GetReason(), CreatedMS: e.GetAtMs(), UpdatedMS: e.GetAtMs(), EventSeq: seq}
	s.PutOrder(o)
	return []Order{o}
}

func (s *State) trade(seq uint64, e *tradesv1.Trade) (*Trade, []Order) {
	t := Trade{ID: e.GetTradeId(), Symbol: e.GetSymbol(), PriceTicks: e.GetPriceTicks(), QuantityLots: e.GetQuantityLots(),
		TakerSide: e.GetTakerSide(), AtMS: e.GetAtMs(), EventSeq: seq}
	s.PutTrade(t)
	var changed []Order
	for _, side := range []struct {
		id  uint64
		fee int64
	}{{e.GetMakerOrderId(), e.GetMakerFee()}, {e.GetTakerOrderId(), e.GetTakerFee()}} {
		o := s.order(side.id)
		if o == nil {
			continue
		}
		f := Fill{TradeID: t.ID, PriceTicks: t.PriceTicks, QuantityLots: t.QuantityLots, Fee: side.fee}
		o.FilledLots += f.QuantityLots
		o.Status = ordersv1.OrderStatus_ORDER_STATUS_PARTIALLY_FILLED
		o.EventSeq, o.UpdatedMS = seq, t.AtMS
		if o.Resting {
			s.books[o.Symbol].add(o.Side, o.PriceTicks, -f.QuantityLots)
		}
		o.Fills = append(o.Fills, f)
		if o.FilledLots >= o.QuantityLots {
			o.Status, o.Resting = ordersv1.OrderStatus_ORDER_STATUS_FILLED, false
			s.finish(o)
		}
		copied := *o
		copied.Fills = []Fill{f}
		changed = append(changed, copied)
	}
	return &t, changed
}

func (s *State) end(seq, id uint64, status ordersv1.OrderStatus, why ordersv1.CancelReason, atMS int64) []Order {
	o := s.order(id)
	if o == nil {
		return nil
	}
	if o.Resting {
		s.books[o.Symbol].add(o.Side, o.PriceTicks, o.FilledLots-o.QuantityLots)
	}
	o.Status, o.CancelReason, o.Resting, o.EventSeq, o.UpdatedMS = status, why, false, seq, atMS
	s.finish(o)
	copied := *o
	copied.Fills = nil
	return []Order{copied}
}

func (s *State) rest(o *Order, lots int64) {
	if b := s.books[o.Symbol]; b != nil {
		b.add(o.Side, o.PriceTicks, lots)
	}
}

// finish remembers an ended order and forgets the oldest beyond MaxFinished.
func (s *State) finish(o *Order) {
	s.finished = append(s.finished, o.ID)
	if len(s.finished) < 2*MaxFinished {
		return
	}
	for _, id := range s.finished[:MaxFinished] {
		old := s.orders[id]
		delete(s.orders, id)
		delete(s.accounts[old.Account], id)
		if len(s.accounts[old.Account]) == 0 {
			delete(s.accounts, old.Account)
		}
		if key := (clientKey{old.Account, old.ClientOrderID}); s.clientIDs[key] == id {
			delete(s.clientIDs, key)
		}
	}
	s.finished = slices.Clone(s.finished[MaxFinished:])
}
