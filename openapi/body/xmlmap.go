package body

import (
	"errors"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/document"
	"github.com/gatehouse/gatehouse/openapi/schema"
)

// An xmlMap says how the XML of a media type is JSON for its schema: the xml objects
// of the schema (OpenAPI 3.2, section 4.26), taken apart at load.
type xmlMap struct {
	schema *schema.Schema
	root   *xmlField
	o      Options
}

// An xmlShape is the content of an element.
type xmlShape struct {
	types  schema.Types
	fields []*xmlField // of an object
	items  *xmlField   // of an array; nil: anything
}

// An xmlField is a property, an item or the root.
type xmlField struct {
	property   string
	name       string // of the element or attribute; of an array that is not wrapped, of its items; "" for any
	alias      string // of a property: the name its schema has where it is referred to
	namespace  string
	attribute  bool
	text       bool // the text of the element around it
	wrapped    bool // the items of an array have an element around them
	shape      *xmlShape
	repeatable bool // an array that is not wrapped
}

// xmlCompiler remembers the shapes of nodes, so that recursive schemas end.
type xmlCompiler struct {
	set    *schema.Set
	dir    schema.Direction
	doc    *document.Document
	shapes map[*document.Node]*xmlShape
	errs   []error
}

// maxShapes bounds the schemas that are taken apart for one media type.
const maxShapes = 10_000

func compileXML(n *document.Node, s *schema.Schema, set *schema.Set, dir schema.Direction, o Options) (*xmlMap, error) {
	m := &xmlMap{schema: s, o: o}
	if n == nil {
		return m, nil
	}
	c := xmlCompiler{set: set, dir: dir, doc: o.Document, shapes: map[*document.Node]*xmlShape{}}
	m.root = c.field("", n)
	m.root.wrapped, m.root.repeatable = true, false // a root array has an element around it
	if m.root.name == "" {
		m.root.name = componentName(n, o.Document)
	}
	return m, errors.Join(c.errs...)
}

// componentName is the name of the schema that n refers to, if it is one of the
// document's components.
func componentName(n *document.Node, d *document.Document) string {
	if n = follow(n, d); n == nil || n.Up() == nil {
		return ""
	}
	for _, k := range n.Up().Keys {
		if k.Value == n && n.Up().Up().Get("schemas") == n.Up() {
			return k.Name
		}
	}
	return ""
}

// field compiles a property (or the root, or an item, with no name).
func (c *xmlCompiler) field(property string, n *document.Node) *xmlField {
	f := &xmlField{property: property, name: property}
	c.dress(f, n)
	f.shape = c.shape(n)
	if f.shape.types != schema.Array {
		return f
	}
	f.repeatable = !f.wrapped
	if items := f.shape.items; items != nil {
		if items.name == "" {
			item := *items
			item.name = f.name
			shape := *f.shape
			shape.items = &item
			f.shape = &shape
		} else if f.repeatable {
			f.name = items.name
		}
		if f.repeatable && items.namespace != "" {
			f.namespace = items.namespace
		}
	}
	return f
}

// dress reads the xml object of n, or of what n refers to.
func (c *xmlCompiler) dress(f *xmlField, n *document.Node) {
	x := n.Get("xml")
	switch name := x.Str("name"); {
	case name != "":
		f.name = name
	case x == nil:
		if x = follow(n, c.doc).Get("xml"); f.property == "" {
			f.name = x.Str("name")
		} else {
			f.alias = x.Str("name")
		}
	}
	f.namespace = x.Str("namespace")
	f.attribute, f.wrapped = x.True("attribute"), x.True("wrapped")
	switch x.Str("nodeType") { // OpenAPI 3.2
	case "attribute":
		f.attribute = true
	case "text", "cdata":
		f.text = true
	case "element":
		f.wrapped = true // of what is no array it means nothing
	}
}

func (c *xmlCompiler) shape(n *document.Node) *xmlShape {
	n = follow(n, c.doc)
	if s := c.shapes[n]; s != nil {
		return s
	}
	s := &xmlShape{types: schema.AnyTypes}
	c.shapes[n] = s
	if len(c.shapes) > maxShapes {
		c.errs = append(c.errs, &gatehouse.Error{Code: "contract.document", At: n.At, Message: "the schema is too large for XML"})
		return s
	}
	compiled, err := c.set.Compile(n, c.dir)
	if err != nil {
		c.errs = append(c.errs, err)
		return s
	}
	s.types = compiled.Meant()
	c.collect(s, n, 0)
	return s
}

// collect gathers properties and items of n and all that applies in its place.
func (c *xmlCompiler) collect(s *xmlShape, n *document.Node, depth int) {
	if n == nil || depth > 16 {
		return
	}
	if properties := n.Get("properties"); properties != nil {
		for _, k := range properties.Keys {
			if s.property(k.Name) == nil {
				f := c.field(k.Name, k.Value)
				s.fields = append(s.fields, f)
			}
		}
	}
	if items := n.Get("items"); items != nil && s.items == nil && items.Kind == document.Map {
		s.items = c.field("", items)
	}
	for _, keyword := range [...]string{"allOf", "anyOf", "oneOf"} {
		if list := n.Get(keyword); list != nil {
			for _, sub := range list.Items {
				c.collect(s, follow(sub, c.doc), depth+1)
			}
		}
	}
	if n.Get("$ref") != nil {
		if target := follow(n, c.doc); target != n {
			c.collect(s, target, depth+1)
		}
	}
}

func (s *xmlShape) property(name string) *xmlField {
	for _, f := range s.fields {
		if f.property == name {
			return f
		}
	}
	return nil
}

// takes reports whether name is a property, or the name of its element or attribute.
func (s *xmlShape) takes(name string) bool {
	for _, f := range s.fields {
		if f.property == name || f.name == name || f.alias == name && name != "" {
			return true
		}
	}
	return false
}
