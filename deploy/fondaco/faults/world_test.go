package faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/jackc/pgx/v5/pgxpool"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/env"
	"fondaco.dev/pkg/pg"
	"fondaco.dev/pkg/pgtest"
	"fondaco.dev/pkg/rds"
	"fondaco.dev/pkg/zlog"
	"fondaco.dev/proto/config"
	"fondaco.dev/services/devnet/evm"
	"fondaco.dev/services/devnet/fault"
	"fondaco.dev/services/devnet/memchain"
	eventhandler "fondaco.dev/services/event-handler"
	"fondaco.dev/services/writer"
)

// What the index is asked for: Transfer of one token. Other logs are noise.
var (
	token    = common.HexToAddress("0x0100000000000000000000000000000000000001")
	stranger = common.HexToAddress("0x0200000000000000000000000000000000000002")
	transfer = crypto.Keccak256Hash([]byte("Transfer(address,address,uint256)"))
	approval = crypto.Keccak256Hash([]byte("Approval(address,address,uint256)"))
)

const erc20 = `[{"type":"event","name":"Transfer","inputs":[{"name":"from","type":"address","indexed":true},{"name":"to","type":"address","indexed":true},{"name":"value","type":"uint256","indexed":false}]}]`

// world is one row's: a chain, its endpoints, and the services behind them.
type world struct {
	t      *testing.T
	seed   uint64
	rng    *rand.Rand
	chain  served         // what the index is to hold in the end
	token  common.Address // whose transfers are indexed
	places []*place       // what each endpoint serves, mostly chain; none over a real node
	boards []endpoint
	nats   string
	db     env.Secret
	pool   *pgxpool.Pool
	file   *config.File
	admin  string
	log    *tail
	// timeout of a request to a node; 0 = 2 s.
	timeout time.Duration

	handler, writer *service

	mu sync.Mutex // of rng
}

// served is a chain that the endpoints serve.
type served interface {
	fault.Chain
	Mine(logs ...memchain.Log) *memchain.Block
	Canonical() []*memchain.Block
	Head() *memchain.Block
	Finalized() uint64
}

// endpoint is a board that listens.
type endpoint struct{ *fault.Server }

// acts tells what the endpoint's faults did.
func (e endpoint) acts() (out []string) {
	for _, f := range fault.List() {
		if n := e.Acted(f.Name); n > 0 {
			out = append(out, fmt.Sprintf("%s %d times", f.Name, n))
		}
	}
	return out
}

// newWorld makes a chain with so many blocks and an endpoint for each list of
// faults; nothing runs yet.
func newWorld(t *testing.T, nats string, seed uint64, r row) *world {
	t.Helper()
	w := &world{t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 7)), nats: nats, log: &tail{}, timeout: r.timeout}
	if r.real {
		w.chain, w.token = startNode(t, r.lag)
	} else {
		w.chain, w.token = w.memory(r), token
	}
	for i, faults := range r.endpoints {
		w.serve(seed+uint64(i)*1000, faults...)
	}
	w.configure(r)
	return w
}

// memory is a chain in memory whose token has its code.
func (w *world) memory(r row) *fault.Memory {
	lag := r.lag
	if lag == 0 {
		lag = 16
	}
	m := &fault.Memory{Chain: memchain.New(memchain.Config{Seed: w.seed, FinalityLag: lag, Period: 1}), Refill: w.logs, Address: token, Topic: transfer}
	if r.from > 0 {
		for m.Head().Number() < r.from-1 {
			m.Mine()
		}
	}
	m.Deploy(token)
	return m
}

// serve opens an endpoint of the chain.
func (w *world) serve(seed uint64, faults ...fault.Fault) {
	w.t.Helper()
	var up fault.Upstream = w.chain
	if m, ok := w.chain.(*fault.Memory); ok {
		at := &place{}
		at.chain.Store(m)
		w.places = append(w.places, at)
		up = at
	}
	b, err := fault.New(up, seed, faults...)
	if err != nil {
		w.t.Fatal(err)
	}
	s, err := fault.Listen(b, "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = s.Close() })
	w.boards = append(w.boards, endpoint{s})
}

// configure writes fondaco.yaml for one network that has the row's name.
func (w *world) configure(r row) {
	w.t.Helper()
	var rpc, ws []string
	for _, b := range w.boards {
		rpc = append(rpc, fmt.Sprintf("%q", b.URL()))
		if r.sockets {
			ws = append(ws, fmt.Sprintf("%q", b.WS()))
		}
	}
	contract := ", start_block: 0"
	if r.from > 0 {
		contract = "" // it is found
	}
	if r.reads {
		contract += `, reads: [{name: supply, call: "totalSupply()", to: self, returns: [bytes32]}, {name: of, call: "balanceOf(address)", args: [$to], to: self, returns: [bytes32]}]`
	}
	text := fmt.Sprintf("networks:\n  - {name: %s, kind: evm, chain_id: 1337, rpc: [%s], ws: [%s], %s contracts: [{name: usd, address: %q, abi: erc20.json%s}]}\n",
		networkName(r.name, w.seed), strings.Join(rpc, ","), strings.Join(ws, ","), r.yaml, w.token.Hex(), contract)
	w.load(text)
}

// load writes fondaco.yaml with an ABI beside it, and reads it.
func (w *world) load(text string) {
	w.t.Helper()
	dir := w.t.TempDir()
	path := filepath.Join(dir, "fondaco.yaml")
	for file, content := range map[string]string{path: text, filepath.Join(dir, "erc20.json"): erc20} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	var err error
	if w.file, err = config.Load(path); err != nil {
		w.t.Fatal(err)
	}
}

// networkName is unique among rows and seeds, and short enough.
func networkName(row string, seed uint64) string {
	name := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' {
			return c
		}
		return '-'
	}, strings.ToLower(row))
	return fmt.Sprintf("%.24s-%x-%d", name, crypto.Keccak256([]byte(row))[:2], seed)
}

