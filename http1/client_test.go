package http1

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
)

// A peer is an endpoint that does what its script says: one function for each
// connection in turn, the last one for all others.
type peer struct {
	addr     string
	accepted atomic.Int32
}

func newPeer(t testing.TB, scripts ...func(c *net.TCPConn, br *bufio.Reader)) *peer {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	p := &peer{addr: ln.Addr().String()}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			n := int(p.accepted.Add(1))
			go func() {
				defer c.Close()
				scripts[min(n, len(scripts))-1](c.(*net.TCPConn), bufio.NewReader(c))
			}()
		}
	}()
	return p
}

func (p *peer) client(t testing.TB) *Client {
	c := &Client{Head: 5 * time.Second, Silence: 5 * time.Second, Idle: time.Minute, MaxIdle: 8}
	c.Dial = func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", p.addr)
	}
	t.Cleanup(c.Close)
	return c
}

// answering answers every request with the same bytes.
func answering(answer string) func(*net.TCPConn, *bufio.Reader) {
	return func(c *net.TCPConn, br *bufio.Reader) {
		for {
			if _, err := asked(br); err != nil {
				return
			}
			io.WriteString(c, answer)
		}
	}
}

// asked reads one request, its body as X-Body.
func asked(br *bufio.Reader) (*http.Request, error) {
	r, err := http.ReadRequest(br)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(r.Body)
	r.Header.Set("X-Body", string(b))
	return r, err
}

func get(path string) *Outgoing {
	return &Outgoing{Method: "GET", Path: path, Host: "h", Repeatable: true}
}

// ask sends r and reads the whole answer.
func ask(c *Client, r *Outgoing) (status int, body string, err error) {
	a, err := c.Do(context.Background(), r)
	if err != nil {
		return 0, "", err
	}
	defer a.Release()
	b, err := io.ReadAll(a)
	return a.Status, string(b), err
}

func wantAnswer(t testing.TB, c *Client, r *Outgoing, status int, body string) {
	t.Helper()
	if s, b, err := ask(c, r); err != nil || s != status || b != body {
		t.Fatalf("%s %s: %d %q %v, want %d %q", r.Method, r.Path, s, b, err, status, body)
	}
}

const fine = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// The corpus through the whole client: over TCP, and byte by byte.
func TestClientReadsTheCorpus(t *testing.T) {
	want := map[string]string{"interim/flood": "interim", "interim/large": "interim", "interim/then nothing": "unexpected EOF"}
	for _, c := range loadAnswers(t) {
		t.Run(c.Name, func(t *testing.T) {
			for _, size := range []int{1 << 20, 1} {
				r := &Outgoing{Method: orElse(c.Method, "GET"), Path: "/", Host: "h", Repeatable: true}
				status, body, err := ask(overScript(pieces([]byte(c.raw()), []byte{byte(min(size, 255))})), r)
				code := ""
				if err != nil {
					code = strings.TrimPrefix(codeOf(err), "http1.")
				}
				if w := orElse(want[c.Name], c.Want); code != w {
					t.Errorf("refused with %q, want %q", code, w)
				}
				if err == nil && status != 101 && (status != c.Status || body != c.Body) {
					t.Errorf("%d %q, want %d %q", status, body, c.Status, c.Body)
				}
				if err == nil && strings.Contains(body, "smuggled") {
					t.Errorf("smuggled: %q", body)
				}
			}
		})
	}
}

// overScript is a client whose one connection says these pieces.
func overScript(pieces [][]byte) *Client {
	return &Client{Head: time.Second, Idle: time.Second, MaxIdle: 1,
		Dial: func(context.Context) (net.Conn, error) { return &scripted{pieces: pieces}, nil }}
}

func TestClientKeepsConnections(t *testing.T) {
	for name, answer := range map[string]string{
		"length":   fine,
		"chunked":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n",
		"interim":  "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + fine,
		"http/1.0": "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
	} {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t, answering(answer))
			c := p.client(t)
			for range 20 {
				wantAnswer(t, c, get("/"), 200, "ok")
			}
			if busy, idle := c.Open(); p.accepted.Load() != 1 || busy != 0 || idle != 1 {
				t.Errorf("%d connections, %d busy, %d idle", p.accepted.Load(), busy, idle)
			}
		})
	}
}

