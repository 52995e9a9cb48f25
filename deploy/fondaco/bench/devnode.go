package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/params"

	"fondaco.dev/services/devnet/evm"
)

// emitter is a contract that emits as many Transfer(caller, i, i) as its first
// word of calldata says, i counting down to 1:
//
//	init     PUSH1 62 DUP1 PUSH1 11 PUSH1 0 CODECOPY PUSH1 0 RETURN
//	 0       PUSH1 0 CALLDATALOAD
//	 3 loop  JUMPDEST DUP1 ISZERO PUSH1 60 JUMPI
//	 8       DUP1 PUSH1 0 MSTORE
//	12       DUP1 CALLER PUSH32 <Transfer> PUSH1 32 PUSH1 0 LOG3
//	53       PUSH1 1 SWAP1 SUB PUSH1 3 JUMP
//	60 end   JUMPDEST STOP
const emitter = "603e80600b6000396000f3" + "600035" + "5b8015603c57" + "80600052" +
	"80337fddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef60206000a3" + "60019003600356" + "5b00"

// Dev is a go-ethereum chain with logs in it.
type Dev struct {
	node  *evm.Node
	token common.Address
	nonce uint64
	load  Load
}

// Mined is a block that a Dev made.
type Mined struct {
	Number uint64
	Logs   int   // in it: a transaction may come one block later than it was sent
	At     int64 // unix nanoseconds at which a client of the node could see it
}

// StartDev starts a node in memory, with a chain of blocks of txs transactions
// of logs logs each. The blocks up to the last multiple of 32 are final.
func StartDev(ctx context.Context, blocks, txs, logs int) (*Dev, error) {
	node, err := evm.Start(ctx, evm.Config{})
	if err != nil {
		return nil, err
	}
	d := &Dev{node: node}
	if err := d.fill(ctx, blocks, txs, logs); err != nil {
		return nil, fmt.Errorf("loading the chain: %w", err)
	}
	return d, nil
}

func (d *Dev) fill(ctx context.Context, blocks, txs, logs int) error {
	var err error
	if d.nonce, err = d.node.Client().PendingNonceAt(ctx, d.account().Address); err != nil {
		return err
	}
	deploy, err := d.send(ctx, nil, common.FromHex(emitter))
	if err != nil {
		return err
	}
	first, err := d.node.Commit()
	if err != nil {
		return err
	}
	receipt, err := d.node.Client().TransactionReceipt(ctx, deploy)
	if err != nil {
		return err
	}
	d.token = receipt.ContractAddress
	for range blocks {
		if err := d.emit(ctx, txs, logs); err != nil {
			return err
		}
		if _, err := d.node.Commit(); err != nil {
			return err
		}
	}
	// A transaction may come one block later than it was sent.
	for {
		mined, err := d.node.Client().NonceAt(ctx, d.account().Address, nil)
		if err != nil {
			return err
		}
		if mined == d.nonce {
			break
		}
		if _, err := d.node.Commit(); err != nil {
			return err
		}
	}
	d.load = Load{URL: d.node.HTTPURL(), WS: d.node.WSURL(), ChainID: d.node.ChainID(), Start: first.NumberU64() + 1,
		Last: d.node.Head().Number.Uint64(), Logs: blocks * txs * logs, Token: d.token.Hex()}
	return nil
}

func (d *Dev) account() evm.Account { return evm.Accounts()[5] }

// emit sends the transactions of the next block.
func (d *Dev) emit(ctx context.Context, txs, logs int) error {
	for range txs {
		if _, err := d.send(ctx, &d.token, common.LeftPadBytes(big.NewInt(int64(logs)).Bytes(), 32)); err != nil {
			return err
		}
	}
	return nil
}

func (d *Dev) send(ctx context.Context, to *common.Address, data []byte) (common.Hash, error) {
	tx, err := types.SignNewTx(d.account().Key, types.LatestSignerForChainID(new(big.Int).SetUint64(d.node.ChainID())), &types.DynamicFeeTx{
		ChainID: new(big.Int).SetUint64(d.node.ChainID()), Nonce: d.nonce, GasTipCap: big.NewInt(params.GWei), GasFeeCap: big.NewInt(1000 * params.GWei),
		Gas: 1_000_000, To: to, Data: data,
	})
	if err != nil {
		return common.Hash{}, err
	}
	d.nonce++
	return tx.Hash(), d.node.Client().SendTransaction(ctx, tx)
}

// Mine makes a block and says when its header was told to subscribers.
func (d *Dev) Mine(ctx context.Context, txs, logs int) (Mined, error) {
	if err := d.emit(ctx, txs, logs); err != nil {
		return Mined{}, err
	}
	heads := make(chan *types.Header, 4)
	sub, err := d.node.Client().SubscribeNewHead(ctx, heads)
	if err != nil {
		return Mined{}, err
	}
	defer sub.Unsubscribe()
	told := make(chan Mined, 1)
	go func() {
		select {
		case h := <-heads:
			told <- Mined{Number: h.Number.Uint64(), At: time.Now().UnixNano()}
		case <-ctx.Done():
		}
	}()
	block, err := d.node.Commit()
	if err != nil {
		return Mined{}, err
	}
	select {
	case m := <-told:
		m.Logs = len(block.Transactions()) * logs
		return m, nil
	case <-ctx.Done():
		return Mined{}, ctx.Err()
	}
}

// Command answers one JSON object a line: the load at first, then a Mined for
// every line "<txs> <logs>", until in ends.
func (d *Dev) Command(ctx context.Context, in io.Reader, out io.Writer) error {
	enc := json.NewEncoder(out)
	if err := enc.Encode(d.load); err != nil {
		return err
	}
	for lines := bufio.NewScanner(in); lines.Scan(); {
		var txs, logs int
		if _, err := fmt.Sscan(lines.Text(), &txs, &logs); err != nil {
			return fmt.Errorf("reading %q: %w", lines.Text(), err)
		}
		m, err := d.Mine(ctx, txs, logs)
		if err != nil {
			return err
		}
		if err := enc.Encode(m); err != nil {
			return err
		}
	}
	return d.node.Stop()
}
