package audit

import (
	"bytes"
	"encoding/json"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse"
	"github.com/google/go-cmp/cmp"
)

var testAPI = &gatehouse.API{Name: "shop", BasePath: "/"}

var testOp = &gatehouse.Operation{API: testAPI, ID: "getOrder", Method: "GET", Path: "/orders/{id}", Endpoint: "GET /orders/{id}"}

// exchange returns an allowed GET as the whole house leaves it behind.
func exchange() *gatehouse.Exchange {
	x := &gatehouse.Exchange{
		ID: "01JD4XQ7ZK9M2N3P4R5S6T7V8W", Start: time.Date(2026, 11, 21, 18, 0, 0, 123456789, time.UTC),
		Peer: gatehouse.Peer{Addr: netip.MustParseAddr("192.0.2.7"), Socket: netip.MustParseAddrPort("10.0.0.1:4711"),
			Via: true, Listener: "public", Fingerprint: "t13d1516h2_8daaf6152771_b186095e22b6"},
		Request: gatehouse.Request{Proto: "HTTP/1.1", Method: "GET", Host: "shop.example.com", Path: "/orders/41",
			Target: "/orders/41?limit=secretvalue", Query: "limit=secretvalue&page=2&flag",
			Header: gatehouse.Header{{Name: "Authorization", Value: "Bearer topsecrettoken"}, {Name: "Cookie", Value: "sid=cookiesecret"}}},
		Response: gatehouse.Response{Status: 200, Bytes: 512},
		API:      testAPI, Operation: testOp, Params: []gatehouse.Param{{Name: "id", Value: "41"}},
		Credential: gatehouse.Credential{Method: gatehouse.MethodJWT, Scheme: "Bearer", Token: "topsecrettoken"},
		Principal: &gatehouse.Principal{Subject: "alice", Issuer: "https://id.example.com", ClientID: "web",
			Method: gatehouse.MethodJWT, Tier: "gold", TokenID: "jti-plain-text", SenderBound: true,
			Claims: map[string]any{"email": "claimsecret@example.com"}},
		Trace: gatehouse.Trace{TraceID: [16]byte{1, 2, 3}, SpanID: [8]byte{4, 5, 6}},
		Decision: gatehouse.Decision{Result: gatehouse.Answered, Status: 200, ConfigHash: "c0ffee", Total: 1234567, Gateway: 45678,
			Upstream: gatehouse.UpstreamReport{Name: "orders", Addr: "127.0.0.1:9001", Attempts: 1, Took: 999999, Status: 200}},
	}
	for _, control := range []string{"limit.address", "authn", "limit.client", "limit.user", "policy", "upstream"} {
		x.Decision.Judge(gatehouse.Judgment{Control: control, Step: gatehouse.StepJudgeHead, Mode: gatehouse.Enforce,
			Verdict: gatehouse.Passed(), Took: 321})
	}
	x.Decision.Judgments[4].Verdict = gatehouse.Permitted(gatehouse.Reason{Code: "policy.permit",
		Message: "policy orders.read permits the call", At: gatehouse.Position{File: "policies/orders.cedar", Line: 12, Column: 1}})
	return x
}

func encoded(x *gatehouse.Exchange, mask ...string) []byte {
	e := &encoder{masker: NewMasker(mask)}
	var p *plan
	if x.Operation != nil {
		p = newPlan(x.Operation, e.masker)
	}
	e.encode(x, p)
	return e.buf
}

// decode reads a line as strictly as encoding/json can.
func decode(t *testing.T, line []byte) *Record {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	r := new(Record)
	if err := dec.Decode(r); err != nil {
		t.Fatalf("%v in %s", err, line)
	}
	if _, err := dec.Token(); err != io.EOF {
		t.Fatalf("more than one value in %s", line)
	}
	return r
}

