package fault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/rpc"

	"fondaco.dev/services/devnet/evm"
	"fondaco.dev/services/devnet/memchain"
)

// Chain is an Upstream that can be made to change.
type Chain interface {
	Upstream
	// Move reorganises.
	Move(r evm.Reorg) error
	// Flood mines a block with so many bytes of logs.
	Flood(bytes int) error
}

// Memory is a chain in memory; Refill, if not nil, gives the logs of blocks
// that a reorganisation makes.
type Memory struct {
	*memchain.Chain
	Refill func(height uint64) []memchain.Log
	// Address and Topic of the logs of a flood.
	Address common.Address
	Topic   common.Hash
}

// Move reorganises.
func (m *Memory) Move(r evm.Reorg) error {
	_, err := m.Reorg(r, m.Refill)
	return err
}

// Flood mines logs of 64 KiB each.
func (m *Memory) Flood(bytes int) error {
	const size = 64 << 10
	noise := rand.NewChaCha8([32]byte{1})
	var logs []memchain.Log
	for range max(1, bytes/size) {
		data := make([]byte, size)
		_, _ = noise.Read(data) // never fails
		logs = append(logs, memchain.Log{Address: m.Address, Topics: []common.Hash{m.Topic}, Data: data})
	}
	m.Mine(logs...)
	return nil
}

// Geth is a node of this module.
type Geth struct {
	*evm.Node

	once   sync.Once
	client *rpc.Client
}

func (g *Geth) rpc() *rpc.Client {
	g.once.Do(func() { g.client = g.Client().Client() })
	return g.client
}

// Call asks the node without a socket.
func (g *Geth) Call(ctx context.Context, method string, params []json.RawMessage) (json.RawMessage, error) {
	args := make([]any, len(params))
	for i, p := range params {
		args[i] = p
	}
	var out json.RawMessage
	if err := g.rpc().CallContext(ctx, &out, method, args...); err != nil {
		return nil, err
	}
	if out == nil {
		out = null
	}
	return out, nil
}

// Heads subscribes to the node's heads.
func (g *Geth) Heads(ctx context.Context) (<-chan []byte, error) {
	in := make(chan json.RawMessage, 64)
	sub, err := g.rpc().EthSubscribe(ctx, in, "newHeads")
	if err != nil {
		return nil, fmt.Errorf("subscribing to the node's heads: %w", err)
	}
	out := make(chan []byte)
	go func() {
		defer close(out)
		defer sub.Unsubscribe()
		for {
			select {
			case <-ctx.Done():
				return
			case <-sub.Err():
				return
			case head := <-in:
				select {
				case <-ctx.Done():
					return
				case out <- head:
				}
			}
		}
	}()
	return out, nil
}

// Move reorganises.
func (g *Geth) Move(r evm.Reorg) error {
	_, err := g.Reorg(r)
	return err
}

// Flood cannot be: 20 MB of logs are above a block's gas.
func (g *Geth) Flood(int) error {
	return errors.New("a block of this chain has no gas for so many logs; use a chain in memory")
}
