package rest

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"
	"go.uber.org/zap"

	"fondaco.dev/pkg/zlog"
	"fondaco.dev/services/api/internal/auth"
	"fondaco.dev/services/api/internal/position"
	"fondaco.dev/services/api/internal/problem"
	"fondaco.dev/services/api/internal/spec"
	"fondaco.dev/services/api/internal/store"
	"fondaco.dev/services/api/internal/venue"
)

// Keys of what middlewares leave in a request's context.
const (
	keyRequestID = "request_id"
	keyWho       = "who"
)

const (
	headerRequestID = "X-Request-Id"
	exposed         = headerRequestID + ", Retry-After, Location, RateLimit, RateLimit-Policy, ETag, " + position.Header
)

var requestIDs = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// identify takes the caller's request id or makes one, and answers with it.
func (s *Server) identify(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		id := c.Request().Header.Get(headerRequestID)
		if !requestIDs.MatchString(id) {
			var b [8]byte
			_, _ = rand.Read(b[:]) // never fails, by its own documentation
			id = hex.EncodeToString(b[:])
		}
		c.Set(keyRequestID, id)
		c.Response().Header().Set(headerRequestID, id)
		return next(c)
	}
}

func requestID(c echo.Context) string {
	id, _ := c.Get(keyRequestID).(string)
	return id
}

// guard keeps a panic in one request from touching another.
func (s *Server) guard(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			if p := recover(); p != nil {
				s.panics.Inc()
				s.log.Error("a request panicked", zlog.Request(requestID(c)), zap.Any("panic", p), zap.Stack("stack"))
				err = fmt.Errorf("panic: %v", p)
			}
		}()
		c.Request().Body = http.MaxBytesReader(c.Response(), c.Request().Body, maxBody)
		return next(c)
	}
}

// cors opens reads to pages of any origin. Nothing here goes by a cookie.
func cors(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Expose-Headers", exposed)
		if c.Request().Method == http.MethodOptions && c.Request().Header.Get("Access-Control-Request-Method") != "" {
			h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE")
			h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-None-Match, "+position.Header+", "+headerRequestID)
			h.Set("Access-Control-Max-Age", "600")
			return c.NoContent(http.StatusNoContent)
		}
		return next(c)
	}
}

// policed wraps an operation's handler with its policy and what its parameters
// must be.
func (s *Server) policed(op *spec.Operation, handle echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if op.Policy != auth.Public {
			who, err := s.Auth.Bearer(c.Request().Context(), c.Request().Header.Get("Authorization"))
			if err != nil {
				return s.stranger(c, err)
			}
			c.Set(keyWho, &who)
			if !op.Policy.Allows(who.Role) {
				return problem.New(http.StatusForbidden, "forbidden", "the role "+who.Role.Name()+" may not do this; it wants "+string(op.Policy))
			}
		}
		if err := s.spend(c, classOf(c.Request().Method, op.Route)); err != nil {
			return err
		}
		if err := op.Places(c.Param); err != nil {
			return err
		}
		if err := queried(c, op); err != nil {
			return err
		}
		return handle(c)
	}
}

// queried checks the query. Most requests have none.
func queried(c echo.Context, op *spec.Operation) error {
	raw := c.Request().URL.RawQuery
	if raw == "" {
		return op.Query(nil)
	}
	if strings.ContainsAny(raw, "%;") && !op.Lenient() {
		// What cannot be read would be left out, and with it a filter.
		if _, err := url.ParseQuery(raw); err != nil {
			return problem.New(http.StatusBadRequest, "bad_query", "the query is not name=value, joined by & and percent-encoded")
		}
	}
	return op.Query(c.QueryParams())
}

// caller is who sent the request, nil on public routes.
func caller(c echo.Context) *auth.Who {
	who, _ := c.Get(keyWho).(*auth.Who)
	return who
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
