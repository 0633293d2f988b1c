package openapi_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A fault is one thing wrong: what kind of thing, with which code and where it
// should be blamed.
type fault struct {
	what, code, pointer string
	// within says that the place stands in a choice, which may be blamed as a whole.
	within bool
	apply  func()
}

// faults lists the ways to break v, which s takes, in one place. set replaces v.
func (d *drawer) faults(s *shape, v any, at string, set func(any)) []fault {
	var out []fault
	add := func(what, code string, wrong any) {
		out = append(out, fault{what: what, code: "contract." + code, pointer: at, apply: func() { set(wrong) }})
	}
	if s.kind == "choice" {
		return d.choiceFaults(s, v, at, set)
	}
	if !d.text {
		switch s.kind {
		case "string", "boolean":
			add("type", "type", 7)
		default:
			add("type", "type", "x")
		}
		if !s.null && s.listed == nil {
			add("null", "type", nil)
		}
	}
	if v == nil {
		return out
	}
	switch s.kind {
	case "integer":
		add("range", "range", ceilDiv(s.most, s.step)*s.step)
		add("range", "range", (ceilDiv(s.least, s.step)-1)*s.step)
		if s.step > 1 {
			add("multiple", "range", v.(int)+1)
		}
		if !d.whole {
			add("type", "type", float64(v.(int))+0.5)
		}
		if d.text {
			add("type", "type", "x")
			add("type", "type", "0x1")
		}
	case "number":
		add("range", "range", float64(s.most)/4)
		add("range", "range", float64(s.least)/4-0.25)
		if d.text {
			add("type", "type", "1.2.3")
		}
	case "boolean":
		if d.text {
			add("type", "type", "yes")
		}
	case "string":
		switch {
		case s.listed != nil:
			add("enum", "enum", s.listed[0]+"x")
		case s.pattern != "":
			add("pattern", "pattern", "zz")
		case s.format != "":
			add("format", "format", "2026-02-30")
		default:
			add("length", "length", strings.Repeat("z", s.most+1))
			if s.least > 1 {
				add("length", "length", "z")
			}
		}
	case "array":
		return append(out, d.arrayFaults(s, v.([]any), at, set)...)
	case "tuple":
		list := v.([]any)
		out = append(out, fault{what: "items", code: "contract.items", pointer: at + "/" + strconv.Itoa(len(list)), apply: func() { set(append(list, 1)) }},
			fault{what: "items", code: "contract.items", pointer: at, apply: func() { set(list[:len(list)-1]) }})
		for i := range list {
			out = append(out, d.faults(s.parts[i], list[i], at+"/"+strconv.Itoa(i), func(v any) { list[i] = v })...)
		}
		return out
	case "object":
		return append(out, d.objectFaults(s, v.(map[string]any), at, set)...)
	}
	return out
}

func (d *drawer) arrayFaults(s *shape, list []any, at string, set func(any)) (out []fault) {
	if s.least > 1 {
		out = append(out, fault{what: "items", code: "contract.items", pointer: at, apply: func() { set(list[:1]) }})
	}
	out = append(out, fault{what: "items", code: "contract.items", pointer: at, apply: func() {
		more := slices.Clone(list)
		for len(more) <= s.most {
			v := list[0]
			for s.distinct && slices.Contains(more, v) {
				v = next(s.items, v)
			}
			more = append(more, v)
		}
		set(more)
	}})
	if s.distinct && len(list) > 1 {
		out = append(out, fault{what: "unique", code: "contract.unique", pointer: at, apply: func() { list[1] = list[0] }})
	}
	for i := range list {
		out = append(out, d.faults(s.items, list[i], at+"/"+strconv.Itoa(i), func(v any) { list[i] = v })...)
	}
	return out
}

func (d *drawer) objectFaults(s *shape, m map[string]any, at string, set func(any)) (out []fault) {
	for _, o := range s.members {
		place := at + "/" + o.name
		if v, there := m[o.name]; there {
			out = append(out, d.faults(o.shape, v, place, func(v any) { m[o.name] = v })...)
			if o.required && (!d.text || len(m) > 1) { // no object at all is another matter
				out = append(out, fault{what: "required", code: "contract.required", pointer: place, apply: func() { delete(m, o.name) }})
			}
			if o.dependent && !s.halved {
				out = append(out, fault{what: "dependent", code: "contract.dependent_required", pointer: place, apply: func() { delete(m, o.name) }})
			}
			if !d.text {
				out = append(out, fault{what: "duplicate", code: "json.duplicate_name", apply: func() { set(twice{m, o.name}) }})
			}
		}
		if o.readOnly && !d.answers {
			out = append(out, fault{what: "readOnly", code: "contract.read_only", pointer: place, apply: func() { m[o.name] = d.value(o.shape) }})
		}
		if o.writeOnly_ && d.answers {
			out = append(out, fault{what: "writeOnly", code: "contract.write_only", pointer: place, apply: func() { m[o.name] = d.value(o.shape) }})
		}
	}
	if (s.closed || d.strict && s.rest == nil) && !d.text {
		out = append(out, fault{what: "undeclared", code: "contract.unknown_property", pointer: at + "/zz", apply: func() { m["zz"] = 1 }})
	}
	if s.rest != nil {
		out = append(out, fault{what: "type", code: "contract.type", pointer: at + "/zz", apply: func() { m["zz"] = "x" }})
	}
	return out
}

func (d *drawer) choiceFaults(s *shape, v any, at string, set func(any)) []fault {
	m := v.(map[string]any)
	for _, b := range s.branches {
		if b.members[0].shape.listed[0] != m["kind"] {
			continue
		}
		out := d.faults(b, v, at, set)
		for i := range out {
			out[i].within = true
		}
		return out
	}
	panic("a value of no branch")
}

// twice is an object with a member that stands twice.
type twice struct {
	object map[string]any
	name   string
}

func (o twice) MarshalJSON() ([]byte, error) {
	b, err := json.Marshal(o.object)
	if err != nil {
		return nil, err
	}
	v, err := json.Marshal(o.object[o.name])
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(b[:len(b)-1], ",%q:%s}", o.name, v), nil
}
