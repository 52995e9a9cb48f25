package core

import (
	"fmt"
	"testing"

	ordersv1 "fondaco.dev/proto/orders/v1"
)

// steady prepares packs that keep a book of about 2,000 orders at its size:
// per ten commands five new orders, four cancels, one that trades.
func steady(packs int) (*Engine, []Input) {
	e := New()
	e.maxDead = 2000
	var out Batch
	for _, in := range tape(0) {
		e.Apply(in, &out, nil)
	}
	in := make([]Input, packs)
	order := uint64(0)
	var resting []uint64
	for i := range in {
		p := &ordersv1.Pack{Gateway: "api", PackNo: uint64(i + 1), SentAtMs: base + int64(i)}
		for k := range 5 {
			order++
			price := int64(50 + (i+k*7)%40)
			p.Commands = append(p.Commands, limit(1+order%2, buy, gtc, 1, price, fmt.Sprint("c", order)))
			resting = append(resting, order)
		}
		for range 4 {
			if len(resting) > 2000 {
				id := resting[0]
				resting = resting[1:]
				p.Commands = append(p.Commands, cancelID(1+id%2, id))
			}
		}
		order++
		p.Commands = append(p.Commands, limit(3, sell, ioc, 1, 50, fmt.Sprint("t", order)))
		in[i] = Input{Seq: uint64(i + 10), From: "api", ServerMs: base + int64(i), Pack: p}
	}
	return e, in
}

// TestSteadyStateAllocates nothing: slabs, levels, buffers and maps are reused.
func TestSteadyStateAllocates(t *testing.T) {
	e, in := steady(6000)
	var out Batch
	var reply Reply
	i := 0
	apply := func() {
		out.Reset()
		e.Apply(in[i], &out, &reply)
		i++
	}
	for range 3000 {
		apply()
	}
	if n := testing.AllocsPerRun(2000, apply); n != 0 {
		t.Errorf("%.2f allocations a pack of ten commands", n)
	}
	if err := e.Audit(); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkSteady is the mix of a busy book, accounts, encoding and answers
// included; it prints the time of one command.
func BenchmarkSteady(b *testing.B) {
	const packs = 200_000
	e, in := steady(packs)
	var out Batch
	var reply Reply
	for i := range 2000 {
		out.Reset()
		e.Apply(in[i], &out, &reply)
	}
	commands, i := 0, 2000
	b.ReportAllocs()
	b.ResetTimer()
	for commands < b.N {
		if i == packs {
			b.StopTimer()
			e, in = steady(packs)
			i = 0
			b.StartTimer()
		}
		out.Reset()
		commands += e.Apply(in[i], &out, &reply).Commands
		i++
	}
}
