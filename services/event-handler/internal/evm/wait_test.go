package evm

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"fondaco.dev/services/event-handler/internal/jsonrpc"

	"go.uber.org/zap"
)

// TestSilenceMeansPolling: while hints come the head is not polled; three block
// times after the last one it is, at once and then every Poll.
func TestSilenceMeansPolling(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hint := &Hint{}
		hint.setPace(2 * time.Second)
		s := &Source{Poll: time.Second, Hint: hint}
		took := func() time.Duration { start := time.Now(); s.await(t.Context()); return time.Since(start) }
		if d := took(); d != time.Second {
			t.Errorf("before the first hint it polls after %v", d)
		}
		hint.Give()
		took()
		s.eager = 0 // the step brought the block
		for range 10 {
			time.AfterFunc(2*time.Second, hint.Give)
			if d := took(); d != 2*time.Second {
				t.Errorf("with a hint every 2 s it waits %v", d)
			}
			s.eager = 0
		}
		if d := took(); d != 6*time.Second {
			t.Errorf("after the last hint it waits %v, want three block times", d)
		}
		for range 3 {
			if d := took(); d != time.Second {
				t.Errorf("in silence it polls after %v", d)
			}
		}
		hint.setPace(100 * time.Millisecond)
		hint.Give()
		took()
		s.eager = 0
		if d := took(); d != minQuiet {
			t.Errorf("on a quick chain it waits %v", d)
		}
	})
}

// TestHintBeforeTheBlock: a subscription may tell a block before the endpoint
// that is asked has it; then it is asked again soon, and not for ever.
func TestHintBeforeTheBlock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &Source{Poll: time.Second, Hint: &Hint{}}
		s.Hint.Give()
		start := time.Now()
		s.await(t.Context())
		var waits []time.Duration
		for range 9 {
			before := time.Now()
			s.await(t.Context())
			waits = append(waits, time.Since(before))
		}
		if time.Since(start) > 40*time.Second || waits[0] != 5*time.Millisecond || waits[1] != 10*time.Millisecond || waits[7] != 640*time.Millisecond || waits[8] < 3*time.Second {
			t.Errorf("waits %v", waits)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		s.await(ctx)
	})
}

func TestPaceOfAChain(t *testing.T) {
	t.Parallel()
	var m meter
	for n := range uint64(30) {
		m.saw(100+n, 5000+12*n)
		m.saw(100+n, 5000+12*n) // asked twice
	}
	if m.pace != 12*time.Second {
		t.Errorf("pace %v", m.pace)
	}
	m.saw(100, 5000) // the head went back
	m.saw(200, 5400)
	if m.pace <= 10*time.Second || m.pace >= 12*time.Second {
		t.Errorf("pace %v after blocks 4 s apart", m.pace)
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	names := map[byte]common.Hash{'o': {1}, 'x': {2}, 'y': {3}, '-': {}}
	for votes, want := range map[string]verdict{
		"o": {stay: true}, "x": {leave: names['x']}, "-": {},
		"ox": {stay: true}, "xx": {leave: names['x']}, "xy": {}, "x-": {}, "o-": {stay: true}, "--": {},
		"oox": {stay: true}, "oxx": {leave: names['x']}, "ox-": {}, "oxy": {}, "xx-": {leave: names['x']}, "x--": {}, "oo-": {stay: true},
		"ooxx": {stay: true}, "oxxx": {leave: names['x']}, "xxyy": {}, "xx--": {}, "xxx-": {leave: names['x']},
		"oxxxy": {leave: names['x']}, "oxxyy": {}, "oo---": {}, "ooo--": {stay: true},
	} {
		var list []vote
		for _, c := range []byte(votes) {
			list = append(list, vote{hash: names[c]})
		}
		if got := judge(list, names['o']); got != want {
			t.Errorf("%s: %+v, want %+v", votes, got, want)
		}
	}
}

// TestRests: the rest doubles up to the longest one, honours what the endpoint
// asked for, and is short where answers only contradict each other.
func TestRests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &Source{RestMin: 250 * time.Millisecond, RestMax: time.Minute, Log: zap.NewNop()}
		ep := &endpoint{}
		s.eps = []*endpoint{ep}
		rest := func(err error) time.Duration { s.failed(ep, err); return time.Until(ep.until) }
		boom := errors.New("boom")
		for i, want := range []time.Duration{250, 500, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000} {
			if got := rest(boom); got != want*time.Millisecond {
				t.Errorf("rest %d is %v", i, got)
			}
		}
		if got := rest(ErrInconsistent); got != maxInconsistent {
			t.Errorf("after a contradiction %v", got)
		}
		s.eps = append(s.eps, &endpoint{})
		for range patience {
			rest(ErrInconsistent)
		}
		if got := rest(ErrInconsistent); got <= maxInconsistent {
			t.Errorf("one of two that contradicts itself for ever rests %v", got)
		}
		s.recovered(ep)
		if got := rest(&jsonrpc.Error{Class: jsonrpc.ClassRateLimited, RetryAfter: 7 * time.Second}); got != 7*time.Second {
			t.Errorf("Retry-After of 7 s: %v", got)
		}
		if !ep.checked.IsZero() {
			t.Error("chain id and genesis are not checked again after an error")
		}
	})
}

// TestDrawPrefersTheFast: by lot, weighted by speed, so that many instances do
// not all fall upon the fastest.
func TestDrawPrefersTheFast(t *testing.T) {
	t.Parallel()
	s := &Source{eps: []*endpoint{{latency: 20 * time.Millisecond}, {latency: 380 * time.Millisecond}, {latency: 20 * time.Millisecond}}}
	count := map[int]int{}
	for range 20_000 {
		count[s.draw([]int{0, 1, 2})]++
	}
	if count[1] < 600 || count[1] > 1400 { // a tenth of each other: 1 in 21
		t.Errorf("the slow one was drawn %d times in 20,000", count[1])
	}
	s.eps[2].latency = 0
	if k := s.draw([]int{1, 2}); k != 1 {
		t.Errorf("drew %d while speeds are not known", k)
	}
}
