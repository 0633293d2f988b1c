package http1

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/gatehouse/gatehouse"
)

// inlineBody is the size up to which a held body is written with its head.
const inlineBody = 16 << 10

// largeBuffers are for requests with a body, and for uploads.
var largeBuffers = sync.Pool{New: func() any { b := make([]byte, 2*inlineBody); return &b }}

// What becomes of an upload.
const (
	uploadNone int32 = iota
	uploadRunning
	uploadDone
	uploadFailed
)

// A clientConn is one connection to an endpoint.
type clientConn struct {
	client *Client
	net    net.Conn
	raw    syscall.RawConn // of the socket, be it below TLS; nil where there is none
	src    source
	lines  lines
	ans    Answer

	reused bool
	fields []gatehouse.Field // memory of the answer's header

	// The request on its way.
	out     []byte
	own     *[]byte // the pooled buffer behind out
	large   bool
	send    func(fd uintptr) bool
	look    func(fd uintptr)
	written bool // step: all has been written, now the answer is waited for
	refused bool // step: the connection was not fit for it
	wrote   int
	err     error
	pending bool // what look saw

	upload  atomic.Int32
	readBy  atomic.Int64 // in the keeper's clock; 0 for no limit, awaiting while an upload runs
	writeBy atomic.Int64

	// Under the client's lock.
	ctx       context.Context // of the call under way, nil between calls
	cut       bool            // by the keeper: it is of no further use; read without the lock once it is off the list
	index     int             // in client.conns, -1 where it is not
	idleSince int64
}

// awaiting stands in readBy while the head's time has not begun to run.
const awaiting = -1

func newClientConn(c *Client, nc net.Conn) *clientConn {
	cn := &clientConn{client: c, net: nc}
	cn.src.open(nc)
	cn.raw = cn.src.raw
	if t, ok := nc.(interface{ NetConn() net.Conn }); ok && cn.raw == nil {
		if sc, ok := t.NetConn().(syscall.Conn); ok {
			cn.raw, _ = sc.SyscallConn()
		}
	}
	cn.send, cn.look = cn.step, cn.peek
	cn.ans.conn = cn
	return cn
}

// overdue reports whether the call has ended or a time limit has passed.
func (cn *clientConn) overdue(now int64) bool {
	if at := cn.readBy.Load(); at > 0 && now > at {
		return true
	}
	if at := cn.writeBy.Load(); at > 0 && now > at {
		return true
	}
	return cn.ctx.Err() != nil
}

func (cn *clientConn) limits() *Limits {
	if cn.client.Limits != nil {
		return cn.client.Limits
	}
	return &clientLimits
}

var clientLimits = DefaultLimits()

func (cn *clientConn) close() {
	if up := cn.upload.Load(); cn.cut || up == uploadRunning || up == uploadFailed {
		// TLS would wait for a socket that takes nothing, to say goodbye.
		if t, ok := cn.net.(interface{ NetConn() net.Conn }); ok {
			t.NetConn().Close()
		}
	}
	cn.net.Close()
	cn.freeOut()
	cn.src.drop()
}

// mayRepeat reports whether a request that failed with err may be sent once more.
func (cn *clientConn) mayRepeat(r *Outgoing, err error) bool {
	switch {
	case !cn.reused:
		return false
	case errors.Is(err, errUnsolicited):
		return true
	case errors.Is(err, errStale):
		return r.Body == nil && (r.Repeatable || !r.Reached)
	}
	return false
}

// spoken looks whether the other side has closed the connection, or sent what
// nobody asked for.
func (cn *clientConn) spoken() bool {
	if cn.raw == nil {
		return false
	}
	cn.pending = true // if the look fails
	_ = cn.raw.Control(cn.look)
	return cn.pending
}

func (cn *clientConn) peek(fd uintptr) { cn.pending = readable(fd) }

// readable reports whether a read would not have to wait.
func readable(fd uintptr) bool {
	var b [1]byte
	_, err := peekSocket(fd, b[:])
	return err != syscall.EAGAIN
}

// exchange sends the request and reads the head of its answer.
func (cn *clientConn) exchange(r *Outgoing) (*Answer, error) {
	cn.upload.Store(uploadNone)
	inline := r.Body == nil && len(r.Whole) <= inlineBody
	if err := cn.compose(r, inline); err != nil {
		return nil, err
	}
	var err error
	if inline {
		cn.readBy.Store(clock.Load() + int64(cn.client.Head) + int64(beat))
	} else {
		cn.readBy.Store(awaiting)
	}
	if cn.src.raw != nil && inline {
		err = cn.sendAndWait(r)
	} else {
		err = cn.sendFirst(r)
	}
	cn.freeOut()
	if err != nil {
		return nil, err
	}
	if !inline {
		cn.upload.Store(uploadRunning)
		go cn.carry(r.Whole, r.Body, r.Length)
	}
	return cn.answer(r)
}

// sendAndWait writes the request and waits for the answer's first bytes, all
// within one turn of waiting for the socket: nothing is missed in between, and
// the socket is not read in vain.
func (cn *clientConn) sendAndWait(r *Outgoing) error {
	s := &cn.src
	cn.written, cn.refused, cn.wrote, cn.err = false, false, 0, nil
	s.r, s.w, s.n, s.rawErr = 0, 0, 0, nil
	yield()
	err := s.raw.Read(cn.send)
	r.Reached = r.Reached || cn.wrote > 0
	switch {
	case cn.refused:
		return errUnsolicited
	case cn.err != nil:
		return cn.failed(cn.err)
	case err != nil && !cn.written && cn.wrote == 0:
		return cn.failed(err)
	case !cn.written: // the socket took only a part
		if err == nil {
			_, err = cn.net.Write(cn.out[cn.wrote:])
		}
		if err != nil {
			return cn.failed(err)
		}
		return nil
	case err != nil:
		return cn.failed(err)
	}
	s.w += s.n
	if s.n == 0 {
		return cn.failed(s.rawErr)
	}
	return nil
}

