package expression

import (
	"cmp"
	"slices"
	"strings"
)

// facts is what is known of the folded matches of a part of an expression.
type facts struct {
	exact   bool       // prefix holds all matches, and so does suffix
	prefix  []string   // every match begins with one of these; "" says nothing
	suffix  []string   // every match ends with one of these
	clauses [][]string // of each clause every match holds a literal
}

// Limits of the sets that facts hold.
const (
	maxStrings = 400 // in prefix, suffix or clause
	maxLength  = 40  // of a string, bytes
	maxChoices = 8   // runes of a class that is spelled out
	maxCopies  = 4   // of a repeated part that are spelled out
)

var (
	unknown   = facts{prefix: []string{""}, suffix: []string{""}}
	emptyText = facts{exact: true, prefix: []string{""}, suffix: []string{""}}
)

// clausesOf returns the literal conditions of an expression, the strongest first.
func clausesOf(tree *node) [][]string {
	f := factsOf(tree).sealed()
	list := best(f.clauses, maxClauses)
	for len(list) > 1 && chance(list[len(list)-1]) > 0.5 {
		list = list[:len(list)-1]
	}
	return list
}

func factsOf(n *node) facts {
	switch n.op {
	case opNever:
		return facts{exact: true}
	case opOne:
		return n.spelled()
	case opConcat:
		f := emptyText
		for _, sub := range n.sub {
			f = f.then(factsOf(sub))
		}
		return f
	case opAlternate:
		list := make([]facts, len(n.sub))
		for i, sub := range n.sub {
			list[i] = factsOf(sub)
		}
		return either(list)
	case opRepeat:
		return n.repeated()
	default:
		return emptyText
	}
}

// spelled returns the facts of one rune.
func (n *node) spelled() facts {
	if n.count() > 3*maxChoices || n.acceptsInvalid() {
		return unknown
	}
	var list []string
	for i := 0; i < len(n.runes); i += 2 {
		for c := n.runes[i]; c <= n.runes[i+1]; c++ {
			switch {
			case !n.bytes:
				list = append(list, Fold(string(c)))
			case foldRewrites.Has(byte(c)):
				return unknown
			default:
				list = append(list, Fold(string([]byte{byte(c)})))
			}
		}
	}
	list = distinct(list)
	if len(list) > maxChoices {
		return unknown
	}
	return facts{exact: true, prefix: list, suffix: list}
}

// repeated returns the facts of a repetition.
func (n *node) repeated() facts {
	f := factsOf(n.sub[0])
	if n.max == 0 {
		return emptyText
	}
	if n.min == 0 {
		if f.exact && n.max == 1 {
			list := distinct(append([]string{""}, f.prefix...))
			return facts{exact: true, prefix: list, suffix: list}
		}
		return unknown
	}
	first := f
	copies := min(n.min, maxCopies)
	for range copies - 1 {
		f = f.then(first)
	}
	if n.max == copies {
		return f
	}
	// More may follow, and what ends a match of the copies need not end the whole one;
	// but the last copies end it just as the first begin it.
	return f.sealed()
}

// sealed returns f without its claim to be exact; what it knew becomes a clause.
func (f facts) sealed() facts {
	if f.exact {
		f.exact = false
		f.clauses = withClause(f.clauses, f.prefix)
	}
	return f
}

// then returns the facts of f and g one after another.
func (f facts) then(g facts) facts {
	if f.exact && g.exact {
		if list, ok := cross(f.prefix, g.prefix); ok {
			return facts{exact: true, prefix: list, suffix: list}
		}
	}
	out := facts{prefix: f.prefix, suffix: g.suffix}
	out.clauses = append(slices.Clip(f.clauses), g.clauses...)
	if seam, ok := cross(f.suffix, g.prefix); ok {
		out.clauses = withClause(out.clauses, seam)
		if f.exact { // the seam reaches back to the start
			out.prefix = seam
		}
		if g.exact { // and on to the end
			out.suffix = seam
		}
	} else {
		out.clauses = withClause(withClause(out.clauses, f.suffix), g.prefix)
	}
	out.prefix, out.suffix = trimmed(out.prefix, true), trimmed(out.suffix, false)
	out.clauses = best(out.clauses, 2*maxClauses)
	return out
}

