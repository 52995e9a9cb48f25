package faults

import (
	"context"
	"encoding/json"
	"strings"
	"sync/atomic"

	"fondaco.dev/services/devnet/evm"
	"fondaco.dev/services/devnet/fault"
)

// place is the chain behind one endpoint; it can be exchanged under it.
type place struct{ chain atomic.Pointer[fault.Memory] }

// Call, Heads, Move and Flood are fault.Chain.
func (p *place) Call(ctx context.Context, method string, params []json.RawMessage) (json.RawMessage, error) {
	return p.chain.Load().Call(ctx, method, params)
}
func (p *place) Heads(ctx context.Context) (<-chan []byte, error) { return p.chain.Load().Heads(ctx) }
func (p *place) Move(r evm.Reorg) error                           { return p.chain.Load().Move(r) }
func (p *place) Flood(bytes int) error                            { return p.chain.Load().Flood(bytes) }

// disputes are the rows in which endpoints are on different branches from a
// block on that was final.
func disputes() []row {
	of := func(n int) [][]fault.Fault { return make([][]fault.Fault, n) }
	return []row{
		{name: "dispute/one-of-three-leaves", endpoints: of(3), then: func(w *world) {
			w.part([]int{0})
			w.noticed()
		}},
		{name: "dispute/one-of-two-leaves", endpoints: of(2), then: func(w *world) {
			w.part([]int{0})
			w.noticed()
		}},
		{name: "dispute/two-of-three-leave", endpoints: of(3), then: func(w *world) {
			w.chain = w.part([]int{0, 1})[0]
			w.grow(10, pace)
		}},
		{name: "dispute/the-other-two-leave", endpoints: of(3), then: func(w *world) {
			old := w.memoryChain()
			w.chain = w.part([]int{1, 2})[0]
			for range 40 { // what is final where the event-handler looks is read again elsewhere
				old.Mine(w.logs(0)...)
			}
			w.grow(10, pace)
		}},
		{name: "dispute/no-majority-then-theirs", endpoints: of(3), then: func(w *world) {
			w.chain = w.part([]int{2}, []int{1}, []int{0})[1]
			w.stopped()
			w.agree()
		}},
		{name: "dispute/no-majority-then-ours", endpoints: of(3), then: func(w *world) {
			w.part([]int{2}, []int{1}, []int{0})
			w.stopped()
			w.agree()
		}},
	}
}

// part puts groups of endpoints on branches of their own that leave the chain
// forty blocks below its head, far below finality. The index holds the chain
// before that.
func (w *world) part(groups ...[]int) (branches []*fault.Memory) {
	w.t.Helper()
	w.settle(row{}, limit)
	for range groups {
		other := &fault.Memory{Chain: w.memoryChain().Clone(), Refill: w.logs, Address: token, Topic: transfer}
		if err := other.Move(evm.Reorg{Way: evm.Flip, Depth: 40, Blocks: 42, BelowFinality: true}); err != nil {
			w.t.Fatal(err)
		}
		branches = append(branches, other)
	}
	for i, group := range groups {
		for _, k := range group {
			w.places[k].chain.Store(branches[i])
		}
	}
	return branches
}

// memoryChain is the chain, which can be cloned.
func (w *world) memoryChain() *fault.Memory { return w.chain.(*fault.Memory) }

// agree puts all endpoints on the chain that the index is to hold.
func (w *world) agree() {
	for _, p := range w.places {
		p.chain.Store(w.memoryChain())
	}
	w.grow(10, pace)
}

// noticed lets the chain grow until the event-handler has met the other branch:
// at the endpoint that it follows, or at the second reading of what is final. Of
// three endpoints a loaded machine may find that the other two are quicker, and
// never ask the one that left: then the last is out of order for a while.
func (w *world) noticed() {
	w.t.Helper()
	last, turns := w.boards[len(w.boards)-1], 0
	w.until("the other branch is noticed", func() bool {
		if turns++; turns == unpreferred && len(w.boards) > 2 {
			if err := last.Set("server-error", fault.Params{P: 1}); err != nil {
				w.t.Fatal(err)
			}
		}
		w.grow(1, pace)
		return strings.Contains(w.ask("/metrics"), `class="deep_reorg"`)
	})
	last.ClearAll()
}

// stopped waits until publishing has stopped, lets every endpoint be asked some
// times more while all branches grow, and looks whether a row was written.
func (w *world) stopped() {
	w.t.Helper()
	w.until("/readyz says that publishing has stopped", func() bool {
		says := w.ask("/readyz")
		return strings.Contains(says, "publishing has stopped") && strings.Contains(says, "of 3 endpoints 0 have our block, 3 another one")
	})
	before := w.rows()
	asked := w.boards[1].Calls("eth_getBlockByNumber")
	w.until("the endpoints are asked again", func() bool {
		for _, p := range w.places {
			p.chain.Load().Mine(w.logs(0)...)
		}
		return w.boards[1].Calls("eth_getBlockByNumber") > asked+10
	})
	if after := w.rows(); after != before {
		w.t.Error("rows were written while nobody knew which chain is the right one")
	}
	if !strings.Contains(w.ask("/metrics"), `fondaco_eventhandler_deep_reorg{network="`+w.file.Networks[0].Name+`"} 1`) {
		w.t.Error("the metric deep_reorg does not show it")
	}
}

func (w *world) rows() [32]byte {
	w.t.Helper()
	lines, err := w.indexed(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return digest(lines)
}
