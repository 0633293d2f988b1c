package openapi_test

import (
	"maps"
	"slices"
	"strconv"

	"pgregory.net/rapid"
)

// A shape is a schema together with what it takes, so that valid values can be
// drawn of it, and ones with a single fault.
type shape struct {
	schema any    // as it stands in the document
	kind   string // integer, number, string, boolean, array, object, choice
	null   bool   // takes null as well

	least, most int // of numbers (in quarters), of lengths
	step        int // of integers: multipleOf
	pattern     string
	format      string
	listed      []string // enum

	items    *shape
	distinct bool

	members []member
	closed  bool
	halved  bool   // its schema is in two parts
	rest    *shape // additionalProperties

	parts    []*shape // of a tuple: prefixItems
	branches []*shape // of a choice; the member "kind" tells which
}

// A member is one property of an object.
type member struct {
	name                           string
	shape                          *shape
	required, readOnly, writeOnly_ bool
	dependent                      bool // required by way of the member before
}

// A drawer draws the shapes of one document.
type drawer struct {
	t       *rapid.T
	old     bool // OpenAPI 3.0
	text    bool // shapes of parameters: what text can spell
	plain   bool // strings of letters and digits alone
	whole   bool // no decimal points
	answers bool // values go from the API
	strict  bool // what no schema declares is a fault
	names   int
	defs    map[string]any
}

func (d *drawer) bool(label string) bool { return rapid.Bool().Draw(d.t, label) }

func (d *drawer) int(lo, hi int, label string) int { return rapid.IntRange(lo, hi).Draw(d.t, label) }

func (d *drawer) pick(label string, of ...string) string {
	return rapid.SampledFrom(of).Draw(d.t, label)
}

func (d *drawer) name(prefix string) string {
	d.names++
	return prefix + strconv.Itoa(d.names)
}

// any draws a shape, nested as deep as depth says.
func (d *drawer) any(depth int) *shape {
	kinds := []string{"integer", "number", "string", "string", "boolean"}
	if d.whole {
		kinds = slices.Delete(kinds, 1, 2)
	}
	if depth > 0 {
		kinds = append(kinds, "array", "object", "object")
		if !d.text {
			kinds = append(kinds, "choice")
			if !d.old {
				kinds = append(kinds, "tuple")
			}
		}
	}
	var s *shape
	switch kind := d.pick("kind", kinds...); kind {
	case "array":
		s = d.array(depth - 1)
	case "object":
		s = d.object(depth - 1)
	case "choice":
		s = d.choice(depth - 1)
	case "tuple":
		s = &shape{kind: kind}
		var schemas []any
		for range d.int(1, 3, "parts") {
			part := d.any(depth - 1)
			s.parts, schemas = append(s.parts, part), append(schemas, part.schema)
		}
		s.schema = map[string]any{"type": "array", "prefixItems": schemas, "items": false, "minItems": len(schemas)}
	default:
		s = d.scalar(kind)
	}
	if !d.text && s.kind != "choice" && d.int(0, 5, "nullable") == 0 {
		d.nullable(s)
	}
	return d.named(s)
}

// named may put a schema among the components.
func (d *drawer) named(s *shape) *shape {
	if d.int(0, 3, "by reference") == 0 {
		name := d.name("S")
		d.defs[name] = s.schema
		s.schema = map[string]any{"$ref": "#/components/schemas/" + name}
	}
	return s
}

func (d *drawer) nullable(s *shape) {
	m, ok := s.schema.(map[string]any)
	if !ok || m["type"] == nil || s.listed != nil {
		return
	}
	s.null = true
	if d.old {
		m["nullable"] = true
	} else {
		m["type"] = []string{m["type"].(string), "null"}
	}
}

func (d *drawer) scalar(kind string) *shape {
	s := &shape{kind: kind}
	m := map[string]any{"type": kind}
	s.schema = m
	switch kind {
	case "integer", "number":
		s.least = d.int(-40, 40, "least")
		s.most = s.least + d.int(32, 80, "span")
		if kind == "integer" {
			s.step = d.int(1, 4, "step")
			if s.step > 1 {
				m["multipleOf"] = s.step
			}
			m["minimum"] = s.least
			d.exclusive(m, "exclusiveMaximum", "maximum", s.most)
			break
		}
		m["minimum"] = float64(s.least) / 4
		d.exclusive(m, "exclusiveMaximum", "maximum", float64(s.most)/4)
	case "string":
		d.words(s, m)
	}
	return s
}

