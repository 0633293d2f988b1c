//go:build soak

package server

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// faulty is a crowd of clients many of whom misbehave.
type faulty struct {
	t              *testing.T
	corpus         []hostileRequest
	strict, compat string
	requests       atomic.Int64
	tally
}

// run has n connections made, 64 at a time.
func (f *faulty) run(n int) {
	work := make(chan int)
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for range work {
				f.connection()
			}
		})
	}
	for i := range n {
		work <- i
	}
	close(work)
	wg.Wait()
}

// connection says some requests, and maybe misbehaves at the end.
func (f *faulty) connection() {
	address := f.strict
	if rand.IntN(8) == 0 {
		address = f.compat
	}
	c, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil {
		f.t.Errorf("dial: %v", err)
		return
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	r := bufio.NewReader(c)
	for range 1 + rand.IntN(8) {
		if !f.pipeline(c, r, 1+rand.IntN(8)) {
			return
		}
	}
	f.misbehave(c.(*net.TCPConn), r)
}

// pipeline sends n requests at once and reads their answers.
func (f *faulty) pipeline(c net.Conn, r *bufio.Reader, n int) bool {
	var out strings.Builder
	wants := make([]string, n)
	list := make([]string, n)
	for i := range n {
		nonce, body := newNonce(), ""
		size := rand.IntN(600)
		list[i] = nonce
		switch rand.IntN(5) {
		case 4: // answered before the body was read
			body = filler(nonce, rand.IntN(50_000))
			fmt.Fprintf(&out, "POST /any/x?early=1&size=%d HTTP/1.1\r\nHost: shop.localhost\r\nX-Nonce: %s\r\nContent-Length: %d\r\n\r\n%s", size, nonce, len(body), body)
			wants[i] = filler(nonce, size)
		case 0:
			body = filler(nonce, rand.IntN(300))
			fmt.Fprintf(&out, "POST /any/x HTTP/1.1\r\nHost: shop.localhost\r\nX-Nonce: %s\r\nContent-Length: %d\r\n\r\n%s", nonce, len(body), body)
			wants[i] = want("POST", nonce, 0, false, []byte(body))
		case 1:
			body = filler(nonce, rand.IntN(300))
			half := len(body) / 2
			fmt.Fprintf(&out, "POST /any/x HTTP/1.1\r\nHost: shop.localhost\r\nX-Nonce: %s\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n%x;a\r\n%s\r\n0\r\nX-T: 1\r\n\r\n",
				nonce, half, body[:half], len(body)-half, body[half:])
			wants[i] = want("POST", nonce, 0, false, []byte(body))
		default:
			fmt.Fprintf(&out, "GET /any/x?size=%d&chunked=%s HTTP/1.1\r\nHost: shop.localhost\r\nX-Nonce: %s\r\n\r\n", size, strings.Repeat("1", rand.IntN(2)), nonce)
			wants[i] = filler(nonce, size)
		}
	}
	f.requests.Add(int64(n))
	go func() { _, _ = io.WriteString(c, out.String()) }() // answers are read meanwhile
	for i := range n {
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			f.lost(list[i], err)
			return false
		}
		got, err := io.ReadAll(res.Body)
		switch {
		case err != nil:
			f.lost(list[i], err)
			return false
		case res.StatusCode == 502 || res.StatusCode == 503:
			f.refused.Add(1)
		case res.StatusCode != 200 || string(got) != wants[i] || res.Header.Get("X-Nonce") != list[i]:
			f.wrong.Add(1)
			f.t.Errorf("%s: %d %q, want %.100q", list[i], res.StatusCode, got, wants[i])
			return false
		default:
			f.good.Add(1)
		}
		if res.Close {
			return false
		}
	}
	return true
}

// lost is an answer that did not come although nothing was wrong.
func (f *faulty) lost(nonce string, err error) {
	f.wrong.Add(1)
	f.t.Errorf("%s: no answer: %v", nonce, err)
}

// misbehave ends a connection in one of many ways.
func (f *faulty) misbehave(c *net.TCPConn, r *bufio.Reader) {
	f.requests.Add(1)
	const get = "GET /any/x?size=100000 HTTP/1.1\r\nHost: shop.localhost\r\nX-Nonce: n\r\n\r\n"
	const post = "POST /any/x HTTP/1.1\r\nHost: shop.localhost\r\nX-Nonce: n\r\n"
	say := func(s string) { _, _ = io.WriteString(c, s) }
	reset := func() { _ = c.SetLinger(0) }
	switch rand.IntN(14) {
	case 0: // all is well
	case 1:
		say(get[:rand.IntN(len(get))])
	case 2:
		say(get)
	case 3:
		say(get)
		reset()
	case 4:
		say(get)
		_, _ = io.CopyN(io.Discard, r, int64(rand.IntN(50_000)))
		reset()
	case 5:
		say(post + "Content-Length: 5000\r\n\r\nabc")
		reset()
	case 6:
		say(post + "Content-Length: 5000\r\n\r\nabc")
		_ = c.CloseWrite()
		_, _ = io.Copy(io.Discard, r)
	case 7:
		say(post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhel")
	case 8:
		say(post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX")
		_, _ = io.Copy(io.Discard, r)
	case 9:
		say(post + "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n")
		_, _ = r.ReadString('\n')
	case 10:
		garbage := make([]byte, rand.IntN(5000))
		for i := range garbage {
			garbage[i] = byte(rand.Uint32())
		}
		_, _ = c.Write(garbage)
		_ = c.CloseWrite()
		_, _ = io.Copy(io.Discard, r)
	case 11:
		n := rand.IntN(len(f.corpus))
		say(number(unfold(f.corpus[n].Raw...), n))
		_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		_, _ = io.Copy(io.Discard, r)
	case 12:
		say(get + get + get)
		_ = c.CloseWrite()
		_, _ = io.Copy(io.Discard, r)
	case 13:
		say("GET /chat HTTP/1.1\r\nHost: shop.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		_, _ = r.ReadString('\n')
	}
}
