package parameter

import (
	"bytes"
	"unicode/utf8"
)

// A coding says how the characters of a value are spelled where it stands.
type coding uint8

const (
	verbatim coding = iota // header fields, cookies of the style "cookie"
	percent                // paths and cookies: %XX (RFC 3986, section 2.1)
	plus                   // queries and forms: %XX, and "+" for a space
)

// decode undoes a coding exactly once. The result is appended to dst. It reports
// false where an escape is broken.
func decode(dst []byte, raw string, c coding) ([]byte, bool) {
	if c == verbatim {
		return append(dst, raw...), true
	}
	from := 0
	for i := 0; i < len(raw); i++ {
		switch {
		case raw[i] == '%':
			if i+2 >= len(raw) {
				return dst, false
			}
			hi, lo := unhex[raw[i+1]], unhex[raw[i+2]]
			if hi > 15 || lo > 15 {
				return dst, false
			}
			dst = append(append(dst, raw[from:i]...), hi<<4|lo)
			i += 2
			from = i + 1
		case raw[i] == '+' && c == plus:
			dst = append(append(dst, raw[from:i]...), ' ')
			from = i + 1
		}
	}
	return append(dst, raw[from:]...), true
}

// escaped reports whether decoding would change raw.
func escaped(raw string, c coding) bool {
	for i := 0; i < len(raw); i++ {
		if raw[i] == '%' && c != verbatim || raw[i] == '+' && c == plus {
			return true
		}
	}
	return false
}

var unhex = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xff
	}
	for i := range 10 {
		t['0'+i] = byte(i)
	}
	for i := range 6 {
		t['a'+i], t['A'+i] = byte(10+i), byte(10+i)
	}
	return t
}()

// inert reports whether v is UTF-8 without NUL. A NUL ends a string for some
// readers and for others not.
func inert(v []byte) bool {
	ascii := true
	for _, c := range v {
		if c == 0 {
			return false
		}
		if c >= utf8.RuneSelf {
			ascii = false
		}
	}
	return ascii || utf8.Valid(v)
}

// isInteger reports whether v is a whole number in plain decimal digits: no plus
// sign, no leading zero, no white space. JSON Schema takes 1e3 and 1.0 for
// integers as well, readers of parameters mostly do not: they are refused.
func isInteger(v []byte) bool {
	if len(v) > 0 && v[0] == '-' {
		v = v[1:]
	}
	if len(v) == 0 || v[0] == '0' && len(v) > 1 {
		return false
	}
	for _, c := range v {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// isNumber reports whether v is a number as JSON spells it (RFC 8259, section 6).
func isNumber(v []byte) bool {
	whole := bytes.IndexAny(v, ".eE")
	if whole < 0 {
		return isInteger(v)
	}
	if !isInteger(v[:whole]) {
		return false
	}
	v = v[whole:]
	if v[0] == '.' {
		n := digits(v[1:])
		if n == 0 {
			return false
		}
		v = v[1+n:]
	}
	if len(v) > 0 && v[0]|0x20 == 'e' {
		v = v[1:]
		if len(v) > 0 && (v[0] == '+' || v[0] == '-') {
			v = v[1:]
		}
		n := digits(v)
		if n == 0 {
			return false
		}
		v = v[n:]
	}
	return len(v) == 0
}

func digits(v []byte) int {
	n := 0
	for n < len(v) && '0' <= v[n] && v[n] <= '9' {
		n++
	}
	return n
}
