package document

import (
	"slices"
	"strings"
)

// styles are those allowed for each place, the default first (OpenAPI 3.2.0,
// section 4.12.2).
var styles = map[string][]string{
	"path":   {"simple", "label", "matrix"},
	"query":  {"form", "spaceDelimited", "pipeDelimited", "deepObject"},
	"header": {"simple"},
	"cookie": {"form", "cookie"},
}

// parameterList reads one list of parameters, of a path whose template has holes.
func (v *viewer) parameterList(n *Node, holes []string, path string) []*Parameter {
	if n == nil || n.Kind != List {
		return nil
	}
	var list []*Parameter
	for _, item := range n.Items {
		at := v.follow(item)
		if at == nil || at.Kind != Map {
			continue
		}
		p := v.parameter(at)
		if p == nil {
			continue
		}
		if slices.ContainsFunc(list, func(o *Parameter) bool { return same(o, p) }) {
			v.fail(item.At, "contract.document_duplicate_parameter", "the "+p.In+" parameter "+shown(p.Name)+" stands twice", "")
			continue
		}
		if p.In == "path" && !slices.Contains(holes, p.Name) {
			v.fail(item.At, "contract.document_path_parameter", "the path parameter "+shown(p.Name)+" is not in the path "+shown(path),
				didYouMean(p.Name, holes))
			continue
		}
		list = append(list, p)
	}
	return list
}

// same reports whether one parameter overrides the other.
func same(a, b *Parameter) bool {
	return a.In == b.In && (a.Name == b.Name || a.In == "header" && strings.EqualFold(a.Name, b.Name))
}

// overridden returns own and those of shared that own does not override.
func (v *viewer) overridden(own, shared []*Parameter) []*Parameter {
	for _, p := range shared {
		if !slices.ContainsFunc(own, func(o *Parameter) bool { return same(o, p) }) {
			own = append(own[:len(own):len(own)], p)
		}
	}
	return own
}

// parameter reads a Parameter Object; nil for one that is ignored or broken.
func (v *viewer) parameter(n *Node) *Parameter {
	if p, made := v.parameters[n]; made {
		return p
	}
	v.parameters[n] = nil // should it turn out broken
	p := &Parameter{Node: n, Name: n.Str("name"), In: n.Str("in")}
	switch p.In {
	case "path", "query", "header", "cookie":
	case "querystring":
		if v.version < 2 {
			v.fail(n.Get("in").At, "contract.document_parameter", `"querystring" came with OpenAPI 3.2`, "")
			return nil
		}
	case "":
		return nil // told already
	default:
		v.fail(n.Get("in").At, "contract.document_parameter", shown(p.In)+" is no place of a parameter",
			didYouMean(p.In, []string{"path", "query", "header", "cookie"}))
		return nil
	}
	if p.Name == "" {
		if at := n.Get("name"); at != nil && at.Kind == String {
			v.fail(at.At, "contract.document_parameter", "a parameter's name is empty", "")
		}
		return nil
	}
	if p.In == "header" {
		if !token(p.Name) {
			v.fail(n.Get("name").At, "contract.document_parameter", shown(p.Name)+" is no name of a header", "")
			return nil
		}
		// OpenAPI 3.2.0, section 4.12.2.1
		if slices.Contains([]string{"accept", "content-type", "authorization"}, strings.ToLower(p.Name)) {
			v.warn(n.At, "contract.document_field", "the header parameter "+shown(p.Name)+" is ignored, as the specification has it", "")
			return nil
		}
	}
	p.Required = n.True("required")
	if p.In == "path" && !p.Required {
		v.fail(n.keyed(), "contract.document_parameter", "the path parameter "+shown(p.Name)+" lacks required: true", "")
	}
	v.describe(p, n)
	v.parameters[n] = p
	return p
}

// headerList reads the headers of an answer or a part.
func (v *viewer) headerList(n *Node) []*Parameter {
	if n == nil || n.Kind != Map {
		return nil
	}
	var list []*Parameter
	for _, k := range n.Keys {
		at := v.follow(k.Value)
		if at == nil || at.Kind != Map || strings.EqualFold(k.Name, "Content-Type") {
			continue // Content-Type is the media type's matter
		}
		if !token(k.Name) {
			v.fail(k.At, "contract.document_parameter", shown(k.Name)+" is no name of a header", "")
			continue
		}
		made := v.headers[at]
		if made == nil {
			made = &Parameter{Node: at, Required: at.True("required")}
			v.describe(made, at)
			v.headers[at] = made
		}
		h := *made
		h.Name = k.Name
		list = append(list, &h)
	}
	return list
}

// describe reads what parameters and headers have in common.
func (v *viewer) describe(p *Parameter, n *Node) {
	what := "the " + p.In + " parameter " + shown(p.Name)
	place := p.In
	if place == "" {
		what, place = "a header", "header"
	}
	p.Deprecated, p.AllowEmptyValue, p.AllowReserved = n.True("deprecated"), n.True("allowEmptyValue"), n.True("allowReserved")
	p.Schema = n.Get("schema")
	content := n.Get("content")
	switch {
	case p.Schema != nil && content != nil:
		v.fail(content.At, "contract.document_parameter", what+" has both schema and content", "keep one")
	case content != nil:
		list := v.content(content)
		if len(list) == 1 {
			p.Content = list[0]
		} else if content.Kind == Map && len(content.Keys) != 1 {
			v.fail(content.At, "contract.document_parameter", "the content of "+what+" must have one media type", "")
		}
	case p.Schema == nil:
		v.fail(n.keyed(), "contract.document_parameter", what+" has neither schema nor content", "")
	}
	if p.In == "querystring" {
		if p.Schema != nil {
			v.fail(p.Schema.At, "contract.document_parameter", what+" has a schema, where only content may stand", "")
		}
		return
	}
	v.style(p, n, place)
}

func (v *viewer) style(p *Parameter, n *Node, place string) {
	allowed := styles[place]
	if place == "cookie" && v.version < 2 {
		allowed = allowed[:1]
	}
	p.Style = allowed[0]
	if at := n.Get("style"); at != nil && at.Kind == String {
		if !slices.Contains(allowed, at.Text) {
			v.fail(at.At, "contract.document_style", "the style "+shown(at.Text)+" is not for "+place+" parameters", oneOf(allowed))
			return
		}
		p.Style = at.Text
	}
	p.Explode = p.Style == "form" || p.Style == "cookie"
	if at := n.Get("explode"); at != nil && at.Kind == Bool {
		p.Explode = at.Text == "true"
	}
}
