package socket

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/gobwas/ws"
)

// autobahn is a case of the Autobahn test suite's fuzzingclient, by its number.
// What the client sends comes back as it was, unless the server has to close.
type autobahn struct {
	number string
	send   []byte
	code   ws.StatusCode // of the server's close frame
	texts  []string
	pongs  []string
	chop   int // bytes of send that leave at a time; 0 = all
}

// over ends a case that the server does not end.
var over = masked(ws.OpClose, true, "\x03\xe8")

// cases are those that apply: text only, since this server speaks no binary
// (1.2.x, 9.2.x: TestBinary); up to its limit of 64 KiB (9.1.2 and above:
// 9.1.x); no compression (12.x, 13.x: TestNoExtension).
func cases() (all []autobahn) {
	text := func(s string) []byte { return masked(ws.OpText, true, s) }
	add := func(number string, code ws.StatusCode, texts, pongs []string, frames ...[]byte) {
		send := cat(frames...)
		if code == 1000 {
			send = append(send, over...)
		}
		all = append(all, autobahn{number: number, send: send, code: code, texts: texts, pongs: pongs})
	}
	chopped := func(n int) { all[len(all)-1].chop = n }
	// 1.1: payload sizes.
	for i, size := range []int{0, 125, 126, 127, 128, 65535, 65536, 65536} {
		payload := strings.Repeat("*", size)
		add(fmt.Sprintf("1.1.%d", i+1), 1000, []string{payload}, nil, text(payload))
		if i == 7 {
			chopped(997)
		}
	}
	// 2: pings and pongs.
	long := strings.Repeat("\xfe", 125)
	add("2.1", 1000, nil, []string{""}, masked(ws.OpPing, true, ""))
	add("2.2", 1000, nil, []string{"Hello, world!"}, masked(ws.OpPing, true, "Hello, world!"))
	add("2.3", 1000, nil, []string{"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"}, masked(ws.OpPing, true, "\x00\xff\xfe\xfd\xfc\xfb\x00\xff"))
	add("2.4", 1000, nil, []string{long}, masked(ws.OpPing, true, long))
	add("2.5", 1002, nil, nil, masked(ws.OpPing, true, long+"\xfe"))
	add("2.6", 1000, nil, []string{long}, masked(ws.OpPing, true, long))
	chopped(1)
	add("2.7", 1000, nil, nil, masked(ws.OpPong, true, ""))
	add("2.8", 1000, nil, nil, masked(ws.OpPong, true, "unsolicited pong payload"))
	add("2.9", 1000, nil, []string{"ping payload"}, masked(ws.OpPong, true, "unsolicited pong payload"), masked(ws.OpPing, true, "ping payload"))
	var ten []byte
	var answers []string
	for i := range 10 {
		answers = append(answers, fmt.Sprintf("payload-%d", i))
		ten = append(ten, masked(ws.OpPing, true, answers[i])...)
	}
	add("2.10", 1000, nil, answers, ten)
	add("2.11", 1000, nil, answers, ten)
	chopped(1)
	// 3: reserved bits.
	rsv := func(frame []byte, bits byte) []byte { f := slices.Clone(frame); f[0] |= bits << 4; return f }
	hello := text("Hello, world!")
	add("3.1", 1002, nil, nil, rsv(hello, 1))
	add("3.2", 1002, []string{"Hello, world!"}, nil, hello, rsv(hello, 2), masked(ws.OpPing, true, ""))
	add("3.3", 1002, []string{"Hello, world!"}, nil, hello, rsv(hello, 3), masked(ws.OpPing, true, ""))
	add("3.4", 1002, []string{"Hello, world!"}, nil, hello, rsv(hello, 4), masked(ws.OpPing, true, ""))
	chopped(1)
	add("3.5", 1002, nil, nil, rsv(text("\x00\xff\xfe\xfd\xfc\xfb\x00\xff"), 5))
	add("3.6", 1002, nil, nil, rsv(masked(ws.OpPing, true, "Hello, world!"), 6))
	add("3.7", 1002, nil, nil, rsv(over, 7))
	// 4: reserved opcodes.
	for i, op := range []ws.OpCode{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
		number := fmt.Sprintf("4.%d.%d", 1+i/5, 1+i%5)
		if i%5 < 2 {
			add(number, 1002, nil, nil, masked(op, true, ""), masked(ws.OpPing, true, ""))
			continue
		}
		add(number, 1002, []string{"Hello, world!"}, nil, hello, masked(op, true, "x"), masked(ws.OpPing, true, ""))
	}
	return append(append(append(append(all, fragments()...), characters()...), closes()...), limits()...)
}

