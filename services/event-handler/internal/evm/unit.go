package evm

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	chainv1 "fondaco.dev/proto/chain/v1"
)

// wanted keeps the wanted logs, once each, ordered by (block, index). Doubles
// come from queries that overlap; two logs of one place that differ are an
// inconsistency.
func (f *Filter) wanted(logs []Log) ([]Log, error) {
	kept := logs[:0]
	for _, l := range logs {
		if l.Removed {
			return nil, fmt.Errorf("%w: log %d of block %d is marked as removed", ErrInconsistent, l.Index, l.BlockNumber)
		}
		if f.Match(&l) {
			kept = append(kept, l)
		}
	}
	slices.SortStableFunc(kept, func(a, b Log) int {
		return cmp.Or(cmp.Compare(a.BlockNumber, b.BlockNumber), cmp.Compare(a.Index, b.Index))
	})
	out := kept[:0]
	for i, l := range kept {
		if i > 0 {
			p := out[len(out)-1]
			if p.BlockNumber == l.BlockNumber && p.Index == l.Index {
				if p.BlockHash != l.BlockHash || p.TxHash != l.TxHash || p.Address != l.Address {
					return nil, fmt.Errorf("%w: two different logs %d of block %d", ErrInconsistent, l.Index, l.BlockNumber)
				}
				continue
			}
		}
		out = append(out, l)
	}
	return out, nil
}

// block makes the unit of one block. The logs are those of the block, selected
// and ordered; each is checked against the header.
func block(h *Header, logs []Log) (*chainv1.Unit, error) {
	b := &chainv1.Block{
		Number: h.Number, Hash: h.Hash.Bytes(), ParentHash: h.Parent.Bytes(), Time: h.Time, Header: h.RLP, TxCount: h.TxCount,
		Logs: make([]*chainv1.Log, 0, len(logs)),
	}
	for i, l := range logs {
		if err := check(h, &l); err != nil {
			return nil, err
		}
		if i == 0 || logs[i-1].TxIndex != l.TxIndex {
			if i > 0 && logs[i-1].TxIndex > l.TxIndex {
				return nil, fmt.Errorf("%w: logs of block %d are not in the order of their transactions", ErrInconsistent, h.Number)
			}
			b.Txs = append(b.Txs, &chainv1.Tx{Index: l.TxIndex, Hash: l.TxHash.Bytes()})
		} else if logs[i-1].TxHash != l.TxHash {
			return nil, fmt.Errorf("%w: transaction %d of block %d has two hashes", ErrInconsistent, l.TxIndex, h.Number)
		}
		topics := make([][]byte, len(l.Topics))
		for k := range l.Topics {
			topics[k] = l.Topics[k].Bytes()
		}
		b.Logs = append(b.Logs, &chainv1.Log{Address: l.Address.Bytes(), Topics: topics, Data: l.Data, Index: l.Index, TxIndex: l.TxIndex})
	}
	return &chainv1.Unit{Kind: &chainv1.Unit_Block{Block: b}}, nil
}

// check holds a log against the header of the block that it names.
func check(h *Header, l *Log) error {
	switch {
	case l.BlockNumber != h.Number || l.BlockHash != h.Hash:
		return fmt.Errorf("%w: log %d names block %d %s, the header is %d %s", ErrInconsistent, l.Index, l.BlockNumber, l.BlockHash, h.Number, h.Hash)
	case l.TxIndex >= h.TxCount:
		return fmt.Errorf("%w: log %d of block %d is of transaction %d of %d", ErrInconsistent, l.Index, h.Number, l.TxIndex, h.TxCount)
	case h.Bloom != nil && (!types.BloomLookup(*h.Bloom, l.Address) || len(l.Topics) > 0 && !types.BloomLookup(*h.Bloom, l.Topics[0])):
		return fmt.Errorf("%w: log %d is not in the bloom of block %d", ErrInconsistent, l.Index, h.Number)
	}
	return nil
}

func rangeUnit(from, to uint64, hash common.Hash) *chainv1.Unit {
	return &chainv1.Unit{Kind: &chainv1.Unit_Range{Range: &chainv1.Range{From: from, To: to, ToHash: hash.Bytes()}}}
}

func revertedUnit(b ref) *chainv1.Unit {
	return &chainv1.Unit{Kind: &chainv1.Unit_Reverted{Reverted: &chainv1.Reverted{ToNumber: b.number, ToHash: b.hash.Bytes()}}}
}

func finalizedUnit(b ref) *chainv1.Unit {
	return &chainv1.Unit{Kind: &chainv1.Unit_Finalized{Finalized: &chainv1.Finalized{Number: b.number, Hash: b.hash.Bytes()}}}
}
