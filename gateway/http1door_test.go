package gateway

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/http1"
)

// heads keeps the last header that http1 let in.
type heads struct{ last gatehouse.Header }

func (h *heads) ServeHTTP1(_ context.Context, r *http1.Request, _ *http1.Body, w *http1.ResponseWriter) {
	h.last = append(h.last[:0], r.Header...)
	w.Abort()
}

func (h *heads) RefuseHTTP1(_ context.Context, _ *http1.Request, _ *gatehouse.Error, w *http1.ResponseWriter) {
	w.Abort()
}

// The door for HTTP/1.1 says that fields are checked: http1 lets no field in that
// normalise would have refused for its name or its value.
func TestHTTP1ChecksFields(t *testing.T) {
	t.Parallel()
	let := 0
	for c := range 256 {
		for _, head := range []string{"a" + string([]byte{byte(c)}) + "b: v", "ab: v" + string([]byte{byte(c)}) + "w",
			string([]byte{byte(c)}) + "ab: v", "ab: 1234567" + string([]byte{byte(c)}), "ab" + string([]byte{byte(c)}) + ": v"} {
			h := &heads{}
			s := &http1.Server{Handler: h}
			client, door := net.Pipe()
			go func() {
				io.Copy(io.Discard, client)
				client.Close()
			}()
			s.ServeConn(context.Background(), door, []byte("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"+head+"\r\n\r\n"))
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			if err := s.Shutdown(ctx); err != nil {
				t.Fatal(err)
			}
			cancel()
			if len(h.last) == 0 {
				continue
			}
			let++
			lim := DefaultLimits()
			if _, err := checkFields(h.last, &lim, false); err != nil {
				t.Errorf("http1 lets %q in: %v", head, err)
			}
		}
	}
	if let < 256 { // values may hold nearly everything, names more than half of ASCII
		t.Errorf("only %d heads were let in", let)
	}
}
