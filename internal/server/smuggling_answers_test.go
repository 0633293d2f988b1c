package server

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// hostileAnswer is a case of http1/testdata/answers.json.
type hostileAnswer struct {
	Name, Why, Method string
	Raw, Late         []string
	Status            int
	Body              string
	Close             bool
}

// liar is a service that answers /any/aN with case N, and everything else with
// what it was asked for.
type liar struct {
	ln    net.Listener
	cases []hostileAnswer
	late  chan struct{} // one for every answer nobody asked for, once it is sent
}

func newLiar(t *testing.T, cases []hostileAnswer, over *tls.Config) *liar {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if over != nil {
		ln = tls.NewListener(ln, over)
	}
	l := &liar{ln: ln, cases: cases, late: make(chan struct{}, 16)}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go l.serve(c)
		}
	}()
	return l
}

func (l *liar) serve(c net.Conn) {
	defer c.Close()
	r := bufio.NewReader(c)
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		n, err := strconv.Atoi(strings.TrimPrefix(req.RequestURI, "/any/a"))
		if err != nil {
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(req.RequestURI), req.RequestURI)
			continue
		}
		k := &l.cases[n]
		if _, err := io.WriteString(c, unfold(k.Raw...)); err != nil || k.Close {
			return
		}
		if len(k.Late) > 0 {
			time.Sleep(lateBy)
			_, _ = io.WriteString(c, unfold(k.Late...))
			l.late <- struct{}{}
		}
	}
}

// lateBy is when an answer nobody asked for comes: after the exchange. The next one
// begins when it is there.
const lateBy = 10 * time.Millisecond

// A client never sees a wrong answer as a complete one, whatever the service
// says, and the next request on its connection gets its own answer.
func TestHostileAnswers(t *testing.T) {
	t.Parallel()
	var corpus struct{ Answers []hostileAnswer }
	loadHostile(t, "answers.json", &corpus)
	t.Run("plain", func(t *testing.T) {
		t.Parallel()
		up := newLiar(t, corpus.Answers, nil)
		hearLies(t, up, "http://"+up.ln.Addr().String(), "")
	})
	t.Run("TLS", func(t *testing.T) {
		t.Parallel()
		identity := httptest.NewTLSServer(nil) // for its certificate
		identity.Close()
		ca := filepath.Join(t.TempDir(), "ca.pem")
		if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: identity.Certificate().Raw}), 0o600); err != nil {
			t.Fatal(err)
		}
		up := newLiar(t, corpus.Answers, &tls.Config{Certificates: identity.TLS.Certificates})
		hearLies(t, up, "https://"+up.ln.Addr().String(), "\n    tls: {ca: "+ca+"}")
	})
}

// hearLies asks for every case over every door.
func hearLies(t *testing.T, up *liar, url, more string) {
	h := newDoors(t, doorOptions{upstream: url, protocol: "auto\n    breaker: {failures: -1}\n    retries: {attempts: 1}" + more,
		listeners: `  - {name: strict, address: 127.0.0.1:0, http1: strict}
  - {name: compat, address: 127.0.0.1:0, http1: compat}
  - {name: h2c, address: 127.0.0.1:0, http: [h2]}`})
	for _, listener := range []string{"strict", "compat", "h2c"} {
		// One after the other: an answer that comes when another request is out on the
		// connection is that request's, as far as anybody can tell.
		t.Run(listener, func(t *testing.T) {
			passed := 0
			for n := range up.cases {
				if askLiar(t, h.Addr(listener), listener == "h2c", n, up) {
					passed++
				}
			}
			if passed < 10 {
				t.Errorf("only %d answers passed: the test proves nothing", passed)
			}
		})
	}
}

// askLiar asks for a case and then for something else; it reports whether the
// service's answer came through whole.
func askLiar(t *testing.T, address string, http2 bool, n int, up *liar) (passed bool) {
	t.Helper()
	k := &up.cases[n]
	said := &hearing{}
	tr := said.transport(http2)
	defer tr.CloseIdleConnections()
	c := &http.Client{Transport: tr, Timeout: 20 * time.Second}
	method := "GET"
	if k.Method != "" {
		method = k.Method
	}
	req, err := http.NewRequest(method, fmt.Sprintf("http://%s/any/a%03d", address, n), nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := c.Do(req)
	if err == nil {
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		switch {
		case res.StatusCode == 502 && res.Header.Get("Content-Type") == "application/problem+json":
			if k.Status != 0 {
				t.Errorf("%s: refused: %s", k.Name, body)
			}
		case err != nil: // broken off, and the client knows
		case k.Status == 0 || res.StatusCode != k.Status || string(body) != k.Body || marked(fmt.Sprint(res.Header, res.Trailer)):
			t.Errorf("%s: a complete answer: %d %v %q", k.Name, res.StatusCode, res.Header, body)
		default:
			passed = true
		}
	}
	if len(k.Late) > 0 {
		select {
		case <-up.late:
		case <-time.After(10 * time.Second):
			t.Fatalf("%s: the service never sent its late answer", k.Name)
		}
	}
	for i := range 2 {
		path := fmt.Sprintf("/any/n%03d%d", n, i)
		res, err := c.Get("http://" + address + path)
		if err != nil {
			t.Errorf("%s: the next request: %v", k.Name, err)
			continue
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != 200 || string(body) != path {
			t.Errorf("%s: the next request got %d %q %v", k.Name, res.StatusCode, body, err)
		}
	}
	// Where the answer was refused or passed, nothing else went down the wire.
	if passed && marked(said.String()) {
		t.Errorf("%s: the client was sent %.500q", k.Name, said.String())
	}
	return passed
}

// hearing keeps every byte that connections receive.
type hearing struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (h *hearing) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.b.String()
}

func (h *hearing) transport(http2 bool) *http.Transport {
	tr := &http.Transport{Protocols: new(http.Protocols), DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		return &heardConn{c, h}, err
	}}
	tr.Protocols.SetHTTP1(!http2)
	tr.Protocols.SetUnencryptedHTTP2(http2)
	return tr
}

type heardConn struct {
	net.Conn
	h *hearing
}

func (c *heardConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.h.mu.Lock()
	c.h.b.Write(p[:n])
	c.h.mu.Unlock()
	return n, err
}
