package upstream

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"syscall"
	"testing"

	"github.com/gatehouse/gatehouse"
)

// browserFields is what a typical client sends.
var browserFields = []string{
	"Accept", "application/json", "Accept-Encoding", "gzip, br", "Accept-Language", "en-GB,en;q=0.9",
	"Authorization", "Bearer eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.e30.c2ln",
	"User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36", "X-Request-Id", "01JD0000000000000000000000",
	"X-Forwarded-For", "192.0.2.7", "X-Forwarded-Proto", "https", "Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	"Sec-Fetch-Mode", "cors", "Sec-Fetch-Site", "same-origin",
}

// BenchmarkForwardGET is one GET with a small JSON answer over loopback, beside
// httputil.ReverseProxy over the same transport. The upstream's cost is in both.
func BenchmarkForwardGET(b *testing.B) {
	body := make([]byte, 512)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.Write(body)
	}))
	defer s.Close()
	tr := compatPool(b, s.URL).balancer.members[0].carriers.Load().main.(*netHTTP).transport

	own := func(b *testing.B, p *Pool) {
		b.ReportAllocs()
		defer reportCPU(b)()
		x := request("GET", "/v1/orders/17?expand=items", browserFields...)
		w := &nullWriter{}
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		for b.Loop() {
			x.Decision.Upstream = gatehouse.UpstreamReport{}
			if err := p.Forward(ctx, x, w); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("gatehouse", func(b *testing.B) { own(b, newPool(b, nil, s.URL)) })
	b.Run("compat", func(b *testing.B) { own(b, compatPool(b, s.URL)) })
	b.Run("reverseproxy", func(b *testing.B) {
		b.ReportAllocs()
		defer reportCPU(b)()
		u, _ := url.Parse(s.URL)
		rp := &httputil.ReverseProxy{
			Rewrite:    func(r *httputil.ProxyRequest) { r.SetURL(u); r.Out.Host = r.In.Host },
			Transport:  tr,
			BufferPool: bufferPool{},
		}
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		r, _ := http.NewRequestWithContext(ctx, "GET", "http://shop.example/v1/orders/17?expand=items", nil)
		for i := 0; i < len(browserFields); i += 2 {
			r.Header.Set(browserFields[i], browserFields[i+1])
		}
		w := &nullHTTPWriter{h: http.Header{}}
		for b.Loop() {
			clear(w.h)
			rp.ServeHTTP(w, r)
		}
	})
	b.Run("transport", func(b *testing.B) { // the floor: RoundTrip alone
		b.ReportAllocs()
		defer reportCPU(b)()
		r, _ := http.NewRequest("GET", s.URL+"/v1/orders/17?expand=items", nil)
		for i := 0; i < len(browserFields); i += 2 {
			r.Header.Set(browserFields[i], browserFields[i+1])
		}
		for b.Loop() {
			resp, err := tr.RoundTrip(r)
			if err != nil {
				b.Fatal(err)
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	})
}

// reportCPU adds the processor time per operation, which a busy machine does not
// blur as it does the time on the wall.
func reportCPU(b *testing.B) func() {
	start := cpuTime()
	return func() { b.ReportMetric(float64(cpuTime()-start)/float64(b.N), "cpu-ns/op") }
}

func cpuTime() int64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return u.Utime.Nano() + u.Stime.Nano()
}

type bufferPool struct{}

func (bufferPool) Get() []byte  { return copyBuffers.Get().(*[copySize]byte)[:] }
func (bufferPool) Put(b []byte) { copyBuffers.Put((*[copySize]byte)(b)) }

type nullWriter struct{ n int }

func (w *nullWriter) WriteHead(int, gatehouse.Header) error      { return nil }
func (w *nullWriter) Write(p []byte) (int, error)                { w.n += len(p); return len(p), nil }
func (w *nullWriter) Flush() error                               { return nil }
func (w *nullWriter) WriteTrailer(gatehouse.Header) error        { return nil }
func (w *nullWriter) Upgrade() (c io.ReadWriteCloser, err error) { return nil, io.EOF }

type nullHTTPWriter struct{ h http.Header }

func (w *nullHTTPWriter) Header() http.Header         { return w.h }
func (w *nullHTTPWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w *nullHTTPWriter) WriteHeader(int)             {}

// BenchmarkOwnShare is what this package adds to the transport: the checks, the
// conversions and the balancing, without the round trip.
func BenchmarkOwnShare(b *testing.B) {
	x := request("GET", "/v1/orders/17?expand=items", browserFields...)
	b.Run("check", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := checkOutbound(&x.Outbound, false); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("request", func(b *testing.B) {
		b.ReportAllocs()
		n := &netHTTP{scheme: "http", authority: "127.0.0.1:80"}
		m := &message{out: &x.Outbound}
		for b.Loop() {
			c := &call{tracer: tracers.Get().(*tracer)}
			if _, err := n.request(context.Background(), c, m); err != nil {
				b.Fatal(err)
			}
			c.tracer.got.Store(1)
			c.tracer.wrote.Store(1)
			c.tracer.free(false)
		}
	})
	b.Run("choose", func(b *testing.B) {
		b.ReportAllocs()
		p := newPool(b, nil, "http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:3")
		for b.Loop() {
			var tried attempts
			if e, _ := p.choose(&tried); e == nil {
				b.Fatal("nobody")
			}
		}
	})
}
