package filter

import (
	"strconv"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/schema"
	"github.com/gatehouse/gatehouse/strictjson"
)

// Body filters a whole JSON text. Where nothing changes, out is text itself, else
// memory of its own. The error is a *gatehouse.Error with the status 502: the text
// is no strict JSON (json.*), or breaks its schema ([CodeInvalid], with the
// violations as an [Invalid] in Err). The record, which may be nil, takes what was
// done.
func Body(text []byte, o *Options, record *Record) (out []byte, err error) {
	if len(text) > bound(o.MaxWhole, maxWhole) {
		return nil, jsonError(&strictjson.Error{Code: strictjson.CodeSize, Offset: len(text)})
	}
	e := engines.Get().(*engine)
	defer e.release()
	if err := e.tape.Read(text, &o.Limits); err != nil {
		return nil, jsonError(err.(*strictjson.Error))
	}
	e.base, e.cut.base = "", ""
	dst, changed, err := e.filter(e.out[:0], o, o.Schema, record)
	e.out = dst
	if err != nil {
		return nil, err
	}
	if !changed {
		return text, nil
	}
	return append([]byte(nil), dst...), nil
}

// Default bounds.
const (
	maxElement = 1 << 20
	maxWhole   = 8 << 20
	maxHeld    = 32 << 10
)

func bound(n, def int) int {
	if n <= 0 {
		return def
	}
	return n
}

// jsonError makes the error of a text that is not strict JSON.
func jsonError(e *strictjson.Error) error {
	return &gatehouse.Error{Code: e.Code, Status: 502, Message: "the answer is refused: " + e.Message(), Err: e}
}

// Invalid is an answer that breaks its schema: where, and how.
type Invalid struct{ Violations []schema.Violation }

func (e *Invalid) Error() string {
	v := &e.Violations[0]
	msg := v.Code
	if v.Keyword != "" {
		msg += " (" + v.Keyword + ")"
	}
	if v.Pointer != "" {
		msg += " at " + printable(v.Pointer)
	}
	if more := len(e.Violations) - 1; more > 0 {
		msg += ", and " + strconv.Itoa(more) + " more"
	}
	return msg
}

// settleCuts is how often a text that was cut is judged and cut again.
const settleCuts = 4

// filter judges the value on the tape by s and appends what stays of it to dst; dst
// comes back as it was where everything stays.
func (e *engine) filter(dst []byte, o *Options, s *schema.Schema, record *Record) (out []byte, changed bool, err error) {
	c := &e.cut
	c.t, c.cut, c.marks, c.view, c.record = &e.tape, false, nil, o.View, record
	if s != nil {
		if err := e.check(o, s); err != nil {
			return dst, false, err
		}
		c.cut, c.marks = o.Cut, e.report.Marks
	}
	if !c.cut && c.view == nil && o.Select == nil {
		return dst, false, nil
	}
	if !c.cut || !o.Settle {
		out, changed = c.run(dst, o.Select)
		return out, changed, nil
	}
	return e.settle(dst, o, s)
}

// settle cuts until what is left is valid and nothing more is to be cut, and only
// then masks and selects.
func (e *engine) settle(dst []byte, o *Options, s *schema.Schema) (out []byte, changed bool, err error) {
	c := &e.cut
	for range settleCuts {
		c.view = nil
		cut, again := c.run(e.cuts[:0], nil)
		e.cuts = cut
		if !again {
			text := e.tape.Text
			if c.view = o.View; c.view != nil || o.Select != nil {
				c.cut = false
				if out, masked := c.run(dst, o.Select); masked {
					return out, true, nil
				}
			}
			if changed {
				dst = append(dst, text...)
			}
			return dst, changed, nil
		}
		changed = true
		e.texts, e.cuts = e.cuts, e.texts // the tape is to point to what was cut
		if e.tape.Read(e.texts, &o.Limits) != nil || e.check(o, s) != nil {
			break
		}
		c.marks = e.report.Marks
	}
	return dst, false, &gatehouse.Error{Code: CodeUnsettled, Status: 502,
		Message: "what is left of the answer, once it is cut, does not fit its schema"}
}

// check judges the value on the tape, and marks it for a cut.
func (e *engine) check(o *Options, s *schema.Schema) error {
	r := &e.report
	r.Max, r.Unknown, r.Exceptions, r.Cut, r.Base = o.Violations, o.Unknown, o.Exceptions, o.Cut, e.base
	r.Marks = nil
	if o.Cut || o.View != nil { // nobody else asks how values are declared
		if e.marks == nil {
			e.marks = make([]schema.Mark, 0, 256)
		}
		r.Marks = e.marks
	}
	r.Reset()
	ok := s.Check(&e.tape, 0, r)
	if r.Marks != nil {
		e.marks = r.Marks
	}
	if ok {
		return nil
	}
	bad := &Invalid{Violations: append([]schema.Violation(nil), r.Violations...)}
	if len(bad.Violations) == 0 {
		bad.Violations = []schema.Violation{{Code: CodeInvalid}}
	}
	return &gatehouse.Error{Code: CodeInvalid, Status: 502, Message: "the answer breaks its schema",
		At: bad.Violations[0].At, Err: bad}
}
