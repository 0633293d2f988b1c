package body

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/document"
	"github.com/gatehouse/gatehouse/openapi/parameter"
	"github.com/gatehouse/gatehouse/openapi/schema"
	"github.com/gatehouse/gatehouse/strictjson"
)

// A multipart reads multipart/form-data (RFC 7578) into one JSON object and judges it
// by the media type's schema. A part is
//
//   - JSON, where its Content-Type or its encoding's says so, or its property is an
//     object,
//   - text, where its Content-Type is text or none and it is no file, or where its
//     property is a string that is neither binary nor of a media type of its own, and
//     the part no file: most readers look at nothing else,
//   - binary otherwise: for the schema a string with as many characters as the part
//     has bytes.
//
// Parts of one name are the items of an array.
type multipart struct {
	schema   *schema.Schema
	names    []string // of its properties
	encoding map[string]*partEncoding
	o        Options
}

// partEncoding is what an encoding object says of a part.
type partEncoding struct {
	types   []mediaType // the part has one of these; empty: any
	headers *parameter.Headers
}

func compileMultipart(dm *document.Media, s *schema.Schema, set *schema.Set, dir schema.Direction, o Options) (*multipart, error) {
	p := &multipart{schema: s, encoding: map[string]*partEncoding{}, o: o}
	if s != nil {
		p.names = s.Properties()
	}
	var errs []error
	for name, e := range dm.Encoding {
		pe := new(partEncoding)
		for _, text := range e.ContentType {
			t, ok := parseMediaType(text)
			if !ok {
				errs = append(errs, &gatehouse.Error{Code: "contract.document", At: e.Node.At, Message: "an encoding's contentType is no media type"})
				continue
			}
			pe.types = append(pe.types, t)
		}
		var err error
		if pe.headers, err = parameter.CompileHeaders(e.Headers, set, dir, parameter.Options{Limits: o.Limits}); err != nil {
			errs = append(errs, err)
		}
		p.encoding[name] = pe
	}
	return p, errors.Join(errs...)
}

// A part is one part of a body, as it was cut from it.
type part struct {
	name     string
	file     bool // a filename is given
	header   gatehouse.Header
	typed    bool // a Content-Type is given
	mime     mediaType
	content  []byte
	next     int // of the same name; 0: none
	chained  bool
	property *schema.Schema
	types    schema.Types
	json     bool
	plain    bool // text, whatever its Content-Type
}

func (p *multipart) read(t *mediaType, body []byte, r *schema.Report) (bool, *gatehouse.Error) {
	boundary, _ := t.param("boundary")
	parts, err := splitParts(body, boundary, p.o.Fields)
	if err != nil {
		return false, err
	}
	ok := true
	last := make(map[string]int, len(parts))
	for i := range parts {
		e := &parts[i]
		if err := p.classify(e); err != nil {
			return false, err
		}
		mark := len(r.Violations)
		if pe := p.encoding[e.name]; pe != nil && !pe.headers.Check(e.header, r) {
			ok = false
			below(r, mark, pointerOf(e.name))
		}
		if before, twice := last[e.name]; twice {
			if e.property == nil || !e.types.Has(schema.Array) {
				p.blame(r, CodePartRepeated, e)
				return false, nil
			}
			parts[before].next, e.chained = i, true
		}
		last[e.name] = i
	}
	if !ok {
		return false, nil
	}
	return p.judge(parts, r)
}

// judge writes the object and lets the schema judge it: text as the narrowest thing
// it spells, and where that fails as text. What the first found is what is told.
func (p *multipart) judge(parts []part, r *schema.Report) (bool, *gatehouse.Error) {
	buf := buffers.Get().(*[]byte)
	defer giveBack(buf)
	mark := len(r.Violations)
	w := partWriter{text: (*buf)[:0], limits: &p.o.Limits}
	ok, err := w.judge(p.schema, parts, r)
	if w.spellsNone != nil {
		p.blame(r, CodePartValue, w.spellsNone)
		ok, err = false, nil
	} else if !ok && err == nil && w.narrowed {
		first := append([]schema.Violation(nil), r.Violations[mark:]...)
		r.Violations = r.Violations[:mark]
		w.wide = true
		if ok, err = w.judge(p.schema, parts, r); !ok {
			r.Violations = append(r.Violations[:mark], first...)
		}
	}
	*buf = w.text
	return ok, err
}

// blame records what is wrong with a part.
func (p *multipart) blame(r *schema.Report, code string, e *part) {
	v := schema.Violation{Code: code, Pointer: r.Base + pointerOf(e.name)}
	if e.property != nil {
		v.At = e.property.Node().At
	}
	r.Violations = append(r.Violations, v)
}

