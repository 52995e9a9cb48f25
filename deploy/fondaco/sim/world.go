package sim

import (
	"bytes"
	"context"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"

	"fondaco.dev/proto/config"
	"fondaco.dev/services/devnet/evm"
	"fondaco.dev/services/devnet/fault"
	"fondaco.dev/services/devnet/memchain"
	handler "fondaco.dev/services/event-handler/core"
	writer "fondaco.dev/services/writer/core"
)

// subject is where everything goes.
const subject = "chain.v1.sim.0"

const erc20 = `[{"type":"event","name":"Transfer","inputs":[{"name":"from","type":"address","indexed":true},{"name":"to","type":"address","indexed":true},{"name":"value","type":"uint256","indexed":false}]}]`

var (
	token    = common.HexToAddress("0x0100000000000000000000000000000000000001")
	stranger = common.HexToAddress("0x0200000000000000000000000000000000000002")
)

// World is one simulation: everything in it follows from its seed.
type World struct {
	Stream *Stream
	Store  *store
	// Counts of what happened, by name.
	Counts map[string]int

	rng      *rand.Rand
	chain    *fault.Memory
	boards   []*fault.Board
	net      *config.Network
	limits   handler.Limits
	handlers []*instance
	writers  []*partition
	transfer common.Hash
	holed    bool // an endpoint leaves out logs of blocks that keep others
	value    int64
	old      []common.Hash // heads that were canonical once
	last     error         // what an endpoint did wrong last
}

// lies are the faults that an endpoint may have here: those that answer at once.
var lies = []string{
	"lagging-logs", "late-logs", "empty-under-bloom", "duplicate-log", "duplicate-log-index", "removed-log", "foreign-log", "block-swap", "null-block",
	"null-receipts", "finalized-absent", "finalized-flapping", "finalized-above-latest", "wrong-chain-id", "wrong-number", "range-error", "server-error",
	"truncated-json", "html-200", "batch-holes",
}

// New makes the world of a seed.
func New(seed uint64) (*World, error) {
	parsed, err := abi.JSON(strings.NewReader(erc20))
	if err != nil {
		return nil, err
	}
	w := &World{rng: rand.New(rand.NewPCG(seed, 7)), Store: newStore(), Counts: map[string]int{}, transfer: parsed.Events["Transfer"].ID}
	w.Stream = NewStream(w.rng)
	w.Stream.Replicas, w.Stream.Lose = 1+2*w.rng.IntN(2), 0.1*w.rng.Float64()
	w.chain = &fault.Memory{Chain: memchain.New(memchain.Config{Seed: seed, FinalityLag: 12}), Refill: func(uint64) []memchain.Log { return w.logs() }}
	for i := range 1 + w.rng.IntN(3) {
		b, err := fault.New(w.chain, seed*10+uint64(i))
		if err != nil {
			return nil, err
		}
		w.boards = append(w.boards, b)
	}
	// A hole that no bloom shows is found where another endpoint has the logs.
	if len(w.boards) == 3 && w.rng.IntN(2) == 0 {
		w.holed = true
		if err := w.boards[0].Set("log-hole", fault.Params{P: 0.2}); err != nil {
			return nil, err
		}
	}
	w.net = network(1337, config.Contract{Name: "token", Address: token, ABIs: []config.ABI{{JSON: []byte(erc20), Events: []abi.Event{parsed.Events["Transfer"]}, To: config.Open}}})
	// Small enough that many a block comes in parts.
	w.limits = handler.Limits{MaxMessage: 3000 + w.rng.IntN(3000), PackBytes: 500 + w.rng.IntN(2000), PackUnits: 1 + w.rng.IntN(8)}
	for range 2 {
		w.handlers = append(w.handlers, &instance{world: w})
		w.writers = append(w.writers, &partition{world: w})
	}
	return w, nil
}

func (w *World) count(what string) { w.Counts[what]++ }

// logs of one block: transfers of the token, and noise.
func (w *World) logs() []memchain.Log {
	n := w.rng.IntN(4)
	if w.rng.IntN(8) == 0 {
		n = 10 + w.rng.IntN(20)
	}
	out := make([]memchain.Log, n)
	for i := range out {
		w.value++
		address := token
		if w.rng.IntN(4) == 0 {
			address = stranger
		}
		from, to := common.BigToHash(big.NewInt(w.value%7)), common.BigToHash(big.NewInt(w.value%11))
		out[i] = memchain.Log{Address: address, Topics: []common.Hash{w.transfer, from, to}, Data: common.BigToHash(big.NewInt(w.value)).Bytes()}
	}
	return out
}

// Run lets n things happen, then heals everything and compares.
func (w *World) Run(ctx context.Context, n int) error {
	for i := range n {
		if err := w.act(ctx); err != nil {
			return fmt.Errorf("act %d: %w", i, err)
		}
	}
	if err := w.heal(ctx); err != nil {
		return fmt.Errorf("after %d acts: %w", n, err)
	}
	return w.compare()
}

