package waf

import (
	"context"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/coding"
)

// The names of the controls.
const (
	RequestName  = "waf.request"
	ResponseName = "waf.response"
)

// decodedRatio is how many times larger than with its content codings a body may be.
const decodedRatio = 100

// ControlOptions are what the controls of an operation need to know of it.
type ControlOptions struct {
	// BodyBytes bounds the request's body without its content codings; it is bounded
	// with them before.
	BodyBytes int64
	// Streams says that the request's body need not have an end, so that only its head
	// is inspected.
	Streams bool
	// Bounded reports whether the contract was enforced on a request and held, so that
	// Options.Bounds apply to it; nil for never.
	Bounded func(*gatehouse.Exchange) bool
}

// Controls returns the controls of the operations that a policy holds for, which
// both belong into StepJudgeBody, the request's first. The one for answers is nil
// where they are not inspected. The policy's exclusions must be among those that New
// was told.
func (w *WAF) Controls(p Policy, o ControlOptions) (request, response gatehouse.Control, err error) {
	g, err := w.Guard(p)
	if err != nil {
		return nil, nil, err
	}
	c := &requestControl{waf: w, guard: g, policy: p, body: gatehouse.BodyWhole, limits: coding.Limits{Bytes: o.BodyBytes, Ratio: decodedRatio},
		native: newNative(w.payload, p.Exclusions), bounded: o.Bounded}
	if o.Streams {
		c.body = gatehouse.BodyNone
	}
	if !w.responses {
		return c, nil, nil
	}
	// What answers requests that the rules would have refused, or were never asked
	// about, is judged as if they had not matched. Only monitoring needs that.
	p.Inbound = math.MaxInt32
	k := &keptRequest{requestControl: c}
	return k, &responseControl{request: k, lenient: sync.OnceValues(func() (*Guard, error) { return w.Guard(p) })}, nil
}

// requestControl is "waf.request": the rules on requests under one policy.
type requestControl struct {
	waf    *WAF
	guard  *Guard
	policy Policy
	body   gatehouse.BodyNeed
	limits coding.Limits
	native *native
	// bounded is that of ControlOptions.
	bounded func(*gatehouse.Exchange) bool
}

// passage is one exchange on its way through the rules.
type passage struct {
	m  Message
	by Caller
	in *Inspection
	// The memory of the two bodies without their content codings.
	room, answer *coding.Room
	// judged: the rules have let the request pass, and can go on with its answer.
	judged bool
	// held: the answer's body is to be held back. ctx is the answer's.
	held bool
	ctx  context.Context
}

var passages = sync.Pool{New: func() any { return new(passage) }}

// end gives back what the passage holds.
func (p *passage) end() {
	if p.in != nil {
		p.in.Close()
	}
	for _, room := range []*coding.Room{p.room, p.answer} {
		if room != nil {
			room.Release()
		}
	}
	header := p.m.Header
	clear(header)
	*p = passage{m: Message{Header: header[:0]}}
	passages.Put(p)
}

func (c *requestControl) Name() string { return RequestName }

// Step is where the control belongs.
func (c *requestControl) Step() gatehouse.Step { return gatehouse.StepJudgeBody }

// Body asks for the whole body: nothing passes unread.
func (c *requestControl) Body() gatehouse.BodyNeed { return c.body }

func (c *requestControl) Check(ctx context.Context, x *gatehouse.Exchange) (gatehouse.Verdict, error) {
	p := passages.Get().(*passage)
	defer p.end()
	return c.judge(ctx, x, p)
}

// judge asks the rules of Gatehouse's own, then all others.
func (c *requestControl) judge(ctx context.Context, x *gatehouse.Exchange, p *passage) (gatehouse.Verdict, error) {
	if err := c.fill(x, p); err != nil {
		return gatehouse.Denied(err.Status, err.Reason()), nil
	}
	var seen findings
	if c.native != nil {
		if c.native.inspect(x, &p.m, &seen); seen.blocks {
			return seen.denial(), nil
		}
	}
	in, res, err := c.guard.Inspect(ctx, &p.m, p.by)
	p.in = in
	if err != nil {
		return c.failure(err, p.by)
	}
	p.judged = res.Interruption == nil
	if p.judged && len(res.Rules) == 0 && len(seen.details) == 0 {
		return gatehouse.Passed(), nil
	}
	v := c.waf.verdict(&res, res.Inbound, c.policy.Inbound)
	if v.Reason.Code == "" {
		v.Reason = seen.reason
	}
	v.Details = append(v.Details, seen.details...)
	return v, nil
}