// fragments is section 5.
func fragments() (all []autobahn) {
	part := func(op ws.OpCode, fin bool, s string) []byte { return masked(op, fin, s) }
	add := func(number string, code ws.StatusCode, chop int, texts, pongs []string, frames ...[]byte) {
		send := cat(frames...)
		if code == 1000 {
			send = append(send, over...)
		}
		all = append(all, autobahn{number: number, send: send, code: code, texts: texts, pongs: pongs, chop: chop})
	}
	whole, ping := []string{"fragment1fragment2"}, []string{"ping payload"}
	first, last := part(ws.OpText, false, "fragment1"), part(ws.OpContinuation, true, "fragment2")
	asks := part(ws.OpPing, true, "ping payload")
	add("5.1", 1002, 0, nil, nil, part(ws.OpPing, false, "fragment1"), last)
	add("5.2", 1002, 0, nil, nil, part(ws.OpPong, false, "fragment1"), last)
	add("5.3", 1000, 0, whole, nil, first, last)
	add("5.4", 1000, 9, whole, nil, first, last)
	add("5.5", 1000, 1, whole, nil, first, last)
	add("5.6", 1000, 0, whole, ping, first, asks, last)
	add("5.7", 1000, 9, whole, ping, first, asks, last)
	add("5.8", 1000, 1, whole, ping, first, asks, last)
	stray := part(ws.OpContinuation, true, "non-continuation payload")
	hello := part(ws.OpText, true, "Hello, world!")
	add("5.9", 1002, 0, nil, nil, stray, hello)
	add("5.10", 1002, 7, nil, nil, stray, hello)
	add("5.11", 1002, 1, nil, nil, stray, hello)
	open := part(ws.OpContinuation, false, "non-continuation payload")
	add("5.12", 1002, 0, nil, nil, open, hello)
	add("5.13", 1002, 7, nil, nil, open, hello)
	add("5.14", 1002, 1, nil, nil, open, hello)
	add("5.15", 1002, 0, whole, nil, first, last, part(ws.OpContinuation, false, "fragment3"), part(ws.OpText, true, "fragment4"))
	add("5.16", 1002, 0, nil, nil, part(ws.OpContinuation, false, "fragment1"), part(ws.OpText, false, "fragment2"), part(ws.OpContinuation, true, "fragment3"))
	add("5.17", 1002, 0, nil, nil, part(ws.OpContinuation, true, "fragment1"), part(ws.OpText, false, "fragment2"), part(ws.OpContinuation, true, "fragment3"))
	add("5.18", 1002, 0, nil, nil, first, part(ws.OpText, true, "fragment2"))
	five := [][]byte{first, part(ws.OpContinuation, false, "fragment2"), part(ws.OpPing, true, "pongme 1!"), part(ws.OpContinuation, false, "fragment3"),
		part(ws.OpContinuation, false, "fragment4"), part(ws.OpPing, true, "pongme 2!"), part(ws.OpContinuation, true, "fragment5")}
	add("5.19", 1000, 0, []string{"fragment1fragment2fragment3fragment4fragment5"}, []string{"pongme 1!", "pongme 2!"}, five...)
	add("5.20", 1000, 1, []string{"fragment1fragment2fragment3fragment4fragment5"}, []string{"pongme 1!", "pongme 2!"}, five...)
	return all
}

