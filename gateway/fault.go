package gateway

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/gatehouse/gatehouse"
)

// Fault injects trouble into a share of the requests, for testing what the
// callers make of it.
type Fault struct {
	DelayPercent float64
	Delay        time.Duration
	AbortPercent float64
	AbortStatus  int
}

// inject delays, and returns a denial where the request is to fail.
func (f *Fault) inject(ctx context.Context) *denial {
	if f.Delay > 0 && rand.Float64()*100 < f.DelayPercent {
		t := time.NewTimer(f.Delay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
		}
	}
	if rand.Float64()*100 < f.AbortPercent {
		return &denial{status: f.AbortStatus, by: "fault", result: gatehouse.Local,
			reason: gatehouse.Reason{Code: "fault.abort", Message: "an injected fault"}}
	}
	return nil
}
