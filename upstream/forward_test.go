package upstream

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

var quiet = log.New(io.Discard, "", 0)

func TestForwardCarriesTheMessage(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Seen", strings.Join([]string{r.Method, r.Host, r.RequestURI, string(b),
			r.Header.Get("X-Custom-Thing"), strings.Join(r.Header["X-Many"], "+"), r.UserAgent()}, "|"))
		w.Header().Add("Set-Cookie", "a=1")
		w.Header().Add("Set-Cookie", "b=2")
		w.Header().Set("Keep-Alive", "timeout=5")
		w.Header().Set("Content-Length", "5")
		w.WriteHeader(201)
		io.WriteString(w, "hello")
	})
	for name, pool := range servers(t, h) {
		t.Run(name, func(t *testing.T) {
			p := pool(t)
			for _, path := range []string{"/a/b?x=1&y=%20z", "//double/slash", "/a%2Fb", "/", "/q?a=[1]|{}"} {
				x := withBody(request("POST", path, "x-custom-THING", "v", "X-Many", "1", "x-many", "2",
					"Content-Length", "99", "Transfer-Encoding", "chunked", "Keep-Alive", "x", "Proxy-Foo", "x",
					"Connection", "close, X-Named", "X-Named", "gone"), "body!")
				w := forward(t, p, x)
				want := "POST|shop.example|" + path + "|body!|v|1+2|"
				if got := w.header.Get("X-Seen"); got != want {
					t.Errorf("upstream saw %q, want %q", got, want)
				}
				if w.status != 201 || w.text() != "hello" || w.header.Get("Content-Length") != "5" {
					t.Errorf("got %d %q %v", w.status, w.text(), w.header)
				}
				if w.header.Count("Set-Cookie") != 2 || w.header.Count("Keep-Alive") != 0 || w.header.Count("Connection") != 0 {
					t.Errorf("header %v", w.header)
				}
				r := x.Decision.Upstream
				if r.Name != "test" || r.Attempts != 1 || r.Status != 201 || r.Addr == "" || r.Took <= 0 || r.Err != "" {
					t.Errorf("report %+v", r)
				}
			}
		})
	}
}

// What was on the wire is looked at byte by byte, for net/http's server is kind.
func TestForwardWritesOurFraming(t *testing.T) {
	ln, lines := rawUpstream(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	p := newPool(t, nil, "http://"+ln)
	x := withBody(request("POST", "/p?q", "content-length", "0", "TRANSFER-ENCODING", "chunked", "te", "gzip", "upgrade", "h2c",
		"HTTP2-Settings", "x", "host", "evil", "Trailer", "X", "expect", "100-continue", "proxy-connection", "x", "Cookie", "a=b"), "abc")
	x.Outbound.Trailers = true
	forward(t, p, x)
	want := "POST /p?q HTTP/1.1\nHost: shop.example\nContent-Length: 3\nCookie: a=b\nConnection: TE\nTE: trailers\n\nabc"
	if *compatFlag {
		want = "POST /p?q HTTP/1.1\nHost: shop.example\nContent-Length: 3\nCookie: a=b\nTe: trailers\n\nabc"
	}
	if got := strings.ReplaceAll(<-lines, "\r", ""); got != want {
		t.Errorf("wire:\n%s\nwant:\n%s", got, want)
	}
}

// rawUpstream answers every request on a connection with the same bytes and tells
// what it read. It closes the connection after an answer without Content-Length.
func rawUpstream(t testing.TB, answer string) (addr string, seen chan string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	seen = make(chan string, 100)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				br := bufio.NewReader(c)
				for {
					text, err := readMessage(br)
					if err != nil {
						return
					}
					seen <- text
					io.WriteString(c, answer)
					if !strings.Contains(answer, "Content-Length: 2\r\n") {
						return
					}
				}
			}()
		}
	}()
	return ln.Addr().String(), seen
}

func readMessage(br *bufio.Reader) (string, error) {
	var b strings.Builder
	length := 0
	for {
		line, err := br.ReadString('\n')
		if err != nil {
			return "", err
		}
		b.WriteString(line)
		fmt.Sscanf(line, "Content-Length: %d", &length)
		if line == "\r\n" {
			break
		}
	}
	body := make([]byte, length)
	_, err := io.ReadFull(br, body)
	return b.String() + string(body), err
}

