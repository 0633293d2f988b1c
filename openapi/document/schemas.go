package document

import (
	"slices"
	"strings"
)

// Where schemas stand in schemas (JSON Schema 2020-12, with the older places that
// draft-07 and OpenAPI 3.0 have).
var (
	schemaMaps    = []string{"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"}
	schemaLists   = []string{"allOf", "anyOf", "oneOf", "prefixItems"}
	schemaMembers = []string{"items", "additionalItems", "contains", "additionalProperties", "propertyNames",
		"unevaluatedItems", "unevaluatedProperties", "not", "if", "then", "else", "contentSchema"}
)

// schema walks one schema: its $id and anchors become known, its references are
// followed, the schemas within are queued.
func (c *crawler) schema(n *Node) {
	if n.Kind == Bool && c.version > 0 {
		return
	}
	if n.Kind != Map {
		want := "an object or a boolean"
		if c.version == 0 {
			want = "an object"
		}
		c.wrong(n, "a schema", want)
		return
	}
	if at := n.Get("$ref"); at != nil && at.Kind != String {
		c.wrong(at, `"$ref"`, "a string")
	}
	if c.version == 0 {
		if at := reference(n); at != nil {
			c.refer(at, visit{n, nil}, true, false)
			return // what stands beside a reference does not count
		}
	} else {
		c.identify(n)
		for _, name := range [...]string{"$ref", "$dynamicRef"} {
			if at := n.Get(name); at != nil && at.Kind == String {
				c.refer(at, visit{n, nil}, name == "$ref", false)
			}
		}
	}
	for i := range n.Keys {
		c.keyword(n, n.Keys[i].Name, n.Keys[i].Value)
	}
}

func (c *crawler) keyword(n *Node, name string, v *Node) {
	switch {
	case slices.Contains(schemaMaps, name):
		if v.Kind != Map {
			c.wrong(v, shown(name), "an object")
			return
		}
		for i := range v.Keys {
			c.queue = append(c.queue, visit{v.Keys[i].Value, nil})
			if name == "dependentSchemas" {
				c.inPlace[n] = append(c.inPlace[n], v.Keys[i].Value)
			}
		}
	case slices.Contains(schemaLists, name):
		if v.Kind != List {
			c.wrong(v, shown(name), "a list")
			return
		}
		for _, item := range v.Items {
			c.queue = append(c.queue, visit{item, nil})
			if name != "prefixItems" {
				c.inPlace[n] = append(c.inPlace[n], item)
			}
		}
	case slices.Contains(schemaMembers, name):
		if v.Kind == List && name == "items" && c.version > 0 { // draft-07
			for _, item := range v.Items {
				c.queue = append(c.queue, visit{item, nil})
			}
			return
		}
		if v.Kind == Bool && name == "additionalProperties" {
			return
		}
		c.queue = append(c.queue, visit{v, nil})
		if name == "not" || name == "if" || name == "then" || name == "else" {
			c.inPlace[n] = append(c.inPlace[n], v)
		}
	case name == "discriminator":
		c.discriminator(v)
	}
}

// identify registers $id, $anchor and $dynamicAnchor.
func (c *crawler) identify(n *Node) {
	id, anchor, dynamic := n.Str("$id"), n.Str("$anchor"), n.Str("$dynamicAnchor")
	if id == "" && anchor == "" && dynamic == "" {
		return
	}
	base := c.base(n).String()
	if id != "" && !strings.HasPrefix(id, "#") {
		if other := c.ids[base]; other == nil {
			c.ids[base] = n
		} else if other != n {
			if byPlace(n.At, other.At) < 0 {
				n, other = other, n
			}
			c.fail(n.Get("$id").At, "contract.document_duplicate_id", "the $id "+shown(id)+" stands twice", "the first is at "+other.At.String())
		}
	}
	for _, name := range [...]string{anchor, dynamic} {
		if name != "" && c.anchors[base+"#"+name] == nil {
			c.anchors[base+"#"+name] = n
		}
	}
}

// discriminator follows the mapping: names of components, or references.
func (c *crawler) discriminator(n *Node) {
	if n.Kind != Map {
		return
	}
	m := n.Get("mapping")
	if m == nil || m.Kind != Map {
		return
	}
	for i := range m.Keys {
		v := m.Keys[i].Value
		if v.Kind != String {
			c.wrong(v, "a mapping", "a string")
			continue
		}
		if c.doc.Root.Find("/components/schemas/"+escapeToken(v.Text)) != nil {
			continue
		}
		if !strings.ContainsAny(v.Text, "/#.:") {
			c.broken(v, "names no schema of the document", didYouMean(v.Text, names(c.doc.Root.Find("/components/schemas"))))
			continue
		}
		c.refer(v, visit{n, nil}, false, false)
	}
}

// loops finds schemas that apply themselves to the same value for ever.
func (c *crawler) loops() {
	const open, done = 1, 2
	state := make(map[*Node]uint8, len(c.inPlace))
	type step struct {
		n    *Node
		next int
	}
	for _, start := range c.inOrder() {
		if state[start] != 0 {
			continue
		}
		stack := []step{{n: start}}
		state[start] = open
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			if top.next == len(c.inPlace[top.n]) {
				state[top.n] = done
				stack = stack[:len(stack)-1]
				continue
			}
			next := c.inPlace[top.n][top.next]
			top.next++
			switch state[next] {
			case open:
				c.fail(next.At, "contract.document_cycle", "the schema applies itself to the same value without end", "a schema may refer to itself below a property or items only")
			case 0:
				state[next] = open
				stack = append(stack, step{n: next})
			}
		}
	}
}

// inOrder are the schemas with others in place, in the document's order, so that
// the same document always gives the same errors.
func (c *crawler) inOrder() []*Node {
	list := make([]*Node, 0, len(c.inPlace))
	for n := range c.inPlace {
		list = append(list, n)
	}
	sortByPlace(list)
	return list
}