// exclusive writes a bound that is not a value itself.
func (d *drawer) exclusive(m map[string]any, word, bound string, n any) {
	if d.old {
		m[bound], m[word] = n, true
	} else {
		m[word] = n
	}
}

func (d *drawer) words(s *shape, m map[string]any) {
	switch d.int(0, 4, "string") {
	case 0:
		s.pattern = "^[a-f]{2,6}$"
		m["pattern"] = s.pattern
	case 1:
		s.listed = []string{"red", "green", "blue"}
		m["enum"] = s.listed
	case 2:
		s.format = d.pick("format", "date", "uuid", "date-time")
		if d.whole { // no colons and dots where they are delimiters
			s.format = "date"
		}
		m["format"] = s.format
	default:
		s.least = d.int(1, 3, "minLength")
		s.most = s.least + d.int(0, 8, "more")
		m["minLength"], m["maxLength"] = s.least, s.most
	}
}

func (d *drawer) array(depth int) *shape {
	s := &shape{kind: "array", least: d.int(1, 2, "minItems"), distinct: d.bool("uniqueItems")}
	s.most = s.least + d.int(1, 3, "more items")
	s.items = d.any(depth)
	m := map[string]any{"type": "array", "minItems": s.least, "maxItems": s.most, "items": s.items.schema}
	if s.distinct {
		if s.items.kind != "integer" && s.items.kind != "number" { // enough distinct values
			s.items = d.scalar("integer")
			m["items"] = s.items.schema
		}
		m["uniqueItems"] = true
	}
	s.schema = m
	return s
}

func (d *drawer) object(depth int) *shape {
	s := &shape{kind: "object"}
	for i := range d.int(1, 4, "members") {
		o := member{name: d.name("m"), shape: d.any(depth), required: i == 0 || d.bool("required")}
		if !d.text && d.int(0, 3, "one way") == 0 {
			o.readOnly = d.bool("readOnly")
			o.writeOnly_ = !o.readOnly
		}
		s.members = append(s.members, o)
	}
	last := &s.members[len(s.members)-1]
	if n := len(s.members); !d.old && !d.text && n > 1 && !last.required && !last.readOnly && !last.writeOnly_ {
		if before := &s.members[n-2]; before.required && !before.readOnly && !before.writeOnly_ {
			last.dependent = d.bool("dependent")
		}
	}
	s.closed = d.bool("closed")
	if !s.closed && !d.text && d.bool("rest") {
		s.rest = d.scalar("integer")
	}
	if d.text || s.rest != nil || !d.bool("in parts") || d.old && s.closed {
		m := d.part(s.members)
		if s.closed {
			m["additionalProperties"] = false
		}
		if s.rest != nil {
			m["additionalProperties"] = s.rest.schema
		}
		s.schema = m
		return s
	}
	half := len(s.members) / 2
	s.halved = half == len(s.members)-1 // the last is alone in its part
	m := map[string]any{"allOf": []any{d.part(s.members[:half]), d.part(s.members[half:])}}
	if s.closed {
		m["unevaluatedProperties"] = false
	}
	s.schema = m
	return s
}

// part writes an object schema.
func (d *drawer) part(members []member) map[string]any {
	props, required := map[string]any{}, []string{}
	for _, o := range members {
		p := o.shape.schema
		if o.readOnly || o.writeOnly_ {
			word := "writeOnly"
			if o.readOnly {
				word = "readOnly"
			}
			if m, ok := p.(map[string]any); ok && m["$ref"] == nil {
				m = maps.Clone(m)
				m[word], p = true, m
			} else {
				p = map[string]any{"allOf": []any{p}, word: true}
			}
		}
		props[o.name] = p
		if o.required {
			required = append(required, o.name)
		}
	}
	m := map[string]any{"type": "object", "properties": props}
	if n := len(members); n > 1 && members[n-1].dependent {
		m["dependentRequired"] = map[string]any{members[n-2].name: []string{members[n-1].name}}
	}
	if len(required) > 0 {
		m["required"] = required
	}
	return m
}

