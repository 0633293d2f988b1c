package document

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse"
)

// A jsonReader reads a JSON text (RFC 8259) and keeps the places.
type jsonReader struct {
	*builder
	text string
	i    int
	line int
	// begun is where the line began. counted and column are the last offset whose
	// column was asked for, so that a text of one long line is counted through once.
	begun, counted, column int
}

// json reads text. ok is false after a syntax error.
func (b *builder) json(text string) (root *Node, ok bool) {
	r := &jsonReader{builder: b, text: text, line: 1, column: 1}
	r.space()
	if root, ok = r.value(1); !ok {
		return nil, false
	}
	r.space()
	if r.i < len(r.text) {
		r.bad("text behind the end of the JSON value")
		return nil, false
	}
	return root, true
}

func (r *jsonReader) space() {
	for r.i < len(r.text) {
		switch r.text[r.i] {
		case '\n':
			r.line++
			r.begun, r.counted, r.column = r.i+1, r.i+1, 1
		case ' ', '\t', '\r':
		default:
			return
		}
		r.i++
	}
}

// here returns the column of r.i.
func (r *jsonReader) here() int {
	r.column += utf8.RuneCountInString(r.text[r.counted:r.i])
	r.counted = r.i
	return r.column
}

func (r *jsonReader) bad(message string) {
	r.fail("contract.document_syntax", "JSON: "+message, "", r.line, r.here())
}

// expected reports what is in the way of what.
func (r *jsonReader) expected(what string) bool {
	if r.i >= len(r.text) {
		r.bad("the text ends where " + what + " should stand")
	} else {
		c, _ := utf8.DecodeRuneInString(r.text[r.i:])
		r.bad(fmt.Sprintf("%s instead of %s", strconv.QuoteRune(c), what))
	}
	return false
}

func (r *jsonReader) value(depth int) (*Node, bool) {
	if r.i >= len(r.text) {
		return nil, r.expected("a value")
	}
	line, column := r.line, r.here()
	var n *Node
	switch c := r.text[r.i]; {
	case c == '{' || c == '[':
		if r.tooDeep(depth, line, column) {
			return nil, false
		}
		if c == '{' {
			if n = r.node(Map, "", line, column); n != nil && !r.object(n, depth) {
				return nil, false
			}
		} else if n = r.node(List, "", line, column); n != nil && !r.array(n, depth) {
			return nil, false
		}
	case c == '"':
		s, ok := r.str()
		if !ok {
			return nil, false
		}
		n = r.node(String, s, line, column)
	case c == '-' || '0' <= c && c <= '9':
		s := number(r.text[r.i:])
		if s == "" {
			return nil, r.expected("a number")
		}
		r.i += len(s)
		n = r.node(Number, s, line, column)
	case strings.HasPrefix(r.text[r.i:], "true"):
		r.i += 4
		n = r.node(Bool, "true", line, column)
	case strings.HasPrefix(r.text[r.i:], "false"):
		r.i += 5
		n = r.node(Bool, "false", line, column)
	case strings.HasPrefix(r.text[r.i:], "null"):
		r.i += 4
		n = r.node(Null, "", line, column)
	default:
		return nil, r.expected("a value")
	}
	return n, n != nil
}

func (r *jsonReader) object(m *Node, depth int) bool {
	r.i++
	r.space()
	if r.take('}') {
		return true
	}
	for {
		if r.i >= len(r.text) || r.text[r.i] != '"' {
			return r.expected("a name in quotes")
		}
		at := gatehouse.Position{File: r.home.name, Line: r.line, Column: r.here()}
		name, ok := r.str()
		if !ok {
			return false
		}
		r.space()
		if !r.take(':') {
			return r.expected("a colon")
		}
		r.space()
		v, ok := r.value(depth + 1)
		if !ok {
			return false
		}
		if !r.duplicate(m, name, at.Line, at.Column) {
			addKey(m, Key{Name: name, At: at, Value: v})
		}
		r.space()
		if r.take('}') {
			return true
		}
		if !r.take(',') {
			return r.expected("a comma or }")
		}
		r.space()
	}
}

func (r *jsonReader) array(list *Node, depth int) bool {
	r.i++
	r.space()
	if r.take(']') {
		return true
	}
	for {
		v, ok := r.value(depth + 1)
		if !ok {
			return false
		}
		addItem(list, v)
		r.space()
		if r.take(']') {
			return true
		}
		if !r.take(',') {
			return r.expected("a comma or ]")
		}
		r.space()
	}
}

func (r *jsonReader) take(c byte) bool {
	if r.i < len(r.text) && r.text[r.i] == c {
		r.i++
		return true
	}
	return false
}

// str reads the string at r.i. Without escapes it is a piece of the text.
func (r *jsonReader) str() (string, bool) {
	start := r.i + 1
	for i := start; i < len(r.text); i++ {
		switch c := r.text[i]; {
		case c == '"':
			r.i = i + 1
			return r.text[start:i], true
		case c == '\\':
			return r.escaped(start, i)
		case c < 0x20:
			r.i = i
			r.bad("a control character in a string")
			return "", false
		}
	}
	r.i = len(r.text)
	r.bad("a string has no end")
	return "", false
}

// escaped goes on with a string whose first escape is at i.
func (r *jsonReader) escaped(start, i int) (string, bool) {
	var b strings.Builder
	for i < len(r.text) {
		c := r.text[i]
		switch {
		case c == '"':
			b.WriteString(r.text[start:i])
			r.i = i + 1
			return b.String(), true
		case c == '\\':
			b.WriteString(r.text[start:i])
			r.i = i
			n := r.escape(&b)
			if n == 0 {
				return "", false
			}
			i += n
			start = i
		case c < 0x20:
			r.i = i
			r.bad("a control character in a string")
			return "", false
		default:
			i++
		}
	}
	r.i = len(r.text)
	r.bad("a string has no end")
	return "", false
}

// escape writes what the escape at r.i stands for, and returns its length; 0 after
// an error.
func (r *jsonReader) escape(b *strings.Builder) int {
	rest := r.text[r.i:]
	if len(rest) < 2 {
		r.bad("a string has no end")
		return 0
	}
	if i := strings.IndexByte(`"\/bfnrt`, rest[1]); i >= 0 {
		b.WriteByte("\"\\/\b\f\n\r\t"[i])
		return 2
	}
	c, ok := hex4(rest)
	if !ok {
		r.bad("an unknown escape in a string")
		return 0
	}
	if !utf16.IsSurrogate(c) {
		b.WriteRune(c)
		return 6
	}
	low, ok := hex4(rest[6:])
	c = utf16.DecodeRune(c, low)
	if !ok || c == utf8.RuneError {
		r.bad("half of a surrogate pair in a string")
		return 0
	}
	b.WriteRune(c)
	return 12
}

// hex4 reads \uXXXX.
func hex4(s string) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(s[2:6], 16, 16)
	return rune(n), err == nil && s[2] != '+'
}

// number returns the JSON number that s begins with, or "".
func number(s string) string {
	i := 0
	digits := func() bool {
		start := i
		for i < len(s) && '0' <= s[i] && s[i] <= '9' {
			i++
		}
		return i > start
	}
	if i < len(s) && s[i] == '-' {
		i++
	}
	if i < len(s) && s[i] == '0' {
		i++
	} else if !digits() {
		return ""
	}
	if i < len(s) && s[i] == '.' {
		if i++; !digits() {
			return ""
		}
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		if i++; i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if !digits() {
			return ""
		}
	}
	return s[:i]
}
