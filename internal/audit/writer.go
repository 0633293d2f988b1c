package audit

import (
	"bytes"
	"errors"
	"os"
	"time"
)

// A writer moves the queue of a Log into its file: the only goroutine that
// touches the file, but for fsync.
type writer struct {
	l   *Log
	out output

	batch []byte // what is being written, whole lines
	off   int    // the next byte of it to write
	line  int    // where the line begins that holds off

	spare   []byte
	dirty   bool       // something was written since the last fsync
	syncing chan error // the fsync under way, or nil
	nag     time.Time  // when a failure is logged again
}

func (w *writer) run() {
	defer close(w.l.done)
	tend := time.NewTicker(tendEvery)
	defer tend.Stop()
	pause := time.NewTimer(time.Hour)
	defer pause.Stop()
	for {
		wake, retry := w.l.wake, (<-chan time.Time)(nil)
		if w.stuck() {
			pause.Reset(retryEvery)
			wake, retry = nil, pause.C
		}
		select {
		case <-wake:
			w.gather(pause)
		case <-retry:
			w.adopt()
		case <-tend.C:
			w.tend()
		case err := <-w.syncing:
			w.synced(err)
			continue
		case answer := <-w.l.reopen:
			if err := w.reopen(); err != nil {
				w.fail(err)
				answer <- unwritable(err)
			} else {
				answer <- nil
			}
		case <-w.l.closing:
			w.finish()
			return
		}
		w.flush()
	}
}

// stuck reports whether the last attempt to write failed.
func (w *writer) stuck() bool { return w.off < len(w.batch) || w.out.f == nil }

// gather waits a moment, so that many records share one write.
func (w *writer) gather(timer *time.Timer) {
	timer.Reset(w.l.linger)
	select {
	case <-timer.C:
	case <-w.l.wake: // enough has come together
	case <-w.l.closing:
	}
}

// flush writes what was left over and then the queue, and keeps the Log's state.
func (w *writer) flush() {
	for {
		if w.off == len(w.batch) {
			w.take()
			if len(w.batch) == 0 {
				break
			}
		}
		if err := w.write(); err != nil {
			w.fail(err)
			return
		}
	}
	if w.out.f != nil {
		w.recover()
	}
}

func (w *writer) take() {
	spare := w.batch[:0]
	if cap(spare) > keptBuffer {
		spare = nil
	}
	w.batch, w.off, w.line = w.l.take(w.spare), 0, 0
	w.spare = spare
}

// write writes the batch from off on, and turns to a new file where one is full.
func (w *writer) write() error {
	for w.off < len(w.batch) {
		if w.out.f == nil {
			if err := w.out.open(); err != nil {
				return err
			}
		}
		// Whole lines that the file has room for, and at least one.
		end := w.off + bytes.IndexByte(w.batch[w.off:], '\n') + 1
		if w.out.regular {
			if w.off == w.line && w.out.full(end-w.off) {
				w.rotate()
			}
			if room := w.off + int(min(w.out.room(), int64(len(w.batch)-w.off))); room > end {
				end = w.off + bytes.LastIndexByte(w.batch[w.off:room], '\n') + 1
			}
		} else {
			end = len(w.batch)
		}
		n, err := w.out.write(w.batch[w.off:end])
		lines := bytes.Count(w.batch[w.line:w.off+n], []byte{'\n'})
		w.l.stats.written.Add(int64(lines))
		w.off += n
		w.line = max(w.line, bytes.LastIndexByte(w.batch[:w.off], '\n')+1)
		w.dirty = w.dirty || n > 0
		if err != nil {
			if w.off > w.line && w.out.cut(w.off-w.line) {
				w.off = w.line
			}
			return err
		}
	}
	return nil
}

func (w *writer) rotate() {
	if err := w.out.rotate(); err != nil {
		// The file grows beyond its size, and that is all.
		w.l.stats.errors.Add(1)
		w.l.log.Error("decision log cannot be rotated", "file", w.out.path, "error", err.Error())
		return
	}
	w.l.stats.rotations.Add(1)
}

// tend does once a second what need not be done with every batch: it syncs the
// file, and follows its path where somebody moved or removed it.
func (w *writer) tend() {
	w.adopt()
	if w.dirty && w.out.regular && w.syncing == nil && w.out.f != nil {
		f, done := w.out.f, make(chan error, 1)
		w.dirty, w.syncing = false, done
		go func() { done <- f.Sync() }() // a slow disk stops no batch
	}
}

// adopt turns to the file that now stands at the path, if it is another. A Log that
// is being closed stays with the file it has: who asked for the end may have taken
// the folder away since.
func (w *writer) adopt() {
	if w.out.ours() || w.out.f != nil && w.l.ending() {
		return
	}
	if w.out.f != nil {
		w.l.log.Warn("decision log was moved or removed, opening it anew", "file", w.out.path)
	}
	if err := w.reopen(); err != nil {
		w.fail(err)
	}
}

func (w *writer) reopen() error {
	if err := w.out.close(); err != nil {
		w.l.stats.errors.Add(1)
		w.l.log.Error("decision log cannot be synced", "file", w.out.path, "error", err.Error())
	}
	w.off = w.line // a line begun in the old file is written whole in the new one
	return w.out.open()
}

func (w *writer) synced(err error) {
	w.syncing = nil
	// A file that was closed before its turn came was synced by whoever closed it.
	if err != nil && !errors.Is(err, os.ErrClosed) {
		w.fail(err)
	}
}

// fail makes the Log say that it cannot write, and says so loudly.
func (w *writer) fail(err error) {
	w.l.stats.errors.Add(1)
	was := w.l.failing.Swap(unwritable(err))
	if now := time.Now(); was == nil || now.After(w.nag) {
		w.nag = now.Add(nagEvery)
		w.l.log.Error("decision log cannot be written", "file", w.out.path, "error", err.Error(),
			"on_error", w.l.cfg.OnError, "lost", w.l.stats.lost.Load())
	}
}

func (w *writer) recover() {
	if w.l.failing.Load() != nil && w.l.failing.Swap(nil) != nil {
		w.l.log.Warn("decision log is written again", "file", w.out.path, "lost", w.l.stats.lost.Load())
	}
}

// finish writes what waits, with one last attempt, and counts what it cannot.
func (w *writer) finish() {
	if w.stuck() {
		w.adopt()
	}
	w.flush()
	if w.off < len(w.batch) {
		w.l.mu.Lock()
		left := bytes.Count(w.batch[w.line:], []byte{'\n'}) + bytes.Count(w.l.queue, []byte{'\n'})
		w.l.queue = nil
		w.l.mu.Unlock()
		w.l.stats.lost.Add(int64(left))
	}
	if w.syncing != nil {
		w.synced(<-w.syncing)
	}
	if err := w.out.close(); err != nil {
		w.fail(err)
	}
}
