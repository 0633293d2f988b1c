package http1

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

// duplex reads the body in another goroutine while it writes without end.
type duplex struct{ wrote chan error }

func (d duplex) ServeHTTP1(_ context.Context, _ *Request, b *Body, w *ResponseWriter) {
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(io.Discard, b)
	}()
	err := w.WriteHead(200, nil)
	for piece := make([]byte, 64<<10); err == nil; {
		_, err = w.Write(piece)
	}
	_ = b.SetReadDeadline(time.Unix(1, 0))
	<-read
	w.Abort()
	d.wrote <- err
}

func (d duplex) RefuseHTTP1(context.Context, *Request, *gatehouse.Error, *ResponseWriter) {}

// Who reads no answer is cut off, whatever it sends meanwhile.
func TestDuplexTimeouts(t *testing.T) {
	lim := DefaultLimits()
	lim.Write, lim.ReadBody = 300*time.Millisecond, 300*time.Millisecond
	d := duplex{make(chan error, 1)}
	_, addr := start(t, d, lim)
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n")
	for range 10 { // the body ends while the write waits
		time.Sleep(20 * time.Millisecond)
		fmt.Fprint(c, "x")
	}
	select {
	case err := <-d.wrote:
		if err == nil {
			t.Error("no error")
		}
	case <-time.After(5 * time.Second):
		t.Error("the write waits for ever")
	}
}

// A handler's interim answers, the request for the body and the final head do not
// get into each other's way (a test for the race detector).
func TestContinueWhileAnswering(t *testing.T) {
	_, addr := start(t, interims{}, DefaultLimits())
	for range 50 {
		out := talk(t, addr, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody")
		rest := strings.ReplaceAll(out, "HTTP/1.1 100 Continue\r\n\r\n", "")
		rest = strings.ReplaceAll(rest, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", "")
		if !strings.HasPrefix(rest, "HTTP/1.1 200") {
			t.Fatalf("%q", out)
		}
	}
}

type interims struct{}

func (interims) ServeHTTP1(_ context.Context, _ *Request, b *Body, w *ResponseWriter) {
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(io.Discard, b)
	}()
	for range 3 {
		_ = w.WriteHead(103, gatehouse.Header{{Name: "Link", Value: "</a>"}})
	}
	_ = w.WriteHead(200, gatehouse.Header{{Name: "Content-Length", Value: "2"}})
	_, _ = io.WriteString(w, "ok")
	<-read
}

func (interims) RefuseHTTP1(context.Context, *Request, *gatehouse.Error, *ResponseWriter) {}
