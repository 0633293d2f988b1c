package server

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
	"time"
)

// A gateway's live heap is small, a few megabytes, and what requests leave behind is
// next to nothing each. Go's collector, left to itself, would run after every four
// megabytes of it, dozens of times a second under load. So the heap may grow by
// gcRoom at the least between two collections. Where the live heap is larger than
// that, and where GOGC or GOMEMLIMIT is set, everything is as Go has it.
const (
	gcRoom = 32 << 20
	// While requests go through all rules of the WAF, each leaves megabytes behind, and
	// collecting them all the time is what everybody else would wait for.
	gcReplayRoom = 320 << 20
	gcEvery      = time.Second // a look whether the live heap has changed
	gcUsual      = 100         // Go's own percentage
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
	room := func() uint64 {
		if replaying.Load() {
			return gcReplayRoom
		}
		return gcRoom
	}
	defer func() { debug.SetGCPercent(gcUsual) }()
	for {
		metrics.Read(live)
		if want := gcPercent(live[0].Value.Uint64(), room()); want < set*3/4 || want > set*4/3 {
			set = want
			debug.SetGCPercent(set) // it stops the world for a moment
		}
		select {
		case <-t.C:
		case <-replayingChanged:
		case <-ctx.Done():
			return
		}
	}
}

// replaying says that requests go through all rules of the WAF, and
// replayingChanged has an element after a change of it.
var (
	replaying        atomic.Bool
	replayingChanged = make(chan struct{}, 1)
)

func setReplaying(on bool) {
	replaying.Store(on)
	select {
	case replayingChanged <- struct{}{}:
	default: // one is there already
	}
}

// gcPercent is the percentage with which a heap of so many live bytes has so much room
// to grow. Go counts stacks too, so that it is a little more than that.
func gcPercent(live, room uint64) int {
	const least = 2 << 20 // before the first collection nothing is known to live
	return int(max(gcUsual, room*100/max(live, least)))
}
