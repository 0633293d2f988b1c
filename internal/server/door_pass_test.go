package server

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// service is a real server behind the gateway.
func service(t *testing.T, f http.HandlerFunc, protos ...string) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(f)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP1(len(protos) == 0)
	s.Config.Protocols.SetUnencryptedHTTP2(len(protos) > 0)
	s.Start()
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s
}

// An HTTP/1.1 client that is answered before it has sent its whole body: the
// service gets every byte, or learns that it did not.
func TestHTTP1DuplexLosesNothing(t *testing.T) {
	t.Parallel()
	type upload struct {
		body string
		err  error
	}
	got := make(chan upload, 1)
	up := service(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		first := make([]byte, 6)
		if _, err := io.ReadFull(r.Body, first); err != nil {
			got <- upload{string(first), err}
			return
		}
		fmt.Fprintf(w, "heard %s", first)
		w.(http.Flusher).Flush()
		rest, err := io.ReadAll(r.Body)
		got <- upload{string(first) + string(rest), err}
		fmt.Fprintf(w, " and %s", rest)
	})
	h := newDoors(t, doorOptions{upstream: up.URL})
	for range 20 {
		c := h.dial("plain")
		fmt.Fprintf(c, "POST /any/x HTTP/1.1\r\nHost: shop.localhost\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nfirst \r\n")
		r := bufio.NewReader(c)
		time.Sleep(20 * time.Millisecond) // the answer has begun, or waits for the rest
		fmt.Fprintf(c, "6\r\nsecond\r\n0\r\n\r\n")
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		said, err := io.ReadAll(res.Body)
		u := <-got
		if u.err == nil && u.body != "first second" {
			t.Fatalf("the service took %q for the whole body", u.body)
		}
		if u.err != nil || err != nil || string(said) != "heard first  and second" {
			t.Fatalf("the service got %q, %v; the client %q, %v", u.body, u.err, said, err)
		}
		c.Close()
	}
}
