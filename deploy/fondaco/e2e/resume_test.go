package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// frame is one message of /v1/ws.
type frame struct {
	Op      string          `json:"op"`
	Channel string          `json:"channel"`
	Epoch   string          `json:"epoch"`
	Seq     uint64          `json:"seq"`
	Data    json.RawMessage `json:"data"`
	Code    string          `json:"code"`
	Detail  string          `json:"detail"`
}

// event is the key of an event and where it is in the feed.
type event struct {
	BlockNumber int64  `json:"block_number"`
	BlockHash   string `json:"block_hash"`
	LogIndex    int64  `json:"log_index"`
	seq         uint64
}

func (e event) key() string { return fmt.Sprintf("%d/%s/%d", e.BlockNumber, e.BlockHash, e.LogIndex) }

// resumeEvents reads some events live, hangs up, and asks for what came since.
// Both parts together must be what REST lists, each once.
func resumeEvents(t *testing.T, base string) {
	first := watch(t, base, nil, 12)
	last := first[len(first)-1].seq
	time.Sleep(1500 * time.Millisecond) // at least one block goes by unseen
	second := watch(t, base, &last, 12)

	seen := map[string]int{}
	all := append(first, second...)
	for i, e := range all {
		seen[e.key()]++
		if i > 0 && e.seq <= all[i-1].seq {
			t.Errorf("seq %d after %d", e.seq, all[i-1].seq)
		}
	}
	from, to := first[0].BlockNumber, second[len(second)-1].BlockNumber
	var list struct {
		Data []event `json:"data"`
		Next string
		More bool
	}
	var rest []event
	for cursor := ""; ; cursor = "&cursor=" + list.Next {
		list.Data = nil
		get(t, fmt.Sprintf("%s/v1/networks/dev/events?order=asc&limit=50&from_block=%d&to_block=%d%s", base, from, to, cursor), "", &list)
		rest = append(rest, list.Data...)
		if !list.More {
			break
		}
	}
	between := func(e event) bool {
		a, b := first[0], second[len(second)-1]
		return (e.BlockNumber > a.BlockNumber || e.LogIndex >= a.LogIndex) && (e.BlockNumber < b.BlockNumber || e.LogIndex <= b.LogIndex)
	}
	n := 0
	for _, e := range rest {
		if !between(e) {
			continue
		}
		n++
		if seen[e.key()] != 1 {
			t.Errorf("event %s arrived %d times", e.key(), seen[e.key()])
		}
	}
	if n != len(all) {
		t.Errorf("%d events arrived, REST lists %d", len(all), n)
	}
}

// watch subscribes to the events of dev and returns at least n of them, up to
// the end of a block.
func watch(t *testing.T, base string, since *uint64, n int) []event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, strings.Replace(base, "http", "ws", 1)+"/v1/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(16 << 20)
	sub := map[string]any{"op": "subscribe", "id": 1, "channel": "events", "network": "dev"}
	if since != nil {
		sub["since"] = *since
	}
	data, err := json.Marshal(sub)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Write(ctx, websocket.MessageText, data); err != nil {
		t.Fatal(err)
	}
	var out []event
	for len(out) < n {
		_, data, err := conn.Read(ctx)
		if err != nil {
			t.Fatalf("after %d events: %v", len(out), err)
		}
		var f frame
		if err := json.Unmarshal(data, &f); err != nil {
			t.Fatalf("frame %q: %v", data, err)
		}
		switch f.Op {
		case "event":
			var e event
			if err := json.Unmarshal(f.Data, &e); err != nil {
				t.Fatalf("frame %q: %v", data, err)
			}
			e.seq = f.Seq
			out = append(out, e)
		case "error":
			t.Fatalf("frame %s", data)
		}
	}
	return out
}
