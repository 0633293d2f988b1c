package server

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// A gateway's live heap is small, a few megabytes, and what requests leave behind is
// next to nothing each. Go's collector, left to itself, would run after every four
// megabytes of it, dozens of times a second under load. So the heap may grow by
// gcRoom at the least between two collections. Where the live heap is larger than
// that, and where GOGC or GOMEMLIMIT is set, everything is as Go has it.
const (
	gcRoom  = 32 << 20
	gcEvery = time.Second // a look whether the live heap has changed
	gcUsual = 100         // Go's own percentage
)

// SpareCollector adjusts the percentage of this process's garbage collector to its
// live heap until ctx ends.
func SpareCollector(ctx context.Context) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	t := time.NewTicker(gcEvery)
	defer t.Stop()
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	set := gcUsual
	defer func() { debug.SetGCPercent(gcUsual) }()
	for {
		metrics.Read(live)
		if want := gcPercent(live[0].Value.Uint64()); want < set*3/4 || want > set*4/3 {
			set = want
			debug.SetGCPercent(set) // it stops the world for a moment
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
	}
}

// gcPercent is the percentage with which a heap of so many live bytes has gcRoom to
// grow. Go counts stacks too, so that it is a little more than that.
func gcPercent(live uint64) int {
	const least = 2 << 20 // before the first collection nothing is known to live
	return int(max(gcUsual, gcRoom*100/max(live, least)))
}
