package openapi

import (
	"io"
	"sync"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/document"
	"github.com/gatehouse/gatehouse/openapi/filter"
	"github.com/gatehouse/gatehouse/openapi/schema"
)

// filter returns the writer that cuts a JSON answer down to what is promised, masks
// it for who asks, and keeps of the rest what was selected.
func (r *responseControl) filter(x *gatehouse.Exchange, a *answer, s *schema.Schema, w io.Writer) io.WriteCloser {
	c := r.op.c
	o := filter.Options{Schema: s, Cut: s != nil, Exceptions: r.op.except, View: c.view(x.Principal).masker.For(x.Principal), Limits: c.limits,
		MaxElement: int(c.opts.Limits.AnswerBytes), MaxWhole: int(c.opts.Limits.AnswerBytes), Violations: c.opts.Errors.Max}
	if s != nil {
		shape := c.shape(s)
		o.Whole, o.Settle = shape.whole, shape.unsettled
	}
	if f := c.opts.Fields; f != "" && x.Request.Query != "" && x.Response.Status < 300 {
		if text, _, there := cutQuery(x.Request.Query, f); there {
			// The request has been refused where it does not parse, unless its control is in
			// monitor: then everything is shown.
			o.Select, _ = filter.ParseSelection(text)
		}
	}
	f := cuttings.Get().(*cutting)
	f.a = a
	f.Reset(w, &o)
	return f
}

// cutting is a filter whose refusals have the contract's code, whatever was wrong.
type cutting struct {
	filter.Writer
	a *answer
}

var cuttings = sync.Pool{New: func() any { return new(cutting) }}

// Verdict is asked last, so the memory goes back.
func (c *cutting) Verdict() gatehouse.Verdict {
	v := c.verdict()
	c.a = nil
	c.Forget()
	cuttings.Put(c)
	return v
}

func (c *cutting) verdict() gatehouse.Verdict {
	v := c.Writer.Verdict()
	if v.Outcome == gatehouse.Pass {
		return v
	}
	if v.Reason.Code != filter.CodeInvalid {
		v.Details = append(v.Details, gatehouse.Detail{Code: v.Reason.Code})
		v.Reason.Message = v.Reason.Code + ": " + v.Reason.Message
	}
	v.Reason.Code, v.Status = CodeAnswerBody, 502
	if len(v.Details) > 0 {
		v.Reason.At = v.Details[0].At
	}
	if v.Reason.At.IsZero() {
		v.Reason.At = position(c.a.doc.Node)
	}
	return v
}

// shape says how an answer of a schema is filtered.
type shape struct {
	whole     bool // all of it is held: see judgedWhole
	unsettled bool // what a cut leaves is judged once more
}

// shape was found out when the answers were compiled.
func (c *Contract) shape(s *schema.Schema) shape {
	if known, ok := c.shapes[s]; ok {
		return known
	}
	return c.shapeOf(s)
}

func (c *Contract) shapeOf(s *schema.Schema) shape {
	return shape{whole: c.judgedWhole(s.Node(), 0), unsettled: filter.Unsettled(s.Node(), c.target)}
}

// judgedWhole reports whether a schema says anything of an array that its elements
// do not show one by one, or may do so.
func (c *Contract) judgedWhole(n *document.Node, depth int) bool {
	if n == nil || n.Kind != document.Map || depth > 16 {
		return n != nil && n.Kind == document.Map
	}
	for i := range n.Keys {
		switch k := &n.Keys[i]; k.Name {
		case "minItems":
			if k.Value.Text != "0" {
				return true
			}
		case "maxItems", "contains", "unevaluatedItems", "if", "not", "anyOf", "oneOf", "$dynamicRef", "enum", "const":
			return true
		case "uniqueItems":
			if k.Value.Text == "true" {
				return true
			}
		case "allOf":
			for _, item := range k.Value.Items {
				if c.judgedWhole(item, depth+1) {
					return true
				}
			}
		case "$ref":
			target := c.target(n, k.Value.Text)
			if target == nil || c.judgedWhole(target, depth+1) {
				return true
			}
		}
	}
	return false
}
