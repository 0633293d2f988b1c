package expression

import (
	"encoding/binary"
	"regexp/syntax"
	"slices"
	"sync"
	"sync/atomic"
	"unicode/utf8"
)

// An automaton answers MatchString in one step per rune. Its states are sets of
// instructions, made when a text first needs them and shared by all goroutines: a step is
// one atomic load. Both the memory of the states and the states that one text may make are
// bounded; where a bound is met the automaton declines and the reference matcher decides.
type automaton struct {
	*program
	cache atomic.Pointer[states]
}

// Limits of an automaton.
const (
	baseStateBytes = 128 << 10 // all states of one expression, about
	stateBytesPer  = 256       // instruction, more
	freeStates     = 32        // that one text may make, and one more for each textPerState bytes
	textPerState   = 16
)

// states is one generation of states; a full one is replaced.
type states struct {
	mu    sync.Mutex
	byKey map[string]*state
	size  int
	start *state
	// Where step works; two, because it walks from one state to the next.
	here, then walk
}

// A state is a point between two runes of a text: which instructions could go on there.
type state struct {
	// key is one byte of context and then two for each instruction, ascending.
	key   string
	final verdict
	next  []atomic.Pointer[state] // by class; nil: not made yet
}

type verdict uint8

const (
	open verdict = iota
	matched
	failed
)

var matchedState, failedState = &state{final: matched}, &state{final: failed}

// Context of a state: what stands before it, so far as an assertion may ask.
const (
	afterNothing byte = 1 << iota // the start of the text
	afterNewline
	afterWord
)

func newAutomaton(p *program) *automaton {
	if p == nil {
		return nil
	}
	a := &automaton{program: p}
	a.cache.Store(a.newStates())
	return a
}

func (a *automaton) newStates() *states {
	c := &states{byKey: map[string]*state{}, here: newWalk(a.insts), then: newWalk(a.insts)}
	c.here.begin(0)
	c.here.add(a.start, false)
	c.start = a.intern(c, &c.here, afterNothing)
	return c
}

// match reports whether s matches; ok is false where the automaton declines.
func (a *automaton) match(s string) (match, ok bool) {
	cache := a.cache.Load()
	at := cache.start
	if at.final != open {
		return at.final == matched, true
	}
	left := freeStates + len(s)/textPerState
	for i := 0; i <= len(s); {
		class := a.classes // the end
		if i == len(s) {
			i++
		} else if c := s[i]; c < utf8.RuneSelf || a.bytes {
			class = int(a.ofByte[c])
			i++
		} else {
			r, width := utf8.DecodeRuneInString(s[i:])
			class = int(a.class(r))
			i += width
		}
		next := at.next[class].Load()
		if next == nil {
			if left--; left < 0 {
				return false, false
			}
			if next = a.step(cache, at, class); next == nil {
				return false, false
			}
		}
		if next.final != open {
			return next.final == matched, true
		}
		at = next
	}
	return false, true // not reached: no state but a final one follows the end
}

// step makes the state that follows at on class. It returns nil where the generation is
// full; the next text begins a new one.
func (a *automaton) step(c *states, at *state, class int) *state {
	c.mu.Lock()
	defer c.mu.Unlock()
	if next := at.next[class].Load(); next != nil {
		return next
	}
	if c.size > baseStateBytes+stateBytesPer*len(a.insts) {
		a.cache.CompareAndSwap(c, a.newStates())
		return nil
	}
	next := a.follow(c, at, class)
	at.next[class].Store(next)
	return next
}

