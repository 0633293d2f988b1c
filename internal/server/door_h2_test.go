package server

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// frames is a client of raw HTTP/2 frames, which may break every rule.
type frames struct {
	t    *testing.T
	conn net.Conn
	*http2.Framer
	buf bytes.Buffer
	enc *hpack.Encoder
}

func (h *house) frames(listener string, settings ...http2.Setting) *frames {
	h.t.Helper()
	f := &frames{t: h.t, conn: h.dial(listener, "h2")}
	if err := f.start(settings...); err != nil {
		h.t.Fatal(err)
	}
	return f
}

// start begins the connection.
func (f *frames) start(settings ...http2.Setting) error {
	f.Framer = http2.NewFramer(f.conn, f.conn)
	f.AllowIllegalWrites = true
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	f.enc = hpack.NewEncoder(&f.buf)
	_, err := io.WriteString(f.conn, http2.ClientPreface)
	return errors.Join(err, f.WriteSettings(settings...), f.WriteSettingsAck())
}

// block encodes fields, names and values in turn.
func (f *frames) block(fields ...string) []byte {
	f.buf.Reset()
	for i := 0; i+1 < len(fields); i += 2 {
		_ = f.enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return bytes.Clone(f.buf.Bytes())
}

// open sends the head of a request.
func (f *frames) open(stream uint32, end bool, fields ...string) error {
	return f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: f.block(fields...), EndHeaders: true, EndStream: end})
}

// outcome reads until the stream or the connection is over: a status, "reset",
// "goaway" or "closed", and the body.
func (f *frames) outcome(stream uint32) (string, string) {
	f.t.Helper()
	status, body := "", ""
	for {
		fr, err := f.ReadFrame()
		if err != nil {
			if e, ok := err.(net.Error); ok && e.Timeout() {
				f.t.Fatal("no end of the stream")
			}
			return "closed", body
		}
		switch fr := fr.(type) {
		case *http2.MetaHeadersFrame:
			if fr.StreamID != stream {
				continue
			}
			if s := fr.PseudoValue("status"); s != "" {
				status = s
			}
			if fr.StreamEnded() {
				return status, body
			}
		case *http2.DataFrame:
			if fr.StreamID != stream {
				continue
			}
			body += string(fr.Data())
			if fr.StreamEnded() {
				return status, body
			}
		case *http2.RSTStreamFrame:
			if fr.StreamID == stream {
				if status != "" && fr.ErrCode == http2.ErrCodeNo {
					return status, body
				}
				return "reset", body
			}
		case *http2.GoAwayFrame:
			return "goaway", body
		}
	}
}

// pseudo is the head of a request.
func pseudo(method, path, authority string, more ...string) []string {
	return append([]string{":method", method, ":scheme", "http", ":path", path, ":authority", authority}, more...)
}

const here = "shop.localhost"

