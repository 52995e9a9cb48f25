package feed

import (
	"iter"
	"sort"
	"time"
)

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

// Members counts the subscriptions that are level with the feed.
func (f *Feed) Members() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.members
}
