package telemetry

import (
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Options bound the number of series; zero values stand for the defaults.
type Options struct {
	Version, Revision string // of the build
	Clients           int    // distinct client ids (default 1000)
	Networks          int    // distinct networks of client addresses (default 1000)
	Endpoints         int    // distinct endpoints, over all reloads (default 10000)
	Series            int    // distinct combinations per metric with client_id or client_ip (default 10000)
}

func (o Options) withDefaults() Options {
	for _, d := range []struct {
		field *int
		value int
	}{{&o.Clients, 1000}, {&o.Networks, 1000}, {&o.Endpoints, 10000}, {&o.Series, 10000}} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	return o
}

// slowResponse is the time after which an answer is suspicious.
const slowResponse = 10 * time.Second

// Metrics counts exchanges for Prometheus. It implements [gatehouse.Observer].
type Metrics struct {
	reg *prometheus.Registry

	requests   *prometheus.CounterVec
	failures   *prometheus.CounterVec
	limitHits  *prometheus.CounterVec
	suspicious *prometheus.CounterVec
	exports    *prometheus.CounterVec
	durations  *histogramVec
	validation *histogram
	controls   controlSet

	clients, networks, reasons, rules *bounded
	// Combinations with a client id or an address, per metric.
	failureSeries, limitSeries, exportSeries *budget

	ops          atomic.Pointer[operations]
	mu           sync.Mutex
	byEndpoint   map[string]*endpointMetrics
	maxEndpoints int
	unmatched    *endpointMetrics
}

// operations finds the metrics of an operation of one configuration.
type operations struct {
	hash string
	byOp sync.Map // *gatehouse.Operation -> *endpointMetrics
}

// NewMetrics registers the metrics with reg, those of the process and the Go
// runtime too.
func NewMetrics(reg *prometheus.Registry, o Options) *Metrics {
	o = o.withDefaults()
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	m := &Metrics{
		reg:      reg,
		requests: counter("api_requests_total", "Requests, by how they ended.", "endpoint", "method", "status"),
		failures: counter("api_auth_failures_total", "Credentials refused, and calls refused for want of one.",
			"endpoint", "client_id", "failure_reason"),
		limitHits: counter("api_rate_limit_hits_total", "Calls over a limit, by the network they came from.",
			"endpoint", "client_ip", "limit_type"),
		suspicious: counter("api_suspicious_requests_total", "Requests that a detection rule noticed.",
			"endpoint", "detection_rule", "severity"),
		exports: counter("api_data_export_bytes", "Body bytes of answers given to clients.", "endpoint", "client_id"),
		durations: newHistogramVec("api_request_duration_seconds",
			"Time from a request's head to the last byte of its answer; of a stream, to the answer's head.",
			requestBuckets, "endpoint", "method", "status_code"),
		clients: newBounded(o.Clients), networks: newBounded(o.Networks),
		reasons: newBounded(256), rules: newBounded(1000), failureSeries: newBudget(o.Series), limitSeries: newBudget(o.Series),
		exportSeries: newBudget(o.Series), byEndpoint: make(map[string]*endpointMetrics), maxEndpoints: o.Endpoints,
	}
	validations := newHistogramVec("api_token_validation_duration_seconds", "Time to judge a credential.", tokenBuckets)
	m.validation = validations.with(shards)
	m.controls.init()
	m.unmatched = m.endpoint("unmatched")
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "gatehouse_build_info", Help: "The running build; its value is 1."},
		[]string{"version", "revision", "go_version"})
	build.WithLabelValues(label(o.Version), label(o.Revision), runtime.Version()).Set(1)
	reg.MustRegister(m.requests, m.failures, m.limitHits, m.suspicious, m.exports, m.durations, validations, &m.controls, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Observe counts a finished exchange. It takes no lock and allocates nothing for
// combinations it has seen before.
func (m *Metrics) Observe(x *gatehouse.Exchange) {
	d := &x.Decision
	e, shard := m.operation(x), shardOf(x)
	c := e.cell(m, methodIndex(x.Request.Method), d)
	c.requests.Inc()
	c.duration.observe(shard, answerTime(x))
	refused := false // at identify
	for i := range d.Judgments {
		j := &d.Judgments[i]
		e.control(m, i, j.Control).observe(shard, j)
		if j.Step == gatehouse.StepIdentify && x.Credential.Method != "" && x.Credential.Method != gatehouse.MethodNone {
			m.validation.observe(shard, j.Took)
		}
		if len(j.Verdict.Details) > 0 && strings.HasPrefix(j.Control, "waf.") {
			m.attack(e, j)
		}
		if j.Verdict.Outcome == gatehouse.Deny || j.Verdict.Outcome == gatehouse.Undecided {
			refused = m.refusal(e, x, j) || refused
		}
	}
	if d.Status == 401 && d.Result == gatehouse.Blocked && !refused {
		m.authFailure(e, x, d.Reason.Code)
	}
	if d.Result == gatehouse.Answered && x.Response.Bytes > 0 {
		e.export(m, x).Add(float64(x.Response.Bytes))
	}
	if d.Total > slowResponse && !x.Response.Streaming {
		m.suspicious.WithLabelValues(e.name, "slow_response", "medium").Inc()
	}
	if d.Result == gatehouse.Refused && d.By != "match" { // a path nobody declared is no attack
		m.suspicious.WithLabelValues(e.name, m.reasons.name(d.Reason.Code), severity(d.Status)).Inc()
	}
}

// attack counts the WAF's rules that matched.
func (m *Metrics) attack(e *endpointMetrics, j *gatehouse.Judgment) {
	severity := "low" // not enough for a refusal
	if j.Verdict.Outcome == gatehouse.Deny {
		severity = "high"
	}
	for i := range j.Verdict.Details {
		m.suspicious.WithLabelValues(e.name, m.rules.name(j.Verdict.Details[i].Code), severity).Inc()
	}
}

// severity of a message that was refused: one that two parsers could read
// differently is an attack or a broken client, one that is too large mostly the
// latter.
func severity(status int) string {
	if status == 400 {
		return "high"
	}
	return "low"
}

// answerTime is the exchange's duration. A stream has no end in sight: its time
// counts up to the answer's head.
func answerTime(x *gatehouse.Exchange) time.Duration {
	if x.Response.Streaming {
		return x.Decision.Gateway + x.Decision.Upstream.Took
	}
	return x.Decision.Total
}

// refusal counts a denial by authentication or a limit, and reports whether it
// was one of identify's.
func (m *Metrics) refusal(e *endpointMetrics, x *gatehouse.Exchange, j *gatehouse.Judgment) bool {
	if j.Step == gatehouse.StepIdentify {
		m.authFailure(e, x, j.Verdict.Reason.Code)
		return true
	}
	if limit, ok := strings.CutPrefix(j.Verdict.Reason.Code, "limit."); ok && j.Verdict.Outcome == gatehouse.Deny {
		limit, ip := m.reasons.name(limit), m.networks.name(network(x.Peer.Addr))
		if !m.limitSeries.admits([3]string{e.name, ip, limit}) {
			ip = other
		}
		m.limitHits.WithLabelValues(e.name, ip, limit).Inc()
	}
	return false
}

func (m *Metrics) authFailure(e *endpointMetrics, x *gatehouse.Exchange, code string) {
	reason, client := m.reasons.name(code), m.clients.name(clientID(x.Principal))
	if !m.failureSeries.admits([3]string{e.name, client, reason}) {
		client = other
	}
	m.failures.WithLabelValues(e.name, client, reason).Inc()
}

// clientID names the client of a verified Principal.
func clientID(p *gatehouse.Principal) string {
	switch {
	case p.IsAnonymous():
		return "anonymous"
	case p.ClientID == "":
		return "unknown"
	}
	return p.ClientID
}

// operation returns the metrics of what x called. An Operation is kept no longer
// than its configuration judges.
func (m *Metrics) operation(x *gatehouse.Exchange) *endpointMetrics {
	if x.Operation == nil {
		return m.unmatched
	}
	ops := m.ops.Load()
	if ops == nil || ops.hash != x.Decision.ConfigHash {
		ops = &operations{hash: strings.Clone(x.Decision.ConfigHash)}
		m.ops.Store(ops)
	}
	if e, ok := ops.byOp.Load(x.Operation); ok {
		return e.(*endpointMetrics)
	}
	e := m.endpoint(x.Operation.Endpoint)
	e.exported.CompareAndSwap(false, tagged(x.Operation, "export"))
	ops.byOp.Store(x.Operation, e)
	return e
}

func tagged(op *gatehouse.Operation, tag string) bool {
	for _, t := range op.Tags {
		if t == tag {
			return true
		}
	}
	return false
}
