// Package admin is the operator's port of every service: liveness, readiness,
// metrics and the log level.
package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"

	"fondaco.dev/pkg/zlog"
)

var errStarting = errors.New("starting")

// profiling is the setting that opens /debug/pprof. It is of the process, not of
// a service: whoever may set it may also read the process's memory.
const profiling = "FONDACO_PPROF"

// Status is one thing that a service's readiness depends on.
type Status struct {
	name string
	mu   sync.Mutex
	err  error
}

// Set says that the thing is fine (nil) or what is wrong with it.
func (s *Status) Set(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// Err is what was last set; a new Status is starting.
func (s *Status) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Server serves /livez, /readyz, /metrics and /log-level.
type Server struct {
	addr     string
	log      *zlog.Logger
	registry *prometheus.Registry
	mux      *http.ServeMux

	mu       sync.Mutex
	statuses []*Status
	listen   net.Addr
}

// New makes the server; with an empty addr it never listens, but its checks
// and metrics work.
func New(addr string, log *zlog.Logger) *Server {
	s := &Server{addr: addr, log: log, registry: prometheus.NewRegistry(), mux: http.NewServeMux()}
	s.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	s.mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	s.mux.HandleFunc("GET /readyz", s.readyz)
	s.mux.Handle("GET /metrics", promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{}))
	s.mux.HandleFunc("GET /log-level", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, log.Level) })
	s.mux.HandleFunc("PUT /log-level", s.setLevel)
	if os.Getenv(profiling) == "true" {
		s.mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		s.mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		s.mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		s.mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	return s
}

// Registry is where the service's metrics go.
func (s *Server) Registry() *prometheus.Registry { return s.registry }

// Handle adds an operator's route of the service's own.
func (s *Server) Handle(pattern string, h http.Handler) { s.mux.Handle(pattern, h) }

// Status adds a condition of readiness; it starts as not ready.
func (s *Server) Status(name string) *Status {
	st := &Status{name: name, err: errStarting}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.statuses = append(s.statuses, st)
	return st
}

// Ready names what is not ready, or is nil.
func (s *Server) Ready() error {
	var waits []string
	for name, problem := range s.problems() {
		waits = append(waits, name+": "+problem)
	}
	if len(waits) == 0 {
		return nil
	}
	sort.Strings(waits)
	return errors.New(strings.Join(waits, "; "))
}

func (s *Server) problems() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]string{}
	for _, st := range s.statuses {
		if err := st.Err(); err != nil {
			out[st.name] = err.Error()
		}
	}
	return out
}

func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) { WriteReady(w, s.problems()) }

// WriteReady answers a readiness check: 200 without problems, else 503 with
// each by name.
func WriteReady(w http.ResponseWriter, problems map[string]string) {
	w.Header().Set("Content-Type", "application/json")
	body := map[string]any{"status": "ready"}
	if len(problems) > 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
		body = map[string]any{"status": "not ready", "waiting_for": problems}
	}
	_ = json.NewEncoder(w).Encode(body)
}

func (s *Server) setLevel(w http.ResponseWriter, r *http.Request) {
	if err := s.log.Level.Set(r.URL.Query().Get("level")); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	fmt.Fprintln(w, s.log.Level)
}

// Addr is the address listened on, or "" before Run and without a listener.
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listen == nil {
		return ""
	}
	return s.listen.String()
}

// Run listens until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	if s.addr == "" {
		<-ctx.Done()
		return nil
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", s.addr)
	if err != nil {
		return fmt.Errorf("listening for the admin port on %s (set FONDACO_ADMIN_ADDR to a free address): %w", s.addr, err)
	}
	s.mu.Lock()
	s.listen = ln.Addr()
	s.mu.Unlock()
	s.log.Debug("admin port", zap.String("addr", ln.Addr().String()))
	srv := &http.Server{Handler: s.mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()
	select {
	case <-ctx.Done():
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = srv.Shutdown(end)
		<-done
		return nil
	case err := <-done:
		return fmt.Errorf("serving the admin port: %w", err)
	}
}
