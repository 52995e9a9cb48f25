package evm

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strings"

	"github.com/ethereum/go-ethereum/common"
)

// parser reads the answers of nodes in one pass. It knows only what nodes send,
// and tells errors as "not ok" only: then encoding/json reads the answer, slowly,
// finds the words and decides. Both give the same values.
type parser struct {
	b []byte
	i int
	// Pieces of memory that values are cut from; see word and room.
	words []common.Hash
	space []byte
}

// next skips white space and returns the next byte, which it consumes; 0 at the end.
func (p *parser) next() byte {
	for ; p.i < len(p.b); p.i++ {
		switch c := p.b[p.i]; c {
		case ' ', '\t', '\r', '\n':
		default:
			p.i++
			return c
		}
	}
	return 0
}

// peek is next without consuming.
func (p *parser) peek() byte {
	c := p.next()
	if c != 0 {
		p.i--
	}
	return c
}

// raw reads a string without copying it. An escape is a surprise.
func (p *parser) raw() ([]byte, bool) {
	if p.next() != '"' {
		return nil, false
	}
	start := p.i
	// Keys and quantities are short.
	for end := min(len(p.b), start+24); p.i < end; p.i++ {
		if c := p.b[p.i]; c == '"' {
			p.i++
			return p.b[start : p.i-1], true
		} else if c == '\\' || c < ' ' {
			return nil, false
		}
	}
	n := bytes.IndexByte(p.b[p.i:], '"')
	if n < 0 {
		return nil, false
	}
	s := p.b[start : p.i+n]
	p.i += n + 1
	for _, c := range s {
		if c == '\\' || c < ' ' {
			return nil, false
		}
	}
	return s, true
}

// digits reads a string that begins with 0x, and returns what follows it, which
// the caller has to find to be hex.
func (p *parser) digits() ([]byte, bool) {
	if p.next() != '"' || len(p.b)-p.i < 3 || p.b[p.i] != '0' || p.b[p.i+1] != 'x' {
		return nil, false
	}
	start := p.i + 2
	n := bytes.IndexByte(p.b[start:], '"')
	if n < 0 {
		return nil, false
	}
	p.i = start + n + 1
	return p.b[start : start+n], true
}

// fixed reads exactly len(dst) bytes of hex.
func (p *parser) fixed(dst []byte) bool {
	_, ok := p.fixedText(dst, nil, nil)
	return ok
}

// fixedText is fixed that returns the digits. When they are those of last, value
// is what they stand for: most logs of an answer share a block, a transaction, an
// address with the one before.
func (p *parser) fixedText(dst, last, value []byte) ([]byte, bool) {
	n := 2 * len(dst)
	if p.next() != '"' || len(p.b)-p.i < n+3 || p.b[p.i] != '0' || p.b[p.i+1] != 'x' || p.b[p.i+n+2] != '"' {
		return nil, false
	}
	text := p.b[p.i+2 : p.i+2+n]
	p.i += n + 3
	if len(last) == n && string(text) == string(last) {
		copy(dst, value)
		return text, true
	}
	_, err := hex.Decode(dst, text)
	return text, err == nil
}

// bytes reads hex of any length. The result is cut from a larger piece of memory.
func (p *parser) bytes() ([]byte, bool) {
	s, ok := p.digits()
	if !ok || len(s)%2 != 0 {
		return nil, false
	}
	out := p.room(len(s) / 2)
	_, err := hex.Decode(out, s)
	return out, err == nil
}

// room returns n bytes.
func (p *parser) room(n int) []byte {
	if n > len(p.space) {
		if n > 1<<12 {
			return make([]byte, n)
		}
		p.space = make([]byte, 1<<15)
	}
	out := p.space[:n:n]
	p.space = p.space[n:]
	return out
}

// room32 returns room for n hashes.
func (p *parser) room32(n int) []common.Hash {
	if n > len(p.words) {
		p.words = make([]common.Hash, max(n, 1<<10))
	}
	out := p.words[:n:n]
	p.words = p.words[n:]
	return out
}

