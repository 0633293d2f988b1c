package server

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// late is by when a client that is too slow must have been cut off, on a busy
// machine too; the limits of these tests are well below a second.
const late = 8 * time.Second

// trickle writes text a byte at a time until the other side closes or text ends,
// and returns all that came back.
func trickle(t *testing.T, c net.Conn, text string, every time.Duration) string {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range len(text) {
			if _, err := io.WriteString(c, text[i:i+1]); err != nil {
				return
			}
			time.Sleep(every)
		}
	}()
	said := ended(t, c, late)
	c.Close()
	<-done
	return said
}

// Whoever sends a head, a handshake or a preface a byte at a time is cut off.
func TestSlowHeads(t *testing.T) {
	t.Parallel()
	up := newWire(t)
	h := newDoors(t, doorOptions{upstream: up.url(), limits: "read_header_timeout: 1s, idle_timeout: 1s"})
	const head = "GET /any/x HTTP/1.1\r\nHost: shop.localhost\r\nX-Slow: " // 51 bytes, and then for ever
	hello := "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
	plain := func(strict string) net.Conn { return h.dial("plain" + strict) }
	overTLS := func(strict string) net.Conn { return h.dial("tls"+strict, "http/1.1") }
	below := func(strict string) net.Conn { return h.raw(t, "tls"+strict, "") }
	for _, c := range []struct {
		name string
		dial func(strict string) net.Conn
		text string
	}{
		{"head", plain, head + strings.Repeat("a", 1000)},
		{"head over TLS", overTLS, head + strings.Repeat("a", 1000)},
		{"nothing", plain, ""},
		{"nothing over TLS", overTLS, ""},
		{"request line", plain, "GET /any/" + strings.Repeat("a", 1000)},
		{"line breaks", plain, strings.Repeat("\r\n", 1000)},
		{"handshake", below, hello + strings.Repeat("\x00", 500)},
		{"nothing instead of a handshake", below, ""},
		{"preface", plain, "PRI * HTTP/2.0\r\n\r\n"},
	} {
		for _, strict := range []string{"", "-strict"} {
			t.Run(c.name+strict, func(t *testing.T) {
				t.Parallel()
				start := time.Now()
				said := trickle(t, c.dial(strict), c.text, 20*time.Millisecond)
				if strings.Contains(said, " 200 ") {
					t.Errorf("it was answered %q", said)
				}
				t.Logf("after %v: %q", time.Since(start).Round(time.Millisecond), said)
			})
		}
	}
	t.Run("HTTP/2 header block", func(t *testing.T) {
		t.Parallel()
		for _, listener := range everyDoor {
			f := h.frames(listener)
			block := f.block(pseudo("GET", "/any/x", here)...)
			if err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block[:3]}); err != nil {
				t.Fatal(err)
			}
			if got, _ := f.outcome(1); got == "200" {
				t.Errorf("%s: half a header was answered", listener)
			}
		}
	})
}

