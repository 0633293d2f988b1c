package upstream

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

// dropper accepts connections, reads one request on each and drops it.
func dropper(t *testing.T) (url string, count *atomic.Int64) {
	t.Helper()
	count = new(atomic.Int64)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		count.Add(1)
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(s.Close)
	return s.URL, count
}

// dead returns the URL of a port nobody listens on.
func dead(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	return "http://" + ln.Addr().String()
}

func TestRetriesOnlyWhereSafe(t *testing.T) {
	for _, c := range []struct {
		name     string
		method   string
		body     string // "": none, "held", "streamed"
		fields   []string
		attempts int // requests that reach the upstream
	}{
		{"get", "GET", "", nil, 2},
		{"head", "HEAD", "", nil, 2},
		{"options", "OPTIONS", "", nil, 2},
		{"delete", "DELETE", "", nil, 2},
		{"put held", "PUT", "held", nil, 2},
		{"put streamed", "PUT", "streamed", nil, 1},
		{"post", "POST", "", nil, 1},
		{"post held", "POST", "held", nil, 1},
		{"post streamed", "POST", "streamed", nil, 1},
		{"patch held", "PATCH", "held", nil, 1},
		{"trace", "TRACE", "", nil, 1},
		{"made up", "FROB", "", nil, 1},
		{"post with a key", "POST", "held", []string{"Idempotency-Key", "k"}, 1},
		{"post with an empty body and a key", "POST", "", []string{"X-IDEMPOTENCY-KEY", "k"}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			url, count := dropper(t)
			p := newPool(t, nil, url)
			x := request(c.method, "/", c.fields...)
			if c.body != "" {
				withBody(x, "data")
			}
			switch c.body {
			case "held":
				holdBody(t, x)
			case "streamed": // one of known length would be read ahead
				x.Request.Body.Length = -1
			}
			wantError(t, p.Forward(context.Background(), x, &recorder{}), "upstream.unreachable", 502)
			if int(count.Load()) != c.attempts || x.Decision.Upstream.Attempts != c.attempts {
				t.Errorf("upstream got %d, report says %d, want %d", count.Load(), x.Decision.Upstream.Attempts, c.attempts)
			}
		})
	}
}

// A kept connection that the upstream closes as the request arrives is where
// net/http repeats by itself: never for a POST, whatever fields it bears.
func TestKeptConnectionDropped(t *testing.T) {
	for _, method := range []string{"GET", "POST"} {
		var count atomic.Int64
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/drop" && count.Add(1) == 1 {
				panic(http.ErrAbortHandler)
			}
		}))
		p := newPool(t, func(c *Config) { c.Retries.Attempts = 1 }, s.URL)
		forward(t, p, request("GET", "/warm"))
		x := request(method, "/drop", "Idempotency-Key", "k", "x-idempotency-key", "k")
		if method == "POST" {
			holdBody(t, withBody(x, "data"))
		}
		err := p.Forward(context.Background(), x, &recorder{})
		if method == "GET" && (err != nil || count.Load() != 2) {
			t.Errorf("GET: %v after %d requests", err, count.Load())
		}
		if method == "POST" && (err == nil || count.Load() != 1) {
			t.Errorf("POST: %v after %d requests", err, count.Load())
		}
		s.Close()
	}
}

// Where no connection was had, nothing was delivered, and any method may go to
// another endpoint, with a body that has not been touched.
func TestRetryPrefersAnotherEndpoint(t *testing.T) {
	var got atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if b, _ := io.ReadAll(r.Body); string(b) == "data" {
			got.Add(1)
		}
	}))
	defer s.Close()
	p := newPool(t, func(c *Config) {
		c.Balance = "round_robin"
		c.Health.Passive.Failures = -1
		c.Retries.Budget = 1
	}, dead(t), s.URL)
	for range 20 {
		x := withBody(request("POST", "/"), "data")
		forward(t, p, x)
		if want := strings.TrimPrefix(s.URL, "http://"); x.Decision.Upstream.Addr != want {
			t.Errorf("report %+v", x.Decision.Upstream)
		}
	}
	if got.Load() != 20 {
		t.Errorf("%d of 20 arrived whole", got.Load())
	}
}

func TestRetryBudget(t *testing.T) {
	url, count := dropper(t)
	p := newPool(t, func(c *Config) {
		c.Retries.Budget = 0.1
		c.Breaker.Failures = -1
	}, url)
	const n = 200
	for range n {
		_ = p.Forward(context.Background(), request("GET", "/"), &recorder{})
	}
	// 10 were saved up, and a tenth of the requests is earned.
	if retries := count.Load() - n; retries < n/10 || retries > n/10+12 {
		t.Errorf("%d retries of %d requests", retries, n)
	}
}

func TestNoRetryAfterTheHead(t *testing.T) {
	addr, seen := rawUpstream(t, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
	p := newPool(t, nil, "http://"+addr)
	wantError(t, p.Forward(context.Background(), request("GET", "/"), &recorder{}), "upstream.aborted", 502)
	<-seen
	select {
	case <-seen:
		t.Error("it was sent again")
	case <-time.After(20 * time.Millisecond):
	}
}

func TestSplit(t *testing.T) {
	var counts [3]int
	count := func(i int) gatehouse.Forwarder {
		return forwarderFunc(func() { counts[i]++ })
	}
	s, err := NewSplit(Branch{count(0), 9}, Branch{count(1), 1}, Branch{count(2), 0})
	if err != nil {
		t.Fatal(err)
	}
	const n = 10000
	for range n {
		_ = s.Forward(context.Background(), nil, nil)
	}
	if counts[0] < n*87/100 || counts[0] > n*93/100 || counts[2] != 0 {
		t.Errorf("counts %v", counts)
	}
	for _, bad := range [][]Branch{nil, {{count(0), 0}}, {{nil, 1}}, {{count(0), -1}}} {
		if _, err := NewSplit(bad...); err == nil {
			t.Errorf("%v was accepted", bad)
		}
	}
}

type forwarderFunc func()

func (f forwarderFunc) Forward(context.Context, *gatehouse.Exchange, gatehouse.ResponseWriter) error {
	f()
	return nil
}
