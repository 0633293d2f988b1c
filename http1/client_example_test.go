package http1_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/gatehouse/gatehouse/http1"
)

func ExampleClient() {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s", r.Method, r.URL, b)
	}))
	defer s.Close()
	c := &http1.Client{
		Dial: func(ctx context.Context) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", s.Listener.Addr().String())
		},
		Head: 5 * time.Second, Silence: time.Minute, Idle: time.Minute, MaxIdle: 16,
	}
	defer c.Close()
	a, err := c.Do(context.Background(), &http1.Outgoing{Method: "PUT", Path: "/orders/17", Host: "shop.example", Whole: []byte("two, please"), Repeatable: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer a.Release()
	body, err := io.ReadAll(a)
	fmt.Println(a.Status, string(body), err)
	// Output: 200 PUT /orders/17 two, please <nil>
}
