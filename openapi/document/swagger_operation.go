package document

import (
	"fmt"
	"slices"
	"strings"
)

// simpleKeywords are the schema keywords that stand in parameters, items and
// headers of Swagger 2.0 themselves.
var simpleKeywords = []string{"type", "format", "items", "default", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum",
	"maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems", "enum", "multipleOf", "example", "nullable"}

func (c *converter) pathItem(n *Node) {
	if n.Kind != Map {
		return
	}
	c.foreign(n)
	c.refer(n)
	shared := n.Get("parameters")
	var inherited []*Node
	if shared != nil && shared.Kind == List {
		var keep []*Node
		for _, p := range shared.Items {
			if in := c.resolved(p).Str("in"); in == "body" || in == "formData" {
				inherited = append(inherited, p)
			} else {
				keep = append(keep, c.parameter(p))
			}
		}
		shared.Items = nil
		for _, p := range keep {
			addItem(shared, p)
		}
	}
	for _, m := range fixedMethods {
		if op := n.Get(m); op != nil && op.Kind == Map {
			c.operation(op, inherited)
		}
	}
}

// resolved is the parameter or response that n is or refers to.
func (c *converter) resolved(n *Node) *Node {
	for range 20 {
		at := reference(n)
		if at == nil {
			return n
		}
		pointer, local := strings.CutPrefix(at.Text, "#")
		if !local {
			return nil
		}
		n = c.old.Find(unescapePercent(pointer))
	}
	return nil
}

// operation converts an Operation Object where it stands.
func (c *converter) operation(op *Node, inherited []*Node) {
	consumes, produces := c.consumes, c.produces
	if own := kinds(op.Get("consumes")); own != nil {
		consumes = own
	}
	if own := kinds(op.Get("produces")); own != nil {
		produces = own
	}
	var parameters *Node
	var bodies, forms []*Node
	collect := func(p *Node) {
		switch what := c.resolved(p); what.Str("in") {
		case "body":
			bodies = append(bodies, p)
		case "formData":
			forms = append(forms, what)
		default:
			addItem(parameters, c.parameter(p))
		}
	}
	old := *op
	op.Keys, op.names = nil, nil
	for _, k := range old.Keys {
		switch {
		case k.Name == "consumes", k.Name == "produces", k.Name == "schemes":
		case k.Name == "parameters" && k.Value.Kind == List:
			parameters = &Node{Kind: List, At: k.Value.At, home: op.home}
			for _, p := range k.Value.Items {
				collect(p)
			}
			c.put(op, k.Name, k.At, parameters)
		case k.Name == "responses" && k.Value.Kind == Map:
			responses := c.object(k.Value.At, nil)
			c.put(op, k.Name, k.At, responses)
			for _, r := range k.Value.Keys {
				made := r.Value
				if !strings.HasPrefix(r.Name, "x-") {
					made = c.response(r.Value, produces)
				}
				c.put(responses, r.Name, r.At, made)
			}
		default:
			c.put(op, k.Name, k.At, k.Value)
		}
	}
	c.inherit(inherited, &bodies, &forms)
	c.requestBody(op, bodies, forms, consumes)
}

// inherit adds what the path item says about bodies and the operation does not.
func (c *converter) inherit(inherited []*Node, bodies, forms *[]*Node) {
	own := len(*bodies) > 0
	for _, p := range inherited {
		what := c.resolved(p)
		if what.Str("in") == "body" {
			if !own && len(*forms) == 0 {
				*bodies = append(*bodies, p)
			}
		} else if !own && !slices.ContainsFunc(*forms, func(f *Node) bool { return f.Str("name") == what.Str("name") }) {
			*forms = append(*forms, what)
		}
	}
}

func (c *converter) requestBody(op *Node, bodies, forms []*Node, consumes []Key) {
	switch {
	case len(bodies) > 1 || len(bodies) == 1 && len(forms) > 0:
		c.fail(bodies[len(bodies)-1].At, "contract.document_parameter", "an operation has more than one body", "")
	case len(bodies) == 1:
		p := bodies[0]
		body := p
		if target, is := c.refer(p); !is || target == nil || target.up != c.old.Get("parameters") || !slices.EqualFunc(consumes, c.consumes, func(a, b Key) bool { return a.Name == b.Name }) {
			if what := c.resolved(p); what != nil {
				body = c.body(what, consumes)
			}
		}
		c.put(op, "requestBody", p.At, body)
	case len(forms) > 0:
		c.put(op, "requestBody", forms[0].At, c.form(forms, consumes))
	}
}

// body converts a parameter in the body. Its schema is shared by all media types.
func (c *converter) body(n *Node, consumes []Key) *Node {
	out := c.object(n.At, nil)
	if c.replaced[n] == nil {
		c.replaced[n] = out
	}
	c.move(out, n, "description", "required")
	c.schema(n.Get("schema"))
	c.content(out, n, consumes)
	return out
}

// content puts the schema of n below each media type.
func (c *converter) content(out, n *Node, types []Key) {
	if len(types) == 0 {
		types = []Key{{Name: "application/json", At: n.At}}
	}
	m := c.object(n.At, nil)
	c.put(out, "content", n.At, m)
	if !c.charge(n.Get("schema"), len(types)-1) {
		return
	}
	for _, t := range types {
		media := c.object(t.At, nil)
		if s := n.Get("schema"); s != nil {
			c.put(media, "schema", n.KeyAt("schema"), s)
		}
		c.put(m, t.Name, t.At, media)
	}
}

