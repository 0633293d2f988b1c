package body

import (
	"unicode/utf8"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/parameter"
	"github.com/gatehouse/gatehouse/openapi/schema"
	"github.com/gatehouse/gatehouse/strictjson"
)

// read turns the XML into JSON as the schema's xml objects say, and lets the schema
// judge that. Elements and attributes nobody declared become members of their own
// name, so that the schema says what becomes of them.
func (m *xmlMap) read(body []byte, r *schema.Report) (bool, *gatehouse.Error) {
	if !utf8.Valid(body) {
		return false, refuse(CodeText, "the body is not valid UTF-8")
	}
	if len(body) >= 3 && body[0] == 0xEF && body[1] == 0xBB && body[2] == 0xBF {
		body = body[3:] // XML 1.0, appendix F, allows the mark
	}
	root, err := parseXML(body, m.o.Depth, m.o.Elements)
	if err != nil || m.root == nil {
		return err == nil, err
	}
	if m.root.name != "" && root.name != m.root.name {
		return false, refuse(CodeXMLElement, "the XML document's root is not the schema's")
	}
	if m.root.namespace != "" && root.space != m.root.namespace {
		return false, refuse(CodeXMLNamespace, "the XML document's root is not in the schema's namespace")
	}
	buf := buffers.Get().(*[]byte)
	defer giveBack(buf)
	w := xmlWriter{text: (*buf)[:0]}
	mark := len(r.Violations)
	ok, err := w.judge(m, root, r)
	if !ok && err == nil && w.narrowed {
		first := append([]schema.Violation(nil), r.Violations[mark:]...)
		r.Violations = r.Violations[:mark]
		w.wide = true
		if ok, err = w.judge(m, root, r); !ok {
			r.Violations = append(r.Violations[:mark], first...)
		}
	}
	*buf = w.text
	return ok, err
}

// An xmlWriter writes elements as JSON.
type xmlWriter struct {
	text     []byte
	wide     bool
	narrowed bool
}

func (w *xmlWriter) judge(m *xmlMap, root *element, r *schema.Report) (bool, *gatehouse.Error) {
	w.text = w.text[:0]
	if err := w.content(root, m.root.shape); err != nil {
		return false, err
	}
	return readJSON(m.schema, w.text, &ownText, r)
}

// content writes what an element holds.
func (w *xmlWriter) content(e *element, s *xmlShape) *gatehouse.Error {
	if e.isNil() {
		w.text = append(w.text, "null"...)
		return nil
	}
	switch {
	case s == nil || s.types == schema.AnyTypes && len(s.fields) == 0 && s.items == nil:
		if len(e.children) == 0 && !e.hasAttributes() {
			return w.scalar(e.text, schema.AnyTypes)
		}
		return w.object(e, &xmlShape{})
	case s.types == schema.Array:
		return w.wrapped(e, s)
	case s.types.Has(schema.Object) && (len(s.fields) > 0 || s.types == schema.Object || len(e.children) > 0 || e.hasAttributes()):
		return w.object(e, s)
	}
	if len(e.children) > 0 || e.hasAttributes() {
		return refuse(CodeXMLElement, "an element of the XML document holds more than the text its schema has")
	}
	return w.scalar(e.text, s.types)
}

// isNil reports xsi:nil, which stands for null.
func (e *element) isNil() bool {
	for _, a := range e.attributes {
		if a.space == xsiNamespace && a.name == "nil" && (a.value == "true" || a.value == "1") {
			return len(e.children) == 0 && blank(e.text)
		}
	}
	return false
}

func (e *element) hasAttributes() bool {
	for _, a := range e.attributes {
		if a.space != xsiNamespace {
			return true
		}
	}
	return false
}

func (w *xmlWriter) scalar(text []byte, types schema.Types) *gatehouse.Error {
	out, narrowed, ok := parameter.AppendText(w.text, text, types, w.wide)
	if !ok {
		return refuse(CodeXMLValue, "a text of the XML document spells no value of its schema's types")
	}
	w.text, w.narrowed = out, w.narrowed || narrowed
	return nil
}

// wrapped writes the children of e as the items of an array.
func (w *xmlWriter) wrapped(e *element, s *xmlShape) *gatehouse.Error {
	if !blank(e.text) || e.hasAttributes() {
		return refuse(CodeXMLElement, "an array of the XML document holds more than its items")
	}
	w.text = append(w.text, '[')
	for i, child := range e.children {
		if i > 0 {
			w.text = append(w.text, ',')
		}
		if s.items != nil && !s.items.is(child, e.space) {
			return refuse(CodeXMLElement, "an array of the XML document holds an element that is no item")
		}
		if err := w.item(child, s.items); err != nil {
			return err
		}
	}
	w.text = append(w.text, ']')
	return nil
}

