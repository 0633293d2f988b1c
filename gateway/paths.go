package gateway

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// Paths is the Matcher of a list of operations: a tree of segments. At each
// segment a literal goes before a template with literal parts ("{name}:cancel",
// the one with most literal bytes first), that before a bare parameter, and that
// before a rest. A choice that leads nowhere, or to a path without the method, is
// taken back. "/orders/" is another path than "/orders".
type Paths struct {
	root node
}

type node struct {
	literal map[string]*node
	mixed   []*mixedNode // most literal bytes first
	param   *node
	methods []methodLeaf // operations that end here
	rest    *node        // "{name...}"
}

// A mixedNode is a segment of parameters and literals: "{base}.{ext}".
type mixedNode struct {
	// literals stand before, between and after the parameters, so there is one more
	// than these. The first and the last may be empty.
	literals []string
	size     int // bytes of all literals
	node     node
}

type methodLeaf struct {
	method string
	route  int
	names  []string
}

// NewPaths compiles the operations; Match.Route is an index into ops. Templates
// are made of literals and "{name}", and may end in a segment "{name...}".
// Parameters take one byte or more and no slash; two of one segment have a literal
// between them, and where it occurs several times its last occurrence counts:
// "{base}.{ext}" takes "a.tar.gz" for "a.tar" and "gz".
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
		if name, ok := strings.CutSuffix(s, "...}"); ok && i == len(segments)-1 && strings.LastIndexByte(s, '{') == 0 && len(name) > 1 {
			names = append(names, name[1:])
			if n.rest == nil {
				n.rest = &node{}
			}
			n = n.rest
			continue
		}
		literals, params, ok := splitTemplate(s)
		if !ok {
			return bad("the segment %q of %q is not made of literals and {parameters}", s, op.Path)
		}
		names = append(names, params...)
		n = n.child(literals)
	}
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return bad("the parameter %q stands twice in %q", name, op.Path)
		}
	}
	for _, m := range n.methods {
		if m.method == op.Method {
			return bad("%s %s is declared twice", op.Method, op.Path)
		}
	}
	n.methods = append(n.methods, methodLeaf{op.Method, route, names})
	return nil
}

// child returns the node behind a segment, made where there is none.
func (n *node) child(literals []string) *node {
	switch {
	case len(literals) == 1:
		if n.literal == nil {
			n.literal = map[string]*node{}
		}
		if n.literal[literals[0]] == nil {
			n.literal[literals[0]] = &node{}
		}
		return n.literal[literals[0]]
	case len(literals) == 2 && literals[0] == "" && literals[1] == "":
		if n.param == nil {
			n.param = &node{}
		}
		return n.param
	}
	for _, m := range n.mixed {
		if slices.Equal(m.literals, literals) {
			return &m.node
		}
	}
	m := &mixedNode{literals: literals}
	for _, l := range literals {
		m.size += len(l)
	}
	n.mixed = append(n.mixed, m)
	slices.SortFunc(n.mixed, func(a, b *mixedNode) int {
		if a.size != b.size {
			return b.size - a.size
		}
		return slices.Compare(a.literals, b.literals) // one order, whatever the document's
	})
	return &m.node
}

