package document

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// Kind is the kind of a Node, as JSON has them.
type Kind uint8

const (
	Null Kind = iota
	Bool
	Number
	String
	List
	Map
)

func (k Kind) String() string {
	switch k {
	case Bool:
		return "a boolean"
	case Number:
		return "a number"
	case String:
		return "a string"
	case List:
		return "a list"
	case Map:
		return "an object"
	}
	return "null"
}

// A Node is one value of a document, with its place. Nodes are not changed once
// their document is loaded.
type Node struct {
	Kind Kind
	// Text is a scalar's text: a string's value, a number as spelled in JSON,
	// "true" or "false".
	Text  string
	Items []*Node // of a List
	Keys  []Key   // of a Map, in the document's order; no name stands twice
	// At is the place in the file, whose name is as the user gave it. Columns count
	// characters.
	At gatehouse.Position

	index int32            // of this node in up.Items or up.Keys
	up    *Node            // nil: the root of a file
	names map[string]int32 // of a Map with many Keys
	home  *resource
}

// A Key is a member of a Map.
type Key struct {
	Name  string
	At    gatehouse.Position // of the name
	Value *Node
}

// manyKeys is from how many keys on a Map has an index of names.
const manyKeys = 24

// Get returns the member called name, or nil.
func (n *Node) Get(name string) *Node {
	if k := n.key(name); k != nil {
		return k.Value
	}
	return nil
}

func (n *Node) key(name string) *Key {
	if n == nil {
		return nil
	}
	if n.names != nil {
		if i, ok := n.names[name]; ok {
			return &n.Keys[i]
		}
		return nil
	}
	for i := range n.Keys {
		if n.Keys[i].Name == name {
			return &n.Keys[i]
		}
	}
	return nil
}

// KeyAt returns the place of the name of member name; of a missing one the place
// of n.
func (n *Node) KeyAt(name string) gatehouse.Position {
	if k := n.key(name); k != nil {
		return k.At
	}
	if n == nil {
		return gatehouse.Position{}
	}
	return n.At
}

// keyed returns the place of the key n is the value of; of a root or an item its own.
func (n *Node) keyed() gatehouse.Position {
	if n.up != nil && n.up.Kind == Map {
		return n.up.Keys[n.index].At
	}
	return n.At
}

// Str returns the text of the member called name if that is a string, else "".
func (n *Node) Str(name string) string {
	if v := n.Get(name); v != nil && v.Kind == String {
		return v.Text
	}
	return ""
}

// True reports whether the member called name is true.
func (n *Node) True(name string) bool {
	v := n.Get(name)
	return v != nil && v.Kind == Bool && v.Text == "true"
}

// File returns the URL of the resource n stands in, without a fragment.
func (n *Node) File() string {
	if n == nil || n.home == nil {
		return ""
	}
	return n.home.url
}

// Pointer returns the JSON pointer (RFC 6901) of n within its file:
// "/components/schemas/Order"; "" for the root. It is put together at each call.
func (n *Node) Pointer() string {
	if n == nil || n.up == nil {
		return ""
	}
	var path [64]*Node
	nodes := path[:0]
	for at := n; at.up != nil; at = at.up {
		nodes = append(nodes, at)
	}
	var b strings.Builder
	for i := len(nodes) - 1; i >= 0; i-- {
		b.WriteByte('/')
		b.WriteString(escapeToken(nodes[i].name()))
	}
	return b.String()
}

// URL returns File and Pointer as one URL: "file:///api/shop.yaml#/paths/~1orders".
func (n *Node) URL() string { return n.File() + "#" + escapeFragment(n.Pointer()) }

// Up returns the List or Map that holds n; nil for a root.
func (n *Node) Up() *Node {
	if n == nil {
		return nil
	}
	return n.up
}

// name is the key or index under which n stands in its parent.
func (n *Node) name() string {
	if n.up == nil {
		return ""
	}
	if n.up.Kind == List {
		return strconv.Itoa(int(n.index))
	}
	return n.up.Keys[n.index].Name
}

// Find returns the node that the JSON pointer (unescaped of percent signs) leads to
// from n, or nil.
func (n *Node) Find(pointer string) *Node {
	found, _ := n.find(pointer)
	return found
}

