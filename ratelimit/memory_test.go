package ratelimit

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The first vectors of SipHash-2-4-128's reference implementation
// (github.com/veorq/SipHash, vectors.h): key 00..0f, input 00, 01, 02 ...
func TestDigestVectors(t *testing.T) {
	k0, k1 := uint64(0x0706050403020100), uint64(0x0f0e0d0c0b0a0908)
	for n, want := range []string{"a3817f04ba25a8e66df67214c7550293", "da87c1d86b99af44347659119b22fc45"} {
		in := make([]byte, n)
		for i := range in {
			in[i] = byte(i)
		}
		k := digest(k0, k1, in)
		out := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, k.Lo), k.Hi)
		if got := hex.EncodeToString(out); got != want {
			t.Errorf("%d bytes: %s, want %s", n, got, want)
		}
	}
}

func key(n uint64) Key { return digest(1, 2, binary.LittleEndian.AppendUint64(nil, n)) }

func mustDecide(t interface {
	Helper()
	Fatal(...any)
}, m *Memory, now time.Time, asks ...Ask) bool {
	t.Helper()
	refused, err := m.Decide(context.Background(), now, asks)
	if err != nil {
		t.Fatal(err)
	}
	return refused < 0
}

// A bucket is the model of GCRA: water runs out as time passes, a call pours in
// an interval's worth and must not make it overflow.
type bucket struct {
	water time.Duration
	at    time.Time
}

func (b *bucket) run(now time.Time) {
	if now.After(b.at) {
		b.water = max(0, b.water-now.Sub(b.at))
		b.at = now
	}
}

// A log is the model of an exact window: every call that passed.
type log []time.Time

func (l log) within(now time.Time, period time.Duration) (n int64) {
	for _, t := range l {
		if now.Sub(t) < period {
			n++
		}
	}
	return n
}

func drawLimit(t *rapid.T, exact bool) Limit {
	count := rapid.Int64Range(1, 12).Draw(t, "count")
	per := time.Duration(rapid.IntRange(1, 20).Draw(t, "seconds")) * time.Second
	burst := rapid.Int64Range(0, 15).Draw(t, "burst")
	return newLimit(Rate{count, per}, burst, exact)
}

// Several levels at once, GCRA and exact mixed, against simple models: all must
// pass, or none is consumed.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := NewMemory(MemoryOptions{MaxKeys: 5000})
		now := time.Unix(1_800_000_000, 0)
		const keys = 6
		var limits [keys]Limit
		var buckets [keys]bucket
		var logs [keys]log
		for i := range limits {
			limits[i] = drawLimit(t, i%2 == 1)
			buckets[i].at = now
		}
		for range rapid.IntRange(50, 150).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.Int64Range(0, 2500).Draw(t, "ms")) * time.Millisecond)
			var asks []Ask
			pass := true
			first := rapid.IntRange(0, keys-1).Draw(t, "first")
			last := rapid.IntRange(first, keys-1).Draw(t, "last")
			for i := first; i <= last; i++ {
				l := &limits[i]
				asks = append(asks, Ask{Key: key(uint64(i)), Limit: l})
				if l.Exact {
					pass = pass && logs[i].within(now, l.Period) < l.Count
				} else {
					buckets[i].run(now)
					pass = pass && buckets[i].water+l.Interval <= l.Interval*time.Duration(l.Burst)
				}
			}
			refused, _ := m.Decide(context.Background(), now, asks)
			if (refused < 0) != pass {
				t.Fatalf("refused %d, the model says pass=%v", refused, pass)
			}
			for j, a := range asks {
				i, l := first+j, a.Limit
				left := l.Count - logs[i].within(now, l.Period)
				if !l.Exact {
					left = int64((l.Interval*time.Duration(l.Burst) - buckets[i].water) / l.Interval)
				}
				if pass {
					left--
					logs[i] = append(logs[i], now)
					buckets[i].water += l.Interval
				}
				if a.Left != left {
					t.Fatalf("key %d: %d left, the model says %d", i, a.Left, left)
				}
				if (a.Wait > 0) != (left == 0) {
					t.Fatalf("key %d: wait %s with %d left", i, a.Wait, left)
				}
			}
			// The wait is exact: a nanosecond before it no call passes, at its end one does.
			if refused >= 0 {
				w := asks[refused].Wait
				probe := func(d time.Duration) bool {
					a := []Ask{asks[refused]}
					a[0].Do = Peek
					r, _ := m.Decide(context.Background(), now.Add(d), a)
					return r < 0
				}
				if probe(w-1) || !probe(w) {
					t.Fatalf("the wait of %s is not exact", w)
				}
				now = now.Add(w) // the store's clock has seen this instant
			}
		}
	})
}

