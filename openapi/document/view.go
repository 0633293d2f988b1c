package document

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// A viewer makes the typed view of a document whose fields have been judged, and
// judges what no table can. What is used twice is made once.
type viewer struct {
	*loader
	parameters map[*Node]*Parameter
	headers    map[*Node]*Parameter // named elsewhere: copied
	bodies     map[*Node]*RequestBody
	responses  map[*Node]*Response
	media      map[*Node]*Media
	operations map[string]*Operation // by operationId
	paths      map[string]Key        // by template with all names left out
	taken      map[string]Key        // by method and such a template
}

func (l *loader) view() {
	v := &viewer{
		loader:     l,
		parameters: map[*Node]*Parameter{},
		headers:    map[*Node]*Parameter{},
		bodies:     map[*Node]*RequestBody{},
		responses:  map[*Node]*Response{},
		media:      map[*Node]*Media{},
		operations: map[string]*Operation{},
		paths:      map[string]Key{},
		taken:      map[string]Key{},
	}
	d, root := l.doc, l.doc.Root
	info := root.Get("info")
	d.Title, d.Summary, d.APIVersion = info.Str("title"), info.Str("summary"), info.Str("version")
	d.Servers = v.servers(root)
	if d.Servers == nil {
		d.Servers = []Server{{URL: "/"}}
	}
	v.schemes()
	d.Security = v.security(root)
	paths := root.Get("paths")
	if paths == nil && (l.version == 0 || root.Get("components") == nil && root.Get("webhooks") == nil) {
		l.fail(root.At, "contract.document_missing", `a document has no "paths"`, "")
	}
	if paths != nil {
		for i := range paths.Keys {
			if k := paths.Keys[i]; !strings.HasPrefix(k.Name, "x-") {
				v.path(k)
			}
		}
	}
	d.Webhooks = names(root.Get("webhooks"))
}

// path adds the operations of one path.
func (v *viewer) path(k Key) {
	holes, bare, why := template(k.Name)
	if why != "" {
		v.fail(k.At, "contract.document_path", "the path "+shown(k.Name)+" "+why, "")
		return
	}
	if twin, taken := v.paths[bare]; taken {
		v.warn(k.At, "contract.document_duplicate_path", "the path "+shown(k.Name)+" is the same as "+shown(twin.Name), line(twin.At))
	}
	v.paths[bare] = k
	parts := v.pathItem(k.Value)
	var shared []*Parameter
	var servers []Server
	for _, item := range parts {
		shared = v.overridden(v.parameterList(item.Get("parameters"), holes, k.Name), shared)
		if servers == nil {
			servers = v.servers(item)
		}
	}
	if servers == nil {
		servers = v.doc.Servers
	}
	seen := map[string]bool{}
	add := func(method string, n *Node) {
		if n.Kind == Map && !seen[method] {
			seen[method] = true
			if twin, taken := v.taken[method+" "+bare]; taken {
				v.fail(n.keyed(), "contract.document_duplicate_path", method+" of the path "+shown(k.Name)+" is the same as that of "+shown(twin.Name), line(twin.At))
			}
			v.taken[method+" "+bare] = k
			v.operation(n, method, k.Name, holes, shared, servers)
		}
	}
	for _, item := range parts {
		for _, m := range item.Keys {
			if slices.Contains(fixedMethods, m.Name) || m.Name == "query" && v.version >= 2 {
				add(strings.ToUpper(m.Name), m.Value)
			}
		}
		if more := item.Get("additionalOperations"); more != nil && v.version >= 2 {
			for _, m := range more.Keys {
				if slices.Contains(fixedMethods, strings.ToLower(m.Name)) || strings.EqualFold(m.Name, "query") || !token(m.Name) {
					v.fail(m.At, "contract.document_method", shown(m.Name)+" is no name of an additional method", "")
					continue
				}
				add(m.Name, m.Value)
			}
		}
	}
}

// pathItem returns a path item and what it refers to: its own fields win.
func (v *viewer) pathItem(n *Node) []*Node {
	var parts []*Node
	for n != nil && n.Kind == Map && len(parts) < 100 {
		parts = append(parts, n)
		at := reference(n)
		if at == nil {
			return parts
		}
		n, _ = v.lookUp(at, true)
		if slices.Contains(parts, n) {
			v.fail(at.At, "contract.document_cycle", "the reference "+shown(at.Text)+" leads back to itself", "")
			return parts
		}
	}
	return parts
}

