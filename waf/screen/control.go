package screen

import (
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse/waf/seclang"
)

// A removal is what a ctl action takes out of the rules for the rest of a
// transaction.
type removal struct {
	rules    func(r *rule) bool
	variable string // "" where the whole rule goes
	seclang.Selector
}

// parseRemoval reads ruleRemoveById, ByTag, ByMsg and their Target forms.
func parseRemoval(a seclang.Action) (removal, bool) {
	c, err := a.Control()
	if err != nil {
		return removal{}, false
	}
	name := strings.ToLower(c.Name)
	by, whole := strings.CutPrefix(name, "ruleremoveby")
	if !whole {
		var ok bool
		if by, ok = strings.CutPrefix(name, "ruleremovetargetby"); !ok || c.Variable == "" {
			return removal{}, false
		}
	}
	rules, ok := selection(by, c.Value)
	if !ok {
		return removal{}, false
	}
	out := removal{rules: rules}
	if !whole {
		out.variable, out.Selector = c.Variable, c.Selector
	}
	return out, true
}

func selection(by, value string) (func(r *rule) bool, bool) {
	switch by {
	case "id":
		from, to, isRange := strings.Cut(value, "-")
		a, err := strconv.Atoi(from)
		b := a
		if isRange && err == nil {
			b, err = strconv.Atoi(to)
		}
		return func(r *rule) bool { return r.ID >= a && r.ID <= b }, err == nil
	case "tag":
		return func(r *rule) bool { return slices.Contains(r.Tags, value) }, true
	case "msg":
		return func(r *rule) bool { return r.Message != "" && r.Message == value }, true
	}
	return nil, false
}

// control applies a ctl action that applies to every request; it reports whether it
// understands it.
func (w *walker) control(a seclang.Action) bool {
	if audits(a) {
		return true
	}
	m, ok := parseRemoval(a)
	if !ok {
		return false
	}
	for i := range w.x.rules {
		r := &w.x.rules[i]
		switch {
		case !m.rules(r):
		case r.carried:
			return false
		case m.variable == "":
			w.removed[r.ID] = true
		default:
			w.except[r.ID] = append(w.except[r.ID], exception{m.variable, m.Selector})
		}
	}
	return true
}

// audits reports whether the action concerns the engine's own log only.
func audits(a seclang.Action) bool {
	c, err := a.Control()
	return err == nil && (strings.EqualFold(c.Name, "auditEngine") || strings.EqualFold(c.Name, "auditLogParts"))
}

// harmless reports whether the proof may go on as if the ctl action had not run:
// what it removes could only have ended the proof, and sets nothing others read.
func (s *Screen) harmless(ctl seclang.Action) bool {
	m, ok := parseRemoval(ctl)
	if !ok {
		return audits(ctl)
	}
	if m.variable == "TX" {
		return false
	}
	for i := range s.index.rules {
		r := &s.index.rules[i]
		if m.variable == "" && r.Skip > 0 {
			return false // it would skip other rules
		}
		if !m.rules(r) {
			continue
		}
		if r.carried || r.ID == 0 || m.variable != "" && r.counts(m.variable) {
			return false
		}
		if m.variable == "" && slices.Contains(s.always, r.ID) || r.sets() || r.Skip > 0 || r.SkipAfter != "" {
			return false
		}
	}
	return true
}

// counts reports whether a target of the rule is the number of a variable's values,
// so that it may match because there are fewer.
func (r *rule) counts(variable string) bool {
	for i := range r.links {
		for j := range r.links[i].targets {
			if t := &r.links[i].targets[j]; t.Count && t.Variable == variable {
				return true
			}
		}
	}
	return false
}

// sets reports whether any link that is not the last of a rule that leaves traces
// sets a variable or controls the engine.
func (r *rule) sets() bool {
	for i := range r.links {
		l := &r.links[i]
		if (len(l.sets) > 0 || len(l.ctls) > 0) && (i < len(r.links)-1 || r.quiet) {
			return true
		}
	}
	return false
}
