package http1

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

// memory notes what it is told of messages that are refused.
type memory struct {
	echo
	refused chan Request
}

func (m *memory) RefuseHTTP1(ctx context.Context, r *Request, err *gatehouse.Error, w *ResponseWriter) {
	m.refused <- *r
	m.echo.RefuseHTTP1(ctx, r, err, w)
}

// A refused message is told of by what was read of it, never by the one before it
// on the connection.
func TestRefusalKnowsNothingOfTheRequestBefore(t *testing.T) {
	lim := DefaultLimits()
	lim.ReadHead = 200 * time.Millisecond
	m := &memory{refused: make(chan Request, 1)}
	_, addr := start(t, m, lim)
	for name, said := range map[string]string{"slow": "GET /sec", "malformed": "GET  /second HTTP/1.1\r\n\r\n", "LF": "\n"} {
		t.Run(name, func(t *testing.T) {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(10 * time.Second))
			r := bufio.NewReader(c)
			fmt.Fprint(c, "POST /first HTTP/1.1\r\nHost: first\r\nContent-Length: 1\r\n\r\na")
			res, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, res.Body)
			_, _ = io.WriteString(c, said)
			got := <-m.refused
			if got.Target == "/first" || got.Method == "POST" || got.Host != "" || len(got.Header) > 0 {
				t.Errorf("%+v", got)
			}
		})
	}
}
