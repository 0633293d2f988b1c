package ratelimit

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"math"
	"math/bits"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse"
)

// MemoryOptions bound a [Memory].
type MemoryOptions struct {
	// MaxKeys is the greatest number of keys remembered, within a tenth
	// since the keys are spread over shards by their hash. 0: a million.
	MaxKeys int
	// MaxSuspects is the greatest number of suspects remembered. 0: 100,000.
	MaxSuspects int
}

// Memory is the Store of one process. A key costs about 50 bytes; on an exact
// level about 60 more, and some 12 for each call within the window beyond the
// third.
//
// Time is what the callers say it is. It never runs backwards: where two
// exchanges overtake each other, or the clock is set back by less than a minute,
// the latest instant seen counts. After a larger step limits recover within one
// of their own periods. Exchanges whose Start has a monotonic reading are immune
// to steps.
type Memory struct {
	secret   [2]uint64
	base     time.Time
	shards   []shard
	suspects suspects
}

// maxAsks bounds how many limits one Decide may judge.
const maxAsks = 32

// minChunks lets a shard hold the largest exact windows however few keys.
const minChunks = 4 * maxExact / chunkStamps

// NewMemory returns an empty Memory.
func NewMemory(o MemoryOptions) *Memory {
	if o.MaxKeys <= 0 {
		o.MaxKeys = 1_000_000
	}
	if o.MaxSuspects <= 0 {
		o.MaxSuspects = 100_000
	}
	n := 1
	for n < 256 && n*2048 <= o.MaxKeys {
		n *= 2
	}
	perShard := o.MaxKeys
	if n > 1 { // keys fall on shards by chance: four standard deviations of room
		mean := float64(o.MaxKeys) / float64(n)
		perShard = int(mean + 4*math.Sqrt(mean) + 1)
	}
	var seed [16]byte
	rand.Read(seed[:]) // never fails, says its documentation
	m := &Memory{
		secret: [2]uint64{binary.LittleEndian.Uint64(seed[:8]), binary.LittleEndian.Uint64(seed[8:])},
		base:   time.Now(),
		shards: make([]shard, n),
	}
	m.suspects.init(o.MaxSuspects)
	for i := range m.shards {
		s := &m.shards[i]
		s.now, s.limit = math.MinInt64, perShard
		s.stamps.limit = uint32(max(minChunks, perShard+perShard/2))
	}
	return m
}

// Secret implements [Counts].
func (m *Memory) Secret() [2]uint64 { return m.secret }

// instant is now in nanoseconds since m was made.
func (m *Memory) instant(now time.Time) int64 {
	return min(max(int64(now.Sub(m.base)), -1<<61), 1<<61)
}

// Decide implements [Counts]. It locks the shards of all keys, in their order,
// so that nobody sees a call half taken.
func (m *Memory) Decide(_ context.Context, now time.Time, asks []Ask) (int, error) {
	if len(asks) > maxAsks {
		return -1, &gatehouse.Error{Code: "limit.levels", Status: 503, Message: "too many limits in one decision"}
	}
	t := m.instant(now)
	if len(asks) == 1 {
		a := &asks[0]
		m.place(a, t)
		s := &m.shards[a.shard]
		s.mu.Lock()
		s.tick(t)
		s.judge(a)
		if !a.Refused {
			s.carryOut(a)
		}
		s.mu.Unlock()
		if a.Refused {
			return 0, nil
		}
		return -1, nil
	}
	return m.decideAll(t, asks), nil
}

func (m *Memory) decideAll(t int64, asks []Ask) int {
	var set [4]uint64 // of shards, at most 256
	for i := range asks {
		a := &asks[i]
		m.place(a, t)
		set[a.shard>>6] |= 1 << (a.shard & 63)
	}
	for w, word := range set {
		for ; word != 0; word &= word - 1 {
			s := &m.shards[w<<6|bits.TrailingZeros64(word)]
			s.mu.Lock()
			s.tick(t)
		}
	}
	refused := -1
	for i := range asks {
		a := &asks[i]
		m.shards[a.shard].judge(a)
		if a.Refused && (refused < 0 || a.Wait > asks[refused].Wait) {
			refused = i
		}
	}
	if refused < 0 {
		for i := range asks {
			m.shards[asks[i].shard].carryOut(&asks[i])
		}
	}
	for w, word := range set {
		for ; word != 0; word &= word - 1 {
			m.shards[w<<6|bits.TrailingZeros64(word)].mu.Unlock()
		}
	}
	return refused
}

