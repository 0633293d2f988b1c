package expression

import (
	"math/rand/v2"
	"regexp/syntax"
	"unicode/utf8"
)

// Limits of what Generate writes.
const (
	generateTries = 40
	generateBytes = 4096
	generateExtra = 3 // repetitions beyond the least
)

// Generate makes a random text that matches: case variants where (?i) allows them, bytes
// that are no UTF-8 where a class does, random text around where nothing anchors. Every
// result is verified with MatchString; false says that no try gave one, which happens where
// assertions such as \b rarely hold by chance.
func (e *Expression) Generate(rnd *rand.Rand) (string, bool) {
	for range generateTries {
		w := writer{rnd: rnd, bytes: e.bytes != nil}
		before, after := rnd.IntN(3) == 0, rnd.IntN(3) == 0
		if before {
			w.noise()
		}
		w.write(e.tree())
		if after {
			w.noise()
		}
		if s := string(w.out); e.MatchString(s) {
			return s, true
		}
	}
	return "", false
}

type writer struct {
	rnd   *rand.Rand
	bytes bool
	out   []byte
}

// noise writes a little text that stands around a match.
func (w *writer) noise() {
	around := [...]string{" ", "\n", "a", "x=", "&", "Z9", "\"", "é", "ſ", "\u212A", "\xff", "\xc5", "日本", "/", ".", "\t", "0"}
	for range 1 + w.rnd.IntN(3) {
		w.out = append(w.out, around[w.rnd.IntN(len(around))]...)
	}
}

func (w *writer) write(n *node) {
	if len(w.out) > generateBytes {
		return
	}
	switch n.op {
	case opOne:
		w.rune(n)
	case opConcat:
		for _, sub := range n.sub {
			w.write(sub)
		}
	case opAlternate:
		w.write(n.sub[w.rnd.IntN(len(n.sub))])
	case opRepeat:
		extra := generateExtra
		if n.max >= 0 {
			extra = min(extra, n.max-n.min)
		}
		for range n.min + w.rnd.IntN(extra+1) {
			w.write(n.sub[0])
		}
	case opEmpty:
		if n.anchor == syntax.OpBeginLine && len(w.out) > 0 && w.rnd.IntN(2) == 0 {
			w.out = append(w.out, '\n')
		}
	}
}

// rune writes one rune of n's set, in ASCII more often than the set's size says.
func (w *writer) rune(n *node) {
	if n.acceptsInvalid() && w.rnd.IntN(8) == 0 {
		w.out = append(w.out, byte(0x80+w.rnd.IntN(0x80)))
		return
	}
	pair := 2 * w.rnd.IntN(len(n.runes)/2)
	lo, hi := n.runes[pair], n.runes[pair+1]
	if lo < utf8.RuneSelf && w.rnd.IntN(4) > 0 {
		hi = min(hi, utf8.RuneSelf-1)
	}
	c := lo + rune(w.rnd.IntN(int(hi-lo)+1))
	if w.bytes {
		w.out = append(w.out, byte(c))
		return
	}
	w.out = utf8.AppendRune(w.out, c)
}
