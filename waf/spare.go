package waf

import (
	"sync"
	"time"
)

// spare tells the process when requests go through all rules, which may take a
// processor for a tenth of a second at a time, and when that has been over for a
// while.
type spare struct {
	tell func(on bool) // nil: nobody wants to know

	mu      sync.Mutex
	running int
	on      bool
	timer   *time.Timer
}

// spareFor is how long it stays on after the last replay.
const spareFor = time.Second

func (s *spare) begin() {
	if s.tell == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running++
	if !s.on {
		s.on = true
		s.tell(true)
	}
}

func (s *spare) end() {
	if s.tell == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running--; s.running > 0 {
		return
	}
	if s.timer == nil {
		s.timer = time.AfterFunc(spareFor, s.idle)
	} else {
		s.timer.Reset(spareFor)
	}
}

func (s *spare) idle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running == 0 && s.on {
		s.on = false
		s.tell(false)
	}
}
