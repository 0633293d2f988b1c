package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// say sends raw bytes on a connection of its own and returns all that came back
// until the gateway closed it; closed is false where it did not. Of an answer to
// somebody who still writes, the connection's end may be all there is: "cut off".
func (h *house) say(t *testing.T, listener, text string) (said string, closed bool) {
	t.Helper()
	c := h.dial(listener)
	defer c.Close()
	_, cut := io.WriteString(c, text)
	_ = c.SetReadDeadline(time.Now().Add(late))
	b, err := io.ReadAll(c)
	if cut != nil && len(b) == 0 {
		return "cut off", true
	}
	e, ok := err.(net.Error)
	return string(b), !ok || !e.Timeout()
}

// statuses are those of the answers in what was said.
func statuses(said string) (list []int) {
	r := bufio.NewReader(strings.NewReader(said))
	for {
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			return list
		}
		_, _ = io.Copy(io.Discard, res.Body)
		list = append(list, res.StatusCode)
	}
}

// Whatever is ambiguous is refused and the connection closed, so that what
// follows, be it meant as a body or as a request, is executed by nobody.
func TestHTTP1Refusals(t *testing.T) {
	t.Parallel()
	up := newWire(t)
	h := newDoors(t, doorOptions{upstream: up.url()})
	const head = "Host: shop.localhost\r\n"
	const next = "GET /any/smuggled HTTP/1.1\r\nHost: shop.localhost\r\n\r\n"
	post := func(fields, body string) string {
		return "POST /any/x HTTP/1.1\r\n" + head + fields + "\r\n" + body + next
	}
	get := func(fields string) string { return "GET /any/x HTTP/1.1\r\n" + head + fields + "\r\n" + next }
	line := func(line string) string { return line + "\r\n" + head + "\r\n" + next }
	for _, c := range []struct {
		name, text string
		status     int
	}{
		{"two lengths", post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"), 400},
		{"list of lengths", post("Content-Length: 5, 6\r\n", "hello"), 400},
		{"signed length", post("Content-Length: +5\r\n", "hello"), 400},
		{"negative length", post("Content-Length: -5\r\n", "hello"), 400},
		{"hexadecimal length", post("Content-Length: 0x5\r\n", "hello"), 400},
		{"empty length", post("Content-Length:\r\n", "hello"), 400},
		{"length with a space inside", post("Content-Length: 5 5\r\n", "hello"), 400},
		{"length beyond 64 bits", post("Content-Length: 18446744073709551621\r\n", "hello"), 400},
		{"xchunked", post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), 501},
		{"chunked, identity", post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"), 501},
		{"identity, chunked", post("Transfer-Encoding: identity, chunked\r\n", "0\r\n\r\n"), 501},
		{"gzip, chunked", post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), 501},
		{"chunked twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 501},
		{"quoted chunked", post("Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n"), 501},
		{"vertical tab before chunked", post("Transfer-Encoding: \vchunked\r\n", "0\r\n\r\n"), 400},
		{"folded chunked", post("Transfer-Encoding: x,\r\n chunked\r\n", "0\r\n\r\n"), 501},
		{"empty coding", post("Transfer-Encoding:\r\n", "0\r\n\r\n"), 501},
		{"length and xchunked", post("Content-Length: 5\r\nTransfer-Encoding: xchunked\r\n", "0\r\n\r\n"), 501},
		{"space before the colon", get("X-A : 1\r\n"), 400},
		{"space before the length's colon", post("Content-Length : 5\r\n", "hello"), 400},
		{"space before the coding's colon", post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"), 400},
		{"tab before the colon", post("Transfer-Encoding\t: chunked\r\n", "0\r\n\r\n"), 400},
		{"space at the first field", "GET /any/x HTTP/1.1\r\n " + head + "\r\n" + next, 400},
		{"no colon", get("X-A\r\n"), 400},
		{"empty name", get(": smuggled\r\n"), 400},
		{"NUL in a name", get("X\x00A: 1\r\n"), 400},
		{"NUL in a value", get("X-A: 1\x002\r\n"), 400},
		{"CR in a value", get("X-A: 1\r2\r\n"), 400},
		{"CR before the coding", post("X-A: 1\rTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400},
		{"NUL in the path", line("GET /any/\x00 HTTP/1.1"), 400},
		{"two hosts", get("Host: smuggled\r\n"), 400},
		{"two equal hosts", get(head), 400},
		{"no host", "GET /any/x HTTP/1.1\r\n\r\n" + next, 400},
		{"empty host", "GET /any/x HTTP/1.1\r\nHost:\r\n\r\n" + next, 400},
		{"host with user", "GET /any/x HTTP/1.1\r\nHost: a@shop.localhost\r\n\r\n" + next, 400},
		{"host with path", "GET /any/x HTTP/1.1\r\nHost: shop.localhost/x\r\n\r\n" + next, 400},
		{"host with space", "GET /any/x HTTP/1.1\r\nHost: shop.localhost x\r\n\r\n" + next, 400},
		{"two in a host", "GET /any/x HTTP/1.1\r\nHost: shop.localhost, x\r\n\r\n" + next, 400},
		{"absolute form with user", line("GET http://smuggled@shop.localhost/any/x HTTP/1.1"), 400},
		{"absolute form of another scheme", line("GET gopher://shop.localhost/any/x HTTP/1.1"), 400},
		{"authority form", line("GET shop.localhost:80 HTTP/1.1"), 400},
		{"CONNECT", line("CONNECT shop.localhost:80 HTTP/1.1"), 405},
		{"CONNECT elsewhere", "CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: 169.254.169.254:80\r\n\r\n" + next, 405},
		{"TRACE", line("TRACE /any/x HTTP/1.1"), 405},
		{"TRACK", line("TRACK /any/x HTTP/1.1"), 405},
		{"GET *", line("GET * HTTP/1.1"), 400},
		{"request line within a request line", line("GET /any/x HTTP/1.1 HTTP/1.1"), 400},
		{"two spaces", line("GET  /any/x HTTP/1.1"), 400},
		{"tab as space", line("GET\t/any/x\tHTTP/1.1"), 400},
		{"space before the method", line(" GET /any/x HTTP/1.1"), 400},
		{"method with a colon", line("GET: /any/x HTTP/1.1"), 400},
		{"HTTP/0.9", "GET /any/x\r\n" + next, 400},
		{"HTTP/1.10", line("GET /any/x HTTP/1.10"), 400},
		{"HTTP/2.0", line("GET /any/x HTTP/2.0"), 505},
		{"HTTP/3.0", line("GET /any/x HTTP/3.0"), 505},
		{"http/1.1", line("GET /any/x http/1.1"), 400},
		{"HTTP/1.0 without a host", "GET /any/x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + next, 400},
		{"empty chunk size", post("Transfer-Encoding: chunked\r\n", "\r\nhello\r\n0\r\n\r\n"), 400},
		{"0x chunk size", post("Transfer-Encoding: chunked\r\n", "0x5\r\nhello\r\n0\r\n\r\n"), 400},
		{"signed chunk size", post("Transfer-Encoding: chunked\r\n", "+5\r\nhello\r\n0\r\n\r\n"), 400},
		{"chunk size beyond 64 bits", post("Transfer-Encoding: chunked\r\n", "10000000000000005\r\nhello\r\n0\r\n\r\n"), 400},
		{"chunk without its end", post("Transfer-Encoding: chunked\r\n", "5\r\nhelloo\r\n0\r\n\r\n"), 400},
		{"chunk size ended by LF", post("Transfer-Encoding: chunked\r\n", "5\nhello\r\n0\r\n\r\n"), 400},
		{"chunk extension ended by LF", post("Transfer-Encoding: chunked\r\n", "5;a\nhello\r\n0\r\n\r\n"), 400},
		{"CR in a chunk extension", post("Transfer-Encoding: chunked\r\n", "5;a=\rb\r\nhello\r\n0\r\n\r\n"), 400},
		{"endless chunk extension", post("Transfer-Encoding: chunked\r\n", "5;"+strings.Repeat("a", 8<<10)+"\r\nhello\r\n0\r\n\r\n"), 400},
		{"chunks of extensions", post("Transfer-Encoding: chunked\r\n", strings.Repeat("1;"+strings.Repeat("a", 2000)+"\r\nx\r\n", 100)+"0\r\n\r\n"), 400},
		{"broken trailer", post("Transfer-Encoding: chunked\r\n", "0\r\nX\r\n\r\n"), 400},
		{"Connection names what must not be dropped", "GET /any/x HTTP/1.1\r\n" + head + "Connection: close, X-Forwarded-For, X-Request-Id, Host, Content-Length\r\n\r\n" + next, 400},
		{"h2c upgrade with a length that lies", post("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nContent-Length: x\r\n", ""), 400},
		{"dots", line("GET /any/../smuggled HTTP/1.1"), 400},
		{"encoded slash", line("GET /any/..%2fsmuggled HTTP/1.1"), 400},
		{"fragment", line("GET /any/x#smuggled HTTP/1.1"), 400},
		{"raw byte", line("GET /any/\xc3\xa9 HTTP/1.1"), 400},
		{"long path", line("GET /any/" + strings.Repeat("a", 9<<10) + " HTTP/1.1"), 414},
		{"many fields", get(fields(101, 10)), 431},
		{"long fields", get(fields(80, 820)), 431},
		{"giant field", get("X-A: " + strings.Repeat("a", 200<<10) + "\r\n"), 431},
		{"giant path", line("GET /any/" + strings.Repeat("a", 200<<10) + " HTTP/1.1"), 431},
		{"unknown expectation", post("Expect: smuggled\r\nContent-Length: 5\r\n", "hello"), 417},
		{"too long a body", post("Content-Length: 99999999999\r\n", "hello"), 413},
		{"nothing but line breaks", strings.Repeat("\r\n", 100) + next, 400},
		{"the preface of HTTP/2 to TLS's door", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + next, 0},
		{"a TLS handshake", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n" + next, 400},
	} {
		listeners := everyDoor
		if c.status == 0 {
			listeners, c.status = []string{"tls", "tls-strict"}, 400
		}
		for _, l := range listeners {
			said, closed := h.say(t, l, c.text)
			got := statuses(said)
			if said == "cut off" {
				got = []int{c.status}
			}
			if len(got) != 1 || got[0] != c.status && got[0] != 400 && got[0] != 413 && got[0] != 414 || !closed {
				t.Errorf("%s, %s: %v, closed %v, %.300q", l, c.name, got, closed, said)
			}
			raw, rs := up.take()
			for _, r := range rs {
				if r.whole || r.target != "/any/x" {
					t.Errorf("%s, %s: the service heard %+v", l, c.name, r)
				}
			}
			if strings.Contains(raw, "smuggled") {
				t.Errorf("%s, %s: the service was sent %.500q", l, c.name, raw)
			}
		}
	}
}

func fields(n, size int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "X-%d: %s\r\n", i, strings.Repeat("a", size))
	}
	return b.String()
}

// refusable are the readings that a stricter door refuses.
var refusable = map[string]bool{"obs-fold is one space": true, "LF ends a line": true, "a length said twice": true,
	"length and chunked: chunked": true, "chunked and length: chunked": true, "a request's trailers are dropped": true,
	"absolute form outweighs Host": true, "HTTP/1.2 is read as HTTP/1.1": true}

// What can be read in one way of two reaches the service framed anew, as it was
// read, so that it cannot be read in the other; or it is refused.
func TestHTTP1Readings(t *testing.T) {
	t.Parallel()
	up := newWire(t)
	h := newDoors(t, doorOptions{upstream: up.url()})
	const head = "Host: shop.localhost\r\n"
	for _, c := range []struct {
		name, text   string
		method, body string
		more         func(r heard) bool
	}{
		{"obs-fold is one space", "GET /any/x HTTP/1.1\r\n" + head + "X-A: 1\r\n\t X-B: 2\r\n\r\n", "GET", "",
			func(r heard) bool { return r.header.Get("X-A") == "1 X-B: 2" && r.header.Get("X-B") == "" }},
		{"LF ends a line", "GET /any/x HTTP/1.1\nHost: shop.localhost\nX-A: 1\n\n", "GET", "",
			func(r heard) bool { return r.header.Get("X-A") == "1" }},
		{"a length said twice", "POST /any/x HTTP/1.1\r\n" + head + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "POST", "hello", nil},
		{"chunk extensions are dropped", "POST /any/x HTTP/1.1\r\n" + head + "Transfer-Encoding: chunked\r\n\r\n5;a=\"b\"\r\nhello\r\n0\r\n\r\n", "POST", "hello", nil},
		{"leading zeros of a chunk", "POST /any/x HTTP/1.1\r\n" + head + "Transfer-Encoding: CHUNKED\r\n\r\n0005\r\nhello\r\n000\r\n\r\n", "POST", "hello", nil},
		{"a request's trailers are dropped", "POST /any/x HTTP/1.1\r\n" + head + "Transfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\nAuthorization: x\r\n\r\n",
			"POST", "hello", func(r heard) bool {
				return r.header.Get("X-T") == "" && r.header.Get("Trailer") == "" && r.header.Get("Authorization") == ""
			}},
		{"a GET with a body", "GET /any/x HTTP/1.1\r\n" + head + "Content-Length: 5\r\n\r\nhello", "GET", "hello", nil},
		{"absolute form", "GET http://shop.localhost/any/x HTTP/1.1\r\n" + head + "\r\n", "GET", "",
			func(r heard) bool { return r.host == "shop.localhost" && r.target == "/any/x" }},
		// The target's authority is the one that counts (RFC 9112, section 3.2.2), and the only one anybody hears of.
		{"absolute form outweighs Host", "GET http://shop.localhost/any/x HTTP/1.1\r\nHost: elsewhere\r\n\r\n", "GET", "",
			func(r heard) bool {
				return r.host == "shop.localhost" && r.header.Get("X-Forwarded-Host") == "shop.localhost"
			}},
		{"Connection names a field of its own", "GET /any/x HTTP/1.1\r\n" + head + "Connection: close, X-A\r\nX-A: 1\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n", "GET", "",
			func(r heard) bool {
				return r.header.Get("X-Forwarded-For") == "127.0.0.1" && r.header.Get("X-Request-Id") != "" && r.header.Get("X-A") == "" && r.host == "shop.localhost"
			}},
		{"what only the gateway may say", "GET /any/x HTTP/1.1\r\n" + head + "X_Forwarded_For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\nX-Client-Cert: x\r\nX-Client_Cert: x\r\nX-SSL-Client-Verify: SUCCESS\r\nVia: 1.1 x\r\nTE: gzip\r\nProxy-Authorization: x\r\nProxy: x\r\n\r\n", "GET", "",
			func(r heard) bool {
				for name, v := range r.header {
					if strings.Contains(strings.Join(v, ""), "6.6.6.6") || v[0] == "x" || v[0] == "SUCCESS" || name == "Te" || strings.Contains(name, "_") {
						return false
					}
				}
				return true
			}},
		{"h2c upgrade is not taken", "GET /any/x HTTP/1.1\r\n" + head + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n", "GET", "",
			func(r heard) bool {
				return r.header.Get("Upgrade") == "" && r.header.Get("Http2-Settings") == "" && r.header.Get("Connection") == ""
			}},
		{"an upgrade where none is declared", "GET /any/x HTTP/1.1\r\n" + head + "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", "GET", "",
			func(r heard) bool { return r.header.Get("Upgrade") == "" && r.header.Get("Connection") == "" }},
		{"HTTP/1.2 is read as HTTP/1.1", "GET /any/x HTTP/1.2\r\n" + head + "\r\n", "GET", "", nil},
		{"length and chunked: chunked", "POST /any/x HTTP/1.1\r\n" + head + "Content-Length: 50\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "POST", "hello", noLength},
		{"chunked and length: chunked", "POST /any/x HTTP/1.1\r\n" + head + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "POST", "hello", noLength},
	} {
		for _, l := range everyDoor {
			conn := h.dial(l)
			if _, err := io.WriteString(conn, c.text); err != nil {
				t.Fatal(err)
			}
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Errorf("%s, %s: %v", l, c.name, err)
				continue
			}
			if res.StatusCode == 400 {
				ended(t, conn, late)
			}
			conn.Close()
			raw, rs := up.take()
			if refusable[c.name] && res.StatusCode == 400 {
				for _, r := range rs {
					if r.whole {
						t.Errorf("%s, %s: refused, but the service heard %+v", l, c.name, r)
					}
				}
				continue
			}
			rs = slices.DeleteFunc(rs, func(r heard) bool { return !r.whole }) // of the refused one before, maybe
			if res.StatusCode != 200 {
				t.Errorf("%s, %s: %d", l, c.name, res.StatusCode)
			}
			if len(rs) != 1 || rs[0].target != "/any/x" || rs[0].method != c.method || rs[0].body != c.body || !rs[0].whole || c.more != nil && !c.more(rs[0]) {
				t.Errorf("%s, %s: the service heard %+v of %q", l, c.name, rs, raw)
			}
		}
	}
}

func noLength(r heard) bool { return r.header.Get("Content-Length") == "" }

// HTTP/1.0 knows no chunks: net/http overlooks the field, and an attacker's proxy
// might not. Nothing after such a request is executed.
func TestHTTP10ClosesItsConnection(t *testing.T) {
	t.Parallel()
	up := newWire(t)
	h := newDoors(t, doorOptions{upstream: up.url()})
	for _, l := range plainDoors {
		said, closed := h.say(t, l, "POST /any/x HTTP/1.0\r\nHost: shop.localhost\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"+
			"GET /any/smuggled HTTP/1.1\r\nHost: shop.localhost\r\n\r\n")
		if got := statuses(said); len(got) != 1 || !closed {
			t.Errorf("%s: %v, closed %v: %q", l, got, closed, said)
		}
		if raw, _ := up.take(); strings.Contains(raw, "smuggled") {
			t.Errorf("%s: the service was sent %q", l, raw)
		}
	}
}

// A target's authority that differs from Host is refused, or it is the one that
// counts: nobody takes the request for one to the host named by Host.
func TestHTTP1AbsoluteFormElsewhere(t *testing.T) {
	t.Parallel()
	up := newWire(t)
	h := newDoors(t, doorOptions{upstream: up.url()})
	for _, l := range everyDoor {
		said, _ := h.say(t, l, "GET http://elsewhere/any/x HTTP/1.1\r\nHost: shop.localhost\r\nConnection: close\r\n\r\n")
		if got := statuses(said); len(got) != 1 || got[0] != 404 && got[0] != 400 {
			t.Errorf("%s: %q", l, said)
		}
	}
	if _, rs := up.take(); len(rs) > 0 {
		t.Errorf("the service heard %+v", rs)
	}
}

// Requests that follow each other without waiting are answered in order.
func TestHTTP1Pipelining(t *testing.T) {
	t.Parallel()
	up := newWire(t)
	h := newDoors(t, doorOptions{upstream: up.url()})
	text := ""
	for i := range 20 {
		text += fmt.Sprintf("POST /any/%d HTTP/1.1\r\nHost: shop.localhost\r\nContent-Length: 2\r\n\r\n%02d", i, i)
	}
	text += "GET /any/last HTTP/1.1\r\nHost: shop.localhost\r\nConnection: close\r\n\r\nGET /any/smuggled HTTP/1.1\r\nHost: shop.localhost\r\n\r\n"
	for _, l := range plainDoors {
		said, closed := h.say(t, l, text)
		if got := statuses(said); len(got) != 21 || !closed {
			t.Errorf("%s: %v, closed %v", l, got, closed)
		}
		_, rs := up.take()
		for i, r := range rs {
			if i < 20 && (r.target != fmt.Sprintf("/any/%d", i) || r.body != fmt.Sprintf("%02d", i)) || r.target == "/any/smuggled" {
				t.Errorf("%s: %d: %+v", l, i, r)
			}
		}
		if len(rs) != 21 {
			t.Errorf("%s: the service heard %d requests", l, len(rs))
		}
	}
}

// A refused request's body is not asked for.
func TestExpectContinueRefused(t *testing.T) {
	t.Parallel()
	up := newWire(t)
	h := newDoors(t, doorOptions{upstream: up.url()})
	for _, l := range everyDoor {
		for path, want := range map[string]int{"/guarded": 401, "/nowhere": 404} {
			said, closed := h.say(t, l, "POST "+path+" HTTP/1.1\r\nHost: shop.localhost\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n")
			if got := statuses(said); len(got) != 1 || got[0] != want || !closed {
				t.Errorf("%s %s: %v, closed %v: %q", l, path, got, closed, said)
			}
		}
	}
	if _, rs := up.take(); len(rs) != 0 {
		t.Errorf("the service heard %+v", rs)
	}
}
