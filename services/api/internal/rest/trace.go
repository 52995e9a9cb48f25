package rest

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"fondaco.dev/pkg/trace"
)

// follow makes a span of a request, which goes on in its context.
func (s *Server) follow(x *exchange) (*http.Request, trace.Span) {
	ctx, span := s.Trace.Request(x.Request())
	x.SetRequest(x.Request().WithContext(ctx))
	return x.Request(), span
}

// parent is the traceparent that a command carries to the order book; "" when
// its request is not followed.
func (s *Server) parent(c echo.Context) string {
	if s.Trace == nil {
		return ""
	}
	return trace.Parent(c.Request().Context())
}
