package evm

import (
	"context"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/params"
)

// gasLimit of every transaction made here. The widest, a deployment, takes 2.4M.
const gasLimit = 4_000_000

// Bottle is one kind of bottle in a listing.
type Bottle struct {
	Vintage     uint16
	Label       string
	Millilitres *big.Int
}

// Listing is an offer of cases of one lot.
type Listing struct {
	Lot        uint64
	Cases      uint64
	Price      uint64 // cents per case
	Cellar     string // the indexed string of Listed
	Bottles    []Bottle
	Terms      common.Hash
	Negotiable bool
}

// Offer is what the market still has of a listing; a Seller of zero = not open.
type Offer struct {
	Seller common.Address
	Lot    *big.Int
	Cases  *big.Int
	Price  *big.Int
}

// Transfer sends USD cents. Like all methods that send, it leaves the
// transaction in the pool: it is mined with the next block.
func (n *Node) Transfer(from Account, to common.Address, cents uint64) (common.Hash, error) {
	return n.Send(from, n.addrs.USD, &n.abis.usd.ABI, "transfer", to, wide(cents))
}

// Mint makes USD cents out of nothing.
func (n *Node) Mint(to common.Address, cents uint64) (common.Hash, error) {
	return n.Send(n.accounts[0], n.addrs.USD, &n.abis.usd.ABI, "mint", to, wide(cents))
}

// MintWine makes cases of a lot.
func (n *Node) MintWine(to common.Address, lot, cases uint64) (common.Hash, error) {
	return n.Send(n.accounts[0], n.addrs.Wine, &n.abis.wine.ABI, "mint", to, wide(lot), wide(cases), []byte{})
}

// MintWines makes cases of several lots in one TransferBatch event.
func (n *Node) MintWines(to common.Address, lots, cases []uint64) (common.Hash, error) {
	return n.Send(n.accounts[0], n.addrs.Wine, &n.abis.wine.ABI, "mintBatch", to, wides(lots), wides(cases), []byte{})
}

// LabelWine sets a lot's URI, an event with a string.
func (n *Node) LabelWine(lot uint64, uri string) (common.Hash, error) {
	return n.Send(n.accounts[0], n.addrs.Wine, &n.abis.wine.ABI, "setURI", wide(lot), uri)
}

// TransferWine moves cases.
func (n *Node) TransferWine(from Account, to common.Address, lot, cases uint64) (common.Hash, error) {
	return n.Send(from, n.addrs.Wine, &n.abis.wine.ABI, "safeTransferFrom", from.Address, to, wide(lot), wide(cases), []byte{})
}

// List opens a listing; it gets the number Listings()+1 when it is mined.
func (n *Node) List(seller Account, l Listing) (common.Hash, error) {
	if l.Bottles == nil {
		l.Bottles = []Bottle{}
	}
	return n.Send(seller, n.addrs.Market, &n.abis.market.ABI, "list",
		wide(l.Lot), wide(l.Cases), wide(l.Price), l.Cellar, l.Bottles, l.Terms, l.Negotiable)
}

// Buy takes cases of a listing and pays for them.
func (n *Node) Buy(buyer Account, listing, cases uint64) (common.Hash, error) {
	return n.Send(buyer, n.addrs.Market, &n.abis.market.ABI, "buy", wide(listing), wide(cases))
}

// Cancel closes a listing.
func (n *Node) Cancel(seller Account, listing uint64, reason string) (common.Hash, error) {
	return n.Send(seller, n.addrs.Market, &n.abis.market.ABI, "cancel", wide(listing), reason)
}

// BalanceUSD is an account's cents at the head.
func (n *Node) BalanceUSD(ctx context.Context, of common.Address) (*big.Int, error) {
	var balance *big.Int
	return balance, n.read(ctx, n.addrs.USD, &n.abis.usd.ABI, &balance, "balanceOf", of)
}

// BalanceWine is an account's cases of a lot at the head.
func (n *Node) BalanceWine(ctx context.Context, of common.Address, lot uint64) (*big.Int, error) {
	var balance *big.Int
	return balance, n.read(ctx, n.addrs.Wine, &n.abis.wine.ABI, &balance, "balanceOf", of, wide(lot))
}

// Listings is the number of listings opened so far.
func (n *Node) Listings(ctx context.Context) (uint64, error) {
	var count *big.Int
	if err := n.read(ctx, n.addrs.Market, &n.abis.market.ABI, &count, "listings"); err != nil {
		return 0, err
	}
	return count.Uint64(), nil
}

// Offer is the state of a listing.
func (n *Node) Offer(ctx context.Context, listing uint64) (Offer, error) {
	var o Offer
	return o, n.read(ctx, n.addrs.Market, &n.abis.market.ABI, &o, "listingOf", wide(listing))
}

// Send signs and pools a call of any contract.
func (n *Node) Send(from Account, to common.Address, contract *abi.ABI, method string, args ...any) (common.Hash, error) {
	data, err := contract.Pack(method, args...)
	if err != nil {
		return common.Hash{}, fmt.Errorf("packing %s: %w", method, err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	tx, err := n.sign(from, n.eth.TxPool().PoolNonce(from.Address), &to, data)
	if err != nil {
		return common.Hash{}, err
	}
	if err := n.eth.TxPool().Add([]*types.Transaction{tx}, true)[0]; err != nil {
		return common.Hash{}, fmt.Errorf("sending %s from %s: %w", method, from.Address, err)
	}
	return tx.Hash(), nil
}

// sign makes a transaction; to = nil deploys a contract.
func (n *Node) sign(from Account, nonce uint64, to *common.Address, data []byte) (*types.Transaction, error) {
	return types.SignNewTx(from.Key, types.LatestSigner(n.eth.BlockChain().Config()), &types.DynamicFeeTx{
		ChainID:   new(big.Int).SetUint64(n.cfg.ChainID),
		Nonce:     nonce,
		GasTipCap: big.NewInt(params.GWei),
		GasFeeCap: big.NewInt(10_000 * params.GWei), // far above a base fee that starts at 1 gwei and falls
		Gas:       gasLimit,
		To:        to,
		Data:      data,
	})
}

// read calls a view of a contract at the head.
func (n *Node) read(ctx context.Context, to common.Address, contract *abi.ABI, into any, method string, args ...any) error {
	data, err := contract.Pack(method, args...)
	if err != nil {
		return fmt.Errorf("packing %s: %w", method, err)
	}
	out, err := n.client.CallContract(ctx, ethereum.CallMsg{To: &to, Data: data}, nil)
	if err != nil {
		return fmt.Errorf("calling %s: %w", method, err)
	}
	if err := contract.UnpackIntoInterface(into, method, out); err != nil {
		return fmt.Errorf("unpacking %s: %w", method, err)
	}
	return nil
}

func wide(v uint64) *big.Int { return new(big.Int).SetUint64(v) }

func wides(vs []uint64) []*big.Int {
	out := make([]*big.Int, len(vs))
	for i, v := range vs {
		out[i] = wide(v)
	}
	return out
}