func (a *automaton) follow(c *states, at *state, class int) *state {
	context := at.key[0]
	here, then := &c.here, &c.then
	here.begin(a.assertions(context, class))
	for i := 1; i < len(at.key); i += 2 {
		here.add(uint32(at.key[i])|uint32(at.key[i+1])<<8, true)
	}
	if here.matched {
		return matchedState
	}
	if class == a.classes {
		return failedState
	}
	then.begin(0)
	for _, pc := range here.list {
		if i := &a.insts[pc]; i.op == syntax.InstRune && i.set.Has(byte(class)) {
			then.add(i.out, false)
		}
	}
	if !a.anchored {
		then.add(a.start, false)
	}
	if then.matched {
		return matchedState
	}
	context = 0
	if a.newline.Has(byte(class)) {
		context |= afterNewline
	}
	if a.word.Has(byte(class)) {
		context |= afterWord
	}
	return a.intern(c, then, context)
}

// assertions returns what holds between a context and a class that follows.
func (a *automaton) assertions(context byte, class int) (holds syntax.EmptyOp) {
	end := class == a.classes
	if context&afterNothing != 0 {
		holds |= syntax.EmptyBeginText | syntax.EmptyBeginLine
	}
	if context&afterNewline != 0 {
		holds |= syntax.EmptyBeginLine
	}
	if end {
		holds |= syntax.EmptyEndText | syntax.EmptyEndLine
	} else if a.newline.Has(byte(class)) {
		holds |= syntax.EmptyEndLine
	}
	if word := !end && a.word.Has(byte(class)); word != (context&afterWord != 0) {
		holds |= syntax.EmptyWordBoundary
	} else {
		holds |= syntax.EmptyNoWordBoundary
	}
	return holds
}

// intern returns the state of the instructions a walk has reached, in a context.
func (a *automaton) intern(c *states, w *walk, context byte) *state {
	switch {
	case w.matched:
		return matchedState
	case len(w.list) == 0:
		return failedState
	case !w.asks:
		context = 0
	}
	slices.Sort(w.list)
	key := make([]byte, 1, 1+2*len(w.list))
	key[0] = context
	for _, pc := range w.list {
		key = binary.LittleEndian.AppendUint16(key, uint16(pc))
	}
	if s := c.byKey[string(key)]; s != nil {
		return s
	}
	s := &state{key: string(key), next: make([]atomic.Pointer[state], a.classes+1)}
	c.byKey[s.key] = s
	const overhead = 128 // of a state and its place in the map
	c.size += len(key) + 8*len(s.next) + overhead
	return s
}

// A walk gathers the instructions that can be reached without reading a rune.
type walk struct {
	insts   []instruction
	seen    []uint32 // round in which the walk last came by, by instruction
	round   uint32
	stack   []uint32
	list    []uint32 // InstRune, and assertions that are still open
	holds   syntax.EmptyOp
	asks    bool // an assertion is open
	matched bool
}

func newWalk(insts []instruction) walk {
	return walk{insts: insts, seen: make([]uint32, len(insts))}
}

// begin forgets the last walk; assertions in holds are true on the next.
func (w *walk) begin(holds syntax.EmptyOp) {
	w.round++ // a generation is full long before this overflows
	w.list, w.holds, w.asks, w.matched = w.list[:0], holds, false, false
}

// add walks on from pc. Assertions are decided by holds, or else kept open.
func (w *walk) add(pc uint32, decide bool) {
	w.stack = append(w.stack[:0], pc)
	for len(w.stack) > 0 {
		pc := w.stack[len(w.stack)-1]
		w.stack = w.stack[:len(w.stack)-1]
		if w.seen[pc] == w.round {
			continue
		}
		w.seen[pc] = w.round
		switch i := &w.insts[pc]; i.op {
		case syntax.InstAlt:
			w.stack = append(w.stack, i.arg, i.out)
		case syntax.InstNop:
			w.stack = append(w.stack, i.out)
		case syntax.InstMatch:
			w.matched = true
		case syntax.InstRune:
			w.list = append(w.list, pc)
		case syntax.InstEmptyWidth:
			switch {
			case !decide:
				w.asks = true
				w.list = append(w.list, pc)
			case syntax.EmptyOp(i.arg)&^w.holds == 0:
				w.stack = append(w.stack, i.out)
			}
		}
	}
}
