package http1

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gatehouse/gatehouse"
)

// What a connection is doing, for the janitor.
const (
	phaseIdle int32 = iota
	phaseHead
	phaseHandle // waiting for nobody the janitor knows
	phaseBody
	phaseTunnel
)

// Conn is one client's connection.
type Conn struct {
	server *Server
	net    net.Conn
	cancel context.CancelFunc
	kept   any
	src    source
	lines  lines
	req    Request
	body   Body
	w      ResponseWriter

	phase    atomic.Int32
	deadline atomic.Int64 // of the phase, in the server's clock; 0 for none
	writeBy  atomic.Int64 // of a write: the body may be read in another goroutine meanwhile
	since    int64        // when the request's head was there
	endless  atomic.Bool
	cut      atomic.Bool // by the janitor
}

// socketOf finds the socket below TLS and other wrappers, nil where there is none.
func socketOf(c net.Conn) syscall.RawConn {
	if t, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = t.NetConn()
	}
	if s, ok := c.(syscall.Conn); ok {
		if raw, err := s.SyscallConn(); err == nil {
			return raw
		}
	}
	return nil
}

// enter begins a phase that may take d; 0 for as long as it likes.
func (c *Conn) enter(phase int32, d time.Duration) {
	c.deadline.Store(c.server.in(d))
	c.phase.Store(phase)
}

// in is the instant d from now, 0 for d 0.
func (s *Server) in(d time.Duration) int64 {
	if d <= 0 {
		return 0
	}
	return s.clock.Load() + int64(d) + int64(tick)
}

// inspect is the janitor's look, at time now.
func (c *Conn) inspect(now int64) {
	if at := c.writeBy.Load(); at != 0 && now > at {
		c.cut.Store(true)
		_ = c.net.SetWriteDeadline(time.Unix(1, 0))
	}
	if at := c.deadline.Load(); at != 0 && now > at {
		c.cut.Store(true)
		_ = c.net.SetReadDeadline(time.Unix(1, 0))
		return
	}
	if c.phase.Load() == phaseHandle && now-atomic.LoadInt64(&c.since) > int64(lookAfter) && c.gone() {
		c.cancel()
	}
}

// gone reports whether the client has reset the connection. One that only closed
// its sending side may wait for its answer still, unless that answer has no end.
func (c *Conn) gone() bool {
	socket := socketOf(c.net)
	return socket != nil && goneFrom(socket, c.endless.Load())
}

func (c *Conn) serve(ctx context.Context) {
	lim := c.server.limits()
	for {
		if !c.await(lim) {
			return
		}
		if lim = c.server.limits(); !c.exchange(ctx, lim) {
			return
		}
		if c.server.draining.Load() && c.src.buffered() == 0 {
			return
		}
	}
}

// await waits for a request's first byte without holding a buffer.
func (c *Conn) await(lim *Limits) bool {
	if c.src.buffered() > 0 {
		return true
	}
	c.src.release()
	c.w.drop()
	c.enter(phaseIdle, lim.Idle)
	if c.server.draining.Load() {
		return false
	}
	yield()
	return c.src.fill() == nil
}

// exchange reads one request and has it answered; it reports whether the
// connection can take another.
func (c *Conn) exchange(ctx context.Context, lim *Limits) bool {
	c.enter(phaseHead, lim.ReadHead)
	c.req = Request{Header: c.req.Header[:0]}
	head, refused, err := c.src.head(&c.lines, lim)
	if err == nil && refused == nil && len(c.lines.ends) == 0 { // one empty line before a request is ignored (section 2.2)
		head, refused, err = c.src.head(&c.lines, lim)
	}
	if err != nil {
		if c.cut.Load() && c.src.buffered() > 0 {
			c.refuse(ctx, lim, &gatehouse.Error{Code: "http1.head_timeout", Status: 408, Message: "the head took too long to arrive"})
		}
		return false
	}
	if refused == nil {
		refused = parseRequest(head, c.lines.ends, c.req.Header, &c.req)
	}
	if refused != nil {
		c.refuse(ctx, lim, refused)
		return false
	}
	atomic.StoreInt64(&c.since, c.server.clock.Load())
	c.body.open(c, lim)
	c.w.open(&c.req, lim)
	c.enter(phaseHandle, 0)
	c.server.Handler.ServeHTTP1(ctx, &c.req, &c.body, &c.w)
	return c.finish(lim)
}

