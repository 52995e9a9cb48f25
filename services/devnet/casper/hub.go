package casper

import (
	"encoding/json"
	"math"
	"strconv"
	"sync"
)

// sent is an event with its id, as it is in the ring.
type sent struct {
	id    uint32
	on    stream
	frame []byte // as it goes over the wire
}

// frame writes an event as the node's web framework does: the data line first,
// then the id line, no space after the colons. ApiVersion has no id.
func frame(raw json.RawMessage, id *uint32) []byte {
	b := make([]byte, 0, len(raw)+24)
	b = append(append(b, "data:"...), raw...)
	if id != nil {
		b = strconv.AppendUint(append(b, "\nid:"...), uint64(*id), 10)
	}
	return append(b, "\n\n"...)
}

// hub is the ring of the latest events and the wake-up of those who read it.
// A reader that falls out of the ring's other end is disconnected.
type hub struct {
	mu          sync.Mutex
	ring        []sent
	base        uint64 // number of events that have left the ring
	size        int
	changed     chan struct{} // closed at each change
	subscribers int
	drops       uint64 // each DropConnections raises it
	ends        uint64 // position at which those who came before it are let go
	closed      bool
}

func newHub(size int) *hub { return &hub{size: size, changed: make(chan struct{})} }

func (h *hub) publish(events ...sent) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ring = append(h.ring, events...)
	if over := len(h.ring) - h.size; over > 0 {
		h.ring = append(h.ring[:0:0], h.ring[over:]...)
		h.base += uint64(over)
	}
	h.wake()
}

func (h *hub) wake() {
	close(h.changed)
	h.changed = make(chan struct{})
}

// join counts a subscriber in, unless there are too many, and says where in the
// ring it begins; drops is the number of DropConnections so far.
func (h *hub) join(limit int, from *uint32) (at, drops uint64, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.subscribers >= limit || h.closed {
		return 0, 0, false
	}
	h.subscribers++
	h.wake()
	return h.begin(from), h.drops, true
}

// begin is the position at which a new subscriber starts: without start_from
// after the last event, else at the first event with that id or a later one.
// When the ids in the ring are about to wrap round at 2^32, or just have, they
// are compared shifted by the ring's size, as the node does.
func (h *hub) begin(from *uint32) uint64 {
	end := h.base + uint64(len(h.ring))
	if from == nil {
		return end
	}
	var shift uint32
	if len(h.ring) > 0 {
		size, first := uint32(h.size), h.ring[0].id
		if first > math.MaxUint32-size || first < size {
			shift = size
		}
	}
	for i, e := range h.ring {
		if e.id+shift >= *from+shift {
			return h.base + uint64(i)
		}
	}
	return end
}

// next gives the frames of a stream from a position on, the position after
// them, and a channel that is closed when there is more. lagged = the position
// has left the ring.
func (h *hub) next(at uint64, on stream) (frames [][]byte, now uint64, more <-chan struct{}, lagged bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if at < h.base {
		return nil, at, nil, true
	}
	for _, e := range h.ring[at-h.base:] {
		if e.on&on != 0 {
			frames = append(frames, e.frame)
		}
	}
	return frames, h.base + uint64(len(h.ring)), h.changed, false
}

// forget drops all but the newest keep events. Those who are connected have had
// the others, or are lagging.
func (h *hub) forget(keep int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if over := len(h.ring) - keep; over > 0 {
		h.ring = append(h.ring[:0:0], h.ring[over:]...)
		h.base += uint64(over)
	}
	h.wake()
}

// finish lets those who are connected go once they have had what there is.
func (h *hub) finish() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ends = h.base + uint64(len(h.ring))
	h.wake()
}

// over says whether a subscriber has had all before the end that came after it
// joined, when ends was the former one.
func (h *hub) over(at, ends uint64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ends != ends && at >= h.ends
}

func (h *hub) end() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ends
}

func (h *hub) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.subscribers--
	h.wake()
}

// state is what a subscriber checks between writes.
func (h *hub) state() (drops uint64, closed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.drops, h.closed
}

func (h *hub) drop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drops++
	h.wake()
}

// close ends all subscribers once they have read what is in the ring.
func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	h.wake()
}

// waitSubscribers returns a channel closed at the next change and the count.
func (h *hub) waitSubscribers() (count int, changed <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.subscribers, h.changed
}
