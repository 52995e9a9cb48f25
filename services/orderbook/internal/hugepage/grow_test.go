package hugepage

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	pages "fondaco.dev/pkg/hugepage"
	"fondaco.dev/services/orderbook/internal/engine"
)

// mill places orders of many accounts near each other, none of which trade.
type mill struct {
	e   *engine.Engine
	out engine.Batch
	seq uint64

	accounts, orders int
}

func newMill(t testing.TB, opts engine.Options) *mill {
	t.Helper()
	m := &mill{e: engine.New(opts)}
	m.pack("admin", engine.Command{Op: engine.OpAddAsset, Admin: &engine.Admin{Name: []byte("BASE")}}, engine.Command{Op: engine.OpAddAsset, Admin: &engine.Admin{Name: []byte("QUOTE")}},
		engine.Command{Op: engine.OpAddMarket, Admin: &engine.Admin{Name: []byte("BASE-QUOTE"), Base: []byte("BASE"), Quote: []byte("QUOTE"), Tick: 1, Lot: 1}})
	return m
}

// fund gives n more accounts money.
func (m *mill) fund(n int) {
	for range n {
		m.accounts++
		m.pack("funds", engine.Command{Op: engine.OpDeposit, Account: uint64(m.accounts), Admin: &engine.Admin{
			Name: []byte("QUOTE"), Amount: 1 << 40, ID: fmt.Appendf(nil, "deposit %30d", m.accounts)}})
	}
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

// fill places n more orders in packs of a thousand and tells of each how long it
// took. If kinds, every fourth has a client order id, and another shows only a part.
func (m *mill) fill(n int, kinds bool, took func(live int, d time.Duration)) {
	for n > 0 {
		m.begin("api")
		for range min(n, 1000) {
			m.orders++
			k := m.orders
			c := engine.Command{
				Op: engine.OpNew, Account: 1 + uint64(k)*2654435761%uint64(m.accounts), Market: 1, Side: 1, Type: 1, TIF: 1, Ref: uint64(k),
				Price: 1000 + int64(k)*7919%4000, Quantity: 1 + int64(k)%100,
			}
			if kinds && k%4 == 0 {
				c.Ref, c.ClientID = 0, fmt.Append(nil, k)
			}
			if kinds && k%4 == 1 {
				c.Ext = &engine.Terms{Display: 1}
			}
			began := time.Now()
			m.e.Do(&c)
			took(k, time.Since(began))
		}
		m.e.End()
		n -= min(n, 1000)
	}
}

// TestGrowsInPlace: an engine whose slabs outgrow the heap and get rooms has the
// state of one that copies them, and so has a copy of it that goes on by itself.
func TestGrowsInPlace(t *testing.T) {
	t.Parallel()
	const n, accounts = 50_000, 10_000
	rooms := 0
	opts := Options()
	reserve := opts.Reserve
	opts.Reserve = func(bytes int) ([]byte, func(int)) {
		rooms++
		return reserve(bytes)
	}
	a, b := newMill(t, opts), newMill(t, engine.Options{})
	further := func(m *mill) {
		m.fund(accounts / 2)
		m.fill(n/2, true, func(int, time.Duration) {})
	}
	further(a)
	further(b)
	if memory, _ := Reserve(pages.Size); memory != nil && (rooms < 4 || a.e.InRooms() < 100*n/2) {
		t.Errorf("%d rooms with %d bytes in them", rooms, a.e.InRooms())
	}
	a.e.ReadyClone() // the copy is in rooms of its own, and so is what is copied of it
	c := &mill{e: a.e.Clone(), seq: a.seq, accounts: a.accounts, orders: a.orders}
	if c.e.InRooms() != 0 || b.e.InRooms() != 0 {
		t.Error("a copy, or an engine that has none, is in rooms")
	}
	half := b.e.Digest()
	further(a)
	if c.e.Digest() != half {
		t.Error("the copy changed with its engine")
	}
	further(b)
	further(c)
	want := b.e.Digest()
	for k, m := range []*mill{a, b, c} {
		if m.e.Size().LiveOrders != n || m.e.Digest() != want {
			t.Errorf("engine %d: %d orders, another digest or not %d", k, m.e.Size().LiveOrders, n)
		}
		if err := m.e.Audit(); err != nil {
			t.Error(err)
		}
	}
	restored, err := engine.RestoreWith(Options(), a.e.AppendSnapshot(nil))
	if err != nil || restored.Digest() != want {
		t.Errorf("restored another state: %v", err)
	}
}

// TestReady: memory that was asked for ahead is there before the orders, also where
// some are there already, and changes nothing else.
func TestReady(t *testing.T) {
	t.Parallel()
	const n, ahead = 2000, 100_000
	if runtime.GOOS != "linux" {
		t.Skip("address space is reserved on Linux alone")
	}
	a, b, c := newMill(t, Options()), newMill(t, Options()), newMill(t, engine.Options{})
	a.e.Ready(ahead)
	if got := a.e.InRooms(); got < 100*ahead {
		t.Errorf("%d bytes are ready for %d orders", got, ahead)
	}
	for _, m := range []*mill{a, b, c} {
		m.fund(10)
		m.fill(n, true, func(int, time.Duration) {})
	}
	b.e.Ready(ahead)
	c.e.Ready(ahead) // has no rooms
	if b.e.InRooms() < 100*ahead || c.e.InRooms() != 0 {
		t.Errorf("%d and %d bytes are ready for %d orders", b.e.InRooms(), c.e.InRooms(), ahead)
	}
	a.e.Ready(n / 2) // there are more already
	for _, m := range []*mill{a, b, c} {
		m.fill(n, true, func(int, time.Duration) {})
		if err := m.e.Audit(); err != nil || m.e.Digest() != a.e.Digest() {
			t.Errorf("another state: %v", err)
		}
	}
}

// BenchmarkGrowth fills a book with 2,000,000 orders and reports the longest
// command of them: what a venue stands still for while its memory grows.
func BenchmarkGrowth(b *testing.B) {
	const n = 2_000_000
	for k, opts := range []engine.Options{{Large: pages.Advise}, Options(), {Large: pages.Advise}, Options()} {
		kinds := k >= 2
		b.Run(fmt.Sprintf("rooms=%t,kinds=%t", opts.Reserve != nil, kinds), func(b *testing.B) {
			for range b.N {
				m := newMill(b, opts)
				m.fund(1000)
				var longest [4]time.Duration
				var at [4]int
				began := time.Now()
				m.fill(n, kinds, func(live int, took time.Duration) {
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

// BenchmarkClone1M is what a leader stands still for while a book of 1,000,000
// orders is copied, with memory that is new and with memory that was made ready.
func BenchmarkClone1M(b *testing.B) {
	m := newMill(b, Options())
	m.fund(1000)
	m.fill(1_000_000, false, func(int, time.Duration) {})
	for _, ready := range []bool{false, true} {
		b.Run(fmt.Sprintf("ready=%t", ready), func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				debug.FreeOSMemory()
				if ready {
					m.e.ReadyClone()
					time.Sleep(2 * time.Second) // nothing says when the pages are there
				}
				b.StartTimer()
				m.e.Clone()
			}
		})
	}
}
