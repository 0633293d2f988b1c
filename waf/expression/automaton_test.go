package expression

import (
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
)

// sameVerdict fails the test where the automaton and Coraza's matcher differ on s.
func sameVerdict(t testing.TB, e *Expression, s string) {
	t.Helper()
	if e.fast == nil {
		return
	}
	if got, ok := e.fast.match(s); ok && got != e.matchReference(s) {
		t.Errorf("%.300q on %q: the automaton says %v", e, s, got)
	}
}

// TestAutomatonIsExact compares the automaton with the matcher Coraza uses: on texts that
// match, on those with something changed, and on ordinary values.
func TestAutomatonIsExact(t *testing.T) {
	values := ordinaryValues()
	for i, r := range append(coreRules(), traps(t)...) {
		if r.fast == nil {
			t.Errorf("no automaton for %.100q", r)
		}
		rnd := rand.New(rand.NewPCG(77, uint64(i)))
		for _, s := range values {
			sameVerdict(t, r.Expression, s)
		}
		for range max(*generate/4, 5) {
			s, _ := r.Generate(rnd)
			sameVerdict(t, r.Expression, s)
			for range 3 {
				s = around(rnd, s)
				sameVerdict(t, r.Expression, s)
				if at := rnd.IntN(len(s) + 1); at < len(s) {
					s = s[:at] + s[at+1:]
				}
				sameVerdict(t, r.Expression, s)
			}
		}
	}
}

// TestAutomatonIsBounded gives one expression texts of many states: its memory stays within
// its bound, and what it declines the reference decides.
func TestAutomatonIsBounded(t *testing.T) {
	e, err := Compile(`(?:a.{12}|b.{11}|c.{10})\d`)
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(5, 5))
	declined := 0
	for range 500 {
		text := make([]byte, 200)
		for i := range text {
			text[i] = "abcx"[rnd.IntN(4)]
		}
		s := string(text)
		if _, ok := e.fast.match(s); !ok {
			declined++
		}
		if e.MatchString(s) != e.matchReference(s) {
			t.Fatalf("wrong on %q", s)
		}
		if c := e.fast.cache.Load(); c.size > 256<<10 {
			t.Fatalf("%d bytes of states", c.size)
		}
	}
	if declined == 0 {
		t.Error("the automaton never declined")
	}
}

// TestAutomatonIsShared lets goroutines make the states of the same expressions together.
func TestAutomatonIsShared(t *testing.T) {
	values := ordinaryValues()
	for _, r := range coreRules()[:40] {
		e, err := Compile(r.String())
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for worker := range 4 {
			wg.Go(func() {
				for i := range values {
					s := values[(i*7+worker)%len(values)]
					if got, ok := e.fast.match(s); ok && got != e.matchReference(s) {
						t.Errorf("%.100q on %q: %v", e, s, got)
					}
				}
			})
		}
		wg.Wait()
	}
}

func BenchmarkMatch(b *testing.B) {
	type pair struct {
		e *Expression
		s string
	}
	var pairs []pair
	for _, r := range coreRules() {
		gate := r.Gate()
		for _, s := range ordinaryValues() {
			if gate.Admits(s) {
				pairs = append(pairs, pair{r.Expression, s})
			}
		}
	}
	b.Run("automaton", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			p := pairs[i%len(pairs)]
			p.e.MatchString(p.s)
		}
	})
	b.Run("reference", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			p := pairs[i%len(pairs)]
			p.e.matchReference(p.s)
		}
	})
	states, size := 0, 0
	for _, r := range coreRules() {
		c := r.fast.cache.Load()
		states, size = states+len(c.byKey), size+c.size
	}
	b.Logf("%d states, %d KiB in all", states, size>>10)
}

// BenchmarkDecide is what one ordinary value costs after the search for literals: the proof,
// and MatchString, of every request expression whose gate it passes.
func BenchmarkDecide(b *testing.B) {
	type item struct {
		text    string
		present Bytes
		rules   []*Expression
	}
	var items []item
	for _, s := range ordinaryValues() {
		it := item{text: s}
		it.present.AddString(s)
		for _, r := range coreRules() {
			if gate := r.Gate(); !strings.HasPrefix(r.file, "RESPONSE") && gate.Admits(s) {
				it.rules = append(it.rules, r.Expression)
			}
		}
		items = append(items, it)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		it := &items[i%len(items)]
		for _, e := range it.rules {
			if e.CanMatch(&it.present) {
				e.MatchString(it.text)
			}
		}
	}
}

// BenchmarkStates makes the states of a large expression anew, over and over.
func BenchmarkStates(b *testing.B) {
	large := coreRules()[0].Expression
	for _, r := range coreRules() {
		if r.fast != nil && len(r.fast.insts) > len(large.fast.insts) {
			large = r.Expression
		}
	}
	values := ordinaryValues()
	made := 0
	for b.Loop() {
		large.fast.cache.Store(large.fast.newStates())
		for _, s := range values {
			large.fast.match(s)
		}
		made += len(large.fast.cache.Load().byKey)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(made), "ns/state")
}
