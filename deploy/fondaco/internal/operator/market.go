package operator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/proto/config"
	ordersv1 "fondaco.dev/proto/orders/v1"
)

// Directory is what a venue trades, as its leader tells it.
type Directory struct {
	Halted  bool
	Assets  []Asset
	Markets []Market
}

// Asset is an asset of a venue.
type Asset struct {
	Name  string
	Scale uint32
}

// Market is a market of a venue. Tick is in the quote's smallest unit per whole
// base unit, Lot in the base's; limits are in ticks, lots and the quote's
// smallest unit, 0 = none.
type Market struct {
	Market         uint32
	Symbol         string
	Base, Quote    string
	Tick, Lot      int64
	Phase          string // PHASE_…
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

// ReadDirectory asks the venue's leader until it answers or ctx ends.
func ReadDirectory(ctx context.Context, b *bus.Bus, venue string) (*Directory, error) {
	var answer struct {
		Error     string
		Directory *Directory
	}
	for {
		try, cancel := context.WithTimeout(ctx, patience)
		m, err := b.Conn().RequestWithContext(try, ordersv1.CallSubject(venue), []byte(`{"directory":true}`))
		cancel()
		switch {
		case err == nil:
			if err := json.Unmarshal(m.Data, &answer); err != nil {
				return nil, fmt.Errorf("reading the answer of the order book: %w", err)
			}
			if answer.Directory == nil {
				return nil, fmt.Errorf("the order book does not tell its markets: %s", answer.Error)
			}
			return answer.Directory, nil
		case ctx.Err() != nil:
			return nil, fmt.Errorf("no order book leads the venue %s: %w", venue, ctx.Err())
		case errors.Is(err, nats.ErrNoResponders):
			select { // nobody listens yet
			case <-ctx.Done():
			case <-time.After(patience / 10):
			}
		case !errors.Is(err, context.DeadlineExceeded):
			return nil, fmt.Errorf("asking the order book: %w", err)
		}
	}
}

// Market finds a market by its symbol.
func (d *Directory) Market(symbol string) (*Market, error) {
	var known []string
	for i := range d.Markets {
		if d.Markets[i].Symbol == symbol {
			return &d.Markets[i], nil
		}
		known = append(known, d.Markets[i].Symbol)
	}
	return nil, fmt.Errorf("the venue has no market %s; it has %s", symbol, strings.Join(known, ", "))
}

// scale of an asset of the venue.
func (d *Directory) scale(name string) (uint32, error) {
	var known []string
	for _, a := range d.Assets {
		if a.Name == name {
			return a.Scale, nil
		}
		known = append(known, a.Name)
	}
	return 0, fmt.Errorf("the venue has no asset %s; it has %s", name, strings.Join(known, ", "))
}

// ParseAmount reads ASSET=AMOUNT, a decimal of whole assets.
func (d *Directory) ParseAmount(text string) (Deposit, error) {
	name, amount, ok := strings.Cut(text, "=")
	if !ok {
		return Deposit{}, fmt.Errorf("%s: not of the form ASSET=AMOUNT", text)
	}
	scale, err := d.scale(name)
	if err != nil {
		return Deposit{}, err
	}
	units, err := config.Units(amount, scale)
	if err != nil {
		return Deposit{}, fmt.Errorf("%s: %w", text, err)
	}
	return Deposit{Asset: name, Amount: units}, nil
}

// NewMarket is a market to add; amounts are decimals in whole assets.
type NewMarket struct {
	Symbol, Base, Quote string
	Tick, Lot           string
	MakerFeePPM         int64
	TakerFeePPM         int64
	Limits              Limits
	OneSide             bool
	DayEnds             time.Duration // after midnight UTC
	Phase               ordersv1.Phase
}

// Limits are those to change, as decimals in whole assets; "" leaves a limit as
// it is, "0" lifts it.
type Limits struct {
	MinQuantity, MaxQuantity string
	MinNotional, MaxNotional string
	ReferencePrice           string
	CollarPPM, PausePPM      int64         // -1: as it is
	Pause                    time.Duration // -1: as it is
}

// Terms makes the command of a market; its error says what to change.
func (n NewMarket) Terms(d *Directory) (*ordersv1.AddMarket, error) {
	base, baseErr := d.scale(n.Base)
	quote, quoteErr := d.scale(n.Quote)
	if err := errors.Join(baseErr, quoteErr); err != nil {
		return nil, err
	}
	tick, tickErr := config.Units(n.Tick, quote)
	lot, lotErr := config.Units(n.Lot, base)
	if tickErr != nil {
		return nil, fmt.Errorf("--tick: %w", tickErr)
	}
	if lotErr != nil {
		return nil, fmt.Errorf("--lot: %w", lotErr)
	}
	product := new(big.Int).Mul(big.NewInt(tick), big.NewInt(lot))
	if new(big.Int).Mod(product, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(base)), nil)).Sign() != 0 {
		return nil, fmt.Errorf("tick x lot = %s x %s is not whole in the smallest unit of %s: raise one of them", n.Tick, n.Lot, n.Quote)
	}
	l, err := n.Limits.apply(&Market{Base: n.Base, Quote: n.Quote, Tick: tick, Lot: lot}, d)
	if err != nil {
		return nil, err
	}
	return &ordersv1.AddMarket{Symbol: n.Symbol, Base: n.Base, Quote: n.Quote, Tick: tick, Lot: lot, MakerFeePpm: n.MakerFeePPM, TakerFeePpm: n.TakerFeePPM,
		Limits: l, DayEndsMs: n.DayEnds.Milliseconds(), OneSide: n.OneSide, Phase: n.Phase}, nil
}

