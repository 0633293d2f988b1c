package schema

import (
	"math"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse/openapi/document"
)

// An extent is an outer bound of the scalars that a schema accepts, by their kinds. Null
// is not part of it.
type extent struct {
	strings stringExtent
	numbers numberExtent
	yes, no bool
}

// A stringExtent holds the listed strings, and those that match one of the patterns; all
// strings where it is open.
type stringExtent struct {
	open     bool
	values   []string
	patterns []string
	length   int // of those that are not listed, in code points; 0: any
}

// A numberExtent holds listed numbers, or those within bounds.
type numberExtent struct {
	listed      bool
	values      []string
	whole       bool // integers alone
	least, most int64
}

func everything() extent {
	return extent{strings: stringExtent{open: true}, numbers: numberExtent{least: math.MinInt64, most: math.MaxInt64}, yes: true, no: true}
}

// none is the extent of nothing.
func none() extent { return extent{numbers: numberExtent{listed: true}} }

// only leaves out the kinds that are not among types.
func (x *extent) only(types Types) {
	if !types.Has(String) {
		x.strings = stringExtent{}
	}
	switch {
	case types&Number == 0:
		x.numbers = numberExtent{listed: true}
	case types&Fraction == 0:
		x.numbers.whole = true
	}
	if !types.Has(Boolean) {
		x.yes, x.no = false, false
	}
}

// extent returns that of n with all that applies to the same value for certain.
func (w *texting) extent(n *node) extent {
	switch {
	case !w.look():
		return everything()
	case n.never || n.barred[w.dir]:
		return none()
	}
	x := w.own(n)
	p := n.place
	if p == nil {
		return x
	}
	if p.ref != nil {
		x = x.meet(w.extent(p.ref))
	}
	for _, m := range p.allOf {
		x = x.meet(w.extent(m))
	}
	for _, branches := range p.choices() {
		sum := none()
		for _, m := range branches {
			if m == nil {
				sum = everything()
				break
			}
			sum = sum.join(w.extent(m))
		}
		x = x.meet(sum)
	}
	return x
}

// own returns the extent of what n itself asserts.
func (w *texting) own(n *node) extent {
	x := everything()
	if n.types != 0 {
		x.only(n.types)
	}
	for _, k := range [...]struct {
		values *values
		list   func() []*document.Node
	}{
		{n.enum, func() []*document.Node { return n.at.Get("enum").Items }},
		{n.fixed, func() []*document.Node { return []*document.Node{n.at.Get("const")} }},
	} {
		if k.values != nil {
			listed := none()
			listed.texts(k.list())
			x = x.meet(listed)
		}
	}
	if r := n.str; r != nil {
		if r.max > 0 {
			x.strings = x.strings.meet(stringExtent{open: true, length: r.max})
		}
		if r.pattern != nil {
			if text := w.pattern(r.pattern); text != "" {
				x.strings = x.strings.meet(stringExtent{patterns: []string{text}})
			}
		}
	}
	if f := n.format; f != nil {
		if text := formatPatterns[n.at.Str("format")]; text != "" && f.text != nil {
			x.strings = x.strings.meet(stringExtent{patterns: []string{text}})
		}
		if f.number != nil && f.whole {
			x.numbers = x.numbers.meet(numberExtent{whole: true, least: f.least, most: f.most})
		}
	}
	if r := n.num; r != nil {
		x.numbers = x.numbers.meet(r.extent())
	}
	return x
}

// extent returns the bounds, those that are integers.
func (r *numberRules) extent() numberExtent {
	x := numberExtent{least: math.MinInt64, most: math.MaxInt64}
	if b := r.min; b != nil && b.isInt {
		x.least = max(x.least, b.int)
	}
	if b := r.above; b != nil && b.isInt && b.int < math.MaxInt64 {
		x.least = max(x.least, b.int+1) // of the integers, which alone are counted
	}
	if b := r.max; b != nil && b.isInt {
		x.most = min(x.most, b.int)
	}
	if b := r.below; b != nil && b.isInt && b.int > math.MinInt64 {
		x.most = min(x.most, b.int-1)
	}
	return x
}

// meet returns an extent of what is in both.
func (x extent) meet(y extent) extent {
	return extent{x.strings.meet(y.strings), x.numbers.meet(y.numbers), x.yes && y.yes, x.no && y.no}
}

// join returns an extent of what is in one of them.
func (x extent) join(y extent) extent {
	return extent{x.strings.join(y.strings), x.numbers.join(y.numbers), x.yes || y.yes, x.no || y.no}
}

