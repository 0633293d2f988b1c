package server

import (
	"runtime"
	"sync"
)

// processors lends the rules of the WAF a processor of the scheduler's where there is
// but one: a request that goes through all rules would keep everybody else from the
// sockets for as long as that takes. The operating system shares the real one. The
// garbage collector gets room at the same time.
type processors struct {
	mu    sync.Mutex
	users int
	base  int
}

func (p *processors) spare(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if on {
		if p.users++; p.users == 1 {
			setReplaying(true)
			if p.base = runtime.GOMAXPROCS(0); p.base == 1 {
				runtime.GOMAXPROCS(2)
			}
		}
		return
	}
	if p.users--; p.users > 0 {
		return
	}
	setReplaying(false)
	if p.base == 1 {
		runtime.GOMAXPROCS(1)
	}
}
