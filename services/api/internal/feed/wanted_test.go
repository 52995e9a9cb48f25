package feed

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type nobody struct{}

func (nobody) Offer([]byte) Offered { return Taken }
func (nobody) Hint([]byte)          {}

// A feed remembers for members, for a minute after the last one left, and for
// those who try to come back.
func TestWanted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := New(prometheus.NewCounter(prometheus.CounterOpts{Name: "x"}))
		f.Start("e", 5)
		wanted := func(want bool, when string) {
			t.Helper()
			if f.Wanted() != want {
				t.Errorf("%s: wanted is %v", when, !want)
			}
		}
		wanted(false, "before anybody came")
		s := &Sub{Channel: Orders, Sink: nobody{}, Match: func(*Message) bool { return true }, Lagging: func(string, uint64, bool) {}}
		f.JoinNow(s, func(string, uint64) {})
		time.Sleep(time.Hour)
		wanted(true, "with a member")
		f.Leave(s)
		time.Sleep(soughtFor - time.Second)
		wanted(true, "soon after it left")
		time.Sleep(time.Second)
		wanted(false, "long after it left")
		f.Skip(9)
		if joined, _, _ := f.Join(s, "e", 5, false); joined != TooOld {
			t.Errorf("joined behind what was skipped: %v", joined)
		}
		wanted(true, "when it came back and has to read first")
	})
}

// A member that joined while nobody seemed to want the feed is sent to its own
// position: nothing is passed over.
func TestSkipSendsMembersBack(t *testing.T) {
	t.Parallel()
	f := New(prometheus.NewCounter(prometheus.CounterOpts{Name: "x"}))
	f.Start("e", 5)
	var from []uint64
	s := &Sub{Channel: Orders, Sink: nobody{}, Match: func(*Message) bool { return true }, Lagging: func(_ string, after uint64, _ bool) { from = append(from, after) }}
	f.JoinNow(s, func(string, uint64) {})
	f.Skip(9)
	if len(from) != 1 || from[0] != 5 || f.Members() != 0 {
		t.Errorf("it goes on from %v, %d members", from, f.Members())
	}
}
