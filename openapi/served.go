package openapi

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/document"
)

// DocumentFor returns the document as p may see it, as JSON: the operations of her
// view, without the properties it hides, in one file. What is for the gateway alone
// is left out (security schemes, servers, extensions), and so is every schema that
// nothing visible leads to. It is nil where she sees nothing. The bytes are shared:
// nobody writes to them.
func (c *Contract) DocumentFor(p *gatehouse.Principal) []byte {
	v := c.view(p)
	if v == nothing {
		return nil
	}
	if doc, ok := c.documents.Load(v); ok {
		return doc.([]byte)
	}
	r := newRendering(c, v)
	text := r.document()
	maps.DeleteFunc(r.unshown, func(name string, property bool) bool { return !property || r.shown[name] })
	if len(r.unshown) > 0 { // the names are all known now: nothing else is to tell them
		again := newRendering(c, v)
		again.secret = r.unshown
		text = again.document()
	}
	doc, _ := c.documents.LoadOrStore(v, text)
	return doc.([]byte)
}

// rendering writes a document for a view.
type rendering struct {
	c     *Contract
	v     *view
	names map[*document.Node]string // components.schemas by what they are
	taken map[string]bool
	queue []*document.Node // schemas that are referred to and not written yet

	shown, unshown map[string]bool // names of properties that were written, and left out
	secret         map[string]bool // names that only properties have which are left out
}

func newRendering(c *Contract, v *view) *rendering {
	return &rendering{c: c, v: v, names: map[*document.Node]string{}, taken: map[string]bool{}, shown: map[string]bool{}, unshown: map[string]bool{}}
}

// members writes an object, member by member.
type members struct {
	out  []byte
	some bool
}

func object(out []byte) *members { return &members{out: append(out, '{')} }

func (m *members) key(name string) {
	if m.some {
		m.out = append(m.out, ',')
	}
	m.some = true
	m.out = append(quoted(m.out, name), ':')
}

func (m *members) end() []byte { return append(m.out, '}') }

func quoted(out []byte, s string) []byte {
	text, err := json.Marshal(s)
	if err != nil {
		return append(out, `""`...)
	}
	return append(out, text...)
}

func (r *rendering) document() []byte {
	root := r.c.doc.Root
	for _, k := range keys(root.Get("components").Get("schemas")) {
		r.taken[k.Name] = true
	}
	m := object(nil)
	m.key("openapi")
	m.out = quoted(m.out, root.Str("openapi"))
	m.key("info")
	m.out = r.plain(m.out, root.Get("info"))
	m.key("servers")
	m.out = r.server(m.out, r.prefix(nil))
	r.tags(m)
	m.key("paths")
	m.out = r.paths(m.out)
	if len(r.queue) > 0 {
		m.key("components")
		c := object(m.out)
		c.key("schemas")
		s := object(c.out)
		for len(r.queue) > 0 {
			n := r.queue[0]
			r.queue = r.queue[1:]
			s.key(r.names[n])
			s.out = r.schema(s.out, n)
		}
		c.out = s.end()
		m.out = c.end()
	}
	return m.end()
}

func (r *rendering) prefix(op *operation) string {
	base := strings.TrimSuffix(r.c.opts.API.BasePath, "/")
	if op == nil {
		return base + r.c.prefix(&document.Operation{})
	}
	return base + strings.TrimSuffix(op.Path, op.doc.Path)
}

func (r *rendering) server(out []byte, prefix string) []byte {
	if prefix == "" {
		prefix = "/"
	}
	return append(quoted(append(out, `[{"url":`...), prefix), "}]"...)
}

// tags writes those that some visible operation has.
func (r *rendering) tags(m *members) {
	some := false
	for _, item := range items(r.c.doc.Root.Get("tags")) {
		used := slices.ContainsFunc(r.c.operations, func(op *operation) bool { return r.v.has(op) && slices.Contains(op.doc.Tags, item.Str("name")) })
		if !used {
			continue
		}
		if !some {
			m.key("tags")
			m.out = append(m.out, '[')
		} else {
			m.out = append(m.out, ',')
		}
		some = true
		m.out = r.plain(m.out, item)
	}
	if some {
		m.out = append(m.out, ']')
	}
}

func (r *rendering) paths(out []byte) []byte {
	m := object(out)
	var done []string
	for i, op := range r.c.operations {
		if !r.v.has(op) || slices.Contains(done, op.doc.Path) {
			continue
		}
		done = append(done, op.doc.Path)
		m.key(op.doc.Path)
		item := object(m.out)
		var more []*operation // methods that only OpenAPI 3.2 knows
		for _, o := range r.c.operations[i:] {
			if o.doc.Path != op.doc.Path || !r.v.has(o) {
				continue
			}
			if !slices.Contains(fixedMethods, o.Method) {
				more = append(more, o)
				continue
			}
			item.key(strings.ToLower(o.Method))
			item.out = r.operation(item.out, o)
		}
		if len(more) > 0 {
			item.key("additionalOperations")
			list := object(item.out)
			for _, o := range more {
				list.key(o.Method)
				list.out = r.operation(list.out, o)
			}
			item.out = list.end()
		}
		m.out = item.end()
	}
	return m.end()
}

var fixedMethods = []string{"GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE", "QUERY"}

