package upstream

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/http1"
)

var errDetached = errors.New("the exchange is over")

// An upload is the request's body on its way out. A carrier may read it from a
// goroutine that outlives the call, so what belongs to the exchange is behind a
// lock and can be taken away.
type upload struct {
	length int64  // -1 where unknown
	whole  []byte // the body, where it is held whole; not written to
	held   bool
	ahead  *[]byte // the pooled buffer behind whole, where it was read ahead
	more   [1]byte // for a look beyond the end
	lent   bool    // somebody may use it, or whole, beyond the call

	mu  sync.Mutex
	src *gatehouse.Body // nil once detached
	err error           // what broke on the client's side
	n   int64           // bytes read

	wait     http1.Wait
	gate     sync.Mutex
	deadline interface{ SetReadDeadline(time.Time) error } // of the source, nil once over
}

var uploads = sync.Pool{New: func() any { return new(upload) }}

// maxAhead is the length up to which a body is read before a connection is taken:
// so it goes with its head in one write, and a slow client occupies no connection.
const maxAhead = 16 << 10

const smallAhead = 2 << 10

var (
	aheadBuffers      = sync.Pool{New: func() any { b := make([]byte, maxAhead); return &b }}
	smallAheadBuffers = sync.Pool{New: func() any { b := make([]byte, smallAhead); return &b }}
)

// newUpload returns nil where the request has no body.
func newUpload(b *gatehouse.Body) *upload {
	whole, held := b.Bytes()
	if held && len(whole) == 0 || !held && (b.Source == nil || b.Length == 0) {
		return nil
	}
	u := uploads.Get().(*upload)
	if held {
		u.length, u.whole, u.held = int64(len(whole)), whole, true
		return u
	}
	u.length, u.src = max(b.Length, -1), b
	u.deadline, _ = b.Source.(interface{ SetReadDeadline(time.Time) error })
	return u
}

// readAhead reads a small body of known length, which is held from then on.
func (u *upload) readAhead() error {
	if !u.streams() || u.length < 0 || u.length > maxAhead {
		return nil
	}
	pool := &aheadBuffers
	if u.length <= smallAhead {
		pool = &smallAheadBuffers
	}
	u.ahead = pool.Get().(*[]byte)
	n := int64(0)
	var err error
	for n < u.length && err == nil {
		var k int
		k, err = u.src.Read((*u.ahead)[n:u.length])
		n += int64(k)
	}
	if n == u.length && err == nil {
		var k int
		if k, err = u.src.Read(u.more[:]); k > 0 {
			err = io.ErrUnexpectedEOF
		}
	}
	if err == io.EOF && n < u.length {
		err = io.ErrUnexpectedEOF
	}
	if err != nil && err != io.EOF {
		u.err = err
		return err
	}
	u.whole, u.held, u.src = (*u.ahead)[:n], true, nil
	return nil
}

// free gives an upload back after detach, where nobody else may hold it.
func (u *upload) free() {
	if u == nil || u.lent {
		return
	}
	if u.ahead != nil {
		if len(*u.ahead) == smallAhead {
			smallAheadBuffers.Put(u.ahead)
		} else {
			aheadBuffers.Put(u.ahead)
		}
	}
	u.length, u.whole, u.held, u.ahead = 0, nil, false, nil
	u.src, u.err, u.n, u.deadline = nil, nil, 0, nil
	uploads.Put(u)
}

// open returns a reader for one attempt, which may be read for longer than it.
func (u *upload) open() io.ReadCloser {
	u.lent = true
	if u.held {
		return io.NopCloser(bytes.NewReader(u.whole))
	}
	return (*uploadReader)(u)
}

// again reports whether the body can be sent from its beginning.
func (u *upload) again() bool {
	if u == nil || u.held {
		return true
	}
	if !u.mu.TryLock() {
		return false // it is being read
	}
	defer u.mu.Unlock()
	return u.src != nil && u.err == nil && u.src.Rewind()
}

// broken returns what went wrong on the client's side, if anything did.
func (u *upload) broken() error {
	if !u.streams() || !u.mu.TryLock() {
		return nil
	}
	defer u.mu.Unlock()
	return u.err
}

// streams reports whether the body still comes from the client.
func (u *upload) streams() bool { return u != nil && !u.held }

// Interrupt ends a wait for the client's next bytes, where the source knows how.
func (u *upload) Interrupt() {
	u.gate.Lock()
	defer u.gate.Unlock()
	if u.deadline != nil {
		_ = u.deadline.SetReadDeadline(time.Unix(1, 0)) // it has passed
	}
}

// detach takes the client's body away; when it returns, nobody reads it or will.
// If somebody is waiting for the client's next bytes just now, the answer given
// so far is flushed, so that the client is not waiting too, and the wait is cut
// short where the source knows how (SetReadDeadline); else it ends with the
// door's own read timeout.
func (u *upload) detach(w gatehouse.ResponseWriter) {
	if !u.streams() {
		return
	}
	if !u.mu.TryLock() {
		_ = w.Flush() // the client may be gone: nothing to add
		u.Interrupt()
		u.mu.Lock()
	}
	u.src = nil
	u.mu.Unlock()
	u.gate.Lock()
	u.deadline = nil
	u.gate.Unlock()
}

// uploadReader is the carrier's side of an upload.
type uploadReader upload

func (r *uploadReader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.src == nil {
		return 0, errDetached
	}
	n, err := r.src.Read(p)
	r.n += int64(n)
	if r.length >= 0 && (r.n > r.length || err == io.EOF && r.n < r.length) {
		n, err = 0, io.ErrUnexpectedEOF // the length that was announced is on the wire already
	}
	if err != nil && err != io.EOF && r.err == nil {
		r.err = err
	}
	return n, err
}

// Close does nothing: the body belongs to the door.
func (r *uploadReader) Close() error { return nil }
