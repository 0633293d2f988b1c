package seclang

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/corazawaf/coraza/v3/types/variables"
)

// readTargets reads a list such as
//
//	ARGS|!ARGS:/^pass/|&REQUEST_HEADERS:Host|ARGS:'/a|b/'|XML:/*
//
// and adds it to the rule's targets. An exception applies to the targets with the
// same variable that are there already.
func (ru *rule) readTargets(list string) error {
	s := targetScanner{list: list}
	for s.pos < len(list) {
		if err := s.next(); err != nil {
			return err
		}
		if err := ru.addTarget(&s); err != nil {
			return err
		}
	}
	return nil
}

// targetScanner cuts a list of targets. It mirrors what Coraza makes of lists
// that are well formed and of lists that aren't, of which it refuses few.
type targetScanner struct {
	list string
	pos  int

	name, key      []byte
	negated, count bool
	mode           targetMode
	quoted         bool
}

// targetMode is the part of a target that the scanner is in.
type targetMode int

const (
	inName    targetMode = iota
	inKey                // after the colon
	inPattern            // after the slash
	inPath               // after the colon of XML or JSON
)

// next reads one target, up to its "|", the "/" that ends its pattern or the end
// of the list, and steps over what separates it from the one after.
func (s *targetScanner) next() error {
	*s = targetScanner{list: s.list, pos: s.pos}
	escaped := false
	for ; s.pos < len(s.list); s.pos++ {
		c := s.list[s.pos]
		switch {
		case c == '|' && s.mode != inPattern:
			return s.end()
		case s.mode == inPattern && c == '/' && !escaped:
			return s.end()
		case s.pos == len(s.list)-1:
			s.last(c)
			return s.end()
		}
		if s.mode == inPattern {
			s.key = append(s.key, c)
			escaped = c == '\\' && !escaped
			continue
		}
		s.add(c)
	}
	return nil
}

// add takes a character that ends nothing.
func (s *targetScanner) add(c byte) {
	switch s.mode {
	case inName:
		switch c {
		case '!':
			s.negated = true
		case '&':
			s.count = true
		case ':':
			s.mode = inKey
		default:
			s.name = append(s.name, c)
		}
	case inKey:
		switch name := string(s.name); {
		case len(s.key) == 0 && (name == "XML" || name == "JSON"):
			s.mode = inPath
			s.key = append(s.key, c)
		case c == '/':
			s.mode = inPattern
		case c == '\'':
			s.quoted = true
		default:
			s.key = append(s.key, c)
		}
	case inPath:
		s.key = append(s.key, c)
	}
}

// last takes the last character of the list. A pattern without its slash loses
// its last character, a key that ends in one the slash.
func (s *targetScanner) last(c byte) {
	switch {
	case c == '|':
	case s.mode == inName:
		s.name = append(s.name, c)
	case s.mode != inPattern && c != '/':
		s.key = append(s.key, c)
	}
}

// end steps over the character that ended the target, the quote that closes a
// quoted one, and what is taken for the "|" after a quote or a pattern.
func (s *targetScanner) end() error {
	switch {
	case s.quoted:
		closed := s.pos+1 < len(s.list) && s.list[s.pos+1] == '\''
		if !closed && s.list[s.pos] != '\'' {
			return fmt.Errorf("the quote in the target %s:%s isn't closed", s.name, s.key)
		}
		s.pos += 2
	case s.mode == inPattern:
		s.pos++
	}
	s.pos++
	return nil
}

// addTarget adds what the scanner has read.
func (ru *rule) addTarget(s *targetScanner) error {
	v, err := variables.Parse(string(s.name))
	if err != nil {
		return fmt.Errorf("unknown variable %q", s.name)
	}
	if s.mode == inKey && !v.CanBeSelected() {
		return fmt.Errorf("%s has no keys to select", v.Name())
	}
	key := string(s.key)
	if s.mode == inPattern {
		key = "/" + key + "/"
	}
	re, err := selectorPattern(v, key)
	if err != nil {
		return err
	}
	if s.negated {
		for i := range ru.targets {
			if ru.targets[i].Variable == v.Name() {
				ru.targets[i].Except = append(ru.targets[i].Except, newSelector(key, re))
			}
		}
		return nil
	}
	t := Target{Variable: v.Name(), KeyRegexp: re, Count: s.count}
	switch {
	case t.Count && keepsCase(v):
		t.CountKey = key
	case t.Count:
		t.CountKey = strings.ToLower(key)
	}
	switch {
	case re != nil:
	case namesOnly(v):
		t.Key = key
	default:
		t.Key = strings.ToLower(key)
	}
	if (re != nil || t.Key != "") && !v.CanBeSelected() {
		ru.doubt("the target %s:%s selects from a variable without keys", v.Name(), key)
	}
	ru.targets = append(ru.targets, t)
	return nil
}

// newSelector returns what an exception takes away.
func newSelector(key string, re *regexp.Regexp) Selector {
	if re != nil {
		return Selector{Regexp: re}
	}
	return Selector{Key: strings.ToLower(key)}
}

// selectorPattern compiles a key that is written as /pattern/, nil if it isn't.
// Where keys have no case, Coraza turns the pattern itself into lower case, \S
// into \s included.
func selectorPattern(v variables.RuleVariable, key string) (*regexp.Regexp, error) {
	text, ok := slashed(key)
	if !ok {
		return nil, nil
	}
	if !keepsCase(v) {
		text = strings.ToLower(text)
	}
	return regexp.Compile(text)
}

// slashed returns what stands between the slashes that s begins and ends with; a
// backslash before the last one makes it none.
func slashed(s string) (string, bool) {
	if len(s) < 2 || s[0] != '/' || s[len(s)-1] != '/' {
		return s, false
	}
	inner := s[1 : len(s)-1]
	backslashes := len(inner) - len(strings.TrimRight(inner, `\`))
	if backslashes%2 == 1 {
		return s, false
	}
	return inner, true
}

// keepsCase reports whether Coraza leaves the case of a selector alone.
func keepsCase(v variables.RuleVariable) bool {
	switch v {
	case variables.Args, variables.ArgsGet, variables.ArgsPost:
		return true
	}
	return namesOnly(v)
}

// namesOnly reports whether v is one of the collections of names whose keys are
// looked up as they are written.
func namesOnly(v variables.RuleVariable) bool {
	switch v {
	case variables.ArgsNames, variables.ArgsGetNames, variables.ArgsPostNames:
		return true
	}
	return false
}
