package gateway

import (
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse"
)

func exchange(method, target, host string, h ...gatehouse.Field) *gatehouse.Exchange {
	x := &gatehouse.Exchange{}
	x.Request = gatehouse.Request{Proto: "HTTP/1.1", Method: method, Target: target, Scheme: "http", Authority: host, Header: h}
	return x
}

func TestNormaliseRefuses(t *testing.T) {
	f := func(name, value string) gatehouse.Field { return gatehouse.Field{Name: name, Value: value} }
	for _, c := range []struct {
		name, method, target, host string
		fields                     []gatehouse.Field
		code                       string
	}{
		{"method with a request line in it", "GET /admin HTTP/1.1", "/", "a", nil, "method.token"},
		{"empty method", "", "/", "a", nil, "method.token"},
		{"CONNECT", "CONNECT", "a:443", "a", nil, "method.connect"},
		{"space in target", "GET", "/a b", "a", nil, "target.character"},
		{"CR in target", "GET", "/a\r\nX: y", "a", nil, "target.character"},
		{"fragment", "GET", "/a#b", "a", nil, "target.character"},
		{"raw UTF-8", "GET", "/é", "a", nil, "target.character"},
		{"NUL", "GET", "/a\x00", "a", nil, "target.character"},
		{"encoded NUL", "GET", "/a%00", "a", nil, "path.nul"},
		{"encoded newline", "GET", "/a%0a", "a", nil, "path.control"},
		{"bad percent", "GET", "/a%zz", "a", nil, "path.percent"},
		{"cut percent", "GET", "/a%2", "a", nil, "path.percent"},
		{"overlong slash", "GET", "/a%c0%af", "a", nil, "path.utf8"},
		{"lone continuation", "GET", "/a%80", "a", nil, "path.utf8"},
		{"surrogate", "GET", "/%ed%a0%80", "a", nil, "path.utf8"},
		{"angle bracket", "GET", "/a<b", "a", nil, "path.character"},
		{"no leading slash", "GET", "a", "a", nil, "target.form"},
		{"asterisk with GET", "GET", "*", "a", nil, "target.asterisk"},
		{"query percent", "GET", "/?a=%", "a", nil, "query.percent"},
		{"query NUL", "GET", "/?a=%00", "a", nil, "query.nul"},
		{"query UTF-8", "GET", "/?a=%ff", "a", nil, "query.utf8"},
		{"absolute form of another host", "GET", "http://b/x", "a", nil, "target.authority"},
		{"absolute form of another scheme", "GET", "ftp://a/x", "a", nil, "target.form"},
		{"no host", "GET", "/", "", nil, "host.missing"},
		{"second host", "GET", "/", "a", []gatehouse.Field{f("Host", "b")}, "host.duplicate"},
		{"two Host fields", "GET", "/", "", []gatehouse.Field{f("Host", "a"), f("host", "a")}, "host.duplicate"},
		{"user information", "GET", "/", "u@a", nil, "host.invalid"},
		{"trailing dot", "GET", "/", "a.", nil, "host.invalid"},
		{"empty port", "GET", "/", "a:", nil, "host.invalid"},
		{"port too large", "GET", "/", "a:65536", nil, "host.invalid"},
		{"space in host", "GET", "/", "a b", nil, "host.invalid"},
		{"zone in host", "GET", "/", "[fe80::1%25eth0]", nil, "host.invalid"},
		{"header name", "GET", "/", "a", []gatehouse.Field{f("a b", "c")}, "header.name"},
		{"header name with colon", "GET", "/", "a", []gatehouse.Field{f("a:", "c")}, "header.name"},
		{"folded value", "GET", "/", "a", []gatehouse.Field{f("a", "b\r\n c")}, "header.value"},
		{"NUL in value", "GET", "/", "a", []gatehouse.Field{f("a", "b\x00")}, "header.value"},
		{"connection options", "GET", "/", "a", []gatehouse.Field{f("Connection", "close"), f("Connection", strings.Repeat(",", 40))}, "header.connection"},
		{"connection names a judged field", "GET", "/", "a", []gatehouse.Field{f("Connection", "close, content-TYPE"), f("Content-Type", "text/plain")}, "header.connection_option"},
		{"connection names a credential", "GET", "/", "a", []gatehouse.Field{f("Connection", "close"), f("Connection", "Authorization")}, "header.connection_option"},
		{"connection names a cookie", "GET", "/", "a", []gatehouse.Field{f("Connection", "cookie")}, "header.connection_option"},
		{"connection names the host", "GET", "/", "a", []gatehouse.Field{f("Connection", "keep-alive,Host")}, "header.connection_option"},
		{"connection names a length", "GET", "/", "a", []gatehouse.Field{f("Connection", "Content_Length")}, "header.connection_option"},
		{"connection names who forwarded", "GET", "/", "a", []gatehouse.Field{f("Connection", "X-Forwarded-For")}, "header.connection_option"},
		{"transfer-encoding", "POST", "/", "a", []gatehouse.Field{f("Transfer-Encoding", "chunked")}, "framing.transfer_encoding"},
		{"two lengths", "POST", "/", "a", []gatehouse.Field{f("Content-Length", "1"), f("Content-Length", "1")}, "framing.content_length"},
		{"signed length", "POST", "/", "a", []gatehouse.Field{f("Content-Length", "+1")}, "framing.content_length"},
	} {
		t.Run(c.name, func(t *testing.T) {
			lim := DefaultLimits()
			_, err := normalise(exchange(c.method, c.target, c.host, c.fields...), &lim, false)
			if err == nil || err.Code != c.code {
				t.Fatalf("got %v, want %s", err, c.code)
			}
			if err.Status < 400 || err.Status > 431 {
				t.Errorf("status %d", err.Status)
			}
		})
	}
}

