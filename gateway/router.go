package gateway

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// A Matcher finds the operation of a request within one API.
type Matcher interface {
	// Match looks up a method and a canonical path below the API's base path
	// ("/orders/17"). It appends the decoded path parameters to params.
	Match(method, path string, params []gatehouse.Param) Match
}

// Match is what a Matcher found.
type Match struct {
	// Route is the index of the operation, as the Matcher was built; -1 for none.
	Route  int
	Params []gatehouse.Param
	// Allow lists the methods this path has, where the method is the trouble.
	Allow []string
}

// Router finds the Site of a request: by host (exact, then "*.one-label", then
// "*"), then by the longest base path.
type Router struct {
	exact    map[string][]*Site
	wildcard map[string][]*Site // keyed by what follows "*": ".example.com"
	any      []*Site
}

// NewRouter compiles the sites. Two sites may not claim one host and base path.
func NewRouter(sites []*Site) (*Router, error) {
	r := &Router{exact: map[string][]*Site{}, wildcard: map[string][]*Site{}}
	for _, s := range sites {
		for _, h := range s.API.Hosts {
			h = strings.ToLower(h)
			switch {
			case h == "*":
				r.any = append(r.any, s)
			case strings.HasPrefix(h, "*."):
				r.wildcard[h[1:]] = append(r.wildcard[h[1:]], s)
			default:
				r.exact[h] = append(r.exact[h], s)
			}
		}
	}
	for _, m := range []map[string][]*Site{r.exact, r.wildcard, {"*": r.any}} {
		for host, list := range m {
			if err := sortSites(host, list); err != nil {
				return nil, err
			}
		}
	}
	return r, nil
}

func sortSites(host string, list []*Site) error {
	slices.SortStableFunc(list, func(a, b *Site) int { return len(b.base) - len(a.base) })
	for i := 1; i < len(list); i++ {
		if list[i].base == list[i-1].base {
			return &gatehouse.Error{Code: "config.api_overlap",
				Message: fmt.Sprintf("the APIs %q and %q both claim %s%s", list[i-1].API.Name, list[i].API.Name, host, list[i].base),
				Hint:    "give each its own host or base path"}
		}
	}
	return nil
}

// Site returns the API for host and canonical path, or nil.
func (r *Router) Site(host, path string) *Site {
	if s := longestBase(r.exact[host], path); s != nil {
		return s
	}
	if len(r.wildcard) > 0 {
		if i := strings.IndexByte(host, '.'); i > 0 {
			if s := longestBase(r.wildcard[host[i:]], path); s != nil {
				return s
			}
		}
	}
	return longestBase(r.any, path)
}

func longestBase(list []*Site, path string) *Site {
	for _, s := range list {
		if s.base == "" || strings.HasPrefix(path, s.base) && (len(path) == len(s.base) || path[len(s.base)] == '/') {
			return s
		}
	}
	return nil
}

// Paths is the Matcher of a list of operations: a tree of segments in which a
// literal goes before a parameter, and a parameter before a rest.
type Paths struct {
	root node
}

type node struct {
	literal map[string]*node
	param   *node
	methods []methodLeaf // operations that end here
	rest    *node        // "{name...}"
}

type methodLeaf struct {
	method string
	route  int
	names  []string
}

