package evm

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
)

// Log is one log as eth_getLogs answers it.
type Log struct {
	Address     common.Address
	Topics      []common.Hash // 0 to 4
	Data        []byte
	BlockNumber uint64
	BlockHash   common.Hash
	TxHash      common.Hash
	TxIndex     uint32
	Index       uint32 // within the block
	Removed     bool
}

// UnmarshalJSON reads a log of a mined block; a pending one is an error.
// Source: ethereum/execution-apis, schemas/receipt.yaml.
func (l *Log) UnmarshalJSON(data []byte) error {
	var j struct {
		Address     *string         `json:"address"`
		Topics      []string        `json:"topics"`
		Data        string          `json:"data"`
		BlockNumber *hexutil.Uint64 `json:"blockNumber"`
		BlockHash   *string         `json:"blockHash"`
		TxHash      *string         `json:"transactionHash"`
		TxIndex     *hexutil.Uint64 `json:"transactionIndex"`
		Index       *hexutil.Uint64 `json:"logIndex"`
		Removed     bool            `json:"removed"`
	}
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	if j.Address == nil || j.BlockNumber == nil || j.BlockHash == nil || j.TxHash == nil || j.TxIndex == nil || j.Index == nil {
		return errors.New("log without address, blockNumber, blockHash, transactionHash, transactionIndex or logIndex")
	}
	if len(j.Topics) > 4 {
		return fmt.Errorf("log with %d topics", len(j.Topics))
	}
	if *j.TxIndex > 1<<31 || *j.Index > 1<<31 {
		return fmt.Errorf("log with transactionIndex %d, logIndex %d", *j.TxIndex, *j.Index)
	}
	*l = Log{BlockNumber: uint64(*j.BlockNumber), TxIndex: uint32(*j.TxIndex), Index: uint32(*j.Index), Removed: j.Removed}
	l.Topics = make([]common.Hash, len(j.Topics))
	for i, t := range j.Topics {
		if err := fixed(l.Topics[i][:], t); err != nil {
			return fmt.Errorf("topic %d: %w", i, err)
		}
	}
	if err := errors.Join(fixed(l.Address[:], *j.Address), fixed(l.BlockHash[:], *j.BlockHash), fixed(l.TxHash[:], *j.TxHash)); err != nil {
		return err
	}
	if j.Data == "" { // left out by some nodes when there is none
		return nil
	}
	text, ok := hexDigits(j.Data)
	if !ok {
		return errors.New("data without 0x")
	}
	var err error
	l.Data, err = hex.DecodeString(text)
	return err
}

// fixed decodes 0x hex of exactly len(dst) bytes.
func fixed(dst []byte, s string) error {
	text, ok := hexDigits(s)
	if !ok || len(text) != 2*len(dst) {
		return fmt.Errorf("%.80q is not 0x and %d bytes of hex", s, len(dst))
	}
	_, err := hex.Decode(dst, []byte(text))
	return err
}

func hexDigits(s string) (string, bool) {
	if len(s) < 2 || s[0] != '0' || (s[1] != 'x' && s[1] != 'X') {
		return "", false
	}
	return s[2:], true
}
