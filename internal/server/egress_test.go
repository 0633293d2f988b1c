package server

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/jose"
)

const egressConfig = `version: 1
listeners:
  - {name: public, address: 127.0.0.1:0}
  - {name: egress, address: 127.0.0.1:0, egress: true}
  - {name: egress-compat, address: 127.0.0.1:0, egress: true, http1: compat}
admin: {address: 127.0.0.1:0}
authn:
  issuers:
    - {name: main, issuer: https://id.example, audience: [https://shop.example], algorithms: [ES256], keys: {file: jwks.json}}
policies: {files: [shop.cedar]}
upstreams:
  - {name: shop, endpoints: [{url: %q}]}
  - name: partner
    endpoints: [{url: %q}]
    protocol: %s
    tls: {ca: partner.pem, server_name: example.com}
apis:
  - name: shop
    hosts: [shop.localhost]
    upstream: shop
    operations: [{get: "/{path...}", id: any, access: public}]
  - name: partner
    hosts: [api.partner.example]
    upstream: partner
    authenticate: [main]
    egress: {%s, addresses: [127.0.0.1/32], credential: {header: X-Partner-Key, value: "key ${file:secret}"}}
    operations:
      - {get: /rates, id: rates}
      - {any: "/open/{path...}", id: open, access: public}
      - {get: /.well-known/oauth-protected-resource, id: theirs, access: public}
`

const partnerSecret = "s3cret-of-the-partner"

// partner is a third party's API, whose answers a test chooses.
type partner struct {
	*httptest.Server
	mu     sync.Mutex
	answer http.HandlerFunc
	got    []*http.Request
}

func (p *partner) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.got = append(p.got, r)
	answer := p.answer
	p.mu.Unlock()
	answer(w, r)
}

// says sets the answer, and forgets what was asked.
func (p *partner) says(h http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer, p.got = h, nil
}

func (p *partner) asked() []*http.Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.got
}

// newEgress starts a gateway between services and a third party.
func newEgress(t *testing.T, egress, protocol string) (*house, *partner) {
	t.Helper()
	h := &house{t: t, dir: t.TempDir()}
	h.upstream = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.hits.Add(1) }))
	t.Cleanup(h.upstream.Close)
	p := &partner{answer: func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "{}") }}
	p.Server = httptest.NewUnstartedServer(p)
	p.EnableHTTP2 = true
	p.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	p.StartTLS()
	t.Cleanup(p.Close)
	var err error
	if h.key, err = jose.GenerateKey("k1", jose.ES256); err != nil {
		t.Fatal(err)
	}
	set, err := jose.NewKeySet(h.key.Public()).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	h.write("jwks.json", string(set))
	h.write("shop.cedar", `permit(principal is User, action == Action::"partner.rates", resource) when { principal.subject == "alice" };`)
	h.write("secret", partnerSecret+"\n")
	h.write("partner.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate().Raw})))
	h.write("gatehouse.yaml", fmt.Sprintf(egressConfig, h.upstream.URL, p.URL, protocol, egress))
	var diags config.Diagnostics
	h.Server, err = Start(context.Background(), Options{ConfigPath: filepath.Join(h.dir, "gatehouse.yaml"), Log: slog.New(slog.NewTextHandler(&h.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Warn: func(d config.Diagnostics) { diags = d }, Drain: time.Second})
	if err != nil {
		t.Fatalf("%v\n%s", err, diags)
	}
	t.Cleanup(h.Stop)
	return h, p
}

// proxied calls through the egress listener as a forward proxy; redirects are not
// followed.
func (h *house) proxied(listener string) *http.Client {
	tr := &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: h.Addr(listener)}), DisableCompression: true}
	h.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// call sends a request and returns the answer, its body and the error that ended it.
func (h *house) call(c *http.Client, method, url string, fields ...string) (*http.Response, string, error) {
	h.t.Helper()
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		if fields[i] == "Host" {
			req.Host = fields[i+1]
			continue
		}
		req.Header.Add(fields[i], fields[i+1])
	}
	res, err := c.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res, string(body), err
}

