package evm

import (
	"github.com/ethereum/go-ethereum/core/types"
)

// receiptFields are the keys of a receipt that are read, in the order of the
// bits of what was seen.
var receiptFields = []string{
	"cumulativeGasUsed", "blockHash", "transactionHash", "transactionIndex", "status", "root", "type", "logsBloom", "logs",
}

const (
	receiptMust   = 1<<4 - 1
	receiptStatus = 1 << 4
	receiptRoot   = 1 << 5
	receiptBloom  = 1 << 7
)

// receipts reads the answer of eth_getBlockReceipts.
func (p *logParser) receipts() (Receipts, bool) {
	out := make(Receipts, 0, 64)
	ok := p.list(func(int) bool {
		out = append(out, Receipt{})
		return p.receipt(&out[len(out)-1])
	})
	return out, ok
}

func (p *logParser) receipt(r *Receipt) bool {
	seen := 0
	ok := p.object(func(key []byte) bool {
		for i, name := range receiptFields {
			if string(key) == name {
				seen |= 1 << i
				return p.receiptField(i, r)
			}
		}
		return p.unknown(key, receiptFields)
	})
	if !ok || seen&receiptMust != receiptMust || seen&(receiptStatus|receiptRoot) == 0 {
		return false
	}
	if len(r.Root) > 0 {
		r.Status = 0
	}
	if seen&receiptBloom == 0 {
		r.Bloom = bloomOf(r.Logs)
	}
	return true
}

func (p *logParser) receiptField(i int, r *Receipt) (ok bool) {
	var n uint64
	switch i {
	case 0:
		r.CumulativeGas, ok = p.quantity()
	case 1:
		p.blockHash, ok = p.fixedText(r.BlockHash[:], p.blockHash, p.last.BlockHash[:])
		p.last.BlockHash = r.BlockHash
	case 2:
		p.txHash, ok = p.fixedText(r.TxHash[:], p.txHash, p.last.TxHash[:])
		p.last.TxHash = r.TxHash
	case 3:
		n, ok = p.quantity()
		r.TxIndex, ok = uint32(n), ok && n <= 1<<31
	case 4:
		n, ok = p.quantity()
		r.Status, ok = uint8(n), ok && n <= 1
	case 5:
		r.Root, ok = p.bytes()
	case 6:
		n, ok = p.quantity()
		r.Type, ok = uint8(n), ok && n <= 0x7f
	case 7:
		r.Bloom = p.room(types.BloomByteLength)
		ok = p.fixed(r.Bloom)
	case 8:
		r.Logs, ok = p.logs(2)
	}
	return ok
}
