package trade

import (
	"testing"

	"google.golang.org/protobuf/proto"

	tradesv1 "fondaco.dev/proto/trades/v1"
)

// BenchmarkApply is what reading and applying the events of a new order that rests
// takes; ns/order and allocs/order beside it by trades.v1's own decoding.
func BenchmarkApply(b *testing.B) {
	const orders = 1000
	out := &tradesv1.Output{FirstEventSeq: 1}
	for id := range uint64(orders) {
		out.Events = append(out.Events,
			&tradesv1.Event{Kind: &tradesv1.Event_OrderAccepted{OrderAccepted: &tradesv1.OrderAccepted{OrderId: id + 1, Account: 1, PriceTicks: 3, QuantityLots: 4, Reserved: 5, Market: 1,
				Kind: 1, AtMs: 1, ClientRef: id + 1}}},
			&tradesv1.Event{Kind: &tradesv1.Event_OrderRested{OrderRested: &tradesv1.OrderRested{OrderId: id + 1, RemainingLots: 4, VisibleLots: 4}}})
	}
	data, err := proto.Marshal(out)
	if err != nil {
		b.Fatal(err)
	}
	apply := func(b *testing.B, c *Changes, seq uint64, e *tradesv1.Event, err error) {
		if err == nil {
			err = c.Apply(seq, e)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	fresh := func() *Changes { return NewChanges(make(map[uint64]*Order, orders)) }
	run := func(name string, do func(b *testing.B)) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				do(b)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/orders, "ns/order")
		})
	}
	r := NewReader()
	run("reader", func(b *testing.B) {
		c := fresh()
		o, err := ReadOutput(data)
		if err != nil {
			b.Fatal(err)
		}
		for seq, raw := range o.Events() {
			e, err := r.Read(raw)
			apply(b, c, seq, e, err)
		}
	})
	run("trades.v1", func(b *testing.B) {
		c := fresh()
		var o tradesv1.Output
		if err := proto.Unmarshal(data, &o); err != nil {
			b.Fatal(err)
		}
		for k, e := range o.GetEvents() {
			apply(b, c, o.GetFirstEventSeq()+uint64(k), e, nil)
		}
	})
}
