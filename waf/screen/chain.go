package screen

import (
	"slices"
	"strings"
)

// A chain is what the links of one rule have matched so far.
type chain struct {
	a       *active
	matched []match // by all links, as MATCHED_VARS has them
	last    int     // where those of the link before begin
	caps    [][]string
	known   bool // caps are the possible contents of TX:0 to TX:9
	certain bool // every match so far is one for the engine, too
}

// A match is one value that a link matched.
type match struct{ variable, key, value string }

// name is what MATCHED_VAR_NAME says.
func (m *match) name() string {
	if m.key == "" {
		return m.variable
	}
	return m.variable + ":" + m.key
}

// A witness is told of each value that a link matches. Certain is false where it
// may not match for the engine.
type witness func(m match, certain bool) outcome

// outcome is what is known of a link.
type outcome uint8

const (
	dead    outcome = iota // no value matches
	matched                // some do, and their effects have been followed
	unsure
)

// evaluate follows one rule. It returns false where the proof ends: the rule
// matches with consequences, or might.
func (p *Proof) evaluate(a *active) bool {
	if a.solo != nil && p.evaluateAlone(a) {
		return true
	}
	c := &p.chain
	*c = chain{a: a, certain: true, matched: c.matched[:0], caps: c.caps[:0]}
	for i := a.first; i < len(a.links); i++ {
		p.tx.turn++
		switch p.link(i) {
		case dead:
			return true
		case unsure:
			if p.dies(a, i) {
				return true
			}
			p.failed = a.ID
			return false
		}
	}
	if !a.survives || a.resume > 0 && !c.certain && !a.mild {
		p.failed = a.ID
		return false
	}
	if a.resume > 0 && c.certain {
		p.resume = a.resume
	}
	return true
}

// dies reports whether a later link cannot match, so that it does not matter
// whether link i does: it and those between have no effects.
func (p *Proof) dies(a *active, i int) bool {
	for ; i < len(a.links)-1; i++ {
		l, next := &a.links[i], &a.links[i+1]
		if len(l.sets) > 0 || len(l.ctls) > 0 || l.opaque != "" {
			return false
		}
		if a.tests[i+1] == nil || next.opaque != "" || slices.ContainsFunc(next.targets, func(t target) bool { return t.slot < 0 }) {
			continue
		}
		if p.look(i+1, next, 0, func(match, bool) outcome { return unsure }) == dead {
			return true
		}
	}
	return false
}

// link evaluates link i of the chain on every value it looks at.
func (p *Proof) link(i int) outcome {
	c := &p.chain
	l := &c.a.links[i]
	if l.opaque != "" {
		return unsure
	}
	ends := i == len(c.a.links)-1 && !c.a.survives
	began := len(c.matched)
	var caps [][]string
	sees := func(m match, certain bool) outcome { // one value that matched
		c.certain = c.certain && certain
		if ends || !c.certain && len(l.sets) > 0 || c.a.harms(l) || l.feedsOperator || l.feedsItself && len(c.matched) > began {
			return unsure
		}
		c.matched = append(c.matched, m)
		var groups []string
		if l.Capture && l.op >= 0 && p.s.index.ops[l.op].rx != nil {
			groups = p.s.index.ops[l.op].rx.Submatches(m.value)
			caps = append(caps, groups)
		}
		return p.assign(l, &c.matched[len(c.matched)-1], groups)
	}
	if out := p.look(i, l, began, sees); out == unsure || len(c.matched) == began {
		return out
	}
	c.last = began
	if l.Capture {
		c.caps, c.known = caps, len(caps) == len(c.matched)-began
	}
	return matched
}

// look calls sees with every value of the link's targets that matches.
func (p *Proof) look(i int, l *link, began int, sees witness) outcome {
	if l.Operator == nil {
		return max(matched, sees(match{variable: "UNKNOWN"}, true))
	}
	tests, certain := p.tests(i, l)
	if tests == nil {
		return unsure
	}
	for j := range l.targets {
		t := &l.targets[j]
		if t.slot < 0 {
			if p.overlaid(l, t, tests, certain, began, sees) == unsure {
				return unsure
			}
			continue
		}
		if p.selected(l, t, tests, certain, sees) == unsure {
			return unsure
		}
	}
	return dead
}

// selected looks at the values of a slot.
func (p *Proof) selected(l *link, t *target, tests []predicate, certain bool, sees witness) outcome {
	n := 0
	certain = certain && !early(p.chain.a.Phase, t.Variable)
	for _, v := range p.values(t.slot) {
		if len(t.Except)+len(p.chain.a.except) > 0 {
			if key := strings.ToLower(v.key); excepted(key, t.Except) || p.chain.a.excepted(t.Variable, key) {
				continue
			}
		}
		n++
		if t.Count {
			continue
		}
		if p.try(l, tests, certain, v.text, t.Variable, v.key, sees) == unsure {
			return unsure
		}
	}
	if t.Count {
		return p.try(l, tests, certain, p.text(count(n)), t.Variable, t.CountKey, sees)
	}
	return dead
}

