package parameter

import (
	"strings"

	"github.com/gatehouse/gatehouse/openapi/schema"
	"github.com/gatehouse/gatehouse/strictjson"
)

// A style is how arrays and objects are written (OpenAPI 3.2, section 4.12.3, and
// RFC 6570).
type style uint8

const (
	simple style = iota + 1
	label
	matrix
	form
	spaceDelimited
	pipeDelimited
	deepObject
	cookie
)

func styleOf(in, name string) (style, bool) {
	switch in + " " + name {
	case "path simple", "header simple":
		return simple, true
	case "path label":
		return label, true
	case "path matrix":
		return matrix, true
	case "query form", "cookie form":
		return form, true
	case "query spaceDelimited":
		return spaceDelimited, true
	case "query pipeDelimited":
		return pipeDelimited, true
	case "query deepObject":
		return deepObject, true
	case "cookie cookie":
		return cookie, true
	}
	return 0, false
}

// delimiter is what stands between elements that are not exploded.
func (s style) delimiter() delimiter {
	switch s {
	case spaceDelimited:
		return space
	case pipeDelimited:
		return pipe
	}
	return comma
}

// content says that a value is a media type's instead of a style's.
type content uint8

const (
	noContent content = iota
	jsonContent
	textContent
)

const scalars = schema.AnyTypes &^ (schema.Array | schema.Object)

// A spelling is how one value is written, and what it may be.
type spelling struct {
	name    string
	style   style
	explode bool
	coding  coding
	content content
	schema  *schema.Schema // nil: anything
	types   kinds
	items   kinds   // of an array's elements
	prefix  []kinds // of its first elements, where the schema tells them apart
	tries   []kinds
	index   int32 // of the owner of pieces
}

// many reports whether the value may be spread over several pairs.
func (p *spelling) many() bool {
	if p.content != noContent || p.style == label || p.style == matrix || p.style == simple {
		return false
	}
	return p.style == deepObject || p.explode && p.types&(schema.Array|schema.Object) != 0
}

func (p *spelling) item(i int) kinds {
	if i < len(p.prefix) {
		return p.prefix[i]
	}
	return p.items
}

func (p *spelling) member(name string) kinds {
	if m := propertyOf(p.schema, name); m != nil {
		return m.Meant()
	}
	return schema.AnyTypes
}

// propertyOf returns the schema of a property, or nil where nothing declares it or
// no value is accepted (additionalProperties: false).
func propertyOf(s *schema.Schema, name string) *schema.Schema {
	if s == nil {
		return nil
	}
	if m := s.Property(name); m != nil && m.Types() != 0 {
		return m
	}
	return nil
}

// one writes a value that stands in one raw text.
func (s *scratch) one(p *spelling, raw string, as kinds, wide bool) fault {
	switch {
	case p.content == jsonContent:
		return s.document(raw, p.coding)
	case p.style == label:
		return s.label(p, raw, as, wide)
	case p.style == matrix:
		return s.matrix(p, raw, as, wide)
	case as == schema.Array:
		return s.list(p, raw, p.style.delimiter(), "", wide)
	case as == schema.Object && p.style == simple && p.explode:
		return s.pairs(p, raw, comma, wide)
	case as == schema.Object:
		return s.alternating(p, raw, p.style.delimiter(), wide)
	}
	return s.scalar(raw, p.coding, as, wide)
}

// document takes a JSON text as it stands.
func (s *scratch) document(raw string, c coding) fault {
	var ok bool
	if s.text, ok = decode(s.text, raw, c); !ok {
		return faultEncoding
	}
	return fine
}

func (s *scratch) label(p *spelling, raw string, as kinds, wide bool) fault {
	raw, ok := strings.CutPrefix(raw, ".")
	if !ok {
		return faultSyntax
	}
	d := comma
	if p.explode {
		d = dot
	}
	switch {
	case as == schema.Array:
		return s.list(p, raw, d, "", wide)
	case as == schema.Object && p.explode:
		return s.pairs(p, raw, d, wide)
	case as == schema.Object:
		return s.alternating(p, raw, d, wide)
	}
	return s.scalar(raw, p.coding, as, wide)
}