// code is the reason in a problem document, or "".
func code(body string) string {
	var problem struct{ Code string }
	_ = json.Unmarshal([]byte(body), &problem)
	return problem.Code
}

const partnerURL = "http://api.partner.example"

// Each door has its own APIs, however a service names the destination.
func TestEgressDestinations(t *testing.T) {
	t.Parallel()
	h, p := newEgress(t, "redirects: refuse", "auto")
	for _, listener := range []string{"egress", "egress-compat"} {
		direct := &http.Client{Timeout: 20 * time.Second}
		at := "http://" + h.Addr(listener)
		tr := &http.Transport{Protocols: new(http.Protocols)}
		tr.Protocols.SetUnencryptedHTTP2(true)
		t.Cleanup(tr.CloseIdleConnections)
		h2c := &http.Client{Transport: tr, Timeout: 20 * time.Second}
		for _, c := range []struct {
			name   string
			client *http.Client
			url    string
			host   string
			status int
			code   string
		}{
			{"absolute form", h.proxied(listener), partnerURL + "/open/x", "", 200, ""},
			{"absolute form, in capitals", h.proxied(listener), "http://API.Partner.Example/open/x", "", 200, ""},
			{"by Host", direct, at + "/open/x", "api.partner.example", 200, ""},
			{"by Host with a port", direct, at + "/open/x", "api.partner.example:9080", 200, ""},
			{"a host that nobody lists", h.proxied(listener), "http://evil.example/open/x", "", 403, "egress.destination"},
			{"metadata", h.proxied(listener), "http://169.254.169.254/latest/meta-data/", "", 403, "egress.destination"},
			{"a host below", h.proxied(listener), "http://x.api.partner.example/open/x", "", 403, "egress.destination"},
			{"an API of the house", h.proxied(listener), "http://shop.localhost/x", "", 403, "egress.destination"},
			{"an API of the house by Host", direct, at + "/x", "shop.localhost", 403, "egress.destination"},
			{"the gateway itself", direct, at + "/open/x", "", 403, "egress.destination"},
			{"what the API does not list", h.proxied(listener), partnerURL + "/admin", "", 404, "match.undocumented"},
			{"by :authority", h2c, at + "/open/x", "api.partner.example", 200, ""},
			{"by an :authority that nobody lists", h2c, at + "/open/x", "evil.example", 403, "egress.destination"},
			{"the third party's own metadata", h.proxied(listener), partnerURL + "/.well-known/oauth-protected-resource", "", 200, ""},
			{"the third party, from outside", direct, "http://" + h.Addr("public") + "/open/x", "api.partner.example", 404, "match.no_api"},
			{"its metadata, from outside", direct, "http://" + h.Addr("public") + "/.well-known/oauth-protected-resource", "api.partner.example", 404, "match.no_api"},
			{"the third party through the public door as a proxy", h.proxied("public"), partnerURL + "/open/x", "", 404, "match.no_api"},
		} {
			p.says(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "theirs") })
			fields := []string{}
			if c.host != "" {
				fields = []string{"Host", c.host}
			}
			res, body, _ := h.call(c.client, "GET", c.url, fields...)
			if res.StatusCode != c.status || code(body) != c.code {
				t.Errorf("%s, %s: %d %s", listener, c.name, res.StatusCode, body)
			}
			asked := p.asked()
			if (c.status == 200) != (len(asked) == 1) || c.status == 200 && body != "theirs" {
				t.Errorf("%s, %s: the third party was asked %d times, %q", listener, c.name, len(asked), body)
			}
			if len(asked) == 1 {
				if want := "example.com:" + port(p.URL); asked[0].Host != want || asked[0].TLS == nil || asked[0].TLS.ServerName != "example.com" {
					t.Errorf("%s, %s: Host %s", listener, c.name, asked[0].Host)
				}
			}
		}
		p.says(func(http.ResponseWriter, *http.Request) { t.Error("what is refused went through") })
		for request, status := range map[string]int{ // net/http (compat) goes by the target where Host differs, and is otherwise as strict
			"CONNECT api.partner.example:443 HTTP/1.1\r\nHost: api.partner.example:443":                       405,
			"GET http://api.partner.example/open/x HTTP/1.1\r\nHost: evil.example":                            400,
			"GET http://evil.example/open/x HTTP/1.1\r\nHost: api.partner.example":                            400,
			"GET http://api.partner.example@evil.example/ HTTP/1.1\r\nHost: api.partner.example@evil.example": 400,
			"GET ftp://api.partner.example/open/x HTTP/1.1\r\nHost: api.partner.example":                      400,
			"TRACE http://api.partner.example/open/x HTTP/1.1\r\nHost: api.partner.example":                   405,
		} {
			if listener == "egress-compat" && strings.Contains(request, "Host: evil") {
				continue
			}
			raw := h.dial(listener)
			fmt.Fprintf(raw, "%s\r\n\r\n", request)
			if res, err := http.ReadResponse(bufio.NewReader(raw), nil); err != nil || listener == "egress" && res.StatusCode != status || res.StatusCode < 400 {
				t.Errorf("%s: %s: %v %v", listener, request, res, err)
			}
		}
	}
	if h.hits.Load() != 0 {
		t.Error("a service of the house was reached through the egress door")
	}
}

