package core

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
)

// The digest is over the logical state, never over memory layout. State that
// grows (balances, orders, their fills, deposits, gateways) is summed up: every
// element has a 128-bit hash, a sum is the elements' hashes added up, so a
// change costs two hashes and the order of elements does not matter. What does
// matter, queue order at a price and order of death, is in the elements (order
// ids, time of death). Assets, markets, time and counters are few and hashed
// whole. The element hash guards against faults, not against forgers: whoever
// can choose state can already write the stream.

// sum is a sum of element hashes, mod 2^64 in each half.
type sum struct{ a, b uint64 }

func (s *sum) add(h sum) { s.a += h.a; s.b += h.b }
func (s *sum) sub(h sum) { s.a -= h.a; s.b -= h.b }

// Kinds keep elements of different shape apart.
const (
	kindBalance = iota + 1
	kindOrder
	kindIdentity
	kindFill
	kindDeposit
	kindGateway
)

// hash folds words into two lanes; mixing as in wyhash (multiply, fold).
type hash struct{ a, b uint64 }

func newHash(kind uint64) hash {
	return hash{0xa0761d6478bd642f, 0xe7037ed1a0b428db}.u64(kind)
}

func (h hash) u64(v uint64) hash {
	h1, l1 := bits.Mul64(h.a^v, 0x8ebc6af09c88c6e3)
	h2, l2 := bits.Mul64(h.b^bits.RotateLeft64(v, 29), 0x589965cc75374cc3)
	return hash{h1 ^ l1 + 0x1d8e4e27c47d124f, h2 ^ l2 + 0xeb44accab455d165}
}

func (h hash) i64(v int64) hash { return h.u64(uint64(v)) }

func (h hash) str(s string) hash {
	h = h.u64(uint64(len(s)))
	for len(s) >= 8 {
		h = h.u64(uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56)
		s = s[8:]
	}
	if len(s) > 0 {
		var w uint64
		for i := 0; i < len(s); i++ {
			w |= uint64(s[i]) << (8 * i)
		}
		h = h.u64(w)
	}
	return h
}

func (h hash) sum() sum { h = h.u64(0x4cf5ad432745937f); return sum(h) }

// Digest returns the SHA-256 of the logical state: after the same packs it is
// the same in every process. It costs some microseconds, whatever the size of
// the book.
func (e *Engine) Digest() [32]byte {
	b := e.digestBuf[:0]
	b = binary.AppendUvarint(b, Semantics)
	b = e.appendScalars(b)
	b = e.appendRegistry(b)
	for _, s := range [...]sum{e.balanceSum, e.orderSum, e.fillSum, e.depositSum, e.gateways.sum} {
		b = binary.LittleEndian.AppendUint64(b, s.a)
		b = binary.LittleEndian.AppendUint64(b, s.b)
	}
	e.digestBuf = b
	return sha256.Sum256(b)
}
