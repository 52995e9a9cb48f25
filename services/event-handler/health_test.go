package eventhandler

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHealth(nil, 10*time.Minute)
		expect := func(what, part string) {
			t.Helper()
			err := h.problem()
			if part == "" && err != nil || part != "" && (err == nil || !strings.Contains(err.Error(), part)) {
				t.Errorf("%s: %v", what, err)
			}
		}
		expect("at first", "starting")
		h.waiting(errors.New("waiting for the lease"))
		expect("waiting", "lease")
		h.standby()
		expect("another instance publishes", "")
		h.waiting(nil)
		h.alive()
		expect("moving", "")
		time.Sleep(9 * time.Minute)
		expect("quiet for less than the limit", "")
		time.Sleep(2 * time.Minute)
		expect("hung", "no progress for 11m")
		h.alive()
		expect("moving again", "")
		h.waiting(errors.New("node: status 503"))
		expect("the node fails", "503")
		h.waiting(nil)
		flight := time.Duration(0)
		h.inFlight(func() time.Duration { return flight })
		flight = 10 * time.Second
		expect("a slow ack", "")
		flight = 20 * time.Second
		expect("no ack", "waiting 20s for its ack")
	})
}
