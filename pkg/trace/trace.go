// Package trace follows a few requests through the services with OpenTelemetry.
// A nil Tracer follows none and costs a comparison.
//
// Between services a span's place travels as a W3C traceparent. A message that
// many requests share carries those of the first sampled ones, comma separated,
// in bus.HeaderTrace. Its answer carries the places of the spans that it became,
// so that the way back of each request is linked to what was done for it.
package trace

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"fondaco.dev/pkg/env"
)

// MaxParents is how many traceparents one message carries: a pack may hold a
// thousand commands.
const MaxParents = 8

// header is that of https://www.w3.org/TR/trace-context/.
const header = "traceparent"

// exportTimeout bounds one export, and the last one when a process stops.
const exportTimeout = 2 * time.Second

// Config says where spans go.
type Config struct {
	// Endpoint: OTEL_EXPORTER_OTLP_ENDPOINT, the base URL of an OTLP/HTTP
	// collector, such as http://127.0.0.1:4318; empty = off. What the collector
	// wants in headers is OTEL_EXPORTER_OTLP_HEADERS.
	Endpoint string
	// PerMille: FONDACO_TRACE_PERMILLE, default 10: how many of a thousand
	// requests are followed.
	PerMille int
	// FromClients: FONDACO_TRACE_FROM_CLIENTS, default false: a client's own
	// traceparent is gone on with, and says whether its request is followed.
	FromClients bool
}

// ConfigFromEnv reads the settings.
func ConfigFromEnv(r *env.Reader) Config {
	return Config{Endpoint: r.String("OTEL_EXPORTER_OTLP_ENDPOINT", ""), PerMille: r.Int("FONDACO_TRACE_PERMILLE", 10, 0, 1000),
		FromClients: r.Bool("FONDACO_TRACE_FROM_CLIENTS", false)}
}

// Tracer makes spans and sends them in the background, 5 s late at most; what
// the collector does not take is lost.
type Tracer struct {
	provider    *sdktrace.TracerProvider
	tracer      trace.Tracer
	fromClients bool
}

// Span is one step of a request.
type Span struct {
	span trace.Span
	back *back // nil = the request is not followed
}

// back is the way back of a request that another service answered.
type back struct{ span trace.Span }

type backKey struct{}

// Open makes the tracer of a service; nil without an endpoint.
func Open(ctx context.Context, cfg Config, service, version string, log *zap.Logger) (*Tracer, error) {
	if cfg.Endpoint == "" {
		return nil, nil
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(strings.TrimSuffix(cfg.Endpoint, "/")+"/v1/traces"), otlptracehttp.WithTimeout(exportTimeout))
	if err != nil {
		return nil, fmt.Errorf("preparing the export of traces (OTEL_EXPORTER_OTLP_ENDPOINT): %w", err)
	}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(&quiet{SpanExporter: exporter, log: log}),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(float64(cfg.PerMille)/1000))),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", "fondaco-"+service), attribute.String("service.version", version))),
	)
	return &Tracer{provider: provider, tracer: provider.Tracer("fondaco.dev/" + service), fromClients: cfg.FromClients}, nil
}

// Close sends what waits.
func (t *Tracer) Close() {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), exportTimeout)
	defer cancel()
	_ = t.provider.Shutdown(ctx) // quiet has said what went wrong
}

// Request begins the span of an HTTP request. t must not be nil.
func (t *Tracer) Request(r *http.Request) (context.Context, Span) {
	ctx := r.Context()
	if t.fromClients {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
	}
	ctx, span := t.tracer.Start(ctx, r.Method, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(attribute.String("http.request.method", r.Method)))
	s := Span{span: span}
	if span.SpanContext().IsSampled() {
		s.back = &back{}
		ctx = context.WithValue(ctx, backKey{}, s.back)
	}
	return ctx, s
}

// Back begins the span of the way back of the request in ctx: from when an answer
// came until the request's own is written, which Answered tells. spans is what
// the other service's Follow gave; the span is linked to the one of its request.
// Without a request that is followed it does nothing.
func (t *Tracer) Back(ctx context.Context, came time.Time, spans string) {
	if b, ok := ctx.Value(backKey{}).(*back); ok {
		b.span = t.back(ctx, came, spans)
	}
}