func TestStatusesWithoutBody(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/204":
			w.WriteHeader(204)
		case "/304":
			w.Header().Set("Etag", `"x"`)
			w.WriteHeader(304)
		case "/302":
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(302)
		case "/empty":
		default:
			w.Header().Set("Content-Length", "1234")
		}
	})
	for name, pool := range servers(t, h) {
		t.Run(name, func(t *testing.T) {
			p := pool(t)
			for _, c := range []struct {
				method, path string
				status       int
				length       string
			}{{"GET", "/204", 204, ""}, {"GET", "/304", 304, ""}, {"HEAD", "/h", 200, "1234"},
				{"GET", "/302", 302, "0"}, {"GET", "/empty", 200, "0"}} {
				w := forward(t, p, request(c.method, c.path))
				if w.status != c.status || w.header.Get("Content-Length") != c.length || w.text() != "" {
					t.Errorf("%s: %d %v %q", c.path, w.status, w.header, w.text())
				}
			}
		})
	}
}

// A redirect to the metadata service is an answer like any other.
func TestRedirectIsNotFollowed(t *testing.T) {
	s := httptest.NewServer(http.RedirectHandler("http://169.254.169.254/latest/", 307))
	defer s.Close()
	w := forward(t, newPool(t, nil, s.URL), request("GET", "/"))
	if w.status != 307 || w.header.Get("Location") != "http://169.254.169.254/latest/" {
		t.Errorf("got %d %v", w.status, w.header)
	}
}

func TestInterimAnswers(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := 1
		if r.URL.Path == "/many" {
			n = 100
		}
		// Set once: net/http's HTTP/2 server writes interim answers from this map.
		w.Header().Set("Link", "</x.css>; rel=preload")
		for range n {
			w.WriteHeader(103)
		}
		io.WriteString(w, "ok")
	})
	for name, pool := range servers(t, h) {
		t.Run(name, func(t *testing.T) {
			p := pool(t)
			w := forward(t, p, request("GET", "/"))
			if fmt.Sprint(w.interim) != "[103]" || w.status != 200 {
				t.Errorf("interim %v, status %d", w.interim, w.status)
			}
			err := p.Forward(context.Background(), request("POST", "/many"), &recorder{})
			if err == nil {
				t.Error("a flood of interim answers passed")
			}
		})
	}
}

// gRPC: a stream in both directions at once, and trailers.
func TestStreamingWithTrailers(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Te") != "trailers" {
			t.Error("no TE: trailers")
		}
		w.Header().Set("Content-Type", "application/grpc+proto")
		w.Header().Set("Trailer", "Grpc-Status")
		w.WriteHeader(200)
		http.NewResponseController(w).EnableFullDuplex()
		w.(http.Flusher).Flush()
		buf := make([]byte, 100)
		for {
			n, err := r.Body.Read(buf)
			if n > 0 {
				w.Write(buf[:n])
				w.(http.Flusher).Flush()
			}
			if err != nil {
				break
			}
		}
		w.Header().Set("Grpc-Status", "0")
		w.Header().Set(http.TrailerPrefix+"Grpc-Message", "fine")
		w.Header().Set(http.TrailerPrefix+"Set-Cookie", "evil=1")
	})
	for name, pool := range servers(t, h) {
		t.Run(name, func(t *testing.T) {
			p := pool(t)
			pr, pw := io.Pipe()
			x := request("POST", "/svc/Method", "Content-Type", "application/grpc")
			x.Outbound.Trailers = true
			x.Request.Body = gatehouse.Body{Source: pr, Length: -1}
			w := &recorder{flushed: make(chan struct{}, 100)}
			done := make(chan error, 1)
			go func() { done <- p.Forward(context.Background(), x, w) }()
			<-w.flushed // the head, before any message
			for i := range 3 {
				fmt.Fprintf(pw, "m%d", i)
				eventually(t, "the echo of a message", func() bool { return strings.HasSuffix(w.text(), fmt.Sprintf("m%d", i)) })
			}
			pw.Close()
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			if w.text() != "m0m1m2" || w.trailer.Get("Grpc-Status") != "0" || w.trailer.Get("Grpc-Message") != "fine" || w.trailer.Get("Set-Cookie") != "" {
				t.Errorf("body %q trailer %v", w.text(), w.trailer)
			}
			if !strings.Contains(w.header.Get("Trailer"), "Grpc-Status") || !x.Response.Streaming {
				t.Errorf("header %v", w.header)
			}
		})
	}
}

