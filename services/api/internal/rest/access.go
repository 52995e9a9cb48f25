package rest

import (
	"net/http"
	"strconv"
	"time"

	"go.uber.org/zap"

	"fondaco.dev/pkg/zlog"
)

// observe writes the access line and the metrics. The query stays out of the
// line: it may hold anything.
func (s *Server) observe(x *exchange) {
	took := time.Since(x.began)
	status, route, method := x.Response().Status, x.Path(), x.Request().Method
	if route == "" {
		route = "other"
	}
	switch {
	case status == http.StatusSwitchingProtocols: // a socket lasts as long as it lasts
	case status == http.StatusOK && x.route != nil:
		x.route.answered(s, method).Observe(took.Seconds())
	default:
		s.requests.WithLabelValues(method, route, strconv.Itoa(status)).Observe(took.Seconds())
	}
	if line := s.Access.Check(zap.InfoLevel, "access"); line != nil {
		session := "-"
		if x.known {
			session = "account-" + strconv.FormatUint(x.who.Account, 10)
		}
		x.line = [...]zap.Field{zlog.Session(session), zlog.Request(x.id), zap.String("method", method), zap.String("route", route),
			zap.String("path", x.Request().URL.Path), zap.Int("status", status), zap.Int64("bytes", x.Response().Size),
			zap.Duration("took", took), zap.String("from", x.address(s).String())}
		line.Write(x.line[:]...)
	}
}
