package schema

import (
	"errors"
	"strconv"
	"strings"
	"unicode"
)

// A translation is a pattern of ECMA-262 (section 22.2) rewritten so that a Go
// engine means the same by it.
type translation struct {
	in     []rune
	pos    int
	slow   bool // for regexp2, not for RE2
	out    strings.Builder
	groups int            // capturing, in all
	names  map[string]int // of groups
	depth  int

	backtracks bool // it needs regexp2
	plain      bool // so far it is ^, runs, $
	began      bool
	ended      bool
	list       runs
}

var (
	errEnd    = errors.New("it ends too early")
	errParen  = errors.New("parentheses do not match")
	errRepeat = errors.New("a quantifier has nothing to repeat")
	errEscape = errors.New("an escape sequence is not known")
	errClass  = errors.New("a character class is not well-formed")
	errGroup  = errors.New("a group is not well-formed")
)

// maxGroups bounds how deep groups nest.
const maxGroups = 200

// translate rewrites a pattern for RE2 or, where slow is set, for regexp2.
func translate(text string, slow bool) (*translation, error) {
	return rewrite(text, slow, true)
}

func rewrite(text string, slow, flags bool) (*translation, error) {
	t := &translation{in: []rune(text), slow: slow, plain: true}
	if err := t.countGroups(); err != nil {
		return nil, err
	}
	if flags {
		t.flags()
	}
	if err := t.alternatives(); err != nil {
		return nil, err
	}
	if t.pos < len(t.in) {
		return nil, errParen
	}
	t.plain = t.plain && t.began && t.ended
	return t, nil
}

// flags passes on (?i) at the beginning, which ECMA-262 lacks and many
// a document has.
func (t *translation) flags() {
	if len(t.in) > 3 && t.in[0] == '(' && t.in[1] == '?' {
		i := 2
		for i < len(t.in) && t.in[i] == 'i' {
			i++
		}
		if i > 2 && i < len(t.in) && t.in[i] == ')' {
			t.out.WriteString(string(t.in[:i+1]))
			t.pos, t.plain = i+1, false
		}
	}
}

// countGroups numbers the capturing groups, for references may lead forward.
func (t *translation) countGroups() error {
	class := false
	for i := 0; i < len(t.in); i++ {
		switch c := t.in[i]; {
		case c == '\\':
			i++
		case class:
			class = c != ']'
		case c == '[':
			class = true
		case c == '(' && (i+1 >= len(t.in) || t.in[i+1] != '?'):
			t.groups++
		case c == '(' && i+3 < len(t.in) && t.in[i+2] == '<' && t.in[i+3] != '=' && t.in[i+3] != '!':
			t.groups++
			name, ok := t.name(i + 3)
			if _, twice := t.names[name]; !ok || twice {
				return errGroup
			}
			if t.names == nil {
				t.names = map[string]int{}
			}
			t.names[name] = t.groups
		}
	}
	return nil
}

// name reads a group's name up to ">".
func (t *translation) name(from int) (string, bool) {
	for i := from; i < len(t.in); i++ {
		c := t.in[i]
		if c == '>' {
			return string(t.in[from:i]), i > from
		}
		if c != '_' && c != '$' && !unicode.IsLetter(c) && (i == from || !unicode.IsDigit(c)) {
			break
		}
	}
	return "", false
}

func (t *translation) peek() rune {
	if t.pos < len(t.in) {
		return t.in[t.pos]
	}
	return -1
}

func (t *translation) alternatives() error {
	for {
		if err := t.sequence(); err != nil {
			return err
		}
		if t.peek() != '|' {
			return nil
		}
		t.plain = false
		t.pos++
		t.out.WriteByte('|')
	}
}

func (t *translation) sequence() error {
	for t.pos < len(t.in) && t.peek() != '|' && t.peek() != ')' {
		set, repeats, err := t.atom()
		if err != nil {
			return err
		}
		if err := t.quantifier(set, repeats); err != nil {
			return err
		}
	}
	return nil
}

