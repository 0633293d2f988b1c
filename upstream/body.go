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
	return &upload{length: max(b.Length, -1), src: b}
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
	if u == nil || u.held || !u.mu.TryLock() {
		return nil
	}
	defer u.mu.Unlock()
	return u.err
}

// detach takes the client's body away; when it returns, nobody reads it or will.
// If somebody is waiting for the client's next bytes just now, the answer given
// so far is flushed, so that the client is not waiting too, and the wait is cut
// short where the source knows how (SetReadDeadline); else it ends with the
// door's own read timeout.
func (u *upload) detach(w gatehouse.ResponseWriter) {
	if u == nil || u.held {
		return
	}
	if !u.mu.TryLock() {
		_ = w.Flush() // the client may be gone: nothing to add
		if d, ok := u.source().(interface{ SetReadDeadline(time.Time) error }); ok {
			_ = d.SetReadDeadline(time.Unix(1, 0))
		}
		u.mu.Lock()
	}
	u.src = nil
	u.mu.Unlock()
}

// source is read without the lock: src changes only in detach, and its Source
// not at all.
func (u *upload) source() io.Reader { return u.src.Source }

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
