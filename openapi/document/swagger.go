package document

import (
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// A converter turns Swagger 2.0 into OpenAPI 3.0. Nodes are moved, not copied, so
// that every one keeps its place in the file; the references to them are written
// anew when all stand where they belong.
type converter struct {
	*loader
	old        *Node
	consumes   []Key // application/json …, each with the place it was named at
	produces   []Key
	references []moved
	replaced   map[*Node]*Node // objects that were made anew
	schemas    map[*Node]bool  // seen
	properties map[*Node]*Node // of form parameters
}

// A moved reference is a $ref and what it referred to before the conversion.
type moved struct{ at, target *Node }

// convert returns the OpenAPI 3.0 document that says what root, Swagger 2.0, says;
// nil if root is no such document.
func (l *loader) convert(root *Node) *Node {
	v := root.Get("swagger")
	if v.Text != "2.0" {
		l.fail(v.At, "contract.document_version", "swagger "+shown(v.Text)+" is no known version", `only "2.0" is, and openapi 3.0 to 3.2`)
		return nil
	}
	l.doc.Version, l.doc.Dialect, l.version = "2.0", OpenAPI30, 0
	c := &converter{loader: l, old: root, replaced: map[*Node]*Node{}, schemas: map[*Node]bool{}, properties: map[*Node]*Node{}}
	c.consumes, c.produces = kinds(root.Get("consumes")), kinds(root.Get("produces"))
	out := c.object(root.At, nil)
	out.home.root = out
	c.put(out, "openapi", v.At, c.text("3.0.4", v.At))
	components := c.object(root.At, out)
	for _, k := range root.Keys {
		switch k.Name {
		case "swagger", "consumes", "produces", "schemes", "basePath", "host", "parameters", "responses", "definitions", "securityDefinitions":
		case "paths":
			c.put(out, "paths", k.At, k.Value)
		default:
			c.put(out, k.Name, k.At, k.Value)
		}
	}
	c.servers(out, root)
	c.sharedParts(components)
	c.put(out, "components", root.At, components)
	if paths := out.Get("paths"); paths != nil && paths.Kind == Map {
		for _, k := range paths.Keys {
			if !strings.HasPrefix(k.Name, "x-") {
				c.pathItem(k.Value)
			}
		}
	}
	c.rewrite()
	return out
}

// object makes an empty object; text a string.
func (c *converter) object(at gatehouse.Position, up *Node) *Node {
	return &Node{Kind: Map, At: at, home: c.old.home, up: up}
}

func (c *converter) text(s string, at gatehouse.Position) *Node {
	return &Node{Kind: String, Text: s, At: at, home: c.old.home}
}

func (c *converter) flag(on bool, at gatehouse.Position) *Node {
	n := &Node{Kind: Bool, Text: "false", At: at, home: c.old.home}
	if on {
		n.Text = "true"
	}
	return n
}

// put hangs v below m. A value that already hangs at two places keeps the last.
func (c *converter) put(m *Node, name string, at gatehouse.Position, v *Node) {
	if m.key(name) == nil {
		addKey(m, Key{Name: name, At: at, Value: v})
	}
}

// move takes the members called names over from one object to another.
func (c *converter) move(to, from *Node, names ...string) {
	for _, k := range from.Keys {
		if slices.Contains(names, k.Name) || strings.HasPrefix(k.Name, "x-") {
			c.put(to, k.Name, k.At, k.Value)
		}
	}
}

// kinds are the media types of consumes or produces.
func kinds(list *Node) []Key {
	if list == nil {
		return nil
	}
	out := []Key{}
	for _, item := range list.Items {
		if item.Kind == String && !slices.ContainsFunc(out, func(k Key) bool { return strings.EqualFold(k.Name, item.Text) }) {
			out = append(out, Key{Name: item.Text, At: item.At})
		}
	}
	return out
}

// refer notes a reference within the document. It returns what it leads to, nil if
// nowhere or into another file.
func (c *converter) refer(n *Node) (target *Node, is bool) {
	at := reference(n)
	if at == nil {
		return nil, false
	}
	pointer, local := strings.CutPrefix(at.Text, "#")
	if !local {
		return nil, true
	}
	if target = c.within(at, c.old, unescapePercent(pointer)); target != nil {
		c.references = append(c.references, moved{at, target})
	}
	return target, true
}

// foreign refuses references into other files where no schema stands: those files
// are not converted.
func (c *converter) foreign(n *Node) {
	if at := reference(n); at != nil && !strings.HasPrefix(at.Text, "#") {
		c.fail(at.At, "contract.document_reference", "a Swagger 2.0 document may refer to other files for schemas only", "bundle it into one file, or convert it to OpenAPI 3")
	}
}

// rewrite lets all references say where their targets stand now.
func (c *converter) rewrite() {
	for _, r := range c.references {
		target := r.target
		if anew := c.replaced[target]; anew != nil {
			target = anew
		}
		r.at.Text = "#" + escapeFragment(target.Pointer())
	}
}

func (c *converter) sharedParts(components *Node) {
	each := func(from, to string, one func(k Key) *Node) {
		list := c.old.Get(from)
		if list == nil {
			return
		}
		if list.Kind != Map {
			c.fail(list.At, "contract.document_type", shown(from)+" must be an object, not "+list.Kind.String(), "")
			return
		}
		m := c.object(list.At, components)
		c.put(components, to, c.old.KeyAt(from), m)
		for _, k := range list.Keys {
			if made := one(k); made != nil {
				c.put(m, k.Name, k.At, made)
			}
		}
	}
	each("definitions", "schemas", func(k Key) *Node { c.schema(k.Value); return k.Value })
	each("securityDefinitions", "securitySchemes", func(k Key) *Node { return c.securityScheme(k.Value) })
	each("responses", "responses", func(k Key) *Node { return c.response(k.Value, c.produces) })
	each("parameters", "parameters", func(k Key) *Node {
		if in := k.Value.Str("in"); in == "body" || in == "formData" {
			return nil
		}
		return c.parameter(k.Value)
	})
	each("parameters", "requestBodies", func(k Key) *Node {
		if k.Value.Str("in") != "body" {
			return nil
		}
		return c.body(k.Value, c.consumes)
	})
}

func (c *converter) servers(out, root *Node) {
	host, base, schemes := root.Get("host"), root.Get("basePath"), kinds(root.Get("schemes"))
	if host == nil && base == nil {
		return
	}
	at := root.KeyAt("basePath")
	path := root.Str("basePath")
	if path != "" && path[0] != '/' {
		c.fail(at, "contract.document_url", "the basePath "+shown(path)+` does not begin with "/"`, "")
		return
	}
	text := path
	if host != nil {
		at = host.At
		text = "https://" + host.Text + path
		if len(schemes) > 0 && !slices.ContainsFunc(schemes, func(k Key) bool { return k.Name == "https" }) {
			text = schemes[0].Name + "://" + host.Text + path
		}
		if host.Kind != String || strings.ContainsAny(host.Text, "/?#{}@") {
			c.fail(at, "contract.document_url", "the host "+shown(host.Text)+" is no host", "")
			return
		}
	}
	server := c.object(at, nil)
	c.put(server, "url", at, c.text(text, at))
	list := &Node{Kind: List, At: at, home: root.home}
	addItem(list, server)
	c.put(out, "servers", at, list)
}

// securityScheme converts a Security Scheme Object of 2.0.
func (c *converter) securityScheme(n *Node) *Node {
	if n.Kind != Map {
		return n
	}
	at := n.Get("type")
	out := c.object(n.At, nil)
	c.replaced[n] = out
	switch n.Str("type") {
	case "basic":
		c.move(out, n, "description")
		c.put(out, "type", at.At, c.text("http", at.At))
		c.put(out, "scheme", at.At, c.text("basic", at.At))
	case "oauth2":
		c.move(out, n, "type", "description")
		flow := n.Get("flow")
		name := map[string]string{"implicit": "implicit", "password": "password", "application": "clientCredentials", "accessCode": "authorizationCode"}[n.Str("flow")]
		if name == "" {
			c.fail(n.KeyAt("flow"), "contract.document_security", "an oauth2 security scheme has no flow that is known", oneOf([]string{"implicit", "password", "application", "accessCode"}))
			return out
		}
		made := c.object(flow.At, nil)
		c.move(made, n, "authorizationUrl", "tokenUrl", "scopes")
		flows := c.object(flow.At, nil)
		c.put(flows, name, flow.At, made)
		c.put(out, "flows", n.KeyAt("flow"), flows)
	default:
		return n
	}
	return out
}

// schema converts a schema, and all within, where it stands.
func (c *converter) schema(n *Node) {
	if n == nil || n.Kind != Map || c.schemas[n] {
		return
	}
	c.schemas[n] = true
	if _, is := c.refer(n); is {
		return
	}
	for i := range n.Keys {
		switch k := &n.Keys[i]; {
		case k.Name == "type" && k.Value.Kind == String && k.Value.Text == "file":
			k.Value.Text = "string"
			c.put(n, "format", k.At, c.text("binary", k.At))
		case k.Name == "discriminator" && k.Value.Kind == String:
			made := c.object(k.Value.At, n)
			made.index = k.Value.index
			c.put(made, "propertyName", k.Value.At, k.Value)
			k.Value = made
		case slices.Contains(schemaMaps, k.Name):
			for _, m := range k.Value.Keys {
				c.schema(m.Value)
			}
		case slices.Contains(schemaLists, k.Name):
			for _, item := range k.Value.Items {
				c.schema(item)
			}
		case slices.Contains(schemaMembers, k.Name):
			c.schema(k.Value)
		}
	}
	if n.True("x-nullable") {
		c.put(n, "nullable", n.KeyAt("x-nullable"), c.flag(true, n.KeyAt("x-nullable")))
	}
}

func unescapePercent(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
			b.WriteByte(unhex(s[i+1])<<4 | unhex(s[i+2]))
			i += 2
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
