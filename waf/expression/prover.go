package expression

import (
	"cmp"
	"slices"
	"unicode/utf8"
)

// CanMatch reports whether a text made of the present bytes, in any order and number, could
// match. False is proof that none can; true says nothing.
func (e *Expression) CanMatch(present *Bytes) bool { return e.proof.holds(present) }

// A formula is a monotone condition on the set of bytes of a text that every match meets.
type formula struct {
	kind kind
	set  Bytes      // one: some byte of it is present
	sub  []*formula // all, any
	// demanded remembers demands, known that it does.
	demanded []demand
	known    bool
}

// A demand is a set of bytes of which one is present in every text that meets a formula,
// with an estimate of how likely ordinary text has one.
type demand struct {
	set    Bytes
	chance float64
}

type kind uint8

const (
	always kind = iota
	never
	one
	all
	any
)

// formulaOf returns what a text that holds a match of n holds.
func formulaOf(n *node) *formula {
	switch n.op {
	case opNever:
		return &formula{kind: never}
	case opOne:
		return &formula{kind: one, set: n.marks()}
	case opConcat:
		list := make([]*formula, len(n.sub))
		for i, sub := range n.sub {
			list[i] = formulaOf(sub)
		}
		return conjunction(list)
	case opAlternate:
		list := make([]*formula, len(n.sub))
		for i, sub := range n.sub {
			list[i] = formulaOf(sub)
		}
		return disjunction(list)
	case opRepeat:
		if n.min > 0 {
			return formulaOf(n.sub[0])
		}
	}
	return &formula{kind: always}
}

// marks returns a set of which every rune of n, as encoded in a text, has a byte.
func (n *node) marks() (set Bytes) {
	const few = 32
	beyond := 0 // how many runes need more than one byte
	for i := 0; i < len(n.runes); i += 2 {
		if lo := max(n.runes[i], utf8.RuneSelf); lo <= n.runes[i+1] {
			beyond += int(n.runes[i+1]-lo) + 1
		}
	}
	for i := 0; i < len(n.runes); i += 2 {
		lo, hi := n.runes[i], n.runes[i+1]
		if n.bytes {
			set.AddRange(byte(lo), byte(hi))
			continue
		}
		if lo < utf8.RuneSelf {
			set.AddRange(byte(lo), byte(min(hi, utf8.RuneSelf-1)))
		}
		lo = max(lo, utf8.RuneSelf)
		switch {
		case lo > hi:
		case beyond > few:
			set.AddRange(lead(lo), lead(hi))
		default:
			for c := lo; c <= hi; c++ {
				set.Add(last(c))
			}
		}
	}
	if n.acceptsInvalid() {
		set.AddRange(0x80, 0xFF)
	}
	return set
}

// lead returns the first byte of c's UTF-8; it grows with c.
func lead(c rune) byte {
	var b [utf8.UTFMax]byte
	utf8.EncodeRune(b[:], c)
	if 0xD800 <= c && c <= 0xDFFF {
		return 0xED // no text holds a surrogate; what stands around them begins so
	}
	return b[0]
}

// last returns the last byte of c's UTF-8, which tells few runes from ordinary text better
// than the first.
func last(c rune) byte {
	var b [utf8.UTFMax]byte
	return b[utf8.EncodeRune(b[:], c)-1]
}

func conjunction(list []*formula) *formula {
	var sub []*formula
	for _, f := range list {
		switch f.kind {
		case never:
			return f
		case always:
		case all:
			sub = append(sub, f.sub...)
		default:
			sub = append(sub, f)
		}
	}
	return join(all, sub, func(f, g *formula) bool { return g.implies(f) })
}

func disjunction(list []*formula) *formula {
	var sub []*formula
	single := &formula{kind: one}
	for _, f := range list {
		switch f.kind {
		case always:
			return f
		case never:
		case any:
			sub = append(sub, f.sub...)
		default:
			sub = append(sub, f)
		}
	}
	rest := sub[:0:0]
	for _, f := range sub {
		if f.kind == one {
			single.set.AddSet(&f.set)
		} else {
			rest = append(rest, f)
		}
	}
	if !single.set.Empty() {
		rest = append(rest, single)
	}
	return join(any, rest, func(f, g *formula) bool { return f.implies(g) })
}

// join makes the formula of kind all or any over sub, without those that another one makes
// superfluous.
func join(k kind, sub []*formula, superfluous func(f, g *formula) bool) *formula {
	const many = 512 // beyond it every pair is too much to compare
	var keep []*formula
	for _, f := range sub {
		if len(sub) > many {
			keep = sub
			break
		}
		if slices.ContainsFunc(keep, func(g *formula) bool { return superfluous(f, g) }) {
			continue
		}
		keep = slices.DeleteFunc(keep, func(g *formula) bool { return superfluous(g, f) })
		keep = append(keep, f)
	}
	switch {
	case len(keep) == 1:
		return keep[0]
	case len(keep) > 0:
		return &formula{kind: k, sub: keep}
	case k == all:
		return &formula{kind: always}
	default:
		return &formula{kind: never}
	}
}

