package expression

import (
	"regexp/syntax"
	"unicode"
	"unicode/utf8"
)

// A node is an expression reduced to what the analysis needs. Groups are gone, flags are
// resolved, and every assertion (^, $, \b ...) is empty: whether it holds is not modelled.
type node struct {
	op       op
	bytes    bool   // one: a rune is a single byte; else UTF-8
	runes    []rune // one: pairs of first and last, ascending
	sub      []*node
	min, max int // repeat: max -1 is no limit
	anchor   syntax.Op
}

type op uint8

const (
	opEmpty  op = iota // matches the empty text
	opNever            // matches nothing
	opOne              // one rune of a set
	opConcat           // sub one after another
	opAlternate
	opRepeat // sub[0], min to max times
)

// reader turns a parsed expression into nodes.
type reader struct {
	bytes bool
}

func (r *reader) read(re *syntax.Regexp) *node {
	switch re.Op {
	case syntax.OpLiteral:
		list := make([]*node, 0, len(re.Rune))
		for _, c := range re.Rune {
			list = append(list, r.one(orbit(c, re.Flags&syntax.FoldCase != 0)))
		}
		return concat(list)
	case syntax.OpCharClass:
		return r.one(re.Rune)
	case syntax.OpAnyChar:
		return r.one([]rune{0, unicode.MaxRune})
	case syntax.OpAnyCharNotNL:
		return r.one([]rune{0, '\n' - 1, '\n' + 1, unicode.MaxRune})
	case syntax.OpNoMatch:
		return &node{op: opNever}
	case syntax.OpCapture:
		return r.read(re.Sub[0])
	case syntax.OpStar:
		return &node{op: opRepeat, sub: r.all(re.Sub), min: 0, max: -1}
	case syntax.OpPlus:
		return &node{op: opRepeat, sub: r.all(re.Sub), min: 1, max: -1}
	case syntax.OpQuest:
		return &node{op: opRepeat, sub: r.all(re.Sub), min: 0, max: 1}
	case syntax.OpRepeat:
		return &node{op: opRepeat, sub: r.all(re.Sub), min: re.Min, max: re.Max}
	case syntax.OpConcat:
		return concat(r.all(re.Sub))
	case syntax.OpAlternate:
		return &node{op: opAlternate, sub: r.all(re.Sub)}
	default: // the empty text and the assertions
		return &node{op: opEmpty, anchor: re.Op}
	}
}

func (r *reader) all(list []*syntax.Regexp) []*node {
	out := make([]*node, len(list))
	for i, re := range list {
		out[i] = r.read(re)
	}
	return out
}

// one makes the node of one rune in ranges; over single bytes no rune above 0xFF occurs.
func (r *reader) one(ranges []rune) *node {
	n := &node{op: opOne, bytes: r.bytes}
	for i := 0; i+1 < len(ranges); i += 2 {
		lo, hi := ranges[i], ranges[i+1]
		if r.bytes {
			hi = min(hi, 0xFF)
		}
		if lo <= hi {
			n.runes = append(n.runes, lo, hi)
		}
	}
	if len(n.runes) == 0 {
		return &node{op: opNever}
	}
	return n
}

// concat flattens: a concatenation in a concatenation is one.
func concat(list []*node) *node {
	if len(list) == 1 {
		return list[0]
	}
	n := &node{op: opConcat}
	for _, sub := range list {
		if sub.op == opConcat {
			n.sub = append(n.sub, sub.sub...)
		} else {
			n.sub = append(n.sub, sub)
		}
	}
	return n
}

// orbit returns the pairs of c alone or, folded, of all runes that (?i) takes for c.
func orbit(c rune, folded bool) []rune {
	pairs := []rune{c, c}
	if !folded {
		return pairs
	}
	for f := unicode.SimpleFold(c); f != c; f = unicode.SimpleFold(f) {
		pairs = append(pairs, f, f)
	}
	for i := 2; i < len(pairs); i += 2 { // ascending; an orbit has at most four runes
		for j := i; j > 0 && pairs[j-2] > pairs[j]; j -= 2 {
			pairs[j-2], pairs[j-1], pairs[j], pairs[j+1] = pairs[j], pairs[j+1], pairs[j-2], pairs[j-1]
		}
	}
	return pairs
}

// count returns how many runes the node of one rune accepts.
func (n *node) count() int {
	sum := 0
	for i := 0; i < len(n.runes); i += 2 {
		sum += int(n.runes[i+1]-n.runes[i]) + 1
	}
	return sum
}

// has reports whether the node of one rune accepts c.
func (n *node) has(c rune) bool {
	for i := 0; i < len(n.runes); i += 2 {
		if n.runes[i] <= c && c <= n.runes[i+1] {
			return true
		}
	}
	return false
}

// acceptsInvalid reports whether the node of one rune accepts bytes that are no UTF-8: the
// matcher reads each of them as U+FFFD.
func (n *node) acceptsInvalid() bool { return !n.bytes && n.has(utf8.RuneError) }

// minLength returns the least number of bytes that a match has.
func (n *node) minLength() int {
	const limit = 1 << 24
	switch n.op {
	case opOne:
		if n.bytes || n.acceptsInvalid() {
			return 1
		}
		return max(utf8.RuneLen(n.runes[0]), 1) // -1 for a surrogate, which no text holds
	case opConcat:
		sum := 0
		for _, sub := range n.sub {
			sum = min(sum+sub.minLength(), limit)
		}
		return sum
	case opAlternate:
		least := limit
		for _, sub := range n.sub {
			least = min(least, sub.minLength())
		}
		return least
	case opRepeat:
		return min(n.min*n.sub[0].minLength(), limit)
	case opNever:
		return limit
	default:
		return 0
	}
}
