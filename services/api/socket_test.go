package api_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"fondaco.dev/services/api/internal/apitest"
)

// TestResumeWithoutHoleOrDouble cuts one client's connection again and again
// while blocks, reverts and repairs arrive and hints get lost; what it received in all
// must be what a client that never left received, frame for frame.
func TestResumeWithoutHoleOrDouble(t *testing.T) {
	t.Parallel()
	a, c := chainApp(t, 3, 2)
	steady := a.dial("/v1/ws")
	steady.send(`{"op":"subscribe","id":1,"channel":"events","network":"dev"}`)
	hello := steady.want("subscribed")
	if hello.Seq != c.Pos() || hello.Epoch == "" {
		t.Fatalf("subscribed at %d, want %d", hello.Seq, c.Pos())
	}
	const rounds = 60
	writing := make(chan struct{})
	go func() {
		defer close(writing)
		for i := range rounds {
			c.Lose, c.LeaveOut = i%7 == 3, i%5 == 1
			switch {
			case i%10 == 9:
				c.Revert(t, c.Head()-2)
			case i%12 == 7:
				c.Repair(t, c.Head(), []int{0}, []int{0, 9})
			case i%6 == 4:
				c.Finalize(t, c.Head()-1)
			case i%8 == 5:
				c.Blocks(t, 3, 4)
			default:
				c.Block(t, i%4)
			}
		}
		c.Lose, c.LeaveOut = false, false
		c.Block(t, 1)
	}()
	var cut []string
	since := hello.Seq
	deadline := time.Now().Add(30 * time.Second)
	for n := 0; ; n++ {
		select {
		case <-writing:
			if since >= c.Pos() {
				goto done
			}
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("stuck at %d of %d", since, c.Pos())
		}
		s := a.dial("/v1/ws")
		s.send(fmt.Sprintf(`{"op":"subscribe","id":1,"channel":"events","network":"dev","since":%d,"epoch":%q}`, since, hello.Epoch))
		if f := s.want("subscribed"); f.Seq != since {
			t.Fatalf("subscribed at %d, asked for %d", f.Seq, since)
		}
		for range 1 + n%5 {
			ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
			_, data, err := s.c.Read(ctx)
			cancel()
			if err != nil {
				break
			}
			var f frame
			if err := json.Unmarshal(data, &f); err != nil {
				t.Fatal(err)
			}
			if f.Seq <= since && f.Op != "position" {
				t.Fatalf("%d came after %d", f.Seq, since)
			}
			since = f.Seq
			if f.Op != "position" {
				cut = append(cut, string(data))
			}
		}
		_ = s.c.CloseNow()
	}
done:
	var whole []string
	reverts, repairs := 0, 0
	for last := uint64(0); last < c.Pos(); {
		data, err := steady.raw()
		if err != nil {
			t.Fatal(err)
		}
		var f frame
		if err := json.Unmarshal(data, &f); err != nil {
			t.Fatal(err)
		}
		if last = f.Seq; f.Op == "position" {
			continue
		}
		switch f.Op {
		case "reverted":
			reverts++
		case "repaired":
			repairs++
		}
		whole = append(whole, string(data))
	}
	// finalized is as of the moment at which a frame was made.
	plain := func(list []string) string {
		return strings.NewReplacer(`"finalized":true`, "", `"finalized":false`, "").Replace(strings.Join(list, "\n"))
	}
	if plain(whole) != plain(cut) {
		t.Errorf("the client that was cut got %d frames, the other %d:\n%s\n---\n%s", len(cut), len(whole), plain(cut), plain(whole))
	}
	if reverts != rounds/10 || repairs != 4 { // at 7, 31, 43 and 55
		t.Errorf("%d reverted frames and %d repaired ones, want %d and 4", reverts, repairs, rounds/10)
	}
	// A replay from the beginning shows the same, reverts and repairs included.
	replay := a.dial("/v1/ws")
	replay.send(fmt.Sprintf(`{"op":"subscribe","id":1,"channel":"events","network":"dev","since":%d}`, hello.Seq))
	replay.want("subscribed")
	var again []string
	for range whole {
		data, err := replay.raw()
		if err != nil {
			t.Fatal(err)
		}
		again = append(again, string(data))
	}
	if plain(again) != plain(whole) {
		t.Errorf("the replay differs from what was live:\n%s\n---\n%s", plain(again), plain(whole))
	}
}

