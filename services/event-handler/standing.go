package eventhandler

import (
	"fmt"
	"sync/atomic"
	"time"

	"fondaco.dev/proto/topology"
	"fondaco.dev/services/event-handler/internal/evm"
)

// standing finds out whether the height that was read twice stands still while
// there is more to read. look is for one goroutine, the rest is not.
type standing struct {
	checked uint64
	since   time.Time // when checked moved last, or there was nothing to read above it

	unsettled atomic.Bool   // the last pass found endpoints that disagree
	unproven  atomic.Uint64 // blocks
}

// look says how far the second look is. It stands when it has not moved for
// patience, a few of the longer pauses between two passes. A backfill, whose end is
// near or far, has its own pace.
func (s *standing) look(now time.Time, patience time.Duration, st evm.State, endpoints []topology.EndpointStatus) topology.SecondLook {
	out := topology.SecondLook{CheckedTo: st.Checked, Finalized: st.Finalized, Unproven: s.unproven.Load()}
	if s.since.IsZero() || st.Checked != s.checked || st.Checked >= st.Finalized || st.Backfilling {
		s.checked, s.since = st.Checked, now
	}
	if now.Sub(s.since) < patience {
		return out
	}
	out.Since = s.since.UnixMilli()
	usable := 0
	for _, e := range endpoints {
		if e.State == topology.EndpointHealthy || e.State == topology.EndpointBehind {
			usable++
		}
	}
	switch {
	case len(endpoints) > 1 && usable < 2:
		out.Standing = fmt.Sprintf("%d of %d endpoints can be used, and what one gave is read again from another", usable, len(endpoints))
	case s.unsettled.Load():
		out.Standing = "endpoints disagree about a final block and nothing proves who is right"
	default:
		out.Standing = "no final block could be read a second time"
	}
	return out
}
