package evm_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"go.uber.org/zap"

	"fondaco.dev/services/event-handler/internal/core"
	"fondaco.dev/services/event-handler/internal/evm"
	"fondaco.dev/services/event-handler/internal/fakenode"
	"fondaco.dev/services/event-handler/internal/jsonrpc"
	"fondaco.dev/services/event-handler/internal/memlog"
)

// watcher notes what a source waits for.
type watcher struct {
	mu      sync.Mutex
	waiting error
	told    []string       // all that was waited for, once each in a row
	steps   map[string]int // endpoint -> steps with progress or nothing new
	errs    []error
}

func (w *watcher) Stepped(endpoint string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil || errors.Is(err, evm.ErrNothingNew) {
		w.steps[endpoint]++
		return
	}
	w.errs = append(w.errs, err)
}

func (w *watcher) Waiting(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = err
	if err != nil && (len(w.told) == 0 || w.told[len(w.told)-1] != err.Error()) {
		w.told = append(w.told, err.Error())
	}
}

// said reports whether the source ever waited for something in these words.
func (w *watcher) said(part string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.told, func(s string) bool { return strings.Contains(s, part) })
}

func (w *watcher) says() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiting == nil {
		return ""
	}
	return w.waiting.Error()
}

// runSource runs a source on the servers until the test ends.
func runSource(t testing.TB, log *memlog.Log, chainID uint64, handlers ...http.Handler) (*evm.Source, *watcher) {
	t.Helper()
	return runHinted(t, log, chainID, nil, handlers...)
}

// runHinted is runSource with hints of new heads.
func runHinted(t testing.TB, log *memlog.Log, chainID uint64, hint *evm.Hint, handlers ...http.Handler) (*evm.Source, *watcher) {
	t.Helper()
	return runWith(t, log, chainID, hint, settings(0, usdTransfers...), 2*time.Second, handlers...)
}

