package schema

import (
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse/openapi/document"
	"github.com/gatehouse/gatehouse/strictjson"
)

// Texts are what the strings, numbers and booleans that a schema accepts at one place
// look like: as Values, or such that Pattern matches. Of null they say nothing, and a
// number may have spellings that are not listed (1.0 for 1).
type Texts struct {
	// Place is a JSON pointer (RFC 6901) in which "*" stands for any other index or name:
	// "/items/*/sku". What holds for the items of an array at a place need not hold for
	// the members of an object there, where both are accepted.
	Place  string
	Values []string // sorted, without doubles
	// Pattern is a regular expression of package regexp, anchored at both ends, which
	// matches at least the strings that are accepted and not among Values; "" for none.
	Pattern string
	// MaxLength is the greatest number of code points of a string that is not among
	// Values; 0: the schema sets none.
	MaxLength int
}

// Limits of Texts.
const (
	maxTexts  = 2000    // places
	maxListed = 1000    // values of one place
	maxLooks  = 100_000 // at nodes
)

// Texts lists the places of the values that are accepted of which the texts are known:
// listed by enum or const, booleans, integers of a small range, or strings held to a
// pattern that is anchored, or to a format of a small alphabet. What a type alone says is
// not enough. Where several schemas apply to a place one of them suffices; of the
// branches of anyOf and oneOf all must say something.
//
// levels are the containers, Array or Object or both, that are entered at each level; so
// many levels there are. spelled says that values are spelled without a type, in a
// parameter or a form, so that each is what its schema is [Schema.Meant] for.
// The places nearest to the top come first. The list and the work are bounded: what is
// left out then are places.
func (s *Schema) Texts(levels []Types, spelled bool) []Texts {
	w := texting{dir: s.dir, spelled: spelled, looks: maxLooks, patterns: map[*pattern]string{}}
	queue := []*spot{{n: s.node}}
	for len(queue) > 0 && len(w.out) < maxTexts && w.looks > 0 {
		at := queue[0]
		queue = queue[1:]
		w.scalar(at)
		if at.depth < len(levels) && len(queue) < 2*maxTexts {
			queue = append(queue, w.parts(at, levels[at.depth])...)
		}
	}
	return w.out
}

// A spot is a place whose values a schema judges.
type spot struct {
	n     *node
	place string
	depth int
	up    *spot
}

// within reports whether n judges what is around the spot, or the spot itself.
func (at *spot) within(n *node) bool {
	for ; at != nil; at = at.up {
		if at.n.end() == n.end() {
			return true
		}
	}
	return false
}

// end follows schemas that are nothing but a $ref.
func (n *node) end() *node {
	if n.to != nil {
		return n.to
	}
	return n
}

// texting is the work of Texts.
type texting struct {
	dir      Direction
	spelled  bool
	looks    int // that are left
	patterns map[*pattern]string
	out      []Texts
}

// look counts one more node, and reports whether it may be looked at.
func (w *texting) look() bool {
	w.looks--
	return w.looks >= 0
}

// scalar notes what is known of the texts at a place.
func (w *texting) scalar(at *spot) {
	x := w.extent(at.n)
	if w.spelled {
		x.only((&Schema{node: at.n}).Meant())
	}
	numbers, ok := x.numbers.list()
	if !ok || x.strings.open {
		return
	}
	t := Texts{Place: at.place, Values: append(numbers, x.strings.values...), MaxLength: x.strings.length}
	if x.yes {
		t.Values = append(t.Values, "true")
	}
	if x.no {
		t.Values = append(t.Values, "false")
	}
	slices.Sort(t.Values)
	t.Values = slices.Compact(t.Values)
	switch p := x.strings.patterns; len(p) {
	case 0:
		t.MaxLength = 0
	case 1:
		t.Pattern = p[0]
	default:
		t.Pattern = "(?:" + strings.Join(p, ")|(?:") + ")"
	}
	if len(t.Values) <= maxListed && (len(t.Values) > 0 || t.Pattern != "") {
		w.out = append(w.out, t)
	}
}

// parts lists the places within one, of arrays and objects as far as enter has them.
func (w *texting) parts(at *spot, enter Types) []*spot {
	var out []*spot
	add := func(token string, n *node) {
		if n == nil || n.never || n.free || at.within(n) {
			return
		}
		var b strings.Builder
		b.WriteString(at.place)
		b.WriteByte('/')
		strictjson.WritePointerToken(&b, []byte(token))
		out = append(out, &spot{n: n, place: b.String(), depth: at.depth + 1, up: at})
	}
	if types := at.n.accepts & enter; types.Has(Object) {
		for _, name := range (&Schema{node: at.n}).Properties() {
			if len(out) >= maxTexts || w.looks <= 0 {
				break
			}
			add(name, w.part(at.n, Object, func(n *node) *node { return n.member(name) }))
		}
		add("*", w.part(at.n, Object, (*node).others))
	}
	if types := at.n.accepts & enter; types.Has(Array) {
		first := 0
		for ; first < maxTexts && w.looks > 0 && (&Schema{node: at.n}).Prefix(first) != nil; first++ {
			add(strconv.Itoa(first), w.part(at.n, Array, func(n *node) *node { return n.item(first) }))
		}
		add("*", w.part(at.n, Array, func(n *node) *node { return n.item(first) }))
	}
	return out
}

