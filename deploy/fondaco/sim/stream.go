// Package sim runs the steps of the event-handler and of the writer on one
// goroutine, against a chain, nodes, a stream and a store in memory, all driven
// by one seed: every interleaving, lost answer and crash can be played again.
package sim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"fondaco.dev/pkg/bus"
)

// Stream models a JetStream stream as its clients see it: messages of several
// subjects with dense sequences, expected last sequences per subject, and the
// window in which a message id is known. A suite that runs against a real
// server too holds the model to it.
type Stream struct {
	// Replicas is 1 or 3. With one, a stale expectation is refused whatever the
	// message id; with three, an id that is known is a duplicate before the
	// expectation is looked at.
	Replicas int
	// Lose is the chance that an answer to Send is lost: the message is stored
	// now, stored later, or never.
	Lose float64
	// Life is raised by Cut: connections to the server are made anew.
	Life int
	// Clock is the server's, and stamps the messages; nil = a second a message.
	Clock func() time.Time

	rng      *rand.Rand
	messages []bus.Message // ascending by sequence, dense
	last     uint64        // sequence given last; stays when messages are cut off the end
	ids      map[string]uint64
	late     []late // sent, and still on the way when their sender gave up
}

type late struct {
	subject, id string
	expected    uint64
	data        []byte
}

// anywhere is the expectation of a message that may stand behind any other.
const anywhere = ^uint64(0)

// NewStream returns an empty stream that draws its chances from rng.
func NewStream(rng *rand.Rand) *Stream {
	return &Stream{Replicas: 1, rng: rng, ids: map[string]uint64{}}
}

var (
	errTimeout  = errors.New("no answer in time")
	errSequence = errors.New("wrong last sequence")
)

// Send is one publish. errTimeout says nothing about the outcome.
func (s *Stream) Send(subject, id string, expected uint64, data []byte) (seq uint64, duplicate bool, err error) {
	s.arrive()
	if s.rng.Float64() < s.Lose {
		switch s.rng.IntN(3) {
		case 0:
			_, _, _ = s.store(subject, id, expected, data)
		case 1:
			s.late = append(s.late, late{subject, id, expected, slices.Clone(data)})
		}
		return 0, false, errTimeout
	}
	return s.store(subject, id, expected, data)
}

// Put is one publish without an expectation: a message id that is known is a
// duplicate.
func (s *Stream) Put(subject, id string, data []byte) (seq uint64, duplicate bool, err error) {
	return s.Send(subject, id, anywhere, data)
}

// arrive lets some of what is on the way reach the stream.
func (s *Stream) arrive() {
	for i := 0; i < len(s.late); {
		if s.rng.IntN(2) == 0 {
			i++
			continue
		}
		l := s.late[i]
		s.late = slices.Delete(s.late, i, i+1)
		_, _, _ = s.store(l.subject, l.id, l.expected, l.data)
	}
}

func (s *Stream) store(subject, id string, expected uint64, data []byte) (uint64, bool, error) {
	seen, known := s.ids[id]
	if known && s.Replicas > 1 {
		return seen, true, nil
	}
	tail := uint64(0)
	if m := s.Last(subject); m != nil {
		tail = m.Seq
	}
	if tail != expected && expected != anywhere {
		return 0, false, fmt.Errorf("%w: %d", errSequence, tail)
	}
	if known {
		return seen, true, nil
	}
	s.last++
	at := time.Unix(int64(s.last), 0)
	if s.Clock != nil {
		at = s.Clock()
	}
	s.messages = append(s.messages, bus.Message{Subject: subject, Seq: s.last, Time: at, Data: slices.Clone(data)})
	s.ids[id] = s.last
	return s.last, false, nil
}

// Last is the newest message of a subject, nil when there is none.
func (s *Stream) Last(subject string) *bus.Message {
	for i := range slices.Backward(s.messages) {
		if s.messages[i].Subject == subject {
			return &s.messages[i]
		}
	}
	return nil
}

// Get is the message with a sequence, nil when it is not there.
func (s *Stream) Get(seq uint64) *bus.Message {
	i, ok := slices.BinarySearchFunc(s.messages, seq, func(m bus.Message, seq uint64) int { return int(m.Seq) - int(seq) })
	if !ok {
		return nil
	}
	return &s.messages[i]
}

// Next is the first message of a subject with a sequence of at least from.
func (s *Stream) Next(subject string, from uint64) *bus.Message {
	i, _ := slices.BinarySearchFunc(s.messages, from, func(m bus.Message, seq uint64) int { return int(m.Seq) - int(seq) })
	for ; i < len(s.messages); i++ {
		if s.messages[i].Subject == subject {
			return &s.messages[i]
		}
	}
	return nil
}

// Messages are all that are there, in order; they belong to the stream.
func (s *Stream) Messages() []bus.Message { return s.messages }

// LastSeq is the sequence given last.
func (s *Stream) LastSeq() uint64 { return s.last }

// Restore makes the stream hold what [Stream.Messages] held once: a backup.
func (s *Stream) Restore(messages []bus.Message) {
	s.messages, s.last = slices.Clone(messages), 0
	if n := len(messages); n > 0 {
		s.last = messages[n-1].Seq
	}
	s.Life++
	s.Forget()
	s.late = nil
}

// Forget ends the window in which message ids are known.
func (s *Stream) Forget() { clear(s.ids) }

// Cut takes the newest n messages away, as a restored backup does: their
// sequences are given again.
func (s *Stream) Cut(n int) {
	n = min(n, len(s.messages))
	s.messages = s.messages[:len(s.messages)-n]
	s.last -= uint64(n)
	s.Life++
	s.Forget()
	s.late = nil
}

// Tail is a subject as a fenced publish needs it.
func (s *Stream) Tail(subject string) bus.Tail { return &tail{s, subject} }

type tail struct {
	stream  *Stream
	subject string
}

func (t *tail) Send(_ context.Context, id string, expected uint64, data []byte) (uint64, bool, error) {
	return t.stream.Send(t.subject, id, expected, data)
}

func (t *tail) Last(context.Context) (*bus.Message, error) { return t.stream.Last(t.subject), nil }
