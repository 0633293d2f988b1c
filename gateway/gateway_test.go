package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

// control is a Control made of functions.
type control struct {
	name     string
	body     gatehouse.BodyNeed
	check    func(x *gatehouse.Exchange) (gatehouse.Verdict, error)
	finished int
}

func (c *control) Name() string             { return c.name }
func (c *control) Body() gatehouse.BodyNeed { return c.body }
func (c *control) Finish(*gatehouse.Exchange) {
	c.finished++
}
func (c *control) Check(_ context.Context, x *gatehouse.Exchange) (gatehouse.Verdict, error) {
	return c.check(x)
}

func says(v gatehouse.Verdict, err error) *control {
	return &control{name: "test", check: func(*gatehouse.Exchange) (gatehouse.Verdict, error) { return v, err }}
}

// forwarder is a Forwarder made of a function.
type forwarder func(x *gatehouse.Exchange, w gatehouse.ResponseWriter) error

func (f forwarder) Forward(_ context.Context, x *gatehouse.Exchange, w gatehouse.ResponseWriter) error {
	return f(x, w)
}

func answers(status int, body string, h ...gatehouse.Field) forwarder {
	return func(x *gatehouse.Exchange, w gatehouse.ResponseWriter) error {
		if err := w.WriteHead(status, h); err != nil {
			return err
		}
		_, err := io.WriteString(w, body)
		return err
	}
}

// decisions keeps what an Observer sees.
type decisions []gatehouse.Decision

func (d *decisions) Observe(x *gatehouse.Exchange) {
	c := x.Decision
	c.Judgments = append([]gatehouse.Judgment(nil), c.Judgments...)
	*d = append(*d, c)
}

type fixture struct {
	door      *Door
	route     *Route
	site      *Site
	decisions decisions
	gateway   *Gateway
}

func newFixture(t *testing.T, f gatehouse.Forwarder, stages ...Stage) *fixture {
	t.Helper()
	api := &gatehouse.API{Name: "api", Hosts: []string{"*"}, BasePath: "/"}
	op := &gatehouse.Operation{API: api, ID: "any", Method: "*", Path: "/{path...}", Endpoint: "* /{path...}"}
	fx := &fixture{route: &Route{Operation: op, Stages: stages, AuthMode: gatehouse.Enforce, DefaultDeny: gatehouse.Enforce, Forwarder: f}}
	site, err := NewSite(api, []*Route{fx.route})
	if err != nil {
		t.Fatal(err)
	}
	router, err := NewRouter([]*Site{site})
	if err != nil {
		t.Fatal(err)
	}
	fx.site = site
	fx.gateway = New(&Snapshot{Hash: "h", Router: router, Limits: DefaultLimits()},
		Equipment{Observers: []gatehouse.Observer{&fx.decisions}, Log: slog.New(slog.DiscardHandler)})
	fx.door = NewDoor(fx.gateway)
	return fx
}

func (f *fixture) do(r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	f.door.ServeHTTP(w, r)
	return w.Result()
}

func (f *fixture) last() gatehouse.Decision { return f.decisions[len(f.decisions)-1] }

var (
	permit = gatehouse.Permitted(gatehouse.Reason{})
	deny   = gatehouse.Denied(0, gatehouse.Reason{Code: "test.no"})
)

func head(c gatehouse.Control, m gatehouse.Mode) Stage {
	return NewStage(gatehouse.StepJudgeHead, c, m)
}

