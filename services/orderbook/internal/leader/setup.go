package leader

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	ordersv1 "fondaco.dev/proto/orders/v1"
)

// order is a pack of the leader's own on its way to ORDERS.
type order struct {
	from string
	pack *ordersv1.Pack
}

// setup is what the leader itself asks of its venue: the assets and markets of
// the configuration with their limits, and ticks when the engine wants them.
type setup struct {
	a       *applier
	id      string // random; the gateways are <id>-admin and <id>-tick
	prefix  []byte // of both
	adminNo uint64
	tickNo  uint64
	asked   []*ordersv1.Command // the configuration's commands under way; nil = none
	done    bool                // the venue has all that the configuration names
	ticked  bool                // a tick is under way: there is never a second one beside it
	tickAt  time.Time           // when the last one was asked for
}

func (s *setup) init(a *applier) {
	s.a = a
	s.id = "orderbook-" + strings.ToLower(rand.Text()[:12])
	s.prefix = []byte(s.id + "-")
}

func (s *setup) owns(gateway []byte) bool { return bytes.HasPrefix(gateway, s.prefix) }

// step looks, after every pack, at what the leader has to ask.
func (s *setup) step() error {
	s.tick()
	e := s.a.engine
	if s.done || s.asked != nil || e.LastInSeq() < s.a.target {
		if !s.done && s.asked == nil {
			s.a.Ready(fmt.Errorf("replaying ORDERS: at %d of %d", e.LastInSeq(), s.a.target))
		}
		return nil
	}
	missing, err := missing(e, &s.a.Options, time.Now())
	if err != nil {
		return err
	}
	if len(missing) == 0 {
		s.done = true
		s.report()
		s.a.Log.Info("venue is served", zap.Uint64("in_seq", e.LastInSeq()), zap.Uint64("event_seq", e.Events()), zap.Int("open_orders", e.Size().LiveOrders))
		return nil
	}
	if e.Halted() {
		s.report()
		return nil
	}
	s.a.Ready(errors.New("making the venue what the configuration says"))
	s.adminNo++
	missing = missing[:min(len(missing), ordersv1.MaxCommands)]
	if s.send(ordersv1.FromAdmin, s.adminNo, missing...) {
		s.asked = missing
	}
	return nil
}

// tick asks for a tick when the stream's time is in doubt, when work was put
// off, or when a deadline has passed by the clock here, which is not the
// server's: a tick that came too early is followed by another.
func (s *setup) tick() {
	e := s.a.engine
	if s.ticked || e.Halted() {
		return
	}
	if !e.WantsTick() && !e.Pending() {
		deadline, waits := e.NextDeadline()
		if !waits {
			return
		}
		wait := max(time.Until(time.UnixMilli(deadline)), tickRetry-time.Since(s.tickAt))
		if wait > 0 {
			s.a.alarm.Reset(wait)
			return
		}
	}
	s.tickNo++
	s.tickAt = time.Now()
	s.ticked = s.send(ordersv1.FromTick, s.tickNo, &ordersv1.Command{Op: &ordersv1.Command_Tick{Tick: &ordersv1.Tick{}}})
}

// send queues a pack; false when too many are under way: step asks again.
func (s *setup) send(from string, no uint64, cmds ...*ordersv1.Command) bool {
	p := &ordersv1.Pack{Gateway: s.id + "-" + from, PackNo: no, Commands: cmds}
	select {
	case s.a.orders <- order{from, p}:
		return true
	default:
		return false
	}
}

// answered takes the answer to a pack of the leader's own.
func (s *setup) answered(from string, reply []byte) error {
	if from == ordersv1.FromTick {
		s.ticked = false
		return nil
	}
	asked := s.asked
	s.asked = nil
	r := &ordersv1.PackReply{}
	if err := proto.Unmarshal(reply, r); err != nil {
		return fmt.Errorf("reading the engine's answer: %w", err)
	}
	for i, o := range r.Outcomes {
		if o.Reject != 0 && o.Reject != ordersv1.RejectReason_REJECT_REASON_HALTED {
			return fmt.Errorf("%w: %s was refused with %s", ErrConfig, name(asked[i]), o.Reject)
		}
	}
	return nil
}

// periodic asks again for what got lost, and reports.
func (s *setup) periodic() error {
	if s.done {
		s.report()
	}
	return s.step()
}

// report tells readiness of a venue that is led.
func (s *setup) report() {
	since := s.a.publishing.Load()
	switch {
	case s.a.engine.Halted():
		s.a.Ready(errors.New("the venue is halted: the server's clock ran ahead of every sender's by more than a minute; put the clock right, then run `fondaco venue accept-time`"))
	case since != 0 && time.Since(time.UnixMilli(since)) > publishSlow:
		s.a.Ready(fmt.Errorf("TRADES has not taken an output since %s", time.UnixMilli(since).UTC().Format(time.RFC3339)))
	case s.a.silent() != nil:
		s.a.Ready(s.a.silent())
	case !s.done:
		s.a.Ready(errors.New("making the venue what the configuration says"))
	default:
		s.a.Ready(nil)
	}
}

// command publishes the leader's own packs, one after the other, each until it
// is known to be stored. That a tick is sent again unchanged, and the next one
// made only when the engine has seen it, is what the halt relies on.
func (r *reign) command(work context.Context) error {
	for o := range r.orders {
		o.pack.SentAtMs = time.Now().UnixMilli()
		if err := r.Wire.Command(work, o.from, o.pack); err != nil && work.Err() == nil {
			return fmt.Errorf("publishing the leader's own command: %w", err)
		}
	}
	return nil
}
