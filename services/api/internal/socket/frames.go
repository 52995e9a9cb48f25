package socket

import (
	"encoding/binary"
	"errors"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// What ends a connection while its frames are read; ws.ProtocolError is one
// more.
var (
	errBinary  = errors.New("text frames only")
	errTooLong = errors.New("the message is too long")
	errNotUTF8 = errors.New("text must be UTF-8")
)

// frames cuts a client's bytes into messages and control frames. It keeps no
// bytes of whole frames: an idle connection's is empty. The zero value with a
// limit begins a connection.
type frames struct {
	limit int // bytes of a message
	hold  int // a message of one frame up to so many bytes, with its header, is left where it is until all of it came; 0 = it is taken as it comes

	inside bool      // of a frame whose payload is not complete
	head   ws.Header // of that frame
	got    int64     // payload bytes of it so far

	fragmented bool   // inside of a message whose last frame has not come
	text       []byte // of the message so far
	valid      int    // bytes of text that are known to be UTF-8
	control    []byte // of the control frame so far; they come between fragments too
}

// idle says that nothing is half read.
func (f *frames) idle() bool { return !f.inside && !f.fragmented }

// next takes bytes off b and changes them in place. op is OpText with a whole
// message, a control frame's code with its payload, or OpContinuation when b is
// used up as far as it goes: what is left, at most a part of a header or a frame
// that is held, comes again in front of more. payload is good until the next call.
func (f *frames) next(b []byte) (n int, op ws.OpCode, payload []byte, err error) {
	for {
		if !f.inside {
			size, ok, err := readHead(b[n:], &f.head)
			if err != nil || !ok {
				return n, ws.OpContinuation, nil, err
			}
			if err := f.check(); err != nil {
				return n, ws.OpContinuation, nil, err
			}
			if whole := int64(size) + f.head.Length; whole <= int64(f.hold) && int64(len(b)-n) < whole && f.head.OpCode == ws.OpText && f.head.Fin {
				return n, ws.OpContinuation, nil, nil
			}
			n += size
			f.inside, f.got = true, 0
		}
		part := b[n:min(int64(len(b)), int64(n)+f.head.Length-f.got)]
		ws.Cipher(part, f.head.Mask, int(f.got&3))
		n += len(part)
		f.got += int64(len(part))
		done := f.got == f.head.Length
		switch {
		case f.head.OpCode.IsControl():
			if done && len(f.control) == 0 {
				f.inside = false
				return n, f.head.OpCode, part, nil
			}
			if f.control = append(f.control, part...); done {
				f.inside = false
				payload, f.control = f.control, f.control[:0]
				return n, f.head.OpCode, payload, nil
			}
			return n, ws.OpContinuation, nil, nil
		case done && f.head.Fin && !f.fragmented && len(f.text) == 0: // most messages: nothing is copied
			f.inside = false
			if !utf8.Valid(part) {
				return n, ws.OpContinuation, nil, errNotUTF8
			}
			return n, ws.OpText, part, nil
		}
		f.text = append(f.text, part...)
		if !f.utf8(done && f.head.Fin) {
			return n, ws.OpContinuation, nil, errNotUTF8
		}
		if !done {
			return n, ws.OpContinuation, nil, nil
		}
		f.inside, f.fragmented = false, !f.head.Fin
		if f.head.Fin {
			payload, f.text, f.valid = f.text, f.text[:0], 0
			return n, ws.OpText, payload, nil
		}
	}
}

// check refuses a frame by its header alone, before its payload came.
func (f *frames) check() error {
	state := ws.StateServerSide
	if f.fragmented {
		state = state.Set(ws.StateFragmented)
	}
	if err := ws.CheckHeader(f.head, state); err != nil {
		return err
	}
	switch {
	case f.head.OpCode == ws.OpBinary:
		return errBinary
	case f.head.OpCode.IsData() && f.head.Length > int64(f.limit-len(f.text)):
		return errTooLong
	}
	return nil
}

// utf8 looks at what came since the last look; a character may be cut in two
// by frames and packets, but not by the message's end. Text that cannot become
// right is found at its first wrong byte.
func (f *frames) utf8(end bool) bool {
	if utf8.Valid(f.text[f.valid:]) { // as it is but for characters that are cut
		f.valid = len(f.text)
	}
	for f.valid < len(f.text) {
		rest := f.text[f.valid:]
		if rest[0] < utf8.RuneSelf {
			f.valid++
			continue
		}
		if !end && !utf8.FullRune(rest) {
			return true
		}
		r, size := utf8.DecodeRune(rest)
		if r == utf8.RuneError && size == 1 {
			return false
		}
		f.valid += size
	}
	return true
}

// readHead reads a frame's header from the beginning of b; ok is false when b
// ends before it does.
func readHead(b []byte, h *ws.Header) (n int, ok bool, err error) {
	if len(b) < 2 {
		return 0, false, nil
	}
	h.Fin, h.Rsv, h.OpCode, h.Masked = b[0]&0x80 != 0, b[0]&0x70>>4, ws.OpCode(b[0]&0x0f), b[1]&0x80 != 0
	n, h.Length = 2, int64(b[1]&0x7f)
	switch h.Length {
	case 126:
		if n = 4; len(b) < n {
			return 0, false, nil
		}
		h.Length = int64(binary.BigEndian.Uint16(b[2:]))
	case 127:
		if n = 10; len(b) < n {
			return 0, false, nil
		}
		if b[2]&0x80 != 0 {
			return 0, false, ws.ErrHeaderLengthMSB
		}
		h.Length = int64(binary.BigEndian.Uint64(b[2:]))
	}
	h.Mask = [4]byte{}
	if h.Masked {
		if len(b) < n+4 {
			return 0, false, nil
		}
		n += copy(h.Mask[:], b[n:])
	}
	return n, true, nil
}
