package leader

import (
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	ordersv1 "fondaco.dev/proto/orders/v1"
	tradesv1 "fondaco.dev/proto/trades/v1"
	"fondaco.dev/services/orderbook/internal/recovery"
	"fondaco.dev/services/orderbook/internal/snapshot"

	"go.uber.org/zap"
)

// speedPacks makes packs of 1,000 commands: half new orders, four tenths cancels
// of the oldest, one tenth orders that take.
func speedPacks(b *testing.B, n int, now int64) [][]byte {
	b.Helper()
	out := make([][]byte, n)
	ref := uint64(0)
	for k := range out {
		p := &ordersv1.Pack{Gateway: "speed", PackNo: uint64(k + 1), SentAtMs: now + 600_000}
		for i := range ordersv1.MaxCommands {
			if i%10 >= 6 && ref > 2000 {
				p.Commands = append(p.Commands, &ordersv1.Command{Op: &ordersv1.Command_Cancel{Cancel: &ordersv1.CancelOrder{Account: 1, ClientRef: ref - 1000 - uint64(i)}}})
				continue
			}
			ref++
			side, price, tif := ordersv1.Side(1+ref%2), int64(1000+ref%50), ordersv1.TimeInForce_TIME_IN_FORCE_GTC
			if side == ordersv1.Side_SIDE_BUY {
				price = 999 - int64(ref%50)
			}
			account := uint64(1)
			if i%10 == 5 {
				account, tif, price = 2, ordersv1.TimeInForce_TIME_IN_FORCE_IOC, map[ordersv1.Side]int64{ordersv1.Side_SIDE_BUY: 1100, ordersv1.Side_SIDE_SELL: 900}[side]
			}
			p.Commands = append(p.Commands, &ordersv1.Command{Op: &ordersv1.Command_NewOrder{NewOrder: &ordersv1.NewOrder{Account: account, Market: 1, Side: side,
				Type: ordersv1.OrderType_ORDER_TYPE_LIMIT, TimeInForce: tif, PriceTicks: price, QuantityLots: 1 + int64(ref%3), ClientRef: ref}}})
		}
		data, err := proto.Marshal(p)
		if err != nil {
			b.Fatal(err)
		}
		out[k] = data
	}
	return out
}

// BenchmarkBus is packs straight onto the bus until their events are durable in
// TRADES, and the replay of the same packs from the stream.
func BenchmarkBus(b *testing.B) {
	h := newHouse(b)
	i := h.start(nil)
	i.wait()
	const packs = 1500
	data := speedPacks(b, packs, time.Now().UnixMilli())
	b.ResetTimer()
	started := time.Now()
	js := h.bus.JetStream()
	slots := make(chan struct{}, 32)
	for k, d := range data {
		slots <- struct{}{}
		ack, err := js.PublishAsync(ordersv1.Subject(venue, ordersv1.FromAPI), d)
		if err != nil {
			b.Fatal(err)
		}
		go func() {
			select {
			case <-ack.Ok():
			case err := <-ack.Err():
				panic(fmt.Sprint(k, err))
			}
			<-slots
		}()
	}
	end := h.lastSeqOnce(packs)
	for {
		m, err := h.bus.Last(h.ctx(), tradesv1.Stream, tradesv1.Subject(venue))
		if err != nil {
			b.Fatal(err)
		}
		if o, _, _ := peek(b, m.Data); o.Last && o.LastInSeq >= end {
			break
		}
	}
	took := time.Since(started)
	b.ReportMetric(packs*1000/took.Seconds(), "commands/s")
	_ = i.stop()
	src := &recovery.Source{Bus: recovery.OnBus(h.bus), Store: snapshot.New(h.bus.JetStream(), "none", ""), Venue: venue, Log: zap.NewNop()}
	started = time.Now()
	st, err := src.Run(h.ctx())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(st.Replayed)*1000/time.Since(started).Seconds(), "replayed/s")
	started = time.Now()
	if _, err := src.Verify(h.ctx(), func(recovery.Verdict) {}); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(st.Replayed)*1000/time.Since(started).Seconds(), "verified/s")
}

// lastSeqOnce waits until ORDERS has n packs more than the setup's few.
func (h *house) lastSeqOnce(n uint64) uint64 {
	for {
		if last := h.lastSeq(); last >= n {
			return last
		}
	}
}