// redisAway is for how long Redis is gone in a test, at least.
// FONDACO_REDIS_AWAY=10s looks longer.
func redisAway(t *testing.T) time.Duration {
	t.Helper()
	away, err := time.ParseDuration(cmp.Or(os.Getenv("FONDACO_REDIS_AWAY"), "2s"))
	if err != nil {
		t.Fatal(err)
	}
	return away
}

// TestRedisGone: while Redis is away hints stop and the feed goes on by polling,
// reads are answered and sockets stay open; with it hints come back. Nothing is
// missing and nothing comes twice.
func TestRedisGone(t *testing.T) {
	t.Parallel()
	a, c := chainApp(t, 1, 1)
	s := a.dial("/v1/ws")
	s.send(`{"op":"subscribe","id":"b","channel":"blocks","network":"dev"}`)
	s.want("subscribed")
	next := uint64(2)
	block := func() {
		t.Helper()
		c.Block(t, 0)
		f := s.want("event")
		var b struct{ Number uint64 }
		if err := json.Unmarshal(f.Data, &b); err != nil || b.Number != next || string(f.ID) != `"b"` {
			t.Fatalf("got %+v, want block %d", f, next)
		}
		next++
	}
	block()
	a.redis.Close()
	for began := time.Now(); time.Since(began) < redisAway(t); {
		block() // within a poll
		for _, path := range []string{"/v1/networks/dev/blocks?limit=1", "/v1/networks"} {
			if code, body := a.get(path); code != http.StatusOK {
				t.Fatalf("%s: %d %s", path, code, body)
			}
		}
		late := a.dial("/v1/ws") // nor does a new one need Redis
		late.send(`{"op":"subscribe","id":1,"channel":"blocks","network":"dev"}`)
		late.want("subscribed")
	}
	if err := a.redis.Restart(); err != nil {
		t.Fatal(err)
	}
	a.eventually("listening to hints again", func() bool { return len(a.redis.PubSubChannels("*")) > 0 })
	for range 3 {
		block()
	}
}

func TestSubscribeFilters(t *testing.T) {
	t.Parallel()
	a, c := chainApp(t, 1, 1)
	s := a.dial("/v1/ws")
	s.send(`{"op":"subscribe","id":1,"channel":"events","network":"dev","filter":{"contract":"any-erc20","args":{"to":"0x` + strings.Repeat("0", 36) + `0201"}}}`)
	s.send(`{"op":"subscribe","id":2,"channel":"events","network":"dev","filter":{"event":"Approval"}}`)
	s.want("subscribed")
	s.want("subscribed")
	c.Block(t, 6)
	for range 2 {
		if f := s.want("event"); string(f.ID) != "1" {
			t.Errorf("%+v", f)
		}
	}
	s.send(`{"op":"unsubscribe","id":1}`)
	s.want("unsubscribed")
	c.Block(t, 6)
	s.send(`{"op":"ping","id":7}`)
	if f := s.want("pong"); string(f.ID) != "7" {
		t.Errorf("%+v", f)
	}
	c.Revert(t, 1) // a revert concerns every filter
	s.want("reverted")
	for _, bad := range []struct{ send, code, parameter string }{
		{`{"op":"subscribe","channel":"events","network":"dev"}`, "bad_parameter", "id"},
		{`{"op":"subscribe","id":2,"channel":"events","network":"dev"}`, "bad_parameter", "id"},
		{`{"op":"subscribe","id":{},"channel":"events"}`, "bad_parameter", "id"},
		{`{"op":"subscribe","id":"a\"b","channel":"events"}`, "bad_parameter", "id"},
		{`{"op":"subscribe","id":3,"channel":"nope"}`, "bad_parameter", "channel"},
		{`{"op":"subscribe","id":3,"channel":"events","network":"nope"}`, "bad_parameter", "network"},
		{`{"op":"subscribe","id":3,"channel":"deploys","network":"dev"}`, "bad_parameter", "channel"},
		{`{"op":"subscribe","id":3,"channel":"events","network":"dev","filter":{"foo":1}}`, "unknown_parameter", "foo"},
		{`{"op":"subscribe","id":3,"channel":"events","network":"dev","filter":{"limit":1}}`, "unknown_parameter", "limit"},
		{`{"op":"subscribe","id":3,"channel":"orders"}`, "unauthorized", ""},
		{`{"op":"subscribe","id":3,"channel":"depth","symbol":"NOPE"}`, "", ""},
		{`{"op":"auth","token":"nobody's"}`, "bad_token", ""},
		{`{"op":"nope"}`, "bad_parameter", "op"},
		{`{"op":"subscribe","sincee":3}`, "bad_message", ""},
		{`[]`, "bad_message", ""}, {`{`, "bad_message", ""},
	} {
		s.send(bad.send)
		if f := s.want("error"); (bad.code != "" && f.Code != bad.code) || (bad.parameter != "" && f.Parameter != bad.parameter) {
			t.Errorf("%s: %+v", bad.send, f)
		}
	}
}

