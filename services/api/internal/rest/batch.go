package rest

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"fondaco.dev/services/api/internal/entry"
	"fondaco.dev/services/api/internal/gateway"
	"fondaco.dev/services/api/internal/operation"
)

// BatchOrders takes POST /v1/orders/batch: up to a hundred commands, carried
// out in order, each with an outcome of its own. What cannot be read is not
// sent and says so in its place; the others go on.
func (s *Server) BatchOrders(c echo.Context, _ operation.BatchOrders) error {
	a, err := s.ask(c)
	if err != nil {
		return err
	}
	var many entry.Many
	if err := many.Read(&a.reader, a.body, "", a.who, requestID(c)); err != nil {
		a.free()
		return err
	}
	if many.Sent() > 0 {
		if err := s.limit(c, many.Sent(), !many.New()); err != nil {
			a.free()
			return err
		}
		b := &a.batch
		b.Account, b.Count, b.New, b.RequestID = a.who, many.Sent(), many.New(), requestID(c)
		b.Trace = s.parent(c)
		b.Data = append(b.Data[:0], many.Data...)
		if err := s.Gateway.Do(untold, b); errors.Is(err, gateway.ErrUnknown) {
			return unknown(c, "/v1/orders", nil)
		} else if err != nil {
			a.free()
			return notSent(err)
		}
		s.stored(c, b)
	} else {
		a.batch.Outcomes = a.batch.Outcomes[:0]
	}
	defer a.free()
	a.out = append(many.Append(append(a.out[:0], `{"data":`...), a.batch.Outcomes), '}')
	return blob(c, http.StatusOK, a.out)
}
