package http1

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

func TestClientWritesRequests(t *testing.T) {
	wire := make(chan string, 1)
	p := newPeer(t, func(c *net.TCPConn, br *bufio.Reader) {
		for {
			var b strings.Builder
			r, err := http.ReadRequest(bufio.NewReader(io.TeeReader(br, &b)))
			if err != nil {
				return
			}
			io.Copy(io.Discard, r.Body)
			wire <- b.String()
			io.WriteString(c, fine)
		}
	})
	c := p.client(t)
	h := gatehouse.Header{{Name: "accept", Value: "*/*"}, {Name: "Host", Value: "evil"}, {Name: "content-length", Value: "7"}, {Name: "X-A", Value: ""},
		{Name: "connection", Value: "close, x-named"}, {Name: "X-Named", Value: "1"}, {Name: "TRANSFER-ENCODING", Value: "chunked"}, {Name: "te", Value: "gzip"},
		{Name: "Keep-Alive", Value: "1"}, {Name: "Trailer", Value: "X"}, {Name: "Upgrade", Value: "h2c"}, {Name: "HTTP2-Settings", Value: "x"},
		{Name: "Expect", Value: "100-continue"}, {Name: "Proxy-Authorization", Value: "x"}, {Name: "proxy-connection", Value: "x"}, {Name: "Proxy-X", Value: "x"}}
	for _, x := range []struct {
		r    Outgoing
		want string
	}{
		{Outgoing{Method: "GET", Path: "/a", Query: "b=c", Header: h}, "GET /a?b=c HTTP/1.1|Host: h|accept: */*|X-A: ||"},
		{Outgoing{Method: "POST", Path: "/"}, "POST / HTTP/1.1|Host: h|Content-Length: 0||"},
		{Outgoing{Method: "DELETE", Path: "/"}, "DELETE / HTTP/1.1|Host: h||"},
		{Outgoing{Method: "POST", Path: "/", Whole: []byte("abc"), Trailers: true}, "POST / HTTP/1.1|Host: h|Content-Length: 3|Connection: TE|TE: trailers||abc"},
		{Outgoing{Method: "POST", Path: "/", Body: strings.NewReader("abc"), Length: 3}, "POST / HTTP/1.1|Host: h|Content-Length: 3||abc"},
		{Outgoing{Method: "POST", Path: "/", Body: io.MultiReader(strings.NewReader("abc"), strings.NewReader(strings.Repeat("d", 17))), Length: Chunked},
			"POST / HTTP/1.1|Host: h|Transfer-Encoding: chunked||3|abc|11|ddddddddddddddddd|0||"},
		{Outgoing{Method: "OPTIONS", Path: "*"}, "OPTIONS * HTTP/1.1|Host: h||"},
	} {
		x.r.Host = "h"
		wantAnswer(t, c, &x.r, 200, "ok")
		if got := strings.ReplaceAll(<-wire, "\r\n", "|"); got != x.want {
			t.Errorf("wrote %q, want %q", got, x.want)
		}
	}
	for _, bad := range []Outgoing{
		{Method: "GET", Path: "/ HTTP/1.1\r\nX: y"}, {Method: "GET", Path: "/", Query: "a\nb"}, {Method: "GET", Path: "/", Host: "h\r\nX: y"},
		{Method: "GET", Path: "/", Header: gatehouse.Header{{Name: "X", Value: "a\r\nY: z"}}}, {Method: "GET", Path: "/", Header: gatehouse.Header{{Name: "X", Value: "a\rb"}}},
		{Method: "GET", Path: "/", Upgrade: "x\r\n\r\nGET / HTTP/1.1"},
	} {
		if _, err := c.Do(context.Background(), &bad); err == nil || bad.Reached {
			t.Errorf("%+v was written", bad)
		}
	}
}

// A body that is larger than what goes with the head is carried to its end, by
// any way, and its bytes are the ones given.
func TestClientCarriesLargeBodies(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%d %x %v", len(b), sum(b), err)
	}))
	defer s.Close()
	c := (&peer{addr: s.Listener.Addr().String()}).client(t)
	for _, n := range []int{1, inlineBody - 1, inlineBody, inlineBody + 1, 2 * inlineBody, 1 << 20, 3<<20 + 7} {
		data := bytes.Repeat([]byte("0123456789abcdef"), n/16+1)[:n]
		want := fmt.Sprintf("%d %x <nil>", n, sum(data))
		for range 2 {
			wantAnswer(t, c, &Outgoing{Method: "POST", Path: "/whole", Host: "h", Whole: data}, 200, want)
			wantAnswer(t, c, &Outgoing{Method: "POST", Path: "/length", Host: "h", Body: bytes.NewReader(data), Length: int64(n)}, 200, want)
			wantAnswer(t, c, &Outgoing{Method: "POST", Path: "/chunked", Host: "h", Body: bytes.NewReader(data), Length: Chunked}, 200, want)
		}
	}
}

func sum(b []byte) (s uint32) {
	for i, c := range b {
		s = s*31 + uint32(c) + uint32(i)
	}
	return s
}

// An endpoint that answers before it has read the body: the answer passes, the
// connection does not stay.
func TestClientTakesEarlyAnswers(t *testing.T) {
	for name, r := range map[string]*Outgoing{
		"whole":  {Method: "POST", Path: "/", Host: "h", Whole: make([]byte, 64<<20)},
		"stream": {Method: "POST", Path: "/", Host: "h", Body: endless{}, Length: Chunked},
	} {
		p := newPeer(t, func(c *net.TCPConn, br *bufio.Reader) {
			http.ReadRequest(br)
			io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
			time.Sleep(100 * time.Millisecond)
		})
		c := p.client(t)
		wantAnswer(t, c, r, 413, "no")
		if busy, idle := c.Open(); busy+idle != 0 {
			t.Errorf("%s: %d and %d connections", name, busy, idle)
		}
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// A body that breaks is never taken for complete, and the call ends.
func TestClientBodyThatBreaks(t *testing.T) {
	whole := make(chan bool, 1)
	p := newPeer(t, func(c *net.TCPConn, br *bufio.Reader) {
		_, err := asked(br)
		whole <- err == nil
	})
	c := p.client(t)
	for _, length := range []int64{Chunked, 100} {
		r := &Outgoing{Method: "PUT", Path: "/", Host: "h", Body: io.MultiReader(strings.NewReader("abc"), broken{}), Length: length, Repeatable: true}
		if _, _, err := ask(c, r); err == nil {
			t.Error("no error")
		}
		if <-whole {
			t.Errorf("length %d: the endpoint took it for whole", length)
		}
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("broken") }
