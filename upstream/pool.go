package upstream

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse"
)

// A Pool forwards to the endpoints of one upstream. It is safe for concurrent
// use, and for Close while requests are under way.
type Pool struct {
	cfg      Config
	opts     Options
	state    *State
	balancer balancer
	budget   *budget

	stop  context.CancelFunc
	done  sync.WaitGroup
	close sync.Once
}

var _ gatehouse.Forwarder = (*Pool)(nil)

// NewPool makes the pool of one upstream and starts its health checks. It
// connects to nothing yet, so an upstream that is down does not keep the gateway
// from starting. st may be nil; with the State of the pool before, connections
// and health go on where they were.
func NewPool(cfg Config, st *State, o Options) (*Pool, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg, o = cfg.WithDefaults(), o.withDefaults()
	if st == nil {
		st = NewState()
	}
	id, err := loadIdentity(&cfg.TLS, o.Dir)
	if err != nil {
		return nil, err
	}
	targets, err := targetsOf(&cfg, o.Guard)
	if err != nil {
		return nil, err
	}
	p := &Pool{cfg: cfg, opts: o, state: st, budget: newBudget(cfg.Retries.Budget)}
	p.balancer.robin = cfg.Balance == balanceRoundRobin
	for i, t := range targets {
		m := &member{url: t.String(), weight: cfg.Endpoints[i].Weight, key: endpointKey(&cfg, t, id, &o)}
		m.endpoint = st.acquire(m.key, func() *endpoint { return newEndpoint(t, &cfg, id, &o) })
		p.balancer.members = append(p.balancer.members, m)
		p.balancer.total += m.weight
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.stop = cancel
	if cfg.Health.Path != "" {
		for _, m := range p.balancer.members {
			m.sickly.Store(m.sick.Load())
			p.done.Go(func() { p.watch(ctx, m) })
		}
	}
	return p, nil
}

// targetsOf refuses the admin address at once where it stands there literally.
func targetsOf(cfg *Config, g *Guard) ([]target, error) {
	var list []target
	var v problems
	for i, e := range cfg.Endpoints {
		t, err := parseTarget(e.URL)
		if err != nil {
			return nil, err
		}
		port, _ := strconv.ParseUint(t.port, 10, 16)
		if t.ip.IsValid() && g.checkAdmin(netip.AddrPortFrom(t.ip, uint16(port))) != nil {
			v.add(fmt.Sprintf("endpoints[%d].url", i), "this is the gateway's own admin address", "")
		}
		list = append(list, t)
	}
	return list, errors.Join(v...)
}

// endpointKey names everything that connections depend on.
func endpointKey(c *Config, t target, id *identity, o *Options) string {
	return strings.Join([]string{c.Name, t.String(), c.Protocol, id.digest, fmt.Sprint(c.Timeouts),
		c.Resolve.String(), fmt.Sprint(o.Guard.admin, o.Guard.allow, o.Foreign)}, "\x00")
}

// Name returns the upstream's name in the configuration.
func (p *Pool) Name() string { return p.cfg.Name }

// Close stops health checks and gives the endpoints back; those that no other
// pool of the same State uses are closed. Requests under way are not disturbed.
func (p *Pool) Close() {
	p.close.Do(func() {
		p.stop()
		p.done.Wait()
		for _, m := range p.balancer.members {
			p.state.release(m.key)
		}
	})
}

// EndpointStatus is how an endpoint fares.
type EndpointStatus struct {
	URL      string        `json:"url"`
	Weight   int           `json:"weight"`
	Healthy  bool          `json:"healthy"`    // by active checks; true where there are none
	Ejected  bool          `json:"ejected"`    // by passive ones
	Breaker  string        `json:"breaker"`    // closed, open or half-open
	InFlight int           `json:"in_flight"`  // requests, streams included
	Latency  time.Duration `json:"latency_ns"` // to the head, moving average; 0 where unknown
}

// Endpoints returns the status of every endpoint, in the configuration's order.
func (p *Pool) Endpoints() []EndpointStatus {
	now := monotonic()
	list := make([]EndpointStatus, len(p.balancer.members))
	for i, m := range p.balancer.members {
		list[i] = EndpointStatus{
			URL: m.url, Weight: m.weight, Healthy: !m.sickly.Load(), Ejected: m.ejected(now),
			Breaker:  breakerNames[m.breaker.state.Load()],
			InFlight: int(m.inflight.Load()),
			Latency:  time.Duration(math.Float64frombits(m.latency.Load())),
		}
	}
	return list
}

// Forward sends x.Outbound with x.Request.Body to an endpoint and writes the
// answer to w. It fills x.Decision.Upstream, and x.Response.Streaming where the
// answer is an upgrade, server-sent events or gRPC.
//
// An error is a *gatehouse.Error. Before w.WriteHead its Status says what to
// answer, and 499 that nobody is left to be answered; after it, the answer is to
// be aborted. Where ctx was cancelled with a *gatehouse.Error as its cause, that
// is returned.
func (p *Pool) Forward(ctx context.Context, x *gatehouse.Exchange, w gatehouse.ResponseWriter) error {
	r := &x.Decision.Upstream
	r.Name = p.cfg.Name
	up := newUpload(&x.Request.Body)
	err := checkOutbound(&x.Outbound, up != nil)
	if err == nil {
		err = p.carry(ctx, x, w, up)
	}
	up.free()
	if err != nil {
		r.Err = inert(err)
	}
	return err
}

// carry looks after the request's body while it is sent.
func (p *Pool) carry(ctx context.Context, x *gatehouse.Exchange, w gatehouse.ResponseWriter, up *upload) error {
	if !up.streams() {
		return p.forward(ctx, x, w, up)
	}
	up.wait.Begin(ctx, up)
	err := up.readAhead()
	if !up.streams() {
		up.wait.End()
		return p.forward(ctx, x, w, up)
	}
	defer up.detach(w)
	defer up.wait.End()
	switch {
	case err == nil:
		return p.forward(ctx, x, w, up)
	case ctx.Err() == nil || saysWhy(err):
		return clientBroke(err)
	}
	return ctxError(ctx)
}

// An attempt is one try at one endpoint.
type attempt struct {
	start   time.Duration
	probe   bool // of a half-open breaker
	settled bool // its first outcome has been told
}

func (p *Pool) forward(ctx context.Context, x *gatehouse.Exchange, w gatehouse.ResponseWriter, up *upload) error {
	p.budget.earn()
	m := messages.Get().(*message)
	defer m.free()
	m.out, m.body, m.interim = &x.Outbound, up, w
	report := &x.Decision.Upstream
	var tried attempts
	var last error
	for {
		e, t := p.choose(&tried)
		if e == nil {
			if last != nil {
				return last
			}
			return errUnavailable
		}
		tried.add(e)
		report.Attempts, report.Addr = tried.n, e.addr
		err, head := p.try(ctx, e, &t, m, x, w)
		if err == nil || head {
			return err
		}
		last = err
		if !p.again(ctx, err, m, tried.n) {
			return err
		}
	}
}

// choose picks a member and, where its breaker is half open, takes the one
// permit there is.
func (p *Pool) choose(tried *attempts) (*member, attempt) {
	t := attempt{start: monotonic()}
	for range len(p.balancer.members) {
		m := p.balancer.pick(t.start, tried)
		if m == nil {
			break
		}
		var ok bool
		if ok, t.probe = m.breaker.acquire(t.start); ok {
			return m, t
		}
		// Somebody else took the permit in between; pick sees that now.
	}
	return nil, t
}

// try sends the message once. head says that the answer has begun, and that
// nothing can be tried again.
func (p *Pool) try(ctx context.Context, e *member, t *attempt, m *message, x *gatehouse.Exchange, w gatehouse.ResponseWriter) (err error, head bool) {
	e.begin()
	defer e.end()
	defer func() { // whatever happened, a panic too, the breaker's permit comes back
		if !t.settled {
			p.settle(e, t, unknown)
		}
	}()
	c := e.carrierFor(m.out.Upgrade != "")
	if c == nil {
		return &gatehouse.Error{Code: "upstream.upgrade", Status: 501,
			Message: "the upstream speaks HTTP/2 only, which knows no upgrade"}, true
	}
	m.reached = false
	a, err := c.send(ctx, m)
	x.Decision.Upstream.Took = monotonic() - t.start
	if err != nil {
		return p.blame(ctx, err, e, t, m), false
	}
	return p.answer(ctx, e, t, a, x, w), true
}

// blame finds out whose fault a failed attempt was, and counts it.
func (p *Pool) blame(ctx context.Context, err error, e *member, t *attempt, m *message) error {
	broken := m.body.broken()
	if broken != nil && (ctx.Err() == nil || saysWhy(broken)) {
		return clientBroke(broken)
	}
	if ctx.Err() != nil {
		if errors.Is(context.Cause(ctx), context.DeadlineExceeded) && !m.body.streams() {
			p.settle(e, t, failed) // it had all the time there was; a slow upload is not its fault
		}
		return ctxError(ctx)
	}
	var own *gatehouse.Error
	if !errors.As(err, &own) || own.Code != "upstream.unwritable" {
		p.settle(e, t, failed)
	}
	return classify(err)
}

// again decides whether to send the message once more: never if some of it may
// have been delivered, unless the method is idempotent; not after a time limit,
// which would only add to a slow upstream's load; within the budget.
func (p *Pool) again(ctx context.Context, err error, m *message, attempts int) bool {
	var e *gatehouse.Error
	if ctx.Err() != nil || attempts >= p.cfg.Retries.Attempts || !errors.As(err, &e) {
		return false
	}
	switch e.Code {
	case "upstream.unreachable", "upstream.tls", "upstream.pin", "upstream.refused":
	default:
		return false
	}
	if m.reached && (!idempotent(m.out.Method) || m.body != nil && !m.body.held) {
		return false
	}
	return m.body.again() && p.budget.spend()
}
