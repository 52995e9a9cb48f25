package socket

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"fondaco.dev/services/api/internal/feed"
)

// asker is a client whose messages are all for the order book.
type asker struct{ echo }

func (a *asker) take(text []byte) bool { a.c.Say(feed.TextFrame(text)); return true }

// TestWide: messages of who sends orders arrive whole and in order, whatever
// their size and wherever packets end, and their reader parks as others do.
func TestWide(t *testing.T) {
	t.Parallel()
	l, _ := plant(t, Config{})
	l.linger = time.Millisecond
	server, peer := pair(t)
	c := newConn(l, server)
	c.client = &asker{echo{c: c}}
	l.begin(c, nil)
	r := rand.New(rand.NewPCG(6, 6))
	for round := range 5 {
		var send []byte
		var want []string
		for range 40 {
			text := strings.Repeat(string(rune('a'+r.IntN(26))), 1+r.IntN([]int{10, readBytes, wideBytes + 2*readBytes}[r.IntN(3)])) + "é"
			want, send = append(want, text), append(send, masked(ws.OpText, true, text)...)
		}
		go func() {
			for rest := send; len(rest) > 0; {
				n := 1 + r.IntN(min(len(rest), 20_000))
				_, _ = peer.Write(rest[:n])
				rest = rest[n:]
			}
		}()
		for i, text := range want {
			if _, got, err := readFrame(peer); err != nil || string(got) != text {
				t.Fatalf("round %d, message %d: %d bytes, want %d: %v", round, i, len(got), len(text), err)
			}
		}
		for end := time.Now().Add(10 * time.Second); l.poller != nil && l.parked.Load() != 1; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("the connection is not parked")
			}
		}
	}
}
