package schema

import (
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse/strictjson"
)

// settle adds the journal to the marks, and finds what nothing declares. A value
// that is refused has no marks.
func (w *walk) settle(ok bool) bool {
	r := w.report
	marks := w.said
	if r.Marks != nil {
		r.Marks = marks
	}
	if !ok {
		clear(marks)
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
	s := settler{walk: w, marks: marks, trailed: r.Exceptions != nil}
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
	trailed bool // the trail is asked for
}

// token is a step of the trail as a pointer spells it. The tape would have to count
// the items before, for each that is asked for.
func (s *settler) token(at int) string {
	if at >= 0 {
		return strconv.Itoa(at)
	}
	if k := &s.tape.Tokens[^at]; k.End-k.Start > 6*maxPointer {
		return "\x00" // no pointer that anybody wrote; it would be spelled for each member below
	}
	var b strings.Builder
	strictjson.WritePointerToken(&b, s.tape.StringBytes(^at))
	return b.String()
}

// excused reports whether p has the value at the end of the trail, which goes on
// from where prefix leads to.
func (s *settler) excused(p *Pointers, prefix string, trail []int) bool {
	switch {
	case p == nil:
		return false
	case prefix != "":
		token, rest := prefix[1:], ""
		if i := strings.IndexByte(token, '/'); i >= 0 {
			token, rest = token[:i], token[i:]
		}
		return s.excused(p.next[token], rest, trail) || s.excused(p.any, rest, trail)
	case len(trail) == 0:
		return p.end
	}
	return s.excused(p.any, "", trail[1:]) || p.next != nil && s.excused(p.next[s.token(trail[0])], "", trail[1:])
}

// value goes over the declared value at token i. free tells that nothing in it has
// to be declared.
func (s *settler) value(i int, free bool) {
	toks, marks := s.tape.Tokens, s.marks
	end := int(toks[i].Next)
	free = free || marks[i].Flags&shaped == 0
	marks[i].Flags = marks[i].Flags&^shaped | Declared
	switch toks[i].Kind {
	case strictjson.Array:
		n := 0
		for v := i + 1; v < end; v = int(toks[v].Next) {
			s.enter(n)
			s.part(v, free)
			s.leave()
			n++
		}
	case strictjson.Object:
		for v := i + 2; v <= end; v = int(toks[v].Next) + 1 {
			flags := marks[v].Flags
			if flags&(Declared|WriteOnly) == Declared && toks[v].Kind < strictjson.Array {
				marks[v].Flags = flags &^ shaped
				continue
			}
			s.enter(^(v - 1))
			switch {
			case s.report.Cut && flags&WriteOnly != 0:
				marks[v].Flags = WriteOnly
			case free || flags&Declared != 0 || s.excepted(i, v):
				s.part(v, free)
			}
			s.leave()
		}
	}
}

// part goes over a part of a value.
func (s *settler) part(v int, free bool) {
	if s.tape.Tokens[v].Kind.IsContainer() {
		s.value(v, free)
		return
	}
	s.marks[v].Flags = s.marks[v].Flags&^shaped | Declared
}

// enter and leave keep the trail, where it is asked for.
func (s *settler) enter(step int) {
	if s.trailed {
		s.trail = append(s.trail, step)
	}
}

func (s *settler) leave() {
	if s.trailed {
		s.trail = s.trail[:len(s.trail)-1]
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
	if r.Exceptions != nil && s.excused(r.Exceptions, r.Base+s.tape.Pointer(s.root), s.trail) {
		return true
	}
	if r.Cut || r.Unknown == UnknownAsDeclared {
		return false
	}
	s.unknown = s.unknown || r.Unknown == UnknownRefuse
	if !r.full() {
		pointer := s.tape.Pointer(v)
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
