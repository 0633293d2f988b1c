package openapi

import (
	"io"
	"sync"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/schema"
)

// FilterResponse returns the writer through which an answer's body is judged, and in
// filter cut down; nil where the document says nothing of it, or where the head has
// been refused already.
func (r *responseControl) FilterResponse(x *gatehouse.Exchange, w io.Writer) (io.WriteCloser, error) {
	a := r.answer(x.Response.Status)
	switch {
	case a == nil:
		return nil, nil
	case a.body == nil:
		return &noBody{r: r, a: a}, nil
	}
	contentType, coding, err := contentFields(x.Response.Header)
	if err != nil || a.opaque || r.unasked(x) || len(contentType) >= len(eventStream) && gatehouse.EqualFold(bare(contentType), eventStream) && streams(a.doc.Content, contentType) || x.Response.Status == 206 || contentType == "" && emptyAnswer(x) || !promised(a.doc.Content, contentType) {
		return nil, nil
	}
	if r.filters {
		if s, json := a.body.Schema(contentType); json {
			return r.filter(x, a, s, w), nil
		}
	}
	unmendable := r.filters && structured(contentType)
	h := helds.Get().(*held)
	h.r, h.a, h.x, h.to, h.contentType, h.coding = r, a, x, w, contentType, coding
	if unmendable {
		h.unknown = schema.UnknownRefuse
	}
	return h, nil
}

// held keeps a body back until it has been judged whole. It passes on what it was
// given, or nothing.
type held struct {
	r                   *responseControl
	a                   *answer
	x                   *gatehouse.Exchange
	to                  io.Writer
	contentType, coding string
	unknown             schema.Unknown
	buf                 []byte
	verdict             gatehouse.Verdict
}

var helds = sync.Pool{New: func() any { return new(held) }}

// keptBuffer bounds the memory a held answer keeps between uses.
const keptBuffer = 1 << 20

func (h *held) Write(p []byte) (int, error) {
	if limit := int(h.r.op.c.opts.Limits.AnswerBytes); len(h.buf)+len(p) > limit {
		h.verdict = h.r.refuse(CodeAnswerLength, "the answer is too large to be judged whole", position(h.a.doc.Node))
		return 0, errJudged
	}
	h.buf = append(h.buf, p...)
	return len(p), nil
}

// errJudged ends an answer of which the verdict says why.
var errJudged = &gatehouse.Error{Code: CodeAnswerBody, Status: 502, Message: "the answer was judged"}

func (h *held) Close() error {
	f := findingsPool.Get().(*findings)
	defer f.release()
	f.body.Max, f.body.Unknown, f.body.Exceptions = h.r.op.c.opts.Errors.Max, h.unknown, h.r.op.except
	ok, err := h.a.body.Check(h.contentType, h.coding, h.buf, &f.body)
	switch {
	case err != nil:
		h.verdict = h.r.refuse(CodeAnswerBody, err.Code+": "+err.Message, position(h.a.doc.Node))
		h.verdict.Details = []gatehouse.Detail{{Code: err.Code}}
		return errJudged
	case !ok:
		h.verdict = h.r.broken(h.x, f)
		return errJudged
	}
	h.verdict = gatehouse.Passed()
	if len(f.body.Violations) > 0 {
		h.r.op.report(&h.verdict, f.body.Violations)
	}
	_, werr := h.to.Write(h.buf)
	return werr
}

// broken makes the denial of an answer whose body breaks its schema. Nobody outside
// is told where.
func (r *responseControl) broken(x *gatehouse.Exchange, f *findings) gatehouse.Verdict {
	v := r.op.deny(x, 502, f.body.Violations)
	v.Reason.Code, v.Public = CodeAnswerBody, false
	return v
}

// Verdict is asked last, so the memory goes back.
func (h *held) Verdict() gatehouse.Verdict {
	v := h.verdict
	buf := h.buf[:0]
	if cap(buf) > keptBuffer {
		buf = nil
	}
	*h = held{buf: buf}
	helds.Put(h)
	return v
}

// PassesThrough: what goes on is what came.
func (h *held) PassesThrough() bool { return true }

// noBody refuses a body where the document promises none.
type noBody struct {
	r    *responseControl
	a    *answer
	some bool
}

func (n *noBody) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n.some = true
	return 0, errJudged
}

func (n *noBody) Close() error { return nil }

func (n *noBody) Verdict() gatehouse.Verdict {
	if n.some {
		return n.r.refuse(CodeAnswerUnexpected, "the document promises no body with this answer", position(n.a.doc.Node))
	}
	return gatehouse.Passed()
}

// PassesThrough: there is nothing to change.
func (n *noBody) PassesThrough() bool { return true }
