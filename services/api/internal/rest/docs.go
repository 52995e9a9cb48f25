package rest

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"fondaco.dev/services/api/internal/operation"
)

// OpenAPI answers with the description that this server was made from.
func (s *Server) OpenAPI(c echo.Context, _ operation.OpenAPI) error {
	return document(c, s.Spec.ETag, "application/json; charset=utf-8", s.Spec.JSON)
}

// AsyncAPI answers with the description of the sockets.
func (s *Server) AsyncAPI(c echo.Context, _ operation.AsyncAPI) error {
	return document(c, s.Async.ETag, "application/json; charset=utf-8", s.Async.JSON)
}

// Docs is both descriptions as a page, made once.
func (s *Server) Docs(c echo.Context, _ operation.Docs) error {
	h := c.Response().Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	return document(c, s.page.tag, "text/html; charset=utf-8", s.page.body)
}

// document answers with a body that changes with the program only: callers ask
// again each time and are told when they have it.
func document(c echo.Context, tag, kind string, body []byte) error {
	h := c.Response().Header()
	h.Set("ETag", tag)
	h.Set("Cache-Control", "no-cache")
	for _, have := range strings.Split(c.Request().Header.Get("If-None-Match"), ",") {
		if have = strings.TrimPrefix(strings.TrimSpace(have), "W/"); have == tag || have == "*" {
			return c.NoContent(http.StatusNotModified)
		}
	}
	return c.Blob(http.StatusOK, kind, body)
}