func TestRecord(t *testing.T) {
	line := encoded(exchange())
	want := &Record{
		ID: "01JD4XQ7ZK9M2N3P4R5S6T7V8W", Time: time.Date(2026, 11, 21, 18, 0, 0, 123456789, time.UTC), Config: "c0ffee",
		Listener: "public", Peer: "192.0.2.7", Proxy: "10.0.0.1", Fingerprint: "t13d1516h2_8daaf6152771_b186095e22b6",
		Proto: "HTTP/1.1", Host: "shop.example.com", Method: "GET",
		API: "shop", Operation: "getOrder", Endpoint: "GET /orders/{id}", Path: "/orders/41", Query: []string{"limit", "page", "flag"},
		Status: 200, Result: "answered",
		Principal: &Principal{Method: "jwt", Subject: "alice", Client: "web", Issuer: "https://id.example.com", Tier: "gold",
			Token: "3ea8d6d9d5b1e4a3", Bound: true},
		Upstream: &Upstream{Name: "orders", Addr: "127.0.0.1:9001", Attempts: 1, Took: 999999, Status: 200},
		BytesOut: 512, Total: 1234567, Gateway: 45678,
		Trace: "01020300000000000000000000000000", Span: "0405060000000000",
	}
	for _, control := range []string{"limit.address", "authn", "limit.client", "limit.user", "policy", "upstream"} {
		want.Judgments = append(want.Judgments, Judgment{Control: control, Step: "judge-head", Mode: "enforce", Outcome: "pass", Took: 321})
	}
	p := &want.Judgments[4]
	p.Outcome, p.Code, p.Message, p.At = "permit", "policy.permit", "policy orders.read permits the call", "policies/orders.cedar:12:1"
	got := decode(t, line)
	want.Principal.Token = got.Principal.Token
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if len(got.Principal.Token) != 16 {
		t.Errorf("token id hash %q", got.Principal.Token)
	}
	if line[len(line)-1] != '\n' || bytes.Count(line, []byte{'\n'}) != 1 {
		t.Errorf("not one line: %q", line)
	}
	for _, secret := range []string{"topsecret", "cookiesecret", "secretvalue", "jti-plain", "claimsecret"} {
		if bytes.Contains(line, []byte(secret)) {
			t.Errorf("the record holds %q", secret)
		}
	}
}

func TestRecordOfRefusal(t *testing.T) {
	x := &gatehouse.Exchange{ID: "x", Start: time.Unix(0, 0), Request: gatehouse.Request{
		Method: "GET", Target: "http://user:hunter2@shop/a/jane@example.com/../b?x=secret&jane@example.com&=v&#frag"}}
	x.Decision.Result, x.Decision.Status, x.Decision.By = gatehouse.Refused, 400, "normalise"
	x.Decision.Reason = gatehouse.Reason{Code: "message.path", Message: "dots in\x1b[31m the path", Hint: "h"}
	x.Decision.Aborted = true
	x.Decision.Late = gatehouse.Reason{Code: "peer.gone"}
	r := decode(t, encoded(x))
	if r.Path != "/a/[email]/../b" || len(r.Query) != 2 || r.Query[0] != "x" || r.Query[1] != "[email]" {
		t.Errorf("path %q query %q", r.Path, r.Query)
	}
	if r.Reason.Message != "dots in\x1b[31m the path" || !r.Aborted || r.Late.Code != "peer.gone" || r.Principal != nil {
		t.Errorf("%+v", r)
	}
	for target, want := range map[string]string{"*": "*", "shop:443": "", "http://user:pw@shop": "", "//evil@x/y": "//evil@x/y", "": ""} {
		if got, _ := rawTarget(target); got != want {
			t.Errorf("rawTarget(%q) = %q", target, got)
		}
	}
}

func TestRecordMasksParameters(t *testing.T) {
	x := exchange()
	x.Operation = &gatehouse.Operation{API: testAPI, ID: "u", Path: "/users/{email}/x/{internal_ref}", Endpoint: "GET /users/{email}/x/{internal_ref}"}
	x.Request.Path = "/users/janedoe/x/R-17"
	x.Params = []gatehouse.Param{{Name: "email", Value: "janedoe"}, {Name: "internal_ref", Value: "R-17"}}
	x.Decision.Reason = gatehouse.Reason{Code: "c", Message: "janedoe owns no R-17"}
	line := encoded(x, "internalRef")
	r := decode(t, line)
	if r.Path != "/users/[masked]/x/[masked]" || r.Reason.Message != "[masked] owns no [masked]" || r.Endpoint != x.Operation.Endpoint {
		t.Errorf("%+v", r)
	}
}

func TestRecordIsBounded(t *testing.T) {
	x := exchange()
	long := strings.Repeat("\x00\U000e0001é", 100000)
	x.ID, x.Request.Host, x.Request.Method, x.Request.Path = long, long, long, long
	x.Request.Query = strings.Repeat(long[:50]+"&", 1000)
	x.Decision.Reason = gatehouse.Reason{Code: long, Message: long, Hint: long, At: gatehouse.Position{File: long, Line: 1 << 40, Column: 9}}
	x.Decision.Upstream.Err, x.Decision.By = long, long
	x.Principal = &gatehouse.Principal{Subject: long, Issuer: long, ClientID: long, Tier: long, TokenID: long, Method: gatehouse.Method(long)}
	for range 1000 {
		x.Decision.Judge(gatehouse.Judgment{Control: long, Verdict: gatehouse.Denied(403, x.Decision.Reason)})
	}
	line := encoded(x)
	r := decode(t, line)
	if len(line) > 200<<10 || len(r.Judgments) != maxJudgments || r.Omitted != 1006-maxJudgments {
		t.Errorf("%d bytes, %d judgments, %d omitted", len(line), len(r.Judgments), r.Omitted)
	}
	if !strings.HasSuffix(r.Host, ellipsis) {
		t.Errorf("host %q does not say that it was cut", r.Host)
	}
}

