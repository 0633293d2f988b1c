package config

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Bounds of what is read. They are far above any sensible configuration and far
// below what would cost a second.
const (
	maxFileBytes = 4 << 20
	maxDepth     = 64
	maxNodes     = 1 << 20 // in all, aliases counted as often as they are used
	// maxAliasNodes bounds what aliases alone may add ("billion laughs").
	maxAliasNodes = 20_000
	// maxOpeners bounds how many collections may open on one line: the parser
	// recurses once for each.
	maxOpeners = 2000
)

// A treeReader turns the parser's tree into ours, within bounds.
type treeReader struct {
	file     *file
	report   *reporter
	anchors  map[string]ast.Node
	open     map[string]bool // anchors being expanded, against cycles
	nodes    *int            // shared by all files
	aliases  int
	inAlias  ast.Node // the outermost alias being expanded
	exceeded bool
}

// parse reads one YAML document; nil where it has none or is broken.
func parse(f *file, rep *reporter, nodes *int) *node {
	if len(f.src) > maxFileBytes {
		rep.at(f, 1, 1, 1, "config.too_large", fmt.Sprintf("file is larger than %d MiB", maxFileBytes>>20),
			"split it and use include")
		return nil
	}
	if i := invalidUTF8(f.src); i >= 0 {
		line, column := lineColumn(f.src, i)
		rep.at(f, line, column, 1, "config.syntax", "the file is not UTF-8", "")
		return nil
	}
	doc := f.syntax(rep)
	if doc == nil {
		return nil
	}
	r := &treeReader{file: f, report: rep, anchors: map[string]ast.Node{}, open: map[string]bool{}, nodes: nodes}
	root := r.node(doc, 0)
	if r.exceeded {
		return nil
	}
	return root
}

// syntax runs the YAML parser. It is third-party code on input from outside, so
// a panic in it is a syntax error.
func (f *file) syntax(rep *reporter) (body ast.Node) {
	defer func() {
		if r := recover(); r != nil {
			rep.at(f, 1, 1, 1, "config.syntax", "the YAML parser cannot read this file", "")
			body = nil
		}
	}()
	// Both would put the parser's positions out of step with the lines.
	src := bytes.ReplaceAll(bytes.TrimPrefix(f.src, []byte("\ufeff")), []byte("\r\n"), []byte("\n"))
	tokens := lexer.Tokenize(string(src))
	if line, column, deep := tooDeep(tokens); deep {
		rep.at(f, line, column, 1, "config.too_deep", "nested too deeply", "")
		return nil
	}
	parsed, err := parser.Parse(joinPlain(tokens), 0, parser.AllowDuplicateMapKey())
	if err != nil {
		f.syntaxError(rep, err)
		return nil
	}
	var docs []ast.Node
	for _, d := range parsed.Docs {
		if d.Body != nil && d.Body.Type() != ast.DirectiveType {
			docs = append(docs, d.Body)
		}
	}
	switch len(docs) {
	case 0:
		return nil
	case 1:
		return docs[0]
	}
	at := startOf(docs[1])
	rep.at(f, at.Line, at.Column, 1, "config.documents", "a second YAML document in one file", "remove the ---")
	return nil
}

func (f *file) syntaxError(rep *reporter, err error) {
	line, column, message := 1, 1, "not valid YAML"
	var e yaml.Error
	if errors.As(err, &e) {
		message = e.GetMessage()
		if t := e.GetToken(); t != nil && t.Position != nil {
			line, column = t.Position.Line, t.Position.Column
		}
	}
	hint := ""
	if l, c := f.clamp(line, column); c <= len(f.lines[l-1]) && bytes.ContainsRune([]byte(f.lines[l-1]), '\t') {
		hint = "YAML is indented with spaces, not tabs"
	}
	rep.at(f, line, column, 1, "config.syntax", message, hint)
}

func tokenOf(n ast.Node) *token.Position {
	if n != nil {
		if t := n.GetToken(); t != nil && t.Position != nil {
			return t.Position
		}
	}
	return &token.Position{Line: 1, Column: 1}
}

// startOf returns the place where a node begins. The token of a block mapping is
// its first colon; we mean its first key.
func startOf(n ast.Node) *token.Position {
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 && m.Start != nil && m.Start.Type != token.MappingStartType {
		return tokenOf(m.Values[0].Key)
	}
	if v, ok := n.(*ast.MappingValueNode); ok {
		return tokenOf(v.Key)
	}
	return tokenOf(n)
}

// node converts n and what is below it.
func (r *treeReader) node(n ast.Node, depth int) *node {
	*r.nodes++
	if r.inAlias != nil {
		r.aliases++
	}
	if r.exceeded {
		return r.at(n, null)
	}
	if depth > maxDepth || *r.nodes > maxNodes || r.aliases > maxAliasNodes {
		r.exceed(n)
		return r.at(n, null)
	}
	switch n := n.(type) {
	case nil:
		return &node{file: r.file, line: 1, column: 1, width: 1}
	case *ast.MappingNode:
		return r.mapping(n, n.Values, depth)
	case *ast.MappingValueNode:
		return r.mapping(n, []*ast.MappingValueNode{n}, depth)
	case *ast.SequenceNode:
		out := r.at(n, sequence)
		for _, v := range n.Values {
			out.items = append(out.items, r.node(v, depth+1))
		}
		return out
	case *ast.AnchorNode:
		name := n.Name.GetToken().Value
		r.anchors[name] = n.Value
		r.open[name] = true // an alias to it inside of it would have no end
		defer delete(r.open, name)
		return r.node(n.Value, depth)
	case *ast.AliasNode:
		return r.alias(n, depth)
	case *ast.TagNode:
		return r.tagged(n, depth)
	}
	return r.scalar(n)
}

