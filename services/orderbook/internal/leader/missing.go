package leader

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"fondaco.dev/proto/config"
	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/orderbook/internal/engine"
)

// missing lists the commands that make the venue what the configuration says.
// An asset and a market's terms never change, so what exists must be the same;
// limits are made those that the configuration names, and what it does not name
// stays. now is what an opening's end is measured by.
func missing(e *engine.Engine, o *Options, now time.Time) ([]*ordersv1.Command, error) {
	assets := map[string]engine.Asset{}
	names := []string{""}
	for n := uint32(1); ; n++ {
		as, found := e.Asset(n)
		if !found {
			break
		}
		assets[as.Name] = as
		names = append(names, as.Name)
	}
	var cmds []*ordersv1.Command
	if len(assets) == 0 && len(o.Assets) != 0 { // a new venue has no past to which another behaviour would belong
		for v := e.Semantics() + 1; v <= engine.NewestSemantics; v++ {
			cmds = append(cmds, &ordersv1.Command{Op: &ordersv1.Command_Activate{Activate: &ordersv1.Activate{Semantics: v}}})
		}
	}
	for _, as := range o.Assets {
		have, found := assets[as.Name]
		if found && have.Scale != as.Scale {
			return nil, fmt.Errorf("%w: asset %s has scale %d, the configuration says %d; a scale never changes: name a new asset", ErrConfig, as.Name, have.Scale, as.Scale)
		}
		if !found {
			cmds = append(cmds, &ordersv1.Command{Op: &ordersv1.Command_AddAsset{AddAsset: &ordersv1.AddAsset{Name: as.Name, Scale: as.Scale}}})
		}
	}
	for i := range o.Markets {
		m := &o.Markets[i]
		number, found := e.MarketNumber(m.Symbol)
		if !found {
			add, err := opened(m, now)
			if err != nil {
				return nil, err
			}
			cmds = append(cmds, add)
			continue
		}
		have, _ := e.Market(number)
		if err := sameTerms(m, &have, names); err != nil {
			return nil, err
		}
		cmds = append(cmds, changes(m, &have, number, now)...)
	}
	return cmds, nil
}

// opened makes a market that does not exist yet, in the phase in which it is to
// begin. The end of an opening auction follows once the market has a number.
func opened(m *config.Market, now time.Time) (*ordersv1.Command, error) {
	if ends := m.Opening.AuctionEnds; !ends.IsZero() && !ends.After(now) {
		return nil, fmt.Errorf("%w: market %s does not exist yet and its auction_ends, %s, is past; choose a time to come, or leave auction_ends out",
			ErrConfig, m.Symbol, ends.UTC().Format(time.RFC3339))
	}
	add := terms(m)
	add.OneSide, add.DayEndsMs = m.OneSide, m.DayEnds.Milliseconds()
	if l := limits(&m.Limits, engine.Limits{}); l != (engine.Limits{}) {
		add.Limits = limitsProto(l)
	}
	if p := phase(m.Opening.Phase); p != ordersv1.Phase_PHASE_CONTINUOUS {
		add.Phase = p
	}
	return &ordersv1.Command{Op: &ordersv1.Command_AddMarket{AddMarket: add}}, nil
}

// sameTerms holds a market that exists to what the configuration says of its
// terms. What may be left out of the configuration counts where it is there.
func sameTerms(m *config.Market, now *engine.Market, names []string) error {
	want := terms(m)
	have := &ordersv1.AddMarket{Symbol: now.Symbol, Base: names[now.Base], Quote: names[now.Quote], Tick: now.Tick, Lot: now.Lot,
		MakerFeePpm: now.MakerPPM, TakerFeePpm: now.TakerPPM}
	if !proto.Equal(have, want) {
		return fmt.Errorf("%w: market %s is {%s}, the configuration says {%s}; a market's terms never change: name a new market",
			ErrConfig, m.Symbol, said(have), said(want))
	}
	if m.OneSide && !now.OneSide {
		return fmt.Errorf("%w: market %s takes orders of one account on both sides, the configuration says one_side; a market's terms never change: leave one_side out, or name a new market",
			ErrConfig, m.Symbol)
	}
	if m.DayEnds != 0 && m.DayEnds.Milliseconds() != now.DayEndsMs {
		return fmt.Errorf("%w: the day of market %s ends %s after midnight UTC, the configuration says %s; a market's terms never change: leave day_ends out, or name a new market",
			ErrConfig, m.Symbol, time.Duration(now.DayEndsMs)*time.Millisecond, m.DayEnds)
	}
	return nil
}

