package schema

import (
	"math"

	"github.com/gatehouse/gatehouse/openapi/document"
	"github.com/gatehouse/gatehouse/strictjson"
)

// A node is one compiled schema object. All that is not set asserts nothing. What
// every check asks stands first, in one line of a processor's cache.
type node struct {
	never    bool  // the schema false
	free     bool  // nothing is asserted, and nothing said: the schema true
	leaf     bool  // neither members, items nor other schemas are looked at
	nullable bool  // null is accepted, whatever else is said
	types    Types // 0: any

	readOnly, writeOnly bool
	class               uint8

	// sure has a bit for each strictjson.Kind of which every value is valid, with
	// nothing to be said of it.
	sure uint8
	// ranged: so are the integers from least to most.
	ranged bool
	// short is up to how many bytes, as spelled with its quotes, every string is valid;
	// 0: none is for its length alone.
	short uint32
	// to is where a schema leads that is nothing but a $ref within its resource; else
	// nil.
	to *node

	obj   *objectRules
	arr   *arrayRules
	place *inPlace
	str   *stringRules

	num         *numberRules
	least, most int64
	enum        *values
	fixed       *values // const
	format      *format
	at          *document.Node
	res         *resource

	// accepts are the types that are not certainly refused; barred[dir] tells that every
	// value is refused in that direction, for being readOnly or writeOnly.
	accepts Types
	barred  [2]bool
	state   uint8 // of link's walk
}

// inPlace are the schemas that apply to the same value.
type inPlace struct {
	ref                 *node
	dynamic             *dynamicRef
	allOf, anyOf, oneOf []*node
	not, cond, yes, no  *node
	discriminator       *discriminator
	anyTag, oneTag      *tag // nil: none
	unevaluatedProps    *node
	unevaluatedItems    *node
}

func (p *inPlace) empty() bool {
	return p.ref == nil && p.dynamic == nil && p.allOf == nil && p.anyOf == nil && p.oneOf == nil &&
		p.not == nil && p.cond == nil && p.unevaluatedProps == nil && p.unevaluatedItems == nil
}

// A dynamicRef leads to the outermost schema of the dynamic scope that has the
// anchor (JSON Schema core, section 8.2.3.2).
type dynamicRef struct {
	static *node
	anchor string
}

// all calls f with each schema that applies to the same value.
func (n *node) all(f func(*node)) {
	one := func(m *node) {
		if m != nil {
			f(m)
		}
	}
	if n.obj != nil {
		for i := range n.obj.dependents {
			one(n.obj.dependents[i].schema)
		}
	}
	p := n.place
	if p == nil {
		return
	}
	one(p.ref)
	for _, list := range [...][]*node{p.allOf, p.anyOf, p.oneOf} {
		for _, m := range list {
			f(m)
		}
	}
	one(p.not)
	one(p.cond)
	one(p.yes)
	one(p.no)
}

type numberRules struct {
	min, max, above, below *bound // above and below are exclusive
	multiple               *bound
}

// A bound is a number of the schema.
type bound struct {
	dec   strictjson.Decimal
	int   int64
	isInt bool
	scaled
	small bool // scaled has it
}

func newBound(text string) *bound {
	b := &bound{dec: strictjson.ParseDecimal([]byte(text))}
	b.int, b.isInt = b.dec.Int64()
	b.scaled, b.small = newScaled([]byte(text))
	return b
}

type stringRules struct {
	min, max int // in code points; max -1: any
	pattern  *pattern
}

type arrayRules struct {
	min, max                 int // max -1: any
	unique                   bool
	prefix                   []*node
	items                    *node
	contains                 *node
	minContains, maxContains int // max -1: any
}

type objectRules struct {
	min, max   int // max -1: any
	members    []member
	byName     map[string]int32 // where there are many
	required   []int32
	mask       uint64 // of required, where there are no more than 64 members
	declared   int    // members with a schema
	plain      bool   // nothing is asked of names: neither patterns nor names
	patterns   []patternMember
	additional *node
	names      *node
	dependents []dependent
}

// A member is a name that an object's schema knows of.
type member struct {
	name   string
	schema *node // nil: only required or depended upon
}

type patternMember struct {
	pattern *pattern
	schema  *node
}

// A dependent is what the presence of a member asks for.
type dependent struct {
	member   int32
	required []int32
	schema   *node
}

// manyMembers is from how many members on they are found by hashing.
const manyMembers = 8

// certain reports whether the value of a token is sure to be valid. What it does not
// know is for check to find out.
func (n *node) certain(t *strictjson.Token) bool {
	return n.sure&(1<<t.Kind) != 0 || t.Kind == strictjson.String && t.End-t.Start <= n.short
}