func (c *Conn) refuse(ctx context.Context, lim *Limits, err *gatehouse.Error) {
	c.req.Close = true
	c.body.open(c, lim)
	c.body.b.err = io.EOF
	c.body.done.Store(true)
	c.w.open(&c.req, lim)
	c.w.length0()
	c.enter(phaseHandle, 0)
	c.server.Handler.RefuseHTTP1(ctx, &c.req, err, &c.w)
	_ = c.w.finish()
	c.linger(lim)
}

// finish completes the answer, skips what little is left of the body, and reports
// whether the connection stays.
func (c *Conn) finish(lim *Limits) bool {
	clear(c.req.Header) // a kept substring would pin its head
	if c.w.upgraded {
		return false
	}
	if err := c.w.finish(); err != nil || c.w.aborted {
		return false
	}
	if c.w.close {
		if !c.body.b.done() {
			c.linger(lim)
		}
		return false
	}
	if !c.body.b.done() && !c.body.skip(maxSkip) {
		c.linger(lim)
		return false
	}
	return true
}

// maxSkip is how much of an unread body is read for the connection's sake.
const maxSkip = 64 << 10

// linger lets the client read the answer before the connection is reset by the
// bytes it is still sending (RFC 9112, section 9.6).
func (c *Conn) linger(lim *Limits) {
	h, ok := c.net.(interface{ CloseWrite() error })
	if !ok || h.CloseWrite() != nil {
		return
	}
	c.enter(phaseBody, min(lim.ReadHead, 2*time.Second))
	c.src.drop()
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	for total := 0; total < 1<<20; {
		n, err := c.net.Read(*buf)
		if err != nil {
			return
		}
		total += n
	}
}

// Body is a request's body. It asks the client for it (100 Continue) when it is
// first read, and cuts off who sends too slowly. Whoever carries it upstream may
// read it while the answer is written; what both look at is atomic.
type Body struct {
	b     body
	conn  *Conn
	lim   *Limits
	begun int64
	got   atomic.Int64
	ask   atomic.Bool // the client waits for 100 Continue
	done  atomic.Bool // the body was read to its end
	slow  bool        // it may pause for as long as it likes
}

func (b *Body) open(c *Conn, lim *Limits) {
	b.conn, b.lim, b.begun, b.slow = c, lim, 0, false
	b.got.Store(0)
	b.ask.Store(c.req.Continue)
	b.b.open(&c.src, lim, c.req.Length)
	b.done.Store(b.b.done())
}

// unreadable reports whether what is left is more than the connection is worth.
func (b *Body) unreadable() bool {
	return !b.done.Load() && (b.ask.Load() || b.conn.req.Length-b.got.Load() > maxSkip)
}

// Length is the announced length, Chunked where there is none, 0 for no body.
func (b *Body) Length() int64 { return b.conn.req.Length }

// Trailer returns the trailer fields, after the body has been read to its end.
func (b *Body) Trailer() gatehouse.Header { return b.b.trailer }

func (b *Body) Read(p []byte) (int, error) {
	if b.b.err != nil {
		return 0, b.b.err
	}
	if b.ask.Load() {
		b.ask.Store(false)
		if err := b.conn.w.sendContinue(); err != nil {
			b.b.err = err
			return 0, err
		}
	}
	c := b.conn
	clock := c.server.clock.Load()
	if b.begun == 0 {
		b.begun = clock
	}
	if !b.slow {
		c.deadline.Store(b.begun + int64(b.lim.ReadBody) + int64(tick) + b.got.Load()/b.lim.BodyRate*int64(time.Second))
		c.phase.Store(phaseBody)
	}
	n, err := b.b.Read(p)
	c.enter(phaseHandle, 0)
	b.got.Add(int64(n))
	if b.b.done() {
		b.done.Store(true)
	}
	return n, err
}

// Lend says that a forwarder reads the body from now on, and whether it may pause
// for longer than any timeout (gRPC, uploads that the operator lets).
func (b *Body) Lend(endless bool) { b.slow = endless }

// SetReadDeadline cuts a wait for the client's next bytes short. After the body's
// end nobody waits, and the next request is not to be cut.
func (b *Body) SetReadDeadline(at time.Time) error {
	if b.done.Load() {
		return nil
	}
	return b.conn.net.SetReadDeadline(at)
}

// skip reads up to max bytes of the rest and reports whether that was all.
func (b *Body) skip(max int64) bool {
	if b.ask.Load() || b.b.mode == bodyLength && b.b.left > max {
		return false
	}
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	for max > 0 {
		n, err := b.Read(*buf)
		max -= int64(n)
		if err != nil {
			return errors.Is(err, io.EOF) && b.b.done()
		}
	}
	return false
}
