package market

import (
	"slices"
)

// Directory is what is known of markets and assets; it may be kept.
func (s *State) Directory() *Directory { return s.dir }

// Market finds a market by symbol; nil when there is none.
func (d *Directory) Market(symbol string) *Market { return d.symbols[symbol] }

// MarketOf is Market for a symbol in bytes.
func (d *Directory) MarketOf(symbol []byte) *Market { return d.symbols[string(symbol)] }

// ByID finds a market by its number; nil when there is none.
func (d *Directory) ByID(id uint32) *Market {
	if id == 0 || int(id) > len(d.markets) {
		return nil
	}
	return d.markets[id-1]
}

// Markets lists all in order of their addition.
func (d *Directory) Markets() []*Market {
	out := make([]*Market, 0, len(d.markets))
	for _, m := range d.markets {
		if m != nil {
			out = append(out, m)
		}
	}
	return out
}

// Asset finds an asset by its number.
func (d *Directory) Asset(id uint32) (Asset, bool) {
	if id == 0 || int(id) > len(d.assets) {
		return Asset{}, false
	}
	return d.assets[id-1], true
}

// AssetID finds an asset by its name.
func (d *Directory) AssetID(name string) (id uint32, ok bool) {
	id, _ = d.asset(name)
	return id, id != 0
}

// Market is Directory().Market.
func (s *State) Market(symbol string) *Market { return s.dir.Market(symbol) }

// Order returns a copy of an order of this account that is live or ended
// recently.
func (s *State) Order(account, id uint64) (Order, bool) {
	o := s.orders.get(id)
	if o == nil || o.Account != account {
		return Order{}, false
	}
	return s.orders.clone(o), true
}

// OrderByClientID is Order for the newest order with a client order id.
func (s *State) OrderByClientID(account uint64, clientID string) (Order, bool) {
	return s.named(s.clientIDs, name{account: account, id: clientID})
}

// OrderByRef is Order for the newest order with a client_ref.
func (s *State) OrderByRef(account, ref uint64) (Order, bool) {
	return s.named(s.refs, name{account: account, ref: ref})
}

func (s *State) named(by *names, n name) (Order, bool) {
	if o := by.find(n); o != nil {
		return s.orders.clone(o), true
	}
	return Order{}, false
}

// MarketOfOrder is the market of an account's order that the three names mean;
// 0 when it is not known here. An order that is not open may have left its name
// to another.
func (s *State) MarketOfOrder(account, id uint64, clientID string, ref uint64) (market uint32, open bool) {
	var o *row
	switch {
	case clientID != "":
		o = s.clientIDs.find(name{account: account, id: clientID})
	case ref != 0:
		o = s.refs.find(name{account: account, ref: ref})
	default:
		o = s.orders.get(id)
	}
	if o != nil && o.Account == account {
		return o.Market, o.Open()
	}
	return 0, false
}

// Orders copies an account's orders with ids below `below` (0 = no bound) that
// match, newest first.
func (s *State) Orders(account, below uint64, match func(*Order) bool) []Order {
	var out []Order
	a := s.accounts[account]
	if a == nil {
		return nil
	}
	for i := a.newest; i != 0; {
		o := s.orders.at(i)
		i = o.older
		if below != 0 && o.ID >= below {
			continue
		}
		if c := s.orders.order(o, s.orders.of(o).fills); match(&c) {
			c.Fills = slices.Clone(c.Fills)
			out = append(out, c)
		}
	}
	return out
}

// Held is an account's balance of one asset.
type Held struct {
	Asset Asset
	Balance
}

// Balances lists an account's balances by the assets' names.
func (s *State) Balances(account uint64) []Held {
	out := []Held{}
	if a := s.accounts[account]; a != nil {
		for _, h := range a.balances {
			if asset, ok := s.dir.Asset(h.asset); ok {
				out = append(out, Held{asset, h.Balance})
			}
		}
	}
	slices.SortFunc(out, func(a, b Held) int {
		if a.Asset.Name < b.Asset.Name {
			return -1
		}
		return 1
	})
	return out
}