func line(at gatehouse.Position) string { return fmt.Sprintf("that is in line %d", at.Line) }

func (v *viewer) operation(n *Node, method, path string, holes []string, shared []*Parameter, servers []Server) {
	op := &Operation{
		Node: n, Method: method, Path: path, ID: n.Str("operationId"), Summary: n.Str("summary"), Deprecated: n.True("deprecated"),
		Security: v.doc.Security, Servers: servers,
	}
	if op.ID == "" {
		op.ID = method + " " + path
	} else if other := v.operations[op.ID]; other != nil {
		v.fail(n.Get("operationId").At, "contract.document_duplicate_operation", "the operationId "+shown(op.ID)+" stands twice",
			"the first is at "+other.Node.Get("operationId").At.String())
	} else {
		v.operations[op.ID] = op
	}
	if tags := n.Get("tags"); tags != nil {
		for _, t := range tags.Items {
			op.Tags = append(op.Tags, t.Text)
		}
	}
	op.Parameters = v.overridden(v.parameterList(n.Get("parameters"), holes, path), shared)
	v.declared(op, holes)
	if body := v.follow(n.Get("requestBody")); body != nil && body.Kind == Map {
		op.RequestBody = v.requestBody(body)
	}
	responses := n.Get("responses")
	if responses == nil && v.version == 0 {
		v.fail(n.keyed(), "contract.document_missing", `an operation has no "responses"`, "")
	}
	if responses != nil {
		for _, k := range responses.Keys {
			if r := v.follow(k.Value); responseKey(k.Name) && r != nil && r.Kind == Map {
				op.Responses = append(op.Responses, v.response(r, k.Name))
			}
		}
	}
	if own := v.security(n); own != nil {
		op.Security = own
	}
	if own := v.servers(n); own != nil {
		op.Servers = own
	}
	v.doc.Operations = append(v.doc.Operations, op)
}

// declared holds the path's template and the path parameters against each other,
// and judges 3.2's querystring.
func (v *viewer) declared(op *Operation, holes []string) {
	var query, whole *Parameter
	for _, hole := range holes {
		if !slices.ContainsFunc(op.Parameters, func(p *Parameter) bool { return p.In == "path" && p.Name == hole }) {
			v.fail(op.Node.keyed(), "contract.document_path_parameter",
				"the path parameter "+shown(hole)+" of "+op.Method+" "+inert(op.Path)+" is not declared", "")
		}
	}
	for _, p := range op.Parameters {
		switch {
		case p.In == "query":
			query = p
		case p.In == "querystring" && whole != nil:
			v.fail(p.Node.At, "contract.document_parameter", "an operation has more than one parameter in the querystring", "")
		case p.In == "querystring":
			whole = p
		}
	}
	if query != nil && whole != nil {
		v.fail(whole.Node.At, "contract.document_parameter", "an operation has parameters both in the query and in the querystring", "")
	}
}

func (v *viewer) requestBody(n *Node) *RequestBody {
	b := v.bodies[n]
	if b == nil {
		b = &RequestBody{Node: n, Required: n.True("required"), Content: v.content(n.Get("content"))}
		v.bodies[n] = b
	}
	return b
}

// response makes a Response anew for each status, of shared parts.
func (v *viewer) response(n *Node, status string) *Response {
	made := v.responses[n]
	if made == nil {
		made = &Response{Node: n, Content: v.content(n.Get("content")), Headers: v.headerList(n.Get("headers"))}
		v.responses[n] = made
	}
	r := *made
	r.Status = status
	return &r
}

// content lists the media types of a body.
func (v *viewer) content(n *Node) []*Media {
	if n == nil || n.Kind != Map {
		return nil
	}
	var list []*Media
	for _, k := range n.Keys {
		kind := strings.ToLower(k.Name)
		if !mediaRange(kind) {
			v.fail(k.At, "contract.document_media_type", shown(k.Name)+" is no media type", "")
			continue
		}
		if slices.ContainsFunc(list, func(m *Media) bool { return m.Type == kind }) {
			v.fail(k.At, "contract.document_media_type", "the media type "+shown(kind)+" stands twice", "they do not differ by case")
			continue
		}
		at := k.Value
		if v.version >= 2 {
			at = v.follow(at)
		}
		if at == nil || at.Kind != Map {
			continue
		}
		m := *v.mediaType(at)
		m.Type = kind
		list = append(list, &m)
	}
	return list
}

