package lane

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// keep is how much of an answer waits, in bytes, before it is sent: most answers
// leave whole, and say how long they are.
const keep = 32 << 10

// response is a http.ResponseWriter; they are used again. Informational answers
// and trailers are not supported.
type response struct {
	conn   *conn
	x      *exchange
	header http.Header
	status int    // 0 = not yet
	out    []byte // to send: the header, of which the end is missing until headed
	body   []byte // to send behind it, while its length is not known
	length int64  // as the handler says; -1 = it does not
	wrote  int64  // of the body
	headed bool   // the header has its end
	chunks bool
	close  bool  // the connection ends with this answer
	err    error // of the connection
}

var responses = sync.Pool{New: func() any { return &response{header: http.Header{}} }}

func (w *response) begin(c *conn, x *exchange) { w.conn, w.x, w.length = c, x, -1 }

func (w *response) end() {
	clear(w.header)
	*w = response{header: w.header, out: w.out[:0], body: w.body[:0]}
	if cap(w.out) > 2*keep || cap(w.body) > 2*keep {
		w.out, w.body = nil, nil
	}
}

// Header is what http.ResponseWriter says; it changes nothing after WriteHeader.
func (w *response) Header() http.Header { return w.header }

// bare says that a status has no body.
func bare(status int) bool {
	return status < 200 || status == http.StatusNoContent || status == http.StatusNotModified
}

// WriteHeader is what http.ResponseWriter says.
func (w *response) WriteHeader(status int) {
	if status < 100 || status > 999 {
		panic(fmt.Sprintf("invalid status %d", status)) // as net/http
	}
	if w.status != 0 || status < 200 {
		return
	}
	w.status = status
	b := append(w.out, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(append(append(b, ' '), http.StatusText(status)...), "\r\n"...)
	if w.header["Date"] == nil {
		b = append(b, *w.conn.server.date.Load()...)
	}
	for name, values := range w.header {
		switch name {
		case "Content-Length":
			if n, err := strconv.ParseInt(values[0], 10, 64); err == nil && n >= 0 && len(values) == 1 {
				w.length = n
			}
			continue
		case "Connection":
			w.close = w.close || len(values) > 0 && strings.EqualFold(values[0], "close")
			continue
		case "Transfer-Encoding", "Trailer":
			continue
		}
		if !all(name, inName) {
			continue
		}
		for _, v := range values {
			b = append(append(b, name...), ": "...)
			at := len(b)
			b = append(b, v...)
			if v := b[at:]; bytes.IndexByte(v, '\n') >= 0 || bytes.IndexByte(v, '\r') >= 0 {
				for i, c := range v {
					if c == '\r' || c == '\n' { // would begin another line
						v[i] = ' '
					}
				}
			}
			b = append(b, "\r\n"...)
		}
	}
	w.out = b
}

// Write is what http.ResponseWriter says.
func (w *response) Write(p []byte) (int, error) {
	if w.status == 0 {
		if w.header["Content-Type"] == nil && len(p) > 0 {
			w.header["Content-Type"] = []string{http.DetectContentType(p)}
		}
		w.WriteHeader(http.StatusOK)
	}
	if w.err != nil {
		return 0, w.err
	}
	if bare(w.status) {
		return 0, http.ErrBodyNotAllowed
	}
	// Too much is as wrong as too little: see finish.
	if w.wrote += int64(len(p)); w.length >= 0 && w.wrote > w.length {
		return 0, http.ErrContentLength
	}
	switch {
	case w.x.head(): // it is told how long the body would be
	case len(w.out)+len(w.body)+len(p) > keep:
		w.flush(p)
	case w.length >= 0:
		w.head()
		w.out = append(w.out, p...)
	default:
		w.body = append(w.body, p...)
	}
	if w.err != nil {
		return 0, w.err
	}
	return len(p), nil
}

// Flush sends what waits.
func (w *response) Flush() {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	w.flush(nil)
}

// flush sends what waits and more.
func (w *response) flush(more []byte) {
	if !w.headed {
		w.chunks = w.length < 0 && !w.x.head() && !bare(w.status)
		w.head()
	}
	n := len(w.body) + len(more)
	if w.chunks && n > 0 {
		w.out = append(strconv.AppendInt(w.out, int64(n), 16), "\r\n"...)
	}
	w.out = append(w.out, w.body...)
	w.body = w.body[:0]
	if len(more) > keep {
		w.send()
		if w.err == nil {
			_, w.err = w.conn.tcp.Write(more)
		}
	} else {
		w.out = append(w.out, more...)
	}
	if w.chunks && n > 0 {
		w.out = append(w.out, "\r\n"...)
	}
	w.send()
}

// head writes what of the header depends on the body, and its end, once.
func (w *response) head() {
	if w.headed {
		return
	}
	w.headed = true
	w.close = w.close || w.x.asked.Close || w.conn.server.closing.Load()
	switch {
	case w.chunks:
		w.out = append(w.out, "Transfer-Encoding: chunked\r\n"...)
	case w.length >= 0 && w.status != http.StatusNoContent:
		w.out = append(strconv.AppendInt(append(w.out, "Content-Length: "...), w.length, 10), "\r\n"...)
	}
	if w.close {
		w.out = append(w.out, "Connection: close\r\n"...)
	}
	w.out = append(w.out, "\r\n"...)
}

func (w *response) send() {
	if w.err == nil && len(w.out) > 0 {
		_, w.err = w.conn.tcp.Write(w.out)
	}
	w.out = w.out[:0]
}

// finish sends the rest. It is false when the connection cannot be used for
// another answer.
func (w *response) finish() bool {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if !w.headed && w.length < 0 && !bare(w.status) && (w.wrote > 0 || !w.x.head()) {
		w.length = w.wrote
	}
	if w.head(); w.chunks {
		w.flush(nil)
		w.out = append(w.out, "0\r\n\r\n"...)
	} else {
		w.out = append(w.out, w.body...)
	}
	w.send()
	wrong := w.length >= 0 && w.wrote != w.length && !w.x.head() && !bare(w.status)
	return w.err == nil && !wrong && !w.close
}