// classify decides how a part is read, and holds it to its encoding.
func (p *multipart) classify(e *part) *gatehouse.Error {
	e.types = schema.AnyTypes
	if p.schema != nil {
		if s := p.schema.Property(e.name); s != nil && s.Types() != 0 { // 0: additionalProperties is false
			e.property, e.types = s, s.Meant()
		}
		if e.property == nil && parameter.TakenFor(e.name, p.names) {
			return refuse(CodePartName, "a part's name is that of a property to some readers")
		}
	}
	if pe := p.encoding[e.name]; pe != nil && len(pe.types) > 0 {
		have := e.mime
		if !e.typed {
			have = mediaType{main: "text", sub: "plain"} // RFC 7578, section 4.4
		}
		ok := false
		for i := range pe.types {
			ok = ok || pe.types[i].covers(&have)
		}
		if !ok {
			return &gatehouse.Error{Code: CodePartType, Status: 415, Message: "a part's media type is not one of its encoding"}
		}
	}
	if gatehouse.EqualFold(e.mime.main, "multipart") {
		return refuse(CodeNested, "a part of the multipart body is a multipart itself")
	}
	k := e.mime.kind()
	value, item := e.property, e.types
	if e.property != nil && e.types == schema.Array {
		if value = e.property.Items(); value != nil {
			item = value.Meant()
		}
	}
	e.json = k == kindJSON || e.property != nil && item == schema.Object || e.property != nil && e.types == schema.Object
	if pe := p.encoding[e.name]; !e.json && !e.file && (pe == nil || len(pe.types) == 0) {
		e.plain = value != nil && item != schema.AnyTypes && item.Has(schema.String) && !p.isBinary(value)
	}
	if e.json || e.isText() {
		if !e.mime.utf8() {
			return &gatehouse.Error{Code: CodeCharset, Status: 415, Message: "a part's charset is not UTF-8"}
		}
		if !utf8.Valid(e.content) {
			return refuse(CodeText, "a part's text is not valid UTF-8")
		}
	}
	if e.name == "_charset_" && !gatehouse.EqualFold(string(e.content), "utf-8") { // RFC 7578, section 4.6
		return &gatehouse.Error{Code: CodeCharset, Status: 415, Message: "the form's charset is not UTF-8"}
	}
	return nil
}

// isBinary reports whether a string's schema says that it is no text.
func (p *multipart) isBinary(s *schema.Schema) bool {
	n := follow(s.Node(), p.o.Document)
	return n.Str("format") == "binary" || n.Get("contentMediaType") != nil
}

// isText reports whether a part that is not JSON is text.
func (e *part) isText() bool {
	if e.plain {
		return true
	}
	if !e.typed {
		return !e.file
	}
	return gatehouse.EqualFold(e.mime.main, "text") && !e.file
}

// A partWriter writes parts as one JSON object.
type partWriter struct {
	text     []byte
	wide     bool
	narrowed bool
	limits   *strictjson.Limits
	// spellsNone is a part whose text spells no value of its property's types.
	spellsNone *part
}

func (w *partWriter) judge(s *schema.Schema, parts []part, r *schema.Report) (bool, *gatehouse.Error) {
	w.text = append(w.text[:0], '{')
	if err := w.object(parts); err != nil {
		return false, err
	}
	return readJSON(s, w.text, together(w.limits), r)
}

func (w *partWriter) object(parts []part) *gatehouse.Error {
	for i := range parts {
		e := &parts[i]
		if e.chained {
			continue
		}
		if len(w.text) > 1 {
			w.text = append(w.text, ',')
		}
		w.text = append(strictjson.AppendQuoted(w.text, []byte(e.name)), ':')
		if err := w.member(parts, e); err != nil {
			return err
		}
	}
	w.text = append(w.text, '}')
	return nil
}

// member writes what has one name: an array where the property is one and is not
// sent as a JSON array.
func (w *partWriter) member(parts []part, e *part) *gatehouse.Error {
	list := e.property != nil && (e.types == schema.Array || e.next != 0)
	if list && e.next == 0 && e.json && isArray(e.content) {
		list = false
	}
	if !list {
		return w.value(e, e.types)
	}
	w.text = append(w.text, '[')
	for n := 0; ; n++ {
		if n > 0 {
			w.text = append(w.text, ',')
		}
		types := schema.AnyTypes
		if item := itemOf(e.property, n); item != nil {
			types = item.Meant()
		}
		if err := w.value(e, types); err != nil {
			return err
		}
		if e.next == 0 {
			break
		}
		e = &parts[e.next]
	}
	w.text = append(w.text, ']')
	return nil
}

func itemOf(s *schema.Schema, i int) *schema.Schema {
	if item := s.Prefix(i); item != nil {
		return item
	}
	return s.Items()
}

func isArray(text []byte) bool {
	text = bytes.TrimLeft(text, " \t\r\n")
	return len(text) > 0 && text[0] == '['
}

func (w *partWriter) value(e *part, types schema.Types) *gatehouse.Error {
	switch {
	case e.json:
		// On its own first: no part may end the object it is put into.
		t := tapes.Get().(*strictjson.Tape)
		defer release(t)
		if err := t.Read(e.content, w.limits); err != nil {
			return unreadable(err)
		}
		w.text = append(w.text, e.content...)
	case e.isText():
		text, narrowed, ok := parameter.AppendText(w.text, e.content, types, w.wide)
		if !ok {
			w.spellsNone = e
			return refuse(CodePartValue, "a part's text spells no value of its property's types")
		}
		w.text, w.narrowed = text, w.narrowed || narrowed
	default:
		w.text = append(w.text, '"')
		from := len(w.text)
		w.text = slices.Grow(w.text, len(e.content)+1)[:from+len(e.content)]
		for i := range w.text[from:] {
			w.text[from+i] = '.'
		}
		w.text = append(w.text, '"')
	}
	return nil
}

// pointerOf is the JSON pointer of a member.
func pointerOf(name string) string {
	return "/" + strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}
