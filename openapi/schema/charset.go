package schema

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A charset is a set of characters: pairs of a first and a last one.
type charset []rune

var (
	digitChars = charset{'0', '9'}
	wordChars  = charset{'0', '9', 'A', 'Z', '_', '_', 'a', 'z'}
	// spaceChars are WhiteSpace and LineTerminator (ECMA-262, sections 12.2 and 12.3).
	spaceChars = charset{'\t', '\r', ' ', ' ', 0xA0, 0xA0, 0x1680, 0x1680, 0x2000, 0x200A, 0x2028, 0x2029,
		0x202F, 0x202F, 0x205F, 0x205F, 0x3000, 0x3000, 0xFEFF, 0xFEFF}
	lineChars = charset{'\n', '\n', '\r', '\r', 0x2028, 0x2029}
)

// tidy sorts the pairs and joins those that touch.
func (c charset) tidy() charset {
	pairs := make([][2]rune, 0, len(c)/2)
	for i := 0; i < len(c); i += 2 {
		pairs = append(pairs, [2]rune{c[i], c[i+1]})
	}
	slices.SortFunc(pairs, func(a, b [2]rune) int { return int(a[0] - b[0]) })
	var out charset
	for _, p := range pairs {
		if n := len(out); n > 0 && p[0] <= out[n-1]+1 {
			out[n-1] = max(out[n-1], p[1])
			continue
		}
		out = append(out, p[0], p[1])
	}
	return out
}

// not returns all other characters; c is tidy.
func (c charset) not() charset {
	var out charset
	next := rune(0)
	for i := 0; i < len(c); i += 2 {
		if c[i] > next {
			out = append(out, next, c[i]-1)
		}
		next = c[i+1] + 1
	}
	if next <= unicode.MaxRune {
		out = append(out, next, unicode.MaxRune)
	}
	return out
}

// meets reports whether c and d have a character in common.
func (c charset) meets(d charset) bool {
	for i := 0; i < len(c); i += 2 {
		for j := 0; j < len(d); j += 2 {
			if c[i] <= d[j+1] && d[j] <= c[i+1] {
				return true
			}
		}
	}
	return false
}

func (c charset) has(r rune) bool {
	for i := 0; i < len(c); i += 2 {
		if c[i] <= r && r <= c[i+1] {
			return true
		}
	}
	return false
}

// clip leaves surrogates out: no string has any.
func (c charset) clip() charset {
	var out charset
	for i := 0; i < len(c); i += 2 {
		low, high := c[i], c[i+1]
		if low >= 0xD800 && low <= 0xDFFF {
			low = 0xE000
		}
		if high >= 0xD800 && high <= 0xDFFF {
			high = 0xD7FF
		}
		if low <= high {
			out = append(out, low, high)
		}
	}
	return out
}

// write writes the set as a class that both engines read.
func (c charset) write(b *strings.Builder) {
	for i := 0; i < len(c); i += 2 {
		writeRune(b, c[i])
		if c[i+1] > c[i] {
			b.WriteByte('-')
			writeRune(b, c[i+1])
		}
	}
}

// writeRune writes a character so that no engine takes it for anything else.
func writeRune(b *strings.Builder, r rune) {
	const hex = "0123456789abcdef"
	switch {
	case r >= utf8.RuneSelf || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z':
		b.WriteRune(r)
	default:
		b.WriteString(`\x`)
		b.WriteByte(hex[r>>4])
		b.WriteByte(hex[r&15])
	}
}

// A run is a part of a simple pattern: at least min and at most max (-1: any number)
// characters of a set.
type run struct {
	set      charset
	ascii    [2]uint64
	min, max int
}

// runs is a pattern that is anchored at both ends and has nothing but runs, such as
// ^[A-Z0-9]{3,8}$, no two of which may compete for a character. So taking as many
// as there are is always right.
type runs []run

func (rs runs) simple() bool {
	for i := range rs {
		if rs[i].min == rs[i].max {
			continue
		}
		for j := i + 1; j < len(rs); j++ {
			if rs[i].set.meets(rs[j].set) {
				return false
			}
			if rs[j].min > 0 {
				break
			}
		}
	}
	return true
}

func (rs runs) prepare() {
	for i := range rs {
		for r := rune(0); r < 128; r++ {
			if rs[i].set.has(r) {
				rs[i].ascii[r>>6] |= 1 << (r & 63)
			}
		}
	}
}

func (rs runs) match(s []byte) bool {
	for i := range rs {
		r := &rs[i]
		n := 0
		for len(s) > 0 && n != r.max {
			c := s[0]
			if c < utf8.RuneSelf {
				if r.ascii[c>>6]&(1<<(c&63)) == 0 {
					break
				}
				s = s[1:]
			} else {
				u, size := utf8.DecodeRune(s)
				if !r.set.has(u) {
					break
				}
				s = s[size:]
			}
			n++
		}
		if n < r.min {
			return false
		}
	}
	return len(s) == 0
}
