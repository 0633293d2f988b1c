package strictjson

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Raw returns the bytes of token i as they stand in the text.
func (t *Tape) Raw(i int) []byte {
	k := &t.Tokens[i]
	return t.Text[k.Start:k.End]
}

// AppendString appends the value of string i, decoded, to dst.
func (t *Tape) AppendString(dst []byte, i int) []byte {
	k := &t.Tokens[i]
	raw := t.Text[k.Start+1 : k.End-1]
	if !k.Escaped {
		return append(dst, raw...)
	}
	return appendUnescaped(dst, raw)
}

// StringBytes returns the value of string i, decoded: a part of the text where it
// has no escapes, else in memory of the tape's that the next call overwrites.
func (t *Tape) StringBytes(i int) []byte {
	k := &t.Tokens[i]
	raw := t.Text[k.Start+1 : k.End-1]
	if !k.Escaped {
		return raw
	}
	t.scratch = appendUnescaped(t.scratch[:0], raw)
	return t.scratch
}

// Equal reports whether the value of string i, a name or not, is s.
func (t *Tape) Equal(i int, s string) bool {
	k := &t.Tokens[i]
	raw := t.Text[k.Start+1 : k.End-1]
	if !k.Escaped {
		return string(raw) == s
	}
	return len(raw) > len(s) && len(raw) <= 6*len(s) && string(t.StringBytes(i)) == s // \u0061 is the longest spelling
}

// Get returns the value of the member called name of object i, or -1.
func (t *Tape) Get(i int, name string) int {
	if t.Tokens[i].Kind != Object {
		return -1
	}
	for m, end := i+1, int(t.Tokens[i].Next); m < end; m = int(t.Tokens[m+1].Next) {
		if t.Equal(m, name) {
			return m + 1
		}
	}
	return -1
}

// Value returns token i as encoding/json would with UseNumber: nil, bool,
// json.Number, string, []any, map[string]any.
func (t *Tape) Value(i int) any {
	k := &t.Tokens[i]
	switch k.Kind {
	case False:
		return false
	case True:
		return true
	case Number:
		return json.Number(t.Raw(i))
	case String:
		return string(t.StringBytes(i))
	case Array:
		list := make([]any, 0, k.Count)
		for j := i + 1; j < int(k.Next); j = int(t.Tokens[j].Next) {
			list = append(list, t.Value(j))
		}
		return list
	case Object:
		members := make(map[string]any, k.Count)
		for j := i + 1; j < int(k.Next); j = int(t.Tokens[j+1].Next) {
			members[string(t.StringBytes(j))] = t.Value(j + 1)
		}
		return members
	}
	return nil
}

// Pointer returns the JSON pointer (RFC 6901) of token i; of a name, that of its
// member.
func (t *Tape) Pointer(i int) string {
	var b strings.Builder
	for at := 0; at < i; {
		k := &t.Tokens[at]
		if k.Kind == Object {
			m := at + 1
			for i >= int(t.Tokens[m+1].Next) {
				m = int(t.Tokens[m+1].Next)
			}
			b.WriteByte('/')
			WritePointerToken(&b, t.StringBytes(m))
			if i == m {
				break
			}
			at = m + 1
			continue
		}
		at++
		n := 0
		for ; i >= int(t.Tokens[at].Next); n++ {
			at = int(t.Tokens[at].Next)
		}
		b.WriteByte('/')
		b.WriteString(strconv.Itoa(n))
	}
	return b.String()
}

// WritePointerToken writes a member's name as a part of a JSON pointer: "~" and "/"
// as "~0" and "~1" (RFC 6901, section 3).
func WritePointerToken(b *strings.Builder, name []byte) {
	for len(name) > 0 {
		n := bytes.IndexAny(name, "~/")
		if n < 0 {
			b.Write(name)
			return
		}
		b.Write(name[:n])
		if name[n] == '~' {
			b.WriteString("~0")
		} else {
			b.WriteString("~1")
		}
		name = name[n+1:]
	}
}

// appendUnescaped appends what raw, the inside of a string that was read, says.
func appendUnescaped(dst, raw []byte) []byte {
	for {
		n := bytes.IndexByte(raw, '\\')
		if n < 0 {
			return append(dst, raw...)
		}
		dst = append(dst, raw[:n]...)
		c := raw[n+1]
		raw = raw[n+2:]
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r, _ := hex4(raw)
			raw = raw[4:]
			if 0xD800 <= r && r <= 0xDBFF {
				low, _ := hex4(raw[2:])
				r = 0x10000 + (r-0xD800)<<10 + low - 0xDC00
				raw = raw[6:]
			}
			dst = utf8.AppendRune(dst, r)
			continue
		}
		dst = append(dst, c)
	}
}

const hexDigits = "0123456789abcdef"

// AppendQuoted appends s, valid UTF-8, as a JSON string: with quotes, and escapes
// only where RFC 8259 section 7 asks for them.
func AppendQuoted(dst, s []byte) []byte {
	dst = append(dst, '"')
	from := 0
	for i, c := range s {
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(append(dst, s[from:]...), '"')
}
