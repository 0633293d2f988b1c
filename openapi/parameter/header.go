package parameter

import (
	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/schema"
)

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
