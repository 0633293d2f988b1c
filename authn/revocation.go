package authn

import (
	"errors"
	"fmt"
	"hash/maphash"
	"math"
	"math/bits"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse/gatehouse"
)

// What a Revocation names.
const (
	RevokeToken   = "jti"     // one token, or one API key by its prefix
	RevokeSubject = "subject" // a user or workload
	RevokeSession = "session" // a login ("sid")
	RevokeGrant   = "grant"   // an authorization grant and all tokens that descend from it
)

// A Revocation ends credentials before their time. One JSON object of a line in
// the revocation file has these members.
type Revocation struct {
	// Kind is jti, subject, session or grant, and ID the value it has.
	Kind string `json:"kind"`
	ID   string `json:"id"`
	// Issuer narrows it to one issuer; empty means any.
	Issuer string `json:"issuer,omitempty"`
	// IssuedBefore spares what was issued after it: after a changed password,
	// say. Zero spares nothing.
	IssuedBefore time.Time `json:"issued_before,omitzero"`
	// Expires is when it may be forgotten, because all it names has expired by
	// then. Zero means never.
	Expires time.Time `json:"expires,omitzero"`
	// Reason is for people.
	Reason string `json:"reason,omitempty"`
}

// A RevocationList tells what is no longer good. The list in memory is one; a
// store shared by many gateways is another.
type RevocationList interface {
	// Revoked reports whether p was revoked. It is asked for every request and
	// answers from memory. An error means that the list cannot tell.
	Revoked(p *gatehouse.Principal, now time.Time) (bool, error)
}

type revokedKind uint8

const (
	revokedToken revokedKind = iota
	revokedSubject
	revokedSession
	revokedGrant
	revokedKinds
)

var revokedNames = [revokedKinds]string{RevokeToken, RevokeSubject, RevokeSession, RevokeGrant}

func (r Revocation) kind() (revokedKind, error) {
	if r.ID == "" || len(r.ID) > 1024 || len(r.Issuer) > 1024 {
		return 0, &gatehouse.Error{Code: "revocation.malformed", Message: "a revocation names an id of at most 1024 bytes"}
	}
	for k, name := range revokedNames {
		if name == r.Kind {
			return revokedKind(k), nil
		}
	}
	return 0, &gatehouse.Error{Code: "revocation.malformed", Message: fmt.Sprintf("unknown kind of revocation %q", r.Kind),
		Hint: "one of jti, subject, session, grant"}
}

// A revoked entry is a Revocation as it is kept; times are Unix nanoseconds, 0
// for none.
type revoked struct {
	issuer          string
	before, expires int64
}

const revokedShards = 64 // 1<<6: see shard

// A revokedSet holds revocations in memory: sharded, bounded, and read without
// waiting for other readers. A kind of which there is none costs one load, an id
// that was never revoked one bit.
type revokedSet struct {
	limit  int64
	seed   maphash.Seed
	count  atomic.Int64
	kinds  [revokedKinds]atomic.Int64
	sieves [revokedKinds]atomic.Pointer[sieve]
	shards [revokedKinds][revokedShards]revokedShard
}

// A sieve has a bit for each hash that was ever added. What is not in it is not
// in the set; forgetting leaves the bit.
type sieve []atomic.Uint64

// newSieve has 8 bits for each entry, in whole powers of two.
func newSieve(limit int64) *sieve {
	s := make(sieve, 1<<bits.Len64(uint64(min(max(limit, 512), 8<<20)/8-1)))
	return &s
}

func (s sieve) add(hash uint64) { s[hash>>6&uint64(len(s)-1)].Or(1 << (hash & 63)) }

func (s sieve) has(hash uint64) bool {
	return s[hash>>6&uint64(len(s)-1)].Load()&(1<<(hash&63)) != 0
}

type revokedShard struct {
	mu sync.RWMutex
	m  map[string][]revoked
	_  [32]byte // keeps neighbours out of one cache line
}

func newRevokedSet(limit int) *revokedSet {
	return &revokedSet{limit: int64(limit), seed: maphash.MakeSeed()}
}

// shard uses the upper bits of the hash, the sieve the lower ones.
func (s *revokedSet) shard(k revokedKind, hash uint64) *revokedShard {
	return &s.shards[k][hash>>58]
}

// add keeps r, and refuses when the set is full even after expired entries are
// gone: what was revoked is never forgotten early.
func (s *revokedSet) add(r Revocation, now time.Time) error {
	k, err := r.kind()
	if err != nil {
		return err
	}
	e := revoked{issuer: r.Issuer}
	if !r.IssuedBefore.IsZero() {
		e.before = nanoseconds(r.IssuedBefore)
	}
	if !r.Expires.IsZero() {
		if !r.Expires.After(now) {
			return nil
		}
		e.expires = nanoseconds(r.Expires)
	}
	if !s.reserve(now) {
		return &gatehouse.Error{Code: codeRevocationFull, Status: http.StatusServiceUnavailable,
			Message: fmt.Sprintf("the list of revocations is full at %d entries", s.limit),
			Hint:    "raise authn.revocation.size"}
	}
	// Count and sieve go first: a reader that sees them may look in vain, never
	// the other way round.
	hash := maphash.String(s.seed, r.ID)
	s.kinds[k].Add(1)
	if s.sieves[k].Load() == nil {
		s.sieves[k].CompareAndSwap(nil, newSieve(s.limit))
	}
	s.sieves[k].Load().add(hash)
	if !s.shard(k, hash).insert(r.ID, e) {
		s.kinds[k].Add(-1)
		s.count.Add(-1)
	}
	return nil
}

