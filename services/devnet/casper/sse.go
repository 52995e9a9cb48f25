package casper

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The texts of the node's refusals. Source: casper-node, event_stream_server.
const (
	text404v1 = "invalid path: expected '/events/main', '/events/deploys' or '/events/sigs'\n"
	text404v2 = "invalid path: expected '/events'\n"
	text422   = "invalid query: expected single field 'start_from=<EVENT ID>'\n"
	text503   = "server has reached limit of subscribers"
)

// serveEvents is the node's event stream server.
func (d *door) serveEvents(w http.ResponseWriter, r *http.Request) {
	on, ok := d.streamAt(r.URL.Path)
	if !ok || r.Method != http.MethodGet {
		text := text404v1
		if d.cfg.v2() {
			text = text404v2
		}
		refuse(w, http.StatusNotFound, text)
		return
	}
	from, ok := startFrom(r.URL.RawQuery)
	if !ok {
		refuse(w, http.StatusUnprocessableEntity, text422)
		return
	}
	if d.refuses() {
		refuse(w, http.StatusServiceUnavailable, text503)
		return
	}
	at, drops, ok := d.hub.join(d.cfg.MaxSubscribers, from)
	if !ok {
		refuse(w, http.StatusServiceUnavailable, text503)
		return
	}
	defer d.hub.leave()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	w.WriteHeader(http.StatusOK)
	out := &chunked{to: w, flush: http.NewResponseController(w), cut: d.cut()}
	if raw, ok := d.takeRaw(); ok {
		out.write(raw)
		panic(http.ErrAbortHandler)
	}
	d.stream(out, r, on, at, drops)
}

// stream sends ApiVersion, what the ring holds from a position on, and then
// every event as it comes, until the client goes, the node stops or drops it.
func (d *door) stream(out *chunked, r *http.Request, on stream, at, drops uint64) {
	out.write(frame(encode(map[string]string{"ApiVersion": d.apiVersion()}), nil))
	idle := time.NewTimer(d.cfg.KeepAlive)
	defer idle.Stop()
	told, ends := 0, d.hub.end()
	for out.err == nil {
		frames, now, more, lagged := d.hub.next(at, on)
		if lagged {
			panic(http.ErrAbortHandler) // the node disconnects slow clients
		}
		for _, f := range frames {
			if p, ok := d.acts(Lag); ok {
				if told++; told > cmp.Or(p.K, 20) {
					out.write(f[:len(f)/2])
					panic(http.ErrAbortHandler)
				}
			}
			out.write(f)
		}
		at = now
		nowDrops, closed := d.hub.state()
		if nowDrops != drops {
			panic(http.ErrAbortHandler)
		}
		if closed && len(frames) == 0 || d.hub.over(at, ends) {
			return
		}
		if len(frames) > 0 {
			idle.Reset(d.cfg.KeepAlive)
			continue
		}
		select {
		case <-r.Context().Done():
			return
		case <-more:
		case <-idle.C:
			out.write([]byte(":\n\n"))
			idle.Reset(d.cfg.KeepAlive)
		}
	}
}

func (d *door) streamAt(path string) (stream, bool) {
	if d.cfg.v2() {
		return streamAll, path == "/events"
	}
	on, ok := map[string]stream{
		"/events/main": streamMain, "/events/deploys": streamDeploys, "/events/sigs": streamSigs,
	}[path]
	return on, ok
}

// startFrom reads the query: nothing, or start_from alone with a u32.
func startFrom(query string) (from *uint32, ok bool) {
	if query == "" {
		return nil, true
	}
	values, err := url.ParseQuery(query)
	if err != nil || len(values) != 1 || len(values["start_from"]) != 1 {
		return nil, false
	}
	id, err := strconv.ParseUint(strings.TrimPrefix(values.Get("start_from"), "+"), 10, 32)
	if err != nil {
		return nil, false
	}
	small := uint32(id)
	return &small, true
}

func refuse(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	fmt.Fprint(w, text)
}

// chunked writes frames in the pieces that the test asked for, each flushed on
// its own so that it arrives on its own.
type chunked struct {
	to    http.ResponseWriter
	flush *http.ResponseController
	cut   func([]byte) [][]byte
	err   error
}

func (c *chunked) write(text []byte) {
	pieces := [][]byte{text}
	if c.cut != nil {
		pieces = c.cut(text)
	}
	for _, p := range pieces {
		if c.err != nil {
			return
		}
		if _, c.err = c.to.Write(p); c.err == nil {
			c.err = c.flush.Flush()
		}
	}
}