// find also returns how far the pointer led: the last node reached.
func (n *Node) find(pointer string) (found, last *Node) {
	for pointer != "" && n != nil {
		if pointer[0] != '/' {
			return nil, n
		}
		token, rest := pointer[1:], ""
		if i := strings.IndexByte(token, '/'); i >= 0 {
			token, rest = token[:i], token[i:]
		}
		next := n.child(unescapeToken(token))
		if next == nil {
			return nil, n
		}
		n, pointer = next, rest
	}
	return n, n
}

func (n *Node) child(token string) *Node {
	if n.Kind != List {
		return n.Get(token)
	}
	i, err := strconv.Atoi(token)
	if err != nil || i < 0 || i >= len(n.Items) || strconv.Itoa(i) != token {
		return nil
	}
	return n.Items[i]
}

// count returns how many values n holds, itself included.
func (n *Node) count() int {
	sum := 1
	for _, item := range n.Items {
		sum += item.count()
	}
	for i := range n.Keys {
		sum += n.Keys[i].Value.count()
	}
	return sum
}

// Any returns the value as encoding/json has it: nil, bool, json.Number, string,
// []any, map[string]any.
func (n *Node) Any() any {
	if n == nil {
		return nil
	}
	switch n.Kind {
	case Bool:
		return n.Text == "true"
	case Number:
		return json.Number(n.Text)
	case String:
		return n.Text
	case List:
		list := make([]any, len(n.Items))
		for i, item := range n.Items {
			list[i] = item.Any()
		}
		return list
	case Map:
		m := make(map[string]any, len(n.Keys))
		for i := range n.Keys {
			m[n.Keys[i].Name] = n.Keys[i].Value.Any()
		}
		return m
	}
	return nil
}

// MarshalJSON writes the value as JSON, members in the document's order.
func (n *Node) MarshalJSON() ([]byte, error) { return n.AppendJSON(nil), nil }

// AppendJSON appends the value as JSON, members in the document's order, without
// white space.
func (n *Node) AppendJSON(dst []byte) []byte {
	if n == nil {
		return append(dst, "null"...)
	}
	switch n.Kind {
	case Bool, Number:
		return append(dst, n.Text...)
	case String:
		return appendQuoted(dst, n.Text)
	case List:
		dst = append(dst, '[')
		for i, item := range n.Items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = item.AppendJSON(dst)
		}
		return append(dst, ']')
	case Map:
		dst = append(dst, '{')
		for i := range n.Keys {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendQuoted(dst, n.Keys[i].Name)
			dst = append(dst, ':')
			dst = n.Keys[i].Value.AppendJSON(dst)
		}
		return append(dst, '}')
	}
	return append(dst, "null"...)
}

func appendQuoted(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

var (
	tokenEscaper   = strings.NewReplacer("~", "~0", "/", "~1")
	tokenUnescaper = strings.NewReplacer("~1", "/", "~0", "~")
)

func escapeToken(s string) string {
	if strings.IndexByte(s, '~') < 0 && strings.IndexByte(s, '/') < 0 {
		return s
	}
	return tokenEscaper.Replace(s)
}

func unescapeToken(s string) string {
	if strings.IndexByte(s, '~') < 0 {
		return s
	}
	return tokenUnescaper.Replace(s)
}

// escapeFragment writes a JSON pointer as a URI fragment (RFC 6901, section 6).
func escapeFragment(pointer string) string {
	const hex = "0123456789ABCDEF"
	plain := true
	for i := 0; i < len(pointer) && plain; i++ {
		plain = fragmentByte(pointer[i])
	}
	if plain {
		return pointer
	}
	out := make([]byte, 0, len(pointer)+16)
	for i := 0; i < len(pointer); i++ {
		if c := pointer[i]; fragmentByte(c) {
			out = append(out, c)
		} else {
			out = append(out, '%', hex[c>>4], hex[c&15])
		}
	}
	return string(out)
}

func fragmentByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		strings.IndexByte("-._~!$&'()*+,;=:@/?", c) >= 0
}
