package config

import (
	"fmt"
	"math"
	"time"

	"gopkg.in/yaml.v3"
)

// Limits of a market that the file names; nil = it says nothing of this one, and
// 0 = there is none. They may be changed while the market trades.
type Limits struct {
	MinLots, MaxLots         *int64
	MinNotional, MaxNotional *int64 // quote's smallest units
	CollarPPM                *int64 // parts per million of the reference
	PausePPM, PauseMS        *int64 // both or neither
	ReferenceTicks           *int64 // before the first trade
}

// Opening is how a market that does not exist yet begins. A market that exists
// goes through its phases by itself and by its operator: nothing of this is
// done to it again.
type Opening struct {
	Phase       string    // as in Phases; "" = continuous
	AuctionEnds time.Time // zero = an operator ends it
	Then        string    // the phase after the auction, no second one; "" = continuous
}

// Phases are those in which a market may begin.
func Phases() []string {
	return []string{"continuous", "halted", "cancel_only", "post_only", "auction"}
}

func (r *reader) limits(n *yaml.Node, where string, mk *Market, base, quote uint32) (l Limits) {
	m := r.mapping(n, where)
	amount := func(key string, scale uint32, step int64, of string) *int64 {
		at := m.get(key)
		var v int64
		switch {
		case at == nil:
			return nil
		case at.Value == "0":
			return &v
		}
		units, err := Units(at.Value, scale)
		if err == nil && units%step != 0 {
			err = fmt.Errorf("%s is no multiple of the %s", at.Value, of)
		}
		if err != nil {
			r.fail(at, m.key(key), "%v", err)
			return nil
		}
		v = units / step
		return &v
	}
	whole := func(key string) *int64 {
		v := int64(m.uint(key, math.MaxInt64))
		if v == math.MaxInt64 {
			return nil
		}
		return &v
	}
	l.MinLots, l.MaxLots = amount("min_quantity", base, mk.Lot, "lot"), amount("max_quantity", base, mk.Lot, "lot")
	l.MinNotional, l.MaxNotional = amount("min_notional", quote, 1, ""), amount("max_notional", quote, 1, "")
	l.ReferenceTicks = amount("reference_price", quote, mk.Tick, "tick")
	l.CollarPPM, l.PausePPM = whole("collar_ppm"), whole("pause_ppm")
	if p := m.get("pause_for"); p != nil {
		d, err := time.ParseDuration(p.Value)
		if p.Value != "0" && (err != nil || d < time.Millisecond) {
			r.fail(p, m.key("pause_for"), "%q is no time such as 30s or 5m", p.Value)
		}
		ms := d.Milliseconds()
		l.PauseMS = &ms
	}
	m.close()
	if some(l.PausePPM) != some(l.PauseMS) || (l.PausePPM == nil) != (l.PauseMS == nil) {
		r.fail(n, where, "pause_ppm and pause_for go together: how far a trade may be from the reference, and how long the auction is that begins instead")
	}
	for _, pair := range []struct {
		name      string
		low, high *int64
	}{{"quantity", l.MinLots, l.MaxLots}, {"notional", l.MinNotional, l.MaxNotional}} {
		if some(pair.high) && some(pair.low) && *pair.low > *pair.high {
			r.fail(n, where, "min_%s is above max_%s: no order could be placed", pair.name, pair.name)
		}
	}
	return l
}

// some says whether a limit is named and is one.
func some(v *int64) bool { return v != nil && *v != 0 }

func (r *reader) opening(m *mapping) Opening {
	o := Opening{Phase: r.choice(m, "phase", Phases()...), Then: r.choice(m, "then", Phases()[:4]...)}
	ends := m.get("auction_ends")
	switch {
	case ends == nil && o.Then != Phases()[0]:
		r.fail(m.node, m.where, "then is what follows an auction_ends")
	case ends == nil:
	case o.Phase != "auction":
		r.fail(ends, m.key("auction_ends"), "is of a market that begins in phase: auction")
	default:
		var err error
		if o.AuctionEnds, err = time.Parse(time.RFC3339, ends.Value); err != nil {
			r.fail(ends, m.key("auction_ends"), "%q is no time such as 2026-01-31T12:00:00Z", ends.Value)
		}
	}
	return o
}

// dayEnds reads HH:MM.
func (r *reader) dayEnds(m *mapping) time.Duration {
	n := m.get("day_ends")
	if n == nil {
		return 0
	}
	at, err := time.Parse("15:04", n.Value)
	if err != nil {
		r.fail(n, m.key("day_ends"), "%q is no time of day in UTC such as 22:00", n.Value)
		return 0
	}
	return time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute
}
