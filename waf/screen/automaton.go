package screen

import (
	"slices"

	"github.com/gatehouse/gatehouse/waf/expression"
)

// An automaton finds which of many literals occur in a text, in one pass
// (Aho and Corasick, 1975). It reads upper and lower case ASCII letters as one.
type automaton struct {
	classes [256]uint8 // byte -> column
	columns int
	next    []uint32 // state*columns + column -> state*columns, with the mark
	hits    [][]uint16
	at      []uint32 // state -> index into hits, for states with the mark
}

// marked is the bit of a transition into a state where literals end.
const marked = 1 << 31

// newAutomaton builds one for literals that are folded (see expression.Fold); the
// value of each is what occurs with it.
func newAutomaton(literals map[string][]uint16) *automaton {
	a := &automaton{columns: 1}
	for text := range literals {
		for i := range len(text) {
			if c := text[i]; a.classes[c] == 0 {
				// Folded text has no upper-case letters: 256 columns are never reached.
				a.classes[c] = uint8(a.columns)
				a.columns++
			}
		}
	}
	for c := 'A'; c <= 'Z'; c++ {
		a.classes[c] = a.classes[c+'a'-'A']
	}
	texts := make([]string, 0, len(literals))
	for text := range literals {
		texts = append(texts, text)
	}
	slices.Sort(texts)
	trie, ends := a.trie(texts, literals)
	a.link(trie, ends)
	return a
}

// trie returns the goto function, -1 where there is none, and what ends where.
func (a *automaton) trie(texts []string, literals map[string][]uint16) ([]int32, [][]uint16) {
	grow := func(t []int32) []int32 {
		for range a.columns {
			t = append(t, -1)
		}
		return t
	}
	trie, ends := grow(nil), [][]uint16{nil}
	for _, text := range texts {
		state := int32(0)
		for i := range len(text) {
			at := int(state)*a.columns + int(a.classes[text[i]])
			if trie[at] < 0 {
				trie[at] = int32(len(ends))
				trie, ends = grow(trie), append(ends, nil)
			}
			state = trie[at]
		}
		ends[state] = append(ends[state], literals[text]...)
	}
	return trie, ends
}

// link turns the trie into transitions for every byte, breadth first.
func (a *automaton) link(trie []int32, ends [][]uint16) {
	fail, queue := make([]int32, len(ends)), []int32{}
	for c := range a.columns {
		if s := trie[c]; s > 0 {
			queue = append(queue, s)
		} else {
			trie[c] = 0
		}
	}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		ends[s] = append(ends[s], ends[fail[s]]...)
		for c := range a.columns {
			at := int(s)*a.columns + c
			back := trie[int(fail[s])*a.columns+c]
			if trie[at] < 0 {
				trie[at] = back
				continue
			}
			fail[trie[at]] = back
			queue = append(queue, trie[at])
		}
	}
	a.next, a.at = make([]uint32, len(trie)), make([]uint32, len(ends))
	for s, e := range ends {
		if len(e) > 0 {
			slices.Sort(e)
			a.at[s] = uint32(len(a.hits))
			a.hits = append(a.hits, slices.Compact(e))
		}
	}
	for i, s := range trie {
		a.next[i] = uint32(int(s) * a.columns)
		if len(ends[s]) > 0 {
			a.next[i] |= marked
		}
	}
}

// scan adds to found what occurs in s, and to present its bytes.
func (a *automaton) scan(s string, found bits, present *expression.Bytes) {
	state := uint32(0)
	for i := range len(s) {
		c := s[i]
		present[c>>6] |= 1 << (c & 63)
		state = a.next[int(state&^marked)+int(a.classes[c])]
		if state&marked != 0 {
			for _, op := range a.hits[a.at[int(state&^marked)/a.columns]] {
				found.add(int(op))
			}
		}
	}
}

// bytes returns the memory of the tables.
func (a *automaton) bytes() int {
	n := 4*len(a.next) + 4*len(a.at)
	for _, h := range a.hits {
		n += 24 + 2*cap(h)
	}
	return n
}