func TestServerSentEvents(t *testing.T) {
	next := make(chan string)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		w.(http.Flusher).Flush()
		for {
			select {
			case s := <-next:
				io.WriteString(w, "data: "+s+"\n\n")
				w.(http.Flusher).Flush()
			case <-r.Context().Done():
				next <- "upstream saw the end"
				return
			}
		}
	})
	s := httptest.NewServer(h)
	defer s.Close()
	p := newPool(t, nil, s.URL)
	w := &recorder{flushed: make(chan struct{}, 100)}
	ctx, cancel := context.WithCancelCause(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Forward(ctx, request("GET", "/events"), w) }()
	<-w.flushed
	for _, ev := range []string{"a", "b"} {
		next <- ev
		<-w.flushed
		if !strings.HasSuffix(w.text(), "data: "+ev+"\n\n") {
			t.Errorf("after event %s: %q", ev, w.text())
		}
	}
	cancel(&gatehouse.Error{Code: "token.expired", Status: 401})
	wantError(t, <-done, "token.expired", 401)
	if got := <-next; got != "upstream saw the end" {
		t.Error(got)
	}
}

// A large upload streams: memory does not grow with it.
func TestLargeUpload(t *testing.T) {
	const size = 200 << 20
	var got atomic.Int64
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.CopyBuffer(struct{ io.Writer }{io.Discard}, r.Body, make([]byte, 256<<10))
		got.Store(n)
	})
	s := httptest.NewServer(h)
	defer s.Close()
	p := newPool(t, nil, s.URL)
	for _, length := range []int64{size, -1} {
		src := &zeros{left: size}
		x := request("PUT", "/file")
		x.Request.Body = gatehouse.Body{Source: src, Length: length}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		w := forward(t, p, x)
		runtime.ReadMemStats(&after)
		if w.status != 200 || got.Load() != size {
			t.Errorf("status %d, upstream got %d bytes", w.status, got.Load())
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 8<<20 {
			t.Errorf("%d bytes were allocated on the way", grown)
		}
	}
}

type zeros struct{ left int64 }

func (z *zeros) Read(p []byte) (int, error) {
	if z.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), z.left)
	z.left -= n
	return int(n), nil
}

func TestAnswerThatBreaksOff(t *testing.T) {
	for name, wire := range map[string]string{
		"length":  "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
		"chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			addr, _ := rawUpstream(t, wire)
			w := &recorder{}
			x := request("GET", "/")
			err := newPool(t, nil, "http://"+addr).Forward(context.Background(), x, w)
			wantError(t, err, "upstream.aborted", 502)
			if w.status != 200 || w.text() != "half" || x.Decision.Upstream.Err == "" {
				t.Errorf("%d %q %+v", w.status, w.text(), x.Decision.Upstream)
			}
		})
	}
}

func TestMalformedAnswers(t *testing.T) {
	for name, wire := range map[string]string{
		"not http":        "SSH-2.0-OpenSSH\r\n\r\n",
		"two lengths":     "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
		"bad name":        "HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n",
		"nul in value":    "HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n",
		"status 999":      "HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n",
		"status 000":      "HTTP/1.1 000 What\r\nContent-Length: 0\r\n\r\n",
		"unknown coding":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		"endless head":    "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("a", 100<<10) + "\r\n\r\n",
		"unasked upgrade": "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			addr, _ := rawUpstream(t, wire)
			w := &recorder{}
			err := newPool(t, nil, "http://"+addr).Forward(context.Background(), request("POST", "/"), w)
			code := "upstream.malformed"
			if name == "unasked upgrade" {
				code = "upstream.upgrade"
			}
			wantError(t, err, code, 502)
			if w.status != 0 {
				t.Errorf("a head was written: %d", w.status)
			}
		})
	}
}

func TestTimeLimits(t *testing.T) {
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/silent-body" {
			w.Header().Set("Content-Length", "10")
			w.WriteHeader(200)
			io.WriteString(w, "abc")
			w.(http.Flusher).Flush()
		}
		<-release
	}))
	defer s.Close()
	defer close(release)
	p := newPool(t, func(c *Config) { c.Timeouts.Head = 30 * time.Millisecond }, s.URL)
	wantError(t, p.Forward(context.Background(), request("GET", "/"), &recorder{}), "upstream.timeout", 504)

	silent := newPool(t, func(c *Config) { c.Timeouts.Stream = 300 * time.Millisecond }, s.URL)
	w := &recorder{}
	wantError(t, silent.Forward(context.Background(), request("GET", "/silent-body"), w), "upstream.timeout", 504)
	if w.text() != "abc" {
		t.Errorf("got %q", w.text())
	}

	long := newPool(t, nil, s.URL)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	wantError(t, long.Forward(ctx, request("GET", "/"), &recorder{}), "upstream.timeout", 504)

	ctx, cancel = context.WithCancel(context.Background())
	time.AfterFunc(30*time.Millisecond, cancel)
	wantError(t, long.Forward(ctx, request("GET", "/"), &recorder{}), "client.gone", 499)
	if st := long.Endpoints()[0]; st.InFlight != 0 {
		t.Errorf("in flight: %+v", st)
	}
}

