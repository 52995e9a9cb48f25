package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"time"
)

// socket sends arrays of orders until end, several under way, and returns how
// many orders were answered in time.
func socket(ctx context.Context, host, token string, many, pipelined int, end time.Time) (orders int, err error) {
	w, err := dialWire(ctx, host, token, end.Add(20*time.Second))
	if err != nil {
		return 0, fmt.Errorf("opening a socket: %w", err)
	}
	defer w.close()
	next := func(id int) error {
		return w.send(func(b []byte) []byte {
			b = append(strconv.AppendInt(append(b, `{"op":"order.place","id":`...), int64(id), 10), `,"data":`...)
			return append(appendOrders(b, many, ""), '}')
		})
	}
	sent, got := 0, 0
	for ; sent < pipelined; sent++ {
		if err := next(sent + 1); err != nil {
			return 0, err
		}
	}
	for got < sent {
		text, err := w.read()
		if err != nil {
			return orders, fmt.Errorf("reading a result: %w", err)
		}
		if !bytes.HasPrefix(text, []byte(`{"op":"result",`)) {
			continue // what else a socket is told
		}
		if n := bytes.Count(text, []byte(`"status":"open"`)); n != many {
			return orders, fmt.Errorf("%d of %d orders are open: %.300s", n, many, text)
		}
		got++
		if time.Now().Before(end) {
			orders += many
			if err := next(sent + 1); err != nil {
				return orders, err
			}
			sent++
		}
	}
	return orders, nil
}

// wire is a client's end of a WebSocket, by hand: a library's that hands the
// kernel 4 KiB at a time took as much processor time from the services as the
// writer had, and woke the api four times for an array.
type wire struct {
	conn net.Conn
	in   *bufio.Reader
	out  []byte
	took int // bytes of in that the last message was in
	stop func() bool
}

const (
	wireBytes = 256 << 10 // of a message that is read, at most
	wireHead  = 14        // bytes of a frame's head, at most
)

// Of a frame's head, RFC 6455.
const (
	wsFinal  = 0x80
	wsMasked = 0x80
	wsText   = 0x1
	wsClose  = 0x8
	wsPing   = 0x9
	wsPong   = 0xa
)

func dialWire(ctx context.Context, host, token string, until time.Time) (*wire, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", host)
	if err != nil {
		return nil, err
	}
	w := &wire{conn: conn, in: bufio.NewReaderSize(conn, wireBytes), stop: context.AfterFunc(ctx, func() { _ = conn.Close() })}
	_ = conn.SetDeadline(until)
	if err := w.upgrade(ctx, host, token); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *wire) close() {
	w.stop()
	_ = w.conn.Close()
}

func (w *wire) upgrade(ctx context.Context, host, token string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+"/v1/ws", nil)
	if err != nil {
		return err
	}
	key := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, rand.Uint64()), rand.Uint64())
	for name, value := range map[string]string{"Authorization": "Bearer " + token, "Connection": "Upgrade", "Upgrade": "websocket",
		"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": base64.StdEncoding.EncodeToString(key)} {
		r.Header.Set(name, value)
	}
	if err := r.Write(w.conn); err != nil {
		return err
	}
	answer, err := http.ReadResponse(w.in, r)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusSwitchingProtocols {
		return errors.New("the socket was answered " + answer.Status)
	}
	return nil
}

// send writes the text that add appends, with one call of the system.
func (w *wire) send(add func([]byte) []byte) error {
	return w.frame(wsText, add)
}

func (w *wire) frame(op byte, add func([]byte) []byte) error {
	var none [wireHead]byte
	w.out = add(append(w.out[:0], none[:]...))
	text := w.out[wireHead:]
	key := rand.Uint32()
	mask(text, key)
	b := w.out
	at := wireHead - 4
	binary.LittleEndian.PutUint32(b[at:], key)
	switch n := len(text); {
	case n < 126:
		at -= 2
		b[at+1] = wsMasked | byte(n)
	case n < 1<<16:
		at -= 4
		b[at+1] = wsMasked | 126
		binary.BigEndian.PutUint16(b[at+2:], uint16(n))
	default:
		at -= 10
		b[at+1] = wsMasked | 127
		binary.BigEndian.PutUint64(b[at+2:], uint64(n))
	}
	b[at] = wsFinal | op
	_, err := w.conn.Write(b[at:])
	return err
}

// mask is what a client does to its bytes.
func mask(b []byte, key uint32) {
	wide := uint64(key)<<32 | uint64(key)
	for ; len(b) >= 8; b = b[8:] {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^wide)
	}
	for i := range b {
		b[i] ^= byte(wide >> (8 * i))
	}
}

// read returns the next message, good until the next call. It answers pings.
func (w *wire) read() ([]byte, error) {
	for {
		if _, err := w.in.Discard(w.took); err != nil {
			return nil, err
		}
		w.took = 0
		op, n, err := w.head()
		if err != nil {
			return nil, err
		}
		body, err := w.in.Peek(n)
		if err != nil {
			return nil, err
		}
		w.took = n
		switch op {
		case wsFinal | wsText:
			return body, nil
		case wsFinal | wsPing:
			if err := w.frame(wsPong, func(b []byte) []byte { return append(b, body...) }); err != nil {
				return nil, err
			}
		case wsFinal | wsClose:
			return nil, fmt.Errorf("the socket was closed: %.100q", body)
		case wsFinal | wsPong:
		default:
			return nil, fmt.Errorf("a frame of a kind that the api does not send: %#x", op)
		}
	}
}

// head reads a frame's head: its first byte, and the bytes that follow it.
func (w *wire) head() (op byte, n int, err error) {
	var b [8]byte
	if _, err := io.ReadFull(w.in, b[:2]); err != nil {
		return 0, 0, err
	}
	op, n = b[0], int(b[1])
	switch n {
	case 126:
		_, err = io.ReadFull(w.in, b[:2])
		n = int(binary.BigEndian.Uint16(b[:]))
	case 127:
		_, err = io.ReadFull(w.in, b[:])
		n = int(min(binary.BigEndian.Uint64(b[:]), 1<<40))
	}
	if err == nil && n > wireBytes {
		err = fmt.Errorf("a message of %d bytes", n)
	}
	return op, n, err
}
