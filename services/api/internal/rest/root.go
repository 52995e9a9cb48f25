package rest

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"fondaco.dev/services/api/internal/operation"
	"fondaco.dev/services/api/internal/problem"
	"fondaco.dev/services/api/internal/socket"
)

// Root answers from the first second, also while everything else loads.
func (s *Server) Root(c echo.Context, _ operation.Root) error {
	c.Response().Header().Set("Cache-Control", "no-store")
	c.Response().Header().Set("Vary", "Accept")
	report := s.Status.Report()
	if wantsHTML(c.Request().Header.Get("Accept")) {
		return statusPage(c, report)
	}
	return answer(c, http.StatusOK, report)
}

// wantsHTML says whether a browser asks: it names text/html before JSON.
func wantsHTML(accept string) bool {
	html := strings.Index(accept, "text/html")
	js := strings.Index(accept, "application/json")
	return html >= 0 && (js < 0 || html < js)
}

func (s *Server) Livez(c echo.Context, _ operation.Livez) error {
	return c.String(http.StatusOK, "ok\n")
}

func (s *Server) Readyz(c echo.Context, _ operation.Readyz) error {
	if err := s.Admin.Ready(); err != nil {
		return answer(c, http.StatusServiceUnavailable, map[string]any{"status": "not ready", "postgres": s.Store.Servers(), "waiting_for": strings.Split(err.Error(), "; ")})
	}
	return answer(c, http.StatusOK, map[string]any{"status": "ready", "postgres": s.Store.Servers()})
}

// WebSocket opens /v1/ws. The token comes in the header or in the first
// message, never in the URL.
func (s *Server) WebSocket(c echo.Context, _ operation.WebSocket) error {
	if !socket.IsUpgrade(c.Request()) {
		c.Response().Header().Set("Upgrade", "websocket")
		return problem.New(http.StatusUpgradeRequired, "upgrade_required", "this route speaks WebSocket")
	}
	header := c.Request().Header.Get("Authorization")
	if header == "" {
		return s.hijacked(c, s.Sockets.Serve(c.Response(), c.Request(), nil, requestID(c)))
	}
	who, err := s.Auth.Bearer(c.Request().Context(), header)
	if err != nil {
		return err
	}
	of(c).is(who)
	return s.hijacked(c, s.Sockets.Serve(c.Response(), c.Request(), &who, requestID(c)))
}

// hijacked tells echo that the connection is no longer its own.
func (s *Server) hijacked(c echo.Context, err error) error {
	if err != nil {
		return err
	}
	c.Response().Committed = true
	c.Response().Status = http.StatusSwitchingProtocols
	return nil
}
