package schema

import (
	"strings"

	"github.com/gatehouse/gatehouse/openapi/document"
	"github.com/gatehouse/gatehouse/strictjson"
)

// States of link's walk over the schemas that apply to the same value.
const (
	fresh uint8 = iota
	open
	linked
)

// link works out what the nodes that were made can accept, from the inside out, and
// refuses schemas that lead back to themselves without a step into the value.
func (c *compiler) link() {
	for _, n := range c.made {
		c.visit(n, 0)
	}
	if len(c.errs) > 0 {
		return
	}
	for _, n := range c.made {
		for m := n.direct(); m != nil; m = m.direct() {
			n.to = m
		}
		if p := n.place; p != nil {
			p.anyTag = findTag(p, p.anyOf)
			p.oneTag = findTag(p, p.oneOf)
		}
	}
}

// visit returns false where it has reported a loop, or too many schemas one behind
// the other.
func (c *compiler) visit(n *node, depth int) bool {
	switch {
	case n.state == linked:
		return true
	case depth == maxPath:
		c.fail(n.at.At, "too many schemas apply to one value, each by way of another")
		return false
	case n.state == open:
		c.fail(n.at.At, "the schema leads back to itself without a step into the value, so that no check would end")
		return false
	}
	n.state = open
	ok := true
	n.all(func(m *node) { ok = ok && c.visit(m, depth+1) })
	if p := n.place; p != nil && p.dynamic != nil && p.dynamic.anchor == "" {
		ok = ok && c.visit(p.dynamic.static, depth+1)
	}
	n.state = linked
	if ok {
		n.accepts = n.accepted()
		if n.nullable {
			n.accepts |= Null
		}
		n.barred[Request] = n.bars(Request)
		n.barred[Response] = n.bars(Response)
	}
	return ok
}

func (n *node) accepted() Types {
	if n.never {
		return 0
	}
	t := AnyTypes
	if n.types != 0 {
		t = n.types
	}
	for _, v := range [...]*values{n.fixed, n.enum} {
		if v != nil {
			t &= v.types()
		}
	}
	p := n.place
	if p == nil {
		return t
	}
	if p.ref != nil {
		t &= p.ref.accepts
	}
	for _, m := range p.allOf {
		t &= m.accepts
	}
	for _, list := range [...][]*node{p.anyOf, p.oneOf} {
		if list != nil {
			some := Types(0)
			for _, m := range list {
				some |= m.accepts
			}
			t &= some
		}
	}
	return t
}

// bars reports whether n refuses every value that goes in direction dir, for being
// readOnly or writeOnly.
func (n *node) bars(dir Direction) bool {
	if dir == Request && n.readOnly || dir == Response && n.writeOnly {
		return true
	}
	p := n.place
	if p == nil {
		return false
	}
	if p.ref != nil && p.ref.barred[dir] {
		return true
	}
	for _, m := range p.allOf {
		if m.barred[dir] {
			return true
		}
	}
	for _, list := range [...][]*node{p.anyOf, p.oneOf} {
		every := len(list) > 0
		for _, m := range list {
			every = every && m.barred[dir]
		}
		if every {
			return true
		}
	}
	return false
}

// A tag is a member that tells the branches of a choice apart, because they give it
// constants.
type tag struct {
	name     string
	branches []*values // nil: says nothing
}

// findTag returns the member that most of the branches give constants, or nil.
func findTag(p *inPlace, branches []*node) *tag {
	if len(branches) < 2 {
		return nil
	}
	s := tagSearch{left: maxTagSearch}
	names := s.names(branches[1], s.names(branches[0], nil, 0), 0)
	if p.discriminator != nil {
		names = append(names, p.discriminator.property)
	}
	var best *tag
	most := 1
	for _, name := range names[:min(len(names), maxTags)] {
		t := &tag{name: name, branches: make([]*values, len(branches))}
		found := 0
		for i, m := range branches {
			if t.branches[i] = s.constant(m, name, 0); t.branches[i] != nil {
				found++
			}
		}
		if found > most {
			best, most = t, found
		}
	}
	return best
}

// A tagSearch bounds how far, and how long, a tag is looked for.
type tagSearch struct{ left int }

const (
	maxTags      = 20
	maxTagDepth  = 8
	maxTagSearch = 100_000
)

func (s *tagSearch) ends(depth int) bool {
	s.left--
	return depth == maxTagDepth || s.left < 0
}

