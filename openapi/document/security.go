package document

import (
	"slices"
	"strings"
)

// schemes reads the security schemes.
func (v *viewer) schemes() {
	v.doc.Schemes = map[string]*SecurityScheme{}
	list := v.doc.Root.Get("components").Get("securitySchemes")
	if list == nil || list.Kind != Map {
		return
	}
	for _, k := range list.Keys {
		if n := v.follow(k.Value); n != nil && n.Kind == Map {
			v.doc.Schemes[k.Name] = v.scheme(n, k.Name)
		}
	}
}

func (v *viewer) scheme(n *Node, name string) *SecurityScheme {
	s := &SecurityScheme{Node: n, Name: name, Type: n.Str("type"), Scheme: strings.ToLower(n.Str("scheme")), In: n.Str("in"), Key: n.Str("name")}
	need := func(field string) {
		if at := n.Get(field); at == nil || at.Kind == String && at.Text == "" {
			v.fail(n.keyed(), "contract.document_security", "the security scheme "+shown(name)+" of type "+s.Type+" has no "+shown(field), "")
		}
	}
	switch s.Type {
	case "http":
		need("scheme")
	case "apiKey":
		need("name")
		need("in")
		if places := []string{"query", "header", "cookie"}; s.In != "" && !slices.Contains(places, s.In) {
			v.fail(n.Get("in").At, "contract.document_security", shown(s.In)+" is no place of an API key", oneOf(places))
		}
	case "oauth2":
		need("flows")
		flows := n.Get("flows")
		for _, flow := range flowsOf(flows) {
			for _, scope := range names(flow.Get("scopes")) {
				if !slices.Contains(s.Scopes, scope) {
					s.Scopes = append(s.Scopes, scope)
				}
			}
		}
	case "openIdConnect":
		need("openIdConnectUrl")
	case "mutualTLS":
		if v.version == 0 {
			v.warn(n.Get("type").At, "contract.document_security", `"mutualTLS" came with OpenAPI 3.1`, "")
		}
	case "":
	default:
		known := []string{"http", "apiKey", "oauth2", "openIdConnect", "mutualTLS"}
		hint := didYouMean(s.Type, known)
		if hint == "" {
			hint = oneOf(known)
		}
		v.fail(n.Get("type").At, "contract.document_security", shown(s.Type)+" is no type of a security scheme", hint)
	}
	return s
}

func flowsOf(flows *Node) []*Node {
	if flows == nil {
		return nil
	}
	var list []*Node
	for _, k := range flows.Keys {
		if k.Value.Kind == Map && !strings.HasPrefix(k.Name, "x-") {
			list = append(list, k.Value)
		}
	}
	return list
}

// security reads the member security of n: nil where it has none, empty where it
// asks for nothing.
func (v *viewer) security(n *Node) []Requirement {
	list := n.Get("security")
	if list == nil || list.Kind != List {
		return nil
	}
	out := []Requirement{}
	for _, item := range list.Items {
		if item.Kind != Map {
			continue
		}
		r := Requirement{}
		for _, k := range item.Keys {
			s := v.doc.Schemes[k.Name]
			if s == nil {
				v.fail(k.At, "contract.document_security", shown(k.Name)+" is no security scheme of the document",
					didYouMean(k.Name, names(v.doc.Root.Get("components").Get("securitySchemes"))))
				continue
			}
			use := SchemeUse{Scheme: k.Name}
			for _, scope := range k.Value.Items {
				use.Scopes = append(use.Scopes, scope.Text)
				if s.Type == "oauth2" && !slices.Contains(s.Scopes, scope.Text) {
					v.warn(scope.At, "contract.document_security", shown(scope.Text)+" is no scope of the security scheme "+shown(k.Name), didYouMean(scope.Text, s.Scopes))
				}
			}
			r = append(r, use)
		}
		out = append(out, r)
	}
	return out
}
