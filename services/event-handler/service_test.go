package eventhandler_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/bustest"
	"fondaco.dev/pkg/zlog"
	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/proto/config"
	"fondaco.dev/proto/topology"
	eventhandler "fondaco.dev/services/event-handler"
	"fondaco.dev/services/event-handler/internal/core"
	"fondaco.dev/services/event-handler/internal/fakecasper"
	"fondaco.dev/services/event-handler/internal/fakenode"
	"fondaco.dev/services/event-handler/internal/memlog"
	"fondaco.dev/services/event-handler/internal/model"
)

var (
	usd      = common.HexToAddress("0x0100000000000000000000000000000000000001")
	transfer = crypto.Keccak256Hash([]byte("Transfer(address,address,uint256)"))
)

const erc20 = `[{"type":"event","name":"Transfer","inputs":[{"name":"from","type":"address","indexed":true},{"name":"to","type":"address","indexed":true},{"name":"value","type":"uint256","indexed":false}]}]`

// house is a bus with the house's streams, and a configuration.
type house struct {
	t    *testing.T
	srv  *bustest.Server
	bus  *bus.Bus
	file *config.File
}

func newHouse(t *testing.T, networks string) *house {
	t.Helper()
	srv := bustest.Start(t)
	bustest.Provision(t, srv, topology.Streams(), topology.Buckets(), topology.Objects())
	return &house{t: t, srv: srv, bus: srv.Bus(t), file: loadConfig(t, networks)}
}

