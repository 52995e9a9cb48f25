package socket

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// got is what a reader made of bytes: messages and control frames in their
// order, and whether it ended with an error of the peer's making.
type got struct {
	ops   []ws.OpCode
	texts []string
	bad   bool
}

// cut reads with frames, from pieces of the given size.
func cut(data []byte, size, hold int) (g got) {
	f := &frames{limit: 1 << 10, hold: hold}
	var buf []byte
	for piece := range slices.Chunk(slices.Clone(data), size) {
		buf = append(buf, piece...)
		at := 0
		for {
			n, op, payload, err := f.next(buf[at:])
			at += n
			if err != nil {
				g.bad = true
				return g
			}
			if op == ws.OpContinuation {
				break
			}
			g.ops, g.texts = append(g.ops, op), append(g.texts, string(payload))
		}
		buf = append(buf[:0], buf[at:]...)
	}
	return g
}

// library reads with gobwas' own reader.
func library(data []byte) (g got) {
	r := &wsutil.Reader{Source: bytes.NewReader(data), State: ws.StateServerSide, CheckUTF8: true, MaxFrameSize: 1 << 10, MaxMessageSize: 1 << 10}
	control := func(h ws.Header, body io.Reader) error {
		payload, err := io.ReadAll(body)
		if err == nil && int64(len(payload)) == h.Length {
			g.ops, g.texts = append(g.ops, h.OpCode), append(g.texts, string(payload))
		}
		return err
	}
	r.OnIntermediate = control
	for {
		h, err := r.NextFrame()
		switch {
		case err == nil && h.OpCode.IsControl():
			if err = control(h, r); err == nil {
				err = r.Discard()
			}
		case err == nil && h.OpCode == ws.OpBinary:
			g.bad = true
			return g
		case err == nil:
			var payload []byte
			if payload, err = io.ReadAll(r); err == nil {
				g.ops, g.texts = append(g.ops, h.OpCode), append(g.texts, string(payload))
			}
		}
		if err != nil {
			g.bad = !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF)
			return g
		}
	}
}

// FuzzFrames: however the bytes come, they mean the same, and what the library
// reads from them is no more and no less. It may find what is wrong later: it
// looks at characters only in whole.
func FuzzFrames(f *testing.F) {
	for _, c := range cases() {
		if len(c.send) < 2000 {
			f.Add(c.send, uint8(3))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, size uint8) {
		if len(data) > 8<<10 {
			return
		}
		whole, pieces := cut(data, max(1, len(data)), 0), cut(data, int(size)+1, 0)
		if whole.bad != pieces.bad || !slices.Equal(whole.ops, pieces.ops) || !slices.Equal(whole.texts, pieces.texts) {
			t.Fatalf("whole %+v, in pieces %+v", whole, pieces)
		}
		// A frame that is held and never becomes whole is not looked into.
		held := cut(data, int(size)+1, 600)
		if held.bad && !whole.bad || !slices.Equal(whole.ops, held.ops) || !slices.Equal(whole.texts, held.texts) {
			t.Fatalf("taken as it comes %+v, held %+v", whole, held)
		}
		lib := library(data)
		if n := min(len(lib.ops), len(whole.ops)); !slices.Equal(whole.ops[:n], lib.ops[:n]) || !slices.Equal(whole.texts[:n], lib.texts[:n]) {
			t.Fatalf("we read %+v, the library %+v", whole, lib)
		}
		if len(lib.ops) > len(whole.ops) && !whole.bad || lib.bad && !whole.bad {
			t.Fatalf("we read %+v, the library %+v", whole, lib)
		}
	})
}

// FuzzMessage: whatever text a client sends, it gets an answer or an error that
// may be shown, and nothing is subscribed that the table does not have.
func FuzzMessage(f *testing.F) {
	for _, s := range []string{`{"op":"subscribe","id":1,"channel":"blocks","network":"dev"}`, `{"op":"unsubscribe","id":1}`, `{"op":"ping","id":"a"}`,
		`{"op":"order.place","id":3,"data":{}}`, `{"op":"subscribe","id":1,"channel":"events","network":"dev","filter":{"args":{"to":1}}}`, `[]`, `{`, `{"op":"auth"}`,
		`{"op":"subscribe","id":1,"channel":"status"}`, `{"op":"subscribe","id":1,"channel":"heads","network":"dev","since":1,"epoch":"e"}`} {
		f.Add([]byte(s))
	}
	srv := bareServer(f, Config{})
	f.Fuzz(func(t *testing.T, data []byte) {
		l := newLoop(Config{}, func(*conn) {}, func(*conn) {})
		c := &conn{loop: l, writing: true} // nobody writes: what is said stays
		c.ctx, c.cancel = t.Context(), func() {}
		s := &session{server: srv, conn: c, trusted: true}
		_ = s.take(data)
		defer s.end()
		for _, sub := range s.subs {
			if find(sub.sub.Channel) == nil {
				t.Errorf("subscribed to %q", sub.sub.Channel)
			}
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(c.queue) == 0 && len(s.subs) == 0 {
			t.Errorf("%q was not answered", data)
		}
		for _, frame := range c.queue {
			if bytes.Contains(frame, []byte(`"internal"`)) {
				t.Errorf("%q is answered %s", data, frame)
			}
		}
	})
}