// nothing is a schema that accepts no value.
var nothing = &node{never: true, state: linked}

// part puts what get finds in n, and in all that applies to the same value for certain,
// together. It is nil where nothing is said of the part, and never where the value can't
// be of the kind that has it.
func (w *texting) part(n *node, kind Types, get func(*node) *node) *node {
	switch {
	case !w.look():
		return nil
	case n.never || n.barred[w.dir] || n.accepts&kind == 0:
		return nothing
	}
	if n.obj != nil {
		w.looks -= len(n.obj.patterns)
	}
	all := []*node{get(n)}
	if p := n.place; p != nil {
		if p.ref != nil {
			all = append(all, w.part(p.ref, kind, get))
		}
		for _, m := range p.allOf {
			all = append(all, w.part(m, kind, get))
		}
		for _, branches := range p.choices() {
			all = append(all, w.anyPart(n, branches, kind, get))
		}
	}
	if all = distinct(all); len(all) < 2 {
		return first(all)
	}
	if slices.ContainsFunc(all, func(m *node) bool { return m.never }) {
		return nothing
	}
	return together(&node{at: n.at, res: n.res, place: &inPlace{allOf: all}})
}

// anyPart is the part of a value that one of the branches judges.
func (w *texting) anyPart(n *node, branches []*node, kind Types, get func(*node) *node) *node {
	var some []*node
	for _, m := range branches {
		part := (*node)(nil)
		if m != nil {
			part = w.part(m, kind, get)
		}
		if part == nil {
			return nil
		}
		if !part.never {
			some = append(some, part)
		}
	}
	switch some = distinct(some); len(some) {
	case 0:
		return nothing
	case 1:
		return some[0]
	}
	return together(&node{at: n.at, res: n.res, place: &inPlace{anyOf: some}})
}

// choices are the lists of schemas of which one applies for certain; nil in a list is one
// that says nothing.
func (p *inPlace) choices() [][]*node {
	var out [][]*node
	for _, list := range [...][]*node{p.anyOf, p.oneOf} {
		if len(list) > 0 {
			out = append(out, list)
		}
	}
	if p.cond != nil {
		out = append(out, []*node{p.yes, p.no})
	}
	return out
}

// member is what n itself says of the member called name, or nil.
func (n *node) member(name string) *node {
	o := n.obj
	if o == nil {
		return nil
	}
	var all []*node
	if k := o.find([]byte(name), 0); k >= 0 && o.members[k].schema != nil {
		all = append(all, o.members[k].schema)
	}
	unsure := false
	for k := range o.patterns {
		switch p := o.patterns[k].pattern; {
		case p.slow != nil: // which may take its time
			unsure = true
		case p.MatchString(name):
			all = append(all, o.patterns[k].schema)
		}
	}
	switch {
	case len(all) == 0 && unsure:
		return nil
	case len(all) == 0:
		return o.additional
	case len(all) == 1:
		return all[0]
	}
	return together(&node{at: n.at, res: n.res, place: &inPlace{allOf: all}})
}

// others is what n itself says of all members that properties does not name, or nil.
func (n *node) others() *node {
	o := n.obj
	if o == nil || o.additional == nil || len(o.patterns) == 0 {
		if o == nil {
			return nil
		}
		return o.additional
	}
	any := []*node{o.additional}
	for k := range o.patterns {
		any = append(any, o.patterns[k].schema)
	}
	return together(&node{at: n.at, res: n.res, place: &inPlace{anyOf: any}})
}

// item is what n itself says of item i, or nil.
func (n *node) item(i int) *node {
	switch {
	case n.arr == nil:
		return nil
	case i < len(n.arr.prefix):
		return n.arr.prefix[i]
	}
	return n.arr.items
}

// texts are those of a list of a document.
func (x *extent) texts(list []*document.Node) {
	for _, n := range list {
		switch n.Kind {
		case document.Bool:
			x.yes, x.no = x.yes || n.Text == "true", x.no || n.Text == "false"
		case document.String:
			x.strings.values = append(x.strings.values, n.Text)
		case document.Number:
			x.numbers.values = append(x.numbers.values, spellings(n.Text)...)
		}
	}
}

// spellings are the usual ones of a number, its own first.
func spellings(text string) []string {
	out := []string{text}
	other := ""
	if b := newBound(text); b.isInt {
		other = strconv.FormatInt(b.int, 10)
	} else if f, err := strconv.ParseFloat(text, 64); err == nil {
		other = strconv.FormatFloat(f, 'f', -1, 64)
	}
	if other != "" && other != text && len(other) < 100 {
		out = append(out, other)
	}
	return out
}