func loadConfig(t *testing.T, networks string) *config.File {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "erc20.json"), []byte(erc20), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "fondaco.yaml")
	if err := os.WriteFile(path, []byte("networks:\n"+networks), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func evmNetwork(rpc ...string) string {
	return fmt.Sprintf("  - {name: dev, kind: evm, chain_id: 1337, start_block: 0, rpc: [%s], contracts: [{name: usd, address: %q, abi: erc20.json}]}\n",
		`"`+strings.Join(rpc, `","`)+`"`, usd.Hex())
}

// handler is a running event-handler.
type handler struct {
	admin string
	stop  func() error
}

// start runs an event-handler; stop ends it as a kill does, without a farewell.
func (h *house) start() *handler {
	h.t.Helper()
	admin := freeAddr(h.t)
	cfg := eventhandler.Config{
		File: h.file, Bus: bus.Config{URL: h.srv.URL, Name: "event-handler"}, AdminAddr: admin, Poll: 20 * time.Millisecond,
		RescanEvery: 5 * time.Millisecond,
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- eventhandler.Run(ctx, cfg, zlog.Nop()) }()
	out := &handler{admin: admin, stop: sync.OnceValue(func() error { cancel(); return <-done })}
	h.t.Cleanup(func() {
		if err := out.stop(); err != nil {
			h.t.Errorf("stopped with %v", err)
		}
	})
	return out
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

func (h *handler) get(path string) (int, string) {
	res, err := http.Get("http://" + h.admin + path)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(body)
}

func (h *handler) ready() bool { code, _ := h.get("/readyz"); return code == http.StatusOK }

func (h *handler) says(part string) func() bool {
	return func() bool {
		code, body := h.get("/readyz")
		return code == http.StatusServiceUnavailable && strings.Contains(body, part)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(90 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never: " + what)
		}
	}
}

// messages reads a subject back over its links, oldest first.
func (h *house) messages(subject string) []core.Message {
	h.t.Helper()
	var out []core.Message
	m, err := h.bus.Last(h.t.Context(), chainv1.Stream, subject)
	for m != nil && err == nil {
		msg := core.Message{Seq: m.Seq, Data: m.Data}
		out = append(out, msg)
		p, decodeErr := core.Decode(&msg)
		if decodeErr != nil {
			h.t.Fatal(decodeErr)
		}
		if p.GetPrevSeq() == 0 {
			break
		}
		m, err = h.bus.Get(h.t.Context(), chainv1.Stream, p.GetPrevSeq())
		if m == nil && err == nil {
			h.t.Fatalf("message %d names %d as the one before it, which is not there", msg.Seq, p.GetPrevSeq())
		}
	}
	if err != nil {
		h.t.Fatal(err)
	}
	slices.Reverse(out)
	return out
}

// applied checks the links of a subject and applies it.
func (h *house) applied(subject string) *model.Chain {
	h.t.Helper()
	packs, err := memlog.Chained(h.messages(subject))
	if err != nil {
		h.t.Fatal(err)
	}
	m := model.New(0)
	if err := m.Apply(packs); err != nil {
		h.t.Fatal(err)
	}
	return m
}

func (h *house) reached(c *fakenode.Chain) func() bool {
	return func() bool {
		m, err := h.bus.Last(h.t.Context(), chainv1.Stream, h.file.Networks[0].Subject())
		if m == nil || err != nil {
			return false
		}
		p, err := core.Decode(&core.Message{Seq: m.Seq, Data: m.Data})
		return err == nil && common.BytesToHash(p.GetResume().GetHash()) == c.Head().Hash
	}
}

// matches compares what a writer would hold with the chain.
func (h *house) matches(c *fakenode.Chain) *model.Chain {
	h.t.Helper()
	m := h.applied(h.file.Networks[0].Subject())
	for _, b := range c.Canonical() {
		u := m.Blocks[b.Number()]
		if u != nil && common.BytesToHash(u.GetHash()) != b.Hash || len(u.GetLogs()) != len(b.Logs) {
			h.t.Fatalf("block %d: %d logs, the chain has %d", b.Number(), len(u.GetLogs()), len(b.Logs))
		}
	}
	if m.Head != c.Head().Number() {
		h.t.Fatalf("head %d, the chain's %d", m.Head, c.Head().Number())
	}
	return m
}

func grow(c *fakenode.Chain, n int) {
	for range n {
		var logs []fakenode.LogSpec
		for i := range c.Head().Number() % 3 {
			logs = append(logs, fakenode.LogSpec{Address: usd, Topics: []common.Hash{transfer, {}, {}}, Data: []byte{byte(i)}})
		}
		c.Mine(logs...)
	}
}

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(func() { srv.CloseClientConnections(); srv.Close() })
	return srv.URL
}

func TestEVMAndCasperFromNodeToStream(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1337, 1)
	grow(c, 300)
	c.Finalize(250)
	casperNode := fakecasper.New(true, "2.0.0")
	h := newHouse(t, evmNetwork(serve(t, fakenode.NewServer(c)))+fmt.Sprintf("  - {name: cspr, kind: casper, sse: [%q]}\n", serve(t, casperNode)))
	s := h.start()
	for height := range uint64(5) {
		casperNode.Add(fakecasper.BlockAdded("a", height))
	}
	eventually(t, "caught up", h.reached(c))
	eventually(t, "ready", s.ready)
	grow(c, 20)
	eventually(t, "caught up again", h.reached(c))
	h.matches(c)

	facts := func() (n int) {
		for _, m := range h.messages(h.file.Networks[1].Subject()) {
			p, err := core.Decode(&m)
			if err != nil {
				t.Fatal(err)
			}
			n += len(p.GetUnits())
		}
		return n
	}
	eventually(t, "the facts are stored", func() bool { return facts() == 6 })

	// The status bucket tells the api how far the nodes are.
	kv, err := h.bus.JetStream().KeyValue(t.Context(), topology.BucketStatus)
	if err != nil {
		t.Fatal(err)
	}
	for name, head := range map[string]uint64{"chain.dev": 320, "chain.cspr": 4} {
		eventually(t, "status of "+name, func() bool {
			e, err := kv.Get(t.Context(), name)
			if err != nil {
				return false
			}
			var st struct {
				Head, Finalized uint64
				Status          string
				At              int64
			}
			return json.Unmarshal(e.Value(), &st) == nil && st.Head == head && st.Status == "following" && st.At > 0
		})
	}
	_, body := s.get("/metrics")
	for _, want := range []string{
		`fondaco_eventhandler_node_head{network="dev"} 320`, `fondaco_eventhandler_node_finalized{network="dev"} 250`,
		`fondaco_eventhandler_published_head{network="dev"} 320`, `fondaco_eventhandler_facts_total{kind="BlockAdded",network="cspr"} 5`,
		`fondaco_eventhandler_leader{network="dev"} 1`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no metric %s", want)
		}
	}
}