func (w *xmlWriter) item(e *element, f *xmlField) *gatehouse.Error {
	if f == nil {
		return w.content(e, nil)
	}
	return w.content(e, f.shape)
}

// is reports whether f describes the child of an element in namespace around. Where
// the schema names no namespace, the child has none or inherits it.
func (f *xmlField) is(child *element, around string) bool {
	if f.name != "" && child.name != f.name && (f.alias == "" || child.name != f.alias) {
		return false
	}
	if f.namespace != "" {
		return child.space == f.namespace
	}
	return child.space == "" || child.space == around
}

// object writes attributes and children as members.
func (w *xmlWriter) object(e *element, s *xmlShape) *gatehouse.Error {
	m := xmlMembers{w: w, e: e, s: s, taken: make([]bool, len(e.children))}
	w.text = append(w.text, '{')
	for _, a := range e.attributes {
		if err := m.attribute(a); err != nil {
			return err
		}
	}
	for i := range e.children {
		if m.taken[i] {
			continue
		}
		if err := m.child(i); err != nil {
			return err
		}
	}
	if err := m.characters(); err != nil {
		return err
	}
	w.text = append(w.text, '}')
	return nil
}

// xmlMembers writes the members of one object.
type xmlMembers struct {
	w     *xmlWriter
	e     *element
	s     *xmlShape
	taken []bool // children that were written with an earlier one
	next  []int  // the next child of the same name; 0 for none
	n     int
}

func (m *xmlMembers) name(name string) {
	if m.n > 0 {
		m.w.text = append(m.w.text, ',')
	}
	m.n++
	m.w.text = append(strictjson.AppendQuoted(m.w.text, []byte(name)), ':')
}

func (m *xmlMembers) attribute(a attribute) *gatehouse.Error {
	if a.space == xsiNamespace {
		return nil
	}
	for _, f := range m.s.fields {
		if f.attribute && f.name == a.name && f.namespace == a.space {
			m.name(f.property)
			return m.w.scalar([]byte(a.value), f.shape.types)
		}
	}
	if m.s.takes(a.name) {
		return refuse(CodeXMLElement, "an attribute of the XML document has the name of what is none")
	}
	m.name(a.name)
	return m.w.scalar([]byte(a.value), schema.String)
}

// child writes child i, and with it all later ones that belong to the same array.
func (m *xmlMembers) child(i int) *gatehouse.Error {
	child := m.e.children[i]
	for _, f := range m.s.fields {
		if f.attribute || f.text || !f.is(child, m.e.space) {
			continue
		}
		m.name(f.property)
		if !f.repeatable {
			return m.w.content(child, f.shape) // a second one is a name twice: refused by the reader
		}
		return m.run(i, f.shape.items, func(other *element) bool { return f.is(other, m.e.space) })
	}
	if m.s.takes(child.name) {
		return refuse(CodeXMLElement, "an element of the XML document has the name of what is none, or another namespace")
	}
	m.name(child.name)
	if m.next == nil {
		m.chain()
	}
	if m.next[i] == 0 {
		return m.w.content(child, nil)
	}
	m.w.text = append(m.w.text, '[')
	for j := i; ; j = m.next[j] {
		if m.taken[j] = true; j > i {
			m.w.text = append(m.w.text, ',')
		}
		if err := m.w.content(m.e.children[j], nil); err != nil {
			return err
		}
		if m.next[j] == 0 {
			break
		}
	}
	m.w.text = append(m.w.text, ']')
	return nil
}

// chain links the children of one name.
func (m *xmlMembers) chain() {
	m.next = make([]int, len(m.e.children))
	last := map[string]int{}
	for i, child := range m.e.children {
		if before, ok := last[child.name]; ok {
			m.next[before] = i
		}
		last[child.name] = i
	}
}

// run writes the children from i on that belong together as one array.
func (m *xmlMembers) run(i int, item *xmlField, belongs func(*element) bool) *gatehouse.Error {
	m.w.text = append(m.w.text, '[')
	for j, first := i, true; j < len(m.e.children); j++ {
		if m.taken[j] || !belongs(m.e.children[j]) {
			continue
		}
		m.taken[j] = true
		if !first {
			m.w.text = append(m.w.text, ',')
		}
		first = false
		if err := m.w.item(m.e.children[j], item); err != nil {
			return err
		}
	}
	m.w.text = append(m.w.text, ']')
	return nil
}

// characters writes the text of an element that has members.
func (m *xmlMembers) characters() *gatehouse.Error {
	for _, f := range m.s.fields {
		if f.text {
			m.name(f.property)
			return m.w.scalar(m.e.text, f.shape.types)
		}
	}
	if !blank(m.e.text) {
		return refuse(CodeXMLElement, "an element of the XML document holds text where its schema has members")
	}
	return nil
}
