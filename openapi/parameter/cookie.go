package parameter

import (
	"strings"

	"github.com/gatehouse/gatehouse"
)

// cookies splits the Cookie fields (RFC 6265, section 4.2) and judges the cookies
// that are parameters. HTTP/2 sends one field per cookie, so several fields are one.
func (c *check) cookies(d *Decoder, h gatehouse.Header) {
	if c.full() {
		return
	}
	s := c.s
	c.crumbs = len(s.pieces)
	for i := range h {
		if len(h[i].Name) != len("Cookie") || !gatehouse.EqualFold(h[i].Name, "Cookie") {
			continue
		}
		for rest, more := h[i].Value, true; more; {
			var raw string
			raw, rest, more = strings.Cut(rest, ";")
			if raw = trim(raw); raw == "" {
				continue
			}
			if len(s.pieces)-c.crumbs >= d.o.Pieces {
				c.fail(parameterCodes[faultCount], "cookie", gatehouse.Position{})
				return
			}
			d.addCookie(s, raw)
		}
	}
	s.spans = append(s.spans[:0], make([]span, len(d.cookie))...)
	for i := c.crumbs; i < len(s.pieces); i++ {
		e := &s.pieces[i]
		if !c.own(e, int32(i), "cookie:") {
			return
		}
		c.strangeCookie = c.strangeCookie || e.owner == ownerUnknown
	}
	for _, p := range d.cookie {
		if c.full() {
			return
		}
		c.cookie(p, s.spans[p.index])
	}
}

// addCookie makes a piece of a cookie. The style form puts ampersands between the
// elements of what is exploded, so there one cookie is several pieces.
func (d *Decoder) addCookie(s *scratch, raw string) {
	name, value, ok := strings.Cut(raw, "=")
	e := piece{raw: raw, name: trim(name), value: trim(value), owner: ownerUnknown}
	e.withheld = isOneOf(e.name, d.o.WithheldCookies)
	if ok { // else it is a value without a name
		e.owner = d.ownerOfCookie(e.name)
	}
	if e.owner < 0 || d.cookie[e.owner].style != form || !d.cookie[e.owner].many() {
		s.pieces = append(s.pieces, e)
		return
	}
	part, rest, more := strings.Cut(e.value, "&")
	e.value = part
	s.pieces = append(s.pieces, e)
	for more {
		part, rest, more = strings.Cut(rest, "&")
		e.name, e.value, _ = strings.Cut(part, "=")
		e.raw = ""
		s.pieces = append(s.pieces, e)
	}
}

func (c *check) cookie(p *param, sp span) {
	if sp.count > 0 && p.content == noContent {
		for i := sp.first; int(i) < len(c.s.pieces); i++ {
			// Some readers take the quotes off, and some undo escapes between them.
			if e := &c.s.pieces[i]; e.owner == p.index && strings.HasPrefix(e.value, `"`) {
				c.fail(parameterCodes[faultSyntax], p.label, p.at)
				return
			}
		}
	}
	c.pieces(p, sp)
}

func (d *Decoder) ownerOfCookie(name string) int32 {
	for _, p := range d.cookie {
		if p.name == name {
			return p.index
		}
	}
	if isOneOf(name, d.o.KnownCookies) {
		return ownerKnown
	}
	if isOneOf(name, d.o.WithheldCookies) {
		return ownerWithheld
	}
	for _, p := range d.crumbs {
		if propertyOf(p.schema, name) != nil {
			return p.index
		}
	}
	if strings.HasPrefix(name, "$") {
		return ownerAmbiguous // RFC 2109 had attributes of that kind, and another grammar where they stand
	}
	for _, p := range d.cookie {
		if cookieTakenFor(name, p.name) {
			return ownerAmbiguous
		}
	}
	return ownerUnknown
}

// cookieTakenFor reports whether some readers take a cookie's name for the declared
// one: those that undo escapes in names, and those that read brackets as arrays.
func cookieTakenFor(name, declared string) bool {
	if escaped(name, percent) {
		decoded, ok := decode(nil, name, percent)
		if !ok {
			return false
		}
		name = string(decoded)
	}
	if i := strings.IndexByte(name, '['); i > 0 {
		name = name[:i]
	}
	return name == declared
}
