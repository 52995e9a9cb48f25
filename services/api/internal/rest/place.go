package rest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"

	"github.com/labstack/echo/v4"

	"fondaco.dev/services/api/internal/command"
	"fondaco.dev/services/api/internal/entry"
	"fondaco.dev/services/api/internal/gateway"
	"fondaco.dev/services/api/internal/market"
	"fondaco.dev/services/api/internal/operation"
	"fondaco.dev/services/api/internal/problem"
	"fondaco.dev/services/api/internal/reject"
	"fondaco.dev/services/api/internal/shape"
	"fondaco.dev/services/api/internal/venue"
)

// asking is what one request to the order book needs; they are used again.
type asking struct {
	server *Server
	ctx    context.Context // of the request
	who    uint64
	reader entry.Reader
	cmd    command.Command
	batch  gateway.Batch
	body   []byte
	out    []byte
}

var askings = sync.Pool{New: func() any {
	a := &asking{}
	a.reader.Find, a.reader.Ahead, a.reader.Wait = a.find, a.ahead, a.wait
	return a
}}

// ask begins a request; the body is read.
func (s *Server) ask(c echo.Context) (*asking, error) {
	if s.Gateway == nil {
		return nil, s.view(nil)
	}
	dir := s.Venue.Directory()
	if dir == nil {
		return nil, venue.ErrLoading
	}
	a := askings.Get().(*asking)
	a.server, a.ctx, a.who = s, c.Request().Context(), caller(c).Account
	a.reader.Dir, a.reader.IDs = dir, s.ids
	var err error
	if a.body, err = readAll(c.Request().Body, a.body[:0]); err != nil {
		var tooBig *http.MaxBytesError
		if errors.As(err, &tooBig) {
			return nil, problem.New(http.StatusRequestEntityTooLarge, "body_too_large", "a body may have 65536 bytes")
		}
		return nil, problem.New(http.StatusBadRequest, "bad_body", "the body ended early")
	}
	return a, nil
}

