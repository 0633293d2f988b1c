package server

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/authn"
	"github.com/gatehouse/gatehouse/internal/admin"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/jose"
)

// house is a running gateway in front of a real service.
type house struct {
	*Server
	t        *testing.T
	dir      string
	upstream *httptest.Server
	key      *jose.SigningKey
	hits     atomic.Int64
	log      logBuffer // the process's log, unmasked
}

// logBuffer is a buffer that many may write to.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

const testConfig = `version: 1
listeners:
  - {name: plain, address: 127.0.0.1:0}
  - name: tls
    address: 127.0.0.1:0
    tls: {certificates: [{internal: true}]}
admin: {address: 127.0.0.1:0}
authn:
  issuers:
    - name: main
      issuer: https://id.example
      audience: [https://shop.example]
      algorithms: [ES256]
      keys: {file: jwks.json}
policies: {files: [shop.cedar]}
limits:
  levels:
    - {name: address, key: [address], rate: 100000/min}
    - {name: client, key: [client], rate: 100000/min}
  failures: {rate: 100000/min}
upstreams:
  - name: shop
    endpoints: [{url: %q}]
apis:
  - name: shop
    hosts: [shop.localhost, 127.0.0.1]
    authenticate: [main]
    upstream: shop
    operations:
      - {get: "/orders/{id}", id: getOrder, scopes: ["orders:read"]}
      - {post: /orders, id: createOrder}
      - {get: /public, id: open, access: public}
      - {get: /slow, id: slow, access: public}
      - {get: /events, id: events, access: public, stream: [sse]}
      - {get: /chat, id: chat, access: public, stream: [websocket]}
%s`

const testPolicies = `
@id("readers")
permit(principal is User, action == Action::"shop.getOrder", resource) when { principal.subject == "alice" };
`

func newHouse(t *testing.T, extra string) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir()}
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		h.hits.Add(1)
		fmt.Fprintf(w, "%s %s for %s", r.Method, r.URL.Path, r.Header.Get("X-Forwarded-For"))
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(300 * time.Millisecond)
		io.WriteString(w, "slow")
	})
	mux.HandleFunc("/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 3 {
			fmt.Fprintf(w, "data: %d\n\n", i)
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
	})
	mux.HandleFunc("/chat", echoUpgrade)
	h.upstream = httptest.NewServer(mux)
	t.Cleanup(h.upstream.Close)
	var err error
	if h.key, err = jose.GenerateKey("k1", jose.ES256); err != nil {
		t.Fatal(err)
	}
	set, err := jose.NewKeySet(h.key.Public()).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	h.write("jwks.json", string(set))
	h.write("shop.cedar", testPolicies)
	h.write("gatehouse.yaml", fmt.Sprintf(testConfig, h.upstream.URL, extra))
	var diags config.Diagnostics
	h.Server, err = Start(context.Background(), Options{ConfigPath: filepath.Join(h.dir, "gatehouse.yaml"), Log: slog.New(slog.NewTextHandler(&h.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Warn: func(d config.Diagnostics) { diags = d }, Drain: 5 * time.Second})
	if err != nil {
		t.Fatalf("%v\n%s", err, diags)
	}
	t.Cleanup(h.Stop)
	return h
}

// echoUpgrade is a raw upgrade that echoes lines.
func echoUpgrade(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") != "websocket" {
		http.Error(w, "upgrade", http.StatusUpgradeRequired)
		return
	}
	c, buf, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer c.Close()
	io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	for {
		line, err := buf.ReadString('\n')
		if err != nil {
			return
		}
		io.WriteString(c, "echo "+line)
	}
}

