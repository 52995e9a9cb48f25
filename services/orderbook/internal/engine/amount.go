package engine

import (
	"math"
	"math/bits"
)

// MaxAmount bounds every amount, notional and total supply.
const MaxAmount = math.MaxInt64

// ppmScale: fee rates are parts per million.
const ppmScale = 1_000_000

// mulAmount returns a*b for non-negative a and b, and false above MaxAmount.
func mulAmount(a, b int64) (int64, bool) {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	if hi != 0 || lo > MaxAmount {
		return 0, false
	}
	return int64(lo), true
}

// notional returns price*quantity*unit, the quote amount of quantity lots at
// price ticks, and false above MaxAmount. unit is the quote amount of one lot
// at a price of one tick.
func notional(price, quantity, unit int64) (int64, bool) {
	n, ok := mulAmount(price, quantity)
	if !ok {
		return 0, false
	}
	return mulAmount(n, unit)
}

// feeBase accumulates rate x notional without rounding: parts per million of
// quote units, 128 bits wide.
type feeBase struct{ hi, lo uint64 }

// plus returns f + rate*amount; both are non-negative.
func (f feeBase) plus(rate, amount int64) feeBase {
	hi, lo := bits.Mul64(uint64(rate), uint64(amount))
	var carry uint64
	f.lo, carry = bits.Add64(f.lo, lo, 0)
	f.hi, _ = bits.Add64(f.hi, hi, carry)
	return f
}

// ceil rounds up to whole quote units. Rates are at most ppmScale and an order's
// notionals add up to less than 2^63, so the quotient fits.
func (f feeBase) ceil() int64 {
	lo, carry := bits.Add64(f.lo, ppmScale-1, 0)
	if f.hi+carry == 0 {
		return int64(lo / ppmScale)
	}
	q, _ := bits.Div64(f.hi+carry, lo, ppmScale)
	return int64(q)
}

// portion is floor(ppm x amount / 10^6), at most MaxAmount.
func portion(ppm, amount int64) int64 {
	hi, lo := bits.Mul64(uint64(ppm), uint64(amount))
	if hi >= ppmScale {
		return MaxAmount
	}
	q, _ := bits.Div64(hi, lo, ppmScale)
	return int64(min(q, MaxAmount))
}

// around returns the prices that are not further than ppm from a reference.
func around(reference, ppm int64) (low, high int64) {
	d := portion(ppm, reference)
	low, high = reference-d, MaxAmount
	if d <= MaxAmount-reference {
		high = reference + d
	}
	return low, high
}

// spendable is the largest notional that a budget pays for with the fee on it.
func spendable(budget, takerPPM int64) int64 {
	hi, lo := bits.Mul64(uint64(budget), ppmScale)
	q, _ := bits.Div64(hi, lo, uint64(ppmScale+takerPPM))
	return int64(q)
}
