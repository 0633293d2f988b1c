package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// service is a real server behind the gateway.
func service(t *testing.T, f http.HandlerFunc, protos ...string) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(f)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP1(len(protos) == 0)
	s.Config.Protocols.SetUnencryptedHTTP2(len(protos) > 0)
	s.Start()
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s
}

// An HTTP/1.1 client that is answered before it has sent its whole body: the
// service gets every byte, or learns that it did not.
func TestHTTP1DuplexLosesNothing(t *testing.T) {
	t.Parallel()
	type upload struct {
		body string
		err  error
	}
	got := make(chan upload, 1)
	up := service(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		first := make([]byte, 6)
		if _, err := io.ReadFull(r.Body, first); err != nil {
			got <- upload{string(first), err}
			return
		}
		fmt.Fprintf(w, "heard %s", first)
		w.(http.Flusher).Flush()
		rest, err := io.ReadAll(r.Body)
		got <- upload{string(first) + string(rest), err}
		fmt.Fprintf(w, " and %s", rest)
	})
	h := newDoors(t, doorOptions{upstream: up.URL})
	for i := range 20 {
		c := h.dial(everyDoor[i%len(everyDoor)], "http/1.1")
		fmt.Fprintf(c, "POST /any/x HTTP/1.1\r\nHost: shop.localhost\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nfirst \r\n")
		r := bufio.NewReader(c)
		time.Sleep(20 * time.Millisecond) // the answer has begun, or waits for the rest
		fmt.Fprintf(c, "6\r\nsecond\r\n0\r\n\r\n")
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		said, err := io.ReadAll(res.Body)
		u := <-got
		if u.err == nil && u.body != "first second" {
			t.Fatalf("the service took %q for the whole body", u.body)
		}
		if u.err != nil || err != nil || string(said) != "heard first  and second" {
			t.Fatalf("the service got %q, %v; the client %q, %v", u.body, u.err, said, err)
		}
		c.Close()
	}
}

const grpcOperation = `      - {post: "/grpc/{path...}", id: grpc, access: public, stream: [grpc]}
      - {post: "/upload", id: upload, access: public, stream: [upload]}
`

// gRPC's shape: messages both ways at their own pace, pauses longer than every
// timeout, and a status in the trailers; from HTTP/2 over TLS to HTTP/2 without.
func TestGRPCStreamsBothWays(t *testing.T) {
	t.Parallel()
	up := service(t, func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 || r.Header.Get("Te") != "trailers" {
			t.Errorf("the service was called by %s with TE %q", r.Proto, r.Header.Get("Te"))
		}
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status, Grpc-Message")
		w.WriteHeader(200)
		_ = http.NewResponseController(w).Flush()
		lines := bufio.NewScanner(r.Body)
		for lines.Scan() {
			fmt.Fprintf(w, "echo %s\n", lines.Text())
			_ = http.NewResponseController(w).Flush()
		}
		if err := lines.Err(); err != nil {
			t.Errorf("the service's side broke: %v", err)
		}
		w.Header().Set("Grpc-Status", "0")
		w.Header().Set("Grpc-Message", "fine")
	}, "h2c")
	h := newDoors(t, doorOptions{upstream: up.URL, protocol: "h2c", operations: grpcOperation, limits: "read_timeout: 300ms, write_timeout: 300ms"})
	for _, proto := range []string{"h2", "h2c"} {
		r, w := io.Pipe()
		req, _ := http.NewRequest("POST", h.url(proto, "/grpc/shop.Orders/Watch"), r)
		req.Header.Set("Content-Type", "application/grpc")
		req.Header.Set("Te", "trailers")
		res, err := h.client(proto).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(res.Body)
		for i := range 4 {
			if i == 2 {
				time.Sleep(900 * time.Millisecond)
			}
			fmt.Fprintf(w, "message %d\n", i)
			if line, err := lines.ReadString('\n'); err != nil || line != fmt.Sprintf("echo message %d\n", i) {
				t.Fatalf("%s: %q %v", proto, line, err)
			}
		}
		w.Close()
		if rest, err := io.ReadAll(lines); err != nil || len(rest) > 0 {
			t.Errorf("%s: %q %v", proto, rest, err)
		}
		if res.Trailer.Get("Grpc-Status") != "0" || res.Trailer.Get("Grpc-Message") != "fine" {
			t.Errorf("%s: trailers %v", proto, res.Trailer)
		}
		res.Body.Close()
	}
}

