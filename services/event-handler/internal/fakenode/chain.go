// Package fakenode is an EVM node for tests: a chain in memory that can be
// reorganised at will, served over JSON-RPC with faults on request. It shares no code
// with what it tests.
package fakenode

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/big"
	"sync"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/trie"
)

// Block is one block with all its logs.
type Block struct {
	Header *types.Header
	// JSON is the header as the node serves it, with transaction hashes; nil: made from Header.
	JSON json.RawMessage
	Hash common.Hash
	Txs  []common.Hash
	Logs []*types.Log
	// Receipts of all transactions; their logs are Logs.
	Receipts []*types.Receipt

	receiptsJSON json.RawMessage // as recorded; nil: made from Receipts
}

// Number is the block's height.
func (b *Block) Number() uint64 { return b.Header.Number.Uint64() }

// Chain is the canonical chain; blocks of other branches stay known by hash.
type Chain struct {
	ID uint64
	// Genesis is served as block 0 when the chain begins higher up.
	Genesis *Block

	mu        sync.Mutex
	blocks    []*Block // canonical, consecutive heights
	byHash    map[common.Hash]*Block
	finalized *uint64
	salt      uint64
}

// NewChain returns a chain that holds block 0 only; seed tells two chains apart.
func NewChain(id, seed uint64) *Chain {
	c := &Chain{ID: id, byHash: map[common.Hash]*Block{}, salt: seed << 32}
	c.append(2, nil)
	return c
}

// FromBlocks returns a chain of ready blocks, at consecutive heights.
func FromBlocks(id uint64, blocks []*Block) *Chain {
	c := &Chain{ID: id, byHash: map[common.Hash]*Block{}}
	for _, b := range blocks {
		c.blocks = append(c.blocks, b)
		c.byHash[b.Hash] = b
	}
	return c
}

// LogSpec is a log to be mined.
type LogSpec struct {
	Address common.Address
	Topics  []common.Hash
	Data    []byte
}

// Mine adds one block with logs, two to a transaction, and returns it.
func (c *Chain) Mine(logs ...LogSpec) *Block {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.append(2, logs)
}

// MineTxs is Mine with so many logs to a transaction.
func (c *Chain) MineTxs(perTx int, logs ...LogSpec) *Block {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.append(perTx, logs)
}

func (c *Chain) append(perTx int, specs []LogSpec) *Block {
	c.salt++
	h := &types.Header{
		Number: big.NewInt(int64(len(c.blocks))), Time: 1_700_000_000 + uint64(len(c.blocks))*12, Difficulty: new(big.Int), GasLimit: 30_000_000,
		Extra: binary.BigEndian.AppendUint64(nil, c.salt), BaseFee: big.NewInt(7), UncleHash: types.EmptyUncleHash,
		TxHash: types.EmptyTxsHash, ReceiptHash: types.EmptyReceiptsHash,
	}
	if len(c.blocks) > 0 {
		h.ParentHash = c.blocks[len(c.blocks)-1].Hash
	}
	b := &Block{Header: h}
	for i, s := range specs {
		if i%perTx == 0 {
			b.Txs = append(b.Txs, crypto.Keccak256Hash(h.Extra, []byte{byte(i), byte(i >> 8)}))
			k := len(b.Receipts)
			b.Receipts = append(b.Receipts, &types.Receipt{
				Type: uint8(k % 5), Status: uint64(1 - k/3%2), CumulativeGasUsed: uint64(k+1) * 50_000, GasUsed: 50_000, EffectiveGasPrice: big.NewInt(7),
				TxHash: b.Txs[k], BlockNumber: h.Number, TransactionIndex: uint(k), Logs: []*types.Log{},
			})
		}
		l := &types.Log{
			Address: s.Address, Topics: s.Topics, Data: s.Data, BlockNumber: h.Number.Uint64(),
			TxHash: b.Txs[i/perTx], TxIndex: uint(i / perTx), Index: uint(i),
		}
		b.Logs = append(b.Logs, l)
		r := b.Receipts[i/perTx]
		r.Logs = append(r.Logs, l)
	}
	for _, r := range b.Receipts {
		r.Bloom = types.CreateBloom(r)
	}
	h.Bloom = types.MergeBloom(b.Receipts)
	h.ReceiptHash = types.DeriveSha(types.Receipts(b.Receipts), trie.NewStackTrie(nil))
	b.Hash = h.Hash()
	for _, l := range b.Logs {
		l.BlockHash = b.Hash
	}
	for _, r := range b.Receipts {
		r.BlockHash = b.Hash
	}
	c.blocks = append(c.blocks, b)
	c.byHash[b.Hash] = b
	return b
}

// Fork drops the canonical blocks above height, so that Mine builds another
// branch, and returns what was dropped.
func (c *Chain) Fork(height uint64) []*Block {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := height - c.blocks[0].Number() + 1
	dropped := append([]*Block(nil), c.blocks[i:]...)
	c.blocks = c.blocks[:i:i]
	return dropped
}

// Adopt makes blocks that were dropped canonical again, at the top.
func (c *Chain) Adopt(blocks []*Block) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range blocks {
		if b.Header.ParentHash != c.blocks[len(c.blocks)-1].Hash {
			panic(fmt.Sprintf("block %d is not the child of the head", b.Number()))
		}
		c.blocks = append(c.blocks, b)
	}
}

// Finalize sets the block that the tag "finalized" names.
func (c *Chain) Finalize(height uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.finalized = &height
}

// Head is the newest canonical block.
func (c *Chain) Head() *Block {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.blocks[len(c.blocks)-1]
}

// At returns the canonical block at a height, nil when there is none.
func (c *Chain) At(height uint64) *Block {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at(height)
}

func (c *Chain) at(height uint64) *Block {
	first := c.blocks[0].Number()
	if height < first || height-first >= uint64(len(c.blocks)) {
		return nil
	}
	return c.blocks[height-first]
}

// Canonical returns the canonical blocks.
func (c *Chain) Canonical() []*Block {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*Block(nil), c.blocks...)
}
