package policy

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/x/exp/ast"

	"github.com/gatehouse/gatehouse"
)

// A statement is the text of one policy, up to and with its ";". Cedar's parser
// stops at the first error of a text, so each statement is parsed by itself, and
// one mistake hides no other.
type statement struct {
	file string
	text string
	// line and column are where text begins in its file, counted from 1 in
	// characters.
	line, column int
	depth        int // of brackets
	path         int // dots in one attribute path
}

// split cuts a file into statements. What follows the last ";" is a statement of
// its own, be it only white space and comments.
func split(file, text string) []statement {
	var out []statement
	line, column := 1, 1
	cur := statement{file: file, line: 1, column: 1}
	start, depth, dots := 0, 0, 0
	var last rune // before r, white space left out
	const (
		code = iota
		comment
		quoted
	)
	state := code
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		i += size
		column++
		if !wordRune(r) && r != '.' && !unicode.IsSpace(r) || wordRune(r) && wordRune(last) && i > size && unicode.IsSpace(rune(text[i-size-1])) {
			dots = 0 // neither "a.b" nor "a . b": another expression
		}
		if !unicode.IsSpace(r) {
			last = r
		}
		switch {
		case r == '\n':
			// A string does not span lines: the parser will say so, and the rest
			// of the file is read as usual.
			line, column, state = line+1, 1, code
		case state == comment:
		case state == quoted:
			if r == '\\' && i < len(text) && text[i] != '\n' {
				_, n := utf8.DecodeRuneInString(text[i:])
				i += n
				column++
			} else if r == '"' {
				state = code
			}
		case r == '"':
			state = quoted
		case r == '/' && i < len(text) && text[i] == '/':
			state = comment
		case r == '(' || r == '[' || r == '{':
			depth++
			cur.depth = max(cur.depth, depth)
		case r == ')' || r == ']' || r == '}':
			depth--
		case r == '.':
			dots++
			cur.path = max(cur.path, dots)
		case r == ';':
			cur.text = text[start:i]
			out = append(out, cur)
			start, depth = i, 0
			cur = statement{file: file, line: line, column: column}
		}
	}
	if start < len(text) {
		cur.text = text[start:]
		out = append(out, cur)
	}
	return out
}