// A refused call is gRPC's status in a header without a body.
func TestGRPCTrailersOnly(t *testing.T) {
	t.Parallel()
	up := service(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Grpc-Status", "12")
	}, "h2c")
	h := newDoors(t, doorOptions{upstream: up.URL, protocol: "h2c", operations: grpcOperation})
	f := h.frames("tls")
	if err := f.open(1, true, pseudo("POST", "/grpc/a/b", here, "content-type", "application/grpc", "te", "trailers")...); err != nil {
		t.Fatal(err)
	}
	for {
		fr, err := f.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		if m, ok := fr.(*http2.MetaHeadersFrame); ok {
			fields := map[string]string{}
			for _, f := range m.RegularFields() {
				fields[f.Name] = f.Value
			}
			if m.PseudoValue("status") != "200" || fields["grpc-status"] != "12" || fields["content-type"] != "application/grpc" {
				t.Errorf("%v", m)
			}
			return
		}
	}
}

// Events that are longer in coming than write_timeout arrive, over HTTP/2 and
// HTTP/1.1.
func TestQuietEventsStayOpen(t *testing.T) {
	t.Parallel()
	up := service(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 3 {
			fmt.Fprintf(w, "data: %d\n\n", i)
			w.(http.Flusher).Flush()
			time.Sleep(700 * time.Millisecond)
		}
		<-r.Context().Done()
	})
	h := newDoors(t, doorOptions{upstream: up.URL, limits: "write_timeout: 250ms, read_timeout: 250ms, idle_timeout: 250ms"})
	for _, proto := range everyProto {
		t.Run(proto, func(t *testing.T) {
			t.Parallel()
			res, err := h.client(proto).Get(h.url(proto, "/events"))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			want := "data: 0\n\ndata: 1\n\ndata: 2\n\n"
			got := make([]byte, len(want))
			if n, err := io.ReadFull(res.Body, got); err != nil || string(got) != want {
				t.Errorf("%q %v", got[:n], err)
			}
		})
	}
}

// A WebSocket through TLS carries bytes both ways, those that came with the
// handshake too, and ends one way at a time.
func TestWebSocketOverTLS(t *testing.T) {
	t.Parallel()
	up := service(t, echoUpgrade)
	h := newDoors(t, doorOptions{upstream: up.URL, limits: "write_timeout: 250ms, read_timeout: 250ms, idle_timeout: 250ms"})
	for _, listener := range everyDoor {
		t.Run(listener, func(t *testing.T) {
			t.Parallel()
			c := h.dial(listener, "http/1.1")
			fmt.Fprint(c, "GET /chat HTTP/1.1\r\nHost: shop.localhost\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"+
				"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\nline 0\n")
			r := bufio.NewReader(c)
			res, err := http.ReadResponse(r, nil)
			if err != nil || res.StatusCode != 101 || res.Header.Get("Upgrade") != "websocket" || res.Header.Get("Connection") != "Upgrade" {
				t.Fatalf("%s: %v %v", listener, res, err)
			}
			for i := range 4 {
				if i == 2 {
					time.Sleep(700 * time.Millisecond)
				}
				if line, err := r.ReadString('\n'); err != nil || line != fmt.Sprintf("echo line %d\n", i) {
					t.Fatalf("%s: %q %v", listener, line, err)
				}
				fmt.Fprintf(c, "line %d\n", i+1)
			}
			if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if rest, err := io.ReadAll(r); err != nil || string(rest) != "echo line 4\n" {
				t.Errorf("%s: %q %v", listener, rest, err)
			}
		})
	}
	// Neither HTTP/1.0 nor a request with a body opens one.
	for _, text := range []string{
		"GET /chat HTTP/1.0\r\nHost: shop.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
		"GET /chat HTTP/1.1\r\nHost: shop.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\nhello",
		"POST /chat HTTP/1.1\r\nHost: shop.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
		"GET /public HTTP/1.1\r\nHost: shop.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
	} {
		for _, l := range plainDoors {
			c := h.raw(t, l, text)
			if res, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || res.StatusCode < 400 {
				t.Errorf("%s %q: %v %v", l, text, res, err)
			}
			c.Close()
		}
	}
}

