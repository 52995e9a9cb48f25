package casper

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"go.uber.org/zap"

	"fondaco.dev/services/event-handler/internal/sse"
)

// position is the place in one endpoint's event stream.
type position struct {
	apiVersion string
	lastID     uint64
	hasLast    bool
}

// received is one event off an endpoint, or one that was fetched to fill a gap.
type received struct {
	Event
	endpoint string // resume key; empty for a filled gap
	// pos is the endpoint's position after the event.
	pos position
	// known: this is the last event that we had from the endpoint, sent again.
	// Unless it was seen before, the node's ids are not those that we know.
	known bool
	// probe: only the verdict is wanted.
	probe bool
	// verdict is told whether the event was taken; nil for no interest.
	verdict chan<- error
}

// read makes of an event what is handed out, and moves the position. check: the
// first event with an id must be the last one that we had. Not ok: there is
// nothing to hand out.
func (s *stream) read(ev sse.Event, check bool) (r received, ok bool, err error) {
	var e Event
	if ev.Oversize > 0 {
		// Too large for a message of the bus. A marker stands in for it, so that
		// it is stored that something was there.
		s.log.Error("an event is too large and only noted", zap.String("endpoint", s.name), zap.Int64("bytes", ev.Oversize), zap.String("id", ev.ID))
		e = Read(fmt.Appendf(nil, "oversize event %q of %d bytes", ev.ID, ev.Oversize))
	} else {
		e = Read(ev.Data)
	}
	if ev.Cut && e.Kind == KindMalformed {
		s.obs.Truncated(s.name) // the node will send it again, whole
		return r, false, nil
	}
	if e.Kind == "ApiVersion" {
		changed := check && s.pos.apiVersion != "" && e.APIVersion != s.pos.apiVersion
		s.pos.apiVersion = e.APIVersion
		if changed {
			return r, false, fmt.Errorf("%w: protocol %s", errStartOver, e.APIVersion)
		}
	}
	r = received{Event: e, endpoint: s.key}
	if id, parseErr := strconv.ParseUint(strings.TrimSpace(ev.ID), 10, 64); ev.HasID && parseErr == nil {
		if check && id != s.pos.lastID {
			return r, false, fmt.Errorf("%w: event %d where %d was", errStartOver, id, s.pos.lastID)
		}
		r.known = check
		s.pos.lastID, s.pos.hasLast = id, true
	}
	r.pos = s.pos
	if (e.Block != nil || e.Kind == "FinalitySignature") && !r.known {
		s.last, _, _ = strings.Cut(e.Key, ":")
	}
	return r, true, nil
}

// give hands out an event, or holds it until a block has shown whose chain it is.
func (s *stream) give(ctx context.Context, r received, trusted *bool) error {
	if *trusted || r.known {
		return s.send(ctx, r)
	}
	s.held = append(s.held, r)
	s.size += len(r.Raw)
	switch {
	case r.Block != nil:
		probe := r
		probe.probe = true
		if err := s.send(ctx, probe); err != nil {
			return err
		}
	case len(s.held) < maxHeld && s.size < maxHeldBytes:
		return nil
	}
	*trusted = true
	held := s.held
	s.held, s.size = nil, 0
	for _, h := range held {
		if err := s.send(ctx, h); err != nil {
			return err
		}
	}
	return nil
}

// send hands out one event, and waits for the verdict when there may be one
// against it.
func (s *stream) send(ctx context.Context, r received) error {
	var verdict chan error
	if r.known || r.Block != nil {
		verdict = make(chan error, 1)
		r.verdict = verdict
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case s.out <- r:
	}
	if verdict == nil {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err := <-verdict:
		if err != nil {
			s.pos.hasLast = false // all is read again, so that it meets the same block
		}
		return err
	}
}
