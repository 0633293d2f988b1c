package upstream_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/upstream"
)

// printer is a ResponseWriter for the example.
type printer struct{}

func (printer) WriteHead(status int, h gatehouse.Header) error {
	fmt.Println(status, h.Get("Content-Type"))
	return nil
}
func (printer) Write(p []byte) (int, error)          { return fmt.Printf("%s\n", p) }
func (printer) Flush() error                         { return nil }
func (printer) WriteTrailer(gatehouse.Header) error  { return nil }
func (printer) Upgrade() (io.ReadWriteCloser, error) { return nil, errors.ErrUnsupported }

func Example() {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprint(w, r.Method, " ", r.Host, r.URL.Path)
	}))
	defer service.Close()

	state := upstream.NewState() // kept across reloads
	pool, err := upstream.NewPool(upstream.Config{
		Name:      "orders",
		Endpoints: []upstream.Endpoint{{URL: service.URL}},
	}, state, upstream.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()

	x := &gatehouse.Exchange{}
	x.Outbound = gatehouse.Outbound{Method: "GET", Authority: "shop.example", Path: "/orders/17"}
	if err := pool.Forward(context.Background(), x, printer{}); err != nil {
		fmt.Println(err)
	}
	fmt.Println(x.Decision.Upstream.Name, x.Decision.Upstream.Attempts, pool.Endpoints()[0].Breaker)
	// Output:
	// 200 text/plain
	// GET shop.example/orders/17
	// orders 1 closed
}

// A guard in a client that fetches URLs found in data.
func ExampleGuard() {
	guard := upstream.NewGuard(netip.MustParseAddrPort("127.0.0.1:9901"))
	client := &http.Client{Transport: &http.Transport{
		DialContext: (&net.Dialer{Control: guard.Control}).DialContext,
	}}
	_, err := client.Get("http://169.254.169.254/latest/meta-data/")
	var refusal *gatehouse.Error
	if errors.As(err, &refusal) {
		fmt.Println(refusal.Code)
	}
	// Output: upstream.refused
}
