package expression

import (
	"regexp/syntax"
	"slices"
	"unicode"
)

// A program is an expression as instructions over classes of runes: two runes that no
// instruction tells apart are of one class.
type program struct {
	insts    []instruction
	start    uint32
	anchored bool // a match begins at the start of the text
	bytes    bool // a rune is a single byte; else UTF-8
	classes  int  // number of classes; the class after the last stands for the end of the text
	ofByte   [256]uint8
	bounds   []rune  // where runs of one class begin, ascending
	ofRun    []uint8 // class of the run that begins at bounds[i]
	newline  Bytes   // classes of '\n'; empty unless ^ or $ need it
	word     Bytes   // classes of [0-9A-Za-z_]; empty unless \b or \B need it
}

type instruction struct {
	op       syntax.InstOp // InstAlt, InstEmptyWidth, InstMatch, InstFail, InstNop or InstRune
	out, arg uint32
	set      Bytes // InstRune: classes it accepts
}

// Limits beyond which an expression has no program.
const (
	maxInstructions = 1 << 14
	maxClasses      = 255
)

// newProgram compiles a parsed expression, or returns nil where it is too large.
func newProgram(re *syntax.Regexp, bytes bool) *program {
	prog, err := syntax.Compile(re.Simplify())
	if err != nil || len(prog.Inst) > maxInstructions {
		return nil
	}
	p := &program{start: uint32(prog.Start), bytes: bytes, anchored: prog.StartCond()&syntax.EmptyBeginText != 0}
	sets, index := alphabet(prog)
	if !p.classify(sets) {
		return nil
	}
	for pc := range prog.Inst {
		i := &prog.Inst[pc]
		out := instruction{op: i.Op, out: i.Out, arg: i.Arg}
		switch i.Op {
		case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
			out.op, out.set = syntax.InstRune, p.classesOf(sets[index[pc]])
		case syntax.InstCapture:
			out.op = syntax.InstNop
		case syntax.InstAltMatch:
			out.op = syntax.InstAlt
		case syntax.InstEmptyWidth:
			switch e := syntax.EmptyOp(i.Arg); {
			case e&(syntax.EmptyBeginLine|syntax.EmptyEndLine) != 0:
				p.newline = p.classesOf(newlineRunes)
			case e&(syntax.EmptyWordBoundary|syntax.EmptyNoWordBoundary) != 0:
				p.word = p.classesOf(wordRunes)
			}
		}
		p.insts = append(p.insts, out)
	}
	return p
}

var (
	newlineRunes = []rune{'\n', '\n'}
	wordRunes    = []rune{'0', '9', 'A', 'Z', '_', '_', 'a', 'z'}
)

// alphabet returns the distinct sets of runes that prog tells apart, as pairs, and which of
// them each instruction accepts.
func alphabet(prog *syntax.Prog) (sets [][]rune, index []int) {
	seen := map[string]int{}
	add := func(pairs []rune) int {
		key := string(slices.Concat([]rune{rune(len(pairs))}, pairs))
		if i, ok := seen[key]; ok && slices.Equal(sets[i], pairs) {
			return i
		}
		seen[key] = len(sets)
		sets = append(sets, pairs)
		return len(sets) - 1
	}
	index = make([]int, len(prog.Inst))
	for pc := range prog.Inst {
		i := &prog.Inst[pc]
		switch i.Op {
		case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
			index[pc] = add(accepted(i))
		case syntax.InstEmptyWidth:
			add(newlineRunes)
			add(wordRunes)
		}
	}
	return sets, index
}

// accepted returns the pairs of runes that an instruction accepts.
func accepted(i *syntax.Inst) []rune {
	switch {
	case i.Op == syntax.InstRuneAny:
		return []rune{0, unicode.MaxRune}
	case i.Op == syntax.InstRuneAnyNotNL:
		return []rune{0, '\n' - 1, '\n' + 1, unicode.MaxRune}
	case len(i.Rune) == 1:
		return orbit(i.Rune[0], syntax.Flags(i.Arg)&syntax.FoldCase != 0)
	}
	return i.Rune
}

// classify divides the runes into classes that no set divides. It reports whether they are
// few enough.
func (p *program) classify(sets [][]rune) bool {
	p.bounds = []rune{0}
	for _, pairs := range sets {
		for i := 0; i < len(pairs); i += 2 {
			p.bounds = append(p.bounds, pairs[i], pairs[i+1]+1)
		}
	}
	slices.Sort(p.bounds)
	p.bounds = slices.Compact(p.bounds)
	classes := map[string]uint8{}
	signature := make([]byte, len(sets))
	for _, lo := range p.bounds {
		for i, pairs := range sets {
			signature[i] = 0
			if within(pairs, lo) {
				signature[i] = 1
			}
		}
		c, ok := classes[string(signature)]
		if !ok {
			if len(classes) == maxClasses {
				return false
			}
			c = uint8(len(classes))
			classes[string(signature)] = c
		}
		p.ofRun = append(p.ofRun, c)
	}
	p.classes = len(classes)
	for b := range p.ofByte {
		p.ofByte[b] = p.class(rune(b))
	}
	return true
}

// class returns the class of a rune.
func (p *program) class(c rune) uint8 {
	i, found := slices.BinarySearch(p.bounds, c)
	if !found {
		i--
	}
	return p.ofRun[i]
}

// classesOf returns the classes of the runes in pairs, one of the sets given to classify.
func (p *program) classesOf(pairs []rune) (set Bytes) {
	for i, lo := range p.bounds {
		if within(pairs, lo) {
			set.Add(p.ofRun[i])
		}
	}
	return set
}

func within(pairs []rune, c rune) bool {
	lo, hi := 0, len(pairs)/2
	for lo < hi {
		m := (lo + hi) / 2
		switch {
		case c < pairs[2*m]:
			hi = m
		case c > pairs[2*m+1]:
			lo = m + 1
		default:
			return true
		}
	}
	return false
}