func (h *house) write(name, text string) {
	h.t.Helper()
	if err := os.WriteFile(filepath.Join(h.dir, name), []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) token(sub, jti string) string {
	h.t.Helper()
	now := time.Now().Unix()
	tok, err := jose.Sign(h.key, map[string]any{"typ": "at+jwt"}, map[string]any{"iss": "https://id.example", "sub": sub, "aud": "https://shop.example",
		"exp": now + 300, "iat": now, "jti": jti, "client_id": "app", "scope": "orders:read"})
	if err != nil {
		h.t.Fatal(err)
	}
	return tok
}

func (h *house) get(path, token string) (*http.Response, string) {
	h.t.Helper()
	return h.send(http.DefaultClient, "http://"+h.Addr("plain")+path, token)
}

func (h *house) send(c *http.Client, url, token string) (*http.Response, string) {
	h.t.Helper()
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := c.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return res, string(body)
}

func TestGuardedAPI(t *testing.T) {
	h := newHouse(t, "")
	alice := h.token("alice", "t1")
	for _, c := range []struct {
		path, token string
		status      int
		code        string
	}{
		{"/orders/17", alice, 200, ""},
		{"/orders/17", "", 401, "credential.missing"},
		{"/orders/17", h.token("mallory", "t2"), 403, "policy.no_permit"},
		{"/orders/17", alice[:len(alice)-4] + "AAAA", 401, "token.signature"},
		{"/public", "", 200, ""},
		{"/nowhere", alice, 404, "match.undocumented"},
		{"/orders", alice, 405, "match.method"},
		{"/orders/a%2fb", alice, 400, "path.encoded_slash"},
		{"//orders/17", alice, 400, "path.empty_segment"},
	} {
		res, body := h.get(c.path, c.token)
		var p struct{ Code string }
		_ = json.Unmarshal([]byte(body), &p)
		if res.StatusCode != c.status || p.Code != c.code {
			t.Errorf("%s: %d %s", c.path, res.StatusCode, body)
		}
		if c.status == 401 && !strings.Contains(res.Header.Get("WWW-Authenticate"), "resource_metadata=") {
			t.Errorf("%s: challenge %q", c.path, res.Header.Get("WWW-Authenticate"))
		}
	}
	if h.hits.Load() != 2 {
		t.Errorf("the service saw %d requests", h.hits.Load())
	}
}

func TestDoors(t *testing.T) {
	h := newHouse(t, "")
	pem, err := os.ReadFile(filepath.Join(h.dir, "data", "internal-ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	var h1, h2, h2c http.Protocols
	h1.SetHTTP1(true)
	h2.SetHTTP2(true)
	h2c.SetUnencryptedHTTP2(true)
	for _, c := range []struct {
		name, url, proto string
		p                *http.Protocols
	}{
		{"h1", "http://" + h.Addr("plain"), "HTTP/1.1", &h1}, {"h2c", "http://" + h.Addr("plain"), "HTTP/2.0", &h2c},
		{"h1 over TLS", "https://" + h.Addr("tls"), "HTTP/1.1", &h1}, {"h2", "https://" + h.Addr("tls"), "HTTP/2.0", &h2},
	} {
		tr := &http.Transport{Protocols: c.p, TLSClientConfig: &tls.Config{RootCAs: roots}}
		res, body := h.send(&http.Client{Transport: tr}, c.url+"/orders/1", h.token("alice", c.name))
		if res.StatusCode != 200 || res.Proto != c.proto || body != "GET /orders/1 for 127.0.0.1" {
			t.Errorf("%s: %s %d %s", c.name, res.Proto, res.StatusCode, body)
		}
		if res.TLS != nil && (res.TLS.Version != tls.VersionTLS13 || res.TLS.CurveID != tls.X25519MLKEM768) {
			t.Errorf("%s: TLS %x with %v", c.name, res.TLS.Version, res.TLS.CurveID)
		}
		tr.CloseIdleConnections()
	}
	old := &tls.Config{RootCAs: roots, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}}
	if c, err := tls.Dial("tcp", h.Addr("tls"), old); err == nil {
		c.Close()
		t.Error("a handshake without forward secrecy succeeds")
	}
}

// What was decided is in the log, with every verdict, and no token.
func TestDecisionsAreLogged(t *testing.T) {
	h := newHouse(t, "")
	token := h.token("mallory", "t1")
	res, _ := h.get("/orders/17", token)
	id := res.Header.Get("X-Request-Id")
	h.Stop()
	log, err := os.ReadFile(filepath.Join(h.dir, "data", "decisions.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(log, []byte(id)) || !bytes.Contains(log, []byte("policy.no_permit")) || bytes.Contains(log, []byte(token[:40])) {
		t.Errorf("%s", log)
	}
	var rec map[string]any
	if err := json.Unmarshal(bytes.SplitN(log, []byte("\n"), 2)[0], &rec); err != nil {
		t.Fatal(err)
	}
}

func TestRevocationBySocket(t *testing.T) {
	h := newHouse(t, "")
	token := h.token("alice", "to-be-revoked")
	if res, _ := h.get("/orders/1", token); res.StatusCode != 200 {
		t.Fatal(res.StatusCode)
	}
	c := admin.Dial(h.Socket())
	if fi, err := os.Stat(h.Socket()); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v, %v", fi.Mode(), err)
	}
	if err := c.Revoke(context.Background(), authn.Revocation{Kind: authn.RevokeToken, ID: "to-be-revoked"}); err != nil {
		t.Fatal(err)
	}
	if res, body := h.get("/orders/1", token); res.StatusCode != 401 || !strings.Contains(body, "revoked") {
		t.Fatalf("%d %s", res.StatusCode, body)
	}
	if err := c.Revoke(context.Background(), authn.Revocation{Kind: "nonsense", ID: "x"}); err == nil {
		t.Error("nonsense is revoked")
	}
	if st, err := c.Status(context.Background()); err != nil || !bytes.Contains(st, []byte(`"shop"`)) {
		t.Errorf("%s %v", st, err)
	}
}

func TestAdminShowsAndChangesNothing(t *testing.T) {
	h := newHouse(t, "")
	h.get("/public", "")
	for path, want := range map[string]string{"/healthz": "ok", "/readyz": "ready", "/metrics": `api_requests_total{endpoint="GET /public"`} {
		if _, body := h.send(http.DefaultClient, "http://"+h.AdminAddr()+path, ""); !strings.Contains(body, want) {
			t.Errorf("%s: %.200s", path, body)
		}
	}
	res, err := http.Post("http://"+h.AdminAddr()+"/reload", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode < 400 {
		t.Error("the admin address reloads")
	}
}

// A wrong configuration never replaces a good one, and no request fails while
// configurations are swapped.
func TestReload(t *testing.T) {
	h := newHouse(t, "")
	good := fmt.Sprintf(testConfig, h.upstream.URL, "")
	stop := make(chan struct{})
	var failed, done atomic.Int64
	var wg sync.WaitGroup
	token := h.token("alice", "t1")
	for range 4 {
		wg.Go(func() {
			c := &http.Client{Transport: &http.Transport{}}
			defer c.CloseIdleConnections()
			for {
				select {
				case <-stop:
					return
				default:
				}
				req, _ := http.NewRequest("GET", "http://"+h.Addr("plain")+"/orders/1", nil)
				req.Header.Set("Authorization", "Bearer "+token)
				res, err := c.Do(req)
				if err != nil {
					failed.Add(1)
					continue
				}
				io.Copy(io.Discard, res.Body)
				res.Body.Close()
				if res.StatusCode != 200 {
					failed.Add(1)
				}
				done.Add(1)
			}
		})
	}
	first := h.gateway.Snapshot().Hash
	for i := range 5 {
		h.write("gatehouse.yaml", good+fmt.Sprintf("      - {get: /new%d, id: new%d, access: public}\n", i, i))
		if err := h.Reload(context.Background()); err != nil {
			t.Fatal(err)
		}
		h.write("gatehouse.yaml", good+"nonsense: [")
		if err := h.Reload(context.Background()); err == nil {
			t.Fatal("a broken file was loaded")
		}
		h.write("gatehouse.yaml", good)
		h.write("shop.cedar", `permit(principal, action == Action::"shop.nothing", resource);`)
		if err := h.Reload(context.Background()); err == nil {
			t.Fatal("a broken policy was loaded")
		}
		h.write("shop.cedar", testPolicies)
		time.Sleep(20 * time.Millisecond)
	}
	close(stop)
	wg.Wait()
	if failed.Load() > 0 || done.Load() < 20 {
		t.Errorf("%d of %d requests failed", failed.Load(), done.Load())
	}
	if res, _ := h.get("/new4", ""); res.StatusCode != 200 || h.gateway.Snapshot().Hash == first {
		t.Error("the new operation is not served")
	}
}

func TestStopDrains(t *testing.T) {
	h := newHouse(t, "")
	got := make(chan string, 1)
	go func() {
		_, body := h.get("/slow", "")
		got <- body
	}()
	time.Sleep(100 * time.Millisecond)
	h.Stop()
	if body := <-got; body != "slow" {
		t.Errorf("a request under way got %q", body)
	}
	if _, err := net.Dial("tcp", h.Addr("plain")); err == nil {
		t.Error("the door is still open")
	}
	if _, err := os.Stat(h.Socket()); err == nil {
		t.Error("the socket is still there")
	}
}

func TestStreamsPass(t *testing.T) {
	h := newHouse(t, "")
	res, err := http.Get("http://" + h.Addr("plain") + "/events")
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(res.Body)
	for i := range 3 {
		for lines.Scan() && lines.Text() == "" {
		}
		if want := fmt.Sprintf("data: %d", i); lines.Text() != want {
			t.Fatalf("got %q, want %q", lines.Text(), want)
		}
	}
	res.Body.Close()
	c, err := net.Dial("tcp", h.Addr("plain"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "GET /chat HTTP/1.1\r\nHost: shop.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	r := bufio.NewReader(c)
	head, err := http.ReadResponse(r, nil)
	if err != nil || head.StatusCode != 101 {
		t.Fatalf("%v %v", head, err)
	}
	for i := range 3 {
		fmt.Fprintf(c, "line %d\n", i)
		if line, err := r.ReadString('\n'); err != nil || line != fmt.Sprintf("echo line %d\n", i) {
			t.Fatalf("%q %v", line, err)
		}
	}
}

// A dead upstream is a problem document, not a hole.
func TestDeadUpstream(t *testing.T) {
	h := newHouse(t, "")
	h.upstream.Close()
	res, body := h.get("/public", "")
	if res.StatusCode != 502 && res.StatusCode != 503 || res.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	if strings.Contains(body, "127.0.0.1") || strings.Contains(body, "refused") {
		t.Errorf("the problem tells tales: %s", body)
	}
}

func TestConnectionsPerAddress(t *testing.T) {
	h := newHouse(t, "limits_http: {connections_per_address: 3}\n")
	var open []net.Conn
	for range 3 {
		c, err := net.Dial("tcp", h.Addr("plain"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		open = append(open, c)
	}
	time.Sleep(50 * time.Millisecond)
	c, err := net.Dial("tcp", h.Addr("plain"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetReadDeadline(time.Now().Add(2 * time.Second))
	if _, err := c.Read(make([]byte, 1)); err != io.EOF && !strings.Contains(fmt.Sprint(err), "reset") {
		t.Errorf("a fourth connection: %v", err)
	}
	open[0].Close()
	for range 100 {
		if res, err := http.Get("http://" + h.Addr("plain") + "/public"); err == nil {
			res.Body.Close()
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Error("a closed connection's place is not free")
}

func TestProtectedResourceMetadata(t *testing.T) {
	h := newHouse(t, "")
	req, _ := http.NewRequest("GET", "http://"+h.Addr("plain")+"/.well-known/oauth-protected-resource", nil)
	req.Host = "shop.localhost"
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var doc struct {
		Resource              string
		Authorization_Servers []string
	}
	if err := json.NewDecoder(res.Body).Decode(&doc); err != nil || doc.Resource != "https://shop.localhost" || doc.Authorization_Servers[0] != "https://id.example" {
		t.Errorf("%+v %v", doc, err)
	}
}

func TestUnwritableDecisionLogStopsRequests(t *testing.T) {
	h := newHouse(t, "decisions: {file: /dev/full}\n")
	var last int
	for range 100 {
		res, _ := h.get("/public", "")
		if last = res.StatusCode; last == 503 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("requests go on unrecorded: %d", last)
}

func TestWrongConfigNeverStarts(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "gatehouse.yaml")
	for _, text := range []string{"", "version: 2", "version: 1\nlistners: []", "version: 1\nlisteners: [{name: a, address: 127.0.0.1:0}]\napis: [{name: x, upstream: nowhere}]"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if s, err := Start(context.Background(), Options{ConfigPath: path, Log: slog.New(slog.DiscardHandler)}); err == nil {
			s.Stop()
			t.Errorf("%q starts", text)
		}
	}
}
