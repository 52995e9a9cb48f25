// Package fakecasper is a Casper node's event streams for tests, with the
// node's framing (data before id, keep-alive comments, ApiVersion first and
// without id) and faults on request.
package fakecasper

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Node is one node. Its streams are served at /events (V2) or at /events/main,
// /events/deploys and /events/sigs.
type Node struct {
	V2      bool
	Version string
	// Chunk is the number of bytes of each write; 0: whole frames.
	Chunk int
	// Joining: the node has not caught up with its network. Streams open, say
	// ApiVersion and are kept alive, and tell nothing.
	Joining bool

	mu      sync.Mutex
	streams map[string]*stream
	changed chan struct{}
	fault   func(w http.ResponseWriter, r *http.Request) bool
	starts  []string // start_from of each request, "-" without
	gen     int      // connections of an older generation are closed
}

type stream struct {
	events []event
	next   uint64
}

type event struct {
	id  uint64
	raw string
}

// New returns a node without events.
func New(v2 bool, version string) *Node {
	n := &Node{V2: v2, Version: version, changed: make(chan struct{})}
	n.reset(0)
	return n
}

func (n *Node) reset(first uint64) {
	n.streams = map[string]*stream{}
	paths := []string{"/events/main", "/events/deploys", "/events/sigs"}
	if n.V2 {
		paths = []string{"/events"}
	}
	for _, p := range paths {
		n.streams[p] = &stream{next: first}
	}
}

// Add appends an event to the stream that the node would send it on.
func (n *Node) Add(raw string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	path := "/events"
	if !n.V2 {
		switch {
		case strings.HasPrefix(raw, `{"FinalitySignature"`):
			path = "/events/sigs"
		case strings.HasPrefix(raw, `{"DeployAccepted"`):
			path = "/events/deploys"
		default:
			path = "/events/main"
		}
	}
	s := n.streams[path]
	s.events = append(s.events, event{s.next, raw})
	s.next++
	n.wake()
}

// Disconnect closes all connections.
func (n *Node) Disconnect() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.gen++
	n.wake()
}

// Crash closes all connections and starts ids at first again, with an empty buffer.
func (n *Node) Crash(first uint64, version string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.reset(first)
	n.Version = version
	n.gen++
	n.wake()
}

// Forget drops all but the newest keep events of each stream.
func (n *Node) Forget(keep int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, s := range n.streams {
		s.events = s.events[max(0, len(s.events)-keep):]
	}
}

// Fault sets what may answer a request in the node's place; nil: nothing.
func (n *Node) Fault(f func(w http.ResponseWriter, r *http.Request) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fault = f
}

// Starts returns the start_from of each request so far, "-" for none.
func (n *Node) Starts() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]string(nil), n.starts...)
}

func (n *Node) wake() {
	close(n.changed)
	n.changed = make(chan struct{})
}

// ServeHTTP serves one stream until the client leaves or Disconnect.
func (n *Node) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	fault := n.fault
	s := n.streams[r.URL.Path]
	gen := n.gen
	start := r.URL.Query().Get("start_from")
	if s != nil {
		n.starts = append(n.starts, map[bool]string{true: "-", false: start}[start == ""])
	}
	n.mu.Unlock()
	if fault != nil && fault(w, r) {
		return
	}
	if s == nil {
		http.Error(w, "invalid path", http.StatusNotFound)
		return
	}
	var from uint64
	if start != "" {
		var err error
		if from, err = strconv.ParseUint(start, 10, 32); err != nil {
			http.Error(w, "invalid query", http.StatusUnprocessableEntity)
			return
		}
	}
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprintf(w, "data:{\"ApiVersion\":%q}\n\n", n.Version)
	w.(http.Flusher).Flush()
	// With start_from a node sends what it has from there on, then whatever
	// comes, even below it; without it, only what comes.
	sent := -1
	for {
		n.mu.Lock()
		changed := n.changed
		if n.gen != gen {
			n.mu.Unlock()
			return
		}
		events := n.streams[r.URL.Path].events
		if n.Joining {
			events = nil
		}
		if sent < 0 {
			sent = len(events)
			if i := slices.IndexFunc(events, func(e event) bool { return e.id >= from }); start != "" && i >= 0 {
				sent = i
			}
		}
		todo := append([]event(nil), events[min(sent, len(events)):]...)
		sent = len(events)
		n.mu.Unlock()
		for _, e := range todo {
			n.write(w, fmt.Sprintf("data:%s\nid:%d\n\n", e.raw, e.id))
		}
		w.(http.Flusher).Flush()
		select {
		case <-r.Context().Done():
			return
		case <-changed:
		case <-time.After(100 * time.Millisecond):
			fmt.Fprint(w, ":\n\n")
			w.(http.Flusher).Flush()
		}
	}
}

