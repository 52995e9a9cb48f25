package evm

import (
	"context"
	"time"
)

// meter measures the time between blocks by their own timestamps.
type meter struct {
	number, time uint64
	pace         time.Duration // smoothed; 0: not measured
}

// saw notes the node's newest block; at is in unix seconds.
func (m *meter) saw(number, at uint64) {
	if m.number > 0 && number > m.number && at >= m.time {
		// Timestamps are whole seconds: several blocks a second come out as 0.
		d := time.Duration(at-m.time) * time.Second / time.Duration(number-m.number)
		if m.pace == 0 {
			m.pace = d
		}
		m.pace += (d - m.pace) / 8
	}
	if number != m.number {
		m.number, m.time = number, at
	}
}

// meter keeps the pace of the chain, which says how long a subscription may be
// silent.
func (s *Source) meter() {
	st := s.Follower.State()
	s.metered.saw(st.NodeHead, st.NodeTime)
	if s.Hint != nil {
		s.Hint.setPace(s.metered.pace)
	}
}

const (
	// A hint may come before the endpoint that is asked has the block. Then it is
	// asked again after eagerFirst, twice that, and so on.
	eagerFirst = 5 * time.Millisecond
	eagerPolls = 8 // 5 ms + 10 + … = 1.3 s
)

// await waits until there may be something new: a hint, or the time to poll.
func (s *Source) await(ctx context.Context) {
	d := s.nextPoll(time.Now())
	var looked <-chan struct{}
	if s.looking != nil {
		looked = s.looking.did
	}
	if s.Hint == nil {
		s.sleep(ctx, d, nil, looked)
		return
	}
	switch {
	case s.sleep(ctx, d, s.Hint.C(), looked):
		s.eager = eagerPolls
	case s.eager > 0:
		s.eager--
	}
}

// nextPoll is how long to wait for a hint. While hints come the head is asked for
// only when they fall silent; else every Poll.
func (s *Source) nextPoll(now time.Time) time.Duration {
	switch {
	case s.eager > 0:
		return min(eagerFirst<<(eagerPolls-s.eager), s.Poll)
	case s.Hint != nil:
		return max(s.Poll, s.Hint.flowsFor(now))
	}
	return s.Poll
}
