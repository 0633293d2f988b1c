package openapi

import (
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse/openapi/document"
)

// Members of a schema that hold one schema, a list of them, or a map.
var (
	oneSchema = []string{"not", "items", "additionalProperties", "unevaluatedProperties", "unevaluatedItems", "additionalItems", "contains", "propertyNames",
		"if", "then", "else", "contentSchema"}
	schemaList = []string{"allOf", "anyOf", "oneOf", "prefixItems"}
	schemaMap  = []string{"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"}
	notShown   = []string{"$id", "$schema"} // every reference is written anew
)

func (r *rendering) schema(out []byte, n *document.Node) []byte {
	if n.Kind != document.Map {
		return n.AppendJSON(out)
	}
	m := object(out)
	hidden := r.hidden(n)
	for i := range n.Keys {
		k := &n.Keys[i]
		v := k.Value
		switch {
		case strings.HasPrefix(k.Name, "x-"), slices.Contains(notShown, k.Name),
			len(r.v.Hide) > 0 && slices.Contains([]string{"example", "examples", "default"}, k.Name),
			k.Name == "discriminator" && r.secret[v.Str("propertyName")]:
			continue
		}
		m.key(k.Name)
		switch {
		case k.Name == "$ref" && v.Kind == document.String:
			m.out = quoted(m.out, r.reference(n, v.Text))
		case slices.Contains(oneSchema, k.Name) && v.Kind == document.Map:
			m.out = r.schema(m.out, v)
		case slices.Contains(schemaList, k.Name) && v.Kind == document.List:
			m.out = append(m.out, '[')
			for j, item := range v.Items {
				if j > 0 {
					m.out = append(m.out, ',')
				}
				m.out = r.schema(m.out, item)
			}
			m.out = append(m.out, ']')
		case slices.Contains(schemaMap, k.Name) && v.Kind == document.Map:
			if k.Name == "dependentSchemas" {
				v = r.open(v)
			}
			m.out = r.properties(m.out, v, k.Name == "properties")
		case k.Name == "required" && v.Kind == document.List && len(hidden)+len(r.secret) > 0:
			m.out = r.required(m.out, v, hidden)
		case (k.Name == "dependentRequired" || k.Name == "dependencies") && v.Kind == document.Map && len(r.secret) > 0:
			m.out = r.all(m.out, r.open(v), func(out []byte, n *document.Node) []byte {
				if n.Kind == document.List {
					return r.required(out, n, nil)
				}
				return r.schema(out, n)
			})
		case k.Name == "discriminator":
			m.out = r.discriminator(m.out, v)
		default:
			m.out = v.AppendJSON(m.out)
		}
	}
	return m.end()
}

// properties writes a map of schemas without those that are not for this view. named
// tells that the keys are names of properties.
func (r *rendering) properties(out []byte, n *document.Node, named bool) []byte {
	m := object(out)
	for i := range n.Keys {
		k := &n.Keys[i]
		if r.hides(k.Value) {
			r.unshown[k.Name] = r.unshown[k.Name] || named
			continue
		}
		r.shown[k.Name] = r.shown[k.Name] || named
		m.key(k.Name)
		m.out = r.schema(m.out, k.Value)
	}
	return m.end()
}

// open returns a map by names of properties without those that are secret.
func (r *rendering) open(n *document.Node) *document.Node {
	if len(r.secret) == 0 || n == nil {
		return n
	}
	less := *n
	less.Keys = slices.DeleteFunc(slices.Clone(n.Keys), func(k document.Key) bool { return r.secret[k.Name] })
	return &less
}

// hides reports whether a property is not for this view: by the class of its schema,
// of what that stands for, or of what it is made of.
func (r *rendering) hides(n *document.Node) bool {
	return len(r.v.Hide) > 0 && r.hidesAt(n, 0)
}

func (r *rendering) hidesAt(n *document.Node, depth int) bool {
	if n == nil || n.Kind != document.Map || depth > 16 {
		return false
	}
	if r.v.hides(n.Str("x-gatehouse-class")) {
		return true
	}
	if ref := n.Get("$ref"); ref != nil && r.hidesAt(r.c.target(n, ref.Text), depth+1) {
		return true
	}
	return slices.ContainsFunc(items(n.Get("allOf")), func(item *document.Node) bool { return r.hidesAt(item, depth+1) })
}

func (r *rendering) hidden(n *document.Node) []string {
	if len(r.v.Hide) == 0 {
		return nil
	}
	var names []string
	for _, k := range keys(n.Get("properties")) {
		if r.hides(k.Value) {
			names = append(names, k.Name)
		}
	}
	return names
}

func (r *rendering) required(out []byte, n *document.Node, hidden []string) []byte {
	out = append(out, '[')
	some := false
	for _, item := range n.Items {
		if slices.Contains(hidden, item.Text) || r.secret[item.Text] {
			continue
		}
		if some {
			out = append(out, ',')
		}
		some = true
		out = item.AppendJSON(out)
	}
	return append(out, ']')
}

// discriminator names schemas by reference or by their name.
func (r *rendering) discriminator(out []byte, n *document.Node) []byte {
	return r.each(out, n, func(k *document.Key, out []byte) []byte {
		switch {
		case k.Name == "mapping" && k.Value.Kind == document.Map:
			return r.all(out, k.Value, func(out []byte, v *document.Node) []byte {
				ref := v.Text
				if r.c.doc.Root.Get("components").Get("schemas").Get(ref) != nil {
					ref = "#/components/schemas/" + escapePointer(ref)
					return quoted(out, r.reference(r.c.doc.Root, ref))
				}
				return quoted(out, r.reference(n, ref))
			})
		case k.Name == "defaultMapping" && k.Value.Kind == document.String && strings.ContainsAny(k.Value.Text, "/#"):
			return quoted(out, r.reference(n, k.Value.Text))
		}
		return k.Value.AppendJSON(out)
	})
}
