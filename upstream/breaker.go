package upstream

import (
	"sync"
	"sync/atomic"
	"time"
)

// epoch is the origin of monotonic instants, which are durations since.
var epoch = time.Now()

func monotonic() time.Duration { return time.Since(epoch) }

const (
	breakerClosed   int32 = iota
	breakerOpen           // nobody gets through until the time is up
	breakerHalfOpen       // one request is trying
)

var breakerNames = [...]string{"closed", "open", "half-open"}

const breakerBuckets = 10

// A breaker is a circuit breaker over a rolling window. Opening it needs both a
// number of failures and half of all requests to fail, so that a client who can
// provoke failures on one path cannot cut everybody off.
type breaker struct {
	state atomic.Int32 // written under mu

	mu      sync.Mutex
	until   time.Duration // when an open breaker lets one try
	width   time.Duration // of one bucket
	head    int64         // number of the newest bucket
	buckets [breakerBuckets]struct{ ok, failed uint32 }
}

// ready reports whether acquire is likely to let a request through.
func (b *breaker) ready(now time.Duration) bool {
	switch b.state.Load() {
	case breakerClosed:
		return true
	case breakerHalfOpen:
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state.Load() == breakerOpen && now >= b.until
}

// acquire asks for permission to send; probe says that the outcome decides about
// the breaker and must be told by settle.
func (b *breaker) acquire(now time.Duration) (ok, probe bool) {
	if b.state.Load() == breakerClosed {
		return true, false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch b.state.Load() {
	case breakerClosed:
		return true, false
	case breakerOpen:
		if now >= b.until {
			b.state.Store(breakerHalfOpen)
			return true, true
		}
	}
	return false, false
}

// settle counts an outcome.
func (b *breaker) settle(now time.Duration, o outcome, probe bool, c *Breaker) {
	if c.Failures == never {
		if probe { // the setting changed in between
			b.state.Store(breakerClosed)
		}
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if probe {
		switch o {
		case succeeded:
			b.clear()
			b.state.Store(breakerClosed)
		case failed:
			b.open(now, c)
		default: // it told nothing: the next one may try
			b.until = now
			b.state.Store(breakerOpen)
		}
		return
	}
	if o == unknown || b.state.Load() != breakerClosed {
		return
	}
	cur := b.turn(now, c.Window/breakerBuckets)
	if o == succeeded {
		cur.ok++
		return
	}
	cur.failed++
	var good, bad uint32
	for i := range b.buckets {
		good += b.buckets[i].ok
		bad += b.buckets[i].failed
	}
	if bad >= uint32(c.Failures) && bad >= good {
		b.open(now, c)
	}
}

func (b *breaker) open(now time.Duration, c *Breaker) {
	b.clear()
	b.until = now + c.Open
	b.state.Store(breakerOpen)
}

func (b *breaker) clear() { clear(b.buckets[:]) }

// turn empties the buckets that have grown old and returns the current one.
func (b *breaker) turn(now, width time.Duration) *struct{ ok, failed uint32 } {
	if width != b.width {
		b.width, b.head = width, int64(now/width)
		b.clear()
	}
	n := int64(now / width)
	if n > b.head {
		for k := max(b.head+1, n-breakerBuckets+1); k <= n; k++ {
			b.buckets[k%breakerBuckets] = struct{ ok, failed uint32 }{}
		}
		b.head = n
	}
	return &b.buckets[n%breakerBuckets]
}
