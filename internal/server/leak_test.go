package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// However a connection ends, its place is given back.
func TestConnectionsAreCountedOut(t *testing.T) {
	t.Parallel()
	for _, reader := range []string{"compat", "strict"} {
		up := service(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Upgrade") != "" {
				echoUpgrade(w, r)
				return
			}
			_, _ = io.Copy(io.Discard, r.Body)
		})
		h := newDoors(t, doorOptions{upstream: up.URL, limits: "read_header_timeout: 300ms, read_timeout: 300ms, idle_timeout: 300ms", listeners: fmt.Sprintf(
			"  - {name: plain, address: 127.0.0.1:0, http1: %[1]s}\n  - {name: tls, address: 127.0.0.1:0, http1: %[1]s, tls: {certificates: [{internal: true}]}}\n"+
				"  - {name: proxied, address: 127.0.0.1:0, http1: %[1]s, proxy_protocol: {from: [127.0.0.1/32]}}", reader)})
		proxy := proxySignature + "\x21\x11\x00\x0c\x0a\x01\x02\x03\x7f\x00\x00\x01\x04\xd2\x00\x50"
		for _, text := range []string{
			"", "G", "nonsense\r\n\r\n", "GET /public HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET /public HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
			"POST /any/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nab", "GET /chat HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello\n",
			preface, preface[:20], preface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", proxy, proxy[:13], proxy + "GET /public HTTP/1.1\r\nHost: localhost\r\n\r\n",
		} {
			for _, listener := range []string{"plain", "tls", "proxied"} {
				for _, hangUp := range []bool{true, false} {
					c, err := net.Dial("tcp", h.Addr(listener))
					if err != nil {
						t.Fatal(err)
					}
					io.WriteString(c, text)
					if hangUp || listener == "proxied" && !strings.HasPrefix(text, proxy) { // a PROXY header has five seconds
						c.Close()
						continue
					}
					defer c.Close()
					if strings.Contains(text, "/chat") { // a tunnel may be idle for long
						time.AfterFunc(50*time.Millisecond, func() { c.Close() })
					}
				}
			}
			if !strings.HasPrefix(text, "\x16") {
				if c, err := tls.Dial("tcp", h.Addr("tls"), &tls.Config{RootCAs: h.roots(), ServerName: "localhost"}); err == nil {
					io.WriteString(c, text)
					time.AfterFunc(50*time.Millisecond, func() { c.Close() })
				}
			}
		}
		waitFor(t, "no connections with "+reader, func() bool { return h.conns.open() == 0 })
		h.conns.mu.Lock()
		if n := len(h.conns.of); n != 0 {
			t.Errorf("%s: %d addresses have connections", reader, n)
		}
		h.conns.mu.Unlock()
	}
}

// While the decision log moves, every decision is in one of the two files.
func TestNoDecisionIsLostWhenTheLogMoves(t *testing.T) {
	t.Parallel()
	h := newDoors(t, doorOptions{upstream: service(t, func(http.ResponseWriter, *http.Request) {}).URL})
	var wg sync.WaitGroup
	const each = 150
	for range 4 {
		wg.Go(func() {
			c := h.client("h1")
			for range each {
				res, err := c.Get(h.url("h1", "/public"))
				if err != nil || res.StatusCode != 200 {
					t.Errorf("%v %v", res, err)
					return
				}
				res.Body.Close()
			}
		})
	}
	names := []string{"data/decisions.jsonl"}
	for i := range 4 {
		time.Sleep(20 * time.Millisecond)
		name := fmt.Sprintf("moved%d.jsonl", i)
		from := "admin: {"
		if i > 0 {
			from = fmt.Sprintf("decisions: {file: %s}", names[i])
		}
		h.change(t, from, strings.Replace(fmt.Sprintf("decisions: {file: %s}\n%s", name, from), "\ndecisions: {file: "+names[i]+"}", "", 1))
		if err := h.Reload(context.Background()); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	wg.Wait()
	h.Stop()
	lines := 0
	for _, name := range names {
		b, err := os.ReadFile(filepath.Join(h.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		lines += bytes.Count(b, []byte("\n"))
	}
	if lines != 4*each {
		t.Errorf("%d decisions of %d", lines, 4*each)
	}
}