func (r *rendering) operation(out []byte, op *operation) []byte {
	m := object(out)
	for _, name := range []string{"tags", "summary", "description", "externalDocs", "operationId", "deprecated"} {
		if n := op.doc.Node.Get(name); n != nil {
			m.key(name)
			m.out = r.plain(m.out, n)
		}
	}
	if p := r.prefix(op); p != r.prefix(nil) {
		m.key("servers")
		m.out = r.server(m.out, p)
	}
	if len(op.doc.Parameters) > 0 {
		m.key("parameters")
		m.out = append(m.out, '[')
		for i, p := range op.doc.Parameters {
			if i > 0 {
				m.out = append(m.out, ',')
			}
			m.out = r.parameter(m.out, p.Node)
		}
		m.out = append(m.out, ']')
	}
	if b := op.doc.RequestBody; b != nil {
		m.key("requestBody")
		m.out = r.message(m.out, b.Node)
	}
	m.key("responses")
	answers := object(m.out)
	for _, a := range op.doc.Responses {
		answers.key(a.Status)
		answers.out = r.message(answers.out, a.Node)
	}
	m.out = answers.end()
	return m.end()
}

// parameter writes a parameter or a header.
func (r *rendering) parameter(out []byte, n *document.Node) []byte {
	return r.each(out, r.c.follow(n), func(k *document.Key, out []byte) []byte {
		switch k.Name {
		case "schema":
			return r.schema(out, k.Value)
		case "content":
			return r.content(out, k.Value)
		}
		return r.plain(out, k.Value)
	})
}

// message writes a request body or a response.
func (r *rendering) message(out []byte, n *document.Node) []byte {
	return r.each(out, r.c.follow(n), func(k *document.Key, out []byte) []byte {
		switch k.Name {
		case "headers":
			return r.all(out, k.Value, r.parameter)
		case "content":
			return r.content(out, k.Value)
		case "links":
			return append(out, "{}"...)
		}
		return r.plain(out, k.Value)
	})
}

func (r *rendering) content(out []byte, n *document.Node) []byte {
	return r.all(out, n, func(out []byte, media *document.Node) []byte {
		return r.each(out, media, func(k *document.Key, out []byte) []byte {
			switch k.Name {
			case "schema", "itemSchema":
				return r.schema(out, k.Value)
			case "encoding":
				return r.all(out, r.open(k.Value), r.message)
			}
			return r.plain(out, k.Value)
		})
	})
}

// each writes an object with fixed fields, without extensions and without what
// shows hidden values.
func (r *rendering) each(out []byte, n *document.Node, value func(k *document.Key, out []byte) []byte) []byte {
	m := object(out)
	for i := range n.Keys {
		k := &n.Keys[i]
		if strings.HasPrefix(k.Name, "x-") || len(r.v.Hide) > 0 && (k.Name == "example" || k.Name == "examples") {
			continue
		}
		m.key(k.Name)
		m.out = value(k, m.out)
	}
	return m.end()
}

// all writes a map with free names.
func (r *rendering) all(out []byte, n *document.Node, value func(out []byte, n *document.Node) []byte) []byte {
	m := object(out)
	for i := range n.Keys {
		m.key(n.Keys[i].Name)
		m.out = value(m.out, n.Keys[i].Value)
	}
	return m.end()
}

// plain writes a value that holds no schema, without extensions of the objects in
// it.
func (r *rendering) plain(out []byte, n *document.Node) []byte {
	if n == nil {
		return append(out, "{}"...)
	}
	switch n.Kind {
	case document.Map:
		return r.each(out, n, func(k *document.Key, out []byte) []byte {
			if k.Name == "value" || k.Name == "example" || k.Name == "dataValue" {
				return k.Value.AppendJSON(out)
			}
			return r.plain(out, k.Value)
		})
	case document.List:
		out = append(out, '[')
		for i, item := range n.Items {
			if i > 0 {
				out = append(out, ',')
			}
			out = r.plain(out, item)
		}
		return append(out, ']')
	}
	return n.AppendJSON(out)
}

// reference returns where the target of a reference stands in the document that is
// written, and sees to it that it does.
func (r *rendering) reference(holder *document.Node, ref string) string {
	t := r.c.target(holder, ref)
	if t == nil {
		return ref
	}
	name, ok := r.names[t]
	if !ok {
		name = r.name(t)
		r.names[t] = name
		r.queue = append(r.queue, t)
	}
	return "#/components/schemas/" + escapePointer(name)
}

// name keeps that of a component, and makes one up for others.
func (r *rendering) name(t *document.Node) string {
	pointer := t.Pointer()
	last := pointer[strings.LastIndexByte(pointer, '/')+1:]
	if t.File() == r.c.doc.File && pointer == "/components/schemas/"+last {
		return strings.ReplaceAll(strings.ReplaceAll(last, "~1", "/"), "~0", "~")
	}
	clean := strings.Map(func(c rune) rune {
		if c < 0x80 && (c == '-' || c == '.' || c == '_' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z') {
			return c
		}
		return '_'
	}, last)
	if clean == "" {
		clean = "Schema"
	}
	name := clean
	for i := 2; r.taken[name]; i++ {
		name = clean + "_" + strconv.Itoa(i)
	}
	r.taken[name] = true
	return name
}

func escapePointer(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "~", "~0"), "/", "~1")
}

func keys(n *document.Node) []document.Key {
	if n == nil {
		return nil
	}
	return n.Keys
}

func items(n *document.Node) []*document.Node {
	if n == nil {
		return nil
	}
	return n.Items
}
