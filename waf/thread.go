package waf

import (
	"fmt"
	"runtime"
	"sync"
	"time"
)

// threads run requests through all rules on threads of their own: their clocks tell
// what each costs, and the operating system lets everybody else go first.
type threads struct {
	start, stop sync.Once
	jobs        chan *job
	quit        chan struct{}
}

type job struct {
	f    func() error
	err  error
	cost time.Duration
	done chan struct{}
}

// do runs f and tells what processor time it took. The threads, n of them, are
// started with the first; the caller sees to it that no more than n jobs run.
func (t *threads) do(n int, f func() error) (time.Duration, error) {
	t.start.Do(func() {
		t.jobs, t.quit = make(chan *job), make(chan struct{})
		for range n {
			go t.work()
		}
	})
	j := &job{f: f, done: make(chan struct{})}
	select {
	case t.jobs <- j:
		<-j.done
	case <-t.quit: // the rules are closed, and this exchange outlives them
		j.run()
	}
	return j.cost, j.err
}

func (t *threads) work() {
	runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
	stepBack()
	for {
		select {
		case j := <-t.jobs:
			j.run()
		case <-t.quit:
			return
		}
	}
}

func (j *job) run() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	start := processorUsed()
	defer func() {
		if p := recover(); p != nil {
			j.err = engineError(fmt.Errorf("panic: %v", p))
		}
		j.cost = processorUsed() - start
		close(j.done)
	}()
	j.err = j.f()
}

// close ends the threads.
func (t *threads) close() {
	t.start.Do(func() { t.quit = make(chan struct{}) }) // none was ever needed
	t.stop.Do(func() { close(t.quit) })
}
