package transform

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// jsDecode decodes the escapes of JavaScript strings, each to one byte.
func jsDecode(s string) (string, bool) {
	e := edit{src: s}
	for i := 0; ; {
		at := strings.IndexByte(s[i:], '\\')
		if at < 0 {
			break
		}
		i += at
		if i+1 == len(s) {
			break // a backslash at the end stays
		}
		b, n := jsEscape(s, i)
		e.cut(i, n)
		e.put(b)
		i += n
	}
	return e.text()
}

// jsEscape decodes the escape at s[i:], a backslash and at least one byte: its value
// and its length.
func jsEscape(s string, i int) (byte, int) {
	switch c := s[i+1]; {
	case c == 'u' && i+2 < len(s) && s[i+2] == '{':
		n := 0
		for n < 6 && i+3+n < len(s) && nibble(s[i+3+n]) >= 0 {
			n++
		}
		if n > 0 && i+3+n < len(s) && s[i+3+n] == '}' {
			return foldFullWidth(hexNumber(s, i+3, n)), n + 4
		}
	case c == 'u':
		if code := hexNumber(s, i+2, 4); code >= 0 {
			return foldFullWidth(code), 6
		}
	case c == 'x':
		if b := hexNumber(s, i+2, 2); b >= 0 {
			return byte(b), 4
		}
	case isOctal(c):
		n, value := octal(s, i+1)
		if value > 0o377 {
			n, value = n-1, value>>3
		}
		return byte(value), n + 1
	}
	if b, ok := control(s[i+1]); ok {
		return b, 2
	}
	return s[i+1], 2
}

// foldFullWidth returns the low byte of a code point, and ASCII for its full-width form.
func foldFullWidth(code int) byte {
	if 0xff01 <= code && code <= 0xff5e {
		return byte(code) + 0x20
	}
	return byte(code)
}

// escapeSeqDecode decodes the escapes of ANSI C.
func escapeSeqDecode(s string) (string, bool) {
	e := edit{src: s}
	for i := 0; ; {
		at := strings.IndexByte(s[i:], '\\')
		if at < 0 {
			break
		}
		i += at
		if i+1 == len(s) {
			break
		}
		b, n := s[i+1], 2
		if c, ok := control(b); ok {
			b = c
		} else if h := hexNumber(s, i+2, 2); h >= 0 && b|0x20 == 'x' {
			b, n = byte(h), 4
		} else if isOctal(b) {
			digits, value := octal(s, i+1)
			b, n = byte(value), digits+1
		}
		e.cut(i, n)
		e.put(b)
		i += n
	}
	return e.text()
}

// control returns the control character of a letter after a backslash.
func control(c byte) (byte, bool) {
	switch c {
	case 'a':
		return '\a', true
	case 'b':
		return '\b', true
	case 'f':
		return '\f', true
	case 'n':
		return '\n', true
	case 'r':
		return '\r', true
	case 't':
		return '\t', true
	case 'v':
		return '\v', true
	}
	return 0, false
}

func isOctal(c byte) bool { return '0' <= c && c <= '7' }

// octal reads up to three octal digits at s[i:].
func octal(s string, i int) (n, value int) {
	for n < 3 && i+n < len(s) && isOctal(s[i+n]) {
		value = value<<3 | int(s[i+n]-'0')
		n++
	}
	return n, value
}

// cssDecode decodes the escapes of CSS: up to six hexadecimal digits and one space are
// a code point, written as UTF-8; a backslash before a line feed or at the end goes.
func cssDecode(s string) (string, bool) {
	e := edit{src: s}
	for i := 0; ; {
		at := strings.IndexByte(s[i:], '\\')
		if at < 0 {
			break
		}
		i += at
		digits := 0
		for digits < 6 && i+1+digits < len(s) && nibble(s[i+1+digits]) >= 0 {
			digits++
		}
		switch {
		case digits > 0:
			n := 1 + digits
			if i+n < len(s) && strings.IndexByte(ctypeSep, s[i+n]) >= 0 {
				n++
			}
			e.cut(i, n)
			e.out.WriteRune(cssRune(hexNumber(s, i+1, digits)))
			i += n
		case i+1 == len(s):
			e.cut(i, 1)
			i++
		case s[i+1] == '\n':
			e.cut(i, 2)
			i += 2
		default:
			e.cut(i, 1)
			i += 2
		}
	}
	return e.text()
}

// cssRune is the character of an escaped code point; what is none becomes U+FFFD.
func cssRune(code int) rune {
	if 0xff01 <= code && code <= 0xff5e {
		return rune(code - 0xfee0)
	}
	if code == 0 || !utf8.ValidRune(rune(code)) {
		return utf8.RuneError
	}
	return rune(code)
}

// htmlEntityDecode claims a change by length alone: "&#0", three bytes, becomes U+FFFD,
// three bytes too.
func htmlEntityDecode(s string) (string, bool) {
	if strings.IndexByte(s, '&') < 0 {
		return s, false
	}
	out := html.UnescapeString(s)
	return out, len(out) != len(s)
}