// Tail copies up to limit trades with ids below `below` (0 = no bound), newest
// first, and says whether the tail reaches further back than that.
func (s *State) Tail(market uint32, below uint64, limit int) (out []Trade, enough bool) {
	t := s.trading(market)
	if t == nil {
		return nil, false
	}
	for i := len(t.tail) - 1; i >= 0; i-- {
		if below != 0 && t.tail[i].ID >= below {
			continue
		}
		if len(out) == limit {
			return out, true
		}
		out = append(out, t.tail[i])
	}
	return out, false
}

// Depth copies the best levels of a book; limit 0 = all.
func (s *State) Depth(market uint32, limit int) Depth {
	d := Depth{Seq: s.Seq, Market: market}
	if t := s.trading(market); t != nil {
		d.Bids, d.Asks, d.Checksum = top(t.book.bids, limit), top(t.book.asks, limit), t.book.checksum()
	}
	return d
}

// Last is the price of a market's newest trade; 0 = it never traded.
func (s *State) Last(market uint32) int64 {
	if t := s.trading(market); t != nil {
		return t.last
	}
	return 0
}

// Queue lists a market's resting orders: bids, then asks, best first, in the
// order of their queues.
func (s *State) Queue(market uint32) []Place {
	var out []Place
	for o := range s.orders.all() {
		if o.Market == market && o.Resting {
			out = append(out, Place{OrderID: o.ID, Account: o.Account, Side: o.side(), PriceTicks: o.PriceTicks, Remaining: o.RemainingLots, Visible: o.VisibleLots, Queue: o.QueueSeq})
		}
	}
	slices.SortFunc(out, func(a, b Place) int {
		switch {
		case a.Side != b.Side:
			return int(a.Side) - int(b.Side)
		case a.PriceTicks != b.PriceTicks && a.Side == buy:
			return -compare(a.PriceTicks, b.PriceTicks)
		case a.PriceTicks != b.PriceTicks:
			return compare(a.PriceTicks, b.PriceTicks)
		}
		return compare(a.Queue, b.Queue)
	})
	return out
}

// Updates is what changed in one market since it was last taken.
type Updates struct {
	Market  uint32
	Depth   *Depth   // levels with their new quantities
	Top     *Top     // when a best price or its quantity changed
	Ticker  *Ticker  // when there were trades
	Candles []Candle // those that the trades changed
}

// Take returns what changed since the last call, one Updates a touched market.
func (s *State) Take() []Updates {
	var out []Updates
	for _, id := range s.touched {
		t := s.trading(id)
		t.touched = false
		u := Updates{Market: id}
		if bids, asks := t.book.changes(); len(bids)+len(asks) > 0 {
			u.Depth = &Depth{Seq: s.Seq, Market: id, Bids: bids, Asks: asks, Checksum: t.book.checksum()}
		}
		now := Top{Market: id, Bid: best(t.book.bids), Ask: best(t.book.asks)}
		if now != t.book.told {
			t.book.told = now
			now.Seq = s.Seq
			u.Top = &now
		}
		if t.candles.changed {
			t.candles.changed = false
			t.window.move(s.NowMS)
			tick := s.ticker(t)
			u.Ticker, u.Candles = &tick, slices.Clone(t.candles.open[:])
		}
		out = append(out, u)
	}
	s.touched = s.touched[:0]
	return out
}

// Drop is Take for nobody: what changed so far is never told.
func (s *State) Drop() {
	for _, id := range s.touched {
		t := s.trading(id)
		t.touched, t.candles.changed = false, false
		t.book.dirty = t.book.dirty[:0]
		t.book.told = Top{Market: id, Bid: best(t.book.bids), Ask: best(t.book.asks)}
		t.window.move(s.NowMS)
	}
	s.touched = s.touched[:0]
}

// Top is a market's best levels.
func (s *State) Top(market uint32) Top {
	out := Top{Seq: s.Seq, Market: market}
	if t := s.trading(market); t != nil {
		out.Bid, out.Ask = best(t.book.bids), best(t.book.asks)
	}
	return out
}

// Newest is a market's newest candle of each interval that has one.
func (s *State) Newest(market uint32) []Candle {
	var out []Candle
	if t := s.trading(market); t != nil {
		for _, c := range t.candles.open {
			if c.Trades > 0 {
				out = append(out, c)
			}
		}
	}
	return out
}
