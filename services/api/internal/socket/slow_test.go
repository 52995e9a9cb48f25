package socket

import (
	"fmt"
	"net"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"fondaco.dev/services/api/internal/feed"
)

// TestSlowOnesDelayNobody: a publication is over and the healthy have all of it
// while most clients take nothing, though nobody gives up on those: whatever
// waited for one of them, be it the feed, a flusher or the poller, would wait
// for the rest of the test. Both states of a slow client are there, the one
// whose queue grows and the one that left its feed.
func TestSlowOnesDelayNobody(t *testing.T) {
	t.Parallel()
	const healthy, slow, bursts = 3, 30, 40
	srv := bareServer(t, Config{Stall: time.Hour, Behind: time.Hour, QueueBytes: 128 << 10, UnsentBytes: 16 << 10})
	f := srv.hub.Feed("dev")
	srv.loop.run()
	srv.loop.flushers = srv.loop.flushers[:1] // one writes for all
	addr := front(t, srv, nil)
	follow := func() net.Conn {
		_, peer := open(t, addr, "/v1/ws")
		if _, err := peer.Write(masked(ws.OpText, true, `{"op":"subscribe","id":1,"channel":"blocks","network":"dev"}`)); err != nil {
			t.Fatal(err)
		}
		if _, got, err := readFrame(peer); err != nil || !strings.Contains(string(got), "subscribed") {
			t.Fatalf("%s %v", got, err)
		}
		return peer
	}
	for range slow {
		_ = follow().(*net.TCPConn).SetReadBuffer(4 << 10)
	}
	var read []net.Conn
	for range healthy {
		read = append(read, follow())
	}
	long := []byte(`"` + strings.Repeat("x", 2000) + `"`)
	pos := uint64(7)
	for range bursts {
		var msgs []*feed.Message
		for range burst {
			pos++
			msgs = append(msgs, feed.NewMessage(pos, "event", feed.Blocks, feed.Scope{Key: "network", Value: "dev"}, "e", nil, 2600, func() []byte { return long }))
		}
		f.Publish(msgs, pos)
		for i, p := range read {
			for seq := pos - burst + 1; seq <= pos; seq++ {
				if _, got, err := readFrame(p); err != nil || !strings.Contains(string(got), fmt.Sprintf(`"seq":%d,`, seq)) {
					t.Fatalf("client %d: %.100s %v, want seq %d", i, got, err, seq)
				}
			}
		}
	}
	if n := f.Members(); n != healthy {
		t.Errorf("%d are level with the feed, want the %d healthy ones", n, healthy)
	}
	stuck, most := 0, 0
	for _, c := range srv.loop.wheel.all() {
		if n := c.waiting(); n > burst*len(long)*2 { // a healthy one's last write may not be counted off yet
			stuck, most = stuck+1, max(most, n)
		}
	}
	if stuck != slow || most > 128<<10+slack {
		t.Errorf("%d clients are stuck, want %d; %d bytes wait for one", stuck, slow, most)
	}
}

// TestUnsent: the kernel takes little for a client that reads nothing; unbounded
// it would take more.
func TestUnsent(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the bound is Linux'")
	}
	takes := func(bound int) (n int) {
		server, peer := pair(t)
		t.Cleanup(func() { server.Close() })
		_ = peer.(*net.TCPConn).SetReadBuffer(4 << 10)
		raw, err := server.(*net.TCPConn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		if bound > 0 {
			if err := boundUnsent(raw, bound); err != nil {
				t.Fatal(err)
			}
		}
		chunk := make([]byte, 16<<10)
		if err := raw.Write(func(fd uintptr) bool {
			for {
				k, err := syscall.Write(int(fd), chunk)
				if err != nil {
					return true // EAGAIN: no more is taken
				}
				n += k
			}
		}); err != nil {
			t.Fatal(err)
		}
		return n
	}
	bounded, free := takes(64<<10), takes(0)
	if bounded > 64<<10+256<<10 || bounded >= free/2 {
		t.Errorf("%d bytes are taken with a bound of 64 KiB, %d without", bounded, free)
	}
}
