package upstream

import (
	"context"
	"log/slog"
	"math"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// An outcome is what one attempt said about its endpoint.
type outcome uint8

const (
	unknown   outcome = iota // nothing: the client left, or its body broke
	succeeded                // it answered
	failed                   // no connection, no answer in time, a broken one, or 502, 503, 504
)

const (
	maxEjection = 5 * time.Minute
	// failurePenalty is the least latency a failure counts for: a quick refusal
	// must not look like a quick server.
	failurePenalty = time.Second
	// latencyShare is the weight of the newest sample in the moving average.
	latencyShare = 0.125
)

// An endpoint is one server: its connections and what is known of its health. It
// is shared by the pools of successive configurations.
type endpoint struct {
	target   target
	addr     string // host:port
	carriers atomic.Pointer[carriers]
	resolver *resolver
	stop     context.CancelFunc // of the resolver

	refs    int // guarded by State.mu
	retired atomic.Bool

	inflight atomic.Int64
	latency  atomic.Uint64 // float64 bits, nanoseconds, exponentially weighted
	breaker  breaker
	// sick is what active checks last found, for the next configuration's pool.
	sick atomic.Bool

	ejectedUntil atomic.Int64 // monotonic, nanoseconds
	failures     atomic.Int32 // in a row
	ejections    atomic.Int32 // in a row, for the back-off
}

// newEndpoint connects nothing yet; names are looked up in the background.
func newEndpoint(t target, c *Config, id *identity, o *Options) *endpoint {
	port, _ := strconv.ParseUint(t.port, 10, 16) // parseTarget has checked it
	e := &endpoint{target: t, addr: t.authority()}
	e.resolver = newResolver(t, uint16(port), o.Guard, o.Resolver)
	e.resolver.foreign = o.Foreign
	compat := o.compat
	connect := func() { e.swap(newCarriers(t, c, id, e.resolver.dial, compat)) }
	connect()
	e.resolver.changed = connect
	log, name := o.Log, c.Name
	e.resolver.failed = func(err error) {
		log.LogAttrs(context.Background(), slog.LevelWarn, "upstream name not resolved",
			slog.String("upstream", name), slog.String("endpoint", e.addr), slog.String("error", inert(err)))
	}
	ctx, cancel := context.WithCancel(context.Background())
	e.stop = cancel
	if !t.ip.IsValid() {
		go e.resolver.run(ctx, c.Resolve)
	}
	return e
}

// carriers are an endpoint's ways of sending.
type carriers struct {
	main carrier
	// upgrade is for requests that switch protocols, which HTTP/2 does not know; nil
	// where they cannot be had.
	upgrade carrier
}

// newCarriers chooses by protocol. compat takes net/http's client for HTTP/1.1
// too, as a yardstick.
func newCarriers(t target, c *Config, id *identity, dial func(context.Context) (net.Conn, error), compat bool) *carriers {
	one := func() carrier {
		switch {
		case compat:
			return newNetHTTP(t, protocolHTTP1, id, c.Timeouts, dial)
		case t.scheme == "https":
			return newOwnHTTP(t, c.Timeouts, tlsDial(id.client(t.host, "http/1.1"), c.Timeouts, dial, ""))
		}
		return newOwnHTTP(t, c.Timeouts, plainDial(c.Timeouts, dial))
	}
	switch {
	case c.Protocol == protocolH2 || c.Protocol == protocolH2C:
		return &carriers{main: newNetHTTP(t, c.Protocol, id, c.Timeouts, dial)}
	case c.Protocol == protocolAuto && t.scheme == "https" && compat:
		return &carriers{main: newNetHTTP(t, protocolAuto, id, c.Timeouts, dial), upgrade: one()}
	case c.Protocol == protocolAuto && t.scheme == "https":
		return &carriers{main: newNegotiated(t, id, c.Timeouts, dial), upgrade: one()}
	}
	main := one()
	return &carriers{main: main, upgrade: main}
}

func (c *carriers) closeIdle() {
	c.main.closeIdle()
	if c.upgrade != nil {
		c.upgrade.closeIdle()
	}
}

// swap replaces the carriers. The old ones' idle connections are closed, and
// those in use when they are done or have idled out.
func (e *endpoint) swap(to *carriers) {
	if old := e.carriers.Swap(to); old != nil {
		old.closeIdle()
	}
}

// carrierFor returns what sends a message, nil if its upgrade is impossible.
func (e *endpoint) carrierFor(upgrade bool) carrier {
	if upgrade {
		return e.carriers.Load().upgrade
	}
	return e.carriers.Load().main
}

// retire ends the endpoint when no pool uses it any more. Requests under way go
// on, and their connections are closed as they end.
func (e *endpoint) retire() {
	e.retired.Store(true)
	e.stop()
	e.closeIdle()
}

func (e *endpoint) closeIdle() { e.carriers.Load().closeIdle() }

func (e *endpoint) begin() { e.inflight.Add(1) }

func (e *endpoint) end() {
	if e.inflight.Add(-1) == 0 && e.retired.Load() {
		e.closeIdle()
	}
}

// observe takes the outcome of an attempt that began at start into account.
func (e *endpoint) observe(start, now time.Duration, o outcome) {
	if o == unknown {
		return
	}
	sample := float64(now - start)
	if o == failed {
		sample = max(sample, float64(failurePenalty))
	}
	old := math.Float64frombits(e.latency.Load())
	if old != 0 {
		sample = old + (sample-old)*latencyShare
	}
	e.latency.Store(math.Float64bits(sample)) // a lost update does no harm
}

// cost orders endpoints: who is busier or slower costs more.
func (e *endpoint) cost(weight int) float64 {
	l := max(math.Float64frombits(e.latency.Load()), float64(100*time.Microsecond))
	return (1 + float64(e.inflight.Load())/float64(weight)) * l
}

func (e *endpoint) ejected(now time.Duration) bool { return int64(now) < e.ejectedUntil.Load() }

// passive counts failures in a row and says whether it is time to eject.
func (e *endpoint) passive(now time.Duration, o outcome, c *Passive) bool {
	if o == failed {
		return c.Failures != never && int(e.failures.Add(1)) >= c.Failures && !e.ejected(now)
	}
	if o == succeeded {
		if e.failures.Load() != 0 {
			e.failures.Store(0)
		}
		if e.ejections.Load() != 0 && int64(now)-e.ejectedUntil.Load() > int64(c.Eject) {
			e.ejections.Store(0)
		}
	}
	return false
}

// eject takes the endpoint out, for twice as long each time.
func (e *endpoint) eject(now time.Duration, c *Passive) time.Duration {
	n := min(e.ejections.Add(1), 20)
	d := min(c.Eject<<(n-1), maxEjection)
	if d <= 0 {
		d = maxEjection
	}
	e.failures.Store(0)
	e.ejectedUntil.Store(int64(now + d))
	return d
}

// A State keeps endpoints, with their connections and health, from one
// configuration to the next: those of the same upstream name, URL, protocol, TLS
// settings, time limits and lookup interval are the same.
type State struct {
	mu        sync.Mutex
	endpoints map[string]*endpoint
}

// NewState returns an empty State.
func NewState() *State { return &State{endpoints: make(map[string]*endpoint)} }

func (s *State) acquire(key string, make func() *endpoint) *endpoint {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.endpoints[key]
	if e == nil {
		e = make()
		s.endpoints[key] = e
	}
	e.refs++
	return e
}

func (s *State) release(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.endpoints[key]
	if e == nil {
		return
	}
	if e.refs--; e.refs == 0 {
		delete(s.endpoints, key)
		e.retire()
	}
}

// Options are what a pool needs of its surroundings. All may be absent.
type Options struct {
	// Guard knows the admin address, which no upstream may be.
	Guard *Guard
	// Foreign says that the service is a third party's: the Guard must let every
	// address by, those of the first lookup and literal ones too.
	Foreign bool
	// Resolver looks names up; nil stands for net.DefaultResolver.
	Resolver *net.Resolver
	// Dir is where relative file names start; "" is the working directory.
	Dir string
	// Log gets changes of health; nil is silence.
	Log *slog.Logger

	compat bool // net/http's client for HTTP/1.1, in tests
}

func (o Options) withDefaults() Options {
	if o.Guard == nil {
		o.Guard = &Guard{}
	}
	if o.Resolver == nil {
		o.Resolver = net.DefaultResolver
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}
