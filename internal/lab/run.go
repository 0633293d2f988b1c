package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// RunOptions say how long and how hard. The zero value is the demo: 30 s, 40
// good steps a second, seed 1.
type RunOptions struct {
	// Duration is how long attacks are repeated. Every case runs once even if that
	// takes longer.
	Duration time.Duration
	Seed     uint64
	// Rate is good steps a second; there are as many good clients as keep below
	// the shop's limits.
	Rate int
	// Attackers is how many attack at once. Default 4.
	Attackers int
	// Patience is how long a slow attack waits to be cut off; it must exceed the
	// gateway's read timeouts. Default 8 s.
	Patience time.Duration
	// Attacks are the cases to run; nil stands for Attacks().
	Attacks []Attack
	// Progress gets a line every other second; nil for none.
	Progress io.Writer
}

func (o RunOptions) withDefaults() RunOptions {
	if o.Duration == 0 {
		o.Duration = 30 * time.Second
	}
	if o.Seed == 0 {
		o.Seed = 1
	}
	if o.Rate == 0 {
		o.Rate = 40
	}
	if o.Attackers == 0 {
		o.Attackers = 4
	}
	if o.Patience == 0 {
		o.Patience = 8 * time.Second
	}
	if o.Attacks == nil {
		o.Attacks = Attacks()
	}
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	return o
}

const (
	perPersona   = 1 // steps a second of one persona, so that it stays below the limits
	probes       = 24
	probePause   = 20 * time.Millisecond
	maxComplaint = 20
)

// a runner is one Run.
type runner struct {
	target *Target
	opts   RunOptions
	begin  time.Time

	personas []*persona
	probes   []*persona
	attacked atomic.Bool // attacks have begun

	mu       sync.Mutex
	good     GoodTraffic
	cases    map[string]*CaseCount
	attempts int
	quiet    samples
	loud     samples
	sent     int64 // by attackers
}

type samples struct{ through, direct []time.Duration }

// Run drives good clients and attackers against the target and reports. It fails
// only where it could not begin; what the target did is in the Report.
func Run(ctx context.Context, target Target, opts RunOptions) (*Report, error) {
	r := &runner{target: &target, opts: opts.withDefaults(), cases: map[string]*CaseCount{}, begin: time.Now()}
	if err := r.prepare(ctx); err != nil {
		return nil, err
	}
	var background sync.WaitGroup
	goodCtx, stop := context.WithCancel(ctx)
	background.Go(func() { r.goodTraffic(goodCtx) })
	background.Go(func() { r.progress(goodCtx) })
	if !target.direct() {
		background.Go(func() { r.measure(goodCtx) })
	}
	r.pause(ctx, r.opts.Duration/6) // good clients alone, for a quiet baseline
	r.attacked.Store(true)
	r.attacks(ctx)
	r.pause(ctx, r.opts.Duration-time.Since(r.begin))
	stop()
	background.Wait()
	return r.report(), ctx.Err()
}

func (r *runner) pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// prepare makes the personas and sees that the target answers at all.
func (r *runner) prepare(ctx context.Context) error {
	n := max(len(roles()), (r.opts.Rate+perPersona-1)/perPersona)
	for i := range n {
		r.personas = append(r.personas, newPersona(r.target, r.opts.Seed, i))
	}
	for i := range probes {
		p := newPersona(r.target, r.opts.Seed, customers*(n+i)) // all of the first role
		if err := p.grant(Claims{Roles: []string{"customer"}, Plan: "gold"}); err != nil {
			return err
		}
		r.probes = append(r.probes, p)
	}
	order := map[string]int{}
	for i, a := range r.opts.Attacks {
		if order[a.Name] != 0 {
			return fmt.Errorf("lab: two attacks are called %q", a.Name)
		}
		order[a.Name] = i + 1
		r.cases[a.Name] = &CaseCount{Name: a.Name, Title: a.Title, Class: a.Class, Room: a.Room, Defended: r.target.defended(a.Room)}
	}
	var err error
	for range 50 {
		if _, err = r.probes[0].client.do(ctx, "GET", "/catalogue/items/tea"); err == nil {
			return nil
		}
		r.pause(ctx, 100*time.Millisecond)
	}
	return fmt.Errorf("lab: the target does not answer: %w", err)
}

// goodTraffic lets one idle persona take a step at every tick.
func (r *runner) goodTraffic(ctx context.Context) {
	idle := make(chan *persona, len(r.personas))
	for _, p := range r.personas {
		idle <- p
	}
	tick := time.NewTicker(time.Second / time.Duration(r.opts.Rate))
	defer tick.Stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		select {
		case p := <-idle:
			wg.Go(func() {
				r.goodStep(ctx, p)
				idle <- p
			})
		default: // all are busy: never more than the rate
		}
	}
}

func (r *runner) goodStep(ctx context.Context, p *persona) {
	name, err := p.act(ctx)
	if ctx.Err() != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.good.Steps++
	if err != nil {
		r.good.Refused++
		if len(r.good.Complaints) < maxComplaint {
			r.good.Complaints = append(r.good.Complaints, name+": "+err.Error())
		}
	}
}

