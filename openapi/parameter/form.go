package parameter

import (
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/document"
	"github.com/gatehouse/gatehouse/openapi/schema"
	"github.com/gatehouse/gatehouse/strictjson"
)

// A Form reads application/x-www-form-urlencoded text into one JSON object and
// judges it. Its fields are written as query parameters are: with the style of their
// encoding where one is given; else objects are JSON, the items of an array are
// repeated fields, and all else is text.
type Form struct {
	schema  *schema.Schema
	styled  []*formField // fields whose encoding gives a style
	limits  strictjson.Limits
	pieces  int
	content map[string]bool // fields whose encoding says JSON
	names   []string        // declared
}

type formField struct {
	spelling
	reserved bool
}

// CompileForm makes a Form of a media type's schema and encodings.
func CompileForm(m *document.Media, set *schema.Set, dir schema.Direction, o Options) (*Form, error) {
	o = o.withDefaults()
	f := &Form{limits: o.Limits, pieces: o.Pieces, content: map[string]bool{}}
	if m.Schema != nil {
		s, err := set.Compile(m.Schema, dir)
		if err != nil {
			return nil, err
		}
		f.schema, f.names = s, s.Properties()
	}
	for name, e := range m.Encoding {
		if !e.Set {
			f.content[name] = len(e.ContentType) == 1 && isJSON(e.ContentType[0])
			continue
		}
		field := &formField{reserved: e.AllowReserved}
		field.name, field.explode, field.coding = name, e.Explode, plus
		style, ok := styleOf("query", e.Style)
		if !ok {
			return nil, &gatehouse.Error{Code: "contract.document", At: e.Node.At, Message: "an encoding's style must be one of query parameters"}
		}
		field.style = style
		field.setSchema(propertyOf(f.schema, name))
		field.index = int32(len(f.styled))
		f.styled = append(f.styled, field)
	}
	return f, nil
}

func isJSON(media string) bool {
	media, _, _ = strings.Cut(media, ";")
	media = strings.TrimSpace(media)
	return gatehouse.EqualFold(media, "application/json") || len(media) > 5 && gatehouse.EqualFold(media[len(media)-5:], "+json")
}

// Check judges a form. Violations are put into r; those of the spelling have codes
// that begin with "contract.form_".
func (f *Form) Check(text string, r *schema.Report) bool {
	s := scratches.Get().(*scratch)
	defer s.release()
	what := f.check(s, text, r)
	if what == fine {
		return true
	}
	if what != faultSchema {
		v := schema.Violation{Code: formCodes[what], Pointer: r.Base + s.pointer}
		if what == faultJSON {
			v.Keyword = s.reason
		}
		r.Violations = append(r.Violations, v)
	}
	return false
}

// check reads the form, first as narrowly as its types allow, then with text
// wherever that is possible.
func (f *Form) check(s *scratch, text string, r *schema.Report) fault {
	s.pointer = ""
	if what := s.split(text, f.pieces); what != fine {
		return what
	}
	f.group(s)
	mark := len(r.Violations)
	what := f.try(s, false, r)
	if what == fine || !s.narrowed {
		return what
	}
	r.Violations = r.Violations[:mark]
	if f.try(s, true, r) == fine {
		return fine
	}
	r.Violations = r.Violations[:mark]
	return f.try(s, false, r)
}

// group gives pieces to the fields with a style, and chains the others by name.
func (f *Form) group(s *scratch) {
	if s.names == nil {
		s.names = make(map[string]int32)
	}
	clear(s.names)
	s.spans = append(s.spans[:0], make([]span, len(f.styled))...)
	for i := range s.pieces {
		e := &s.pieces[i]
		if e.owner = f.ownerOf(e.name); e.owner >= 0 {
			sp := &s.spans[e.owner]
			if sp.count == 0 {
				sp.first = int32(i)
			}
			sp.count++
			continue
		}
		if last, ok := s.names[e.name]; ok {
			s.pieces[last].next = int32(i)
			e.owner = ownerChained
		}
		s.names[e.name] = int32(i)
	}
}

