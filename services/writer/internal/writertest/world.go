// Package writertest is what the writer's tests share: a database, a bus, a
// publisher of linked packs, and a digest of an index.
package writertest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"fondaco.dev/pkg/admin"
	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/bustest"
	"fondaco.dev/pkg/env"
	"fondaco.dev/pkg/pg"
	"fondaco.dev/pkg/pgtest"
	"fondaco.dev/pkg/zlog/zlogtest"
	"fondaco.dev/services/writer/internal/partition"
	"fondaco.dev/services/writer/internal/projection"
	"fondaco.dev/services/writer/internal/schema"

	chainv1 "fondaco.dev/proto/chain/v1"
	"fondaco.dev/proto/config"
	feedv1 "fondaco.dev/proto/feed/v1"
	"fondaco.dev/proto/topology"
)

// World is a test's own database and bus.
type World struct {
	T    testing.TB
	URL  env.Secret
	Pool *pgxpool.Pool
	NATS *bustest.Server
	Bus  *bus.Bus
	Log  *zap.Logger
}

// New makes a migrated database and a provisioned bus.
func New(t testing.TB) *World {
	t.Helper()
	url, nats := pgtest.New(t), bustest.Start(t)
	if _, err := schema.Migrate(context.Background(), url); err != nil {
		t.Fatal(err)
	}
	bustest.Provision(t, nats, topology.Streams(), topology.Buckets(), topology.Objects())
	return Attach(t, url, nats)
}

// Attach looks at a database and a bus that something else prepares.
func Attach(t testing.TB, url env.Secret, nats *bustest.Server) *World {
	t.Helper()
	w := &World{T: t, URL: url, NATS: nats, Log: zlogtest.Test(t).Logger.WithOptions(zap.IncreaseLevel(zap.WarnLevel))}
	var err error
	if w.Pool, err = pg.Open(context.Background(), url, 8, "test", zap.NewNop()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Pool.Close)
	w.Bus = nats.Bus(t)
	return w
}

// Build makes an empty chain index.
func (w *World) Build(name string, networks ...config.Network) string {
	w.T.Helper()
	if err := schema.EnsureBuild(context.Background(), w.Pool, name, projection.Version, networks); err != nil {
		w.T.Fatal(err)
	}
	return name
}

// Metrics are a writer's own.
func (w *World) Metrics() *partition.Metrics { return partition.NewMetrics(prometheus.NewRegistry()) }

// Hints collects what a partition offers.
type Hints struct {
	mu   sync.Mutex
	list []*feedv1.Hint
}

// Offer keeps a hint.
func (h *Hints) Offer(hint *feedv1.Hint) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.list = append(h.list, hint)
}

// All are the hints so far.
func (h *Hints) All() []*feedv1.Hint {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]*feedv1.Hint(nil), h.list...)
}

// Writer is one running partition.
type Writer struct {
	*partition.Partition
	HintList *Hints
	cancel   context.CancelFunc
	done     chan struct{}
}

// Start runs a partition. fault may be nil; change may set further fields.
func (w *World) Start(build, name, stream, subject string, p partition.Projection, m *partition.Metrics, fault func(string) error, change ...func(*partition.Partition)) *Writer {
	w.T.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	hints := &Hints{}
	out := &Writer{HintList: hints, cancel: cancel, done: make(chan struct{}), Partition: &partition.Partition{
		Build: build, Name: name, Stream: stream, Subject: subject, Bus: w.Bus, Pool: w.Pool, Projection: p, Hints: hints,
		Status: admin.New("", zlogtest.Test(w.T)).Status(name), Metrics: m, Log: w.Log, Fault: fault}}
	for _, do := range change {
		do(out.Partition)
	}
	go func() {
		defer close(out.done)
		_ = out.Run(ctx)
	}()
	w.T.Cleanup(out.Stop)
	return out
}

// Stop ends a partition and waits for it.
func (r *Writer) Stop() {
	r.cancel()
	<-r.done
}

