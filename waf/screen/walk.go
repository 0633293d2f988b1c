package screen

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse/waf/seclang"
)

// A walker goes through the program in the engine's order, under the hypothesis
// that no rule that looks at the request matches.
type walker struct {
	x       *Index
	s       *Screen
	tx      map[string]string
	shared  bool // somebody keeps tx: it is cloned before the next change
	at      int  // the rule at hand
	skip    int
	after   string // label to go on at
	removed map[int]bool
	except  map[int][]exception // by rule
}

// An exception takes values of one variable out of a rule's targets.
type exception struct {
	variable string
	seclang.Selector
}

func (w *walker) phase(n int) {
	w.skip = 0 // skip, unlike skipAfter, does not outlive its phase
	for i := range w.x.rules {
		r := &w.x.rules[i]
		w.at = i
		if r.Phase != 0 && r.Phase != n || w.removed[r.ID] {
			continue
		}
		if r.carried && (w.after != "" || w.skip > 0) {
			w.give(r, "it is skipped, but not where the body is parsed")
		}
		if w.after != "" {
			if r.Marker == w.after {
				w.after = ""
			}
			continue
		}
		if w.skip > 0 {
			w.skip--
			continue
		}
		if r.Marker == "" && !r.carried {
			w.rule(r)
		}
	}
}

// rule evaluates the links that are known now, and keeps the rule for the time of
// the request where one is not.
func (w *walker) rule(r *rule) {
	for i := range r.links {
		l := &r.links[i]
		if l.opaque != "" || w.x.dynamic.reads(l) {
			w.keep(r, i)
			return
		}
		if !w.known(r, l) {
			return
		}
	}
	w.fired(r)
}

// known evaluates a link that reads TX only, with all its actions.
func (w *walker) known(r *rule, l *link) bool {
	if l.Operator == nil {
		w.act(r, l, "")
		return true
	}
	test := w.x.test(l)
	if l.macro != nil {
		arg, _ := l.macro.expand(func(t *token) (string, bool) { return w.get(t), true })
		if test = l.build(arg); test == nil {
			w.give(r, "its operator cannot be built")
			return false
		}
	}
	any := false
	for i := range l.targets {
		for _, v := range w.values(r, &l.targets[i]) {
			w.x.pipes[l.pipe].each(v, func(s string) bool {
				if test(s) != l.Operator.Negated {
					if l.feedsOperator || any && (l.feedsItself || l.readsMatch()) {
						w.give(r, "what it sets depends on the order of its values")
					}
					any = true
					w.capture(l, s)
					w.act(r, l, s)
				}
				return true
			})
		}
	}
	return any
}

// readsMatch reports whether what the link sets depends on the value that matched.
func (l *link) readsMatch() bool {
	matched := func(t *token) bool { return t.name == "MATCHED_VAR" }
	return slices.ContainsFunc(l.sets, func(s assignment) bool { return s.name.reads(matched) || s.value.reads(matched) })
}

// values are what a target selects from TX, in an order of its own.
func (w *walker) values(r *rule, t *target) []string {
	var keys []string
	for k := range w.tx {
		if (t.KeyRegexp == nil && (t.Key == "" || t.Key == k) || t.KeyRegexp != nil && t.KeyRegexp.MatchString(k)) &&
			!excepted(k, t.Except) && !w.excepted(r, "TX", k) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	if t.Count {
		return []string{strconv.Itoa(len(keys))}
	}
	for i, k := range keys {
		keys[i] = w.tx[k]
	}
	return keys
}

func (w *walker) excepted(r *rule, variable, key string) bool {
	for _, e := range w.except[r.ID] {
		if e.variable == variable && excepted(key, []seclang.Selector{e.Selector}) {
			return true
		}
	}
	return false
}

// excepted reports whether a key, in lower case, is selected.
func excepted(key string, by []seclang.Selector) bool {
	for _, s := range by {
		if s.Regexp != nil && s.Regexp.MatchString(key) || s.Regexp == nil && (s.Key == "" || strings.ToLower(s.Key) == key) {
			return true
		}
	}
	return false
}

func (w *walker) get(t *token) string {
	if v, ok := w.tx[t.key]; ok && t.name == "TX" {
		return v
	}
	return t.text
}

// capture stores what an expression captured.
func (w *walker) capture(l *link, s string) {
	if !l.Capture || l.op < 0 || w.x.ops[l.op].rx == nil {
		return
	}
	for i, v := range w.x.ops[l.op].rx.Submatches(s) {
		if i < 9 {
			w.set(strconv.Itoa(i), v)
		}
	}
}

// act runs the actions of a link that matched the value s.
func (w *walker) act(r *rule, l *link, s string) {
	for _, a := range l.sets {
		get := func(t *token) (string, bool) {
			switch t.name {
			case "TX":
				return w.get(t), true
			case "MATCHED_VAR":
				return s, true
			}
			return "", false
		}
		name, ok := a.name.expand(get)
		value, ok2 := a.value.expand(get)
		if !ok || !ok2 && !a.remove {
			w.give(r, "setvar depends on the request")
			return
		}
		name = strings.ToLower(name)
		if a.remove {
			w.unset(name)
		} else if v, ok := assign(w.tx[name], value); ok {
			w.set(name, v)
		}
	}
	for _, c := range l.ctls {
		if !w.control(c) {
			w.give(r, "ctl:"+c.Value+" always applies")
		}
	}
}

// assign returns what setvar makes of a variable's value; false leaves it alone.
func assign(old, value string) (string, bool) {
	if value == "" || value[0] != '+' && value[0] != '-' {
		return value, true
	}
	by := 0
	if len(value) > 1 {
		var err error
		if by, err = strconv.Atoi(value[1:]); err != nil {
			return value, !strings.HasPrefix(value[1:], "tx.")
		}
	}
	n := 0
	if old != "" {
		var err error
		if n, err = strconv.Atoi(old); err != nil {
			return "", false
		}
	}
	if value[0] == '-' {
		by = -by
	}
	return strconv.Itoa(n + by), true
}

func (w *walker) set(name, value string) {
	w.own()
	w.tx[name] = value
}

func (w *walker) unset(name string) {
	w.own()
	delete(w.tx, name)
}

func (w *walker) own() {
	if w.shared {
		w.tx, w.shared = maps.Clone(w.tx), false
	}
}

// fired is told of a rule that matches whatever the request is.
func (w *walker) fired(r *rule) {
	if !r.quiet {
		w.give(r, "it matches every request")
		return
	}
	w.s.always = append(w.s.always, r.ID)
	if r.SkipAfter != "" {
		w.after = r.SkipAfter
	}
	if r.Skip > 0 {
		w.skip = r.Skip
	}
}

// give gives the profile up: every request goes to the reference.
func (w *walker) give(r *rule, why string) {
	if w.s.Unprovable == "" {
		w.s.Unprovable = "rule " + strconv.Itoa(r.ID) + ": " + why
	}
}
