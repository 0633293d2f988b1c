package waf

import (
	"container/list"
	"context"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse/gatehouse"
)

// A Caller is who pays for what a request costs.
type Caller struct {
	// Name is the caller's own, "" for a stranger.
	Name string
	Addr netip.Addr
}

// replays run requests through all rules: few at once, and each caller and each
// address only so long.
type replays struct {
	cfg     ReplayConfig
	budgets *Budgets
	slots   chan struct{}
	waiting atomic.Int64
	refused atomic.Int64
	spare   spare
	threads threads
}

func newReplays(cfg ReplayConfig, b *Budgets) *replays {
	if b == nil {
		b = NewBudgets()
	}
	b.resize(cfg.Callers)
	return &replays{cfg: cfg, budgets: b, slots: make(chan struct{}, cfg.Workers)}
}

func refuse(code string, status int, message, hint string) *gatehouse.Error {
	return &gatehouse.Error{Code: code, Status: status, Message: message, Hint: hint}
}

var (
	errCostly = refuse(CodeCostly, 413, "a request of this size is not sent through all rules", "waf.replay.bytes is the limit; a rule matched, or could not be proven not to: gatehouse waf tune finds those that need an exclusion")
	errBudget = refuse("waf.budget", 429, "the caller's requests cost more to inspect than its budget allows", "waf.replay.budget is the time per second; gatehouse waf tune finds rules that need an exclusion")
	errBusy   = refuse("waf.busy", 503, "too many requests have to go through all rules", "waf.replay.workers, queue and wait bound them")
)

// run calls f where there is room and budget, else it returns an error without
// calling it: nothing is ever let by unjudged.
func (r *replays) run(ctx context.Context, by Caller, f func() error) error {
	if !r.budgets.affords(r.cfg, by) {
		r.refused.Add(1)
		return errBudget
	}
	return r.queue(ctx, by, func() bool { return r.budgets.affords(r.cfg, by) }, f)
}

// finish is run for the answer to a request that was let in: the service has done its
// work, so the caller pays for it, and is not refused what it is for.
func (r *replays) finish(ctx context.Context, by Caller, f func() error) error {
	return r.queue(ctx, by, func() bool { return true }, f)
}

func (r *replays) queue(ctx context.Context, by Caller, affords func() bool, f func() error) error {
	if r.waiting.Add(1) > int64(r.cfg.Queue+r.cfg.Workers) {
		r.waiting.Add(-1)
		r.refused.Add(1)
		return errBusy
	}
	defer r.waiting.Add(-1)
	select {
	case r.slots <- struct{}{}:
	default:
		if err := r.wait(ctx); err != nil {
			r.refused.Add(1)
			return err
		}
		if !affords() { // used up by its own, meanwhile
			<-r.slots
			r.refused.Add(1)
			return errBudget
		}
	}
	r.spare.begin()
	cost, err := r.threads.do(r.cfg.Workers, f)
	r.spare.end()
	r.budgets.charge(r.cfg, by, cost)
	<-r.slots
	return err
}

func (r *replays) wait(ctx context.Context) error {
	timer := time.NewTimer(r.cfg.Wait)
	defer timer.Stop()
	select {
	case r.slots <- struct{}{}:
		return nil
	case <-timer.C:
		return errBusy
	case <-ctx.Done():
		return engineError(ctx.Err())
	}
}

// Budgets are what callers have used up. They outlive a reload of the rules.
type Budgets struct {
	mu    sync.Mutex
	max   int
	known map[Caller]*list.Element
	order *list.List // of *account, the one used last in front
}

// An account holds what is left of a budget.
type account struct {
	of   Caller
	left time.Duration // at the time of at; below zero it is owed
	at   time.Time
}

// NewBudgets makes empty Budgets.
func NewBudgets() *Budgets {
	return &Budgets{known: map[Caller]*list.Element{}, order: list.New(), max: 1}
}

func (b *Budgets) resize(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.max = 2 * n // a caller and its address
	b.trim()
}

func (b *Budgets) trim() {
	for b.order.Len() > b.max {
		last := b.order.Back()
		delete(b.known, last.Value.(*account).of)
		b.order.Remove(last)
	}
}

// accounts are the two that pay: the caller's own, and that of its address (of an
// IPv6 address its /64, which is what one customer has).
func accounts(by Caller) []Caller {
	a := by.Addr.Unmap()
	if a.Is6() {
		if p, err := a.WithZone("").Prefix(64); err == nil {
			a = p.Addr()
		}
	}
	if by.Name == "" {
		return []Caller{{Addr: a}}
	}
	return []Caller{{Addr: a}, {Name: by.Name}}
}

// affords reports whether none of the accounts is overdrawn.
func (b *Budgets) affords(cfg ReplayConfig, by Caller) bool {
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range accounts(by) {
		if e := b.known[c]; e != nil && e.Value.(*account).balance(cfg, now) <= 0 {
			return false
		}
	}
	return true
}

// charge takes what a request has cost from all accounts that pay for it.
func (b *Budgets) charge(cfg ReplayConfig, by Caller, cost time.Duration) {
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range accounts(by) {
		e := b.known[c]
		if e == nil {
			e = b.order.PushFront(&account{of: c, left: cfg.Burst, at: now})
			b.known[c] = e
			b.trim()
		} else {
			b.order.MoveToFront(e)
		}
		a := e.Value.(*account)
		// What is owed is bounded as well, so that nobody is shut out for long by what
		// was let in at once; but each single request is paid for in full.
		a.left, a.at = max(a.balance(cfg, now)-cost, min(-4*cfg.Burst, -cost)), now
	}
}

func (a *account) balance(cfg ReplayConfig, now time.Time) time.Duration {
	earned := time.Duration(float64(now.Sub(a.at)) * cfg.Budget.Seconds())
	return min(a.left+earned, cfg.Burst)
}
