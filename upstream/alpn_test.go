package upstream

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// An endpoint that changes its mind about the protocol is followed, and nothing
// fails on the way.
func TestProtocolChanges(t *testing.T) {
	var modern atomic.Bool
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		io.WriteString(w, r.Proto+" "+string(b))
	}))
	s.EnableHTTP2 = true
	s.Config.ErrorLog = quiet
	s.StartTLS()
	defer s.Close()
	s.TLS.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		c := s.TLS.Clone()
		c.GetConfigForClient = nil
		if c.NextProtos = []string{"http/1.1"}; modern.Load() {
			c.NextProtos = []string{"h2"}
		}
		return c, nil
	}
	p := newPool(t, func(c *Config) { c.TLS.CA = caFile(t, s); c.Retries.Attempts = 1 }, s.URL)
	for _, h2 := range []bool{false, true, true, false, true, false} {
		modern.Store(h2)
		s.CloseClientConnections()
		time.Sleep(30 * time.Millisecond) // net/http's HTTP/2 client writes to what has just been closed
		want := map[bool]string{false: "HTTP/1.1 data", true: "HTTP/2.0 data"}[h2]
		for range 3 {
			if w := forward(t, p, withBody(request("PUT", "/"), "data")); w.text() != want {
				t.Errorf("%q, want %q", w.text(), want)
			}
		}
	}
}

// Where the exchange names no authority, the endpoint's own is written.
func TestHostOfTheEndpoint(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Host) }))
	defer s.Close()
	x := request("GET", "/")
	x.Outbound.Authority = ""
	if w := forward(t, newPool(t, nil, s.URL), x); w.text() != s.Listener.Addr().String() {
		t.Errorf("Host: %q", w.text())
	}
}