// Never more than N calls pass in any window, for any arrivals, small steps back
// of the clock included, and none is refused without need.
func TestExactWindowProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := NewMemory(MemoryOptions{MaxKeys: 10})
		l := drawLimit(t, true)
		now, latest := time.Unix(1_800_000_000, 0), time.Time{}
		var passed log
		gaps := rapid.SliceOfN(rapid.Int64Range(-300, 2500), 50, 300).Draw(t, "gaps")
		for _, ms := range gaps {
			now = now.Add(time.Duration(ms) * time.Millisecond)
			if now.After(latest) {
				latest = now
			}
			ok := mustDecide(t, m, now, Ask{Key: key(1), Limit: &l})
			if want := passed.within(latest, l.Period) < l.Count; ok != want {
				t.Fatalf("passed=%v, %d of %d in the window", ok, passed.within(latest, l.Period), l.Count)
			}
			if ok {
				passed = append(passed, latest)
			}
		}
		for i := range passed {
			if j := i + int(l.Count); j < len(passed) && passed[j].Sub(passed[i]) < l.Period {
				t.Fatalf("%d calls within %s", l.Count+1, passed[j].Sub(passed[i]))
			}
		}
	})
}

// The table against a map: insertions, removals and sweeps lose and invent
// nothing.
func TestSlotsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &shard{limit: 1 << 20, now: 0}
		s.stamps.limit = minChunks
		model := map[Key]int64{}
		for range rapid.IntRange(100, 400).Draw(t, "steps") {
			k := key(rapid.Uint64Range(0, 80).Draw(t, "key"))
			switch rapid.IntRange(0, 3).Draw(t, "deed") {
			case 0, 1:
				if s.find(k) < 0 {
					i := s.insert(k)
					s.slots[i].end = s.now + rapid.Int64Range(1, 50).Draw(t, "life")
					model[k] = s.slots[i].end
					if rapid.Bool().Draw(t, "window") {
						s.slots[i].window = s.stamps.open()
						s.stamps.push(s.slots[i].window, s.now)
					}
				}
			case 2:
				if i := s.find(k); i >= 0 {
					s.remove(i)
				}
				delete(model, k)
			case 3:
				s.now += 3
			}
			for k, end := range model {
				i := s.find(k)
				if end > s.now && (i < 0 || s.slots[i].end != end) {
					t.Fatalf("a live key is gone")
				}
				if i < 0 {
					delete(model, k)
				}
			}
			live, windows := 0, uint32(0)
			for _, e := range s.slots {
				if e.key != (Key{}) {
					live++
					if e.window != 0 {
						windows++
					}
				}
			}
			if live != s.used || live != len(model) || s.stamps.live != windows {
				t.Fatalf("%d slots, used=%d, model %d; %d windows, %d chunks", live, s.used, len(model), windows, s.stamps.live)
			}
		}
	})
}

func TestReturn(t *testing.T) {
	m := NewMemory(MemoryOptions{})
	now := time.Unix(1_800_000_000, 0)
	for _, exact := range []bool{false, true} {
		l := newLimit(Rate{3, time.Minute}, 0, exact)
		k := key(uint64(l.Count))
		if exact {
			k = key(99)
		}
		for range 3 {
			mustDecide(t, m, now, Ask{Key: k, Limit: &l})
		}
		if mustDecide(t, m, now, Ask{Key: k, Limit: &l}) {
			t.Fatal("a fourth call passed")
		}
		mustDecide(t, m, now, Ask{Key: k, Limit: &l, Do: Return, Ago: 2 * time.Minute})
		if mustDecide(t, m, now, Ask{Key: k, Limit: &l}) {
			t.Fatal("what was long forgotten was given back")
		}
		mustDecide(t, m, now, Ask{Key: k, Limit: &l, Do: Return, Ago: time.Second})
		if !mustDecide(t, m, now, Ask{Key: k, Limit: &l}) || mustDecide(t, m, now, Ask{Key: k, Limit: &l}) {
			t.Fatal("one call given back does not let one call pass")
		}
		fresh := Ask{Key: key(1000), Limit: &l, Do: Return}
		mustDecide(t, m, now, fresh)
		if a := []Ask{{Key: key(1000), Limit: &l, Do: Peek}}; mustDecide(t, m, now, a...) && a[0].Left > 3 {
			t.Fatal("a return gave more than the limit")
		}
	}
}