func port(u string) string {
	_, p, _ := net.SplitHostPort(strings.TrimPrefix(u, "https://"))
	return p
}

// Callers are judged as everywhere; what they showed stays here, and the third
// party's credential stays hidden from them.
func TestEgressCredentials(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"http1", "h2"} {
		h, p := newEgress(t, "redirects: refuse", protocol)
		p.says(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Set-Cookie", "theirs=1")
			w.Header().Set("Strict-Transport-Security", "max-age=1")
			w.Header().Set("Alt-Svc", `h3=":443"`)
			w.Header().Set("Clear-Site-Data", `"*"`)
			w.Header().Set("Access-Control-Allow-Origin", "*")
			w.Header().Set("X-Accel-Redirect", "/internal")
			w.Header().Set("X-LiteSpeed-Location", "/internal")
			w.Header().Set("CDN-Cache-Control", "public, max-age=60")
			w.Header().Set("X-Edge-CDN-Cache-Control", "public, max-age=60")
			w.Header().Set("X-Request-Id", "forged")
			w.Header().Set("X-Rate", "7")
			io.WriteString(w, "rates")
		})
		c := h.proxied("egress")
		if res, body, _ := h.call(c, "GET", partnerURL+"/rates"); res.StatusCode != 401 || strings.Contains(res.Header.Get("Www-Authenticate"), "resource_metadata") {
			t.Errorf("nobody: %d %s %v", res.StatusCode, body, res.Header)
		}
		if res, _, _ := h.call(c, "GET", partnerURL+"/rates", "Authorization", "Bearer "+h.token("bob", "b")); res.StatusCode != 403 {
			t.Errorf("bob: %d", res.StatusCode)
		}
		if n := len(p.asked()); n != 0 {
			t.Fatalf("%d calls went through", n)
		}
		token := h.token("alice", "a")
		res, body, _ := h.call(c, "GET", partnerURL+"/rates", "Authorization", "Bearer "+token, "Cookie", "session=house", "x_partner_key", "forged", "X-Partner-Key", "forged",
			"Proxy-Authorization", "Basic aaaa", "X-Api-Key", "house", "DPoP", "proof", "Baggage", "user=alice", "Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "X-Kept", "yes")
		if res.StatusCode != 200 || body != "rates" || res.Header.Get("X-Rate") != "7" {
			t.Fatalf("alice: %d %s", res.StatusCode, body)
		}
		for _, name := range []string{"Set-Cookie", "Strict-Transport-Security", "Alt-Svc", "Clear-Site-Data", "Access-Control-Allow-Origin", "X-Accel-Redirect",
			"X-Litespeed-Location", "Cdn-Cache-Control", "X-Edge-Cdn-Cache-Control"} {
			if v, has := res.Header[name]; has {
				t.Errorf("the service got %s: %s", name, v)
			}
		}
		if id := res.Header.Get("X-Request-Id"); len(id) != 26 {
			t.Errorf("request id %s", id)
		}
		got := p.asked()[0].Header
		if v := got["X-Partner-Key"]; len(v) != 1 || v[0] != "key "+partnerSecret || got.Get("X-Kept") != "yes" {
			t.Errorf("the third party got %v", got)
		}
		for _, name := range []string{"Authorization", "Cookie", "X_partner_key", "x_partner_key", "Proxy-Authorization", "X-Api-Key", "Dpop", "Baggage", "Traceparent", "Tracestate",
			"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
			if v, has := got[name]; has {
				t.Errorf("the third party got %s: %s", name, v)
			}
		}
		h.Stop()
		records, err := os.ReadFile(filepath.Join(h.dir, "data", "decisions.jsonl"))
		if err != nil || !bytes.Contains(records, []byte(`"api":"partner"`)) {
			t.Errorf("%v, %s", err, records)
		}
		routes, err := Routes(h.current.cfg, h.dir)
		if err != nil {
			t.Error(err)
		}
		for what, text := range map[string]string{"the log": h.log.String(), "a decision": string(records), "the routes": fmt.Sprint(routes), "the answer": fmt.Sprint(res.Header, body)} {
			if strings.Contains(text, partnerSecret) {
				t.Errorf("the credential stands in %s", what)
			}
		}
	}
}

