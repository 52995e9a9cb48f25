package journal

import (
	"context"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"fondaco.dev/pkg/bus"
	tradesv1 "fondaco.dev/proto/trades/v1"
	"fondaco.dev/services/writer/internal/partition"
)

// Only orders that the plan changes and did not make are looked up: the others
// were the whole cost of a batch of new orders.
func TestOlderOrders(t *testing.T) {
	t.Parallel()
	accepted := func(id, leg uint64) *tradesv1.Event {
		return &tradesv1.Event{Kind: &tradesv1.Event_OrderAccepted{OrderAccepted: &tradesv1.OrderAccepted{OrderId: id, Terms: &tradesv1.OrderTerms{OtherLeg: leg}}}}
	}
	rested := func(id uint64) *tradesv1.Event {
		return &tradesv1.Event{Kind: &tradesv1.Event_OrderRested{OrderRested: &tradesv1.OrderRested{OrderId: id}}}
	}
	trade := func(maker, taker uint64) *tradesv1.Event {
		return &tradesv1.Event{Kind: &tradesv1.Event_Trade{Trade: &tradesv1.Trade{MakerOrderId: maker, TakerOrderId: taker}}}
	}
	j := New("main", nil)
	j.Load(partition.Cursor{})
	seq, event := uint64(0), uint64(1)
	var prev []byte
	for _, events := range [][]*tradesv1.Event{
		{accepted(20, 0), rested(20), accepted(21, 7), trade(5, 21)},
		{trade(20, 5), rested(9), accepted(22, 20)},
	} {
		data, err := proto.Marshal(&tradesv1.Output{PrevSeq: seq, PrevDigest: prev, FirstEventSeq: event, Events: events})
		if err != nil {
			t.Fatal(err)
		}
		seq++
		m := bus.Message{Seq: seq, Data: data}
		if _, err := j.Take(context.Background(), m); err != nil {
			t.Fatal(err)
		}
		prev, event = partition.Digest(m), event+uint64(len(events))
	}
	if got, err := j.older(); err != nil || !slices.Equal(got, []int64{5, 7, 9}) {
		t.Errorf("orders to look up: %v, %v, want 5, 7 and 9", got, err)
	}
}