// characters is section 6.
func characters() (all []autobahn) {
	add := func(number string, code ws.StatusCode, chop int, text string, frames ...[]byte) {
		send, texts := cat(frames...), []string{text}
		if code == 1000 {
			send = append(send, over...)
		} else {
			texts = nil
		}
		all = append(all, autobahn{number: number, send: send, code: code, texts: texts, chop: chop})
	}
	one := func(s string) []byte { return masked(ws.OpText, true, s) }
	apart := func(s string) (out []byte) { // each byte in a frame of its own
		for i := range len(s) {
			op := ws.OpContinuation
			if i == 0 {
				op = ws.OpText
			}
			out = append(out, masked(op, i == len(s)-1, s[i:i+1])...)
		}
		return out
	}
	const hello = "Hello-µ@ßöäüàá-UTF-8!!"
	const kosme = "κόσμε"
	const bad = kosme + "\xed\xa0\x80edited"
	add("6.1.1", 1000, 0, "", one(""))
	add("6.1.2", 1000, 0, "", masked(ws.OpText, false, ""), masked(ws.OpContinuation, false, ""), masked(ws.OpContinuation, true, ""))
	add("6.1.3", 1000, 0, "middle frame payload", masked(ws.OpText, false, ""), masked(ws.OpContinuation, false, "middle frame payload"), masked(ws.OpContinuation, true, ""))
	add("6.2.1", 1000, 0, hello, one(hello))
	add("6.2.2", 1000, 0, hello, masked(ws.OpText, false, "Hello-µ@ßöä"), masked(ws.OpContinuation, true, "üàá-UTF-8!!"))
	add("6.2.3", 1000, 0, hello, apart(hello))
	add("6.2.4", 1000, 0, kosme, apart(kosme))
	add("6.3.1", 1007, 0, "", one(bad))
	add("6.3.2", 1007, 0, "", apart(bad))
	// 6.4: found at the first wrong byte, while the rest of the message is yet to
	// come.
	add("6.4.1", 1007, 0, "", masked(ws.OpText, false, kosme), masked(ws.OpContinuation, false, "\xf4\x90\x80\x80"))
	add("6.4.2", 1007, 0, "", masked(ws.OpText, false, kosme+"\xf4"), masked(ws.OpContinuation, false, "\x90"))
	whole := one(kosme + "\xf4\x90\x80\x80edited")
	add("6.4.3", 1007, 0, "", whole[:len(whole)-len("\x80\x80edited")])
	add("6.4.4", 1007, 1, "", whole[:len(whole)-len("\x80\x80edited")])
	for number, s := range map[string]string{
		"6.5.1": "κ", "6.5.2": kosme, "6.5.3": "\U00021000", "6.6.2": "κ", "6.6.5": "κό", "6.6.7": "κόσ", "6.6.9": "κόσμ", "6.6.11": kosme,
		"6.7.1": "\x00", "6.7.2": "\u0080", "6.7.3": "\u0800", "6.7.4": "\U00010000", "6.9.1": "\x7f", "6.9.2": "\u07ff", "6.9.3": "\uffff", "6.9.4": "\U0010ffff",
		"6.11.1": "\uD7FF", "6.11.2": "\ue000", "6.11.3": "\ufffd", "6.11.4": "\U0010ffff",
		"6.22.1": "\ufffe", "6.22.2": "\uffff", "6.22.3": "\U0001fffe", "6.23.1": "\ufff9", "6.23.7": "\uffff",
	} {
		add(number, 1000, 0, s, one(s))
		add(number+" in bytes", 1000, 0, s, apart(s))
	}
	for number, s := range map[string]string{
		"6.6.1": "\xce", "6.6.3": "\xce\xba\xe1", "6.6.4": "\xce\xba\xe1\xbd", "6.6.6": "\xce\xba\xe1\xbd\xb9\xcf", "6.6.8": "\xce\xba\xe1\xbd\xb9\xcf\x83\xce",
		"6.8.1": "\xf8\x88\x80\x80\x80", "6.8.2": "\xfc\x84\x80\x80\x80\x80", "6.10.1": "\xf7\xbf\xbf\xbf", "6.10.2": "\xfb\xbf\xbf\xbf\xbf", "6.10.3": "\xfd\xbf\xbf\xbf\xbf\xbf",
		"6.11.5": "\xf4\x90\x80\x80", "6.12.1": "\x80", "6.12.2": "\xbf", "6.12.4": "\x80\xbf\x80", "6.13.1": "\xc0 \xc1 ", "6.13.2": "\xe0 \xe1 ", "6.13.3": "\xf0 ", "6.13.4": "\xf8 ", "6.13.5": "\xfc ",
		"6.14.1": "\xc0", "6.14.2": "\xe0\x80", "6.14.3": "\xf0\x80\x80", "6.14.6": "\xdf", "6.14.7": "\xef\xbf", "6.14.8": "\xf7\xbf\xbf", "6.15.1": "\xc0\xe0\x80\xf0\x80\x80",
		"6.16.1": "\xfe", "6.16.2": "\xff", "6.16.3": "\xfe\xfe\xff\xff", "6.17.1": "\xc0\xaf", "6.17.2": "\xe0\x80\xaf", "6.17.3": "\xf0\x80\x80\xaf",
		"6.18.1": "\xc1\xbf", "6.18.2": "\xe0\x9f\xbf", "6.18.3": "\xf0\x8f\xbf\xbf", "6.19.1": "\xc0\x80", "6.19.2": "\xe0\x80\x80", "6.19.3": "\xf0\x80\x80\x80",
		"6.20.1": "\xed\xa0\x80", "6.20.4": "\xed\xaf\xbf", "6.20.7": "\xed\xbf\xbf", "6.21.1": "\xed\xa0\x80\xed\xb0\x80", "6.21.8": "\xed\xaf\xbf\xed\xbf\xbf",
	} {
		add(number, 1007, 0, "", one(s))
		add(number+" in bytes", 1007, 0, "", apart(s))
	}
	return all
}

