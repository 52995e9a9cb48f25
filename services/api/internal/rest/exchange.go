package rest

import (
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"fondaco.dev/pkg/trace"
	"fondaco.dev/pkg/zlog"
	"fondaco.dev/services/api/internal/auth"
)

// exchange is one request and what is known of it so far. It is the
// echo.Context that handlers are given. Exchanges are used again: nothing may
// keep one beyond its request.
type exchange struct {
	echo.Context        // echo's own: its router takes no other
	route        *route // nil = no operation answers
	began        time.Time
	id           string
	who          auth.Who // of an authenticated caller
	known        bool     // who is set
	from         netip.Addr
	asked        bool      // from was looked for
	plain        bool      // the query needs no decoding
	line         zlog.Line // the access line
	own          own
	room         []byte // for the answer
}

// own are lines of the answer's header that no two answers share.
type own struct{ id, length, limit, position [1]string }

// set writes one of them.
func (x *exchange) set(name string, line *[1]string, value string) {
	line[0] = value
	x.Response().Header()[name] = line[:]
}

// begin makes x that of a request.
func (x *exchange) begin(w http.ResponseWriter, r *http.Request) {
	x.began, x.known, x.asked, x.route = time.Now(), false, false, nil
	x.Reset(r, w)
	x.plain = !strings.ContainsAny(r.URL.RawQuery, "%+;")
}

// end lets go of what belongs to the request.
func (x *exchange) end() {
	x.Reset(nil, nil)
	x.who = auth.Who{}
}

// QueryParam is echo's, and decodes nothing where there is nothing to decode.
func (x *exchange) QueryParam(name string) string {
	if !x.plain {
		return x.Context.QueryParam(name)
	}
	for rest := x.Request().URL.RawQuery; rest != ""; {
		var pair string
		pair, rest, _ = strings.Cut(rest, "&")
		if key, value, _ := strings.Cut(pair, "="); key == name && pair != "" {
			return value
		}
	}
	return ""
}

// is remembers who sent the request.
func (x *exchange) is(who auth.Who) { x.who, x.known = who, true }

// address is the client's, as the access line, the limits and the sockets have
// it.
func (x *exchange) address(s *Server) netip.Addr {
	if !x.asked {
		x.from, x.asked = s.Proxies.Address(x.Request()), true
	}
	return x.from
}

// of is the exchange behind a handler's context.
func of(c echo.Context) *exchange { return c.(*exchange) }

func requestID(c echo.Context) string { return of(c).id }

// caller is who sent the request, nil on public routes. It is valid until the
// request ends.
func caller(c echo.Context) *auth.Who {
	if x := of(c); x.known {
		return &x.who
	}
	return nil
}

// ServeHTTP takes a request through all that is done for each, in one place:
// echo's middlewares are closures that are made anew for every request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := s.exchanges.Get().(*exchange)
	x.begin(w, r)
	var span trace.Span
	if s.Trace != nil {
		r, span = s.follow(x)
	}
	s.identify(x)
	s.echo.Router().Find(r.Method, echo.GetPath(r), x.Context)
	if err := s.guarded(x); err != nil {
		s.fail(err, x)
	}
	if r := x.Response(); !r.Committed {
		r.WriteHeader(r.Status) // while the header's lines are this request's
	}
	s.observe(x)
	if s.Trace != nil {
		span.Answered(x.Path(), x.id, x.Response().Status)
	}
	x.end()
	s.exchanges.Put(x)
}
