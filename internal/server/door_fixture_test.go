package server

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/jose"
)

// Most tests of the doors wait for time limits: more of them at once than there
// are processors.
func TestMain(m *testing.M) {
	flag.Parse()
	chosen := false
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "test.parallel" })
	if !chosen {
		_ = flag.Set("test.parallel", "16")
	}
	os.Exit(m.Run())
}

// doorOptions are the parts of the configuration that a test of the doors
// changes.
type doorOptions struct {
	upstream   string // URL
	protocol   string // of the upstream; auto where empty
	listeners  string // YAML list items; allDoors where empty
	limits     string // limits_http's members, a flow mapping's inside
	authn      string // more members of authn
	methods    string // of authentication; main where empty
	api        string // more members of the API
	policy     string
	operations string // more of them
	files      map[string]string
}

const doorConfig = `version: 1
listeners:
%s
limits_http: {%s}
admin: {address: 127.0.0.1:0}
authn:
  issuers:
    - name: main
      issuer: https://id.example
      audience: [https://shop.example]
      algorithms: [ES256]
      keys: {file: jwks.json}
%s
policies: {files: [shop.cedar]}
limits:
  levels:
    - {name: address, key: [address], rate: 10000000/min}
  failures: {rate: 10000000/min}
upstreams:
  - name: shop
    endpoints: [{url: %q}]
    protocol: %s
apis:
  - name: shop
    hosts: [shop.localhost, 127.0.0.1, localhost]
    authenticate: [%s]
    upstream: shop
%s
    operations:
      - {get: "/orders/{id}", id: getOrder}
      - {any: "/any/{path...}", id: any, access: public}
      - {get: /public, id: open, access: public}
      - {post: /guarded, id: guarded}
      - {get: /events, id: events, access: public, stream: [sse]}
      - {get: /chat, id: chat, access: public, stream: [websocket]}
%s`

// allDoors are a plain and a TLS listener for each reader of HTTP/1.1.
const allDoors = `  - {name: plain, address: 127.0.0.1:0, http1: compat}
  - {name: tls, address: 127.0.0.1:0, http1: compat, tls: {certificates: [{internal: true}]}}
  - {name: plain-strict, address: 127.0.0.1:0, http1: strict}
  - {name: tls-strict, address: 127.0.0.1:0, http1: strict, tls: {certificates: [{internal: true}]}}`

var (
	everyDoor  = []string{"plain", "tls", "plain-strict", "tls-strict"}
	plainDoors = []string{"plain", "plain-strict"}
	everyProto = []string{"h1", "h1s", "strict", "stricts", "h2", "h2c"} // what clients of these doors speak
)

// newDoors starts a gateway for a test of its doors.
func newDoors(t *testing.T, o doorOptions) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir()}
	orElse := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	orElse(&o.listeners, allDoors)
	orElse(&o.protocol, "auto")
	orElse(&o.methods, "main")
	orElse(&o.policy, `permit(principal is User, action == Action::"shop.getOrder", resource);`)
	var err error
	if h.key, err = jose.GenerateKey("k1", jose.ES256); err != nil {
		t.Fatal(err)
	}
	set, err := jose.NewKeySet(h.key.Public()).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	h.write("jwks.json", string(set))
	h.write("shop.cedar", o.policy)
	for name, text := range o.files {
		h.write(name, text)
	}
	h.write("gatehouse.yaml", fmt.Sprintf(doorConfig, o.listeners, o.limits, o.authn, o.upstream, o.protocol, o.methods, o.api, o.operations))
	var diags config.Diagnostics
	h.Server, err = Start(context.Background(), Options{ConfigPath: filepath.Join(h.dir, "gatehouse.yaml"), Log: slog.New(slog.DiscardHandler),
		Warn: func(d config.Diagnostics) { diags = d }, Drain: time.Second})
	if err != nil {
		t.Fatalf("%v\n%s", err, diags)
	}
	t.Cleanup(h.Stop)
	return h
}

// expiring returns alice's token that lives for a while.
func (h *house) expiring(jti string, life time.Duration) string {
	h.t.Helper()
	now := time.Now()
	tok, err := jose.Sign(h.key, map[string]any{"typ": "at+jwt"}, map[string]any{"iss": "https://id.example", "sub": "alice", "aud": "https://shop.example",
		"exp": now.Add(life).Unix(), "iat": now.Unix(), "jti": jti, "client_id": "app", "scope": "orders:read"})
	if err != nil {
		h.t.Fatal(err)
	}
	return tok
}

