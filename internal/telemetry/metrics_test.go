package telemetry

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
)

var testOp = &gatehouse.Operation{API: &gatehouse.API{Name: "shop"}, ID: "getOrder", Endpoint: "GET /orders/{id}"}

// exchange returns an allowed GET as gateway leaves it behind.
func exchange() *gatehouse.Exchange {
	x := &gatehouse.Exchange{ID: "01JD4XQ7ZK9M2N3P4R5S6T7V8W", Start: time.Date(2026, 11, 21, 18, 0, 0, 0, time.UTC),
		Peer:     gatehouse.Peer{Addr: netip.MustParseAddr("192.0.2.7")},
		Request:  gatehouse.Request{Proto: "HTTP/1.1", Method: "GET", Scheme: "https", Host: "shop.example.com", Path: "/orders/41"},
		Response: gatehouse.Response{Status: 200, Bytes: 512},
		API:      testOp.API, Operation: testOp,
		Credential: gatehouse.Credential{Method: gatehouse.MethodJWT},
		Principal:  &gatehouse.Principal{Subject: "alice", ClientID: "web", Method: gatehouse.MethodJWT},
		Decision: gatehouse.Decision{Result: gatehouse.Answered, Status: 200, ConfigHash: "c0ffee", Total: 3 * time.Millisecond,
			Gateway: 20 * time.Microsecond, Upstream: gatehouse.UpstreamReport{Name: "orders", Took: 2 * time.Millisecond, Status: 200}},
	}
	for _, c := range []struct {
		name string
		step gatehouse.Step
	}{{"limits.address", gatehouse.StepAdmit}, {"authn", gatehouse.StepIdentify}, {"limits.caller", gatehouse.StepJudgeHead},
		{"policy", gatehouse.StepJudgeHead}, {"limits.concurrency", gatehouse.StepForward}} {
		x.Decision.Judge(gatehouse.Judgment{Control: c.name, Step: c.step, Mode: gatehouse.Enforce,
			Verdict: gatehouse.Passed(), Took: 700 * time.Nanosecond})
	}
	return x
}

// refused returns an exchange that judgment i ended.
func refused(i, status int, code string) *gatehouse.Exchange {
	x := exchange()
	d := &x.Decision
	d.Judgments = d.Judgments[:i+1]
	d.Judgments[i].Verdict = gatehouse.Denied(status, gatehouse.Reason{Code: code})
	d.Result, d.Status, d.By, d.Reason = gatehouse.Blocked, status, d.Judgments[i].Control, d.Judgments[i].Verdict.Reason
	if i <= 1 {
		x.Principal = gatehouse.Anonymous
	}
	x.Response = gatehouse.Response{Status: status}
	return x
}

func gather(t testing.TB, reg *prometheus.Registry) map[string][]*dto.Metric {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string][]*dto.Metric)
	for _, f := range families {
		got[f.GetName()] = f.GetMetric()
	}
	return got
}

