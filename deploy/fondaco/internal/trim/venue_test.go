package trim

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/protobuf/proto"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/bustest"
	"fondaco.dev/pkg/env"
	"fondaco.dev/pkg/pg"
	"fondaco.dev/pkg/pgtest"
	"fondaco.dev/pkg/zlog"
	"fondaco.dev/pkg/zlog/zlogtest"
	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/proto/topology"
	"fondaco.dev/services/orderbook"
	"fondaco.dev/services/orderbook/client/book"
	"fondaco.dev/services/writer"
)

const venue = "main"

const yaml = `
venue: main
assets: [{name: USD, scale: 2}, {name: WINE, scale: 0}]
markets: [{symbol: WINE-USD, base: WINE, quote: USD, tick: "0.01", lot: "1"}]
`

// world is a venue on real servers: its services come and go.
type world struct {
	t      *testing.T
	srv    *bustest.Server
	bus    *bus.Bus
	url    env.Secret
	db     *pgxpool.Pool
	config string
	packs  uint64 // sent by the gateway
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, url: pgtest.New(t), srv: bustest.Start(t), config: filepath.Join(t.TempDir(), "fondaco.yaml")}
	bustest.Provision(t, w.srv, topology.Streams(), topology.Buckets(), topology.Objects())
	w.bus = w.srv.Bus(t)
	if err := os.WriteFile(w.config, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writer.Migrate(t.Context(), w.url); err != nil {
		t.Fatal(err)
	}
	var err error
	if w.db, err = pg.Open(t.Context(), w.url, 4, "trim test", zlogtest.Test(t).Logger); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.db.Close)
	return w
}

// life is one running service.
type life struct {
	stop context.CancelFunc
	done chan error
}

func (l *life) end() error {
	l.stop()
	err := <-l.done
	l.done <- err
	return err
}

// run starts a service with what its environment says.
func run[C any](w *world, prepare func(env.Lookup) (C, error), serve func(context.Context, C, *zlog.Logger) error) *life {
	w.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	values := map[string]string{"FONDACO_CONFIG": w.config, "FONDACO_NATS_URL": w.srv.URL, "FONDACO_NATS_USER": "", "FONDACO_PG_URL": w.url.Reveal(),
		"FONDACO_ADMIN_ADDR": ln.Addr().String(), "FONDACO_SNAPSHOT_PACKS": "50", "FONDACO_SNAPSHOT_INTERVAL": "1s", "FONDACO_SNAPSHOT_CONFIRM_INTERVAL": "1s"}
	_ = ln.Close()
	cfg, err := prepare(func(name string) (string, bool) { v, ok := values[name]; return v, ok })
	if err != nil {
		w.t.Fatal(err)
	}
	log := zlogtest.Test(w.t)
	_ = log.Level.Set("info")
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.t.Context()))
	l := &life{stop: cancel, done: make(chan error, 1)}
	go func() { l.done <- serve(ctx, cfg, log) }()
	w.t.Cleanup(func() { _ = l.end() })
	return l
}

func (w *world) orderbook() *life { return run(w, orderbook.ConfigFromEnv, orderbook.Run) }
func (w *world) writer() *life    { return run(w, writer.ConfigFromEnv, writer.Run) }

func (w *world) publish(from, gateway string, no uint64, cmds ...*ordersv1.Command) {
	w.t.Helper()
	data, err := proto.Marshal(&ordersv1.Pack{Gateway: gateway, PackNo: no, SentAtMs: time.Now().UnixMilli(), Commands: cmds})
	if err == nil {
		_, err = w.bus.PublishOnce(w.t.Context(), ordersv1.Subject(venue, from), ordersv1.MsgID(gateway, no), data, nil)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// fund makes deposits, once the configuration's assets are there.
func (w *world) fund() {
	w.t.Helper()
	w.until(func() error {
		m, err := w.bus.Last(w.t.Context(), ordersv1.Stream, ordersv1.Subject(venue, ordersv1.FromAdmin))
		if err == nil && m == nil {
			err = errors.New("the order book does not add its assets")
		}
		return err
	})
	var cmds []*ordersv1.Command
	for _, asset := range []string{"USD", "WINE"} {
		for account := uint64(1); account <= 2; account++ {
			cmds = append(cmds, &ordersv1.Command{Op: &ordersv1.Command_Deposit{Deposit: &ordersv1.Deposit{Account: account, Asset: asset, Amount: 1 << 40,
				DepositId: fmt.Sprint(asset, account)}}})
		}
	}
	w.publish(ordersv1.FromFunds, "bank", 1, cmds...)
}

// load sends packs of two orders that cross.
func (w *world) load(n int) {
	w.t.Helper()
	order := func(account uint64, side ordersv1.Side, k uint64) *ordersv1.Command {
		return &ordersv1.Command{Op: &ordersv1.Command_NewOrder{NewOrder: &ordersv1.NewOrder{Account: account, Market: 1, Side: side,
			Type: ordersv1.OrderType_ORDER_TYPE_LIMIT, TimeInForce: ordersv1.TimeInForce_TIME_IN_FORCE_GTC,
			PriceTicks: int64(95 + k%11), QuantityLots: int64(1 + k%5), ClientOrderId: fmt.Sprint(side, k)}}}
	}
	for range n {
		w.packs++
		w.publish(ordersv1.FromAPI, "gateway", w.packs, order(1, ordersv1.Side_SIDE_BUY, w.packs), order(2, ordersv1.Side_SIDE_SELL, w.packs*3))
	}
}

// until asks again until ok, which says what is missing.
func (w *world) until(ok func() error) {
	w.t.Helper()
	for end := time.Now().Add(60 * time.Second); ; {
		err := ok()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			w.t.Fatal(err)
		}
		select {
		case <-w.t.Context().Done():
			w.t.Fatal(err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// settled waits until every pack's events are in TRADES and in the database,
// and verifies the book.
func (w *world) settled() book.Verified {
	w.t.Helper()
	var v book.Verified
	w.until(func() error {
		orders, err := w.bus.Stream(w.t.Context(), ordersv1.Stream)
		if err != nil {
			return err
		}
		if v, err = book.Verify(w.t.Context(), w.bus, venue, nil); err != nil {
			w.t.Fatalf("the book cannot be verified: %v", err)
		}
		cursor, err := writerCursor(w.t.Context(), w.bus, w.db, venue)
		if err == nil && (v.InSeq != orders.LastSeq || v.Cut || cursor != v.End) {
			err = fmt.Errorf("ORDERS ends at %d; verified %+v; the writer is at %d", orders.LastSeq, v, cursor)
		}
		return err
	})
	return v
}

// trades counts those in the database.
func (w *world) trades() (n int) {
	w.t.Helper()
	if err := w.db.QueryRow(w.t.Context(), "select count(*) from trade.trades where venue = $1", venue).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}
