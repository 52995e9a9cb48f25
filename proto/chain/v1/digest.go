package chainv1

import (
	"crypto/sha256"
	"encoding/binary"
)

// LogDigest is the SHA-256 of a log as Checked counts it: two logs have the same
// digest when they are the same log of the same block. blockHash and txHash
// have 32 bytes. The bytes that are hashed:
//
//	block hash 32 | log index 4, big endian | tx hash 32 | address 20 |
//	number of topics 1 | topics 32 each | data
//
// Reads are not part of it: they belong to the configuration, not to the chain.
func LogDigest(blockHash, txHash []byte, l *Log) [sha256.Size]byte {
	buf := make([]byte, 0, 32+4+32+20+1+4*32+256)
	buf = append(buf, blockHash...)
	buf = binary.BigEndian.AppendUint32(buf, l.GetIndex())
	buf = append(buf, txHash...)
	buf = append(buf, l.GetAddress()...)
	buf = append(buf, byte(len(l.GetTopics())))
	for _, t := range l.GetTopics() {
		buf = append(buf, t...)
	}
	return sha256.Sum256(append(buf, l.GetData()...))
}

// Sum counts logs and XORs their digests, so that the order in which they come
// does not matter and sums of neighbouring ranges can be joined. The zero value
// is the sum of no logs.
type Sum struct {
	Logs   uint64
	Digest [sha256.Size]byte
}

// Add counts one log with its digest.
func (s *Sum) Add(digest [sha256.Size]byte) { s.Join(Sum{Logs: 1, Digest: digest}) }

// Join adds the logs of another sum.
func (s *Sum) Join(o Sum) {
	s.Logs += o.Logs
	for i := range s.Digest {
		s.Digest[i] ^= o.Digest[i]
	}
}

// TxHashes are the hashes of a block's listed transactions by index.
func (x *Block) TxHashes() map[uint32][]byte {
	out := make(map[uint32][]byte, len(x.GetTxs()))
	for _, tx := range x.GetTxs() {
		out[tx.GetIndex()] = tx.GetHash()
	}
	return out
}
