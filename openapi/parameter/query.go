package parameter

import (
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/schema"
)

// query splits the query into its pieces, gives each to the parameter it belongs to,
// and judges these.
func (c *check) query(d *Decoder, query string) {
	if c.full() {
		return
	}
	if d.whole != nil {
		c.querystring(d.whole, query)
		return
	}
	if query == "" && len(d.query) == 0 {
		return
	}
	s := c.s
	if f := s.split(query, d.o.Pieces); f != fine {
		c.fail(parameterCodes[f], "query", gatehouse.Position{})
		return
	}
	s.spans = append(s.spans[:0], make([]span, len(d.query))...)
	mixed := strings.IndexByte(query, ';') >= 0
	for i := range s.pieces {
		e := &s.pieces[i]
		e.owner = d.ownerInQuery(e.name)
		if mixed && strings.IndexByte(e.raw, ';') >= 0 && (e.owner < 0 || !d.query[e.owner].reserved) {
			c.fail(parameterCodes[faultSeparator], "query:"+printable(e.name), gatehouse.Position{})
			return
		}
		if !c.own(e, int32(i), "query:") {
			return
		}
		c.strange = c.strange || e.owner == ownerUnknown
	}
	for _, p := range d.query {
		if c.full() {
			return
		}
		c.pieces(p, s.spans[p.index])
	}
}

// own counts a piece for its owner. What belongs to nobody is looked at later.
func (c *check) own(e *piece, i int32, in string) bool {
	switch {
	case e.owner >= 0:
		sp := &c.s.spans[e.owner]
		if sp.count == 0 {
			sp.first = i
		}
		sp.count++
	case e.owner == ownerAmbiguous:
		c.fail(parameterCodes[faultAmbiguous], in+printable(e.name), gatehouse.Position{})
		return false
	case e.owner == ownerKnown && in == "query:":
		for j := range c.s.pieces[:i] {
			if c.s.pieces[j].name == e.name {
				c.fail(parameterCodes[faultRepeated], in+printable(e.name), gatehouse.Position{})
				return false
			}
		}
	}
	return true
}

// split cuts a query or a form at its ampersands. Empty pieces ("a=1&&b=2") are
// passed over, as every reader does.
func (s *scratch) split(query string, most int) fault {
	for more := query != ""; more; {
		var raw string
		if raw, query, more = strings.Cut(query, "&"); raw == "" {
			continue
		}
		if len(s.pieces) >= most {
			return faultCount
		}
		name, value, _ := strings.Cut(raw, "=")
		if escaped(name, plus) {
			var ok bool
			if s.buf, ok = decode(s.buf[:0], name, plus); !ok {
				return faultEncoding
			}
			name = string(s.buf)
		}
		s.buf = append(s.buf[:0], name...)
		if !inert(s.buf) {
			return faultEncoding
		}
		s.pieces = append(s.pieces, piece{raw: raw, name: name, value: value})
	}
	return fine
}

// ownerInQuery finds whose a decoded name is.
func (d *Decoder) ownerInQuery(name string) int32 {
	for _, p := range d.query {
		if !strings.HasPrefix(name, p.name) {
			continue
		}
		if len(name) == len(p.name) || p.style == deepObject && name[len(p.name)] == '[' {
			return p.index
		}
	}
	if isOneOf(name, d.o.KnownQuery) {
		return ownerKnown
	}
	for _, p := range d.members {
		if propertyOf(p.schema, name) != nil {
			return p.index
		}
	}
	for _, p := range d.query {
		if takenFor(name, p.name) {
			return ownerAmbiguous
		}
	}
	if i := strings.IndexByte(name, '['); i > 0 {
		for _, p := range d.members {
			if propertyOf(p.schema, name[:i]) != nil {
				return ownerAmbiguous
			}
		}
	}
	for _, known := range d.o.KnownQuery {
		if takenFor(name, known) {
			return ownerAmbiguous
		}
	}
	return ownerUnknown
}

func isOneOf(name string, list []string) bool {
	for _, s := range list {
		if s == name {
			return true
		}
	}
	return false
}

