package filter

import "github.com/gatehouse/gatehouse/openapi/document"

// Unsettled reports whether a value that fits the schema at n may, once it is cut,
// fit it no more, or have more to be cut: whether [Options.Settle] is needed. target
// returns the node that the $ref of a node leads to, nil where it cannot tell.
func Unsettled(n *document.Node, target func(n *document.Node, ref string) *document.Node) bool {
	s := settling{target: target, seen: map[*document.Node]bool{}}
	return s.schema(n)
}

type settling struct {
	target func(*document.Node, string) *document.Node
	seen   map[*document.Node]bool
}

func (s *settling) schema(n *document.Node) bool {
	if n == nil || n.Kind != document.Map || s.seen[n] {
		return false
	}
	s.seen[n] = true
	for i := range n.Keys {
		v := n.Keys[i].Value
		switch n.Keys[i].Name {
		case "anyOf", "oneOf", "not", "if", "minProperties", "contains", "$dynamicRef", "$recursiveRef",
			"dependentRequired", "dependentSchemas", "dependencies":
			return true
		case "uniqueItems":
			if v.Text == "true" {
				return true
			}
		case "enum":
			for _, one := range v.Items {
				if one.Kind == document.Map || one.Kind == document.List {
					return true
				}
			}
		case "const":
			if v.Kind == document.Map || v.Kind == document.List {
				return true
			}
		case "required":
			for _, name := range v.Items {
				if n.Get("properties").Get(name.Text) == nil {
					return true
				}
			}
		case "$ref":
			to := s.target(n, v.Text)
			if to == nil || s.schema(to) {
				return true
			}
		case "properties", "patternProperties":
			for k := range v.Keys {
				if s.schema(v.Keys[k].Value) {
					return true
				}
			}
		case "allOf", "prefixItems":
			for _, one := range v.Items {
				if s.schema(one) {
					return true
				}
			}
		case "items", "additionalProperties", "unevaluatedProperties", "unevaluatedItems":
			if s.schema(v) {
				return true
			}
		}
	}
	return false
}
