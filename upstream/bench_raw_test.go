package upstream

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

// bareServer answers each request with the same bytes at next to no cost. Bodies
// must arrive with their heads.
func bareServer(t testing.TB, answer string) string {
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
				buf, out := make([]byte, 64<<10), []byte(answer)
				n := 0
				for {
					k, err := c.Read(buf[n:])
					if err != nil {
						return
					}
					n += k
					head := bytes.Index(buf[:n], []byte("\r\n\r\n"))
					if head < 0 || bytes.Contains(buf[:head], []byte("POST")) && n < head+4+1024 {
						continue
					}
					n = 0
					if _, err := c.Write(out); err != nil {
						return
					}
				}
			}()
		}
	}()
	return "http://" + ln.Addr().String()
}

const bareAnswer = "HTTP/1.1 200 OK\r\nServer: bare\r\nDate: Sat, 21 Nov 2026 10:00:00 GMT\r\nContent-Type: application/json\r\n" +
	"Content-Length: 990\r\nEtag: \"5f3a\"\r\nCache-Control: no-store\r\n\r\n"

// BenchmarkExchange is one exchange with an upstream that costs next to nothing:
// what remains is the client's side and the system calls of both.
func BenchmarkExchange(b *testing.B) {
	url := bareServer(b, bareAnswer+strings.Repeat("x", 990))
	body := strings.Repeat("b", 1024)
	for _, carrier := range []string{"own", "compat"} {
		for _, method := range []string{"GET", "POST"} {
			b.Run(carrier+"/"+method, func(b *testing.B) {
				p := newPool(b, nil, url)
				if carrier == "compat" {
					p = compatPool(b, url)
				}
				b.ReportAllocs()
				defer reportCPU(b)()
				x := request(method, "/v1/orders/17?expand=items", browserFields...)
				w := &nullWriter{}
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				src := strings.NewReader(body)
				for b.Loop() {
					x.Decision.Upstream = gatehouse.UpstreamReport{}
					if method == "POST" {
						src.Reset(body)
						x.Request.Body = gatehouse.Body{Source: src, Length: 1024}
					}
					if err := p.Forward(ctx, x, w); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
	b.Run("syscalls", func(b *testing.B) { // the floor: a write and two reads
		c, err := net.Dial("tcp", url[len("http://"):])
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		defer reportCPU(b)()
		out, in := []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), make([]byte, 4096)
		want := len(bareAnswer) + 990
		for b.Loop() {
			if _, err := c.Write(out); err != nil {
				b.Fatal(err)
			}
			if _, err := io.ReadAtLeast(c, in, want); err != nil {
				b.Fatal(err)
			}
		}
	})
}
