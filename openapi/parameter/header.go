package parameter

import (
	"errors"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/document"
	"github.com/gatehouse/gatehouse/openapi/schema"
)

// Headers judges the header fields of an answer, or of a part of a multipart body.
// Fields nobody declared are nobody's business here.
type Headers struct {
	list []*param
	o    Options
}

// CompileHeaders makes Headers of what a response or encoding declares. Content-Type
// is described elsewhere and left out.
func CompileHeaders(hs []*document.Parameter, set *schema.Set, dir schema.Direction, o Options) (*Headers, error) {
	c := compiler{set: set, dir: dir, o: o.withDefaults()}
	h := &Headers{o: c.o}
	var errs []error
	for _, dp := range hs {
		if gatehouse.EqualFold(dp.Name, "Content-Type") {
			continue
		}
		p, err := c.compile(dp, "header")
		if err != nil {
			errs = append(errs, err)
			continue
		}
		h.list = append(h.list, p)
	}
	return h, errors.Join(errs...)
}

// Check judges the fields; what breaks the contract is put into r.
func (h *Headers) Check(fields gatehouse.Header, r *schema.Report) bool {
	if h == nil || len(h.list) == 0 {
		return true
	}
	s := scratches.Get().(*scratch)
	defer s.release()
	c := check{s: s, r: r, limits: &h.o.Limits, ok: true}
	for _, p := range h.list {
		c.header(p, fields)
	}
	return c.ok
}

// header judges a header parameter. Its value is what stands in the field, without
// percent-decoding. A field that stands twice is refused unless the value is a list,
// of which several field lines are one (RFC 9110, section 5.3).
func (c *check) header(p *param, h gatehouse.Header) {
	if c.full() {
		return
	}
	var value string
	n := 0
	for i := range h {
		if len(h[i].Name) != len(p.name) || !likeField(h[i].Name, p.name) {
			continue
		}
		if !gatehouse.EqualFold(h[i].Name, p.name) {
			c.fail(parameterCodes[faultAmbiguous], p.label, p.at)
			return
		}
		if n++; n == 1 {
			value = h[i].Value
		} else if p.content != noContent || !p.types.Has(schema.Array) {
			c.fail(parameterCodes[faultRepeated], p.label, p.at)
			return
		} else {
			value += "," + h[i].Value
		}
	}
	if n == 0 {
		if p.required {
			c.fail(parameterCodes[faultMissing], p.label, p.at)
		}
		return
	}
	c.judge(p, func(as kinds, wide bool) fault { return c.s.one(&p.spelling, value, as, wide) })
}

// likeField compares field names as CGI-like servers do, for which "_" is "-".
func likeField(a, b string) bool {
	for i := 0; i < len(a); i++ {
		x, y := a[i], b[i]
		if x == y {
			continue
		}
		if x == '_' {
			x = '-'
		}
		if y == '_' {
			y = '-'
		}
		if x|0x20 != y|0x20 {
			return false
		}
	}
	return true
}
