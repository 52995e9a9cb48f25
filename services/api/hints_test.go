package api_test

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"
)

// TestLostHints drops hints at random, the last one too: every frame comes once
// and in order, within a second of its row.
func TestLostHints(t *testing.T) {
	t.Parallel()
	a, c := chainApp(t, 1, 1)
	s := a.dial("/v1/ws")
	s.send(`{"op":"subscribe","id":1,"channel":"blocks","network":"dev"}`)
	s.want("subscribed")
	r := rand.New(rand.NewPCG(5, 5))
	const blocks = 24
	written := make(chan time.Time, blocks)
	go func() {
		defer close(written)
		for i := range blocks {
			c.Lose, c.LeaveOut = r.IntN(3) == 0 || i == blocks-1, r.IntN(5) == 0
			c.Block(t, i%3)
			written <- time.Now()
			time.Sleep(time.Duration(r.IntN(120)) * time.Millisecond) // the pace of a chain, not a wait
		}
	}()
	late := time.Duration(0)
	for n := uint64(2); n < 2+blocks; n++ {
		f := s.want("event")
		var b struct{ Number uint64 }
		if err := json.Unmarshal(f.Data, &b); err != nil || b.Number != n {
			t.Fatalf("got block %d (%v), want %d", b.Number, err, n)
		}
		late = max(late, time.Since(<-written))
	}
	t.Logf("the latest came %v after its row", late)
	// A poll every 0.5 s finds what no hint tells; the rest is the machine's.
	if late > time.Second {
		t.Errorf("a frame came %v after its row", late)
	}
}

// TestHeadsAndStatus: states begin with a snapshot and tell what changes.
func TestHeadsAndStatus(t *testing.T) {
	t.Parallel()
	a, c := chainApp(t, 3, 1)
	s := a.dial("/v1/ws")
	s.send(`{"op":"subscribe","id":1,"channel":"heads","network":"dev"}`)
	s.want("subscribed")
	type head struct {
		Number    uint64
		Hash      string
		Finalized *int64
	}
	at := func(f frame) (h head) {
		t.Helper()
		if err := json.Unmarshal(f.Data, &h); err != nil {
			t.Fatal(err)
		}
		return h
	}
	if h := at(s.want("snapshot")); h.Number != 3 {
		t.Errorf("%+v", h)
	}
	c.Block(t, 0)
	for h := at(s.want("event")); h.Number != 4 || h.Hash == ""; h = at(s.want("event")) {
		if h.Number > 4 {
			t.Fatalf("%+v", h)
		}
	}
	c.Finalize(t, 2)
	for h := at(s.want("event")); h.Finalized == nil || *h.Finalized != 2; h = at(s.want("event")) {
		if h.Number != 4 {
			t.Fatalf("%+v", h)
		}
	}
	st := a.status()
	if now := st.until(func(*status) bool { return true }); len(now.Networks) != 2 || now.Reorg != nil || now.Maintenance != nil || now.Promotion != nil {
		t.Errorf("%+v", now)
	}
	c.Revert(t, 2)
	now := st.until(func(s *status) bool { return s.Reorg != nil })
	if now.Reorg.Network != "dev" || now.Reorg.ToNumber != 2 {
		t.Errorf("%+v", now.Reorg)
	}
	for h := at(s.want("event")); h.Number != 2; h = at(s.want("event")) {
		if h.Number > 4 {
			t.Fatalf("%+v", h)
		}
	}
	st.send(`{"op":"subscribe","id":"t","channel":"status","network":"dev"}`)
	for f := st.next(); f.Op != "error"; f = st.next() {
		if f.Op != "event" {
			t.Fatalf("%+v", f)
		}
	}
}

// status is what that channel tells.
type status struct {
	Ready    bool
	Status   string
	Networks []struct{ Network, Status string }
	Reorg    *struct {
		Network  string
		ToNumber uint64 `json:"to_number"`
	}
	Maintenance *struct{ Scope, Message string }
	Promotion   *struct{ Build string }
}

// watcher is a socket that follows the channel status.
type watcher struct{ *sock }

func (a *app) status() watcher {
	a.t.Helper()
	s := a.dial("/v1/ws")
	s.send(`{"op":"subscribe","id":"s","channel":"status"}`)
	s.want("subscribed")
	return watcher{s}
}

// until reads frames up to the one that is meant.
func (w watcher) until(is func(*status) bool) *status {
	w.t.Helper()
	for {
		f, s := w.next(), &status{}
		if err := json.Unmarshal(f.Data, s); err != nil || (f.Op != "snapshot" && f.Op != "event") {
			w.t.Fatalf("%v: %v", f, err)
		}
		if is(s) {
			return s
		}
	}
}