// takenFor reports whether some readers take name for the declared one: those that
// read brackets as arrays (PHP, Rails, qs), those that trim, those that do not look
// at the case, those that make "_" of "." and " " (PHP).
func takenFor(name, declared string) bool {
	name = trim(name)
	if i := strings.IndexByte(name, '['); i > 0 {
		name = trim(name[:i])
	}
	if len(name) != len(declared) {
		return false
	}
	for i := 0; i < len(name); i++ {
		x, y := name[i], declared[i]
		if x != y && !(y == '_' && (x == '.' || x == ' ')) && !gatehouse.EqualFold(name[i:i+1], declared[i:i+1]) {
			return false
		}
	}
	return true
}

// TakenFor reports whether some readers of a query or a form take a name that is not
// declared for one of those that are: "tags[]" for tags, "Role" for role.
func TakenFor(name string, declared []string) bool {
	for _, d := range declared {
		if takenFor(name, d) {
			return true
		}
	}
	return false
}

// pieces judges a parameter of which s.pieces hold what there is.
func (c *check) pieces(p *param, sp span) {
	s := c.s
	if sp.count == 0 {
		if p.required {
			c.fail(parameterCodes[faultMissing], p.label, p.at)
		}
		return
	}
	first := &s.pieces[sp.first]
	if sp.count > 1 && !p.many() {
		c.fail(parameterCodes[faultRepeated], p.label, p.at)
		return
	}
	if p.empty && sp.count == 1 && first.value == "" && first.name == p.name {
		return
	}
	c.judge(p, func(as kinds, wide bool) fault { return s.spread(&p.spelling, sp, as, wide) })
}

// spread writes a value that may be spread over several pieces.
func (s *scratch) spread(p *spelling, sp span, as kinds, wide bool) fault {
	first := &s.pieces[sp.first]
	switch {
	case p.style == deepObject && p.content == noContent:
		return s.deep(p, sp, wide)
	case as == schema.Array && p.many():
		return s.repeated(p, sp, wide)
	case as == schema.Object && p.many() && p.style == form || as == schema.Object && p.style == cookie:
		return s.members(p, sp, wide)
	case sp.count > 1:
		return faultRepeated
	case first.name != p.name:
		return faultSyntax // a member of the object that the value also might be
	}
	return s.one(p, first.value, as, wide)
}

// repeated writes an array, one element a piece.
func (s *scratch) repeated(p *spelling, sp span, wide bool) fault {
	s.text = append(s.text, '[')
	n := int32(0)
	for i := sp.first; n < sp.count; i++ {
		e := &s.pieces[i]
		if e.owner != p.index {
			continue
		}
		if e.name != p.name {
			return faultSyntax
		}
		if n > 0 {
			s.text = append(s.text, ',')
		}
		if f := s.scalar(e.value, p.coding, p.item(int(n)), wide); f != fine {
			return f
		}
		n++
	}
	s.text = append(s.text, ']')
	return fine
}

// members writes an object whose members are pieces of their own.
func (s *scratch) members(p *spelling, sp span, wide bool) fault {
	s.text = append(s.text, '{')
	n := int32(0)
	for i := sp.first; n < sp.count; i++ {
		e := &s.pieces[i]
		if e.owner != p.index {
			continue
		}
		if f := s.member(p, e.name, e.value, n == 0, wide); f != fine {
			return f
		}
		n++
	}
	s.text = append(s.text, '}')
	return fine
}

// querystring judges the whole query as one value.
func (c *check) querystring(p *param, query string) {
	if query == "" {
		if p.required {
			c.fail(parameterCodes[faultMissing], p.label, p.at)
		}
		return
	}
	if p.form == nil {
		c.judge(p, func(as kinds, wide bool) fault { return c.s.one(&p.spelling, query, as, wide) })
		return
	}
	mark := len(c.r.Violations)
	if f := p.form.check(c.s, query, c.r); f != fine {
		c.reject(p, f, mark)
	}
}

// printable makes a name that a stranger chose fit for a log: short, and without
// control characters.
func printable(name string) string {
	const most = 64
	out := make([]byte, 0, min(len(name), most)+3)
	for i := 0; i < len(name); i++ {
		if len(out) >= most {
			return string(append(out, "..."...))
		}
		if b := name[i]; b > ' ' && b < 0x7f {
			out = append(out, b)
		} else {
			out = append(out, '?')
		}
	}
	return string(out)
}
