package evm

import (
	"bytes"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/rlp"
	"github.com/ethereum/go-ethereum/trie"
)

// Receipt is what the receipts root vouches for of one transaction, and where
// the node says that it stands.
type Receipt struct {
	Type uint8
	// Status is 0 or 1; Root takes its place before Byzantium (EIP-658), then
	// it has 32 bytes.
	Status        uint8
	Root          []byte
	CumulativeGas uint64
	// Bloom as the node gave it: a wrong one gives another root.
	Bloom     []byte // 256 bytes
	Logs      []Log
	BlockHash common.Hash
	TxHash    common.Hash
	TxIndex   uint32
}

// Receipts of one block, in the order of its transactions. Not nil when the
// block is there and empty.
type Receipts []Receipt

// Len is types.DerivableList.
func (r Receipts) Len() int { return len(r) }

// EncodeIndex is types.DerivableList: receipt i in its consensus form, which is
// rlp([status or root, cumulative gas, bloom, logs]), behind a byte of type for
// all but type 0 (EIP-2718).
func (r Receipts) EncodeIndex(i int, w *bytes.Buffer) {
	x := &r[i]
	if x.Type != 0 {
		w.WriteByte(x.Type)
	}
	buf := rlp.NewEncoderBuffer(w)
	list := buf.List()
	switch {
	case len(x.Root) > 0:
		buf.WriteBytes(x.Root)
	case x.Status == 1:
		buf.WriteBytes([]byte{1})
	default:
		buf.WriteBytes(nil)
	}
	buf.WriteUint64(x.CumulativeGas)
	buf.WriteBytes(x.Bloom)
	logs := buf.List()
	for k := range x.Logs {
		l := &x.Logs[k]
		one := buf.List()
		buf.WriteBytes(l.Address[:])
		topics := buf.List()
		for t := range l.Topics {
			buf.WriteBytes(l.Topics[t][:])
		}
		buf.ListEnd(topics)
		buf.WriteBytes(l.Data)
		buf.ListEnd(one)
	}
	buf.ListEnd(logs)
	buf.ListEnd(list)
	// Flush writes to a bytes.Buffer, which has no errors.
	_ = buf.Flush()
}

// RootOf is the receipts root: nothing of the receipts' content can be missing,
// added or changed in a block whose header holds it. Where a log stands
// (transaction hash, indexes) is not part of it; see receiptsOf.
func RootOf(r Receipts) common.Hash { return types.DeriveSha(r, trie.NewStackTrie(nil)) }

// proven holds receipts against the header: every log of the block is in them,
// in order. It returns the block's logs.
func proven(h *Header, r Receipts, tolerate Tolerance) ([]Log, error) {
	if r == nil {
		return nil, fmt.Errorf("%w: no receipts of block %d %s", ErrInconsistent, h.Number, h.Hash)
	}
	total := 0
	for i := range r {
		total += len(r[i].Logs)
	}
	logs := make([]Log, 0, total)
	for i := range r {
		x := &r[i]
		if x.BlockHash != h.Hash || x.TxIndex != uint32(i) {
			return nil, fmt.Errorf("%w: receipt %d of block %d %s names block %s, transaction %d", ErrInconsistent, i, h.Number, h.Hash, x.BlockHash, x.TxIndex)
		}
		for k := range x.Logs {
			l := &x.Logs[k]
			if l.TxHash != x.TxHash || l.TxIndex != x.TxIndex {
				return nil, fmt.Errorf("%w: log %d of block %d names transaction %d %s, its receipt %d %s", ErrInconsistent, l.Index, h.Number,
					l.TxIndex, l.TxHash, x.TxIndex, x.TxHash)
			}
			if l.Index != uint32(len(logs)) {
				return nil, fmt.Errorf("%w: log %d of block %d %s has index %d in its receipt", ErrInconsistent, len(logs), h.Number, h.Hash, l.Index)
			}
			logs = append(logs, *l)
		}
	}
	if root := RootOf(r); root != h.ReceiptsRoot && !tolerate.ReceiptsRoot {
		return nil, fmt.Errorf("%w: the receipts of block %d %s hash to %s, its header says %s", ErrInconsistent, h.Number, h.Hash, root, h.ReceiptsRoot)
	}
	return logs, nil
}
