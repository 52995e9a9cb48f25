package casper

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
)

// door is one event stream server: its ring, what ApiVersion says, and how it
// misbehaves. A node has one; each peer of it has its own.
type door struct {
	cfg Config
	hub *hub

	mu      sync.Mutex // guards what follows
	version string     // what ApiVersion says
	raw     [][]byte
	on      map[string]Params
	acted   map[string]int
	random  *rand.Rand
}

func newDoor(cfg Config, seed string) *door {
	return &door{cfg: cfg, hub: newHub(cfg.Buffer), version: cfg.Protocol, on: map[string]Params{}, acted: map[string]int{},
		random: source(seed, 0, "faults")}
}

// order is the order in which the events of one moment go out.
func (d *door) order(events []Event) []Event {
	if _, ok := d.acts(Disorder); !ok {
		return events
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	events = append([]Event(nil), events...)
	d.random.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	return events
}

// tell sends events, the i-th with id first+i, to those who are connected.
func (d *door) tell(first uint32, events []Event) {
	if _, ok := d.acts(Joining); ok {
		return
	}
	out := make([]sent, 0, len(events))
	for i, e := range events {
		if !d.loses(e.Type) {
			id := first + uint32(i)
			out = append(out, sent{id, streamOf(e.Type), frame(e.Raw, &id)})
		}
	}
	d.hub.publish(out...)
}

func (d *door) loses(kind string) bool {
	name := map[string]string{
		"DeployProcessed": LoseOutcomes, "TransactionProcessed": LoseOutcomes, "BlockAdded": LoseBlocks, "FinalitySignature": LoseSignatures,
	}[kind]
	d.mu.Lock()
	defer d.mu.Unlock()
	p, ok := d.on[name]
	if !ok || d.random.Float64() >= cmp.Or(p.P, 1) {
		return false
	}
	d.acted[name]++
	return true
}

// DropConnections breaks all open event streams in the middle.
func (d *door) DropConnections() { d.hub.drop() }

// SetAPIVersion changes what ApiVersion says to those who connect from now on.
func (d *door) SetAPIVersion(version string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.version = version
}

func (d *door) apiVersion() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.version
}

// ServeRaw answers the next event stream connection with these bytes, cut by
// Config.Chunk, and breaks it. Several calls queue up.
func (d *door) ServeRaw(text []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.raw = append(d.raw, text)
}

func (d *door) takeRaw() ([]byte, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.raw) == 0 {
		return nil, false
	}
	text := d.raw[0]
	d.raw = d.raw[1:]
	return text, true
}

// WaitSubscribers blocks until so many event streams are open.
func (d *door) WaitSubscribers(ctx context.Context, count int) error {
	for {
		now, changed := d.hub.waitSubscribers()
		if now == count {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %d subscribers, there are %d: %w", count, now, ctx.Err())
		case <-changed:
		}
	}
}

// Peer is another node of the same network: the same chain and JSON-RPC, and an
// event stream with ids, a buffer and faults of its own.
type Peer struct {
	*door
	node *Node

	ids      sync.Mutex // guards next, and the order of events
	next     uint32
	sse, rpc *server
}

// Peer starts another node that tells what this one tells from now on, with ids
// from first on. It ends with this node.
func (n *Node) Peer(ctx context.Context, first uint32) (*Peer, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stopped {
		return nil, errors.New("the node is stopped")
	}
	p := &Peer{door: newDoor(n.cfg, fmt.Sprint(n.maker.seed, "peer", len(n.peers))), node: n, next: first}
	var err error
	if p.sse, err = serve(ctx, "127.0.0.1:0", http.HandlerFunc(p.serveEvents)); err != nil {
		return nil, fmt.Errorf("serving events of a peer: %w", err)
	}
	if p.rpc, err = serve(ctx, "127.0.0.1:0", p.wrapRPC(http.HandlerFunc(n.serveRPC))); err != nil {
		return nil, errors.Join(fmt.Errorf("serving JSON-RPC of a peer: %w", err), p.sse.close())
	}
	n.peers = append(n.peers, p)
	return p, nil
}

// take sends events of the chain with the peer's own ids, in its own order.
func (p *Peer) take(events []Event) {
	p.ids.Lock()
	defer p.ids.Unlock()
	p.tell(p.next, p.order(events))
	p.next += uint32(len(events))
}

// SSEURL is the address of the event stream server, without a path.
func (p *Peer) SSEURL() string { return "http://" + p.sse.listener.Addr().String() }

// RPCURL is the address of the JSON-RPC server with its path.
func (p *Peer) RPCURL() string { return "http://" + p.rpc.listener.Addr().String() + "/rpc" }

func (p *Peer) close() error {
	p.hub.close()
	return errors.Join(p.sse.close(), p.rpc.close())
}