// place finds a's shard, and whether its owner is suspicious.
func (m *Memory) place(a *Ask, t int64) {
	a.Refused, a.Suspected, a.Left, a.Wait, a.Recover = false, false, 0, 0, 0
	a.shard = uint32(a.Key.Hi) & uint32(len(m.shards)-1)
	if a.Owner != (Key{}) && a.Strict != nil && m.suspects.marked(a.Owner, t) {
		a.Suspected = true
	}
}

// Stats is what a Memory holds.
type Stats struct {
	Keys int // remembered, recovered ones included until they are swept
	// Evicted counts keys that were forgotten before they had recovered.
	Evicted uint64
	// Full counts calls refused because an exact window found no room.
	Full            uint64
	Suspects        int
	SuspectsEvicted uint64
	Bytes           int64 // held by keys and windows
}

// Stats adds up all shards, one after the other.
func (m *Memory) Stats() Stats {
	var st Stats
	for i := range m.shards {
		s := &m.shards[i]
		s.mu.Lock()
		st.Keys += s.used
		st.Evicted += s.evicted
		st.Full += s.full
		st.Bytes += int64(len(s.slots))*slotSize + s.stamps.bytes()
		s.mu.Unlock()
	}
	st.Suspects, st.SuspectsEvicted = m.suspects.count()
	return st
}

// A shard is a part of the keys under one lock.
type shard struct {
	mu     sync.Mutex
	now    int64 // the latest instant seen
	slots  []slot
	used   int
	limit  int // of used
	hand   int // where sweeping and evicting go on
	stamps arena

	evicted, full uint64
	_             [32]byte // keeps neighbours' locks off the same cache line
}

// maxStepBack is how far the clock may be set back and count as jitter.
const maxStepBack = int64(time.Minute)

func (s *shard) tick(t int64) {
	if t > s.now || s.now-t > maxStepBack {
		s.now = t
	}
}

// judge fills in a's results, and changes no count.
func (s *shard) judge(a *Ask) {
	l := a.applied()
	room := !l.Exact || a.Do == Peek || a.Do == Return || s.roomForStamps(a.Key)
	a.slot = int32(s.find(a.Key))
	if l.Exact {
		s.judgeWindow(a, l, room)
		return
	}
	ahead, capacity := s.ahead(a, l), int64(l.Interval)*l.Burst
	if a.Do == Take || a.Do == Peek {
		a.Refused = ahead+int64(l.Interval) > capacity
	}
	a.gauge(l, ahead)
}

// ahead is how far the key's theoretical arrival time lies ahead of now, and at
// most as far as the limit can go.
func (s *shard) ahead(a *Ask, l *Limit) int64 {
	if a.slot < 0 {
		return 0
	}
	e := &s.slots[a.slot]
	most := int64(l.Interval) * (l.Burst + l.Debt)
	if e.end-s.now > most {
		// Either this limit is smaller than the one that was applied before, or the
		// clock was set back: then recovery starts anew from here.
		e.end = min(e.end, s.now+max(most, int64(e.span)*int64(time.Millisecond)))
	}
	return min(max(0, e.end-s.now), most)
}

// gauge fills in what is left of a GCRA limit.
func (a *Ask) gauge(l *Limit, ahead int64) {
	capacity := int64(l.Interval) * l.Burst
	a.Left = max(0, (capacity-ahead)/int64(l.Interval))
	a.Wait = time.Duration(max(0, ahead+int64(l.Interval)-capacity))
	a.Recover = time.Duration(ahead)
}

// carryOut does what a asks for, after every ask was judged.
func (s *shard) carryOut(a *Ask) {
	if a.Do == Peek {
		return
	}
	l := a.applied()
	// An ask before this one may have moved slots.
	if a.slot < 0 || int(a.slot) >= len(s.slots) || s.slots[a.slot].key != a.Key {
		a.slot = int32(s.find(a.Key))
	}
	if l.Exact {
		s.carryOutWindow(a, l)
		return
	}
	ahead := s.ahead(a, l)
	if a.Do == Return {
		if a.slot >= 0 && a.Ago < l.Interval*time.Duration(l.Burst) {
			ahead = max(0, ahead-int64(l.Interval))
			s.slots[a.slot].end = s.now + ahead
		}
		a.gauge(l, ahead)
		return
	}
	if a.slot < 0 {
		a.slot = int32(s.insert(a.Key))
	}
	ahead = min(ahead+int64(l.Interval), int64(l.Interval)*(l.Burst+l.Debt))
	e := &s.slots[a.slot]
	e.end, e.span = s.now+ahead, milliseconds(int64(l.Interval)*l.Burst)
	a.gauge(l, ahead)
}

// milliseconds rounds up, so that it is never 0.
func milliseconds(ns int64) uint32 {
	return uint32(min(ns/int64(time.Millisecond)+1, math.MaxUint32))
}
