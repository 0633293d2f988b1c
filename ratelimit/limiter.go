package ratelimit

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse"
)

// Names of the controls.
const (
	AddressControl     = "limits.address"
	CallerControl      = "limits.caller"
	ConcurrencyControl = "limits.concurrency"
)

// Deps are what a Limiter needs of other rooms.
type Deps struct {
	// Upstream names the upstream service an exchange will go to, for keys with
	// "upstream" in them. Where nil the API's name stands in.
	Upstream func(x *gatehouse.Exchange) string
}

// A Limiter judges exchanges by one configuration. The counts live in its Store.
type Limiter struct {
	store     Store
	deps      Deps
	secret    [2]uint64
	early     []*level // judged by Admit
	late      []*level // judged by Caller
	failures  *failures
	suspicion SuspicionConfig
	headers   bool
	ownerKeys [owners + 1]Key // by set of owners
	scratch   sync.Pool       // of *scratch
}

// scratch is what one decision needs and the next one uses again.
type scratch struct {
	digester
	asks     [maxLevels + 1]Ask
	variants [maxLevels + 1]*variant
}

// New makes a Limiter. The configuration has its defaults and was validated.
func New(cfg Config, store Store, deps Deps) (*Limiter, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	l := &Limiter{store: store, deps: deps, secret: store.Secret(), suspicion: cfg.Suspicion, headers: *cfg.Headers}
	l.scratch.New = func() any { return new(scratch) }
	for set := range l.ownerKeys {
		l.ownerKeys[set] = ownerKey(l.secret, part(set))
	}
	l.failures = newFailures(cfg.Failures.Rate, l.secret)
	for _, c := range cfg.Levels {
		lv, err := newLevel(c, cfg.Tiers, cfg.Suspicion.Factor, l.secret)
		if err != nil {
			return nil, err
		}
		if c.early() {
			l.early = append(l.early, lv)
		} else {
			l.late = append(l.late, lv)
		}
	}
	return l, nil
}

func (l *Limiter) upstream(x *gatehouse.Exchange) string {
	if l.deps.Upstream != nil {
		return l.deps.Upstream(x)
	}
	if x.API != nil {
		return x.API.Name
	}
	return ""
}

func (l *Limiter) borrow(x *gatehouse.Exchange) *scratch {
	s := l.scratch.Get().(*scratch)
	s.begin(l, x)
	return s
}

func (l *Limiter) giveBack(s *scratch) {
	s.end()
	l.scratch.Put(s)
}

// ask fills in s.asks[n:] for the levels and returns how many asks there are.
func (s *scratch) ask(n int, levels []*level, tier string) int {
	for _, lv := range levels {
		v, a := lv.variant(s.x, tier), &s.asks[n]
		*a = Ask{Key: s.key(lv.key, lv.set), Limit: &v.Limit}
		if v.strict != nil && verified(s.x, lv.set&owners) {
			a.Owner, a.Strict = s.key(lv.owner, lv.set&owners), &v.strict.Limit
		}
		s.variants[n] = v
		n++
	}
	return n
}

// applied is the variant that the i-th ask was judged by.
func (s *scratch) applied(i int) *variant {
	if s.asks[i].Suspected {
		return s.variants[i].strict
	}
	return s.variants[i]
}

// judge decides about the first n asks, which belong to the last levels of the
// list levels.
func (l *Limiter) judge(ctx context.Context, s *scratch, n int, levels []*level) (int, error) {
	refused, err := l.store.Decide(ctx, s.x.Start, s.asks[:n])
	if err != nil {
		return 0, gatehouse.AsError(err, "limit.store", http.StatusServiceUnavailable)
	}
	if refused >= 0 {
		err = l.mark(ctx, s, n-len(levels), levels)
	}
	return refused, err
}

// mark puts everybody on the list who broke a limit of its own. A suspect who
// breaks what is left of it is on the list already: the hour is not extended,
// lest a steady caller never leaves it.
func (l *Limiter) mark(ctx context.Context, s *scratch, first int, levels []*level) error {
	for i, lv := range levels {
		a := &s.asks[first+i]
		if !a.Refused || a.Suspected || a.Owner == (Key{}) {
			continue
		}
		err := l.store.Mark(ctx, Suspect{
			Owner: a.Owner, Kind: lv.kind, Name: ownerName(s.x, lv.set), Level: lv.name,
			Since: s.x.Start, Until: s.x.Start.Add(l.suspicion.For),
		})
		if err != nil {
			return gatehouse.AsError(err, "limit.store", http.StatusServiceUnavailable)
		}
	}
	return nil
}

