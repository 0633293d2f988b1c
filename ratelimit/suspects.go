package ratelimit

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// suspects is Memory's Watchlist: a map, which nearly always is empty.
type suspects struct {
	last  atomic.Int64 // when the last mark ends: after it nobody locks
	limit int

	mu      sync.RWMutex
	marks   map[Key]mark
	evicted uint64
}

type mark struct {
	until int64 // an instant of the Memory
	Suspect
}

func (l *suspects) init(limit int) {
	l.limit, l.marks = limit, map[Key]mark{}
	l.last.Store(math.MinInt64)
}

func (l *suspects) marked(owner Key, t int64) bool {
	if t >= l.last.Load() {
		return false
	}
	l.mu.RLock()
	m, ok := l.marks[owner]
	l.mu.RUnlock()
	return ok && t < m.until
}

func (l *suspects) count() (int, uint64) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return len(l.marks), l.evicted
}

// Mark implements [Watchlist].
func (m *Memory) Mark(_ context.Context, s Suspect) error {
	l, now := &m.suspects, m.instant(s.Since)
	l.mu.Lock()
	defer l.mu.Unlock()
	if old, ok := l.marks[s.Owner]; ok && now < old.until {
		return nil
	}
	if len(l.marks) >= l.limit {
		l.makeRoom(now)
	}
	until := now + int64(s.Until.Sub(s.Since))
	l.marks[s.Owner] = mark{until: until, Suspect: s}
	l.last.Store(max(l.last.Load(), until))
	return nil
}

// makeRoom looks at some marks in the map's random order and drops the expired
// ones, or else the one that ends first.
func (l *suspects) makeRoom(now int64) {
	var first Key
	seen, dropped := 0, false
	for k, v := range l.marks {
		if v.until <= now {
			delete(l.marks, k)
			dropped = true
		} else if first == (Key{}) || v.until < l.marks[first].until {
			first = k
		}
		if seen++; seen == 4*sample {
			break
		}
	}
	if !dropped {
		delete(l.marks, first)
		l.evicted++
	}
}

// Marked implements [Watchlist].
func (m *Memory) Marked(_ context.Context, now time.Time, owner Key) (bool, error) {
	return m.suspects.marked(owner, m.instant(now)), nil
}

// Quiet reports whether nobody is suspicious at the instant now.
func (m *Memory) Quiet(now time.Time) bool { return m.instant(now) >= m.suspects.last.Load() }

// Forget implements [Watchlist].
func (m *Memory) Forget(_ context.Context, owner Key) error {
	l := &m.suspects
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.marks, owner)
	return nil
}

// Suspects implements [Watchlist].
func (m *Memory) Suspects(_ context.Context, now time.Time, max int) ([]Suspect, error) {
	l, t := &m.suspects, m.instant(now)
	l.mu.RLock()
	list := make([]Suspect, 0, len(l.marks))
	for _, v := range l.marks {
		if t < v.until {
			list = append(list, v.Suspect)
		}
	}
	l.mu.RUnlock()
	slices.SortFunc(list, func(a, b Suspect) int {
		return cmp.Or(b.Since.Compare(a.Since), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	return list[:min(len(list), max)], nil
}
