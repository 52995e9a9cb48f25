// Package rest serves HTTP: the native routes under /v1, the Casper event
// store's public routes, and the small page at /.
package rest

import (
	"net/http"
	"sync"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"fondaco.dev/pkg/admin"
	"fondaco.dev/pkg/trace"
	"fondaco.dev/pkg/zlog"
	"fondaco.dev/proto/config"
	"fondaco.dev/services/api/internal/auth"
	"fondaco.dev/services/api/internal/await"
	"fondaco.dev/services/api/internal/entry"
	"fondaco.dev/services/api/internal/filter"
	"fondaco.dev/services/api/internal/gateway"
	"fondaco.dev/services/api/internal/limit"
	"fondaco.dev/services/api/internal/maintenance"
	"fondaco.dev/services/api/internal/operation"
	"fondaco.dev/services/api/internal/peer"
	"fondaco.dev/services/api/internal/socket"
	"fondaco.dev/services/api/internal/spec"
	"fondaco.dev/services/api/internal/status"
	"fondaco.dev/services/api/internal/store"
	"fondaco.dev/services/api/internal/venue"
)

// Parts are what the routes are made of. Venue and Gateway are nil without an
// order book.
type Parts struct {
	Config      *config.File
	Spec        *spec.Spec
	Async       *spec.Async
	Store       *store.Store
	Venue       *venue.Venue
	Gateway     *gateway.Gateway
	Limits      *limit.Limiter     // nil = none
	Maintenance *maintenance.Board // nil = never
	Version     string
	Trace       *trace.Tracer // nil = requests are not followed
	Access      *zlog.Lines   // nil = none
	Proxies     peer.Proxies
	Auth        *auth.Auth
	Sockets     *socket.Server
	Status      *status.Board
	Await       *await.Board
	Admin       *admin.Server
}

// Server is the HTTP side of the process.
type Server struct {
	Parts
	log       *zap.Logger
	ids       *entry.IDs // nil without an order book
	echo      *echo.Echo
	exchanges sync.Pool
	page      struct { // at /docs
		body []byte
		tag  string
	}
	networks map[string]*network
	casper   string // first casper network of the config, "" = none
	bounds   bounds
	depths   depths
	requests *prometheus.HistogramVec
	panics   prometheus.Counter
}

type network struct {
	config.Network
	contracts []filter.Contract
}

// New makes the server and its routes. It fails when the description and the
// handlers do not belong together.
func New(p Parts, log *zap.Logger) (*Server, error) {
	s := &Server{Parts: p, log: log, bounds: standard, echo: echo.New(), networks: map[string]*network{},
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
	s.exchanges.New = func() any { return &exchange{Context: s.echo.AcquireContext()} }
	if err := s.register(operation.Table); err != nil {
		return nil, err
	}
	body, err := s.Spec.Page(s.Async.Channels)
	if err != nil {
		return nil, err
	}
	s.page.body, s.page.tag = body, spec.Tag(body)
	return s, nil
}

// Handler is for tests.
func (s *Server) Handler() http.Handler { return s }
