package eventhandler

import (
	"strings"
	"testing"
	"time"

	"fondaco.dev/proto/topology"
	"fondaco.dev/services/event-handler/internal/evm"
)

func TestStanding(t *testing.T) {
	t.Parallel()
	s := &standing{}
	now := time.Unix(1_800_000_000, 0)
	up := topology.EndpointStatus{State: topology.EndpointHealthy}
	rests := topology.EndpointStatus{State: topology.EndpointResting}
	look := func(after time.Duration, checked, final uint64, endpoints ...topology.EndpointStatus) topology.SecondLook {
		now = now.Add(after)
		return s.look(now, time.Minute, evm.State{Checked: checked, Finalized: final}, endpoints)
	}
	expect := func(what string, got topology.SecondLook, words string) {
		t.Helper()
		if (got.Standing == "") != (words == "") || !strings.Contains(got.Standing, words) || (got.Since == 0) != (words == "") {
			t.Errorf("%s: %+v", what, got)
		}
	}
	expect("at first", look(0, 10, 20, up, up), "")
	expect("within its pauses", look(59*time.Second, 10, 30, up, up), "")
	expect("moved", look(time.Second, 20, 30, up, up), "")
	expect("nothing above it for long", look(time.Hour, 30, 30, up, up), "")
	expect("new final blocks", look(time.Second, 30, 60, up, rests), "")
	stands := look(time.Hour, 30, 90, up, rests)
	expect("one of two", stands, "1 of 2 endpoints can be used")
	if at := time.UnixMilli(stands.Since); now.Sub(at) != time.Hour+time.Second {
		t.Errorf("since %v, now %v", at, now)
	}
	s.unsettled.Store(true)
	expect("they disagree", look(0, 30, 90, up, up), "disagree")
	s.unsettled.Store(false)
	expect("a lone one fails", look(0, 30, 90, up), "no final block could be read")
	expect("it moves again", look(0, 90, 90, up), "")
	s.unproven.Add(3)
	if got := look(0, 90, 90, up); got.Unproven != 3 || got.CheckedTo != 90 || got.Finalized != 90 {
		t.Errorf("%+v", got)
	}
}
