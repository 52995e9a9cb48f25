package evm

import (
	"encoding/binary"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
)

// bits are the three bits that an address or a topic sets in a bloom: byte
// offsets and masks. Source: Ethereum yellow paper, section 4.3.1.
type bits struct {
	at   [3]uint8
	mask [3]byte
}

func bitsOf(data []byte) bits {
	var b bits
	h := crypto.Keccak256Hash(data)
	for i := range 3 {
		n := binary.BigEndian.Uint16(h[2*i:]) & 0x7ff
		b.at[i], b.mask[i] = uint8(types.BloomByteLength-1-n>>3), 1<<(n&7)
	}
	return b
}

// in reports whether the bloom holds the bits.
func (b *bits) in(bloom *types.Bloom) bool {
	return bloom[b.at[0]]&b.mask[0] != 0 && bloom[b.at[1]]&b.mask[1] != 0 && bloom[b.at[2]]&b.mask[2] != 0
}

// bloomOf is the bloom of logs.
func bloomOf(logs []Log) []byte {
	bloom := make([]byte, types.BloomByteLength)
	add := func(data []byte) {
		b := bitsOf(data)
		for i := range 3 {
			bloom[b.at[i]] |= b.mask[i]
		}
	}
	for i := range logs {
		add(logs[i].Address[:])
		for k := range logs[i].Topics {
			add(logs[i].Topics[k][:])
		}
	}
	return bloom
}

// bloomMemo remembers the bits of values that come again: hashing is most of
// what looking a log up in a bloom costs. It is direct-mapped and bounded: a
// value that falls on another's place takes it. The zero value is ready.
type bloomMemo struct{ slots []bloomSlot }

type bloomSlot struct {
	value common.Hash
	size  uint8 // 0: empty
	bits  bits
}

// memoSlots: 32,768 of 40 bytes, 1.3 MB.
const memoSlots = 1 << 15

// of returns the bits of an address (20 bytes) or a topic (32 bytes).
func (m *bloomMemo) of(data []byte) *bits {
	if m.slots == nil {
		m.slots = make([]bloomSlot, memoSlots)
	}
	// The last 8 bytes of an address or topic differ most.
	key := binary.LittleEndian.Uint64(data[len(data)-8:]) * 0x9e3779b97f4a7c15
	s := &m.slots[key>>49]
	if int(s.size) != len(data) || string(s.value[:s.size]) != string(data) {
		s.size = uint8(len(data))
		copy(s.value[:], data)
		s.bits = bitsOf(data)
	}
	return &s.bits
}