func TestEgressCookies(t *testing.T) {
	t.Parallel()
	h, p := newEgress(t, "cookies: true", "auto")
	p.says(func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Set-Cookie", "theirs=1") })
	res, _, _ := h.call(h.proxied("egress"), "GET", partnerURL+"/open/x", "Cookie", "theirs=0")
	if res.Header.Get("Set-Cookie") != "theirs=1" || p.asked()[0].Header.Get("Cookie") != "theirs=0" {
		t.Errorf("%v, %v", res.Header, p.asked()[0].Header)
	}
}

// A redirect is followed by nobody here, and handed on only where it may lead.
func TestEgressRedirects(t *testing.T) {
	t.Parallel()
	for rule, passing := range map[string][]string{
		"refuse":    {},
		"same_host": {"/y", "y?z=1", "https://example.com/y", "http://api.partner.example/y", "//API.partner.example/y"},
		"[cdn.partner.example]": {"/y", "y?z=1", "https://example.com/y", "http://api.partner.example/y", "//API.partner.example/y",
			"https://cdn.partner.example/y"},
	} {
		h, p := newEgress(t, "redirects: "+rule, "auto")
		c := h.proxied("egress")
		for _, location := range []string{"/y", "y?z=1", "https://example.com/y", "http://api.partner.example/y", "//API.partner.example/y", "https://cdn.partner.example/y",
			"https://evil.example/", "//evil.example/", `/\evil.example`, `\\evil.example`, "https://api.partner.example@evil.example/", "https:evil.example", "///evil.example",
			"javascript:alert(1)", "http://169.254.169.254/", "https://api.partner.example.evil.example/", "https://api.partner.example:22/", "file:///etc/passwd", "gopher://api.partner.example/"} {
			for _, status := range []int{301, 302, 303, 307, 308, 300, 399} {
				p.says(func(w http.ResponseWriter, r *http.Request) {
					w.Header()["Location"] = []string{location}
					w.WriteHeader(status)
				})
				res, body, _ := h.call(c, "GET", partnerURL+"/open/x")
				passes := false
				for _, l := range passing {
					passes = passes || l == location
				}
				if passes && (res.StatusCode != status || res.Header.Get("Location") != location) || !passes && (res.StatusCode != 502 || code(body) != "egress.redirect" || res.Header.Get("Location") != "") {
					t.Errorf("%s, %d to %s: %d %q %s", rule, status, location, res.StatusCode, res.Header.Get("Location"), body)
				}
				if n := len(p.asked()); n != 1 {
					t.Errorf("%s: asked %d times", location, n)
				}
			}
		}
		p.says(func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Location"] = []string{"/a", "/b"}
			w.WriteHeader(302)
		})
		if res, body, _ := h.call(c, "GET", partnerURL+"/open/x"); res.StatusCode != 502 || code(body) != "egress.redirect" {
			t.Errorf("two places: %d %s", res.StatusCode, body)
		}
		p.says(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(304) })
		if res, _, _ := h.call(c, "GET", partnerURL+"/open/x"); res.StatusCode != 304 {
			t.Errorf("304: %d", res.StatusCode)
		}
		h.Stop()
	}
}

