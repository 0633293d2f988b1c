package transform

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// urlDecode decodes %XX and "+"; an escape that is none stays.
func urlDecode(s string) (string, bool) {
	e := edit{src: s}
	claimed := false
	for i := 0; i < len(s); {
		switch c := s[i]; c {
		case '+':
			claimed = true
			e.cut(i, 1)
			e.put(' ')
			i++
		case '%':
			claimed = true
			b := hexNumber(s, i+1, 2)
			if b < 0 {
				i++
				continue
			}
			e.cut(i, 3)
			e.put(byte(b))
			i += 3
		default:
			i++
		}
	}
	out, _ := e.text()
	return out, claimed
}

// urlDecodeUni decodes %uXXXX as well, to one byte.
func urlDecodeUni(s string) (string, bool) {
	e := edit{src: s}
	for i := 0; i < len(s); {
		c := s[i]
		if c == '+' {
			e.cut(i, 1)
			e.put(' ')
			i++
			continue
		}
		if c != '%' {
			i++
			continue
		}
		if i+1 < len(s) && s[i+1]|0x20 == 'u' {
			code := hexNumber(s, i+2, 4)
			if code < 0 {
				i += 2
				continue
			}
			e.cut(i, 6)
			e.put(bestFit(code))
			i += 6
			continue
		}
		b := hexNumber(s, i+1, 2)
		if b < 0 {
			i++
			continue
		}
		e.cut(i, 3)
		e.put(byte(b))
		i += 3
	}
	return e.text()
}

// urlEncode leaves letters, digits and the star; space becomes "+".
func urlEncode(s string) (string, bool) {
	const hexDigits = "0123456789abcdef"
	e := edit{src: s}
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '*' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z':
		case c == ' ':
			e.cut(i, 1)
			e.put('+')
		default:
			e.cut(i, 1)
			e.put('%')
			e.put(hexDigits[c>>4])
			e.put(hexDigits[c&15])
		}
	}
	return e.text()
}

// utf8ToUnicode writes every character that is not ASCII as %uXXXX, with five or six
// digits where it needs them; a byte that is no UTF-8 becomes %ufffd.
func utf8ToUnicode(s string) (string, bool) {
	first := firstNonASCII(s)
	if first < 0 {
		return s, false
	}
	var out strings.Builder
	out.Grow(len(s) + 16)
	out.WriteString(s[:first])
	var buf [8]byte
	for _, c := range s[first:] {
		if c < utf8.RuneSelf {
			out.WriteByte(byte(c))
			continue
		}
		out.WriteString("%u")
		if c < 0x1000 {
			out.WriteByte('0')
		}
		if c < 0x100 {
			out.WriteByte('0')
		}
		out.Write(strconv.AppendInt(buf[:0], int64(c), 16))
	}
	return out.String(), true
}

// firstNonASCII returns the index of the first byte that is not ASCII, -1 if there is none.
func firstNonASCII(s string) int {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return i
		}
	}
	return -1
}
