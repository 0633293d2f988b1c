package schema

import (
	"errors"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/document"
)

// A compiler makes nodes of a document's schemas, and of all that they lead to.
type compiler struct {
	set   *Set
	queue []*node // made, to be filled
	made  []*node
	from  int
	errs  []error
}

// maxErrors bounds the errors of one Compile.
const maxErrors = 100

func (c *compiler) fail(at gatehouse.Position, message string) {
	if len(c.errs) < maxErrors {
		c.errs = append(c.errs, &gatehouse.Error{Code: "contract.schema", Message: message, At: at})
	}
}

// schema returns the node of the schema at n, a part of one that belongs to r.
func (c *compiler) schema(n *document.Node, r *resource) *node {
	if own := c.set.registry.at[n]; own != nil {
		r = own
	}
	if m := c.set.nodes[n]; m != nil {
		return m
	}
	if r.problem != nil && len(c.errs) < maxErrors {
		c.errs = append(c.errs, r.problem)
	}
	m := &node{at: n, res: r}
	c.set.nodes[n] = m
	c.queue = append(c.queue, m)
	c.made = append(c.made, m)
	return m
}

// target is schema for one that a reference leads to, the identifiers of which may
// not be known yet.
func (c *compiler) target(n *document.Node, r *resource) *node {
	if m := c.set.nodes[n]; m != nil {
		return m
	}
	if err := c.set.registry.scan(n, r); err != nil {
		c.errs = append(c.errs, err)
	}
	return c.schema(n, r)
}

// finish fills all nodes that were made, and those they lead to. After an error the
// set knows none of them.
func (c *compiler) finish() error {
	for c.drain(); c.dynamicTargets(); c.drain() {
	}
	if len(c.errs) == 0 {
		c.link()
	}
	if len(c.errs) > 0 {
		for _, n := range c.made {
			delete(c.set.nodes, n.at)
		}
		for _, r := range c.set.registry.byURI {
			clear(r.targets)
		}
		return errors.Join(c.errs...)
	}
	return nil
}

func (c *compiler) drain() {
	for len(c.queue) > 0 {
		n := c.queue[len(c.queue)-1]
		c.queue = c.queue[:len(c.queue)-1]
		c.fill(n)
	}
}

// dynamicTargets compiles every schema that a $dynamicRef may lead to, and reports
// whether there were new ones.
func (c *compiler) dynamicTargets() bool {
	found := false
	for _, r := range c.set.registry.at {
		for anchor := range c.set.anchors {
			n := r.dynamic[anchor]
			if n == nil || r.problem != nil || r.targets[anchor] != nil {
				continue
			}
			if r.targets == nil {
				r.targets = map[string]*node{}
			}
			r.targets[anchor] = c.target(n, r)
			found = true
		}
	}
	return found
}

// fill compiles the keywords of n.
func (c *compiler) fill(n *node) {
	switch n.at.Kind {
	case document.Bool:
		if c.set.registry.old {
			c.fail(n.at.At, "a schema of OpenAPI 3.0 is an object")
		}
		n.never = n.at.Text == "false"
		return
	case document.Map:
	default:
		c.fail(n.at.At, "a schema is an object, not "+n.at.Kind.String())
		return
	}
	old := c.set.registry.old
	if old && n.at.Str("$ref") != "" {
		c.oldRef(n)
		return
	}
	for i := range n.at.Keys {
		k := &n.at.Keys[i]
		kw, ok := keywords[k.Name]
		switch {
		case !ok:
			if !old && k.Name == "nullable" {
				c.set.warn(k.At, "nullable is a keyword of OpenAPI 3.0, and ignored", `write type: [..., "null"]`)
			}
		case old && kw.new:
			c.set.warn(k.At, k.Name+" is no keyword of OpenAPI 3.0, and ignored", "OpenAPI 3.1 has it")
		case kw.vocab&n.res.vocab == kw.vocab:
			kw.fill(c, n, k)
		}
	}
	if old {
		c.nullable(n)
	}
	c.tidy(n)
}

// oldRef compiles a reference of OpenAPI 3.0, whose siblings are ignored.
func (c *compiler) oldRef(n *node) {
	for i := range n.at.Keys {
		k := &n.at.Keys[i]
		if k.Name == "$ref" {
			keywords["$ref"].fill(c, n, k)
		} else if _, ok := keywords[k.Name]; ok || k.Name == "nullable" {
			c.set.warn(k.At, k.Name+" beside $ref is ignored in OpenAPI 3.0", "put both into allOf")
		}
	}
	c.tidy(n)
}

// nullable is OpenAPI 3.0's: null is a value of the schema, whatever else it says, as
// 3.0.0 has it and as documents mean it. (3.0.3 would have null among the values of
// an enum too, and a type beside nullable.)
func (c *compiler) nullable(n *node) {
	v := n.at.Get("nullable")
	if v == nil {
		return
	}
	if v.Kind != document.Bool {
		c.fail(v.At, "nullable is a boolean, not "+v.Kind.String())
	}
	n.nullable = v.Text == "true"
}

// tidy settles what follows from the keywords of n together.
func (c *compiler) tidy(n *node) {
	if o := n.obj; o != nil {
		if len(o.members) <= 64 {
			for _, i := range o.required {
				o.mask |= 1 << i
			}
		}
		if len(o.members) <= manyMembers {
			o.byName = nil
		}
		o.plain = o.patterns == nil && o.names == nil
		for i := range o.members {
			if o.members[i].schema != nil {
				o.declared++
			}
		}
	}
	if a := n.arr; a != nil && a.contains == nil {
		a.minContains, a.maxContains = 0, -1
	}
	if p := n.place; p != nil {
		if p.cond == nil {
			p.yes, p.no = nil, nil
		}
		c.discriminator(n)
		if p.empty() {
			n.place = nil
		}
	}
	n.leaf = n.obj == nil && n.arr == nil && n.place == nil
	n.settleCertain()
	if n.readOnly || n.writeOnly {
		c.set.directed = true
	}
	n.free = n.leaf && n.types == 0 && n.enum == nil && n.fixed == nil && n.num == nil && n.str == nil && n.format == nil &&
		!n.readOnly && !n.writeOnly && n.class == 0 && !n.never
}
