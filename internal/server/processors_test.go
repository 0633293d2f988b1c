package server

import (
	"runtime"
	"testing"
)

// One processor becomes two while anybody needs it, and one again; more stay as they
// are.
func TestSpareProcessor(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for base, during := range map[int]int{1: 2, 2: 2, 3: 3} {
		runtime.GOMAXPROCS(base)
		p := new(processors)
		p.spare(true)
		p.spare(true)
		p.spare(false)
		if n := runtime.GOMAXPROCS(0); n != during {
			t.Errorf("%d of %d while one needs it, want %d", n, base, during)
		}
		p.spare(false)
		if n := runtime.GOMAXPROCS(0); n != base {
			t.Errorf("%d in the end, want %d", n, base)
		}
	}
}