// A body that comes too slowly is answered with 408 or broken off; that of a
// request that was refused anyway holds nothing up either.
func TestSlowBodies(t *testing.T) {
	t.Parallel()
	up := newWire(t)
	h := newDoors(t, doorOptions{upstream: up.url(), limits: "read_timeout: 400ms"})
	for _, listener := range everyDoor {
		for _, framing := range []string{"Content-Length: 2000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n7d0\r\n"} {
			for path, want := range map[string]int{"/any/x": 408, "/guarded": 401, "/nowhere": 404} {
				t.Run(listener+path+framing[:4], func(t *testing.T) {
					t.Parallel()
					c := h.dial(listener, "http/1.1")
					fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: shop.localhost\r\n%s", path, framing)
					start := time.Now()
					said := trickle(t, c, strings.Repeat("a", 2000), 20*time.Millisecond)
					if got := statuses(said); len(got) != 1 || got[0] != want {
						t.Errorf("%v: %.300q", got, said)
					}
					t.Logf("after %v", time.Since(start).Round(time.Millisecond))
				})
			}
		}
		t.Run(listener+" HTTP/2", func(t *testing.T) {
			t.Parallel()
			f := h.frames(listener)
			if err := f.open(1, false, pseudo("POST", "/any/x", here, "content-length", "2000")...); err != nil {
				t.Fatal(err)
			}
			if got, _ := f.outcome(1); got != "408" && got != "reset" {
				t.Errorf("a body that does not come: %s", got)
			}
			if err := f.open(3, false, pseudo("POST", "/guarded", here, "content-length", "2000")...); err != nil {
				t.Fatal(err)
			}
			if got, _ := f.outcome(3); got != "401" {
				t.Errorf("a refused one: %s", got)
			}
		})
	}
	t.Cleanup(func() {
		for _, r := range second(up.take()) {
			if r.whole {
				t.Errorf("the service took %+v for whole", r)
			}
		}
	})
}

// A body that comes slowly, but no slower than allowed, is let through.
func TestUnhurriedBody(t *testing.T) {
	t.Parallel()
	up := newWire(t)
	h := newDoors(t, doorOptions{upstream: up.url(), limits: "read_timeout: 500ms"})
	for _, proto := range []string{"h1", "strict", "h2"} {
		t.Run(proto, func(t *testing.T) {
			t.Parallel()
			r, w := io.Pipe()
			go func() {
				for range 8 { // 64 KiB, which earn 16 s, over a second
					_, _ = w.Write(make([]byte, 8<<10))
					time.Sleep(150 * time.Millisecond)
				}
				w.Close()
			}()
			res, err := h.client(proto).Post(h.url(proto, "/any/x"), "text/plain", r)
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
		for _, r := range second(up.take()) {
			if len(r.body) != 64<<10 || !r.whole {
				t.Errorf("the service got %d bytes", len(r.body))
			}
		}
	})
}

// Who does not read its answer is cut off, and so the service's work for it ends.
func TestSlowReaders(t *testing.T) {
	t.Parallel()
	for _, listener := range everyDoor {
		for _, path := range []string{"/any/x", "/events"} {
			t.Run(listener+path, func(t *testing.T) {
				t.Parallel()
				gone := make(chan struct{})
				up := service(t, func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/events" {
						w.Header().Set("Content-Type", "text/event-stream")
					}
					for {
						if _, err := w.Write(make([]byte, 64<<10)); err != nil {
							close(gone)
							return
						}
					}
				})
				h := newDoors(t, doorOptions{upstream: up.URL, limits: "write_timeout: 400ms"})
				c := h.dial(listener, "http/1.1")
				fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: shop.localhost\r\n\r\n", path)
				select {
				case <-gone:
				case <-time.After(late):
					t.Error("the service still sends")
				}
				// What has come cannot be taken for the whole.
				if res, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil {
					t.Error(err)
				} else if _, err := io.Copy(io.Discard, res.Body); err == nil {
					t.Error("a broken answer looks whole")
				}
			})
		}
	}
}

func TestIdleConnectionsClose(t *testing.T) {
	t.Parallel()
	up := newWire(t)
	h := newDoors(t, doorOptions{upstream: up.url(), limits: "idle_timeout: 400ms"})
	for _, listener := range everyDoor {
		t.Run(listener, func(t *testing.T) {
			t.Parallel()
			c := h.dial(listener, "http/1.1")
			fmt.Fprint(c, "GET /public HTTP/1.1\r\nHost: shop.localhost\r\n\r\n")
			start := time.Now()
			if said := ended(t, c, late); len(statuses(said)) != 1 || statuses(said)[0] != 200 || time.Since(start) < 350*time.Millisecond {
				t.Errorf("%s: after %v: %q", listener, time.Since(start), said)
			}
			f := h.frames(listener)
			if err := f.open(1, true, pseudo("GET", "/public", here)...); err != nil {
				t.Fatal(err)
			}
			if got, _ := f.outcome(1); got != "200" {
				t.Errorf("%s: HTTP/2: %s", listener, got)
			}
			if got, _ := f.outcome(3); got != "goaway" && got != "closed" {
				t.Errorf("%s: HTTP/2 when idle: %s", listener, got)
			}
		})
	}
}

