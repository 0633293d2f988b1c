package screen

import (
	"slices"
	"strings"
	"sync"
)

// A solo is a chain of two links whose first sets variables from one value, which
// nobody reads but the second: the rules of the Core Rule Set on single fields, such
// as 920420 and 920450, are like that. What comes of a value does not depend on
// others, so it is remembered.
type solo struct {
	dead sync.Map // values that come to nothing, as keys
	size sizes
}

// sizes bounds the values that are remembered.
type sizes struct {
	sync.Mutex
	n int
}

const (
	soloValues = 2048
	soloLength = 128
)

// alone reports whether the chain is one.
func (s *Screen) alone(a *active) bool {
	if len(a.links) != a.first+2 || a.survives || !a.harmless || a.touches("TX") {
		return false
	}
	l, next := &a.links[a.first], &a.links[a.first+1]
	if l.op < 0 || !l.Capture || s.index.ops[l.op].rx == nil || len(l.sets) == 0 || len(l.ctls)+len(next.ctls) > 0 ||
		l.opaque != "" || next.opaque != "" || a.tests[a.first+1] == nil || s.index.pipes[l.pipe].multi {
		return false
	}
	for i := range l.targets {
		if t := &l.targets[i]; t.slot < 0 || t.Count || early(a.Phase, t.Variable) {
			return false
		}
	}
	for i := range next.targets {
		t := &next.targets[i]
		if t.Variable != "TX" || t.Count || len(t.Except) > 0 || t.Key == "" && t.KeyRegexp == nil || captured(t.Key) || t.KeyRegexp != nil && capturing(t.KeyRegexp) {
			return false
		}
		for name := range a.tx { // the value would have to be known as well
			if t.selects(name) {
				return false
			}
		}
	}
	own := func(t *token) bool { return t.name != "MATCHED_VAR" && !(t.name == "TX" && captured(t.key)) }
	for _, set := range l.sets {
		literal := set.value != nil && set.value[0].name == "" && !strings.HasPrefix(set.value[0].text, "+") && !strings.HasPrefix(set.value[0].text, "-")
		if set.remove || !literal || set.name[0].name != "" || set.name.reads(own) || set.value.reads(own) {
			return false
		}
	}
	return s.private(a)
}

// selects reports whether the target selects a variable of TX.
func (t *target) selects(name string) bool {
	if t.KeyRegexp != nil {
		return t.KeyRegexp.MatchString(name)
	}
	return t.Key == name
}

// private reports whether no other rule sets what the chain's second link reads.
func (s *Screen) private(a *active) bool {
	next := &a.links[a.first+1]
	for i := range s.index.rules {
		r := &s.index.rules[i]
		if r == a.rule {
			continue
		}
		for j := range r.links {
			for _, set := range r.links[j].sets {
				for k := range next.targets {
					if next.targets[k].mayselect(set.name) {
						return false
					}
				}
			}
		}
	}
	return true
}

// mayselect reports whether the target may select a variable of this name.
func (t *target) mayselect(name macro) bool {
	if len(name) == 1 && name[0].name == "" {
		return t.selects(strings.ToLower(name[0].text))
	}
	prefix := ""
	if name[0].name == "" {
		prefix = strings.ToLower(name[0].text)
	}
	begins := t.Key
	if t.KeyRegexp != nil {
		text := t.KeyRegexp.String()
		if !strings.HasPrefix(text, "^") || strings.Contains(text, "|") {
			return true
		}
		begins, _, _ = strings.Cut(text[1:], "\\")
		if i := strings.IndexAny(begins, `.+*?()|[]{}^$`); i >= 0 {
			begins = begins[:max(i-1, 0)] // the letter before may be optional
		}
		return strings.HasPrefix(begins, prefix) || strings.HasPrefix(prefix, begins)
	}
	return strings.HasPrefix(begins, prefix)
}

// evaluateAlone evaluates a solo. Where any value is not known to come to nothing,
// ok is false, and the rule has to be followed as others are.
func (p *Proof) evaluateAlone(a *active) (ok bool) {
	l := &a.links[a.first]
	for i := range l.targets {
		t := &l.targets[i]
		if len(t.Except)+len(a.except) > 0 {
			return false
		}
		for _, v := range p.values(t.slot) {
			s := p.s.index.pipes[l.pipe].Apply(p.texts[v.text].s)
			if _, known := a.solo.dead.Load(s); known || !p.matches(p.text(s), l.op) {
				continue
			}
			if !p.comesToNothing(a, l, s) {
				return false
			}
			a.solo.remember(s)
		}
	}
	return true
}

// comesToNothing follows one value to the second link.
func (p *Proof) comesToNothing(a *active, l *link, s string) bool {
	groups := p.s.index.ops[l.op].rx.Submatches(s)
	get := func(t *token) (string, bool) {
		if t.name == "MATCHED_VAR" {
			return s, true
		}
		n := int(t.key[0] - '0')
		if t.key == "10" || n > 8 || n >= len(groups) {
			return "", false
		}
		return groups[n], true
	}
	next := &a.links[a.first+1]
	test := a.tests[a.first+1]
	for i := range l.sets {
		name, ok := l.sets[i].name.expand(get)
		value, ok2 := l.sets[i].value.expand(get)
		name = strings.ToLower(name)
		if !ok || !ok2 || p.s.index.read(a.rule, name) {
			return false
		}
		for j := range next.targets {
			if !next.targets[j].selects(name) {
				continue
			}
			if !p.s.index.pipes[next.pipe].each(value, func(s string) bool { return test(s) == next.Operator.Negated }) {
				return false
			}
		}
	}
	return true
}

// read reports whether any other rule reads a variable of TX.
func (x *Index) read(by *rule, name string) bool {
	for i := range x.readers {
		r := &x.readers[i]
		if r.rule != by.Rule && (r.keys[name] || slices.ContainsFunc(r.prefixes, func(p string) bool { return strings.HasPrefix(name, p) }) || slices.ContainsFunc(r.targets, func(t *target) bool { return t.Key == "" && t.KeyRegexp == nil || t.selects(name) })) {
			return true
		}
	}
	return false
}

func (s *solo) remember(v string) {
	if len(v) > soloLength {
		return
	}
	s.size.Lock()
	defer s.size.Unlock()
	if s.size.n >= soloValues {
		s.dead.Clear()
		s.size.n = 0
	}
	s.size.n++
	s.dead.Store(strings.Clone(v), nil)
}
