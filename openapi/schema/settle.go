package schema

import "github.com/gatehouse/gatehouse/strictjson"

// settle turns the journal into marks, and finds what nothing declares. A value
// that is refused has no marks.
func (w *walk) settle(ok bool) bool {
	r := w.report
	marks := w.marks
	if r.Marks != nil {
		marks = r.Marks
	}
	marks = append(marks[:0], make([]Mark, len(w.tape.Tokens))...)
	if r.Marks != nil {
		r.Marks = marks
	} else {
		w.marks = marks
	}
	if !ok {
		return false
	}
	for _, e := range w.journal {
		m := &marks[e.token]
		m.Flags |= e.flags
		switch e.class {
		case 0, m.Class, m.Also:
		default:
			m.classify(e.class)
		}
	}
	s := settler{walk: w, marks: marks}
	s.value(w.root, false)
	ok = s.countLeft() && !s.unknown
	if !ok {
		clear(marks)
	}
	return ok
}

// A settler goes over what the journal says of each token.
type settler struct {
	*walk
	marks   []Mark
	unknown bool // there is a member that is refused
}

// value goes over the declared value at token i. free tells that nothing in it has
// to be declared.
func (s *settler) value(i int, free bool) {
	t := &s.tape.Tokens[i]
	m := &s.marks[i]
	free = free || m.Flags&shaped == 0
	m.Flags = m.Flags&^shaped | Declared
	switch t.Kind {
	case strictjson.Array:
		for v := i + 1; v < int(t.Next); v = int(s.tape.Tokens[v].Next) {
			s.value(v, free)
		}
	case strictjson.Object:
		for v := i + 2; v <= int(t.Next); v = int(s.tape.Tokens[v].Next) + 1 {
			switch flags := s.marks[v].Flags; {
			case s.report.Cut && flags&WriteOnly != 0:
				s.marks[v].Flags = WriteOnly
			case free || flags&Declared != 0 || s.excepted(i, v):
				s.value(v, free)
			}
		}
	}
}

// countLeft counts the members that a filter leaves of the objects that have more
// than they may.
func (s *settler) countLeft() bool {
	ok := true
	for _, c := range s.counted {
		if s.marks[c.token].Flags&Declared == 0 {
			continue // it is cut itself
		}
		left := 0
		t := &s.tape.Tokens[c.token]
		for v := c.token + 2; v <= int(t.Next); v = int(s.tape.Tokens[v].Next) + 1 {
			if s.marks[v].Flags&Declared != 0 {
				left++
			}
		}
		if left > c.node.obj.max {
			ok = s.fail(c.node, c.token, "contract.properties", "maxProperties")
		}
	}
	return ok
}

// excepted reports whether member v of object i, which nothing declares, is let by,
// and else acts on it.
func (s *settler) excepted(i, v int) bool {
	r := s.report
	s.marks[v] = Mark{}
	if r.Exceptions == nil && (r.Cut || r.Unknown == UnknownAsDeclared) {
		return false
	}
	pointer := s.tape.Pointer(v)
	if r.Exceptions.Has(r.Base + pointer) {
		return true
	}
	if r.Cut || r.Unknown == UnknownAsDeclared {
		return false
	}
	s.unknown = s.unknown || r.Unknown == UnknownRefuse
	if !r.full() {
		n := s.top
		for _, p := range s.shapes {
			if p.token == i { // the first schema that says what is in the object
				n = p.node
				break
			}
		}
		s.violate(n, pointer, "contract.unknown_property", "properties")
	}
	return false
}
