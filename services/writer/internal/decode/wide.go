package decode

import (
	"math/bits"
	"strconv"
)

// wide is a number of 256 bits, its lowest 64 first.
type wide [4]uint64

// negated is 2^256 - v.
func (v wide) negated() wide {
	carry := uint64(1)
	for i := range v {
		v[i], carry = bits.Add64(^v[i], 0, carry)
	}
	return v
}

// 10^19 is the largest power of ten in 64 bits.
const (
	chunk       = 10_000_000_000_000_000_000
	chunkDigits = 19
)

// append writes the number in decimal.
func (v wide) append(out []byte) []byte {
	if v[1]|v[2]|v[3] == 0 {
		return strconv.AppendUint(out, v[0], 10)
	}
	// 2^256 has 78 digits: five chunks.
	var parts [5]uint64
	n := 0
	for v[0]|v[1]|v[2]|v[3] != 0 {
		var rest uint64
		for i := 3; i >= 0; i-- {
			v[i], rest = bits.Div64(rest, v[i], chunk)
		}
		parts[n] = rest
		n++
	}
	out = strconv.AppendUint(out, parts[n-1], 10)
	for n -= 2; n >= 0; n-- {
		var digits [chunkDigits]byte
		part := parts[n]
		for i := chunkDigits - 1; i >= 0; i-- {
			digits[i] = byte('0' + part%10)
			part /= 10
		}
		out = append(out, digits[:]...)
	}
	return out
}
