package evm

import (
	"errors"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"

	"fondaco.dev/services/devnet/internal/artifact"
)

// setupBlocks are made by the node itself on a new chain: block 1 deploys the
// contracts, block 2 gives the accounts their USD and the market its approvals.
const setupBlocks = 2

// StartUSD is what each account but the first holds after block 2, in cents.
const StartUSD = 1_000_000_00

// Contracts are the addresses of the deployed contracts. They depend on the
// deploying key alone, so they are the same on every chain of this package.
type Contracts struct {
	USD    common.Address // ERC-20, 2 decimals
	Wine   common.Address // ERC-1155, one id is one lot, one unit one case
	Market common.Address // sells wine for USD
}

// Contracts gives the addresses.
func (n *Node) Contracts() Contracts { return n.addrs }

// DeployedContracts gives the addresses without a node.
func DeployedContracts() Contracts {
	deployer := Accounts()[0].Address
	return Contracts{
		USD:    crypto.CreateAddress(deployer, 0),
		Wine:   crypto.CreateAddress(deployer, 1),
		Market: crypto.CreateAddress(deployer, 2),
	}
}

// contractABIs are the parsed ABIs of the contracts.
type contractABIs struct{ usd, wine, market *artifact.Artifact }

func loadABIs() (c contractABIs, err error) {
	for name, into := range map[string]**artifact.Artifact{"USD": &c.usd, "Wine": &c.wine, "Market": &c.market} {
		if *into, err = artifact.Load(name); err != nil {
			return c, err
		}
	}
	return c, nil
}

// deploy makes the first two blocks of a new chain.
func (n *Node) deploy() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	owner := n.accounts[0]
	if n.Head().Number.Uint64() == 0 {
		var txs []*types.Transaction
		for i, c := range []struct {
			artifact *artifact.Artifact
			args     []any
		}{
			{n.abis.usd, []any{owner.Address}},
			{n.abis.wine, []any{owner.Address}},
			{n.abis.market, []any{n.addrs.USD, n.addrs.Wine}},
		} {
			args, err := c.artifact.ABI.Pack("", c.args...)
			if err != nil {
				return fmt.Errorf("packing the constructor of %s: %w", c.artifact.Contract, err)
			}
			tx, err := n.sign(owner, uint64(i), nil, append(common.CopyBytes(c.artifact.Bytecode), args...))
			if err != nil {
				return err
			}
			txs = append(txs, tx)
		}
		if err := n.setupBlock(txs); err != nil {
			return err
		}
	}
	var txs []*types.Transaction
	add := func(from Account, nonce uint64, to common.Address, abi *abi.ABI, method string, args ...any) error {
		data, err := abi.Pack(method, args...)
		if err != nil {
			return fmt.Errorf("packing %s: %w", method, err)
		}
		tx, err := n.sign(from, nonce, &to, data)
		txs = append(txs, tx)
		return err
	}
	for i, a := range n.accounts[1:] {
		if err := errors.Join(
			add(owner, 3+uint64(i), n.addrs.USD, &n.abis.usd.ABI, "mint", a.Address, big.NewInt(StartUSD)),
			add(a, 0, n.addrs.USD, &n.abis.usd.ABI, "approve", n.addrs.Market, maxUint256()),
			add(a, 1, n.addrs.Wine, &n.abis.wine.ABI, "setApprovalForAll", n.addrs.Market, true),
		); err != nil {
			return err
		}
	}
	return n.setupBlock(txs)
}

func (n *Node) setupBlock(txs []*types.Transaction) error {
	block, err := n.seal(n.Head(), txs, false)
	if err != nil {
		return err
	}
	for _, r := range n.eth.BlockChain().GetReceiptsByHash(block.Hash()) {
		if r.Status != types.ReceiptStatusSuccessful {
			return fmt.Errorf("transaction %s of block %d was reverted", r.TxHash, block.NumberU64())
		}
	}
	return n.setHead(block)
}

func maxUint256() *big.Int {
	return new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1))
}

// EventID is topic 0 of an event of the contracts, zero for an unknown name.
func EventID(name string) common.Hash {
	for _, contract := range artifact.Names() {
		a, err := artifact.Load(contract)
		if err != nil {
			continue // a broken artifact fails Start
		}
		if event, ok := a.ABI.Events[name]; ok {
			return event.ID
		}
	}
	return common.Hash{}
}
