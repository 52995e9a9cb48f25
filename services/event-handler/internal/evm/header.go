package evm

import (
	"encoding/json"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/rlp"
)

// Header is what the event-handler needs of a block beside its logs.
type Header struct {
	Number uint64
	Hash   common.Hash
	Parent common.Hash
	Time   uint64 // unix seconds
	// RLP of the header, keccak256(RLP) = Hash; nil when the hash cannot be
	// recomputed: the header was changed, or the chain's format is another one
	// than Ethereum's.
	RLP []byte
	// Bloom of the block's logs. Vouched for by Hash when RLP is there.
	Bloom types.Bloom
	// ReceiptsRoot as the header says it; vouched for like Bloom.
	ReceiptsRoot common.Hash
	// Txs are the hashes of the block's transactions, as the node lists them.
	Txs []common.Hash
}

// TxCount is the number of transactions in the block.
func (h *Header) TxCount() uint32 { return uint32(len(h.Txs)) }

// UnmarshalJSON reads the answer of eth_getBlockByNumber or ByHash, with or
// without full transactions. Source: ethereum/execution-apis, schemas/block.yaml.
func (h *Header) UnmarshalJSON(data []byte) error {
	var b struct {
		Number       *hexutil.Uint64 `json:"number"`
		Hash         *common.Hash    `json:"hash"`
		Parent       *common.Hash    `json:"parentHash"`
		Time         *hexutil.Uint64 `json:"timestamp"`
		Bloom        *types.Bloom    `json:"logsBloom"`
		ReceiptsRoot *common.Hash    `json:"receiptsRoot"`
		Transactions []txHash        `json:"transactions"`
	}
	if err := json.Unmarshal(data, &b); err != nil {
		return err
	}
	if b.Number == nil || b.Hash == nil || b.Parent == nil || b.Time == nil {
		return fmt.Errorf("block without number, hash, parentHash or timestamp")
	}
	*h = Header{Number: uint64(*b.Number), Hash: *b.Hash, Parent: *b.Parent, Time: uint64(*b.Time)}
	if b.Bloom != nil {
		h.Bloom = *b.Bloom
	}
	if b.ReceiptsRoot != nil {
		h.ReceiptsRoot = *b.ReceiptsRoot
	}
	for _, tx := range b.Transactions {
		h.Txs = append(h.Txs, common.Hash(tx))
	}
	var full types.Header
	if err := full.UnmarshalJSON(data); err != nil || full.Hash() != h.Hash {
		return nil
	}
	enc, err := rlp.EncodeToBytes(&full)
	if err != nil {
		return fmt.Errorf("encoding the header of block %d: %w", h.Number, err)
	}
	h.RLP = enc
	return nil
}

// txHash is a transaction's hash, given alone or within the transaction.
type txHash common.Hash

func (t *txHash) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '{' {
		var tx struct {
			Hash common.Hash `json:"hash"`
		}
		err := json.Unmarshal(data, &tx)
		*t = txHash(tx.Hash)
		return err
	}
	return json.Unmarshal(data, (*common.Hash)(t))
}

// headerAnswer is the answer of eth_getBlockByNumber or ByHash.
type headerAnswer struct {
	header *Header // nil: null
	bytes  int
}

// DecodeJSON is jsonrpc.Decoder.
func (a *headerAnswer) DecodeJSON(data []byte) error {
	h := new(Header)
	p := headerParser{parser: parser{b: data}}
	if !p.header(h) {
		h = new(Header)
		if err := json.Unmarshal(data, h); err != nil {
			return err
		}
	}
	a.header, a.bytes = h, len(data)
	return nil
}
