package http1

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

// echo answers with what it got, in a line, and the body.
type echo struct{}

func (e *echo) ServeHTTP1(_ context.Context, r *Request, b *Body, w *ResponseWriter) {
	var body []byte
	if r.Length != 0 && r.Target != "/unread" {
		var err error
		if body, err = io.ReadAll(b); err != nil {
			e.RefuseHTTP1(context.Background(), r, gatehouse.AsError(err, "http1.body", 400), w)
			w.Abort()
			return
		}
	}
	out := fmt.Sprintf("%s %s %s %q", r.Method, r.Target, r.Host, body)
	var h gatehouse.Header
	if r.Target != "/chunked" {
		h.Add("Content-Length", fmt.Sprint(len(out)))
	}
	if w.WriteHead(200, h) != nil {
		return
	}
	_, _ = io.WriteString(w, out)
	if len(b.Trailer()) > 0 || r.Target == "/chunked" {
		_ = w.WriteTrailer(gatehouse.Header{{Name: "X-Trailers", Value: fmt.Sprint(len(b.Trailer()))}})
	}
}

func (e *echo) RefuseHTTP1(_ context.Context, _ *Request, err *gatehouse.Error, w *ResponseWriter) {
	_ = w.WriteHead(err.Status, gatehouse.Header{{Name: "X-Code", Value: err.Code}, {Name: "Connection", Value: "close"}, {Name: "Content-Length", Value: "0"}})
}

// start serves on a socket of its own.
func start(t *testing.T, h Handler, lim Limits) (*Server, string) {
	t.Helper()
	s := &Server{Handler: h, Limits: func() *Limits { return &lim }}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.ServeConn(context.Background(), c, nil)
		}
	}()
	t.Cleanup(func() {
		l.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = s.Shutdown(ctx)
	})
	return s, l.Addr().String()
}

// talk sends raw bytes, split as told, and returns all answers as text.
func talk(t *testing.T, addr, in string, splits ...int) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	at := 0
	for _, n := range splits {
		_, _ = io.WriteString(c, in[at:n])
		at = n
		time.Sleep(2 * time.Millisecond)
	}
	_, _ = io.WriteString(c, in[at:])
	_ = c.(*net.TCPConn).CloseWrite()
	out, err := io.ReadAll(c)
	if err != nil && !strings.Contains(err.Error(), "reset") {
		t.Fatal(err)
	}
	return string(out)
}

func TestServerAnswers(t *testing.T) {
	_, addr := start(t, &echo{}, DefaultLimits())
	for _, c := range []struct{ name, in, want string }{
		{"get", "GET /a HTTP/1.1\r\nHost: h\r\n\r\n", `GET /a h ""`},
		{"leading empty line", "\r\nGET /a HTTP/1.1\r\nHost: h\r\n\r\n", `GET /a h ""`},
		{"length", "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", `POST /a h "abc"`},
		{"chunks", "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n", `POST /a h "abc"`},
		{"trailers", "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-T: 1\r\n\r\n", `POST /a h ""`},
		{"HTTP/1.0", "GET /a HTTP/1.0\r\n\r\n", `GET /a  ""`},
		{"unread body skipped", "POST /unread HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\nHost: h\r\n\r\n", `GET /b h ""`},
	} {
		t.Run(c.name, func(t *testing.T) {
			for split := 0; split <= len(c.in); split += 7 {
				out := talk(t, addr, c.in, split)
				if !strings.HasPrefix(out, "HTTP/1.1 200 OK\r\n") || !strings.Contains(out, c.want) {
					t.Fatalf("split at %d: %q", split, out)
				}
			}
		})
	}
}

func TestServerPipelines(t *testing.T) {
	_, addr := start(t, &echo{}, DefaultLimits())
	in := ""
	for i := range 20 {
		in += fmt.Sprintf("POST /%d HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n%02d", i, i)
	}
	r := bufio.NewReader(strings.NewReader(talk(t, addr, in)))
	for i := range 20 {
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(i, err)
		}
		body, _ := io.ReadAll(res.Body)
		if want := fmt.Sprintf(`POST /%d h "%02d"`, i, i); string(body) != want {
			t.Fatalf("%q, want %q", body, want)
		}
	}
}

