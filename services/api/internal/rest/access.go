package rest

import (
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
	"go.uber.org/zap"

	"fondaco.dev/pkg/zlog"
)

// observe writes the access line and the metrics. The query stays out of the
// line: it may hold anything.
func (s *Server) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		began := time.Now()
		err := next(c)
		if err != nil {
			c.Error(err)
		}
		status, route := c.Response().Status, c.Path()
		if route == "" {
			route = "other"
		}
		took := time.Since(began)
		if status != http.StatusSwitchingProtocols { // a socket lasts as long as it lasts
			s.requests.WithLabelValues(c.Request().Method, route, strconv.Itoa(status)).Observe(took.Seconds())
		}
		if line := s.Access.Check(zap.InfoLevel, "access"); line != nil {
			session := "-"
			if who := caller(c); who != nil {
				session = "account-" + strconv.FormatUint(who.Account, 10)
			}
			line.Write(zlog.Session(session), zlog.Request(requestID(c)), zap.String("method", c.Request().Method), zap.String("route", route),
				zap.String("path", c.Request().URL.Path), zap.Int("status", status), zap.Int64("bytes", c.Response().Size),
				zap.Duration("took", took), zap.Stringer("from", s.Proxies.Address(c.Request())))
		}
		return nil
	}
}
