package rest

import (
	"net/http"
	"strconv"
	"sync"

	"github.com/labstack/echo/v4"

	"fondaco.dev/services/api/internal/market"
	"fondaco.dev/services/api/internal/operation"
	"fondaco.dev/services/api/internal/position"
	"fondaco.dev/services/api/internal/shape"
)

// Bounds of the books that are kept written.
const (
	maxWritten      = 256      // of one state of the venue
	maxWrittenBytes = 64 << 10 // of one of them; a longer one is written for each request
)

// depths are the books of one state of the venue as they were answered: who asks
// for a book that another has asked for since the venue's last event gets the
// same bytes.
type depths struct {
	mu      sync.RWMutex
	state   *market.State // the one that they are of, as of seq
	seq     uint64
	written map[depthKey]*written
}

type depthKey struct {
	market *market.Market
	limit  int
}

// written is an answer's body, and what its header says of it. It is never
// changed.
type written struct {
	body             []byte
	length, position []string
}

// find is the book of a market; nil when nobody asked for it yet.
func (d *depths) find(st *market.State, k depthKey) *written {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.state != st || d.seq != st.Seq {
		return nil
	}
	return d.written[k]
}

// keep remembers a book for others. The state is read under the venue's lock,
// so that nothing older replaces what is newer.
func (d *depths) keep(st *market.State, k depthKey, w *written) {
	if len(w.body) > maxWrittenBytes {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.state != st || d.seq != st.Seq {
		d.state, d.seq, d.written = st, st.Seq, map[depthKey]*written{}
	}
	if len(d.written) < maxWritten {
		d.written[k] = w
	}
}

func (s *Server) GetDepth(c echo.Context, p operation.GetDepth) error {
	tokens, err := s.positions(c, p.MinSeq)
	if err != nil {
		return err
	}
	if err := s.await(c, tokens); err != nil {
		return err
	}
	var w *written
	if err := s.view(func(st *market.State) {
		if m := st.Market(p.Symbol); m != nil {
			w = s.depth(st, m, int(p.Limit))
		}
	}); err != nil {
		return err
	}
	if w == nil {
		return noMarket(p.Symbol)
	}
	h := c.Response().Header()
	h["Content-Type"], h["Content-Length"], h[position.Header] = jsonLine, w.length, w.position
	c.Response().WriteHeader(http.StatusOK)
	_, err = c.Response().Write(w.body)
	return err
}

// depth writes a book, or finds it written.
func (s *Server) depth(st *market.State, m *market.Market, limit int) *written {
	key := depthKey{m, limit}
	if w := s.depths.find(st, key); w != nil {
		return w
	}
	d := st.Depth(m.ID, limit)
	body := shape.AppendDepth(make([]byte, 0, 128+32*(len(d.Bids)+len(d.Asks))), &d, m)
	at := position.Token{Kind: position.Trades, Name: s.Venue.Name(), Epoch: s.Venue.Epoch(), Seq: st.Seq}
	w := &written{body: body, length: []string{strconv.Itoa(len(body))}, position: []string{at.String()}}
	s.depths.keep(st, key, w)
	return w
}