func (r *treeReader) exceed(n ast.Node) {
	r.exceeded = true
	if r.inAlias != nil {
		n = r.inAlias
	}
	p := tokenOf(n)
	r.report.at(r.file, p.Line, p.Column, 1, "config.too_deep", "too deeply nested, or aliases that expand to too much", "")
}

func (r *treeReader) at(n ast.Node, k kind) *node {
	out := &node{kind: k, file: r.file, width: 1}
	p := startOf(n)
	out.line, out.column = p.Line, p.Column
	return out
}

func (r *treeReader) mapping(n ast.Node, values []*ast.MappingValueNode, depth int) *node {
	out := r.at(n, mapping)
	var merged []*node
	seen := make(map[string]*node, len(values))
	for _, v := range values {
		if v.Key.IsMergeKey() {
			merged = append(merged, r.node(v.Value, depth+1))
			continue
		}
		key := r.key(v.Key, depth)
		if key == nil {
			continue
		}
		value := r.node(v.Value, depth+1)
		if value.kind == null && value.line == key.line {
			value.column, value.width = key.column, key.width
		}
		if first := seen[key.text]; first != nil {
			r.report.node(key, Error, "config.duplicate_key", fmt.Sprintf("key %q stands twice", key.text),
				fmt.Sprintf("the first is in line %d", first.line))
			continue
		}
		seen[key.text] = key
		out.members = append(out.members, member{key, value})
	}
	for _, m := range merged {
		r.merge(out, m, seen)
	}
	return out
}

// merge adds the members of a merge key's value (<<) that are not there yet: those
// that were seen.
func (r *treeReader) merge(into, from *node, seen map[string]*node) {
	switch from.kind {
	case mapping:
		for _, m := range from.members {
			if seen[m.key.text] == nil {
				seen[m.key.text] = m.key
				into.members = append(into.members, m)
			}
		}
	case sequence:
		for _, item := range from.items {
			r.merge(into, item, seen)
		}
	default:
		r.report.node(from, Error, "config.type", "a merge key (<<) takes a mapping", "")
	}
}

func (r *treeReader) key(n ast.Node, depth int) *node {
	if k, ok := n.(*ast.MappingKeyNode); ok {
		n = k.Value
	}
	key := r.node(n, depth+1)
	if r.exceeded {
		return nil
	}
	if key.kind != scalar {
		r.report.node(key, Error, "config.type", "a key is "+key.kind.String(), "keys are plain words")
		return nil
	}
	return key
}

func (r *treeReader) alias(n *ast.AliasNode, depth int) *node {
	name := ""
	if n.Value != nil && n.Value.GetToken() != nil {
		name = n.Value.GetToken().Value
	}
	target, known := r.anchors[name]
	p := tokenOf(n)
	switch {
	case !known:
		r.report.at(r.file, p.Line, p.Column, 1+len(name), "config.alias", fmt.Sprintf("no anchor is called %q", name),
			DidYouMean(name, keysOf(r.anchors)))
		return r.at(n, null)
	case r.open[name]:
		r.report.at(r.file, p.Line, p.Column, 1+len(name), "config.alias", fmt.Sprintf("alias %q contains itself", name), "")
		return r.at(n, null)
	}
	r.open[name] = true
	outer := r.inAlias
	if outer == nil {
		r.inAlias = n
	}
	out := r.node(target, depth+1)
	r.inAlias = outer
	delete(r.open, name)
	return out
}

// tagged reads the tags of the core schema that change nothing we use; a type is
// decided by the key a value stands under.
func (r *treeReader) tagged(n *ast.TagNode, depth int) *node {
	tag := n.GetToken().Value
	out := r.node(n.Value, depth+1)
	switch tag {
	case "!!str":
		out.quoted = true
	case "!!int", "!!float", "!!bool", "!!null", "!!seq", "!!map":
	default:
		p := tokenOf(n)
		r.report.at(r.file, p.Line, p.Column, utf8.RuneCountInString(tag), "config.tag", fmt.Sprintf("unknown tag %q", tag), "")
	}
	return out
}

func (r *treeReader) scalar(n ast.Node) *node {
	out := r.at(n, scalar)
	switch n := n.(type) {
	case *ast.NullNode:
		out.kind = null
		return out
	case *ast.LiteralNode:
		out.quoted = true
		if n.Value != nil {
			out.text = n.Value.Value
		}
		return out
	case *ast.StringNode:
		out.text = n.Value
		out.quoted = n.Token.Type == token.DoubleQuoteType || n.Token.Type == token.SingleQuoteType
	case *ast.BoolNode:
		out.text, out.plain = n.Token.Value, boolean
	case *ast.IntegerNode:
		out.text, out.plain = n.Token.Value, integer
	case *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		out.text, out.plain = n.GetToken().Value, float
	default:
		if t := n.GetToken(); t != nil {
			out.text = t.Value
		}
	}
	out.width = max(1, utf8.RuneCountInString(out.text))
	if out.quoted {
		out.width += 2
	}
	return out
}

func invalidUTF8(src []byte) int {
	for i := 0; i < len(src); {
		r, size := utf8.DecodeRune(src[i:])
		if r == utf8.RuneError && size <= 1 {
			return i
		}
		i += size
	}
	return -1
}

// lineColumn returns the place of a byte.
func lineColumn(src []byte, offset int) (line, column int) {
	before := src[:offset]
	start := bytes.LastIndexByte(before, '\n') + 1
	return 1 + bytes.Count(before, []byte("\n")), 1 + utf8.RuneCount(before[start:])
}
