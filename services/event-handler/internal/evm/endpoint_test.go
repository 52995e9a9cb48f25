package evm_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"fondaco.dev/proto/topology"
	"fondaco.dev/services/event-handler/internal/evm"
	"fondaco.dev/services/event-handler/internal/fakenode"
	"fondaco.dev/services/event-handler/internal/memlog"
)

// pruned makes the node forget the blocks below a height.
func pruned(s *fakenode.Server, below uint64) *fakenode.Server {
	s.Change = func(method string, params []json.RawMessage, result json.RawMessage) json.RawMessage {
		var at string
		if method != "eth_getBlockByNumber" || json.Unmarshal(params[0], &at) != nil {
			return result
		}
		if n, err := strconv.ParseUint(strings.TrimPrefix(at, "0x"), 16, 64); err == nil && n > 0 && n < below {
			return json.RawMessage("null")
		}
		return result
	}
	return s
}

// TestPrunedEndpoint: it is found out what an endpoint no longer serves, and it
// is not asked for that again.
func TestPrunedEndpoint(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	grow(c, 900)
	c.Finalize(880)
	log := &memlog.Log{}
	first := pruned(fakenode.NewServer(c), 500)
	full := fakenode.NewServer(c)
	setFault(full, down)
	s, w := runSource(t, log, 1, first, full)
	eventually(t, "the pruned endpoint is known as such", func() bool {
		st := s.Status()[0]
		return st.State == topology.EndpointPruned && st.Lowest == 500
	})
	eventually(t, "it is told what is needed", func() bool {
		return strings.Contains(w.says(), "serves nothing below block 500") && strings.Contains(w.says(), "archive")
	})
	setFault(full, nil)
	published(t, log, s, c)
	stored(t, log, c, 0)
	setFault(full, down) // what is new, the first one does serve
	grow(c, 4)
	published(t, log, s, c)
	stored(t, log, c, 0)
}

// TestLonePrunedEndpointIsTriedAgain: where nobody else can do the work, what an
// endpoint once did not have is asked for again soon: its history may be back, or
// have been away for a moment only.
func TestLonePrunedEndpointIsTriedAgain(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	grow(c, 600)
	c.Finalize(580)
	node := pruned(fakenode.NewServer(c), 400)
	other := fakenode.NewServer(fakenode.NewChain(7, 1)) // of another chain: no help
	log := &memlog.Log{}
	s, w := runSource(t, log, 1, node, other)
	eventually(t, "it is told what is needed", func() bool { return strings.Contains(w.says(), "serves nothing below block 400") })
	node.Lock()
	node.Change = nil
	node.Unlock()
	published(t, log, s, c)
	stored(t, log, c, 0)
	eventually(t, "it no longer counts as pruned", func() bool { return s.Status()[0].State == topology.EndpointHealthy })
}

// TestNullLatestIsInconsistent: a node that has no latest block contradicts
// itself; it is not a fault of an unknown kind.
func TestNullLatestIsInconsistent(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"latest", "0x0"} {
		c := fakenode.NewChain(1, 1)
		grow(c, 10)
		node := fakenode.NewServer(c)
		node.Change = func(method string, params []json.RawMessage, result json.RawMessage) json.RawMessage {
			if method == "eth_getBlockByNumber" && string(params[0]) == strconv.Quote(what) {
				return json.RawMessage("null")
			}
			return result
		}
		_, w := runSource(t, &memlog.Log{}, 1, node)
		eventually(t, "the step with "+what+" has failed", func() bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			return len(w.errs) > 0
		})
		w.mu.Lock()
		if !errors.Is(w.errs[0], evm.ErrInconsistent) {
			t.Errorf("%s is null: %v", what, w.errs[0])
		}
		w.mu.Unlock()
	}
}

// slowed answers after a while.
func slowed(d time.Duration, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(d) // it is the latency that is tested
		h.ServeHTTP(w, r)
	})
}

// TestSlowEndpointIsLeft: it makes no error, and another one is much faster.
func TestSlowEndpointIsLeft(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	grow(c, 20)
	log := &memlog.Log{}
	s, _ := runSource(t, log, 1, slowed(250*time.Millisecond, fakenode.NewServer(c)), fakenode.NewServer(c))
	eventually(t, "the fast one takes over", func() bool { return s.Status()[1].Current })
	published(t, log, s, c)
	stored(t, log, c, 0)
}

// TestStatusOfEndpoints: what `fondaco endpoints` prints.
func TestStatusOfEndpoints(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	grow(c, 40)
	c.Finalize(30)
	old := copyOf(c, 20)
	old.Fork(25)
	other := fakenode.NewChain(7, 1)
	broken := fakenode.NewServer(c)
	setFault(broken, down)
	log := &memlog.Log{}
	s, _ := runSource(t, log, 1, fakenode.NewServer(c), fakenode.NewServer(old), fakenode.NewServer(other), broken)
	published(t, log, s, c)
	eventually(t, "each endpoint's state is known", func() bool {
		st := s.Status()
		return st[0].State == topology.EndpointHealthy && st[1].State == topology.EndpointBehind && st[2].State == topology.EndpointWrongChain &&
			strings.Contains(st[3].Error, "503")
	})
	st := s.Status()
	if e := st[0]; !e.Current || e.Head != 40 || e.Finalized != 30 || e.Latency <= 0 || e.Calls == 0 || e.Error != "" {
		t.Errorf("healthy: %+v", e)
	}
	if e := st[1]; e.Current || e.Head != 25 {
		t.Errorf("behind: %+v", e)
	}
	if e := st[2]; !strings.Contains(e.Error, "chain id 7") {
		t.Errorf("wrong chain: %+v", e)
	}
	if e := st[3]; e.Errors == 0 || e.ErrorAt == 0 {
		t.Errorf("broken: %+v", e)
	}
}

// TestRetryAfterIsHonoured: an endpoint that names a time is not asked before.
func TestRetryAfterIsHonoured(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	grow(c, 20)
	busy := fakenode.NewServer(c)
	asked := 0
	busy.Fault = func(w http.ResponseWriter, _ []byte) bool {
		asked++
		w.Header().Set("Retry-After", "60")
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	}
	log := &memlog.Log{}
	s, _ := runSource(t, log, 1, busy, fakenode.NewServer(c))
	for range 5 {
		grow(c, 2)
		published(t, log, s, c)
	}
	busy.Lock()
	defer busy.Unlock()
	if asked > 3 { // the first step and the first look may both be on their way
		t.Errorf("asked %d times", asked)
	}
}