// What an HTTP/1.1 server behind could take for another message, or two readers
// for two things, is refused, by whomsoever, and never becomes one.
func TestHTTP2Injections(t *testing.T) {
	t.Parallel()
	up := newWire(t)
	h := newDoors(t, doorOptions{upstream: up.url()})
	const smuggled = "GET /any/smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
	replace := func(name, value string) []string {
		fields := pseudo("GET", "/any/x", here)
		for i := 0; i < len(fields); i += 2 {
			if fields[i] == name {
				fields[i+1] = value
			}
		}
		return fields
	}
	without := func(name string) []string {
		fields := pseudo("GET", "/any/x", here)
		for i := 0; i < len(fields); i += 2 {
			if fields[i] == name {
				return append(fields[:i:i], fields[i+2:]...)
			}
		}
		return fields
	}
	with := func(more ...string) []string { return pseudo("GET", "/any/x", here, more...) }
	post := func(more ...string) []string { return pseudo("POST", "/any/x", here, more...) }
	for _, listener := range []string{"plain", "tls-strict"} { // HTTP/2 is read by one reader, behind two ways in
		for _, c := range []struct {
			name   string
			fields []string
			data   string
		}{
			{"request line in :method", replace(":method", "GET /any/smuggled HTTP/1.1"), ""},
			{"message in :method", replace(":method", "GET /any/smuggled HTTP/1.1\r\nHost: x\r\n\r\nGET"), ""},
			{"space in :method", replace(":method", "GET /any/smuggled"), ""},
			{"tab in :method", replace(":method", "GET\t/any/smuggled"), ""},
			{"empty :method", replace(":method", ""), ""},
			{"CONNECT with a path", replace(":method", "CONNECT"), ""},
			{"CONNECT", []string{":method", "CONNECT", ":authority", here + ":443"}, ""},
			{"extended CONNECT", append(replace(":method", "CONNECT"), ":protocol", "websocket"), ""},
			{"TRACE", replace(":method", "TRACE"), ""},
			{"message in :path", replace(":path", "/any/x HTTP/1.1\r\nHost: x\r\n\r\n"+smuggled), ""},
			{"space in :path", replace(":path", "/any/smuggled HTTP/1.1"), ""},
			{"CR in :path", replace(":path", "/any/smuggled\r"), ""},
			{"LF in :path", replace(":path", "/any/smuggled\n"), ""},
			{"NUL in :path", replace(":path", "/any/smuggled\x00"), ""},
			{"fragment in :path", replace(":path", "/any/smuggled#x"), ""},
			{"raw byte in :path", replace(":path", "/any/smuggled\xff"), ""},
			{"encoded line break in :path", replace(":path", "/any/%0d%0asmuggled"), ""},
			{"absolute :path", replace(":path", "http://"+here+"/any/smuggled"), ""},
			{"absolute :path elsewhere", replace(":path", "http://smuggled/any/x"), ""},
			{"relative :path", replace(":path", "any/smuggled"), ""},
			{"asterisk", replace(":path", "*"), ""},
			{"empty :path", replace(":path", ""), ""},
			{"two slashes", replace(":path", "//smuggled/any/x"), ""},
			{"dots", replace(":path", "/any/../smuggled"), ""},
			{"encoded dots", replace(":path", "/any/%2e%2e/smuggled"), ""},
			{"backslash", replace(":path", "/any\\smuggled"), ""},
			{"query with a line break", replace(":path", "/any/x?a=\r\nsmuggled"), ""},
			{"no :path", without(":path"), ""},
			{"no :method", without(":method"), ""},
			{"no :scheme", without(":scheme"), ""},
			{"no :authority", without(":authority"), ""},
			{"two :path", with(":path", "/any/smuggled"), ""},
			{"two :method", with(":method", "POST"), ""},
			{"two :authority", with(":authority", "smuggled"), ""},
			{"unknown pseudo", with(":smuggled", "x"), ""},
			{"response pseudo", with(":status", "200"), ""},
			{"pseudo after a field", append([]string{"x-first", "1"}, with()...), ""},
			{"user in :authority", replace(":authority", "smuggled@"+here), ""},
			{"line break in :authority", replace(":authority", here+"\r\nX-Smuggled: 1"), ""},
			{"space in :authority", replace(":authority", here+" smuggled"), ""},
			{"path in :authority", replace(":authority", here+"/smuggled"), ""},
			{"two in :authority", replace(":authority", here+",smuggled"), ""},
			{"port 0 in :authority", replace(":authority", here+":0"), ""},
			{"letters in the port", replace(":authority", here+":smuggled"), ""},
			{"trailing dot", replace(":authority", here+"."), ""},
			{"empty :authority", replace(":authority", ""), ""},
			{"Host differs", with("host", "smuggled"), ""},
			{"two Hosts", append(without(":authority"), "host", here, "host", "smuggled"), ""},
			{"scheme ftp", replace(":scheme", "ftp"), ""},
			{"scheme with a message", replace(":scheme", "http://smuggled\r\n"), ""},
			{"upper-case name", with("X-Smuggled", "1"), ""},
			{"line break in a name", with("x-a: 1\r\nx-smuggled", "1"), ""},
			{"space in a name", with("x smuggled", "1"), ""},
			{"colon in a name", with("x:smuggled", "1"), ""},
			{"empty name", with("", "smuggled"), ""},
			{"line break in a value", with("x-a", "1\r\nX-Smuggled: 1"), ""},
			{"LF in a value", with("x-a", "1\nX-Smuggled: 1"), ""},
			{"CR in a value", with("x-a", "1\rX-Smuggled: 1"), ""},
			{"NUL in a value", with("x-a", "1\x00smuggled"), ""},
			{"message in a cookie", with("cookie", "a=1\r\n\r\n"+smuggled), ""},
			{"connection", with("connection", "x-smuggled", "x-smuggled", "1"), ""},
			{"keep-alive", with("keep-alive", "smuggled"), ""},
			{"proxy-connection", with("proxy-connection", "smuggled"), ""},
			{"upgrade", with("upgrade", "smuggled"), ""},
			{"te", with("te", "smuggled"), ""},
			{"transfer-encoding", post("transfer-encoding", "chunked"), "0\r\n\r\n" + smuggled},
			{"transfer-encoding, odd", post("transfer-encoding", "xchunked"), "0\r\n\r\n" + smuggled},
			{"short content-length", post("content-length", "2"), "{}" + smuggled},
			{"content-length 0", post("content-length", "0"), smuggled},
			{"long content-length", post("content-length", "500"), smuggled},
			{"two content-lengths", post("content-length", "2", "content-length", "40"), smuggled},
			{"signed content-length", post("content-length", "+2"), smuggled},
			{"list of content-lengths", post("content-length", "2, 2"), smuggled},
			{"hexadecimal content-length", post("content-length", "0x2"), smuggled},
			{"method override", with("x-http-method-override", "smuggled"), ""},
		} {
			f := h.frames(listener)
			if err := f.open(1, c.data == "", c.fields...); err != nil {
				t.Fatal(err)
			}
			if c.data != "" {
				_ = f.WriteData(1, true, []byte(c.data))
			}
			got, body := f.outcome(1)
			f.conn.Close()
			if c.name == "content-length 0" && got == "200" {
				got = "400" // answered before the surplus arrived
			}
			if got == "" || got[0] != '4' && got != "reset" && got != "goaway" && got != "closed" {
				t.Errorf("%s, %s: %s %s", listener, c.name, got, body)
			}
			// What has arrived at all is one message: without the body that broke its
			// promise, or with one that never reaches its end.
			for _, r := range second(up.take()) {
				if r.whole && r.header.Get("Content-Length") != "0" || r.target != "/any/x" {
					t.Errorf("%s, %s: the service heard %+v", listener, c.name, r)
				}
			}
		}
	}
	// A lawful request still passes, once, with what belongs to it.
	f := h.frames("plain")
	if err := f.open(1, false, post("content-length", "4", "te", "trailers", "cookie", "a=1", "cookie", "b=2")...); err != nil {
		t.Fatal(err)
	}
	_ = f.WriteData(1, true, []byte("body"))
	if got, body := f.outcome(1); got != "200" || body != "ok" {
		t.Errorf("a lawful request: %s %s", got, body)
	}
	_, rs := up.take()
	if len(rs) != 1 || rs[0].body != "body" || rs[0].header.Get("Cookie") != "a=1; b=2" || rs[0].host != here || strings.Contains(rs[0].target, "smuggled") {
		t.Errorf("a lawful request became %+v", rs)
	}
}