// charge counts a schema that is shared as if it stood there times more, for so it
// will be written; false and an error where that is too much.
func (c *converter) charge(n *Node, times int) bool {
	if n == nil || times <= 0 {
		return true
	}
	before := c.growth.nodes
	c.growth.nodes += times * n.count()
	if limit := c.growth.limits.Nodes; c.growth.nodes > limit {
		if before <= limit {
			c.fail(n.At, "contract.document_size", fmt.Sprintf("the document holds more than %d values", limit), "list fewer media types")
		}
		return false
	}
	return true
}

// form makes the request body of parameters in formData.
func (c *converter) form(forms []*Node, consumes []Key) *Node {
	at := forms[0].At
	schema, properties, encoding := c.object(at, nil), c.object(at, nil), c.object(at, nil)
	required := &Node{Kind: List, At: at, home: c.old.home}
	c.put(schema, "type", at, c.text("object", at))
	c.put(schema, "properties", at, properties)
	file, needed := false, false
	for _, f := range forms {
		name := f.Get("name")
		if name == nil || name.Kind != String {
			c.fail(f.At, "contract.document_missing", `a parameter has no "name"`, "")
			continue
		}
		if properties.Get(name.Text) != nil {
			c.fail(f.At, "contract.document_duplicate_parameter", "the formData parameter "+shown(name.Text)+" stands twice", "")
			continue
		}
		file = file || f.Str("type") == "file"
		if f.True("required") {
			needed = true
			addItem(required, c.text(name.Text, name.At))
		}
		if f.Str("type") == "array" {
			e := c.object(f.At, nil)
			c.collection(e, f, "formData")
			c.put(encoding, name.Text, f.At, e)
		}
		c.put(properties, name.Text, name.At, c.property(f))
	}
	if len(required.Items) > 0 {
		c.put(schema, "required", at, required)
	}
	media := c.object(at, nil)
	c.put(media, "schema", at, schema)
	if len(encoding.Keys) > 0 {
		c.put(media, "encoding", at, encoding)
	}
	content := c.object(at, nil)
	for _, t := range formTypes(consumes, file) {
		c.put(content, t.Name, t.At, media)
	}
	out := c.object(at, nil)
	c.put(out, "required", at, c.flag(needed, at))
	c.put(out, "content", at, content)
	return out
}

// formTypes are those of consumes that a form can be sent as.
func formTypes(consumes []Key, file bool) []Key {
	const multi, plain = "multipart/form-data", "application/x-www-form-urlencoded"
	var out []Key
	for _, t := range consumes {
		if strings.EqualFold(t.Name, multi) || strings.EqualFold(t.Name, plain) && !file {
			out = append(out, t)
		}
	}
	if out == nil && file {
		out = []Key{{Name: multi}}
	} else if out == nil {
		out = []Key{{Name: plain}}
	}
	return out
}

// property is the schema of a form parameter, made once.
func (c *converter) property(n *Node) *Node {
	s := c.properties[n]
	if s == nil {
		s = c.simple(n)
		c.properties[n] = s
	}
	return s
}

// simple makes a schema of what a parameter, items or a header says itself.
func (c *converter) simple(n *Node) *Node {
	s := c.object(n.At, nil)
	c.move(s, n, simpleKeywords...)
	if items := n.Get("items"); items.Str("collectionFormat") != "" && items.Str("type") == "array" {
		c.warn(items.At, "contract.document_style", "lists in lists cannot be told apart in a parameter", "")
	}
	c.schema(s)
	return s
}

// parameter converts what does not stand in the body, or returns a reference.
func (c *converter) parameter(n *Node) *Node {
	if n.Kind != Map {
		return n
	}
	c.foreign(n)
	if _, is := c.refer(n); is {
		return n
	}
	if made := c.replaced[n]; made != nil {
		return made
	}
	out := c.object(n.At, nil)
	c.replaced[n] = out
	c.move(out, n, "name", "in", "description", "required", "allowEmptyValue")
	if n.Str("type") == "array" {
		c.collection(out, n, n.Str("in"))
	}
	c.put(out, "schema", n.At, c.simple(n))
	return out
}

// collection turns a collectionFormat into style and explode. What is not said is
// csv: without explode, other than OpenAPI 3 has it.
func (c *converter) collection(out, n *Node, in string) {
	format, at := "csv", n.KeyAt("collectionFormat")
	if f := n.Get("collectionFormat"); f != nil {
		format, at = f.Text, f.At
	}
	style := map[string]string{"csv": "form", "multi": "form", "ssv": "spaceDelimited", "pipes": "pipeDelimited"}[format]
	switch {
	case style == "", in != "query" && in != "formData" && format != "csv":
		c.fail(at, "contract.document_style", "the collectionFormat "+shown(format)+" has no counterpart in OpenAPI 3 for "+in+" parameters", "")
	case in == "query" || in == "formData":
		c.put(out, "style", at, c.text(style, at))
		c.put(out, "explode", at, c.flag(format == "multi", at))
	}
}

func (c *converter) response(n *Node, produces []Key) *Node {
	if n.Kind != Map {
		return n
	}
	c.foreign(n)
	if _, is := c.refer(n); is {
		return n
	}
	if made := c.replaced[n]; made != nil {
		return made
	}
	out := c.object(n.At, nil)
	c.replaced[n] = out
	c.move(out, n, "description")
	if headers := n.Get("headers"); headers != nil && headers.Kind == Map {
		m := c.object(headers.At, nil)
		c.put(out, "headers", n.KeyAt("headers"), m)
		for _, k := range headers.Keys {
			h := c.object(k.Value.At, nil)
			c.move(h, k.Value, "description")
			if k.Value.Str("type") == "array" {
				c.collection(h, k.Value, "header")
			}
			c.put(h, "schema", k.Value.At, c.simple(k.Value))
			c.put(m, k.Name, k.At, h)
		}
	}
	if s := n.Get("schema"); s != nil {
		c.schema(s)
		c.content(out, n, produces)
	}
	return out
}