// either returns the facts of a choice.
func either(list []facts) facts {
	list = slices.DeleteFunc(list, func(f facts) bool { return f.exact && len(f.prefix) == 0 })
	exact := true
	var all []string
	for _, f := range list {
		exact = exact && f.exact
		all = append(all, f.prefix...)
	}
	if all = distinct(all); exact && len(all) <= maxStrings {
		return facts{exact: true, prefix: all, suffix: all}
	}
	out := facts{prefix: trimmed(all, true)}
	var ends []string
	for i := range list {
		list[i] = list[i].sealed()
		ends = append(ends, list[i].suffix...)
	}
	out.suffix = trimmed(distinct(ends), false)
	for rank := range 2 {
		out.clauses = withClause(out.clauses, union(list, rank))
	}
	return out
}

// union returns a clause of a choice: of each branch its clause of that rank, or its last.
// It is nil where a branch has none.
func union(list []facts, rank int) []string {
	var out []string
	for _, f := range list {
		clauses := best(f.clauses, rank+1)
		if len(clauses) == 0 {
			return nil
		}
		out = append(out, clauses[len(clauses)-1]...)
	}
	return out
}

// cross returns each of a followed by each of b, unless that is too much.
func cross(a, b []string) ([]string, bool) {
	if len(a)*len(b) > maxStrings {
		return nil, false
	}
	out := make([]string, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			if len(x)+len(y) > maxLength {
				return nil, false
			}
			out = append(out, x+y)
		}
	}
	return distinct(out), true
}

// trimmed shortens prefixes (or suffixes) that are too many until they are not.
func trimmed(list []string, front bool) []string {
	const many = 64
	for length := 6; len(list) > many; length-- {
		short := make([]string, len(list))
		for i, s := range list {
			cut := min(length, len(s))
			if front {
				short[i] = s[:cut]
			} else {
				short[i] = s[len(s)-cut:]
			}
		}
		list = distinct(short)
	}
	return list
}

// withClause adds literals to clauses if they say something: none so common that nearly any
// text holds it.
func withClause(clauses [][]string, literals []string) [][]string {
	if len(literals) == 0 || slices.ContainsFunc(literals, common) {
		return clauses
	}
	literals = distinct(literals)
	for length := 8; ; length-- {
		if len(literals) <= 4*maxLiterals {
			literals = minimal(literals)
		}
		if len(literals) <= maxLiterals {
			return append(slices.Clip(clauses), literals)
		}
		short := make([]string, len(literals))
		for i, s := range literals {
			short[i] = s[:min(length, len(s))]
		}
		if slices.ContainsFunc(short, common) {
			return clauses
		}
		literals = distinct(short)
	}
}

// common reports whether s says nothing: it is empty, or one byte that is no rare sign.
func common(s string) bool {
	const rare = 9 // bits
	return s == "" || len(s) == 1 && byteBits[s[0]] < rare
}

// minimal drops each literal that holds another one: wherever it occurs, so does the other.
func minimal(literals []string) []string {
	literals = distinct(literals)
	slices.SortStableFunc(literals, func(a, b string) int { return cmp.Compare(len(a), len(b)) })
	keep := make([]string, 0, len(literals))
	for _, s := range literals {
		if !slices.ContainsFunc(keep, func(k string) bool { return strings.Contains(s, k) }) {
			keep = append(keep, s)
		}
	}
	slices.Sort(keep)
	return keep
}

// best returns the n clauses that ordinary text meets least, rarest first.
func best(clauses [][]string, n int) [][]string {
	type ranked struct {
		clause []string
		chance float64
	}
	list := make([]ranked, 0, len(clauses))
	for _, c := range clauses {
		if !slices.ContainsFunc(list, func(r ranked) bool { return slices.Equal(r.clause, c) }) {
			list = append(list, ranked{c, chance(c)})
		}
	}
	slices.SortStableFunc(list, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(a.chance, b.chance), cmp.Compare(len(a.clause), len(b.clause)))
	})
	out := make([][]string, 0, n)
	for _, r := range list[:min(n, len(list))] {
		out = append(out, r.clause)
	}
	return out
}

// distinct returns the strings sorted, each once, in a new slice.
func distinct(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}