// try asks the operator about one value.
func (p *Proof) try(l *link, tests []predicate, certain bool, id int32, variable, key string, sees witness) outcome {
	out := dead
	p.s.index.pipes[l.pipe].each(p.texts[id].s, func(s string) bool {
		all, any := true, false
		if l.op >= 0 && !l.Operator.Negated {
			any = p.matches(p.text(s), l.op)
		} else {
			for _, test := range tests {
				hit := test(s) != l.Operator.Negated
				all, any = all && hit, any || hit
			}
		}
		if any && sees(match{variable, key, s}, certain && all) == unsure {
			out = unsure
		}
		return out != unsure
	})
	return out
}

// tests are the link's operator, once for each possible content of its argument.
// certain is false where the values of its targets are several possible ones.
func (p *Proof) tests(i int, l *link) ([]predicate, bool) {
	if p.chain.a.tests[i] != nil {
		return p.chain.a.tests[i : i+1], true
	}
	states := p.chain.caps
	if !l.macro.reads(func(t *token) bool { return t.name == "TX" && captured(t.key) }) {
		states = [][]string{nil}
	} else if !p.chain.known {
		return nil, false
	}
	var out []predicate
	for _, groups := range states {
		arg, ok := l.macro.expand(func(t *token) (string, bool) { return p.token(t, groups, nil) })
		if !ok {
			return nil, false
		}
		test := l.build(arg)
		if test == nil {
			return nil, false
		}
		out = append(out, test)
	}
	return out, true
}

// overlaid looks at TX and at what the chain has matched.
func (p *Proof) overlaid(l *link, t *target, tests []predicate, certain bool, began int, sees witness) outcome {
	c := &p.chain
	if t.Variable != "TX" {
		// The engine may remember the transformed value of an earlier link in this place.
		if len(c.matched) > began || len(l.Transforms) > 0 || t.Key != "" || t.KeyRegexp != nil || t.Count || len(t.Except) > 0 || c.a.touches(t.Variable) || c.a.first > 0 || began == 0 {
			return unsure
		}
		list := c.matched[:began]
		if t.Variable != "MATCHED_VARS" { // the last one, in an order that is not known
			list, certain = list[c.last:], certain && began-c.last == 1
		}
		for _, m := range list {
			s, key := m.value, ""
			switch t.Variable {
			case "MATCHED_VAR_NAME":
				s = m.name()
			case "MATCHED_VARS":
				key = m.name()
			}
			if p.try(l, tests, certain, p.text(s), t.Variable, key, sees) == unsure {
				return unsure
			}
		}
		return dead
	}
	if c.a.touches("TX") {
		return unsure
	}
	if captured(t.Key) {
		if len(c.matched) > began { // this link has captured already
			return unsure
		}
		return p.captures(l, t, tests, certain, sees)
	}
	if t.Key == "" && (t.KeyRegexp == nil || capturing(t.KeyRegexp)) {
		return unsure
	}
	n := 0
	for _, v := range p.tx.find(c.a.tx, t) {
		n++
		if t.Count {
			continue
		}
		for _, s := range v.values {
			if p.try(l, tests, certain && len(v.values) == 1, p.text(s), "TX", v.name, sees) == unsure {
				return unsure
			}
		}
	}
	if t.Count {
		return p.try(l, tests, certain, p.text(count(n)), "TX", t.CountKey, sees)
	}
	return dead
}

// captures looks at one of TX:0 to TX:9, in every state it may be in. Where the
// operator's argument has captures too, both are of the same state.
func (p *Proof) captures(l *link, t *target, tests []predicate, certain bool, sees witness) outcome {
	c, n := &p.chain, int(t.Key[0]-'0')
	if !c.known || t.Key == "10" || t.Count || len(t.Except) > 0 {
		return unsure
	}
	states := c.caps
	for i, groups := range states {
		if n >= len(groups) || n > 8 {
			return unsure
		}
		mine := tests
		if len(tests) > 1 {
			mine = tests[i : i+1]
		}
		if p.try(l, mine, certain && len(states) == 1, p.text(groups[n]), "TX", t.Key, sees) == unsure {
			return unsure
		}
	}
	return dead
}

// excepted reports whether a ctl action took a value out of the rule's targets.
func (a *active) excepted(variable, key string) bool {
	for i := range a.except {
		e := &a.except[i]
		if e.variable == variable && (e.Regexp != nil && e.Regexp.MatchString(key) || e.Regexp == nil && (e.Key == "" || strings.ToLower(e.Key) == key)) {
			return true
		}
	}
	return false
}

func (a *active) touches(variable string) bool {
	for i := range a.except {
		if a.except[i].variable == variable {
			return true
		}
	}
	return false
}

// harms reports whether a ctl action of the link has consequences.
func (a *active) harms(l *link) bool { return len(l.ctls) > 0 && !a.harmless }