func (x stringExtent) meet(y stringExtent) stringExtent {
	length := x.length
	if length == 0 || y.length > 0 && y.length < length {
		length = y.length
	}
	out := x
	switch {
	case x.open:
		out = y
	case y.open:
	case len(x.patterns) == 0 && len(y.patterns) == 0:
		in := map[string]bool{}
		for _, v := range y.values {
			in[v] = true
		}
		out.values = nil // others may have the old list
		for _, v := range x.values {
			if in[v] {
				out.values = append(out.values, v)
			}
		}
	case len(y.patterns) < len(x.patterns): // a list says more than a pattern
		out = y
	}
	out.length = length
	return out
}

func (x stringExtent) join(y stringExtent) stringExtent {
	out := stringExtent{open: x.open || y.open, length: max(x.length, y.length)}
	unbounded := func(z stringExtent) bool { return z.length == 0 && (z.open || len(z.patterns) > 0) }
	if unbounded(x) || unbounded(y) {
		out.length = 0
	}
	if out.open {
		return out
	}
	out.values = joined(x.values, y.values)
	out.patterns = joined(x.patterns, y.patterns)
	if len(out.values) > maxListed || len(out.patterns) > maxAlternatives {
		return stringExtent{open: true}
	}
	return out
}

// maxAlternatives bounds the patterns of one place.
const maxAlternatives = 20

// joined returns a new list of what is in a or b.
func joined(a, b []string) []string {
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}

func (x numberExtent) meet(y numberExtent) numberExtent {
	switch {
	case x.listed && (!y.listed || len(x.values) <= len(y.values)):
		return x
	case y.listed:
		return y
	}
	return numberExtent{whole: x.whole || y.whole, least: max(x.least, y.least), most: min(x.most, y.most)}
}

func (x numberExtent) join(y numberExtent) numberExtent {
	a, ok := x.list()
	b, also := y.list()
	if ok && also {
		if all := joined(a, b); len(all) <= maxListed {
			return numberExtent{listed: true, values: all}
		}
	}
	return everything().numbers
}

// list returns the numbers, where they are few.
func (x numberExtent) list() ([]string, bool) {
	switch {
	case x.listed:
		return slices.Clone(x.values), true
	case !x.whole:
		return nil, false
	case x.least > x.most:
		return nil, true
	case uint64(x.most)-uint64(x.least) >= maxListed:
		return nil, false
	}
	var out []string
	for v := x.least; ; v++ {
		out = append(out, strconv.FormatInt(v, 10))
		if v == x.most {
			return out, true
		}
	}
}

// pattern returns p in the syntax of package regexp, or "" where that can't say it, or it
// is not anchored at both ends.
func (w *texting) pattern(p *pattern) string {
	text, known := w.patterns[p]
	if !known {
		text = p.whole()
		w.patterns[p] = text
	}
	return text
}

func (p *pattern) whole() string {
	if p.slow != nil {
		return ""
	}
	t, err := translate(p.text, false)
	if err != nil {
		return ""
	}
	text := t.out.String()
	re, err := syntax.Parse(text, syntax.Perl)
	if err != nil && p.runs != nil { // more repetitions than RE2 counts: as many as one likes
		var b strings.Builder
		b.WriteString(`\A`)
		for _, r := range t.list {
			if set := r.set.clip(); len(set) > 0 {
				b.WriteByte('[')
				set.write(&b)
				b.WriteString("]*")
			}
		}
		b.WriteString(`\z`)
		return b.String()
	}
	if err != nil || !anchored(re, syntax.OpBeginText) || !anchored(re, syntax.OpEndText) {
		return ""
	}
	return text
}

// anchored reports whether every match of re begins at the start of the text
// (syntax.OpBeginText), or ends at its end (syntax.OpEndText).
func anchored(re *syntax.Regexp, end syntax.Op) bool {
	switch re.Op {
	case end:
		return true
	case syntax.OpCapture, syntax.OpPlus:
		return anchored(re.Sub[0], end)
	case syntax.OpAlternate:
		return !slices.ContainsFunc(re.Sub, func(sub *syntax.Regexp) bool { return !anchored(sub, end) })
	case syntax.OpConcat:
		if end == syntax.OpBeginText {
			return anchored(re.Sub[0], end)
		}
		return anchored(re.Sub[len(re.Sub)-1], end)
	}
	return false
}

// formatPatterns are those of formats whose texts have few different characters, in the
// syntax of package regexp.
var formatPatterns = func() map[string]string {
	const (
		date  = `[0-9]{4}-[0-9]{2}-[0-9]{2}`
		clock = `[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?`
		zone  = `(?:[Zz]|[+-][0-9]{2}:[0-9]{2})`
	)
	out := map[string]string{
		"date": date, "time": clock + zone, "date-time": date + "[Tt]" + clock + zone,
		"time-local": clock, "date-time-local": date + "[Tt]" + clock,
		"uuid": `[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}`,
		"ipv4": `[0-9]{1,3}(?:\.[0-9]{1,3}){3}`, "ipv6": `[0-9A-Fa-f:.]{2,45}`,
	}
	for name, text := range out {
		out[name] = `\A` + text + `\z`
	}
	return out
}()