func TestServerRefuses(t *testing.T) {
	_, addr := start(t, &echo{}, DefaultLimits())
	long := strings.Repeat("a", 70_000)
	for _, c := range []struct{ name, in, code string }{
		{"bare LF", "GET / HTTP/1.1\nHost: h\n\n", "bare_lf"},
		{"bare LF in fields", "GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n", "bare_lf"},
		{"CR in value", "GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n", "field_value"},
		{"NUL in value", "GET / HTTP/1.1\r\nHost: h\r\nX: a\x00b\r\n\r\n", "field_value"},
		{"space before colon", "GET / HTTP/1.1\r\nHost : h\r\n\r\n", "space_before_colon"},
		{"obs-fold", "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n", "obs_fold"},
		{"two hosts", "GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", "host"},
		{"no host", "GET / HTTP/1.1\r\n\r\n", "host"},
		{"CL list", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 1\r\n\r\na", "content_length"},
		{"CL twice", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", "content_length"},
		{"CL plus", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\na", "content_length"},
		{"CL empty", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n", "content_length"},
		{"CL and TE", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "both_lengths"},
		{"TE and CL", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n", "both_lengths"},
		{"TE gzip", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "transfer_encoding"},
		{"TE xchunked", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "transfer_encoding"},
		{"TE identity", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\n\r\n", "transfer_encoding"},
		{"TE twice", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "transfer_encoding"},
		{"TE in 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "transfer_encoding"},
		{"two spaces", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", "target"},
		{"space in target", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", "target"},
		{"tab", "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n", "method"},
		{"HTTP/2.0", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", "version"},
		{"HTTP/1.2", "GET / HTTP/1.2\r\nHost: h\r\n\r\n", "version"},
		{"lower-case version", "GET / http/1.1\r\nHost: h\r\n\r\n", "version"},
		{"HTTP/0.9", "GET /\r\n\r\n", "version"},
		{"expectation", "POST / HTTP/1.1\r\nHost: h\r\nExpect: magic\r\nContent-Length: 1\r\n\r\na", "expect"},
		{"long head", "GET / HTTP/1.1\r\nHost: h\r\nX: " + long + "\r\n\r\n", "head_length"},
		{"long target", "GET /" + long + " HTTP/1.1\r\nHost: h\r\n\r\n", "target_length"},
		{"many fields", "GET / HTTP/1.1\r\nHost: h\r\n" + strings.Repeat("a: b\r\n", 200) + "\r\n", "field_count"},
		{"empty name", "GET / HTTP/1.1\r\nHost: h\r\n: b\r\n\r\n", "field_name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := talk(t, addr, c.in+"GET /second HTTP/1.1\r\nHost: h\r\n\r\n")
			if !strings.Contains(out, "X-Code: http1."+c.code+"\r\n") {
				t.Fatalf("%.200q", out)
			}
			if strings.Contains(out, "/second") {
				t.Fatal("what follows a refused message was served")
			}
		})
	}
	for _, c := range []struct{ name, body, code string }{
		{"sign", "+1\r\na\r\n0\r\n\r\n", "chunk_size"}, {"space", " 1\r\na\r\n0\r\n\r\n", "chunk_size"}, {"trailing space", "1 \r\na\r\n0\r\n\r\n", "chunk_size"},
		{"0x", "0x1\r\na\r\n0\r\n\r\n", "chunk_size"}, {"empty", "\r\n", "chunk_size"}, {"bare LF", "1\na\r\n0\r\n\r\n", "chunk_size"},
		{"overflow", "ffffffffffffffff1\r\na", "chunk_size"}, {"no CRLF after data", "1\r\nab\r\n0\r\n\r\n", "chunk_end"},
		{"LF after data", "1\r\na\n0\r\n\r\n", "chunk_end"}, {"bare LF in extension", "1;a\nb\r\na\r\n0\r\n\r\n", "chunk_extension"},
		{"long extensions", "1;" + long + "\r\na\r\n0\r\n\r\n", "chunk_extension"}, {"bare LF in trailer", "0\r\nA: b\n\r\n", "bare_lf"},
		{"framing in trailer", "0\r\nContent-Length: 5\r\n\r\n", "trailer_field"}, {"long trailer", "0\r\nA: " + long + "\r\n\r\n", "trailer_length"},
	} {
		t.Run("chunked "+c.name, func(t *testing.T) {
			out := talk(t, addr, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"+c.body+"GET /second HTTP/1.1\r\nHost: h\r\n\r\n")
			if !strings.Contains(out, "X-Code: http1."+c.code+"\r\n") || strings.Contains(out, "/second") {
				t.Fatalf("%.300q", out)
			}
		})
	}
}

func TestServerTimeouts(t *testing.T) {
	lim := DefaultLimits()
	lim.ReadHead, lim.Idle, lim.ReadBody, lim.BodyRate = 200*time.Millisecond, 300*time.Millisecond, 200*time.Millisecond, 1<<20
	_, addr := start(t, &echo{}, lim)
	for _, c := range []struct{ name, in, want string }{
		{"idle", "", ""}, {"slow head", "GET / HT", "408"}, {"slow body", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab", "HTTP/1.1 "},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, c.in)
			_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
			began := time.Now()
			out, err := io.ReadAll(conn)
			if errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 8*time.Second || !strings.Contains(string(out), c.want) {
				t.Errorf("%q %v after %v", out, err, time.Since(began))
			}
		})
	}
}

func TestServerContinue(t *testing.T) {
	_, addr := start(t, &echo{}, DefaultLimits())
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r := bufio.NewReader(c)
	fmt.Fprintf(c, "POST /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
	if line, _ := r.ReadString('\n'); line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("%q", line)
	}
	_, _ = r.ReadString('\n')
	fmt.Fprintf(c, "hi")
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := io.ReadAll(res.Body); string(b) != `POST /a h "hi"` {
		t.Fatalf("%s", b)
	}
	// Not asked for: the connection ends, for the body may come or not.
	fmt.Fprintf(c, "POST /unread HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
	if res, err = http.ReadResponse(r, nil); err != nil || res.StatusCode != 200 || !res.Close {
		t.Fatalf("%v %v", res, err)
	}
}

func TestServerDrains(t *testing.T) {
	release := make(chan struct{})
	s, addr := start(t, handlerFunc(func(w *ResponseWriter) {
		<-release
		_ = w.WriteHead(200, gatehouse.Header{{Name: "Content-Length", Value: "2"}})
		_, _ = io.WriteString(w, "ok")
	}), DefaultLimits())
	idle, _ := net.Dial("tcp", addr)
	defer idle.Close()
	got := make(chan string, 1)
	go func() { got <- talk(t, addr, "GET / HTTP/1.1\r\nHost: h\r\n\r\n") }()
	time.Sleep(50 * time.Millisecond)
	done := make(chan error, 1)
	go func() { done <- s.Shutdown(context.Background()) }()
	_ = idle.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := idle.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the idle connection: %v", err)
	}
	close(release)
	if out := <-got; !strings.Contains(out, "Connection: close") || !strings.HasSuffix(out, "ok") {
		t.Errorf("%q", out)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

type handlerFunc func(w *ResponseWriter)

func (f handlerFunc) ServeHTTP1(_ context.Context, _ *Request, _ *Body, w *ResponseWriter) { f(w) }
func (f handlerFunc) RefuseHTTP1(_ context.Context, _ *Request, _ *gatehouse.Error, w *ResponseWriter) {
	_ = w.WriteHead(400, nil)
}

// An answer that is not what its head announced is broken off, never complete.
func TestServerNeverCompletesABrokenAnswer(t *testing.T) {
	for name, f := range map[string]handlerFunc{
		"short": func(w *ResponseWriter) {
			_ = w.WriteHead(200, gatehouse.Header{{Name: "Content-Length", Value: "5"}})
			_, _ = io.WriteString(w, "ab")
		},
		"aborted": func(w *ResponseWriter) {
			_ = w.WriteHead(200, nil)
			_, _ = io.WriteString(w, "ab")
			w.Abort()
		},
	} {
		_, addr := start(t, f, DefaultLimits())
		res, err := http.Get("http://" + addr)
		if err != nil {
			continue
		}
		if b, err := io.ReadAll(res.Body); err == nil {
			t.Errorf("%s: %q is complete", name, b)
		}
	}
	_, addr := start(t, handlerFunc(func(w *ResponseWriter) {
		if w.WriteHead(200, gatehouse.Header{{Name: "X", Value: "a\r\nSet-Cookie: b"}}) == nil {
			t.Error("a split field was written")
		}
	}), DefaultLimits())
	if out := talk(t, addr, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"); out != "" {
		t.Errorf("%q", out)
	}
}
