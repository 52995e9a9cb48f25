package rest

import (
	"net/http"
	"strconv"
	"time"
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
	if line := &x.line; s.Access.Begin(line, x.began.Add(took), x.session(), x.id) {
		line.String("method", method)
		line.String("route", route)
		line.String("path", x.Request().URL.Path)
		line.Int("status", int64(status))
		line.Int("bytes", x.Response().Size)
		line.Duration("took", took)
		line.Address("from", x.address(s))
		line.End()
	}
}

// session is the caller as the access line has it.
func (x *exchange) session() string {
	if !x.known {
		return "-"
	}
	return x.who.Session
}