// valid is what encoding/json makes of s: one U+FFFD for every invalid byte.
func valid(s string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteRune(r)
	}
	return b.String()
}

func checkInert(t *testing.T, line []byte) {
	t.Helper()
	if !utf8.Valid(line) {
		t.Errorf("invalid UTF-8 in %q", line)
	}
	for _, r := range string(line) {
		if !unicode.IsGraphic(r) {
			t.Errorf("%U stands in %q", r, line)
		}
	}
}

func FuzzString(f *testing.F) {
	for _, s := range []string{"", "abc", "a\"b\\c", "\x00\x1b[2J\r\n\x7f", "\u009b31m", "\u202etxt.exe", "\u2028\u2029\u2066\ufeff",
		"\xff\xc0\x80\xed\xa0\x80", "é漢😀\U000e0001\U0010ffff", "�"} {
		f.Add(s, 1000)
		f.Add(s, 4)
	}
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit = 3 + int(uint(limit)%5000)
		line := appendString(nil, s, limit)
		checkInert(t, line)
		var got string
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if len(line)-2 > limit {
			t.Errorf("%d bytes, limit %d", len(line)-2, limit)
		}
		cut := strings.TrimSuffix(got, ellipsis)
		if want := valid(s); got != want && (cut == got || !strings.HasPrefix(want, cut) || len(s)*12 <= limit) {
			t.Errorf("appendString(%q, %d) reads back as %q", s, limit, got)
		}
		if shown := inert(got); len(shown) > 0 {
			checkInert(t, []byte(shown))
		}
	})
}

// What is written parses, and holds the same values, whatever came in.
func FuzzRecord(f *testing.F) {
	f.Add("id", "GET", "shop", "/orders/41", "a=1&b", "message", "sub", "127.0.0.1:1", int64(5), uint8(3), 404)
	f.Add("\x00", "G\xffT", "\u202e", "/\x1b", "%00=;&", "jane@example.com\n", "\u2028", "::1%eth0", int64(-1), uint8(255), -1)
	m := NewMasker(nil)
	f.Fuzz(func(t *testing.T, id, method, host, path, query, msg, sub, addr string, n int64, small uint8, status int) {
		x := exchange()
		x.ID, x.Request.Method, x.Request.Host, x.Request.Path, x.Request.Query = id, method, host, path, query
		x.Peer.Addr, _ = netip.ParseAddr(addr)
		x.Principal = &gatehouse.Principal{Subject: sub, Method: gatehouse.MethodJWT}
		x.Risk = small
		x.Decision.Total, x.Decision.Status = time.Duration(n), status
		x.Decision.Result = gatehouse.Result(small)
		x.Decision.Reason = gatehouse.Reason{Code: host, Message: msg, At: gatehouse.Position{File: path, Line: status, Column: status}}
		x.Decision.Judge(gatehouse.Judgment{Control: method, Step: gatehouse.Step(small), Mode: gatehouse.Mode(small),
			Verdict: gatehouse.Verdict{Outcome: gatehouse.Outcome(small), Status: status, Reason: x.Decision.Reason}, Took: time.Duration(n)})
		line := encoded(x)
		if bytes.Count(line, []byte{'\n'}) != 1 {
			t.Fatalf("not one line: %q", line)
		}
		checkInert(t, line[:len(line)-1])
		r := decode(t, line)
		same := func(what, in, out string, limit int) {
			if cut := strings.TrimSuffix(out, ellipsis); out != valid(in) &&
				(cut == out || !strings.HasPrefix(valid(in), cut) || len(in)*12 <= limit) {
				t.Errorf("%s %q reads back as %q", what, in, out)
			}
		}
		same("id", id, r.ID, idLimit)
		same("method", method, r.Method, 32)
		same("host", host, r.Host, hostLimit)
		same("subject", sub, r.Principal.Subject, subjectLimit)
		same("message", m.Text(msg), r.Reason.Message, textLimit)
		if r.Total != time.Duration(n) || r.Status != status || r.Risk != int(small) || !r.Time.Equal(x.Start) ||
			r.Judgments[6].Took != time.Duration(n) || len(r.Query) > maxQuery {
			t.Errorf("%+v", r)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	x := exchange()
	e := &encoder{masker: NewMasker(nil)}
	p := newPlan(x.Operation, e.masker)
	b.ReportAllocs()
	for b.Loop() {
		e.encode(x, p)
	}
	b.SetBytes(int64(len(e.buf)))
}