// The names and labels that dashboards and alerts of the issue rely on.
func TestNamesLabelsAndCounts(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	m := NewMetrics(reg, Options{Version: "1.0", Revision: "abc"})
	var o gatehouse.Observer = m
	for range 3 {
		o.Observe(exchange())
	}
	o.Observe(refused(1, 401, "token.expired"))
	o.Observe(refused(2, 429, "limit.client"))
	missing := refused(3, 401, "policy.default_deny") // nobody came, and somebody was wanted
	missing.Principal, missing.Credential = gatehouse.Anonymous, gatehouse.Credential{}
	o.Observe(missing)
	slow := exchange()
	slow.Decision.Total, slow.Decision.Status = 11*time.Second, 500
	o.Observe(slow)
	stream := exchange()
	stream.Response.Streaming, stream.Decision.Total = true, time.Hour
	o.Observe(stream)
	smuggled := &gatehouse.Exchange{Request: gatehouse.Request{Method: "BREW"}}
	smuggled.Decision = gatehouse.Decision{Result: gatehouse.Refused, Status: 400, By: "normalise", Reason: gatehouse.Reason{Code: "message.two_lengths"}}
	o.Observe(smuggled)
	unknown := &gatehouse.Exchange{Request: gatehouse.Request{Method: "GET"}}
	unknown.Decision = gatehouse.Decision{Result: gatehouse.Refused, Status: 404, By: "match", Reason: gatehouse.Reason{Code: "match.no_api"}}
	o.Observe(unknown)
	monitored := exchange()
	monitored.Decision.Judgments[2].Mode = gatehouse.Monitor
	monitored.Decision.Judgments[2].Verdict = gatehouse.Denied(429, gatehouse.Reason{Code: "limit.client"})
	monitored.Decision.Judgments[2].WouldBlock = true
	o.Observe(monitored)

	const want = `
# HELP api_auth_failures_total Credentials refused, and calls refused for want of one.
# TYPE api_auth_failures_total counter
api_auth_failures_total{client_id="anonymous",endpoint="GET /orders/{id}",failure_reason="policy.default_deny"} 1
api_auth_failures_total{client_id="anonymous",endpoint="GET /orders/{id}",failure_reason="token.expired"} 1
# HELP api_data_export_bytes Body bytes of answers given to clients.
# TYPE api_data_export_bytes counter
api_data_export_bytes{client_id="web",endpoint="GET /orders/{id}"} 3072
# HELP api_rate_limit_hits_total Calls over a limit, by the network they came from.
# TYPE api_rate_limit_hits_total counter
api_rate_limit_hits_total{client_ip="192.0.2.0/24",endpoint="GET /orders/{id}",limit_type="client"} 2
# HELP api_requests_total Requests, by how they ended.
# TYPE api_requests_total counter
api_requests_total{endpoint="GET /orders/{id}",method="GET",status="blocked"} 3
api_requests_total{endpoint="GET /orders/{id}",method="GET",status="server_error"} 1
api_requests_total{endpoint="GET /orders/{id}",method="GET",status="success"} 5
api_requests_total{endpoint="unmatched",method="GET",status="client_error"} 1
api_requests_total{endpoint="unmatched",method="other",status="client_error"} 1
# HELP api_suspicious_requests_total Requests that a detection rule noticed.
# TYPE api_suspicious_requests_total counter
api_suspicious_requests_total{detection_rule="message.two_lengths",endpoint="unmatched",severity="high"} 1
api_suspicious_requests_total{detection_rule="slow_response",endpoint="GET /orders/{id}",severity="medium"} 1
# HELP gatehouse_control_verdicts_total Verdicts of a control.
# TYPE gatehouse_control_verdicts_total counter
gatehouse_control_verdicts_total{control="authn",mode="enforce",outcome="deny"} 1
gatehouse_control_verdicts_total{control="authn",mode="enforce",outcome="pass"} 8
gatehouse_control_verdicts_total{control="limits.address",mode="enforce",outcome="pass"} 9
gatehouse_control_verdicts_total{control="limits.caller",mode="enforce",outcome="deny"} 1
gatehouse_control_verdicts_total{control="limits.caller",mode="enforce",outcome="pass"} 6
gatehouse_control_verdicts_total{control="limits.caller",mode="monitor",outcome="deny"} 1
gatehouse_control_verdicts_total{control="limits.concurrency",mode="enforce",outcome="pass"} 6
gatehouse_control_verdicts_total{control="policy",mode="enforce",outcome="deny"} 1
gatehouse_control_verdicts_total{control="policy",mode="enforce",outcome="pass"} 6
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "api_auth_failures_total", "api_data_export_bytes",
		"api_rate_limit_hits_total", "api_requests_total", "api_suspicious_requests_total", "gatehouse_control_verdicts_total"); err != nil {
		t.Error(err)
	}
	got := gather(t, reg)
	for _, h := range []struct {
		name    string
		buckets []float64
		labels  []string
		count   uint64
	}{
		{"api_request_duration_seconds", []float64{0.1, 0.3, 0.5, 0.7, 1, 3, 5, 7, 10}, []string{"endpoint", "method", "status_code"}, 11},
		{"api_token_validation_duration_seconds", []float64{0.000001, 0.001, 0.01, 0.1, 0.3, 0.5, 1}, nil, 8},
		{"gatehouse_control_duration_seconds", []float64{0.000001, 0.001}, []string{"control"}, 9 + 9 + 8 + 7 + 6},
	} {
		var count uint64
		for _, metric := range got[h.name] {
			count += metric.GetHistogram().GetSampleCount()
			have := map[float64]bool{}
			for _, b := range metric.GetHistogram().GetBucket() {
				have[b.GetUpperBound()] = true
			}
			for _, b := range h.buckets {
				if !have[b] {
					t.Errorf("%s has no bucket %v", h.name, b)
				}
			}
			var names []string
			for _, l := range metric.GetLabel() {
				names = append(names, l.GetName())
			}
			if fmt.Sprint(names) != fmt.Sprint(h.labels) {
				t.Errorf("%s has labels %v", h.name, names)
			}
		}
		if count != h.count {
			t.Errorf("%s counted %d, want %d", h.name, count, h.count)
		}
	}
	if len(got["gatehouse_build_info"]) != 1 || len(got["go_goroutines"]) != 1 {
		t.Error("no build info or no runtime metrics")
	}
}

// The histogram counts as client_golang's does.
func TestHistogramAgreesWithPrometheus(t *testing.T) {
	v := newHistogramVec("ours", "Help.", requestBuckets, "a", "b")
	h := v.with(4, "x", "y")
	theirs := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "theirs", Help: "Help.", Buckets: requestBuckets})
	d := time.Duration(1)
	for i := range 200 {
		h.observe(uint(i), d)
		theirs.Observe(d.Seconds())
		if i%20 == 0 { // on the bounds, too
			b := requestBuckets[i/20]
			h.observe(uint(i), time.Duration(b*1e9+0.5))
			theirs.Observe(b)
		}
		d = d*9/8 + 1
	}
	h.observe(0, -1) // a clock that went back
	theirs.Observe(0)
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(v, theirs)
	got := gather(t, reg)
	a, b := got["ours"][0].GetHistogram(), got["theirs"][0].GetHistogram()
	if a.GetSampleCount() != b.GetSampleCount() || a.GetSampleSum()/b.GetSampleSum() < 0.999999 || a.GetSampleSum()/b.GetSampleSum() > 1.000001 {
		t.Errorf("%d %v, want %d %v", a.GetSampleCount(), a.GetSampleSum(), b.GetSampleCount(), b.GetSampleSum())
	}
	for i := range a.GetBucket() {
		if a.GetBucket()[i].GetCumulativeCount() != b.GetBucket()[i].GetCumulativeCount() {
			t.Errorf("bucket %v: %d, want %d", a.GetBucket()[i].GetUpperBound(), a.GetBucket()[i].GetCumulativeCount(),
				b.GetBucket()[i].GetCumulativeCount())
		}
	}
}

// Whatever strangers send, the number of series stays bounded.
func TestCardinalityIsBounded(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	m := NewMetrics(reg, Options{Clients: 5, Networks: 5, Endpoints: 20, Series: 30})
	for i := range 600 {
		op := &gatehouse.Operation{Endpoint: fmt.Sprintf("GET /%d", i%40)}
		for _, x := range []*gatehouse.Exchange{exchange(), refused(2, 429, fmt.Sprintf("limit.%d", i)), refused(1, 401, "c\xff"+fmt.Sprint(i))} {
			x.Operation = op
			x.Request.Method = fmt.Sprintf("M%d", i)
			x.Principal = &gatehouse.Principal{Method: gatehouse.MethodJWT, ClientID: strings.Repeat("\xff", 200) + fmt.Sprint(i)}
			x.Peer.Addr = netip.AddrFrom4([4]byte{10, byte(i >> 4), byte(i), 1})
			if x.Decision.Result == gatehouse.Answered {
				x.Decision.Status = i
			}
			x.Decision.Judgments[0].Control = fmt.Sprint("control", i)
			m.Observe(x)
		}
	}
	got := gather(t, reg)
	for name, limit := range map[string]int{
		"api_requests_total": 21 * 4, "api_request_duration_seconds": 21 * 80,
		"api_auth_failures_total": 30 + 21*258, "api_rate_limit_hits_total": 30 + 21*258, "api_data_export_bytes": 30 + 21,
		"gatehouse_control_duration_seconds": maxControls + 1,
	} {
		if n := len(got[name]); n > limit || n == 0 {
			t.Errorf("%s has %d series, want at most %d", name, n, limit)
		}
	}
	values := map[string]map[string]bool{}
	for _, metrics := range got {
		for _, metric := range metrics {
			for _, l := range metric.GetLabel() {
				if values[l.GetName()] == nil {
					values[l.GetName()] = map[string]bool{}
				}
				values[l.GetName()][l.GetValue()] = true
			}
		}
	}
	for label, limit := range map[string]int{"client_id": 6, "client_ip": 6, "endpoint": 21, "method": 1, "failure_reason": 257} {
		if n := len(values[label]); n > limit {
			t.Errorf("label %s has %d values, want at most %d", label, n, limit)
		}
	}
}

func TestExportOperationsAreCountedPerClient(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	m := NewMetrics(reg, Options{Series: 1})
	op := &gatehouse.Operation{Endpoint: "GET /export", Tags: []string{"export"}}
	for i := range 10 {
		x := exchange()
		x.Operation, x.Principal = op, &gatehouse.Principal{Method: gatehouse.MethodJWT, ClientID: fmt.Sprint("c", i)}
		m.Observe(x)
	}
	if n := len(gather(t, reg)["api_data_export_bytes"]); n != 10 {
		t.Errorf("%d series", n)
	}
}

func TestNetwork(t *testing.T) {
	for in, want := range map[string]string{"192.0.2.77": "192.0.2.0/24", "::ffff:192.0.2.77": "192.0.2.0/24",
		"2001:db8:1:2::3": "2001:db8:1::/48", "fe80::1%eth0": "fe80::/48"} {
		if got := network(netip.MustParseAddr(in)); got != want {
			t.Errorf("network(%s) = %s", in, got)
		}
	}
	if got := network(netip.Addr{}); got != "unknown" {
		t.Error(got)
	}
}

func TestGauges(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	m := NewMetrics(reg, Options{})
	for i := range 2 { // a reload registers again
		n := float64(i)
		for _, err := range []error{
			m.Connections("public", func() float64 { return 7 + n }),
			m.Connections("plain", func() float64 { return 1 }),
			m.ObserverDrops("traces", func() float64 { return 2 }),
			m.DecisionLog(func() DecisionLog { return DecisionLog{Written: 9, Lost: 3, Errors: 1, Failing: true} }),
		} {
			if err != nil {
				t.Error(err)
			}
		}
	}
	const want = `
# HELP gatehouse_connections Open connections.
# TYPE gatehouse_connections gauge
gatehouse_connections{listener="plain"} 1
gatehouse_connections{listener="public"} 8
# HELP gatehouse_decision_log_lost_total Decisions lost: gaps in the log.
# TYPE gatehouse_decision_log_lost_total counter
gatehouse_decision_log_lost_total 3
# HELP gatehouse_decision_log_writable 1 while the decision log can be written.
# TYPE gatehouse_decision_log_writable gauge
gatehouse_decision_log_writable 0
# HELP gatehouse_observer_dropped_total Exchanges that an observer dropped.
# TYPE gatehouse_observer_dropped_total counter
gatehouse_observer_dropped_total{observer="traces"} 2
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "gatehouse_connections", "gatehouse_decision_log_lost_total",
		"gatehouse_decision_log_writable", "gatehouse_observer_dropped_total"); err != nil {
		t.Error(err)
	}
}