func TestEpochChange(t *testing.T) {
	t.Parallel()
	a, c := chainApp(t, 2, 1)
	s := a.dial("/v1/ws")
	s.send(`{"op":"subscribe","id":1,"channel":"blocks","network":"dev","since":5,"epoch":"other"}`)
	reset := s.want("reset")
	if reset.Seq != c.Pos() {
		t.Errorf("%+v", reset)
	}
	// A position that nothing has is of another life too.
	s.send(`{"op":"subscribe","id":2,"channel":"blocks","network":"dev","since":9007199254740000}`)
	s.want("subscribed")
	s.want("reset")
	// The writer had to seek back: what clients hold is void.
	a.db.Exec(t, `update ctl.cursors set seek_backs = 1 where partition = $1`, c.Partition)
	first, second := s.want("reset"), s.want("reset")
	if first.Epoch == reset.Epoch || first.Epoch != second.Epoch {
		t.Errorf("%+v %+v", first, second)
	}
}

// TestLongReplay: more than a page of rows from before this process, while
// new ones arrive.
func TestLongReplay(t *testing.T) {
	t.Parallel()
	a, c := chainApp(t, 31, 200)
	s := a.dial("/v1/ws")
	s.send(`{"op":"subscribe","id":1,"channel":"events","network":"dev","since":0}`)
	s.want("subscribed")
	go func() {
		for range 5 {
			c.Block(t, 1)
		}
	}()
	want := event{BlockNumber: 1, LogIndex: 0}
	for n := range 31*200 + 5 {
		var e event
		if f := s.want("event"); json.Unmarshal(f.Data, &e) != nil || e.BlockNumber != want.BlockNumber || e.LogIndex != want.LogIndex {
			t.Fatalf("frame %d: got %s, want %+v", n, f.Data, want)
		}
		want.LogIndex++
		if want.LogIndex == 200 || want.BlockNumber > 31 {
			want = event{BlockNumber: want.BlockNumber + 1}
		}
	}
}

// TestSlowClient: who does not read is closed with 4001, and the others do not
// notice.
func TestSlowClient(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	a.env["FONDACO_WS_QUEUE_BYTES"] = "65536"
	a.env["FONDACO_WS_STALL"] = "1s"
	c := apitest.NewChain(t, a.db, "dev")
	c.Redis = a.rdb
	a.start()
	a.eventually("indexed", func() bool { code, _ := a.get("/v1/networks/dev/blocks?limit=1"); return code == 200 })
	// A raw connection with a small window that never reads.
	dialer := &net.Dialer{}
	nc, err := dialer.Dial("tcp", strings.TrimPrefix(a.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.(*net.TCPConn).SetReadBuffer(4096)
	fmt.Fprintf(nc, "GET /v1/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	sub := `{"op":"subscribe","id":1,"channel":"events","network":"dev"}`
	frame := append([]byte{0x81, 0x80 | byte(len(sub)), 0, 0, 0, 0}, sub...)
	if _, err := nc.Write(frame); err != nil {
		t.Fatal(err)
	}
	healthy := a.dial("/v1/ws")
	healthy.send(sub)
	healthy.want("subscribed")
	n := 0
	for !strings.Contains(a.log.String(), `"code":4001`) {
		c.Block(t, 200)
		for range 200 {
			healthy.want("event")
			n++
		}
		if n > 200000 {
			t.Fatal("the slow client was never closed")
		}
	}
	t.Logf("closed after %d events", n)
}

func TestShutdownTellsClients(t *testing.T) {
	t.Parallel()
	a, _ := chainApp(t, 1, 1)
	s := a.dial("/v1/ws")
	s.send(`{"op":"subscribe","id":1,"channel":"blocks","network":"dev"}`)
	s.want("subscribed")
	go a.stop()
	if f := s.want("goodbye"); f.RetryMS < 0 || f.RetryMS > 10000 {
		t.Errorf("%+v", f)
	}
	_, err := s.raw()
	if websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("got %v", err)
	}
	a.stop()
}