// Whatever a control does short of a clear pass or permit denies in enforce, and
// never in monitor.
func TestVerdicts(t *testing.T) {
	panics := &control{name: "test", check: func(*gatehouse.Exchange) (gatehouse.Verdict, error) { panic("oh") }}
	for _, c := range []struct {
		name        string
		control     *control
		mode        gatehouse.Mode
		status      int
		code        string
		wouldBlock  bool
		defaultDeny gatehouse.Mode
	}{
		{"permit", says(permit, nil), gatehouse.Enforce, 200, "", false, gatehouse.Enforce},
		{"pass is no permit", says(gatehouse.Passed(), nil), gatehouse.Enforce, 403, "access.no_permit", false, gatehouse.Enforce},
		{"deny", says(deny, nil), gatehouse.Enforce, 403, "test.no", false, gatehouse.Enforce},
		{"zero verdict", says(gatehouse.Verdict{}, nil), gatehouse.Enforce, 503, "control.undecided", false, gatehouse.Enforce},
		{"unknown outcome", says(gatehouse.Verdict{Outcome: 77}, nil), gatehouse.Enforce, 403, "gateway.blocked", false, gatehouse.Enforce},
		{"error", says(permit, errors.New("broken")), gatehouse.Enforce, 503, "control.error", false, gatehouse.Enforce},
		{"panic", panics, gatehouse.Enforce, 503, "control.panic", false, gatehouse.Enforce},
		{"off", says(permit, nil), gatehouse.Off, 403, "access.no_permit", false, gatehouse.Enforce},
		{"monitor deny", says(deny, nil), gatehouse.Monitor, 200, "", true, gatehouse.Monitor},
		{"monitor error", says(permit, errors.New("broken")), gatehouse.Monitor, 200, "", true, gatehouse.Monitor},
		{"monitor panic", panics, gatehouse.Monitor, 200, "", true, gatehouse.Monitor},
		{"monitored limit does not open the door", says(deny, nil), gatehouse.Monitor, 403, "access.no_permit", true, gatehouse.Enforce},
		{"monitor without permit", says(gatehouse.Passed(), nil), gatehouse.Monitor, 200, "", true, gatehouse.Monitor},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t, answers(200, "secret"), head(c.control, c.mode))
			f.route.DefaultDeny = c.defaultDeny
			res := f.do(httptest.NewRequest("GET", "/x", nil))
			body, _ := io.ReadAll(res.Body)
			if res.StatusCode != c.status || c.status == 200 != (string(body) == "secret") {
				t.Fatalf("status %d, body %q", res.StatusCode, body)
			}
			d := f.last()
			if d.WouldBlock != c.wouldBlock || d.Status != c.status {
				t.Errorf("decision %+v", d)
			}
			if c.status == 200 {
				return
			}
			var p struct {
				Status           int
				Code, Request_ID string
			}
			if err := json.Unmarshal(body, &p); err != nil || p.Status != c.status || p.Code != c.code || len(p.Request_ID) != 26 {
				t.Errorf("problem %s (%v)", body, err)
			}
			if got := res.Header.Get("Content-Type"); got != "application/problem+json" {
				t.Errorf("content type %q", got)
			}
			if bytes.Contains(body, []byte("broken")) || bytes.Contains(body, []byte("oh")) {
				t.Errorf("the problem tells tales: %s", body)
			}
		})
	}
}

func TestPublicOperationNeedsNoPermit(t *testing.T) {
	f := newFixture(t, answers(200, "ok"))
	f.route.Operation.Access = gatehouse.AccessPublic
	if res := f.do(httptest.NewRequest("GET", "/x", nil)); res.StatusCode != 200 {
		t.Fatal(res.StatusCode)
	}
}

// authenticator proves or refuses whoever calls.
type authenticator struct {
	p   *gatehouse.Principal
	err error
}

func (a authenticator) Authenticate(context.Context, *gatehouse.Exchange) (*gatehouse.Principal, error) {
	return a.p, a.err
}
func (a authenticator) Challenge(*gatehouse.Exchange, int, gatehouse.Reason) []gatehouse.Field {
	return []gatehouse.Field{{Name: "WWW-Authenticate", Value: "Bearer"}}
}
func (a authenticator) StillGood(*gatehouse.Principal, time.Time) error { return a.err }

