package evm_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/core/types"

	"fondaco.dev/services/event-handler/internal/evm"
	"fondaco.dev/services/event-handler/internal/fakenode"
	"fondaco.dev/services/event-handler/internal/memlog"
)

// stuck answers nothing that asks for logs until it is opened; with all, nothing.
type stuck struct {
	http.Handler
	all   atomic.Bool
	asked atomic.Int64
	open  chan struct{}
}

func newStuck(h http.Handler) *stuck { return &stuck{Handler: h, open: make(chan struct{})} }

func (s *stuck) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil && (s.all.Load() || bytes.Contains(body, []byte("eth_getLogs"))) {
		s.asked.Add(1)
		select {
		case <-s.open:
		case <-r.Context().Done():
			return
		}
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	s.Handler.ServeHTTP(w, r)
}

// patience of a client that waits for longer than any test runs.
const patience = 10 * time.Minute

// TestSecondLookDoesNotHoldUpTheHead: the endpoint that final heights are read
// from again answers nothing; new blocks are handed out all the same.
func TestSecondLookDoesNotHoldUpTheHead(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	grow(c, 100)
	c.Finalize(90)
	log := &memlog.Log{}
	slow := newStuck(fakenode.NewServer(c))
	set := settings(0, usdTransfers...)
	set.Endpoints = 2
	s, _ := runWith(t, log, 1, nil, set, patience, fakenode.NewServer(c), slow)
	published(t, log, s, c)
	eventually(t, "the second endpoint is asked", func() bool { return slow.asked.Load() > 0 })
	for range 5 {
		grow(c, 2)
		published(t, log, s, c)
	}
	if r := resume(t, log); r.GetChecked() != 0 {
		t.Errorf("checked up to %d by nobody", r.GetChecked())
	}
	close(slow.open)
	eventually(t, "what is final is checked", func() bool { return resume(t, log).GetChecked() == 90 })
	stored(t, log, c, 0)
}

// TestLateOpinionDoesNotHoldUpTheHead: new blocks are doubtful, the node serves no
// receipts, and the endpoint that is to be asked answers nothing.
func TestLateOpinionDoesNotHoldUpTheHead(t *testing.T) {
	t.Parallel()
	for _, third := range []bool{false, true} {
		t.Run(fmt.Sprint("third endpoint ", third), func(t *testing.T) {
			t.Parallel()
			c := fakenode.NewChain(1, 1)
			grow(c, 20)
			first, other := fakenode.NewServer(c), fakenode.NewServer(c)
			hide := func(l *types.Log) bool { return l.BlockNumber > 20 }
			first.NoReceipts, first.Hide, other.Hide = true, hide, hide
			slow := newStuck(fakenode.NewServer(c))
			handlers := []http.Handler{first, slow}
			if third {
				handlers = append(handlers, other)
			}
			log, proof := &memlog.Log{}, &counted{}
			set := settings(0, usdTransfers...)
			set.Endpoints, set.Proof, set.Opinion, set.RescanEvery = len(handlers), proof, 2*time.Second, time.Hour
			// On a very slow machine the stuck one may be followed for a while.
			s, _ := runWith(t, log, 1, nil, set, 5*time.Second, handlers...)
			published(t, log, s, c)
			eventually(t, "the endpoints are known", func() bool { return s.Status()[1].Head == 20 })
			for range 5 {
				grow(c, 3)
				published(t, log, s, c)
			}
			if n := slow.asked.Load(); n > 1 {
				t.Errorf("the late endpoint was asked %d times", n)
			}
			if third {
				stored(t, log, c, 0) // its receipts prove what the others left out
			}
		})
	}
}

// TestVoteEndsWhenItIsDecided: the chain was made shorter, which two of three
// endpoints say; the third says nothing at all, and is not waited for.
func TestVoteEndsWhenItIsDecided(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	grow(c, 30)
	log := &memlog.Log{}
	slow := newStuck(fakenode.NewServer(c))
	set := settings(0, usdTransfers...)
	set.Endpoints, set.RescanEvery = 3, time.Hour
	s, _ := runWith(t, log, 1, nil, set, patience, fakenode.NewServer(c), fakenode.NewServer(c), slow)
	published(t, log, s, c)
	slow.all.Store(true)
	began := time.Now()
	c.Fork(20)
	grow(c, 3)
	published(t, log, s, c)
	if took := time.Since(began); took > 9*time.Second { // 10 s is how long a vote may take
		t.Errorf("went over after %v", took)
	}
	stored(t, log, c, 0)
}

// TestLateIsToldAndBounded: one step.
func TestLateIsToldAndBounded(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1)
	grow(c, 10)
	set := settings(0, usdTransfers...)
	set.Opinion = 20 * time.Millisecond
	r := newRig(t, c, set)
	r.server.NoReceipts, r.server.Hide = true, func(l *types.Log) bool { return true }
	slow := nodeOf(t, newStuck(fakenode.NewServer(c)))
	var late *evm.LateError
	if err := r.follower.Step(t.Context(), r.node, slow); !errors.As(err, &late) || late.Node != slow || !strings.Contains(err.Error(), "20ms") {
		t.Errorf("got %v", err)
	}
	if r.follower.State().Started {
		t.Error("something was handed out")
	}
}

// TestEveryEndpointIsAskedForReceipts: two endpoints have holes at the same place
// and no receipts; the third one's prove what is missing.
func TestEveryEndpointIsAskedForReceipts(t *testing.T) {
	t.Parallel()
	for _, final := range []uint64{0, 60} {
		t.Run(fmt.Sprint("finalized ", final), func(t *testing.T) {
			t.Parallel()
			c := fakenode.NewChain(1, 1)
			grow(c, 60)
			c.Finalize(final)
			proof := &counted{}
			set := settings(0, usdTransfers...)
			set.Proof = proof
			r := newRig(t, c, set)
			second, secondNode := r.another()
			third, thirdNode := r.another()
			hide := func(l *types.Log) bool { return l.BlockNumber == 33 }
			for _, s := range []*fakenode.Server{r.server, second, third} {
				s.Hide = hide
			}
			r.server.NoReceipts, second.NoReceipts = true, true
			var err error
			for err == nil {
				err = r.follower.Step(t.Context(), r.node, secondNode, thirdNode)
			}
			if !errors.Is(err, evm.ErrNothingNew) {
				t.Fatal(err)
			}
			r.drain()
			r.check(isUSDTransfer)
			if proof.mended != 1 || proof.unproven != 0 {
				t.Errorf("%+v", proof)
			}
		})
	}
}
