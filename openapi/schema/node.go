package schema

import (
	"github.com/gatehouse/gatehouse/openapi/document"
	"github.com/gatehouse/gatehouse/strictjson"
)

// A node is one compiled schema object. All that is not set asserts nothing.
type node struct {
	at  *document.Node
	res *resource

	never bool // the schema false
	free  bool // nothing is asserted, and nothing said: the schema true
	leaf  bool // neither members, items nor other schemas are looked at
	// sure has a bit for each strictjson.Kind of which every value is valid, with
	// nothing to be said of it.
	sure uint8

	nullable bool  // null is accepted, whatever else is said
	types    Types // 0: any
	enum     *values
	fixed    *values // const
	num      *numberRules
	str      *stringRules
	format   *format
	obj      *objectRules
	arr      *arrayRules
	place    *inPlace

	readOnly, writeOnly bool
	class               uint8

	// accepts are the types that are not certainly refused; never[dir] tells that every
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

// surely returns what sure is to be.
func (n *node) surely() uint8 {
	if n.never || n.readOnly || n.writeOnly || n.class != 0 || n.place != nil {
		return 0
	}
	sure := uint8(0)
	for kind, types := range kindTypes {
		ok := n.enum == nil && n.fixed == nil && (n.types == 0 || n.types&types == types)
		switch strictjson.Kind(kind) {
		case strictjson.Null:
			ok = ok || n.nullable
		case strictjson.Number:
			ok = ok && n.num == nil && (n.format == nil || n.format.number == nil)
		case strictjson.String:
			ok = ok && n.str == nil && (n.format == nil || n.format.text == nil)
		case strictjson.Array:
			ok = ok && n.arr == nil
		case strictjson.Object:
			ok = ok && n.obj == nil
		}
		if ok {
			sure |= 1 << kind
		}
	}
	return sure
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
		if near < len(o.members) && o.members[near].name == string(name) {
			return near
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
