package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// errProtocol says that a handshake ended in the other protocol. The connection
// is kept for it, and nothing has been sent.
var errProtocol = errors.New("the server chose another protocol")

// negotiated is a carrier for an endpoint that may speak HTTP/2 or HTTP/1.1: each
// handshake decides (ALPN, RFC 7301), and the last one says what is tried first.
type negotiated struct {
	dial  func(context.Context) (net.Conn, error) // TLS included
	one   *ownHTTP
	two   *netHTTP
	speak atomic.Int32

	mu    sync.Mutex
	spare map[int32]net.Conn // a connection in the protocol that was not expected
}

const (
	speaksHTTP1 int32 = iota
	speaksHTTP2
)

func newNegotiated(t target, id *identity, to Timeouts, dial func(context.Context) (net.Conn, error)) *negotiated {
	n := &negotiated{dial: tlsDial(id.client(t.host, "h2", "http/1.1"), to, dial, ""), spare: map[int32]net.Conn{}}
	n.one = newOwnHTTP(t, to, func(ctx context.Context) (net.Conn, error) { return n.connect(ctx, speaksHTTP1) })
	n.two = newNetHTTP(t, protocolH2, id, to, dial)
	n.two.transport.DialTLSContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return n.connect(ctx, speaksHTTP2) }
	return n
}

// connect returns a connection that speaks want, or errProtocol.
func (n *negotiated) connect(ctx context.Context, want int32) (net.Conn, error) {
	n.mu.Lock()
	c := n.spare[want]
	delete(n.spare, want)
	n.mu.Unlock()
	if c != nil {
		return c, nil
	}
	c, err := n.dial(ctx)
	if err != nil {
		return nil, err
	}
	speaks := speaksHTTP1
	if tc, ok := c.(*tls.Conn); ok && tc.ConnectionState().NegotiatedProtocol == "h2" {
		speaks = speaksHTTP2
	}
	n.speak.Store(speaks)
	if speaks == want {
		return c, nil
	}
	n.set(speaks, c)
	time.AfterFunc(spareFor, func() { n.drop(speaks, c) })
	return nil, errProtocol
}

// spareFor is how long a connection waits for the carrier that it suits, which
// asks for it at once unless it has another one.
const spareFor = 250 * time.Millisecond

func (n *negotiated) set(speaks int32, c net.Conn) {
	n.mu.Lock()
	old := n.spare[speaks]
	n.spare[speaks] = c
	n.mu.Unlock()
	if old != nil {
		old.Close()
	}
}

// drop closes c if it is still waiting.
func (n *negotiated) drop(speaks int32, c net.Conn) {
	n.mu.Lock()
	waiting := n.spare[speaks] == c
	if waiting {
		delete(n.spare, speaks)
	}
	n.mu.Unlock()
	if waiting {
		c.Close()
	}
}

func (n *negotiated) send(ctx context.Context, m *message) (*answer, error) {
	for try := 0; ; try++ {
		c := carrier(n.one)
		if n.speak.Load() == speaksHTTP2 {
			c = n.two
		}
		a, err := c.send(ctx, m)
		if try < 3 && errors.Is(err, errProtocol) && !m.reached {
			continue
		}
		return a, err
	}
}

func (n *negotiated) closeIdle() {
	n.mu.Lock()
	for speaks, c := range n.spare {
		c.Close()
		delete(n.spare, speaks)
	}
	n.mu.Unlock()
	n.one.closeIdle()
	n.two.closeIdle()
}
