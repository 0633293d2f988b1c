package server

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/authn"
	"github.com/gatehouse/gatehouse/internal/admin"
)

const ownStreams = `      - {get: /my/events, id: myEvents, stream: [sse]}
      - {get: /my/chat, id: myChat, stream: [websocket]}
      - {post: "/my/calls", id: myCalls, stream: [grpc]}
`

// An open stream is one on which something has come already.
type openStream struct {
	name string
	r    io.Reader
	end  func()
}

// streams opens one of each kind through every door, with a token of its own.
func (h *house) streams(token func(name string) string) []openStream {
	h.t.Helper()
	var list []openStream
	for _, proto := range everyProto {
		for _, path := range []string{"/my/events", "/my/calls"} {
			if path == "/my/calls" && proto[:2] != "h2" {
				continue
			}
			name := proto + path
			method, body := "GET", io.Reader(nil)
			end := func() {}
			if path == "/my/calls" {
				r, w := io.Pipe()
				method, body, end = "POST", r, func() { w.Close() }
				go fmt.Fprint(w, "open\n")
			}
			req, _ := http.NewRequest(method, h.url(proto, path), body)
			req.Header.Set("Authorization", "Bearer "+token(name))
			req.Header.Set("Content-Type", "application/grpc")
			res, err := h.client(proto).Do(req)
			if err != nil {
				h.t.Fatalf("%s: %v", name, err)
			}
			if res.StatusCode != 200 {
				h.t.Fatalf("%s: %d", name, res.StatusCode)
			}
			list = append(list, openStream{name, res.Body, func() { end(); res.Body.Close() }})
		}
	}
	for _, listener := range everyDoor {
		name := listener + "/my/chat"
		c := h.dial(listener, "http/1.1")
		fmt.Fprintf(c, "GET /my/chat HTTP/1.1\r\nHost: shop.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nAuthorization: Bearer %s\r\n\r\nopen\n", token(name))
		r := bufio.NewReader(c)
		if res, err := http.ReadResponse(r, nil); err != nil || res.StatusCode != 101 {
			h.t.Fatalf("%s: %v %v", name, res, err)
		}
		list = append(list, openStream{name, r, func() { c.Close() }})
	}
	for _, s := range list {
		if b := make([]byte, 4); second(io.ReadFull(s.r, b)) != nil {
			h.t.Fatalf("%s: nothing came", s.name)
		}
	}
	return list
}

// stillOpen reports the streams that have not ended.
func stillOpen(list []openStream, within time.Duration) []string {
	ended := make(chan string, len(list))
	for _, s := range list {
		go func() {
			_, _ = io.Copy(io.Discard, s.r)
			ended <- s.name
		}()
	}
	open := map[string]bool{}
	for _, s := range list {
		open[s.name] = true
	}
	limit := time.After(within)
	for len(open) > 0 {
		select {
		case name := <-ended:
			delete(open, name)
		case <-limit:
			var names []string
			for name := range open {
				names = append(names, name)
			}
			return names
		}
	}
	return nil
}

// newStreaming starts doors in front of streams that never end by themselves, and
// tells how many of them the service believes to be open.
func newStreaming(t *testing.T) (h *house, open func() int) {
	t.Helper()
	running := make(chan int, 1)
	running <- 0
	count := func(n int) { running <- <-running + n }
	up := service(t, func(w http.ResponseWriter, r *http.Request) {
		count(1)
		defer count(-1)
		switch r.URL.Path {
		case "/my/chat":
			echoUpgrade(w, r)
			return
		case "/my/events":
			w.Header().Set("Content-Type", "text/event-stream")
		case "/my/calls":
			_ = http.NewResponseController(w).EnableFullDuplex()
			w.Header().Set("Content-Type", "application/grpc")
		}
		io.WriteString(w, "data: hello\n\n")
		w.(http.Flusher).Flush()
		if r.URL.Path == "/my/calls" {
			_, _ = io.Copy(io.Discard, r.Body) // net/http looks after who sends it a body only while that is read
			return
		}
		<-r.Context().Done()
	})
	h = newDoors(t, doorOptions{upstream: up.URL, operations: ownStreams,
		policy: `permit(principal is User, action in [Action::"shop.myEvents", Action::"shop.myChat", Action::"shop.myCalls"], resource);`})
	return h, func() int {
		n := <-running
		running <- n
		return n
	}
}

// A stream ends with the token it was opened with, on both its sides.
func TestStreamsEndWithTheirToken(t *testing.T) {
	t.Parallel()
	h, open := newStreaming(t)
	lasting := h.streams(func(name string) string { return h.expiring("lasting "+name, time.Minute) })
	start := time.Now()
	brief := h.streams(func(name string) string { return h.expiring("brief "+name, 3*time.Second) })
	if names := stillOpen(brief, 15*time.Second); names != nil {
		t.Errorf("these outlive their tokens: %v", names)
	}
	if took := time.Since(start); took < time.Second {
		t.Errorf("they ended after %v", took)
	}
	waitFor(t, "the service's ends", func() bool { return open() == len(lasting) })
	if names := stillOpen(lasting, 200*time.Millisecond); len(names) != len(lasting) {
		t.Errorf("of %d streams with good tokens only these are open: %v", len(lasting), names)
	}
	for _, s := range append(lasting, brief...) {
		s.end()
	}
	waitFor(t, "the end of all", func() bool { return open() == 0 })
}

// A stream ends soon after its token was revoked, its user, or its session.
func TestStreamsEndWhenRevoked(t *testing.T) {
	t.Parallel()
	h, open := newStreaming(t)
	list := h.streams(func(name string) string { return h.expiring("revoked "+name, time.Minute) })
	c := admin.Dial(h.Socket())
	for i, s := range list[:len(list)-1] {
		if err := c.Revoke(context.Background(), authn.Revocation{Kind: authn.RevokeToken, ID: "revoked " + s.name}); err != nil {
			t.Fatal(i, err)
		}
	}
	if names := stillOpen(list[:len(list)-1], late); names != nil {
		t.Errorf("these outlive their tokens: %v", names)
	}
	last := list[len(list)-1:]
	if names := stillOpen(last, 1200*time.Millisecond); len(names) != 1 {
		t.Error("a stream ended whose token was not revoked")
	}
	if err := c.Revoke(context.Background(), authn.Revocation{Kind: authn.RevokeSubject, ID: "alice"}); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the service's ends", func() bool { return open() == 0 })
	for _, s := range list {
		s.end()
	}
}

// When the gateway stops, tunnels and events end too, within the time to drain.
func TestStreamsEndWithTheGateway(t *testing.T) {
	t.Parallel()
	h, open := newStreaming(t)
	list := h.streams(func(name string) string { return h.expiring(name, time.Minute) })
	start := time.Now()
	h.Stop() // 1 s to drain
	if took := time.Since(start); took > late {
		t.Errorf("it took %v", took)
	}
	if names := stillOpen(list, late); names != nil {
		t.Errorf("these outlive the gateway: %v", names)
	}
	waitFor(t, "the service's ends", func() bool { return open() == 0 })
	for _, s := range list {
		s.end()
	}
}
