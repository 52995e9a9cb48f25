package feed

import (
	"iter"
	"sort"
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

// Offered is what became of a frame.
type Offered int

const (
	Taken  Offered = iota
	Full           // no room now: the subscription goes on at its own pace
	Closed         // the client is gone
)

// Sink receives frames. Neither method may block.
type Sink interface {
	// Offer takes a frame that must not be lost.
	Offer(frame []byte) Offered
	// Hint takes a frame that may be left out when there is no room.
	Hint(frame []byte)
}

// Newest is a sink of a state, of which only the last frame counts.
type Newest interface {
	// Offer takes the message's frame, in the place of one that still waits.
	Offer(m *Message, frame []byte) Offered
	// Waits says whether one does: what is told of the position would overtake it.
	Waits() bool
}

// Sub is one subscription. Its fields are set before it joins; after and the
// membership belong to the feed's lock.
type Sub struct {
	ID      string // raw JSON; "" = bare data frames
	Channel string
	Scope   Scope
	Owner   uint64              // account whose messages alone it gets; 0 on channels of everybody
	Match   func(*Message) bool // nil = every message of its channel, scope and owner
	Sink    Sink
	Newest  Newest // takes the messages instead of Sink; nil = none may be left out
	// Lagging is called when the subscription is no longer a member and goes on
	// from its own position: the feed moved on by more than it can tell, or the
	// client was slow.
	Lagging func(epoch string, after uint64, slow bool)
	// Reset is called when the feed began anew: everything the client holds is
	// of an older life. The subscription stays a member.
	Reset func(epoch string, seq uint64)

	after  uint64
	member bool
	at     int // in its place's members
}

// place is where a message looks for its subscriptions.
type place struct {
	channel, scope string
	owner          uint64
}

func (s *Sub) place() place { return place{s.Channel, s.Scope.Value, s.Owner} }

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

// Wants says whether a message is the subscription's.
func (s *Sub) Wants(m *Message) bool {
	return m.Channel == s.Channel && m.Scope.Value == s.Scope.Value && m.Owner == s.Owner && s.selects(m)
}

func (s *Sub) selects(m *Message) bool { return s.Match == nil || s.Match(m) }

func (s *Sub) offer(m *Message, frame []byte) Offered {
	if s.Newest != nil {
		return s.Newest.Offer(m, frame)
	}
	return s.Sink.Offer(frame)
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

// Joined is the outcome of a Join.
type Joined int

const (
	Member  Joined = iota // level with the feed
	Behind                // the messages returned come first
	TooOld                // the ring does not reach back: read a page first
	Unknown               // behind the feed's end: only Postgres can tell whether that exists
	Anew                  // another epoch
)

// atOnce is how many messages a join tells under the feed's lock; more are
// handed back to be sent at the client's pace.
const atOnce = 64

// Join makes s a member that has everything up to `after`; the little that the
// feed published since is told at once. If that is more than a little, s is no
// member: the messages up to upTo are returned, to be sent before the next
// Join. verified: `after` came from a page of this epoch, so it may lie ahead
// of the feed.
func (f *Feed) Join(s *Sub, epoch string, after uint64, verified bool) (joined Joined, msgs []*Message, upTo uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sought = time.Now()
	switch {
	case epoch != f.epoch:
		return Anew, nil, 0
	case after > f.held && !verified:
		return Unknown, nil, 0
	case after < f.floor:
		return TooOld, nil, 0
	}
	for i := f.behind(after); i < len(f.ring); i++ {
		if m := f.ring[i]; s.Wants(m) {
			msgs = append(msgs, m)
		}
	}
	if len(msgs) > atOnce {
		return Behind, msgs, max(after, f.held)
	}
	for i, m := range msgs {
		if s.offer(m, m.Frame(s.ID)) == Full {
			return Behind, msgs[i:], max(after, f.held)
		}
	}
	f.delivered.Add(float64(len(msgs)))
	s.after = after
	f.enter(s)
	return Member, nil, 0
}

// behind is the index of the first message in the ring behind a position.
func (f *Feed) behind(after uint64) int {
	return sort.Search(len(f.ring), func(i int) bool { return f.ring[i].Pos > after })
}

// JoinNow makes s a member from the feed's present position on; hello is
// called with that position before anything is told.
func (f *Feed) JoinNow(s *Sub, hello func(epoch string, seq uint64)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.join(s, f.held, hello)
}

// JoinAt is JoinNow from a position that the caller knows to be the feed's
// own, or one that it will publish again from.
func (f *Feed) JoinAt(s *Sub, pos uint64, hello func(epoch string, seq uint64)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.join(s, pos, hello)
}

func (f *Feed) join(s *Sub, pos uint64, hello func(epoch string, seq uint64)) {
	s.after = pos
	f.enter(s)
	hello(f.epoch, pos)
}

// Leave ends a membership.
func (f *Feed) Leave(s *Sub) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.exit(s)
}

func (f *Feed) enter(s *Sub) {
	if s.member {
		return
	}
	at := s.place()
	s.member, s.at = true, len(f.places[at])
	f.places[at] = append(f.places[at], s)
	f.watched[s.Channel]++
	f.members++
}

func (f *Feed) exit(s *Sub) {
	if !s.member {
		return
	}
	at := s.place()
	list := f.places[at]
	last := list[len(list)-1]
	list[s.at], last.at = last, s.at
	list[len(list)-1] = nil
	if list = list[:len(list)-1]; len(list) == 0 {
		delete(f.places, at)
	} else {
		f.places[at] = list
	}
	s.member = false
	f.watched[s.Channel]--
	f.members--
	f.sought = time.Now()
}

// all goes over the members; each may leave when it is its turn.
func (f *Feed) all() iter.Seq[*Sub] {
	return func(yield func(*Sub) bool) {
		for at := range f.places {
			for i := len(f.places[at]) - 1; i >= 0; i-- {
				if !yield(f.places[at][i]) {
					return
				}
			}
		}
	}
}

// soughtFor is how long the feed of a member that left goes on remembering: it
// may only have lost its connection.
const soughtFor = time.Minute

// Wanted says whether somebody is a member, was one within the last minute, or
// tried to be. A feed that nobody wants may Skip, which whoever comes later
// finds in Postgres; one who comes in between is sent there too.
func (f *Feed) Wanted() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.members > 0 || !f.sought.IsZero() && time.Since(f.sought) < soughtFor
}

// Watched says whether a channel has members: who makes messages that are not
// remembered may spare them otherwise.
func (f *Feed) Watched(channel string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.watched[channel] > 0
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

// Members counts the subscriptions that are level with the feed.
func (f *Feed) Members() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.members
}