func TestClientDoesNotKeep(t *testing.T) {
	for name, answer := range map[string]string{
		"close":              "HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 2\r\n\r\nok",
		"http/1.0":           "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"one byte more":      fine + "x",
		"an answer more":     fine + fine,
		"CRLF more":          fine + "\r\n",
		"answer after chunk": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n" + fine,
	} {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t, answering(answer))
			c := p.client(t)
			for range 3 {
				wantAnswer(t, c, get("/"), 200, "ok")
			}
			if busy, idle := c.Open(); p.accepted.Load() != 3 || busy+idle != 0 {
				t.Errorf("%d connections, %d busy, %d idle", p.accepted.Load(), busy, idle)
			}
		})
	}
}

// What arrives on a kept connection unasked, the end included, is seen before the
// connection is used again: no request is lost to it, and no answer is taken from it.
func TestClientLooksBeforeReuse(t *testing.T) {
	for _, unasked := range []string{"", "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmuggled", "x"} {
		p := newPeer(t, func(c *net.TCPConn, br *bufio.Reader) {
			asked(br)
			io.WriteString(c, fine)
			time.Sleep(5 * time.Millisecond)
			if unasked != "" {
				io.WriteString(c, unasked)
				time.Sleep(time.Second)
			}
		})
		c := p.client(t)
		for range 4 {
			wantAnswer(t, c, &Outgoing{Method: "POST", Path: "/", Host: "h", Whole: []byte("data")}, 200, "ok")
			time.Sleep(20 * time.Millisecond)
		}
		if p.accepted.Load() != 4 {
			t.Errorf("%q: %d connections", unasked, p.accepted.Load())
		}
	}
}

// The keeper closes idle connections that the other side has closed or that are
// old.
func TestClientSweeps(t *testing.T) {
	p := newPeer(t, func(c *net.TCPConn, br *bufio.Reader) { asked(br); io.WriteString(c, fine) }, answering(fine))
	c := p.client(t)
	c.Idle = 400 * time.Millisecond
	for range 2 {
		wantAnswer(t, c, get("/"), 200, "ok")
		soon(t, "no idle connection", func() bool { _, idle := c.Open(); return idle == 0 })
	}
	if p.accepted.Load() != 2 {
		t.Errorf("%d connections", p.accepted.Load())
	}
	soon(t, "an idle keeper", func() bool {
		keep.mu.Lock()
		defer keep.mu.Unlock()
		_, watched := keep.clients[c]
		return !watched
	})
}

func soon(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("in vain waited for %s", what)
}

// A kept connection that ends as the request arrives: what may be sent twice is,
// once, on a new connection.
func TestClientRepeatsOnStaleConnections(t *testing.T) {
	var got atomic.Int32
	dying := func(c *net.TCPConn, br *bufio.Reader) {
		asked(br)
		io.WriteString(c, fine)
		if r, err := asked(br); err == nil && r.URL.Path == "/again" {
			got.Add(1)
			_ = c.SetLinger(int(got.Load()) % 2 * -1) // now a reset, now an end
		}
	}
	for _, r := range []*Outgoing{
		{Method: "GET", Repeatable: true}, {Method: "PUT", Repeatable: true, Whole: []byte("data")},
		{Method: "PUT", Repeatable: true, Whole: bytes.Repeat([]byte("data"), 20000)},
		{Method: "POST", Whole: []byte("data")}, {Method: "POST"},
		{Method: "PUT", Repeatable: true, Body: strings.NewReader("data"), Length: 4},
	} {
		got.Store(0)
		p := newPeer(t, dying, func(c *net.TCPConn, br *bufio.Reader) {
			for {
				if r, err := asked(br); err != nil {
					return
				} else if r.URL.Path == "/again" {
					got.Add(1)
				}
				io.WriteString(c, fine)
			}
		})
		c := p.client(t)
		wantAnswer(t, c, get("/"), 200, "ok")
		r.Path, r.Host = "/again", "h"
		again := r.Repeatable && r.Body == nil
		_, body, err := ask(c, r)
		if again && (err != nil || body != "ok" || got.Load() != 2) || !again && (err == nil || got.Load() != 1 || !r.Reached) {
			t.Errorf("%s of %d bytes: %q %v after %d deliveries", r.Method, len(r.Whole), body, err, got.Load())
		}
		c.Close()
	}
}