// step is called when the socket may be readable, for the first time before
// anything was written.
func (cn *clientConn) step(fd uintptr) bool {
	if cn.written {
		return cn.src.tryRead(fd)
	}
	if cn.reused && readable(fd) {
		cn.refused = true
		return true
	}
	n, err := writeSocket(fd, cn.out)
	if err != nil && err != syscall.EAGAIN {
		cn.err = os.NewSyscallError("write", err)
		return true
	}
	cn.wrote = n
	if cn.wrote < len(cn.out) {
		return true
	}
	cn.written = true
	cn.freeOut()
	return false
}

// sendFirst writes what is composed and does not wait for anything.
func (cn *clientConn) sendFirst(r *Outgoing) error {
	if cn.reused && (cn.spoken() || cn.hoards()) {
		return errUnsolicited
	}
	n, err := cn.net.Write(cn.out)
	if n > 0 || cn.src.raw == nil { // TLS may have sent more than it says
		r.Reached = true
	}
	if err != nil {
		return cn.failed(err)
	}
	return nil
}

// hoards looks for bytes that TLS has read already, and nobody asked for.
func (cn *clientConn) hoards() bool {
	if cn.src.raw != nil {
		return false
	}
	if cn.net.SetReadDeadline(longAgo) != nil {
		return true
	}
	var b [1]byte
	n, err := cn.net.Read(b[:])
	if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		return true
	}
	// The keeper may cut the call just now.
	cn.client.mu.Lock()
	defer cn.client.mu.Unlock()
	return cn.cut || cn.net.SetReadDeadline(noDeadline) != nil
}

// failed says that a kept connection was stale, if it was: it ended before any
// byte of an answer.
func (cn *clientConn) failed(err error) error {
	if cn.reused && !errors.Is(err, os.ErrDeadlineExceeded) && cn.src.buffered() == 0 {
		return &staleError{err}
	}
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

type staleError struct{ err error }

func (e *staleError) Error() string        { return errStale.Error() + ": " + e.err.Error() }
func (e *staleError) Is(target error) bool { return target == errStale }
func (e *staleError) Unwrap() error        { return e.err }

// answer reads heads up to the final one.
func (cn *clientConn) answer(r *Outgoing) (*Answer, error) {
	a, lim := &cn.ans, cn.limits()
	for interim := 0; ; interim++ {
		head, refused, err := cn.src.head(&cn.lines, lim)
		if err != nil {
			return nil, cn.failed(err)
		}
		if refused == nil {
			refused = parseResponse(head, cn.lines.ends, cn.fields[:0], r.Method, &a.Response)
			cn.fields = a.Response.Header
		}
		if refused != nil {
			return nil, refused
		}
		cn.reused = false // no repetition after an answer's head
		r.Reached = true
		if a.Status >= 200 || a.Status == 101 {
			break
		}
		if interim >= maxInterim {
			return nil, bad("interim", "there are too many interim answers")
		}
		if r.Interim != nil && a.Status != 100 {
			if err := r.Interim.WriteHead(a.Status, a.Header); err != nil {
				return nil, err
			}
		}
		clear(a.Header)
	}
	cn.readBy.Store(0)
	a.released = false
	a.body.open(&cn.src, lim, a.Length)
	a.body.dropTrailers = true
	return a, nil
}

// An Answer is the head of what the endpoint said, and its body to be read. It
// is valid until Release.
type Answer struct {
	Response
	conn     *clientConn
	body     body
	released bool
}

// Read reads the body. An error other than io.EOF says that it is not complete.
func (a *Answer) Read(p []byte) (int, error) {
	cn := a.conn
	if a.body.err != nil || a.body.mode == bodyLength && cn.src.buffered() > 0 || cn.client.Silence <= 0 {
		return a.body.Read(p) // it does not wait, or it may
	}
	cn.readBy.Store(clock.Load() + int64(cn.client.Silence) + int64(beat))
	n, err := a.body.Read(p)
	cn.readBy.Store(0)
	return n, err
}

// Trailer returns the trailer fields after the body has been read to its end,
// without those that must not stand there.
func (a *Answer) Trailer() gatehouse.Header { return a.body.trailer }

// Tunnel hands out the connection after a 101, with what was read of it already.
// Time limits and the call's context no longer apply to it.
func (a *Answer) Tunnel() io.ReadWriteCloser {
	cn := a.conn
	a.released = true
	cn.client.mu.Lock()
	cn.client.forget(cn)
	cn.client.mu.Unlock()
	return &tunnel{Conn: cn.net, src: &cn.src}
}

// Release ends the use of the Answer. The connection is kept if the request was
// sent and the answer read to their ends, and nothing came after it.
func (a *Answer) Release() {
	if a.released {
		return
	}
	a.released = true
	cn := a.conn
	clear(a.Header) // a kept substring would pin its head
	a.Header = nil
	clear(a.body.trailer)
	up := cn.upload.Load()
	if !a.body.done() || a.Close || a.Status == 101 || cn.src.buffered() > 0 || up != uploadNone && up != uploadDone {
		cn.client.discard(cn)
		return
	}
	cn.src.release()
	cn.client.put(cn)
}