func TestUnreachable(t *testing.T) {
	ln, _ := net.Listen("tcp", "127.0.0.1:0")
	ln.Close()
	x := request("GET", "/")
	err := newPool(t, nil, "http://"+ln.Addr().String()).Forward(context.Background(), x, &recorder{})
	wantError(t, err, "upstream.unreachable", 502)
	if x.Decision.Upstream.Attempts != 2 {
		t.Errorf("%+v", x.Decision.Upstream)
	}
}

func TestClientThatFailsMidway(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "GET" {
			w.Write(make([]byte, 1<<20))
			return
		}
		io.Copy(io.Discard, r.Body)
	}))
	s.Config.ErrorLog = quiet
	defer s.Close()
	p := newPool(t, nil, s.URL)
	for _, c := range []struct {
		err    error
		code   string
		status int
	}{
		{errors.New("reset"), "client.gone", 499},
		{gatehouse.ErrBodyTooLarge, "body.too_large", 413},
		{context.DeadlineExceeded, "client.timeout", 408},
		{&gatehouse.Error{Code: "body.slow", Status: 408}, "body.slow", 408},
	} {
		x := request("POST", "/")
		x.Request.Body = gatehouse.Body{Source: io.MultiReader(strings.NewReader("abc"), failing{c.err}), Length: 10}
		wantError(t, p.Forward(context.Background(), x, &recorder{}), c.code, c.status)
	}
	// A source that ends too early must not pass for a complete body.
	x := request("POST", "/")
	x.Request.Body = gatehouse.Body{Source: strings.NewReader("abc"), Length: 10}
	wantError(t, p.Forward(context.Background(), x, &recorder{}), "client.gone", 499)

	w := &recorder{fail: errors.New("broken pipe")}
	wantError(t, p.Forward(context.Background(), request("GET", "/"), w), "client.gone", 499)
	if st := p.Endpoints()[0]; st.Breaker != "closed" || p.balancer.members[0].failures.Load() != 0 {
		t.Errorf("the endpoint was blamed: %+v", st)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// An upstream that answers before it has read the body: the answer passes, and
// nobody reads the client's body after Forward has returned.
func TestEarlyAnswer(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		http.Error(w, "too much", 413)
	}))
	s.Config.ErrorLog = quiet
	defer s.Close()
	p := newPool(t, nil, s.URL)
	src := &stuck{deadline: make(chan struct{})}
	x := request("POST", "/")
	x.Request.Body = gatehouse.Body{Source: src, Length: 1 << 30}
	w := forward(t, p, x)
	if w.status != 413 {
		t.Errorf("status %d", w.status)
	}
	src.over.Store(true)
	time.Sleep(20 * time.Millisecond)
	if src.late.Load() {
		t.Error("the body was read after Forward had returned")
	}
}

// stuck delivers a few bytes and then waits until its deadline is set.
type stuck struct {
	sent       atomic.Bool
	deadline   chan struct{}
	once       sync.Once
	over, late atomic.Bool
}

func (s *stuck) Read(p []byte) (int, error) {
	if s.over.Load() {
		s.late.Store(true)
	}
	if !s.sent.Swap(true) {
		return copy(p, "abc"), nil
	}
	<-s.deadline
	return 0, errors.New("deadline")
}

func (s *stuck) SetReadDeadline(time.Time) error {
	s.once.Do(func() { close(s.deadline) })
	return nil
}

// A client that sends no more does not outlast the time limit, and it is not the
// upstream's fault.
func TestStuckUploadEndsInTime(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }))
	s.Config.ErrorLog = quiet
	defer s.Close()
	p := newPool(t, nil, s.URL)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	x := request("PUT", "/")
	x.Request.Body = gatehouse.Body{Source: &stuck{deadline: make(chan struct{})}, Length: 100}
	wantError(t, p.Forward(ctx, x, &recorder{}), "upstream.timeout", 504)
	if p.balancer.members[0].failures.Load() != 0 {
		t.Error("the endpoint was blamed")
	}
}

