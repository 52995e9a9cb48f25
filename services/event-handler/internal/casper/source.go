package casper

import (
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/proto/topology"
	"fondaco.dev/services/event-handler/internal/core"
	"fondaco.dev/services/event-handler/internal/jsonrpc"
)

// Observer is told what happens. Its methods are called from many goroutines.
type Observer interface {
	// Connected: an endpoint's stream began, or ended with err.
	Connected(endpoint string, up bool, err error)
	// Alive: bytes came from a node.
	Alive()
	// Taken: an event is new, or was seen already.
	Taken(kind string, fresh bool)
	// Truncated: an event was cut off by the end of its connection.
	Truncated(endpoint string)
	// Gap: the number of block heights that are missing below the head.
	Gap(missing uint64)
	// Filled: a block was fetched over JSON-RPC, or could not be.
	Filled(err error)
	// Owed: the number of deploys that blocks name and whose outcome has not come.
	Owed(deploys int)
	// Paid: an owed outcome was fetched over JSON-RPC, or could not be.
	Paid(err error)
}

// Endpoint is a node's JSON-RPC.
type Endpoint struct {
	URL       string
	PerSecond uint64 // most calls a second; 0 = 50
}

// Settings of a source.
type Settings struct {
	// SSE are base URLs of nodes (http://host:9999), or full URLs of one stream
	// each (a path that is not "/").
	SSE []string
	// RPC are JSON-RPC endpoints that fill gaps; may be empty.
	RPC []Endpoint
	// StartBlock is the lowest height to fetch when the subject is empty; 0:
	// begin with the first block that a node streams.
	StartBlock uint64
	// Idle is the silence after which a connection counts as dead. Default
	// 60 s; a node sends a comment every 15 s (warp's keep-alive).
	Idle time.Duration
	// Patience is for how long a block or an outcome must be missing before it is
	// asked for: several streams are rarely in step. Default 3 s.
	Patience time.Duration
	// Quiet is the time without a block after which JSON-RPC is asked for the
	// newest one. Default 90 s: a block takes 8 s (2.x) to 65 s (1.x).
	Quiet time.Duration
}

// State is what a source knows; heights are block heights.
type State struct {
	Head      uint64 // highest block handed out
	Started   bool
	Connected int // streams that are up
	Endpoints map[string]error
	Gap       uint64 // missing heights below the head
	Owed      int    // deploys named by a block whose outcome has not come
}

// Source merges the event streams of several nodes into facts, each once.
type Source struct {
	set  Settings
	emit func(ctx context.Context, items ...core.Item) error
	obs  Observer
	log  *zap.Logger

	nodes   map[string]position
	seen    *seen // facts that a stream told
	fetched *seen // facts that JSON-RPC told; apart, so that a backfill does not drive out what streams repeat

	mu        sync.Mutex // guards what follows; the streams, the filler and State read it
	genesis   string     // hash of block 0, hex; "" while unknown
	head      Block
	started   bool
	covered   heights
	owed      *owed
	full      bool             // owed was full
	doubt     *doubt           // blocks of which signatures may be missing
	lastBlock time.Time        // when a block came
	links     map[uint64]Block // recent blocks by height
	filled    map[uint64]bool  // those of links that JSON-RPC told
	oldest    []uint64         // their heights in the order of arrival
	ends      map[string]error // endpoint -> why it is down; nil = up
	told      []*told          // what Status says
	keys      map[string]*told // its streams by their keys
}

const (
	// maxLinks recent blocks are compared with what endpoints serve.
	maxLinks = 8192
	// maxReadBack bounds what is read from the subject at start, in bytes.
	maxReadBack = 256 << 20
	// maxEvent leaves room for a pack around one event.
	maxEvent = chainv1.MaxMessage - 64<<10
)