// splitTemplate takes a segment apart into its literals, in canonical spelling, and
// its parameters' names.
func splitTemplate(s string) (literals, names []string, ok bool) {
	for {
		literal, rest, found := strings.Cut(s, "{")
		if literal, ok = canonicalLiteral(literal); !ok {
			return nil, nil, false
		}
		literals = append(literals, literal)
		if !found {
			break
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed || name == "" || strings.ContainsAny(name, "{") || strings.HasSuffix(name, "...") || after != "" && after[0] == '{' {
			return nil, nil, false
		}
		names = append(names, name)
		s = after
	}
	if len(literals) == 1 {
		_, odd, err := canonicalPath("/" + literals[0])
		ok = err == nil && odd&DotSegment == 0
	}
	return literals, names, ok
}

// canonicalLiteral spells a part of a template as canonicalPath spells requests. A
// byte that may not stand in a path is taken for its escape.
func canonicalLiteral(s string) (string, bool) {
	if strings.ContainsAny(s, "}?#") {
		return "", false
	}
	var escaped []byte
	for i := 0; i < len(s); i++ {
		if pathClass[s[i]] == 0 {
			escaped = appendEscaped(escaped, s[i])
		} else {
			escaped = append(escaped, s[i])
		}
	}
	// The dash keeps the literal from looking like a dot segment, which only the
	// whole segment can be.
	canonical, odd, err := canonicalPath("/-" + string(escaped))
	if err != nil || odd&(DotSegment|DoubleEncoding) != 0 {
		return "", false
	}
	return canonical[2:], true
}

// Match implements Matcher.
func (p *Paths) Match(method, path string, params []gatehouse.Param) Match {
	s := search{method: method, params: params}
	if path != "" && path[0] == '/' {
		if s.walk(&p.root, path) {
			return Match{Route: s.route, Params: s.params}
		}
		s.params, s.collect = s.params[:len(params)], true
		s.walk(&p.root, path)
	}
	slices.Sort(s.allow)
	return Match{Route: -1, Params: params, Allow: slices.Compact(s.allow)}
}

type search struct {
	method  string
	params  []gatehouse.Param
	route   int
	collect bool // the methods of all templates that match
	allow   []string
}

// walk consumes "/segment" from path. Templates that share a beginning share the
// nodes of it, and a node stands at one depth only, so a search sees each node
// once at the most: its cost is bounded by the tree, whatever the path.
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
	at := len(s.params)
	for _, m := range n.mixed {
		if s.split(m, seg) && s.walk(&m.node, rest) {
			return true
		}
		s.params = s.params[:at]
	}
	if n.param != nil && seg != "" {
		s.take(seg)
		if s.walk(n.param, rest) {
			return true
		}
		s.params = s.params[:at]
	}
	if n.rest != nil {
		s.take(path[1:])
		if s.end(n.rest) {
			return true
		}
		s.params = s.params[:at]
	}
	return false
}

func (s *search) take(raw string) {
	s.params = append(s.params, gatehouse.Param{Value: unescapeSegment(raw), Raw: raw})
}

// split matches a segment with a template and appends the parameters. Literals
// are looked for from the right, each as far right as it goes: that leaves most to
// those before, so where any split exists this one is found, in one pass.
func (s *search) split(m *mixedNode, seg string) bool {
	first, last := m.literals[0], m.literals[len(m.literals)-1]
	if len(seg) < m.size+len(m.literals)-1 || !strings.HasPrefix(seg, first) || !strings.HasSuffix(seg, last) ||
		withinEscape(seg, len(seg)-len(last)) {
		return false
	}
	from := len(s.params)
	end := len(seg) - len(last)
	for i := len(m.literals) - 2; i >= 0; i-- {
		begin := len(first)
		if i > 0 {
			at := end
			for {
				// One byte at least stays for the parameter behind.
				if at = strings.LastIndex(seg[begin:max(begin, min(at-1+len(m.literals[i]), end-1))], m.literals[i]); at < 0 {
					return false
				}
				if at += begin; !withinEscape(seg, at) {
					break
				}
			}
			begin = at + len(m.literals[i])
			if begin-len(m.literals[i]) == len(first) {
				return false // nothing is left for the parameters before
			}
		}
		if begin >= end {
			return false
		}
		s.take(seg[begin:end])
		end = begin - len(m.literals[i])
	}
	slices.Reverse(s.params[from:])
	return true
}

// withinEscape reports whether position i of a canonical segment is inside a %XX.
func withinEscape(s string, i int) bool {
	return i > 0 && i <= len(s) && s[i-1] == '%' || i > 1 && s[i-2] == '%'
}

// end picks the method at a node: exact before "*"; HEAD goes to GET's operation
// where it has none of its own (RFC 9110, section 9.3.2).
func (s *search) end(n *node) bool {
	if s.collect {
		for i := range n.methods {
			s.allow = append(s.allow, n.methods[i].method)
		}
		return false
	}
	best := -1
	for i := range n.methods {
		switch m := n.methods[i].method; {
		case m == s.method:
			return s.found(&n.methods[i])
		case m == "GET" && s.method == "HEAD", m == "*" && best < 0:
			best = i
		}
	}
	return best >= 0 && s.found(&n.methods[best])
}

func (s *search) found(m *methodLeaf) bool {
	from := len(s.params) - len(m.names)
	for i, name := range m.names {
		s.params[from+i].Name = name
	}
	s.route = m.route
	return true
}
