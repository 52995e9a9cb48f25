// Package memchain is an EVM chain in memory for tests that need hundreds of
// blocks in milliseconds: nothing is executed, but every hash, bloom, receipts
// root and log is what a node would give for these blocks, so that whoever
// recomputes them finds them right. It misbehaves only through package fault.
package memchain

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"sync"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/trie"

	"fondaco.dev/services/devnet/evm"
)

// Config of a chain; the zero value is a chain with id 1337.
type Config struct {
	// ID is what eth_chainId says, default 1337.
	ID uint64
	// Seed tells two chains apart; equal seeds and calls give equal hashes.
	Seed uint64
	// FinalityLag is how many blocks the finalized one is below the head,
	// default 32. Before that many blocks there is none but block 0.
	FinalityLag uint64
	// FirstTime is the timestamp of block 0 in Unix seconds, default
	// 1,700,000,000.
	FirstTime uint64
	// Period is the time between two timestamps in seconds, default 12.
	Period uint64
}

// Chain is the canonical chain; blocks of other branches stay known by hash.
// Its methods may be called from any goroutine.
type Chain struct {
	cfg Config

	mu        sync.Mutex
	blocks    []*Block // canonical; the index is the height
	byHash    map[common.Hash]*Block
	byTx      map[common.Hash]*Block
	finalized uint64
	salt      uint64
	clones    uint64
	code      map[common.Address]uint64 // since which height an address has code
	watchers  map[chan *Block]struct{}
}

// Log is a log to be mined.
type Log struct {
	Address common.Address
	Topics  []common.Hash
	Data    []byte
}

// New returns a chain that holds block 0 only.
func New(cfg Config) *Chain {
	if cfg.ID == 0 {
		cfg.ID = 1337
	}
	if cfg.FinalityLag == 0 {
		cfg.FinalityLag = 32
	}
	if cfg.FirstTime == 0 {
		cfg.FirstTime = 1_700_000_000
	}
	if cfg.Period == 0 {
		cfg.Period = 12
	}
	c := &Chain{
		cfg: cfg, salt: cfg.Seed << 32, byHash: map[common.Hash]*Block{}, byTx: map[common.Hash]*Block{},
		code: map[common.Address]uint64{}, watchers: map[chan *Block]struct{}{},
	}
	c.setHead(nil, c.seal(nil, nil))
	return c
}

// Mine adds one block with these logs and returns it. Consecutive logs share a
// transaction, three at most; no logs make a block without transactions.
func (c *Chain) Mine(logs ...Log) *Block {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.seal(c.blocks[len(c.blocks)-1], logs)
	c.setHead(c.blocks, b)
	c.announce(b)
	return b
}

// logsPerTx: the index of a log and that of its transaction differ then.
const logsPerTx = 3

// seal makes a block on any parent; nobody sees it yet.
func (c *Chain) seal(parent *Block, logs []Log) *Block {
	c.salt++
	extra := binary.BigEndian.AppendUint64(nil, c.salt) // two blocks on one parent differ
	h := &types.Header{
		Number: new(big.Int), Time: c.cfg.FirstTime, Difficulty: new(big.Int), GasLimit: 30_000_000, Extra: extra, BaseFee: big.NewInt(7),
		UncleHash: types.EmptyUncleHash, WithdrawalsHash: &types.EmptyWithdrawalsHash,
	}
	if parent != nil {
		h.Number.SetUint64(parent.Number() + 1)
		h.ParentHash, h.Time = parent.Hash, parent.Header.Time+c.cfg.Period
	}
	b := &Block{Header: h}
	for i, l := range logs {
		if i%logsPerTx == 0 {
			b.add(c.cfg.ID, c.salt)
		}
		r := b.Receipts[len(b.Receipts)-1]
		r.Logs = append(r.Logs, &types.Log{
			Address: l.Address, Topics: l.Topics, Data: l.Data, BlockNumber: b.Number(), BlockTimestamp: h.Time,
			TxHash: r.TxHash, TxIndex: r.TransactionIndex, Index: uint(i),
		})
	}
	for _, r := range b.Receipts {
		r.Bloom = types.CreateBloom(r)
	}
	h.Bloom = types.MergeBloom(b.Receipts)
	h.GasUsed = 50_000 * uint64(len(b.Txs))
	h.TxHash = types.DeriveSha(b.Txs, trie.NewStackTrie(nil))
	h.ReceiptHash = types.DeriveSha(b.Receipts, trie.NewStackTrie(nil))
	b.Hash = h.Hash()
	for _, r := range b.Receipts {
		r.BlockHash = b.Hash
		for _, l := range r.Logs {
			l.BlockHash = b.Hash
		}
	}
	return b
}

