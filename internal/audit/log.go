package audit

import (
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse/gatehouse"
)

// Times and sizes of the queue between Append and the file.
const (
	Linger     = 10 * time.Millisecond  // how long a record waits for company
	Patience   = 250 * time.Millisecond // how long Append waits for room where on_error is stop
	QueueBytes = 8 << 20                // what waits at most; twice that while a batch is being written
)

const (
	retryEvery = 500 * time.Millisecond // how often a file that failed is tried again
	tendEvery  = time.Second            // fsync, and a look whether the file is still ours
	nagEvery   = time.Minute            // how often a lasting failure is logged again
	closeWait  = 5 * time.Second        // how long Close waits for the writer
	batchBytes = 256 << 10              // a batch of this size does not wait for company
	keptBuffer = 4 << 20                // greater buffers are not kept
)

// A Log is the decision log. It implements [gatehouse.Recorder] and is safe for
// concurrent use.
type Log struct {
	cfg    Config
	masker *Masker
	log    *slog.Logger
	plans  plans

	// Bounds, fixed by open; tests make them small.
	queueBytes       int
	patience, linger time.Duration

	mu      sync.Mutex
	queue   []byte        // whole lines that the writer has not taken yet
	gap     gap           // what found no room behind them
	drained chan struct{} // closed when the writer takes the queue; nil where nobody waits
	closed  bool

	wake    chan struct{}
	reopen  chan chan error
	closing chan struct{}
	done    chan struct{}
	once    sync.Once

	failing atomic.Pointer[gatehouse.Error]
	stats   counters
}

// A gap is a number of decisions that were lost.
type gap struct {
	lost  int64
	since time.Time // start of the first exchange that was lost
}

type counters struct {
	written, lost, errors, rotations atomic.Int64
}

// Stats are counts since Open.
type Stats struct {
	Written   int64 `json:"written"` // records given to the operating system
	Lost      int64 `json:"lost"`    // records for which there was no room, or no file at the end
	Errors    int64 `json:"errors"`  // failed attempts to write
	Rotations int64 `json:"rotations"`
	Queued    int   `json:"queued"` // bytes that wait
	Failing   bool  `json:"failing"`
}

// Open opens or creates the log and starts its writer. It fails where the file
// cannot be opened now, whatever on_error says. Two Logs may share a file for the
// time of a reload.
func Open(cfg Config, log *slog.Logger) (*Log, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return open(cfg, log, QueueBytes, Patience, Linger)
}

func open(cfg Config, log *slog.Logger, queueBytes int, patience, linger time.Duration) (*Log, error) {
	l := &Log{cfg: cfg, masker: NewMasker(cfg.Mask), log: log,
		queueBytes: queueBytes, patience: patience, linger: linger,
		wake: make(chan struct{}, 1), reopen: make(chan chan error),
		closing: make(chan struct{}), done: make(chan struct{})}
	w := &writer{l: l, out: output{path: cfg.File, max: int64(cfg.MaxSize), keep: cfg.Keep}}
	if err := w.out.open(); err != nil {
		return nil, unwritable(err)
	}
	if w.out.torn {
		log.Warn("decision log ended in a torn line", "file", cfg.File)
	}
	w.out.prune()
	go w.run()
	return l, nil
}

func unwritable(err error) *gatehouse.Error {
	return &gatehouse.Error{Code: "audit.unwritable", Message: "the decision log cannot be written", Status: 503,
		Hint: "check the disk's free space and who owns the file and its folder", Err: err}
}

var (
	errBehind = &gatehouse.Error{Code: "audit.behind", Message: "the decision log cannot keep up", Status: 503,
		Hint: "the queue is full: the disk is slow or hangs"}
	errClosed = &gatehouse.Error{Code: "audit.closed", Message: "the decision log is closed", Status: 503}
)

// Append records x. See the package documentation for what a nil error promises.
// It allocates nothing for a Principal and an Operation it has seen before.
func (l *Log) Append(x *gatehouse.Exchange) error {
	e := encoders.Get().(*encoder)
	e.masker = l.masker
	e.encode(x, l.plans.get(x, l.masker))
	err := l.put(e.buf, x.Start)
	if cap(e.buf) <= 64<<10 {
		encoders.Put(e)
	}
	if err != nil {
		return err
	}
	return nil
}

