package expression

import (
	"slices"
	"strings"
)

// Gate holds necessary conditions of a match: a text that breaks one of them does not match.
type Gate struct {
	// MinLength is the least length of a match in bytes.
	MinLength int
	// Literals is the strongest of Clauses: at least one of them occurs in Fold(s). Empty:
	// there is no such condition. Each is folded; one byte alone is a rare one, no
	// letter and no digit.
	Literals []string
	// Clauses demands more: of each element at least one literal occurs in Fold(s).
	Clauses [][]string
	// Sets: of each element at least one byte occurs in s, as it is, not folded.
	Sets []Bytes
}

// Limits of a gate.
const (
	maxClauses  = 4
	maxLiterals = 400 // of a clause
	maxSets     = 4
)

// Gate returns the expression's necessary conditions. The caller must not change them.
func (e *Expression) Gate() Gate { return e.gate }

// Admits reports whether s meets every condition. It is the plain way to ask; a caller
// with many expressions searches the literals of all of them in one pass.
func (g *Gate) Admits(s string) bool {
	if len(s) < g.MinLength {
		return false
	}
	var present Bytes
	present.AddString(s)
	for i := range g.Sets {
		if !g.Sets[i].Intersects(&present) {
			return false
		}
	}
	folded := Fold(s)
	for _, clause := range g.Clauses {
		if !slices.ContainsFunc(clause, func(l string) bool { return strings.Contains(folded, l) }) {
			return false
		}
	}
	return true
}

// analyse derives the gate and the proof from an expression.
func analyse(tree *node) (Gate, proof) {
	f := formulaOf(tree)
	g := Gate{MinLength: tree.minLength(), Clauses: clausesOf(tree), Sets: f.sets()}
	if len(g.Clauses) > 0 {
		g.Literals = g.Clauses[0]
	}
	return g, newProof(f)
}

// sets returns the rarest sets of bytes that the formula demands.
func (f *formula) sets() []Bytes {
	const common = 0.9 // a set that nearly every text meets is not worth a test
	list := slices.DeleteFunc(slices.Clone(f.demands()), func(d demand) bool { return d.chance >= common })
	slices.SortStableFunc(list, byChance)
	var out []Bytes
	for _, d := range list {
		if len(out) < maxSets && !slices.Contains(out, d.set) {
			out = append(out, d.set)
		}
	}
	return out
}
