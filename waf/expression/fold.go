package expression

import "strings"

// Fold maps a text to the one in which the literals of a [Gate] are searched: ASCII letters
// to lower case, and the two other runes that fold to ASCII letters under (?i) to those
// letters, U+017F (long s) to s and U+212A (the Kelvin sign) to k. Every other byte stays,
// UTF-8 or not. A text that is folded already is returned as it is, without a copy.
func Fold(s string) string {
	i := 0
	for i < len(s) && (!foldStarts[s[i]] || !folds(s, i)) {
		i++
	}
	if i == len(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	b.WriteString(s[:i])
	for i < len(s) {
		switch c := s[i]; {
		case 'A' <= c && c <= 'Z':
			b.WriteByte(c + 'a' - 'A')
			i++
		case c == 0xC5 && strings.HasPrefix(s[i:], "\u017F"):
			b.WriteByte('s')
			i += 2
		case c == 0xE2 && strings.HasPrefix(s[i:], "\u212A"):
			b.WriteByte('k')
			i += 3
		default:
			b.WriteByte(c)
			i++
		}
	}
	return b.String()
}

// foldStarts marks the bytes at which something may begin that Fold changes.
var foldStarts = func() (starts [256]bool) {
	for c := 'A'; c <= 'Z'; c++ {
		starts[c] = true
	}
	starts[0xC5], starts[0xE2] = true, true
	return starts
}()

// folds reports whether Fold changes what stands at s[i:].
func folds(s string, i int) bool {
	c := s[i]
	return 'A' <= c && c <= 'Z' ||
		c == 0xC5 && strings.HasPrefix(s[i:], "\u017F") ||
		c == 0xE2 && strings.HasPrefix(s[i:], "\u212A")
}

// foldRewrites holds the bytes of the two sequences that Fold replaces. In an expression
// over single bytes a literal must not hold one of them: the text around may join it to
// a sequence, and Fold then takes it away.
var foldRewrites = func() (s Bytes) {
	s.AddString("\u017F\u212A")
	return s
}()
