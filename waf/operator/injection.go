package operator

import (
	"strings"

	"github.com/corazawaf/libinjection-go"
)

// detectSQLi asks libinjection, except about one word or one number. That is one token,
// and of the fingerprints of one token libinjection knows only its own "X", for which
// it takes a comment or a backslash.
func detectSQLi(value string) bool {
	if oneToken(value) {
		return false
	}
	found, _ := libinjection.IsSQLi(value)
	return found
}

// oneToken reports whether a value is digits alone, or ASCII letters, digits and
// underscores that do not begin with a digit.
func oneToken(s string) bool {
	if s == "" {
		return true
	}
	letters := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case '0' <= c && c <= '9':
		case 'a' <= c|0x20 && c|0x20 <= 'z', c == '_':
			letters = true
		default:
			return false
		}
	}
	return !letters || s[0] > '9'
}

// detectXSS asks libinjection about what holds "<" or "=". Without "<" there is no tag,
// comment or document type, and what is left to find is the value of an attribute with a
// suspicious name, which only "=" can give it.
func detectXSS(value string) bool {
	if strings.IndexByte(value, '<') < 0 && strings.IndexByte(value, '=') < 0 {
		return false
	}
	return libinjection.IsXSS(value)
}
