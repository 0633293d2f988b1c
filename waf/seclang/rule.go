package seclang

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/corazawaf/coraza/v3/types"

	"github.com/gatehouse/gatehouse"
)

// rule is a rule, a chained link or a marker while directives are being read.
type rule struct {
	id, phase int
	marker    string
	message   string // "" if there is none
	severity  types.RuleSeverity
	tags      []string

	targets    []Target
	operator   *Operator
	transforms []string
	multiMatch bool
	capture    bool
	log        bool
	status     int
	skip       int
	skipAfter  string
	actions    []*parsedAction // all but metadata, in order

	// chained says that the rule has the action chain, next is the link that came.
	chained bool
	next    *rule

	at     gatehouse.Position
	raw    string   // as written
	text   []string // for Rule.Text
	opaque []string
}

// newRule returns a rule in phase 2, as rules are that name none.
func (r *reader) newRule(text string) *rule {
	return &rule{phase: 2, severity: types.RuleSeverityUnset, at: r.at, raw: text, text: []string{text}}
}

// doubt notes a reason why the rule isn't fully described.
func (ru *rule) doubt(format string, args ...any) {
	ru.opaque = append(ru.opaque, fmt.Sprintf(format, args...))
}

// find returns the first rule with this id. A marker has the id 0.
func (r *reader) find(id int) *rule {
	for _, ru := range r.rules {
		if ru.id == id {
			return ru
		}
	}
	return nil
}

// add appends a rule that is no chained link.
func (r *reader) add(ru *rule) error {
	if ru.id != 0 && r.find(ru.id) != nil {
		return fmt.Errorf("duplicated rule id %d", ru.id)
	}
	r.rules = append(r.rules, ru)
	r.added = append(r.added, added{
		id: ru.id, phase: ru.phase, marker: ru.marker, severity: ru.severity, tags: slices.Clone(ru.tags),
		file: r.file, line: r.line, text: ru.raw,
	})
	return nil
}

// pending returns the last rule if its chain lacks its next link, and that
// chain's last link. Only the very last rule can be continued: after a marker a
// chain stays as it is.
func (r *reader) pending() (parent, last *rule) {
	if len(r.rules) == 0 {
		return nil, nil
	}
	parent = r.rules[len(r.rules)-1]
	last = parent
	for last.next != nil {
		last = last.next
	}
	if !last.chained {
		return nil, nil
	}
	return parent, last
}

func (r *reader) secAction(opts, text string) error {
	if strings.TrimSpace(opts) == "" {
		return errEmptyRule
	}
	ru := r.newRule(text)
	actions := unquote(opts)
	if err := r.applyWithDefaults(ru, actions); err != nil {
		return err
	}
	return r.place(ru, actions, text)
}

var errEmptyRule = errors.New("the rule is empty")

// secRule reads a rule. With SecIgnoreRuleCompilationErrors a rule that doesn't
// compile is left out.
func (r *reader) secRule(opts, text string) error {
	ru, actions, err := r.compileRule(opts, text)
	if err == nil {
		err = r.place(ru, actions, text)
	}
	if r.ignoreErrors {
		if parent, _ := r.pending(); parent != nil && err != nil {
			parent.doubt("a link of its chain was left out by SecIgnoreRuleCompilationErrors")
		}
		return nil
	}
	return err
}

func (r *reader) compileRule(opts, text string) (*rule, string, error) {
	if strings.TrimSpace(opts) == "" {
		return nil, "", errEmptyRule
	}
	variables, operator, actions, err := splitRule(opts)
	if err != nil {
		return nil, "", err
	}
	if _, err := r.defaultActions(); err != nil {
		return nil, "", err
	}
	ru := r.newRule(text)
	if err := ru.readTargets(variables); err != nil {
		return nil, "", err
	}
	if err := r.readOperator(ru, operator); err != nil {
		return nil, "", err
	}
	if actions != "" { // without actions, a rule doesn't inherit any either
		if err := r.applyWithDefaults(ru, actions); err != nil {
			return nil, "", err
		}
	}
	return ru, actions, nil
}

// place adds the rule to the set, or to the chain that waits for it.
func (r *reader) place(ru *rule, actions, text string) error {
	parent, last := r.pending()
	if parent == nil {
		return r.add(ru)
	}
	if own, err := parseActions(actions); err == nil && hasDisruptive(own) {
		if parent.chained {
			r.rules = r.rules[:len(r.rules)-1]
		}
		return fmt.Errorf("a disruptive action stands in a chained rule: only the first (id %d) may have one", parent.id)
	}
	if ru.id != 0 {
		parent.doubt("a chained rule has the id %d of its own", ru.id)
	}
	if parent.id == 0 {
		parent.doubt("a rule without id begins a chain")
	}
	if r.ignoreErrors {
		parent.doubt("a chain was read under SecIgnoreRuleCompilationErrors")
	}
	last.next = ru
	parent.text = append(parent.text, ru.text...)
	parent.opaque = append(parent.opaque, ru.opaque...)
	return nil
}

// splitRule cuts the options of SecRule: variables, the operator in quotes,
// actions in quotes, which may be missing. Only spaces separate them.
func splitRule(opts string) (variables, operator, actions string, err error) {
	variables, rest, ok := strings.Cut(strings.Trim(opts, " "), " ")
	if !ok {
		return "", "", "", errors.New("expected variables, operator and actions")
	}
	rest = strings.TrimLeft(rest, " ")
	end := quotedEnd(rest)
	if end == 0 {
		return "", "", "", errors.New("expected the operator in double quotes")
	}
	operator = unescape(unquote(rest[:end]))
	rest = strings.TrimLeft(rest[end:], " ")
	if rest == "" {
		return variables, operator, "", nil
	}
	if len(rest) < 2 || rest[0] != '"' || rest[len(rest)-1] != '"' {
		return "", "", "", errors.New("expected the actions in double quotes")
	}
	return variables, operator, unquote(rest), nil
}

// quotedEnd returns the length of the string in double quotes that s begins
// with, 0 if there is none. A quote after an odd number of backslashes belongs
// to the string.
func quotedEnd(s string) int {
	if s == "" || s[0] != '"' {
		return 0
	}
	escapes := 0
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			escapes++
			continue
		case s[i] == '"' && escapes%2 == 0:
			return i + 1
		}
		escapes = 0
	}
	return 0
}

// unquote takes off a pair of equal quotes, single or double.
func unquote(s string) string {
	if len(s) < 2 || s[0] != '"' && s[0] != '\'' || s[len(s)-1] != s[0] {
		return s
	}
	return s[1 : len(s)-1]
}

// unescape turns every \" into ", also where the backslash follows another one.
// No other escape is touched.
func unescape(s string) string { return strings.ReplaceAll(s, `\"`, `"`) }
