package twin

import (
	"math/big"

	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
	"google.golang.org/protobuf/proto"
)

// market is a pair of assets that is traded.
type market struct {
	id          uint32
	terms       *ordersv1.AddMarket
	limits      *ordersv1.Limits
	base, quote uint32
	unit        int64 // quote units of one lot at one tick
	last        int64 // price of the newest trade; 0 = none
	pauseRef    int64 // 0 = none yet
	phase       ordersv1.Phase
	then        ordersv1.Phase
	endsMs      int64
	beganMs     int64 // the auction
}

func (v *Venue) market(id uint32) *market {
	if id == 0 || int(id) > len(v.markets) {
		return nil
	}
	return v.markets[id-1]
}

func (v *Venue) assetID(name string) uint32 {
	for i, a := range v.assets {
		if a.Name == name {
			return uint32(i + 1)
		}
	}
	return 0
}

func (v *Venue) addAsset(c *ordersv1.AddAsset) {
	if r := v.barred("admin"); r != ok {
		v.refuse(0, 0, r)
		return
	}
	if !printable(c.GetName(), 32) || c.Scale > 18 {
		v.refuse(0, 0, badCommand)
		return
	}
	if id := v.assetID(c.Name); id != 0 {
		if v.assets[id-1].Scale != c.Scale {
			v.refuse(0, 0, ordersv1.RejectReason_REJECT_REASON_CONFLICT)
			return
		}
		v.repeated()
		return
	}
	v.assets = append(v.assets, c)
	v.emit(&tradesv1.AssetAdded{Name: c.Name, Scale: c.Scale, Asset: uint32(len(v.assets))})
	v.done()
}

func (v *Venue) addMarket(c *ordersv1.AddMarket) {
	if r := v.barred("admin"); r != ok {
		v.refuse(0, 0, r)
		return
	}
	m, r := v.newMarket(c)
	if r != ok {
		v.refuse(0, 0, r)
		return
	}
	for _, old := range v.markets {
		if old.terms.Symbol == c.Symbol {
			if !proto.Equal(old.terms, m.terms) {
				v.refuse(0, 0, ordersv1.RejectReason_REJECT_REASON_CONFLICT)
				return
			}
			v.repeated()
			return
		}
	}
	v.markets = append(v.markets, m)
	m.id = uint32(len(v.markets))
	v.emit(&tradesv1.MarketAdded{Market: m.id, Terms: m.terms})
	v.done()
}

func (v *Venue) newMarket(c *ordersv1.AddMarket) (*market, ordersv1.RejectReason) {
	if !printable(c.GetSymbol(), 64) {
		return nil, badCommand
	}
	base, quote := v.assetID(c.Base), v.assetID(c.Quote)
	if base == 0 || quote == 0 {
		return nil, ordersv1.RejectReason_REJECT_REASON_UNKNOWN_ASSET
	}
	phase := c.Phase
	if phase == 0 {
		phase = ordersv1.Phase_PHASE_CONTINUOUS
	}
	switch {
	case base == quote:
		return nil, badCommand
	case c.Tick <= 0:
		return nil, ordersv1.RejectReason_REJECT_REASON_BAD_TICK
	case c.Lot <= 0:
		return nil, ordersv1.RejectReason_REJECT_REASON_BAD_LOT
	case c.MakerFeePpm < 0, c.MakerFeePpm > 1_000_000, c.TakerFeePpm < 0, c.TakerFeePpm > 1_000_000,
		!plausible(c.Limits), c.DayEndsMs < 0, c.DayEndsMs >= 86_400_000,
		phase < 0, phase > ordersv1.Phase_PHASE_AUCTION:
		return nil, badCommand
	}
	step := times(c.Tick, c.Lot)
	if !step.IsInt64() {
		return nil, ordersv1.RejectReason_REJECT_REASON_OVERFLOW
	}
	whole := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(v.assets[base-1].Scale)), nil)
	unit, rest := new(big.Int).QuoRem(step, whole, new(big.Int))
	if rest.Sign() != 0 {
		return nil, ordersv1.RejectReason_REJECT_REASON_BAD_TICK
	}
	limits := c.Limits
	if limits == nil {
		limits = &ordersv1.Limits{}
	}
	terms := proto.Clone(c).(*ordersv1.AddMarket)
	if proto.Size(limits) == 0 {
		terms.Limits = nil
	}
	return &market{terms: terms, limits: limits, base: base, quote: quote, unit: small(unit), phase: phase, beganMs: v.now,
		then: ordersv1.Phase_PHASE_CONTINUOUS}, ok
}

// plausible limits are not negative.
func plausible(l *ordersv1.Limits) bool {
	for _, n := range []int64{l.GetMinLots(), l.GetMaxLots(), l.GetMinNotional(), l.GetMaxNotional(), l.GetCollarPpm(), l.GetPausePpm(),
		l.GetPauseMs(), l.GetReferenceTicks()} {
		if n < 0 {
			return false
		}
	}
	return true
}

func (v *Venue) setLimits(c *ordersv1.SetLimits) {
	if r := v.barred("admin"); r != ok {
		v.refuse(0, 0, r)
		return
	}
	m := v.market(c.GetMarket())
	if m == nil || m.phase == ordersv1.Phase_PHASE_DELISTED {
		v.refuse(0, 0, ordersv1.RejectReason_REJECT_REASON_UNKNOWN_MARKET)
		return
	}
	if !plausible(c.Limits) {
		v.refuse(0, 0, badCommand)
		return
	}
	m.limits = &ordersv1.Limits{}
	if c.Limits != nil {
		m.limits = c.Limits
	}
	v.emit(&tradesv1.LimitsChanged{Market: m.id, Limits: m.limits})
	v.done()
}

// reference is what the collar is measured from; 0 = nothing.
func (m *market) reference() int64 {
	if m.last > 0 {
		return m.last
	}
	return m.limits.ReferenceTicks
}

// outside reports a price further from a reference than parts per million of it.
func outside(price, reference, ppm int64) bool {
	if reference == 0 || ppm == 0 {
		return false
	}
	d := new(big.Int).Sub(big.NewInt(price), big.NewInt(reference))
	d.Abs(d).Mul(d, big.NewInt(1_000_000))
	return d.Cmp(times(ppm, reference)) > 0
}
