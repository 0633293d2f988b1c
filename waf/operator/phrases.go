package operator

import (
	"slices"
	"strings"
)

// Phrases returns @pm and @pmFromFile for a list of phrases: a value matches if one of
// them occurs in it, ASCII letters in either case. As in Coraza the phrases are made lower
// case by the rules of Unicode (U+212A, the Kelvin sign, becomes "k"), values by those of
// ASCII. An empty phrase is refused: what Coraza does then depends on the others. No
// phrases match nothing.
func Phrases(list []string) (Func, error) {
	var b builder
	b.nodes = make([]node, 1)
	for _, phrase := range list {
		if phrase == "" {
			return nil, refuse("pm", "an empty phrase among %q", strings.Join(list, " "))
		}
		b.add(strings.ToLower(phrase))
	}
	return b.build().find, nil
}

// An automaton is that of Aho and Corasick, for the one question whether any phrase
// occurs: there are no states beyond the end of the first. States are numbered by their
// depth. The first ones, where nearly all of a text is read, have a row with the next
// state for every class of bytes; the others have edges, and the state to go on with
// where none fits.
type automaton struct {
	shortest int
	class    [256]uint8 // 0: occurs in no phrase
	width    int        // number of classes
	rows     []uint32   // next state of state s for class c: rows[s*width+c]
	dense    uint32     // number of states with a row
	sparse   []sparseState
}

type sparseState struct {
	edges []edge
	fail  uint32
}

type edge struct {
	class uint8
	to    uint32
}

// hit is where a phrase ends.
const hit = ^uint32(0)

// rowBudget bounds the rows of one automaton to one MiB.
const rowBudget = 1 << 18

func (a *automaton) find(value string) bool {
	if len(value) < a.shortest {
		return false
	}
	state := uint32(0)
	for i := 0; i < len(value); i++ {
		c := a.class[value[i]]
		if state >= a.dense {
			var found bool
			if state, found = a.leave(state, c); found {
				if state == hit {
					return true
				}
				continue
			}
		}
		if state = a.rows[int(state)*a.width+int(c)]; state == hit {
			return true
		}
	}
	return false
}

// leave follows class c from a state without a row: to the next state, or (false) to
// one with a row that stands for it.
func (a *automaton) leave(state uint32, c uint8) (uint32, bool) {
	for state >= a.dense {
		s := &a.sparse[state-a.dense]
		for _, e := range s.edges {
			if e.class == c {
				return e.to, true
			}
		}
		state = s.fail
	}
	return state, false
}

// A builder makes the trie of the phrases, and the automaton of the trie.
type builder struct {
	nodes    []node // 0 is the root
	class    [256]uint8
	classes  int
	shortest int
}

type node struct {
	edges []edge
	end   bool   // a phrase ends here, or one that is a suffix of this
	fail  uint32 // the node of the longest proper suffix
	state uint32
}

func (b *builder) add(phrase string) {
	if b.shortest == 0 || len(phrase) < b.shortest {
		b.shortest = len(phrase)
	}
	at := uint32(0)
	for i := 0; i < len(phrase); i++ {
		if b.nodes[at].end {
			return // a phrase that begins with another finds nothing new
		}
		c := b.classOf(phrase[i])
		next, ok := b.child(at, c)
		if !ok {
			next = uint32(len(b.nodes))
			b.nodes = append(b.nodes, node{})
			b.nodes[at].edges = append(b.nodes[at].edges, edge{c, next})
		}
		at = next
	}
	b.nodes[at].end = true
}

// classOf gives every byte that occurs, a letter with its other case, a class of its own.
func (b *builder) classOf(c byte) uint8 {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	if b.class[c] == 0 {
		b.classes++ // at most 230: capital letters have none of their own
		b.class[c] = uint8(b.classes)
		if 'a' <= c && c <= 'z' {
			b.class[c-'a'+'A'] = uint8(b.classes)
		}
	}
	return b.class[c]
}

func (b *builder) child(at uint32, c uint8) (uint32, bool) {
	for _, e := range b.nodes[at].edges {
		if e.class == c {
			return e.to, true
		}
	}
	return 0, false
}

// link finds the suffixes, breadth first, and returns the nodes that are states of the
// automaton in that order: those where no phrase has ended yet.
func (b *builder) link() []uint32 {
	order := []uint32{0}
	for i := 0; i < len(order); i++ {
		at := order[i]
		b.nodes[at].state = uint32(i)
		for _, e := range b.nodes[at].edges {
			to := &b.nodes[e.to]
			if at != 0 {
				to.fail = b.follow(b.nodes[at].fail, e.class)
			}
			to.end = to.end || b.nodes[to.fail].end
			if !to.end {
				order = append(order, e.to)
			}
		}
	}
	return order
}

// follow returns the node reached by c from at or from the first of its suffixes that
// goes on.
func (b *builder) follow(at uint32, c uint8) uint32 {
	for {
		if to, ok := b.child(at, c); ok {
			return to
		}
		if at == 0 {
			return 0
		}
		at = b.nodes[at].fail
	}
}

func (b *builder) build() *automaton {
	order := b.link()
	width := b.classes + 1
	a := &automaton{shortest: b.shortest, class: b.class, width: width}
	a.dense = uint32(min(len(order), max(1, rowBudget/width)))
	a.rows = make([]uint32, int(a.dense)*width)
	for i, at := range order {
		n := &b.nodes[at]
		edges := slices.Clone(n.edges)
		for j := range edges {
			if to := &b.nodes[edges[j].to]; to.end {
				edges[j].to = hit
			} else {
				edges[j].to = to.state
			}
		}
		fail := b.nodes[n.fail].state
		if i >= int(a.dense) {
			a.sparse = append(a.sparse, sparseState{edges, fail})
			continue
		}
		row := a.rows[i*width : (i+1)*width]
		if i > 0 {
			copy(row, a.rows[int(fail)*width:])
		}
		for _, e := range edges {
			row[e.class] = e.to
		}
	}
	return a
}