// nanoseconds is t in Unix nanoseconds, which reach from 1678 to 2262: a time
// beyond them ("9999-12-31") is the last or the first of them. It is never 0, which
// stands for no time.
func nanoseconds(t time.Time) int64 {
	const first, last = math.MinInt64/int64(time.Second) + 1, math.MaxInt64/int64(time.Second) - 1
	switch sec := t.Unix(); {
	case sec < first:
		return math.MinInt64
	case sec > last:
		return math.MaxInt64
	}
	if n := t.UnixNano(); n != 0 {
		return n
	}
	return -1
}

// reserve takes a place in the set, once more after expired entries are gone.
func (s *revokedSet) reserve(now time.Time) bool {
	if s.count.Add(1) <= s.limit {
		return true
	}
	s.count.Add(-1)
	if s.sweep(now) == 0 {
		return false
	}
	if s.count.Add(1) <= s.limit {
		return true
	}
	s.count.Add(-1)
	return false
}

// insert reports whether the entry took a place of its own: one that is covered
// by another is dropped, one that covers another replaces it.
func (sh *revokedShard) insert(id string, e revoked) bool {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for i, old := range sh.m[id] {
		switch {
		case old.covers(e):
			return false
		case e.covers(old):
			sh.m[id][i] = e
			return false
		}
	}
	if sh.m == nil {
		sh.m = make(map[string][]revoked)
	}
	sh.m[id] = append(sh.m[id], e)
	return true
}

// covers reports whether e ends all that f ends, for as long.
func (e revoked) covers(f revoked) bool {
	later := func(a, b int64) bool { return a == 0 || b != 0 && a >= b }
	return e.issuer == f.issuer && later(e.before, f.before) && later(e.expires, f.expires)
}

// sweep drops expired entries and returns how many.
func (s *revokedSet) sweep(now time.Time) int {
	at, dropped := now.UnixNano(), 0
	for k := range s.shards {
		n := 0
		for i := range s.shards[k] {
			sh := &s.shards[k][i]
			sh.mu.Lock()
			for id, list := range sh.m {
				kept := list[:0]
				for _, e := range list {
					if e.expires == 0 || e.expires > at {
						kept = append(kept, e)
					}
				}
				n += len(list) - len(kept)
				if len(kept) == 0 {
					delete(sh.m, id)
				} else {
					sh.m[id] = kept
				}
			}
			sh.mu.Unlock()
		}
		s.kinds[k].Add(int64(-n))
		s.count.Add(int64(-n))
		dropped += n
	}
	return dropped
}

// has reports whether the set ends this principal.
func (s *revokedSet) has(p *gatehouse.Principal, now int64) bool {
	if s.count.Load() == 0 {
		return false
	}
	return s.lookup(revokedToken, p.TokenID, p, now) || s.lookup(revokedSubject, p.Subject, p, now) ||
		s.lookup(revokedSession, p.SessionID, p, now) || s.lookup(revokedGrant, p.GrantID, p, now)
}

func (s *revokedSet) lookup(k revokedKind, id string, p *gatehouse.Principal, now int64) bool {
	if id == "" || s.kinds[k].Load() == 0 {
		return false
	}
	hash := maphash.String(s.seed, id)
	if f := s.sieves[k].Load(); f == nil || !f.has(hash) {
		return false
	}
	sh := s.shard(k, hash)
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	for _, e := range sh.m[id] {
		if e.ends(p, now) {
			return true
		}
	}
	return false
}

// ends decides one entry. A credential whose time of issue is unknown counts as
// issued before; iat has whole seconds, so the second of the revocation counts
// as before, too.
func (e revoked) ends(p *gatehouse.Principal, now int64) bool {
	if e.issuer != "" && e.issuer != p.Issuer {
		return false
	}
	if e.expires != 0 && e.expires <= now {
		return false
	}
	return e.before == 0 || p.IssuedAt.IsZero() || p.IssuedAt.UnixNano() <= e.before
}

// A memoryList is what a Service asks: what was revoked by calls, and what the
// watched file says.
type memoryList struct {
	calls *revokedSet
	file  *revocationFile // nil where none is configured
}

// Revoked implements RevocationList.
func (l *memoryList) Revoked(p *gatehouse.Principal, now time.Time) (bool, error) {
	at := now.UnixNano()
	if l.calls.has(p, at) {
		return true, nil
	}
	if l.file == nil {
		return false, nil
	}
	if l.file.set.Load().has(p, at) {
		return true, nil
	}
	if err := l.file.err.Load(); err != nil {
		return false, *err
	}
	return false, nil
}

// errRevocation wraps why the list cannot tell.
func errRevocation(err error) error {
	var e *gatehouse.Error
	if errors.As(err, &e) && e.Code == codeRevocationUnreachable {
		return err
	}
	return &gatehouse.Error{Code: codeRevocationUnreachable, Status: http.StatusServiceUnavailable,
		Message: "the list of revocations cannot be read", Err: err}
}