// Cursor reads a partition's cursor.
func (w *World) Cursor(build, name string) partition.Cursor {
	w.T.Helper()
	c, _, err := partition.ReadCursor(context.Background(), w.Pool, build, name)
	var missing *pgconn.PgError
	if errors.As(err, &missing) && missing.Code == "42P01" {
		return c // the writer has not migrated yet
	}
	if err != nil {
		w.T.Fatal(err)
	}
	return c
}

// Wait waits until a partition has applied message seq.
func (w *World) Wait(build, name string, seq uint64) partition.Cursor {
	w.T.Helper()
	var c partition.Cursor
	w.Until(fmt.Sprintf("%s at message %d", name, seq), func() bool {
		c = w.Cursor(build, name)
		return c.Seq >= seq
	})
	return c
}

// Until polls until ok, for at most a minute.
func (w *World) Until(what string, ok func() bool) {
	w.T.Helper()
	deadline := time.Now().Add(time.Minute)
	for !ok() {
		if time.Now().After(deadline) {
			rows, _ := w.Pool.Query(context.Background(), `select partition || ' seq=' || seq || ' ' || coalesce(problem, '') from ctl.cursors`)
			state, _ := pgx.CollectRows(rows, pgx.RowTo[string])
			w.T.Fatalf("waited a minute for: %s; cursors: %q", what, state)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Value runs a query for one value.
func Value[V any](w *World, q string, args ...any) V {
	w.T.Helper()
	var v V
	if err := w.Pool.QueryRow(context.Background(), q, args...).Scan(&v); err != nil {
		w.T.Fatalf("%s: %v", q, err)
	}
	return v
}

// Feed publishes linked packs of one CHAIN subject.
type Feed struct {
	w       *World
	Subject string
	prev    uint64
	digest  []byte
	head    *chainv1.Block
	Last    uint64 // stream sequence of the last message
	Header  nats.Header
}

// NewFeed starts at the beginning of a subject.
func (w *World) NewFeed(subject string) *Feed { return &Feed{w: w, Subject: subject} }

// Publish sends one message.
func (f *Feed) Publish(units ...*chainv1.Unit) uint64 {
	f.w.T.Helper()
	pack := f.Pack(units...)
	for _, u := range units {
		switch k := u.GetKind().(type) {
		case *chainv1.Unit_Block:
			f.head = k.Block
		case *chainv1.Unit_Reverted:
			f.head = &chainv1.Block{Number: k.Reverted.GetToNumber(), Hash: k.Reverted.GetToHash()}
		case *chainv1.Unit_Range:
			f.head = &chainv1.Block{Number: k.Range.GetTo(), Hash: k.Range.GetToHash()}
		}
	}
	return f.PublishPack(pack)
}

// Pack links units to the subject's last message.
func (f *Feed) Pack(units ...*chainv1.Unit) *chainv1.Pack {
	return &chainv1.Pack{PrevSeq: f.prev, PrevDigest: f.digest, Units: units, Resume: &chainv1.Resume{}}
}

// PublishPack sends a message whose resume is completed with the head.
func (f *Feed) PublishPack(pack *chainv1.Pack) uint64 {
	f.w.T.Helper()
	if f.head != nil && pack.Resume != nil {
		pack.Resume.Started, pack.Resume.Head, pack.Resume.Hash = true, f.head.GetNumber(), f.head.GetHash()
	}
	data, err := proto.Marshal(pack)
	if err != nil {
		f.w.T.Fatal(err)
	}
	return f.PublishRaw(data)
}

// PublishRaw sends bytes as the next message.
func (f *Feed) PublishRaw(data []byte) uint64 {
	f.w.T.Helper()
	ack, err := f.w.Bus.JetStream().PublishMsg(context.Background(), &nats.Msg{Subject: f.Subject, Data: data, Header: f.Header})
	if err != nil {
		f.w.T.Fatal(err)
	}
	digest := sha256.Sum256(data)
	f.prev, f.digest, f.Last = ack.Sequence, digest[:], ack.Sequence
	return ack.Sequence
}

// SetHead says what the next pack's resume ends at.
func (f *Feed) SetHead(b *chainv1.Block) { f.head = b }

// ErrKilled is what a Fault answers to stop at a step.
var ErrKilled = errors.New("killed by the test")
