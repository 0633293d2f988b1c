package gateway

import (
	"context"
	"io"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

type nowhere struct{}

func (nowhere) WriteHead(int, gatehouse.Header) error { return nil }
func (nowhere) Write(p []byte) (int, error)           { return len(p), nil }
func (nowhere) Flush() error                          { return nil }
func (nowhere) WriteTrailer(gatehouse.Header) error   { return nil }
func (nowhere) Upgrade() (io.ReadWriteCloser, error)  { return nil, io.EOF }

// BenchmarkServe is the path itself: no controls, an upstream that costs nothing.
func BenchmarkServe(b *testing.B) {
	api := &gatehouse.API{Name: "api", Hosts: []string{"shop.localhost"}, BasePath: "/"}
	op := &gatehouse.Operation{API: api, ID: "get", Method: "GET", Path: "/orders/{id}", Endpoint: "GET /orders/{id}", Access: gatehouse.AccessPublic}
	body := make([]byte, 990)
	answer := gatehouse.Header{{Name: "Content-Type", Value: "application/json"}, {Name: "Content-Length", Value: "990"}, {Name: "Date", Value: "x"}, {Name: "Server", Value: "nginx"}}
	route := &Route{Operation: op, AuthMode: gatehouse.Enforce, DefaultDeny: gatehouse.Enforce, Timeout: 30 * time.Second,
		Forwarder: forwarder(func(_ *gatehouse.Exchange, w gatehouse.ResponseWriter) error {
			if err := w.WriteHead(200, answer); err != nil {
				return err
			}
			_, err := w.Write(body)
			return err
		})}
	site, err := NewSite(api, []*Route{route})
	if err != nil {
		b.Fatal(err)
	}
	router, err := NewRouter([]*Site{site})
	if err != nil {
		b.Fatal(err)
	}
	g := New(&Snapshot{Hash: "h", Router: router, Limits: DefaultLimits()}, Equipment{Log: slog.New(slog.DiscardHandler)})
	x := new(gatehouse.Exchange)
	request := gatehouse.Header{{Name: "Accept", Value: "application/json"}, {Name: "User-Agent", Value: "bench/1.0 (some agent)"},
		{Name: "Accept-Encoding", Value: "gzip, deflate"}, {Name: "Authorization", Value: "Bearer abcdefghijklmnopqrstuvwxyz"}, {Name: "Cache-Control", Value: "no-cache"}}
	socket := netip.MustParseAddrPort("192.0.2.7:1234")
	b.ReportAllocs()
	for b.Loop() {
		x.Start = time.Now()
		x.Peer.Socket = socket
		q := &x.Request
		q.Proto, q.Method, q.Target, q.Authority, q.Scheme = "HTTP/1.1", "GET", "/orders/17", "shop.localhost", "http"
		q.Header = append(q.Header[:0], request...)
		g.Serve(context.Background(), x, nowhere{})
		x.Reset()
	}
}