func TestUnwritable(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("it reached the upstream: %s %s", r.Method, r.RequestURI)
	}))
	defer s.Close()
	p := newPool(t, nil, s.URL)
	for name, edit := range map[string]func(*gatehouse.Outbound){
		"method with a target":    func(o *gatehouse.Outbound) { o.Method = "GET /admin HTTP/1.1\r\nX:" },
		"method with a space":     func(o *gatehouse.Outbound) { o.Method = "GET /admin" },
		"no method":               func(o *gatehouse.Outbound) { o.Method = "" },
		"connect":                 func(o *gatehouse.Outbound) { o.Method = "CONNECT" },
		"path with CRLF":          func(o *gatehouse.Outbound) { o.Path = "/a\r\nX: y" },
		"path with a space":       func(o *gatehouse.Outbound) { o.Path = "/a b" },
		"path with NUL":           func(o *gatehouse.Outbound) { o.Path = "/a\x00" },
		"path with a fragment":    func(o *gatehouse.Outbound) { o.Path = "/a#b" },
		"path with a query":       func(o *gatehouse.Outbound) { o.Path = "/a?b" },
		"path with half an octet": func(o *gatehouse.Outbound) { o.Path = "/a%2" },
		"relative path":           func(o *gatehouse.Outbound) { o.Path = "a" },
		"absolute form":           func(o *gatehouse.Outbound) { o.Path = "http://evil/" },
		"no path":                 func(o *gatehouse.Outbound) { o.Path = "" },
		"asterisk for GET":        func(o *gatehouse.Outbound) { o.Path = "*" },
		"query with a space":      func(o *gatehouse.Outbound) { o.Query = "a b" },
		"query with LF":           func(o *gatehouse.Outbound) { o.Query = "a\nb" },
		"query with a fragment":   func(o *gatehouse.Outbound) { o.Query = "a#b" },
		"query with raw bytes":    func(o *gatehouse.Outbound) { o.Query = "a\xffb" },
		"authority with a path":   func(o *gatehouse.Outbound) { o.Authority = "a/b" },
		"authority with a user":   func(o *gatehouse.Outbound) { o.Authority = "u@h" },
		"authority with CRLF":     func(o *gatehouse.Outbound) { o.Authority = "h\r\nX: y" },
		"authority with two":      func(o *gatehouse.Outbound) { o.Authority = "a:1:2" },
		"authority port":          func(o *gatehouse.Outbound) { o.Authority = "a:99999" },
		"header name space":       func(o *gatehouse.Outbound) { o.Header.Add("Content-Length ", "0") },
		"header name colon":       func(o *gatehouse.Outbound) { o.Header.Add("X:Y", "0") },
		"header name empty":       func(o *gatehouse.Outbound) { o.Header.Add("", "0") },
		"header value CRLF":       func(o *gatehouse.Outbound) { o.Header.Add("X", "a\r\nTransfer-Encoding: chunked") },
		"header value LF":         func(o *gatehouse.Outbound) { o.Header.Add("X", "long enough for a word\nY: z") },
		"header value NUL":        func(o *gatehouse.Outbound) { o.Header.Add("X", "\x00") },
		"header value DEL":        func(o *gatehouse.Outbound) { o.Header.Add("X", "12345678\x7f2345678") },
		"pseudo header":           func(o *gatehouse.Outbound) { o.Header.Add(":path", "/admin") },
		"upgrade to h2c":          func(o *gatehouse.Outbound) { o.Upgrade = "h2c" },
		"upgrade with CRLF":       func(o *gatehouse.Outbound) { o.Upgrade = "websocket\r\nX: y" },
	} {
		x := request("GET", "/")
		edit(&x.Outbound)
		w := &recorder{}
		err := p.Forward(context.Background(), x, w)
		var e *gatehouse.Error
		if !errors.As(err, &e) || e.Code != "upstream.unwritable" || e.Status != 400 || w.status != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	x := withBody(request("GET", "/"), "x")
	x.Outbound.Upgrade = "websocket"
	wantError(t, p.Forward(context.Background(), x, &recorder{}), "upstream.unwritable", 400)
}

func TestOptionsAsterisk(t *testing.T) {
	addr, seen := rawUpstream(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	forward(t, newPool(t, nil, "http://"+addr), request("OPTIONS", "*"))
	if got := <-seen; !strings.HasPrefix(got, "OPTIONS * HTTP/1.1\r\n") {
		t.Errorf("wire %q", got)
	}
}