// A service that switches to what nobody asked for gets nobody's connection.
func TestUnaskedUpgrade(t *testing.T) {
	t.Parallel()
	up := service(t, func(w http.ResponseWriter, r *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+r.URL.Query().Get("p")+"\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret")
	})
	h := newDoors(t, doorOptions{upstream: up.URL})
	for _, text := range []string{
		"GET /any/x?p=websocket HTTP/1.1\r\nHost: shop.localhost\r\n\r\n",
		"GET /chat?p=other HTTP/1.1\r\nHost: shop.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
	} {
		for _, l := range plainDoors {
			c := h.raw(t, l, text)
			if res, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || res.StatusCode != 502 {
				t.Errorf("%s %q: %v %v", l, text, res, err)
			}
		}
	}
}

// An upload of 50 MB is passed on as it comes: the service has read its beginning
// before its end is sent, and nobody holds the whole.
func TestUploadStreams(t *testing.T) {
	const size = 50 << 20
	begun := make(chan struct{}, 1)
	up := service(t, func(w http.ResponseWriter, r *http.Request) {
		n, err := io.CopyN(io.Discard, r.Body, 64<<10)
		begun <- struct{}{}
		if err == nil {
			var m int64
			m, err = io.Copy(io.Discard, r.Body)
			n += m
		}
		fmt.Fprintf(w, "%d %v", n, err)
	})
	h := newDoors(t, doorOptions{upstream: up.URL, limits: "body_bytes: 60MiB"})
	for proto, length := range map[string]int64{"h1": size, "h2c": -1, "strict": -1} {
		before, most := heap(), uint64(0)
		r, w := io.Pipe()
		go func() {
			piece := make([]byte, 1<<20)
			for sent := 0; sent < size; sent += len(piece) {
				if _, err := w.Write(piece); err != nil {
					return
				}
				if sent == 0 {
					<-begun
				}
				if sent == size/2 {
					most = heap()
				}
			}
			w.Close()
		}()
		req, _ := http.NewRequest("PUT", h.url(proto, "/any/x"), r)
		req.ContentLength = length
		res, err := h.client(proto).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != 200 || string(body) != fmt.Sprintf("%d <nil>", size) {
			t.Errorf("%s: %d %s", proto, res.StatusCode, body)
		}
		if most > before+16<<20 {
			t.Errorf("%s: %d MB were held", proto, (most-before)>>20)
		}
	}
}

// An upload declared as a stream may pause for longer than read_timeout.
func TestUploadMayPause(t *testing.T) {
	t.Parallel()
	up := newWire(t)
	h := newDoors(t, doorOptions{upstream: up.url(), operations: grpcOperation, limits: "read_timeout: 250ms"})
	for _, proto := range []string{"h1", "strict", "h2"} {
		t.Run(proto, func(t *testing.T) {
			t.Parallel()
			r, w := io.Pipe()
			go func() {
				io.WriteString(w, "begin ")
				time.Sleep(800 * time.Millisecond)
				io.WriteString(w, "end")
				w.Close()
			}()
			res, err := h.client(proto).Post(h.url(proto, "/upload"), "text/plain", r)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != 200 {
				t.Errorf("%d", res.StatusCode)
			}
		})
	}
	t.Cleanup(func() {
		_, rs := up.take()
		for _, r := range rs {
			if r.body != "begin end" || !r.whole {
				t.Errorf("%+v", r)
			}
		}
		if len(rs) != 3 {
			t.Errorf("%d uploads", len(rs))
		}
	})
}

