package engine

import (
	"fmt"
	"testing"
	"time"

	ordersv1 "fondaco.dev/proto/orders/v1"
)

// driver applies prepared commands as packs of their own.
type driver struct {
	e   *Engine
	seq uint64
	ref uint64
	out Batch
}

func newDriver(tb testing.TB) *driver {
	tb.Helper()
	d := &driver{e: New(Options{})}
	d.do(ordersv1.FromAdmin, &Command{Op: OpAddAsset, Admin: &Admin{Name: []byte("A")}}, &Command{Op: OpAddAsset, Admin: &Admin{Name: []byte("B")}},
		&Command{Op: OpAddMarket, Admin: &Admin{Name: []byte("A-B"), Base: []byte("A"), Quote: []byte("B"), Tick: 1, Lot: 1}})
	for a := range uint64(9) {
		d.do(ordersv1.FromFunds,
			&Command{Op: OpDeposit, Account: a + 1, Admin: &Admin{Name: []byte("A"), ID: []byte{'A', '0' + byte(a)}, Amount: 1 << 50}},
			&Command{Op: OpDeposit, Account: a + 1, Admin: &Admin{Name: []byte("B"), ID: []byte{'B', '0' + byte(a)}, Amount: 1 << 50}})
	}
	return d
}

func (d *driver) do(from string, commands ...*Command) {
	d.seq++
	d.out.Reset()
	d.e.Begin(PackHead{Seq: d.seq, From: from, ServerMs: 1_000_000, Gateway: "g", PackNo: d.seq, SentMs: 1_000_000}, &d.out, nil)
	for _, c := range commands {
		if c.Op == OpNew {
			d.ref++
			c.Ref = d.ref
		}
		d.e.Do(c)
	}
	d.e.End()
}

// One command after which 10,000 stops act, each resting as a limit order.
func BenchmarkActivation(b *testing.B) {
	d := newDriver(b)
	const stops = 10_000
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		d.do(ordersv1.FromAPI, ask(8, 1, 100), bid(9, 1, 100))
		for k := range int64(stops) {
			d.do(ordersv1.FromAPI, bid(1, 1, 50+k%40, conditional(typeStopLimit, 110+k*7919%stops)))
		}
		d.do(ordersv1.FromAPI, ask(8, 1, 200_000))
		b.StartTimer()
		d.do(ordersv1.FromAPI, bid(9, 1, 200_000))
		b.StopTimer()
		if d.e.Pending() || d.e.Size().LiveOrders != stops {
			b.Fatalf("%d live orders", d.e.Size().LiveOrders)
		}
		d.do(ordersv1.FromAPI, cancelAllOf(1, 0, 0))
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/stops, "ns/activation")
}

// One new high that 10,000 trailing stops follow.
func BenchmarkTrails(b *testing.B) {
	d := newDriver(b)
	const trails = 10_000
	d.do(ordersv1.FromAPI, ask(8, 1, 200_000), bid(9, 1, 200_000))
	for k := range int64(trails) {
		d.do(ordersv1.FromAPI, ask(1, 1, 0, trailing(1000+k, 0)))
	}
	price := int64(200_000)
	b.ReportAllocs()
	for b.Loop() {
		price++
		d.do(ordersv1.FromAPI, ask(8, 1, price), bid(9, 1, price))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/trails, "ns/move")
}

// The longest command of a new high that 100,000 trailing stops follow, by
// version of the behaviour.
func BenchmarkNewHigh(b *testing.B) {
	for version := uint32(FirstSemantics); version <= boundedTrails; version++ {
		b.Run(fmt.Sprint("version", version), func(b *testing.B) {
			d := newDriver(b)
			for v := d.e.Semantics() + 1; v <= version; v++ {
				d.do(ordersv1.FromAdmin, &Command{Op: OpActivate, Admin: &Admin{Semantics: v}})
			}
			d.do(ordersv1.FromAPI, ask(8, 1, 200_000), bid(9, 1, 200_000))
			for k := range int64(100_000) {
				d.do(ordersv1.FromAPI, ask(1, 1, 0, trailing(1000+k, 0)))
			}
			price, longest := int64(200_000), time.Duration(0)
			for b.Loop() {
				price++
				for _, c := range []*Command{ask(8, 1, price), bid(9, 1, price)} {
					began := time.Now()
					d.do(ordersv1.FromAPI, c)
					longest = max(longest, time.Since(began))
				}
				for d.e.Pending() {
					d.do(ordersv1.FromTick, &Command{Op: OpTick})
				}
			}
			b.ReportMetric(float64(longest.Microseconds())/1000, "longest-ms")
		})
	}
}

// The end of an auction of 100,000 orders at 2,000 prices, and a look at it.
func BenchmarkUncross(b *testing.B) {
	d := newDriver(b)
	const orders = 100_000
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		d.do(ordersv1.FromAdmin, toPhase(phaseAuction, 0, 0))
		for k := range int64(orders / 2) {
			d.do(ordersv1.FromAPI, bid(uint64(1+k%4), 1+k%5, 1000+k*7919%2000), ask(uint64(5+k%4), 1+k%5, 1000+k*104729%2000))
		}
		b.StartTimer()
		d.do(ordersv1.FromAdmin, toPhase(phaseContinuous, 0, 0))
		b.StopTimer()
		for a := range uint64(8) {
			for d.do(ordersv1.FromAPI, cancelAllOf(a+1, 0, 0)); d.e.Pending(); {
				d.do(ordersv1.FromTick, &Command{Op: OpTick})
			}
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/orders, "ns/order")
}

func BenchmarkIndicative(b *testing.B) {
	d := newDriver(b)
	d.do(ordersv1.FromAdmin, toPhase(phaseAuction, 0, 0))
	for k := range int64(50_000) {
		d.do(ordersv1.FromAPI, bid(uint64(1+k%4), 1+k%5, 1000+k*7919%2000), ask(uint64(5+k%4), 1+k%5, 1000+k*104729%2000))
	}
	b.ReportAllocs()
	for b.Loop() {
		d.e.Indicative(1)
	}
}