func TestIdentify(t *testing.T) {
	alice := &gatehouse.Principal{Subject: "alice", Method: gatehouse.MethodJWT}
	needsAlice := &control{name: "policy", check: func(x *gatehouse.Exchange) (gatehouse.Verdict, error) {
		if x.Principal.Subject == "alice" {
			return permit, nil
		}
		return gatehouse.Denied(403, gatehouse.Reason{Code: "policy.no_permit"}), nil
	}}
	for _, c := range []struct {
		name   string
		a      authenticator
		mode   gatehouse.Mode
		status int
		code   string
	}{
		{"known", authenticator{p: alice}, gatehouse.Enforce, 200, ""},
		{"nobody", authenticator{err: gatehouse.ErrNoCredential}, gatehouse.Enforce, 401, "policy.no_permit"},
		{"bad token", authenticator{err: &gatehouse.Error{Code: "token.expired", Status: 401}}, gatehouse.Enforce, 401, "token.expired"},
		{"bad token with a principal", authenticator{p: alice, err: &gatehouse.Error{Code: "token.expired"}}, gatehouse.Monitor, 401, "policy.no_permit"},
		{"cannot judge", authenticator{err: &gatehouse.Error{Code: "keys.unavailable", Status: 503}}, gatehouse.Enforce, 503, "keys.unavailable"},
		{"nothing at all", authenticator{}, gatehouse.Enforce, 503, "authn.undecided"},
		{"identify off", authenticator{p: alice}, gatehouse.Off, 401, "policy.no_permit"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t, answers(200, "ok"), head(needsAlice, gatehouse.Enforce))
			f.route.Authenticator, f.route.AuthMode = c.a, c.mode
			res := f.do(httptest.NewRequest("GET", "/x", nil))
			if res.StatusCode != c.status || f.last().Reason.Code != c.code {
				t.Fatalf("status %d, %+v", res.StatusCode, f.last().Reason)
			}
			if c.status == 401 && res.Header.Get("WWW-Authenticate") == "" {
				t.Error("401 without a challenge")
			}
		})
	}
}

