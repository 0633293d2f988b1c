package waf

import (
	"context"
	"io"
	"strconv"
	"sync"

	"github.com/corazawaf/coraza/v3/experimental"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/coding"
)

// answers tell which answers' bodies the rules look at.
type answers struct {
	limit int // bytes of a body that are judged

	mu    sync.RWMutex
	types map[string]bool // by content type, as the upstream spells it
}

// maxTypes bounds how many content types are remembered.
const maxTypes = 1000

// responseLimit is SecResponseBodyLimit. Where it is not known more is judged rather
// than less.
func responseLimit(settings map[string]string) int {
	n, err := strconv.Atoi(settings["secresponsebodylimit"])
	if err != nil || n <= 0 || n > 1<<30 {
		return unknownLimit
	}
	return n
}

const unknownLimit = 8 << 20

// judges reports whether the engine looks at bodies of a content type.
func (a *answers) judges(r *reference, contentType string) bool {
	a.mu.RLock()
	yes, known := a.types[contentType]
	a.mu.RUnlock()
	if known {
		return yes
	}
	tx := r.bare.NewTransactionWithOptions(experimental.Options{ID: "-", Context: context.Background()})
	tx.AddResponseHeader("Content-Type", contentType)
	yes = tx.IsResponseBodyProcessable()
	_ = tx.Close() // it judged nothing
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.types == nil || len(a.types) >= maxTypes {
		a.types = map[string]bool{}
	}
	a.types[contentType] = yes
	return yes
}

// responseControl is "waf.response": the rules on answers. Their heads are always
// judged; a body is held back where the rules look at its type, up to the limit of
// the rules: by this beginning it is judged, and the rest follows as it comes.
type responseControl struct {
	request *keptRequest
	lenient func() (*Guard, error) // for requests that nobody has let pass
}

func (c *responseControl) Name() string { return ResponseName }

// Step is where the control belongs.
func (c *responseControl) Step() gatehouse.Step { return gatehouse.StepJudgeBody }

// Body asks for the whole body where the request's control does: the rules on answers
// may ask about it, whether or not that control is on.
func (c *responseControl) Body() gatehouse.BodyNeed { return c.request.body }

// Check passes: there is no answer yet.
func (c *responseControl) Check(context.Context, *gatehouse.Exchange) (gatehouse.Verdict, error) {
	return gatehouse.Passed(), nil
}

// CheckResponse judges the answer, or sees to it that the body is held back for it.
func (c *responseControl) CheckResponse(ctx context.Context, x *gatehouse.Exchange) (gatehouse.Verdict, error) {
	p, err := c.passage(ctx, x)
	switch {
	case err != nil:
		return c.failure(err)
	case !p.judged:
		v := gatehouse.Passed()
		v.Reason = gatehouse.Reason{Code: CodeAnswerUnjudged, Message: "a rule refuses the request whatever its score, so that the rules on answers are not reached"}
		return v, nil
	}
	m := &p.m
	m.HasAnswer, m.Status, m.AnswerProto, m.AnswerHeader = true, x.Response.Status, x.Request.Proto, x.Response.Header
	contentType := ""
	for v := range x.Response.Header.Values("Content-Type") {
		contentType = v // the last one counts for the engine
	}
	if !x.Response.Streaming && !bodiless(x) && p.in.InspectsBody(contentType) {
		p.held, p.ctx = true, ctx
		return gatehouse.Passed(), nil
	}
	return c.judge(ctx, p, nil, false)
}

func bodiless(x *gatehouse.Exchange) bool {
	return x.Request.Method == "HEAD" || x.Response.Status == 204 || x.Response.Status == 304
}

// passage returns the exchange's. Where the request was not let pass (its control is
// off, or in monitor and would have refused it) the rules are asked again, by a
// policy that leaves the request alone.
func (c *responseControl) passage(ctx context.Context, x *gatehouse.Exchange) (*passage, error) {
	p, _ := x.Kept(c.request).(*passage)
	if p == nil {
		p = passages.Get().(*passage)
		x.Keep(c.request, p)
	}
	if p.judged {
		return p, nil
	}
	if p.in != nil {
		p.in.Close()
		p.in = nil
	}
	if p.room != nil {
		p.room.Release()
		p.room = nil
	}
	if err := c.request.fill(x, p); err != nil {
		return p, err
	}
	guard, err := c.lenient()
	if err != nil {
		return p, err
	}
	in, res, err := guard.Inspect(ctx, &p.m, p.by)
	p.in, p.judged = in, err == nil && res.Interruption == nil
	return p, err
}

