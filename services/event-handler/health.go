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
	at      progress // when it moved last
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

// alive notes that something came from a node that counts as progress although
// no head moved.
func (h *health) alive() { h.change(func() { h.moved = time.Now() }) }

// looked notes how far the source is. The clock of a hung network runs while
// neither the node's head nor what was published changes: a node that answers
// the same for ever makes no progress, however quickly it answers.
func (h *health) looked(p progress) {
	h.change(func() {
		if p.head != h.at.head || p.published != h.at.published {
			h.at, h.moved = p, time.Now()
		}
	})
}

// hungError says that a network made no progress for so long that a new process
// is to try. Whoever supervises several services in one process may start
// this one alone again: it is told by the method Hung.
type hungError struct {
	network string
	since   time.Duration
	cause   error // what the network waits for; may be nil
}

func (e *hungError) Error() string {
	text := fmt.Sprintf("network %s hangs: neither its head nor what is published moved for %v", e.network, e.since.Round(time.Second))
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

// Hung is the name of the network.
func (e *hungError) Hung() string { return e.network }

// hung is not nil once there was no progress for twice the time after which the
// network is not ready. An instance on standby never hangs.
func (h *health) hung(network string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	since := time.Since(h.moved)
	if h.passive || since <= 2*h.hungAfter {
		return nil
	}
	return &hungError{network, since, h.err}
}

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
		return fmt.Errorf("no progress of the head for %v", time.Since(h.moved).Round(time.Second))
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
		p, active := n.health.progress()
		if active {
			n.health.looked(p)
		}
		if n.svc.full.Load() || n.svc.bus.Ready() != nil {
			n.health.alive() // it is not the nodes that are waited for, and a new process would not help
		}
		problem := n.health.problem()
		n.health.ready.Set(problem)
		if err := n.health.hung(n.cfg.Name); err != nil {
			return err
		}
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
		if err := n.write(ctx, &kv, "chain."+n.cfg.Name, now); err != nil && ctx.Err() == nil {
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

// write puts a value into the status bucket.
func (n *network) write(ctx context.Context, kv *jetstream.KeyValue, key string, value any) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if *kv == nil {
		bucket, err := n.svc.bus.JetStream().KeyValue(ctx, topology.BucketStatus)
		if err != nil {
			return fmt.Errorf("opening bucket %s: %w", topology.BucketStatus, err)
		}
		*kv = bucket
	}
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	_, err = (*kv).Put(ctx, key, data)
	return err
}