// fill makes the message of a request. Its error is that of a body nobody can read.
func (c *requestControl) fill(x *gatehouse.Exchange, p *passage) *gatehouse.Error {
	r, m := &x.Request, &p.m
	p.by = Caller{Addr: x.Peer.Addr}
	if !x.Principal.IsAnonymous() {
		p.by.Name = x.Principal.Issuer + " " + x.Principal.Subject + " " + x.Principal.ClientID
	}
	m.Client = x.Peer.Socket
	if x.Peer.Addr != m.Client.Addr() {
		m.Client = netip.AddrPortFrom(x.Peer.Addr, m.Client.Port())
	}
	m.Method, m.Target, m.Proto = r.Method, r.Target, r.Proto
	m.HasBody, m.Body = false, nil
	m.Bounded = c.bounded != nil && c.bounded(x)
	field, codings := "", 0
	if text, whole := r.Body.Bytes(); whole && r.Body.Present() { // of what streams it is, if another control wants it
		m.HasBody, m.Body = true, text
		field, codings = contentEncoding(r.Header)
	}
	if codings > 0 {
		p.room = coding.NewRoom()
		plain, err := p.room.Undo(field, m.Body, c.limits)
		if err != nil {
			return uncoded(err)
		}
		m.Body = plain
	}
	m.Header = append(m.Header[:0], gatehouse.Field{Name: "Host", Value: r.Authority})
	length := false
	for i := range r.Header {
		switch f := &r.Header[i]; {
		case codings > 0 && isContentEncoding(f.Name):
			continue // it has none any more
		case len(f.Name) == len("Content-Length") && gatehouse.EqualFold(f.Name, "Content-Length"):
			length = true
		}
		m.Header = append(m.Header, r.Header[i])
	}
	if r.Body.Source != nil && !length && strings.HasPrefix(r.Proto, "HTTP/1") { // the door has undone it
		m.Header = append(m.Header, gatehouse.Field{Name: "Transfer-Encoding", Value: "chunked"})
	}
	return nil
}

func isContentEncoding(name string) bool {
	return len(name) == len("Content-Encoding") && gatehouse.EqualFold(name, "Content-Encoding")
}

// contentEncoding returns the one list that the field lines are, and their number.
func contentEncoding(h gatehouse.Header) (list string, n int) {
	for i := range h {
		if !isContentEncoding(h[i].Name) {
			continue
		}
		if n++; n == 1 {
			list = h[i].Value
		} else {
			list += "," + h[i].Value
		}
	}
	return list, n
}

// uncoded gives what package coding says a code of the WAF's.
func uncoded(err *gatehouse.Error) *gatehouse.Error {
	switch err.Code {
	case coding.CodeUnknown:
		err.Code = CodeCoding
	case coding.CodeInvalid:
		err.Code = CodeCodingInvalid
	case coding.CodeLimit:
		err.Code = CodeDecompression
	}
	return err
}

// failure is what it means that there is no verdict: who has used up the budget, or
// finds all places taken, is refused and told when to come again; everything else is
// an error.
func (c *requestControl) failure(err error, by Caller) (gatehouse.Verdict, error) {
	e := gatehouse.AsError(err, CodeEngine, 503)
	again := time.Second
	switch e.Code {
	case CodeBudget:
		again = c.waf.replays.budgets.until(c.waf.replays.cfg, by)
	case CodeBusy:
	case CodeFiles, CodeQuotes, CodeAmbiguous, CodeCostly:
		return gatehouse.Denied(e.Status, e.Reason()), nil
	default:
		return gatehouse.Verdict{}, err
	}
	v := gatehouse.Denied(e.Status, e.Reason())
	v.Edits.Response = []gatehouse.Field{{Name: "Retry-After", Value: strconv.Itoa(int(again/time.Second) + 1)}}
	return v, nil
}

// until is the time after which all of a caller's accounts have something left.
func (b *Budgets) until(cfg ReplayConfig, by Caller) time.Duration {
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	var longest time.Duration
	for _, c := range accounts(by) {
		if e := b.known[c]; e != nil {
			if owed := -e.Value.(*account).balance(cfg, now); owed > 0 {
				longest = max(longest, time.Duration(float64(owed)/cfg.Budget.Seconds()))
			}
		}
	}
	return longest
}

// keptRequest is requestControl where the answer is judged as well: the passage is
// kept until then.
type keptRequest struct{ *requestControl }

func (k *keptRequest) Check(ctx context.Context, x *gatehouse.Exchange) (gatehouse.Verdict, error) {
	p := passages.Get().(*passage)
	x.Keep(k, p)
	return k.judge(ctx, x, p)
}

// Finish ends the passage.
func (k *keptRequest) Finish(x *gatehouse.Exchange) {
	if p, ok := x.Kept(k).(*passage); ok {
		x.Keep(k, nil)
		p.end()
	}
}
