package screen

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// names are TX variables, some known only by how their names begin.
type names struct {
	exact    map[string]bool
	prefixes []string
}

// learn adds what rules may set at the time of a request without ending the proof:
// all that links set which are not the last of a rule that leaves traces. What they
// set may decide what others set.
func (n *names) learn(rules []rule) {
	for before := -1; before != len(n.exact)+len(n.prefixes); {
		before = len(n.exact) + len(n.prefixes)
		for i := range rules {
			n.open(&rules[i])
		}
	}
}

// open adds what the rule sets from the first link on that depends on the request.
func (n *names) open(r *rule) {
	open := false
	for i := range r.links {
		l := &r.links[i]
		open = open || l.opaque != "" || n.reads(l)
		if !open || i == len(r.links)-1 && !r.quiet {
			continue
		}
		for _, a := range l.sets {
			n.add(a.name)
		}
	}
}

func (n *names) add(m macro) {
	if len(m) == 1 && m[0].name == "" {
		if n.exact == nil {
			n.exact = map[string]bool{}
		}
		n.exact[strings.ToLower(m[0].text)] = true
		return
	}
	prefix := ""
	if m[0].name == "" {
		prefix = strings.ToLower(m[0].text)
	}
	if !slices.Contains(n.prefixes, prefix) {
		n.prefixes = append(n.prefixes, prefix)
	}
}

// has reports whether the variable may be among them.
func (n *names) has(name string) bool {
	if n.exact[name] || parsed(name) {
		return true
	}
	for _, p := range n.prefixes {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

// reads reports whether anything that the link looks at, or that it sets, is known
// only at the time of a request. Digits are what expressions captured.
func (n *names) reads(l *link) bool {
	for i := range l.targets {
		t := &l.targets[i]
		if t.slot >= 0 || t.Variable != "TX" || t.Key == "" && t.KeyRegexp == nil || t.KeyRegexp != nil && (n.some(t) || capturing(t.KeyRegexp)) || captured(t.Key) || t.KeyRegexp == nil && n.has(t.Key) {
			return true
		}
	}
	for _, a := range l.sets {
		if a.name.reads(n.token) || a.value.reads(n.token) || n.sets(a.name) {
			return true
		}
	}
	return l.macro.reads(func(t *token) bool { return t.name == "MATCHED_VAR" || n.token(t) })
}

// sets reports whether a variable of this name may be among them: what others have
// set there is no longer so.
func (n *names) sets(m macro) bool {
	if len(m) == 1 && m[0].name == "" {
		return n.has(strings.ToLower(m[0].text))
	}
	return len(n.exact)+len(n.prefixes) > 0
}

// token reports whether what a variable in a macro stands for is known only at the
// time of a request.
func (n *names) token(t *token) bool {
	return t.name != "TX" && t.name != "MATCHED_VAR" || captured(t.key) || n.has(t.key)
}

// some reports whether a pattern may select any of them.
func (n *names) some(t *target) bool {
	for name := range n.exact {
		if t.KeyRegexp.MatchString(name) {
			return true
		}
	}
	return len(n.prefixes) > 0 || t.parsed() // what follows a prefix is not known
}

// parsed reports whether the engine's parsers of JSON set the variable.
func parsed(name string) bool { return name == "json_request_body" || name == "json_response_body" }

// parsed reports whether the target selects a variable that parsers set.
func (t *target) parsed() bool {
	return t.Variable == "TX" && (parsed(t.Key) || t.KeyRegexp != nil && (t.KeyRegexp.MatchString("json_request_body") || t.KeyRegexp.MatchString("json_response_body")))
}

// captured reports whether the key is one of TX:0 to TX:9, which hold what
// expressions captured, or TX:10: the engine makes them all, empty, at the start.
func captured(key string) bool {
	return len(key) == 1 && key[0] >= '0' && key[0] <= '9' || key == "10"
}

// capturing reports whether a pattern selects any of them.
func capturing(rx *regexp.Regexp) bool {
	for i := range 11 {
		if rx.MatchString(strconv.Itoa(i)) {
			return true
		}
	}
	return false
}