// act is one thing that happens.
func (w *World) act(ctx context.Context) error {
	switch r := w.rng.IntN(1000); {
	case r < 100:
		w.chain.Mine(w.logs()...)
	case r < 120:
		w.reorg()
	case r < 124 && len(w.old) > 0:
		// A -> B -> A.
		if w.chain.Adopt(w.old[w.rng.IntN(len(w.old))]) == nil {
			w.count("branch adopted again")
		}
	case r < 150:
		b := w.boards[w.rng.IntN(len(w.boards))]
		if err := b.Set(lies[w.rng.IntN(len(lies))], fault.Params{}); err != nil {
			return err
		}
	case r < 185:
		w.truthful(w.boards[w.rng.IntN(len(w.boards))])
	case r < 195:
		w.handlers[w.rng.IntN(2)].evm = nil
		w.count("event-handler killed")
	case r < 205:
		w.writers[w.rng.IntN(2)].reader = nil
		w.count("writer killed")
	case r < 207 && len(w.Stream.messages) > 20:
		w.Stream.Cut(1 + w.rng.IntN(min(8, len(w.Stream.messages)/4)))
		w.count("stream cut")
	case r < 212:
		w.Stream.Forget()
	case r < 700:
		return w.handlers[w.active()].step(ctx)
	default:
		return w.writers[w.active()].step(ctx)
	}
	return nil
}

// active is mostly the first of two instances: the one with the lease.
func (w *World) active() int { return w.rng.IntN(8) / 7 }

func (w *World) reorg() {
	w.old = append(w.old, w.chain.Head().Hash)
	if len(w.old) > 4 {
		w.old = w.old[1:]
	}
	depth := 1 + w.rng.IntN(6)
	err := w.chain.Move(evm.Reorg{Way: evm.Way(w.rng.IntN(3)), Depth: depth, Blocks: w.rng.IntN(depth + 2), Remine: w.rng.IntN(2) == 0})
	if err == nil {
		w.count("reorganised")
	}
}

// truthful ends an endpoint's lies, but not the hole that stays.
func (w *World) truthful(b *fault.Board) {
	b.ClearAll()
	if w.holed && b == w.boards[0] {
		_ = b.Set("log-hole", fault.Params{P: 0.2}) // it was accepted before
	}
}

// heal ends all trouble, finalizes what there is and lets one instance of each
// come to rest.
func (w *World) heal(ctx context.Context) error {
	for _, b := range w.boards {
		w.truthful(b)
	}
	w.Stream.Lose, w.Stream.late = 0, nil
	for range 40 {
		w.chain.Mine(w.logs()...)
	}
	h, p := &instance{world: w}, &partition{world: w}
	if err := h.quiet(ctx, 4000); err != nil {
		return fmt.Errorf("the event-handler does not come to rest: %w", err)
	}
	return p.quiet(ctx)
}

// compare holds the store against the chain, row by row.
func (w *World) compare() error {
	blocks := w.chain.Canonical()
	head := w.chain.Head()
	if p := w.Store.place.Head; p.Number != head.Number() || common.BytesToHash(p.Hash) != head.Hash {
		return fmt.Errorf("the store ends at %d %x, the chain at %d %s", p.Number, p.Hash, head.Number(), head.Hash)
	}
	if n := len(w.Store.blocks); n > len(blocks) {
		return fmt.Errorf("%d blocks in the store, %d in the chain", n, len(blocks))
	}
	if len(w.Store.dead) > 0 {
		return fmt.Errorf("%d dead letters, the first: %s", len(w.Store.dead), w.Store.dead[0].Reason)
	}
	final := w.chain.Finalized()
	for _, b := range blocks {
		n := b.Number()
		if got, ok := w.Store.blocks[n]; !ok {
			return fmt.Errorf("block %d of %d (final %d) is missing", n, head.Number(), final)
		} else if common.BytesToHash(got.Hash) != b.Hash {
			return fmt.Errorf("block %d is %x in the store, %s in the chain", n, got.Hash, b.Hash)
		}
		if w.holed && n > final {
			continue // it is mended when it is final
		}
		var want, got []string
		for _, l := range b.Logs() {
			if l.Address == token {
				want = append(want, fmt.Sprint(l.Index, l.TxIndex, l.TxHash, l.Topics, l.Data))
			}
		}
		events := slices.Clone(w.Store.events[n])
		slices.SortFunc(events, func(a, b writer.Event) int { return int(a.LogIndex) - int(b.LogIndex) })
		for _, e := range events {
			topics := make([]common.Hash, len(e.Topics))
			for i, t := range e.Topics {
				topics[i] = common.BytesToHash(t)
			}
			if !bytes.Equal(e.BlockHash, b.Hash[:]) || e.DecodeError != "" {
				return fmt.Errorf("block %d: log %d is of block %x, decoding: %q", n, e.LogIndex, e.BlockHash, e.DecodeError)
			}
			got = append(got, fmt.Sprint(e.LogIndex, e.TxIndex, common.BytesToHash(e.TxHash), topics, e.Data))
		}
		if !slices.Equal(want, got) {
			return fmt.Errorf("block %d of %d (final %d): logs %v, want %v", n, head.Number(), final, got, want)
		}
	}
	return nil
}

// Report is one line of what happened.
func (w *World) Report() string {
	return fmt.Sprintf("%d endpoints, %d messages, %d blocks, %d commits, %d reverts, %d repairs; %v", len(w.boards), len(w.Stream.messages), len(w.Store.blocks),
		w.Store.commits, w.Store.reverts, w.Store.repairs, w.Counts)
}
