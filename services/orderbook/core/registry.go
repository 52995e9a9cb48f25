package core

import (
	"encoding/binary"

	ordersv1 "fondaco.dev/proto/orders/v1"
)

// asset is a kind of money or goods that accounts hold.
type asset struct {
	name   string
	scale  uint32 // decimal places of the smallest book unit
	supply int64  // deposited so far
	fees   int64  // taken from fills so far
}

// market is a pair of assets that is traded, with its book.
type market struct {
	symbol      string
	base, quote int32 // asset indexes
	tick        int64 // price step in quote units per whole base unit
	lot         int64 // quantity step in base units
	unit        int64 // quote units of one lot at one tick: tick*lot / 10^base.scale
	makerPPM    int64
	takerPPM    int64
	bids, asks  ladder
}

// maxPPM is the higher of the two fee rates: what a reservation reckons with.
func (m *market) maxPPM() int64 { return max(m.makerPPM, m.takerPPM) }

// Asset returns an asset's scale.
func (e *Engine) Asset(name string) (scale uint32, found bool) {
	i, found := e.assetIndex[name]
	if !found {
		return 0, false
	}
	return e.assets[i].scale, true
}

// Market returns a market as the command that made it.
func (e *Engine) Market(symbol string) (*ordersv1.AddMarket, bool) {
	i, found := e.marketIndex[symbol]
	if !found {
		return nil, false
	}
	m := &e.markets[i]
	return &ordersv1.AddMarket{
		Symbol: m.symbol, Base: e.assets[m.base].name, Quote: e.assets[m.quote].name,
		Tick: m.tick, Lot: m.lot, MakerFeePpm: m.makerPPM, TakerFeePpm: m.takerPPM,
	}, true
}

// addAsset makes an asset. The same again is no change; another scale under
// the same name is a conflict.
func (e *Engine) addAsset(index int, c *ordersv1.AddAsset) reason {
	if r := e.barred(ordersv1.FromAdmin); r != ok {
		return e.refuse(index, 0, 0, r)
	}
	if !printable(c.GetName(), MaxName) || c.Scale > MaxScale {
		return e.refuse(index, 0, 0, ordersv1.RejectReason_REJECT_REASON_BAD_COMMAND)
	}
	if i, found := e.assetIndex[c.Name]; found {
		if e.assets[i].scale != c.Scale {
			return e.refuse(index, 0, 0, ordersv1.RejectReason_REJECT_REASON_CONFLICT)
		}
		e.reply.outcome(ok, true)
		return ok
	}
	if len(e.assets) >= MaxAssets {
		return e.refuse(index, 0, 0, ordersv1.RejectReason_REJECT_REASON_OVERFLOW)
	}
	e.assetIndex[c.Name] = int32(len(e.assets))
	e.assets = append(e.assets, asset{name: c.Name, scale: c.Scale})
	e.emitAssetAdded(c.Name, c.Scale)
	e.reply.outcome(ok, false)
	return ok
}

// addMarket makes a market. The same again is no change; anything else under
// the same symbol is a conflict.
func (e *Engine) addMarket(index int, c *ordersv1.AddMarket) reason {
	if r := e.barred(ordersv1.FromAdmin); r != ok {
		return e.refuse(index, 0, 0, r)
	}
	m, r := e.newMarket(c)
	if r != ok {
		return e.refuse(index, 0, 0, r)
	}
	if i, found := e.marketIndex[c.Symbol]; found {
		h := &e.markets[i]
		if h.base != m.base || h.quote != m.quote || h.tick != m.tick || h.lot != m.lot ||
			h.makerPPM != m.makerPPM || h.takerPPM != m.takerPPM {
			return e.refuse(index, 0, 0, ordersv1.RejectReason_REJECT_REASON_CONFLICT)
		}
		e.reply.outcome(ok, true)
		return ok
	}
	if len(e.markets) >= MaxMarkets {
		return e.refuse(index, 0, 0, ordersv1.RejectReason_REJECT_REASON_OVERFLOW)
	}
	e.marketIndex[c.Symbol] = int32(len(e.markets))
	e.markets = append(e.markets, m)
	e.emitMarketAdded(c)
	e.reply.outcome(ok, false)
	return ok
}

// newMarket checks a market's terms: tick x lot must be whole in the quote's
// smallest unit, so that every fill is.
func (e *Engine) newMarket(c *ordersv1.AddMarket) (market, reason) {
	bad := ordersv1.RejectReason_REJECT_REASON_BAD_COMMAND
	if c == nil || !printable(c.Symbol, MaxSymbol) {
		return market{}, bad
	}
	base, ok1 := e.assetIndex[c.Base]
	quote, ok2 := e.assetIndex[c.Quote]
	if !ok1 || !ok2 {
		return market{}, ordersv1.RejectReason_REJECT_REASON_UNKNOWN_ASSET
	}
	switch {
	case base == quote:
		return market{}, bad
	case c.Tick <= 0:
		return market{}, ordersv1.RejectReason_REJECT_REASON_BAD_TICK
	case c.Lot <= 0:
		return market{}, ordersv1.RejectReason_REJECT_REASON_BAD_LOT
	case c.MakerFeePpm < 0 || c.MakerFeePpm > ppmScale || c.TakerFeePpm < 0 || c.TakerFeePpm > ppmScale:
		return market{}, bad
	}
	step, fits := mulAmount(c.Tick, c.Lot)
	if !fits {
		return market{}, ordersv1.RejectReason_REJECT_REASON_OVERFLOW
	}
	whole := int64(1)
	for range e.assets[base].scale {
		whole *= 10
	}
	if step%whole != 0 {
		return market{}, ordersv1.RejectReason_REJECT_REASON_BAD_TICK
	}
	return market{
		symbol: c.Symbol, base: base, quote: quote, tick: c.Tick, lot: c.Lot, unit: step / whole,
		makerPPM: c.MakerFeePpm, takerPPM: c.TakerFeePpm, bids: ladder{sign: 1}, asks: ladder{sign: -1},
	}, ok
}

// appendScalars appends the counters and the time, for digest and snapshot.
func (e *Engine) appendScalars(b []byte) []byte {
	for _, v := range [...]uint64{e.lastInSeq, e.events, e.orderID, e.tradeID, uint64(e.clock.nowMs), uint64(e.clock.leaptToMs)} {
		b = binary.AppendUvarint(b, v)
	}
	b = appendBool(appendBool(b, e.clock.halted), e.clock.doubted)
	return appendString(b, e.clock.doubtfulBy)
}

// appendRegistry appends assets and markets in the order they were made in.
func (e *Engine) appendRegistry(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(e.assets)))
	for i := range e.assets {
		a := &e.assets[i]
		b = appendString(b, a.name)
		for _, v := range [...]int64{int64(a.scale), a.supply, a.fees} {
			b = binary.AppendUvarint(b, uint64(v))
		}
	}
	b = binary.AppendUvarint(b, uint64(len(e.markets)))
	for i := range e.markets {
		m := &e.markets[i]
		b = appendString(b, m.symbol)
		for _, v := range [...]int64{int64(m.base), int64(m.quote), m.tick, m.lot, m.makerPPM, m.takerPPM} {
			b = binary.AppendUvarint(b, uint64(v))
		}
	}
	return b
}

// printable reports a string of 1..limit printable ASCII characters.
func printable(s string, limit int) bool {
	if len(s) == 0 || len(s) > limit {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}
