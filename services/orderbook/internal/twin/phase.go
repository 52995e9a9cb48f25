package twin

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"

	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
)

func (v *Venue) setPhase(c *ordersv1.SetPhase) {
	r := v.barred("admin")
	m := v.market(c.GetMarket())
	auction := c.GetPhase() == ordersv1.Phase_PHASE_AUCTION
	switch {
	case r != ok:
	case m == nil || m.phase == ordersv1.Phase_PHASE_DELISTED:
		r = ordersv1.RejectReason_REJECT_REASON_UNKNOWN_MARKET
	case c.Phase <= 0, c.Phase > ordersv1.Phase_PHASE_AUCTION,
		!auction && (c.EndsAtMs != 0 || c.ThenPhase != 0),
		c.ThenPhase < 0, c.ThenPhase >= ordersv1.Phase_PHASE_AUCTION:
		r = badCommand
	case c.EndsAtMs != 0 && c.EndsAtMs <= v.now:
		r = ordersv1.RejectReason_REJECT_REASON_BAD_EXPIRY
	}
	if r != ok {
		v.refuse(0, 0, r)
		return
	}
	then := c.ThenPhase
	if auction && then == 0 {
		then = ordersv1.Phase_PHASE_CONTINUOUS
	}
	v.enter(m, c.Phase, c.EndsAtMs, then)
	v.afterMatch(m)
	v.done()
}

// enter takes a market into a phase, uncrossing first when it leaves an auction.
func (v *Venue) enter(m *market, phase ordersv1.Phase, endsMs int64, then ordersv1.Phase) {
	const auction, continuous = ordersv1.Phase_PHASE_AUCTION, ordersv1.Phase_PHASE_CONTINUOUS
	from := m.phase
	if from == auction && phase != auction {
		v.uncross(m)
	}
	if phase == continuous && from != auction && from != continuous {
		m.pauseRef = 0
	}
	if phase == auction && from != auction {
		m.beganMs = v.now
	}
	m.phase, m.endsMs, m.then = phase, endsMs, then
	v.emit(&tradesv1.PhaseChanged{Market: m.id, Phase: phase, EndsAtMs: endsMs, ThenPhase: then, AtMs: v.now})
}

// uncross trades what crosses at one price, again as long as anything does.
func (v *Venue) uncross(m *market) {
	for again := false; ; again = true {
		bids, asks := v.book(m.id, buy), v.book(m.id, sell)
		price, volume, surplus := clearing(bids, asks, m.reference())
		if volume == 0 && again {
			return
		}
		m.pauseRef = price
		v.emit(&tradesv1.Auctioned{Market: m.id, PriceTicks: price, VolumeLots: volume, SurplusLots: surplus, ReferenceTicks: m.reference(),
			InputDigest: inputDigest(bids, asks), BeganMs: m.beganMs, AtMs: v.now})
		if volume == 0 {
			return
		}
		for {
			bids, asks := v.book(m.id, buy), v.book(m.id, sell)
			if len(bids) == 0 || len(asks) == 0 || bids[0].price < price || asks[0].price > price {
				break
			}
			v.cross(m, bids[0], asks[0], price)
		}
	}
}

// cross lets the two first orders of an auction trade; the younger is the taker.
func (v *Venue) cross(m *market, k, t *order, price int64) {
	if t.arrival < k.arrival {
		k, t = t, k
	}
	lots := min(k.open(), t.open())
	if k.account == t.account && t.body.SelfTrade != ordersv1.SelfTrade_SELF_TRADE_NONE {
		why, stop := v.preventSelfTrade(t, k, lots)
		if stop && why == ownCounter {
			v.end(t, ordersv1.CancelReason_CANCEL_REASON_SELF_TRADE)
		}
		return
	}
	v.cancelOtherLeg(t)
	v.cancelOtherLeg(k)
	v.fill(m, t, k, price, lots, true)
	for _, o := range []*order{k, t} {
		if o.open() == 0 {
			v.end(o, 0)
		} else {
			o.visible = min(o.body.DisplayLots, o.open())
		}
	}
}

// clearing is the auction's price with what trades there and what is left over.
func clearing(bids, asks []*order, reference int64) (price, volume, surplus int64) {
	if len(bids) == 0 || len(asks) == 0 || bids[0].price < asks[0].price {
		return 0, 0, 0
	}
	var candidates []int64
	for _, o := range bids {
		candidates = append(candidates, o.price)
	}
	for _, o := range asks {
		candidates = append(candidates, o.price)
	}
	if reference >= asks[0].price && reference <= bids[0].price {
		candidates = append(candidates, reference)
	}
	distance := func(p int64) uint64 {
		switch {
		case reference == 0:
			return 0
		case p > reference:
			return uint64(p - reference)
		}
		return uint64(reference - p)
	}
	size := func(n int64) int64 { return max(n, -n) }
	for _, p := range candidates {
		var bought, sold int64
		for _, o := range bids {
			if o.price >= p {
				bought += o.open()
			}
		}
		for _, o := range asks {
			if o.price <= p {
				sold += o.open()
			}
		}
		n, s := min(bought, sold), bought-sold
		better := cmp.Or(cmp.Compare(volume, n), cmp.Compare(size(s), size(surplus)), cmp.Compare(distance(p), distance(price)), cmp.Compare(p, price))
		if price == 0 || better < 0 {
			price, volume, surplus = p, n, s
		}
	}
	return price, volume, surplus
}

func inputDigest(bids, asks []*order) []byte {
	h := sha256.New()
	for _, side := range [][]*order{bids, asks} {
		for _, o := range side {
			for _, n := range []uint64{o.id, uint64(o.price), uint64(o.open())} {
				h.Write(binary.LittleEndian.AppendUint64(nil, n))
			}
		}
	}
	return h.Sum(nil)
}

func (v *Venue) delist(c *ordersv1.Delist) {
	if r := v.barred("admin"); r != ok {
		v.refuse(0, 0, r)
		return
	}
	m := v.market(c.GetMarket())
	if m == nil {
		v.refuse(0, 0, ordersv1.RejectReason_REJECT_REASON_UNKNOWN_MARKET)
		return
	}
	if m.phase == ordersv1.Phase_PHASE_DELISTED {
		v.repeated()
		return
	}
	m.phase, m.endsMs, m.then = ordersv1.Phase_PHASE_DELISTED, 0, 0
	v.emit(&tradesv1.PhaseChanged{Market: m.id, Phase: m.phase, AtMs: v.now})
	v.sweep(massCancel{market: m.id, reason: ordersv1.CancelReason_CANCEL_REASON_DELISTED, last: v.lastID})
	v.done()
}