// closes is section 7.
func closes() (all []autobahn) {
	add := func(number string, code ws.StatusCode, texts []string, frames ...[]byte) {
		all = append(all, autobahn{number: number, send: cat(frames...), code: code, texts: texts})
	}
	status := func(code uint16, reason string) []byte {
		return masked(ws.OpClose, true, string([]byte{byte(code >> 8), byte(code)})+reason)
	}
	hello := masked(ws.OpText, true, "Hello World!")
	add("7.1.1", 1000, []string{"Hello World!"}, hello, over)
	add("7.1.2", 1000, nil, over, over)
	add("7.1.3", 1000, nil, over, masked(ws.OpPing, true, ""))
	add("7.1.4", 1000, nil, over, hello)
	add("7.1.5", 1000, nil, masked(ws.OpText, false, "fragment1"), over, masked(ws.OpContinuation, true, "fragment2"))
	add("7.1.6", 1000, []string{strings.Repeat("B", 65536), "Hello World!"}, masked(ws.OpText, true, strings.Repeat("B", 65536)), hello, over, masked(ws.OpPing, true, ""))
	add("7.3.1", ws.StatusNoStatusRcvd, nil, masked(ws.OpClose, true, ""))
	add("7.3.2", 1002, nil, masked(ws.OpClose, true, "a"))
	add("7.3.3", 1000, nil, status(1000, ""))
	add("7.3.4", 1000, nil, status(1000, "Hello World!"))
	add("7.3.5", 1000, nil, status(1000, strings.Repeat("*", 123)))
	add("7.3.6", 1002, nil, status(1000, strings.Repeat("*", 124)))
	add("7.5.1", 1002, nil, status(1000, "κόσμε\xed\xa0\x80edited"))
	for i, code := range []uint16{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999} {
		add(fmt.Sprintf("7.7.%d", i+1), ws.StatusCode(code), nil, status(code, ""))
	}
	for i, code := range []uint16{0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999} {
		add(fmt.Sprintf("7.9.%d", i+1), 1002, nil, status(code, ""))
	}
	add("7.13.1", 1002, nil, status(5000, ""))
	add("7.13.2", 1002, nil, status(65535, ""))
	return all
}

