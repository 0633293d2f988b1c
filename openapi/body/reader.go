package body

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/coding"
	"github.com/gatehouse/gatehouse/openapi/document"
	"github.com/gatehouse/gatehouse/openapi/parameter"
	"github.com/gatehouse/gatehouse/openapi/schema"
	"github.com/gatehouse/gatehouse/strictjson"
)

// Options are what a document does not say.
type Options struct {
	// Required: a body must be there.
	Required bool
	// DecodedBytes bounds a body without its content codings, and DecodedRatio how
	// many times larger it may be than with them (a body that stays below 256 KiB may
	// always). 0 stands for 10 MiB and 100.
	DecodedBytes int64
	DecodedRatio int
	// Limits are for JSON.
	Limits strictjson.Limits
	// Fields bounds the fields of a form and the parts of a multipart; 0 stands for
	// 1,000.
	Fields int
	// Items bounds the items of a sequence; 0 stands for 100,000.
	Items int
	// Depth and Elements bound XML: how deep elements may stand within each other,
	// and how many elements and attributes there may be; 0 stands for 64 and 100,000.
	Depth, Elements int
	// Document is where references between files are looked up for the xml objects of
	// schemas; nil: in the file they stand in.
	Document *document.Document
}

func (o Options) withDefaults() Options {
	fill := func(n *int, def int) {
		if *n <= 0 {
			*n = def
		}
	}
	if o.DecodedBytes <= 0 {
		o.DecodedBytes = 10 << 20
	}
	fill(&o.DecodedRatio, 100)
	fill(&o.Fields, 1000)
	fill(&o.Items, 100_000)
	fill(&o.Depth, 64)
	fill(&o.Elements, 100_000)
	return o
}

// A Reader reads the bodies of one operation, or of one of its answers, and judges
// them. It is for any number of goroutines. A nil Reader takes no body.
type Reader struct {
	media    []*media // the most specific range first
	accepted string   // for the log
	o        Options
}

// media is one compiled media type or range.
type media struct {
	mediaType
	schema, item *schema.Schema // nil: anything
	// What only some kinds need; a range may have several.
	form      *parameter.Form
	multipart *multipart
	xml       *xmlMap
	size      sizes
	types     schema.Types
	// looks says of a range that it takes only what is looked into: its schema is not
	// that of octets, and who sends it chooses the type.
	looks bool
}

// Compile makes a Reader of the media types of a body.
func Compile(content []*document.Media, set *schema.Set, dir schema.Direction, o Options) (*Reader, error) {
	b := &Reader{o: o.withDefaults()}
	var errs []error
	var names []string
	for _, dm := range content {
		m, err := b.compile(dm, set, dir)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		b.media = append(b.media, m)
		names = append(names, dm.Type)
	}
	slices.SortStableFunc(b.media, func(x, y *media) int { return cmp.Compare(y.specificity(), x.specificity()) })
	b.accepted = strings.Join(names, ", ")
	return b, errors.Join(errs...)
}

func (b *Reader) compile(dm *document.Media, set *schema.Set, dir schema.Direction) (*media, error) {
	t, ok := parseMediaType(dm.Type)
	if !ok {
		e := &gatehouse.Error{Code: "contract.document", Message: "not a media type or range"}
		if dm.Node != nil {
			e.At = dm.Node.At
		}
		return nil, e
	}
	m := &media{mediaType: t, types: schema.AnyTypes}
	var errs []error
	if dm.Schema != nil {
		s, err := set.Compile(dm.Schema, dir)
		if err != nil {
			return nil, err
		}
		m.schema, m.types = s, s.Meant()
	}
	if dm.ItemSchema != nil {
		s, err := set.Compile(dm.ItemSchema, dir)
		if err != nil {
			return nil, err
		}
		m.item = s
	}
	note := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	var err error
	if m.mayBe("application", "x-www-form-urlencoded") {
		m.form, err = parameter.CompileForm(dm, set, dir, parameter.Options{Pieces: b.o.Fields, Limits: b.o.Limits})
		note(err)
	}
	if m.mayBe("multipart", "form-data") {
		m.multipart, err = compileMultipart(dm, m.schema, set, dir, b.o)
		note(err)
	}
	if t.sub == "*" || m.mayBe("application", "xml") || m.mayBe("text", "xml") || t.kind() == kindXML { // image/* has image/svg+xml
		m.xml, err = compileXML(dm.Schema, m.schema, set, dir, b.o)
		note(err)
	}
	m.size = sizesOf(dm.Schema, b.o.Document)
	m.looks = t.sub == "*" && !m.size.octets && m.schema != nil && !takesOctets(m.types, follow(dm.Schema, b.o.Document))
	return m, errors.Join(errs...)
}

func (m *media) mayBe(main, sub string) bool {
	return m.covers(&mediaType{main: main, sub: sub, params: m.params, n: m.n})
}

// Schema returns the schema that judges bodies with this Content-Type, for filters;
// json says whether they are one JSON text. Both are zero where the type is not
// declared, or nothing is said of it.
func (b *Reader) Schema(contentType string) (s *schema.Schema, json bool) {
	t, ok := parseMediaType(contentType)
	if b == nil || !ok {
		return nil, false
	}
	m := b.match(&t)
	if m == nil {
		return nil, false
	}
	return m.schema, t.kind() == kindJSON
}

