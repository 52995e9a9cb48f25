package evm_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"fondaco.dev/services/event-handler/internal/evm"
	"fondaco.dev/services/event-handler/internal/fakenode"
)

// tag answers for the tag "finalized" as a test wants; nil: as the node does.
func tag(chain *fakenode.Chain, at func() (height uint64, there bool)) func(string, []json.RawMessage, json.RawMessage) json.RawMessage {
	return func(m string, p []json.RawMessage, r json.RawMessage) json.RawMessage {
		if m != "eth_getBlockByNumber" || string(p[0]) != `"finalized"` {
			return r
		}
		h, there := at()
		if !there {
			return json.RawMessage("null")
		}
		data, err := chain.At(h).MarshalJSON()
		if err != nil {
			panic(err)
		}
		return data
	}
}

// TestFinalizedNeverGoesBack: the tag is lost, falls back and comes again, and
// what is final stays final; while it is lost a long way is still gone in windows.
func TestFinalizedNeverGoesBack(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	grow(c, 100)
	c.Finalize(90)
	set := settings(0, usdTransfers...)
	set.FirstWindow, set.MaxWindow, set.FollowSpan = 20, 20, 10
	r := newRig(t, c, set)
	told, n := []uint64{70, 0, 40, 90, 1, 0, 88}, 0
	r.server.Change = tag(c, func() (uint64, bool) {
		n++
		h := told[(n-1)%len(told)]
		return h, h > 0
	})
	for range 20 {
		if err := r.follower.Step(t.Context(), r.node, r.node); err != nil && !errors.Is(err, evm.ErrNothingNew) {
			t.Fatal(err)
		}
		if got := r.follower.State().NodeFinalized; n > 3 && got < 90 {
			t.Fatalf("finalized went back to %d", got)
		}
	}
	r.drain()
	if m := r.check(isUSDTransfer); m.Finalized != 90 { // the model refuses one that goes back
		t.Errorf("finalized %d", m.Finalized)
	}
}

func TestFinalizedAboveLatestIsALie(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	grow(c, 30)
	c.Finalize(5)
	r := newRig(t, c, settings(0, usdTransfers...))
	r.server.Change = func(m string, p []json.RawMessage, result json.RawMessage) json.RawMessage {
		if m == "eth_getBlockByNumber" && string(p[0]) == `"latest"` {
			data, _ := c.At(10).MarshalJSON()
			return data
		}
		return tag(c, func() (uint64, bool) { return 20, true })(m, p, result)
	}
	if err := r.follower.Step(t.Context(), r.node, r.node); !errors.Is(err, evm.ErrInconsistent) || !strings.Contains(err.Error(), "above latest") {
		t.Errorf("got %v", err)
	}
}

// TestNoTagHoldsOrTakesTheDepth: without a finalized block nothing is final, or
// what is deep enough where the settings give a depth too.
func TestNoTagHoldsOrTakesTheDepth(t *testing.T) {
	t.Parallel()
	for _, depth := range []uint64{0, 30} {
		c := fakenode.NewChain(1, 1)
		grow(c, 100)
		set := settings(0, usdTransfers...)
		set.Finality.Depth = depth
		r := newRig(t, c, set)
		r.catchUp()
		want := uint64(0)
		if depth > 0 {
			want = 100 - depth
		}
		if m := r.check(isUSDTransfer); m.Finalized != want {
			t.Errorf("depth %d: finalized %d, want %d", depth, m.Finalized, want)
		}
	}
}

// TestAnyWordsMeanLess: nodes have no common words for too many blocks or logs;
// whatever they say, less is asked for, down to what they answer.
func TestAnyWordsMeanLess(t *testing.T) {
	t.Parallel()
	for i, text := range []string{
		"query returned more than 10000 results", "eth_getLogs is limited to a 10,000 range", "Log response size exceeded", "block range too large",
		"exceed maximum block range: 5000", "logs are too many", "Internal error", "backend response too large", "please narrow your filter",
		"no", "Die Anfrage ist zu gross", "query timeout exceeded", "",
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			c := fakenode.NewChain(1, 1)
			grow(c, 200)
			c.Finalize(200)
			r := newRig(t, c, settings(0, usdTransfers...))
			r.server.Fault = func(w http.ResponseWriter, body []byte) bool {
				var calls []struct {
					ID     int
					Method string
					Params []json.RawMessage
				}
				if json.Unmarshal(body, &calls) != nil {
					return false
				}
				for _, x := range calls {
					var q struct{ FromBlock, ToBlock json.RawMessage }
					if x.Method != "eth_getLogs" || json.Unmarshal(x.Params[0], &q) != nil || q.FromBlock == nil || height(q.ToBlock)-height(q.FromBlock) < 9 {
						continue
					}
					var out []string
					for _, y := range calls {
						words, _ := json.Marshal(text)
						out = append(out, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"error":{"code":%d,"message":%s}}`, y.ID, -32000-i, words))
					}
					_, _ = fmt.Fprintf(w, "[%s]", strings.Join(out, ","))
					return true
				}
				return false
			}
			r.catchUp()
			r.check(isUSDTransfer)
			if got := r.follower.Window(r.node); got == 0 || got > 12 {
				t.Errorf("window %d", got)
			}
		})
	}
}

// TestFinalizedOfAnotherBranch: what the node tags as final is not what it gives
// at that height.
func TestFinalizedOfAnotherBranch(t *testing.T) {
	t.Parallel()
	c, other := fakenode.NewChain(1, 1), fakenode.NewChain(1, 2)
	grow(c, 200)
	grow(other, 200)
	c.Finalize(150)
	set := settings(0, usdTransfers...)
	set.FirstWindow = 1000
	r := newRig(t, c, set)
	r.server.Change = tag(other, func() (uint64, bool) { return 150, true })
	if err := r.follower.Step(t.Context(), r.node, r.node); !errors.Is(err, evm.ErrInconsistent) || !strings.Contains(err.Error(), "block 150") {
		t.Errorf("got %v", err)
	}
	r.server.Lock()
	r.server.Change = nil
	r.server.Unlock()
	r.catchUp()
	r.check(isUSDTransfer)
}
