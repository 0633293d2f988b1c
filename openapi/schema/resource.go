package schema

import (
	"net/url"
	"strings"
	"unicode"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/document"
)

// A resource is a schema resource (JSON Schema core, section 4.3.5): a file, or a
// schema with an $id.
type resource struct {
	uri     *url.URL
	root    *document.Node
	anchors map[string]*document.Node
	dynamic map[string]*document.Node // $dynamicAnchor
	targets map[string]*node          // of dynamic, compiled where a $dynamicRef may lead there
	vocab   vocabulary
	// identified tells that uri is what the schema's own $id says.
	identified bool
	problem    error // its dialect is not known, which counts only if a schema of it is used
}

// A vocabulary is a set of those of JSON Schema 2020-12.
type vocabulary uint8

const (
	vApplicator vocabulary = 1 << iota
	vUnevaluated
	vValidation
	vFormat
	vFormatAssertion
	vOther              // content, meta-data: nothing is asserted
	vCore    vocabulary = 0
	vDefault            = vApplicator | vUnevaluated | vValidation | vFormat | vOther
)

const (
	draft2020  = "https://json-schema.org/draft/2020-12/schema"
	vocab2020  = "https://json-schema.org/draft/2020-12/vocab/"
	oasDialect = "https://spec.openapis.org/oas/3."
)

var vocabularies = map[string]vocabulary{
	"core": vCore, "applicator": vApplicator, "unevaluated": vUnevaluated, "validation": vValidation,
	"format-annotation": vFormat, "format-assertion": vFormat | vFormatAssertion, "content": vOther, "meta-data": vOther,
}

// A registry knows the resources of a document by their URI.
type registry struct {
	byURI  map[string]*resource
	at     map[*document.Node]*resource
	old    bool // OpenAPI 3.0: references are all there is
	assert bool // formats, whatever the dialect says
}

func (g *registry) add(uri *url.URL, root *document.Node, vocab vocabulary) *resource {
	r := &resource{uri: uri, root: root, vocab: vocab}
	g.byURI[uri.String()] = r
	g.at[root] = r
	return r
}

// Keywords whose value is, or holds, schemas.
var (
	schemaKeywords = []string{"additionalProperties", "contains", "contentSchema", "else", "if", "items", "not",
		"propertyNames", "then", "unevaluatedItems", "unevaluatedProperties"}
	listKeywords = []string{"allOf", "anyOf", "oneOf", "prefixItems"}
	mapKeywords  = []string{"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"}
)