func TestObserveConcurrently(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	m := NewMetrics(reg, Options{})
	const workers, each = 8, 500
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range each {
				x := exchange()
				x.Decision.ConfigHash = fmt.Sprint(i % 3) // reloads under way
				x.Decision.Status = 200 + w
				m.Observe(x)
				if i%100 == 0 {
					gather(t, reg)
				}
			}
		})
	}
	wg.Wait()
	var n float64
	for _, metric := range gather(t, reg)["api_requests_total"] {
		n += metric.GetCounter().GetValue()
	}
	if n != workers*each {
		t.Errorf("%v counted", n)
	}
}

func TestObserveAllocatesNothing(t *testing.T) {
	m := NewMetrics(prometheus.NewRegistry(), Options{})
	x := exchange()
	m.Observe(x)
	if n := testing.AllocsPerRun(100, func() { m.Observe(x) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkObserve(b *testing.B) {
	m := NewMetrics(prometheus.NewRegistry(), Options{})
	x := exchange()
	b.ReportAllocs()
	for b.Loop() {
		m.Observe(x)
	}
}

func BenchmarkObserveParallel(b *testing.B) {
	m := NewMetrics(prometheus.NewRegistry(), Options{})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		x := exchange()
		for pb.Next() {
			m.Observe(x)
		}
	})
}

// Beside ours, what client_golang's own histogram would cost.
func BenchmarkHistogram(b *testing.B) {
	b.Run("ours", func(b *testing.B) {
		h := newHistogram(nanoseconds(requestBuckets), 1)
		for b.Loop() {
			h.observe(0, 3*time.Millisecond)
		}
	})
	b.Run("client_golang", func(b *testing.B) {
		h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "h", Help: "h", Buckets: requestBuckets})
		for b.Loop() {
			h.Observe(0.003)
		}
	})
}
