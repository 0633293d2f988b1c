package screen

import (
	"maps"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/waf/expression"
)

// A Profile is what differs between the APIs that share a program: TX variables
// that are set before phase 1, by name.
type Profile map[string]string

// A Screen proves requests for one Profile. It does not change after Compile and
// is used by many goroutines at once.
type Screen struct {
	// Unprovable says why every request goes to the reference; "" where not.
	Unprovable string

	index    *Index
	request  section
	answer   section
	removed  []int // rules that the profile's exclusions take out
	always   []int // rules that match every request and only set variables
	compiled []active
	seen     *seen
	bounded  map[string]struct{} // values proven for every argument
}

// A section is the part of a program that runs at one time: phases 1 and 2, or the
// later ones.
type section struct {
	from, to int // of compiled
	uses     []use
	routes   map[route][]int   // to the rules whose first open link is there
	simple   bits              // rules to be evaluated whatever the texts are, by index in compiled
	fatal    bits              // rules whose first match ends the proof
	tx       map[string]string // as the section leaves it where no rule has matched
}

// active is a rule that a profile keeps for the time of the request.
type active struct {
	*rule
	at     int               // its place in the program
	first  int               // the links before are known to match every request
	tx     map[string]string // as it is at this point of the program; shared
	except []exception
	tests  []predicate // of links whose argument is known now, else nil
	// survives says that a match of all links does not end the proof; harmless, that
	// none of the ctl actions of its links does.
	survives, harmless bool
	// A rule that skips others: resume is the first of compiled that it leaves, 0
	// where that is not known; mild says that those between could only have ended
	// the proof, so that it does not matter whether they are skipped.
	resume int
	mild   bool
	solo   *solo // nil where the rule is none
}

// A use is a slot with the pipelines its values go through and the operators that
// read what comes out.
type use struct {
	id    int // unlike that of any other use of the screen
	slot  int
	pipes []piped
}

type piped struct {
	pipe     int
	triggers *expression.Bytes // of which one must occur for the pipeline to change a text; nil: it may always
	ops      bits
}

// A route leads from an operator that matched a value of a slot to the rules.
type route struct{ slot, pipe, op int }

// Compile evaluates what does not depend on a request and returns the Screen for
// the rest.
func (x *Index) Compile(p Profile) *Screen {
	w := &walker{x: x, s: &Screen{index: x}, tx: map[string]string{}, removed: map[int]bool{}, except: map[int][]exception{}}
	for name, value := range p {
		w.tx[strings.ToLower(name)] = value
	}
	w.phase(1)
	w.phase(2)
	w.s.request.to, w.s.request.tx, w.shared = len(w.s.compiled), w.tx, true
	w.s.answer.from = len(w.s.compiled)
	for n := 3; n <= 4; n++ { // phase 5 only logs
		w.phase(n)
	}
	w.s.answer.to, w.s.answer.tx, w.shared = len(w.s.compiled), w.tx, true
	for id := range w.removed {
		w.s.removed = append(w.s.removed, id)
	}
	for i := range w.s.compiled {
		w.s.settle(&w.s.compiled[i])
		if w.s.alone(&w.s.compiled[i]) {
			w.s.compiled[i].solo = new(solo)
		}
	}
	w.s.request.index(w.s)
	w.s.answer.index(w.s)
	w.s.seen = newSeen()
	for i := range w.s.answer.uses {
		w.s.answer.uses[i].id += len(w.s.request.uses)
	}
	return w.s
}

// Answers reports whether any rule looks at answers, and Bodies whether any looks
// at their bodies.
func (s *Screen) Answers() bool { return s.Unprovable != "" || s.answer.to > s.answer.from }

// keep leaves a rule for the time of the request, from link i on.
func (w *walker) keep(r *rule, i int) {
	a := active{rule: r, at: w.at, first: i, tx: w.tx, except: w.except[r.ID][:len(w.except[r.ID]):len(w.except[r.ID])]}
	w.shared = true
	for j := range r.links {
		l := &r.links[j]
		var test predicate
		switch {
		case l.opaque != "" || l.Operator == nil:
		case l.macro == nil:
			test = w.x.test(l)
		case !l.macro.reads(func(t *token) bool { return t.name != "TX" || captured(t.key) || w.x.dynamic.has(t.key) }):
			arg, _ := l.macro.expand(func(t *token) (string, bool) { return w.get(t), true })
			if test = l.build(arg); test == nil {
				w.give(r, "its operator cannot be built")
			}
		}
		a.tests = append(a.tests, test)
	}
	w.s.compiled = append(w.s.compiled, a)
}

