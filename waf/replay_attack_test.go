package waf

import (
	"context"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// Who queues many requests at once pays for each before the next begins, and pays for
// the dearest in full.
func TestBudgetOfQueuedRequests(t *testing.T) {
	cfg := ReplayConfig{Workers: 1, Wait: 5 * time.Second, Budget: time.Millisecond, Burst: 10 * time.Millisecond}.WithDefaults()
	r := newReplays(cfg, nil)
	by := Caller{Addr: netip.MustParseAddr("192.0.2.7")}
	var ran, refused int
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			err := r.run(context.Background(), by, func() error {
				for used := processorUsed(); processorUsed()-used < 30*time.Millisecond; {
				}
				return nil
			})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				ran++
			} else if err == error(errBudget) {
				refused++
			}
		})
	}
	all.Wait()
	if ran != 1 || refused != 19 {
		t.Errorf("%d ran, %d were refused", ran, refused)
	}
	r.budgets.charge(cfg, by, time.Hour)
	if again := r.budgets.until(cfg, by); again < 900*time.Hour {
		t.Errorf("an hour is paid off after %v", again)
	}
	if len(r.slots) != 0 || r.waiting.Load() != 0 {
		t.Errorf("%d slots taken, %d waiting", len(r.slots), r.waiting.Load())
	}
}
