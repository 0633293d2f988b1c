package telemetry

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/google/go-cmp/cmp"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// A receiver is an OTLP collector that keeps what it gets.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	spans  []*tracepb.Span
	names  map[string]string // of the resource
	status int
}

func newReceiver(t *testing.T, status int) *receiver {
	r := &receiver{names: map[string]string{}, status: status}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if r.status != 200 || req.URL.Path != "/otlp/v1/traces" {
			w.WriteHeader(400)
			return
		}
		var body io.Reader = req.Body
		if req.Header.Get("Content-Encoding") == "gzip" {
			body, _ = gzip.NewReader(req.Body)
		}
		raw, _ := io.ReadAll(body)
		var msg collector.ExportTraceServiceRequest
		if err := proto.Unmarshal(raw, &msg); err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, rs := range msg.ResourceSpans {
			for _, kv := range rs.Resource.Attributes {
				r.names[kv.Key] = kv.Value.GetStringValue()
			}
			for _, ss := range rs.ScopeSpans {
				r.spans = append(r.spans, ss.Spans...)
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(r.Close)
	return r
}

func flat(kvs []*common.KeyValue) map[string]any {
	m := map[string]any{}
	for _, kv := range kvs {
		switch v := kv.Value.Value.(type) {
		case *common.AnyValue_StringValue:
			m[kv.Key] = v.StringValue
		case *common.AnyValue_IntValue:
			m[kv.Key] = v.IntValue
		case *common.AnyValue_BoolValue:
			m[kv.Key] = v.BoolValue
		}
	}
	return m
}

func newTestTracer(t *testing.T, r *receiver) *Tracer {
	t.Helper()
	cfg := Config{Traces: Traces{Endpoint: r.URL + "/otlp/"}}.WithDefaults()
	tr, err := NewTracer(cfg.Traces, "1.0", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func TestSpans(t *testing.T) {
	r := newReceiver(t, 200)
	tr := newTestTracer(t, r)
	var o gatehouse.Observer = tr

	x := refused(3, 403, "policy.forbid")
	x.Trace = gatehouse.Trace{TraceID: [16]byte{15: 1}, SpanID: [8]byte{7: 2}, Parent: [8]byte{7: 3}, Sampled: true, State: "rojo=1"}
	x.Request.Path = "/orders/jane@example.com"
	o.Observe(x)
	root := exchange()
	root.Operation, root.API = nil, nil
	root.Request.Method, root.Request.Host = "BREW", "bad\xff"
	root.Decision.Result, root.Decision.Status = gatehouse.Failed, 502
	root.Decision.Reason.Code = "upstream.refused"
	root.Trace = gatehouse.Trace{TraceID: [16]byte{15: 9}, SpanID: [8]byte{7: 8}, Sampled: true}
	o.Observe(root)
	unsampled := exchange()
	unsampled.Trace = gatehouse.Trace{TraceID: [16]byte{15: 1}, SpanID: [8]byte{7: 2}}
	o.Observe(unsampled)
	early := exchange() // refused before it had a trace
	early.Trace.Sampled = true
	o.Observe(early)
	if err := tr.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	o.Observe(x) // too late, and no harm

	if len(r.spans) != 2 || tr.Dropped() != 0 || r.names["service.name"] != "gatehouse" {
		t.Fatalf("%d spans, %d dropped, resource %v", len(r.spans), tr.Dropped(), r.names)
	}
	s := r.spans[0]
	if hex.EncodeToString(s.TraceId) != strings.Repeat("0", 31)+"1" || s.SpanId[7] != 2 || s.ParentSpanId[7] != 3 ||
		s.Name != "GET /orders/{id}" || s.Kind != tracepb.Span_SPAN_KIND_SERVER || s.TraceState != "rojo=1" {
		t.Errorf("%v", s)
	}
	start := uint64(x.Start.UnixNano())
	if s.StartTimeUnixNano != start || s.EndTimeUnixNano != start+uint64(x.Decision.Total) {
		t.Errorf("from %d to %d", s.StartTimeUnixNano, s.EndTimeUnixNano)
	}
	want := map[string]any{"http.request.method": "GET", "http.route": "/orders/{id}", "url.scheme": "https",
		"server.address": "shop.example.com", "network.protocol.version": "1.1", "http.response.status_code": int64(403),
		"error.type": "policy.forbid", "gatehouse.by": "policy", "gatehouse.result": "blocked", "gatehouse.api": "shop",
		"gatehouse.operation": "getOrder", "gatehouse.request.id": x.ID, "gatehouse.config": "c0ffee",
		"gatehouse.upstream.name": "orders", "gatehouse.upstream.took_ns": int64(2 * time.Millisecond), "gatehouse.gateway.took_ns": int64(20 * time.Microsecond)}
	if d := cmp.Diff(want, flat(s.Attributes)); d != "" {
		t.Error(d)
	}
	if len(s.Events) != 4 || s.Events[3].Name != "policy" || s.Events[3].TimeUnixNano != start+4*700 ||
		flat(s.Events[3].Attributes)["gatehouse.code"] != "policy.forbid" || flat(s.Events[3].Attributes)["gatehouse.outcome"] != "deny" {
		t.Errorf("%v", s.Events)
	}
	if strings.Contains(s.String(), "jane") {
		t.Error("the path is in the span")
	}
	if s := r.spans[1]; s.Name != "other" || flat(s.Attributes)["http.request.method"] != "_OTHER" || len(s.ParentSpanId) != 0 ||
		s.Status.GetCode() != tracepb.Status_STATUS_CODE_ERROR || flat(s.Attributes)["error.type"] != "upstream.refused" {
		t.Errorf("%v", s)
	}
}

func TestSpansDroppedAreCounted(t *testing.T) {
	r := newReceiver(t, 400)
	tr := newTestTracer(t, r)
	x := exchange()
	x.Trace = gatehouse.Trace{TraceID: [16]byte{1}, SpanID: [8]byte{1}, Sampled: true}
	for range 10 {
		tr.Observe(x)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	tr.Shutdown(ctx)
	if tr.Dropped() != 10 {
		t.Errorf("%d dropped", tr.Dropped())
	}
}

// A collector that hangs costs spans, never a request.
func TestSpansNeverBlock(t *testing.T) {
	hang := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		select {
		case <-hang:
		case <-req.Context().Done():
		}
	}))
	defer srv.Close()
	defer close(hang)
	tr, err := NewTracer(Traces{Endpoint: srv.URL}, "1", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	x := exchange()
	x.Trace = gatehouse.Trace{TraceID: [16]byte{1}, SpanID: [8]byte{1}, Sampled: true}
	x.Decision.Judgments = nil
	for range queuedSpans + 2*batchSpans {
		tr.Observe(x)
	}
	if tr.Dropped() == 0 {
		t.Error("nothing was dropped")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := tr.Shutdown(ctx); err == nil {
		t.Error("Shutdown did not tell")
	}
}

func TestNoTracer(t *testing.T) {
	if tr, err := NewTracer(Traces{}, "1", slog.Default()); tr != nil || err != nil {
		t.Errorf("%v %v", tr, err)
	}
	half := 0.5
	if r := (Traces{Sample: &half}).Ratio(); r != 0 {
		t.Errorf("%v sampled for nobody", r)
	}
	if r := (Config{Traces: Traces{Endpoint: "http://127.0.0.1:4318"}}).WithDefaults().Traces.Ratio(); r != 0.1 {
		t.Errorf("default ratio %v", r)
	}
}

func TestConfig(t *testing.T) {
	if err := (Config{}).WithDefaults().Validate(); err != nil {
		t.Error(err)
	}
	two := 2.0
	err := Config{Traces: Traces{Endpoint: "http://user:hunter2@host", Sample: &two, Service: strings.Repeat("x", 300)}}.Validate()
	for _, field := range []string{"traces.endpoint", "traces.sample", "traces.service"} {
		if err == nil || !strings.Contains(err.Error(), field+": ") {
			t.Errorf("no error at %s: %v", field, err)
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error holds a password: %v", err)
	}
	for _, e := range []string{"127.0.0.1:4318", "ftp://host", "http://", "http://h?x=1"} {
		if err := (Config{Traces: Traces{Endpoint: e}}).Validate(); err == nil {
			t.Errorf("%q passes", e)
		}
	}
	if err := (LogConfig{Level: "loud"}).Validate(); err == nil {
		t.Error("level loud passes")
	}
	if err := (LogConfig{}).WithDefaults().Validate(); err != nil {
		t.Error(err)
	}
}

func BenchmarkObserveUnsampled(b *testing.B) {
	tr := &Tracer{}
	x := exchange()
	b.ReportAllocs()
	for b.Loop() {
		tr.Observe(x)
	}
}

func BenchmarkObserveSampled(b *testing.B) {
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer srv.Close()
	tr, err := NewTracer(Traces{Endpoint: srv.URL}, "1", slog.New(slog.NewTextHandler(new(bytes.Buffer), nil)))
	if err != nil {
		b.Fatal(err)
	}
	x := exchange()
	x.Trace = gatehouse.Trace{TraceID: [16]byte{1}, SpanID: [8]byte{1}, Sampled: true}
	b.ReportAllocs()
	for b.Loop() {
		tr.Observe(x)
	}
	b.StopTimer()
	tr.Shutdown(context.Background())
}
