package document

import (
	"context"
	"net/url"
	"slices"
	"strings"
)

// A crawler walks all objects and schemas of a document: it judges their fields,
// follows every reference, and reads the files these lead to.
type crawler struct {
	*loader
	ctx     context.Context
	queue   []visit
	seen    map[visit]bool
	pending []pending
	inPlace map[*Node][]*Node // schema -> schemas applied to the same value
}

// A visit is a node to be judged as an object, or as a schema where that is nil.
type visit struct {
	n  *Node
	as *object
}

// A pending reference is one whose resource or $anchor is not known yet.
type pending struct {
	at   *Node // the string
	as   visit // n is the holder of the reference
	need *url.URL
	// place: what is referred to judges the same value as the holder does.
	place bool
}

func (c *crawler) crawl(root *Node) {
	c.queue = append(c.queue, visit{root, &objects().root})
	for len(c.queue) > 0 || len(c.pending) > 0 {
		for len(c.queue) > 0 {
			v := c.queue[len(c.queue)-1]
			c.queue = c.queue[:len(c.queue)-1]
			if c.seen[v] {
				continue
			}
			c.seen[v] = true
			if v.as == nil {
				c.schema(v.n)
			} else {
				c.object(v.n, v.as)
			}
		}
		c.fetch()
	}
	c.loops()
}

// fetch reads what pending references need: first the files that may be read as
// they are named, for these may hold the $id that others mean. When nothing is left
// to read, what is still pending is told of.
func (c *crawler) fetch() {
	waiting := c.pending
	c.pending = nil
	read := c.readAll(waiting, c.named)
	if read == 0 {
		read = c.readAll(waiting, func(*url.URL) bool { return true })
	}
	for _, p := range waiting {
		if !c.failed[p.need.String()] {
			c.refer(p.at, p.as, p.place, read == 0)
		}
	}
}

// named reports whether u may be read where it says.
func (c *crawler) named(u *url.URL) bool {
	return u.Scheme == "file" || slices.Contains(c.reader.URLs, u.String())
}

// readAll reads the resources that waiting references need and which allows. Those
// known already have an $anchor yet to be found: they are walked. It returns to how
// many it did either.
func (c *crawler) readAll(waiting []pending, which func(*url.URL) bool) (read int) {
	for _, p := range waiting {
		key := p.need.String()
		if c.failed[key] {
			continue
		}
		if r := c.resources[key]; r != nil && p.as.as == nil && anchored(p.at.Text) && !c.seen[visit{r.root, nil}] {
			c.queue = append(c.queue, visit{r.root, nil})
			read++
		}
		if c.ids[key] != nil || c.resources[key] != nil || !which(p.need) {
			continue
		}
		read++
		if err := c.ctx.Err(); err != nil {
			c.failed[key] = true
			c.unreadable(p.at.At, shown(key), err)
			continue
		}
		c.resource(c.ctx, p.need, p.at)
	}
	return read
}

func anchored(ref string) bool {
	_, fragment, _ := strings.Cut(ref, "#")
	return fragment != "" && fragment[0] != '/'
}

// refer queues what a reference leads to, to be judged as its holder is.
func (c *crawler) refer(at *Node, as visit, place, last bool) {
	target, need := c.lookUp(at, last)
	if need != nil {
		if !last {
			c.pending = append(c.pending, pending{at, as, need, place})
		}
		return
	}
	if target == nil {
		return
	}
	if place {
		c.inPlace[as.n] = append(c.inPlace[as.n], target)
	}
	c.queue = append(c.queue, visit{target, as.as})
}

func (c *crawler) wrong(n *Node, what, want string) {
	c.fail(n.At, "contract.document_type", what+" must be "+want+", not "+n.Kind.String(), "")
}

// shape judges n, called what in messages.
func (c *crawler) shape(n *Node, what string, s *shape) {
	switch {
	case s.kind == anyValue:
	case s.kind == schemaAt:
		c.queue = append(c.queue, visit{n, nil})
	case s.object != nil:
		c.queue = append(c.queue, visit{n, s.object})
	case s.list != nil:
		if n.Kind != List {
			c.wrong(n, what, "a list")
			return
		}
		for _, item := range n.Items {
			c.shape(item, "an item of "+what, s.list)
		}
	case s.each != nil:
		if n.Kind != Map {
			c.wrong(n, what, "an object")
			return
		}
		for i := range n.Keys {
			c.shape(n.Keys[i].Value, shown(n.Keys[i].Name), s.each)
		}
	case n.Kind != s.scalar:
		c.wrong(n, what, s.scalar.String())
	}
}

// object judges n as o.
func (c *crawler) object(n *Node, o *object) {
	if n.Kind != Map {
		c.wrong(n, article(o.name), "an object")
		return
	}
	media := o == &objects().mediaType && c.version >= 2
	if at := n.Get("$ref"); at != nil && (o.ref || media) {
		if at.Kind != String {
			c.wrong(at, `"$ref"`, "a string")
			return
		}
		c.refer(at, visit{n, o}, false, false)
		if o != &objects().pathItem {
			c.besides(n, o)
			return
		}
	}
	for i := range n.Keys {
		k := &n.Keys[i]
		f, known := o.fields[k.Name]
		switch {
		case known && f.from <= c.version:
			c.shape(k.Value, shown(k.Name), &f.shape)
		case strings.HasPrefix(k.Name, "x-"), k.Name == "$ref":
		case o.each != nil && (o.accept == nil || o.accept(k.Name)):
			c.shape(k.Value, shown(k.Name), o.each)
		case o.each != nil:
			c.fail(k.At, "contract.document_status", shown(k.Name)+" is no status", `a status such as "200", a class such as "4XX", or "default"`)
		case known:
			c.warn(k.At, "contract.document_field", shown(k.Name)+" of "+article(o.name)+" came with OpenAPI 3."+string('0'+rune(f.from))+" and is ignored", "")
		default:
			c.warn(k.At, "contract.document_field", shown(k.Name)+" is no field of "+article(o.name)+" and is ignored", didYouMean(k.Name, c.fieldNames(o)))
		}
	}
	if n.Get("$ref") != nil {
		return
	}
	for _, name := range c.fieldNames(o) {
		if o.fields[name].required && n.Get(name) == nil {
			c.fail(n.keyed(), "contract.document_missing", article(o.name)+" has no "+shown(name), "")
		}
	}
	c.links(n, o)
}

func (c *crawler) fieldNames(o *object) []string {
	var list []string
	for name, f := range o.fields {
		if f.from <= c.version {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// besides warns of what stands beside a reference and is ignored.
func (c *crawler) besides(n *Node, o *object) {
	for i := range n.Keys {
		switch k := &n.Keys[i]; {
		case k.Name == "$ref", c.version > 0 && (k.Name == "summary" || k.Name == "description"):
		case strings.HasPrefix(k.Name, "x-"), k.Name == "description":
		default:
			c.warn(k.At, "contract.document_field", shown(k.Name)+" beside the reference of "+article(o.name)+" is ignored", "")
		}
	}
}

// links looks after references that are no $ref.
func (c *crawler) links(n *Node, o *object) {
	s := objects()
	if o != &s.link {
		return
	}
	if at := n.Get("operationRef"); at != nil && at.Kind == String {
		c.refer(at, visit{n, &s.operation}, false, false)
	}
}

func article(name string) string {
	switch name {
	case "paths", "components", "responses", "info", "external documentation":
		return name
	}
	if strings.ContainsRune("aeio", rune(name[0])) {
		return "an " + name
	}
	return "a " + name
}