// settleCertain fills sure and short.
func (n *node) settleCertain() {
	if n.never || n.readOnly || n.writeOnly || n.class != 0 || n.place != nil {
		return
	}
	n.settleRange()
	for kind, types := range kindTypes {
		ok := n.enum == nil && n.fixed == nil && (n.types == 0 || n.types&types == types)
		switch strictjson.Kind(kind) {
		case strictjson.Null:
			ok = ok || n.nullable
		case strictjson.Number:
			ok = ok && n.num == nil && (n.format == nil || n.format.number == nil)
		case strictjson.String:
			ok = ok && (n.format == nil || n.format.text == nil)
			// No string has more code points than bytes.
			if r := n.str; ok && r != nil {
				if r.min <= 0 && r.max >= 0 && r.pattern == nil {
					n.short = uint32(min(r.max, 1<<30)) + 2
				}
				ok = false
			}
		case strictjson.Array:
			ok = ok && n.arr == nil
		case strictjson.Object:
			ok = ok && n.obj == nil
		}
		if ok {
			n.sure |= 1 << kind
		}
	}
}

// settleRange fills least, most and ranged.
func (n *node) settleRange() {
	if n.enum != nil || n.fixed != nil || n.types != 0 && n.types&Integer == 0 {
		return
	}
	least, most := int64(math.MinInt64), int64(math.MaxInt64)
	if f := n.format; f != nil && f.number != nil {
		if !f.whole {
			return
		}
		least, most = f.least, f.most
	}
	if r := n.num; r != nil {
		if r.multiple != nil {
			return
		}
		for _, b := range [...]*bound{r.min, r.max, r.above, r.below} {
			if b != nil && (!b.isInt || b.int == math.MinInt64 || b.int == math.MaxInt64) {
				return
			}
		}
		if r.min != nil {
			least = max(least, r.min.int)
		}
		if r.above != nil {
			least = max(least, r.above.int+1)
		}
		if r.max != nil {
			most = min(most, r.max.int)
		}
		if r.below != nil {
			most = min(most, r.below.int-1)
		}
	}
	n.least, n.most, n.ranged = least, most, true
}

// within reports whether a number is sure to be valid, for being an integer of a few
// digits within bounds. What it does not know is for check to find out.
func (n *node) within(num []byte) bool {
	if !n.ranged || len(num) > 18 {
		return false
	}
	v, digits := int64(0), num
	if num[0] == '-' {
		digits = num[1:]
	}
	for _, c := range digits {
		if c -= '0'; c > 9 {
			return false
		}
		v = v*10 + int64(c)
	}
	if len(digits) < len(num) {
		v = -v
	}
	return n.least <= v && v <= n.most
}

// direct returns what n leads to where it is nothing but a $ref to a schema of the
// same resource, so that the dynamic scope is the same without n; else nil.
func (n *node) direct() *node {
	p := n.place
	if p == nil || p.ref == nil || p.ref.res != n.res || n.obj != nil || n.arr != nil ||
		n.types != 0 || n.nullable || n.enum != nil || n.fixed != nil || n.num != nil || n.str != nil || n.format != nil ||
		n.readOnly || n.writeOnly || n.class != 0 || n.never {
		return nil
	}
	q := *p
	if q.ref = nil; !q.empty() {
		return nil
	}
	return p.ref
}

// index returns the number of the member called name, which it adds where it is
// new.
func (o *objectRules) index(name string) int32 {
	if i, ok := o.byName[name]; ok {
		return i
	}
	if o.byName == nil {
		o.byName = map[string]int32{}
	}
	i := int32(len(o.members))
	o.byName[name] = i
	o.members = append(o.members, member{name: name})
	return i
}

// shapes reports whether the schema says which members an object has.
func (o *objectRules) shapes() bool {
	return o.declared > 0 || len(o.patterns) > 0 || o.additional != nil
}

// find returns the number of the member called name, or -1. near is where it is
// likely to be.
func (o *objectRules) find(name []byte, near int) int {
	if o.byName != nil {
		for i := near; i < min(near+4, len(o.members)); i++ {
			if o.members[i].name == string(name) {
				return i
			}
		}
		if i, ok := o.byName[string(name)]; ok {
			return int(i)
		}
		return -1
	}
	for i := near; i < len(o.members); i++ {
		if o.members[i].name == string(name) {
			return i
		}
	}
	for i := 0; i < near && i < len(o.members); i++ {
		if o.members[i].name == string(name) {
			return i
		}
	}
	return -1
}
