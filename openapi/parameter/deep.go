package parameter

import (
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse/openapi/schema"
)

// Bounds of a deepObject.
const maxDeep = 8 // levels of brackets

// A branch is a member of the tree that the names of a deepObject spell:
// "filter[price][min]" is the member min of the member price.
type branch struct {
	name        string
	child, next int32 // first child, next sibling; 0 for none
	last        int32 // the child added last
	value       string
	leaf        bool
}

// deep writes an object spelled "color[R]=100&color[G]=200". OpenAPI describes one
// level of brackets; deeper ones, and "[]" or "[0]", are read where the schema has an
// object or array there. A property that is an array may also be repeated:
// "filter[id]=1&filter[id]=2".
func (s *scratch) deep(p *spelling, sp span, wide bool) fault {
	if f := s.grow(p, sp); f != fine {
		return f
	}
	return s.writeBranch(p, 0, p.schema, wide)
}

// grow builds the tree of the pieces' names in s.branches.
func (s *scratch) grow(p *spelling, sp span) fault {
	s.branches = append(s.branches[:0], branch{})
	for i, n := sp.first, int32(0); n < sp.count; i++ {
		e := &s.pieces[i]
		if e.owner != p.index {
			continue
		}
		n++
		if f := s.plant(e.name[len(p.name):], e.value); f != fine {
			return f
		}
	}
	return fine
}

// plant adds the leaf that brackets lead to.
func (s *scratch) plant(brackets, value string) fault {
	at, depth := int32(0), 0
	for brackets != "" {
		if depth++; depth > maxDeep || brackets[0] != '[' {
			return faultSyntax
		}
		end := strings.IndexByte(brackets, ']')
		if end < 0 {
			return faultSyntax
		}
		name := brackets[1:end]
		if strings.IndexByte(name, '[') >= 0 {
			return faultSyntax
		}
		brackets = brackets[end+1:]
		if s.branches[at].leaf {
			return faultSyntax // a[b]=1&a[b][c]=2
		}
		child := int32(0)
		if name != "" && brackets != "" {
			child = s.find(at, name)
		}
		if child == 0 {
			child = s.branch(at, name)
		}
		at = child
	}
	b := &s.branches[at]
	if at == 0 || b.leaf || b.child != 0 {
		return faultSyntax
	}
	b.leaf, b.value = true, value
	return fine
}

func (s *scratch) find(at int32, name string) int32 {
	for c := s.branches[at].child; c != 0; c = s.branches[c].next {
		if s.branches[c].name == name {
			return c
		}
	}
	return 0
}

func (s *scratch) branch(at int32, name string) int32 {
	n := int32(len(s.branches))
	s.branches = append(s.branches, branch{name: name})
	if last := s.branches[at].last; last != 0 {
		s.branches[last].next = n
	} else {
		s.branches[at].child = n
	}
	s.branches[at].last = n
	return n
}

// writeBranch writes a value of the tree as its schema wants it.
func (s *scratch) writeBranch(p *spelling, at int32, sch *schema.Schema, wide bool) fault {
	types := schema.AnyTypes
	if sch != nil {
		types = sch.Meant()
	}
	b := s.branches[at]
	switch {
	case b.leaf:
		return s.scalar(b.value, p.coding, types, wide)
	case types.Has(schema.Array) && s.isList(at):
		return s.writeList(p, at, sch, wide)
	case types.Has(schema.Object):
		return s.writeObject(p, at, sch, wide)
	}
	return faultSyntax
}

// isList reports whether the children are "[]" throughout, or "[0]", "[1]" … in order.
func (s *scratch) isList(at int32) bool {
	n := 0
	unnamed := s.branches[s.branches[at].child].name == ""
	for c := s.branches[at].child; c != 0; c = s.branches[c].next {
		name := s.branches[c].name
		if unnamed && name != "" || !unnamed && name != strconv.Itoa(n) {
			return false
		}
		n++
	}
	return true
}

func (s *scratch) writeList(p *spelling, at int32, sch *schema.Schema, wide bool) fault {
	s.text = append(s.text, '[')
	n := 0
	for c := s.branches[at].child; c != 0; c = s.branches[c].next {
		if n > 0 {
			s.text = append(s.text, ',')
		}
		if f := s.writeBranch(p, c, itemOf(sch, n), wide); f != fine {
			return f
		}
		n++
	}
	s.text = append(s.text, ']')
	return fine
}

func itemOf(sch *schema.Schema, i int) *schema.Schema {
	if sch == nil {
		return nil
	}
	if item := sch.Prefix(i); item != nil {
		return item
	}
	return sch.Items()
}

func (s *scratch) writeObject(p *spelling, at int32, sch *schema.Schema, wide bool) fault {
	s.text = append(s.text, '{')
	for c := s.branches[at].child; c != 0; {
		name := s.branches[c].name
		if name == "" {
			return faultSyntax
		}
		member := propertyOf(sch, name)
		if isPrototype(name, member != nil) {
			return faultAmbiguous
		}
		if f := s.name(name, c == s.branches[at].child); f != fine {
			return f
		}
		next := s.branches[c].next
		run := int32(1)
		for next != 0 && s.branches[next].name == name {
			next, run = s.branches[next].next, run+1
		}
		var f fault
		switch {
		case s.branches[c].leaf && member != nil && member.Meant()&scalars == 0 && member.Meant().Has(schema.Array):
			f = s.writeRun(p, c, run, member, wide)
		case run > 1:
			f = faultRepeated
		default:
			f = s.writeBranch(p, c, member, wide)
		}
		if f != fine {
			return f
		}
		c = next
	}
	s.text = append(s.text, '}')
	return fine
}

// writeRun writes an array spelled by repeating its name.
func (s *scratch) writeRun(p *spelling, c, run int32, sch *schema.Schema, wide bool) fault {
	s.text = append(s.text, '[')
	for n := range int(run) {
		if !s.branches[c].leaf {
			return faultSyntax
		}
		if n > 0 {
			s.text = append(s.text, ',')
		}
		if f := s.writeBranch(p, c, itemOf(sch, n), wide); f != fine {
			return f
		}
		c = s.branches[c].next
	}
	s.text = append(s.text, ']')
	return fine
}

// isPrototype reports names that readers in JavaScript may take for an object's own
// machinery.
func isPrototype(name string, declared bool) bool {
	return name == "__proto__" || !declared && (name == "prototype" || name == "constructor")
}