// choice draws a oneOf whose branches a member tells apart.
func (d *drawer) choice(depth int) *shape {
	s := &shape{kind: "choice"}
	var refs []any
	mapping := map[string]any{}
	for range d.int(2, 3, "branches") {
		b := d.object(depth)
		b.halved = false // it is written anew
		tag, name := d.name("k"), d.name("B")
		b.members = append([]member{{name: "kind", shape: &shape{kind: "string", listed: []string{tag}, schema: map[string]any{"type": "string", "enum": []string{tag}}}, required: true}}, b.members...)
		m := d.part(b.members)
		if b.closed {
			m["additionalProperties"] = false
		}
		if b.rest != nil {
			m["additionalProperties"] = b.rest.schema
		}
		d.defs[name] = m
		ref := "#/components/schemas/" + name
		mapping[tag] = ref
		refs = append(refs, map[string]any{"$ref": ref})
		s.branches = append(s.branches, b)
	}
	m := map[string]any{"oneOf": refs}
	if d.bool("discriminator") {
		m["discriminator"] = map[string]any{"propertyName": "kind", "mapping": mapping}
	}
	s.schema = m
	return s
}

// value draws what the shape takes.
func (d *drawer) value(s *shape) any {
	if s.null && d.int(0, 4, "null") == 0 {
		return nil
	}
	switch s.kind {
	case "integer":
		lo := ceilDiv(s.least, s.step)
		return s.step * d.int(lo, lo+(s.most-1-lo*s.step)/s.step, "integer")
	case "number":
		return float64(d.int(s.least, s.most-1, "quarters")) / 4
	case "boolean":
		return d.bool("boolean")
	case "string":
		return d.string(s)
	case "array":
		list := []any{}
		for n := d.int(s.least, s.most, "items"); len(list) < n; {
			v := d.value(s.items)
			for s.distinct && slices.Contains(list, v) {
				v = next(s.items, v)
			}
			list = append(list, v)
		}
		return list
	case "tuple":
		list := []any{}
		for _, part := range s.parts {
			list = append(list, d.value(part))
		}
		return list
	case "choice":
		return d.value(s.branches[d.int(0, len(s.branches)-1, "branch")])
	}
	m := map[string]any{}
	for _, o := range s.members {
		if wrongWay := o.readOnly && !d.answers || o.writeOnly_ && d.answers; !wrongWay && (o.required || o.dependent && !s.halved || d.bool("present")) {
			m[o.name] = d.value(o.shape)
		}
	}
	if s.rest != nil && d.bool("another") {
		m[d.name("r")] = d.value(s.rest)
	} else if !s.closed && s.rest == nil && !d.text && !d.strict && d.bool("undeclared") {
		m[d.name("u")] = d.bool("value")
	}
	return m
}

// next is another value of a shape of numbers.
func next(s *shape, v any) any {
	if v == nil { // the first one, less a step
		if s.kind == "number" {
			v = float64(s.least)/4 - 0.25
		} else {
			v = (ceilDiv(s.least, s.step) - 1) * s.step
		}
	}
	if n, ok := v.(float64); ok {
		if n += 0.25; n*4 >= float64(s.most) {
			n = float64(s.least) / 4
		}
		return n
	}
	n := v.(int) + s.step
	if n >= s.most {
		n = ceilDiv(s.least, s.step) * s.step
	}
	return n
}

func ceilDiv(a, b int) int {
	if a <= 0 {
		return a / b
	}
	return (a + b - 1) / b
}

func (d *drawer) string(s *shape) string {
	switch {
	case s.listed != nil:
		return d.pick("listed", s.listed...)
	case s.pattern != "":
		return rapid.StringMatching("[a-f]{2,6}").Draw(d.t, "matching")
	case s.format == "date":
		return d.pick("date", "2026-02-28", "2024-02-29", "1999-12-31")
	case s.format == "date-time":
		return d.pick("date-time", "2026-11-21T10:00:00Z", "1985-04-12T23:20:50.52+01:00")
	case s.format == "uuid":
		return d.pick("uuid", "123e4567-e89b-12d3-a456-426614174000", "00000000-0000-0000-0000-000000000000")
	}
	letters := []rune("abz09-_")
	if !d.plain {
		letters = append(letters, []rune("é𝄞 ~")...)
		if !d.text {
			letters = append(letters, []rune("\"\\/<\u2028,;&=%+.|")...)
		}
	}
	return string(rapid.SliceOfN(rapid.SampledFrom(letters), s.least, s.most).Draw(d.t, "string"))
}
