package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/failsafe-go/failsafe-go/adaptivelimiter"

	"github.com/gatehouse/gatehouse"
)

// ConcurrencyConfig bounds how many exchanges may be in flight to one upstream:
// upstreams[].concurrency.
type ConcurrencyConfig struct {
	// Adaptive lets the limit follow the time to the answer's head, between Min
	// and Max.
	Adaptive bool `yaml:"adaptive,omitempty" jsonschema_description:"follow the upstream's latency, between min and max"`
	Max      int  `yaml:"max,omitempty" jsonschema_description:"greatest number of calls in flight; default 1000 where adaptive, else none"`
	Min      int  `yaml:"min,omitempty" jsonschema_description:"the adaptive limit never falls below it; default max/50, at least 1"`
	Initial  int  `yaml:"initial,omitempty" jsonschema_description:"where the adaptive limit starts; default max/10, at least min"`
	// LowestTiersFirst lists tiers from the one that is shed first. "anonymous"
	// and "default" stand for callers without a credential and without a tier.
	LowestTiersFirst []string `yaml:"lowest_tiers_first,omitempty" jsonschema_description:"tiers that are shed before all others, the lowest first; also anonymous and default"`
}

// Limits reports whether there is anything to limit.
func (c ConcurrencyConfig) Limits() bool { return c.Adaptive || c.Max > 0 }

// WithDefaults returns c with its defaults filled in.
func (c ConcurrencyConfig) WithDefaults() ConcurrencyConfig {
	if !c.Adaptive {
		return c
	}
	if c.Max == 0 {
		c.Max = 1000
	}
	if c.Min == 0 {
		c.Min = max(1, c.Max/50)
	}
	if c.Initial == 0 {
		c.Initial = max(c.Min, c.Max/10)
	}
	return c
}

const maxConcurrency = 1_000_000

// Validate returns all mistakes; At.File is the path within the section.
func (c ConcurrencyConfig) Validate() error {
	var p problems
	if c.Max < 0 || c.Max > maxConcurrency {
		p.add("max", "range", "", "%d is not from 1 to %d", c.Max, maxConcurrency)
	}
	d := c.WithDefaults()
	if c.Min < 0 || c.Adaptive && d.Min > d.Max {
		p.add("min", "range", "", "%d is not from 1 to max, which is %d", c.Min, d.Max)
	}
	if c.Initial < 0 || c.Adaptive && (d.Initial < d.Min || d.Initial > d.Max) {
		p.add("initial", "range", "", "%d is not from min to max, which are %d and %d", c.Initial, d.Min, d.Max)
	}
	if !c.Adaptive && (c.Min != 0 || c.Initial != 0) {
		p.add("adaptive", "conflict", "set adaptive, or leave out min and initial", "min and initial belong to an adaptive limit")
	}
	if !c.Limits() && len(c.LowestTiersFirst) > 0 {
		p.add("lowest_tiers_first", "conflict", "set max or adaptive", "there is no limit to shed by")
	}
	seen := map[string]bool{}
	for i, tier := range c.LowestTiersFirst {
		if tier == "" || seen[tier] {
			p.add(fmt.Sprintf("lowest_tiers_first[%d]", i), "duplicate", "", "%q is empty or stands twice", tier)
		}
		seen[tier] = true
	}
	return errors.Join(p...)
}

// Concurrency is the control "limits.concurrency", the last one before forward.
// A call counts against Max until its exchange is over, and against the adaptive
// limit until the answer's head: how fast a client reads must not pass for the
// upstream's latency. Answers with an error of the server's teach nothing, since
// failing fast is not health.
//
// Of k tiers in LowestTiersFirst the i-th may use only (k+i)/2k of the limit
// (one tier: half of it), so that under load it is shed first and all others
// find room.
type Concurrency struct {
	upstream func(x *gatehouse.Exchange) string
	gates    map[string]*gate
	held     [64]permits
}

// NewConcurrency makes the control for upstreams by name. Limits that did not
// change go on with what they learned in prev, which may be nil.
func NewConcurrency(prev *Concurrency, upstreams map[string]ConcurrencyConfig, deps Deps) (*Concurrency, error) {
	c := &Concurrency{upstream: deps.Upstream, gates: make(map[string]*gate, len(upstreams))}
	if c.upstream == nil {
		c.upstream = (&Limiter{}).upstream
	}
	for i := range c.held {
		c.held[i].of = map[*gatehouse.Exchange]*Permit{}
	}
	for name, cfg := range upstreams {
		if err := cfg.Validate(); err != nil {
			return nil, err
		}
		if cfg = cfg.WithDefaults(); !cfg.Limits() {
			continue
		}
		if prev != nil && prev.gates[name] != nil && prev.gates[name].same(cfg) {
			c.gates[name] = prev.gates[name]
			continue
		}
		c.gates[name] = newGate(name, cfg)
	}
	return c, nil
}

// A gate is one upstream's limit.
type gate struct {
	name     string
	cfg      ConcurrencyConfig
	adaptive adaptivelimiter.AdaptiveLimiter[any] // nil where fixed
	open     atomic.Int64                         // exchanges until they are over
	waiting  atomic.Int64                         // exchanges until the answer's head
}

func newGate(name string, cfg ConcurrencyConfig) *gate {
	g := &gate{name: name, cfg: cfg}
	if cfg.Adaptive {
		g.adaptive = adaptivelimiter.NewBuilder[any]().
			WithLimits(uint(cfg.Min), uint(cfg.Max), uint(cfg.Initial)).
			Build()
	}
	return g
}