// apply is the market's limits with the changes.
func (l Limits) apply(m *Market, d *Directory) (*ordersv1.Limits, error) {
	base, baseErr := d.scale(m.Base)
	quote, quoteErr := d.scale(m.Quote)
	out := &ordersv1.Limits{MinLots: m.MinLots, MaxLots: m.MaxLots, MinNotional: m.MinNotional, MaxNotional: m.MaxNotional,
		CollarPpm: m.CollarPPM, PausePpm: m.PausePPM, PauseMs: m.PauseMs, ReferenceTicks: m.ReferenceTicks}
	errs := []error{baseErr, quoteErr}
	for _, f := range []struct {
		flag, text string
		scale      uint32
		step       int64 // smallest units
		of         string
		into       *int64
	}{
		{"--min-quantity", l.MinQuantity, base, m.Lot, "the lot", &out.MinLots},
		{"--max-quantity", l.MaxQuantity, base, m.Lot, "the lot", &out.MaxLots},
		{"--min-notional", l.MinNotional, quote, 1, "", &out.MinNotional},
		{"--max-notional", l.MaxNotional, quote, 1, "", &out.MaxNotional},
		{"--reference-price", l.ReferencePrice, quote, m.Tick, "the tick", &out.ReferenceTicks},
	} {
		switch f.text {
		case "":
		case "0":
			*f.into = 0
		default:
			units, err := config.Units(f.text, f.scale)
			if err == nil && units%f.step != 0 {
				err = fmt.Errorf("%s is no multiple of %s", f.text, f.of)
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", f.flag, err))
				continue
			}
			*f.into = units / f.step
		}
	}
	if l.CollarPPM >= 0 {
		out.CollarPpm = l.CollarPPM
	}
	if l.PausePPM >= 0 {
		out.PausePpm = l.PausePPM
	}
	if l.Pause >= 0 {
		out.PauseMs = l.Pause.Milliseconds()
	}
	if (out.PausePpm == 0) != (out.PauseMs == 0) {
		errs = append(errs, errors.New("--pause-ppm and --pause-for go together: how far a trade may be from the reference, and how long the auction is that begins instead"))
	}
	return out, errors.Join(errs...)
}

// Phases are the phases that an operator may choose, by name.
func Phases() []string {
	return []string{"continuous", "halted", "cancel_only", "post_only", "auction"}
}

// ParsePhase reads the name of a phase.
func ParsePhase(name string) (ordersv1.Phase, error) {
	if !slices.Contains(Phases(), name) {
		return 0, fmt.Errorf("%q is no phase; there are %s (and `fondaco market delist` for the end)", name, strings.Join(Phases(), ", "))
	}
	return ordersv1.Phase(ordersv1.Phase_value["PHASE_"+strings.ToUpper(name)]), nil
}
