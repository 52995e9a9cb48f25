package socket

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"fondaco.dev/services/api/internal/feed"
)

// levels is a change of a book: price -> quantity.
type levels map[string]int

func changed(seq uint64, l levels, size int) *feed.Message {
	m := feed.NewMessage(seq, "event", feed.Depth, feed.Scope{Key: "symbol", Value: "A-B"}, "e", l, size, func() []byte {
		out, err := json.Marshal(l)
		if err != nil {
			panic(err)
		}
		return out
	})
	m.Fold = func(earlier any) *feed.Message {
		both, more := levels{}, size
		for _, of := range []levels{earlier.(levels), l} {
			for price, n := range of {
				both[price] = n
			}
		}
		return changed(seq, both, more+100*len(earlier.(levels)))
	}
	return m
}

// TestLeftOutAsOne: what a slow client misses of a book comes as one change with
// the newest of each level, once, when it reads again; what follows comes as
// before.
func TestLeftOutAsOne(t *testing.T) {
	t.Parallel()
	c, drain := stuck(t, Config{QueueBytes: 4000})
	s := &subscription{conn: c, state: &state{}}
	s.sub = &feed.Sub{ID: "1", Channel: feed.Depth}
	sink := changes{s}
	offer := func(seq uint64, l levels) {
		t.Helper()
		m := changed(seq, l, 100)
		if got := sink.Offer(m, m.Frame("1")); got != feed.Taken {
			t.Fatalf("change %d: %v", seq, got)
		}
	}
	for c.waiting() <= 2000 { // half of the queue
		c.Offer(text(strings.Repeat("x", 500)))
	}
	if sink.Waits() {
		t.Error("something waits before anything was left out")
	}
	for i := range 30 {
		offer(uint64(i+1), levels{fmt.Sprint(i % 7): i})
	}
	if !sink.Waits() || s.stale {
		t.Errorf("waits: %t, stale: %t", sink.Waits(), s.stale)
	}
	room := make(chan struct{})
	c.mu.Lock()
	c.onRoom = append(c.onRoom, func() {
		for sink.Waits() { // its own turn is at hand: it runs beside this one
		}
		close(room)
	})
	c.mu.Unlock()
	got := make(chan heard, 1)
	go func() { got <- drain() }()
	<-room
	offer(31, levels{"9": 1})
	c.Close(ws.StatusNormalClosure, "")
	var told []string
	for _, frame := range (<-got).texts {
		if strings.HasPrefix(frame, "{") {
			told = append(told, frame)
		}
	}
	want := []string{`{"op":"event","id":1,"channel":"depth","symbol":"A-B","epoch":"e","seq":30,"data":{"0":28,"1":29,"2":23,"3":24,"4":25,"5":26,"6":27}}`,
		`{"op":"event","id":1,"channel":"depth","symbol":"A-B","epoch":"e","seq":31,"data":{"9":1}}`}
	if strings.Join(told, "\n") != strings.Join(want, "\n") {
		t.Errorf("told:\n%s\nwant:\n%s", strings.Join(told, "\n"), strings.Join(want, "\n"))
	}
}

// TestTooMuchLeftOut: beyond a bound the whole is told instead, as where changes
// cannot be folded.
func TestTooMuchLeftOut(t *testing.T) {
	t.Parallel()
	for name, fold := range map[string]bool{"too much": true, "no fold": false} {
		c, _ := stuck(t, Config{QueueBytes: 1000})
		for c.waiting() <= 500 {
			c.Offer(text(strings.Repeat("x", 100)))
		}
		s := &subscription{conn: c, state: &state{}, ended: true} // nobody reads the whole here
		s.sub = &feed.Sub{ID: "1", Channel: feed.Depth}
		offered := 0
		for ; !s.stale && offered < 2000; offered++ {
			m := changed(uint64(offered+1), levels{fmt.Sprint(offered): 1}, 100)
			if !fold {
				m.Fold = nil
			}
			changes{s}.Offer(m, m.Frame("1"))
		}
		if want := map[bool]int{true: maxBehind/100 + 1, false: 1}[fold]; !s.stale || s.behind != nil || offered != want {
			t.Errorf("%s: stale: %t after %d changes, want %d", name, s.stale, offered, want)
		}
	}
}
