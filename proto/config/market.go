package config

import (
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

// MaxScale is the largest number of decimal places of an asset: 10^18 still
// fits an int64.
const MaxScale = 18

var symbolName = regexp.MustCompile(`^[A-Z0-9][A-Z0-9._-]{0,31}$`)

func (r *reader) assets(top *mapping, f *File) {
	names := map[string]bool{}
	top.each("assets", func(n *yaml.Node, where string) {
		m := r.mapping(n, where)
		a := Asset{Name: m.str("name", true)}
		scale := m.uint("scale", 0)
		m.close()
		if a.Name != "" && !symbolName.MatchString(a.Name) {
			r.fail(n, where+".name", "%q may hold A-Z, 0-9, ., _ and - only", a.Name)
		}
		if scale > MaxScale {
			r.fail(n, where+".scale", "%d is above %d", scale, MaxScale)
		}
		if names[a.Name] {
			r.fail(n, where+".name", "%q is used twice", a.Name)
		}
		names[a.Name] = true
		a.Scale = uint32(min(scale, MaxScale))
		f.Assets = append(f.Assets, a)
	})
	if f.Venue == "" && len(f.Assets) > 0 {
		r.fail(top.node, "venue", "is required when there are assets")
	}
}

func (r *reader) markets(top *mapping, f *File) {
	scales := map[string]uint32{}
	for _, a := range f.Assets {
		scales[a.Name] = a.Scale
	}
	symbols := map[string]bool{}
	top.each("markets", func(n *yaml.Node, where string) {
		m := r.mapping(n, where)
		mk := Market{Symbol: m.str("symbol", true), Base: m.str("base", true), Quote: m.str("quote", true)}
		tick, lot := m.str("tick", true), m.str("lot", true)
		mk.MakerFeePPM = int64(m.uint("maker_fee_ppm", 0))
		mk.TakerFeePPM = int64(m.uint("taker_fee_ppm", 0))
		mk.OneSide = m.flag("one_side")
		mk.DayEnds = r.dayEnds(m)
		mk.Opening = r.opening(m)
		limits := m.get("limits") // once the units are known
		m.close()
		if mk.Symbol != "" && !symbolName.MatchString(mk.Symbol) {
			r.fail(n, where+".symbol", "%q may hold A-Z, 0-9, ., _ and - only", mk.Symbol)
		}
		if symbols[mk.Symbol] {
			r.fail(n, where+".symbol", "%q is used twice", mk.Symbol)
		}
		symbols[mk.Symbol] = true
		base, okBase := scales[mk.Base]
		quote, okQuote := scales[mk.Quote]
		if !okBase || !okQuote || mk.Base == mk.Quote {
			r.fail(n, where, "base and quote must be two different assets of the list")
			return
		}
		if mk.MakerFeePPM > 1_000_000 || mk.TakerFeePPM > 1_000_000 {
			r.fail(n, where, "a fee is at most 1000000 parts per million")
		}
		var err error
		if mk.Tick, err = Units(tick, quote); err != nil {
			r.fail(n, where+".tick", "%v", err)
			return
		}
		if mk.Lot, err = Units(lot, base); err != nil {
			r.fail(n, where+".lot", "%v", err)
			return
		}
		product := new(big.Int).Mul(big.NewInt(mk.Tick), big.NewInt(mk.Lot))
		whole := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(base)), nil)
		if new(big.Int).Mod(product, whole).Sign() != 0 {
			r.fail(n, where, "tick x lot = %s x %s is not whole in the smallest unit of %s: raise tick or lot", tick, lot, mk.Quote)
		}
		if limits != nil {
			mk.Limits = r.limits(limits, where+".limits", &mk, base, quote)
		}
		f.Markets = append(f.Markets, mk)
	})
}

var decimal = regexp.MustCompile(`^[0-9]{1,19}(\.[0-9]{1,18})?$`)

// Units turns a positive decimal into smallest units of the scale, exactly.
func Units(s string, scale uint32) (int64, error) {
	if !decimal.MatchString(s) {
		return 0, fmt.Errorf("%q is not a decimal number such as 1 or 0.01", s)
	}
	whole, frac, _ := strings.Cut(s, ".")
	frac = strings.TrimRight(frac, "0")
	if len(frac) > int(scale) {
		return 0, fmt.Errorf("%s has more decimal places than the asset's scale of %d", s, scale)
	}
	v, _ := new(big.Int).SetString(whole+frac+strings.Repeat("0", int(scale)-len(frac)), 10)
	if v.Sign() <= 0 || v.Cmp(big.NewInt(math.MaxInt64)) > 0 {
		return 0, fmt.Errorf("%s is not between 1 smallest unit and %d of them", s, int64(math.MaxInt64))
	}
	return v.Int64(), nil
}
