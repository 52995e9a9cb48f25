package engine

import (
	"crypto/sha256"
	"encoding/binary"
)

// Indicative is what the auction of a market would do now, without doing it:
// its price in ticks, 0 when nothing crosses, the lots that would trade, and
// the lots bought minus sold at that price that would find nobody. It says the
// same of a market that is not in an auction.
func (e *Engine) Indicative(number uint32) (price, volume, surplus int64) {
	if number == 0 || int(number) > len(e.markets) {
		return 0, 0, 0
	}
	c := e.clearing(&e.markets[number-1])
	return c.price, c.volume, c.surplus
}

// clearing looks at the part of the book in which the sides cross.
func (e *Engine) clearing(m *market) clearing {
	if !m.crossed() {
		return clearing{}
	}
	low, high := m.books[1].levels[m.books[1].best].price, m.books[0].levels[m.books[0].best].price
	e.late.bids = e.stocks(&m.books[0], low, e.late.bids[:0])
	e.late.asks = e.stocks(&m.books[1], high, e.late.asks[:0])
	return clearingOf(e.late.bids, e.late.asks, m.reference())
}

func (m *market) crossed() bool {
	return m.books[0].best != 0 && m.books[1].best != 0 && m.books[0].levels[m.books[0].best].price >= m.books[1].levels[m.books[1].best].price
}

// stocks appends the levels of a side up to a limit, hidden lots included.
func (e *Engine) stocks(l *ladder, limit int64, out []stock) []stock {
	for v := l.best; v != 0 && l.crosses(l.levels[v].price, limit); v = l.next(v) {
		s := stock{price: l.levels[v].price}
		for i := l.levels[v].head; i != 0; i = e.orders[i].next {
			s.lots += e.orders[i].remaining
		}
		out = append(out, s)
	}
	return out
}

// uncross closes an auction: what the auction price allows trades at it. Self-
// trade rules may take orders out and leave the book crossed; then it is done
// again, until the book is one that continuous trading can begin with. Each
// round trades or takes out at least one order.
func (e *Engine) uncross(m *market) {
	e.markMarket(m)
	for again := true; again; again = m.crossed() {
		c := e.clearing(m)
		e.emitAuctioned(m, c.price, c.volume, c.surplus, m.reference(), e.auctionInput(m))
		m.pauseRef = c.price
		if c.volume == 0 {
			return
		}
		e.tradeAt(m, c.price)
	}
}

// auctionInput is the SHA-256 over both sides, best price first in the order of
// the queues: order id, price and open lots, 8 bytes each. It is good until the
// next one.
func (e *Engine) auctionInput(m *market) []byte {
	s := &e.late
	if s.digest == nil {
		s.digest = sha256.New()
	}
	s.digest.Reset()
	for _, l := range [...]*ladder{&m.books[0], &m.books[1]} {
		for v := l.best; v != 0; v = l.next(v) {
			for i := l.levels[v].head; i != 0; i = e.orders[i].next {
				o := &e.orders[i]
				b := binary.LittleEndian.AppendUint64(s.input[:0], o.id)
				b = binary.LittleEndian.AppendUint64(b, uint64(o.price))
				b = binary.LittleEndian.AppendUint64(b, uint64(o.remaining))
				s.digest.Write(b)
				s.input = b
			}
		}
	}
	s.input = s.digest.Sum(s.input[:0])
	return s.input
}

// tradeAt matches the best bid with the best ask at the auction's price while
// both accept it. The younger of the two is the taker.
func (e *Engine) tradeAt(m *market, price int64) {
	for m.crossed() {
		bid, ask := &m.books[0].levels[m.books[0].best], &m.books[1].levels[m.books[1].best]
		if bid.price < price || ask.price > price {
			return
		}
		maker, taker := bid.head, ask.head
		if e.orders[maker].arrival > e.orders[taker].arrival {
			maker, taker = taker, maker
		}
		if e.orders[maker].acct == e.orders[taker].acct && e.auctionSelfTrade(m, maker, taker) {
			continue
		}
		if e.orders[maker].flags&flagPair != 0 || e.orders[taker].flags&flagPair != 0 {
			// The other legs may stand in these queues.
			for _, i := range [...]uint32{taker, maker} {
				if e.orders[i].flags&flagPair != 0 {
					e.otherLeg(i)
				}
			}
			continue
		}
		e.tradeAuction(m, maker, taker, price)
	}
}

// tradeAuction lets two orders trade all that both have left, at the price of
// the auction. Icebergs keep their places and show a new part.
func (e *Engine) tradeAuction(m *market, maker, taker uint32, price int64) {
	lots := min(e.orders[maker].remaining, e.orders[taker].remaining)
	e.hide(m, maker)
	e.hide(m, taker)
	e.trade(m, maker, taker, price, lots, true)
	for _, i := range [...]uint32{maker, taker} {
		if e.orders[i].remaining > 0 {
			e.show(m, i)
			continue
		}
		e.unlink(m.book(&e.orders[i]), i)
		e.filled(m, i)
	}
}

// hide takes what the book shows of an order out of its level, show puts what
// it shows now back. The order keeps its place.
func (e *Engine) hide(m *market, i uint32) {
	o := &e.orders[i]
	m.book(o).levels[o.level].lots -= e.visible(o)
}

func (e *Engine) show(m *market, i uint32) {
	o := &e.orders[i]
	if o.flags&flagIceberg != 0 {
		t := &e.terms[o.terms]
		t.visible = min(t.display, o.remaining)
	}
	m.book(o).levels[o.level].lots += e.visible(o)
}

// auctionSelfTrade resolves the meeting of two orders of one account by the
// rule of the younger; false means that they may trade.
func (e *Engine) auctionSelfTrade(m *market, maker, taker uint32) bool {
	switch e.orders[taker].self {
	case selfNone:
		return false
	case selfCancelMaker:
		e.cancelLive(maker, causeSelfTrade)
	case selfCancelBoth:
		e.cancelLive(maker, causeSelfTrade)
		e.cancelLive(taker, causeSelfTrade)
	case selfDecrement:
		lots := min(e.orders[maker].remaining, e.orders[taker].remaining)
		e.lose(m, maker, lots)
		e.lose(m, taker, lots)
	default:
		e.cancelLive(taker, causeSelfTrade)
	}
	return true
}

// lose takes lots from a resting order, which ends when they are all it has.
func (e *Engine) lose(m *market, i uint32, lots int64) {
	o := &e.orders[i]
	if lots == o.remaining {
		e.cancelLive(i, causeSelfTrade)
		return
	}
	e.hide(m, i)
	e.lower(m, i, lots)
	e.show(m, i)
	e.emitOrderDecremented(o.id, lots, o.remaining, e.visible(o))
}
