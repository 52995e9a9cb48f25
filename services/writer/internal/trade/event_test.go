package trade

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
)

// samples are events of the usual kinds with every field set, and of others.
func samples() []*tradesv1.Event {
	return []*tradesv1.Event{
		{Kind: &tradesv1.Event_OrderAccepted{OrderAccepted: &tradesv1.OrderAccepted{OrderId: 1, Account: 2, PriceTicks: 3, QuantityLots: 4, Reserved: 5, Market: 6, Kind: 7, AtMs: 8,
			ClientRef: 1<<64 - 1, ClientOrderId: "näme"}}},
		{Kind: &tradesv1.Event_OrderAccepted{OrderAccepted: &tradesv1.OrderAccepted{OrderId: 1, Terms: &tradesv1.OrderTerms{OtherLeg: 9, PostOnly: true}}}},
		{Kind: &tradesv1.Event_OrderRested{OrderRested: &tradesv1.OrderRested{OrderId: 1, RemainingLots: 2, VisibleLots: 3}}},
		{Kind: &tradesv1.Event_OrderCanceled{OrderCanceled: &tradesv1.OrderCanceled{OrderId: 1, RemainingLots: 2, AtMs: 3, Reason: 4}}},
		{Kind: &tradesv1.Event_BalanceChanged{BalanceChanged: &tradesv1.BalanceChanged{Account: 1, Available: 2, Reserved: 3, Asset: 4}}},
		{Kind: &tradesv1.Event_Trade{Trade: &tradesv1.Trade{TradeId: 1, PriceTicks: 2, QuantityLots: 3, MakerOrderId: 4, TakerOrderId: 5, MakerAccount: 6, TakerAccount: 7, MakerFee: 8,
			TakerFee: 9, AtMs: 10, Market: 11, TakerSide: 12}}},
		{Kind: &tradesv1.Event_Trade{Trade: &tradesv1.Trade{TradeId: 1, Auction: true}}},
		{Kind: &tradesv1.Event_PackApplied{PackApplied: &tradesv1.PackApplied{InSeq: 1, Gateway: "g"}}},
		{Kind: &tradesv1.Event_OrderRejected{OrderRejected: &tradesv1.OrderRejected{OrderId: 3, Order: &ordersv1.NewOrder{Account: 1}}}},
		{Kind: &tradesv1.Event_OrderRested{OrderRested: &tradesv1.OrderRested{}}},
		{},
	}
}

// FuzzEvent: a Reader, whatever it read before, says what trades.v1 says.
func FuzzEvent(f *testing.F) {
	for _, e := range samples() {
		data, err := proto.Marshal(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(append(data[:len(data):len(data)], data...)) // two kinds: the later one counts
		f.Add(append(data[:len(data):len(data)], 0xf8, 1, 7))
		f.Add(data[:max(0, len(data)-1)])
	}
	f.Add([]byte{0x2a, 3, 0x52, 1, 0xff}) // a text that is none
	used := NewReader()
	for _, e := range samples() {
		data, _ := proto.Marshal(e)
		if _, err := used.Read(data); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var want tradesv1.Event
		wrong := proto.Unmarshal(data, &want)
		for _, r := range []*Reader{NewReader(), used} {
			got, err := r.Read(data)
			if (err != nil) != (wrong != nil) {
				t.Fatalf("%x: %v, trades.v1 says %v", data, err, wrong)
			}
			if err == nil && !proto.Equal(dropUnknown(got), dropUnknown(&want)) {
				t.Fatalf("%x:\n got %v\nwant %v", data, got, &want)
			}
		}
	})
}

// dropUnknown is the event without what trades.v1 does not know.
func dropUnknown(e *tradesv1.Event) *tradesv1.Event {
	e = proto.CloneOf(e)
	e.ProtoReflect().SetUnknown(nil)
	return e
}

// FuzzOutput: a message is read as trades.v1 reads it.
func FuzzOutput(f *testing.F) {
	data, err := proto.Marshal(&tradesv1.Output{FirstInSeq: 1, LastInSeq: 2, Part: 3, Last: true, FirstEventSeq: 5, Events: samples(), Digest: []byte{7}, PrevSeq: 8, PrevDigest: []byte{9},
		Semantics: 10})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:len(data)-5])
	f.Add([]byte{})
	f.Add([]byte{0x08, 1, 0x08, 2, 0x0a, 1, 1}) // the second counts; a known number of another type does not
	f.Add([]byte{0x00, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		var want tradesv1.Output
		if proto.Unmarshal(data, &want) != nil {
			return // which of its events is broken is found when that is read
		}
		got, err := ReadOutput(data)
		if err != nil {
			t.Fatalf("%x: %v", data, err)
		}
		if got.FirstInSeq != want.GetFirstInSeq() || got.LastInSeq != want.GetLastInSeq() || got.Part != want.GetPart() || got.Last != want.GetLast() ||
			got.FirstEventSeq != want.GetFirstEventSeq() || got.PrevSeq != want.GetPrevSeq() || !slices.Equal(got.PrevDigest, want.GetPrevDigest()) || got.Count != len(want.GetEvents()) {
			t.Fatalf("%x:\n got %+v\nwant %v", data, got, &want)
		}
		r, k := NewReader(), 0
		for seq, raw := range got.Events() {
			e, err := r.Read(raw)
			if err != nil || seq != want.GetFirstEventSeq()+uint64(k) || !proto.Equal(dropUnknown(e), dropUnknown(want.GetEvents()[k])) {
				t.Fatalf("%x: event %d is %v, %v, want %v", data, seq, e, err, want.GetEvents()[k])
			}
			k++
		}
		if k != got.Count {
			t.Fatalf("%x: %d events of %d", data, k, got.Count)
		}
	})
}
