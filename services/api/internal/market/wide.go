package market

import (
	"math/big"
	"math/bits"
)

// Wide is an unsigned 128-bit number.
type Wide struct{ Hi, Lo uint64 }

// wideProduct multiplies three numbers >= 0; what exceeds 128 bits stays at
// the largest value.
func wideProduct(a, b, c int64) Wide {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	carry, low := bits.Mul64(lo, uint64(c))
	over, mid := bits.Mul64(hi, uint64(c))
	sum, c2 := bits.Add64(mid, carry, 0)
	if over != 0 || c2 != 0 {
		return Wide{^uint64(0), ^uint64(0)}
	}
	return Wide{sum, low}
}

// Add returns w + o.
func (w Wide) Add(o Wide) Wide {
	lo, c := bits.Add64(w.Lo, o.Lo, 0)
	hi, _ := bits.Add64(w.Hi, o.Hi, c)
	return Wide{hi, lo}
}

// Sub returns w - o.
func (w Wide) Sub(o Wide) Wide {
	lo, c := bits.Sub64(w.Lo, o.Lo, 0)
	hi, _ := bits.Sub64(w.Hi, o.Hi, c)
	return Wide{hi, lo}
}

// Big is w without a bound.
func (w Wide) Big() *big.Int {
	n := new(big.Int).SetUint64(w.Hi)
	return n.Lsh(n, 64).Or(n, new(big.Int).SetUint64(w.Lo))
}

// WideOf takes the low 128 bits of a number >= 0.
func WideOf(n *big.Int) Wide {
	low := new(big.Int).And(n, new(big.Int).SetUint64(^uint64(0)))
	return Wide{Hi: new(big.Int).Rsh(n, 64).Uint64(), Lo: low.Uint64()}
}