// bound returns alice's token for the holder of a certificate (RFC 8705).
func (h *house) bound(cert tls.Certificate) string {
	h.t.Helper()
	now := time.Now()
	sum := sha256.Sum256(cert.Certificate[0])
	tok, err := jose.Sign(h.key, map[string]any{"typ": "at+jwt"}, map[string]any{"iss": "https://id.example", "sub": "alice", "aud": "https://shop.example",
		"exp": now.Add(time.Minute).Unix(), "iat": now.Unix(), "jti": "bound", "client_id": "app", "cnf": map[string]any{"x5t#S256": base64.RawURLEncoding.EncodeToString(sum[:])}})
	if err != nil {
		h.t.Fatal(err)
	}
	return tok
}

// roots trusts the gateway's internal certificate.
func (h *house) roots() *x509.CertPool {
	h.t.Helper()
	pem, err := os.ReadFile(filepath.Join(h.dir, "data", "internal-ca.pem"))
	if err != nil {
		h.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return pool
}

// dial opens a connection to a listener, by TLS where it is called so.
func (h *house) dial(listener string, protos ...string) net.Conn {
	h.t.Helper()
	c, err := net.Dial("tcp", h.Addr(listener))
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if !strings.HasPrefix(listener, "tls") {
		return c
	}
	if c = h.handshake(c, protos...); c == nil {
		h.t.Fatal("no handshake")
	}
	return c
}

// handshake begins TLS on a connection, and returns nil where that fails.
func (h *house) handshake(c net.Conn, protos ...string) net.Conn {
	tc := tls.Client(c, &tls.Config{RootCAs: h.roots(), ServerName: "127.0.0.1", NextProtos: protos})
	if err := tc.Handshake(); err != nil {
		c.Close()
		return nil
	}
	return tc
}

// client speaks one of everyProto, with its own connections.
func (h *house) client(proto string) *http.Client {
	h.t.Helper()
	tr := &http.Transport{Protocols: new(http.Protocols), MaxIdleConnsPerHost: 32}
	switch proto {
	case "h2":
		tr.Protocols.SetHTTP2(true)
	case "h2c":
		tr.Protocols.SetUnencryptedHTTP2(true)
	default:
		tr.Protocols.SetHTTP1(true)
	}
	tr.TLSClientConfig = &tls.Config{RootCAs: h.roots()}
	h.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 20 * time.Second}
}

// url is the address for a protocol's client.
func (h *house) url(proto, path string) string {
	switch proto {
	case "h2", "h1s":
		return "https://" + h.Addr("tls") + path
	case "strict":
		return "http://" + h.Addr("plain-strict") + path
	case "stricts":
		return "https://" + h.Addr("tls-strict") + path
	}
	return "http://" + h.Addr("plain") + path
}

// A wire is an HTTP/1.1 service that keeps every byte it is sent and every
// request it could make of them.
type wire struct {
	ln  net.Listener
	got chan struct{} // a token for each request, as far as there is room

	mu       sync.Mutex
	bytes    bytes.Buffer
	requests []heard
	conns    map[net.Conn]bool
}

// heard is a request as the service understood it.
type heard struct {
	method, target, host string
	header               http.Header
	body                 string
	whole                bool // the body arrived to its end
}

func newWire(t *testing.T) *wire {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{ln: ln, conns: map[net.Conn]bool{}, got: make(chan struct{}, 1024)}
	t.Cleanup(w.close)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			w.mu.Lock()
			w.conns[c] = true
			w.mu.Unlock()
			go w.serve(c)
		}
	}()
	return w
}

func (w *wire) url() string { return "http://" + w.ln.Addr().String() }

func (w *wire) close() {
	w.ln.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.conns {
		c.Close()
	}
}

// Write keeps what a connection read.
func (w *wire) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.bytes.Write(p)
}

func (w *wire) serve(c net.Conn) {
	defer func() {
		c.Close()
		w.mu.Lock()
		delete(w.conns, c)
		w.mu.Unlock()
	}()
	r := bufio.NewReader(io.TeeReader(c, w))
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		body, err := io.ReadAll(req.Body)
		w.mu.Lock()
		w.requests = append(w.requests, heard{req.Method, req.RequestURI, req.Host, req.Header, string(body), err == nil})
		w.mu.Unlock()
		select {
		case w.got <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok")
	}
}

// take returns what was heard since the last time, and forgets it.
func (w *wire) take() (raw string, requests []heard) {
	w.mu.Lock()
	defer w.mu.Unlock()
	raw, requests = w.bytes.String(), w.requests
	w.bytes.Reset()
	w.requests = nil
	return raw, requests
}

// waitFor polls until good, for what the gateway does in its own time.
func waitFor(t *testing.T, what string, good func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if good() {
			return
		}
	}
	t.Fatalf("in vain waited for: %s", what)
}

// ended reads a connection to its end and returns what came and when it ended.
func ended(t *testing.T, c net.Conn, within time.Duration) string {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(within))
	b, err := io.ReadAll(c)
	if e, ok := err.(net.Error); ok && e.Timeout() {
		t.Fatalf("the connection is open after %v; it said %q", within, b)
	}
	return string(b)
}
