package screen

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// An overlay is what rules have set in TX since the request began.
type overlay struct {
	vars map[string]variable
	turn int // counts the links that were evaluated
}

// A variable of TX.
type variable struct {
	name string
	// values are the possible ones: a link that sets a variable once for each value
	// it matches does so in no certain order.
	values []string
	gone   bool
	turn   int // when it was set
}

func (o *overlay) reset() {
	clear(o.vars)
	o.turn = 0
}

// get returns the possible values of a variable, none where it is not there.
func (o *overlay) get(base map[string]string, name string) []string {
	if v, ok := o.vars[name]; ok {
		if v.gone {
			return nil
		}
		return v.values
	}
	if s, ok := base[name]; ok {
		return []string{s}
	}
	return nil
}

// TX returns the possible values of a variable of TX after a proof about the request,
// or about its answer; none where it is not there. What nothing in the program reads
// may be missing.
func (p *Proof) TX(name string, answered bool) []string {
	if answered {
		return p.tx.get(p.s.answer.tx, name)
	}
	return p.tx.get(p.s.request.tx, name)
}

// find returns what a target selects.
func (o *overlay) find(base map[string]string, t *target) []variable {
	var out []variable
	add := func(name string) {
		if values := o.get(base, name); values != nil && !excepted(name, t.Except) {
			out = append(out, variable{name: name, values: values})
		}
	}
	if t.KeyRegexp == nil {
		add(t.Key)
		return out
	}
	for name := range base {
		if t.KeyRegexp.MatchString(name) {
			add(name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.vars)) {
		if _, both := base[name]; !both && t.KeyRegexp.MatchString(name) {
			add(name)
		}
	}
	return out
}

// assign follows the setvar actions of a link for one match.
func (p *Proof) assign(l *link, m *match, groups []string) outcome {
	for i := range l.sets {
		a := &l.sets[i]
		get := func(t *token) (string, bool) { return p.token(t, groups, m) }
		key, ok := a.name.expand(get)
		if !ok || captured(key) {
			return unsure
		}
		value := ""
		if !a.remove {
			if value, ok = a.value.expand(get); !ok {
				return unsure
			}
		}
		if !p.tx.set(p.chain.a.tx, strings.ToLower(key), value, a.remove) {
			return unsure
		}
	}
	return matched
}

// set follows one setvar; false where the outcome depends on an order that is not
// known.
func (o *overlay) set(base map[string]string, name, value string, remove bool) bool {
	if o.vars == nil {
		o.vars = map[string]variable{}
	}
	before, again := o.vars[name]
	again = again && before.turn == o.turn
	if remove {
		if again && !before.gone {
			return false
		}
		o.vars[name] = variable{name: name, gone: true, turn: o.turn}
		return true
	}
	if again && before.gone {
		return false
	}
	if value != "" && (value[0] == '+' || value[0] == '-') {
		old := o.get(base, name)
		if len(old) > 1 {
			return false
		}
		was := ""
		if len(old) == 1 {
			was = old[0]
		}
		if _, err := strconv.Atoi(value[1:]); err != nil || again && !isNumber(was) {
			return false
		}
		now, ok := assign(was, value)
		if !ok {
			return false
		}
		o.vars[name] = variable{name: name, values: []string{now}, turn: o.turn}
		return true
	}
	if again && !slices.Contains(before.values, value) {
		o.vars[name] = variable{name: name, values: append(slices.Clone(before.values), value), turn: o.turn}
		return true
	}
	if !again {
		o.vars[name] = variable{name: name, values: []string{value}, turn: o.turn}
	}
	return true
}

func isNumber(s string) bool {
	_, err := strconv.Atoi(s)
	return err == nil
}

// token returns what a variable in a macro stands for now. groups are what the
// value at hand captured, m is that value.
func (p *Proof) token(t *token, groups []string, m *match) (string, bool) {
	switch {
	case t.name == "TX" && captured(t.key):
		n := int(t.key[0] - '0')
		if t.key == "10" || n > 8 || n >= len(groups) {
			return "", false
		}
		return groups[n], true
	case t.name == "TX" && parsed(t.key):
		return "", false
	case t.name == "TX":
		switch v := p.tx.get(p.chain.a.tx, t.key); len(v) {
		case 0:
			return t.text, true
		case 1:
			return v[0], true
		}
		return "", false
	case t.name == "MATCHED_VAR" && m != nil:
		return m.value, true
	case t.name == "MATCHED_VAR_NAME" && m != nil:
		return m.name(), true
	case modelled[t.name] == kindHead && !answers(t.name):
		return current(p.state.Collection(t.variable), t), true
	}
	return "", false
}
