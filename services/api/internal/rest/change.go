package rest

import (
	"github.com/labstack/echo/v4"

	"fondaco.dev/services/api/internal/command"
	"fondaco.dev/services/api/internal/operation"
)

// An order has three names, each with a path of its own: the id that the book
// gave it, and the text or the number that its client gave it. What is asked of
// it is the same.

// GetOrder answers with an order by its id.
func (s *Server) GetOrder(c echo.Context, p operation.GetOrder) error {
	return s.getOrder(c, command.Name{ID: p.ID}, p.MinSeq)
}

// GetOrderByClientID answers with an order by its client's text.
func (s *Server) GetOrderByClientID(c echo.Context, p operation.GetOrderByClientID) error {
	return s.getOrder(c, command.Name{ClientID: []byte(p.Cid)}, p.MinSeq)
}

// GetOrderByClientRef answers with an order by its client's number.
func (s *Server) GetOrderByClientRef(c echo.Context, p operation.GetOrderByClientRef) error {
	return s.getOrder(c, command.Name{Ref: p.Ref}, p.MinSeq)
}

// CancelOrder cancels an order by its id.
func (s *Server) CancelOrder(c echo.Context, p operation.CancelOrder) error {
	return s.cancelOrder(c, command.Name{ID: p.ID})
}

// CancelOrderByClientID cancels an order by its client's text.
func (s *Server) CancelOrderByClientID(c echo.Context, p operation.CancelOrderByClientID) error {
	return s.cancelOrder(c, command.Name{ClientID: []byte(p.Cid)})
}

// CancelOrderByClientRef cancels an order by its client's number.
func (s *Server) CancelOrderByClientRef(c echo.Context, p operation.CancelOrderByClientRef) error {
	return s.cancelOrder(c, command.Name{Ref: p.Ref})
}

// AmendOrder gives an order other terms, by its id.
func (s *Server) AmendOrder(c echo.Context, p operation.AmendOrder) error {
	return s.amendOrder(c, command.Name{ID: p.ID})
}

// AmendOrderByClientID gives an order other terms, by its client's text.
func (s *Server) AmendOrderByClientID(c echo.Context, p operation.AmendOrderByClientID) error {
	return s.amendOrder(c, command.Name{ClientID: []byte(p.Cid)})
}

// AmendOrderByClientRef gives an order other terms, by its client's number.
func (s *Server) AmendOrderByClientRef(c echo.Context, p operation.AmendOrderByClientRef) error {
	return s.amendOrder(c, command.Name{Ref: p.Ref})
}
