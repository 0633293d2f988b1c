package schema

import (
	"github.com/gatehouse/gatehouse/openapi/document"
)

func (c *compiler) ref(n *node, k *document.Key) {
	if to, r := c.follow(n, k); to != nil {
		n.applied().ref = c.target(to, r)
	}
}

// follow finds what the reference k leads to.
func (c *compiler) follow(n *node, k *document.Key) (*document.Node, *resource) {
	if k.Value.Kind != document.String {
		c.wrong(k, "a string")
		return nil, nil
	}
	to, r, problem := c.set.registry.resolve(n.res, k.Value.Text)
	if problem != "" {
		c.fail(k.Value.At, k.Name+" "+shown(k.Value.Text)+" "+problem)
		return nil, nil
	}
	return to, r
}

// dynamicRef compiles $dynamicRef, which is like $ref unless it leads to a
// $dynamicAnchor by its name.
func (c *compiler) dynamicRef(n *node, k *document.Key) {
	to, r := c.follow(n, k)
	if to == nil {
		return
	}
	static := c.target(to, r)
	anchor := fragment(k.Value.Text)
	d := &dynamicRef{static: static}
	if anchor != "" && anchor[0] != '/' && r.dynamic[anchor] == to {
		d.anchor = anchor
		c.set.anchors[anchor] = true
	}
	n.applied().dynamic = d
}

func (c *compiler) enum(n *node, k *document.Key) {
	if k.Value.Kind != document.List {
		c.wrong(k, "a list")
		return
	}
	n.enum = newValues(k.Value.Items)
}

// limit compiles a bound of numbers; OpenAPI 3.0's exclusive ones are booleans.
func (c *compiler) limit(n *node, k *document.Key) {
	r := n.number()
	if c.set.registry.old && (k.Name == "exclusiveMinimum" || k.Name == "exclusiveMaximum") {
		c.boolean(k)
		return
	}
	if k.Value.Kind != document.Number {
		c.wrong(k, "a number")
		return
	}
	b := newBound(k.Value.Text)
	switch k.Name {
	case "minimum":
		if c.set.registry.old && n.at.True("exclusiveMinimum") {
			r.above = b
		} else {
			r.min = b
		}
	case "maximum":
		if c.set.registry.old && n.at.True("exclusiveMaximum") {
			r.below = b
		} else {
			r.max = b
		}
	case "exclusiveMinimum":
		r.above = b
	case "exclusiveMaximum":
		r.below = b
	case "multipleOf":
		if b.dec.Sign() <= 0 {
			c.fail(k.Value.At, "multipleOf is a number greater than 0")
			return
		}
		r.multiple = b
	}
}

func (c *compiler) patternOf(n *node, k *document.Key) {
	if k.Value.Kind != document.String {
		c.wrong(k, "a string")
		return
	}
	n.text().pattern = c.pattern(k.Value.Text, k)
}

// pattern compiles a regular expression, each only once.
func (c *compiler) pattern(text string, k *document.Key) *pattern {
	if p := c.set.patterns[text]; p != nil {
		return p
	}
	p, err := newPattern(text)
	if err != nil {
		c.fail(k.Value.At, "the pattern "+shown(text)+" is no regular expression of ECMA-262: "+err.Error())
		return nil
	}
	c.set.patterns[text] = p
	return p
}

func (c *compiler) formatOf(n *node, k *document.Key) {
	if k.Value.Kind != document.String {
		c.wrong(k, "a string")
		return
	}
	f, ok := formats[k.Value.Text]
	if !ok {
		if c.set.unknown[k.Value.Text] {
			return
		}
		c.set.unknown[k.Value.Text] = true
		c.set.warn(k.Value.At, "the format "+shown(k.Value.Text)+" is not known, and not checked", "a pattern says more")
		return
	}
	n.format = f
}

func (c *compiler) required(n *node, k *document.Key) {
	o := n.object()
	if p := n.at.Get("properties"); p != nil && p.Kind == document.Map { // which stand in the order that values keep
		for i := range p.Keys {
			o.index(p.Keys[i].Name)
		}
	}
	for _, name := range c.strings("required", k.Value) {
		o.required = append(o.required, o.index(name))
	}
}

func (c *compiler) properties(n *node, k *document.Key) {
	o := n.object()
	keys := c.object(k)
	for i := range keys {
		m := o.index(keys[i].Name)
		o.members[m].schema = c.schema(keys[i].Value, n.res)
	}
}

func (c *compiler) patternProperties(n *node, k *document.Key) {
	o := n.object()
	keys := c.object(k)
	for i := range keys {
		p := c.pattern(keys[i].Name, &keys[i])
		o.patterns = append(o.patterns, patternMember{p, c.schema(keys[i].Value, n.res)})
	}
}

// dependents compiles dependentRequired, dependentSchemas, and dependencies, which
// was both.
func (c *compiler) dependents(n *node, k *document.Key) {
	o := n.object()
	keys := c.object(k)
	for i := range keys {
		v := keys[i].Value
		d := dependent{member: o.index(keys[i].Name)}
		if k.Name == "dependentRequired" || k.Name == "dependencies" && v.Kind == document.List {
			for _, name := range c.strings(k.Name, v) {
				d.required = append(d.required, o.index(name))
			}
		} else {
			d.schema = c.schema(v, n.res)
		}
		o.dependents = append(o.dependents, d)
	}
}