// implies reports whether g is known to hold wherever f does.
func (f *formula) implies(g *formula) bool {
	switch {
	case f.kind == one && g.kind == one:
		return g.set.Contains(&f.set)
	case f.kind == any:
		return !slices.ContainsFunc(f.sub, func(s *formula) bool { return !s.implies(g) })
	case g.kind == all:
		return !slices.ContainsFunc(g.sub, func(s *formula) bool { return !f.implies(s) })
	case f.kind == all && slices.ContainsFunc(f.sub, func(s *formula) bool { return s.implies(g) }):
		return true
	case g.kind == any:
		return slices.ContainsFunc(g.sub, func(s *formula) bool { return f.implies(s) })
	}
	return false
}

// demands returns what f demands: the sets it names, and for a choice the union of each
// branch's rarest.
func (f *formula) demands() []demand {
	if !f.known {
		f.demanded, f.known = f.findDemands(), true
	}
	return f.demanded
}

func (f *formula) findDemands() []demand {
	switch f.kind {
	case one:
		return []demand{{f.set, f.set.chance()}}
	case all:
		var list []demand
		for _, sub := range f.sub {
			list = append(list, sub.demands()...)
		}
		return list
	case any:
		var union Bytes
		for _, sub := range f.sub {
			list := sub.demands()
			if len(list) == 0 {
				return nil
			}
			rarest := slices.MinFunc(list, byChance)
			union.AddSet(&rarest.set)
		}
		return []demand{{union, union.chance()}}
	}
	return nil
}

func byChance(a, b demand) int { return cmp.Compare(a.chance, b.chance) }

// A proof is a formula as a chain of tests with two exits each. Step 0 is the first.
type proof []test

type test struct {
	set     Bytes
	yes, no int32 // next test, or one of the exits
}

const (
	holds int32 = -1
	fails int32 = -2
)

func (p proof) holds(present *Bytes) bool {
	for i := int32(0); ; {
		t := &p[i]
		if t.set.Intersects(present) {
			i = t.yes
		} else {
			i = t.no
		}
		if i < 0 {
			return i == holds
		}
	}
}

// maxTests bounds a proof; a formula that needs more is proved by its demands alone.
const maxTests = 256

func newProof(f *formula) proof {
	p := proof(nil)
	switch f.kind {
	case always:
		return proof{{yes: holds, no: holds}}
	case never:
		return proof{{yes: fails, no: fails}}
	}
	f = f.guarded()
	if f = f.shrunk(maxTests); f.kind == always {
		return newProof(f)
	}
	// Written from the back, so that a test's exits are placed before it; the test placed
	// last is the first to run.
	p.place(f, holds, fails)
	n := int32(len(p))
	slices.Reverse(p)
	flip := func(i int32) int32 {
		if i < 0 {
			return i
		}
		return n - 1 - i
	}
	for i := range p {
		p[i].yes, p[i].no = flip(p[i].yes), flip(p[i].no)
	}
	return p
}

// place appends f's tests in reverse order and returns where f begins.
func (p *proof) place(f *formula, yes, no int32) int32 {
	switch f.kind {
	case one:
		*p = append(*p, test{f.set, yes, no})
		return int32(len(*p) - 1)
	case all:
		for _, sub := range slices.Backward(f.sub) {
			yes = p.place(sub, yes, no)
		}
		return yes
	default:
		for _, sub := range slices.Backward(f.sub) {
			no = p.place(sub, yes, no)
		}
		return no
	}
}

func (f *formula) tests() int {
	if f.kind == one {
		return 1
	}
	sum := 0
	for _, sub := range f.sub {
		sum += sub.tests()
	}
	return sum
}

// guarded orders f's parts so that the rarest is tested first, and puts before a choice the
// union of its branches' rarest sets: mostly that one test decides.
func (f *formula) guarded() *formula {
	if f.kind == one {
		return f
	}
	sub := make([]*formula, len(f.sub))
	for i, s := range f.sub {
		sub[i] = s.guarded()
	}
	g := &formula{kind: f.kind, sub: sub}
	const worth = 0.7
	if union := f.demands(); f.kind == any && len(union) == 1 && len(sub) > 2 && union[0].chance < worth {
		return &formula{kind: all, sub: []*formula{{kind: one, set: union[0].set}, g}}
	}
	if f.kind == all {
		slices.SortStableFunc(sub, func(a, b *formula) int { return cmp.Compare(a.chance(), b.chance()) })
	}
	return g
}

// shrunk returns f, or what is weaker and takes at most limit tests: a conjunction keeps the
// parts there is room for, a choice becomes what it demands.
func (f *formula) shrunk(limit int) *formula {
	if f.tests() <= limit {
		return f
	}
	var list []*formula
	for _, d := range f.demands() {
		list = append(list, &formula{kind: one, set: d.set})
	}
	if f.kind == all {
		room := limit - len(f.sub) // each part may become one test
		for _, sub := range f.sub {
			if n := sub.tests(); n > 1 {
				sub = sub.shrunk(max(room, 0) + 1)
				room -= sub.tests()
			}
			list = append(list, sub)
		}
	}
	return conjunction(list)
}

// chance estimates how likely an ordinary text meets f.
func (f *formula) chance() float64 {
	switch f.kind {
	case one:
		return f.demands()[0].chance
	case all:
		least := 1.0
		for _, sub := range f.sub {
			least = min(least, sub.chance())
		}
		return least
	case any:
		most := 0.0
		for _, sub := range f.sub {
			most = max(most, sub.chance())
		}
		return most
	case never:
		return 0
	}
	return 1
}