func (b *Reader) match(t *mediaType) *media {
	for _, m := range b.media {
		if m.covers(t) {
			return m
		}
	}
	return nil
}

// Check judges a body. contentType and contentEncoding are the fields' values, ""
// where there is none; several Content-Encoding field lines are joined by commas,
// several Content-Type lines are the caller's to refuse. What breaks a schema is put
// into r, and ok is false; what keeps the body from being read is err, with its
// status. body is not changed.
func (b *Reader) Check(contentType, contentEncoding string, body []byte, r *schema.Report) (ok bool, err *gatehouse.Error) {
	if b == nil || len(b.media) == 0 {
		if len(body) > 0 {
			return false, refuse(CodeUnexpected, "the operation takes no body")
		}
		return true, nil
	}
	if len(body) == 0 && contentType == "" {
		return b.empty()
	}
	if contentType == "" {
		return false, b.unsupported(CodeContentType, "the body has no Content-Type")
	}
	t, valid := parseMediaType(contentType)
	if !valid || t.main == "*" || t.sub == "*" {
		return false, b.unsupported(CodeContentType, "the Content-Type is malformed")
	}
	k := t.kind()
	if len(body) == 0 && k != kindText && k != kindBinary && k != kindLines && k != kindEvents {
		return b.empty()
	}
	m := b.match(&t)
	if m == nil {
		return false, b.unsupported(CodeMediaType, "the body's media type is not one of those declared")
	}
	if m.looks && k == kindBinary {
		return false, b.unsupported(CodeMediaType, "the body's media type is not one that can be held to the range's schema")
	}
	if contentEncoding == "" {
		return b.read(m, &t, k, body, r)
	}
	return b.undone(m, &t, k, contentEncoding, body, r)
}

func (b *Reader) empty() (bool, *gatehouse.Error) {
	if b.o.Required {
		return false, refuse(CodeMissing, "the operation needs a body")
	}
	return true, nil
}

// undone reads a body without its content codings.
func (b *Reader) undone(m *media, t *mediaType, k kind, encoding string, body []byte, r *schema.Report) (bool, *gatehouse.Error) {
	room := coding.NewRoom()
	defer room.Release()
	plain, err := room.Undo(encoding, body, coding.Limits{Bytes: b.o.DecodedBytes, Ratio: b.o.DecodedRatio})
	if err != nil {
		return false, uncoded(err)
	}
	return b.read(m, t, k, plain, r)
}

// uncoded gives what package coding says the contract's own code.
func uncoded(err *gatehouse.Error) *gatehouse.Error {
	switch err.Code {
	case coding.CodeUnknown:
		err.Code = CodeCoding
	case coding.CodeInvalid:
		err.Code = CodeCodingInvalid
	case coding.CodeLimit:
		err.Code = CodeDecompression
	}
	return err
}

// read reads the body by its kind.
func (b *Reader) read(m *media, t *mediaType, k kind, body []byte, r *schema.Report) (bool, *gatehouse.Error) {
	if m.size.octets && k != kindForm && k != kindMultipart {
		k = kindBinary
	}
	if k != kindBinary && k != kindMultipart && !t.utf8() {
		return false, &gatehouse.Error{Code: CodeCharset, Status: 415, Message: "the body's charset is not UTF-8"}
	}
	switch k {
	case kindJSON:
		return readJSON(m.schema, body, &b.o.Limits, r)
	case kindForm:
		return m.form.Check(string(body), r), nil
	case kindMultipart:
		return m.multipart.read(t, body, r)
	case kindXML:
		return m.xml.read(body, r)
	case kindLines, kindSeq, kindEvents:
		return b.readSequence(m, k, body, r)
	case kindText:
		return b.readText(m, body, r)
	}
	if !m.size.octets && (m.main == "*" || m.sub == "*") && m.schema != nil && !m.types.Has(schema.String) {
		// What only a reader could hold to the schema has no reader.
		return false, b.unsupported(CodeMediaType, "the body's media type is not one that the schema can be read from")
	}
	return m.size.check(body, r), nil
}

var tapes = sync.Pool{New: func() any { return new(strictjson.Tape) }}

func release(t *strictjson.Tape) {
	t.Reset()
	tapes.Put(t)
}

func readJSON(s *schema.Schema, body []byte, l *strictjson.Limits, r *schema.Report) (bool, *gatehouse.Error) {
	t := tapes.Get().(*strictjson.Tape)
	defer release(t)
	if err := t.Read(body, l); err != nil {
		return false, unreadable(err)
	}
	return s == nil || s.Check(t, 0, r), nil
}

// unreadable turns a refusal of the strict reader into one of the path.
func unreadable(err error) *gatehouse.Error {
	e := &gatehouse.Error{Code: "json.syntax", Status: 400, Message: err.Error()}
	if j, ok := err.(*strictjson.Error); ok {
		e.Code = j.Code
		if j.TooLarge() {
			e.Status = 413
		}
	}
	return e
}

func refuse(code, message string) *gatehouse.Error {
	return &gatehouse.Error{Code: code, Status: 400, Message: message}
}

func (b *Reader) unsupported(code, message string) *gatehouse.Error {
	return &gatehouse.Error{Code: code, Status: 415, Message: message, Hint: "declared: " + b.accepted}
}
