package leader

import (
	"crypto/rand"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/trace"
	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/services/orderbook/internal/intake"
)

// gather puts the packs that gateways send to the leader into ORDERS as messages
// of several packs: what comes while one is being stored goes into the next. A
// message is a write and an fsync of the server and a wake of every reader, and
// eight gateways that each send their own are 2,000 a second for as many orders.
//
// It promises nothing. A gateway whose answer is late sends the pack itself; the
// engine skips a number that it has seen, whichever way came first. So what is
// lost here, or published late by a leader that was stopped, or by two leaders at
// once, changes nothing.
type gather struct {
	post func(id string, data []byte, h nats.Header)
	name string // random, begins the messages' ids
	now  func() time.Time
	// waits is told how many seconds the oldest pack of a message waited here.
	waits prometheus.Observer

	mu      sync.Mutex
	waiting []byte    // the next message
	first   time.Time // when its first pack came
	ids     []string
	traces  []string
	no      uint64
	flying  string    // id of the message on its way; "" = none
	since   time.Time // when it left
}

// gatherLost is after how long a message on its way is waited for no more: by
// then its gateways send the packs themselves.
const gatherLost = 250 * time.Millisecond

func newGather(post func(id string, data []byte, h nats.Header), waits prometheus.Observer) *gather {
	return &gather{post: post, waits: waits, name: "gather-" + strings.ToLower(rand.Text()[:12]), now: time.Now}
}

// take takes a pack in. One that does not fit any more is dropped.
func (g *gather) take(pack []byte, h nats.Header) {
	g.mu.Lock()
	defer g.mu.Unlock()
	const frame = 8 // bytes of a pack's tag and length, at most
	if len(g.waiting)+len(pack)+frame > ordersv1.MaxPack {
		return
	}
	now := g.now()
	if len(g.waiting) == 0 {
		g.first = now
	}
	g.waiting = intake.AppendGathered(g.waiting, pack)
	g.ids = appendSome(g.ids, h.Get(bus.HeaderRequestID), bus.MaxRequestIDs)
	g.traces = appendSome(g.traces, h.Get(bus.HeaderTrace), trace.MaxParents)
	if g.flying == "" || now.Sub(g.since) > gatherLost {
		g.send()
	}
}

// stored hears of a message that came out of ORDERS.
func (g *gather) stored(id string) {
	if !strings.HasPrefix(id, g.name) {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if id != g.flying {
		return
	}
	if g.flying = ""; len(g.waiting) > 0 {
		g.send()
	}
}

func (g *gather) send() {
	g.no++
	g.flying, g.since = g.name+":"+strconv.FormatUint(g.no, 10), g.now()
	g.waits.Observe(g.since.Sub(g.first).Seconds())
	h := nats.Header{}
	if len(g.ids) > 0 {
		h.Set(bus.HeaderRequestID, strings.Join(g.ids, ","))
	}
	if len(g.traces) > 0 {
		h.Set(bus.HeaderTrace, strings.Join(g.traces, ","))
	}
	g.post(g.flying, g.waiting, h)
	g.waiting, g.ids, g.traces = g.waiting[:0], g.ids[:0], g.traces[:0] // sent or copied by now
}

// appendSome appends the parts of a comma separated list, up to most in all.
func appendSome(to []string, list string, most int) []string {
	for part := range strings.SplitSeq(list, ",") {
		if part != "" && len(to) < most {
			to = append(to, part)
		}
	}
	return to
}

// several knows whether so many gateways send packs that gathering them pays.
// The applier's alone.
type several struct {
	now   bool
	calls map[string]int // packs of each gateway since the last count
}

// Bounds of gathering: with two gateways the way through the leader costs as
// much as it saves.
const (
	gatherFrom  = 3  // gateways
	gatherPacks = 20 // packs a second, below which none of them is in a hurry
	maxSeveral  = 1024
)

func (s *several) heard(gateway []byte) {
	if _, known := s.calls[string(gateway)]; known || len(s.calls) < maxSeveral {
		if s.calls == nil {
			s.calls = map[string]int{}
		}
		s.calls[string(gateway)]++
	}
}

// count looks at a second.
func (s *several) count(may bool) {
	busy := 0
	for _, n := range s.calls {
		if n >= gatherPacks {
			busy++
		}
	}
	s.now = may && busy >= gatherFrom
	clear(s.calls)
}
