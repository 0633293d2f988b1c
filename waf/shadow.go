package waf

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse/gatehouse"
)

// A Mismatch is a request that was proven harmless and was not: a defect of the
// screen. It holds nothing of the request.
type Mismatch struct {
	Rules  []int // that matched all the same
	Score  int
	Blocks bool
	Err    error // where the reference could not judge it
}

// shadow sends a share of the proven requests through all rules, off the path, one
// at a time.
type shadow struct {
	waf     *WAF
	share   float64 // 0 to 1
	report  func(Mismatch)
	queue   chan sampled
	done    chan struct{}
	once    *sync.Once
	checked *atomic.Int64
	wrong   *atomic.Int64
}

type sampled struct {
	guard *Guard
	m     *Message
}

// shadowBytes bounds the bodies of requests that are kept for a moment.
const shadowBytes = 256 << 10

// shadowRest is how many times as long as it worked the shadow rests.
const shadowRest = 15

func newShadow(w *WAF, percent float64, report func(Mismatch)) shadow {
	s := shadow{waf: w, share: percent / 100, report: report, once: new(sync.Once), checked: new(atomic.Int64), wrong: new(atomic.Int64)}
	if s.share > 0 {
		s.queue, s.done = make(chan sampled, 8), make(chan struct{})
		go s.run()
	}
	return s
}

// sample keeps a copy of the message where it is its turn and there is room.
func (s *shadow) sample(g *Guard, m *Message) {
	if s.share <= 0 || rand.Float64() >= s.share || len(m.Body) > shadowBytes || len(s.queue) == cap(s.queue) {
		return
	}
	select {
	case s.queue <- sampled{g, m.clone()}:
	default:
	}
}

func (s *shadow) run() {
	runtime.LockOSThread() // until the goroutine ends, and the thread with it
	stepBack()
	for {
		select {
		case <-s.done:
			return
		case in := <-s.queue:
			start := time.Now()
			s.waf.replays.spare.begin()
			s.check(in)
			s.waf.replays.spare.end()
			// The reference takes a thousand times what a proof does: whoever sends what
			// costs it most shall not keep a processor busy.
			select {
			case <-s.done:
				return
			case <-time.After(min(shadowRest*time.Since(start), time.Minute)):
			}
		}
	}
}

func (s *shadow) check(in sampled) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	res, err := s.waf.reference.judge(ctx, in.guard.profile, in.m)
	s.checked.Add(1)
	if err == nil && len(res.Rules) == 0 && res.Interruption == nil {
		return
	}
	s.wrong.Add(1)
	if s.report == nil {
		return
	}
	out := Mismatch{Score: res.Inbound, Blocks: res.Interruption != nil, Err: err}
	for i := range res.Rules {
		out.Rules = append(out.Rules, res.Rules[i].ID)
	}
	s.report(out)
}

func (s *shadow) close() {
	s.once.Do(func() {
		if s.done != nil {
			close(s.done)
		}
	})
}

// clone copies what outlives the exchange.
func (m *Message) clone() *Message {
	out := *m
	out.Header = append(gatehouse.Header(nil), m.Header...)
	out.Body = append([]byte(nil), m.Body...)
	return &out
}
