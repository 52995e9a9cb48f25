package evm_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/services/event-handler/internal/evm"
	"fondaco.dev/services/event-handler/internal/fakenode"
)

// TestNextWindowIsFetchedAhead: each window is asked for once, also when another
// endpoint takes over between two; Close ends what is on its way.
func TestNextWindowIsFetchedAhead(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	grow(c, 400)
	c.Finalize(400)
	set := settings(0, usdTransfers...)
	set.FirstWindow, set.MaxWindow = 20, 20
	r := newRig(t, c, set)
	other := newRig(t, c, set)
	for n := range 6 {
		if err := r.follower.Step(t.Context(), r.node, r.node); err != nil {
			t.Fatal(n, err)
		}
	}
	if err := r.follower.Step(t.Context(), other.node, r.node); err != nil {
		t.Fatal(err)
	}
	r.follower.Close()
	r.server.Lock()
	asked := len(r.server.Ranges)
	seen := map[string]bool{}
	for _, x := range r.server.Ranges {
		if seen[x] {
			t.Errorf("%s was asked for twice", x)
		}
		seen[x] = true
	}
	r.server.Unlock()
	if asked > 7 || asked < 6 {
		t.Errorf("%d windows were asked for in 6 steps", asked)
	}
	r.catchUp()
	r.check(isUSDTransfer)
}

// TestLieInTheWindowAhead: what was fetched ahead belongs to another chain; it is
// found when its turn comes.
func TestLieInTheWindowAhead(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	grow(c, 200)
	c.Finalize(200)
	set := settings(0, usdTransfers...)
	set.FirstWindow, set.MaxWindow = 20, 20
	r := newRig(t, c, set)
	var lying atomic.Bool
	other := fakenode.NewChain(1, 2) // the same heights, other hashes
	grow(other, 200)
	r.server.Change = func(m string, p []json.RawMessage, result json.RawMessage) json.RawMessage {
		if m == "eth_getBlockByNumber" && lying.Load() && height(p[0]) >= 39 && strings.HasPrefix(string(p[0]), `"0x`) {
			data, _ := other.At(uint64(height(p[0]))).MarshalJSON()
			return data
		}
		return result
	}
	lying.Store(true)
	if err := r.follower.Step(t.Context(), r.node, r.node); err != nil { // 0..19
		t.Fatal(err)
	}
	var err error
	for n := 0; err == nil && n < 3; n++ {
		err = r.follower.Step(t.Context(), r.node, r.node)
	}
	if err == nil {
		t.Fatal("blocks of another chain were taken")
	}
	lying.Store(false)
	r.catchUp()
	r.check(isUSDTransfer)
}

// TestEnrichSeesEachBlockOnce, from the node that it came from, and its error
// hands out nothing.
func TestEnrichSeesEachBlockOnce(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	grow(c, 300)
	c.Finalize(250)
	set := settings(0, usdTransfers...)
	set.FirstWindow = 40
	failing := errors.New("no state there")
	var fails atomic.Int32
	fails.Store(3)
	set.Enrich = func(_ context.Context, _ evm.Node, blocks []*chainv1.Block) error {
		if fails.Add(-1) >= 0 {
			return failing
		}
		for _, b := range blocks {
			for _, l := range b.GetLogs() {
				l.Reads = append(l.Reads, &chainv1.Read{Name: "n", Result: fmt.Append(nil, b.GetNumber())})
			}
		}
		return nil
	}
	r := newRig(t, c, set)
	for range 3 {
		if err := r.follower.Step(t.Context(), r.node, r.node); !errors.Is(err, failing) {
			t.Fatalf("got %v", err)
		}
	}
	r.catchUp()
	n := 0
	for h, b := range r.check(isUSDTransfer).Blocks {
		for _, l := range b.GetLogs() {
			n++
			if len(l.GetReads()) != 1 || string(l.GetReads()[0].GetResult()) != fmt.Sprint(h) {
				t.Errorf("block %d: %v", h, l.GetReads())
			}
		}
	}
	if n != 100 {
		t.Errorf("%d logs", n)
	}
}

// TestRandomLies: an endpoint that lies at random, in every way of the table and
// in several at once, never makes a wrong unit; an honest second one is enough to come to
// the end.
func TestRandomLies(t *testing.T) {
	t.Parallel()
	var names []string
	for name := range lies {
		names = append(names, name)
	}
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(seed, 7))
			c := fakenode.NewChain(1, 1)
			grow(c, 50)
			set := settings(0, evm.Contract{Address: usd, Topics: []common.Hash{transfer, approval}})
			set.FirstWindow, set.MaxWindow, set.FollowSpan = 7, 30, 20
			set.HeadersEvents = seed%2 == 1
			set.Receipts = seed%3 == 2
			r := newRig(t, c, set)
			honest := newRig(t, c, set)
			r.server.Change = func(m string, p []json.RawMessage, result json.RawMessage) json.RawMessage {
				for rnd.IntN(4) == 0 { // under the server's lock
					name := names[rnd.IntN(len(names))]
					if name == "time that was changed" || name == "header that was changed" || string(p0(p)) == `"latest"` {
						continue
					}
					result = lies[name].change(m, p, result)
					if m == "eth_getLogs" && rnd.IntN(3) == 0 && !set.HeadersEvents { // without headers only a second look tells
						result = json.RawMessage("[]")
					}
				}
				return result
			}
			final := uint64(0)
			for range 8 {
				if rnd.IntN(3) == 0 {
					c.Fork(max(final, c.Head().Number()-5))
				}
				grow(c, 6+rnd.IntN(60))
				final = max(final, c.Head().Number()-5)
				c.Finalize(final)
				for range 30 {
					err := r.follower.Step(t.Context(), r.node, honest.node)
					if errors.Is(err, evm.ErrNothingNew) {
						break
					}
					var deep *evm.DeepReorgError
					if err != nil && !errors.As(err, &deep) {
						_ = r.follower.Step(t.Context(), honest.node, r.node)
					}
				}
				r.node, honest.node = honest.node, r.node
				r.catchUp()
				r.node, honest.node = honest.node, r.node
				r.check(func(a common.Address, _ common.Hash, _ uint64) bool { return a == usd })
			}
		})
	}
}

func p0(p []json.RawMessage) json.RawMessage {
	if len(p) == 0 {
		return nil
	}
	return p[0]
}
