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
	// RLP of the header, keccak256(RLP) = Hash; nil when go-ethereum does not
	// know this chain's header format and so cannot recompute the hash.
	RLP []byte
	// Bloom of the block's logs; nil when RLP is nil, since nothing vouches for it then.
	Bloom   *types.Bloom
	TxCount uint32
}

// UnmarshalJSON reads the answer of eth_getBlockByNumber or ByHash without full
// transactions. Source: ethereum/execution-apis, schemas/block.yaml.
func (h *Header) UnmarshalJSON(data []byte) error {
	var b struct {
		Number       *hexutil.Uint64   `json:"number"`
		Hash         *common.Hash      `json:"hash"`
		Parent       *common.Hash      `json:"parentHash"`
		Time         *hexutil.Uint64   `json:"timestamp"`
		Transactions []json.RawMessage `json:"transactions"`
	}
	if err := json.Unmarshal(data, &b); err != nil {
		return err
	}
	if b.Number == nil || b.Hash == nil || b.Parent == nil || b.Time == nil {
		return fmt.Errorf("block without number, hash, parentHash or timestamp")
	}
	*h = Header{Number: uint64(*b.Number), Hash: *b.Hash, Parent: *b.Parent, Time: uint64(*b.Time), TxCount: uint32(len(b.Transactions))}
	var full types.Header
	if err := full.UnmarshalJSON(data); err != nil || full.Hash() != h.Hash {
		return nil
	}
	enc, err := rlp.EncodeToBytes(&full)
	if err != nil {
		return fmt.Errorf("encoding the header of block %d: %w", h.Number, err)
	}
	h.RLP, h.Bloom = enc, &full.Bloom
	return nil
}