// The bound on all connections holds for everybody together, and is free again
// when they close.
func TestConnectionsInAll(t *testing.T) {
	t.Parallel()
	up := newWire(t)
	h := newDoors(t, doorOptions{upstream: up.url(), limits: "connections: 2"})
	ask := func() (net.Conn, error) {
		c, err := net.Dial("tcp", h.Addr("plain"))
		if err != nil {
			return nil, err
		}
		_ = c.SetDeadline(time.Now().Add(late))
		fmt.Fprint(c, "GET /public HTTP/1.1\r\nHost: shop.localhost\r\n\r\n")
		_, err = http.ReadResponse(bufio.NewReader(c), nil)
		return c, err
	}
	var open []net.Conn
	for range 2 {
		c, err := ask()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		open = append(open, c)
	}
	if c, err := ask(); err == nil {
		t.Error("a third connection is served")
	} else {
		c.Close()
	}
	if _, err := tls.Dial("tcp", h.Addr("tls"), &tls.Config{RootCAs: h.roots()}); err == nil {
		t.Error("a third connection is served at the other door")
	}
	open[0].Close()
	waitFor(t, "a free place", func() bool {
		c, err := ask()
		if c != nil {
			c.Close()
		}
		return err == nil
	})
}

// The service learns that a client went away, whatever the client spoke.
func TestClientGone(t *testing.T) {
	t.Parallel()
	for _, listener := range everyDoor {
		t.Run(listener, func(t *testing.T) {
			t.Parallel()
			begun, gone := make(chan string, 8), make(chan string, 8)
			up := service(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/events" {
					w.Header().Set("Content-Type", "text/event-stream")
					w.(http.Flusher).Flush()
				}
				begun <- r.Header.Get("X-Test")
				<-r.Context().Done()
				gone <- r.Header.Get("X-Test")
			})
			h := newDoors(t, doorOptions{upstream: up.URL})
			wait := func(from chan string, name string) {
				t.Helper()
				select {
				case got := <-from:
					if got != name {
						t.Errorf("%s, not %s", got, name)
					}
				case <-time.After(late):
					t.Fatalf("%s: the service learns nothing", name)
				}
			}
			c := h.dial(listener, "http/1.1")
			fmt.Fprintf(c, "GET /any/x HTTP/1.1\r\nHost: shop.localhost\r\nX-Test: %s\r\n\r\n", listener)
			wait(begun, listener)
			if tc, ok := c.(*tls.Conn); ok {
				c = tc.NetConn()
			}
			_ = c.(*net.TCPConn).SetLinger(0)
			c.Close()
			wait(gone, listener)
			// Who listens to events and says good-bye is not waited for either.
			c = h.dial(listener, "http/1.1")
			fmt.Fprintf(c, "GET /events HTTP/1.1\r\nHost: shop.localhost\r\nX-Test: events\r\n\r\n")
			wait(begun, "events")
			c.Close()
			wait(gone, "events")
			f := h.frames(listener)
			if err := f.open(1, true, pseudo("GET", "/any/x", here, "x-test", "stream")...); err != nil {
				t.Fatal(err)
			}
			wait(begun, "stream")
			_ = f.WriteRSTStream(1, http2.ErrCodeCancel)
			wait(gone, "stream")
			if err := f.open(3, true, pseudo("GET", "/any/x", here, "x-test", "connection")...); err != nil {
				t.Fatal(err)
			}
			wait(begun, "connection")
			f.conn.Close()
			wait(gone, "connection")
		})
	}
}
