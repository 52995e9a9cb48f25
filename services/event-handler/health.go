package eventhandler

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"fondaco.dev/pkg/admin"
	"fondaco.dev/proto/topology"
)

// progress is how far a source is; heights are block numbers.
type progress struct {
	head      uint64 // the node's
	finalized uint64 // the node's
	published uint64 // handed to the publisher
	backfill  bool   // behind, and catching up in windows
}

// health is what a network says about itself: on /readyz, and to the other
// services in the status bucket.
type health struct {
	ready     *admin.Status
	hungAfter time.Duration

	mu      sync.Mutex
	src     source // nil between sessions
	err     error  // what the session waits for; nil: nothing
	passive bool   // another instance holds the lease
	moved   time.Time
	flight  func() time.Duration
}

func newHealth(ready *admin.Status, hungAfter time.Duration) *health {
	return &health{ready: ready, hungAfter: hungAfter, err: errors.New("starting"), moved: time.Now()}
}

func (h *health) change(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
}

// waiting says what the network waits for; nil when it moves.
func (h *health) waiting(err error) { h.change(func() { h.err, h.passive = err, false }) }

// standby: another instance publishes, this one is ready to take over.
func (h *health) standby() { h.change(func() { h.passive = true }) }

// alive notes that something came from a node, or that there was nothing to do.
func (h *health) alive() { h.change(func() { h.moved = time.Now() }) }

func (h *health) began(src source) {
	h.change(func() { h.src, h.moved, h.passive = src, time.Now(), false })
}

func (h *health) ended() { h.change(func() { h.src = nil }) }

func (h *health) failed(err error) { h.waiting(err) }

func (h *health) inFlight(f func() time.Duration) { h.change(func() { h.flight = f }) }

// stuckPublish is when a publish without ack makes a network not ready: three
// timeouts of 5 s.
const stuckPublish = 15 * time.Second

// problem is why the network is not ready; nil when it is.
func (h *health) problem() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.passive:
		return nil
	case h.flight != nil && h.flight() > stuckPublish:
		return fmt.Errorf("a message has been waiting %v for its ack", h.flight().Round(time.Second))
	case h.err != nil:
		return h.err
	case time.Since(h.moved) > h.hungAfter:
		return fmt.Errorf("no progress for %v", time.Since(h.moved).Round(time.Second))
	}
	return nil
}

func (h *health) progress() (p progress, active bool) {
	h.mu.Lock()
	src := h.src
	h.mu.Unlock()
	if src == nil {
		return progress{}, false
	}
	return src.progress(), true
}

// nodeStatus is what the status bucket holds under chain.<network>.
type nodeStatus struct {
	Head      uint64 `json:"head"`
	Finalized uint64 `json:"finalized"`
	Status    string `json:"status"` // following, backfill or error
	Error     string `json:"error,omitempty"`
	At        int64  `json:"at"` // unix milliseconds
}

const (
	reportEvery = 250 * time.Millisecond // looks
	writeEvery  = time.Second            // writes of a changed status
	repeatEvery = 5 * time.Second        // writes of an unchanged one
)

// report keeps readiness, gauges and the status bucket current.
func (n *network) report(ctx context.Context) error {
	tick := time.NewTicker(reportEvery)
	defer tick.Stop()
	var last nodeStatus
	var written time.Time
	var kv jetstream.KeyValue
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		problem := n.health.problem()
		n.health.ready.Set(problem)
		p, active := n.health.progress()
		if !active {
			continue
		}
		now := n.status(p, problem)
		since := time.Since(written)
		if since < writeEvery || now == last && since < repeatEvery {
			continue
		}
		last, written = now, time.Now()
		now.At = written.UnixMilli()
		if err := n.write(ctx, &kv, now); err != nil && ctx.Err() == nil {
			n.log.Debug("status not written", zap.Error(err))
		}
	}
}

// status sets the gauges and makes what is told to others.
func (n *network) status(p progress, problem error) nodeStatus {
	m := n.svc.metrics
	m.nodeHead.WithLabelValues(n.cfg.Name).Set(float64(p.head))
	m.nodeFinalized.WithLabelValues(n.cfg.Name).Set(float64(p.finalized))
	m.indexed.WithLabelValues(n.cfg.Name).Set(float64(p.published))
	s := nodeStatus{Head: p.head, Finalized: p.finalized, Status: "following"}
	switch {
	case problem != nil:
		s.Status, s.Error = "error", problem.Error()
	case p.backfill:
		s.Status = "backfill"
	}
	return s
}

func (n *network) write(ctx context.Context, kv *jetstream.KeyValue, s nodeStatus) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if *kv == nil {
		bucket, err := n.svc.bus.JetStream().KeyValue(ctx, topology.BucketStatus)
		if err != nil {
			return fmt.Errorf("opening bucket %s: %w", topology.BucketStatus, err)
		}
		*kv = bucket
	}
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	_, err = (*kv).Put(ctx, "chain."+n.cfg.Name, data)
	return err
}
