package schema

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

func isURI(s []byte) bool          { return isReference(s, true, false) }
func isURIReference(s []byte) bool { return isReference(s, false, false) }
func isIRI(s []byte) bool          { return isReference(s, true, true) }
func isIRIReference(s []byte) bool { return isReference(s, false, true) }

// Which characters stand where in a URI (RFC 3986, appendix A), as bits.
const (
	inPath   uint8 = 1 << iota // pchar and "/"
	inQuery                    // and "?", also in a fragment
	inUser                     // userinfo
	inName                     // reg-name
	inFuture                   // IPvFuture
)

var uriChars = func() (t [256]uint8) {
	for c := range 128 {
		if isAlphanumeric(byte(c)) {
			t[c] = inPath | inQuery | inUser | inName | inFuture
		}
	}
	for _, c := range []byte("-._~!$&'()*+,;=") {
		t[c] = inPath | inQuery | inUser | inName | inFuture
	}
	t[':'] = inPath | inQuery | inUser | inFuture
	t['@'] = inPath | inQuery
	t['/'] = inPath | inQuery
	t['?'] = inQuery
	return t
}()

// isReference reports whether s is a URI or IRI reference; absolute asks for a
// scheme.
func isReference(s []byte, absolute, international bool) bool {
	if n := schemeLen(s); n > 0 {
		s = s[n+1:]
	} else if absolute {
		return false
	} else if colon := bytes.IndexByte(s, ':'); colon >= 0 && !bytes.ContainsAny(s[:colon], "/?#") {
		return false // the first segment of a relative path has no colon (section 4.2)
	}
	s, fragment, _ := bytes.Cut(s, []byte{'#'})
	s, query, _ := bytes.Cut(s, []byte{'?'})
	if len(s) > 1 && s[0] == '/' && s[1] == '/' {
		authority := s[2:]
		s = nil
		if slash := bytes.IndexByte(authority, '/'); slash >= 0 {
			authority, s = authority[:slash], authority[slash:]
		}
		if !isAuthority(authority, international) {
			return false
		}
	}
	return uriText(s, inPath, international) && uriText(query, inQuery, international) && uriText(fragment, inQuery, international)
}

// schemeLen returns the length of the scheme in front of the colon, or 0.
func schemeLen(s []byte) int {
	if len(s) == 0 || !isAlpha(s[0]) {
		return 0
	}
	for n, c := range s {
		switch {
		case c == ':':
			return n
		case !isAlphanumeric(c) && c != '+' && c != '-' && c != '.':
			return 0
		}
	}
	return 0
}

func isAuthority(s []byte, international bool) bool {
	if at := bytes.IndexByte(s, '@'); at >= 0 {
		if !uriText(s[:at], inUser, international) {
			return false
		}
		s = s[at+1:]
	}
	if len(s) > 0 && s[0] == '[' {
		end := bytes.IndexByte(s, ']')
		if end < 0 || !isIPLiteral(s[1:end]) {
			return false
		}
		s = s[end+1:]
	} else {
		end := bytes.IndexByte(s, ':')
		if end < 0 {
			end = len(s)
		}
		if !uriText(s[:end], inName, international) {
			return false
		}
		s = s[end:]
	}
	return len(s) == 0 || s[0] == ':' && (len(s) == 1 || allDigits(s[1:]))
}

// isIPLiteral reports whether s is an IPv6 address, with a zone or not (RFC 6874),
// or IPvFuture.
func isIPLiteral(s []byte) bool {
	if len(s) > 0 && s[0]|0x20 == 'v' {
		dot := bytes.IndexByte(s, '.')
		if dot < 2 || dot+1 == len(s) {
			return false
		}
		for _, c := range s[1:dot] {
			if !isHex(c) {
				return false
			}
		}
		for _, c := range s[dot+1:] {
			if uriChars[c]&inFuture == 0 {
				return false
			}
		}
		return true
	}
	if i := bytes.Index(s, []byte("%25")); i >= 0 {
		return i+3 < len(s) && isIPv6(s[:i]) && uriText(s[i+3:], inName, false)
	}
	return isIPv6(s)
}

func uriText(s []byte, where uint8, international bool) bool {
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case uriChars[c]&where != 0:
			i++
		case c == '%':
			if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
				return false
			}
			i += 3
		case c >= utf8.RuneSelf && international:
			r, size := utf8.DecodeRune(s[i:])
			if !isIRIChar(r) && (where != inQuery || !isPrivate(r)) {
				return false
			}
			i += size
		default:
			return false
		}
	}
	return true
}

// isIRIChar reports whether r is a ucschar (RFC 3987, section 2.2).
func isIRIChar(r rune) bool {
	switch {
	case r < 0xA0, r > 0xEFFFD, isPrivate(r), r >= 0xFDD0 && r <= 0xFDEF, r >= 0xFFF0 && r <= 0xFFFF, r&0xFFFE == 0xFFFE:
		return false
	}
	return r < 0xE0000 || r >= 0xE1000
}

func isPrivate(r rune) bool {
	return r >= 0xE000 && r <= 0xF8FF || r >= 0xF0000 && r <= 0xFFFFD || r >= 0x100000 && r <= 0x10FFFD
}

// isURITemplate reports whether s is a template of RFC 6570.
func isURITemplate(s []byte) bool {
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '{':
			end := bytes.IndexByte(s[i:], '}')
			if end < 0 || !isExpression(s[i+1:i+end]) {
				return false
			}
			i += end + 1
		case c == '%':
			if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
				return false
			}
			i += 3
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRune(s[i:])
			if !isIRIChar(r) && !isPrivate(r) {
				return false
			}
			i += size
		case c <= ' ' || c == 0x7F || strings.IndexByte("\"<>\\^`|}", c) >= 0:
			return false
		default:
			i++
		}
	}
	return true
}

func isExpression(s []byte) bool {
	if len(s) > 0 && strings.IndexByte("+#./;?&", s[0]) >= 0 {
		s = s[1:]
	}
	for {
		variable, rest, more := bytes.Cut(s, []byte{','})
		if !isVariable(variable) {
			return false
		}
		if !more {
			return true
		}
		s = rest
	}
}

func isVariable(s []byte) bool {
	if n := len(s); n > 0 && s[n-1] == '*' {
		s = s[:n-1]
	} else if colon := bytes.IndexByte(s, ':'); colon >= 0 {
		length := s[colon+1:]
		if !allDigits(length) || len(length) > 4 || length[0] == '0' {
			return false
		}
		s = s[:colon]
	}
	dot := true // a dot may not stand here
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case isAlphanumeric(c) || c == '_':
			dot = false
		case c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			i += 2
			dot = false
		case c == '.' && !dot:
			dot = true
		default:
			return false
		}
	}
	return !dot
}
