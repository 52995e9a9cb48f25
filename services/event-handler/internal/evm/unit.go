package evm

import (
	"github.com/ethereum/go-ethereum/common"

	chainv1 "fondaco.dev/proto/chain/v1"
)

// block makes the unit of one block, whose logs are checked. The unit shares the
// memory of the header and the logs.
func block(h *Header, logs []Log) *chainv1.Block {
	b := &chainv1.Block{
		Number: h.Number, Hash: h.Hash[:], ParentHash: h.Parent[:], Time: h.Time, Header: h.RLP, TxCount: h.TxCount(),
	}
	if len(logs) == 0 {
		return b
	}
	// One piece of memory for each kind of thing: a window holds 20,000 logs.
	topics, txs := 0, 1
	for i := range logs {
		topics += len(logs[i].Topics)
		if i > 0 && logs[i-1].TxIndex != logs[i].TxIndex {
			txs++
		}
	}
	words := make([][]byte, 0, topics)
	entries := make([]chainv1.Log, len(logs))
	b.Logs = make([]*chainv1.Log, len(logs))
	rows := make([]chainv1.Tx, 0, txs)
	b.Txs = make([]*chainv1.Tx, 0, txs)
	for i := range logs {
		l := &logs[i]
		if i == 0 || logs[i-1].TxIndex != l.TxIndex {
			rows = rows[:len(rows)+1]
			tx := &rows[len(rows)-1]
			tx.Index, tx.Hash = l.TxIndex, l.TxHash[:]
			b.Txs = append(b.Txs, tx)
		}
		first := len(words)
		for k := range l.Topics {
			words = append(words, l.Topics[k][:])
		}
		e := &entries[i]
		e.Address, e.Topics, e.Data, e.Index, e.TxIndex = l.Address[:], words[first:len(words):len(words)], l.Data, l.Index, l.TxIndex
		b.Logs[i] = e
	}
	return b
}

func blockUnit(b *chainv1.Block) *chainv1.Unit {
	return &chainv1.Unit{Kind: &chainv1.Unit_Block{Block: b}}
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
