package lab

import "sync"

// RunHeader marks every request of one attempt, so that what the services saw
// and did can be told apart.
const RunHeader = "X-Lab-Run"

// A Receipt is one request as a service received it.
type Receipt struct {
	Service string
	Method  string
	Path    string // as the service resolved it
	Host    string
	Subject string // whom the service took the caller for
}

// evidence keeps what the services saw and did, by run. It is bounded: the
// oldest run is forgotten first.
type evidence struct {
	mu    sync.Mutex
	runs  map[string]*trail
	order []string
}

type trail struct {
	count    int
	receipts []Receipt
	effects  map[string]int64
}

const (
	maxRuns     = 8192
	maxReceipts = 64
)

func (e *evidence) trail(run string) *trail {
	t := e.runs[run]
	if t == nil {
		if e.runs == nil {
			e.runs = map[string]*trail{}
		}
		if len(e.order) == maxRuns {
			delete(e.runs, e.order[0])
			e.order = e.order[1:]
		}
		t = &trail{effects: map[string]int64{}}
		e.runs[run] = t
		e.order = append(e.order, run)
	}
	return t
}

func (e *evidence) receive(run string, r Receipt) {
	if run == "" {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	t := e.trail(run)
	t.count++
	if len(t.receipts) < maxReceipts {
		t.receipts = append(t.receipts, r)
	}
}

// effect adds n to what run brought about under name.
func (e *evidence) effect(run, name string, n int64) {
	if run == "" {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.trail(run).effects[name] += n
}

// Received returns how many requests of run the services received.
func (s *Shop) Received(run string) int {
	s.evidence.mu.Lock()
	defer s.evidence.mu.Unlock()
	if t := s.evidence.runs[run]; t != nil {
		return t.count
	}
	return 0
}

// Receipts returns the first of the requests of run the services received.
func (s *Shop) Receipts(run string) []Receipt {
	s.evidence.mu.Lock()
	defer s.evidence.mu.Unlock()
	if t := s.evidence.runs[run]; t != nil {
		return append([]Receipt(nil), t.receipts...)
	}
	return nil
}

// Effect returns how often, or how much, run brought about the named effect.
func (s *Shop) Effect(run, name string) int64 {
	s.evidence.mu.Lock()
	defer s.evidence.mu.Unlock()
	if t := s.evidence.runs[run]; t != nil {
		return t.effects[name]
	}
	return 0
}

func (e *evidence) forget(run string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.runs, run)
	for i, r := range e.order {
		if r == run {
			e.order = append(e.order[:i], e.order[i+1:]...)
			break
		}
	}
}