func (t *Tracer) back(ctx context.Context, came time.Time, spans string) trace.Span {
	options := []trace.SpanStartOption{trace.WithTimestamp(came)}
	for one := range strings.SplitSeq(spans, ",") {
		from := trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{header: one}))
		if from.IsValid() && from.TraceID() == trace.SpanContextFromContext(ctx).TraceID() {
			options = append(options, trace.WithLinks(trace.Link{SpanContext: from}))
		}
	}
	_, span := t.tracer.Start(ctx, "answer", options...)
	return span
}

// Answered ends the span of an HTTP request. An error of ours fails it.
func (s Span) Answered(route, requestID string, status int) {
	if s.back != nil && s.back.span != nil {
		s.back.span.End()
	}
	if s.span.IsRecording() {
		s.span.SetAttributes(attribute.String("http.route", route), attribute.Int("http.response.status_code", status), attribute.String("fondaco.request_id", requestID))
		if status >= http.StatusInternalServerError {
			s.span.SetStatus(codes.Error, http.StatusText(status))
		}
	}
	s.span.End()
}

// Parent is the traceparent of the span in ctx; "" when it is not followed.
func Parent(ctx context.Context) string {
	if !trace.SpanContextFromContext(ctx).IsSampled() {
		return ""
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier[header]
}

// Message begins the span of a message of a socket and gives its traceparent;
// "" and a span that does nothing when it is not followed.
func (t *Tracer) Message(op string) (parent string, s Span) {
	if t == nil {
		return "", Span{}
	}
	ctx, span := t.tracer.Start(context.Background(), op, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(attribute.String("fondaco.op", op)))
	if parent = Parent(ctx); parent == "" {
		return "", Span{}
	}
	return parent, Span{span: span}
}

// Returned begins the span of the way back of a message: from when the answer
// came. It gives what ends it. spans is as in Back.
func (t *Tracer) Returned(s Span, came time.Time, spans string) (end func()) {
	if s.span == nil {
		return func() {}
	}
	span := t.back(trace.ContextWithSpan(context.Background(), s.span), came, spans)
	return func() { span.End() }
}

// Done ends the span of a message, which an error of ours fails.
func (s Span) Done(requestID string, commands int, err error) {
	if s.span == nil {
		return
	}
	s.span.SetAttributes(attribute.String("fondaco.request_id", requestID), attribute.Int("fondaco.commands", commands))
	if err != nil {
		s.span.SetStatus(codes.Error, err.Error())
	}
	s.span.End()
}

// Follow begins a span below each of the parents that a message carries. The
// function that it gives ends them; it is nil when there are none. own is their
// places, for Back, as parents has them.
func (t *Tracer) Follow(name, parents string, attributes ...attribute.KeyValue) (end func(), own string) {
	if t == nil || parents == "" {
		return nil, ""
	}
	var spans []trace.Span
	var places []string
	for parent := range strings.SplitSeq(parents, ",") {
		ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{header: parent})
		if len(spans) == MaxParents || !trace.SpanContextFromContext(ctx).IsSampled() {
			continue
		}
		ctx, span := t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(attributes...))
		spans = append(spans, span)
		places = append(places, Parent(ctx))
	}
	return func() {
		for _, s := range spans {
			s.End()
		}
	}, strings.Join(places, ",")
}

// quiet tells of a collector that does not answer once, not at each batch.
type quiet struct {
	sdktrace.SpanExporter
	log    *zap.Logger
	failed bool // exports come one at a time
}

func (q *quiet) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := q.SpanExporter.ExportSpans(ctx, spans)
	switch {
	case err != nil && !q.failed:
		q.log.Warn("traces are lost: the collector does not take them", zap.Error(err))
	case err == nil && q.failed:
		q.log.Info("traces are taken again")
	}
	q.failed = err != nil
	return nil
}
