package ratelimit

import "time"

// An arena holds the time stamps of a shard's exact windows, each window a chain
// of small chunks from the oldest call to the latest. It holds no pointers; freed
// chunks and windows are used again.
type arena struct {
	chunks  []chunk // 0 is none
	windows []window
	// Heads of the chains of free ones, 0 where there is none.
	freeChunk, freeWindow uint32
	live, limit           uint32 // chunks in use, and how many there may be
}

const chunkStamps = 3

type chunk struct {
	at   [chunkStamps]int64
	next uint32
	_    uint32
}

// A window is a queue of n stamps: from place first of chunk head to place last
// (exclusive) of chunk tail.
type window struct {
	head, tail  uint32 // head doubles as the chain of free windows
	n           uint32
	first, last uint16
}

func (r *arena) bytes() int64 { return int64(cap(r.chunks))*32 + int64(cap(r.windows))*16 }

// more appends a zero element and grows by an eighth, since doubling would waste
// memory on average a half of which is never used.
func more[T any](s []T) []T {
	if len(s) == cap(s) {
		s = append(make([]T, 0, len(s)+len(s)/8+4), s...)
	}
	return s[:len(s)+1]
}

// open returns a new, empty window.
func (r *arena) open() uint32 {
	if w := r.freeWindow; w != 0 {
		r.freeWindow = r.windows[w].head
		r.windows[w] = window{}
		return w
	}
	if len(r.windows) == 0 {
		r.windows = more(r.windows)
	}
	r.windows = more(r.windows)
	return uint32(len(r.windows) - 1)
}

// drop frees a window and all its chunks.
func (r *arena) drop(i uint32) {
	w := &r.windows[i]
	for c := w.head; c != 0; {
		next := r.chunks[c].next
		r.free(c)
		c = next
	}
	*w = window{head: r.freeWindow}
	r.freeWindow = i
}

func (r *arena) free(c uint32) {
	r.chunks[c].next = r.freeChunk
	r.freeChunk = c
	r.live--
}

func (r *arena) take() uint32 {
	r.live++
	if c := r.freeChunk; c != 0 {
		r.freeChunk = r.chunks[c].next
		r.chunks[c].next = 0
		return c
	}
	if len(r.chunks) == 0 {
		r.chunks = more(r.chunks)
	}
	r.chunks = more(r.chunks)
	return uint32(len(r.chunks) - 1)
}

// push appends a stamp.
func (r *arena) push(i uint32, at int64) {
	w := &r.windows[i]
	if w.tail == 0 || w.last == chunkStamps {
		c := r.take()
		if w.tail == 0 {
			w.head, w.first = c, 0
		} else {
			r.chunks[w.tail].next = c
		}
		w.tail, w.last = c, 0
	}
	r.chunks[w.tail].at[w.last] = at
	w.last++
	w.n++
}

// pop removes the oldest stamp.
func (r *arena) pop(i uint32) {
	w := &r.windows[i]
	w.first++
	w.n--
	if w.n == 0 {
		r.free(w.head)
		*w = window{}
	} else if w.first == chunkStamps {
		c := w.head
		w.head, w.first = r.chunks[c].next, 0
		r.free(c)
	}
}

func (r *arena) oldest(i uint32) int64 {
	w := &r.windows[i]
	return r.chunks[w.head].at[w.first]
}

func (r *arena) latest(i uint32) int64 {
	w := &r.windows[i]
	return r.chunks[w.tail].at[w.last-1]
}

// shift moves every stamp by d.
func (r *arena) shift(i uint32, d int64) {
	for c := r.windows[i].head; c != 0; c = r.chunks[c].next {
		for j := range r.chunks[c].at {
			r.chunks[c].at[j] += d
		}
	}
}

// expire forgets the calls that were period ago or longer. A window is half
// open: of two calls exactly a period apart no window holds both.
func (s *shard) expire(i uint32, period int64) {
	r := &s.stamps
	if r.windows[i].n == 0 {
		return
	}
	if d := s.now - r.latest(i); d < 0 {
		r.shift(i, d) // the clock was set back: the last call counts as now
	}
	for r.windows[i].n > 0 && r.oldest(i) <= s.now-period {
		r.pop(i)
	}
}

// judgeWindow is judge for an exact window.
func (s *shard) judgeWindow(a *Ask, l *Limit, room bool) {
	var n int64
	if a.slot >= 0 && s.slots[a.slot].window != 0 {
		w := s.slots[a.slot].window
		s.expire(w, int64(l.Period))
		n = int64(s.stamps.windows[w].n)
	}
	switch {
	case a.Do != Take && a.Do != Peek:
	case n >= l.Count:
		a.Refused = true
	case !room:
		s.full++
		a.Refused, a.Wait = true, time.Second
		return
	}
	s.gaugeWindow(a, l)
}

// gaugeWindow fills in what is left of an exact window.
func (s *shard) gaugeWindow(a *Ask, l *Limit) {
	a.Left, a.Wait, a.Recover = l.Count, 0, 0
	if a.slot < 0 {
		return
	}
	w := s.slots[a.slot].window
	if w == 0 || s.stamps.windows[w].n == 0 {
		return
	}
	n := int64(s.stamps.windows[w].n)
	a.Left = max(0, l.Count-n)
	a.Recover = time.Duration(s.stamps.latest(w) - s.now + int64(l.Period))
	switch {
	case n == l.Count:
		a.Wait = time.Duration(s.stamps.oldest(w) - s.now + int64(l.Period))
	case n > l.Count: // the limit became smaller: the wait is an upper bound
		a.Wait = a.Recover
	}
}

// roomForStamps makes sure that every ask of a decision can add its stamp, and
// forgets the least used windows for it, but not k's own: that would let k start
// afresh.
func (s *shard) roomForStamps(k Key) bool {
	for s.stamps.live+maxAsks > s.stamps.limit {
		i := s.leastUsed(true, k)
		if i < 0 {
			return false
		}
		if s.slots[i].end > s.now {
			s.evicted++
		}
		s.remove(i)
	}
	return true
}

// carryOutWindow is carryOut for an exact window.
func (s *shard) carryOutWindow(a *Ask, l *Limit) {
	if a.Do == Return {
		s.returnToWindow(a, l)
		return
	}
	if a.slot < 0 {
		a.slot = int32(s.insert(a.Key))
	}
	e := &s.slots[a.slot]
	if e.window == 0 {
		e.window = s.stamps.open()
	}
	if a.Do == Take || int64(s.stamps.windows[e.window].n) < l.Count+l.Debt {
		s.stamps.push(e.window, s.now)
	}
	e.end, e.span = s.now+int64(l.Period), uint32(l.Count)
	s.gaugeWindow(a, l)
}

// returnToWindow takes the oldest stamp away, not the one that was given: the
// remaining ones then leave the window no earlier than they would have.
func (s *shard) returnToWindow(a *Ask, l *Limit) {
	if a.slot >= 0 && a.Ago < l.Period {
		if w := s.slots[a.slot].window; w != 0 && s.stamps.windows[w].n > 0 {
			s.stamps.pop(w)
		}
	}
	s.gaugeWindow(a, l)
}