func (g *gate) same(cfg ConcurrencyConfig) bool {
	a, b := g.cfg, cfg
	tiers := slices.Equal(a.LowestTiersFirst, b.LowestTiersFirst)
	return tiers && a.Adaptive == b.Adaptive && a.Max == b.Max && a.Min == b.Min && a.Initial == b.Initial
}

// share is the part of limit that x's caller may use, at least one call.
func (g *gate) share(x *gatehouse.Exchange, limit int64) int64 {
	k := len(g.cfg.LowestTiersFirst)
	if k == 0 {
		return limit
	}
	tier := tierOf(x)
	switch {
	case x.Principal.IsAnonymous():
		tier = "anonymous"
	case tier == "":
		tier = "default"
	}
	i := slices.Index(g.cfg.LowestTiersFirst, tier)
	if i < 0 {
		return limit
	}
	return max(1, limit*int64(k+i)/int64(2*k))
}

// A Permit is a place among the calls in flight. Head and Done are safe to call
// more than once and on a nil Permit, but not at the same time.
type Permit struct {
	gate     *gate
	adaptive adaptivelimiter.Permit
	head     bool
	done     bool
}

// Acquire takes a place, or returns an *Error with status 503 at once: a queue
// would only add to the latency that is to be kept low. An upstream without a
// limit has nil Permits.
func (c *Concurrency) Acquire(x *gatehouse.Exchange, upstream string) (*Permit, error) {
	g := c.gates[upstream]
	if g == nil {
		return nil, nil
	}
	if !enter(&g.open, g.share(x, int64(g.cfg.Max))) {
		return nil, g.full()
	}
	p := &Permit{gate: g}
	if g.adaptive == nil {
		return p, nil
	}
	// The caller's share is checked by a count of our own first, since the limiter
	// knows no tiers.
	if enter(&g.waiting, g.share(x, int64(g.adaptive.Limit()))) {
		if permit, ok := g.adaptive.TryAcquirePermit(); ok {
			p.adaptive = permit
			return p, nil
		}
		g.waiting.Add(-1)
	}
	g.open.Add(-1)
	return nil, g.full()
}

// enter counts one more unless that would pass limit. It does not count first
// and take back: those turned away must not keep others out meanwhile.
func enter(n *atomic.Int64, limit int64) bool {
	for {
		have := n.Load()
		if have >= limit {
			return false
		}
		if n.CompareAndSwap(have, have+1) {
			return true
		}
	}
}

func (g *gate) full() error {
	return &gatehouse.Error{Code: "limit.concurrency", Status: http.StatusServiceUnavailable,
		Message: "too many calls in flight to upstream " + g.name}
}

// Head says that the answer's head has arrived; healthy, that it is no error of
// the server's, so that its latency counts.
func (p *Permit) Head(healthy bool) {
	if p == nil || p.head {
		return
	}
	p.head = true
	if p.adaptive == nil {
		return
	}
	if healthy {
		p.adaptive.Record()
	} else {
		p.adaptive.Drop()
	}
	p.gate.waiting.Add(-1)
}

// Done gives the place back.
func (p *Permit) Done() {
	if p == nil || p.done {
		return
	}
	p.Head(false)
	p.done = true
	p.gate.open.Add(-1)
}

// Load tells how an upstream's limit stands: its limit now, and how many calls
// are in flight. Both are 0 where there is no limit.
func (c *Concurrency) Load(upstream string) (limit, inFlight int) {
	g := c.gates[upstream]
	if g == nil {
		return 0, 0
	}
	limit = g.cfg.Max
	if g.adaptive != nil {
		limit = g.adaptive.Limit()
	}
	return limit, int(g.open.Load())
}

// permits are those of some exchanges: an Exchange has no place for them, and a
// control changes none.
type permits struct {
	mu sync.Mutex
	of map[*gatehouse.Exchange]*Permit
	_  [48]byte
}

func (c *Concurrency) permits(x *gatehouse.Exchange) *permits {
	if x.ID == "" {
		return &c.held[0]
	}
	return &c.held[int(x.ID[len(x.ID)-1])%len(c.held)]
}

// Name implements [gatehouse.Control].
func (c *Concurrency) Name() string { return ConcurrencyControl }

// Check takes a place for x.
func (c *Concurrency) Check(_ context.Context, x *gatehouse.Exchange) (gatehouse.Verdict, error) {
	p, err := c.Acquire(x, c.upstream(x))
	if err != nil {
		v := gatehouse.Denied(http.StatusServiceUnavailable, gatehouse.AsError(err, "limit.concurrency", http.StatusServiceUnavailable).Reason())
		v.Edits.Response = []gatehouse.Field{{Name: headerRetryAfter, Value: "1"}}
		return v, nil
	}
	if p != nil {
		h := c.permits(x)
		h.mu.Lock()
		h.of[x] = p
		h.mu.Unlock()
	}
	return gatehouse.Passed(), nil
}

// CheckResponse implements [gatehouse.ResponseControl]: the head has arrived.
func (c *Concurrency) CheckResponse(_ context.Context, x *gatehouse.Exchange) (gatehouse.Verdict, error) {
	h := c.permits(x)
	h.mu.Lock()
	p := h.of[x]
	h.mu.Unlock()
	p.Head(x.Response.Status < 500 && x.Response.Status != http.StatusTooManyRequests)
	return gatehouse.Passed(), nil
}

// Finish implements [gatehouse.Finisher]: the place is free again.
func (c *Concurrency) Finish(x *gatehouse.Exchange) {
	h := c.permits(x)
	h.mu.Lock()
	p := h.of[x]
	delete(h.of, x)
	h.mu.Unlock()
	p.Done()
}