func wordRune(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// at turns a line and column within the statement into a place in its file.
func (s *statement) at(line, column int) gatehouse.Position {
	if line == 1 {
		column += s.column - 1
	}
	return gatehouse.Position{File: s.file, Line: line + s.line - 1, Column: column}
}

// begin is the place of the statement's first word.
func (s *statement) begin() gatehouse.Position {
	rest := s.text
	for {
		trimmed := strings.TrimLeft(rest, " \t\r\n")
		if !strings.HasPrefix(trimmed, "//") {
			return s.offset(len(s.text) - len(trimmed))
		}
		if _, after, ok := strings.Cut(trimmed, "\n"); ok {
			rest = after
		} else {
			return s.offset(0)
		}
	}
}

// offset is the place of the byte at i.
func (s *statement) offset(i int) gatehouse.Position {
	before := s.text[:i]
	nl := strings.LastIndexByte(before, '\n')
	return s.at(1+strings.Count(before, "\n"), 1+utf8.RuneCountInString(before[nl+1:]))
}

// find is the place of the first of words that the statement's code holds, else
// its beginning. Cedar's syntax tree knows no positions within a policy.
func (s *statement) find(words ...string) gatehouse.Position {
	for _, w := range words {
		if i := s.index(w); w != "" && i >= 0 {
			return s.offset(i)
		}
	}
	return s.begin()
}

// index finds w outside comments and annotations.
func (s *statement) index(w string) int {
	for from := 0; ; {
		i := strings.Index(s.text[from:], w)
		if i < 0 {
			return -1
		}
		i += from
		line := s.text[strings.LastIndexByte(s.text[:i], '\n')+1 : i]
		if !strings.Contains(line, "//") && !strings.HasPrefix(strings.TrimSpace(line), "@") {
			return i
		}
		from = i + len(w)
	}
}

var (
	parserSays  = regexp.MustCompile(`(?s)<input>:(\d+):(\d+)(?: ("(?:[^"\\]|\\.)*"))?: (.*)$`)
	parserWants = regexp.MustCompile(`(?s)^(?:exact )?got .* want (.*)$`)
)

// parse returns the statement's policy, and nil where it holds only white space
// and comments.
func (s *statement) parse() (p *cedar.Policy, err error) {
	if len(s.text) > maxStatement {
		return nil, s.fail("policy.limit", s.begin(), "", "the policy is longer than %v", gatehouse.Bytes(maxStatement))
	}
	if s.depth > maxDepth {
		return nil, s.fail("policy.limit", s.begin(), "", "brackets are nested deeper than %d", maxDepth)
	}
	if s.path > maxPath {
		return nil, s.fail("policy.limit", s.begin(), "", "an attribute path has more than %d parts", maxPath)
	}
	if !utf8.ValidString(s.text) {
		return nil, s.fail("policy.syntax", s.begin(), "save the file as UTF-8", "the policy is not valid UTF-8")
	}
	// The parser is fed by people: should it fall over, the file is at fault.
	defer func() {
		if r := recover(); r != nil {
			p, err = nil, s.fail("policy.syntax", s.begin(), "", "the policy cannot be read: %v", r)
		}
	}()
	var list cedar.PolicyList
	if err := list.UnmarshalCedar([]byte(s.text)); err != nil {
		return nil, s.syntax(err)
	}
	switch len(list) {
	case 0:
		return nil, nil
	case 1:
		list[0].SetFilename(s.file)
		return list[0], nil
	}
	return nil, s.fail("policy.syntax", s.begin(), "", "%d policies in one statement", len(list))
}

// syntax translates the parser's error. The parser has mostly gone one token past
// the one it dislikes when it says so.
func (s *statement) syntax(err error) error {
	text := strings.TrimPrefix(err.Error(), "parser error: ")
	m := parserSays.FindStringSubmatch(text)
	if m == nil {
		return s.fail("policy.syntax", s.begin(), "", "%s", text)
	}
	line, _ := strconv.Atoi(m[1])
	column, _ := strconv.Atoi(m[2])
	if line < 1 || column < 1 { // the scanner does not always know
		return s.fail("policy.syntax", s.begin(), "", "%s", m[4])
	}
	next, message := m[3], m[4]
	at, found := s.at(line, column), ""
	switch {
	case next == "": // the scanner's error
	case next == `""` && !strings.HasPrefix(message, "expected ident"):
		found = ", found the end"
	case strings.HasPrefix(message, "got "):
		found = ", found " + next
	default:
		var word string
		word, at = s.before(line, column)
		found = fmt.Sprintf(", found %q", word)
	}
	hint := ""
	switch want := parserWants.FindStringSubmatch(message); {
	case want != nil && want[1] == ";":
		message, hint = `expected ";"`, `a policy ends with ";"`
	case want != nil:
		message = fmt.Sprintf("expected %q", want[1])
	case message == "invalid primary":
		message = "expected an expression"
	case message == "unexpected token":
		message = "this does not belong here"
	}
	return s.fail("policy.syntax", at, hint, "%s%s", message, found)
}

// before returns the token that ends before a place, and its own place.
func (s *statement) before(line, column int) (string, gatehouse.Position) {
	end := 0
	for l := 1; l < line; l++ {
		end += strings.IndexByte(s.text[end:], '\n') + 1
	}
	for c := 1; c < column && end < len(s.text); c++ {
		_, n := utf8.DecodeRuneInString(s.text[end:])
		end += n
	}
	rest := strings.TrimRight(s.text[:end], " \t\r\n")
	start := strings.LastIndexFunc(rest, func(r rune) bool { return !wordRune(r) }) + 1
	if start == len(rest) && start > 0 { // no word: one sign, or a string
		start--
		if rest[start] == '"' {
			start = max(0, strings.LastIndexByte(rest[:start], '"'))
		}
	}
	return rest[start:], s.offset(start)
}

func (s *statement) fail(code string, at gatehouse.Position, hint, format string, args ...any) *gatehouse.Error {
	return &gatehouse.Error{Code: code, Message: inert(fmt.Sprintf(format, args...)), Hint: hint, At: at}
}

// tree returns the policy's syntax tree. It is read-only.
func tree(p *cedar.Policy) *ast.Policy { return (*ast.Policy)(p.AST()) }

// flatten lists the errors that errors.Join joined.
func flatten(err error) []error {
	var joined interface{ Unwrap() []error }
	if err == nil {
		return nil
	}
	if errors.As(err, &joined) {
		var out []error
		for _, e := range joined.Unwrap() {
			out = append(out, flatten(e)...)
		}
		return out
	}
	return []error{err}
}
