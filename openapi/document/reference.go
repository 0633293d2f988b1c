package document

import (
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// base returns the URL that references in n start from: its file's, changed by the
// $id of the schemas around it.
func (l *loader) base(n *Node) *url.URL {
	u, err := url.Parse(n.home.url)
	if err != nil {
		return &url.URL{}
	}
	if l.doc.Dialect == OpenAPI30 {
		return u
	}
	var ids []string
	for at := n; at != nil; at = at.up {
		if id := at.Str("$id"); id != "" {
			ids = append(ids, id)
		}
	}
	for _, id := range slices.Backward(ids) {
		if next, err := u.Parse(id); err == nil {
			next.Fragment, next.RawFragment = "", ""
			u = next
		}
	}
	return u
}

// lookUp finds what the string node at refers to. Where that is in a
// resource, or has an $anchor, that is not known, need is its URL; unless it is the
// last call, which tells. Other failures are told at once, and need is nil.
func (l *loader) lookUp(at *Node, last bool) (target *Node, need *url.URL) {
	text := at.Text
	holder := at
	if at.up != nil {
		holder = at.up
	}
	if strings.HasPrefix(text, "#/") && !strings.Contains(text, "%") && (l.doc.Dialect == OpenAPI30 || len(l.ids) == 0) {
		return l.within(at, at.home.root, text[1:]), nil
	}
	u, err := l.base(holder).Parse(text)
	if err != nil {
		l.broken(at, "is no URI reference", "")
		return nil, nil
	}
	fragment := u.Fragment
	u.Fragment, u.RawFragment = "", ""
	key := u.String()
	top := l.ids[key]
	if top == nil {
		if r := l.resources[key]; r != nil {
			top = r.root
		}
	}
	if top == nil {
		return nil, u
	}
	if fragment == "" || fragment[0] == '/' {
		return l.within(at, top, fragment), nil
	}
	if n := l.anchors[key+"#"+fragment]; n != nil {
		return n, nil
	}
	if !last {
		return nil, u
	}
	l.broken(at, "names no $anchor that is known", "")
	return nil, nil
}

// within follows a pointer from top.
func (l *loader) within(at, top *Node, pointer string) *Node {
	found, last := top.find(pointer)
	if found != nil {
		return found
	}
	hint := ""
	if pointer[0] == '/' {
		if done := strings.TrimPrefix(last.Pointer(), top.Pointer()); len(done) < len(pointer) {
			token, _, _ := strings.Cut(strings.TrimPrefix(pointer[len(done):], "/"), "/")
			hint = didYouMean(unescapeToken(token), names(last))
		}
	}
	l.broken(at, "leads nowhere", hint)
	return nil
}

// broken tells once that the reference at is of no use.
func (l *loader) broken(at *Node, why, hint string) {
	if l.told[at] {
		return
	}
	l.told[at] = true
	l.fail(at.At, "contract.document_reference", "the reference "+shown(at.Text)+" "+why, hint)
}

// reference returns the string node of n's $ref, or nil.
func reference(n *Node) *Node {
	if n == nil || n.Kind != Map {
		return nil
	}
	if r := n.Get("$ref"); r != nil && r.Kind == String {
		return r
	}
	return nil
}

// follow returns the object n stands for, through any number of references; nil,
// and told, if they lead nowhere or round in circles.
func (l *loader) follow(n *Node) *Node {
	var seen []*Node
	for at := reference(n); at != nil; at = reference(n) {
		if slices.Contains(seen, n) || len(seen) == 100 {
			if !l.told[at] {
				l.told[at] = true
				l.fail(at.At, "contract.document_cycle", "the reference "+shown(at.Text)+" leads back to itself", "")
			}
			return nil
		}
		seen = append(seen, n)
		target, _ := l.lookUp(at, true)
		if target == nil {
			return nil
		}
		n = target
	}
	return n
}

// Locate returns the place of what url names, such as
// "file:///api/shop.yaml#/components/schemas/Order/properties/id", or of the nearest
// thing around it that exists. URLs made by a schema's $id are known.
func (d *Document) Locate(at string) gatehouse.Position {
	n := d.Node(at)
	if n == nil {
		return gatehouse.Position{}
	}
	return n.At
}

// Node returns what url names, or the nearest thing around it; nil if no file of
// the document has that URL.
func (d *Document) Node(at string) *Node {
	u, err := url.Parse(at)
	if err != nil {
		return nil
	}
	fragment := u.Fragment
	u.Fragment, u.RawFragment = "", ""
	key := u.String()
	top := d.ids[key]
	if top == nil {
		top = d.Resources[key]
	}
	if top == nil || fragment == "" {
		return top
	}
	if fragment[0] != '/' {
		if n := d.anchors[key+"#"+fragment]; n != nil {
			return n
		}
		return top
	}
	_, last := top.find(fragment)
	return last
}

// Text returns the text of one of the Document's files, by its name in Files.
func (d *Document) Text(file string) (text string, ok bool) { return d.problems.Text(file) }

// Excerpt returns the line e is about with a caret below: see [Excerpt].
func (d *Document) Excerpt(e *gatehouse.Error) string { return d.problems.Excerpt(e) }