// limits is section 9, and 10, up to the limit of a message.
func limits() (all []autobahn) {
	big := strings.Repeat("*", 64<<10)
	all = append(all, autobahn{number: "9.1.1", send: cat(masked(ws.OpText, true, big), over), code: 1000, texts: []string{big}},
		autobahn{number: "9.1.2", send: masked(ws.OpText, true, big+big+big+big), code: 1009})
	for i, size := range []int{64, 256, 1 << 10, 4 << 10, 16 << 10} { // 9.3: fragments of a message
		var send []byte
		for at := 0; at < len(big); at += size {
			op := ws.OpContinuation
			if at == 0 {
				op = ws.OpText
			}
			send = append(send, masked(op, at+size == len(big), big[at:at+size])...)
		}
		all = append(all, autobahn{number: fmt.Sprintf("9.3.%d", i+1), send: append(send, over...), code: 1000, texts: []string{big}})
	}
	for i, chop := range []int{64, 128, 256, 512, 1024, 2048} {
		all = append(all, autobahn{number: fmt.Sprintf("9.5.%d", i+1), send: cat(masked(ws.OpText, true, big), over), code: 1000, texts: []string{big}, chop: chop})
	}
	for i, size := range []int{0, 16, 64, 256} { // 9.7: roundtrips, fewer
		var send []byte
		var texts []string
		for range 100 {
			texts = append(texts, strings.Repeat("*", size))
			send = append(send, masked(ws.OpText, true, texts[0])...)
		}
		all = append(all, autobahn{number: fmt.Sprintf("9.7.%d", i+1), send: append(send, over...), code: 1000, texts: texts})
	}
	return append(all, autobahn{number: "10.1.1", send: cat(masked(ws.OpText, true, big), over), code: 1000, texts: []string{big}, chop: 1300},
		autobahn{number: "fragments above the limit", send: cat(masked(ws.OpText, false, big), masked(ws.OpContinuation, true, "x")), code: 1009},
		autobahn{number: "a header above any limit", send: []byte{0x81, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}, code: 1002},
		autobahn{number: "not masked", send: ws.MustCompileFrame(ws.NewTextFrame([]byte("a"))), code: 1002},
		autobahn{number: "binary", send: masked(ws.OpBinary, true, "x"), code: 1003})
}

// TestAutobahn goes through the cases over raw connections, once with the bytes
// as they are and, where a case says so, in pieces.
func TestAutobahn(t *testing.T) {
	t.Parallel()
	l, _ := plant(t, Config{})
	all := cases()
	for _, c := range all {
		t.Run(c.number, func(t *testing.T) {
			t.Parallel()
			_, peer := serve(t, l)
			go func() { // the answers are read meanwhile
				step := c.chop
				if step == 0 {
					step = len(c.send)
				}
				for piece := range slices.Chunk(c.send, step) {
					if _, err := peer.Write(piece); err != nil {
						return // closed in its middle, as it should be
					}
				}
			}()
			got := listen(t, peer)
			if got.code != c.code || !slices.Equal(got.texts, c.texts) || !slices.Equal(got.pongs, c.pongs) {
				t.Errorf("code %d, want %d; %.60q of %d, want %.60q of %d; pongs %q, want %q", got.code, c.code, got.texts, len(got.texts), c.texts, len(c.texts), got.pongs, c.pongs)
			}
			if rest, _ := io.ReadAll(peer); len(rest) > 0 {
				t.Errorf("%d bytes follow the close frame", len(rest))
			}
		})
	}
	if len(all) < 240 {
		t.Errorf("%d cases", len(all))
	}
}
