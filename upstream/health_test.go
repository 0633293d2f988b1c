package upstream

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// switchable is a server whose health can be turned off. It counts requests
// other than checks, and connections.
type switchable struct {
	*httptest.Server
	sick     atomic.Bool
	requests atomic.Int64
	dialled  atomic.Int64
}

func newSwitchable(t testing.TB) *switchable {
	s := &switchable{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			s.requests.Add(1)
		}
		if s.sick.Load() {
			w.WriteHeader(503)
		}
		io.WriteString(w, "x")
	}))
	s.Config.ConnState = func(_ net.Conn, st http.ConnState) {
		if st == http.StateNew {
			s.dialled.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func quickChecks(c *Config) {
	c.Health = Health{Path: "/healthz", Interval: 10 * time.Millisecond, Timeout: 5 * time.Second, Healthy: 2, Unhealthy: 2,
		Passive: Passive{Failures: -1}}
	c.Breaker.Failures = -1
}

func TestActiveChecks(t *testing.T) {
	a, b := newSwitchable(t), newSwitchable(t)
	var log lockedBuffer
	cfg := Config{Name: "shop", Endpoints: []Endpoint{{URL: a.URL}, {URL: b.URL}}}
	quickChecks(&cfg)
	p, err := NewPool(cfg, nil, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	a.sick.Store(true)
	eventually(t, "a is unhealthy", func() bool { return !p.Endpoints()[0].Healthy })
	a.requests.Store(0)
	for range 20 {
		forward(t, p, request("GET", "/"))
	}
	if a.requests.Load() != 0 || !p.Endpoints()[1].Healthy {
		t.Errorf("a got %d requests", a.requests.Load())
	}
	b.sick.Store(true)
	eventually(t, "both are unhealthy", func() bool { return !p.Endpoints()[1].Healthy })
	w := &recorder{}
	wantError(t, p.Forward(context.Background(), request("GET", "/"), w), "upstream.unavailable", 503)
	a.sick.Store(false)
	eventually(t, "a is healthy again", func() bool { return p.Endpoints()[0].Healthy })
	forward(t, p, request("GET", "/"))
	if s := log.String(); !strings.Contains(s, "endpoint is unhealthy") || !strings.Contains(s, "endpoint is healthy") {
		t.Errorf("log: %s", s)
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

func TestPassiveEjection(t *testing.T) {
	a, b := newSwitchable(t), newSwitchable(t)
	p := newPool(t, func(c *Config) {
		c.Balance = "round_robin"
		c.Health.Passive = Passive{Failures: 3, Eject: 400 * time.Millisecond}
		c.Breaker.Failures = -1
	}, a.URL, b.URL)
	a.sick.Store(true)
	for range 6 {
		forward(t, p, request("GET", "/"))
	}
	if !p.Endpoints()[0].Ejected || p.Endpoints()[1].Ejected {
		t.Fatalf("%+v", p.Endpoints())
	}
	a.requests.Store(0)
	b.sick.Store(true) // the last one stays in
	for range 10 {
		forward(t, p, request("GET", "/"))
	}
	if a.requests.Load() != 0 || p.Endpoints()[1].Ejected {
		t.Errorf("%d to a, %+v", a.requests.Load(), p.Endpoints())
	}
	eventually(t, "a is back", func() bool { return !p.Endpoints()[0].Ejected })
	b.sick.Store(false)
	start := time.Now()
	for range 8 {
		forward(t, p, request("GET", "/"))
	}
	eventually(t, "the second ejection is over", func() bool { return !p.Endpoints()[0].Ejected })
	if took := time.Since(start); took < 600*time.Millisecond {
		t.Errorf("the second ejection took %v, not twice as long as the first", took)
	}
	a.sick.Store(false)
	a.requests.Store(0)
	for range 10 {
		forward(t, p, request("GET", "/"))
	}
	if a.requests.Load() != 5 {
		t.Errorf("%d to a", a.requests.Load())
	}
}

func TestBreakerStopsAsking(t *testing.T) {
	a := newSwitchable(t)
	p := newPool(t, func(c *Config) {
		c.Breaker = Breaker{Failures: 5, Window: time.Minute, Open: 500 * time.Millisecond}
	}, a.URL)
	a.sick.Store(true)
	for range 5 {
		forward(t, p, request("POST", "/")) // a 503 passes as an answer
	}
	x := request("POST", "/")
	wantError(t, p.Forward(context.Background(), x, &recorder{}), "upstream.unavailable", 503)
	if x.Decision.Upstream.Addr != "" || a.requests.Load() != 5 || p.Endpoints()[0].Breaker != "open" {
		t.Errorf("%+v, %d requests, %+v", x.Decision.Upstream, a.requests.Load(), p.Endpoints())
	}
	a.sick.Store(false)
	eventually(t, "one request gets through", func() bool {
		return p.Forward(context.Background(), request("POST", "/"), &recorder{}) == nil
	})
	if p.Endpoints()[0].Breaker != "closed" {
		t.Errorf("%+v", p.Endpoints())
	}
}

// A reload keeps connections and health where the endpoint is the same.
func TestStateSurvivesReload(t *testing.T) {
	a, b := newSwitchable(t), newSwitchable(t)
	st := NewState()
	cfg := Config{Name: "shop", Endpoints: []Endpoint{{URL: a.URL}, {URL: b.URL}}}
	quickChecks(&cfg)
	pool := func() *Pool {
		t.Helper()
		p, err := NewPool(cfg, st, Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Close)
		return p
	}
	p1 := pool()
	b.sick.Store(true)
	eventually(t, "b is unhealthy", func() bool { return !p1.Endpoints()[1].Healthy })

	cfg.Endpoints[0].Weight, cfg.Retries.Attempts, cfg.Health.Interval = 5, 3, time.Hour
	p2 := pool()
	p1.Close()
	p1.Close() // twice does no harm
	if p2.Endpoints()[1].Healthy || p2.balancer.members[0].endpoint != p1.balancer.members[0].endpoint {
		t.Errorf("health was lost: %+v", p2.Endpoints())
	}

	cfg.Timeouts.Head = time.Second // this one shapes connections
	p3 := pool()
	p2.Close()
	if p3.balancer.members[0].endpoint == p2.balancer.members[0].endpoint {
		t.Error("an endpoint with other time limits is another endpoint")
	}
	if len(st.endpoints) != 2 {
		t.Errorf("%d endpoints are kept", len(st.endpoints))
	}
	// Without checks nothing is unhealthy.
	cfg.Health.Path = ""
	p4 := pool()
	p3.Close()
	if !p4.Endpoints()[1].Healthy {
		t.Error("unhealthy without a check")
	}
	p4.Close()
	if len(st.endpoints) != 0 {
		t.Errorf("%d endpoints are left", len(st.endpoints))
	}
}

func TestConnectionsSurviveReload(t *testing.T) {
	a := newSwitchable(t)
	st := NewState()
	cfg := Config{Name: "shop", Endpoints: []Endpoint{{URL: a.URL}}}
	var last *Pool
	for i := range 3 {
		cfg.Endpoints[0].Weight = i + 1
		p, err := NewPool(cfg, st, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if last != nil {
			last.Close()
		}
		last = p
		forward(t, p, request("GET", "/"))
	}
	if n := a.dialled.Load(); n != 1 {
		t.Errorf("%d connections, want one", n)
	}
	last.Close()
}

// Closing a pool does not disturb what is under way.
func TestCloseDuringRequest(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-release
		io.WriteString(w, "done")
	}))
	defer s.Close()
	p := newPool(t, nil, s.URL)
	w := &recorder{}
	done := make(chan error, 1)
	go func() { done <- p.Forward(context.Background(), request("GET", "/"), w) }()
	<-arrived
	p.Close()
	close(release)
	if err := <-done; err != nil || w.text() != "done" {
		t.Errorf("%v %q", err, w.text())
	}
}