// Answers that are too long are refused where they say so, and cut where they do
// not; an endless one costs the third party's time, not the service's memory.
func TestEgressLength(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"http1", "h2"} {
		h, p := newEgress(t, "answer_bytes: 64KiB", protocol)
		const most = 64 << 10
		for _, listener := range []string{"egress", "egress-compat"} {
			c := h.proxied(listener)
			for _, size := range []int{0, 1, most, most + 1, 10 * most} {
				for _, announced := range []bool{true, false} {
					p.says(func(w http.ResponseWriter, r *http.Request) {
						if announced {
							w.Header().Set("Content-Length", strconv.Itoa(size))
						} else {
							w.(http.Flusher).Flush()
						}
						w.Write(bytes.Repeat([]byte("x"), size))
					})
					res, body, err := h.call(c, "GET", partnerURL+"/open/x")
					what := fmt.Sprintf("%s, %s, %d bytes, announced %v: %d, %d bytes, %v", protocol, listener, size, announced, res.StatusCode, len(body), err)
					switch {
					case size <= most:
						if res.StatusCode != 200 || len(body) != size || err != nil {
							t.Error(what)
						}
					case announced:
						if res.StatusCode != 502 || code(body) != "egress.length" {
							t.Error(what)
						}
					default:
						if res.StatusCode == 200 && (err == nil || len(body) > most) || res.StatusCode != 200 && code(body) != "egress.length" {
							t.Error(what)
						}
					}
				}
			}
			ended := make(chan struct{}, 1)
			p.says(func(w http.ResponseWriter, r *http.Request) {
				for r.Context().Err() == nil {
					if _, err := w.Write(make([]byte, 4096)); err != nil {
						break
					}
					w.(http.Flusher).Flush()
				}
				ended <- struct{}{}
			})
			if _, body, err := h.call(c, "GET", partnerURL+"/open/x"); err == nil || len(body) > most {
				t.Errorf("%s, %s: endless: %d bytes, %v", protocol, listener, len(body), err)
			}
			select {
			case <-ended:
			case <-time.After(10 * time.Second):
				t.Error("the third party goes on")
			}
			p.says(func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Content-Length", "99999999") })
			if res, _, err := h.call(c, "HEAD", partnerURL+"/open/x"); res.StatusCode != 200 || err != nil {
				t.Errorf("HEAD: %d %v", res.StatusCode, err)
			}
			p.says(func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(500)
				io.WriteString(w, "stack trace")
			})
			if res, body, _ := h.call(c, "GET", partnerURL+"/open/x"); res.StatusCode != 500 || code(body) != "upstream.error" {
				t.Errorf("an error of theirs: %d %s", res.StatusCode, body)
			}
		}
		h.Stop()
	}
}

