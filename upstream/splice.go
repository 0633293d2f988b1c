package upstream

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

const copySize = 32 << 10

var copyBuffers = sync.Pool{New: func() any { return new([copySize]byte) }}

// splice carries bytes both ways until both sides have ended, one of them breaks,
// nothing has passed for idle, or ctx ends. An end is passed on as a half-close
// where the other side knows it, so that what is still under way arrives. Both
// are closed when it returns.
func splice(ctx context.Context, client, server io.ReadWriteCloser, idle time.Duration) error {
	var once sync.Once
	shut := func() {
		once.Do(func() {
			client.Close()
			server.Close()
		})
	}
	defer shut()
	defer context.AfterFunc(ctx, shut)()

	w := newWatchdog(closerFunc(shut), idle)
	defer w.stop()

	ended := make(chan struct{})
	go func() {
		defer close(ended)
		copyHalf(server, client, w, shut)
	}()
	copyHalf(client, server, w, shut)
	<-ended
	if ctx.Err() != nil {
		return ctxError(ctx)
	}
	return nil
}

// copyHalf carries one direction.
func copyHalf(dst io.Writer, src io.Reader, w *watchdog, shut func()) {
	buf := copyBuffers.Get().(*[copySize]byte)
	defer copyBuffers.Put(buf)
	for {
		n, err := src.Read(buf[:])
		if n > 0 {
			w.pat()
			if _, werr := dst.Write(buf[:n]); werr != nil {
				shut()
				return
			}
			w.pat()
		}
		if err == io.EOF {
			if h, ok := dst.(interface{ CloseWrite() error }); !ok || h.CloseWrite() != nil {
				shut()
			}
			return
		}
		if err != nil {
			shut()
			return
		}
	}
}

type closerFunc func()

func (f closerFunc) Close() error { f(); return nil }

// A watchdog closes something when it has not been patted for some time.
type watchdog struct {
	limit time.Duration
	due   atomic.Int64 // monotonic
	timer *time.Timer

	mu   sync.Mutex
	bite io.Closer // nil once stopped
}

var watchdogs = sync.Pool{New: func() any {
	w := &watchdog{}
	w.timer = time.AfterFunc(time.Hour, w.look)
	w.timer.Stop()
	return w
}}

func newWatchdog(bite io.Closer, limit time.Duration) *watchdog {
	w := watchdogs.Get().(*watchdog)
	w.mu.Lock()
	w.bite, w.limit = bite, limit
	w.pat()
	w.timer.Reset(limit)
	w.mu.Unlock()
	return w
}

// pat says that something happened.
func (w *watchdog) pat() { w.due.Store(int64(monotonic() + w.limit)) }

// rest says that nothing is expected until the next pat.
func (w *watchdog) rest() { w.due.Store(1<<63 - 1) }

// look runs when the timer fires, which may be late and for an earlier use.
func (w *watchdog) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.bite == nil {
		return
	}
	left := time.Duration(w.due.Load()) - monotonic()
	if left > 0 {
		w.timer.Reset(min(left, w.limit))
		return
	}
	bite := w.bite
	w.bite = nil
	go bite.Close() // it may wait for whoever calls stop
}

// stop ends the watch and reports whether it had bitten.
func (w *watchdog) stop() (bitten bool) {
	w.mu.Lock()
	bitten = w.bite == nil
	w.bite = nil
	w.timer.Stop()
	w.mu.Unlock()
	watchdogs.Put(w)
	return bitten
}
