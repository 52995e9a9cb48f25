package casper

import (
	"crypto/sha256"
	"slices"
)

// maxSeen is how many keys are remembered; the oldest goes first. At 100
// validators that is the signatures of about 1,000 blocks.
const maxSeen = 100_000

// seen is a bounded set of content keys.
type seen struct {
	set  map[[16]byte]struct{}
	ring [][16]byte
	next int
}

func newSeen() *seen { return &seen{set: map[[16]byte]struct{}{}} }

func seenKey(kind, key string) [16]byte {
	sum := sha256.Sum256([]byte(kind + "\x00" + key))
	return [16]byte(sum[:16])
}

func (s *seen) has(kind, key string) bool {
	_, ok := s.set[seenKey(kind, key)]
	return ok
}

// add reports whether the key is new, and remembers it.
func (s *seen) add(kind, key string) bool {
	k := seenKey(kind, key)
	if _, ok := s.set[k]; ok {
		return false
	}
	s.set[k] = struct{}{}
	if len(s.ring) < maxSeen {
		s.ring = append(s.ring, k)
		return true
	}
	delete(s.set, s.ring[s.next])
	s.ring[s.next] = k
	s.next = (s.next + 1) % maxSeen
	return true
}

// heights is a set of block heights, kept as spans: chains have few gaps.
type heights struct{ spans []span }

// span is lo..hi, inclusive.
type span struct{ lo, hi uint64 }

// maxSpans bounds the set; above it a span is taken for missing again, as what
// is fetched twice does no harm and what is forgotten does.
const maxSpans = 10_000

// add puts lo..hi into the set.
func (h *heights) add(lo, hi uint64) {
	// i: first span that touches or lies above lo.
	i, _ := slices.BinarySearchFunc(h.spans, lo, func(s span, lo uint64) int {
		if lo > 0 && s.hi < lo-1 {
			return -1
		}
		return 1
	})
	k := i
	for k < len(h.spans) && (hi == ^uint64(0) || h.spans[k].lo <= hi+1) {
		lo, hi = min(lo, h.spans[k].lo), max(hi, h.spans[k].hi)
		k++
	}
	h.spans = slices.Replace(h.spans, i, k, span{lo, hi})
	if len(h.spans) > maxSpans {
		h.spans = slices.Delete(h.spans, 1, 2)
	}
}

// gap returns the lowest span that is missing between two that are there; 0, 0
// when none is.
func (h *heights) gap() (lo, hi uint64) {
	if len(h.spans) < 2 {
		return 0, 0
	}
	return h.spans[0].hi + 1, h.spans[1].lo - 1
}

func (h *heights) has(height uint64) bool {
	return slices.ContainsFunc(h.spans, func(s span) bool { return s.lo <= height && height <= s.hi })
}

// missing counts the heights between the lowest and the highest that are not there.
func (h *heights) missing() uint64 {
	var n uint64
	for i := 1; i < len(h.spans); i++ {
		n += h.spans[i].lo - h.spans[i-1].hi - 1
	}
	return n
}
