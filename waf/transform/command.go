package transform

import "strings"

// commandLine undoes what hides a command from a pattern and not from a shell:
// quotes, backslashes and carets go, runs of white space, commas and semicolons become
// one space, none is left before "/" and "(", letters become lower case.
func commandLine(s string) (string, bool) {
	space := false // the last byte written is a space
	i := 0
unchanged:
	for ; i < len(s); i++ {
		switch c := s[i]; {
		case isQuoting(c), 'A' <= c && c <= 'Z':
			break unchanged
		case isSeparator(c):
			if space || c != ' ' {
				break unchanged
			}
			space = true
		case c == '/' || c == '(':
			if space {
				break unchanged
			}
		default:
			space = false
		}
	}
	if i == len(s) {
		return s, false
	}

	// The space is written when it is known that it stays.
	var out strings.Builder
	out.Grow(len(s))
	if space {
		out.WriteString(s[:strings.LastIndexByte(s[:i], ' ')])
	} else {
		out.WriteString(s[:i])
	}
	for ; i < len(s); i++ {
		c := s[i]
		switch {
		case isQuoting(c):
			continue
		case isSeparator(c):
			space = true
			continue
		case c == '/' || c == '(':
			space = false
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		}
		if space {
			out.WriteByte(' ')
			space = false
		}
		out.WriteByte(c)
	}
	if space {
		out.WriteByte(' ')
	}
	return out.String(), true
}

func isQuoting(c byte) bool { return c == '"' || c == '\'' || c == '\\' || c == '^' }

func isSeparator(c byte) bool {
	switch c {
	case ' ', ',', ';', '\t', '\r', '\n':
		return true
	}
	return false
}
