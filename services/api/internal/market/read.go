package market

import (
	"maps"
	"slices"

	ordersv1 "fondaco.dev/proto/orders/v1"
)

// Market finds a market by symbol; nil when there is none. The result is never
// changed afterwards.
func (s *State) Market(symbol string) *Market { return s.markets[symbol] }

// Markets lists all in order of their addition.
func (s *State) Markets() []*Market {
	out := make([]*Market, 0, len(s.symbols))
	for _, sym := range s.symbols {
		out = append(out, s.markets[sym])
	}
	return out
}

// Scale is an asset's number of decimals.
func (s *State) Scale(asset string) (uint32, bool) {
	n, ok := s.assets[asset]
	return n, ok
}

// Order returns a copy of an order of this account that is live or ended
// recently.
func (s *State) Order(account, id uint64) (Order, bool) {
	o := s.orders[id]
	if o == nil || o.Account != account {
		return Order{}, false
	}
	return o.clone(), true
}

// OrderByClientID is Order for the newest order with a client order id.
func (s *State) OrderByClientID(account uint64, clientID string) (Order, bool) {
	id, ok := s.clientIDs[clientKey{account, clientID}]
	if !ok {
		return Order{}, false
	}
	return s.Order(account, id)
}

// Orders copies an account's orders with ids below `below` (0 = no bound) that
// match, newest first.
func (s *State) Orders(account, below uint64, match func(*Order) bool) []Order {
	var out []Order
	for id, o := range s.accounts[account] {
		if (below == 0 || id < below) && match(o) {
			out = append(out, o.clone())
		}
	}
	slices.SortFunc(out, func(a, b Order) int { return -compare(a.ID, b.ID) })
	return out
}

// Balances copies an account's balances and lists their assets by name.
func (s *State) Balances(account uint64) (map[string]Balance, []string) {
	b := maps.Clone(s.balances[account])
	return b, slices.Sorted(maps.Keys(b))
}

// Tail copies up to limit trades with ids below `below` (0 = no bound), newest
// first, and says whether the tail reaches further back than that.
func (s *State) Tail(symbol string, below uint64, limit int) (out []Trade, enough bool) {
	tail := s.tails[symbol]
	for i := len(tail) - 1; i >= 0; i-- {
		if below != 0 && tail[i].ID >= below {
			continue
		}
		if len(out) == limit {
			return out, true
		}
		out = append(out, tail[i])
	}
	return out, false
}

// Depth copies the best levels of a book; limit 0 = all.
func (s *State) Depth(symbol string, limit int) Depth {
	b := s.books[symbol]
	if b == nil {
		return Depth{Seq: s.Seq, Symbol: symbol}
	}
	return Depth{Seq: s.Seq, Symbol: symbol, Bids: top(b.bids, limit), Asks: top(b.asks, limit)}
}

// TakeDepth returns the levels that changed since the last call, one Depth a
// touched market, in the markets' order.
func (s *State) TakeDepth() []Depth {
	var out []Depth
	for _, sym := range s.symbols {
		b := s.books[sym]
		if len(b.dirty) == 0 {
			continue
		}
		d := Depth{Seq: s.Seq, Symbol: sym}
		for key := range b.dirty {
			if key.buy {
				d.Bids = append(d.Bids, Level{key.price, lotsAt(b.bids, key.price, true)})
			} else {
				d.Asks = append(d.Asks, Level{key.price, lotsAt(b.asks, key.price, false)})
			}
		}
		clear(b.dirty)
		slices.SortFunc(d.Bids, func(a, b Level) int { return -compare(a.PriceTicks, b.PriceTicks) })
		slices.SortFunc(d.Asks, func(a, b Level) int { return compare(a.PriceTicks, b.PriceTicks) })
		out = append(out, d)
	}
	return out
}

func (o *Order) clone() Order {
	c := *o
	c.Fills = slices.Clone(o.Fills)
	return c
}

// book holds the levels of one market, best first, and which changed.
type book struct {
	bids, asks []Level
	dirty      map[levelKey]struct{}
}

type levelKey struct {
	buy   bool
	price int64
}

// add changes what rests at a price; a level without lots is removed.
func (b *book) add(side ordersv1.Side, price, lots int64) {
	buy := side == ordersv1.Side_SIDE_BUY
	levels := &b.asks
	if buy {
		levels = &b.bids
	}
	i, ok := find(*levels, price, buy)
	switch {
	case !ok:
		*levels = slices.Insert(*levels, i, Level{price, lots})
	case (*levels)[i].Lots+lots == 0:
		*levels = slices.Delete(*levels, i, i+1)
	default:
		(*levels)[i].Lots += lots
	}
	if b.dirty == nil {
		b.dirty = map[levelKey]struct{}{}
	}
	b.dirty[levelKey{buy, price}] = struct{}{}
}

func find(levels []Level, price int64, buy bool) (int, bool) {
	return slices.BinarySearchFunc(levels, price, func(l Level, p int64) int {
		if buy {
			return -compare(l.PriceTicks, p)
		}
		return compare(l.PriceTicks, p)
	})
}

func lotsAt(levels []Level, price int64, buy bool) int64 {
	if i, ok := find(levels, price, buy); ok {
		return levels[i].Lots
	}
	return 0
}

func top(levels []Level, limit int) []Level {
	if limit > 0 && limit < len(levels) {
		levels = levels[:limit]
	}
	return slices.Clone(levels)
}

func compare[T int64 | uint64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
