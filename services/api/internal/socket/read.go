package socket

import (
	"errors"
	"io"
	"net"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// Bounds of what clients send.
const (
	maxMessage = 64 << 10
	idleAfter  = 60 * time.Second // without any frame from the client
	pingEvery  = 20 * time.Second
	// A client may send a burst of messages and then this many a second.
	burst     = 200
	perSecond = 50
)

// read takes the client's messages until the connection ends. Control frames
// are answered here, also between the fragments of a message. take says whether
// a message has a limit of its own; it must not keep the text.
func (c *conn) read(src io.Reader, take func(text []byte) bool) {
	r := &wsutil.Reader{Source: src, State: ws.StateServerSide, CheckUTF8: true, MaxFrameSize: maxMessage, MaxMessageSize: maxMessage}
	r.OnIntermediate = c.control
	budget, last := float64(burst), time.Now()
	var text []byte
	for {
		_ = c.net.SetReadDeadline(time.Now().Add(idleAfter))
		h, err := r.NextFrame()
		switch {
		case err != nil:
		case h.OpCode.IsControl():
			if err = c.control(h, r); err == nil {
				err = r.Discard()
			}
		case h.OpCode == ws.OpBinary:
			c.Close(ws.StatusUnsupportedData, "text frames only")
			return
		default:
			if text, err = readAll(r, text[:0]); err == nil && !take(text) {
				now := time.Now()
				budget = min(budget+now.Sub(last).Seconds()*perSecond, burst) - 1
				last = now
				if budget < 0 {
					c.Close(CodeFlooding, "too many messages")
					return
				}
			}
		}
		if err != nil {
			c.failed(err)
			return
		}
	}
}

func readAll(r io.Reader, b []byte) ([]byte, error) {
	if cap(b) == 0 {
		b = make([]byte, 0, 1024)
	}
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
}

// errPeerClosed ends the reader after the peer's close frame.
var errPeerClosed = errors.New("the peer closed")

func (c *conn) control(h ws.Header, body io.Reader) error {
	payload := make([]byte, h.Length) // at most 125, by the header check
	if _, err := io.ReadFull(body, payload); err != nil {
		return err
	}
	switch h.OpCode {
	case ws.OpPing:
		c.Say(ws.MustCompileFrame(ws.NewPongFrame(payload)))
	case ws.OpClose:
		code, reason := ws.ParseCloseFrameData(payload)
		switch {
		case len(payload) == 0:
			c.Close(ws.StatusNoStatusRcvd, "")
		case len(payload) == 1 || ws.CheckCloseFrameData(code, reason) != nil:
			c.Close(ws.StatusProtocolError, "bad close frame")
		default:
			c.Close(code, reason)
		}
		return errPeerClosed
	}
	return nil
}

func (c *conn) failed(err error) {
	var timeout net.Error
	switch {
	case errors.Is(err, errPeerClosed):
	case errors.Is(err, wsutil.ErrFrameTooLarge), errors.Is(err, wsutil.ErrMessageTooLarge):
		c.Close(ws.StatusMessageTooBig, "a message may have 65536 bytes")
	case errors.Is(err, wsutil.ErrInvalidUTF8):
		c.Close(ws.StatusInvalidFramePayloadData, "text must be UTF-8")
	case errors.As(err, &timeout) && timeout.Timeout():
		c.Close(CodeIdle, "nothing was heard for a minute")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &timeout):
		c.mu.Lock()
		c.closeLocked(ws.StatusAbnormalClosure, "", true)
		c.mu.Unlock()
	default:
		var p ws.ProtocolError
		if errors.As(err, &p) {
			c.Close(ws.StatusProtocolError, p.Error())
			return
		}
		c.Close(ws.StatusProtocolError, "bad frame")
	}
}
