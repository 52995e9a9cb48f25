package socket

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"fondaco.dev/services/api/internal/feed"
)

// serve runs a connection whose messages come back, and gives its other end.
func serve(t *testing.T) net.Conn {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		server, err := ln.Accept()
		if err != nil {
			return
		}
		c := newConn(server, 1<<20, time.Second)
		go c.read(server, func(text []byte) bool { c.Say(feed.TextFrame(text)); return false })
		c.write()
	}()
	peer, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { peer.Close(); ln.Close(); <-done })
	_ = peer.SetDeadline(time.Now().Add(10 * time.Second))
	return peer
}

func masked(op ws.OpCode, fin bool, payload string) []byte {
	f := ws.NewFrame(op, fin, []byte(payload))
	return ws.MustCompileFrame(ws.MaskFrameInPlace(f))
}

// closeOf is the close frame's code, after all frames before it.
func closeOf(t *testing.T, c net.Conn) (code ws.StatusCode, texts []string, pongs []string) {
	t.Helper()
	for {
		h, err := ws.ReadHeader(c)
		if err != nil || h.Length > maxMessage {
			t.Fatalf("no close frame: %v, %d bytes", err, h.Length)
		}
		payload := make([]byte, h.Length)
		if _, err := io.ReadFull(c, payload); err != nil {
			t.Fatal(err)
		}
		switch h.OpCode {
		case ws.OpText:
			texts = append(texts, string(payload))
		case ws.OpPong:
			pongs = append(pongs, string(payload))
		case ws.OpClose:
			if len(payload) < 2 {
				return ws.StatusNoStatusRcvd, texts, pongs
			}
			return ws.StatusCode(binary.BigEndian.Uint16(payload)), texts, pongs
		}
	}
}

// TestProtocol goes through what RFC 6455 asks of a server.
func TestProtocol(t *testing.T) {
	t.Parallel()
	goodbye := masked(ws.OpClose, true, "\x03\xe8")
	cat := func(parts ...[]byte) (out []byte) {
		for _, p := range parts {
			out = append(out, p...)
		}
		return out
	}
	big := strings.Repeat("x", maxMessage)
	for _, c := range []struct {
		name  string
		send  []byte
		code  ws.StatusCode
		texts string
		pongs string
	}{
		{"text", cat(masked(ws.OpText, true, "a"), goodbye), 1000, "a", ""},
		{"empty text", cat(masked(ws.OpText, true, ""), masked(ws.OpText, true, "b"), goodbye), 1000, "|b", ""},
		{"fragments with a ping between", cat(masked(ws.OpText, false, "a"), masked(ws.OpPing, true, "p"), masked(ws.OpContinuation, false, "b"), masked(ws.OpContinuation, true, "c"), goodbye), 1000, "abc", "p"},
		{"a character cut in two", cat(masked(ws.OpText, false, "\xc3"), masked(ws.OpContinuation, true, "\xa9"), goodbye), 1000, "é", ""},
		{"pings", cat(masked(ws.OpPing, true, "1"), masked(ws.OpPing, true, ""), masked(ws.OpPong, true, "unasked"), goodbye), 1000, "", "1|"},
		{"the largest message", cat(masked(ws.OpText, true, big), goodbye), 1000, big, ""},
		{"a message too long", masked(ws.OpText, true, big+"x"), 1009, "", ""},
		{"fragments too long", cat(masked(ws.OpText, false, big), masked(ws.OpContinuation, true, "x")), 1009, "", ""},
		{"bad UTF-8", masked(ws.OpText, true, "\xff\xfe"), 1007, "", ""},
		{"half a character", masked(ws.OpText, true, "\xc3"), 1007, "", ""},
		{"binary", masked(ws.OpBinary, true, "x"), 1003, "", ""},
		{"not masked", ws.MustCompileFrame(ws.NewTextFrame([]byte("a"))), 1002, "", ""},
		{"reserved bits", append([]byte{0xf1}, masked(ws.OpText, true, "a")[1:]...), 1002, "", ""},
		{"unknown opcode", append([]byte{0x83}, masked(ws.OpText, true, "a")[1:]...), 1002, "", ""},
		{"a long ping", masked(ws.OpPing, true, strings.Repeat("p", 126)), 1002, "", ""},
		{"a ping in fragments", masked(ws.OpPing, false, "p"), 1002, "", ""},
		{"a continuation of nothing", masked(ws.OpContinuation, true, "a"), 1002, "", ""},
		{"text in the middle of text", cat(masked(ws.OpText, false, "a"), masked(ws.OpText, true, "b")), 1002, "", ""},
		{"close without a code", masked(ws.OpClose, true, ""), 1005, "", ""},
		{"close with half a code", masked(ws.OpClose, true, "\x03"), 1002, "", ""},
		{"close with a reserved code", masked(ws.OpClose, true, "\x03\xed"), 1002, "", ""},
		{"close with an application's code", masked(ws.OpClose, true, "\x0b\xb8bye"), 3000, "", ""},
		{"close with bad UTF-8", masked(ws.OpClose, true, "\x03\xe8\xff"), 1002, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			peer := serve(t)
			if _, err := peer.Write(c.send); err != nil {
				t.Fatal(err)
			}
			code, texts, pongs := closeOf(t, peer)
			if code != c.code || strings.Join(texts, "|") != c.texts || strings.Join(pongs, "|") != c.pongs {
				t.Errorf("code %d, want %d; %.100q; %q", code, c.code, texts, pongs)
			}
			if rest, _ := io.ReadAll(peer); len(rest) > 0 {
				t.Errorf("%d bytes follow the close frame", len(rest))
			}
		})
	}
}

func TestFlooding(t *testing.T) {
	t.Parallel()
	peer := serve(t)
	go func() {
		for range burst * 3 {
			if _, err := peer.Write(masked(ws.OpText, true, "x")); err != nil {
				return
			}
		}
	}()
	if code, _, _ := closeOf(t, peer); code != CodeFlooding {
		t.Errorf("code %d", code)
	}
}

// TestQueue: a full queue refuses frames of feeds, waits for pushed ones, and
// says when there is room.
func TestQueue(t *testing.T) {
	t.Parallel()
	a, b := net.Pipe() // unbuffered: nothing leaves before b reads
	c := newConn(a, 1000, 5*time.Second)
	frame := feed.TextFrame([]byte(strings.Repeat("x", 300)))
	for range 3 {
		if got := c.Offer(frame); got != feed.Taken {
			t.Fatalf("got %v", got)
		}
	}
	if c.Offer(frame) != feed.Full {
		t.Error("a fourth frame fits")
	}
	room := make(chan struct{})
	if !c.pressed(func() { close(room) }) {
		t.Error("not pressed with a full queue")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := c.Push(ctx, frame); err != context.DeadlineExceeded {
		t.Errorf("got %v", err)
	}
	go c.write()
	go func() { _, _ = io.Copy(io.Discard, b) }()
	<-room
	if err := c.Push(context.Background(), frame); err != nil {
		t.Error(err)
	}
	c.Close(ws.StatusNormalClosure, "")
	if c.Offer(frame) != feed.Closed || c.Push(context.Background(), frame) != errClosed {
		t.Error("a closed connection takes frames")
	}
}
