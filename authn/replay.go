package authn

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"
)

// replayShards is a power of two.
const replayShards = 64

// A proofID identifies a DPoP proof: a hash of its key's thumbprint and its jti.
type proofID [16]byte

// A replayStore remembers the proofs that were used, each for the whole time in
// which it could be accepted again. It is bounded, and refuses when full: what
// was seen is never forgotten early (RFC 9449, section 11.1). The bound belongs to
// a configuration, and comes with every call.
type replayStore struct {
	count  atomic.Int64
	shards [replayShards]replayShard

	mu     sync.Mutex
	window proofWindow // of the configuration that judges
}

type replayShard struct {
	mu   sync.Mutex
	seen map[proofID]struct{}
	// queue holds the same entries in the order of arrival from head on, and so
	// nearly in the order of expiry.
	queue []replayEntry
	head  int
	_     [8]byte
}

type replayEntry struct {
	id      proofID
	expires int64 // Unix nanoseconds
}

func newReplayStore() *replayStore {
	s := &replayStore{}
	for i := range s.shards {
		s.shards[i].seen = make(map[proofID]struct{})
	}
	return s
}

// A proofWindow is how old proofs may be: those made until narrowUntil as old as
// narrow at the most, later ones as age says. A used proof is remembered for the
// age of its day; where a reload raises it, those of before must not come to life
// again.
type proofWindow struct {
	age, narrow time.Duration
	narrowUntil time.Time
}

// oldest is when a proof that is shown at now must have been made.
func (w *proofWindow) oldest(iat, now time.Time) time.Time {
	if iat.After(w.narrowUntil) {
		return now.Add(-w.age)
	}
	return now.Add(-min(w.age, w.narrow))
}

// next is the window for a configuration that begins to judge at now.
func (s *replayStore) next(age time.Duration, now time.Time) proofWindow {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.window
	if before.age == 0 { // the first one
		s.window = proofWindow{age: age, narrow: age}
		return s.window
	}
	w := proofWindow{age: age, narrow: before.narrow, narrowUntil: before.narrowUntil}
	if age > before.age {
		if now.Sub(w.narrowUntil) > maxProofAge { // all that it was about is too old by any measure
			w.narrow = before.age
		}
		// Exchanges under way, and clocks that are ahead, are of before, too.
		w.narrow, w.narrowUntil = min(w.narrow, before.age), now.Add(proofSkew+replaySlack)
	}
	return w
}

// settle makes w the window that is in force.
func (s *replayStore) settle(w proofWindow) {
	s.mu.Lock()
	s.window = w
	s.mu.Unlock()
}

// use marks id as used until expires, atomically: of any number of callers with
// one id exactly one gets nil. It keeps no more than limit ids.
func (s *replayStore) use(id proofID, limit int, now, expires time.Time) error {
	sh := &s.shards[binary.LittleEndian.Uint64(id[:8])%replayShards]
	at := now.UnixNano()
	reserved := s.reserve(int64(limit), at)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if reserved {
		s.count.Add(-int64(sh.forget(at)))
	}
	if _, seen := sh.seen[id]; seen {
		if reserved {
			s.count.Add(-1)
		}
		return errProofReplayed
	}
	if !reserved {
		return errReplayFull
	}
	sh.seen[id] = struct{}{}
	sh.queue = append(sh.queue, replayEntry{id, expires.UnixNano()})
	return nil
}

// reserve takes a place. When there is none it forgets what expired in all
// shards and tries once more.
func (s *replayStore) reserve(limit, at int64) bool {
	if s.count.Add(1) <= limit {
		return true
	}
	s.count.Add(-1)
	freed := 0
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.Lock()
		freed += sh.forget(at)
		sh.mu.Unlock()
	}
	s.count.Add(-int64(freed))
	if s.count.Add(1) <= limit {
		return true
	}
	s.count.Add(-1)
	return false
}

// forget drops expired entries from the front and returns how many. The caller
// holds the lock.
func (sh *replayShard) forget(at int64) int {
	n := 0
	for sh.head < len(sh.queue) && sh.queue[sh.head].expires < at {
		delete(sh.seen, sh.queue[sh.head].id)
		sh.head++
		n++
	}
	if sh.head == len(sh.queue) {
		sh.queue, sh.head = sh.queue[:0], 0
	} else if sh.head > 64 && sh.head > len(sh.queue)/2 {
		sh.queue = sh.queue[:copy(sh.queue, sh.queue[sh.head:])]
		sh.head = 0
	}
	return n
}

// len returns how many proofs are remembered, expired ones perhaps included.
func (s *replayStore) len() int { return int(s.count.Load()) }
