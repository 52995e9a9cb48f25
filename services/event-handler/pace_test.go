package eventhandler

import (
	"testing"
	"time"
)

// TestPaceBesideOrders: a backfill leaves more of the machine to many orders
// than to a few, is careful until it knows, and takes all of it when there are
// none.
func TestPaceBesideOrders(t *testing.T) {
	t.Parallel()
	begin := time.Unix(1_700_000_000, 0)
	few, many := pace{someMessages, someBytes}, pace{manyMessages, 2 * manyBytes}
	type look struct {
		ms, seq, idle int // of the look; the pace is asked 100 ms later
		want          pace
	}
	for name, looks := range map[string][]look{
		"no orders ever, or long ago": {{0, 0, 60_000, pace{}}, {500, 0, 60_500, pace{}}},
		"many":                        {{0, 1000, 1, many}, {500, 1400, 1, many}, {1000, 1450, 0, many}},
		"a few":                       {{0, 1000, 40, many}, {500, 1002, 30, few}, {1000, 1004, 10, few}},
		"a burst and its end": {{0, 1000, 1, many}, {500, 1100, 1, many}, {1000, 1100, 501, many}, {1500, 1100, 1001, few}, {6000, 1100, 5501, few},
			{6500, 1100, 6001, pace{}}, {7000, 1102, 5, few}, {7500, 1402, 5, many}},
		"a stream that was made anew": {{0, 1000, 1, many}, {500, 1001, 1, few}, {1000, 3, 1, few}, {1500, 900, 1, many}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var o orders
			if got := o.pace(begin, 2); got != (pace{}) {
				t.Errorf("before the first look %+v", got)
			}
			for _, l := range looks {
				at := begin.Add(time.Duration(l.ms) * time.Millisecond)
				o.look(at, uint64(l.seq), time.Duration(l.idle)*time.Millisecond)
				if got := o.pace(at, 2); got != l.want {
					t.Errorf("at %d ms: %+v, want %+v", l.ms, got, l.want)
				}
			}
		})
	}
	var o orders
	o.look(begin, 1, 0)
	if got := o.pace(begin, 64); got != (pace{manyMessages, someBytes}) {
		t.Errorf("on a large machine %+v", got)
	}
	if got := o.pace(begin.Add(quiet), 64); got != (pace{}) {
		t.Errorf("without a look since %+v", got)
	}
}
