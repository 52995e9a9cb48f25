package feed

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Bounds of a feed's memory. Whoever resumes from within it costs Postgres
// nothing.
const (
	ringMessages = 16384
	ringBytes    = 16 << 20
)

// Feed is safe for concurrent use.
type Feed struct {
	delivered prometheus.Counter

	mu      sync.Mutex
	epoch   string
	held    uint64 // everything up to here was published
	ready   bool
	waiters chan struct{} // closed when ready turns true
	ring    []*Message
	bytes   int
	floor   uint64 // the ring holds everything behind this
	places  map[place][]*Sub
	watched map[string]int // members by channel
	members int
	sought  time.Time // when somebody was a member, or wanted to be, last

	// Of the publication under way: its messages by place, in the order in which
	// the places first came.
	turn  map[place]int
	turns [][]*Message
}

// New makes a feed that has no position yet.
func New(delivered prometheus.Counter) *Feed {
	return &Feed{delivered: delivered, waiters: make(chan struct{}), places: map[place][]*Sub{}, watched: map[string]int{}, turn: map[place]int{}}
}

// Ready is closed once the feed has a position.
func (f *Feed) Ready() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.waiters
}

// Position is where the feed is; "" before it is ready.
func (f *Feed) Position() (epoch string, held uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.epoch, f.held
}

// Start gives the feed its position, or a new one in another epoch, which
// every member is told.
func (f *Feed) Start(epoch string, pos uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	reset := f.ready
	f.epoch, f.held, f.floor = epoch, pos, pos
	f.ring, f.bytes = nil, 0
	if !f.ready {
		f.ready = true
		close(f.waiters)
	}
	if !reset {
		return
	}
	for s := range f.all() {
		s.after = pos
		s.Reset(epoch, pos)
	}
}

// Publish tells the members and moves to pos; the messages' positions are
// ascending and in (held, pos]. A message looks only at the subscriptions to its
// channel, scope and owner. Those of one place are told together, whatever lies
// between them: a client gets its trades in one write, though each came with the
// orders of both sides. So subscriptions of one client keep no order among each
// other.
func (f *Feed) Publish(msgs []*Message, pos uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range msgs {
		if !m.Passing {
			f.remember(m)
		}
		at := m.place()
		if len(f.places[at]) == 0 {
			continue
		}
		i, ok := f.turn[at]
		if !ok {
			i = len(f.turns)
			f.turn[at], f.turns = i, append(f.turns, nil)
		}
		f.turns[i] = append(f.turns[i], m)
	}
	told := 0
	for _, together := range f.turns {
		told += f.tell(together)
	}
	clear(f.turn)
	clear(f.turns)
	f.turns = f.turns[:0]
	f.delivered.Add(float64(told))
	f.held = max(f.held, pos)
}

func (m *Message) place() place { return place{m.Channel, m.Scope.Value, m.Owner} }

// tell gives messages of one place to its members: to each all of them, so that
// they leave together.
func (f *Feed) tell(msgs []*Message) (told int) {
	at := msgs[0].place()
	var frames [][]byte // for the last id: most clients use the same
	var id string
	// From the end, since who leaves gives its index to the last.
	for i := len(f.places[at]) - 1; i >= 0; i-- {
		s := f.places[at][i]
		if frames == nil || s.ID != id {
			frames, id = make([][]byte, len(msgs)), s.ID
		}
		for j, m := range msgs {
			// What is final moves while the position does not: heads are told then too.
			if (m.Pos <= s.after && m.Channel != Heads) || !s.selects(m) {
				continue
			}
			if frames[j] == nil {
				frames[j] = m.Frame(id)
			}
			got := s.offer(m, frames[j])
			if got == Taken {
				told++
				continue
			}
			f.exit(s)
			if got == Full {
				// Of one position a subscription gets one message.
				s.Lagging(f.epoch, m.Pos-1, true)
			}
			break
		}
	}
	return told
}

// remember appends to the ring and drops the oldest; messages of one position
// go together.
func (f *Feed) remember(m *Message) {
	f.ring = append(f.ring, m)
	f.bytes += m.size
	drop := 0
	for drop < len(f.ring)-1 && (len(f.ring)-drop > ringMessages || f.bytes > ringBytes) {
		f.bytes -= f.ring[drop].size
		f.floor = f.ring[drop].Pos
		f.ring[drop] = nil
		drop++
	}
	f.ring = f.ring[drop:]
	for len(f.ring) > 0 && f.ring[0].Pos <= f.floor {
		f.bytes -= f.ring[0].size
		f.ring = f.ring[1:]
	}
}

// Skip moves to pos without telling what lies between: every member leaves and
// goes on from its own position.
func (f *Feed) Skip(pos uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for s := range f.all() {
		f.exit(s)
		s.Lagging(f.epoch, max(s.after, f.held), false)
	}
	f.held = max(f.held, pos)
	f.floor = f.held
	f.ring, f.bytes = nil, 0
}

// Tell hints each member a frame of its own made from the feed's position.
func (f *Feed) Tell(frame func(s *Sub, epoch string, held uint64) []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for s := range f.all() {
		if s.Newest != nil && s.Newest.Waits() {
			continue
		}
		if b := frame(s, f.epoch, max(f.held, s.after)); b != nil {
			s.Sink.Hint(b)
		}
	}
}
