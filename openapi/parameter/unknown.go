package parameter

import (
	"strings"

	"github.com/gatehouse/gatehouse"
)

// unknown deals with what nothing declares, when everything declared is judged.
func (c *check) unknown(d *Decoder, x *gatehouse.Exchange, edits *gatehouse.Edits) {
	split := len(c.s.pieces)
	if c.crumbs >= 0 {
		split = c.crumbs
	}
	if c.strange {
		c.strangers(c.s.pieces[:split], d.o.UnknownQuery, "query:")
		if d.o.UnknownQuery == Strip && c.ok {
			q := kept(c.s.pieces[:split], "&")
			edits.Query = &q
		}
	}
	if !c.strangeCookie {
		return
	}
	c.strangers(c.s.pieces[split:], d.o.UnknownCookies, "cookie:")
	if d.o.UnknownCookies != Strip || !c.ok {
		return
	}
	if cookies := kept(c.s.pieces[split:], "; "); cookies != "" {
		edits.Request = append(edits.Request, gatehouse.Field{Name: "Cookie", Value: cookies})
	} else {
		edits.Drop = append(edits.Drop, "Cookie")
	}
}

// strangers records the unknown pieces, as many as there is room for.
func (c *check) strangers(pieces []piece, u Unknown, in string) {
	for i := range pieces {
		if pieces[i].owner != ownerUnknown {
			continue
		}
		if u == Refuse {
			if c.full() {
				return
			}
			c.fail(parameterCodes[faultUnknown], in+printable(pieces[i].name), gatehouse.Position{})
			continue
		}
		if len(c.r.Violations) >= max(c.r.Max, 1) {
			return
		}
		c.note(parameterCodes[faultUnknown], in+printable(pieces[i].name))
	}
}

// kept puts together what is not unknown, each piece spelled as it was.
func kept(pieces []piece, between string) string {
	var b strings.Builder
	for i := range pieces {
		if e := &pieces[i]; e.owner == ownerUnknown || e.withheld || e.raw == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(between)
		}
		b.WriteString(pieces[i].raw)
	}
	return b.String()
}
