package upstream

import "sync/atomic"

// A budget keeps retries a share of requests: each request earns that share of a
// retry, each retry spends a whole one, and at most ten are saved up. So a dead
// upstream is not met with twice the load.
type budget struct {
	milli int64 // earned by one request, in thousandths of a retry
	saved atomic.Int64
}

const maxSaved = 10_000

func newBudget(share float64) *budget {
	b := &budget{milli: max(1, int64(share*1000))}
	b.saved.Store(maxSaved)
	return b
}

func (b *budget) earn() {
	if b.saved.Load() < maxSaved { // it may exceed the limit by what races: never mind
		b.saved.Add(b.milli)
	}
}

func (b *budget) spend() bool {
	if b.saved.Add(-1000) >= 0 {
		return true
	}
	b.saved.Add(1000)
	return false
}

// idempotent reports whether a method may be sent twice (RFC 9110, section
// 9.2.2). TRACE is left out: there is no reason to insist on it.
func idempotent(method string) bool {
	switch method {
	case "GET", "HEAD", "OPTIONS", "PUT", "DELETE":
		return true
	}
	return false
}
