package leader

import (
	"errors"
	"strings"
	"testing"
	"time"

	"fondaco.dev/proto/config"
	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/orderbook/internal/engine"
)

func named(v int64) *int64 { return &v }

// TestLimitsAndOpening: a market begins with the configuration's limits and
// phase, a restart asks for nothing, a limit that is named anew is set and one
// that is not stays, and the phase that an operator chose stays too.
func TestLimitsAndOpening(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.options.Grace = time.Minute // a stop publishes what was applied
	ends := time.Now().Add(time.Hour).Truncate(time.Second)
	h.options.Markets = append(h.options.Markets, config.Market{Symbol: "OPEN-USD", Base: "WINE", Quote: "USD", Tick: 1, Lot: 1, OneSide: true, DayEnds: time.Hour,
		Limits:  config.Limits{MinLots: named(2), CollarPPM: named(5000)},
		Opening: config.Opening{Phase: "auction", AuctionEnds: ends, Then: "post_only"}})
	first, in := h.market(t, "OPEN-USD")
	if first.Limits != (engine.Limits{MinLots: 2, CollarPPM: 5000}) || !first.OneSide || first.DayEndsMs != 3_600_000 || first.Phase != uint8(ordersv1.Phase_PHASE_AUCTION) ||
		first.EndsAtMs != ends.UnixMilli() {
		t.Errorf("%+v", first)
	}
	if again, now := h.market(t, "OPEN-USD"); again != first || now != in {
		t.Errorf("a restart changed %+v to %+v, ORDERS from %d to %d", first, again, in, now)
	}

	// An operator's doing: the auction ends, and a limit that the file does not name.
	i := h.start(nil)
	i.wait()
	number := uint32(2)
	r := h.gateway(ordersv1.FromAdmin, "operator").ask(
		&ordersv1.Command{Op: &ordersv1.Command_SetPhase{SetPhase: &ordersv1.SetPhase{Market: number, Phase: ordersv1.Phase_PHASE_CANCEL_ONLY}}},
		&ordersv1.Command{Op: &ordersv1.Command_SetLimits{SetLimits: &ordersv1.SetLimits{Market: number, Limits: &ordersv1.Limits{MinLots: 3, MaxNotional: 77}}}})
	for _, o := range r.Outcomes {
		if o.Reject != 0 {
			t.Fatal(r)
		}
	}
	_ = i.stop()
	h.options.Markets[1].Limits.CollarPPM = named(0)
	after, _ := h.market(t, "OPEN-USD")
	if after.Limits != (engine.Limits{MinLots: 2, MaxNotional: 77}) || after.Phase != uint8(ordersv1.Phase_PHASE_CANCEL_ONLY) || after.EndsAtMs != 0 {
		t.Errorf("%+v", after)
	}
	h.verify()
}

// market serves for a moment and tells what a market is then, and where ORDERS
// ends.
func (h *house) market(t *testing.T, symbol string) (engine.Market, uint64) {
	t.Helper()
	i := h.start(nil)
	i.wait()
	_ = i.stop()
	e := i.state.Engine // with which it went on
	number, ok := e.MarketNumber(symbol)
	if !ok || e.LastInSeq() != h.lastSeq() {
		t.Fatalf("no market %s at %d of %d", symbol, e.LastInSeq(), h.lastSeq())
	}
	m, _ := e.Market(number)
	return m, h.lastSeq()
}

// TestContradictions: what the configuration cannot have is refused with what to
// do, and an opening that is past is no business of a market that exists.
func TestContradictions(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	have := engine.Market{Symbol: "A-U", Base: 1, Quote: 2, Tick: 1, Lot: 1, Phase: uint8(ordersv1.Phase_PHASE_AUCTION), DayEndsMs: 5000}
	names := []string{"", "A", "U"}
	same := func(change func(*config.Market)) error {
		m := config.Market{Symbol: "A-U", Base: "A", Quote: "U", Tick: 1, Lot: 1}
		change(&m)
		return sameTerms(&m, &have, names)
	}
	for what, err := range map[string]error{
		"":                                same(func(*config.Market) {}),
		"never change: name a new market": same(func(m *config.Market) { m.TakerFeePPM = 3 }),
		"leave one_side out":              same(func(m *config.Market) { m.OneSide = true }),
		"ends 5s after midnight UTC, the configuration says 1h0m0s": same(func(m *config.Market) { m.DayEnds = time.Hour }),
	} {
		if (err == nil) != (what == "") || err != nil && (!errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), what)) {
			t.Errorf("%v, want %q", err, what)
		}
	}
	late := config.Market{Symbol: "B-U", Base: "A", Quote: "U", Tick: 1, Lot: 1, Opening: config.Opening{Phase: "auction", AuctionEnds: now}}
	if _, err := opened(&late, now); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "2026-01-31T12:00:00Z, is past") {
		t.Errorf("%v", err)
	}
	if got := changes(&late, &have, 1, now); got != nil {
		t.Errorf("an auction without an end that is past: %v", got)
	}
	late.Limits.MinLots = named(4)
	gone := have
	gone.Phase = uint8(ordersv1.Phase_PHASE_DELISTED)
	if got := changes(&late, &gone, 1, now); got != nil {
		t.Errorf("a delisted market: %v", got)
	}
}
