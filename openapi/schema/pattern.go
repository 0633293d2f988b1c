package schema

import (
	"errors"
	"regexp"
	"regexp/syntax"
	"sync"
	"time"

	"github.com/dlclark/regexp2"
)

// A pattern is a regular expression of ECMA-262 with its u flag, or nearly so: what
// Annex B lets by besides is read as there, and (?i) at the beginning as Go has it.
type pattern struct {
	text string
	runs runs            // where it is that simple
	fast *regexp.Regexp  // RE2: linear time
	size int             // instructions of fast
	slow *regexp2.Regexp // backtracking: where there are look-around or back-references
}

const (
	// matchTime bounds one match of a backtracking pattern, matchBudget all those of
	// one check.
	matchTime   = 25 * time.Millisecond
	matchBudget = 100 * time.Millisecond
	// matchEarned is what each value adds to the budget that several share.
	matchEarned = 20 * time.Microsecond
	// maxPattern bounds a pattern, in bytes.
	maxPattern = 16 << 10
)

// clock makes regexp2 look at the time often enough for matchTime.
var clock sync.Once

func newPattern(text string) (*pattern, error) {
	if len(text) > maxPattern {
		return nil, errors.New("it is too long")
	}
	p := &pattern{text: text}
	t, err := translate(text, false)
	if err != nil {
		return nil, err
	}
	if t.plain && t.list.simple() {
		t.list.prepare()
		p.runs = t.list
		if p.runs == nil {
			p.runs = runs{}
		}
		return p, nil
	}
	if !t.backtracks {
		p.fast, err = regexp.Compile(t.out.String())
		if err == nil {
			p.size = instructions(t.out.String())
			return p, nil
		}
		var e *syntax.Error
		if !errors.As(err, &e) || e.Code != syntax.ErrInvalidRepeatSize && e.Code != syntax.ErrLarge {
			return nil, reason(err)
		}
	}
	if t, err = translate(text, true); err != nil {
		return nil, err
	}
	clock.Do(func() { regexp2.SetTimeoutCheckPeriod(matchTime / 4) })
	p.slow, err = regexp2.Compile(t.out.String(), regexp2.ECMAScript|regexp2.Unicode)
	if err != nil {
		return nil, reason(err)
	}
	p.slow.MatchTimeout = matchTime
	return p, nil
}

// reason is an engine's error without its text of the pattern, which is not the
// author's.
func reason(err error) error {
	var e *syntax.Error
	if errors.As(err, &e) {
		return errors.New(e.Code.String())
	}
	return errors.New("the expression is not well-formed, or too large")
}

func instructions(text string) int {
	re, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return 1
	}
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		return 1
	}
	return len(prog.Inst)
}

// String returns the pattern as the document has it.
func (p *pattern) String() string { return p.text }

// MatchString reports whether s has a match; a match that takes too long is none.
func (p *pattern) MatchString(s string) bool {
	switch {
	case p.runs != nil:
		return p.runs.match([]byte(s))
	case p.fast != nil:
		return p.fast.MatchString(s)
	}
	ok, err := p.slow.MatchString(s)
	return ok && err == nil
}

// matches reports whether s has a match, in the time that is left of the walk's.
func (w *walk) matches(p *pattern, s []byte) (ok, late bool) {
	switch {
	case p.runs != nil:
		return p.runs.match(s), false
	case p.fast != nil:
		w.steps -= len(s) * p.size / 16
		return w.steps >= 0 && p.fast.Match(s), false
	case w.matching >= matchBudget:
		return false, true
	}
	began := time.Now()
	ok, err := p.slow.MatchString(string(s))
	w.matching += time.Since(began)
	return ok && err == nil, err != nil
}
