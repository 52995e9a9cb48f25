package rest

import (
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"fondaco.dev/services/api/internal/auth"
	"fondaco.dev/services/api/internal/limit"
)

// classOf is what a route counts as. Orders and cancels are counted by their
// handlers, command by command: see Server.limit.
func classOf(method, path string) limit.Class {
	switch {
	case method != http.MethodGet && method != http.MethodHead:
		return limit.None
	case path == "/livez", path == "/readyz", path == "/version":
		return limit.None // a balancer's and an operator's questions
	case path == "/v1/ws", strings.HasPrefix(path, "/ws"), strings.HasSuffix(path, "/ws"):
		return limit.Socket
	}
	return limit.Read
}

// spend counts a request, or refuses it: for maintenance, or because its client
// sends more than it may.
func (s *Server) spend(c echo.Context, class limit.Class) error {
	if class == limit.None {
		return nil
	}
	if err := s.Maintenance.Refuse(class); err != nil {
		return err
	}
	return s.charge(c, class, 1)
}

// limit is spend for commands to the order book.
func (s *Server) limit(c echo.Context, n int, cancel bool) error {
	class := limit.Order
	if cancel {
		class = limit.Cancel
	}
	if err := s.Maintenance.Refuse(class); err != nil {
		return err
	}
	return s.charge(c, class, n)
}

func (s *Server) charge(c echo.Context, class limit.Class, n int) error {
	if s.Limits == nil {
		return nil
	}
	v := s.Limits.Take(c.Request().Context(), class, n, s.client(c))
	v.Header(c.Response().Header(), of(c).own.limit[:])
	return v.Err()
}

// stranger counts a request whose token is not valid for its address, so that
// guessing is slow. It gives err, or the refusal.
func (s *Server) stranger(c echo.Context, err error) error {
	if !errors.Is(err, auth.ErrBadToken) || s.Limits == nil {
		return err
	}
	v := s.Limits.Take(c.Request().Context(), limit.Read, 1, limit.Client{Address: of(c).address(s)})
	if !v.OK {
		return v.Err()
	}
	return err
}

// client is who a request counts for. Public routes take a token too: who has
// one does not share the limit of its address.
func (s *Server) client(c echo.Context) limit.Client {
	who := caller(c)
	if header := c.Request().Header.Get("Authorization"); who == nil && header != "" {
		if known, err := s.Auth.Bearer(c.Request().Context(), header); err == nil {
			who = &known
		}
	}
	if who != nil {
		return limit.Client{Account: who.Account, Token: who.Key()}
	}
	return limit.Client{Address: of(c).address(s)}
}