// Restore returns a source that goes on where the subject ends.
func Restore(ctx context.Context, log core.Log, tail core.Tail, set Settings, emit func(context.Context, ...core.Item) error, obs Observer, zl *zap.Logger) (*Source, error) {
	if set.Idle <= 0 {
		set.Idle = 60 * time.Second
	}
	if set.Patience <= 0 {
		set.Patience = 3 * time.Second
	}
	if set.Quiet <= 0 {
		set.Quiet = 90 * time.Second
	}
	s := &Source{
		set: set, emit: emit, obs: obs, log: zl, nodes: map[string]position{}, seen: newSeen(), fetched: newSeen(),
		owed: newOwed(set.Patience), lastBlock: time.Now(), links: map[uint64]Block{}, filled: map[uint64]bool{}, ends: map[string]error{}, keys: map[string]*told{},
	}
	for _, e := range set.RPC {
		s.told = append(s.told, &told{name: jsonrpc.Name(e.URL), kind: topology.StreamRPC})
	}
	r := tail.Resume
	if r == nil {
		return s, nil
	}
	s.genesis, s.started = hex.EncodeToString(r.GetGenesis()), r.GetStarted()
	s.head = Block{Height: r.GetHead(), Hash: hex.EncodeToString(r.GetHash())}
	for _, n := range r.GetNodes() {
		s.nodes[n.GetUrl()] = position{apiVersion: n.GetApiVersion(), lastID: n.GetLastId(), hasLast: n.GetHasLastId()}
	}
	if s.started {
		top := s.head.Height
		if b := r.GetBackfillHeight(); b > 0 {
			top = b - 1
			s.covered.add(s.head.Height, s.head.Height)
		}
		s.covered.add(0, top)
	}
	if from := r.GetDoubt(); from > 0 {
		s.doubt = &doubt{from: from, since: time.Now()}
	}
	if err := s.readBack(ctx, log, tail.Seq); err != nil {
		return nil, fmt.Errorf("reading the newest facts back: %w", err)
	}
	return s, nil
}

// readBack fills the set of seen keys and the recent blocks from the subject's
// newest facts.
func (s *Source) readBack(ctx context.Context, log core.Log, seq uint64) error {
	facts, size := 0, 0
	type told struct {
		kind, key string
		fetched   bool // by JSON-RPC, which does not tell all
	}
	var keys []told    // newest first
	var blocks []Event // newest first
	err := core.WalkBack(ctx, log, seq, func(_ uint64, p *chainv1.Pack, n int) bool {
		size += n
		for _, u := range slices.Backward(p.GetUnits()) {
			f := u.GetFact()
			if f == nil {
				continue
			}
			facts++
			keys = append(keys, told{f.GetKind(), f.GetKey(), lacksMessages(f.GetKind(), f.GetRaw())})
			if f.GetKind() == "BlockAdded" {
				if e := Read(f.GetRaw()); e.Block != nil {
					e.Raw = nil
					blocks = append(blocks, e)
				}
			}
		}
		return facts < maxSeen && size < maxReadBack
	})
	for _, k := range slices.Backward(keys) {
		if k.fetched {
			s.fetched.add(k.kind, k.key)
		} else {
			s.seen.add(k.kind, k.key)
		}
	}
	for _, e := range slices.Backward(blocks) {
		s.covered.add(e.Block.Height, e.Block.Height)
		s.link(*e.Block)
		s.owe(e)
	}
	return err
}

// State may be called from any goroutine.
func (s *Source) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := State{Head: s.head.Height, Started: s.started, Endpoints: maps.Clone(s.ends), Gap: s.covered.missing(), Owed: len(s.owed.list)}
	for _, err := range s.ends {
		if err == nil {
			st.Connected++
		}
	}
	return st
}

// Run listens until ctx ends or emit fails; that error is returned.
func (s *Source) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// 16: events are up to 7 MiB; the next ones wait in the sockets.
	events := make(chan received, 16)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	f, err := newFiller(s, s.set.RPC, events)
	if err != nil {
		return err
	}
	positions := maps.Clone(s.nodes)
	client := &http.Client{Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: 30 * time.Second,
	}}
	defer client.CloseIdleConnections()
	for _, base := range s.set.SSE {
		wg.Go(func() { s.node(ctx, base, positions, client, f, events) })
	}
	if len(s.set.RPC) > 0 {
		wg.Go(func() { f.run(ctx) })
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case r := <-events:
			verdict := s.fits(r)
			if verdict == nil && !r.probe {
				if err := s.merge(ctx, r); err != nil {
					return err
				}
			}
			if r.verdict != nil {
				r.verdict <- verdict
			}
		}
	}
}

// merge hands out an event that is new.
func (s *Source) merge(ctx context.Context, r received) error {
	if r.endpoint != "" {
		s.nodes[r.endpoint] = r.pos
		s.streamed(r)
	}
	fresh := s.fresh(r)
	s.obs.Taken(r.Kind, fresh)
	if r.Block != nil {
		s.block(*r.Block, r.endpoint == "")
		s.owe(r.Event)
	}
	if r.Kind == "DeployProcessed" || r.Kind == "TransactionProcessed" {
		s.settle(r.Key)
	}
	if !fresh {
		return nil
	}
	fact := &chainv1.Fact{Kind: r.Kind, Key: r.Key, Raw: r.Raw, ReceivedMs: time.Now().UnixMilli()}
	return s.emit(ctx, core.Item{Unit: &chainv1.Unit{Kind: &chainv1.Unit_Fact{Fact: fact}}, Resume: s.resume()})
}