// NewPaths compiles the operations; Match.Route is an index into ops. Templates
// are made of literal segments, "{name}" and, as the last, "{name...}".
func NewPaths(ops []*gatehouse.Operation) (*Paths, error) {
	p := &Paths{}
	for i, op := range ops {
		if err := p.insert(i, op); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *Paths) insert(route int, op *gatehouse.Operation) error {
	bad := func(format string, args ...any) error {
		return &gatehouse.Error{Code: "config.path", At: op.At, Message: fmt.Sprintf(format, args...)}
	}
	if !strings.HasPrefix(op.Path, "/") {
		return bad("the path %q does not begin with /", op.Path)
	}
	n := &p.root
	var names []string
	segments := strings.Split(op.Path[1:], "/")
	for i, s := range segments {
		name, isParam := strings.CutPrefix(s, "{")
		if !isParam {
			lit, odd, err := canonicalPath("/" + s)
			if err != nil || odd&^(Semicolon|EncodedSlash|EmptySegment) != 0 || strings.ContainsAny(s, "{}") {
				return bad("the segment %q of %q is not a literal or a {parameter}", s, op.Path)
			}
			if n.literal == nil {
				n.literal = map[string]*node{}
			}
			if n.literal[lit[1:]] == nil {
				n.literal[lit[1:]] = &node{}
			}
			n = n.literal[lit[1:]]
			continue
		}
		name, closed := strings.CutSuffix(name, "}")
		name, isRest := strings.CutSuffix(name, "...")
		if !closed || name == "" || strings.ContainsAny(name, "{}") || isRest && i != len(segments)-1 {
			return bad("the segment %q of %q is not a literal or a {parameter}", s, op.Path)
		}
		if slices.Contains(names, name) {
			return bad("the parameter %q stands twice in %q", name, op.Path)
		}
		names = append(names, name)
		next := &n.param
		if isRest {
			next = &n.rest
		}
		if *next == nil {
			*next = &node{}
		}
		n = *next
	}
	for _, m := range n.methods {
		if m.method == op.Method {
			return bad("%s %s is declared twice", op.Method, op.Path)
		}
	}
	n.methods = append(n.methods, methodLeaf{op.Method, route, names})
	return nil
}

// Match implements Matcher.
func (p *Paths) Match(method, path string, params []gatehouse.Param) Match {
	s := search{method: method, params: params}
	if s.walk(&p.root, path) {
		return Match{Route: s.route, Params: s.params}
	}
	slices.Sort(s.allow)
	return Match{Route: -1, Params: params, Allow: slices.Compact(s.allow)}
}

type search struct {
	method string
	params []gatehouse.Param
	route  int
	allow  []string
}

// walk consumes "/segment" from path. It backtracks over at most two choices a
// segment, and templates are finite, so its cost is bounded by the tree's width.
func (s *search) walk(n *node, path string) bool {
	if path == "" {
		return s.end(n)
	}
	seg, rest := path[1:], ""
	if i := strings.IndexByte(seg, '/'); i >= 0 {
		seg, rest = seg[:i], seg[i:]
	}
	if next := n.literal[seg]; next != nil && s.walk(next, rest) {
		return true
	}
	if n.param != nil && seg != "" {
		at := len(s.params)
		s.params = append(s.params, gatehouse.Param{Value: unescapeSegment(seg)})
		if s.walk(n.param, rest) {
			return true
		}
		s.params = s.params[:at]
	}
	if n.rest != nil {
		at := len(s.params)
		s.params = append(s.params, gatehouse.Param{Value: unescapeSegment(path[1:])})
		if s.end(n.rest) {
			return true
		}
		s.params = s.params[:at]
	}
	return false
}

// end picks the method at a node: exact before "*"; HEAD goes to GET's operation
// where it has none of its own (RFC 9110, section 9.3.2).
func (s *search) end(n *node) bool {
	if len(n.methods) == 0 {
		return false
	}
	best := -1
	for i := range n.methods {
		switch m := n.methods[i].method; {
		case m == s.method:
			return s.take(&n.methods[i])
		case m == "GET" && s.method == "HEAD", m == "*" && best < 0:
			best = i
		}
	}
	if best >= 0 {
		return s.take(&n.methods[best])
	}
	for i := range n.methods {
		s.allow = append(s.allow, n.methods[i].method)
	}
	return false
}

func (s *search) take(m *methodLeaf) bool {
	from := len(s.params) - len(m.names)
	for i, name := range m.names {
		s.params[from+i].Name = name
	}
	s.route = m.route
	return true
}
