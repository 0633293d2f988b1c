package screen

import (
	"strings"

	"github.com/corazawaf/coraza/v3/collection"
	"github.com/corazawaf/coraza/v3/types/variables"
)

// A macro is text with %{VARIABLE.key} in it, as the engine expands it.
type macro []token

type token struct {
	text     string // literal text, or what stands between the braces
	variable variables.RuleVariable
	name     string // upper-case name of the variable, "" for text
	key      string // lower case
}

// parseMacro returns false where the engine would refuse the text.
func parseMacro(s string) (macro, bool) {
	if s == "" {
		return nil, false
	}
	var m macro
	for s != "" {
		i := strings.Index(s, "%{")
		if i != 0 {
			if i < 0 {
				i = len(s)
			}
			m = append(m, token{text: s[:i]})
			s = s[i:]
			continue
		}
		end := strings.IndexByte(s, '}')
		if end < 0 {
			return nil, false
		}
		inner := s[2:end]
		name, key, _ := strings.Cut(inner, ".")
		v, err := variables.Parse(name)
		if err != nil || strings.HasSuffix(inner, ".") || strings.Trim(inner, "[]._-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") != "" {
			return nil, false
		}
		m = append(m, token{text: inner, variable: v, name: v.Name(), key: strings.ToLower(key)})
		s = s[end+1:]
	}
	return m, true
}

// reads reports whether any token names a variable for which f returns true.
func (m macro) reads(f func(t *token) bool) bool {
	for i := range m {
		if m[i].name != "" && f(&m[i]) {
			return true
		}
	}
	return false
}

// expand replaces each variable by what get returns; ok is false where get cannot
// tell.
func (m macro) expand(get func(t *token) (string, bool)) (string, bool) {
	if len(m) == 1 && m[0].name == "" {
		return m[0].text, true
	}
	var b strings.Builder
	for i := range m {
		if m[i].name == "" {
			b.WriteString(m[i].text)
			continue
		}
		s, ok := get(&m[i])
		if !ok {
			return "", false
		}
		b.WriteString(s)
	}
	return b.String(), true
}

// current is what the engine puts in t's place: the first value, or t's own text
// where there is none.
func current(col collection.Collection, t *token) string {
	switch c := col.(type) {
	case collection.Keyed:
		if v := c.Get(t.key); len(v) > 0 {
			return v[0]
		}
	case collection.Single:
		return c.Get()
	default:
		if v := c.FindAll(); len(v) > 0 {
			return v[0].Value()
		}
	}
	return t.text
}