// failure is what it means that there is no verdict on an answer.
func (c *responseControl) failure(err error) (gatehouse.Verdict, error) {
	e := gatehouse.AsError(err, CodeEngine, 503)
	return gatehouse.Denied(503, e.Reason()), nil
}

// judge asks the rules; body is what there is of it.
func (c *responseControl) judge(ctx context.Context, p *passage, body []byte, has bool) (gatehouse.Verdict, error) {
	w := c.request.waf
	p.m.AnswerBody, p.m.HasAnswerBody = body, has
	res, err := p.in.Answer(ctx, &p.m)
	p.m.AnswerBody = nil
	if err != nil {
		return c.failure(err)
	}
	c.own(&res)
	v := w.verdict(&res, res.Outbound, c.request.policy.Outbound)
	if v.Outcome == gatehouse.Deny {
		v.Status, v.Reason.Code = 502, CodeAnswerBlocked
	}
	return v, nil
}

// own leaves of a Result what the answer's phases added: the request's matches are
// told already.
func (c *responseControl) own(res *Result) {
	kept := res.Rules[:0]
	for _, m := range res.Rules {
		if info, known := c.request.waf.known[m.ID]; !known || info.phase >= 3 {
			kept = append(kept, m)
		}
	}
	res.Rules = kept
}

// Finish ends the passage, where the request's control is not there to do it.
func (c *responseControl) Finish(x *gatehouse.Exchange) { c.request.Finish(x) }

// FilterResponse returns the writer that holds a body back; nil where CheckResponse
// has judged.
func (c *responseControl) FilterResponse(x *gatehouse.Exchange, w io.Writer) (io.WriteCloser, error) {
	p, _ := x.Kept(c.request).(*passage)
	if p == nil || !p.held {
		return nil, nil
	}
	p.held = false
	b := beginnings.Get().(*beginning)
	b.c, b.p, b.to = c, p, w
	b.field, b.codings = contentEncoding(p.m.AnswerHeader)
	return b, nil
}

// A beginning holds a body back until the rules have judged it by that.
type beginning struct {
	c       *responseControl
	p       *passage
	to      io.Writer
	field   string // Content-Encoding
	codings int
	buf     []byte
	judged  bool
	verdict gatehouse.Verdict
}

var beginnings = sync.Pool{New: func() any { return new(beginning) }}

// keptBuffer bounds the memory a beginning keeps between uses.
const keptBuffer = 1 << 20

// errJudged ends an answer of which the verdict says why.
var errJudged error = &gatehouse.Error{Code: CodeAnswerBlocked, Status: 502, Message: "the answer was judged"}

func (b *beginning) Write(p []byte) (int, error) {
	if b.judged {
		return b.to.Write(p)
	}
	if b.buf = append(b.buf, p...); len(b.buf) <= b.c.request.waf.answers.limit {
		return len(p), nil
	}
	if err := b.judge(); err != nil {
		return 0, err
	}
	return len(p), nil
}

// judge asks the rules and lets go what was held back.
func (b *beginning) judge() error {
	b.judged = true
	body, err := b.plain()
	if err == nil {
		b.verdict, err = b.c.judge(b.p.ctx, b.p, body, true)
	}
	if err != nil {
		b.verdict = gatehouse.Denied(502, gatehouse.AsError(err, CodeAnswerCoding, 502).Reason())
	}
	if b.verdict.Outcome != gatehouse.Pass {
		return errJudged
	}
	_, err = b.to.Write(b.buf)
	b.buf = b.buf[:0]
	return err
}

// plain returns the beginning without its content codings.
func (b *beginning) plain() ([]byte, error) {
	if b.codings == 0 {
		return b.buf, nil
	}
	p := b.p
	p.answer = coding.NewRoom()
	body, err := p.answer.Beginning(b.field, b.buf, int64(b.c.request.waf.answers.limit)+1)
	if err != nil {
		err.Code = CodeAnswerCoding
		return nil, err
	}
	header := make(gatehouse.Header, 0, len(p.m.AnswerHeader))
	for _, f := range p.m.AnswerHeader {
		if !isContentEncoding(f.Name) {
			header = append(header, f)
		}
	}
	p.m.AnswerHeader = header
	return body, nil
}

func (b *beginning) Close() error {
	if b.judged {
		return nil
	}
	return b.judge()
}

// Verdict is asked last, so the memory goes back.
func (b *beginning) Verdict() gatehouse.Verdict {
	v := b.verdict
	buf := b.buf[:0]
	if cap(buf) > keptBuffer {
		buf = nil
	}
	*b = beginning{buf: buf}
	beginnings.Put(b)
	return v
}

// PassesThrough: what goes on is what came.
func (b *beginning) PassesThrough() bool { return true }
