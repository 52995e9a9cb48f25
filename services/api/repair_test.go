package api_test

import (
	"encoding/json"
	"fmt"
	"testing"
)

// again is a second replica: another process on the same database and Redis.
func (a *app) again() *app {
	a.t.Helper()
	b := *a
	b.start()
	b.eventually("indexed", func() bool { code, _ := b.get("/v1/networks/dev/blocks?limit=1"); return code == 200 })
	return &b
}

// holding is what a client makes of the frames of an events subscription.
type holding struct {
	t    *testing.T
	rows map[string]string // block/log -> data
}

func (h *holding) take(f frame) {
	h.t.Helper()
	switch f.Op {
	case "event":
		var e struct {
			BlockNumber uint64 `json:"block_number"`
			LogIndex    uint32 `json:"log_index"`
			Data        string
		}
		h.read(f, &e)
		key := fmt.Sprint(e.BlockNumber, "/", e.LogIndex)
		if _, double := h.rows[key]; double {
			h.t.Errorf("%s came at %d and was there", key, f.Seq)
		}
		h.rows[key] = e.Data
	case "repaired":
		var r struct {
			BlockNumber uint64 `json:"block_number"`
			LogCount    int    `json:"log_count"`
			Removed     []uint32
		}
		h.read(f, &r)
		for _, index := range r.Removed {
			key := fmt.Sprint(r.BlockNumber, "/", index)
			if _, held := h.rows[key]; !held {
				h.t.Errorf("%s was taken away at %d and was not there", key, f.Seq)
			}
			delete(h.rows, key)
		}
	}
}

func (h *holding) read(f frame, into any) {
	h.t.Helper()
	if err := json.Unmarshal(f.Data, into); err != nil {
		h.t.Fatalf("%s: %v", f.Data, err)
	}
}

// TestRepairReachesEverySocket: rows that were told and are wrong are taken back
// in feed order, on every replica, live and by since, and whoever applies the
// frames holds what REST lists.
func TestRepairReachesEverySocket(t *testing.T) {
	t.Parallel()
	a, c := chainApp(t, 0, 0)
	b := a.again()
	subscribe := func(s *sock, since uint64, channel string) {
		s.send(fmt.Sprintf(`{"op":"subscribe","id":1,"channel":%q,"network":"dev","since":%d}`, channel, since))
		s.want("subscribed")
	}
	live := []*sock{a.dial("/v1/ws"), b.dial("/v1/ws")}
	for _, s := range live {
		subscribe(s, 0, "events")
	}
	blocks := a.dial("/v1/ws")
	subscribe(blocks, 0, "blocks")

	for range 3 {
		c.Block(t, 4)
	}
	c.Repair(t, 1, []int{1, 3}, []int{3, 4}) // one is gone, one has another content, one was missing
	c.Repair(t, 2, nil, []int{4})            // one was missing
	c.Lose = true
	c.Repair(t, 1, []int{4}, nil) // and is gone again; no hint tells it
	c.Lose = false
	c.Block(t, 1)

	want := []string{"event", "event", "event", "event", "event", "event", "event", "event", "event", "event", "event", "event",
		"repaired", "event", "event", "repaired", "event", "repaired", "event"}
	var frames []frame
	for n, s := range live {
		h := &holding{t: t, rows: map[string]string{}}
		var last uint64
		for i, op := range want {
			f := s.want(op)
			if f.Seq <= last {
				t.Errorf("replica %d: %d came after %d", n, f.Seq, last)
			}
			last = f.Seq
			h.take(f)
			if n == 0 {
				frames = append(frames, f)
			} else if frames[i].Seq != f.Seq || string(frames[i].Data) != string(f.Data) {
				t.Errorf("the replicas differ at frame %d:\n%s\n%s", i, frames[i].Data, f.Data)
			}
		}
		h.compare(a)
	}
	if got := string(frames[12].Data); got != fmt.Sprintf(`{"network":"dev","block_number":1,"block_hash":%q,"log_count":4,"removed":[1,3]}`, blockHash(t, frames[0])) {
		t.Errorf("the repair is told as %s", got)
	}
	if got := string(frames[15].Data); got != fmt.Sprintf(`{"network":"dev","block_number":2,"block_hash":%q,"log_count":5,"removed":[]}`, blockHash(t, frames[4])) {
		t.Errorf("the repair is told as %s", got)
	}

	// From every place, on the one replica and on the other, what follows is the
	// same, each frame once.
	for i := range frames {
		s := []*app{a, b}[i%2].dial("/v1/ws")
		subscribe(s, frames[i].Seq, "events")
		for j, w := range frames[i+1:] {
			if f := s.want(w.Op); f.Seq != w.Seq || string(f.Data) != string(w.Data) {
				t.Errorf("since %d, frame %d:\ngot  %d %s\nwant %d %s", frames[i].Seq, j, f.Seq, f.Data, w.Seq, w.Data)
			}
		}
		_ = s.c.CloseNow()
	}
	for i, op := range []string{"event", "event", "event", "repaired", "repaired", "repaired", "event"} {
		if f := blocks.want(op); op == "repaired" && string(f.Data) != string(frames[[]int{0, 0, 0, 12, 15, 17}[i]].Data) {
			t.Errorf("the blocks channel has %s", f.Data)
		}
	}
}

// TestRepairConcernsEveryFilter: which rows a filter has let through is not
// remembered, so each hears of what was taken away.
func TestRepairConcernsEveryFilter(t *testing.T) {
	t.Parallel()
	a, c := chainApp(t, 1, 3)
	s := a.dial("/v1/ws")
	s.send(`{"op":"subscribe","id":1,"channel":"events","network":"dev","filter":{"event":"Approval"}}`)
	s.want("subscribed")
	c.Repair(t, 1, []int{2}, []int{5})
	if f := s.want("repaired"); f.Seq <= c.Pos()-1001 {
		t.Errorf("%+v", f)
	}
	c.Revert(t, 0)
	s.want("reverted")
}

func blockHash(t *testing.T, f frame) string {
	t.Helper()
	var e struct {
		BlockHash string `json:"block_hash"`
	}
	if err := json.Unmarshal(f.Data, &e); err != nil {
		t.Fatal(err)
	}
	return e.BlockHash
}

// compare holds a client's rows to what REST lists.
func (h *holding) compare(a *app) {
	h.t.Helper()
	var l struct {
		Data []struct {
			BlockNumber uint64 `json:"block_number"`
			LogIndex    uint32 `json:"log_index"`
			Data        string
		}
	}
	a.getJSON("/v1/networks/dev/events?limit=100", &l)
	if len(l.Data) == 0 || len(l.Data) != len(h.rows) {
		h.t.Errorf("REST lists %d rows, the client holds %d", len(l.Data), len(h.rows))
	}
	for _, e := range l.Data {
		if key := fmt.Sprint(e.BlockNumber, "/", e.LogIndex); h.rows[key] != e.Data {
			h.t.Errorf("REST has %s for %s, the client %s", e.Data, key, h.rows[key])
		}
	}
}
