package upstream

import (
	"bufio"
	"context"
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

// echoUpgrade switches to the protocol asked for and echoes lines until the
// client ends; then it says goodbye.
var echoUpgrade = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") == "" || !strings.EqualFold(r.Header.Get("Connection"), "upgrade") || r.ProtoMajor != 1 {
		http.Error(w, "upgrade required", 426)
		return
	}
	c, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer c.Close()
	fmt.Fprintf(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: %s\r\nSec-WebSocket-Accept: %s\r\n\r\nearly\n",
		r.Header.Get("Upgrade"), r.Header.Get("Sec-WebSocket-Key"))
	rw.Flush()
	for {
		line, err := rw.ReadString('\n')
		if err != nil {
			break
		}
		rw.WriteString("echo " + line)
		rw.Flush()
	}
	rw.WriteString("goodbye\n")
	rw.Flush()
})

// tcpPair returns two ends of a TCP connection: the door's and the client's.
func tcpPair(t *testing.T) (door, client *net.TCPConn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	d, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); d.Close() })
	return d.(*net.TCPConn), c.(*net.TCPConn)
}

func websocket(path string) *gatehouse.Exchange {
	x := request("GET", path, "Sec-WebSocket-Key", "abc", "Sec-WebSocket-Version", "13")
	x.Outbound.Upgrade = "websocket"
	return x
}

func TestUpgrade(t *testing.T) {
	for name, pool := range map[string]func(*testing.T) *Pool{
		"plain": func(t *testing.T) *Pool {
			s := httptest.NewServer(echoUpgrade)
			t.Cleanup(s.Close)
			return newPool(t, nil, s.URL)
		},
		// The same endpoint speaks HTTP/2 for everything else.
		"tls with h2": func(t *testing.T) *Pool {
			s := tlsServer(t, echoUpgrade, true)
			return newPool(t, func(c *Config) { c.TLS.CA = caFile(t, s) }, s.URL)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := pool(t)
			door, client := tcpPair(t)
			w := &recorder{conn: door}
			x := websocket("/chat")
			done := make(chan error, 1)
			go func() { done <- p.Forward(context.Background(), x, w) }()

			br := bufio.NewReader(client)
			expect := func(want string) {
				t.Helper()
				client.SetReadDeadline(time.Now().Add(5 * time.Second))
				if line, err := br.ReadString('\n'); line != want {
					t.Fatalf("got %q %v, want %q", line, err, want)
				}
			}
			expect("early\n")
			io.WriteString(client, "one\n")
			expect("echo one\n")
			if got := p.Endpoints()[0].InFlight; got != 1 {
				t.Errorf("in flight %d", got)
			}
			client.CloseWrite() // half-close: the goodbye still arrives
			expect("goodbye\n")
			if _, err := br.ReadByte(); err != io.EOF {
				t.Errorf("at the end: %v", err)
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
			if w.status != 101 || w.header.Get("Upgrade") != "websocket" || w.header.Get("Connection") != "Upgrade" ||
				w.header.Get("Sec-WebSocket-Accept") != "abc" || !x.Response.Streaming {
				t.Errorf("head %d %v", w.status, w.header)
			}
		})
	}
}

func TestUpgradeEnds(t *testing.T) {
	s := httptest.NewServer(echoUpgrade)
	defer s.Close()
	t.Run("idle", func(t *testing.T) {
		p := newPool(t, func(c *Config) { c.Timeouts.Stream = 300 * time.Millisecond }, s.URL)
		door, client := tcpPair(t)
		if err := p.Forward(context.Background(), websocket("/"), &recorder{conn: door}); err != nil {
			t.Error(err)
		}
		if b, err := io.ReadAll(client); err != nil || !strings.HasPrefix(string(b), "early\n") {
			t.Errorf("%q %v", b, err)
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		p := newPool(t, nil, s.URL)
		door, client := tcpPair(t)
		ctx, cancel := context.WithCancelCause(context.Background())
		done := make(chan error, 1)
		go func() { done <- p.Forward(ctx, websocket("/"), &recorder{conn: door}) }()
		bufio.NewReader(client).ReadString('\n')
		cancel(&gatehouse.Error{Code: "token.revoked", Status: 401})
		wantError(t, <-done, "token.revoked", 401)
	})
	t.Run("client gone", func(t *testing.T) {
		p := newPool(t, nil, s.URL)
		door, client := tcpPair(t)
		done := make(chan error, 1)
		go func() { done <- p.Forward(context.Background(), websocket("/"), &recorder{conn: door}) }()
		bufio.NewReader(client).ReadString('\n')
		client.SetLinger(0)
		client.Close()
		<-done
		eventually(t, "nothing in flight", func() bool { return p.Endpoints()[0].InFlight == 0 })
	})
}

func TestUpgradeRefused(t *testing.T) {
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "no") }))
	defer plain.Close()
	w := forward(t, newPool(t, nil, plain.URL), websocket("/"))
	if w.status != 200 || w.text() != "no" {
		t.Errorf("%d %q", w.status, w.text())
	}
	s := httptest.NewServer(echoUpgrade)
	defer s.Close()
	// The door cannot hand its connection out.
	err := newPool(t, nil, s.URL).Forward(context.Background(), websocket("/"), &recorder{})
	wantError(t, err, "upstream.upgrade", 502)

	h2 := newPool(t, func(c *Config) { c.Protocol = "h2c" }, s.URL)
	wantError(t, h2.Forward(context.Background(), websocket("/"), &recorder{}), "upstream.upgrade", 501)

	addr, _ := rawUpstream(t, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n")
	other := newPool(t, nil, "http://"+addr)
	wantError(t, other.Forward(context.Background(), websocket("/"), &recorder{}), "upstream.upgrade", 502)
}
