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
		h.looked(progress{head: 1})
		expect("moving", "")
		time.Sleep(9 * time.Minute)
		expect("quiet for less than the limit", "")
		time.Sleep(2 * time.Minute)
		h.looked(progress{head: 1, finalized: 1}) // it answers, and always the same
		expect("hung", "no progress of the head for 11m")
		if err := h.hung("main"); err != nil {
			t.Errorf("after once the time: %v", err)
		}
		time.Sleep(8 * time.Minute)
		h.looked(progress{head: 1, finalized: 1})
		if err := h.hung("main"); err != nil {
			t.Errorf("just before twice the time: %v", err)
		}
		time.Sleep(2 * time.Minute)
		h.waiting(errors.New("node: status 503"))
		err := h.hung("main")
		var named interface{ Hung() string }
		if !errors.As(err, &named) || named.Hung() != "main" || !strings.Contains(err.Error(), "network main hangs") || !strings.Contains(err.Error(), "503") {
			t.Errorf("after twice the time: %v", err)
		}
		h.standby()
		if err := h.hung("main"); err != nil {
			t.Errorf("on standby: %v", err)
		}
		h.waiting(nil)
		h.looked(progress{head: 1, published: 1})
		expect("moving again", "")
		if err := h.hung("main"); err != nil {
			t.Errorf("moving again: %v", err)
		}
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