// scan registers the identifiers within schema n, which belongs to r.
func (g *registry) scan(n *document.Node, r *resource) error {
	if n == nil || n.Kind != document.Map || g.old {
		return nil
	}
	r, err := g.identify(n, r)
	if err != nil {
		return err
	}
	for _, name := range schemaKeywords {
		if err := g.scan(n.Get(name), r); err != nil {
			return err
		}
	}
	for _, name := range listKeywords {
		if list := n.Get(name); list != nil {
			for _, item := range list.Items {
				if err := g.scan(item, r); err != nil {
					return err
				}
			}
		}
	}
	for _, name := range mapKeywords {
		if m := n.Get(name); m != nil {
			for i := range m.Keys {
				if err := g.scan(m.Keys[i].Value, r); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// identify registers the identifiers of n itself, and returns the resource it
// belongs to.
func (g *registry) identify(n *document.Node, r *resource) (*resource, error) {
	if own := g.at[n]; own != nil && own.identified {
		return own, nil
	}
	if id := n.Str("$id"); id != "" {
		u, err := url.Parse(id)
		if err != nil {
			return nil, &gatehouse.Error{Code: "contract.schema", Message: "$id is no URI reference", At: n.KeyAt("$id")}
		}
		u = join(r.uri, u)
		u.Fragment, u.RawFragment = "", ""
		if u.String() != r.uri.String() || n == r.root {
			own := g.at[n]
			switch known := g.byURI[u.String()]; {
			case known != nil && known.root != n:
				return nil, &gatehouse.Error{Code: "contract.schema", Message: "$id " + shown(id) + " stands twice", At: n.KeyAt("$id")}
			case own == nil:
				own = g.add(u, n, r.vocab)
			case known == nil: // the root of a file, by another name
				own.uri = u
				g.byURI[u.String()] = own
			}
			own.identified = true
			r = own
		}
	}
	if s := n.Str("$schema"); s != "" && r.root == n {
		r.vocab, r.problem = g.dialect(s, n)
	}
	for _, name := range [...]string{"$anchor", "$dynamicAnchor"} {
		a := n.Str(name)
		if a == "" {
			continue
		}
		if known := r.anchors[a]; known != nil && known != n {
			return nil, &gatehouse.Error{Code: "contract.schema", Message: name + " " + shown(a) + " stands twice", At: n.KeyAt(name)}
		}
		if r.anchors == nil {
			r.anchors = map[string]*document.Node{}
		}
		r.anchors[a] = n
		if name == "$dynamicAnchor" {
			if r.dynamic == nil {
				r.dynamic = map[string]*document.Node{}
			}
			r.dynamic[a] = n
		}
	}
	return r, nil
}

// dialect returns the vocabularies of the dialect that $schema names.
func (g *registry) dialect(s string, n *document.Node) (vocabulary, error) {
	v, err := g.vocabulary(s, n)
	if g.assert {
		v |= vFormatAssertion
	}
	return v, err
}

func (g *registry) vocabulary(s string, n *document.Node) (vocabulary, error) {
	s = strings.TrimSuffix(s, "#")
	if s == draft2020 || strings.HasPrefix(s, oasDialect) {
		return vDefault, nil
	}
	meta := g.byURI[s]
	if meta == nil {
		return 0, &gatehouse.Error{Code: "contract.dialect", Message: "the schema dialect " + shown(s) + " is not known",
			Hint: "JSON Schema 2020-12 and OpenAPI's own are", At: n.KeyAt("$schema")}
	}
	list := meta.root.Get("$vocabulary")
	if list == nil {
		return vDefault, nil
	}
	v := vocabulary(0)
	for i := range list.Keys {
		k := &list.Keys[i]
		name, ok := strings.CutPrefix(k.Name, vocab2020)
		bits, known := vocabularies[name]
		if ok && known {
			v |= bits
		} else if k.Value.Text == "true" {
			return 0, &gatehouse.Error{Code: "contract.dialect", Message: "the vocabulary " + shown(k.Name) + " is not known", At: k.At}
		}
	}
	return v, nil
}

// scanFile registers the identifiers of a file, whatever it is.
func (g *registry) scanFile(n *document.Node, r *resource) error {
	if n.Get("openapi") == nil {
		return g.scan(n, r)
	}
	return g.scanObjects(n, r, "")
}

// scanObjects looks for the schemas within OpenAPI's other objects.
func (g *registry) scanObjects(n *document.Node, r *resource, under string) error {
	for _, item := range n.Items {
		if err := g.scanObjects(item, r, ""); err != nil {
			return err
		}
	}
	for i := range n.Keys {
		k := &n.Keys[i]
		var err error
		switch {
		case k.Name == "schema" || k.Name == "itemSchema" || under == "schemas":
			err = g.scan(k.Value, r)
		case k.Name == "example" || k.Name == "examples" || k.Name == "default" || strings.HasPrefix(k.Name, "x-"):
		default:
			err = g.scanObjects(k.Value, r, k.Name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// resolve finds what the reference ref in a schema of r leads to.
func (g *registry) resolve(r *resource, ref string) (*document.Node, *resource, string) {
	before, fragment, _ := strings.Cut(ref, "#")
	if before != "" {
		u, err := url.Parse(before)
		if err != nil {
			return nil, nil, "is no URI reference"
		}
		to := g.byURI[join(r.uri, u).String()]
		if to == nil {
			return nil, nil, "leads to what is not a part of the document"
		}
		r = to
	}
	fragment, err := url.PathUnescape(fragment)
	switch {
	case err != nil:
		return nil, nil, "has a fragment that is not well-formed"
	case fragment == "":
		return r.root, r, ""
	case fragment[0] != '/':
		n := r.anchors[fragment]
		if n == nil {
			return nil, nil, "names an anchor that is not there"
		}
		return n, r, ""
	}
	n, r := g.follow(r, fragment)
	if n == nil {
		return nil, nil, "leads nowhere"
	}
	return n, r, ""
}

// follow finds the node at pointer below the root of r, and its resource.
func (g *registry) follow(r *resource, pointer string) (*document.Node, *resource) {
	n := r.root
	for pointer != "" && n != nil {
		end := strings.IndexByte(pointer[1:], '/') + 1
		if end == 0 {
			end = len(pointer)
		}
		n, pointer = n.Find(pointer[:end]), pointer[end:]
		if own := g.at[n]; own != nil && n != nil {
			r = own
		}
	}
	return n, r
}

// join resolves ref against base; a URN is no base (RFC 3986, section 5).
func join(base, ref *url.URL) *url.URL {
	if base.Opaque != "" && !ref.IsAbs() {
		u := *ref
		return &u
	}
	return base.ResolveReference(ref)
}

// shown is a part of the document as it stands in a message: short, inert.
func shown(s string) string {
	return `"` + inert(s, 80) + `"`
}

// inert is at most most bytes of s, and nothing that could start a line or move a
// terminal's cursor.
func inert(s string, most int) string {
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

// fragment returns what stands behind the "#" of a reference, decoded.
func fragment(ref string) string {
	_, f, _ := strings.Cut(ref, "#")
	if d, err := url.PathUnescape(f); err == nil {
		return d
	}
	return f
}
