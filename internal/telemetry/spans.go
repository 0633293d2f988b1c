package telemetry

import (
	"context"
	"log/slog"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// A Tracer makes spans of the sampled exchanges and sends them to a collector. It
// implements [gatehouse.Observer].
type Tracer struct {
	tracer   trace.Tracer
	provider *sdktrace.TracerProvider
	queue    *spanQueue
}

// NewTracer returns a Tracer for t, which has an endpoint, or nil where it has
// none. It does not connect yet: a collector may come later.
func NewTracer(t Traces, version string, log *slog.Logger) (*Tracer, error) {
	if t.Endpoint == "" {
		return nil, nil
	}
	u, err := url.Parse(t.Endpoint)
	if err != nil {
		return nil, &gatehouse.Error{Code: "telemetry.endpoint", Message: "not the base URL of a collector", Err: err}
	}
	u.Path = path.Join("/", u.Path, "v1/traces") // the base URL of the OTLP specification
	exporter, err := otlptracehttp.New(context.Background(), otlptracehttp.WithEndpointURL(u.String()),
		otlptracehttp.WithTimeout(exportTimeout))
	if err != nil {
		return nil, &gatehouse.Error{Code: "telemetry.exporter", Message: "no exporter for traces", Err: err}
	}
	queue := newSpanQueue(exporter, log)
	limits := sdktrace.NewSpanLimits()
	limits.AttributeValueLengthLimit = 256
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithSpanProcessor(queue),
		sdktrace.WithSampler(sdktrace.AlwaysSample()), // the choice was made at the head
		sdktrace.WithIDGenerator(decidedIDs{}),
		sdktrace.WithRawSpanLimits(limits),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", t.Service),
			attribute.String("service.version", version))))
	return &Tracer{tracer: provider.Tracer("github.com/gatehouse/gatehouse", trace.WithInstrumentationVersion(version)),
		provider: provider, queue: queue}, nil
}

// Dropped returns the number of spans that were lost: the queue was full, or the
// collector did not take them.
func (t *Tracer) Dropped() int64 { return t.queue.dropped.Load() }

// Shutdown sends what waits and ends the export, within ctx.
func (t *Tracer) Shutdown(ctx context.Context) error { return t.provider.Shutdown(ctx) }

// decidedIDs gives a span the ids that its exchange has had since its start: the
// upstream got them in its traceparent.
type decidedIDs struct{}

type idsKey struct{}

func (decidedIDs) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	t := ctx.Value(idsKey{}).(*gatehouse.Trace)
	return t.TraceID, t.SpanID
}

func (decidedIDs) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	return ctx.Value(idsKey{}).(*gatehouse.Trace).SpanID
}

// Observe makes the span of a sampled exchange; for the others it costs nothing.
// Attributes follow OpenTelemetry's conventions for HTTP server spans. The path
// itself is left out: it may hold personal data.
func (t *Tracer) Observe(x *gatehouse.Exchange) {
	if !x.Trace.Sampled || x.Trace.TraceID == ([16]byte{}) {
		return
	}
	ids := gatehouse.Trace{TraceID: x.Trace.TraceID, SpanID: x.Trace.SpanID}
	ctx := context.WithValue(context.Background(), idsKey{}, &ids)
	if x.Trace.Parent != ([8]byte{}) {
		state, _ := trace.ParseTraceState(strings.Clone(x.Trace.State))
		ctx = trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: x.Trace.TraceID, SpanID: x.Trace.Parent, TraceFlags: trace.FlagsSampled, TraceState: state, Remote: true}))
	}
	d := &x.Decision
	name := x.Endpoint()
	if x.Operation == nil {
		name = methods[methodIndex(x.Request.Method)]
	}
	_, span := t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(x.Start),
		trace.WithAttributes(attributes(x)...))
	at := x.Start
	for i := range d.Judgments {
		j := &d.Judgments[i]
		at = at.Add(j.Took) // they fall one after the other
		span.AddEvent(label(j.Control), trace.WithTimestamp(at), trace.WithAttributes(judgment(j)...))
	}
	if d.Status >= 500 || d.Result == gatehouse.Failed || d.Aborted {
		span.SetStatus(codes.Error, label(d.Reason.Code))
	}
	span.End(trace.WithTimestamp(x.Start.Add(d.Total)))
}

// attributes copies every string: a substring would pin its message's head.
func attributes(x *gatehouse.Exchange) []attribute.KeyValue {
	d := &x.Decision
	method := methods[methodIndex(x.Request.Method)]
	if method == other {
		method = "_OTHER" // the conventions' word for a method nobody knows
	}
	kv := make([]attribute.KeyValue, 0, 20)
	kv = append(kv,
		attribute.String("http.request.method", method),
		attribute.String("gatehouse.request.id", label(x.ID)),
		attribute.String("gatehouse.result", d.Result.String()),
		attribute.String("gatehouse.config", label(d.ConfigHash)))
	text := func(key, value string) {
		if value != "" {
			kv = append(kv, attribute.String(key, label(value)))
		}
	}
	number := func(key string, value int64) {
		if value != 0 {
			kv = append(kv, attribute.Int64(key, value))
		}
	}
	text("url.scheme", x.Request.Scheme)
	text("server.address", x.Request.Host)
	_, version, _ := strings.Cut(x.Request.Proto, "/")
	text("network.protocol.version", strings.TrimSuffix(version, ".0"))
	if x.Operation != nil {
		_, route, _ := strings.Cut(x.Operation.Endpoint, " ")
		text("http.route", route)
		text("gatehouse.operation", x.Operation.ID)
	}
	if x.API != nil {
		text("gatehouse.api", x.API.Name)
	}
	number("http.response.status_code", int64(d.Status))
	number("http.response.body.size", x.Response.Bytes)
	if d.Result != gatehouse.Answered && d.Result != gatehouse.Local || d.Aborted {
		text("error.type", d.Reason.Code)
	}
	text("gatehouse.by", d.By)
	text("gatehouse.upstream.name", d.Upstream.Name)
	text("gatehouse.upstream.address", d.Upstream.Addr)
	number("gatehouse.upstream.attempts", int64(d.Upstream.Attempts))
	number("gatehouse.upstream.took_ns", int64(d.Upstream.Took))
	number("gatehouse.gateway.took_ns", int64(d.Gateway))
	return kv
}

func judgment(j *gatehouse.Judgment) []attribute.KeyValue {
	kv := []attribute.KeyValue{
		attribute.String("gatehouse.step", j.Step.String()),
		attribute.String("gatehouse.mode", j.Mode.String()),
		attribute.String("gatehouse.outcome", j.Verdict.Outcome.String()),
		attribute.Int64("gatehouse.took_ns", int64(j.Took)),
	}
	if j.Verdict.Reason.Code != "" {
		kv = append(kv, attribute.String("gatehouse.code", label(j.Verdict.Reason.Code)))
	}
	if j.WouldBlock {
		kv = append(kv, attribute.Bool("gatehouse.would_block", true))
	}
	return kv
}

// exportTimeout bounds one attempt to send a batch.
const exportTimeout = 5 * time.Second