// measure times the same calls through the gateway and directly, in turns.
func (r *runner) measure(ctx context.Context) {
	var warm sync.WaitGroup
	for _, p := range r.probes { // connections are made before anything is timed
		warm.Go(func() {
			_, _ = p.client.do(ctx, "GET", "/accounts/users/"+p.id, bearer(p.token))
			_, _ = p.direct.do(ctx, "GET", "/accounts/users/"+p.id, bearer(p.token))
		})
	}
	warm.Wait()
	for i := 0; ctx.Err() == nil; i++ {
		p := r.probes[i%len(r.probes)]
		paths := []string{"/accounts/users/" + p.id, "/catalogue/items/tea", "/accounts/users/" + p.id + "/orders"}
		path := paths[i/len(r.probes)%len(paths)]
		call := func(c *client) (time.Duration, bool) {
			start := time.Now()
			reply, err := c.do(ctx, "GET", path, bearer(p.token))
			return time.Since(start), err == nil && reply.Status == 200
		}
		var through, direct time.Duration
		var ok1, ok2 bool
		if i%2 == 0 {
			through, ok1 = call(p.client)
			direct, ok2 = call(p.direct)
		} else {
			direct, ok2 = call(p.direct)
			through, ok1 = call(p.client)
		}
		r.sample(ctx, path, through, direct, ok1, ok2)
		r.pause(ctx, probePause)
	}
}

func (r *runner) sample(ctx context.Context, path string, through, direct time.Duration, ok, okDirect bool) {
	if ctx.Err() != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.good.Steps++
	if !ok || !okDirect {
		r.good.Refused++
		if len(r.good.Complaints) < maxComplaint {
			r.good.Complaints = append(r.good.Complaints, fmt.Sprintf("probe: GET %s failed (gateway %v, direct %v)", path, ok, okDirect))
		}
		return
	}
	s := &r.quiet
	if r.attacked.Load() {
		s = &r.loud
	}
	s.through, s.direct = append(s.through, through), append(s.direct, direct)
}

// attacks runs every case once, the slow ones first and all at once, then random
// ones until the time is up.
func (r *runner) attacks(ctx context.Context) {
	rng := rand.New(rand.NewPCG(r.opts.Seed, 0xa77ac))
	var slow, quick []*Attack
	for i := range r.opts.Attacks {
		if a := &r.opts.Attacks[i]; a.slow {
			slow = append(slow, a)
		} else {
			quick = append(quick, a)
		}
	}
	rng.Shuffle(len(quick), func(i, j int) { quick[i], quick[j] = quick[j], quick[i] })
	var wg sync.WaitGroup
	defer wg.Wait()
	for i, a := range slow {
		wg.Go(func() { r.attack(ctx, a, i) })
	}
	n := len(slow)
	type job struct {
		a *Attack
		n int
	}
	jobs := make(chan job)
	for range r.opts.Attackers {
		wg.Go(func() {
			for j := range jobs {
				r.attack(ctx, j.a, j.n)
			}
		})
	}
	defer close(jobs)
	end := r.begin.Add(r.opts.Duration - time.Second)
	for i := 0; i < len(quick) || len(quick) > 0 && time.Now().Before(end); i++ {
		a := quick[rng.IntN(len(quick))]
		if i < len(quick) {
			a = quick[i]
		}
		select {
		case <-ctx.Done():
			return
		case jobs <- job{a, n}:
			n++
		}
	}
}

// attack makes one attempt and enters its result.
func (r *runner) attack(ctx context.Context, a *Attack, n int) {
	t := newAttempt(ctx, r.target, r.opts.Seed, n, r.opts.Patience)
	missed, err := a.run(t)
	t.close()
	if err == nil && t.answered.Load() == 0 {
		err = fmt.Errorf("%w: nothing answered", errInconclusive)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.cases[a.Name]
	r.attempts++
	r.sent += t.sent.Load()
	c.Requests += t.sent.Load()
	if ctx.Err() != nil {
		return
	}
	switch {
	case errors.Is(err, errNotApplicable):
		c.NotApplicable = true
	case err != nil:
		if c.Attempts == 0 {
			c.Unproven = err.Error()
		}
		return
	case missed:
		c.Missed++
	default:
		c.Stopped++
	}
	if c.Unproven = ""; !c.NotApplicable {
		c.Attempts++
	}
}

// progress prints a line every other second.
func (r *runner) progress(ctx context.Context) {
	for {
		r.pause(ctx, 2*time.Second)
		if ctx.Err() != nil {
			return
		}
		r.mu.Lock()
		seen, missed := 0, 0
		for _, c := range r.cases {
			if c.Attempts > 0 || c.NotApplicable {
				seen++
			}
			if c.Defended {
				missed += c.Missed
			}
		}
		line := fmt.Sprintf("%3.0f s  good: %d steps, %d refused   attacks: %d attempts, %d of %d cases, %d missed\n",
			time.Since(r.begin).Seconds(), r.good.Steps, r.good.Refused, r.attempts, seen, len(r.cases), missed)
		r.mu.Unlock()
		fmt.Fprint(r.opts.Progress, line)
	}
}

func (r *runner) report() *Report {
	rep := &Report{Seed: r.opts.Seed, Duration: time.Since(r.begin), Good: r.good,
		Quiet: latencyOf(r.quiet.through, r.quiet.direct), Attacked: latencyOf(r.loud.through, r.loud.direct)}
	for _, p := range append(r.personas, r.probes...) {
		rep.Good.Requests += p.client.sent.Load()
		p.close()
	}
	rep.Requests = rep.Good.Requests + r.sent
	order := map[string]int{}
	for i, a := range r.opts.Attacks {
		order[a.Name] = i
		rep.Cases = append(rep.Cases, *r.cases[a.Name])
	}
	sortCases(rep.Cases, order)
	rep.sum()
	return rep
}
