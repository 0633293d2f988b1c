package parameter

import (
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/schema"
	"github.com/gatehouse/gatehouse/strictjson"
)

// Check judges the parameters of x. What breaks the contract is put into r, each
// violation with its parameter's name; ok says whether nothing does. Where unknown
// parameters are stripped, the edits hold the query and the Cookie field without
// them, every other byte as it was.
func (d *Decoder) Check(x *gatehouse.Exchange, r *schema.Report) (edits gatehouse.Edits, ok bool) {
	s := scratches.Get().(*scratch)
	defer s.release()
	c := check{s: s, r: r, limits: &d.o.Limits, ok: true, crumbs: -1}
	for _, p := range d.path {
		c.checkPath(p, x.Params)
	}
	c.query(d, x.Request.Query)
	for _, p := range d.header {
		c.header(p, x.Request.Header)
	}
	if len(d.cookie) > 0 || x.Request.Header.Count("Cookie") > 0 {
		c.cookies(d, x.Request.Header)
	}
	c.unknown(d, x, &edits)
	return edits, c.ok
}

// check is one run.
type check struct {
	s      *scratch
	r      *schema.Report
	limits *strictjson.Limits
	ok     bool
	fails  int // violations that fail the check
	// crumbs is where the pieces of cookies begin; -1: there are none
	crumbs int
	// Something is unknown: in the query, among the cookies.
	strange, strangeCookie bool
}

// full reports whether enough has been found.
func (c *check) full() bool { return c.fails >= max(c.r.Max, 1) }

// fail records a violation; callers have seen that there is room.
func (c *check) fail(code, parameter string, at gatehouse.Position) {
	c.ok = false
	c.fails++
	c.r.Violations = append(c.r.Violations, schema.Violation{Code: code, Parameter: parameter, At: at})
}

// note records what does not fail the check, where there is room.
func (c *check) note(code, parameter string) {
	if len(c.r.Violations) < max(c.r.Max, 1) {
		c.r.Violations = append(c.r.Violations, schema.Violation{Code: code, Parameter: parameter})
	}
}

func (c *check) checkPath(p *param, params []gatehouse.Param) {
	if c.full() {
		return
	}
	for i := range params {
		if params[i].Name != p.name {
			continue
		}
		raw := params[i].Raw
		c.judge(p, func(as kinds, wide bool) fault { return c.s.one(&p.spelling, raw, as, wide) })
		return
	}
	c.fail(parameterCodes[faultMissing], p.label, p.at)
}

// judge tries what a value may be, the most particular first, until its schema
// accepts. Where none does, the first try's violations are recorded.
func (c *check) judge(p *param, write func(as kinds, wide bool) fault) {
	mark, tries := len(c.r.Violations), 0
	f := faultType // where the schema accepts nothing at all
	for _, as := range p.tries {
		f = c.try(p, write, as, false)
		tries++
		if f != fine && c.s.narrowed {
			c.r.Violations = c.r.Violations[:mark]
			f = c.try(p, write, as, true)
			tries++
		}
		if f == fine {
			c.name(p, mark)
			return
		}
		if len(p.tries) > 1 {
			c.r.Violations = c.r.Violations[:mark]
		}
	}
	if tries > 1 {
		c.r.Violations = c.r.Violations[:mark]
		f = c.try(p, write, p.tries[0], false)
	}
	c.reject(p, f, mark)
}

// faultSchema: the schema refuses the value, and has said why.
const faultSchema fault = 255

func (c *check) try(p *param, write func(as kinds, wide bool) fault, as kinds, wide bool) fault {
	c.s.text, c.s.narrowed = c.s.text[:0], false
	if f := write(as, wide); f != fine {
		return f
	}
	return c.s.accepts(p.schema, c.limits, c.r)
}

// accepts reads the text and lets the schema judge it.
func (s *scratch) accepts(sch *schema.Schema, l *strictjson.Limits, r *schema.Report) fault {
	if f := s.readable(s.text, l); f != fine {
		return f
	}
	if sch != nil && !sch.Check(&s.tape, 0, r) {
		return faultSchema
	}
	return fine
}

// readable reads a JSON text.
func (s *scratch) readable(text []byte, l *strictjson.Limits) fault {
	err := s.tape.Read(text, l)
	if err == nil {
		return fine
	}
	s.reason = strictjson.CodeSyntax
	if e, ok := err.(*strictjson.Error); ok {
		s.reason = e.Code
	}
	if s.reason == strictjson.CodeDuplicateName {
		return faultMember
	}
	return faultJSON
}

// reject records why p is refused.
func (c *check) reject(p *param, f fault, mark int) {
	switch {
	case f == faultJSON:
		c.fail(parameterCodes[f], p.label, p.at)
		c.r.Violations[len(c.r.Violations)-1].Keyword = c.s.reason
	case f != faultSchema:
		c.fail(parameterCodes[f], p.label, p.at)
	case len(c.r.Violations) == mark: // there was no room to say what
		c.fail(codeInvalid, p.label, p.at)
	default:
		c.ok = false
		c.fails += len(c.r.Violations) - mark
		c.name(p, mark)
	}
}

// name says of the violations from mark on which parameter they are in.
func (c *check) name(p *param, mark int) {
	for i := mark; i < len(c.r.Violations); i++ {
		v := &c.r.Violations[i]
		v.Parameter = p.label
		v.Code = "contract.parameter_" + strings.TrimPrefix(v.Code, "contract.")
	}
}
