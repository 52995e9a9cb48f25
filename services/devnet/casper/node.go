// Package casper simulates a Casper node: its event stream over SSE, in the
// node's own framing, and the part of its JSON-RPC that fills gaps. The chain
// that it serves is made up (blocks, deploys, transfers, signatures, eras) or
// replayed from a recording, and kept under a data folder.
//
//	protocol  streams                                        events
//	1.x       /events/main, /events/deploys, /events/sigs    DeployAccepted, DeployProcessed, …
//	2.x       /events                                        TransactionAccepted, …
//
// On the wire an event is
//
//	data:{"BlockAdded":{…}}
//	id:17
//	(empty line)
//
// with ApiVersion first on each connection, without an id, and the comment ":"
// when nothing was sent for 15 s. Ids count over all streams, so each stream
// has gaps in them.
package casper

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"go.uber.org/zap"
)

// Node is a running node. Its methods may be called from any goroutine.
type Node struct {
	*door
	cfg   Config
	log   *zap.Logger
	maker *maker
	began time.Time

	mu      sync.Mutex // guards what follows, and the order of events
	store   *store
	index   index
	nextID  uint32
	peers   []*Peer
	stopped bool

	sse, rpc *server
	cancel   context.CancelFunc
	loop     sync.WaitGroup
}

// Start opens the chain of cfg.DataDir, or makes a new one with its genesis
// block, and serves it. ctx bounds the start only; the node runs until Stop.
func Start(ctx context.Context, cfg Config) (*Node, error) {
	cfg.fill()
	n := &Node{cfg: cfg, log: cfg.Log, door: newDoor(cfg, cfg.Seed), index: newIndex(), began: cfg.Clock()}
	if err := n.open(ctx); err != nil {
		return nil, errors.Join(err, n.close())
	}
	if cfg.Period > 0 {
		loopCtx, cancel := context.WithCancel(context.Background())
		n.cancel = cancel
		n.loop.Go(func() { n.produce(loopCtx) })
	}
	return n, nil
}

func (n *Node) open(ctx context.Context) error {
	var ring []sent
	store, chain, err := openStore(n.cfg, func(e eventLine, p place) {
		n.index.add(e.Type, e.Raw, p)
		n.nextID = e.ID + 1
		if ring = append(ring, sent{e.ID, streamOf(e.Type), frame(e.Raw, &e.ID)}); len(ring) >= 2*n.cfg.Buffer {
			ring = append(ring[:0], ring[len(ring)-n.cfg.Buffer:]...)
		}
	})
	if err != nil {
		return err
	}
	n.store = store
	n.nextID -= n.cfg.IDsBack
	if !n.cfg.ForgetBuffer {
		n.hub.publish(ring...)
	}
	n.maker = newMaker(n.cfg, chain.Seed)
	if !n.index.tip.exists && !n.cfg.NoGenesis {
		if _, err := n.MakeBlock(0, 0); err != nil {
			return err
		}
	}
	if n.sse, err = serve(ctx, n.cfg.SSEAddr, http.HandlerFunc(n.serveEvents)); err != nil {
		return fmt.Errorf("serving events: %w", err)
	}
	rpc := n.wrapRPC(http.HandlerFunc(n.serveRPC))
	if n.cfg.WrapRPC != nil {
		rpc = n.cfg.WrapRPC(rpc)
	}
	if n.rpc, err = serve(ctx, n.cfg.RPCAddr, rpc); err != nil {
		return fmt.Errorf("serving JSON-RPC: %w", err)
	}
	return nil
}

// SSEURL is the address of the event stream server, without a path.
func (n *Node) SSEURL() string { return "http://" + n.sse.listener.Addr().String() }

// RPCURL is the address of the JSON-RPC server with its path.
func (n *Node) RPCURL() string { return "http://" + n.rpc.listener.Addr().String() + "/rpc" }

// produce makes a block each period until ctx ends.
func (n *Node) produce(ctx context.Context) {
	ticker := time.NewTicker(n.cfg.Period)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if _, err := n.MakeBlock(n.cfg.Deploys, n.cfg.Transfers); err != nil {
				n.log.Error("block was not made", zap.Error(err))
			}
		}
	}
}

// send gives events their ids, writes them down, and then sends them. The
// caller holds n.mu.
func (n *Node) send(events ...Event) error {
	if n.stopped {
		return errors.New("the node is stopped")
	}
	told := events // before this node brings them into an order of its own
	events = n.order(events)
	lines := make([]json.RawMessage, len(events))
	for i, e := range events {
		lines[i] = encode(eventLine{n.nextID + uint32(i), e.Type, e.Raw})
	}
	places, err := n.store.append(lines...)
	if err != nil {
		return err
	}
	first := n.nextID
	n.nextID += uint32(len(events))
	for i, e := range events {
		n.index.add(e.Type, e.Raw, places[i])
	}
	n.tell(first, events)
	for _, p := range n.peers {
		p.take(told)
	}
	return nil
}

// Stop ends the node as a node that is shut down does: Shutdown is the last
// event of every stream. A second call does nothing.
func (n *Node) Stop() error { return n.end(shutdown) }

// Kill ends the node as a crash does: connections break, nothing is said.
func (n *Node) Kill() error {
	n.hub.drop()
	return n.end()
}

func (n *Node) end(last ...Event) error {
	if n.cancel != nil {
		n.cancel()
	}
	n.loop.Wait()
	n.mu.Lock()
	if n.stopped {
		n.mu.Unlock()
		return nil
	}
	err := n.send(last...)
	n.stopped = true
	n.mu.Unlock() // handlers take it while they end
	n.hub.close()
	return errors.Join(err, n.close())
}

func (n *Node) close() error {
	var errs []error
	for _, p := range n.peers {
		errs = append(errs, p.close())
	}
	for _, s := range []*server{n.sse, n.rpc} {
		if s != nil {
			errs = append(errs, s.close())
		}
	}
	if n.store != nil {
		errs = append(errs, n.store.close())
	}
	return errors.Join(errs...)
}