// tightest is the ask that leaves the fewest calls.
func tightest(asks []Ask) int {
	best := 0
	for i := range asks {
		if asks[i].Left < asks[best].Left {
			best = i
		}
	}
	return best
}

// denial refuses because of the i-th ask.
func (l *Limiter) denial(s *scratch, i int, code, name string, at gatehouse.Position) gatehouse.Verdict {
	a, v := &s.asks[i], s.applied(i)
	msg := "the limit " + name + " of " + v.rate.String() + " is used up"
	if a.Suspected {
		msg += ", reduced for a suspicious caller"
	}
	verdict := gatehouse.Denied(http.StatusTooManyRequests, gatehouse.Reason{Code: code, Message: msg, At: at})
	wait := max(1, seconds(a.Wait))
	verdict.Edits.Response = []gatehouse.Field{{Name: headerRetryAfter, Value: strconv.FormatInt(wait, 10)}}
	if l.headers {
		a.Left, a.Wait = 0, time.Duration(wait)*time.Second
		verdict.Edits.Response = append(verdict.Edits.Response, v.fieldsFor(a)...)
	}
	return verdict
}

// Suspicious reports whether the caller of this kind ("client", "user",
// "address" or a combination such as "client+address") and name, as [Suspect]
// has them, is suspicious at the instant now. It reads the whole list: it is for
// people, not for the path.
func (l *Limiter) Suspicious(ctx context.Context, now time.Time, kind, name string) (bool, error) {
	s, err := l.suspect(ctx, now, kind, name)
	return s != nil, err
}

// Forget takes a caller off the list, and reports whether it was there.
func (l *Limiter) Forget(ctx context.Context, now time.Time, kind, name string) (bool, error) {
	s, err := l.suspect(ctx, now, kind, name)
	if s == nil || err != nil {
		return false, err
	}
	return true, l.store.Forget(ctx, s.Owner)
}

// maxSuspects bounds a list for people.
const maxSuspects = 1_000_000

func (l *Limiter) suspect(ctx context.Context, now time.Time, kind, name string) (*Suspect, error) {
	all, err := l.store.Suspects(ctx, now, maxSuspects)
	if err != nil {
		return nil, err
	}
	name = canonical(kind, name)
	for i := range all {
		if all[i].Kind == kind && all[i].Name == name {
			return &all[i], nil
		}
	}
	return nil, nil
}

// Snapshot returns at most max suspects, the latest first.
func (l *Limiter) Snapshot(ctx context.Context, now time.Time, max int) ([]Suspect, error) {
	return l.store.Suspects(ctx, now, max)
}

// Risks of a suspicious caller, of 100.
const (
	riskAddress = 25 // may be shared by others
	riskCaller  = 50
)

// Risk is what the suspicions say about the exchange's caller: 50 for a
// suspicious client or user, 25 more for a suspicious address. A store that does
// not answer counts as a suspicion.
func (l *Limiter) Risk(ctx context.Context, x *gatehouse.Exchange) uint8 {
	if q, ok := l.store.(quieter); ok && q.Quiet(x.Start) {
		return 0
	}
	s := l.borrow(x)
	defer l.giveBack(s)
	risk := uint8(0)
	if s.marked(ctx, partClient) || s.marked(ctx, partUser) {
		risk = riskCaller
	}
	if s.marked(ctx, partAddress) {
		risk += riskAddress
	}
	return risk
}

// A quieter is a Store that knows without asking whether the list is empty,
// which it nearly always is.
type quieter interface{ Quiet(now time.Time) bool }

func (s *scratch) marked(ctx context.Context, kind part) bool {
	if !verified(s.x, kind) {
		return false
	}
	l := s.limiter
	marked, err := l.store.Marked(ctx, s.x.Start, s.key(l.ownerKeys[kind], kind))
	return marked || err != nil
}