// TestKilledAndRestarted kills the handler at random moments while the chain
// grows and reorganises.
func TestKilledAndRestarted(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1337, 1)
	h := newHouse(t, evmNetwork(serve(t, fakenode.NewServer(c))))
	for round := range 8 {
		s := h.start()
		grow(c, 40)
		time.Sleep(time.Duration(round*7) * time.Millisecond) // the kill's moment, not a wait for anything
		if round%2 == 1 {
			c.Fork(c.Head().Number() - 10)
			grow(c, 25)
		}
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
	}
	h.start()
	grow(c, 5)
	eventually(t, "caught up", h.reached(c))
	h.matches(c)
}

// TestTwoInstances: two handlers on one subject. The lease lets one publish; when
// it is lost (here: deleted by force, again and again) the fence keeps the order.
func TestTwoInstances(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1337, 1)
	h := newHouse(t, evmNetwork(serve(t, fakenode.NewServer(c))))
	a, b := h.start(), h.start()
	kv, err := h.bus.JetStream().KeyValue(t.Context(), bus.LeaseBucket)
	if err != nil {
		t.Fatal(err)
	}
	for range 6 {
		grow(c, 60)
		keys, err := kv.Keys(t.Context())
		if err != nil {
			t.Log(err)
		}
		for _, k := range keys {
			if err := kv.Purge(t.Context(), k); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, "caught up", h.reached(c))
	}
	eventually(t, "both are ready, one as standby", func() bool { return a.ready() && b.ready() })
	h.matches(c)
	if err := a.stop(); err != nil {
		t.Fatal(err)
	}
	grow(c, 10)
	eventually(t, "the other one takes over", h.reached(c))
	h.matches(c)
}

// TestFencedByAnother: somebody else's message on the subject is taken up, not
// written over.
func TestFencedByAnother(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1337, 1)
	grow(c, 10)
	h := newHouse(t, evmNetwork(serve(t, fakenode.NewServer(c))))
	s := h.start()
	eventually(t, "caught up", h.reached(c))
	subject := h.file.Networks[0].Subject()
	last := h.messages(subject)
	tail := last[len(last)-1]
	p, err := core.Decode(&tail)
	if err != nil {
		t.Fatal(err)
	}
	// Another instance reverted two blocks.
	to := c.At(8)
	r := p.GetResume()
	r.Head, r.Hash = 8, to.Hash.Bytes()
	other := core.NewPublisher(publishTo{h, subject}, core.Tail{Seq: tail.Seq, Digest: core.Digest(tail.Data), Resume: r}, core.Limits{}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { _ = other.Run(ctx) }()
	unit := &chainv1.Unit{Kind: &chainv1.Unit_Reverted{Reverted: &chainv1.Reverted{ToNumber: 8, ToHash: to.Hash.Bytes()}}}
	if err := other.Put(ctx, core.Item{Unit: unit, Resume: r}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the other one's message is stored", func() bool { return other.Idle() })
	cancel()
	grow(c, 3)
	eventually(t, "caught up", h.reached(c))
	if m := h.matches(c); m.Reverts != 1 {
		t.Errorf("%d reverts", m.Reverts)
	}
	if _, body := s.get("/metrics"); !strings.Contains(body, `fondaco_eventhandler_sessions_total{network="dev",reason="fenced"} 1`) {
		t.Error("the fence is not counted")
	}
}

// publishTo is a core.Log over a bus, for the test's own messages.
type publishTo struct {
	h       *house
	subject string
}

func (p publishTo) Last(context.Context) (*core.Message, error)         { return nil, nil }
func (p publishTo) Get(context.Context, uint64) (*core.Message, error)  { return nil, nil }
func (p publishTo) Next(context.Context, uint64) (*core.Message, error) { return nil, nil }
func (p publishTo) Publish(ctx context.Context, expected uint64, _, data []byte) (uint64, error) {
	return p.h.bus.PublishFenced(ctx, chainv1.Stream, p.subject, expected, data, nil)
}

func TestServerRestarts(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1337, 1)
	h := newHouse(t, evmNetwork(serve(t, fakenode.NewServer(c))))
	s := h.start()
	for range 3 {
		grow(c, 30)
		h.srv.Restart(t)
		grow(c, 30)
		eventually(t, "caught up", h.reached(c))
	}
	eventually(t, "ready", s.ready)
	h.matches(c)
}

