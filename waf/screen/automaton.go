package screen

import (
	"maps"
	"slices"

	"github.com/gatehouse/gatehouse/waf/expression"
)

// An automaton finds which of many literals may occur in a text, in one pass
// (Aho and Corasick, 1975). It reads upper and lower case ASCII letters as one, and
// of long literals looks for the beginning only, so that its table stays small.
type automaton struct {
	classes [256]uint8 // byte -> column
	columns int
	next    []uint16 // state*columns + column -> state
	hit     uint16   // the first state where literals end; all later ones are such
	hits    [][]uint16
	states  int
}

// maxStates is how many an automaton may have.
const maxStates = 1 << 16

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
	for length := 16; ; length-- {
		texts, values := shortened(literals, length)
		if trie, ends := a.trie(texts, values); len(ends) < maxStates {
			a.link(trie, ends)
			return a
		}
	}
}

// shortened cuts literals down to their first bytes.
func shortened(literals map[string][]uint16, length int) ([]string, map[string][]uint16) {
	out := map[string][]uint16{}
	for text, ops := range literals {
		text = text[:min(len(text), length)]
		out[text] = append(out[text], ops...)
	}
	return slices.Sorted(maps.Keys(out)), out
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
	a.number(trie, ends)
}

// number gives the states where literals end the last numbers.
func (a *automaton) number(trie []int32, ends [][]uint16) {
	numbers := make([]uint16, len(ends))
	for _, hits := range []bool{false, true} {
		if hits {
			a.hit = uint16(a.states)
		}
		for s, e := range ends {
			if len(e) > 0 != hits {
				continue
			}
			numbers[s] = uint16(a.states)
			a.states++
			if hits {
				slices.Sort(e)
				a.hits = append(a.hits, slices.Compact(e))
			}
		}
	}
	a.next = make([]uint16, len(trie))
	for i, s := range trie {
		a.next[int(numbers[i/a.columns])*a.columns+i%a.columns] = numbers[s]
	}
}

// scan adds to found what occurs in s, and to present its bytes.
func (a *automaton) scan(s string, found bits, present *expression.Bytes) {
	state := uint16(0)
	for i := range len(s) {
		c := s[i]
		present[c>>6] |= 1 << (c & 63)
		state = a.next[int(state)*a.columns+int(a.classes[c])]
		if state >= a.hit {
			for _, op := range a.hits[state-a.hit] {
				found.add(int(op))
			}
		}
	}
}