func TestNormaliseOddities(t *testing.T) {
	for target, want := range map[string]Oddity{
		"/a//b": EmptySegment, "//a": EmptySegment, "/a/": 0, "/": 0, "/a/../b": DotSegment, "/a/.": DotSegment,
		"/..": DotSegment, "/%2e%2E/a": DotSegment, "/.%2e": DotSegment, "/...": 0, "/a%2fb": EncodedSlash,
		"/a%5Cb": EncodedSlash, "/a\\b": EncodedSlash, "/a;b": Semicolon, "/%252e": DoubleEncoding, "/100%25": 0, "/%25zz": 0,
		"/%2f%2e%2e%2f": EncodedSlash | DotSegment,
	} {
		lim := DefaultLimits()
		x := exchange("GET", target, "a")
		odd, err := normalise(x, &lim, false)
		if err != nil || odd != want {
			t.Errorf("%s: oddities %b, %v; want %b", target, odd, err, want)
		}
	}
	for _, name := range []string{"X-HTTP-Method-Override", "x_http_method", "X-Method-Override"} {
		lim := DefaultLimits()
		if odd, _ := normalise(exchange("GET", "/", "a", gatehouse.Field{Name: name, Value: "DELETE"}), &lim, false); odd != MethodOverride {
			t.Errorf("%s: oddities %b", name, odd)
		}
	}
}

func TestCanonicalPath(t *testing.T) {
	for raw, want := range map[string]string{
		"/orders/17": "/orders/17", "/%6frders": "/orders", "/a%3ab": "/a:b", "/a%3Ab": "/a:b", "/%c3%a9": "/%C3%A9",
		"/a%20b": "/a%20b", "/a%2fb": "/a%2Fb", "/a%3bb": "/a%3Bb", "/~%7e": "/~~", "/a%22": "/a%22", "/a\\b": "/a%5Cb",
	} {
		got, _, err := canonicalPath(raw)
		if err != nil || got != want {
			t.Errorf("%s -> %s, %v; want %s", raw, got, err, want)
		}
	}
}

func TestLimitsOfTheHead(t *testing.T) {
	lim := DefaultLimits()
	many := make([]gatehouse.Field, 101)
	for i := range many {
		many[i] = gatehouse.Field{Name: "a", Value: "b"}
	}
	for _, c := range []struct {
		x    *gatehouse.Exchange
		code string
	}{
		{exchange("GET", "/"+strings.Repeat("a", 9000), "a"), "target.length"},
		{exchange("GET", "/", "a", many...), "header.count"},
		{exchange("GET", "/", "a", gatehouse.Field{Name: "a", Value: strings.Repeat("b", 70000)}), "header.length"},
	} {
		if _, err := normalise(c.x, &lim, false); err == nil || err.Code != c.code {
			t.Errorf("got %v, want %s", err, c.code)
		}
	}
}

func TestForgeable(t *testing.T) {
	for _, name := range []string{"X-Forwarded-For", "x_forwarded_for", "X-FORWARDED-anything", "Forwarded", "X-Real-IP",
		"X-Client-Cert", "X-Client-Cert-Chain", "X-Gatehouse-Subject", "x_gatehouse_roles", "X-Original-URL", "X-User-Id", "Proxy", "X-Request-ID"} {
		if !isForgeable(name) {
			t.Errorf("%s passes", name)
		}
	}
	for _, name := range []string{"Accept", "X-Api-Key", "X-Trace", "Content-Type", "Cookie", "X-Custom", "Range", "From"} {
		if isForgeable(name) {
			t.Errorf("%s is stripped", name)
		}
	}
}