// changes are the commands that a market that exists still lacks: its limits,
// and the end of an opening auction that was begun without one. An auction whose
// end is past is left to the operator.
func changes(m *config.Market, have *engine.Market, number uint32, now time.Time) (cmds []*ordersv1.Command) {
	if have.Phase == uint8(ordersv1.Phase_PHASE_DELISTED) {
		return nil
	}
	if l := limits(&m.Limits, have.Limits); l != have.Limits {
		cmds = append(cmds, &ordersv1.Command{Op: &ordersv1.Command_SetLimits{SetLimits: &ordersv1.SetLimits{Market: number, Limits: limitsProto(l)}}})
	}
	if ends := m.Opening.AuctionEnds; ends.After(now) && have.Phase == uint8(ordersv1.Phase_PHASE_AUCTION) && have.EndsAtMs == 0 {
		cmds = append(cmds, &ordersv1.Command{Op: &ordersv1.Command_SetPhase{SetPhase: &ordersv1.SetPhase{Market: number,
			Phase: ordersv1.Phase_PHASE_AUCTION, EndsAtMs: ends.UnixMilli(), ThenPhase: phase(m.Opening.Then)}}})
	}
	return cmds
}

// terms are what every market of the configuration says and never changes.
func terms(m *config.Market) *ordersv1.AddMarket {
	return &ordersv1.AddMarket{Symbol: m.Symbol, Base: m.Base, Quote: m.Quote, Tick: m.Tick, Lot: m.Lot, MakerFeePpm: m.MakerFeePPM, TakerFeePpm: m.TakerFeePPM}
}

// limits are a market's limits with those that the configuration names.
func limits(named *config.Limits, l engine.Limits) engine.Limits {
	for _, c := range []struct {
		from *int64
		to   *int64
	}{{named.MinLots, &l.MinLots}, {named.MaxLots, &l.MaxLots}, {named.MinNotional, &l.MinNotional}, {named.MaxNotional, &l.MaxNotional},
		{named.CollarPPM, &l.CollarPPM}, {named.PausePPM, &l.PausePPM}, {named.PauseMS, &l.PauseMs}, {named.ReferenceTicks, &l.Reference}} {
		if c.from != nil {
			*c.to = *c.from
		}
	}
	return l
}

func limitsProto(l engine.Limits) *ordersv1.Limits {
	return &ordersv1.Limits{MinLots: l.MinLots, MaxLots: l.MaxLots, MinNotional: l.MinNotional, MaxNotional: l.MaxNotional, CollarPpm: l.CollarPPM,
		PausePpm: l.PausePPM, PauseMs: l.PauseMs, ReferenceTicks: l.Reference}
}

// phase is one of config.Phases as the engine knows it.
func phase(name string) ordersv1.Phase {
	return ordersv1.Phase(ordersv1.Phase_value["PHASE_"+strings.ToUpper(cmp.Or(name, "continuous"))])
}

func said(m *ordersv1.AddMarket) string {
	return fmt.Sprintf("base %s, quote %s, tick %d, lot %d, maker_fee_ppm %d, taker_fee_ppm %d (tick and lot in smallest units)",
		m.Base, m.Quote, m.Tick, m.Lot, m.MakerFeePpm, m.TakerFeePpm)
}

// name is what a command is about.
func name(c *ordersv1.Command) string {
	switch {
	case c.GetAddMarket() != nil:
		return "market " + c.GetAddMarket().Symbol
	case c.GetActivate() != nil:
		return fmt.Sprintf("behaviour version %d", c.GetActivate().Semantics)
	case c.GetSetLimits() != nil:
		return fmt.Sprintf("limits of market number %d", c.GetSetLimits().Market)
	case c.GetSetPhase() != nil:
		return fmt.Sprintf("auction_ends of market number %d", c.GetSetPhase().Market)
	}
	return "asset " + c.GetAddAsset().GetName()
}
