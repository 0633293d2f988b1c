package upstream

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gatehouse/gatehouse"
)

// A fickle upstream echoes each request's nonce, unless it ends the connection
// somewhere in between.
type fickle struct {
	ln net.Listener
	mu sync.Mutex
	// heard counts how often a nonce arrived.
	heard map[string]int
	wg    sync.WaitGroup
	kills atomic.Int64
	fate  func(n int) int // rand.IntN
}

func newFickle(t testing.TB) *fickle {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fickle{ln: ln, heard: map[string]int{}, fate: rand.IntN}
	f.wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			f.wg.Go(func() { f.serve(c.(*net.TCPConn)) })
		}
	})
	return f
}

func (f *fickle) serve(c *net.TCPConn) {
	defer c.Close()
	br := bufio.NewReader(c)
	for {
		r, err := http.ReadRequest(br)
		if err != nil {
			return
		}
		nonce := r.Header.Get("X-Nonce")
		f.mu.Lock()
		f.heard[nonce]++
		f.mu.Unlock()
		fate := f.fate(60)
		if fate == 0 { // before the body has been read
			f.kill(c)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || !f.answer(c, fate, nonce, len(body)) {
			return
		}
	}
}

func (f *fickle) kill(c *net.TCPConn) {
	f.kills.Add(1)
	_ = c.SetLinger(-rand.IntN(2)) // a reset, or an end
}

// answer reports whether the connection goes on.
func (f *fickle) answer(c *net.TCPConn, fate int, nonce string, n int) bool {
	text := fmt.Sprintf("%s %d %s", nonce, n, strings.Repeat(nonce, rand.IntN(200)))
	wire := fmt.Sprintf("HTTP/1.1 200 OK\r\nX-Nonce: %s\r\nContent-Length: %d\r\n\r\n%s", nonce, len(text), text)
	if rand.IntN(3) == 0 {
		wire = fmt.Sprintf("HTTP/1.1 200 OK\r\nX-Nonce: %s\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", nonce, len(text), text)
	}
	switch fate {
	case 1: // anywhere amid the answer, or before it
		io.WriteString(c, wire[:rand.IntN(len(wire))])
		f.kill(c)
		return false
	case 2: // after it, unannounced
		io.WriteString(c, wire)
		f.kills.Add(1)
		return false
	case 3: // with something that nobody asked for; later, nobody could tell it from an answer
		io.WriteString(c, wire+"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong")
	case 4, 5: // in two pieces
		i := rand.IntN(len(wire))
		io.WriteString(c, wire[:i])
		runtime.Gosched()
		io.WriteString(c, wire[i:])
	default:
		io.WriteString(c, wire)
	}
	return true
}

func (f *fickle) close() {
	f.ln.Close()
	f.wg.Wait()
}

// Ten thousand requests at once to upstreams that end connections at any point:
// no answer is swapped, lost or wrong, nothing that is not idempotent arrives
// twice, and in the end nothing is left over.
func TestEveryAnswerBearsItsNonce(t *testing.T) {
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	a, b := newFickle(t), newFickle(t)
	cfg := Config{Name: "fickle", Endpoints: []Endpoint{{URL: "http://" + a.ln.Addr().String()}, {URL: "http://" + b.ln.Addr().String()}},
		Health: Health{Passive: Passive{Failures: never}}, Breaker: Breaker{Failures: never}, Retries: Retries{Attempts: 3, Budget: 1}}
	p, err := NewPool(cfg, nil, Options{compat: *compatFlag})
	if err != nil {
		t.Fatal(err)
	}
	const workers, each = 50, 200
	var wg sync.WaitGroup
	var failed atomic.Int64
	for g := range workers {
		wg.Go(func() {
			x := &gatehouse.Exchange{}
			for i := range each {
				nonce := fmt.Sprintf("%d-%d-%d", g, i, rand.Uint32())
				method := []string{"GET", "GET", "POST", "POST", "POST"}[rand.IntN(5)]
				err := p.nonce(t, x, method, nonce)
				if err != nil {
					failed.Add(1)
				}
				a.mu.Lock()
				b.mu.Lock()
				n := a.heard[nonce] + b.heard[nonce]
				b.mu.Unlock()
				a.mu.Unlock()
				if method == "POST" && n > 1 || err == nil && n == 0 {
					t.Errorf("%s %s arrived %d times: %v", method, nonce, n, err)
				}
				x.Reset()
			}
		})
	}
	wg.Wait()
	t.Logf("%d failed, %d connections were ended", failed.Load(), a.kills.Load()+b.kills.Load())
	if failed.Load() > workers*each/10 {
		t.Errorf("%d failed", failed.Load())
	}
	p.Close()
	a.close()
	b.close()
	eventually(t, "no goroutine and no file is left over", func() bool {
		return runtime.NumGoroutine() <= goroutines+1 && openFiles(t) <= files
	})
}

// nonce sends one request and looks at its answer.
func (p *Pool) nonce(t *testing.T, x *gatehouse.Exchange, method, nonce string) error {
	x.Outbound.Method, x.Outbound.Authority, x.Outbound.Path = method, "h", "/"
	x.Outbound.Header.Add("X-Nonce", nonce)
	n := 0
	if method == "POST" {
		n = []int{0, 10, 1000, 10_000, 40_000}[rand.IntN(5)]
		x.Request.Body = gatehouse.Body{Source: io.LimitReader(&zeros{left: int64(n)}, int64(n)), Length: int64(n)}
		if rand.IntN(2) == 0 {
			x.Request.Body.Length = -1
		}
		if rand.IntN(4) == 0 {
			_ = x.Request.Body.ReadWhole(1 << 20)
		}
	}
	w := &recorder{}
	err := p.Forward(context.Background(), x, w)
	if err != nil {
		return err
	}
	want := fmt.Sprintf("%s %d ", nonce, n)
	if w.status != 200 || w.header.Get("X-Nonce") != nonce || !strings.HasPrefix(w.text(), want) || strings.Trim(w.text()[len(want):], nonce) != "" {
		t.Errorf("%s %s got %d %v %.100q", method, nonce, w.status, w.header, w.text())
	}
	return nil
}

// openFiles counts this process's descriptors.
func openFiles(t testing.TB) int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		list, err = os.ReadDir("/dev/fd") // where there is no /proc
	}
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
