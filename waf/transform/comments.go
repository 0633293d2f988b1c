package transform

import "strings"

// replaceComments makes one space of every /* comment */, and of one that has no end.
func replaceComments(s string) (string, bool) {
	e := edit{src: s}
	for i := 0; ; {
		at := strings.Index(s[i:], "/*")
		if at < 0 {
			return e.text()
		}
		i += at
		n := len(s) - i
		if end := strings.Index(s[i+2:], "*/"); end >= 0 {
			n = end + 4
		}
		e.cut(i, n)
		e.put(' ')
		i += n
	}
}

// removeCommentsChar removes what opens and closes comments, not what is between.
func removeCommentsChar(s string) (string, bool) {
	e := edit{src: s}
	for i := 0; i < len(s); {
		n := 0
		switch rest := s[i:]; s[i] {
		case '/':
			n = prefixLength(rest, "/*")
		case '*':
			n = prefixLength(rest, "*/")
		case '<':
			n = prefixLength(rest, "<!--")
		case '-':
			if n = prefixLength(rest, "-->"); n == 0 {
				n = prefixLength(rest, "--")
			}
		case '#':
			n = 1
		}
		if n == 0 {
			i++
			continue
		}
		e.cut(i, n)
		i += n
	}
	return e.text()
}

func prefixLength(s, prefix string) int {
	if strings.HasPrefix(s, prefix) {
		return len(prefix)
	}
	return 0
}

// removeComments removes /* */ and <!-- --> with what is between, and everything from
// "--" or "#" on. Either end closes either comment. The byte after a comment is
// never looked at, only copied, and it is a NUL where the text ends with the
// comment: the reference reads one byte too far there. A comment with no end is a space.
func removeComments(s string) (string, bool) {
	e := edit{src: s}
	for i := 0; i < len(s); {
		rest := s[i:]
		var open int
		switch s[i] {
		case '/':
			open = prefixLength(rest, "/*")
		case '<':
			open = prefixLength(rest, "<!--")
		case '-':
			if prefixLength(rest, "--") > 0 {
				e.cut(i, len(rest))
				return e.text()
			}
		case '#':
			e.cut(i, len(rest))
			return e.text()
		}
		if open == 0 {
			i++
			continue
		}
		end := commentEnd(rest, open)
		if end < 0 {
			e.cut(i, len(rest))
			e.put(' ')
			return e.text()
		}
		e.cut(i, end)
		if i += end; i == len(s) {
			e.put(0)
		}
		i++
	}
	return e.text()
}

// commentEnd returns the index after the first "*/" or "-->" at or after s[i:], -1 if
// there is none.
func commentEnd(s string, i int) int {
	for ; i < len(s); i++ {
		switch s[i] {
		case '*':
			if n := prefixLength(s[i:], "*/"); n > 0 {
				return i + n
			}
		case '-':
			if n := prefixLength(s[i:], "-->"); n > 0 {
				return i + n
			}
		}
	}
	return -1
}
