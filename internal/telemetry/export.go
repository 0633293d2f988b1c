package telemetry

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// Bounds of the queue of finished spans.
const (
	queuedSpans = 4096
	batchSpans  = 512
	batchEvery  = time.Second
	nagEvery    = time.Minute // how often a collector that fails is logged
	sendBudget  = 30 * time.Second
)

// A spanQueue is an SDK span processor that never blocks and counts what it
// drops; the SDK's own batcher does not say.
type spanQueue struct {
	exporter sdktrace.SpanExporter
	log      *slog.Logger
	spans    chan sdktrace.ReadOnlySpan
	flush    chan chan struct{}
	dropped  atomic.Int64

	once     sync.Once
	ctx      context.Context // ends every export under way
	cancel   context.CancelFunc
	stopping chan struct{}
	done     chan struct{}
	nag      time.Time
}

func newSpanQueue(exporter sdktrace.SpanExporter, log *slog.Logger) *spanQueue {
	q := &spanQueue{exporter: exporter, log: log, spans: make(chan sdktrace.ReadOnlySpan, queuedSpans),
		flush: make(chan chan struct{}), stopping: make(chan struct{}), done: make(chan struct{})}
	q.ctx, q.cancel = context.WithCancel(context.Background())
	go q.run()
	return q
}

// OnStart implements sdktrace.SpanProcessor.
func (q *spanQueue) OnStart(context.Context, sdktrace.ReadWriteSpan) {}

// OnEnd queues a span, or drops it.
func (q *spanQueue) OnEnd(s sdktrace.ReadOnlySpan) {
	select {
	case q.spans <- s:
	default:
		q.dropped.Add(1)
	}
}

func (q *spanQueue) run() {
	defer close(q.done)
	ticker := time.NewTicker(batchEvery)
	defer ticker.Stop()
	batch := make([]sdktrace.ReadOnlySpan, 0, batchSpans)
	send := func() {
		if len(batch) > 0 {
			q.send(batch)
			clear(batch)
			batch = batch[:0]
		}
	}
	drain := func() {
		for {
			select {
			case s := <-q.spans:
				if batch = append(batch, s); len(batch) == batchSpans {
					send()
				}
			default:
				send()
				return
			}
		}
	}
	for {
		select {
		case s := <-q.spans:
			if batch = append(batch, s); len(batch) == batchSpans {
				send()
			}
		case <-ticker.C:
			send()
		case answer := <-q.flush:
			drain()
			close(answer)
		case <-q.stopping:
			drain()
			return
		}
	}
}

func (q *spanQueue) send(batch []sdktrace.ReadOnlySpan) {
	ctx, cancel := context.WithTimeout(q.ctx, sendBudget) // with the exporter's own retries
	defer cancel()
	if err := q.exporter.ExportSpans(ctx, batch); err != nil {
		q.dropped.Add(int64(len(batch)))
		if now := time.Now(); now.After(q.nag) {
			q.nag = now.Add(nagEvery)
			q.log.Warn("spans could not be sent", "error", err, "dropped", q.dropped.Load())
		}
	}
}

// ForceFlush sends what waits.
func (q *spanQueue) ForceFlush(ctx context.Context) error {
	answer := make(chan struct{})
	select {
	case q.flush <- answer:
	case <-q.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-answer:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Shutdown sends what waits, as far as ctx allows, and closes the exporter.
func (q *spanQueue) Shutdown(ctx context.Context) error {
	q.once.Do(func() { close(q.stopping) })
	var err error
	select {
	case <-q.done:
	case <-ctx.Done():
		err = ctx.Err()
		q.cancel()
		<-q.done
	}
	q.cancel()
	if e := q.exporter.Shutdown(context.WithoutCancel(ctx)); err == nil {
		err = e
	}
	return err
}
