package openapi

import (
	"net/url"
	"slices"

	"github.com/gatehouse/gatehouse/openapi/document"
)

// target returns what a reference in holder leads to; nil where it leads nowhere,
// which Load has refused.
func (c *Contract) target(holder *document.Node, ref string) *document.Node {
	base, err := url.Parse(holder.File())
	if err != nil {
		return nil
	}
	if c.doc.Dialect != document.OpenAPI30 {
		var ids []string
		for at := holder; at != nil; at = at.Up() {
			if id := at.Str("$id"); id != "" {
				ids = append(ids, id)
			}
		}
		for _, id := range slices.Backward(ids) {
			if next, err := base.Parse(id); err == nil {
				next.Fragment, next.RawFragment = "", ""
				base = next
			}
		}
	}
	u, err := base.Parse(ref)
	if err != nil {
		return nil
	}
	return c.doc.Node(u.String())
}

// maxReferences bounds a chain of references.
const maxReferences = 100

// follow returns the object that n stands for.
func (c *Contract) follow(n *document.Node) *document.Node {
	for range maxReferences {
		ref := n.Str("$ref")
		if ref == "" {
			return n
		}
		next := c.target(n, ref)
		if next == nil {
			return n
		}
		n = next
	}
	return n
}
