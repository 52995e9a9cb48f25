package evm

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/rawdb"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/miner"
)

// ErrBelowFinality is returned for a reorganisation that would take back a
// finalized block without Reorg.BelowFinality.
var ErrBelowFinality = errors.New("reorganisation below the finalized block")

// Head is the header of the latest block.
func (n *Node) Head() *types.Header { return n.eth.BlockChain().CurrentBlock() }

// Finalized is the header of the latest finalized block; block 0 at first.
func (n *Node) Finalized() *types.Header { return n.eth.BlockChain().CurrentFinalBlock() }

// Block gives the canonical block of a height, nil above the head.
func (n *Node) Block(number uint64) *types.Block {
	return n.eth.BlockChain().GetBlockByNumber(number)
}

// Commit makes one block on the head from the transactions that wait in the
// pool, and makes it the head.
func (n *Node) Commit() (*types.Block, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.commit()
}

// CommitN makes count blocks and returns the last.
func (n *Node) CommitN(count int) (tip *types.Block, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for range count {
		if tip, err = n.commit(); err != nil {
			return nil, err
		}
	}
	return tip, nil
}

func (n *Node) commit() (*types.Block, error) {
	if err := n.syncPool(); err != nil { // what came over RPC
		return nil, err
	}
	block, err := n.seal(n.Head(), nil, true)
	if err != nil {
		return nil, err
	}
	return block, n.setHead(block)
}

// syncPool waits until the pool has caught up with the head, which it follows
// in its own goroutine: before that it hands out used nonces, and a block
// misses what was just added.
func (n *Node) syncPool() error {
	if err := n.eth.TxPool().Sync(); err != nil {
		return fmt.Errorf("waiting for the pool: %w", err)
	}
	return nil
}

// seal builds a block on any known parent, executes it and writes it down; the
// head stays where it is. pool = take the pool's transactions, which fit only
// on the head; else exactly txs are in it and all must be valid there.
func (n *Node) seal(parent *types.Header, txs []*types.Transaction, pool bool) (*types.Block, error) {
	var count [8]byte
	binary.BigEndian.PutUint64(count[:], n.journal.sealed) // two blocks on one parent differ
	block, _, err := n.eth.Miner().BuildTestingPayload(&miner.BuildPayloadArgs{
		Parent:      parent.Hash(),
		Timestamp:   max(uint64(n.cfg.Clock().Unix()), parent.Time+1),
		Random:      crypto.Keccak256Hash(parent.Hash().Bytes(), count[:]),
		Withdrawals: types.Withdrawals{},
		BeaconRoot:  &common.Hash{},
	}, txs, !pool && len(txs) == 0, nil)
	if err != nil {
		return nil, fmt.Errorf("building on block %d: %w", parent.Number, err)
	}
	if _, err := n.eth.BlockChain().InsertBlockWithoutSetHead(context.Background(), block, false); err != nil {
		return nil, fmt.Errorf("executing block %d: %w", block.NumberU64(), err)
	}
	if err := n.journal.block(block); err != nil {
		return nil, err
	}
	return block, nil
}

// setHead makes a known block the canonical head. When it is not a child of the
// old head this is a reorganisation in one step: subscribers get the removed
// logs, the new ones, and a single newHead for the tip.
func (n *Node) setHead(block *types.Block) error {
	if err := n.journal.head(block.Hash()); err != nil {
		return err
	}
	if _, err := n.eth.BlockChain().SetCanonical(block); err != nil {
		return fmt.Errorf("making block %d the head: %w", block.NumberU64(), err)
	}
	n.finalize()
	return n.syncPool()
}

// finalize sets the finalized and safe blocks that belong to the head. The
// database is not told: once a minute go-ethereum moves what it knows to be final
// to a store where another branch cannot replace it, and a reorganisation below
// finality would leave a chain whose blocks do not link.
func (n *Node) finalize() {
	chain := n.eth.BlockChain()
	head := chain.CurrentBlock()
	chain.SetSafe(head)
	chain.SetFinalized(chain.GetHeaderByNumber(n.finalizedAt(head.Number.Uint64())))
	rawdb.WriteFinalizedBlockHash(n.eth.ChainDb(), common.Hash{})
}

func (n *Node) finalizedAt(head uint64) uint64 {
	return head / n.cfg.FinalityEpoch * n.cfg.FinalityEpoch
}

// Fork makes a block that the node knows the head, as a node does that sees its
// chain shrink: clients see a lower head and removed logs. Transactions of the
// dropped blocks and of the pool are forgotten.
func (n *Node) Fork(parent common.Hash) error { return n.SetCanonical(parent) }

// SetCanonical makes any block that the node has executed the head in one step,
// whichever branch it is on: A -> B -> A is two calls. The pool is emptied.
func (n *Node) SetCanonical(hash common.Hash) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.fork(hash)
}

func (n *Node) fork(hash common.Hash) error {
	block := n.eth.BlockChain().GetBlockByHash(hash)
	if block == nil {
		return fmt.Errorf("block %s is not known", hash)
	}
	if err := n.setHead(block); err != nil {
		return err
	}
	n.eth.TxPool().Clear()
	return nil
}

// SetHead rewinds the chain to a height as debug_setHead does: the blocks above
// are deleted and no subscriber is told.
func (n *Node) SetHead(number uint64) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.rewind(number)
}

func (n *Node) rewind(number uint64) error {
	header := n.eth.BlockChain().GetHeaderByNumber(number)
	if header == nil || number > n.Head().Number.Uint64() {
		return fmt.Errorf("height %d is above the head", number)
	}
	if err := n.journal.head(header.Hash()); err != nil {
		return err
	}
	if err := n.eth.BlockChain().SetHead(number); err != nil {
		return fmt.Errorf("rewinding to %d: %w", number, err)
	}
	n.finalize()
	if err := n.syncPool(); err != nil {
		return err
	}
	n.eth.TxPool().Clear()
	return nil
}
