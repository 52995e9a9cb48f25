package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"
)

// listener is a client of the events channel: what it makes of the frames.
type listener struct {
	t            *testing.T
	url, network string
	leave        int // frames after which it leaves and comes back; 0 = never

	mu     sync.Mutex
	rows   map[string]string // height/log -> hash and data
	counts map[string]int
	since  uint64
	epoch  string
}

// heard is a frame with what is used of its data.
type heard struct {
	Op, Epoch string
	Seq       uint64
	Data      struct {
		BlockNumber uint64   `json:"block_number"`
		BlockHash   string   `json:"block_hash"`
		LogIndex    uint64   `json:"log_index"`
		Data        string   `json:"data"`
		ToNumber    uint64   `json:"to_number"`
		Removed     []uint64 `json:"removed"`
	}
}

func logAt(number, index uint64) string { return fmt.Sprint(number, "/", index) }

// listen takes frames until ctx ends.
func (l *listener) listen(ctx context.Context) {
	for ctx.Err() == nil {
		if err := l.connect(ctx); err != nil && ctx.Err() == nil {
			l.t.Errorf("listening: %v", err)
			return
		}
	}
}

func (l *listener) connect(ctx context.Context) error {
	c, _, err := websocket.Dial(ctx, l.url, nil)
	if err != nil {
		return err
	}
	defer func() { _ = c.CloseNow() }()
	c.SetReadLimit(8 << 20)
	ask := fmt.Sprintf(`{"op":"subscribe","id":1,"channel":"events","network":%q,"since":%d,"epoch":%q}`, l.network, l.since, l.epoch)
	if err := c.Write(ctx, websocket.MessageText, []byte(strings.Replace(ask, `,"epoch":""`, "", 1))); err != nil {
		return err
	}
	l.add("connected")
	for n := 0; l.leave == 0 || n < l.leave; n++ {
		_, data, err := c.Read(ctx)
		if err != nil {
			return err
		}
		var f heard
		if err := json.Unmarshal(data, &f); err != nil {
			return fmt.Errorf("reading %s: %w", data, err)
		}
		l.take(&f)
	}
	return nil
}

func (l *listener) add(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.counts == nil {
		l.counts = map[string]int{}
	}
	l.counts[what]++
}

func (l *listener) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counts[what]
}

// take applies a frame as the protocol says.
func (l *listener) take(f *heard) {
	l.add(f.Op)
	l.mu.Lock()
	defer l.mu.Unlock()
	if f.Op != "subscribed" && f.Op != "position" && f.Seq <= l.since {
		l.counts["wrong"]++
	}
	l.since, l.epoch = f.Seq, f.Epoch
	switch f.Op {
	case "event":
		key := logAt(f.Data.BlockNumber, f.Data.LogIndex)
		if _, double := l.rows[key]; double {
			l.counts["wrong"]++
		}
		l.rows[key] = f.Data.BlockHash + " " + f.Data.Data
	case "reverted":
		for key := range l.rows {
			if height(key) > f.Data.ToNumber {
				delete(l.rows, key)
			}
		}
	case "repaired":
		for _, index := range f.Data.Removed {
			key := logAt(f.Data.BlockNumber, index)
			if _, is := l.rows[key]; !is {
				l.counts["wrong"]++
			}
			delete(l.rows, key)
		}
	case "reset", "error":
		l.counts["wrong"]++
	}
}

func height(key string) (n uint64) {
	_, _ = fmt.Sscanf(key, "%d/", &n)
	return n
}

// upTo are the rows that it holds up to a height.
func (l *listener) upTo(to uint64) map[string]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := map[string]string{}
	for key, row := range l.rows {
		if height(key) <= to {
			out[key] = row
		}
	}
	return out
}
