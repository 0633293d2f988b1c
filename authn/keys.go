package authn

import (
	"context"
	"crypto/x509"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/jose"
)

// How often sources are asked.
const (
	unknownInterval = 10 * time.Second // for a kid that the set does not know
	fileInterval    = time.Second      // for a file's modification time
	firstBackoff    = time.Second      // after a failure, doubling
	lastBackoff     = time.Minute
	fetchTimeout    = 10 * time.Second // for metadata and keys together
)

// A keyStore holds the key sets of issuers. It outlives configurations: a reload
// that names the same issuer and source finds the keys that are there.
type keyStore struct {
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup
	// roots verify the issuers' certificates; nil for the system's.
	roots *x509.CertPool
	// report, where set, hears of sources that failed.
	report func(issuer string, err error)

	mu      sync.Mutex
	closed  bool
	sources map[sourceID]*keySource
}

// A sourceID is an issuer and the place of its keys.
type sourceID struct {
	issuer    string
	discovery bool
	url, file string
}

func newKeyStore() *keyStore {
	ctx, cancel := context.WithCancel(context.Background())
	return &keyStore{ctx: ctx, cancel: cancel, sources: map[sourceID]*keySource{}}
}

// Close ends fetches that are under way and waits for them.
func (k *keyStore) Close() error {
	k.mu.Lock()
	k.closed = true
	k.mu.Unlock()
	k.cancel()
	k.running.Wait()
	return nil
}

// source returns the source of id, made when it is new.
func (k *keyStore) source(id sourceID, refresh time.Duration) (*keySource, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s, ok := k.sources[id]
	if !ok {
		get, err := k.getter(id)
		if err != nil {
			return nil, err
		}
		s = &keySource{store: k, id: id, get: get}
		k.sources[id] = s
	}
	if refresh <= 0 {
		refresh = defaultRefresh
	}
	if id.file != "" {
		refresh = fileInterval
	}
	s.refresh.Store(int64(refresh))
	return s, nil
}

// retain forgets the sources that are not in use. A verifier that is still
// running keeps those it has.
func (k *keyStore) retain(used []sourceID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	kept := make(map[sourceID]*keySource, len(used))
	for _, id := range used {
		kept[id] = k.sources[id]
	}
	k.sources = kept
}

// enter counts a fetch in, unless the store is closed.
func (k *keyStore) enter() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return false
	}
	k.running.Add(1)
	return true
}

// A keyVersion is one key set as it was published. The same document fetched
// again is the same keyVersion, so a remembered token compares pointers.
type keyVersion struct {
	set      *jose.KeySet
	document string
}

// A keySource fetches one issuer's key set and keeps the last good one. It is
// driven by its users: a set that is due for refresh is fetched in the background
// while the old one serves; a set that nobody used for two intervals is fetched
// before it is used, unless the last fetch failed: a source that hangs holds
// requests up once.
type keySource struct {
	store   *keyStore
	id      sourceID
	refresh atomic.Int64 // nanoseconds
	// get returns the key set's document, or the one it is given where it knows
	// that nothing changed.
	get func(ctx context.Context, old string) (string, error)

	last atomic.Pointer[keyVersion]
	due  atomic.Int64 // Unix time in nanoseconds of the next fetch

	mu       sync.Mutex
	fetching chan struct{} // closed when the fetch under way has ended; nil where none is
	failures int           // in a row
	failed   time.Time     // when the last of them began
	unknown  time.Time     // when an unknown kid last caused a fetch
}

// current returns the keys to verify with at now: the last good ones.
func (s *keySource) current(ctx context.Context, now time.Time) (*keyVersion, error) {
	v := s.last.Load()
	if v != nil && s.fresh(now) {
		return v, nil
	}
	fetching, overdue := s.fetch(now, false), now.UnixNano()-s.due.Load()
	if fetching != nil && (v == nil || s.id.file != "" || overdue > s.refresh.Load() && !s.failing()) {
		if err := wait(ctx, fetching); err != nil && v == nil {
			return nil, err
		}
	}
	if v = s.last.Load(); v == nil {
		return nil, errJWTUnavailable
	}
	return v, nil
}

