package gateway

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse"
)

// flow is the context of a forwarding. It ends with the client's context, when
// the route's time is up, or when the gateway ends it with a cause.
//
// It costs one allocation and sets no timer until somebody waits for Done: our
// own HTTP/1.1 client only asks Err now and then.
type flow struct {
	parent context.Context

	mu    sync.Mutex
	until time.Time // zero: no limit
	cause error
	done  chan struct{}
	timer *time.Timer
	leave func() bool // stops listening to parent
}

// ended is why a flow is over: a context's error that knows its cause.
type ended struct{ cause error }

func (e ended) Error() string { return e.cause.Error() }
func (e ended) Unwrap() error { return e.cause }

// Is makes it pass for context.Canceled.
func (e ended) Is(target error) bool { return target == context.Canceled }

var errRouteTimeout = &gatehouse.Error{Code: "upstream.timeout", Status: 504, Message: "the route's time is up"}

func newFlow(parent context.Context, until time.Time) *flow {
	return &flow{parent: parent, until: until}
}

// Deadline is the client's: the route's own may be lifted.
func (f *flow) Deadline() (time.Time, bool) { return f.parent.Deadline() }

// Value asks the client's context.
func (f *flow) Value(key any) any { return f.parent.Value(key) }

// Err returns why the flow is over, or nil. It unwraps to a *gatehouse.Error where
// the gateway ended it.
func (f *flow) Err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cause == nil {
		if err := f.parent.Err(); err != nil {
			f.end(err)
		} else if !f.until.IsZero() && time.Now().After(f.until) {
			f.end(ended{errRouteTimeout})
		}
	}
	return f.cause
}

// Done returns a channel that is closed at the end. The first call starts the
// clock.
func (f *flow) Done() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.done != nil {
		return f.done
	}
	f.done = make(chan struct{})
	if f.cause != nil {
		close(f.done)
		return f.done
	}
	f.leave = context.AfterFunc(f.parent, func() { f.cancel(f.parent.Err()) })
	if !f.until.IsZero() {
		f.timer = time.AfterFunc(time.Until(f.until), func() { f.cancel(ended{errRouteTimeout}) })
	}
	return f.done
}

// cancel ends the flow with a cause; only the first one counts.
func (f *flow) cancel(cause error) {
	var own *gatehouse.Error
	if errors.As(cause, &own) {
		cause = ended{cause}
	}
	f.mu.Lock()
	f.end(cause)
	f.mu.Unlock()
}

// over ends the flow because its work is done.
func (f *flow) over() {
	f.mu.Lock()
	f.end(context.Canceled)
	f.mu.Unlock()
}

// end is called with the lock held.
func (f *flow) end(cause error) {
	if f.cause != nil {
		return
	}
	f.cause = cause
	if f.done != nil {
		close(f.done)
	}
	if f.timer != nil {
		f.timer.Stop()
	}
	if f.leave != nil {
		f.leave()
	}
}

// lift takes the time limit off: the answer turned out to have no end.
func (f *flow) lift() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.until = time.Time{}
	if f.timer != nil {
		f.timer.Stop()
	}
}
