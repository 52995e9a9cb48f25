package bot

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"fondaco.dev/proto/config"
)

// market is a market with a price that wanders around where it began.
type market struct {
	config.Market
	baseScale, quoteScale uint32
	mid                   int64 // ticks
}

func newMarkets(file *config.File) []*market {
	scale := map[string]uint32{}
	for _, a := range file.Assets {
		scale[a.Name] = a.Scale
	}
	var out []*market
	for _, m := range file.Markets {
		out = append(out, &market{Market: m, baseScale: scale[m.Base], quoteScale: scale[m.Quote], mid: startPrice})
	}
	return out
}

// wander moves the price by up to two ticks, drawn back to the start.
func (m *market) wander(rng *rand.Rand) {
	m.mid += int64(rng.IntN(5) - 2)
	if off := m.mid - startPrice; off > startPrice/4 {
		m.mid--
	} else if off < -startPrice/4 {
		m.mid++
	}
}

func (m *market) price(ticks int64) string { return decimal(ticks*m.Tick, m.quoteScale) }

func (m *market) quantity(lots int64) string { return decimal(lots*m.Lot, m.baseScale) }

// decimal writes smallest units as whole ones, without needless zeros.
func decimal(units int64, scale uint32) string {
	digits := fmt.Sprintf("%0*d", int(scale)+1, units)
	whole, frac := digits[:len(digits)-int(scale)], strings.TrimRight(digits[len(digits)-int(scale):], "0")
	if frac == "" {
		return whole
	}
	return whole + "." + frac
}
