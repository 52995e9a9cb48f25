// Package rest serves HTTP: the native routes under /v1, the Casper event
// store's public routes, and the small page at /.
package rest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"fondaco.dev/pkg/admin"
	"fondaco.dev/proto/config"
	"fondaco.dev/services/api/internal/auth"
	"fondaco.dev/services/api/internal/entry"
	"fondaco.dev/services/api/internal/filter"
	"fondaco.dev/services/api/internal/gateway"
	"fondaco.dev/services/api/internal/limit"
	"fondaco.dev/services/api/internal/socket"
	"fondaco.dev/services/api/internal/status"
	"fondaco.dev/services/api/internal/store"
	"fondaco.dev/services/api/internal/venue"
)

// Bounds of the HTTP server. A client that sends its header a byte at a time
// is gone after the first.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = 60 * time.Second // above the longest view of Postgres
	idleTimeout       = 2 * time.Minute
	maxHeader         = 16 << 10
	maxBody           = 64 << 10
)

// Parts are what the routes are made of. Venue and Gateway are nil without an
// order book.
type Parts struct {
	Config  *config.File
	Store   *store.Store
	Venue   *venue.Venue
	Gateway *gateway.Gateway
	Limits  *limit.Accounts
	Auth    *auth.Auth
	Sockets *socket.Server
	Status  *status.Board
	Admin   *admin.Server
}

// Server is the HTTP side of the process.
type Server struct {
	Parts
	log      *zap.Logger
	ids      *entry.IDs // nil without an order book
	echo     *echo.Echo
	networks map[string]*network
	casper   string // first casper network of the config, "" = none
	requests *prometheus.HistogramVec
	panics   prometheus.Counter
}

type network struct {
	config.Network
	contracts []filter.Contract
}

// New makes the server and its routes.
func New(p Parts, log *zap.Logger) *Server {
	s := &Server{Parts: p, log: log, echo: echo.New(), networks: map[string]*network{},
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "fondaco_api_http_seconds", Help: "HTTP requests by route and status.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}}, []string{"method", "route", "status"}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{Name: "fondaco_api_http_panics_total", Help: "Requests whose handler panicked."})}
	p.Admin.Registry().MustRegister(s.requests, s.panics)
	if p.Gateway != nil {
		s.ids = entry.NewIDs(p.Gateway.ID())
	}
	for _, n := range p.Config.Networks {
		out := &network{Network: n}
		for j := range n.Contracts {
			out.contracts = append(out.contracts, *filter.OfContract(&n.Contracts[j]))
		}
		s.networks[n.Name] = out
		if n.Kind == config.KindCasper && s.casper == "" {
			s.casper = n.Name
		}
	}
	s.echo.HideBanner, s.echo.HidePort = true, true
	s.echo.HTTPErrorHandler = s.fail
	s.echo.Use(s.identify, s.observe, s.guard, cors)
	for _, r := range s.routes() {
		s.echo.Add(r.method, r.path, s.policed(r))
	}
	return s
}

// Handler is for tests.
func (s *Server) Handler() http.Handler { return s.echo }

// Run serves on addr until ctx ends; listening is told the address.
func (s *Server) Run(ctx context.Context, addr string) error {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("listening on %s (set FONDACO_HTTP_ADDR to a free address): %w", addr, err)
	}
	s.log.Info("serving", zap.String("addr", ln.Addr().String()))
	srv := &http.Server{Handler: s.echo, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader, ErrorLog: zap.NewStdLog(s.log.Named("http"))}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()
	select {
	case err := <-done:
		return fmt.Errorf("serving http: %w", err)
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	// No new ones, sockets are told, then what is under way ends.
	shut := make(chan error, 1)
	go func() { shut <- srv.Shutdown(end) }()
	s.Sockets.Shutdown(end)
	if err := <-shut; errors.Is(err, context.DeadlineExceeded) {
		_ = srv.Close()
	}
	<-done
	return nil
}
