package http1

import (
	"runtime"
	"sync/atomic"
)

// single says that all goroutines share one processor. It is looked at again by
// every janitor, since the limit of a container may change.
var single atomic.Bool

func countProcessors() { single.Store(runtime.GOMAXPROCS(0) == 1) }

// yield lets the goroutines that are ready go first, before a system call that
// wakes somebody or may come too early. So their writes follow one another: the
// first one wakes the service or the client beside us, and the others find it
// awake. Waking it is the dearer half of a write. Likewise the next request has
// often arrived by the time it is asked for.
//
// With several processors goroutines that yield would wander between them and
// wake those that rest, so they do not.
func yield() {
	if single.Load() {
		runtime.Gosched()
	}
}
