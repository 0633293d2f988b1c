package transform

import (
	"strings"

	"github.com/gatehouse/gatehouse/waf/expression"
)

// Pipeline is the transformations of one rule, one after the other.
type Pipeline struct {
	key      string
	steps    []*Transformation
	triggers *expression.Bytes
	trigger  *[256]bool // the same, for Apply; nil like triggers
}

// Chain returns the pipeline of lower-case names in order; false if one is unknown.
// "none" drops what stands before it, as it does in a rule.
func Chain(names []string) (*Pipeline, bool) {
	p := &Pipeline{}
	for _, name := range names {
		t, ok := Lookup(name)
		if !ok {
			return nil, false
		}
		if name == "none" {
			p.steps = p.steps[:0]
			continue
		}
		p.steps = append(p.steps, t)
	}
	keys := make([]string, len(p.steps))
	p.triggers = &expression.Bytes{}
	for i, t := range p.steps {
		keys[i] = t.Name
		if t.Triggers == nil {
			p.triggers = nil
		}
		if p.triggers != nil {
			p.triggers.AddSet(t.Triggers)
		}
	}
	p.key = strings.Join(keys, ",")
	if p.triggers != nil {
		p.trigger = new([256]bool)
		for b := range p.trigger {
			p.trigger[b] = p.triggers.Has(byte(b))
		}
	}
	return p, true
}

// Apply returns the value the rule's operator is given for s.
func (p *Pipeline) Apply(s string) string {
	if p.quiet(s) {
		return s
	}
	for _, t := range p.steps {
		s, _ = t.step(s)
	}
	return s
}

// quiet reports whether s holds no trigger, in one pass for all members.
func (p *Pipeline) quiet(s string) bool {
	trigger := p.trigger
	if trigger == nil {
		return false
	}
	for i := 0; i < len(s); i++ {
		if trigger[s[i]] {
			return false
		}
	}
	return true
}

// Each calls f with the values a multiMatch rule gives to its operator for s, in that
// order: s itself, then every result that a transformation calls a change. A
// transformation that calls its result none hands on what it was given. As in
// Coraza the same value may come twice.
func (p *Pipeline) Each(s string, f func(string)) {
	f(s)
	for _, t := range p.steps {
		if out, changed := t.step(s); changed {
			f(out)
			s = out
		}
	}
}

// Triggers is the union of the members' sets: if none of these bytes occurs in s, the
// first member leaves s alone, hence the second is given s and leaves it alone, and so
// on: Apply(s) == s, and Each gives nothing but s. Nil if a member has none; empty, not
// nil, for the empty pipeline. The set is read-only.
func (p *Pipeline) Triggers() *expression.Bytes { return p.triggers }

// Key is the same for two pipelines exactly if they are the same transformations in
// the same order; "" for the empty pipeline.
func (p *Pipeline) Key() string { return p.key }
