package screen

import (
	"regexp"
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
func parseRemoval(s string) (removal, bool) {
	action, value, _ := strings.Cut(s, "=")
	action = strings.ToLower(strings.TrimSpace(action))
	value, of, targeted := strings.Cut(value, ";")
	rest, by, ok := strings.Cut(action, "removeby")
	if !ok {
		rest, by, ok = strings.Cut(action, "removetargetby")
		if !ok || !targeted {
			return removal{}, false
		}
	} else if targeted {
		return removal{}, false
	}
	rules, ok := selection(by, value)
	if rest != "rule" || !ok {
		return removal{}, false
	}
	out := removal{rules: rules}
	if targeted {
		var key string
		out.variable, key, _ = strings.Cut(of, ":")
		out.variable, key = strings.ToUpper(strings.TrimSpace(out.variable)), strings.TrimSpace(key)
		if out.variable == "" {
			return removal{}, false
		}
		if n := len(key); n > 2 && key[0] == '/' && key[n-1] == '/' {
			rx, err := regexp.Compile(key[1 : n-1])
			if err != nil || strings.Contains(key, `\/`) {
				return removal{}, false
			}
			out.Regexp = rx
		} else {
			out.Key = key
		}
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
func (w *walker) control(s string) bool {
	if strings.HasPrefix(strings.ToLower(s), "auditengine=") || strings.HasPrefix(strings.ToLower(s), "auditlogparts=") {
		return true
	}
	m, ok := parseRemoval(s)
	if !ok {
		return false
	}
	for i := range w.x.rules {
		r := &w.x.rules[i]
		switch {
		case !m.rules(r):
		case m.variable == "":
			w.removed[r.ID] = true
		default:
			w.except[r.ID] = append(w.except[r.ID], exception{m.variable, m.Selector})
		}
	}
	return true
}

// harmless reports whether the proof may go on as if the ctl action had not run:
// what it removes could only have ended the proof, and sets nothing others read.
func (s *Screen) harmless(ctl string) bool {
	m, ok := parseRemoval(ctl)
	if !ok {
		return strings.HasPrefix(strings.ToLower(ctl), "auditengine=")
	}
	if m.variable == "TX" {
		return false
	}
	for i := range s.index.rules {
		r := &s.index.rules[i]
		if !m.rules(r) {
			continue
		}
		if m.variable == "" && slices.Contains(s.always, r.ID) || r.sets() || r.Skip > 0 || r.SkipAfter != "" {
			return false
		}
	}
	return true
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