// free gives a back: nothing of it may be in use, as it is after an unknown
// outcome.
func (a *asking) free() {
	a.ctx = nil
	askings.Put(a)
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

// find is the market of an order of the caller.
func (a *asking) find(n command.Name) (m *market.Market, open bool) {
	_ = a.server.Venue.Peek(func(st *market.State) {
		var id uint32
		id, open = st.MarketOfOrder(a.who, n.ID, string(n.ClientID), n.Ref)
		m = st.Directory().ByID(id)
	})
	return m, open
}

// ahead is the market of an order of the caller that is on its way.
func (a *asking) ahead(n command.Name) (uint32, bool) { return a.server.Gateway.MarketOf(a.who, n) }

// untold is the context of commands under way. A client that hangs up takes
// nothing back: it could not know whether that came in time. So nobody has to
// watch each client while its order is carried out, and the gateway bounds the
// wait by itself.
var untold = context.Background()

// wait lets the projection reach what the caller last wrote.
func (a *asking) wait() { a.server.Venue.WaitOwn(a.ctx, a.who) }

// send asks for one command and waits for the answer. After an error that is
// errUnknown a must not be freed.
func (a *asking) send(c echo.Context) error {
	if err := a.server.limit(c, 1, !a.cmd.New()); err != nil {
		return err
	}
	b := &a.batch
	b.Account, b.Count, b.New, b.RequestID = a.who, 1, a.cmd.New(), requestID(c)
	b.Trace = a.server.parent(c)
	b.Data = a.cmd.Append(b.Data[:0], a.who, b.RequestID)
	if err := a.server.Gateway.Do(untold, b); err != nil {
		return err
	}
	a.server.stored(c, b)
	return nil
}

func notSent(err error) error {
	if errors.Is(err, gateway.ErrClosed) {
		return problem.Unavailable("intake_stopped", "no new orders are taken in for now; cancels are; nothing was sent")
	}
	if errors.Is(err, gateway.ErrNotSent) {
		return problem.Unavailable("not_sent", "the order book cannot be reached now; nothing was sent")
	}
	return err
}

// unknown answers 202: the command left and nobody knows more yet.
func unknown(c echo.Context, at string, more map[string]any) error {
	c.Response().Header().Set("Location", at)
	body := map[string]any{"status": "unknown", "detail": "the outcome is not known yet; ask at " + at}
	for k, v := range more {
		body[k] = v
	}
	return answer(c, http.StatusAccepted, body)
}

// PlaceOrder takes POST /v1/orders.
func (s *Server) PlaceOrder(c echo.Context, _ operation.PlaceOrder) error {
	a, err := s.ask(c)
	if err != nil {
		return err
	}
	if err := a.reader.Place(a.body, &a.cmd); err != nil {
		a.free()
		return err
	}
	return a.placed(c)
}

// placed sends a command with new orders and answers with the order made.
func (a *asking) placed(c echo.Context) error {
	n := &a.cmd.First
	if err := a.send(c); errors.Is(err, gateway.ErrUnknown) {
		if n.Ref != 0 {
			return unknown(c, "/v1/orders/by-client-ref/"+strconv.FormatUint(n.Ref, 10), map[string]any{"client_ref": n.Ref})
		}
		return unknown(c, "/v1/orders/by-client-id/"+url.PathEscape(string(n.ClientID)), map[string]any{"client_order_id": string(n.ClientID)})
	} else if err != nil {
		a.free()
		return notSent(err)
	}
	defer a.free()
	o := &a.batch.Outcomes[0]
	if entry.Refused(&a.cmd, o) {
		return reject.Problem(o.Reject)
	}
	if a.cmd.Op == command.Pair {
		return a.pair(c, o)
	}
	made := entry.Order(a.who, n, o.OrderID, o)
	a.out = shape.AppendOrder(a.out[:0], &made, n.Market)
	return blob(c, http.StatusOK, a.out)
}

// pair answers with both orders. Of the second the outcome tells the id only;
// what became of it is in the projection a moment later.
func (a *asking) pair(c echo.Context, o *command.Outcome) error {
	first, second := entry.Order(a.who, &a.cmd.First, o.OrderID, o), market.Order{}
	found := false
	a.wait()
	if err := a.server.Venue.Peek(func(st *market.State) {
		if second, found = st.Order(a.who, o.SecondID); found {
			if now, ok := st.Order(a.who, o.OrderID); ok {
				first = now
			}
		}
	}); err != nil {
		return err
	}
	if !found {
		second = entry.Order(a.who, &a.cmd.Second, o.SecondID, &command.Outcome{Reject: o.Reject, Status: o.Status})
	}
	m := a.cmd.First.Market
	a.out = shape.AppendOrder(append(a.out[:0], `{"data":[`...), &first, m)
	a.out = append(shape.AppendOrder(append(a.out, ','), &second, m), `]}`...)
	return blob(c, http.StatusOK, a.out)
}

// PairOrders takes POST /v1/orders/pair.
func (s *Server) PairOrders(c echo.Context, _ operation.PairOrders) error {
	a, err := s.ask(c)
	if err != nil {
		return err
	}
	if err := a.reader.Pair(a.body, &a.cmd); err != nil {
		a.free()
		return err
	}
	return a.placed(c)
}

// cancelOrder takes back an order by any of its names.
func (s *Server) cancelOrder(c echo.Context, n command.Name) error {
	a, err := s.ask(c)
	if err != nil {
		return err
	}
	a.cmd = command.Command{Op: command.Cancel, Name: n}
	return a.changed(c)
}

// amendOrder gives an order new terms.
func (s *Server) amendOrder(c echo.Context, n command.Name) error {
	a, err := s.ask(c)
	if err != nil {
		return err
	}
	if err := a.reader.Amend(a.body, &n, &a.cmd); err != nil {
		a.free()
		return err
	}
	return a.changed(c)
}

// ReplaceOrder takes POST /v1/orders/{id}/replace.
func (s *Server) ReplaceOrder(c echo.Context, p operation.ReplaceOrder) error {
	a, err := s.ask(c)
	if err != nil {
		return err
	}
	if err := a.reader.Replace(a.body, &command.Name{ID: p.ID}, &a.cmd); err != nil {
		a.free()
		return err
	}
	return a.placed(c)
}

// changed sends a command about one order and answers with the order as the
// command left it.
func (a *asking) changed(c echo.Context) error {
	s := a.server
	if err := a.send(c); errors.Is(err, gateway.ErrUnknown) {
		return unknown(c, c.Request().URL.EscapedPath(), nil)
	} else if err != nil {
		a.free()
		return notSent(err)
	}
	defer a.free()
	o := &a.batch.Outcomes[0]
	if entry.Refused(&a.cmd, o) {
		return reject.Problem(o.Reject)
	}
	var was market.Order
	var m *market.Market
	look := func(st *market.State) {
		if found, ok := st.Order(a.who, o.OrderID); ok {
			was, m = found, st.Directory().ByID(found.Market)
		}
	}
	if err := s.Venue.Peek(look); err != nil {
		return err
	}
	if m == nil || a.cmd.Op == command.Amend {
		// Placed a moment ago, or its new terms are on their way.
		a.wait()
		if err := s.Venue.Peek(look); err != nil {
			return err
		}
	}
	if m == nil { // ended long ago, or the projection is late
		a.out = entry.AppendResult(a.out[:0], &a.cmd, o)
		return blob(c, http.StatusOK, a.out)
	}
	// The projection may be behind this answer, or ahead of it.
	if was.FilledLots <= o.Filled && was.Open() {
		was.Status, was.FilledLots, was.RemainingLots, was.CancelReason = o.Status, o.Filled, o.Remaining, o.CancelReason
	}
	a.out = shape.AppendOrder(a.out[:0], &was, m)
	return blob(c, http.StatusOK, a.out)
}

// CancelAll takes DELETE /v1/orders.
func (s *Server) CancelAll(c echo.Context, _ operation.CancelAll) error {
	a, err := s.ask(c)
	if err != nil {
		return err
	}
	if err := a.reader.All([]byte(c.QueryParam("symbol")), []byte(c.QueryParam("side")), &a.cmd); err != nil {
		a.free()
		return err
	}
	return a.plain(c)
}

// KeepAlive takes PUT /v1/keepalive.
func (s *Server) KeepAlive(c echo.Context, _ operation.KeepAlive) error {
	a, err := s.ask(c)
	if err != nil {
		return err
	}
	if err := a.reader.KeepAlive(a.body, &a.cmd); err != nil {
		a.free()
		return err
	}
	return a.plain(c)
}

// plain sends a command that is about no single order.
func (a *asking) plain(c echo.Context) error {
	if err := a.send(c); errors.Is(err, gateway.ErrUnknown) {
		return unknown(c, "/v1/orders?status=open", nil)
	} else if err != nil {
		a.free()
		return notSent(err)
	}
	defer a.free()
	o := &a.batch.Outcomes[0]
	if entry.Refused(&a.cmd, o) {
		return reject.Problem(o.Reject)
	}
	a.out = entry.AppendResult(a.out[:0], &a.cmd, o)
	return blob(c, http.StatusOK, a.out)
}
