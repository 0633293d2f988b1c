package http1_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/http1"
)

// sockets returns the two ends of a TCP connection, the first one as a Socket.
func sockets(t *testing.T) (*http1.Socket, *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	peer, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); peer.Close() })
	return http1.NewSocket(c).(*http1.Socket), peer.(*net.TCPConn)
}

// What is written arrives, in pieces of all sizes, both ways at once, where the
// buffers between are too small for it.
func TestSocketCarriesEverything(t *testing.T) {
	t.Parallel()
	s, peer := sockets(t)
	if err := errors.Join(s.SetWriteBuffer(16<<10), s.SetReadBuffer(32<<10)); err != nil {
		t.Fatal(err)
	}
	data := make([]byte, 1<<20)
	for i := range data {
		data[i] = byte(i*7 + i>>8)
	}
	go func() {
		for rest := data; len(rest) > 0; {
			n := min(len(rest), 1+rand.IntN(60<<10))
			if m, err := s.Write(rest[:n]); m != n || err != nil {
				t.Errorf("write: %d of %d, %v", m, n, err)
				break
			}
			rest = rest[n:]
		}
		if err := s.CloseWrite(); err != nil {
			t.Error(err)
		}
	}()
	go func() {
		if _, err := io.Copy(peer, peer); err != nil { // an echo
			t.Error(err)
		}
		peer.CloseWrite()
	}()
	got, err := io.ReadAll(s)
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d of %d bytes came back, %v", len(got), len(data), err)
	}
	if n, err := s.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("at the end: %d, %v", n, err)
	}
	if n, err := s.Read(nil); n != 0 || err != nil {
		t.Errorf("nothing to read into: %d, %v", n, err)
	}
}

func TestSocketKeepsDeadlines(t *testing.T) {
	t.Parallel()
	s, _ := sockets(t)
	_ = s.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if _, err := s.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a read without anything to read: %v", err)
	}
	_ = s.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
	total := 0
	for { // nobody reads
		n, err := s.Write(make([]byte, 16<<10))
		total += n
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil || total > 64<<20 {
			t.Fatalf("after %d bytes: %v", total, err)
		}
	}
}

// A connection that is gone says so, and raises no signal.
func TestSocketOfOneWhoLeft(t *testing.T) {
	t.Parallel()
	s, peer := sockets(t)
	_ = peer.SetLinger(0)
	peer.Close()
	if n, err := s.Read(make([]byte, 1)); n != 0 || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("read: %d, %v", n, err)
	}
	if n, err := s.Write([]byte("anybody?")); n != 0 || !errors.Is(err, syscall.EPIPE) {
		t.Errorf("write: %d, %v", n, err)
	}
	s.Close()
	if _, err := s.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// What is no TCP connection stays what it is.
func TestSocketOfSomethingElse(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if http1.NewSocket(a) != a {
		t.Error("a pipe became a socket")
	}
}
