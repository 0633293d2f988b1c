package waf

import (
	"syscall"
	"time"
)

// niceness is how far the threads of replays stand back, of 19: they get a tenth of
// what another thread gets where both want a processor, and all of it where none does.
const niceness = 10

// stepBack lets other threads go before the calling one.
func stepBack() {
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, syscall.Gettid(), niceness) // or it is as others are
}

// processorUsed is the processor time that the calling thread has used up.
func processorUsed() time.Duration {
	const thread = 1 // RUSAGE_THREAD, getrusage(2)
	var u syscall.Rusage
	if syscall.Getrusage(thread, &u) != nil {
		return time.Duration(time.Now().UnixNano())
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