// quantity reads a number as the execution-apis write it: no leading zeros.
func (p *parser) quantity() (uint64, bool) {
	s, ok := p.digits()
	if !ok || len(s) == 0 || len(s) > 16 || s[0] == '0' && len(s) > 1 {
		return 0, false
	}
	var n uint64
	for _, c := range s {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		n = n<<4 | uint64(c)
	}
	return n, true
}

// literal consumes word, whose first byte was not consumed yet.
func (p *parser) literal(word string) bool {
	p.peek()
	if len(p.b)-p.i < len(word) || string(p.b[p.i:p.i+len(word)]) != word {
		return false
	}
	p.i += len(word)
	return true
}

func (p *parser) boolean() (value, ok bool) {
	if p.peek() == 't' {
		return true, p.literal("true")
	}
	return false, p.literal("false")
}

// list reads an array; element reads one and is told its place.
func (p *parser) list(element func(i int) bool) bool {
	if p.next() != '[' {
		return false
	}
	if p.peek() == ']' {
		p.i++
		return true
	}
	for i := 0; ; i++ {
		if !element(i) {
			return false
		}
		switch p.next() {
		case ',':
		case ']':
			return true
		default:
			return false
		}
	}
}

// object reads an object; field is told the key and reads the value.
func (p *parser) object(field func(key []byte) bool) bool {
	if p.next() != '{' {
		return false
	}
	if p.peek() == '}' {
		p.i++
		return true
	}
	for {
		key, ok := p.raw()
		if !ok || p.next() != ':' || !field(key) {
			return false
		}
		switch p.next() {
		case ',':
		case '}':
			return true
		default:
			return false
		}
	}
}

// end reports whether nothing follows.
func (p *parser) end() bool { return p.next() == 0 && p.i >= len(p.b) }

// null consumes a null, if one comes.
func (p *parser) null() bool { return p.peek() == 'n' && p.literal("null") }

// skip reads any value that needs no escapes.
func (p *parser) skip() bool {
	switch p.peek() {
	case '"':
		_, ok := p.raw()
		return ok
	case '{':
		return p.object(func([]byte) bool { return p.skip() })
	case '[':
		return p.list(func(int) bool { return p.skip() })
	}
	start := p.i
	for ; p.i < len(p.b); p.i++ {
		switch p.b[p.i] {
		case ',', '}', ']', ' ', '\t', '\r', '\n':
			return json.Valid(p.b[start:p.i])
		}
	}
	return json.Valid(p.b[start:])
}

// unknown skips the value of a key that is none of known. encoding/json takes a
// key in other letters too: that is a surprise.
func (p *parser) unknown(key []byte, known []string) bool {
	for _, k := range known {
		if len(k) == len(key) && strings.EqualFold(k, string(key)) {
			return false
		}
	}
	for _, c := range key {
		if c >= 0x80 { // folds to an ASCII letter, perhaps
			return false
		}
	}
	return p.skip()
}

// number is an unsigned integer of up to 256 bits, big-endian without leading zeros.
type number struct {
	b   [32]byte
	n   uint8 // bytes of b that count, from the end
	has bool
}

func (v *number) bytes() []byte { return v.b[len(v.b)-int(v.n):] }

// big reads a quantity of up to 256 bits.
func (p *parser) big(v *number) bool {
	s, ok := p.digits()
	if !ok || len(s) == 0 || len(s) > 64 || s[0] == '0' && len(s) > 1 {
		return false
	}
	*v = number{has: true}
	if len(s) == 1 && s[0] == '0' {
		return true
	}
	var even [64]byte
	n := (len(s) + 1) / 2
	even[0] = '0'
	copy(even[2*n-len(s):], s)
	v.n = uint8(n)
	_, err := hex.Decode(v.bytes(), even[:2*n])
	return err == nil
}