// setHead makes branch and b on top of it canonical.
func (c *Chain) setHead(branch []*Block, b *Block) {
	c.blocks = append(branch, b)
	c.byHash[b.Hash] = b
	for _, tx := range b.Txs {
		c.byTx[tx.Hash()] = b
	}
	if n := b.Number(); n > c.cfg.FinalityLag {
		c.finalized = max(c.finalized, n-c.cfg.FinalityLag)
	}
}

// Reorg replaces the last r.Depth blocks by r.Blocks others that hold what
// refill gives for their heights (nil: nothing), and returns the new head.
// Remine puts the old blocks' logs into the new ones instead, a block each.
// With BelowFinality the finalized height falls with the common ancestor.
func (c *Chain) Reorg(r evm.Reorg, refill func(height uint64) []Log) (*Block, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	head := c.blocks[len(c.blocks)-1].Number()
	if r.Depth < 0 || r.Blocks < 0 || uint64(r.Depth) > head {
		return nil, fmt.Errorf("taking back %d blocks and making %d at height %d", r.Depth, r.Blocks, head)
	}
	ancestor := head - uint64(r.Depth)
	if ancestor < c.finalized {
		if !r.BelowFinality {
			return nil, fmt.Errorf("going back to %d, finalized is %d: %w", ancestor, c.finalized, evm.ErrBelowFinality)
		}
		c.finalized = ancestor
	}
	dropped := append([]*Block(nil), c.blocks[ancestor+1:]...)
	branch := append([]*Block(nil), c.blocks[:ancestor+1]...)
	switch r.Way {
	case evm.Silent:
		for _, b := range dropped { // debug_setHead deletes them
			delete(c.byHash, b.Hash)
		}
		fallthrough
	case evm.Shrink:
		c.blocks = branch
		if r.Way == evm.Shrink {
			c.announce(branch[ancestor])
		}
	}
	for i := range r.Blocks {
		var logs []Log
		if r.Remine && i < len(dropped) {
			logs = dropped[i].specs()
		} else if refill != nil {
			logs = refill(ancestor + 1 + uint64(i))
		}
		b := c.seal(branch[len(branch)-1], logs)
		c.setHead(branch, b)
		branch = c.blocks
		if r.Way != evm.Flip || i == r.Blocks-1 {
			c.announce(b)
		}
	}
	c.blocks = branch
	return branch[len(branch)-1], nil
}

// Clone is a chain with the same blocks that goes on by itself: what the two
// mine from here on differs.
func (c *Chain) Clone() *Chain {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clones++
	return &Chain{
		cfg: c.cfg, blocks: slices.Clone(c.blocks), byHash: maps.Clone(c.byHash), byTx: maps.Clone(c.byTx), finalized: c.finalized,
		salt: c.salt + c.clones<<24, code: maps.Clone(c.code), watchers: map[chan *Block]struct{}{},
	}
}

// Adopt makes a block that was canonical before the head again, with all its
// ancestors: A -> B -> A. A block that a silent reorg deleted is not known.
func (c *Chain) Adopt(hash common.Hash) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var up []*Block
	for b := c.byHash[hash]; ; b = c.byHash[b.Header.ParentHash] {
		if b == nil {
			return errors.New("a block of this branch is not known any more")
		}
		if n := b.Number(); n < uint64(len(c.blocks)) && c.blocks[n] == b {
			if n < c.finalized {
				return evm.ErrBelowFinality
			}
			c.blocks = append([]*Block(nil), c.blocks[:n+1]...)
			break
		}
		up = append(up, b)
	}
	for i := len(up) - 1; i >= 0; i-- {
		c.setHead(c.blocks, up[i])
	}
	c.announce(c.blocks[len(c.blocks)-1])
	return nil
}

// Deploy gives an address code from the next block on.
func (c *Chain) Deploy(address common.Address) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.code[address] = uint64(len(c.blocks))
}

// Head is the newest canonical block.
func (c *Chain) Head() *Block {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.blocks[len(c.blocks)-1]
}

// Finalized is the height of the finalized block.
func (c *Chain) Finalized() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.finalized
}

// Canonical returns the canonical blocks; the index is the height.
func (c *Chain) Canonical() []*Block {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*Block(nil), c.blocks...)
}

// Heads sends the header of every new head, as eth_subscribe does, until ctx
// ends. A receiver that is 256 heads behind loses the next ones.
func (c *Chain) Heads(ctx context.Context) (<-chan []byte, error) {
	in := make(chan *Block, 256)
	c.mu.Lock()
	c.watchers[in] = struct{}{}
	c.mu.Unlock()
	out := make(chan []byte)
	go func() {
		defer close(out)
		defer func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			delete(c.watchers, in)
		}()
		for {
			select {
			case <-ctx.Done():
				return
			case b := <-in:
				select {
				case <-ctx.Done():
					return
				case out <- b.headerJSON():
				}
			}
		}
	}()
	return out, nil
}

func (c *Chain) announce(b *Block) {
	for w := range c.watchers {
		select {
		case w <- b:
		default:
		}
	}
}
