package socket

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"sync"

	"github.com/gobwas/ws"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"fondaco.dev/pkg/trace"
	"fondaco.dev/pkg/zlog"
	"fondaco.dev/proto/config"
	"fondaco.dev/services/api/internal/auth"
	"fondaco.dev/services/api/internal/entry"
	"fondaco.dev/services/api/internal/filter"
	"fondaco.dev/services/api/internal/gateway"
	"fondaco.dev/services/api/internal/hub"
	"fondaco.dev/services/api/internal/limit"
	"fondaco.dev/services/api/internal/maintenance"
	"fondaco.dev/services/api/internal/status"
	"fondaco.dev/services/api/internal/venue"
)

// Server owns all sockets of the process.
type Server struct {
	cfg         Config
	log         *zap.Logger
	loop        *loop
	hub         *hub.Hub
	venue       *venue.Venue // nil without an order book
	status      *status.Live // nil = no channel of that name
	auth        *auth.Auth
	gateway     *gateway.Gateway // nil without an order book
	limits      *limit.Limiter
	maintenance *maintenance.Board
	trace       *trace.Tracer
	ids         *entry.IDs
	networks    map[string]network
	names       []string

	closes *prometheus.CounterVec

	mu      sync.Mutex
	open    int
	from    map[netip.Addr]int // open sockets by address
	closing bool
	wg      sync.WaitGroup // of open
}

type network struct {
	kind      string
	contracts []filter.Contract
}

// Book is what order entry needs; nil without an order book.
type Book struct {
	Gateway     *gateway.Gateway
	Limits      *limit.Limiter     // nil = none
	Maintenance *maintenance.Board // nil = never
	Trace       *trace.Tracer      // nil = orders are not followed
}

// Feeds are what can be followed; Venue is nil without an order book, Status in
// tests that do not ask for it.
type Feeds struct {
	Hub    *hub.Hub
	Venue  *venue.Venue
	Status *status.Live
}

// New makes a server for the networks of the config.
func New(cfg Config, networks []config.Network, feeds Feeds, book *Book, a *auth.Auth, reg prometheus.Registerer, log *zap.Logger) *Server {
	s := &Server{cfg: cfg.withDefaults(), log: log, hub: feeds.Hub, venue: feeds.Venue, status: feeds.Status, auth: a,
		networks: map[string]network{}, from: map[netip.Addr]int{},
		closes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "fondaco_api_sockets_closed_total", Help: "Sockets that ended, by close code."}, []string{"code"})}
	s.loop = newLoop(s.cfg, s.recover, s.gone)
	if book != nil {
		s.trace = book.Trace
		s.gateway, s.limits, s.maintenance, s.ids = book.Gateway, book.Limits, book.Maintenance, entry.NewIDs(book.Gateway.ID()+"-ws")
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
	s.register(reg)
	return s
}

func (s *Server) register(reg prometheus.Registerer) {
	gauge := func(name, help string, value func() float64) {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	counter := func(name, help string, value func() uint64) {
		reg.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(value()) }))
	}
	reg.MustRegister(s.closes)
	gauge("fondaco_api_sockets", "Open sockets.", func() float64 { return float64(s.loop.wheel.size()) })
	gauge("fondaco_api_sockets_parked", "Open sockets whose clients are silent: they have neither a goroutine nor a buffer.",
		func() float64 { return float64(s.loop.parked.Load()) })
	gauge("fondaco_api_socket_queue_bytes", "Bytes that wait for all sockets.", func() float64 {
		n := 0
		for _, c := range s.loop.wheel.all() {
			n += c.waiting()
		}
		return float64(n)
	})
	counter("fondaco_api_socket_writes_total", "Writes to sockets.", s.loop.writes.Load)
	counter("fondaco_api_socket_frames_total", "Frames in those writes.", s.loop.frames.Load)
}

// gone counts a connection out.
func (s *Server) gone(c *conn) {
	s.closes.WithLabelValues(strconv.Itoa(int(c.code))).Inc()
	s.log.Info("socket closed", zlog.Session(c.id), zap.String("path", c.path), zap.Uint16("code", uint16(c.code)), zap.Duration("after", c.began.since()))
	s.release(c.from)
}

// recover keeps a panic in one socket from touching another.
func (s *Server) recover(c *conn) {
	if p := recover(); p != nil {
		s.log.Error("a socket's message panicked", zlog.Session(c.id), zap.Any("panic", p), zap.Stack("stack"))
		c.Close(ws.StatusInternalServerError, "internal error")
	}
}

// Shutdown tells every client when to come back, each at another time, and
// waits for the connections to end, at most until ctx does.
func (s *Server) Shutdown(ctx context.Context) {
	s.mu.Lock()
	was := s.closing
	s.closing = true
	s.mu.Unlock()
	if was {
		return
	}
	for _, c := range s.loop.wheel.all() {
		s.sendAway(c)
	}
	done := make(chan struct{})
	go func() { s.wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
		for _, c := range s.loop.wheel.all() {
			_ = c.net.Close()
		}
		<-done
	}
	s.loop.close()
}

func (s *Server) sendAway(c *conn) {
	after := rand.N(s.cfg.Spread) //nolint:gosec // spreads load, hides nothing
	c.client.bye(after)
	c.Close(ws.StatusGoingAway, "the server goes away; reconnect in "+strconv.FormatInt(after.Milliseconds(), 10)+" ms with since")
}
