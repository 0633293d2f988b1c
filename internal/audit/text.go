package audit

import (
	"unicode"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// plain marks the bytes that stand for themselves in a JSON string and change
// nothing on a terminal: printable ASCII but the quote and the backslash.
var plain = func() (t [256]bool) {
	for c := 0x20; c < 0x7f; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// ellipsis ends a text that was cut.
const ellipsis = "…"

// appendString appends s as a JSON string (RFC 8259, section 7) of at most limit
// bytes between its quotes; what is longer is cut and ends in "…". Control, bidi
// and other invisible characters are escaped, invalid UTF-8 becomes U+FFFD.
func appendString(dst []byte, s string, limit int) []byte {
	dst = append(dst, '"')
	if len(s) <= limit {
		i := 0
		for i < len(s) && plain[s[i]] {
			i++
		}
		dst = append(dst, s[:i]...)
		if i < len(s) {
			dst = appendEscaped(dst, s[i:], limit-i)
		}
		return append(dst, '"')
	}
	return append(appendEscaped(dst, s, limit), '"')
}

func appendEscaped(dst []byte, s string, limit int) []byte {
	start, safe := len(dst), len(dst) // safe: the last end at which the ellipsis fits
	for i := 0; i < len(s); {
		size := 1
		if c := s[i]; c < utf8.RuneSelf {
			dst = appendByte(dst, c)
		} else {
			var r rune
			r, size = utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				dst = append(dst, "\ufffd"...)
			} else if visible(r) {
				dst = append(dst, s[i:i+size]...)
			} else {
				dst = appendUnicode(dst, r)
			}
		}
		i += size
		if len(dst)-start > limit {
			return append(dst[:safe], ellipsis...)
		}
		if len(dst)-start <= limit-len(ellipsis) {
			safe = len(dst)
		}
	}
	return dst
}

func appendByte(dst []byte, c byte) []byte {
	switch {
	case plain[c]:
		return append(dst, c)
	case c == '"' || c == '\\':
		return append(dst, '\\', c)
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}

// visible reports whether a reader would see r as itself: not a control (C1),
// format (bidi, zero-width, byte order mark), line or paragraph separator,
// private or unassigned character.
func visible(r rune) bool { return unicode.IsGraphic(r) && r != '\u2028' && r != '\u2029' }

func appendUnicode(dst []byte, r rune) []byte {
	if r > 0xffff {
		r -= 0x10000
		dst = appendUnit(dst, 0xd800+r>>10)
		r = 0xdc00 + r&0x3ff
	}
	return appendUnit(dst, r)
}

func appendUnit(dst []byte, r rune) []byte {
	return append(dst, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}

// inert returns s for a terminal: what is not visible is written as an escape.
// A record that was read back holds its strings as they once came in.
func inert(s string) string {
	for i := 0; i < len(s); i++ {
		if !plain[s[i]] {
			return string(appendInert(nil, s))
		}
	}
	return s
}

func appendInert(dst []byte, s string) []byte {
	for _, r := range s { // an invalid byte arrives as U+FFFD
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, byte(r))
		case r < utf8.RuneSelf:
			dst = appendByte(dst, byte(r))
		case visible(r):
			dst = utf8.AppendRune(dst, r)
		default:
			dst = appendUnicode(dst, r)
		}
	}
	return dst
}
