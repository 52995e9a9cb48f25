package rest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"
	"go.uber.org/zap"

	"fondaco.dev/pkg/zlog"
	"fondaco.dev/services/api/internal/auth"
	"fondaco.dev/services/api/internal/position"
	"fondaco.dev/services/api/internal/problem"
	"fondaco.dev/services/api/internal/socket"
	"fondaco.dev/services/api/internal/spec"
	"fondaco.dev/services/api/internal/store"
	"fondaco.dev/services/api/internal/venue"
)

const (
	headerRequestID = "X-Request-Id"
	exposed         = headerRequestID + ", Retry-After, Location, RateLimit, RateLimit-Policy, ETag, " + position.Header
)

// Lines of headers that are the same in every answer; their keys are canonical,
// so that nothing need make them so. Nobody changes the slices.
var (
	anyOrigin   = []string{"*"}
	exposedLine = []string{exposed}
)

// identify takes the caller's request id or makes one, and answers with it.
func (s *Server) identify(x *exchange) {
	x.id = x.Request().Header.Get(headerRequestID)
	if !isRequestID(x.id) {
		const digits = "0123456789abcdef"
		var b [16]byte
		for i, n := 0, rand.Uint64(); i < len(b); i, n = i+1, n>>4 {
			b[i] = digits[n&15]
		}
		x.id = string(b[:])
	}
	x.set(headerRequestID, &x.own.id, x.id)
	h := x.Response().Header()
	// Reads are open to pages of any origin: nothing here goes by a cookie.
	h["Access-Control-Allow-Origin"], h["Access-Control-Expose-Headers"] = anyOrigin, exposedLine
}

// isRequestID says whether a caller's id is taken: 1 to 64 letters, digits and
// ._- of ASCII.
func isRequestID(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

// guarded runs the handler and keeps a panic in one request from touching
// another.
func (s *Server) guarded(x *exchange) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.panics.Inc()
			s.log.Error("a request panicked", zlog.Request(x.id), zap.Any("panic", p), zap.Stack("stack"))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	r := x.Request()
	if r.ContentLength < 0 || r.ContentLength > maxBody { // else it ends by itself
		r.Body = http.MaxBytesReader(x.Response(), r.Body, maxBody)
	}
	if len(r.TransferEncoding) > 0 {
		// A Content-Length beside it is passed over by net/http in silence: a proxy
		// that went by that one would see another end. RFC 9112, 6.1, wants this.
		x.Response().Header().Set("Connection", "close")
	}
	if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
		return preflight(x)
	}
	return x.Handler()(x)
}

// preflight tells a browser what pages of any origin may ask for.
func preflight(c echo.Context) error {
	h := c.Response().Header()
	h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-None-Match, "+position.Header+", "+headerRequestID)
	h.Set("Access-Control-Max-Age", "600")
	return c.NoContent(http.StatusNoContent)
}

// enter goes by an operation's policy, its limits and what its parameters must
// be, and on to its handler.
func (s *Server) enter(x *exchange, rt *route) error {
	x.route = rt
	if r := x.Request(); r.ContentLength != 0 && socket.IsUpgrade(r) {
		// It would be taken for the first frames.
		return problem.New(http.StatusBadRequest, "bad_body", "a request that opens a socket has no body")
	}
	if rt.op.Policy != auth.Public {
		who, err := s.Auth.Bearer(x.Request().Context(), x.Request().Header.Get("Authorization"))
		if err != nil {
			return s.stranger(x, err)
		}
		x.is(who)
		if !rt.op.Policy.Allows(who.Role) {
			return problem.New(http.StatusForbidden, "forbidden", "the role "+who.Role.Name()+" may not do this; it wants "+string(rt.op.Policy))
		}
	}
	if err := s.spend(x, rt.class); err != nil {
		return err
	}
	if err := rt.op.Places(x.Param); err != nil {
		return err
	}
	if err := queried(x, rt.op); err != nil {
		return err
	}
	return rt.answer(s, x)
}

// queried checks the query.
func queried(c *exchange, op *spec.Operation) error {
	raw := c.Request().URL.RawQuery
	if c.plain && op.Plain(raw) {
		return nil
	}
	if strings.ContainsAny(raw, "%;") && !op.Lenient() {
		// What cannot be read would be left out, and with it a filter.
		if _, err := url.ParseQuery(raw); err != nil {
			return problem.New(http.StatusBadRequest, "bad_query", "the query is not name=value, joined by & and percent-encoded")
		}
	}
	return op.Query(c.QueryParams())
}

// fail answers an error: as a problem inside the rooms, as the event store's
// text outside. What is unknown is a plain 500 with the request id.
func (s *Server) fail(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	p := s.problem(err, c)
	if p.RetryAfter > 0 {
		c.Response().Header().Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	if p.Status == http.StatusUnauthorized {
		c.Response().Header().Set("WWW-Authenticate", "Bearer")
	}
	var send error
	switch {
	case c.Request().Method == http.MethodHead:
		send = c.NoContent(p.Status)
	case (p.Status == http.StatusNotFound || p.Status == http.StatusMethodNotAllowed) && !inRoom(c.Request().URL.Path):
		send = c.String(http.StatusBadRequest, "Bad Request")
	default:
		p.RequestID = requestID(c)
		if s.maintenancePage(c, p) {
			return
		}
		c.Response().Header().Set(echo.HeaderContentType, "application/problem+json")
		send = c.JSON(p.Status, p)
	}
	if send != nil {
		s.log.Debug("answering an error", zap.Error(send))
	}
}

func (s *Server) problem(err error, c echo.Context) *problem.Problem {
	if p, ok := problem.Of(err); ok {
		q := *p // the request id is this request's alone
		return &q
	}
	if p := stale(err); p != nil {
		return p
	}
	var he *echo.HTTPError
	switch {
	case errors.As(err, &he):
		code := "http_" + strconv.Itoa(he.Code)
		return problem.New(he.Code, code, "")
	case errors.Is(err, auth.ErrNoToken):
		return problem.New(http.StatusUnauthorized, "unauthorized", "send Authorization: Bearer TOKEN")
	case errors.Is(err, auth.ErrBadToken):
		return problem.New(http.StatusUnauthorized, "bad_token", "the token is not valid")
	case errors.Is(err, store.ErrNotFound):
		return problem.NotFound("what the path names")
	case errors.Is(err, store.ErrLoading), errors.Is(err, venue.ErrLoading):
		return problem.Unavailable("loading", "the data is not there yet; see /readyz")
	case store.Overloaded(err):
		s.log.Warn("a request found no database in time", zlog.Request(requestID(c)), zap.Error(err))
		return problem.Unavailable("unavailable", "the database did not answer in time")
	}
	if c.Request().Context().Err() == nil {
		s.log.Error("a request failed", zlog.Request(requestID(c)), zap.Error(err))
	}
	return problem.New(http.StatusInternalServerError, "internal", "an error that is ours; the request id finds it in our log")
}
