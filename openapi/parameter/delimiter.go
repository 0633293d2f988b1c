package parameter

import "strings"

// A delimiter stands between the elements of an array or object.
type delimiter uint8

const (
	comma     delimiter = ','
	dot       delimiter = '.'
	semicolon delimiter = ';'
	ampersand delimiter = '&'
	// A space and a pipe may not stand in a query, so both spellings delimit; a
	// value that holds one cannot be sent in these styles.
	space delimiter = ' ' // "%20" or "+"
	pipe  delimiter = '|' // "%7C" or "|"
)

// cut returns what stands before the first delimiter of the raw spelling, and the
// rest behind it. An encoded comma, dot, semicolon or ampersand is data.
func (d delimiter) cut(raw string) (head, tail string, more bool) {
	switch d {
	case space:
		for i := 0; i < len(raw); i++ {
			if raw[i] == '+' || raw[i] == ' ' {
				return raw[:i], raw[i+1:], true
			}
			if raw[i] == '%' && strings.HasPrefix(raw[i:], "%20") {
				return raw[:i], raw[i+3:], true
			}
		}
		return raw, "", false
	case pipe:
		for i := 0; i < len(raw); i++ {
			if raw[i] == '|' {
				return raw[:i], raw[i+1:], true
			}
			if raw[i] == '%' && i+2 < len(raw) && raw[i+1] == '7' && raw[i+2]|0x20 == 'c' {
				return raw[:i], raw[i+3:], true
			}
		}
		return raw, "", false
	}
	if i := strings.IndexByte(raw, byte(d)); i >= 0 {
		return raw[:i], raw[i+1:], true
	}
	return raw, "", false
}

// trim takes optional white space off, as lists in header fields have it
// (RFC 9110, section 5.6.1).
func trim(s string) string {
	for len(s) > 0 && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for len(s) > 0 && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}
