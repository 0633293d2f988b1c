package expression

import (
	"regexp/syntax"
	"unicode"
	"unicode/utf8"
)

// Alphabet returns the bytes that a whole text which matches pattern may consist of,
// and how many there are at most; maxLength 0 stands for no limit or, where the set is
// empty, for the empty text alone. ok is false where that is not known: the pattern is
// not anchored at both ends in every alternative, or it cannot be parsed.
//
// The pattern is not one of @rx: it is read without flags, as regexp.Compile does, so
// that ^ and $ are the ends of the text and not of its lines. Assertions other than these
// count as met.
func Alphabet(pattern string) (set Bytes, maxLength int, ok bool) {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return set, 0, false
	}
	n := new(reader).read(re)
	if !n.anchored(true) || !n.anchored(false) {
		return set, 0, false
	}
	n.bytesTo(&set)
	if maxLength = n.maxLength(); maxLength > maxLengthLimit {
		maxLength = 0
	}
	return set, maxLength, true
}

// anchored reports whether every match of n begins at the start of the text or, where
// start is false, ends at its end.
func (n *node) anchored(start bool) bool {
	switch n.op {
	case opNever:
		return true
	case opEmpty:
		return start && n.anchor == syntax.OpBeginText || !start && n.anchor == syntax.OpEndText
	case opAlternate:
		for _, sub := range n.sub {
			if !sub.anchored(start) {
				return false
			}
		}
		return true
	case opRepeat:
		return n.min > 0 && n.sub[0].anchored(start)
	case opConcat:
		for i := range n.sub {
			sub := n.sub[i]
			if !start {
				sub = n.sub[len(n.sub)-1-i]
			}
			if sub.anchored(start) {
				return true
			}
			if sub.maxLength() > 0 {
				return false
			}
		}
	}
	return false
}

// bytesTo adds all bytes that a match of n may have.
func (n *node) bytesTo(set *Bytes) {
	switch n.op {
	case opOne:
		for i := 0; i < len(n.runes); i += 2 {
			addRunes(set, n.runes[i], n.runes[i+1])
		}
		if n.acceptsInvalid() {
			set.AddRange(0x80, 0xFF)
		}
	case opRepeat:
		if n.max == 0 {
			return
		}
		fallthrough
	case opConcat, opAlternate:
		for _, sub := range n.sub {
			sub.bytesTo(set)
		}
	}
}

// addRunes adds the bytes by which UTF-8 encodes the runes from lo to hi.
func addRunes(set *Bytes, lo, hi rune) {
	for _, last := range [...]rune{0x7F, 0x7FF, 0xFFFF, unicode.MaxRune} {
		if lo > hi {
			return
		}
		if lo > last {
			continue
		}
		to := min(hi, last)
		var a, b [utf8.UTFMax]byte
		// Surrogates, which no text holds, are taken for their neighbours.
		size := utf8.EncodeRune(a[:], belowSurrogates(lo))
		utf8.EncodeRune(b[:], aboveSurrogates(to))
		for i := range size {
			if i > 0 && string(a[:i]) != string(b[:i]) {
				set.AddRange(0x80, 0xBF)
				break
			}
			set.AddRange(a[i], b[i])
		}
		lo = to + 1
	}
}

func belowSurrogates(r rune) rune {
	if 0xD800 <= r && r <= 0xDFFF {
		return 0xD7FF
	}
	return r
}

func aboveSurrogates(r rune) rune {
	if 0xD800 <= r && r <= 0xDFFF {
		return 0xE000
	}
	return r
}

// maxLengthLimit is the greatest length that counts as one.
const maxLengthLimit = 1 << 24

// maxLength returns the greatest number of bytes that a match of n has; more than
// maxLengthLimit stands for no limit.
func (n *node) maxLength() int {
	const none = maxLengthLimit + 1
	switch n.op {
	case opOne:
		if n.bytes {
			return 1
		}
		return max(utf8.RuneLen(aboveSurrogates(n.runes[len(n.runes)-1])), 1)
	case opConcat:
		sum := 0
		for _, sub := range n.sub {
			sum = min(sum+sub.maxLength(), none)
		}
		return sum
	case opAlternate:
		most := 0
		for _, sub := range n.sub {
			most = max(most, sub.maxLength())
		}
		return most
	case opRepeat:
		each := n.sub[0].maxLength()
		switch {
		case each == 0 || n.max == 0:
			return 0
		case n.max < 0:
			return none
		}
		return min(each*n.max, none) // at most 1,000 times, says the parser
	}
	return 0
}
