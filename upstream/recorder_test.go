package upstream

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

// recorder is a gatehouse.ResponseWriter that remembers what it got.
type recorder struct {
	mu      sync.Mutex
	interim []int
	status  int
	header  gatehouse.Header
	body    bytes.Buffer
	bytes   int64
	discard bool // count the body only
	flushes int
	trailer gatehouse.Header
	conn    io.ReadWriteCloser // for Upgrade
	flushed chan struct{}      // gets a value at each Flush, where not nil
	fail    error              // returned by Write
}

func (r *recorder) WriteHead(status int, h gatehouse.Header) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if status < 200 && status != 101 {
		r.interim = append(r.interim, status)
		return nil
	}
	if r.status != 0 {
		return errors.New("the head was written twice")
	}
	r.status, r.header = status, slices.Clone(h)
	return nil
}

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		return 0, r.fail
	}
	r.bytes += int64(len(p))
	if r.discard {
		return len(p), nil
	}
	return r.body.Write(p)
}

func (r *recorder) Flush() error {
	r.mu.Lock()
	r.flushes++
	r.mu.Unlock()
	if r.flushed != nil {
		r.flushed <- struct{}{}
	}
	return nil
}

func (r *recorder) WriteTrailer(h gatehouse.Header) error { r.trailer = slices.Clone(h); return nil }

func (r *recorder) Upgrade() (io.ReadWriteCloser, error) {
	if r.conn == nil {
		return nil, errors.New("no connection")
	}
	return r.conn, nil
}

func (r *recorder) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.body.String()
}

// request makes an exchange ready for Forward.
func request(method, path string, fields ...string) *gatehouse.Exchange {
	x := &gatehouse.Exchange{Start: time.Now()}
	p, q, _ := strings.Cut(path, "?")
	x.Outbound = gatehouse.Outbound{Method: method, Scheme: "http", Authority: "shop.example", Path: p, Query: q}
	for i := 0; i < len(fields); i += 2 {
		x.Outbound.Header.Add(fields[i], fields[i+1])
	}
	return x
}

func withBody(x *gatehouse.Exchange, body string) *gatehouse.Exchange {
	x.Request.Body = gatehouse.Body{Source: strings.NewReader(body), Length: int64(len(body))}
	return x
}

func holdBody(t testing.TB, x *gatehouse.Exchange) *gatehouse.Exchange {
	t.Helper()
	if err := x.Request.Body.ReadWhole(1 << 20); err != nil {
		t.Fatal(err)
	}
	return x
}

// newPool makes a pool for these URLs, changed by edit, and closes it at the end.
func newPool(t testing.TB, edit func(*Config), urls ...string) *Pool {
	t.Helper()
	cfg := Config{Name: "test"}
	for _, u := range urls {
		cfg.Endpoints = append(cfg.Endpoints, Endpoint{URL: u})
	}
	if edit != nil {
		edit(&cfg)
	}
	return poolOver(t, cfg, *compatFlag)
}

// compatFlag runs the tests over net/http's HTTP/1.1 client, which ours must agree
// with: go test ./upstream -args -compat.
var compatFlag = flag.Bool("compat", false, "use net/http's client for HTTP/1.1")

func poolOver(t testing.TB, cfg Config, compat bool) *Pool {
	t.Helper()
	p, err := NewPool(cfg, nil, Options{compat: compat})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// compatPool is newPool for one URL over net/http's client.
func compatPool(t testing.TB, url string) *Pool {
	return poolOver(t, Config{Name: "test", Endpoints: []Endpoint{{URL: url}}}, true)
}

// forward sends x and fails the test if that does not go well.
func forward(t testing.TB, p gatehouse.Forwarder, x *gatehouse.Exchange) *recorder {
	t.Helper()
	w := &recorder{}
	if err := p.Forward(context.Background(), x, w); err != nil {
		t.Fatalf("Forward: %v", err)
	}
	return w
}

// wantError checks code and status.
func wantError(t testing.TB, err error, code string, status int) {
	t.Helper()
	var e *gatehouse.Error
	if !errors.As(err, &e) || e.Code != code || e.Status != status {
		t.Fatalf("got error %v (%#v), want %s %d", err, e, code, status)
	}
}

// servers starts the same handler behind each protocol.
func servers(t testing.TB, h http.Handler) map[string]func(*testing.T) *Pool {
	return map[string]func(*testing.T) *Pool{
		"http1": func(t *testing.T) *Pool {
			s := httptest.NewServer(h)
			t.Cleanup(s.Close)
			return newPool(t, nil, s.URL)
		},
		"http1-compat": func(t *testing.T) *Pool {
			s := httptest.NewServer(h)
			t.Cleanup(s.Close)
			return compatPool(t, s.URL)
		},
		"http1-alpn": func(t *testing.T) *Pool {
			s := tlsServer(t, h, false)
			return newPool(t, func(c *Config) { c.TLS.CA = caFile(t, s) }, s.URL)
		},
		"http1-tls": func(t *testing.T) *Pool {
			s := tlsServer(t, h, false)
			return newPool(t, func(c *Config) { c.TLS.CA = caFile(t, s); c.Protocol = "http1" }, s.URL)
		},
		"h2": func(t *testing.T) *Pool {
			s := tlsServer(t, h, true)
			return newPool(t, func(c *Config) { c.TLS.CA = caFile(t, s) }, s.URL)
		},
		"h2c": func(t *testing.T) *Pool {
			s := httptest.NewUnstartedServer(h)
			s.Config.Protocols = new(http.Protocols)
			s.Config.Protocols.SetUnencryptedHTTP2(true)
			s.Start()
			t.Cleanup(s.Close)
			return newPool(t, func(c *Config) { c.Protocol = "h2c" }, s.URL)
		},
	}
}

func tlsServer(t testing.TB, h http.Handler, h2 bool) *httptest.Server {
	s := httptest.NewUnstartedServer(h)
	s.EnableHTTP2 = h2
	s.Config.ErrorLog = quiet
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func caFile(t testing.TB, s *httptest.Server) string { return pemFile(t, s.Certificate()) }

func pemFile(t testing.TB, c *x509.Certificate) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "ca.pem")
	b := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// eventually waits until ok returns true.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("it never came to: %s", what)
}