// test is the link's operator where its argument has no variables.
func (x *Index) test(l *link) predicate {
	if l.op >= 0 {
		return x.ops[l.op].match
	}
	return l.test
}

// settle finds out what a match of the whole rule would mean.
func (s *Screen) settle(a *active) {
	a.survives, a.harmless = a.quiet, true
	for i := range a.links {
		for _, c := range a.links[i].ctls {
			a.harmless = a.harmless && s.harmless(c)
		}
		a.survives = a.survives && a.links[i].opaque == ""
	}
	a.survives = a.survives && a.harmless
	if a.Skip > 0 || a.SkipAfter != "" {
		s.flow(a)
		a.survives = a.survives && (a.mild || a.resume > 0)
	}
}

// flow finds out what a rule skips.
func (s *Screen) flow(a *active) {
	if a.Skip > 0 && a.SkipAfter != "" || slices.Contains(s.removed, 0) {
		return
	}
	mild, exact := true, len(s.removed) == 0 || a.Skip == 0
	left, reached := a.Skip, false
	for i := range s.index.rules {
		r := &s.index.rules[i]
		switch {
		case r == a.rule:
			reached = true
			continue
		case !reached || r.Phase != 0 && r.Phase != a.Phase:
			continue
		case a.SkipAfter != "" && r.Marker == a.SkipAfter, a.SkipAfter == "" && left == 0:
			a.mild = mild
			if exact {
				a.resume = s.from(i, a.Phase)
			}
			return
		}
		left--
		mild = mild && !r.sets() && r.Skip == 0 && r.SkipAfter == ""
		if s.knows(r) { // what it did at compile time would not have happened
			return
		}
	}
}

// from returns the first of compiled that is rule i of the index or a later one.
func (s *Screen) from(i, phase int) int {
	for j := range s.compiled {
		if a := &s.compiled[j]; a.Phase > phase || a.Phase == phase && a.at >= i {
			return j
		}
	}
	return len(s.compiled)
}

// knows reports whether r was evaluated, or begun to be, at compile time.
func (s *Screen) knows(r *rule) bool {
	if r.Marker != "" {
		return false
	}
	for i := range s.compiled {
		if s.compiled[i].rule == r {
			return s.compiled[i].first > 0
		}
	}
	return true
}

// index prepares the section's rules for being found by the texts of a request.
func (c *section) index(s *Screen) {
	c.routes = map[route][]int{}
	c.simple, c.fatal = newBits(len(s.compiled)), newBits(len(s.compiled))
	bySlot := map[int]map[int]bits{}
	for i := c.from; i < c.to; i++ {
		a := &s.compiled[i]
		l := &a.links[a.first]
		if len(a.links) == a.first+1 && !a.survives {
			c.fatal.add(i)
		}
		if l.op < 0 || l.opaque != "" {
			c.simple.add(i)
			continue
		}
		for j := range l.targets {
			t := &l.targets[j]
			if t.slot < 0 || t.Count {
				c.simple.add(i)
				continue
			}
			c.routes[route{t.slot, l.pipe, l.op}] = append(c.routes[route{t.slot, l.pipe, l.op}], i)
			if bySlot[t.slot] == nil {
				bySlot[t.slot] = map[int]bits{}
			}
			if bySlot[t.slot][l.pipe] == nil {
				bySlot[t.slot][l.pipe] = newBits(len(s.index.ops))
			}
			bySlot[t.slot][l.pipe].add(l.op)
		}
	}
	for slot := range s.index.slots {
		if pipes := bySlot[slot]; pipes != nil {
			u := s.index.use(slot, pipes)
			u.id = len(c.uses)
			c.uses = append(c.uses, u)
		}
	}
}

func (x *Index) use(slot int, pipes map[int]bits) use {
	u := use{slot: slot}
	for p := range x.pipes {
		if pipes[p] != nil {
			u.pipes = append(u.pipes, piped{p, x.pipes[p].Triggers(), pipes[p]})
		}
	}
	return u
}

// Constants returns what TX holds, after the request's phases, where no rule that
// looks at the request matched.
func (x *Index) Constants(p Profile) map[string]string {
	w := &walker{x: x, s: &Screen{index: x}, tx: map[string]string{}, removed: map[int]bool{}, except: map[int][]exception{}}
	maps.Copy(w.tx, p)
	w.phase(1)
	w.phase(2)
	return w.tx
}