// fresh reports whether no fetch is due. Where more time is left than an interval
// has, the clock was set back, and nothing is known.
func (s *keySource) fresh(now time.Time) bool {
	left := s.due.Load() - now.UnixNano()
	return left > 0 && left <= s.refresh.Load()+int64(time.Minute)
}

// newer returns a set that may hold what seen does not: seen itself, where the
// source was asked only a moment ago. While the source fails, nobody can say that
// a key is unknown.
func (s *keySource) newer(ctx context.Context, now time.Time, seen *keyVersion) (*keyVersion, error) {
	if v := s.last.Load(); v != seen {
		return v, nil
	}
	s.mu.Lock()
	var fetching <-chan struct{} = s.fetching
	allowed := passed(now, s.unknown, unknownInterval)
	if fetching == nil && allowed {
		s.unknown = now
	}
	s.mu.Unlock()
	if fetching == nil && allowed {
		fetching = s.fetch(now, true)
	}
	if fetching != nil {
		if err := wait(ctx, fetching); err != nil {
			return nil, err
		}
	}
	v := s.last.Load()
	if v == seen && s.failing() {
		return nil, errJWTUnavailable
	}
	return v, nil
}

// failing reports whether the last fetch failed.
func (s *keySource) failing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failures > 0
}

// prefetch starts a fetch where there are no keys yet.
func (s *keySource) prefetch(now time.Time) {
	if s.last.Load() == nil {
		s.fetch(now, false)
	}
}

// fetch starts a fetch, or joins the one under way. It returns nil where none may
// start: after a failure, for a while, and where somebody else just ended one,
// unless it is forced.
func (s *keySource) fetch(now time.Time, forced bool) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fetching != nil {
		return s.fetching
	}
	if !forced && s.last.Load() != nil && s.fresh(now) {
		return nil
	}
	if s.failures > 0 && !passed(now, s.failed, min(firstBackoff<<min(s.failures-1, 10), lastBackoff)) {
		return nil
	}
	if !s.store.enter() {
		return nil
	}
	done := make(chan struct{})
	s.fetching = done
	go func() {
		defer s.store.running.Done()
		err := s.load(now)
		s.ended(now, err)
		close(done)
	}()
	return done
}

func (s *keySource) load(now time.Time) error {
	ctx, cancel := context.WithTimeout(s.store.ctx, fetchTimeout)
	defer cancel()
	var old string
	v := s.last.Load()
	if v != nil {
		old = v.document
	}
	document, err := s.get(ctx, old)
	if err != nil {
		return err
	}
	if v == nil || document != old {
		set, err := jose.ParseKeySet(document)
		if err != nil {
			return err
		}
		s.last.Store(&keyVersion{set: set, document: document})
	}
	refresh := s.refresh.Load()
	if s.id.file == "" {
		refresh -= rand.Int64N(refresh/10 + 1) // so that replicas do not ask at one time
	}
	s.due.Store(now.UnixNano() + refresh)
	return nil
}

func (s *keySource) ended(now time.Time, err error) {
	s.mu.Lock()
	s.fetching = nil
	if err == nil {
		s.failures = 0
	} else {
		s.failed = now
		s.failures++
	}
	s.mu.Unlock()
	if err != nil && s.store.report != nil {
		s.store.report(s.id.issuer, &gatehouse.Error{Code: "keys.fetch", Status: http.StatusServiceUnavailable,
			Message: "the issuer's keys could not be fetched", Err: err})
	}
}

// passed reports whether so much time went by since last, or the clock was set
// back before it.
func passed(now, last time.Time, interval time.Duration) bool {
	return now.Sub(last) >= interval || now.Before(last)
}

// wait waits for a fetch as long as the request lives.
func wait(ctx context.Context, fetching <-chan struct{}) error {
	select {
	case <-fetching:
		return nil
	case <-ctx.Done():
		return errJWTUnavailable
	}
}