// A new connection that breaks is not tried again here, nor is one whose answer
// has begun.
func TestClientDoesNotRepeat(t *testing.T) {
	for name, said := range map[string]string{"nothing": "", "a part of the head": "HTTP/1.1 200 OK\r\nContent-", "an interim answer": "HTTP/1.1 103 x\r\n\r\n"} {
		p := newPeer(t, func(c *net.TCPConn, br *bufio.Reader) { asked(br); io.WriteString(c, said) })
		c := p.client(t)
		if _, _, err := ask(c, get("/")); !errors.Is(err, io.ErrUnexpectedEOF) || p.accepted.Load() != 1 {
			t.Errorf("%s: %v, %d connections", name, err, p.accepted.Load())
		}
		kept := newPeer(t, func(c *net.TCPConn, br *bufio.Reader) {
			asked(br)
			io.WriteString(c, fine)
			asked(br)
			io.WriteString(c, said)
		})
		c = kept.client(t)
		wantAnswer(t, c, get("/"), 200, "ok")
		if _, _, err := ask(c, get("/")); said != "" && (err == nil || kept.accepted.Load() != 1) {
			t.Errorf("kept, %s: %v, %d connections", name, err, kept.accepted.Load())
		}
	}
}

func TestClientTimeLimits(t *testing.T) {
	p := newPeer(t, func(c *net.TCPConn, br *bufio.Reader) {
		r, err := asked(br)
		if err != nil {
			return
		}
		if r.URL.Path == "/body" {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
		}
		if r.URL.Path == "/chunk" { // amid a size line
			io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1")
		}
		br.ReadByte()
	})
	c := p.client(t)
	c.Head, c.Silence = 50*time.Millisecond, 50*time.Millisecond
	start := time.Now()
	for _, path := range []string{"/head", "/body", "/chunk"} {
		if _, _, err := ask(c, get(path)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: %v", path, err)
		}
	}
	// A body that nobody reads while the upload stands still.
	stuck := &Outgoing{Method: "POST", Path: "/", Host: "h", Body: endless{}, Length: Chunked}
	silent := newPeer(t, func(c *net.TCPConn, _ *bufio.Reader) { time.Sleep(3 * time.Second) }).client(t)
	silent.Silence = 50 * time.Millisecond
	if _, _, err := ask(silent, stuck); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("upload: %v", err)
	}
	c.Head, c.Silence = time.Minute, time.Minute
	for _, path := range []string{"/head", "/body", "/chunk"} {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		a, err := c.Do(ctx, get(path))
		if err == nil {
			_, err = io.ReadAll(a)
			a.Release()
		}
		cancel()
		if err == nil {
			t.Errorf("%s: the end of the context was not noticed", path)
		}
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("it took %v", d)
	}
	if busy, idle := c.Open(); busy+idle != 0 {
		t.Errorf("%d busy, %d idle", busy, idle)
	}
}

func TestClientTunnels(t *testing.T) {
	p := newPeer(t, func(c *net.TCPConn, br *bufio.Reader) {
		r, _ := asked(br)
		fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: %s\r\n\r\nearly ", r.Header.Get("Upgrade"))
		io.Copy(c, br)
	})
	c := p.client(t)
	r := get("/")
	r.Upgrade = "echo"
	a, err := c.Do(context.Background(), r)
	if err != nil || a.Status != 101 || a.Header.Get("Upgrade") != "echo" {
		t.Fatalf("%+v %v", a, err)
	}
	conn := a.Tunnel()
	a.Release()
	io.WriteString(conn, "hello")
	_ = conn.(interface{ CloseWrite() error }).CloseWrite()
	if b, err := io.ReadAll(conn); err != nil || string(b) != "early hello" {
		t.Errorf("%q %v", b, err)
	}
	conn.Close()
	if busy, idle := c.Open(); busy+idle != 0 {
		t.Errorf("%d busy, %d idle", busy, idle)
	}
}

// Over TLS a second answer may have been read by the record layer already.
func TestClientOverTLS(t *testing.T) {
	var said atomic.Value
	said.Store(fine)
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	defer s.Close()
	cert, roots := s.TLS.Certificates[0], s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	p := newPeer(t, func(c *net.TCPConn, _ *bufio.Reader) {
		tc := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{cert}})
		br := bufio.NewReader(tc)
		for {
			if _, err := asked(br); err != nil {
				return
			}
			io.WriteString(tc, fine)
			if more := said.Load().(string); more != "" {
				io.WriteString(tc, more) // a record of its own
			}
		}
	})
	c := p.client(t)
	plain := c.Dial
	c.Dial = func(ctx context.Context) (net.Conn, error) {
		nc, err := plain(ctx)
		if err != nil {
			return nil, err
		}
		return tls.Client(nc, &tls.Config{RootCAs: roots, ServerName: "example.com"}), nil
	}
	for range 5 {
		wantAnswer(t, c, get("/"), 200, "ok")
		time.Sleep(5 * time.Millisecond) // for the second answer to arrive
	}
	if p.accepted.Load() != 5 {
		t.Errorf("%d connections where each should have been given up", p.accepted.Load())
	}
	said.Store("")
	for range 5 {
		wantAnswer(t, c, &Outgoing{Method: "POST", Path: "/", Host: "h", Whole: []byte("x")}, 200, "ok")
	}
	if n := p.accepted.Load(); n != 6 {
		t.Errorf("%d connections, want 6", n)
	}
}

