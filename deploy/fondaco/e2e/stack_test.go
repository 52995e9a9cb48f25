package e2e

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"fondaco.dev/deploy/fondaco/internal/home"
	"fondaco.dev/deploy/fondaco/internal/infra"
	"fondaco.dev/deploy/fondaco/internal/proc"
	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/zlog"
	"fondaco.dev/proto/config"
	"fondaco.dev/proto/topology"
	"fondaco.dev/services/devnet"
)

// stack is the house with each service as a program of its own; the servers
// run in this process.
type stack struct {
	t      *testing.T
	infra  *infra.Infra
	config string
	file   *config.File
	out    *lines
	more   map[string]string // further settings of every service

	mu    sync.Mutex
	procs map[string]*program
}

// program is one running service.
type program struct {
	*proc.Process
	admin string // host:port
	http  string // base URL, api only
	stop  context.CancelFunc
	done  chan error
}

// startInfra starts NATS, Postgres and Redis in a folder of their own.
func startInfra(t *testing.T, cfg infra.Config) *infra.Infra {
	t.Helper()
	return startInfraIn(t, shallow(t), cfg)
}

func startInfraIn(t *testing.T, folder string, cfg infra.Config) *infra.Infra {
	t.Helper()
	needPostgres(t)
	dir, err := home.Open(filepath.Join(folder, "data"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dir.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	cfg.Dir, cfg.System = dir, infra.System{Profile: "dev", ManualDeposits: true}
	in, err := infra.Start(ctx, cfg, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(in.Stop)
	return in
}

// chains is a devnet in this process and the configuration that points at it,
// with fees, so that conservation has something to get wrong.
func chains(t *testing.T) (*devnet.Devnet, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	net, err := devnet.Start(ctx, devnet.Config{Seed: "e2e"}, zlog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = net.Stop() })
	path, err := devnet.WriteConfig(t.TempDir(), net.Endpoints())
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	withFees := strings.Replace(string(text), `lot: "1"}`, `lot: "1", maker_fee_ppm: 1000, taker_fee_ppm: 2500}`, 1)
	if withFees == string(text) {
		t.Fatal("the devnet's configuration has no market to put fees on")
	}
	if err := os.WriteFile(path, []byte(withFees), 0o600); err != nil {
		t.Fatal(err)
	}
	return net, path
}

func newStack(t *testing.T, in *infra.Infra, path string) *stack {
	t.Helper()
	file, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return &stack{t: t, infra: in, config: path, file: file, out: newLines(t), procs: map[string]*program{}}
}

// environ is what a service is told; owner and reader are its database's URLs.
func environ(in *infra.Infra, service, config, admin string) map[string]string {
	m := map[string]string{
		"PATH": os.Getenv("PATH"), "FONDACO_CONFIG": config, "FONDACO_ADMIN_ADDR": admin, "FONDACO_NATS_URL": in.NATSURL(), "FONDACO_NATS_USER": service,
		"FONDACO_NATS_PASSWORD": in.NATSPassword(service).Reveal(), "FONDACO_REDIS_URL": in.RedisURL().Reveal(), "FONDACO_POLL_INTERVAL": "200ms",
	}
	switch service {
	case "writer":
		m["FONDACO_PG_URL"] = in.OwnerURL().Reveal()
	case "api":
		m["FONDACO_PG_URL"] = in.ReaderURL().Reveal()
	}
	return m
}

// start keeps a service running under a name; two names may run one service.
func (s *stack) start(name, service string) *program {
	s.t.Helper()
	p := &program{admin: fmt.Sprintf("127.0.0.1:%d", freePort(s.t)), done: make(chan error, 1)}
	values := environ(s.infra, service, s.config, p.admin)
	if service == "api" {
		addr := fmt.Sprintf("127.0.0.1:%d", freePort(s.t))
		p.http, values["FONDACO_HTTP_ADDR"] = "http://"+addr, addr
	}
	maps.Copy(values, s.more)
	p.Process = &proc.Process{Name: name, Path: filepath.Join(programs(s.t), service), Out: s.out, Log: zap.NewNop()}
	for key, value := range values {
		p.Env = append(p.Env, key+"="+value)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.stop = cancel
	go func() { p.done <- p.Run(ctx) }()
	s.t.Cleanup(func() { cancel(); <-p.done; p.done <- nil })
	s.mu.Lock()
	s.procs[name] = p
	s.mu.Unlock()
	return p
}

// proc is the program of a name.
func (s *stack) proc(name string) *program {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.procs[name]
}

// end stops a program for good.
func (s *stack) end(name string) {
	s.t.Helper()
	p := s.proc(name)
	p.stop()
	err := <-p.done
	p.done <- err
	if err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	delete(s.procs, name)
	s.mu.Unlock()
}

// ready asks a program's admin port.
func (p *program) ready() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	a, err := call(ctx, http.MethodGet, "http://"+p.admin+"/readyz", "", nil)
	if err != nil {
		return err
	}
	if a.code != http.StatusOK {
		return fmt.Errorf("%s: %s", p.Name, strings.TrimSpace(string(a.body)))
	}
	return nil
}

func (s *stack) allReady(limit time.Duration) {
	s.t.Helper()
	for _, p := range s.procs {
		eventually(s.t, limit, p.Name+" to be ready", p.ready)
	}
}

// killer ends services at random, kill times, and says how often each.
func (s *stack) killer(rng *rand.Rand, kills int, names []string) map[string]int {
	s.t.Helper()
	count := map[string]int{}
	for range kills {
		// Mostly in the middle of work; now and then again while it starts.
		pause := time.Duration(rng.IntN(1800)+700) * time.Millisecond
		if rng.IntN(5) == 0 {
			pause = time.Duration(rng.IntN(150)) * time.Millisecond
		}
		time.Sleep(pause)
		name := names[rng.IntN(len(names))]
		s.proc(name).Kill()
		count[name]++
	}
	return count
}

// operatorBus connects as `fondaco account create` does.
func operatorBus(t *testing.T, in *infra.Infra) *bus.Bus {
	t.Helper()
	b := busAs(t, in, topology.UserOperator)
	t.Cleanup(b.Close)
	return b
}

// provisionerBus may read every stream, and make streams; close it.
func provisionerBus(t *testing.T, in *infra.Infra) *bus.Bus {
	t.Helper()
	return busAs(t, in, topology.UserProvisioner)
}

func busAs(t *testing.T, in *infra.Infra, user string) *bus.Bus {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	b, err := bus.Connect(ctx, bus.Config{URL: in.NATSURL(), User: user, Password: in.NATSPassword(user), Name: "e2e"}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	return b
}
