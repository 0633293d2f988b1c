package transform

import "strings"

// An edit copies a text with changes. Nothing is copied before the first one.
type edit struct {
	src  string
	kept int // src[:kept] is done with
	out  strings.Builder
}

// cut leaves out the n (1 or more) bytes at i; what follows by put stands in their place.
func (e *edit) cut(i, n int) {
	if e.kept == 0 {
		e.out.Grow(len(e.src))
	}
	e.out.WriteString(e.src[e.kept:i])
	e.kept = i + n
}

// put writes c after the last cut.
func (e *edit) put(c byte) { e.out.WriteByte(c) }

// text returns the result and whether there was any cut.
func (e *edit) text() (string, bool) {
	if e.kept == 0 {
		return e.src, false
	}
	e.out.WriteString(e.src[e.kept:])
	return e.out.String(), true
}

// nibble returns the value of a hexadecimal digit, -1 for any other byte.
func nibble(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// hexNumber returns the value of the n hexadecimal digits at s[i:], -1 where there are
// fewer.
func hexNumber(s string, i, n int) int {
	if i+n > len(s) {
		return -1
	}
	value := 0
	for _, c := range []byte(s[i : i+n]) {
		d := nibble(c)
		if d < 0 {
			return -1
		}
		value = value<<4 | d
	}
	return value
}
