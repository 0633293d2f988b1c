package http1

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse"
)

// A Client speaks HTTP/1.1 to one endpoint, over connections that it keeps. The
// goroutine that calls Do writes the request and reads the answer itself. It is
// safe for concurrent use; its fields are set before the first call.
//
// Time limits and the end of a call's context are looked after by one goroutine
// for all clients, every tenth of a second: they may be noticed that much late.
type Client struct {
	// Dial connects; where the endpoint speaks TLS, the handshake is included.
	Dial func(ctx context.Context) (net.Conn, error)
	// Limits bound an answer: HeadBytes, Fields, TrailerBytes and ChunkExtBytes
	// count. nil stands for DefaultLimits.
	Limits *Limits

	Head    time.Duration // from the end of the request to the head of the answer
	Silence time.Duration // between two reads of a body, or for one write; 0: for ever
	Idle    time.Duration // how long an unused connection is kept
	MaxIdle int           // unused connections that are kept

	mu      sync.Mutex
	conns   []*clientConn // all of them but those that became tunnels
	idle    []*clientConn // the last one used is the next to be used
	closed  bool
	watched bool // by the keeper
	next    int  // the idle connection that is looked at next
}

// An Outgoing is a request as a Client sends it. Method, Path, Query, Host,
// Upgrade and Header have been validated by the caller; hop-by-hop and framing
// fields, and those that a Connection field names, are left out (RFC 9110,
// section 7.6.1).
type Outgoing struct {
	Method string
	// Path and Query make up the target; there is a "?" where Query is not empty.
	Path, Query string
	Host        string
	Header      gatehouse.Header
	Upgrade     string // the protocol to switch to, or ""
	Trailers    bool   // say that trailers are understood

	// Whole is a body that is held. It must not change while the call lasts, and
	// where it is large a little longer.
	Whole []byte
	// Body is a body that streams, of Length bytes or Chunked. A goroutine reads it
	// until Read fails, maybe beyond Release.
	Body   io.Reader
	Length int64

	// Repeatable says that the method may be sent twice.
	Repeatable bool
	// Interim takes the 1xx answers other than 100 and 101, where it is not nil.
	Interim interface {
		WriteHead(status int, h gatehouse.Header) error
	}
	// Reached is set by Do once some of the request may have been delivered.
	Reached bool
}

// maxInterim is how many 1xx answers a request may get.
const maxInterim = 16

var (
	errStale       = errors.New("http1: the kept connection was no longer good")
	errUnsolicited = errors.New("http1: the other side closed the connection or spoke unasked")
)

// Do sends a request and returns the head of its final answer, or the 101. The
// Answer must be released. Errors about what the endpoint sent are of type
// *gatehouse.Error with an http1 code; time limits say Timeout.
//
// A request is sent a second time, on a new connection, only where a kept one
// ended before any byte of an answer, and either nothing at all could be written
// or the request is Repeatable and its body held.
func (c *Client) Do(ctx context.Context, r *Outgoing) (*Answer, error) {
	r.Reached = false
	cn := c.take(ctx)
	for {
		if cn == nil {
			var err error
			if cn, err = c.dial(ctx); err != nil {
				return nil, err
			}
		}
		a, err := cn.exchange(r)
		if err == nil {
			return a, nil
		}
		c.discard(cn)
		if !cn.mayRepeat(r, err) || ctx.Err() != nil {
			return nil, err
		}
		cn = nil
		if errors.Is(err, errUnsolicited) { // nothing was written yet
			cn = c.take(ctx)
		}
	}
}

// take returns the connection that was used last, nil where there is none.
func (c *Client) take(ctx context.Context) *clientConn {
	c.mu.Lock()
	n := len(c.idle)
	if n == 0 {
		c.mu.Unlock()
		return nil
	}
	cn := c.idle[n-1]
	c.idle[n-1] = nil
	c.idle = c.idle[:n-1]
	cn.ctx = ctx
	c.mu.Unlock()
	cn.reused = true
	return cn
}

func (c *Client) dial(ctx context.Context) (*clientConn, error) {
	nc, err := c.Dial(ctx)
	if err != nil {
		return nil, err
	}
	cn := newClientConn(c, nc)
	cn.ctx = ctx
	c.mu.Lock()
	cn.index = len(c.conns)
	c.conns = append(c.conns, cn)
	if !c.watched {
		c.watched = true
		keep.add(c)
	}
	c.mu.Unlock()
	return cn, nil
}

// put keeps a connection for the next call, or closes it.
func (c *Client) put(cn *clientConn) {
	cn.readBy.Store(0)
	c.mu.Lock()
	cn.ctx = nil
	if cn.cut || c.closed || len(c.idle) >= c.MaxIdle {
		c.forget(cn)
		c.mu.Unlock()
		cn.close()
		return
	}
	cn.idleSince = clock.Load()
	c.idle = append(c.idle, cn)
	c.mu.Unlock()
}

func (c *Client) discard(cn *clientConn) {
	c.mu.Lock()
	c.forget(cn)
	c.mu.Unlock()
	cn.close()
}

// forget takes a connection off the list. It is called under the lock.
func (c *Client) forget(cn *clientConn) {
	if cn.index < 0 {
		return
	}
	last := len(c.conns) - 1
	c.conns[cn.index] = c.conns[last]
	c.conns[cn.index].index = cn.index
	c.conns[last] = nil
	c.conns = c.conns[:last]
	cn.index = -1
	cn.ctx = nil
}

// Close closes connections that nobody uses now, and the others when their calls
// end. A call after that works, on a connection of its own.
func (c *Client) Close() {
	c.mu.Lock()
	c.closed = true
	idle := c.idle
	c.idle = nil
	for _, cn := range idle {
		c.forget(cn)
	}
	c.mu.Unlock()
	for _, cn := range idle {
		cn.close()
	}
}

// Open returns the numbers of connections in use and of those kept.
func (c *Client) Open() (busy, idle int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.conns) - len(c.idle), len(c.idle)
}
