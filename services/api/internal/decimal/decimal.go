// Package decimal converts between the decimal strings of the API and the
// integers of the bus, exactly and without a float on the way.
package decimal

import (
	"errors"
	"math/big"
	"strconv"
	"strings"
)

var (
	// ErrSyntax: the text is no decimal number.
	ErrSyntax = errors.New("not a decimal number")
	// ErrStep: the number is no whole multiple of the step.
	ErrStep = errors.New("not a whole multiple of the step")
	// ErrRange: the number of steps does not fit 63 bits.
	ErrRange = errors.New("out of range")
)

// maxDigits bounds each side of the point: an int64 at scale 18 has 19 digits.
const maxDigits = 40

// Steps reads text as a decimal and returns how many steps it is, where a step
// is `step` units of 10^-scale. "12.30" with scale 2 and step 5 is 246.
// A minus sign is accepted: whether a negative makes sense is for the engine.
func Steps(text string, scale uint32, step int64) (int64, error) {
	if step <= 0 {
		return 0, ErrRange
	}
	whole, frac, err := split(text)
	if err != nil {
		return 0, err
	}
	frac = strings.TrimRight(frac, "0")
	if len(frac) > int(scale) {
		return 0, ErrStep
	}
	n, ok := new(big.Int).SetString(whole+frac+strings.Repeat("0", int(scale)-len(frac)), 10)
	if !ok {
		return 0, ErrSyntax
	}
	q, r := new(big.Int).QuoRem(n, big.NewInt(step), new(big.Int))
	if r.Sign() != 0 {
		return 0, ErrStep
	}
	if !q.IsInt64() {
		return 0, ErrRange
	}
	return q.Int64(), nil
}

// StepsOf is Steps for text in bytes; what has up to 18 digits costs no
// allocation.
func StepsOf(text []byte, scale uint32, step int64) (int64, error) {
	const short = 18
	n, digits, frac, i := int64(0), 0, -1, 0
	neg := len(text) > 0 && text[0] == '-'
	if neg {
		i = 1
	}
	for ; i < len(text); i++ {
		switch c := text[i]; {
		case c >= '0' && c <= '9':
			n = n*10 + int64(c-'0')
			if digits++; frac >= 0 {
				frac++
			}
		case c == '.' && frac < 0 && digits > 0:
			frac = 0
		default:
			return 0, ErrSyntax
		}
		if digits > short {
			return Steps(string(text), scale, step)
		}
	}
	if digits == 0 || frac == 0 || step <= 0 {
		return Steps(string(text), scale, step) // says what is wrong
	}
	for ; frac > int(scale); frac-- {
		if n%10 != 0 {
			return 0, ErrStep
		}
		n /= 10
	}
	for frac = max(frac, 0); frac < int(scale); frac++ {
		if n > (1<<63-1)/10 {
			return Steps(string(text), scale, step)
		}
		n *= 10
	}
	if n%step != 0 {
		return 0, ErrStep
	}
	if n /= step; neg {
		n = -n
	}
	return n, nil
}

// split checks the form -?digits(.digits)? and returns both parts, the sign
// with the first.
func split(text string) (whole, frac string, err error) {
	body, neg := strings.CutPrefix(text, "-")
	whole, frac, dot := strings.Cut(body, ".")
	if !digits(whole) || (dot && !digits(frac)) {
		return "", "", ErrSyntax
	}
	if neg {
		whole = "-" + whole
	}
	return whole, frac, nil
}

func digits(s string) bool {
	if s == "" || len(s) > maxDigits {
		return false
	}
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// Valid says whether text has the form of a decimal number.
func Valid(text string) bool {
	_, _, err := split(text)
	return err == nil
}

// Format writes n units of 10^-scale with exactly scale decimals: 1230 at
// scale 2 is "12.30".
func Format(n int64, scale uint32) string {
	return place(strconv.FormatInt(n, 10), scale)
}

// AppendSteps appends what FormatSteps gives.
func AppendSteps(b []byte, n, step int64, scale uint32) []byte {
	p := n * step
	if n < 0 || step <= 0 || (n != 0 && p/n != step) || scale > 18 {
		return append(b, FormatSteps(n, step, scale)...)
	}
	unit := int64(1)
	for range scale {
		unit *= 10
	}
	b = strconv.AppendInt(b, p/unit, 10)
	if scale == 0 {
		return b
	}
	b = append(b, '.')
	for rest := p % unit; unit > 1; rest %= unit {
		unit /= 10
		b = append(b, byte('0'+rest/unit))
	}
	return b
}

// FormatSteps writes n steps of `step` units of 10^-scale; the product may
// exceed 64 bits.
func FormatSteps(n, step int64, scale uint32) string {
	if p := n * step; step > 0 && (n == 0 || p/n == step) {
		return Format(p, scale)
	}
	return place(new(big.Int).Mul(big.NewInt(n), big.NewInt(step)).String(), scale)
}

// FormatBig is Format for any number.
func FormatBig(n *big.Int, scale uint32) string { return place(n.String(), scale) }

func place(s string, scale uint32) string {
	if scale == 0 {
		return s
	}
	s, neg := strings.CutPrefix(s, "-")
	if pad := int(scale) + 1 - len(s); pad > 0 {
		s = strings.Repeat("0", pad) + s
	}
	s = s[:len(s)-int(scale)] + "." + s[len(s)-int(scale):]
	if neg {
		return "-" + s
	}
	return s
}
