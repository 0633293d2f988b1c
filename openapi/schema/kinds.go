package schema

import "slices"

// Types is a set of JSON types.
type Types uint8

const (
	Null Types = 1 << iota
	Boolean
	Integer // a number without a fraction; Number includes it
	Fraction
	String
	Array
	Object

	Number   = Integer | Fraction
	AnyTypes = Null | Boolean | Number | String | Array | Object
)

// Has reports whether t has all of u.
func (t Types) Has(u Types) bool { return t&u == u }

// Types returns the types that the schema can accept, through $ref, allOf, anyOf
// and oneOf: a value of another type is certainly refused.
func (s *Schema) Types() Types { return s.node.accepts }

// Meant returns the types as which a value that is spelled without one, in a
// parameter or a form, is to be judged: Types, or where the schema names none those
// its assertions speak of. {pattern: …} means a string, though it lets every number
// and every array by.
func (s *Schema) Meant() Types {
	t := s.node.accepts
	if t != AnyTypes {
		return t
	}
	said := Types(0)
	s.node.reach(map[*node]bool{}, func(n *node) {
		for _, k := range [...]struct {
			types Types
			said  bool
		}{
			{String, n.str != nil || n.format != nil && n.format.text != nil}, {Number, n.num != nil || n.format != nil && n.format.number != nil},
			{Object, n.obj != nil}, {Array, n.arr != nil}, {Null, n.nullable}, {n.types, true},
		} {
			if k.said {
				said |= k.types
			}
		}
		for _, v := range [...]*values{n.fixed, n.enum} {
			if v != nil {
				said |= v.types()
			}
		}
	})
	if said&^Null == 0 {
		return t
	}
	return said
}

// Items returns the schema of an array's items behind its Prefix, or nil where the
// document says nothing of them.
func (s *Schema) Items() *Schema {
	return s.part(func(n *node) *node {
		if n.arr == nil {
			return nil
		}
		return n.arr.items
	})
}

// Prefix returns the schema of item i that prefixItems gives, or nil.
func (s *Schema) Prefix(i int) *Schema {
	return s.part(func(n *node) *node {
		if n.arr == nil || i < 0 || i >= len(n.arr.prefix) {
			return nil
		}
		return n.arr.prefix[i]
	})
}

// Property returns the schema of the property called name, or nil where the
// document says nothing of it. Where it has several, for the object or for the
// branches of anyOf and oneOf, the schema returned is all of them together: any of
// those of the branches.
func (s *Schema) Property(name string) *Schema {
	return s.part(func(n *node) *node {
		o := n.obj
		if o == nil {
			return nil
		}
		for k := range o.members {
			if o.members[k].name == name && o.members[k].schema != nil {
				return o.members[k].schema
			}
		}
		for k := range o.patterns {
			if o.patterns[k].pattern.MatchString(name) {
				return o.patterns[k].schema
			}
		}
		return o.additional
	})
}

// Properties returns the names of all properties that properties declares, in the
// document's order.
func (s *Schema) Properties() []string {
	var names []string
	known := map[string]bool{}
	s.node.reach(map[*node]bool{}, func(n *node) {
		if n.obj == nil {
			return
		}
		for _, m := range n.obj.members {
			if m.schema != nil && !known[m.name] {
				known[m.name] = true
				names = append(names, m.name)
			}
		}
	})
	return names
}

// reach calls f with n and all nodes that may apply to the same value and say what
// it holds.
func (n *node) reach(seen map[*node]bool, f func(*node)) {
	if seen[n] {
		return
	}
	seen[n] = true
	f(n)
	p := n.place
	if p == nil {
		return
	}
	if p.ref != nil {
		p.ref.reach(seen, f)
	}
	if p.dynamic != nil {
		p.dynamic.static.reach(seen, f)
	}
	for _, list := range [...][]*node{p.allOf, p.anyOf, p.oneOf, {p.yes, p.no}} {
		for _, m := range list {
			if m != nil {
				m.reach(seen, f)
			}
		}
	}
}

// part puts what get finds in the nodes of s together to one schema.
func (s *Schema) part(get func(*node) *node) *Schema {
	p := parts{get: get, seen: map[*node]bool{}}
	n := p.of(s.node)
	if n == nil {
		return nil
	}
	return &Schema{set: s.set, node: n, dir: s.dir}
}

// parts collects what applies to a part of a value; each schema counts once.
type parts struct {
	get  func(*node) *node
	seen map[*node]bool
}

func (p *parts) of(n *node) *node {
	if n == nil || p.seen[n] {
		return nil
	}
	p.seen[n] = true
	all := []*node{p.get(n)}
	if a := n.place; a != nil {
		all = append(all, p.of(a.ref))
		if a.dynamic != nil {
			all = append(all, p.of(a.dynamic.static))
		}
		for _, m := range a.allOf {
			all = append(all, p.of(m))
		}
		all = append(all, p.any(n, a.anyOf), p.any(n, a.oneOf), p.any(n, []*node{a.yes, a.no}))
	}
	all = distinct(all)
	if len(all) > 1 {
		return together(&node{at: n.at, res: n.res, place: &inPlace{allOf: all}})
	}
	return first(all)
}

// any is what any of the branches says, where one says something.
func (p *parts) any(n *node, branches []*node) *node {
	some := make([]*node, 0, len(branches))
	for _, m := range branches {
		some = append(some, p.of(m))
	}
	some = distinct(some)
	if len(some) > 1 {
		return together(&node{at: n.at, res: n.res, place: &inPlace{anyOf: some}})
	}
	return first(some)
}

// distinct leaves out nil, and what stands twice.
func distinct(list []*node) []*node {
	out := list[:0]
	for _, n := range list {
		if n != nil && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

func first(list []*node) *node {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

func together(n *node) *node {
	n.state = linked
	n.accepts = n.accepted()
	return n
}
