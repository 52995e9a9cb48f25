package casper

import (
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
func (n *Node) serveEvents(w http.ResponseWriter, r *http.Request) {
	on, ok := n.streamAt(r.URL.Path)
	if !ok || r.Method != http.MethodGet {
		text := text404v1
		if n.cfg.v2() {
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
	at, drops, ok := n.hub.join(n.cfg.MaxSubscribers, from)
	if !ok {
		refuse(w, http.StatusServiceUnavailable, text503)
		return
	}
	defer n.hub.leave()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	w.WriteHeader(http.StatusOK)
	out := &chunked{to: w, flush: http.NewResponseController(w), cut: n.cfg.Chunk}
	if raw, ok := n.takeRaw(); ok {
		out.write(raw)
		panic(http.ErrAbortHandler)
	}
	n.stream(out, r, on, at, drops)
}

// stream sends ApiVersion, what the ring holds from a position on, and then
// every event as it comes, until the client goes, the node stops or drops it.
func (n *Node) stream(out *chunked, r *http.Request, on stream, at, drops uint64) {
	out.write(frame(encode(map[string]string{"ApiVersion": n.apiVersion()}), nil))
	idle := time.NewTimer(n.cfg.KeepAlive)
	defer idle.Stop()
	for out.err == nil {
		frames, now, more, lagged := n.hub.next(at, on)
		if lagged {
			panic(http.ErrAbortHandler) // the node disconnects slow clients
		}
		for _, f := range frames {
			out.write(f)
		}
		at = now
		nowDrops, closed := n.hub.state()
		if nowDrops != drops {
			panic(http.ErrAbortHandler)
		}
		if closed && len(frames) == 0 {
			return
		}
		if len(frames) > 0 {
			idle.Reset(n.cfg.KeepAlive)
			continue
		}
		select {
		case <-r.Context().Done():
			return
		case <-more:
		case <-idle.C:
			out.write([]byte(":\n\n"))
			idle.Reset(n.cfg.KeepAlive)
		}
	}
}

func (n *Node) streamAt(path string) (stream, bool) {
	if n.cfg.v2() {
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
