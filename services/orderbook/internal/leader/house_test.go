package leader

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/bustest"
	"fondaco.dev/pkg/zlog/zlogtest"
	"fondaco.dev/proto/config"
	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/proto/topology"
	"fondaco.dev/services/orderbook/internal/engine"
	"fondaco.dev/services/orderbook/internal/keeper"
	"fondaco.dev/services/orderbook/internal/metric"
	"fondaco.dev/services/orderbook/internal/recovery"
	"fondaco.dev/services/orderbook/internal/snapshot"
)

const venue = "main"

// house is a real NATS server with the streams, and instances of the order
// book that come and go.
type house struct {
	t       testing.TB
	srv     *bustest.Server
	bus     *bus.Bus
	options Options
}

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{t: t, srv: bustest.Start(t)}
	bustest.Provision(t, h.srv, topology.Streams(), topology.Buckets(), topology.Objects())
	h.bus = h.srv.Bus(t)
	h.options = Options{Venue: venue, SnapshotPacks: 1 << 30, SnapshotEvery: time.Hour,
		Assets:  []config.Asset{{Name: "USD", Scale: 2}, {Name: "WINE"}},
		Markets: []config.Market{{Symbol: "WINE-USD", Base: "WINE", Quote: "USD", Tick: 1, Lot: 1, MakerFeePPM: 500, TakerFeePPM: 1500}},
	}
	first := h.start(nil)
	first.wait()
	h.fund()
	_ = first.stop()
	return h
}

// ctx ends with the test, or after some minutes: nothing here takes as long,
// even on a busy machine.
func (h *house) ctx() context.Context {
	ctx, cancel := context.WithTimeout(h.t.Context(), 3*time.Minute)
	h.t.Cleanup(cancel)
	return ctx
}

// instance is one process's life: recovery, then live, until it stops or dies.
type instance struct {
	h      *house
	cancel context.CancelFunc
	done   chan struct{}
	err    error
	state  recovery.State // counters as of the recovery
	ready  chan struct{}
	once   sync.Once
}

// start runs an instance; wrap may put faults on its wire.
func (h *house) start(wrap func(Wire) Wire) *instance {
	ctx, cancel := context.WithCancel(h.ctx())
	i := &instance{h: h, cancel: cancel, done: make(chan struct{}), ready: make(chan struct{})}
	b := h.srv.Bus(h.t)
	logger := zlogtest.Test(h.t)
	_ = logger.Level.Set("info") // a line a command would be most of the work
	log := logger.Logger
	wire := NewWire(b, venue, log)
	if wrap != nil {
		wire = wrap(wire)
	}
	src := &recovery.Source{Bus: recovery.OnBus(b), Store: snapshot.New(b.JetStream(), venue, ""), Venue: venue, Log: log, PartBytes: h.options.PartBytes}
	m := metric.New(prometheus.NewRegistry(), venue)
	keep := keeper.New(src, m, 0, log)
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		_ = keep.Run(context.WithoutCancel(ctx))
	}()
	go func() {
		defer close(i.done)
		defer func() {
			keep.Close()
			<-kept
		}()
		i.err = i.live(ctx, b, src, keep, wire, m, log)
	}()
	h.t.Cleanup(func() { i.stop() })
	return i
}

// live recovers, goes to the end of TRADES and leads, without a lease.
func (i *instance) live(ctx context.Context, b *bus.Bus, src *recovery.Source, keep *keeper.Keeper, wire Wire, m *metric.Metrics, log *zap.Logger) error {
	st, err := src.Run(ctx)
	if err != nil {
		return err
	}
	i.state = *st
	f, err := src.Follow(ctx, st)
	if err != nil {
		return err
	}
	err = f.Finish(ctx, wire)
	f.Close()
	if err != nil {
		return err
	}
	l := &Leader{Options: i.h.options, Bus: b, Wire: wire, Keeper: keep, Metrics: m, Log: log,
		Ready: func(err error) {
			if err == nil {
				i.once.Do(func() { close(i.ready) })
			}
		}}
	return l.Run(ctx, st, nil)
}

// stop ends an instance and returns what its Run returned.
func (i *instance) stop() error {
	i.cancel()
	<-i.done
	return i.err
}

// snapshots lists what is stored.
func (i *instance) snapshots() ([]snapshot.Ref, error) {
	return snapshot.New(i.h.bus.JetStream(), venue, "").List(i.h.ctx())
}

// wait waits until the instance serves, or died.
func (i *instance) wait() {
	i.h.t.Helper()
	select {
	case <-i.ready:
	case <-i.done:
		i.h.t.Fatalf("instance ended before it served: %v", i.err)
	case <-i.h.ctx().Done():
		i.h.t.Fatal("instance does not serve")
	}
}

var errCrash = errors.New("crashed here")

// faulty dies at a publish: before it reached the server, or after.
type faulty struct {
	Wire
	at    int // 1-based; 0 = never
	after bool
	mu    sync.Mutex
	n     int
}

func (f *faulty) Publish(ctx context.Context, expected uint64, sum, data []byte, ids []string) (uint64, error) {
	f.mu.Lock()
	f.n++
	crash := f.n == f.at
	f.mu.Unlock()
	if crash && !f.after {
		return 0, errCrash
	}
	seq, err := f.Wire.Publish(ctx, expected, sum, data, ids)
	if crash {
		return 0, errCrash
	}
	return seq, err
}

// gateway publishes packs and collects answers.
type gateway struct {
	h       *house
	from    string
	name    string
	no      uint64
	replies chan *nats.Msg
}