func TestClientTrailersAndInterim(t *testing.T) {
	p := newPeer(t, answering("HTTP/1.1 102 x\r\n\r\nHTTP/1.1 103 x\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0\r\nX-Sum: 1\r\nSet-Cookie: evil\r\nX-Sum: 2\r\n\r\n"))
	c := p.client(t)
	for range 3 {
		r := get("/")
		seen := &hints{}
		r.Interim = seen
		a, err := c.Do(context.Background(), r)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(a)
		want := gatehouse.Header{{Name: "X-Sum", Value: "1"}, {Name: "X-Sum", Value: "2"}}
		if string(b) != "ok" || err != nil || !cmp.Equal(a.Trailer(), want) || fmt.Sprint(*seen) != "[102 103]" {
			t.Errorf("%q %v %v %v", b, err, a.Trailer(), *seen)
		}
		a.Release()
		a.Release() // a second one does nothing
	}
	if p.accepted.Load() != 1 {
		t.Errorf("%d connections", p.accepted.Load())
	}
}

type hints []int

func (h *hints) WriteHead(status int, _ gatehouse.Header) error { *h = append(*h, status); return nil }

func TestClientBounds(t *testing.T) {
	p := newPeer(t, answering(fine))
	c := p.client(t)
	c.MaxIdle = 2
	var list []*Answer
	for range 5 {
		a, err := c.Do(context.Background(), get("/"))
		if err != nil {
			t.Fatal(err)
		}
		io.ReadAll(a)
		list = append(list, a)
	}
	if busy, idle := c.Open(); busy != 5 || idle != 0 {
		t.Errorf("%d busy, %d idle", busy, idle)
	}
	for _, a := range list {
		a.Release()
	}
	if busy, idle := c.Open(); busy != 0 || idle != 2 {
		t.Errorf("%d busy, %d idle", busy, idle)
	}
	c.Close()
	wantAnswer(t, c, get("/"), 200, "ok")
	if busy, idle := c.Open(); busy+idle != 0 {
		t.Errorf("%d busy, %d idle after Close", busy, idle)
	}
}

// A Wait interrupts within a few beats, once, and never after End.
func TestWait(t *testing.T) {
	var w Wait
	n := new(counting)
	ctx, cancel := context.WithCancel(context.Background())
	w.Begin(ctx, n)
	time.Sleep(2 * beat)
	if n.Load() != 0 {
		t.Error("interrupted for nothing")
	}
	cancel()
	soon(t, "the interruption", func() bool { return n.Load() == 1 })
	time.Sleep(2 * beat)
	w.End()
	w.Begin(ctx, n)
	w.End()
	time.Sleep(2 * beat)
	if n.Load() != 1 {
		t.Errorf("interrupted %d times", n.Load())
	}
}

type counting struct{ atomic.Int32 }

func (c *counting) Interrupt() { c.Add(1) }

// An answer that is cut off after any of its bytes is never taken for whole.
func TestClientAnswerCutAnywhere(t *testing.T) {
	for _, answer := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\nX: 1\r\n\r\n",
		"HTTP/1.1 103 x\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.0 200 OK\r\n\r\nhello",
	} {
		endless := strings.HasPrefix(answer, "HTTP/1.0")
		for i := range len(answer) + 1 {
			for _, reset := range []bool{false, true} {
				p := newPeer(t, func(c *net.TCPConn, br *bufio.Reader) {
					if _, err := asked(br); err != nil {
						return
					}
					io.WriteString(c, answer[:i])
					if reset {
						_ = c.SetLinger(0)
					}
				})
				c := p.client(t)
				_, body, err := ask(c, get("/"))
				cut := i < len(answer) && (!endless || reset || i < len(answer)-len("hello"))
				if err == nil && (cut || !endless && body != "hello") || err != nil && !cut && !reset || endless && reset && err == nil {
					t.Errorf("%q, reset %v: %q %v", answer[:i], reset, body, err)
				}
				if n := p.accepted.Load(); n != 1 {
					t.Errorf("%q: %d connections", answer[:i], n)
				}
				c.Close()
			}
		}
	}
}