func TestExpectContinueAccepted(t *testing.T) {
	t.Parallel()
	up := newWire(t)
	h := newDoors(t, doorOptions{upstream: up.url()})
	for _, listener := range everyDoor {
		c := h.dial(listener, "http/1.1")
		r := bufio.NewReader(c)
		for range 2 { // the connection stays
			fmt.Fprint(c, "POST /any/x HTTP/1.1\r\nHost: shop.localhost\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
			if res, err := http.ReadResponse(r, nil); err != nil || res.StatusCode != 100 {
				t.Fatalf("%s: %v %v", listener, res, err)
			}
			fmt.Fprint(c, "hello")
			res, err := http.ReadResponse(r, nil)
			if err != nil || res.StatusCode != 200 {
				t.Fatalf("%s: %v %v", listener, res, err)
			}
			_, _ = io.Copy(io.Discard, res.Body)
		}
		if _, rs := up.take(); len(rs) != 2 || rs[1].body != "hello" || rs[1].header.Get("Expect") != "" {
			t.Errorf("%s: %+v", listener, rs)
		}
	}
}

// Answers of every framing arrive as they were, on connections that stay usable.
func TestAnswersOfEveryShape(t *testing.T) {
	t.Parallel()
	up := service(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/any/204":
			w.WriteHeader(204)
		case "/any/304":
			w.Header().Set("Etag", `"x"`)
			w.WriteHeader(304)
		case "/any/103":
			w.Header().Set("Link", "</style.css>; rel=preload")
			w.WriteHeader(103)
			w.WriteHeader(103)
			io.WriteString(w, "after hints")
		case "/any/trailers":
			w.Header().Set("Trailer", "X-Sum")
			io.WriteString(w, "with trailers")
			w.(http.Flusher).Flush()
			w.Header().Set("X-Sum", "1")
			w.Header().Set(http.TrailerPrefix+"Set-Cookie", "x=1") // never in a trailer
		case "/any/chunked":
			for range 3 {
				io.WriteString(w, "piece ")
				w.(http.Flusher).Flush()
			}
		case "/any/empty":
		default:
			w.Header().Set("Content-Length", "5")
			io.WriteString(w, "whole")
		}
	})
	h := newDoors(t, doorOptions{upstream: up.URL})
	for _, proto := range everyProto {
		client := h.client(proto)
		for _, c := range []struct {
			method, path, body string
			status, hints      int
			length             int64
		}{
			{"GET", "whole", "whole", 200, 0, 5}, {"HEAD", "whole", "", 200, 0, 5}, {"GET", "204", "", 204, 0, 0}, {"HEAD", "204", "", 204, 0, -2},
			{"GET", "304", "", 304, 0, 0}, {"GET", "103", "after hints", 200, 2, -2}, {"HEAD", "103", "", 200, 2, -2}, {"GET", "empty", "", 200, 0, 0},
			{"GET", "chunked", "piece piece piece ", 200, 0, -2}, {"GET", "trailers", "with trailers", 200, 0, -2}, {"POST", "whole", "whole", 200, 0, 5},
			{"OPTIONS", "whole", "whole", 200, 0, 5}, {"DELETE", "204", "", 204, 0, 0},
		} {
			hints := 0
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
				if code == 103 && h.Get("Link") != "" {
					hints++
				}
				return nil
			}})
			req, _ := http.NewRequestWithContext(ctx, c.method, h.url(proto, "/any/"+c.path), nil)
			res, err := client.Do(req)
			if err != nil {
				t.Fatalf("%s %s %s: %v", proto, c.method, c.path, err)
			}
			body, err := io.ReadAll(res.Body)
			res.Body.Close()
			if err != nil || res.StatusCode != c.status || string(body) != c.body || hints != c.hints || c.length > -2 && res.ContentLength != c.length {
				t.Errorf("%s %s %s: %d %q %v, length %d, %d hints", proto, c.method, c.path, res.StatusCode, body, err, res.ContentLength, hints)
			}
			if c.path == "trailers" && (res.Trailer.Get("X-Sum") != "1" || res.Trailer.Get("Set-Cookie") != "") {
				t.Errorf("%s: trailers %v", proto, res.Trailer)
			}
		}
	}
	// HTTP/1.0 has no chunks, no trailers and no hints.
	for path, body := range map[string]string{"103": "after hints", "chunked": "piece piece piece ", "trailers": "with trailers", "whole": "whole"} {
		for _, l := range plainDoors {
			c := h.raw(t, l, "GET /any/"+path+" HTTP/1.0\r\nHost: shop.localhost\r\n\r\n")
			said := ended(t, c, late)
			head, rest, _ := strings.Cut(said, "\r\n\r\n")
			if rest != body || strings.Contains(head, " 103 ") || strings.Contains(head, "chunked") {
				t.Errorf("%s HTTP/1.0 %s: %q", l, path, said)
			}
		}
	}
}