func FuzzNormalise(f *testing.F) {
	for _, s := range []string{"/", "/a%2fb?x=%20", "http://a/b", "*", "//", "/%e2%82%ac", "/a;b", "/../", "/%25%32%65"} {
		f.Add("GET", s, "a.example:80", "X-A", "b")
	}
	lim := DefaultLimits()
	f.Fuzz(func(t *testing.T, method, target, host, name, value string) {
		x := exchange(method, target, host, gatehouse.Field{Name: name, Value: value})
		odd, err := normalise(x, &lim, false)
		if err != nil {
			if err.Code == "" || err.Status < 400 {
				t.Fatalf("a refusal without code or status: %v", err)
			}
			return
		}
		r := &x.Request
		if r.Path == "*" {
			return
		}
		// One spelling: canonical is a fixed point, and means the same to net/url.
		again, odd2, err := canonicalPath(r.Path)
		if err != nil || again != r.Path {
			t.Fatalf("%q -> %q -> %q, %v", target, r.Path, again, err)
		}
		if odd2&^(Semicolon|EncodedSlash) != odd&^(Semicolon|EncodedSlash|MethodOverride) {
			t.Fatalf("%q: oddities %b, then %b", target, odd, odd2)
		}
		u, perr := url.ParseRequestURI(r.Path)
		if perr != nil {
			t.Fatalf("net/url refuses %q: %v", r.Path, perr)
		}
		if !utf8.ValidString(u.Path) || strings.ContainsAny(u.Path, "\x00\r\n") {
			t.Fatalf("%q decodes to %q", r.Path, u.Path)
		}
		if odd == 0 && strings.Contains(u.Path[1:], "//") {
			t.Fatalf("%q hides an empty segment", r.Path)
		}
		for _, s := range strings.Split(u.Path, "/") {
			if (s == "." || s == "..") && odd&(DotSegment|EncodedSlash) == 0 {
				t.Fatalf("%q hides a dot segment", r.Path)
			}
		}
		if _, perr := url.ParseQuery(r.Query); perr != nil && !strings.Contains(r.Query, ";") {
			t.Fatalf("net/url refuses the query %q: %v", r.Query, perr)
		}
	})
}

// What a lax reader makes of an allowed oddity is judged, too: "..;x" is "..", and
// so is the piece between two encoded slashes.
func TestOdditiesHideNoDots(t *testing.T) {
	for target, want := range map[string]Oddity{
		"/a/..;x/b":           Semicolon | DotSegment,
		"/a/..;/b":            Semicolon | DotSegment,
		"/a/.;x":              Semicolon | DotSegment,
		"/a/;x/b":             Semicolon | EmptySegment,
		"/a/b;x":              Semicolon,
		"/a/;":                Semicolon,
		"/a/..%3bx/b":         DotSegment,
		"/a/%2e%2e;x/b":       Semicolon | DotSegment,
		"/a/..%2fb":           EncodedSlash | DotSegment,
		"/a/..%5cb":           EncodedSlash | DotSegment,
		"/a%2f..":             EncodedSlash | DotSegment,
		"/a%2f%2e%2e%2fadmin": EncodedSlash | DotSegment,
		"/a%2f.":              EncodedSlash | DotSegment,
		"/a/https:%2f%2fb":    EncodedSlash,
		"/a%2fb":              EncodedSlash,
		"/a%2fb..c/..d":       EncodedSlash,
		"/a%2f":               EncodedSlash,
	} {
		lim := DefaultLimits()
		odd, err := normalise(exchange("GET", target, "a"), &lim, false)
		if err != nil || odd != want {
			t.Errorf("%s: %b %v, want %b", target, odd, err, want)
		}
	}
}

// Two opinions of a trusted proxy on the scheme are refused: one of them may be
// the client's.
func TestTwoForwardedProtos(t *testing.T) {
	f := newFixture(t, answers(200, "ok"), head(says(permit, nil), gatehouse.Enforce))
	s := *f.gateway.Snapshot()
	s.Trusted = append(s.Trusted, netip.MustParsePrefix("192.0.2.0/24"))
	f.gateway.Swap(&s)
	r := httptest.NewRequest("GET", "http://api/", nil)
	r.Header["X-Forwarded-Proto"] = []string{"https", "http"}
	if res := f.do(r); res.StatusCode != 400 || f.last().Reason.Code != "header.forwarded_proto" {
		t.Errorf("%d %+v", res.StatusCode, f.last().Reason)
	}
}

// "*" has no prefix to strip or add.
func TestRewriteLeavesAsterisk(t *testing.T) {
	if p := (Rewrite{StripPrefix: "/v1", AddPrefix: "/api"}).path("*"); p != "*" {
		t.Error(p)
	}
}
