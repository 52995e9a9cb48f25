package fakenode

import (
	"encoding/json"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
)

// Forks returns one block for each set of fields that Ethereum's forks gave the
// header, from Frontier on.
func Forks() []*Block {
	zero, many, root := uint64(0), uint64(0x123456789), common.HexToHash("0x77")
	steps := []func(*types.Header){
		func(h *types.Header) { h.Difficulty = new(big.Int).Lsh(big.NewInt(0xabc), 100) },
		func(h *types.Header) { h.BaseFee = new(big.Int).Lsh(big.NewInt(7), 70) },
		func(h *types.Header) { h.WithdrawalsHash = &root },
		func(h *types.Header) { h.BlobGasUsed, h.ExcessBlobGas = &zero, &many },
		func(h *types.Header) { h.ParentBeaconRoot = &root },
		func(h *types.Header) { h.RequestsHash = &root },
		func(h *types.Header) { h.BlockAccessListHash = &root },
		func(h *types.Header) { h.SlotNumber = &many },
	}
	var blocks []*Block
	for n := range steps {
		h := &types.Header{Number: big.NewInt(int64(n)), Difficulty: new(big.Int), Extra: make([]byte, n), Nonce: types.EncodeNonce(uint64(n))}
		for _, step := range steps[:n+1] {
			step(h)
		}
		blocks = append(blocks, &Block{Header: h, Hash: h.Hash(), Txs: make([]common.Hash, 17*n)})
	}
	return blocks
}

// MarshalJSON gives the block as eth_getBlockByNumber does.
func (b *Block) MarshalJSON() ([]byte, error) { return json.Marshal(b.json()) }
