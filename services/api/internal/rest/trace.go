package rest

import (
	"github.com/labstack/echo/v4"

	"fondaco.dev/pkg/trace"
)

// follow makes a span of a request; it is in the chain only where requests are
// followed at all.
func (s *Server) follow(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		ctx, span := s.Trace.Request(c.Request())
		c.SetRequest(c.Request().WithContext(ctx))
		err := next(c)
		span.Answered(c.Path(), requestID(c), c.Response().Status)
		return err
	}
}

// parent is the traceparent that a command carries to the order book; "" when
// its request is not followed.
func (s *Server) parent(c echo.Context) string {
	if s.Trace == nil {
		return ""
	}
	return trace.Parent(c.Request().Context())
}
