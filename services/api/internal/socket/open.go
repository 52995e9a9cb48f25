package socket

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gobwas/ws"

	"fondaco.dev/services/api/internal/auth"
	"fondaco.dev/services/api/internal/feed"
	"fondaco.dev/services/api/internal/hub"
	"fondaco.dev/services/api/internal/peer"
	"fondaco.dev/services/api/internal/problem"
)

// IsUpgrade says whether a request asks for a WebSocket.
func IsUpgrade(r *http.Request) bool {
	return strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

// Serve upgrades the request and speaks the protocol of /v1/ws. who is the
// caller when the request carried a token, else nil. It returns as soon as the
// connection is open; an error is a *problem.Problem, and nothing was upgraded.
func (s *Server) Serve(w http.ResponseWriter, r *http.Request, who *auth.Who, requestID string) error {
	trusted := s.trusted(r)
	switch {
	case tokenInURL(r.URL.RawQuery):
		return problem.New(http.StatusBadRequest, "token_in_url",
			`a token does not belong in the URL, where logs and proxies keep it: send it in the Authorization header, or as {"op":"auth","token":…} first; and replace this one`)
	case who != nil && !trusted:
		return originRefused()
	}
	return s.upgrade(w, r, requestID, func(c *conn) client {
		return &session{server: s, conn: c, requestID: requestID, who: who, trusted: trusted}
	})
}

// ServeBare sends the data of each message that the filter selects as one text
// frame, and takes nothing. It returns as Serve does.
func (s *Server) ServeBare(w http.ResponseWriter, r *http.Request, network, channel string, match func(*feed.Message) bool, requestID string) error {
	return s.upgrade(w, r, requestID, func(c *conn) client {
		sub := &subscription{server: s, conn: c, feed: s.hub.Feed(network)}
		sub.sub = &feed.Sub{Channel: channel, Scope: feed.Scope{Key: "network", Value: network}, Match: func(m *feed.Message) bool { return m.Op == "event" && match(m) },
			Sink: c, Lagging: sub.lagging, Reset: func(string, uint64) {}}
		return bare{sub}
	})
}

// bare is the client of a socket that only sends data.
type bare struct{ *subscription }

func (b bare) begin()            { b.start(hub.Resume{Quiet: true}) }
func (b bare) take([]byte) bool  { return false }
func (b bare) visit(time.Time)   {}
func (b bare) bye(time.Duration) {}

// upgrade makes the connection and leaves it to the loop.
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request, requestID string, as func(*conn) client) error {
	from := peer.Network(s.cfg.Proxies.Address(r))
	if err := s.reserve(from); err != nil {
		return err
	}
	// The zero upgrader knows no extension: permessage-deflate is off.
	netConn, rw, _, err := ws.UpgradeHTTP(r, w)
	if err != nil {
		if netConn != nil {
			_ = netConn.Close()
		}
		s.release(from)
		return nil // the client was told by the upgrade itself
	}
	s.loop.run()
	c := newConn(s.loop, netConn)
	c.from, c.id, c.path = from, requestID, strings.Clone(r.URL.Path)
	c.client = as(c)
	// What the client sent behind its request; net/http's buffers end here.
	first, _ := rw.Reader.Peek(rw.Reader.Buffered())
	s.loop.begin(c, slices.Clone(first))
	s.mu.Lock()
	closing := s.closing
	s.mu.Unlock()
	if closing {
		s.sendAway(c)
	}
	return nil
}

// reserve counts a connection in, if there is room.
func (s *Server) reserve(from netip.Addr) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closing:
		return problem.Unavailable("shutting_down", "this replica goes away; connect again")
	case s.cfg.MaxConns > 0 && s.open >= s.cfg.MaxConns:
		return problem.Unavailable("too_many_sockets", "too many sockets are open here")
	case s.cfg.PerAddress > 0 && s.from[from] >= s.cfg.PerAddress:
		p := problem.New(http.StatusTooManyRequests, "too_many_sockets_of_address", "your address has as many sockets open as it may; close one, or follow more on one")
		p.RetryAfter = 1
		return p
	}
	s.open++
	s.from[from]++
	s.wg.Add(1)
	return nil
}

func (s *Server) release(from netip.Addr) {
	s.mu.Lock()
	s.open--
	if s.from[from]--; s.from[from] <= 0 {
		delete(s.from, from)
	}
	s.mu.Unlock()
	s.wg.Done()
}

// trusted says whether the page that opens the socket may act for its visitor:
// browsers name it, other clients do not.
func (s *Server) trusted(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || slices.Contains(s.cfg.Origins, "*") {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && (strings.EqualFold(u.Host, r.Host) || slices.ContainsFunc(s.cfg.Origins, func(o string) bool { return strings.EqualFold(o, origin) }))
}

func originRefused() error {
	return problem.New(http.StatusForbidden, "origin_refused", "pages of this origin may follow what is public and not sign in; FONDACO_WS_ORIGINS lists those that may")
}

// tokenInURL looks for what clients of other servers put there.
func tokenInURL(query string) bool {
	values, err := url.ParseQuery(query)
	if err != nil {
		return false
	}
	for name := range values {
		switch strings.ToLower(name) {
		case "token", "access_token", "auth", "authorization", "jwt", "api_key", "apikey", "key":
			return true
		}
	}
	return false
}
