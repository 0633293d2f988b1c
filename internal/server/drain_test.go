package server

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/admin"
)

// A gateway without connections drains in no time. Whoever was asking it something
// over the socket, such as to drain, gets the answer all the same.
func TestDrainAnswersAdmins(t *testing.T) {
	t.Parallel()
	h := newDoors(t, doorOptions{upstream: "http://127.0.0.1:1"})
	c, err := net.Dial("unix", h.Socket())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const body = `{"token_id": "x"}`
	fmt.Fprintf(c, "POST /revoke HTTP/1.1\r\nHost: gatehouse\r\nContent-Length: %d\r\n\r\n%s", len(body), body[:5])
	time.Sleep(50 * time.Millisecond) // it has been taken up
	if err := admin.Dial(h.Socket()).Drain(context.Background()); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond) // the doors have closed
	if _, err := io.WriteString(c, body[5:]); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 ") {
		t.Errorf("%q, %v", line, err)
	}
	<-h.stopped
}