// Charges go into debt, and no deeper than it is allowed.
func TestChargeDebt(t *testing.T) {
	m := NewMemory(MemoryOptions{})
	now := time.Unix(1_800_000_000, 0)
	l := newLimit(Rate{10, time.Minute}, 0, false)
	l.Debt = 20
	for range 1000 {
		mustDecide(t, m, now, Ask{Key: key(1), Limit: &l, Do: Charge})
	}
	peek := func(d time.Duration) bool {
		return mustDecide(t, m, now.Add(d), Ask{Key: key(1), Limit: &l, Do: Peek})
	}
	if want := 21 * 6 * time.Second; peek(want-1) || !peek(want) {
		t.Errorf("30 calls charged at 10/min are not out of debt after %s", want)
	}
}

// The clock may be set back: by a little, and limits hold; by a lot, and they
// recover within their own period.
func TestClockSetBack(t *testing.T) {
	for _, exact := range []bool{false, true} {
		m := NewMemory(MemoryOptions{})
		now := time.Unix(1_800_000_000, 0)
		l := newLimit(Rate{5, 10 * time.Second}, 0, exact)
		ask := Ask{Key: key(7), Limit: &l}
		for range 5 {
			mustDecide(t, m, now, ask)
		}
		if mustDecide(t, m, now.Add(-5*time.Second), ask) {
			t.Error("setting the clock back by 5 s let a call pass")
		}
		back := now.Add(-365 * 24 * time.Hour)
		if mustDecide(t, m, back, ask) {
			t.Error("setting the clock back by a year let a call pass")
		}
		if !mustDecide(t, m, back.Add(10*time.Second), ask) {
			t.Error("after a step back the limit did not recover within its period")
		}
		if forth := now.Add(200 * 365 * 24 * time.Hour); !mustDecide(t, m, forth, ask) {
			t.Error("a leap of centuries refuses")
		}
	}
}

// A flood of made-up keys neither fills the memory nor lets an exhausted key
// start afresh.
func TestFlood(t *testing.T) {
	for _, exact := range []bool{false, true} {
		const maxKeys = 2048
		m := NewMemory(MemoryOptions{MaxKeys: maxKeys})
		now := time.Unix(1_800_000_000, 0)
		l := newLimit(Rate{5, time.Hour}, 0, exact)
		for range 5 {
			mustDecide(t, m, now, Ask{Key: key(0), Limit: &l})
		}
		for i := range uint64(12 * maxKeys) {
			now = now.Add(time.Microsecond)
			mustDecide(t, m, now, Ask{Key: key(1 + i), Limit: &l})
		}
		st := m.Stats()
		if st.Keys > maxKeys*5/4 || st.Bytes > 150*maxKeys {
			t.Errorf("%d keys in %d bytes after a flood over %d", st.Keys, st.Bytes, maxKeys)
		}
		if st.Evicted < 10*maxKeys {
			t.Errorf("only %d evictions counted", st.Evicted)
		}
		if mustDecide(t, m, now, Ask{Key: key(0), Limit: &l}) {
			t.Error("the flood reset an exhausted limit")
		}
		// What has recovered goes without being counted as evicted.
		now = now.Add(2 * time.Hour)
		for i := range uint64(4 * maxKeys) {
			now = now.Add(time.Second)
			mustDecide(t, m, now, Ask{Key: key(1<<40 + i), Limit: &l})
		}
		if after := m.Stats(); after.Keys > maxKeys*5/4 {
			t.Errorf("%d keys", after.Keys)
		}
	}
}

// Time stamps of exact windows are bounded on their own.
func TestFloodOfStamps(t *testing.T) {
	m := NewMemory(MemoryOptions{MaxKeys: 100})
	now := time.Unix(1_800_000_000, 0)
	l := newLimit(Rate{maxExact, time.Hour}, 0, true)
	for k := range uint64(8) {
		for range maxExact {
			if !mustDecide(t, m, now, Ask{Key: key(k), Limit: &l}) {
				t.Fatalf("key %d was refused below its limit", k)
			}
		}
		if mustDecide(t, m, now, Ask{Key: key(k), Limit: &l}) {
			t.Fatal("passed above the limit")
		}
	}
	if st := m.Stats(); st.Bytes > 64*minChunks || st.Evicted == 0 {
		t.Errorf("%d bytes, %d evicted", st.Bytes, st.Evicted)
	}
}