// logs are the logs of one block: now and then none, mostly a few of the token
// among noise of the token's other event and of another address.
func (w *world) logs(uint64) []memchain.Log {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.rng.IntN(4) == 0 {
		return nil
	}
	var out []memchain.Log
	for range 1 + w.rng.IntN(6) {
		l := memchain.Log{
			Address: token, Data: common.BigToHash(big.NewInt(w.rng.Int64())).Bytes(),
			Topics: []common.Hash{transfer, common.BigToHash(big.NewInt(w.rng.Int64N(9))), common.BigToHash(big.NewInt(w.rng.Int64N(9)))},
		}
		switch w.rng.IntN(6) {
		case 0:
			l.Address = stranger
		case 1:
			l.Topics[0] = approval
		}
		out = append(out, l)
	}
	return out
}

func (w *world) mine(n int) {
	for range n {
		w.chain.Mine(w.logs(0)...)
	}
}

func (w *world) below(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rng.IntN(n)
}

// grow mines blocks at the chain's own pace, with small reorganisations.
func (w *world) grow(blocks int, pace time.Duration) {
	clock := time.NewTicker(pace)
	defer clock.Stop()
	for range blocks {
		<-clock.C
		w.mine(1)
		if w.below(8) == 0 {
			depth := 1 + w.below(3)
			way := evm.Way(w.below(3))
			if err := w.chain.Move(evm.Reorg{Way: way, Depth: depth, Blocks: depth + 1, Remine: w.below(2) == 0}); err != nil && !errors.Is(err, evm.ErrBelowFinality) {
				w.t.Errorf("reorganising: %v", err)
			}
		}
	}
}

// lift makes every endpoint behave.
func (w *world) lift() {
	for _, b := range w.boards {
		b.ClearAll()
	}
}

// start runs the services until the test ends.
func (w *world) start() {
	w.t.Helper()
	w.db = pgtest.New(w.t)
	hints := miniredis.RunT(w.t) // nobody listens
	w.admin = freeAddr(w.t)
	w.handler = w.run("event-handler", func(ctx context.Context, log *zlog.Logger) error {
		return eventhandler.Run(ctx, handlerConfig(w), log)
	})
	w.writer = w.run("writer", func(ctx context.Context, log *zlog.Logger) error {
		return writer.Run(ctx, writer.Config{
			Path: w.file.Path, Bus: bus.Config{URL: w.nats, Name: "writer"}, PG: pg.Config{URL: w.db, MaxConns: 4},
			Redis: rds.Config{URL: env.Secret("redis://" + hints.Addr())}, Promote: "auto", Migrate: true,
		}, log)
	})
	pool, err := pgxpool.New(w.t.Context(), w.db.Reveal())
	if err != nil {
		w.t.Fatal(err)
	}
	w.pool = pool
	w.t.Cleanup(pool.Close)
}

// service is a running service; restart ends it as it is and begins anew.
type service struct{ restart func() }

func (w *world) run(name string, f func(context.Context, *zlog.Logger) error) *service {
	w.t.Helper()
	log, err := zlog.New(zlog.Config{Level: "info"}, name, w.log)
	if err != nil {
		w.t.Fatal(err)
	}
	var stop func()
	begin := func() {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			defer close(done)
			if err := f(ctx, log); err != nil && ctx.Err() == nil {
				w.t.Errorf("%s ended: %v", name, err)
			}
		}()
		stop = func() { cancel(); <-done }
	}
	begin()
	w.t.Cleanup(func() { stop() })
	return &service{restart: func() { stop(); begin() }}
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// ask reads a path of the event-handler's admin port.
func (w *world) ask(path string) string {
	res, err := http.Get("http://" + w.admin + path)
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return string(body)
}

// counted are the event-handler's metrics that show a node's misbehaviour and
// are not zero, without the labels that name the row.
func (w *world) counted() (out []string) {
	seen := map[string]bool{}
	for line := range strings.Lines(w.ask("/metrics")) {
		m := metric.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil || m[3] == "0" {
			continue
		}
		name := m[1]
		if strings.HasSuffix(name, "_head") {
			name += "=" + m[3]
		}
		if class := label.FindStringSubmatch(m[2]); class != nil {
			name += "{" + class[0] + "}"
		}
		if !seen[name] {
			seen[name] = true
			out = append(out, name)
		}
	}
	return out
}

var (
	metric = regexp.MustCompile(`^fondaco_eventhandler_(node_errors_total|published_head|node_head|deep_reorg|endpoint_state|rescan_\w+|repairs_total|proof\w*|units_total)\{(.*)\} (.*)$`)
	label  = regexp.MustCompile(`(class|state|kind|outcome)="[^"]*"`)
)

// tail keeps the last lines that the services logged.
type tail struct {
	mu    sync.Mutex
	lines []string
}

func (l *tail) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, strings.TrimRight(string(p), "\n"))
	if len(l.lines) > 400 {
		l.lines = l.lines[200:]
	}
	return len(p), nil
}

func (l *tail) last(n int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines[max(0, len(l.lines)-n):], "\n")
}