func (h *house) gateway(from, name string) *gateway {
	g := &gateway{h: h, from: from, name: name, replies: make(chan *nats.Msg, 1<<14)}
	sub, err := h.bus.Conn().ChanSubscribe(ordersv1.ReplySubject(name), g.replies)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = sub.Unsubscribe() })
	return g
}

func (g *gateway) pack(cmds ...*ordersv1.Command) *ordersv1.Pack {
	g.no++
	return &ordersv1.Pack{Gateway: g.name, PackNo: g.no, SentAtMs: time.Now().UnixMilli(), Commands: cmds}
}

// publish stores a pack under a message id of its own.
func (g *gateway) publish(p *ordersv1.Pack, msgID string) {
	g.h.t.Helper()
	data, err := proto.Marshal(p)
	if err != nil {
		g.h.t.Fatal(err)
	}
	if _, err := g.h.bus.PublishOnce(g.h.ctx(), ordersv1.Subject(venue, g.from), msgID, data, nil); err != nil {
		g.h.t.Fatal(err)
	}
}

func (g *gateway) send(cmds ...*ordersv1.Command) {
	g.h.t.Helper()
	p := g.pack(cmds...)
	g.publish(p, ordersv1.MsgID(p.Gateway, p.PackNo))
}

// ask sends a pack and waits for its answer.
func (g *gateway) ask(cmds ...*ordersv1.Command) *ordersv1.PackReply {
	g.h.t.Helper()
	g.send(cmds...)
	for {
		select {
		case m := <-g.replies:
			r := &ordersv1.PackReply{}
			if err := proto.Unmarshal(m.Data, r); err != nil || m.Header.Get("Fondaco-Reply") != "orders" {
				g.h.t.Fatalf("answer %v: %v", m.Header, err)
			}
			if r.PackNo == g.no {
				return r
			}
		case <-g.h.ctx().Done():
			g.h.t.Fatal("no answer")
		}
	}
}

func deposit(account uint64, asset string, amount int64, id string) *ordersv1.Command {
	return &ordersv1.Command{RequestId: "req-" + id, Op: &ordersv1.Command_Deposit{Deposit: &ordersv1.Deposit{Account: account, Asset: asset, Amount: amount, DepositId: id}}}
}

func limit(account uint64, side ordersv1.Side, lots, price int64, cid string) *ordersv1.Command {
	return &ordersv1.Command{RequestId: "req-" + cid, Op: &ordersv1.Command_NewOrder{NewOrder: &ordersv1.NewOrder{Account: account, Market: 1, Side: side,
		Type: ordersv1.OrderType_ORDER_TYPE_LIMIT, TimeInForce: ordersv1.TimeInForce_TIME_IN_FORCE_GTC, PriceTicks: price, QuantityLots: lots, ClientOrderId: cid}}}
}

const (
	buy  = ordersv1.Side_SIDE_BUY
	sell = ordersv1.Side_SIDE_SELL
)

// fund gives accounts 1 and 2 of both assets.
func (h *house) fund() {
	h.t.Helper()
	f := h.gateway(ordersv1.FromFunds, "bank")
	r := f.ask(deposit(1, "USD", 1<<40, "u1"), deposit(1, "WINE", 1<<40, "w1"), deposit(2, "USD", 1<<40, "u2"), deposit(2, "WINE", 1<<40, "w2"))
	for _, o := range r.Outcomes {
		if o.Reject != 0 {
			h.t.Fatalf("funding: %v", r)
		}
	}
}

// load sends n packs of a few crossing orders and cancels from one gateway.
func (g *gateway) load(n int) {
	for i := range n {
		side, other := buy, sell
		if i%3 == 0 {
			side, other = sell, buy
		}
		g.send(limit(1, side, int64(1+i%7), int64(95+i%11), fmt.Sprint(g.name, "-", g.no, "a")),
			limit(2, other, int64(1+i%5), int64(95+i%10), fmt.Sprint(g.name, "-", g.no, "b")),
			&ordersv1.Command{Op: &ordersv1.Command_Cancel{Cancel: &ordersv1.CancelOrder{Account: 1, OrderId: uint64(i * 2)}}})
	}
}

// setupFor is an applier without a bus whose venue has all it needs.
func setupFor(t *testing.T) (*engine.Engine, *applier) {
	t.Helper()
	e := engine.New(engine.Options{})
	r := &reign{orders: make(chan order, 4)}
	r.Ready, r.Log = func(error) {}, zlogtest.Test(t).Logger
	a := &applier{reign: r, engine: e, alarm: time.NewTimer(time.Hour)}
	a.setup.init(a)
	if err := a.setup.step(); err != nil {
		t.Fatal(err)
	}
	return e, a
}

func apply(t *testing.T, e *engine.Engine, seq uint64, from string, serverMs, sentMs int64, cmds ...*ordersv1.Command) *ordersv1.PackReply {
	t.Helper()
	data, err := proto.Marshal(&ordersv1.Pack{Gateway: "g", PackNo: seq, SentAtMs: sentMs, Commands: cmds})
	if err != nil {
		t.Fatal(err)
	}
	var out engine.Batch
	var reply engine.Reply
	e.Apply(engine.Input{Seq: seq, From: from, ServerMs: serverMs, Data: data}, &out, &reply)
	r := &ordersv1.PackReply{}
	if err := proto.Unmarshal(reply.Bytes(), r); err != nil {
		t.Fatal(err)
	}
	return r
}
