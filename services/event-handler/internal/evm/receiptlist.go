package evm

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
)

// receiptList is the answer of eth_getBlockReceipts.
type receiptList struct {
	receipts Receipts // nil: null
	bytes    int
}

// DecodeJSON is jsonrpc.Decoder.
func (l *receiptList) DecodeJSON(data []byte) error {
	l.bytes = len(data)
	p := logParser{parser: parser{b: data}}
	if fast, ok := p.receipts(); ok && p.end() {
		l.receipts = fast
		return nil
	}
	slow := Receipts{}
	if err := json.Unmarshal(data, &slow); err != nil {
		return err
	}
	l.receipts = slow
	return nil
}

// UnmarshalJSON reads one receipt. Source: ethereum/execution-apis,
// schemas/receipt.yaml.
func (r *Receipt) UnmarshalJSON(data []byte) error {
	var j struct {
		Type      *hexutil.Uint64 `json:"type"`
		Status    *hexutil.Uint64 `json:"status"`
		Root      *hexutil.Bytes  `json:"root"`
		Gas       *hexutil.Uint64 `json:"cumulativeGasUsed"`
		Bloom     *hexutil.Bytes  `json:"logsBloom"`
		Logs      []Log           `json:"logs"`
		BlockHash *common.Hash    `json:"blockHash"`
		TxHash    *common.Hash    `json:"transactionHash"`
		TxIndex   *hexutil.Uint64 `json:"transactionIndex"`
	}
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	if j.Gas == nil || j.BlockHash == nil || j.TxHash == nil || j.TxIndex == nil || j.Status == nil && j.Root == nil {
		return errors.New("receipt without cumulativeGasUsed, blockHash, transactionHash, transactionIndex, or without status and root")
	}
	if *j.TxIndex > 1<<31 {
		return fmt.Errorf("receipt with transactionIndex %d", *j.TxIndex)
	}
	*r = Receipt{CumulativeGas: uint64(*j.Gas), Logs: j.Logs, BlockHash: *j.BlockHash, TxHash: *j.TxHash, TxIndex: uint32(*j.TxIndex)}
	if j.Type != nil {
		if *j.Type > 0x7f { // EIP-2718
			return fmt.Errorf("receipt of type %d", *j.Type)
		}
		r.Type = uint8(*j.Type)
	}
	switch {
	case j.Status == nil || j.Root != nil && len(*j.Root) > 0:
		r.Root = *j.Root
	case *j.Status > 1:
		return fmt.Errorf("receipt with status %d", *j.Status)
	default:
		r.Status = uint8(*j.Status)
	}
	switch {
	case j.Bloom == nil:
		r.Bloom = bloomOf(r.Logs)
	case len(*j.Bloom) != types.BloomByteLength:
		return fmt.Errorf("receipt with a bloom of %d bytes", len(*j.Bloom))
	default:
		r.Bloom = *j.Bloom
	}
	return nil
}