func (n *Node) write(w http.ResponseWriter, frame string) {
	for n.Chunk > 0 && len(frame) > n.Chunk {
		fmt.Fprint(w, frame[:n.Chunk])
		w.(http.Flusher).Flush()
		frame = frame[n.Chunk:]
	}
	fmt.Fprint(w, frame)
}

// BlockAdded is a 1.x event of a made-up block: its hash is made of seed and
// height, and it is linked to the block below.
func BlockAdded(seed string, height uint64, deploys ...string) string {
	return fmt.Sprintf(`{"BlockAdded":{"block_hash":%q,"block":%s}}`, BlockHash(seed, height), BlockJSON(seed, height, deploys...))
}

// BlockJSON is the block alone, as chain_get_block answers it.
func BlockJSON(seed string, height uint64, deploys ...string) string {
	parent := strings.Repeat("0", 64)
	if height > 0 {
		parent = BlockHash(seed, height-1)
	}
	list := "[]"
	if len(deploys) > 0 {
		list = `["` + strings.Join(deploys, `","`) + `"]`
	}
	return fmt.Sprintf(`{"hash":%q,"header":{"parent_hash":%q,"state_root_hash":%q,"timestamp":"2024-01-03T23:41:23.840Z","era_id":1,"height":%d,"protocol_version":"1.5.3"},`+
		`"body":{"proposer":"01ab","deploy_hashes":%s,"transfer_hashes":[]},"proofs":[]}`, BlockHash(seed, height), parent, parent, height, list)
}

// BlockV2JSON is a block of protocol 2.x with Version1 transactions, as it is in
// BlockAdded and in block_with_signatures.
func BlockV2JSON(seed string, height uint64, transactions ...string) string {
	parent := strings.Repeat("0", 64)
	if height > 0 {
		parent = BlockHash(seed, height-1)
	}
	list := make([]string, len(transactions))
	for i, t := range transactions {
		list[i] = fmt.Sprintf(`{"Version1":%q}`, t)
	}
	return fmt.Sprintf(`{"Version2":{"hash":%q,"header":{"parent_hash":%q,"state_root_hash":%q,"timestamp":"2025-01-03T23:41:23.840Z","era_id":1,"height":%d,`+
		`"protocol_version":"2.0.0","proposer":"01ab"},"body":{"transactions":{"0":[%s]},"rewarded_signatures":[]}}}`, BlockHash(seed, height), parent, parent, height, strings.Join(list, ","))
}

// DeployProcessed is a 1.x event.
func DeployProcessed(hash, block string) string {
	return fmt.Sprintf(`{"DeployProcessed":{"deploy_hash":%q,"account":"01ab","timestamp":"2024-05-27T13:36:03.212Z","ttl":"30m","dependencies":[],"block_hash":%q,"execution_result":{"Success":{"cost":"1"}}}}`, hash, block)
}

// BlockHash is the hash of a made-up block.
func BlockHash(seed string, height uint64) string {
	return fmt.Sprintf("%x", fmt.Sprintf("%-24s%08d", seed, height))
}

// Signature is a finality signature of validator v for a block.
func Signature(block string, v int) string {
	return fmt.Sprintf(`{"FinalitySignature":{"block_hash":%q,"era_id":1,"signature":"01aa","public_key":"01%062x"}}`, block, v)
}