// runWith is runHinted with settings, and the time that a request may take.
func runWith(t testing.TB, log *memlog.Log, chainID uint64, hint *evm.Hint, set evm.Settings, timeout time.Duration, handlers ...http.Handler) (*evm.Source, *watcher) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	tail, err := core.Open(ctx, log)
	if err != nil {
		t.Fatal(err)
	}
	pub := core.NewPublisher(log, tail, core.Limits{}, nil)
	f, err := evm.Restore(ctx, log, tail, set, pub.Put)
	if err != nil {
		t.Fatal(err)
	}
	w := &watcher{steps: map[string]int{}}
	s := &evm.Source{
		Follower: f, ChainID: chainID, Hint: hint, Observer: w, Log: zap.NewNop(), Poll: 10 * time.Millisecond, Scout: 20 * time.Millisecond,
		RestMin: 5 * time.Millisecond, RestMax: 100 * time.Millisecond, Recheck: 50 * time.Millisecond, DeepConfirm: 20 * time.Millisecond,
	}
	for _, h := range handlers {
		srv := httptest.NewServer(h)
		t.Cleanup(srv.Close)
		c, err := jsonrpc.New(srv.URL, jsonrpc.Options{Timeout: timeout})
		if err != nil {
			t.Fatal(err)
		}
		s.Endpoints = append(s.Endpoints, evm.Endpoint{Name: c.Name(), Node: evm.NewRPCNode(c), Stats: c.Stats})
	}
	var wg sync.WaitGroup
	wg.Go(func() { _ = pub.Run(ctx) })
	wg.Go(func() { _ = s.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	eventually(t, "it runs", func() bool { return len(s.Status()) > 0 })
	return s, w
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; {
		began := time.Now()
		if ok() {
			return
		}
		if began.After(deadline) {
			t.Fatal("never: " + what)
		}
		// A look at the log decodes all of it: on a slow machine what is waited for
		// needs the time more.
		time.Sleep(max(2*time.Millisecond, 4*time.Since(began)))
	}
}

func indexed(s *evm.Source, c *fakenode.Chain) func() bool {
	return func() bool { st := s.Follower.State(); return st.Started && st.Indexed == c.Head().Number() }
}

func TestWrongChainID(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(5, 1)
	grow(c, 5)
	log := &memlog.Log{}
	_, w := runSource(t, log, 1337, fakenode.NewServer(c))
	eventually(t, "the wrong chain id is named", func() bool {
		return strings.Contains(w.says(), "has chain id 5, the configuration says 1337")
	})
	if packs, _ := log.Packs(); len(packs) > 0 {
		t.Error("something was published")
	}
}

func TestAnotherGenesisUnderTheSameName(t *testing.T) {
	t.Parallel()
	log := &memlog.Log{}
	first := fakenode.NewChain(1, 1)
	grow(first, 5)
	t.Run("first", func(t *testing.T) {
		s, _ := runSource(t, log, 1, fakenode.NewServer(first))
		eventually(t, "the first chain is stored", indexed(s, first))
		eventually(t, "it is published", func() bool { p, _ := log.Packs(); return len(p) > 0 })
	})
	before, err := log.Packs()
	if err != nil {
		t.Fatal(err)
	}
	second := fakenode.NewChain(1, 2)
	grow(second, 50)
	_, w := runSource(t, log, 1, fakenode.NewServer(second))
	eventually(t, "the genesis is refused by name", func() bool {
		says := w.says()
		return strings.Contains(says, first.At(0).Hash.Hex()) && strings.Contains(says, second.At(0).Hash.Hex()) && strings.Contains(says, "another name")
	})
	if after, _ := log.Packs(); len(after) != len(before) {
		t.Error("something was published")
	}
}

// TestNodeReplacedWhileRunning: another chain appears behind the same URL.
func TestNodeReplacedWhileRunning(t *testing.T) {
	t.Parallel()
	log := &memlog.Log{}
	c := fakenode.NewChain(1, 1)
	grow(c, 5)
	server := fakenode.NewServer(c)
	s, w := runSource(t, log, 1, server)
	eventually(t, "caught up", indexed(s, c))
	second := fakenode.NewChain(1, 2)
	grow(second, 50)
	server.Lock()
	server.Chain = second
	server.Unlock()
	eventually(t, "the other chain is refused", func() bool { return strings.Contains(w.says(), "another name") })
	server.Lock()
	server.Chain = c
	server.Unlock()
	grow(c, 3)
	eventually(t, "the right chain is followed again", indexed(s, c))
}

func TestNextEndpointTakesOver(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	grow(c, 50)
	good := fakenode.NewServer(c)
	html := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>maintenance</html>")) })
	other := fakenode.NewChain(1, 9)
	grow(other, 90)
	wrong := fakenode.NewServer(other)
	setFault(wrong, down) // until the subject is bound
	s, w := runSource(t, &memlog.Log{}, 1, html, good, wrong)
	eventually(t, "caught up by the good endpoint", indexed(s, c))
	setFault(wrong, nil)
	grow(c, 5)
	good.Lock()
	good.Fault = func(w http.ResponseWriter, _ []byte) bool { w.WriteHeader(http.StatusServiceUnavailable); return true }
	good.Unlock()
	eventually(t, "all endpoints are named", func() bool {
		says := w.says()
		return strings.Contains(says, "no JSON") && strings.Contains(says, "503") && strings.Contains(says, "genesis")
	})
	good.Lock()
	good.Fault = nil
	good.Unlock()
	eventually(t, "caught up again", indexed(s, c))
	if got := s.Follower.Genesis(); got != c.At(0).Hash || got == (common.Hash{}) {
		t.Error("bound to another chain")
	}
}

// TestEndpointThatStandsStill: it answers without errors, and another is ahead.
func TestEndpointThatStandsStill(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	grow(c, 20)
	still := fakenode.FromBlocks(1, c.Canonical())
	grow(c, 10)
	s, _ := runSource(t, &memlog.Log{}, 1, fakenode.NewServer(still), fakenode.NewServer(c))
	eventually(t, "the endpoint that is ahead takes over", indexed(s, c))
}
