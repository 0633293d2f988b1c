package schema

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
	n := s.node.part(get)
	if n == nil {
		return nil
	}
	return &Schema{set: s.set, node: n, dir: s.dir}
}

func (n *node) part(get func(*node) *node) *node {
	var all []*node
	add := func(m *node) {
		if m == nil {
			return
		}
		for _, one := range all {
			if one == m {
				return
			}
		}
		all = append(all, m)
	}
	add(get(n))
	if p := n.place; p != nil {
		if p.ref != nil {
			add(p.ref.part(get))
		}
		if p.dynamic != nil {
			add(p.dynamic.static.part(get))
		}
		for _, m := range p.allOf {
			add(m.part(get))
		}
		add(anyPart(n, p.anyOf, get))
		add(anyPart(n, p.oneOf, get))
		add(anyPart(n, []*node{p.yes, p.no}, get))
	}
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	return together(&node{at: n.at, res: n.res, place: &inPlace{allOf: all}})
}

// anyPart is what any of the branches says; of those that say nothing nothing is
// known, but a branch that does not exist.
func anyPart(n *node, branches []*node, get func(*node) *node) *node {
	var some []*node
	for _, m := range branches {
		if m == nil {
			continue
		}
		if part := m.part(get); part != nil {
			some = append(some, part)
		}
	}
	switch len(some) {
	case 0:
		return nil
	case 1:
		return some[0]
	}
	return together(&node{at: n.at, res: n.res, place: &inPlace{anyOf: some}})
}

func together(n *node) *node {
	n.state = linked
	n.accepts = n.accepted()
	return n
}
