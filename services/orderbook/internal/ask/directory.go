package ask

import (
	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/orderbook/internal/engine"
)

// Directory is what a venue trades. Commands name markets by these numbers.
type Directory struct {
	Halted  bool     `json:"halted"`
	Assets  []Asset  `json:"assets"`
	Markets []Market `json:"markets"`
}

// Asset is an asset of the venue; fees are what the venue took, both in its
// smallest unit.
type Asset struct {
	Asset  uint32 `json:"asset"`
	Name   string `json:"name"`
	Scale  uint32 `json:"scale"`
	Supply int64  `json:"supply"`
	Fees   int64  `json:"fees"`
}

// Market is a market of the venue as it stands. Prices are in ticks, quantities
// in lots, notionals in the quote's smallest unit; 0 = none.
type Market struct {
	Market         uint32 `json:"market"`
	Symbol         string `json:"symbol"`
	Base           string `json:"base"`
	Quote          string `json:"quote"`
	Tick           int64  `json:"tick"`
	Lot            int64  `json:"lot"`
	Phase          string `json:"phase"`
	EndsAtMs       int64  `json:"ends_at_ms"`
	MinLots        int64  `json:"min_lots"`
	MaxLots        int64  `json:"max_lots"`
	MinNotional    int64  `json:"min_notional"`
	MaxNotional    int64  `json:"max_notional"`
	CollarPPM      int64  `json:"collar_ppm"`
	PausePPM       int64  `json:"pause_ppm"`
	PauseMs        int64  `json:"pause_ms"`
	ReferenceTicks int64  `json:"reference_ticks"`
}

// directory lists the assets and markets of a state.
func directory(e *engine.Engine) *Directory {
	d := &Directory{Halted: e.Halted(), Assets: []Asset{}, Markets: []Market{}}
	for n := uint32(1); ; n++ {
		a, found := e.Asset(n)
		if !found {
			break
		}
		d.Assets = append(d.Assets, Asset{Asset: n, Name: a.Name, Scale: a.Scale, Supply: a.Supply, Fees: a.Fees})
	}
	for n := uint32(1); int(n) <= e.Markets(); n++ {
		m, _ := e.Market(n)
		l := m.Limits
		d.Markets = append(d.Markets, Market{Market: n, Symbol: m.Symbol, Base: d.Assets[m.Base-1].Name, Quote: d.Assets[m.Quote-1].Name, Tick: m.Tick, Lot: m.Lot,
			Phase: ordersv1.Phase(m.Phase).String(), EndsAtMs: m.EndsAtMs, MinLots: l.MinLots, MaxLots: l.MaxLots, MinNotional: l.MinNotional, MaxNotional: l.MaxNotional,
			CollarPPM: l.CollarPPM, PausePPM: l.PausePPM, PauseMs: l.PauseMs, ReferenceTicks: l.Reference})
	}
	return d
}
