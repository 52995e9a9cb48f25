// Package status knows how far each network is: the node's head as the
// event-handler last said, what is indexed and final in Postgres, and whether
// the two have met.
package status

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/proto/config"
	"fondaco.dev/proto/topology"
	"fondaco.dev/services/api/internal/store"
)

// States of a network and of the whole.
const (
	OK      = "ok"
	Loading = "loading"
	Stopped = "stopped" // the writer's partition stands still and says how to recover
)

// slack is how many blocks behind its head a network counts as level: the two
// figures are read at different moments. grace is how long it may be further
// behind before it counts as loading again.
const (
	slack = 2
	grace = 30 * time.Second
)

// pollEvery is how often heads are asked for.
const pollEvery = time.Second

// Network is one network's figures; nil = unknown.
type Network struct {
	Name       string  `json:"name"`
	Kind       string  `json:"kind"`
	ChainID    uint64  `json:"chain_id,omitempty"`
	Head       *uint64 `json:"head"`
	Indexed    *uint64 `json:"indexed"`
	Finalized  *uint64 `json:"finalized"`
	LagBlocks  *uint64 `json:"lag_blocks"`
	Status     string  `json:"status"`
	NodeStatus string  `json:"node_status,omitempty"`
	Problem    string  `json:"problem,omitempty"`

	// What is proved; EVM networks only. From CompleteFrom to Indexed nothing that
	// the configuration selects is missing: a block or event that is absent there
	// does not exist. Null: no such promise can be made.
	CompleteFrom *uint64 `json:"complete_from"`
	CheckedTo    *uint64 `json:"checked_to"`          // up to here final blocks were read twice
	Assurance    string  `json:"assurance,omitempty"` // receipts, headers or range
	Holes        uint64  `json:"holes,omitempty"`     // units that could not be applied
}

// Assurances: what an absent event was excluded by.
const (
	ByReceipts = "receipts" // every block's receipts root was recomputed
	ByHeaders  = "headers"  // every header is held, its bloom agrees with its logs
	ByRange    = "range"    // headers of blocks with events only; others by the range's answer
)

func assurance(n *config.Network) string {
	switch {
	case n.Kind != config.KindEVM:
		return ""
	case n.Verify == config.VerifyReceipts:
		return ByReceipts
	case n.Headers == config.HeadersEvents:
		return ByRange
	}
	return ByHeaders
}

// Report is what GET / answers.
type Report struct {
	Name     string    `json:"name"`
	Version  string    `json:"version"`
	Status   string    `json:"status"`
	Since    string    `json:"since"` // RFC 3339: how long the status has been this
	Networks []Network `json:"networks"`
}

// Board is safe for concurrent use.
type Board struct {
	version  string
	networks []config.Network
	log      *zap.Logger

	mu    sync.Mutex
	nodes map[string]node
	snap  *store.Snapshot
	good  map[string]time.Time // when a network was last level
	state string
	since time.Time
}

// node is what the event-handler writes about a network.
type node struct {
	Head      *uint64 `json:"head"`
	Finalized *uint64 `json:"finalized"`
	Status    string  `json:"status"` // following, backfill, error
	At        int64   `json:"at"`     // Unix milliseconds
}

// silent is after how long without a word the event-handler counts as away; it
// writes every five seconds at least.
const silent = 20 * time.Second

// New makes a board that knows nothing yet.
func New(version string, networks []config.Network, log *zap.Logger) *Board {
	return &Board{version: version, networks: networks, log: log, nodes: map[string]node{}, good: map[string]time.Time{}, state: Loading, since: time.Now()}
}

// OnPoll takes what Postgres says.
func (b *Board) OnPoll(snap *store.Snapshot) {
	b.mu.Lock()
	b.snap = snap
	b.mu.Unlock()
	b.Report() // notices a change when it happens, not when somebody asks
}

// Run asks for the nodes' heads each second until ctx ends.
func (b *Board) Run(ctx context.Context, nats *bus.Bus) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	var kv jetstream.KeyValue
	for {
		if kv == nil {
			kv, _ = nats.JetStream().KeyValue(ctx, topology.BucketStatus)
		}
		if kv != nil {
			for _, n := range b.networks {
				b.ask(ctx, kv, n.Name)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (b *Board) ask(ctx context.Context, kv jetstream.KeyValue, name string) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	entry, err := kv.Get(ctx, "chain."+name)
	if err != nil {
		return // not written yet, or NATS is away: the last figure stands
	}
	var n node
	if err := json.Unmarshal(entry.Value(), &n); err != nil {
		b.log.Warn("a network's status could not be read", zap.String("network", name), zap.Error(err))
		return
	}
	b.mu.Lock()
	b.nodes[name] = n
	b.mu.Unlock()
}

// Report makes the answer as of now.
func (b *Board) Report() Report {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	r := Report{Name: "fondaco", Version: b.version, Status: OK, Networks: []Network{}}
	if b.snap == nil {
		r.Status = Loading
	}
	for i := range b.networks {
		n := b.network(&b.networks[i], now)
		if n.Status != OK {
			r.Status = Loading
		}
		r.Networks = append(r.Networks, n)
	}
	if r.Status != b.state {
		b.state, b.since = r.Status, now
	}
	r.Since = b.since.UTC().Format(time.RFC3339)
	return r
}

func (b *Board) network(n *config.Network, now time.Time) Network {
	out := Network{Name: n.Name, Kind: n.Kind, ChainID: n.ChainID, Status: Loading, Assurance: assurance(n)}
	node := b.nodes[n.Name]
	out.Head, out.NodeStatus = node.Head, node.Status
	if node.At > 0 && now.Sub(time.UnixMilli(node.At)) > silent {
		out.NodeStatus = "silent"
	}
	if b.snap == nil {
		return out
	}
	cur, ok := b.snap.Cursor(b.snap.Networks[n.Name].Partition)
	if !ok {
		return out
	}
	out.Indexed, out.Finalized, out.Problem = height(cur.Number), height(cur.Finalized), cur.Problem
	if proof := b.snap.Networks[n.Name].Proof; n.Kind == config.KindEVM {
		out.CompleteFrom, out.CheckedTo, out.Holes = height(proof.CompleteFrom), height(proof.CheckedTo), proof.Holes
		if out.CompleteFrom != nil && (out.Indexed == nil || *out.CompleteFrom > *out.Indexed) {
			out.CompleteFrom = nil
		}
	}
	if out.Holes > 0 && out.Problem == "" {
		out.Problem = fmt.Sprintf("%d units could not be applied, so rows are missing: see `fondaco deadletters list`", out.Holes)
	}
	if out.Head != nil && out.Indexed != nil && *out.Indexed > *out.Head {
		// The event-handler tells the node's head once a second; what is indexed
		// since then was on the node too.
		out.Head = out.Indexed
	}
	level := cur.CaughtUp && out.Indexed != nil && out.Head != nil
	if out.Indexed != nil && out.Head != nil {
		lag := *out.Head - *out.Indexed
		out.LagBlocks = &lag
		level = level && lag <= slack
	}
	if level {
		b.good[n.Name] = now
	}
	switch {
	case cur.Problem != "":
		out.Status = Stopped
	case now.Sub(b.good[n.Name]) < grace:
		out.Status = OK
	}
	return out
}

func height(n int64) *uint64 {
	if n < 0 {
		return nil
	}
	u := uint64(n)
	return &u
}