// names appends the names of the members that n gives constants.
func (s *tagSearch) names(n *node, names []string, depth int) []string {
	if s.ends(depth) || len(names) > maxTags {
		return names
	}
	if n.obj != nil {
		for _, m := range n.obj.members {
			if m.schema != nil && s.values(m.schema, depth) != nil {
				names = append(names, m.name)
			}
		}
	}
	if p := n.place; p != nil {
		if p.ref != nil {
			names = s.names(p.ref, names, depth+1)
		}
		for _, m := range p.allOf {
			names = s.names(m, names, depth+1)
		}
	}
	return names
}

// constant returns the values that n, for certain, confines the member called name
// to, or nil.
func (s *tagSearch) constant(n *node, name string, depth int) *values {
	if s.ends(depth) {
		return nil
	}
	if n.obj != nil {
		for i := range n.obj.members {
			if m := &n.obj.members[i]; m.name == name && m.schema != nil {
				if v := s.values(m.schema, depth); v != nil {
					return v
				}
			}
		}
	}
	if p := n.place; p != nil {
		if p.ref != nil {
			if v := s.constant(p.ref, name, depth+1); v != nil {
				return v
			}
		}
		for _, m := range p.allOf {
			if v := s.constant(m, name, depth+1); v != nil {
				return v
			}
		}
	}
	return nil
}

func (s *tagSearch) values(n *node, depth int) *values {
	switch {
	case s.ends(depth) || n.readOnly || n.writeOnly || n.nullable: // which may be all that counts
		return nil
	case n.fixed != nil:
		return n.fixed
	case n.enum != nil:
		return n.enum
	case n.place != nil && n.place.ref != nil:
		return s.values(n.place.ref, depth+1)
	}
	return nil
}

// tagged returns the token of the tag's value in the object at token i, or -1.
func (w *walk) tagged(t *tag, i int) int {
	if t == nil {
		return -1
	}
	w.steps -= int(w.tape.Tokens[i].Count) / 4
	return w.tape.Get(i, t.name)
}

// A discriminator is OpenAPI's: it tells which branch of anyOf or oneOf is meant.
// It neither accepts nor refuses a value: the branch it names is tried first, where
// that may end the work, and says what is wrong with a value that no branch takes.
type discriminator struct {
	property string
	branches map[string]int
}

func (w *walk) chosen(d *discriminator, i int) int {
	if d == nil {
		return -1
	}
	w.steps -= int(w.tape.Tokens[i].Count) / 4
	v := w.tape.Get(i, d.property)
	if v < 0 || w.tape.Tokens[v].Kind != strictjson.String {
		return -1
	}
	if b, ok := d.branches[string(w.tape.StringBytes(v))]; ok {
		return b
	}
	return -1
}

// discriminator compiles OpenAPI's discriminator beside anyOf or oneOf.
func (c *compiler) discriminator(n *node) {
	p := n.place
	at := n.at.Get("discriminator")
	branches := p.oneOf
	if branches == nil {
		branches = p.anyOf
	}
	if at == nil || branches == nil {
		return
	}
	property := at.Str("propertyName")
	if property == "" {
		c.fail(at.At, "a discriminator has a propertyName")
		return
	}
	d := &discriminator{property: property, branches: map[string]int{}}
	targets := make([]*document.Node, len(branches))
	for i, m := range branches {
		if ref := m.at.Str("$ref"); ref != "" {
			targets[i], _, _ = c.set.registry.resolve(m.res, ref)
			if name := ref[strings.LastIndexByte(ref, '/')+1:]; name != "" {
				d.branches[name] = i
			}
		}
	}
	mapping := at.Get("mapping")
	if mapping == nil {
		p.discriminator = d
		return
	}
	for i := range mapping.Keys {
		k := &mapping.Keys[i]
		to := c.mapped(n, k.Value)
		found := false
		for b := range targets {
			if to != nil && targets[b] == to {
				d.branches[k.Name], found = b, true
			}
		}
		if !found {
			c.set.warn(k.Value.At, "the discriminator maps "+shown(k.Name)+" to what is no branch here", "")
		}
	}
	p.discriminator = d
}

// mapped finds the schema that a mapping names: by a name below components, or by a
// reference.
func (c *compiler) mapped(n *node, v *document.Node) *document.Node {
	if !strings.ContainsAny(v.Text, "/#.") {
		if to, _, _ := c.set.registry.resolve(n.res, "#/components/schemas/"+v.Text); to != nil {
			return to
		}
	}
	to, _, _ := c.set.registry.resolve(n.res, v.Text)
	return to
}
