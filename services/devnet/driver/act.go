package driver

import (
	"context"
	"fmt"
	"math/big"
	"math/rand/v2"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"fondaco.dev/services/devnet/evm"
)

// wines are the lots that are traded: ids 1, 2, 3, …
var wines = [...]struct {
	cellar  string
	label   string
	vintage uint16
}{
	{"Cantina Aurora", "Barolo", 2018}, {"Cantina Aurora", "Barbaresco", 2018},
	{"Podere San Marco", "Brunello", 2018}, {"Podere San Marco", "Rosso", 2021},
	{"Tenuta del Fondaco", "Amarone", 2018}, {"Tenuta del Fondaco", "Soave", 2022},
	{"Ca' Rialto", "Prosecco", 2023}, {"Ca' Rialto", "Raboso", 2018},
}

// block is the choice of transactions for one block. Wine moves only from
// accounts that did not move any in this block, since what they hold is read
// from the block before.
type block struct {
	*Driver
	r    *rand.Rand
	busy map[int]bool
}

// act sends one transaction. What is chosen may be impossible (nothing to sell,
// nothing to buy): then money moves instead.
func (b *block) act(ctx context.Context) error {
	roll := b.r.IntN(100)
	var done bool
	var err error
	switch {
	case roll < 40:
	case roll < 55:
		done, err = true, b.mintWine()
	case roll < 68:
		done, err = b.withWine(ctx, b.moveWine)
	case roll < 82:
		done, err = b.withWine(ctx, b.list)
	case roll < 95:
		done, err = b.onOffer(ctx, false)
	case roll < 98:
		done, err = b.onOffer(ctx, true)
	default:
		_, err = b.cfg.EVM.Mint(b.any().Address, b.cents(1_000_00))
		done = true
	}
	if err != nil || done {
		return err
	}
	_, err = b.cfg.EVM.Transfer(b.any(), b.any().Address, b.cents(500_00))
	return err
}

func (b *block) any() evm.Account { return b.accounts[b.r.IntN(len(b.accounts))] }

func (b *block) cents(most uint64) uint64 { return 1 + b.r.Uint64N(most) }

func (b *block) mintWine() error {
	to, lot := b.any().Address, 1+b.r.IntN(len(wines))
	var err error
	switch b.r.IntN(8) {
	case 0:
		_, err = b.cfg.EVM.LabelWine(uint64(lot), fmt.Sprintf("ipfs://fondaco/%d/%s", lot, wines[lot-1].label))
	case 1:
		_, err = b.cfg.EVM.MintWines(to, []uint64{uint64(lot), uint64(1 + lot%len(wines))}, []uint64{b.r.Uint64N(12) + 1, b.r.Uint64N(12) + 1})
	default:
		_, err = b.cfg.EVM.MintWine(to, uint64(lot), b.r.Uint64N(24)+1)
	}
	return err
}

// withWine looks for an account with wine and does something with a part of it.
func (b *block) withWine(ctx context.Context, do func(from evm.Account, lot int, held uint64) error) (bool, error) {
	for range 6 {
		i, lot := b.r.IntN(len(b.accounts)), 1+b.r.IntN(len(wines))
		if b.busy[i] {
			continue
		}
		held, err := b.cfg.EVM.BalanceWine(ctx, b.accounts[i].Address, uint64(lot))
		if err != nil {
			return false, err
		}
		if held.Sign() > 0 {
			b.busy[i] = true
			return true, do(b.accounts[i], lot, held.Uint64())
		}
	}
	return false, nil
}

func (b *block) moveWine(from evm.Account, lot int, held uint64) error {
	_, err := b.cfg.EVM.TransferWine(from, b.any().Address, uint64(lot), 1+b.r.Uint64N(held))
	return err
}

func (b *block) list(seller evm.Account, lot int, held uint64) error {
	wine := wines[lot-1]
	l := evm.Listing{
		Lot: uint64(lot), Cases: 1 + b.r.Uint64N(held), Price: 20_00 + b.cents(400_00),
		Cellar: wine.cellar, Terms: crypto.Keccak256Hash([]byte(wine.cellar)), Negotiable: b.r.IntN(2) == 0,
	}
	for range b.r.IntN(3) {
		l.Bottles = append(l.Bottles, evm.Bottle{
			Vintage: wine.vintage, Label: wine.label, Millilitres: big.NewInt([]int64{375, 750, 1500}[b.r.IntN(3)]),
		})
	}
	_, err := b.cfg.EVM.List(seller, l)
	return err
}

// onOffer looks for an open listing among the latest and buys of it, or has its
// seller cancel it.
func (b *block) onOffer(ctx context.Context, cancel bool) (bool, error) {
	count, err := b.cfg.EVM.Listings(ctx)
	if err != nil || count == 0 {
		return false, err
	}
	for range 6 {
		id := count - b.r.Uint64N(min(count, 24))
		offer, err := b.cfg.EVM.Offer(ctx, id)
		if err != nil {
			return false, err
		}
		if offer.Seller == (common.Address{}) {
			continue
		}
		seller := b.index(offer.Seller)
		if seller < 0 || b.busy[seller] {
			continue
		}
		b.busy[seller] = true
		if cancel {
			_, err = b.cfg.EVM.Cancel(b.accounts[seller], id, []string{"sold elsewhere", "corked", "price too low"}[b.r.IntN(3)])
			return true, err
		}
		held, err := b.cfg.EVM.BalanceWine(ctx, offer.Seller, offer.Lot.Uint64())
		if err != nil {
			return false, err
		}
		if cases := min(offer.Cases.Uint64(), held.Uint64()); cases > 0 {
			_, err = b.cfg.EVM.Buy(b.any(), id, 1+b.r.Uint64N(cases))
			return true, err
		}
	}
	return false, nil
}

func (b *block) index(of common.Address) int {
	for i, a := range b.accounts {
		if a.Address == of {
			return i
		}
	}
	return -1
}