// ownerOf returns the index of the field with a style that a name belongs to.
func (f *Form) ownerOf(name string) int32 {
	for _, field := range f.styled {
		if !strings.HasPrefix(name, field.name) {
			continue
		}
		if len(name) == len(field.name) || field.style == deepObject && name[len(field.name)] == '[' {
			return field.index
		}
	}
	for _, field := range f.styled { // an exploded object's members are fields of their own
		if field.style == form && field.explode && field.types.Has(schema.Object) &&
			propertyOf(field.schema, name) != nil && propertyOf(f.schema, name) == nil {
			return field.index
		}
	}
	return ownerUnknown
}

func (f *Form) try(s *scratch, wide bool, r *schema.Report) fault {
	s.text, s.narrowed = append(s.text[:0], '{'), false
	first := true
	for i := range s.pieces {
		e := &s.pieces[i]
		if e.owner != ownerUnknown {
			continue
		}
		if what := f.field(s, e, first, wide); what != fine {
			s.pointer = pointer(e.name)
			return what
		}
		first = false
	}
	for _, field := range f.styled {
		if s.spans[field.index].count == 0 {
			continue
		}
		if what := f.styledField(s, field, first, wide); what != fine {
			s.pointer = pointer(field.name)
			return what
		}
		first = false
	}
	s.text = append(s.text, '}')
	return s.accepts(f.schema, &f.limits, r)
}

// field writes one field by the types of its schema alone.
func (f *Form) field(s *scratch, e *piece, first, wide bool) fault {
	if strings.IndexByte(e.raw, ';') >= 0 {
		return faultSeparator
	}
	types := schema.AnyTypes
	sch := propertyOf(f.schema, e.name)
	if sch != nil {
		types = sch.Meant()
	} else if TakenFor(e.name, f.names) {
		return faultAmbiguous
	}
	if what := s.name(e.name, first); what != fine {
		return what
	}
	asJSON := f.content[e.name] || sch != nil && types == schema.Object
	switch {
	case !asJSON && sch != nil && types.Has(schema.Array) && (types&scalars == 0 || e.next != 0):
		return f.chain(s, e, sch, wide)
	case e.next != 0:
		return faultRepeated
	case asJSON:
		return s.embedded(e.value, &f.limits)
	}
	return s.scalar(e.value, plus, types, wide)
}

// chain writes an array, one item a field.
func (f *Form) chain(s *scratch, e *piece, sch *schema.Schema, wide bool) fault {
	s.text = append(s.text, '[')
	for n := 0; ; n++ {
		if n > 0 {
			s.text = append(s.text, ',')
		}
		types := schema.AnyTypes
		if item := itemOf(sch, n); item != nil {
			types = item.Meant()
		}
		if strings.IndexByte(e.raw, ';') >= 0 {
			return faultSeparator
		}
		var what fault
		if types == schema.Object {
			what = s.embedded(e.value, &f.limits)
		} else {
			what = s.scalar(e.value, plus, types, wide)
		}
		if what != fine {
			return what
		}
		if e.next == 0 {
			break
		}
		e = &s.pieces[e.next]
	}
	s.text = append(s.text, ']')
	return fine
}

// embedded writes a field that is a JSON text. It is read on its own first: no field
// may end the object it is put into.
func (s *scratch) embedded(raw string, l *strictjson.Limits) fault {
	var ok bool
	if s.buf, ok = decode(s.buf[:0], raw, plus); !ok {
		return faultEncoding
	}
	if what := s.readable(s.buf, l); what != fine {
		return what
	}
	s.text = append(s.text, s.buf...)
	return fine
}

// styledField writes a field whose encoding gives a style, as the query parameter it
// might be.
func (f *Form) styledField(s *scratch, field *formField, first, wide bool) fault {
	sp := s.spans[field.index]
	for i, n := sp.first, int32(0); n < sp.count; i++ {
		e := &s.pieces[i]
		if e.owner != field.index {
			continue
		}
		if n++; !field.reserved && strings.IndexByte(e.raw, ';') >= 0 {
			return faultSeparator
		}
	}
	if sp.count > 1 && !field.many() {
		return faultRepeated
	}
	if what := s.name(field.name, first); what != fine {
		return what
	}
	what, start := faultType, len(s.text)
	for _, as := range field.tries {
		s.text = s.text[:start]
		if what = s.spread(&field.spelling, sp, as, wide); what == fine {
			break
		}
	}
	return what
}

// pointer is the JSON pointer of a member (RFC 6901), fit for a log.
func pointer(name string) string {
	return "/" + strings.ReplaceAll(strings.ReplaceAll(printable(name), "~", "~0"), "/", "~1")
}