func second[A, B any](_ A, b B) B { return b }

// The client of a request that was cut short of its announced length does not
// make the service believe in a whole one, and the service's connection is not
// used again.
func TestHTTP2ShortBodyEndsTheUpstreamConnection(t *testing.T) {
	t.Parallel()
	up := newWire(t)
	h := newDoors(t, doorOptions{upstream: up.url()})
	f := h.frames("plain")
	if err := f.open(1, false, pseudo("POST", "/any/x", here, "content-length", "100000")...); err != nil {
		t.Fatal(err)
	}
	_ = f.WriteData(1, false, []byte("begin "))
	waitFor(t, "the beginning at the service", func() bool {
		up.mu.Lock()
		defer up.mu.Unlock()
		return strings.Contains(up.bytes.String(), "begin ")
	})
	_ = f.WriteRSTStream(1, http2.ErrCodeCancel)
	<-up.got
	if err := f.open(3, true, pseudo("GET", "/any/next", here)...); err != nil {
		t.Fatal(err)
	}
	if got, _ := f.outcome(3); got != "200" {
		t.Errorf("the next request: %s", got)
	}
	raw, rs := up.take()
	if len(rs) != 2 || rs[0].whole || rs[1].target != "/any/next" {
		t.Errorf("the service heard %+v of %q", rs, raw)
	}
	_ = f.conn.SetDeadline(time.Now())
}
