package upstream

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"net/textproto"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

func TestValidAuthority(t *testing.T) {
	for s, ok := range map[string]bool{
		"example.com": true, "example.com:80": true, "127.0.0.1": true, "[::1]": true, "[::1]:8080": true, "a_b-c.d": true, "localhost:1": true,
		"": false, ":80": false, "a:": false, "a:0": false, "a:65536": false, "a:+1": false, "a:-1": false, "a b": false, "a,b": false,
		"[]": false, "[::1": false, "[::1]x": false, "[::1%25eth0]": false, "::1": false, "a%41": false, "ä.de": false, "a/": false, "a?": false,
		strings.Repeat("a", 300): false,
	} {
		if validAuthority(s) != ok {
			t.Errorf("%q: %v", s, !ok)
		}
	}
}

func TestNameTable(t *testing.T) {
	for _, s := range []string{"content-length", "CONTENT-LENGTH", "Content-Length"} {
		if n := lookupName(s); n.canonical != "Content-Length" || !n.dropOut || !n.dropBack {
			t.Errorf("%s: %+v", s, n)
		}
	}
	for s, want := range map[string]string{"x-forwarded-for": "X-Forwarded-For", "traceparent": "Traceparent", "x-shop": "X-Shop", "a": "A"} {
		if n := lookupName(s); n.canonical != want || n.dropOut || n.dropBack {
			t.Errorf("%s: %+v", s, n)
		}
	}
	for _, n := range knownNames {
		if c := n.canonical; c != "" && lookupName(strings.ToUpper(c)) != n {
			t.Errorf("%s is not found", c)
		}
		if c := n.canonical; c != "" && !strings.HasSuffix(c, "idempotency-key") && c != textproto.CanonicalMIMEHeaderKey(c) {
			t.Errorf("%s is not canonical", c)
		}
	}
	if allocs := testing.AllocsPerRun(100, func() { lookupName("x-request-id") }); allocs != 0 {
		t.Errorf("%v allocations for a known name", allocs)
	}
}

// Whatever passes the check is read back by net/http's server as the same
// message: one request, nothing after it.
func FuzzOutbound(f *testing.F) {
	f.Add("GET", "/a%2Fb", "x=1", "shop.example:80", "X-A", "v", "Connection", "X-A", "", true)
	f.Add("POST", "//x", "", "[::1]", "Transfer-Encoding", "chunked", "content-length", "0", "body", false)
	f.Add("GET /admin HTTP/1.1\r\nX:", "/", "", "h", "", "", "", "", "", false)
	f.Add("OPTIONS", "*", "", "h", "Cookie", "a\r\nb", "Te", "trailers", "", false)
	f.Add("HEAD", "/\x00", "#", "h:1", "Expect", "100-continue", "Host", "evil", "x", true)
	f.Add("M-SEARCH", "/:@!$&'()*+,;=~", "?/[]", "a.b", "x", "\t é ", "X", "\x7f", "0\r\n\r\nGET / HTTP/1.1\r\n\r\n", true)
	f.Fuzz(func(t *testing.T, method, path, query, authority, n1, v1, n2, v2, body string, chunked bool) {
		o := gatehouse.Outbound{Method: method, Path: path, Query: query, Authority: authority,
			Header: gatehouse.Header{{Name: n1, Value: v1}, {Name: n2, Value: v2}}}
		b := gatehouse.Body{}
		if body != "" {
			b = gatehouse.Body{Source: strings.NewReader(body), Length: int64(len(body))}
			if chunked {
				b.Length = -1
			}
		}
		up := newUpload(&b)
		if checkOutbound(&o, up != nil) != nil {
			return
		}
		if o.Authority == "" {
			o.Authority = "10.0.0.1:80"
		}
		n := &netHTTP{scheme: "http", authority: "10.0.0.1:80"}
		c := &call{tracer: tracers.New().(*tracer)}
		req, err := n.request(context.Background(), c, &message{out: &o, body: up})
		if err != nil {
			return
		}
		var wire bytes.Buffer
		if err := req.Write(&wire); err != nil {
			t.Fatalf("%+v passed the check and could not be written: %v", o, err)
		}
		text := wire.String()
		br := bufio.NewReader(&wire)
		got, err := http.ReadRequest(br)
		if err != nil {
			t.Fatalf("%q is not read: %v", text, err)
		}
		gotBody, err := io.ReadAll(got.Body)
		if err != nil || string(gotBody) != body {
			t.Fatalf("%q: body %q %v", text, gotBody, err)
		}
		if rest, _ := io.ReadAll(br); len(rest) != 0 {
			t.Fatalf("%q: %q is left for another request", text, rest)
		}
		uri := o.Path
		if o.Query != "" {
			uri += "?" + o.Query
		}
		if got.Method != o.Method || got.RequestURI != uri || got.Host != o.Authority {
			t.Fatalf("%q: read as %s %s at %s", text, got.Method, got.RequestURI, got.Host)
		}
		for name, values := range got.Header {
			known := lookupName(name)
			if known.dropOut && name != "Content-Length" && name != "Transfer-Encoding" {
				t.Fatalf("%q: %s passed", text, name)
			}
			for _, v := range values {
				if !known.dropOut && !(gatehouse.EqualFold(name, n1) && v == strings.Trim(v1, " \t\r\n")) && !(gatehouse.EqualFold(name, n2) && v == strings.Trim(v2, " \t\r\n")) {
					t.Fatalf("%q: %s: %q came from nowhere", text, name, v)
				}
			}
		}
	})
}