func TestOutboundVouchesAnew(t *testing.T) {
	var seen gatehouse.Header
	f := newFixture(t, forwarder(func(x *gatehouse.Exchange, w gatehouse.ResponseWriter) error {
		seen = append(gatehouse.Header(nil), x.Outbound.Header...)
		return w.WriteHead(204, nil)
	}), head(says(permit, nil), gatehouse.Enforce))
	f.route.Vouch = Vouch{Headers: []string{"authorization"}, Cookie: "tok"}
	rules, err := NewHeaderRules(map[string]string{"x-trace-id": "{request.id}", "x-who": "[{principal.subject}]"}, nil, []string{"X-Debug"})
	if err != nil {
		t.Fatal(err)
	}
	f.route.RequestHeader = rules
	r := httptest.NewRequest("GET", "/x", nil)
	for name, value := range map[string]string{"X-Forwarded-For": "6.6.6.6", "X_Forwarded_For": "6.6.6.6", "Forwarded": "for=6.6.6.6",
		"X-Gatehouse-Subject": "admin", "X-Client-Cert": "x", "Connection": "close, X-Hop", "X-Hop": "1", "Te": "trailers",
		"Authorization": "Bearer t", "Cookie": "a=1; tok=secret; b=2", "X-Debug": "1", "Accept": "*/*", "Upgrade": "h2c"} {
		r.Header[name] = []string{value}
	}
	r.RemoteAddr = "192.0.2.7:1234"
	if res := f.do(r); res.StatusCode != 204 {
		t.Fatal(res.StatusCode)
	}
	for name, want := range map[string]string{"X-Forwarded-For": "192.0.2.7", "X_Forwarded_For": "", "Forwarded": "", "X-Gatehouse-Subject": "",
		"X-Client-Cert": "", "Connection": "", "X-Hop": "", "Te": "", "Authorization": "", "Cookie": "a=1; b=2", "X-Debug": "", "Accept": "*/*",
		"Upgrade": "", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "example.com", "X-Who": "[]"} {
		if got := seen.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if id := seen.Get("X-Trace-Id"); len(id) != 26 || id != seen.Get("X-Request-Id") {
		t.Errorf("trace id %q", id)
	}
	if tp := seen.Get("Traceparent"); len(tp) != 55 {
		t.Errorf("traceparent %q", tp)
	}
}

func TestTrustedProxies(t *testing.T) {
	f := newFixture(t, answers(204, ""), head(says(permit, nil), gatehouse.Enforce))
	var addr string
	f.route.Forwarder = forwarder(func(x *gatehouse.Exchange, w gatehouse.ResponseWriter) error {
		addr = x.Peer.Addr.String() + " " + x.Request.Scheme
		return w.WriteHead(204, nil)
	})
	s := *f.gateway.Snapshot()
	s.Trusted = mustPrefixes("10.0.0.0/8")
	f.gateway.Swap(&s)
	for _, c := range []struct {
		remote string
		h      map[string]string
		want   string
		status int
	}{
		{"192.0.2.1:1", map[string]string{"X-Forwarded-For": "6.6.6.6"}, "192.0.2.1 http", 204},
		{"10.0.0.1:1", map[string]string{"X-Forwarded-For": "6.6.6.6"}, "6.6.6.6 http", 204},
		{"10.0.0.1:1", map[string]string{"X-Forwarded-For": "1.1.1.1, 6.6.6.6, 10.0.0.9"}, "6.6.6.6 http", 204},
		{"10.0.0.1:1", map[string]string{"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "https"}, "6.6.6.6 https", 204},
		{"10.0.0.1:1", map[string]string{"Forwarded": `for="[2001:db8::1]:99";proto=https`}, "2001:db8::1 http", 204},
		{"10.0.0.1:1", map[string]string{"Forwarded": "for=1.2.3.4", "X-Forwarded-For": "6.6.6.6"}, "", 400},
		{"10.0.0.1:1", map[string]string{"X-Forwarded-For": "unknown"}, "", 400},
	} {
		addr = ""
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.remote
		for k, v := range c.h {
			r.Header.Set(k, v)
		}
		if res := f.do(r); res.StatusCode != c.status || addr != c.want {
			t.Errorf("%v: %d %q, want %d %q", c.h, res.StatusCode, addr, c.status, c.want)
		}
	}
}

func TestBodies(t *testing.T) {
	whole := &control{name: "whole", body: gatehouse.BodyWhole, check: func(x *gatehouse.Exchange) (gatehouse.Verdict, error) {
		b, ok := x.Request.Body.Bytes()
		if !ok {
			return gatehouse.Verdict{}, nil
		}
		if bytes.Contains(b, []byte("bad")) {
			return deny, nil
		}
		return permit, nil
	}}
	echo := forwarder(func(x *gatehouse.Exchange, w gatehouse.ResponseWriter) error {
		b, err := io.ReadAll(&x.Request.Body)
		if err != nil {
			return err
		}
		return answers(200, string(b))(x, w)
	})
	for _, stages := range [][]Stage{{NewStage(gatehouse.StepJudgeHead, says(permit, nil), gatehouse.Enforce)},
		{head(says(permit, nil), gatehouse.Enforce), NewStage(gatehouse.StepJudgeBody, whole, gatehouse.Enforce)}} {
		f := newFixture(t, echo, stages...)
		f.route.BodyBytes = 1000
		for _, c := range []struct {
			body   string
			length int64
			status int
		}{{"hello", 5, 200}, {"hello", -1, 200}, {strings.Repeat("a", 1000), 1000, 200}, {strings.Repeat("a", 1001), 1001, 413},
			{strings.Repeat("a", 1001), -1, 413}} {
			r := httptest.NewRequest("POST", "/", strings.NewReader(c.body))
			r.ContentLength = c.length
			res := f.do(r)
			got, _ := io.ReadAll(res.Body)
			if res.StatusCode != c.status || c.status == 200 && string(got) != c.body {
				t.Errorf("%d stages, length %d: %d %q", len(stages), c.length, res.StatusCode, got)
			}
		}
	}
	f := newFixture(t, echo, head(says(permit, nil), gatehouse.Enforce), NewStage(gatehouse.StepJudgeBody, whole, gatehouse.Enforce))
	if res := f.do(httptest.NewRequest("POST", "/", strings.NewReader("bad"))); res.StatusCode != 403 {
		t.Errorf("a denied body: %d", res.StatusCode)
	}
	if whole.finished != 4 {
		t.Errorf("finished %d times", whole.finished)
	}
}

func TestUpstreamErrorsAreReplaced(t *testing.T) {
	f := newFixture(t, answers(500, "panic: stack trace", gatehouse.Field{Name: "Content-Type", Value: "text/plain"},
		gatehouse.Field{Name: "Content-Length", Value: "18"}), head(says(permit, nil), gatehouse.Enforce))
	res := f.do(httptest.NewRequest("GET", "/", nil))
	body, _ := io.ReadAll(res.Body)
	if res.StatusCode != 500 || strings.Contains(string(body), "stack") || res.Header.Get("Content-Type") != "application/problem+json" {
		t.Fatalf("%d %v %s", res.StatusCode, res.Header, body)
	}
	f.route.PassErrors = true
	res = f.do(httptest.NewRequest("GET", "/", nil))
	if body, _ = io.ReadAll(res.Body); string(body) != "panic: stack trace" {
		t.Fatalf("%s", body)
	}
}

// judge of answers: a ResponseControl that wants the whole, and a StreamFilter.
type answerControl struct {
	control
	whole   bool
	verdict func(x *gatehouse.Exchange) gatehouse.Verdict
}

func (c *answerControl) ResponseBody() gatehouse.BodyNeed {
	if c.whole {
		return gatehouse.BodyWhole
	}
	return gatehouse.BodyNone
}
func (c *answerControl) CheckResponse(_ context.Context, x *gatehouse.Exchange) (gatehouse.Verdict, error) {
	return c.verdict(x), nil
}

func TestAnswersAreJudged(t *testing.T) {
	for _, c := range []struct {
		name   string
		whole  bool
		body   string
		mode   gatehouse.Mode
		status int
	}{
		{"head good", false, "fine", gatehouse.Enforce, 200}, {"head bad", false, "leak", gatehouse.Enforce, 502},
		{"whole good", true, "fine", gatehouse.Enforce, 200}, {"whole bad", true, "leak", gatehouse.Enforce, 502},
		{"whole bad in monitor", true, "leak", gatehouse.Monitor, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			ac := &answerControl{control: *says(permit, nil), whole: c.whole, verdict: func(x *gatehouse.Exchange) gatehouse.Verdict {
				if c.whole && string(x.Response.Body) == "leak" || !c.whole && x.Response.Header.Get("X-Leak") != "" {
					return gatehouse.Denied(0, gatehouse.Reason{Code: "answer.leak"})
				}
				return gatehouse.Passed()
			}}
			var h []gatehouse.Field
			if c.body == "leak" {
				h = append(h, gatehouse.Field{Name: "X-Leak", Value: "1"})
			}
			f := newFixture(t, answers(200, c.body, h...), head(ac, c.mode))
			f.route.DefaultDeny = c.mode
			res := f.do(httptest.NewRequest("GET", "/", nil))
			body, _ := io.ReadAll(res.Body)
			if res.StatusCode != c.status || (c.status == 502) == (string(body) == "leak") && c.body == "leak" {
				t.Fatalf("%d %s", res.StatusCode, body)
			}
			if c.mode == gatehouse.Monitor && !f.last().WouldBlock {
				t.Error("not recorded as would-block")
			}
		})
	}
}

func TestPanicCostsOneRequest(t *testing.T) {
	f := newFixture(t, forwarder(func(*gatehouse.Exchange, gatehouse.ResponseWriter) error { panic("oh") }), head(says(permit, nil), gatehouse.Enforce))
	res := f.do(httptest.NewRequest("GET", "/", nil))
	if res.StatusCode != 500 || f.last().Reason.Code != "gateway.panic" {
		t.Fatalf("%d %+v", res.StatusCode, f.last())
	}
	f.route.Forwarder = answers(200, "ok")
	if res := f.do(httptest.NewRequest("GET", "/", nil)); res.StatusCode != 200 {
		t.Fatal(res.StatusCode)
	}
}

func TestCORS(t *testing.T) {
	f := newFixture(t, answers(200, "ok", gatehouse.Field{Name: "Access-Control-Allow-Origin", Value: "*"}), head(says(permit, nil), gatehouse.Enforce))
	f.site.CORS = &CORS{Mode: gatehouse.Enforce, Origins: []string{"https://app.example"}, Methods: []string{"GET", "DELETE"}, Headers: []string{"authorization"}, Credentials: true, MaxAge: time.Minute}
	pre := func(origin, method, headers string) *http.Response {
		r := httptest.NewRequest("OPTIONS", "/", nil)
		r.Header.Set("Origin", origin)
		r.Header.Set("Access-Control-Request-Method", method)
		if headers != "" {
			r.Header.Set("Access-Control-Request-Headers", headers)
		}
		return f.do(r)
	}
	if res := pre("https://app.example", "DELETE", "Authorization"); res.StatusCode != 204 ||
		res.Header.Get("Access-Control-Allow-Origin") != "https://app.example" || res.Header.Get("Access-Control-Allow-Credentials") != "true" {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
	for _, res := range []*http.Response{pre("https://evil.example", "GET", ""), pre("null", "GET", ""), pre("https://app.example", "PUT", ""),
		pre("https://app.example", "GET", "x-other"), pre("https://app.example.evil", "GET", "")} {
		if res.StatusCode != 403 || res.Header.Get("Access-Control-Allow-Methods") != "" {
			t.Errorf("%d %v", res.StatusCode, res.Header)
		}
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Origin", "https://evil.example")
	if res := f.do(r); res.Header.Get("Access-Control-Allow-Origin") != "" || res.Header.Get("Vary") != "Origin" {
		t.Errorf("the upstream's wildcard passes: %v", res.Header)
	}
	f.site.CORS.Mode = gatehouse.Monitor
	if res := pre("https://evil.example", "GET", ""); res.StatusCode != 200 || !f.last().WouldBlock {
		t.Errorf("monitor: %d %+v", res.StatusCode, f.last())
	}
	for _, bad := range []CORS{{Origins: []string{"*"}, Credentials: true}, {Origins: []string{"*", "https://a"}}, {Origins: []string{"https://a/"}}, {Origins: []string{"a"}}} {
		if bad.Validate() == nil {
			t.Errorf("%v is valid", bad)
		}
	}
}

func TestCSRF(t *testing.T) {
	for _, c := range []struct {
		method, cookie string
		h              map[string]string
		status         int
	}{
		{"GET", "session=1", nil, 200},
		{"POST", "", nil, 200},
		{"POST", "other=1", nil, 200},
		{"POST", "session=1", nil, 403},
		{"POST", "session=1", map[string]string{"Origin": "http://example.com"}, 200},
		{"POST", "session=1", map[string]string{"Origin": "https://app.example"}, 200},
		{"POST", "session=1", map[string]string{"Origin": "https://evil.example"}, 403},
		{"POST", "session=1", map[string]string{"Origin": "null"}, 403},
		{"POST", "session=1", map[string]string{"Sec-Fetch-Site": "same-origin"}, 200},
		{"DELETE", "session=1", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		{"POST", "session=1", map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"}, 403},
	} {
		f := newFixture(t, answers(200, "ok"), head(says(permit, nil), gatehouse.Enforce))
		f.route.CSRF = &CSRF{Mode: gatehouse.Enforce, Cookies: []string{"session"}, Origins: []string{"https://app.example"}}
		r := httptest.NewRequest(c.method, "/", nil)
		if c.cookie != "" {
			r.Header.Set("Cookie", c.cookie)
		}
		for k, v := range c.h {
			r.Header.Set(k, v)
		}
		if res := f.do(r); res.StatusCode != c.status {
			t.Errorf("%s %q %v: %d, want %d", c.method, c.cookie, c.h, res.StatusCode, c.status)
		}
	}
}

// A stream ends when the caller's credential does.
func TestStreamEndsWithCredential(t *testing.T) {
	f := newFixture(t, nil, head(says(permit, nil), gatehouse.Enforce))
	good := make(chan struct{})
	f.route.Forwarder = contextForwarder(func(ctx context.Context, x *gatehouse.Exchange, w gatehouse.ResponseWriter) error {
		if err := w.WriteHead(200, gatehouse.Header{{Name: "Content-Type", Value: "text/event-stream"}}); err != nil {
			return err
		}
		close(good)
		<-ctx.Done()
		return ctx.Err()
	})
	f.route.Streams, f.route.Timeout = StreamSSE, 50*time.Millisecond
	f.route.Authenticator = &expiring{p: &gatehouse.Principal{Subject: "a", Method: gatehouse.MethodJWT}}
	started := time.Now()
	func() {
		defer func() { _ = recover() }()
		f.do(httptest.NewRequest("GET", "/", nil))
	}()
	<-good
	if took := time.Since(started); took < streamCheckEvery || took > 10*streamCheckEvery {
		t.Errorf("the stream lasted %v", took)
	}
	if d := f.last(); d.Late.Code != "token.revoked" || !d.Aborted {
		t.Errorf("%+v", d)
	}
}

type contextForwarder func(context.Context, *gatehouse.Exchange, gatehouse.ResponseWriter) error

func (f contextForwarder) Forward(ctx context.Context, x *gatehouse.Exchange, w gatehouse.ResponseWriter) error {
	return f(ctx, x, w)
}

type expiring struct{ p *gatehouse.Principal }

func (e *expiring) Authenticate(context.Context, *gatehouse.Exchange) (*gatehouse.Principal, error) {
	return e.p, nil
}
func (e *expiring) StillGood(*gatehouse.Principal, time.Time) error {
	return &gatehouse.Error{Code: "token.revoked", Status: 401}
}

func TestFaults(t *testing.T) {
	f := newFixture(t, answers(200, "ok"), head(says(permit, nil), gatehouse.Enforce))
	f.route.Fault = &Fault{DelayPercent: 100, Delay: 30 * time.Millisecond, AbortPercent: 100, AbortStatus: 418}
	start := time.Now()
	if res := f.do(httptest.NewRequest("GET", "/", nil)); res.StatusCode != 418 || time.Since(start) < 30*time.Millisecond {
		t.Errorf("%d after %v", res.StatusCode, time.Since(start))
	}
}

func TestRedirectToHTTPS(t *testing.T) {
	f := newFixture(t, answers(200, "ok"))
	s := *f.gateway.Snapshot()
	s.RedirectPort = map[string]int{"plain": 8443}
	f.gateway.Swap(&s)
	r := httptest.NewRequest("POST", "/a/b?c=d", nil)
	r = r.WithContext(WithConn(r.Context(), &ConnInfo{Listener: "plain"}))
	res := f.do(r)
	if res.StatusCode != 308 || res.Header.Get("Location") != "https://example.com:8443/a/b?c=d" {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
}

type deafRecorder struct{ err error }

func (d deafRecorder) Append(*gatehouse.Exchange) error { return d.err }
func (d deafRecorder) Ready() error                     { return d.err }

func TestNothingPassesUnrecorded(t *testing.T) {
	f := newFixture(t, answers(200, "ok"), head(says(permit, nil), gatehouse.Enforce))
	g := New(f.gateway.Snapshot(), Equipment{Recorder: deafRecorder{errors.New("disk full")}, Log: slog.New(slog.DiscardHandler)})
	w := httptest.NewRecorder()
	NewDoor(g).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 503 || !strings.Contains(w.Body.String(), "record.unavailable") {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
}

func TestIDsSortByTime(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	newID := func(at time.Time) string { return string(appendID(nil, at)) }
	a, b := newID(at), newID(at.Add(time.Millisecond))
	if len(a) != 26 || a >= b || a == newID(at) {
		t.Errorf("%s %s", a, b)
	}
}

func TestWrapShowsTheCanonicalMessage(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s %s %s", r.Method, r.URL.Path, r.URL.RawQuery, PrincipalFrom(r.Context()).Subject)
	})
	g, err := Wrap(h, Options{Authenticator: authenticator{p: &gatehouse.Principal{Subject: "alice", Method: gatehouse.MethodJWT}},
		Controls: []gatehouse.Control{says(permit, nil)}})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	g.ServeHTTP(w, httptest.NewRequest("GET", "/%61b?q=1", nil))
	if w.Body.String() != "GET /ab q=1 alice" {
		t.Errorf("%s", w.Body)
	}
}

func mustPrefixes(ss ...string) (out []netip.Prefix) {
	for _, s := range ss {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

// A panic whose refusal panics, too, does not become an empty 200.
func TestPanicInTheRefusal(t *testing.T) {
	f := newFixture(t, forwarder(func(*gatehouse.Exchange, gatehouse.ResponseWriter) error { panic("first") }), head(says(permit, nil), gatehouse.Enforce))
	f.route.ResponseHeader.set = []headerTemplate{{name: "X-A", parts: []templatePart{{literal: "a"}, {variable: func(*gatehouse.Exchange) string { panic("second") }}}}}
	srv := httptest.NewServer(f.door)
	defer srv.Close()
	res, err := http.Get(srv.URL)
	if err == nil {
		res.Body.Close()
		t.Errorf("answered %d", res.StatusCode)
	}
}
