package schema

import (
	"strconv"
	"strings"
	"unicode"
)

// escape translates what follows a backslash outside a class.
func (t *translation) escape() (set charset, repeats bool, err error) {
	c := t.peek()
	switch {
	case c == 'b' || c == 'B':
		t.pos++
		t.plain = false
		t.out.WriteString(`\` + string(c))
		return nil, false, nil
	case c == 'k' && len(t.names) > 0:
		name, ok := "", false
		if t.pos+1 < len(t.in) && t.in[t.pos+1] == '<' {
			name, ok = t.name(t.pos + 2)
		}
		group, known := t.names[name]
		if !ok || !known {
			return nil, false, errEscape
		}
		t.pos += 3 + len([]rune(name))
		t.reference(group)
		return nil, true, nil
	case c >= '1' && c <= '9':
		end := t.pos
		for end < len(t.in) && t.in[end] >= '0' && t.in[end] <= '9' {
			end++
		}
		group, err := strconv.Atoi(string(t.in[t.pos:end]))
		if err != nil || group > t.groups {
			return nil, false, errEscape
		}
		t.pos = end
		t.reference(group)
		return nil, true, nil
	}
	set, property, err := t.charEscape(false)
	if err != nil {
		return nil, false, err
	}
	if property != "" {
		t.plain = false
		t.out.WriteString(property)
		return nil, true, nil
	}
	t.writeSet(set)
	return set, true, nil
}

func (t *translation) reference(group int) {
	t.backtracks, t.plain = true, false
	t.out.WriteString(`(?:\` + strconv.Itoa(group) + `)`)
}

// charEscape reads an escape sequence for characters, behind its backslash: a set,
// or a Unicode property as both engines write it.
func (t *translation) charEscape(class bool) (set charset, property string, err error) {
	if t.pos >= len(t.in) {
		return nil, "", errEnd
	}
	c := t.in[t.pos]
	t.pos++
	one := func(r rune) (charset, string, error) { return charset{r, r}, "", nil }
	switch c {
	case 'd':
		return digitChars, "", nil
	case 'D':
		return digitChars.not(), "", nil
	case 'w':
		return wordChars, "", nil
	case 'W':
		return wordChars.not(), "", nil
	case 's':
		return spaceChars, "", nil
	case 'S':
		return spaceChars.not(), "", nil
	case 't':
		return one('\t')
	case 'n':
		return one('\n')
	case 'v':
		return one('\v')
	case 'f':
		return one('\f')
	case 'r':
		return one('\r')
	case '0':
		if n := t.peek(); n >= '0' && n <= '9' {
			return nil, "", errEscape
		}
		return one(0)
	case 'b':
		if class {
			return one('\b')
		}
	case 'c':
		if l := t.peek() | 0x20; l >= 'a' && l <= 'z' {
			t.pos++
			return one(l - 'a' + 1)
		}
	case 'x':
		if r, ok := t.hex(2); ok {
			return one(r)
		}
	case 'u':
		r, ok := t.unicodeEscape()
		if ok {
			return one(r)
		}
	case 'p', 'P':
		property, err := t.property(c)
		return nil, property, err
	default:
		if c < 0x80 && !unicode.IsLetter(c) && !unicode.IsDigit(c) { // Annex B: not only syntax characters
			return one(c)
		}
	}
	return nil, "", errEscape
}

func (t *translation) hex(n int) (rune, bool) {
	if t.pos+n > len(t.in) {
		return 0, false
	}
	v, err := strconv.ParseUint(string(t.in[t.pos:t.pos+n]), 16, 32)
	if err != nil {
		return 0, false
	}
	t.pos += n
	return rune(v), true
}

// unicodeEscape reads XXXX, a pair of surrogates, or {X…}, behind \u.
func (t *translation) unicodeEscape() (rune, bool) {
	if t.peek() == '{' {
		end := t.pos + 1
		for end < len(t.in) && t.in[end] != '}' {
			end++
		}
		v, err := strconv.ParseUint(string(t.in[t.pos+1:min(end, len(t.in))]), 16, 32)
		if end >= len(t.in) || err != nil || v > unicode.MaxRune {
			return 0, false
		}
		t.pos = end + 1
		return rune(v), true
	}
	r, ok := t.hex(4)
	if ok && r >= 0xD800 && r <= 0xDBFF && t.pos+6 <= len(t.in) && t.in[t.pos] == '\\' && t.in[t.pos+1] == 'u' {
		at := t.pos
		t.pos += 2
		if low, ok := t.hex(4); ok && low >= 0xDC00 && low <= 0xDFFF {
			return 0x10000 + (r-0xD800)<<10 + low - 0xDC00, true
		}
		t.pos = at
	}
	return r, ok
}

// Long names of general categories, which Go's engines do not know.
var categories = map[string]string{
	"Any": "", "Letter": "L", "Cased_Letter": "LC", "Uppercase_Letter": "Lu", "Lowercase_Letter": "Ll", "Titlecase_Letter": "Lt",
	"Modifier_Letter": "Lm", "Other_Letter": "Lo", "Mark": "M", "Combining_Mark": "M", "Nonspacing_Mark": "Mn",
	"Spacing_Mark": "Mc", "Enclosing_Mark": "Me", "Number": "N", "Decimal_Number": "Nd", "digit": "Nd",
	"Letter_Number": "Nl", "Other_Number": "No", "Punctuation": "P", "punct": "P", "Connector_Punctuation": "Pc",
	"Dash_Punctuation": "Pd", "Open_Punctuation": "Ps", "Close_Punctuation": "Pe", "Initial_Punctuation": "Pi",
	"Final_Punctuation": "Pf", "Other_Punctuation": "Po", "Symbol": "S", "Math_Symbol": "Sm", "Currency_Symbol": "Sc",
	"Modifier_Symbol": "Sk", "Other_Symbol": "So", "Separator": "Z", "Space_Separator": "Zs", "Line_Separator": "Zl",
	"Paragraph_Separator": "Zp", "Other": "C", "Control": "Cc", "cntrl": "Cc", "Format": "Cf", "Private_Use": "Co",
}

// property reads {Name} or {Name=Value} behind \p or \P.
func (t *translation) property(c rune) (string, error) {
	end := t.pos
	for end < len(t.in) && t.in[end] != '}' {
		end++
	}
	if t.peek() != '{' || end >= len(t.in) {
		return "", errEscape
	}
	name := string(t.in[t.pos+1 : end])
	t.pos = end + 1
	script := false
	if key, value, ok := strings.Cut(name, "="); ok {
		switch key {
		case "General_Category", "gc":
		case "Script", "sc", "Script_Extensions", "scx":
			script = true
		default:
			return "", errEscape
		}
		name = value
	}
	if short, ok := categories[name]; ok && !script && short != "" {
		name = short
	}
	_, isScript := unicode.Scripts[name]
	_, isCategory := unicode.Categories[name]
	if script && !isScript || !script && !isCategory {
		return "", errEscape
	}
	return `\` + string(c) + `{` + name + `}`, nil
}

// class translates a character class, behind its bracket.
func (t *translation) class() (set charset, repeats bool, err error) {
	negated := t.peek() == '^'
	if negated {
		t.pos++
	}
	var properties strings.Builder
	for t.peek() != ']' {
		low, property, err := t.classAtom()
		if err != nil {
			return nil, false, err
		}
		properties.WriteString(property)
		single := len(low) == 2 && low[0] == low[1]
		if t.peek() == '-' && t.pos+1 < len(t.in) && t.in[t.pos+1] != ']' && single {
			at := t.pos
			t.pos++
			high, property, err := t.classAtom()
			switch {
			case err != nil:
				return nil, false, err
			case property != "" || len(high) != 2 || high[0] != high[1]: // Annex B: the dash is one
				t.pos = at
			case high[0] < low[0]:
				return nil, false, errClass
			default:
				low = charset{low[0], high[0]}
			}
		}
		set = append(set, low...)
	}
	t.pos++
	set = set.tidy()
	if properties.Len() > 0 {
		t.plain = false
		t.out.WriteByte('[')
		if negated {
			t.out.WriteByte('^')
		}
		set.clip().write(&t.out)
		t.out.WriteString(properties.String() + "]")
		return nil, true, nil
	}
	if negated {
		set = set.not()
	}
	t.writeSet(set)
	return append(charset{}, set...), true, nil
}

func (t *translation) classAtom() (charset, string, error) {
	if t.pos >= len(t.in) {
		return nil, "", errClass
	}
	c := t.in[t.pos]
	t.pos++
	if c == '\\' {
		return t.charEscape(true)
	}
	return charset{c, c}, "", nil
}