func TestSaysWhatItWaitsFor(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1, 1) // another chain id
	srv := bustest.Start(t)      // without streams
	h := &house{t: t, srv: srv, bus: srv.Bus(t), file: loadConfig(t, evmNetwork(serve(t, fakenode.NewServer(c))))}
	s := h.start()
	eventually(t, "the stream is waited for", s.says("waiting for stream CHAIN"))
	bustest.Provision(t, srv, topology.Streams(), topology.Buckets(), topology.Objects())
	eventually(t, "the chain id is named", s.says("has chain id 1, the configuration says 1337"))
	if m := h.messages(h.file.Networks[0].Subject()); len(m) > 0 {
		t.Error("something was published")
	}
}

// TestAnotherGenesisWithAnotherFilter: the name is bound to the chain, not to
// one filter.
func TestAnotherGenesisWithAnotherFilter(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1337, 1)
	grow(c, 5)
	h := newHouse(t, evmNetwork(serve(t, fakenode.NewServer(c))))
	s := h.start()
	eventually(t, "caught up", h.reached(c))
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	second := fakenode.NewChain(1337, 2)
	grow(second, 5)
	h.file = loadConfig(t, strings.Replace(evmNetwork(serve(t, fakenode.NewServer(second))), "start_block: 0", "start_block: 2", 1))
	s = h.start()
	eventually(t, "it is refused by name", s.says("another chain needs another name"))
	if m := h.messages(h.file.Networks[0].Subject()); len(m) > 0 {
		t.Error("something was published")
	}
}

// TestBlockAboveAMessage: a block above the bus's largest message goes in parts.
func TestBlockAboveAMessage(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1337, 1)
	grow(c, 3)
	big := make([]fakenode.LogSpec, 20)
	for i := range big {
		big[i] = fakenode.LogSpec{Address: usd, Topics: []common.Hash{transfer}, Data: bytes.Repeat([]byte{byte(i)}, 512<<10)}
	}
	c.Mine(big...)
	grow(c, 3)
	h := newHouse(t, evmNetwork(serve(t, fakenode.NewServer(c))))
	s := h.start()
	// Not by reading the tail all the time: it is 7 MiB large for a while.
	eventually(t, "all is handed out", func() bool {
		_, body := s.get("/metrics")
		return strings.Contains(body, `published_head{network="dev"} 7`)
	})
	eventually(t, "caught up", h.reached(c))
	m := h.matches(c)
	if got := m.Blocks[4].GetLogs()[19].GetData(); !bytes.Equal(got, big[19].Data) {
		t.Error("the block's last log is not what was mined")
	}
}

// TestFullStreamPauses: at 85% of its disk budget nothing is published, and
// /readyz says so; a larger budget lets it go on.
func TestFullStreamPauses(t *testing.T) {
	t.Parallel()
	c := fakenode.NewChain(1337, 1)
	h := newHouse(t, evmNetwork(serve(t, fakenode.NewServer(c))))
	s := h.start()
	budget := func(bytes int64) {
		cfg := topology.Streams()[0]
		cfg.MaxBytes = bytes
		if _, err := h.bus.JetStream().UpdateStream(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
	}
	grow(c, 5)
	eventually(t, "caught up", h.reached(c))
	st, err := h.bus.JetStream().Stream(t.Context(), chainv1.Stream)
	if err != nil {
		t.Fatal(err)
	}
	budget(int64(st.CachedInfo().State.Bytes) + 10)
	eventually(t, "it says that the budget is used up", s.says("publishing pauses"))
	grow(c, 5)
	budget(1 << 30)
	eventually(t, "caught up", h.reached(c))
	eventually(t, "ready", s.ready)
	h.matches(c)
}

func TestConfigFromEnv(t *testing.T) {
	t.Parallel()
	env := map[string]string{"FONDACO_POLL_INTERVAL": "soon", "FONDACO_LOGS_WINDOW": "0", "LOG_LEVEL": "info"}
	_, err := eventhandler.ConfigFromEnv(func(k string) (string, bool) { v, ok := env[k]; return v, ok })
	for _, want := range []string{"FONDACO_POLL_INTERVAL", "FONDACO_LOGS_WINDOW", "FONDACO_CONFIG: is required"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not named in %v", want, err)
		}
	}
}
