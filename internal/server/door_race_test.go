package server

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/http1"
	"github.com/gatehouse/gatehouse/internal/config"
)

// raw is a service that answers a connection as it likes.
func raw(t *testing.T, serve func(c net.Conn, r *bufio.Reader)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(20 * time.Second))
				serve(c, bufio.NewReader(c))
			}()
		}
	}()
	return "http://" + ln.Addr().String()
}

// An upstream that speaks while the request's body is still asked for and sent: what
// the client reads is whole messages, in an order that makes sense.
func TestAnswersWhileTheBodyIsSent(t *testing.T) {
	t.Parallel()
	for _, reader := range []string{"compat", "strict"} {
		up := raw(t, func(c net.Conn, r *bufio.Reader) {
			for {
				req, err := http.ReadRequest(r)
				if err != nil {
					return
				}
				for range 5 {
					io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
				}
				if strings.HasSuffix(req.URL.Path, "/early") {
					io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
					n, err := io.Copy(io.Discard, req.Body)
					if err != nil {
						return
					}
					s := fmt.Sprint(n)
					fmt.Fprintf(c, "%x\r\n%s\r\n0\r\n\r\n", len(s), s)
					continue
				}
				n, err := io.Copy(io.Discard, req.Body)
				if err != nil {
					return
				}
				s := fmt.Sprint(n)
				fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(s), s)
			}
		})
		h := newDoors(t, doorOptions{upstream: up, listeners: "  - {name: plain, address: 127.0.0.1:0, http1: " + reader + "}"})
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() {
				for i := range 25 {
					path, want := "/any/late", "4000"
					if (g+i)%2 == 0 {
						path, want = "/any/early", "first4000"
					}
					if err := expecting(h, path, want); err != nil {
						t.Errorf("%s %s: %v", reader, path, err)
						return
					}
				}
			})
		}
		wg.Wait()
	}
}

// expecting posts 4000 bytes, in pieces, when asked for them or after a while.
func expecting(h *house, path, want string) error {
	c, err := net.Dial("tcp", h.Addr("plain"))
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: shop.localhost\r\nExpect: 100-continue\r\nContent-Length: 4000\r\n\r\n", path)
	r := bufio.NewReader(c)
	asked := make(chan struct{})
	go func() {
		select {
		case <-asked:
		case <-time.After(20 * time.Millisecond):
		}
		for range 40 {
			io.WriteString(c, strings.Repeat("x", 100))
		}
	}()
	for once := false; ; {
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			return err
		}
		if res.StatusCode == 100 && !once {
			once = true
			close(asked)
		}
		if res.StatusCode < 200 {
			continue
		}
		b, err := io.ReadAll(res.Body)
		if err != nil || string(b) != want {
			return fmt.Errorf("%d %q %v", res.StatusCode, b, err)
		}
		return nil
	}
}

// panics is a handler that panics.
type panics struct{}

func (panics) ServeHTTP1(context.Context, *http1.Request, *http1.Body, *http1.ResponseWriter) {
	panic("oh")
}
func (panics) RefuseHTTP1(context.Context, *http1.Request, *gatehouse.Error, *http1.ResponseWriter) {}

// A panic of a door ends its connection, and no other.
func TestPanicOfADoor(t *testing.T) {
	t.Parallel()
	conns := newConnections(config.HTTPLimits{Connections: 9, ConnectionsPerAddress: 9})
	l := &listener{cfg: config.Listener{Name: "plain"}, http1: &http1.Server{Handler: panics{}, Limits: func() *http1.Limits {
		lim := http1.DefaultLimits()
		return &lim
	}}, conns: conns, log: slog.New(slog.DiscardHandler)}
	ours, theirs := net.Pipe()
	conns.enter(netip.Addr{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.greet(&conn{Conn: ours, conns: conns})
	}()
	io.WriteString(theirs, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	<-done
	if n := conns.open(); n != 0 {
		t.Errorf("%d connections are open", n)
	}
	if _, err := theirs.Read(make([]byte, 1)); err == nil {
		t.Error("the connection is open")
	}
}