// put queues a line, or loses it.
func (l *Log) put(line []byte, start time.Time) *gatehouse.Error {
	l.mu.Lock()
	room := len(l.queue)+len(line) <= l.queueBytes || l.waitForRoom(len(line))
	if l.closed {
		l.mu.Unlock()
		l.stats.lost.Add(1)
		return errClosed
	}
	if !room {
		if l.gap.lost == 0 {
			l.gap.since = start
		}
		l.gap.lost++
		l.mu.Unlock()
		l.stats.lost.Add(1)
		return l.refuse()
	}
	before := len(l.queue)
	l.queue = append(l.queue, line...)
	signal := before == 0 || before < batchBytes && len(l.queue) >= batchBytes
	l.mu.Unlock()
	if signal {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
	return nil
}

// waitForRoom waits for the writer to take the queue, where on_error says so and
// the writer is merely slow. It is called and returns with l.mu locked.
func (l *Log) waitForRoom(n int) bool {
	if l.cfg.OnError != Stop || l.failing.Load() != nil {
		return false
	}
	timer := time.NewTimer(l.patience)
	defer timer.Stop()
	for len(l.queue)+n > l.queueBytes && !l.closed {
		if l.drained == nil {
			l.drained = make(chan struct{})
		}
		drained := l.drained
		l.mu.Unlock()
		late := false
		select {
		case <-drained:
		case <-timer.C:
			late = true
		}
		l.mu.Lock()
		if late {
			break
		}
	}
	return len(l.queue)+n <= l.queueBytes
}

// refuse returns why a line was lost. Where nothing is known to be wrong, the
// writer is behind: from now on Ready says so.
func (l *Log) refuse() *gatehouse.Error {
	if err := l.failing.Load(); err != nil {
		return err
	}
	if l.failing.CompareAndSwap(nil, errBehind) {
		l.log.Error("decision log cannot keep up", "file", l.cfg.File, "on_error", l.cfg.OnError)
	}
	return errBehind
}

// Ready returns why requests must be refused now with 503: the file cannot be
// written, and on_error is stop. Where it is continue, Ready returns nil.
func (l *Log) Ready() error {
	if l.cfg.OnError == Continue {
		return nil
	}
	return l.Err()
}

// Err returns why the file cannot be written now, or nil: for health checks.
func (l *Log) Err() error {
	if err := l.failing.Load(); err != nil {
		return err
	}
	return nil
}

// Stats returns the counts.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	queued := len(l.queue)
	l.mu.Unlock()
	return Stats{Written: l.stats.written.Load(), Lost: l.stats.lost.Load(), Errors: l.stats.errors.Load(),
		Rotations: l.stats.rotations.Load(), Queued: queued, Failing: l.failing.Load() != nil}
}

// Reopen closes and opens the file anew: for a tool that has moved it away.
func (l *Log) Reopen() error {
	answer := make(chan error, 1)
	timer := time.NewTimer(closeWait)
	defer timer.Stop()
	select {
	case l.reopen <- answer:
		return <-answer
	case <-l.done:
		return errClosed
	case <-timer.C:
		return errBehind
	}
}

// Close writes what waits, syncs the file and closes it. It returns an error
// that counts the records for which that failed. Append fails from now on.
func (l *Log) Close() error {
	l.once.Do(func() {
		l.mu.Lock()
		l.closed = true
		if l.drained != nil {
			close(l.drained)
			l.drained = nil
		}
		l.mu.Unlock()
		close(l.closing)
	})
	timer := time.NewTimer(closeWait)
	defer timer.Stop()
	select {
	case <-l.done:
	case <-timer.C:
		return errBehind
	}
	if err := l.failing.Load(); err != nil {
		return errors.Join(fmt.Errorf("decisions lost: %d", l.stats.lost.Load()), err)
	}
	return nil
}

// ending reports whether Close was called.
func (l *Log) ending() bool {
	select {
	case <-l.closing:
		return true
	default:
		return false
	}
}

// take swaps the queue for spare, an empty buffer, and returns it with the record
// of the gap behind it.
func (l *Log) take(spare []byte) []byte {
	l.mu.Lock()
	batch, g := l.queue, l.gap
	l.queue, l.gap = spare, gap{}
	if l.drained != nil {
		close(l.drained)
		l.drained = nil
	}
	l.mu.Unlock()
	if g.lost == 0 {
		return batch
	}
	reason := errBehind
	if err := l.failing.Load(); err != nil {
		reason = err
	}
	batch = time.Now().UTC().AppendFormat(append(batch, `{"time":"`...), time.RFC3339Nano)
	batch = strconv.AppendInt(append(batch, `","gap":{"lost":`...), g.lost, 10)
	batch = g.since.UTC().AppendFormat(append(batch, `,"since":"`...), time.RFC3339Nano)
	batch = appendString(append(batch, `","reason":`...), reason.Error(), textLimit)
	return append(batch, '}', '}', '\n')
}
