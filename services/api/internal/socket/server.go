package socket

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gobwas/ws"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"fondaco.dev/pkg/zlog"
	"fondaco.dev/proto/config"
	"fondaco.dev/services/api/internal/auth"
	"fondaco.dev/services/api/internal/entry"
	"fondaco.dev/services/api/internal/feed"
	"fondaco.dev/services/api/internal/filter"
	"fondaco.dev/services/api/internal/gateway"
	"fondaco.dev/services/api/internal/hub"
	"fondaco.dev/services/api/internal/limit"
	"fondaco.dev/services/api/internal/venue"
)

// Config bounds the sockets.
type Config struct {
	QueueBytes int           // that may wait for one client
	Stall      time.Duration // a client that takes nothing for this long is closed
	Behind     time.Duration // and one that stays behind for this long
	MaxConns   int
	Orders     limit.Rate // commands of one connection
}

// Server owns all sockets of the process.
type Server struct {
	cfg      Config
	log      *zap.Logger
	hub      *hub.Hub
	venue    *venue.Venue // nil without an order book
	auth     *auth.Auth
	gateway  *gateway.Gateway // nil without an order book
	limits   *limit.Accounts
	ids      *entry.IDs
	networks map[string]network
	names    []string

	closes *prometheus.CounterVec

	mu      sync.Mutex
	conns   map[*conn]struct{}
	closing bool
	wg      sync.WaitGroup
}

type network struct {
	kind      string
	contracts []filter.Contract
}

// Book is what order entry needs; nil without an order book.
type Book struct {
	Gateway *gateway.Gateway
	Limits  *limit.Accounts
}

// New makes a server for the networks of the config.
func New(cfg Config, networks []config.Network, h *hub.Hub, v *venue.Venue, book *Book, a *auth.Auth, reg prometheus.Registerer, log *zap.Logger) *Server {
	s := &Server{cfg: cfg, log: log, hub: h, venue: v, auth: a, networks: map[string]network{}, conns: map[*conn]struct{}{},
		closes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "fondaco_api_sockets_closed_total", Help: "Sockets that ended, by close code."}, []string{"code"})}
	if book != nil {
		s.gateway, s.limits, s.ids = book.Gateway, book.Limits, entry.NewIDs(book.Gateway.ID()+"-ws")
	}
	for i := range networks {
		n := &networks[i]
		out := network{kind: n.Kind}
		for j := range n.Contracts {
			out.contracts = append(out.contracts, *filter.OfContract(&n.Contracts[j]))
		}
		s.networks[n.Name] = out
		s.names = append(s.names, n.Name)
	}
	reg.MustRegister(s.closes,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "fondaco_api_sockets", Help: "Open sockets."}, s.count),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "fondaco_api_socket_queue_bytes", Help: "Bytes that wait for all sockets."}, s.waiting))
	return s
}

func (s *Server) count() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return float64(len(s.conns))
}

func (s *Server) waiting() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for c := range s.conns {
		c.mu.Lock()
		n += c.queued
		c.mu.Unlock()
	}
	return float64(n)
}

// IsUpgrade says whether a request asks for a WebSocket.
func IsUpgrade(r *http.Request) bool {
	return strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

// Serve speaks the protocol of /v1/ws until the connection ends. who is the
// caller when the request carried a token, else nil.
func (s *Server) Serve(w http.ResponseWriter, r *http.Request, who *auth.Who, requestID string) error {
	return s.open(w, r, requestID, func(ctx context.Context, c *conn, log *zap.Logger) (func([]byte) bool, func()) {
		sess := &session{server: s, conn: c, ctx: ctx, log: log, requestID: requestID, who: who, subs: map[string]*subscription{}}
		return sess.take, sess.end
	})
}

// ServeBare sends the data of each message that the filter selects as one text
// frame, and takes nothing.
func (s *Server) ServeBare(w http.ResponseWriter, r *http.Request, network, channel string, match func(*feed.Message) bool, requestID string) error {
	return s.open(w, r, requestID, func(ctx context.Context, c *conn, log *zap.Logger) (func([]byte) bool, func()) {
		f := s.hub.Feed(network)
		sub := &subscription{server: s, conn: c, feed: f, log: log, source: s.hub.ChainSource(network, channel)}
		sub.sub = &feed.Sub{Channel: channel, Match: func(m *feed.Message) bool { return m.Op == "event" && match(m) }, Sink: c, Lagging: sub.lagging, Reset: func(string, uint64) {}}
		sub.start(ctx, hub.Resume{Quiet: true})
		return func([]byte) bool { return false }, sub.end
	})
}

// open upgrades the request and runs the connection to its end.
func (s *Server) open(w http.ResponseWriter, r *http.Request, requestID string, begin func(context.Context, *conn, *zap.Logger) (take func([]byte) bool, end func())) error {
	s.mu.Lock()
	full := s.closing || (s.cfg.MaxConns > 0 && len(s.conns) >= s.cfg.MaxConns)
	if !full {
		s.wg.Add(1)
	}
	s.mu.Unlock()
	if full {
		return ErrFull
	}
	defer s.wg.Done()
	netConn, rw, _, err := ws.UpgradeHTTP(r, w)
	if err != nil {
		if netConn != nil {
			_ = netConn.Close()
		}
		return nil // the client was told by the upgrade itself
	}
	c := newConn(netConn, s.cfg.QueueBytes, s.cfg.Stall)
	log := s.log.With(zlog.Session(requestID))
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	defer cancel()
	s.mu.Lock()
	s.conns[c] = struct{}{}
	if s.closing {
		c.Close(ws.StatusGoingAway, goodbye)
	}
	s.mu.Unlock()
	began := time.Now()
	var wg sync.WaitGroup
	wg.Go(c.write)
	wg.Go(func() { c.ping(ctx) })
	take, end := begin(ctx, c, log)
	c.read(rw.Reader, func(text []byte) bool {
		defer s.recover(c, log)
		return take(text)
	})
	cancel()
	end()
	wg.Wait()
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	s.closes.WithLabelValues(fmt.Sprint(uint16(c.code))).Inc()
	log.Info("socket closed", zap.String("path", r.URL.Path), zap.Uint16("code", uint16(c.code)), zap.Duration("after", time.Since(began)))
	return nil
}

// recover keeps a panic in one socket from touching another.
func (s *Server) recover(c *conn, log *zap.Logger) {
	if p := recover(); p != nil {
		log.Error("a socket's message panicked", zap.Any("panic", p), zap.Stack("stack"))
		c.Close(ws.StatusInternalServerError, "internal error")
	}
}

// ping keeps quiet connections alive through proxies and finds dead ones.
func (c *conn) ping(ctx context.Context) {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	frame := ws.MustCompileFrame(ws.NewPingFrame(nil))
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.closed:
			return
		case <-tick.C:
			c.Say(frame)
		}
	}
}

const goodbye = "the server goes away; reconnect with since"

// Shutdown tells every client to come back and waits for the connections to
// end, at most until ctx does.
func (s *Server) Shutdown(ctx context.Context) {
	s.mu.Lock()
	s.closing = true
	for c := range s.conns {
		c.Close(ws.StatusGoingAway, goodbye)
	}
	s.mu.Unlock()
	done := make(chan struct{})
	go func() { s.wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
		s.mu.Lock()
		for c := range s.conns {
			_ = c.net.Close()
		}
		s.mu.Unlock()
		<-done
	}
}
