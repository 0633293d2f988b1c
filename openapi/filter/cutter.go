package filter

import (
	"bytes"

	"github.com/gatehouse/gatehouse/openapi/schema"
	"github.com/gatehouse/gatehouse/strictjson"
)

// A cutter walks a tape once and writes what stays of the text.
type cutter struct {
	t      *strictjson.Tape
	marks  []schema.Mark // nil: everything is declared
	cut    bool
	view   *View
	record *Record
	base   string // in front of the places recorded
	path   []int  // tokens of names, and element
	dst    []byte
	from   int // the text has been written up to here

	hasher hasher
	names  nameCache
	spans  [2][]byte
	plain  []byte // a masked text
	value  []byte // a masked value as JSON
}

// reset forgets the text, and gives back memory that only a huge one needed.
func (c *cutter) reset() {
	c.t, c.marks, c.view, c.record, c.dst, c.path = nil, nil, nil, nil, nil, c.path[:0]
	for _, b := range []*[]byte{&c.spans[0], &c.spans[1], &c.plain, &c.value} {
		if cap(*b) > keep {
			*b = nil
		}
	}
}

// run appends what stays of the tape's text to dst, and reports whether that is
// less than everything. Where it is not, dst is returned as it came.
func (c *cutter) run(dst []byte, s *Selection) (out []byte, changed bool) {
	mark := len(dst)
	c.dst, c.from, c.path = dst, 0, c.path[:0]
	if c.view != nil {
		c.names.use(c.view.m)
	}
	rule := noRule
	if c.cut && c.marks[0].Flags&schema.WriteOnly != 0 {
		rule = allRule
	}
	c.visit(0, c.ruled(0, rule), s)
	out = c.dst
	c.dst = nil
	if c.from == 0 {
		return out[:mark], false
	}
	return append(out, c.t.Text[c.from:]...), true
}

// skip leaves out the text up to offset to, after writing what stands before offset
// at.
func (c *cutter) skip(at, to int) {
	c.dst = append(c.dst, c.t.Text[c.from:at]...)
	c.from = to
}

// ruled returns the first rule for token v by its class or by what it stands in.
func (c *cutter) ruled(v, rule int) int {
	if c.view != nil && c.marks != nil {
		m := &c.marks[v]
		rule = min(rule, int(c.view.m.classes[m.Class]), int(c.view.m.classes[m.Also]))
	}
	return rule
}

// mask returns what a rule means.
func (c *cutter) mask(rule int) (m Mask, asText bool) {
	switch {
	case rule == allRule:
		return MaskRedact, false
	case rule == noRule:
		return MaskNone, false
	}
	return c.view.masks[rule], c.view.m.rules[rule].AsText
}

// visit filters the value at token i, which stays.
func (c *cutter) visit(i, rule int, s *Selection) {
	if s != nil && s.all {
		s = nil
	}
	switch c.t.Tokens[i].Kind {
	case strictjson.Object:
		c.object(i, rule, s)
	case strictjson.Array:
		c.array(i, rule, s)
	default:
		c.scalar(i, rule)
	}
}

func (c *cutter) scalar(i, rule int) {
	var b []byte
	if rule != noRule {
		mask, asText := c.mask(rule)
		if mask == MaskNone {
			return
		}
		b = c.masked(i, mask, asText)
	} else if c.view != nil && c.view.detect != 0 {
		if k := c.t.Tokens[i].Kind; k == strictjson.String || k == strictjson.Number {
			b = c.detected(i)
		}
	}
	if b == nil {
		return
	}
	k := &c.t.Tokens[i]
	c.skip(int(k.Start), int(k.End))
	c.dst = append(c.dst, b...)
	if c.record != nil {
		c.record.Masked++
		c.record.note(CodeMasked, c.base, c.t, c.path)
	}
}

func (c *cutter) array(i, rule int, s *Selection) {
	end := int(c.t.Tokens[i].Next)
	c.path = append(c.path, element)
	for v := i + 1; v < end; v = int(c.t.Tokens[v].Next) {
		r := c.ruled(v, rule)
		if c.cut && c.marks[v].Flags&schema.WriteOnly != 0 {
			r = allRule
		}
		c.visit(v, r, s)
	}
	c.path = c.path[:len(c.path)-1]
}

