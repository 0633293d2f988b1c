package expression

import (
	"regexp"
	"regexp/syntax"
	"strconv"
	"sync"
	"unicode/utf8"

	"rsc.io/binaryregexp"
	binarysyntax "rsc.io/binaryregexp/syntax"

	"github.com/gatehouse/gatehouse"
)

// Expression is a compiled regular expression of @rx with what is known about its matches.
// It never changes after Compile: any number of goroutines may use it.
type Expression struct {
	pattern string
	gate    Gate
	proof   proof
	fast    *automaton // nil where the expression is too large
	// What is rarely needed is made when it is: the matcher that Coraza uses, over UTF-8 or
	// over single bytes, and the tree for Generate.
	text  func() *regexp.Regexp
	bytes *binaryregexp.Regexp // nil: over UTF-8
	tree  func() *node
}

// Compile compiles pattern exactly as Coraza's @rx does: "(?sm)" before it, or, where its
// byte escapes make no UTF-8, as it stands with rsc.io/binaryregexp.
// The error is a *gatehouse.Error with code "waf.bad_expression".
func Compile(pattern string) (*Expression, error) {
	e := &Expression{pattern: pattern}
	re, err := e.parse()
	if err != nil {
		return nil, &gatehouse.Error{Code: "waf.bad_expression", Message: "regular expression does not compile", Err: err}
	}
	e.text = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(flags + pattern) })
	e.tree = sync.OnceValue(func() *node {
		re, _ := e.parse() // which it did before
		return e.read(re)
	})
	e.gate, e.proof = analyse(e.read(re))
	e.fast = newAutomaton(newProgram(re, e.bytes != nil))
	return e, nil
}

// flags stand before every pattern that is over UTF-8.
const flags = "(?sm)"

// parse parses the pattern, and sets e.bytes where it is over single bytes. That a pattern
// parses is all that regexp.Compile asks of it.
func (e *Expression) parse() (*syntax.Regexp, error) {
	if !namesBytes(flags + e.pattern) {
		return syntax.Parse(flags+e.pattern, syntax.Perl)
	}
	if e.bytes == nil {
		var err error
		if e.bytes, err = binaryregexp.Compile(e.pattern); err != nil {
			return nil, err
		}
	}
	re, err := binarysyntax.Parse(e.pattern, binarysyntax.Perl)
	if err != nil {
		return nil, err
	}
	return fromBinary(re), nil
}

func (e *Expression) read(re *syntax.Regexp) *node {
	return (&reader{bytes: e.bytes != nil}).read(re)
}

// fromBinary copies a tree of binaryregexp's parser, a fork of the standard library's with
// the same operators and flags, into the standard library's type.
func fromBinary(re *binarysyntax.Regexp) *syntax.Regexp {
	out := &syntax.Regexp{
		Op: syntax.Op(re.Op), Flags: syntax.Flags(re.Flags), Rune: re.Rune,
		Min: re.Min, Max: re.Max, Cap: re.Cap, Name: re.Name,
	}
	for _, sub := range re.Sub {
		out.Sub = append(out.Sub, fromBinary(sub))
	}
	return out
}

// namesBytes reports whether pattern, with its \x escapes resolved, is no UTF-8; Coraza
// takes the matcher for single bytes then. It reads like Coraza and not like a parser of
// regular expressions: an escaped backslash before x counts as the start of an escape, and
// of \x{2014} only the first two digits count.
func namesBytes(pattern string) bool {
	var plain []byte
	for i := 0; i < len(pattern); i++ {
		rest := pattern[i:]
		if rest[0] == '\\' && len(rest) <= 3 {
			plain = append(plain, rest...)
			break
		}
		if rest[0] == '\\' && rest[1] == 'x' {
			if b, width, ok := byteEscape(rest); ok {
				plain = append(plain, b)
				i += width - 1
				continue
			}
		}
		plain = append(plain, rest[0])
	}
	return !utf8.Valid(plain)
}

// byteEscape reads the \xNN or \x{NN...} at the start of text.
func byteEscape(text string) (b byte, width int, ok bool) {
	digits, width := text[2:], 4
	if len(text) >= 6 && text[2] == '{' {
		for end := 3; end < len(text); end++ {
			if text[end] == '}' {
				digits, width = text[3:end], end+1
				break
			}
		}
	}
	if len(digits) < 2 || digits[0] == '+' || digits[0] == '-' {
		return 0, 0, false
	}
	v, err := strconv.ParseUint(digits[:2], 16, 8)
	return byte(v), width, err == nil
}

// String returns the pattern as given to Compile.
func (e *Expression) String() string { return e.pattern }

// MatchString reports whether s matches: exactly what Coraza's @rx answers.
func (e *Expression) MatchString(s string) bool {
	if e.fast != nil {
		if match, ok := e.fast.match(s); ok {
			return match
		}
	}
	return e.matchReference(s)
}

// matchReference asks the matcher that Coraza uses.
func (e *Expression) matchReference(s string) bool {
	if e.bytes != nil {
		return e.bytes.MatchString(s)
	}
	return e.text().MatchString(s)
}

// Submatches returns what Coraza captures into TX.0, TX.1 ... of the first match in s: the
// match and at most eight groups, "" for a group that took no part. It is nil where s does
// not match.
func (e *Expression) Submatches(s string) []string {
	var at []int
	if e.bytes != nil {
		at = e.bytes.FindStringSubmatchIndex(s)
	} else {
		at = e.text().FindStringSubmatchIndex(s)
	}
	if at == nil {
		return nil
	}
	out := make([]string, min(len(at)/2, 9))
	for i := range out {
		if at[2*i] >= 0 {
			out[i] = s[at[2*i]:at[2*i+1]]
		}
	}
	return out
}
