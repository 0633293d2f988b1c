package transform

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

func trim(s string) (string, bool) {
	out := strings.Trim(s, ctypeSep)
	return out, len(out) != len(s)
}

func trimLeft(s string) (string, bool) {
	out := strings.TrimLeft(s, ctypeSep)
	return out, len(out) != len(s)
}

func trimRight(s string) (string, bool) {
	out := strings.TrimRight(s, ctypeSep)
	return out, len(out) != len(s)
}

// removeWhitespace drops Unicode's white space. It replaces a byte that is no UTF-8 by
// U+FFFD, and calls only the former a change.
func removeWhitespace(s string) (string, bool) {
	if firstNonASCII(s) < 0 && strings.IndexFunc(s, unicode.IsSpace) < 0 {
		return s, false
	}
	spaces := false
	out := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			spaces = true
			return -1
		}
		return r
	}, s)
	return out, spaces
}

// compressWhitespace makes one space of every run of Latin-1 white space. A lone byte
// A0, no UTF-8, counts as white space; a lone 85 does not.
func compressWhitespace(s string) (string, bool) {
	e := edit{src: s}
	in := false
	for i := 0; i < len(s); {
		c, size := rune(s[i]), 1
		if c >= utf8.RuneSelf {
			c, size = utf8.DecodeRuneInString(s[i:])
		}
		if !isLatinSpace(c) && s[i] != 0xa0 {
			in = false
			i += size
			continue
		}
		switch {
		case in:
			e.cut(i, size)
		case c != ' ':
			e.cut(i, size)
			e.put(' ')
		}
		in = true
		i += size
	}
	return e.text()
}

func isLatinSpace(c rune) bool {
	switch c {
	case '\t', '\n', '\v', '\f', '\r', ' ', 0x85, 0xa0:
		return true
	}
	return false
}

func removeNulls(s string) (string, bool) {
	out := strings.ReplaceAll(s, "\x00", "")
	return out, len(out) != len(s)
}

func replaceNulls(s string) (string, bool) {
	if strings.IndexByte(s, 0) < 0 {
		return s, false
	}
	return strings.ReplaceAll(s, "\x00", " "), true
}

// lowercase and uppercase map all of Unicode, and make U+FFFD of a byte that is no UTF-8.
func lowercase(s string) (string, bool) {
	out := strings.ToLower(s)
	return out, out != s
}

func uppercase(s string) (string, bool) {
	out := strings.ToUpper(s)
	return out, out != s
}