// Many at once: exactly the limit passes, whatever the order of the keys.
func TestConcurrentDecisions(t *testing.T) {
	for _, exact := range []bool{false, true} {
		m := NewMemory(MemoryOptions{MaxKeys: 100_000})
		now := time.Unix(1_800_000_000, 0)
		shared := newLimit(Rate{1000, time.Hour}, 0, exact)
		own := newLimit(Rate{300, time.Hour}, 0, exact)
		var passed [4]atomic.Int64
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(uint64(g), 1))
				for range 500 {
					who := r.Uint64N(4)
					asks := []Ask{{Key: key(100 + who), Limit: &own}, {Key: key(1), Limit: &shared}, {Key: key(2), Limit: &shared}}
					r.Shuffle(3, func(i, j int) { asks[i], asks[j] = asks[j], asks[i] })
					if mustDecide(t, m, now, asks...) {
						passed[who].Add(1)
					}
				}
			})
		}
		wg.Wait()
		total := int64(0)
		for i := range passed {
			if n := passed[i].Load(); n > 300 {
				t.Errorf("%d calls of one caller passed", n)
			}
			total += passed[i].Load()
		}
		if total != 1000 {
			t.Errorf("%d calls passed a limit of 1000", total)
		}
	}
}

func TestMemoryPerKey(t *testing.T) {
	n := 1_000_000
	if raceEnabled {
		n /= 10 // the same code, ten times slower
	}
	m := NewMemory(MemoryOptions{MaxKeys: n})
	bytes := fill(m, n, newLimit(Rate{600, time.Hour}, 0, false)) / float64(n)
	st := m.Stats()
	t.Logf("%d keys, %.1f bytes each by the heap, %.1f by count, %d evicted", st.Keys, bytes, float64(st.Bytes)/float64(n), st.Evicted)
	if st.Keys != n || st.Evicted != 0 {
		t.Errorf("%d keys, %d evicted", st.Keys, st.Evicted)
	}
	if bytes > 100 {
		t.Errorf("%.1f bytes per key", bytes)
	}
}

func TestDecideAllocatesNothing(t *testing.T) {
	m := NewMemory(MemoryOptions{})
	now := time.Unix(1_800_000_000, 0)
	g, e := newLimit(Rate{1_000_000, time.Second}, 0, false), newLimit(Rate{5, time.Second}, 0, true)
	asks := []Ask{{Key: key(1), Limit: &g}, {Key: key(2), Limit: &g}, {Key: key(3), Limit: &e}}
	if n := testing.AllocsPerRun(1000, func() {
		now = now.Add(100 * time.Millisecond)
		_, _ = m.Decide(context.Background(), now, asks)
	}); n != 0 {
		t.Errorf("%v allocations per decision", n)
	}
}

func TestSuspectsBounded(t *testing.T) {
	m := NewMemory(MemoryOptions{MaxSuspects: 100})
	now := time.Unix(1_800_000_000, 0)
	ctx := context.Background()
	for i := range uint64(1000) {
		s := Suspect{Owner: key(i), Kind: "client", Name: fmt.Sprint(i), Since: now, Until: now.Add(time.Hour)}
		if err := m.Mark(ctx, s); err != nil {
			t.Fatal(err)
		}
		if ok, _ := m.Marked(ctx, now, s.Owner); !ok {
			t.Fatal("a new mark is not there")
		}
		now = now.Add(time.Second)
	}
	if st := m.Stats(); st.Suspects > 100 || st.SuspectsEvicted < 800 {
		t.Errorf("%+v", st)
	}
	if list, _ := m.Suspects(ctx, now, 10); len(list) != 10 || list[0].Name != "999" {
		t.Errorf("%v", list)
	}
	if list, _ := m.Suspects(ctx, now.Add(2*time.Hour), 10); len(list) != 0 {
		t.Errorf("expired suspects are listed: %v", list)
	}
}

func TestTooManyAsks(t *testing.T) {
	if _, err := NewMemory(MemoryOptions{}).Decide(context.Background(), time.Now(), make([]Ask, maxAsks+1)); err == nil {
		t.Error("no error")
	}
}