func (s *scratch) matrix(p *spelling, raw string, as kinds, wide bool) fault {
	raw, ok := strings.CutPrefix(raw, ";")
	if !ok {
		return faultSyntax
	}
	if p.explode && as == schema.Array {
		return s.list(p, raw, semicolon, p.name, wide)
	}
	if p.explode && as == schema.Object {
		return s.pairs(p, raw, semicolon, wide)
	}
	if raw, ok = named(raw, p.name); !ok {
		return faultSyntax
	}
	switch as {
	case schema.Array:
		return s.list(p, raw, comma, "", wide)
	case schema.Object:
		return s.alternating(p, raw, comma, wide)
	}
	return s.scalar(raw, p.coding, as, wide)
}

// named takes "name=" off a matrix element; "name" alone has the empty value.
func named(raw, name string) (string, bool) {
	rest, ok := strings.CutPrefix(raw, name)
	if !ok || rest == "" {
		return "", ok
	}
	return strings.CutPrefix(rest, "=")
}

// scalar writes one primitive value.
func (s *scratch) scalar(raw string, c coding, types kinds, wide bool) fault {
	var ok bool
	if s.buf, ok = decode(s.buf[:0], raw, c); !ok || !inert(s.buf) {
		return faultEncoding
	}
	var narrowed bool
	s.text, narrowed, ok = AppendText(s.text, s.buf, types&scalars, wide)
	s.narrowed = s.narrowed || narrowed
	if !ok {
		return faultType
	}
	return fine
}

// list writes an array; with a name each element is "name=element".
func (s *scratch) list(p *spelling, raw string, d delimiter, name string, wide bool) fault {
	s.text = append(s.text, '[')
	for i, more := 0, true; more; i++ {
		var element string
		element, raw, more = d.cut(raw)
		if p.coding == verbatim {
			element = trim(element)
		}
		if name != "" {
			var ok bool
			if element, ok = named(element, name); !ok {
				return faultSyntax
			}
		}
		if i > 0 {
			s.text = append(s.text, ',')
		}
		if f := s.scalar(element, p.coding, p.item(i), wide); f != fine {
			return f
		}
	}
	s.text = append(s.text, ']')
	return fine
}

// pairs writes an object spelled "R=100,G=200".
func (s *scratch) pairs(p *spelling, raw string, d delimiter, wide bool) fault {
	s.text = append(s.text, '{')
	for first, more := true, true; more; first = false {
		var pair string
		pair, raw, more = d.cut(raw)
		if p.coding == verbatim {
			pair = trim(pair)
		}
		name, value, ok := strings.Cut(pair, "=")
		if !ok && d != semicolon { // matrix leaves the sign out where the value is empty
			return faultSyntax
		}
		if f := s.memberOf(p, name, value, first, wide); f != fine {
			return f
		}
	}
	s.text = append(s.text, '}')
	return fine
}

// alternating writes an object spelled "R,100,G,200".
func (s *scratch) alternating(p *spelling, raw string, d delimiter, wide bool) fault {
	s.text = append(s.text, '{')
	for first, more := true, true; more; first = false {
		var name, value string
		name, raw, more = d.cut(raw)
		if !more {
			return faultSyntax
		}
		value, raw, more = d.cut(raw)
		if p.coding == verbatim {
			name, value = trim(name), trim(value)
		}
		if f := s.memberOf(p, name, value, first, wide); f != fine {
			return f
		}
	}
	s.text = append(s.text, '}')
	return fine
}

// memberOf writes one member whose name is still encoded.
func (s *scratch) memberOf(p *spelling, rawName, value string, first, wide bool) fault {
	name := rawName
	if escaped(rawName, p.coding) {
		var ok bool
		if s.buf, ok = decode(s.buf[:0], rawName, p.coding); !ok {
			return faultEncoding
		}
		name = string(s.buf)
	}
	return s.member(p, name, value, first, wide)
}

// member writes one member whose name is decoded.
func (s *scratch) member(p *spelling, name, value string, first, wide bool) fault {
	if f := s.name(name, first); f != fine {
		return f
	}
	return s.scalar(value, p.coding, p.member(name), wide)
}

// name writes a member's name and the colon.
func (s *scratch) name(name string, first bool) fault {
	s.buf = append(s.buf[:0], name...)
	if !inert(s.buf) {
		return faultEncoding
	}
	if !first {
		s.text = append(s.text, ',')
	}
	s.text = append(strictjson.AppendQuoted(s.text, s.buf), ':')
	return fine
}
