package orderbook

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/bustest"
	"fondaco.dev/pkg/trace"
	"fondaco.dev/pkg/trace/tracetest"
	"fondaco.dev/pkg/zlog/zlogtest"
	"fondaco.dev/proto/config"
	ordersv1 "fondaco.dev/proto/orders/v1"
)

// TestTrace: a pack that carries a request's trace is a span of it, and its
// answer says which.
func TestTrace(t *testing.T) {
	t.Parallel()
	in, srv := tracetest.Start(t), bustest.Start(t)
	provision(t, srv)
	file, err := config.Parse([]byte(yaml), "fondaco.yaml")
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	ctx, cancel := context.WithCancel(t.Context())
	p := &process{t: t, admin: addr, cancel: cancel, done: make(chan error, 1)}
	cfg := Config{File: file, Bus: bus.Config{URL: srv.URL, Name: "orderbook"}, AdminAddr: addr, SnapshotPacks: 1000, SnapshotEvery: time.Second,
		Trace: trace.Config{Endpoint: in.URL}}
	go func() { p.done <- Run(ctx, cfg, zlogtest.Test(t)) }()
	t.Cleanup(cancel)
	p.ready(`"ready"`)
	b := srv.Bus(t)
	answers, err := b.Conn().SubscribeSync(ordersv1.ReplySubject("g"))
	if err != nil {
		t.Fatal(err)
	}
	data, err := proto.Marshal(&ordersv1.Pack{Gateway: "g", PackNo: 1, SentAtMs: time.Now().UnixMilli(), Commands: []*ordersv1.Command{
		{Op: &ordersv1.Command_Cancel{Cancel: &ordersv1.CancelOrder{Account: 1, OrderId: 1}}}}})
	if err != nil {
		t.Fatal(err)
	}
	h := nats.Header{bus.HeaderTrace: {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}}
	if _, err := b.PublishOnce(ctx, ordersv1.Subject("main", ordersv1.FromAPI), ordersv1.MsgID("g", 1), data, h); err != nil {
		t.Fatal(err)
	}
	answer, err := answers.NextMsg(10 * time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	spans := in.Spans()
	if len(spans) != 1 || spans[0].TraceID != "0af7651916cd43dd8448eb211c80319c" || spans[0].ParentID != "b7ad6b7169203331" || spans[0].Service != "fondaco-orderbook" {
		t.Fatalf("%+v", spans)
	}
	if got, want := answer.Header.Get(bus.HeaderTrace), "00-"+spans[0].TraceID+"-"+spans[0].ID+"-01"; got != want {
		t.Errorf("the answer carries %q, want %q", got, want)
	}
}