func TestEgressTypesAndModes(t *testing.T) {
	t.Parallel()
	h, p := newEgress(t, "answer_bytes: 64KiB, answer_types: [application/json, text/*]", "auto")
	c := h.proxied("egress")
	send := func(types []string) (int, string) {
		p.says(func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Content-Type"] = types
			io.WriteString(w, "{}")
		})
		res, body, _ := h.call(c, "GET", partnerURL+"/open/x")
		return res.StatusCode, code(body)
	}
	for _, tt := range []struct {
		types []string
		ok    bool
	}{
		{[]string{"application/json"}, true}, {[]string{"Application/JSON; charset=utf-8"}, true}, {[]string{"text/csv"}, true},
		{[]string{"application/xml"}, false}, {[]string{"application/jsonp"}, false}, {nil, false}, {[]string{"application/json", "text/html"}, false}, {[]string{""}, false},
	} {
		status, reason := send(tt.types)
		if tt.ok && status != 200 || !tt.ok && (status != 502 || reason != "egress.type") {
			t.Errorf("%q: %d %s", tt.types, status, reason)
		}
	}
	p.says(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) })
	if res, _, _ := h.call(c, "GET", partnerURL+"/open/x"); res.StatusCode != 204 {
		t.Errorf("no body: %d", res.StatusCode)
	}

	h.edit("    authenticate: [main]\n    egress", "    authenticate: [main]\n    modes: {egress: monitor}\n    egress")
	if status, _ := send([]string{"application/xml"}); status != 200 {
		t.Errorf("monitor: %d", status)
	}
	p.says(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", "theirs=1")
		w.(http.Flusher).Flush()
		w.Write(make([]byte, 1<<20))
	})
	if res, body, err := h.call(c, "GET", partnerURL+"/open/x"); res.StatusCode != 200 || len(body) != 1<<20 || err != nil || res.Header.Get("Set-Cookie") != "" {
		t.Errorf("a long answer in monitor: %d, %d bytes, %v", res.StatusCode, len(body), err)
	}
	h.Stop()
	records, err := os.ReadFile(filepath.Join(h.dir, "data", "decisions.jsonl"))
	lines := strings.Split(strings.TrimSpace(string(records)), "\n")
	if last := lines[len(lines)-1]; err != nil || !strings.Contains(last, `"would_block":true`) || !strings.Contains(last, `"egress.length"`) {
		t.Errorf("%v, %s", err, last)
	}
}

// edit changes the configuration and reloads it.
func (h *house) edit(old, new string) {
	h.t.Helper()
	name := filepath.Join(h.dir, "gatehouse.yaml")
	text, err := os.ReadFile(name)
	if err != nil || !bytes.Contains(text, []byte(old)) {
		h.t.Fatalf("%v, no %q in the configuration", err, old)
	}
	h.write("gatehouse.yaml", strings.Replace(string(text), old, new, 1))
	if err := h.Reload(context.Background()); err != nil {
		h.t.Fatal(err)
	}
}

// A destination that is taken off the list is closed to connections that are open.
func TestEgressReload(t *testing.T) {
	t.Parallel()
	h, p := newEgress(t, "redirects: refuse", "auto")
	c := h.proxied("egress")
	if res, _, _ := h.call(c, "GET", partnerURL+"/open/x"); res.StatusCode != 200 {
		t.Fatal(res.StatusCode)
	}
	h.edit("hosts: [api.partner.example]", "hosts: [other.partner.example]")
	if res, body, _ := h.call(c, "GET", partnerURL+"/open/x"); res.StatusCode != 403 || code(body) != "egress.destination" {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	if res, _, _ := h.call(c, "GET", "http://other.partner.example/open/x"); res.StatusCode != 200 {
		t.Errorf("the new name: %d", res.StatusCode)
	}
	name := filepath.Join(h.dir, "gatehouse.yaml")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	h.write("gatehouse.yaml", strings.Replace(string(text), "addresses: [127.0.0.1/32]", "addresses: [127.0.0.2/32]", 1))
	if err := h.Reload(context.Background()); err == nil || !strings.Contains(err.Error(), "no public address") {
		t.Errorf("a private address that is not listed: %v", err)
	}
	h.write("gatehouse.yaml", string(text))
	h.write("secret", "another")
	if err := h.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	h.call(c, "GET", "http://other.partner.example/open/x")
	if asked := p.asked(); asked[len(asked)-1].Header.Get("X-Partner-Key") != "key another" {
		t.Error("the old credential is in use")
	}
	// A door does not change its kind while connections are open.
	h.write("gatehouse.yaml", strings.Replace(string(text), "{name: public, address: 127.0.0.1:0}", "{name: public, address: 127.0.0.1:0, egress: true}\n  - {name: new, address: 127.0.0.1:0}", 1))
	if err := h.Reload(context.Background()); err == nil || !strings.Contains(err.Error(), "egress listener") {
		t.Errorf("the public door became an egress door: %v", err)
	}
	if strings.Contains(h.log.String(), partnerSecret) || strings.Contains(h.log.String(), "key another") {
		t.Error("the credential stands in the log")
	}
}
