package rebuild

import (
	"fmt"

	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
	"fondaco.dev/services/orderbook/internal/engine"
)

const (
	continuous = uint8(ordersv1.Phase_PHASE_CONTINUOUS)
	auction    = uint8(ordersv1.Phase_PHASE_AUCTION)
)

// market folds an event of a market.
func (f *Fold) market(e *tradesv1.Event) error {
	switch k := e.Kind.(type) {
	case *tradesv1.Event_MarketAdded:
		return f.addMarket(k.MarketAdded)
	case *tradesv1.Event_LimitsChanged:
		m, err := f.marketOf(k.LimitsChanged.Market)
		if err == nil {
			m.state.Limits = limits(k.LimitsChanged.Limits)
		}
		return err
	case *tradesv1.Event_PhaseChanged:
		m, err := f.marketOf(k.PhaseChanged.Market)
		if err == nil {
			m.change(k.PhaseChanged)
		}
		return err
	case *tradesv1.Event_Auctioned:
		m, err := f.marketOf(k.Auctioned.Market)
		if err == nil {
			m.state.PauseRef = k.Auctioned.PriceTicks
		}
		return err
	}
	return nil
}

func (f *Fold) marketOf(number uint32) (*marketRow, error) {
	if number == 0 || int(number) > len(f.markets) {
		return nil, fmt.Errorf("market %d is unknown", number)
	}
	return f.markets[number-1], nil
}

func (f *Fold) addMarket(a *tradesv1.MarketAdded) error {
	t := a.Terms
	if t == nil || int(a.Market) != len(f.markets)+1 {
		return fmt.Errorf("market %d comes after %d", a.Market, len(f.markets))
	}
	m := &marketRow{
		terms: &engine.Admin{
			Name: []byte(t.Symbol), Base: []byte(t.Base), Quote: []byte(t.Quote), Tick: t.Tick, Lot: t.Lot,
			MakerPPM: t.MakerFeePpm, TakerPPM: t.TakerFeePpm, DayEndsMs: t.DayEndsMs, OneSide: t.OneSide,
			Limits: limits(t.Limits), Phase: uint8(t.Phase),
		},
		state: engine.MarketState{Phase: uint8(t.Phase), Limits: limits(t.Limits)},
	}
	if m.state.Phase == 0 {
		m.state.Phase = continuous
	}
	if m.state.Phase == auction {
		m.state.BeganMs = f.s.NowMs
	}
	whole := int64(1)
	for i, as := range f.assets {
		if as.name == t.Base {
			m.base = uint32(i + 1)
			for range as.scale {
				whole *= 10
			}
		}
		if as.name == t.Quote {
			m.quote = uint32(i + 1)
		}
	}
	if m.base == 0 || m.quote == 0 {
		return fmt.Errorf("market %s has an unknown asset", t.Symbol)
	}
	m.unit = t.Tick * t.Lot / whole
	f.markets = append(f.markets, m)
	return nil
}

func limits(l *ordersv1.Limits) engine.Limits {
	return engine.Limits{
		MinLots: l.GetMinLots(), MaxLots: l.GetMaxLots(), MinNotional: l.GetMinNotional(), MaxNotional: l.GetMaxNotional(),
		CollarPPM: l.GetCollarPpm(), PausePPM: l.GetPausePpm(), PauseMs: l.GetPauseMs(), Reference: l.GetReferenceTicks(),
	}
}

// change folds a change of phase: when an auction began, and whether the
// reference of the pause is forgotten.
func (m *marketRow) change(p *tradesv1.PhaseChanged) {
	phase := uint8(p.Phase)
	if phase == auction && m.state.Phase != auction {
		m.state.BeganMs = p.AtMs
	}
	if phase == continuous && m.state.Phase != continuous && m.state.Phase != auction {
		m.state.PauseRef = 0
	}
	m.state.Phase, m.state.Then, m.state.EndsAtMs = phase, uint8(p.ThenPhase), p.EndsAtMs
}

// traded folds a trade's price.
func (m *marketRow) traded(price int64) {
	m.state.Last = price
	if m.state.PauseRef == 0 && m.state.Phase == continuous {
		m.state.PauseRef = price
	}
}
