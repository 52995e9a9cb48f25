package memchain

import (
	"encoding/json"
	"math/big"
	"sync"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
)

// Block is one block with all that belongs to it. It never changes.
type Block struct {
	Header   *types.Header
	Hash     common.Hash
	Txs      types.Transactions
	Receipts types.Receipts

	once sync.Once
	json []byte // as eth_getBlockByHash gives it, with transaction hashes
}

// Number is the block's height.
func (b *Block) Number() uint64 { return b.Header.Number.Uint64() }

// Logs are the logs of the block, in order.
func (b *Block) Logs() []*types.Log {
	var out []*types.Log
	for _, r := range b.Receipts {
		out = append(out, r.Logs...)
	}
	return out
}

// specs are the block's logs as they may be mined again.
func (b *Block) specs() []Log {
	var out []Log
	for _, l := range b.Logs() {
		out = append(out, Log{Address: l.Address, Topics: l.Topics, Data: l.Data})
	}
	return out
}

// add gives the block one more transaction with its receipt: by turns a legacy,
// an access list and a fee market one, since their receipts are encoded differently.
func (b *Block) add(chainID, salt uint64) {
	i := len(b.Txs)
	id, to := new(big.Int).SetUint64(chainID), common.BigToAddress(new(big.Int).SetUint64(salt))
	var inner types.TxData
	switch i % 3 {
	case 0:
		inner = &types.LegacyTx{Nonce: salt, GasPrice: big.NewInt(7), Gas: 90_000, To: &to, Value: big.NewInt(int64(i)), V: new(big.Int), R: new(big.Int), S: new(big.Int)}
	case 1:
		inner = &types.AccessListTx{ChainID: id, Nonce: salt, GasPrice: big.NewInt(7), Gas: 90_000, To: &to, Value: big.NewInt(int64(i))}
	default:
		inner = &types.DynamicFeeTx{ChainID: id, Nonce: salt, GasTipCap: big.NewInt(1), GasFeeCap: big.NewInt(9), Gas: 90_000, To: &to, Value: big.NewInt(int64(i))}
	}
	tx := types.NewTx(inner)
	b.Txs = append(b.Txs, tx)
	b.Receipts = append(b.Receipts, &types.Receipt{
		Type: tx.Type(), Status: types.ReceiptStatusSuccessful, CumulativeGasUsed: 50_000 * uint64(i+1), TxHash: tx.Hash(), GasUsed: 50_000,
		EffectiveGasPrice: big.NewInt(7), BlockNumber: b.Header.Number, TransactionIndex: uint(i),
	})
}

// headerJSON is the block as a node answers it.
func (b *Block) headerJSON() []byte {
	b.once.Do(func() {
		data, err := b.Header.MarshalJSON()
		if err != nil {
			panic(err) // every field is set
		}
		var m map[string]any
		if err := json.Unmarshal(data, &m); err != nil {
			panic(err)
		}
		txs := make([]common.Hash, len(b.Txs))
		for i, tx := range b.Txs {
			txs[i] = tx.Hash()
		}
		m["transactions"], m["uncles"], m["withdrawals"], m["size"] = txs, []string{}, []string{}, "0x400"
		if b.json, err = json.Marshal(m); err != nil {
			panic(err)
		}
	})
	return b.json
}
