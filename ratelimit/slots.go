package ratelimit

import "math/bits"

// A slot is one key of a shard's open-addressing table. It holds no pointer, so
// that the collector never looks at it.
type slot struct {
	key Key // zero: empty
	// end is when the key has recovered and may be forgotten: GCRA's theoretical
	// arrival time, or when the last call leaves the window.
	end int64
	// window is the key's exact window in the arena, 0 for GCRA.
	window uint32
	// span is what end or the window's length is measured by when the least used
	// key is looked for: milliseconds of GCRA's capacity, or calls in the window.
	span uint32
}

const (
	slotSize  = 32
	firstSize = 8
	// sample is how many slots are looked at to find the least used key.
	sample = 16
)

func (s *shard) home(k Key) int {
	hi, _ := bits.Mul64(k.Lo, uint64(len(s.slots)))
	return int(hi)
}

// find returns the index of k's slot, or -1.
func (s *shard) find(k Key) int {
	if s.used == 0 {
		return -1
	}
	for i := s.home(k); ; {
		e := &s.slots[i]
		if e.key == k {
			return i
		}
		if e.key == (Key{}) {
			return -1
		}
		if i++; i == len(s.slots) {
			i = 0
		}
	}
}

// insert adds k, which is not there, and returns its index. Each insertion
// looks at two more slots for what has recovered, so that a table is swept
// about twice in the time it would take to fill.
func (s *shard) insert(k Key) int {
	s.sweep(2)
	if s.used >= s.limit {
		s.evict()
	}
	if (s.used+1)*4 > len(s.slots)*3 {
		s.grow()
	}
	i := s.home(k)
	for s.slots[i].key != (Key{}) {
		if i++; i == len(s.slots) {
			i = 0
		}
	}
	s.slots[i] = slot{key: k}
	s.used++
	return i
}

// remove deletes slot i and moves up those that were displaced by it, so that
// no tombstones gather.
func (s *shard) remove(i int) {
	if w := s.slots[i].window; w != 0 {
		s.stamps.drop(w)
	}
	n := len(s.slots)
	for j := i; ; {
		if j++; j == n {
			j = 0
		}
		if s.slots[j].key == (Key{}) {
			break
		}
		// j may move to the hole at i if its home does not lie between them.
		if h := s.home(s.slots[j].key); (j-h+n)%n >= (j-i+n)%n {
			s.slots[i] = s.slots[j]
			i = j
		}
	}
	s.slots[i] = slot{}
	s.used--
}

// sweep looks at n slots and forgets those that have recovered.
func (s *shard) sweep(n int) {
	for ; n > 0 && s.used > 0; n-- {
		if s.hand >= len(s.slots) {
			s.hand = 0
		}
		if e := &s.slots[s.hand]; e.key != (Key{}) && e.end <= s.now {
			s.remove(s.hand) // another may have moved here: the hand stays
			continue
		}
		s.hand++
	}
}

// grow makes room for one more key: by a full sweep where that frees a quarter,
// else by a table half as large again.
func (s *shard) grow() {
	s.hand = 0
	s.sweep(2 * len(s.slots))
	if len(s.slots) > 0 && s.used*16 < len(s.slots)*9 {
		return
	}
	old := s.slots
	size := max(firstSize, min(len(old)*3/2, s.limit*4/3+2))
	s.slots = make([]slot, max(size, s.used*4/3+2))
	s.hand = 0
	for _, e := range old {
		if e.key == (Key{}) {
			continue
		}
		i := s.home(e.key)
		for s.slots[i].key != (Key{}) {
			if i++; i == len(s.slots) {
				i = 0
			}
		}
		s.slots[i] = e
	}
}

// evict forgets the least used of some neighbours; one that has recovered goes
// for nothing.
func (s *shard) evict() {
	if i := s.leastUsed(false, Key{}); i >= 0 {
		if s.slots[i].end > s.now {
			s.evicted++
		}
		s.remove(i)
	}
}

// leastUsed looks from the hand on at [sample] keys, or windows only, other than
// spare, and returns the least used of them, -1 where there is none at all.
func (s *shard) leastUsed(windows bool, spare Key) int {
	best, least, seen := -1, 0.0, 0
	for n := 0; n < len(s.slots) && seen < sample; n++ {
		if s.hand++; s.hand >= len(s.slots) {
			s.hand = 0
		}
		e := &s.slots[s.hand]
		if e.key == (Key{}) || e.key == spare || windows && e.window == 0 {
			continue
		}
		seen++
		if u := s.usedPart(e); best < 0 || u < least {
			best, least = s.hand, u
		}
	}
	return best
}

// usedPart is how much of its limit a key has used: 0 is recovered, 1 exhausted.
func (s *shard) usedPart(e *slot) float64 {
	if e.end <= s.now {
		return 0
	}
	if e.window != 0 {
		return float64(s.stamps.windows[e.window].n) / float64(e.span)
	}
	return float64(e.end-s.now) / 1e6 / float64(e.span)
}
