package api_test

import (
	"strings"
	"testing"

	"go.uber.org/zap"

	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/trace"
	"fondaco.dev/pkg/trace/tracetest"
	ordersv1 "fondaco.dev/proto/orders/v1"
)

// TestTraceOfASocketOrder: so do orders of a socket, one span a message.
func TestTraceOfASocketOrder(t *testing.T) {
	t.Parallel()
	in := tracetest.Start(t)
	a := newApp(t)
	a.env["OTEL_EXPORTER_OTLP_ENDPOINT"], a.env["FONDACO_TRACE_PERMILLE"] = in.URL, "1000"
	startEngine(t, a)
	a.start()
	a.ready()
	c := a.dial("/v1/ws", bearer("alice-token")...)
	c.send(`{"op":"order.batch","id":1,"data":[{"op":"place","symbol":"WINE18-USD","side":"buy","price":"1","quantity":"2"},` +
		`{"op":"place","symbol":"WINE18-USD","side":"buy","price":"2","quantity":"2"}]}`)
	c.want("result")
	m, err := a.nats.Bus(t).Last(t.Context(), ordersv1.Stream, ordersv1.Subject("main", ordersv1.FromAPI))
	if err != nil || m == nil {
		t.Fatal(m, err)
	}
	a.stop()
	back := ""
	for _, s := range in.Spans() {
		if s.Name == "answer" {
			back = s.ParentID // exported first: it ends inside the message
		}
		if s.Attributes["fondaco.op"] == "order.batch" {
			if back != s.ID {
				t.Errorf("the way back is of %q, the span is %+v", back, s)
			}
			if want := "00-" + s.TraceID + "-" + s.ID + "-01"; m.Header.Get(bus.HeaderTrace) != want || s.Attributes["fondaco.request_id"] == "" {
				t.Errorf("the pack carries %v, the span is %+v", m.Header, s)
			}
			return
		}
	}
	t.Error("the message has no span")
}

// TestTraceOfAnOrder: the pack that holds a followed request says so, and the
// order book's span is part of the request's trace.
func TestTraceOfAnOrder(t *testing.T) {
	t.Parallel()
	in := tracetest.Start(t)
	a := newApp(t)
	a.env["OTEL_EXPORTER_OTLP_ENDPOINT"], a.env["FONDACO_TRACE_PERMILLE"] = in.URL, "1000"
	startEngine(t, a)
	a.start()
	a.ready()
	code, body, h := a.do("POST", "/v1/orders", `{"symbol":"WINE18-USD","side":"buy","price":"1","quantity":"2"}`, bearer("alice-token")...)
	if code != 200 {
		t.Fatalf("%d %s", code, body)
	}
	b := a.nats.Bus(t)
	m, err := b.Last(t.Context(), ordersv1.Stream, ordersv1.Subject("main", ordersv1.FromAPI))
	if err != nil || m == nil {
		t.Fatal(m, err)
	}
	book, err := trace.Open(t.Context(), trace.Config{Endpoint: in.URL}, "orderbook", "", zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	end, _ := book.Follow("apply pack", m.Header.Get(bus.HeaderTrace))
	if end == nil {
		t.Fatalf("the pack carries no trace: %v", m.Header)
	}
	end()
	book.Close()
	a.stop()
	var request, pack, back tracetest.Span
	for _, s := range in.Spans() {
		switch {
		case s.Service == "fondaco-api" && s.Attributes["fondaco.request_id"] == h.Get("X-Request-Id"):
			request = s
		case s.Service == "fondaco-orderbook":
			pack = s
		case s.Name == "answer":
			back = s
		}
	}
	if back.ParentID != request.ID || back.TraceID != request.TraceID || back.Begin.Before(request.Begin) || back.End.After(request.End) {
		t.Errorf("request %+v\nits way back %+v", request, back)
	}
	if request.TraceID == "" || pack.TraceID != request.TraceID || pack.ParentID != request.ID || request.Attributes["http.route"] != "/v1/orders" {
		t.Errorf("request %+v\npack %+v", request, pack)
	}
	if strings.Contains(strings.Join(m.Header.Values(bus.HeaderTrace), ""), ",") {
		t.Errorf("more than one: %v", m.Header)
	}
}