func (v *viewer) mediaType(n *Node) *Media {
	m := v.media[n]
	if m != nil {
		return m
	}
	m = &Media{Node: n, Schema: n.Get("schema")}
	v.media[n] = m
	if v.version >= 2 {
		m.ItemSchema = n.Get("itemSchema")
	}
	if e := n.Get("encoding"); e != nil && e.Kind == Map {
		m.Encoding = make(map[string]*Encoding, len(e.Keys))
		for _, k := range e.Keys {
			if k.Value.Kind == Map {
				m.Encoding[k.Name] = v.encoding(k.Value)
			}
		}
	}
	return m
}

func (v *viewer) encoding(n *Node) *Encoding {
	e := &Encoding{
		Node: n, Style: n.Str("style"), Explode: n.True("explode"), AllowReserved: n.True("allowReserved"),
		Headers: v.headerList(n.Get("headers")),
		Set:     n.Get("style") != nil || n.Get("explode") != nil || n.Get("allowReserved") != nil,
	}
	for _, t := range strings.Split(n.Str("contentType"), ",") {
		if t = strings.ToLower(strings.TrimSpace(t)); t != "" {
			e.ContentType = append(e.ContentType, t)
			if !mediaRange(t) {
				v.fail(n.Get("contentType").At, "contract.document_media_type", shown(t)+" is no media type", "")
			}
		}
	}
	if e.Style == "" {
		e.Style = "form"
	} else if !slices.Contains(styles["query"], e.Style) {
		v.fail(n.Get("style").At, "contract.document_style", "the style "+shown(e.Style)+" is not for encodings", oneOf(styles["query"]))
	}
	if n.Get("explode") == nil {
		e.Explode = e.Style == "form"
	}
	return e
}

// template returns the names in braces of a path template, the template without
// them, and why it is none.
func template(path string) (holes []string, bare, why string) {
	if !strings.HasPrefix(path, "/") {
		return nil, "", `does not begin with "/"`
	}
	if strings.ContainsAny(path, "?#") {
		return nil, "", "has a query or fragment"
	}
	var b strings.Builder
	for rest := path; rest != ""; {
		i := strings.IndexAny(rest, "{}")
		if i < 0 {
			b.WriteString(rest)
			break
		}
		b.WriteString(rest[:i])
		end := strings.IndexAny(rest[i+1:], "{}/")
		if rest[i] == '}' || end < 0 || rest[i+1+end] != '}' {
			return nil, "", "has a brace without its other"
		}
		name := rest[i+1 : i+1+end]
		if name == "" {
			return nil, "", "has braces without a name"
		}
		if slices.Contains(holes, name) {
			return nil, "", "has the parameter " + shown(name) + " twice"
		}
		holes = append(holes, name)
		b.WriteString("{}")
		rest = rest[i+end+2:]
	}
	return holes, b.String(), ""
}

// mediaRange tells media types and ranges: "text/*", with or without parameters.
func mediaRange(s string) bool {
	s, _, _ = strings.Cut(s, ";")
	kind, sub, ok := strings.Cut(strings.TrimSpace(s), "/")
	return ok && token(kind) && token(sub)
}

// token tells tokens of RFC 9110, section 5.6.2.
func token(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return false
		}
	}
	return s != ""
}

func oneOf(list []string) string { return "one of " + strings.Join(list, ", ") }

// sortByPlace orders nodes by file, line and column.
func sortByPlace(list []*Node) {
	slices.SortFunc(list, func(a, b *Node) int { return byPlace(a.At, b.At) })
}

func byPlace(a, b gatehouse.Position) int {
	if c := strings.Compare(a.File, b.File); c != 0 {
		return c
	}
	if a.Line != b.Line {
		return a.Line - b.Line
	}
	return a.Column - b.Column
}
