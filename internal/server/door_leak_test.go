package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// descriptors counts this process's open files.
func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0 // elsewhere only goroutines are counted
	}
	return len(list)
}

// Thousands of requests, most of which go wrong in some way, leave nothing behind:
// no connection while the gateway runs, no goroutine and no descriptor after it.
func TestNothingIsLeftBehind(t *testing.T) {
	goroutines, files := runtime.NumGoroutine(), descriptors(t)
	up := service(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/any/abort":
			panic(http.ErrAbortHandler)
		case "/any/break":
			io.WriteString(w, strings.Repeat("part", 2000))
			panic(http.ErrAbortHandler)
		case "/any/500":
			w.WriteHeader(500)
		case "/any/early":
			w.WriteHeader(403) // without a look at the body
		case "/any/slow":
			select {
			case <-r.Context().Done():
			case <-time.After(time.Second):
			}
		case "/any/large":
			_, _ = w.Write(make([]byte, 1<<20))
		case "/events":
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, "data: 1\n\n")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		case "/chat":
			echoUpgrade(w, r)
		default:
			_, _ = io.Copy(w, r.Body)
		}
	})
	h := newDoors(t, doorOptions{upstream: up.URL, limits: "read_timeout: 2s, write_timeout: 2s, idle_timeout: 2s, connections_per_address: 20000"})
	const requests, workers = 1440, 24
	start := time.Now()
	var wg sync.WaitGroup
	for worker := range workers {
		wg.Go(func() {
			for i := range requests / workers {
				h.misbehave(t, worker+i*workers)
			}
		})
	}
	wg.Wait()
	t.Logf("said after %v", time.Since(start))
	waitFor(t, "no connections", func() bool { return h.conns.open() == 0 })
	if res, body := h.get("/public", ""); res.StatusCode != 200 {
		t.Errorf("afterwards: %d %s", res.StatusCode, body)
	}
	http.DefaultClient.CloseIdleConnections()
	t.Logf("served after %v", time.Since(start))
	h.Stop()
	up.CloseClientConnections()
	up.Close()
	var g, f int
	for end := time.Now().Add(late); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if g, f = runtime.NumGoroutine(), descriptors(t); g <= goroutines && f <= files {
			return
		}
	}
	stacks := make([]byte, 1<<20)
	t.Errorf("%d goroutines and %d descriptors, before %d and %d\n%s", g, f, goroutines, files, stacks[:runtime.Stack(stacks, true)])
}

// misbehave makes the n-th request.
func (h *house) misbehave(t *testing.T, n int) {
	listener := everyDoor[n%len(everyDoor)]
	n /= len(everyDoor)
	if n%3 == 0 {
		h.misbehaveInFrames(listener, n/3)
		return
	}
	c := h.quiet(listener, "http/1.1")
	if c == nil {
		t.Error("no connection")
		return
	}
	defer c.Close()
	said := []string{
		"GET /public HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"GET /any/abort HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"GET /any/break HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"GET /any/500 HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"GET /any/slow HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"GET /any/large HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"GET /chat HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello\n",
		"POST /any/early HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500000\r\n\r\nbegin",
		"POST /any/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500000\r\n\r\nbegin",
		"POST /any/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegin\r\nxyz\r\n",
		"POST /any/x HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
		"POST /guarded HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhe",
		"GET /public HTTP/1.1\r\nHost: localhost\r\n\r\nGET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"GET /pub",
	}
	text := said[n%len(said)]
	_, _ = io.WriteString(c, text)
	switch n / len(said) % 3 {
	case 0: // gone at once
	case 1: // gone after a look
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		_, _ = c.Read(make([]byte, 100))
	case 2: // gone after the head
		_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		_, _ = http.ReadResponse(bufio.NewReader(c), nil)
	}
}

// quiet is a connection without ceremony, nil where there is none.
func (h *house) quiet(listener, proto string) net.Conn {
	c, err := net.DialTimeout("tcp", h.Addr(listener), 5*time.Second)
	if err != nil || !strings.HasPrefix(listener, "tls") {
		return c
	}
	return h.handshake(c, proto)
}

func (h *house) misbehaveInFrames(listener string, n int) {
	c := h.quiet(listener, "h2")
	if c == nil {
		return
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	f := &frames{t: h.t, conn: c}
	f.start()
	paths := []string{"/public", "/any/abort", "/any/break", "/any/slow", "/any/large", "/events", "/nowhere", "/any/early", "/guarded"}
	stream := uint32(1)
	for i := range 4 {
		path := paths[(n+i)%len(paths)]
		method := "GET"
		if path == "/any/early" || path == "/guarded" {
			method = "POST"
		}
		_ = f.open(stream, method == "GET", pseudo(method, path, "localhost")...)
		switch (n + i) % 3 {
		case 0:
			_ = f.WriteRSTStream(stream, http2.ErrCodeCancel)
		case 1:
			_ = f.WriteData(stream, false, []byte(fmt.Sprint(n)))
		}
		stream += 2
	}
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	for range 10 {
		if _, err := f.ReadFrame(); err != nil {
			return
		}
	}
}
