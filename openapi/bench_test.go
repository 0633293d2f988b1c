package openapi_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/gateway"
	"github.com/gatehouse/gatehouse/openapi"
)

// benchOrder is about 1 KB.
var benchOrder = func() []byte {
	var b strings.Builder
	b.WriteString(`{"note":"to the back door","card":"4111111111111111","items":[`)
	for i := range 22 {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"sku":"abcdefghij-klmnop","count":12}`)
	}
	b.WriteString(`]}`)
	return []byte(b.String())
}()

// exchange is a request of the operation, read and matched.
func exchange(b *testing.B, c *openapi.Contract, id, query string, body []byte) *gatehouse.Exchange {
	b.Helper()
	x := &gatehouse.Exchange{Start: time.Now(), Principal: writer}
	for _, op := range c.Operations() {
		if op.ID == id {
			x.Operation = op
		}
	}
	x.Peer.Addr = netip.MustParseAddr("192.0.2.1")
	x.Request = gatehouse.Request{Proto: "HTTP/1.1", Method: x.Operation.Method, Query: query, Header: gatehouse.Header{
		{Name: "Accept", Value: "application/json"}, {Name: "User-Agent", Value: "bench"}, {Name: "Authorization", Value: "Bearer x"},
		{Name: "X-Tenant", Value: "acme"}}}
	x.Params = []gatehouse.Param{{Name: "id", Value: "17", Raw: "17"}}
	if body != nil {
		x.Request.Header.Add("Content-Type", "application/json")
		x.Request.Body = gatehouse.Body{Source: bytes.NewReader(body), Length: int64(len(body))}
		if err := x.Request.Body.ReadWhole(1 << 20); err != nil {
			b.Fatal(err)
		}
	}
	return x
}

// BenchmarkRequest is the request side: a POST with query and header parameters and
// an order of 1 KB, and GETs.
func BenchmarkRequest(b *testing.B) {
	c := compile(b, "testdata/shop.yaml", openapi.Options{})
	for _, r := range []struct {
		name, id, query string
		body            []byte
	}{{"post", "createOrder", "dry=true", benchOrder}, {"get", "getOrder", "", nil}, {"list", "listOrders", "limit=17", nil}} {
		b.Run(r.name, func(b *testing.B) {
			x := exchange(b, c, r.id, r.query, r.body)
			control := c.Request(x.Operation)
			b.ReportAllocs()
			for b.Loop() {
				if v, err := control.Check(context.Background(), x); err != nil || v.Outcome != gatehouse.Pass {
					b.Fatal(v, err)
				}
			}
		})
	}
}

// BenchmarkAnswer is a JSON array of 100 KB through check and filter.
func BenchmarkAnswer(b *testing.B) {
	one := `{"id":1,"items":[{"sku":"abcdefghij-klmnop","count":12},{"sku":"qrstuv","count":1}],"note":"to the back door","internal":{"cost":12.50}}`
	text := []byte("[" + strings.Repeat(one+",", 700) + one + "]")
	for _, answers := range []openapi.Answers{openapi.Check, openapi.Filter} {
		b.Run(string(answers), func(b *testing.B) {
			c := compile(b, "testdata/shop.yaml", openapi.Options{Config: openapi.Config{Rules: openapi.Rules{Answers: answers}}})
			x := exchange(b, c, "listOrders", "", nil)
			x.Response = gatehouse.Response{Status: 200, Header: gatehouse.Header{{Name: "Content-Type", Value: "application/json"}, {Name: "X-Total", Value: "701"}}}
			f := c.Response(x.Operation).(gatehouse.StreamFilter)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				w, err := f.FilterResponse(x, io.Discard)
				if err != nil {
					b.Fatal(err)
				}
				for rest := text; len(rest) > 0; {
					n := min(16<<10, len(rest))
					if _, err := w.Write(rest[:n]); err != nil {
						b.Fatal(err, slog.Any("verdict", w.(gatehouse.VerdictWriter).Verdict()))
					}
					rest = rest[n:]
				}
				if err := w.Close(); err != nil {
					b.Fatal(err, w.(gatehouse.VerdictWriter).Verdict())
				}
				w.(gatehouse.VerdictWriter).Verdict()
			}
		})
	}
}

// nowhere is a door that leads nowhere.
type nowhere struct{}

func (nowhere) WriteHead(int, gatehouse.Header) error { return nil }
func (nowhere) Write(p []byte) (int, error)           { return len(p), nil }
func (nowhere) Flush() error                          { return nil }
func (nowhere) WriteTrailer(gatehouse.Header) error   { return nil }
func (nowhere) Upgrade() (io.ReadWriteCloser, error)  { return nil, io.EOF }

type service struct {
	header gatehouse.Header
	body   []byte
}

func (s service) Forward(_ context.Context, _ *gatehouse.Exchange, w gatehouse.ResponseWriter) error {
	if err := w.WriteHead(200, s.header); err != nil {
		return err
	}
	_, err := w.Write(s.body)
	return err
}

// BenchmarkGet is a GET of an order through the whole path: bare, with the request
// side of a contract, and with its answer of 1 KB checked too.
func BenchmarkGet(b *testing.B) {
	body := append([]byte(`{"id":17,`), benchOrder[1:]...)
	answer := gatehouse.Header{{Name: "Content-Type", Value: "application/json"}, {Name: "Content-Length", Value: "990"}, {Name: "Date", Value: "x"}}
	c := compile(b, "testdata/shop.yaml", openapi.Options{Config: open})
	for _, with := range []string{"bare", "request", "check", "filter"} {
		b.Run(with, func(b *testing.B) {
			c := c
			if with == "filter" {
				cfg := open
				cfg.Answers = openapi.Filter
				c = compile(b, "testdata/shop.yaml", openapi.Options{Config: cfg})
			}
			var routes []*gateway.Route
			for _, op := range c.Operations() {
				bare := *op
				bare.Access = gatehouse.AccessPublic
				r := &gateway.Route{Operation: &bare, DefaultDeny: gatehouse.Enforce, Timeout: 30 * time.Second, Forwarder: service{answer, body}, Authenticator: someone{}, AuthMode: gatehouse.Enforce}
				for _, control := range c.Controls(op) {
					if with == "bare" || with == "request" && control.Name() == openapi.ResponseName {
						continue
					}
					r.Stages = append(r.Stages, gateway.NewStage(control.(interface{ Step() gatehouse.Step }).Step(), control, gatehouse.Enforce))
				}
				routes = append(routes, r)
			}
			site, err := gateway.NewSite(&gatehouse.API{Name: "api", Hosts: []string{"*"}, BasePath: "/"}, routes)
			if err != nil {
				b.Fatal(err)
			}
			router, err := gateway.NewRouter([]*gateway.Site{site})
			if err != nil {
				b.Fatal(err)
			}
			g := gateway.New(&gateway.Snapshot{Router: router, Limits: gateway.DefaultLimits()}, gateway.Equipment{Log: slog.New(slog.DiscardHandler)})
			request := gatehouse.Header{{Name: "Accept", Value: "application/json"}, {Name: "User-Agent", Value: "bench/1.0 (some agent)"},
				{Name: "Accept-Encoding", Value: "gzip"}, {Name: "Authorization", Value: "Bearer abcdefghijklmnopqrstuvwxyz"}}
			socket := netip.MustParseAddrPort("192.0.2.7:1234")
			x := new(gatehouse.Exchange)
			b.ReportAllocs()
			for b.Loop() {
				x.Start = time.Now()
				x.Peer.Socket = socket
				q := &x.Request
				q.Proto, q.Method, q.Target, q.Authority, q.Scheme = "HTTP/1.1", "GET", "/v1/orders/17", "shop.localhost", "http"
				q.Header = append(q.Header[:0], request...)
				g.Serve(context.Background(), x, nowhere{})
				if x.Decision.Result != gatehouse.Answered {
					b.Fatalf("%+v", x.Decision)
				}
				x.Reset()
			}
		})
	}
}

type someone struct{}

func (someone) Authenticate(context.Context, *gatehouse.Exchange) (*gatehouse.Principal, error) {
	return writer, nil
}
