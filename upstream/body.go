package upstream

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse"
)

var errDetached = errors.New("the exchange is over")

// An upload is the request's body on its way out. A carrier may read it from a
// goroutine that outlives the call, so what belongs to the exchange is behind a
// lock and can be taken away.
type upload struct {
	length int64  // -1 where unknown
	whole  []byte // the body, where it is held whole; immutable
	held   bool

	mu  sync.Mutex
	src *gatehouse.Body // nil once detached
	err error           // what broke on the client's side
	n   int64           // bytes read

	gate     sync.Mutex
	deadline interface{ SetReadDeadline(time.Time) error } // of the source, nil once over
}

// newUpload returns nil where the request has no body.
func newUpload(b *gatehouse.Body) *upload {
	if whole, held := b.Bytes(); held {
		if len(whole) == 0 {
			return nil
		}
		return &upload{length: int64(len(whole)), whole: whole, held: true}
	}
	if b.Source == nil || b.Length == 0 {
		return nil
	}
	u := &upload{length: max(b.Length, -1), src: b}
	u.deadline, _ = b.Source.(interface{ SetReadDeadline(time.Time) error })
	return u
}

// open returns a reader for one attempt.
func (u *upload) open() io.ReadCloser {
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

// interrupt ends a wait for the client's next bytes, where the source knows how.
func (u *upload) interrupt() {
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
		u.interrupt()
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