// object filters the members. A run of members that go takes the comma behind it
// along; at the end of the object, the one before.
func (c *cutter) object(i, rule int, s *Selection) {
	toks := c.t.Tokens
	end := int(toks[i].Next)
	gone := -1 // offset of the first name of the run
	kept := 0  // offset behind the last member that stays
	last := 0  // offset behind the last member
	for m := i + 1; m < end; {
		v := m + 1
		next := int(toks[v].Next)
		last = int(toks[v].End)
		r, sub := rule, (*Selection)(nil)
		goes := c.cut && c.marks[v].Flags&(schema.Declared|schema.WriteOnly) != schema.Declared
		if goes {
			c.undeclared(m, v)
		} else if s != nil {
			if sub = s.member(c.t, m); sub == nil {
				if goes = true; c.record != nil {
					c.record.Unselected++
				}
			}
		}
		if !goes && c.view != nil {
			r = c.ruled(v, min(rule, c.names.rule(c.t, m)))
			goes = c.removed(m, v, r)
		}
		if goes {
			if gone < 0 {
				gone = int(toks[m].Start)
			}
			m = next
			continue
		}
		if gone >= 0 {
			c.skip(gone, int(toks[m].Start))
			gone = -1
		}
		if toks[v].Kind >= strictjson.Array || r != noRule || c.view != nil {
			c.path = append(c.path, m)
			c.visit(v, r, sub)
			c.path = c.path[:len(c.path)-1]
		}
		kept = last
		m = next
	}
	if gone >= 0 {
		if kept > 0 {
			gone = kept
		}
		c.skip(gone, last)
	}
}

// undeclared records that a member is not to be sent.
func (c *cutter) undeclared(m, v int) {
	if c.record == nil {
		return
	}
	code := CodeUndeclared
	if c.marks[v].Flags&schema.WriteOnly != 0 {
		code = CodeWriteOnly
	}
	c.record.Removed++
	c.noteMember(code, m)
}

// removed reports, and records, that a member is masked by leaving it out.
func (c *cutter) removed(m, v, rule int) bool {
	if rule == allRule {
		return false
	}
	if rule != noRule {
		if c.view.masks[rule] != MaskRemove {
			return false
		}
	} else if c.view.removing == 0 || !c.detects(v) {
		return false
	}
	if c.record != nil {
		c.record.Masked++
		c.noteMember(CodeMasked, m)
	}
	return true
}

// detects reports whether a detector whose mask is remove knows something in v.
func (c *cutter) detects(v int) bool {
	var s []byte
	switch c.t.Tokens[v].Kind {
	case strictjson.String:
		s = c.t.StringBytes(v)
	case strictjson.Number:
		s = c.t.Raw(v)
	default:
		return false
	}
	d := c.view.removing.plausible(s)
	if d == 0 {
		return false
	}
	_, ok := d.next(s, 0)
	return ok
}

func (c *cutter) noteMember(code string, m int) {
	c.path = append(c.path, m)
	c.record.note(code, c.base, c.t, c.path)
	c.path = c.path[:len(c.path)-1]
}

// A nameCache remembers the rules of short names, for the same ones come again and
// again.
type nameCache struct {
	of    *Masker
	slots [256]nameSlot
}

type nameSlot struct {
	name [28]byte
	used uint8 // length of the name and one, 0: free
	rule int16
}

func (n *nameCache) use(m *Masker) {
	if n.of != m {
		*n = nameCache{of: m}
	}
}

// rule returns the first rule for the name at token m.
func (n *nameCache) rule(t *strictjson.Tape, m int) int {
	k := &t.Tokens[m]
	name := t.Text[k.Start+1 : k.End-1]
	if k.Escaped || len(name) == 0 || len(name) > len(n.slots[0].name) {
		return n.of.field(t.StringBytes(m))
	}
	h := uint32(name[0]) | uint32(name[len(name)/2])<<8 | uint32(name[len(name)-1])<<16 | uint32(len(name))<<24
	s := &n.slots[h*0x9E3779B1>>24]
	if int(s.used) != len(name)+1 || !bytes.Equal(s.name[:len(name)], name) {
		s.used = uint8(copy(s.name[:], name) + 1)
		s.rule = int16(n.of.field(name))
	}
	return int(s.rule)
}
