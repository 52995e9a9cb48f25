package feed

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
