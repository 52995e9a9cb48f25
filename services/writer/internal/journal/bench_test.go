package journal_test

import (
	"bytes"
	"context"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"fondaco.dev/pkg/pgtest"
	"fondaco.dev/services/writer/internal/journal"
	"fondaco.dev/services/writer/internal/writertest"

	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
)

var (
	benchCommands = flag.Int("commands", 100_000, "commands of BenchmarkTrades")
	benchResting  = flag.Bool("resting", false, "BenchmarkTrades has nothing but new orders that rest")
	benchAccounts = flag.Uint64("accounts", 1000, "accounts of BenchmarkTrades; each pack's commands come from a hundred of them")
)

// Shape of what BenchmarkTrades writes: half new orders that rest, four in ten
// cancels, one in ten an order that trades.
const (
	benchPack   = 100 // commands
	benchOutput = 10  // packs
)

// tape makes the events of such a market without matching anything.
type tape struct {
	e       *engine
	rng     *rand.Rand
	resting []*tradesv1.OrderAccepted
	order   uint64
	trade   uint64
	events  int

	accounts uint64
	rests    bool // nothing ends
}

func (p *tape) accept(account uint64, side ordersv1.Side, lots uint64, at uint64) *tradesv1.OrderAccepted {
	p.order++
	kind := uint32(side) | uint32(ordersv1.OrderType_ORDER_TYPE_LIMIT)<<8 | uint32(ordersv1.TimeInForce_TIME_IN_FORCE_GTC)<<16
	return &tradesv1.OrderAccepted{OrderId: p.order, Account: account, Market: 1, Kind: kind, PriceTicks: 1000 + p.rng.Uint64N(200), QuantityLots: lots,
		Reserved: lots * 1000, ClientRef: p.order, AtMs: at}
}

func (p *tape) take() *tradesv1.OrderAccepted {
	i, last := p.rng.IntN(len(p.resting)), len(p.resting)-1
	o := p.resting[i]
	p.resting[i] = p.resting[last]
	p.resting = p.resting[:last]
	return o
}

func (p *tape) output() []*tradesv1.Event {
	var out []*tradesv1.Event
	add := func(e *tradesv1.Event) { out = append(out, e) }
	for range benchPack * benchOutput {
		if p.order%benchPack == 0 {
			add(&tradesv1.Event{Kind: &tradesv1.Event_PackApplied{PackApplied: &tradesv1.PackApplied{InSeq: p.order, Gateway: "0123456789abcdef", PackNo: p.order, NowMs: 1, From: "api"}}})
		}
		at, account := uint64(1_700_000_000_000)+p.order/20, 1+p.rng.Uint64N(p.accounts)
		switch n := p.rng.IntN(10); {
		case p.rests || n < 5 || len(p.resting) == 0:
			o := p.accept(account, ordersv1.Side_SIDE_SELL, 10, at)
			p.resting = append(p.resting, o)
			add(&tradesv1.Event{Kind: &tradesv1.Event_OrderAccepted{OrderAccepted: o}})
			add(&tradesv1.Event{Kind: &tradesv1.Event_OrderRested{OrderRested: &tradesv1.OrderRested{OrderId: o.OrderId, RemainingLots: 10, VisibleLots: 10}}})
		case n < 9:
			o := p.take()
			add(&tradesv1.Event{Kind: &tradesv1.Event_OrderCanceled{OrderCanceled: &tradesv1.OrderCanceled{OrderId: o.OrderId, RemainingLots: 10, AtMs: at, Reason: 1}}})
		default:
			maker := p.take()
			o := p.accept(account, ordersv1.Side_SIDE_BUY, 10, at)
			p.trade++
			add(&tradesv1.Event{Kind: &tradesv1.Event_OrderAccepted{OrderAccepted: o}})
			add(&tradesv1.Event{Kind: &tradesv1.Event_Trade{Trade: &tradesv1.Trade{TradeId: p.trade, PriceTicks: maker.PriceTicks, QuantityLots: 10, MakerOrderId: maker.OrderId,
				TakerOrderId: o.OrderId, MakerAccount: maker.Account, TakerAccount: account, MakerFee: 1, TakerFee: 2, AtMs: at, Market: 1, TakerSide: 1}}})
		}
	}
	for range benchPack * benchOutput / 2 {
		account := 1 + p.rng.Uint64N(p.accounts)
		add(&tradesv1.Event{Kind: &tradesv1.Event_BalanceChanged{BalanceChanged: &tradesv1.BalanceChanged{Account: account, Asset: 1 + uint32(account&1), Available: p.order, Reserved: 7}}})
	}
	p.events += len(out)
	return out
}

// BenchmarkTrades is how many events of a venue a second go from the stream into
// Postgres: the journal and every row beside it. go-us/event is the processor
// time of writer and stream server, pg-us/event that of Postgres.
func BenchmarkTrades(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		w := writertest.New(b)
		p := &tape{e: &engine{w: w}, rng: rand.New(rand.NewPCG(1, 2)), accounts: *benchAccounts, rests: *benchResting}
		p.e.publish(b, nil, registry()...)
		for range *benchCommands / benchPack / benchOutput {
			p.e.publish(b, nil, p.output()...)
		}
		m := w.Metrics()
		b.StartTimer()
		began, used, server := time.Now(), processor(), serverTime(b)
		r := w.Start("", "trade."+venue, tradesv1.Stream, tradesv1.Subject(venue), journal.New(venue, m), m, nil)
		w.Wait("", "trade."+venue, p.e.prev)
		took, cpu, server := time.Since(began), processor()-used, serverTime(b)-server
		b.StopTimer()
		r.Stop()
		b.ReportMetric(float64(p.events)/took.Seconds(), "events/s")
		b.ReportMetric(float64(*benchCommands)/took.Seconds(), "commands/s")
		b.ReportMetric(float64(p.trade)/took.Seconds(), "trades/s")
		b.ReportMetric(float64(cpu.Microseconds())/float64(p.events), "go-us/event")
		b.ReportMetric(float64(server.Microseconds())/float64(p.events), "pg-us/event")
		var orders string
		if err := w.Pool.QueryRow(context.Background(), `select count(*)::text from trade.orders`).Scan(&orders); err != nil || orders == "0" {
			b.Fatalf("%s orders, %v", orders, err)
		}
		b.StartTimer()
	}
}

// processor is the processor time of this process.
func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// serverTime is the processor time of Postgres' processes that live, in steps of
// 10 ms. Source: proc_pid_stat(5).
func serverTime(b *testing.B) time.Duration {
	b.Helper()
	text, err := os.ReadFile(filepath.Join(pgtest.Server(b).Dir(), "postmaster.pid"))
	if err != nil {
		b.Fatal(err)
	}
	postmaster, _, _ := strings.Cut(string(text), "\n")
	var ticks int64
	all, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range all {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		f := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+2:])) // from the state on
		if f[1] == postmaster {
			for _, used := range f[11:13] {
				n, _ := strconv.ParseInt(used, 10, 64)
				ticks += n
			}
		}
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