// An answer that breaks off must not look whole to anybody.
func TestBrokenAnswersLookBroken(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				r, err := http.ReadRequest(bufio.NewReader(c))
				if err != nil {
					return
				}
				switch r.URL.Path {
				case "/any/length":
					io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart")
				case "/any/chunked":
					io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n")
				case "/any/bad":
					io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\nxyz\r\n")
				}
			}()
		}
	}()
	h := newDoors(t, doorOptions{upstream: "http://" + ln.Addr().String()})
	for _, proto := range everyProto {
		for _, path := range []string{"length", "chunked", "bad"} {
			res, err := h.client(proto).Get(h.url(proto, "/any/"+path))
			if err != nil {
				continue
			}
			body, err := io.ReadAll(res.Body)
			res.Body.Close()
			if err == nil && res.StatusCode == 200 {
				t.Errorf("%s %s: %q looks whole", proto, path, body)
			}
		}
	}
	// HTTP/1.0 ends an answer with its connection, so only a reset says that it broke.
	for _, l := range plainDoors {
		c := h.raw(t, l, "GET /any/chunked HTTP/1.0\r\nHost: shop.localhost\r\n\r\n")
		if b, err := io.ReadAll(c); err == nil && strings.Contains(string(b), " 200 ") {
			t.Errorf("%s HTTP/1.0: %q looks whole", l, b)
		}
	}
}

// Fields of an answer that could break a client's reading never reach it raw.
func TestAnswersThatInject(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				r, err := http.ReadRequest(bufio.NewReader(c))
				if err != nil {
					return
				}
				status, more := "200 OK", "Content-Length: 2\r\n"
				if r.Header.Get("Upgrade") != "" {
					status, more = "101 Switching Protocols", "Connection: Upgrade\r\nUpgrade: websocket\r\n"
				}
				fmt.Fprintf(c, "HTTP/1.1 %s\r\n%sX-A: 1\rX-Injected: 1\r\nX-B: 1\x00X-Injected: 1\r\n\r\nok", status, more)
			}()
		}
	}()
	h := newDoors(t, doorOptions{upstream: "http://" + ln.Addr().String()})
	for _, text := range []string{"GET /any/x HTTP/1.1\r\nHost: shop.localhost\r\nConnection: close\r\n\r\n",
		"GET /chat HTTP/1.1\r\nHost: shop.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"} {
		for _, l := range plainDoors {
			r, said, head := bufio.NewReader(h.raw(t, l, text)), "", ""
			for err := error(nil); err == nil && said != "\r\n"; head += said {
				said, err = r.ReadString('\n')
			}
			if strings.Contains(head, "\x00") || strings.Contains(strings.ReplaceAll(head, "\r\n", ""), "\r") {
				t.Errorf("%s %q", l, head)
			}
		}
	}
}
