package hugepage

import (
	"fmt"
	"testing"
	"time"

	pages "fondaco.dev/pkg/hugepage"
	"fondaco.dev/services/orderbook/internal/engine"
)

// mill places orders of a thousand accounts near each other, none of which trade.
type mill struct {
	e   *engine.Engine
	out engine.Batch
	seq uint64
}

func newMill(t testing.TB, opts engine.Options) *mill {
	t.Helper()
	m := &mill{e: engine.New(opts)}
	m.pack("admin", engine.Command{Op: engine.OpAddAsset, Admin: &engine.Admin{Name: []byte("BASE")}}, engine.Command{Op: engine.OpAddAsset, Admin: &engine.Admin{Name: []byte("QUOTE")}},
		engine.Command{Op: engine.OpAddMarket, Admin: &engine.Admin{Name: []byte("BASE-QUOTE"), Base: []byte("BASE"), Quote: []byte("QUOTE"), Tick: 1, Lot: 1}})
	for a := uint64(1); a <= 1000; a++ {
		m.pack("funds", engine.Command{Op: engine.OpDeposit, Account: a, Admin: &engine.Admin{Name: []byte("QUOTE"), Amount: 1 << 52, ID: fmt.Append(nil, a)}})
	}
	return m
}

func (m *mill) begin(from string) {
	m.seq++
	m.out.Reset()
	now := int64(1_000_000 + m.seq)
	m.e.Begin(engine.PackHead{Seq: m.seq, From: from, ServerMs: now, Gateway: "mill", PackNo: m.seq, SentMs: now}, &m.out, nil)
}

func (m *mill) pack(from string, commands ...engine.Command) {
	m.begin(from)
	m.e.DoAll(commands)
	m.e.End()
}

// fill places n orders in packs of a thousand and tells each how long it took.
func (m *mill) fill(n int, took func(live int, d time.Duration)) {
	for from := 0; from < n; from += 1000 {
		m.begin("api")
		for k := from; k < min(from+1000, n); k++ {
			c := engine.Command{
				Op: engine.OpNew, Account: 1 + uint64(k)*2654435761%1000, Market: 1, Side: 1, Type: 1, TIF: 1, Ref: uint64(k) + 1,
				Price: 1000 + int64(k)*7919%4000, Quantity: 1 + int64(k)%100,
			}
			began := time.Now()
			m.e.Do(&c)
			took(k, time.Since(began))
		}
		m.e.End()
	}
}

// TestGrowsInPlace: an engine whose slabs outgrow the heap and get rooms has the
// state of one that copies them, and so has a copy of it that goes on.
func TestGrowsInPlace(t *testing.T) {
	t.Parallel()
	const n = 60_000
	rooms := 0
	opts := Options()
	reserve := opts.Reserve
	opts.Reserve = func(bytes int) ([]byte, func(int)) {
		rooms++
		return reserve(bytes)
	}
	a, b := newMill(t, opts), newMill(t, engine.Options{})
	a.fill(n/2, func(int, time.Duration) {})
	b.fill(n/2, func(int, time.Duration) {})
	half := a.e.Digest()
	c := a.e.Clone()
	for _, m := range []*mill{a, b} {
		m.fill(n/2, func(int, time.Duration) {}) // by names that live: refused
		for k := n / 2; k < n; k++ {
			m.pack("api", engine.Command{Op: engine.OpNew, Account: 7, Market: 1, Side: 1, Type: 1, TIF: 1, Ref: uint64(k) + 1, Price: 500, Quantity: 1})
		}
	}
	if rooms < 2 {
		t.Errorf("%d rooms were asked for, want one for orders and one for their names", rooms)
	}
	if a.e.Size().LiveOrders != n || a.e.Digest() != b.e.Digest() {
		t.Errorf("%d orders with digest %x, copied %d with %x", a.e.Size().LiveOrders, a.e.Digest(), b.e.Size().LiveOrders, b.e.Digest())
	}
	if c.Digest() != half {
		t.Error("the copy changed with its engine")
	}
	for _, e := range []*engine.Engine{a.e, b.e, c} {
		if err := e.Audit(); err != nil {
			t.Error(err)
		}
	}
	restored, err := engine.RestoreWith(Options(), a.e.AppendSnapshot(nil))
	if err != nil || restored.Digest() != b.e.Digest() {
		t.Errorf("restored with digest %x: %v", restored.Digest(), err)
	}
}

// BenchmarkGrowth fills a book with 2,000,000 orders and reports the longest
// command of them: what a venue stands still for while its memory grows.
func BenchmarkGrowth(b *testing.B) {
	const n = 2_000_000
	for _, opts := range []engine.Options{{Large: pages.Advise}, Options()} {
		b.Run(fmt.Sprintf("rooms=%t", opts.Reserve != nil), func(b *testing.B) {
			for range b.N {
				m := newMill(b, opts)
				var longest [4]time.Duration
				var at [4]int
				began := time.Now()
				m.fill(n, func(live int, took time.Duration) {
					for k := range longest {
						if took > longest[k] {
							copy(longest[k+1:], longest[k:])
							copy(at[k+1:], at[k:])
							longest[k], at[k] = took, live
							return
						}
					}
				})
				b.ReportMetric(float64(time.Since(began).Nanoseconds())/n, "ns/order")
				b.ReportMetric(float64(longest[0].Microseconds())/1000, "longest-ms")
				b.Logf("longest commands %v, with that many orders %v", longest, at)
			}
		})
	}
}