// atom translates one atom or assertion. set is the characters of one that is no
// more than that; repeats tells whether a quantifier may follow.
func (t *translation) atom() (set charset, repeats bool, err error) {
	c := t.in[t.pos]
	t.pos++
	if t.ended {
		t.plain = false
	}
	switch c {
	case '^':
		t.out.WriteString(`\A`)
		t.plain = t.plain && !t.began && len(t.list) == 0 && t.depth == 0
		t.began = true
		return nil, false, nil
	case '$':
		t.out.WriteString(`\z`)
		t.plain = t.plain && t.began && t.depth == 0
		t.ended = true
		return nil, false, nil
	case '(':
		t.plain = false
		repeats, err = t.group()
		return nil, repeats, err
	case '*', '+', '?':
		return nil, false, errRepeat
	case '{':
		if _, _, _, ok := t.counts(t.pos); ok {
			return nil, false, errRepeat
		}
		set = charset{'{', '{'} // as in Annex B
	case '.':
		set = lineChars.not()
	case '[':
		return t.class()
	case '\\':
		return t.escape()
	default:
		set = charset{c, c}
	}
	t.writeSet(set)
	return set, true, nil
}

func (t *translation) writeSet(set charset) {
	set = set.clip()
	if len(set) == 0 { // never matches
		if t.slow {
			t.out.WriteString("(?!)")
		} else {
			t.out.WriteString(`[^\x00-\x{10FFFF}]`)
		}
		return
	}
	if len(set) == 2 && set[0] == set[1] {
		writeRune(&t.out, set[0])
		return
	}
	t.out.WriteByte('[')
	set.write(&t.out)
	t.out.WriteByte(']')
}

func (t *translation) group() (repeats bool, err error) {
	if t.depth++; t.depth > maxGroups {
		return false, errGroup
	}
	repeats = true
	switch rest := string(t.in[t.pos:min(t.pos+3, len(t.in))]); {
	case strings.HasPrefix(rest, "?:"):
		t.out.WriteString("(?:")
		t.pos += 2
	case strings.HasPrefix(rest, "?=") || strings.HasPrefix(rest, "?!"):
		t.backtracks = true
		t.out.WriteString("(" + rest[:2])
		t.pos += 2
	case rest == "?<=" || rest == "?<!":
		t.backtracks, repeats = true, false
		t.out.WriteString("(" + rest)
		t.pos += 3
	case strings.HasPrefix(rest, "?<"):
		name, ok := t.name(t.pos + 2)
		if !ok {
			return false, errGroup
		}
		t.pos += 3 + len([]rune(name))
		t.out.WriteByte('(')
	case strings.HasPrefix(rest, "?"):
		return false, errGroup
	default:
		t.out.WriteByte('(')
	}
	if err := t.alternatives(); err != nil {
		return false, err
	}
	if t.peek() != ')' {
		return false, errParen
	}
	t.pos++
	t.depth--
	t.out.WriteByte(')')
	return repeats, nil
}

// quantifier translates what says how often the atom before stands.
func (t *translation) quantifier(set charset, repeats bool) error {
	low, high, end := 1, 1, t.pos
	switch t.peek() {
	case '*':
		low, high, end = 0, -1, t.pos+1
	case '+':
		low, high, end = 1, -1, t.pos+1
	case '?':
		low, high, end = 0, 1, t.pos+1
	case '{':
		if l, h, e, ok := t.counts(t.pos + 1); ok {
			low, high, end = l, h, e
		}
	}
	if end > t.pos {
		if !repeats {
			return errRepeat
		}
		if high >= 0 && low > high {
			return errors.New("a quantifier's numbers are out of order")
		}
		t.out.WriteString(string(t.in[t.pos:end]))
		t.pos = end
		if t.peek() == '?' { // lazy: whether there is a match is the same
			t.out.WriteByte('?')
			t.pos++
		}
	}
	if set == nil {
		t.plain = t.plain && !repeats
	} else if t.plain {
		t.plain = t.began
		t.list = append(t.list, run{set: set, min: low, max: high})
	}
	return nil
}

// counts reads {n}, {n,} or {n,m} from behind its brace.
func (t *translation) counts(i int) (low, high, end int, ok bool) {
	number := func() (int, bool) {
		from := i
		for i < len(t.in) && t.in[i] >= '0' && t.in[i] <= '9' {
			i++
		}
		n, err := strconv.Atoi(string(t.in[from:i]))
		return min(n, 1<<30), i > from && err == nil
	}
	if low, ok = number(); !ok {
		return 0, 0, 0, false
	}
	high = low
	if i < len(t.in) && t.in[i] == ',' {
		i++
		if high, ok = number(); !ok {
			high = -1
		}
	}
	if i >= len(t.in) || t.in[i] != '}' {
		return 0, 0, 0, false
	}
	return low, high, i + 1, true
}
