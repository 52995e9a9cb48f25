package engine

import ordersv1 "fondaco.dev/proto/orders/v1"

// Spans of stream time, in milliseconds. See docs/adr/0007-stream-time.md.
const (
	maxLeapMs     = 60_000         // a leap further ahead is looked at twice
	staleMs       = 5_000          // age at which a gateway's command is refused
	gatewayTTLMs  = 3_600_000      // how long a gateway's last pack number is kept
	clientIDTTLMs = 24 * 3_600_000 // how long a dead order's client id is kept
)

// clock is the stream's time: the highest server timestamp seen, unless the
// server's clock cannot be believed.
//
// A leap of more than 60 s over the last time is ordinary after an idle night,
// and then the sender's own clock leaps with it. When the server is also more
// than 60 s ahead of the pack's sent_at, one of two things happened: the pack
// was under way for long (a stopped server, a re-sent pack), or the server's
// clock is wrong. Such a pack does not move the time and its commands are
// stale. The engine's leader then sends ticks, one at a time and made anew
// each: a second one in a row that disagrees was not under way for long, so
// the server's clock is wrong and the venue halts. A tick that is only repeated
// does not count. One pack on whose time both clocks agree clears the doubt.
type clock struct {
	nowMs      int64
	halted     bool
	leaptToMs  int64  // what the server claimed when the venue halted
	doubted    bool   // the last leap was not believed; a tick is wanted
	doubtfulBy string // gateway of the tick that was not believed
}

// tell is what a pack's timestamps mean.
type tell uint8

const (
	tellTimely tell = iota
	tellDoubtful
	tellHalt // the venue halts with this pack
)

// advance takes the timestamps of a pack in; repeated says that its number was
// applied before. Times are Unix milliseconds.
func (c *clock) advance(from, gateway string, repeated bool, sentMs, serverMs int64) tell {
	if c.halted {
		return tellTimely
	}
	serverMs, sentMs = max(serverMs, 0), max(sentMs, 0)
	if c.nowMs != 0 && serverMs-c.nowMs > maxLeapMs && serverMs-sentMs > maxLeapMs {
		c.doubted = true
		if from != ordersv1.FromTick || repeated {
			return tellDoubtful
		}
		if c.doubtfulBy != gateway {
			c.doubtfulBy = gateway
			return tellDoubtful
		}
		c.halted, c.leaptToMs = true, serverMs
		return tellHalt
	}
	c.nowMs = max(c.nowMs, serverMs)
	c.doubted, c.doubtfulBy = false, ""
	return tellTimely
}

// accept ends a halt: the server's time is the stream's again.
func (c *clock) accept(serverMs int64) {
	*c = clock{nowMs: max(c.nowMs, serverMs)}
}
