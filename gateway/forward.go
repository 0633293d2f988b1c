package gateway

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gatehouse/gatehouse"
)

// boundedBody holds a streamed body to its limit. It is used again only where the
// body was read whole: of one that streams, a transport may read on a little after
// the exchange has ended.
type boundedBody struct {
	src  io.Reader
	left int64
	over atomic.Bool
	cut  atomic.Bool // a wait was cut short by us, not by the client's slowness
	// wrong is what the door said against the body itself.
	wrong atomic.Pointer[gatehouse.Error]
}

var errSlowBody = &gatehouse.Error{Code: "body.timeout", Status: 408, Message: "the body took too long to arrive"}

func (b *boundedBody) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.src.Read(p)
	if b.left -= int64(n); b.left < 0 {
		b.over.Store(true)
		return 0, gatehouse.ErrBodyTooLarge
	}
	if err != nil && err != io.EOF {
		var timeout interface{ Timeout() bool }
		if !b.cut.Load() && errors.As(err, &timeout) && timeout.Timeout() {
			err = errSlowBody
		}
		var own *gatehouse.Error
		if errors.As(err, &own) {
			b.wrong.Store(own)
		}
	}
	return n, err
}

// SetReadDeadline cuts a wait for the client's next bytes short, where the door
// can.
func (b *boundedBody) SetReadDeadline(at time.Time) error {
	b.cut.Store(true)
	if d, ok := b.src.(interface{ SetReadDeadline(time.Time) error }); ok {
		return d.SetReadDeadline(at)
	}
	return errors.ErrUnsupported
}

// lend tells the door's body that the forwarder reads it from now on, and whether
// it may pause for longer than any timeout.
func (b *boundedBody) lend(endless bool) {
	if l, ok := b.src.(interface{ Lend(endless bool) }); ok {
		l.Lend(endless)
	}
}

// spareBody returns the exchange's boundedBody for the next one, nil where somebody
// may read it still.
func (t *trip) spareBody() *boundedBody {
	if _, whole := t.x.Request.Body.Bytes(); t.body == nil || !whole {
		return t.spare
	}
	b := t.body
	b.src, b.left = nil, 0
	b.over.Store(false)
	b.cut.Store(false)
	b.wrong.Store(nil)
	return b
}

func (t *trip) overLimit() bool { return t.body != nil && t.body.over.Load() }

func (t *trip) bodyLimit() int64 {
	if t.route.BodyBytes > 0 {
		return int64(t.route.BodyBytes)
	}
	return int64(t.s.Limits.BodyBytes)
}

// announcedBody refuses a body that says it is too large, and puts a bound on one
// that does not say.
func (t *trip) announcedBody() *denial {
	b := &t.x.Request.Body
	if b.Source == nil {
		return nil
	}
	if b.Length > t.bodyLimit() {
		return t.bodyTrouble(gatehouse.ErrBodyTooLarge)
	}
	if t.body = t.spare; t.body == nil {
		t.body = new(boundedBody)
	}
	t.spare = nil
	t.body.src, t.body.left = b.Source, t.bodyLimit()
	b.Source = t.body
	return nil
}

// readBody reads the whole body, once, for the first control that needs it.
func (t *trip) readBody() *denial {
	if err := t.x.Request.Body.ReadWhole(t.bodyLimit()); err != nil {
		return t.bodyTrouble(err)
	}
	t.mark = time.Since(t.x.Start)
	return nil
}

// bodyTrouble says what it means that the client's body could not be read.
func (t *trip) bodyTrouble(err error) *denial {
	var own *gatehouse.Error
	switch {
	case errors.Is(err, gatehouse.ErrBodyTooLarge) || t.overLimit():
		return refusal("body", &gatehouse.Error{Code: "body.length", Status: 413, Message: "the body exceeds the limit of " + strconv.FormatInt(t.bodyLimit(), 10) + " bytes"})
	case errors.As(err, &own):
		return refusal("body", own)
	}
	return refusal("body", &gatehouse.Error{Code: "body.incomplete", Status: 400, Message: "the body broke off", Err: err})
}

// wantedUpgrade returns the protocol to switch to, where the operation allows it.
// Anything else (h2c, say) is dropped with the hop-by-hop fields.
func (t *trip) wantedUpgrade() string {
	h := t.x.Request.Header
	if t.route.Streams&StreamWebSocket != 0 && t.x.Request.Method == "GET" && t.x.Request.Proto == "HTTP/1.1" &&
		gatehouse.EqualFold(h.Get("Upgrade"), "websocket") && hasToken(h, "Connection", "upgrade") {
		return "websocket"
	}
	return ""
}

// hasToken reports whether the list fields called name hold token.
func hasToken(h gatehouse.Header, name, token string) bool {
	for v := range h.Values(name) {
		for part := range strings.SplitSeq(v, ",") {
			if gatehouse.EqualFold(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}

// forward is step 8.
func (t *trip) forward() *denial {
	x, r := t.x, t.route
	if r.Fault != nil {
		if d := r.Fault.inject(t.ctx); d != nil {
			return d
		}
	}
	if err := t.outbound(); err != nil {
		return failure("identity", gatehouse.AsError(err, "identity.unavailable", 503))
	}
	var until time.Time
	if r.Timeout > 0 {
		until = x.Start.Add(r.Timeout)
	}
	ctx := newFlow(t.ctx, until)
	defer ctx.over()
	t.answer.flow = ctx
	if t.body != nil {
		t.body.lend(r.Streams&StreamUpload != 0 || r.Streams&StreamGRPC != 0 && strings.HasPrefix(x.Request.Header.Get("Content-Type"), "application/grpc"))
	}
	x.Decision.Gateway = time.Since(x.Start)
	defer func() {
		if t.answer.stream != nil {
			t.answer.stream.stop()
		}
	}()
	var to gatehouse.ResponseWriter = &t.answer
	if r.Egress != nil {
		to = &foreignAnswer{answer: &t.answer}
	}
	err := r.Forwarder.Forward(ctx, x, to)
	if err == nil {
		err = t.answer.finish()
	}
	if d := t.answer.refused; d != nil {
		return d
	}
	if err != nil {
		return t.forwardTrouble(ctx, err)
	}
	if t.answer.upstreamError {
		x.Decision.By, x.Decision.Reason = "upstream", gatehouse.Reason{Code: "upstream.error", Message: "the upstream answered " + strconv.Itoa(x.Response.Status)}
	}
	x.Decision.Result, x.Decision.Status = gatehouse.Answered, x.Response.Status
	return nil
}

// forwardTrouble tells apart who broke off: the client, its body, the time, the
// credential of a stream, or the upstream.
func (t *trip) forwardTrouble(ctx *flow, err error) *denial {
	if cause := ctx.Err(); cause != nil {
		var e *gatehouse.Error
		if errors.As(cause, &e) {
			return failure("forward", e)
		}
		// net/http takes a client that sends too slowly for one that has gone.
		if t.body != nil && t.body.wrong.Load() != nil {
			return refusal("body", t.body.wrong.Load())
		}
		return failure("client", &gatehouse.Error{Code: "client.gone", Status: 499, Message: "the client went away"})
	}
	if t.overLimit() || errors.Is(err, gatehouse.ErrBodyTooLarge) {
		return t.bodyTrouble(gatehouse.ErrBodyTooLarge)
	}
	if t.body != nil && t.body.wrong.Load() != nil {
		return refusal("body", t.body.wrong.Load())
	}
	return failure("upstream", gatehouse.AsError(err, "upstream.failed", 502))
}

// outbound makes the message for the upstream: what the client may say, then what
// the gateway vouches for.
func (t *trip) outbound() error {
	x, r := t.x, t.route
	q, o := &x.Request, &x.Outbound
	o.Method, o.Scheme, o.Authority, o.Query = q.Method, q.Scheme, q.Authority, q.Query
	o.Path = r.Rewrite.path(q.Path)
	if r.Rewrite.Authority != "" {
		o.Authority = r.Rewrite.Authority
	}
	o.Trailers = hasToken(q.Header, "TE", "trailers")
	h := o.Header[:0]
	for _, f := range q.Header {
		if isHopByHop(f.Name) || isForgeable(f.Name) || t.isFraming(f.Name) {
			continue
		}
		if r.Egress != nil && r.Egress.withholds(f.Name) {
			continue
		}
		if !r.Vouch.Keep {
			if f.Value = r.Vouch.without(f); f.Value == "" {
				continue
			}
		}
		h = append(h, f)
	}
	h = append(h, gatehouse.Field{Name: "X-Request-Id", Value: x.ID}, gatehouse.Field{Name: "Via", Value: "1.1 gatehouse"})
	if r.Egress == nil { // a third party need not know who calls from where
		h = append(h,
			gatehouse.Field{Name: "X-Forwarded-For", Value: t.client},
			gatehouse.Field{Name: "X-Forwarded-Proto", Value: q.Scheme},
			gatehouse.Field{Name: "X-Forwarded-Host", Value: q.Authority},
			gatehouse.Field{Name: "Traceparent", Value: t.traceparent})
		if x.Trace.State != "" {
			h = append(h, gatehouse.Field{Name: "Tracestate", Value: x.Trace.State})
		}
	}
	if t.query != nil {
		o.Query = *t.query
	}
	for _, name := range t.drop {
		delSame(&h, foldField(name))
	}
	for _, f := range t.requestEdits {
		delSame(&h, foldField(f.Name))
		h.Add(f.Name, inert(f.Value))
	}
	if r.Vouch.Identity != nil && !r.Vouch.Keep {
		fields, err := r.Vouch.Identity(x)
		if err != nil {
			return err
		}
		h = append(h, fields...)
	}
	r.RequestHeader.apply(&h, x)
	if r.Egress != nil {
		r.Egress.sign(&h)
	}
	o.Header = h
	return nil
}

// isFraming reports fields that the writer towards the upstream makes itself.
func (t *trip) isFraming(name string) bool {
	switch len(name) {
	case 6:
		return gatehouse.EqualFold(name, "Expect")
	case 10:
		return gatehouse.EqualFold(name, "Tracestate")
	case 11:
		return gatehouse.EqualFold(name, "Traceparent")
	case 14:
		return gatehouse.EqualFold(name, "Content-Length")
	}
	return false
}

// without returns a field's value less the caller's credential; "" drops it.
func (v *Vouch) without(f gatehouse.Field) string {
	for _, name := range v.Headers {
		if sameField(f.Name, name) {
			return ""
		}
	}
	if v.Cookie == "" || !gatehouse.EqualFold(f.Name, "Cookie") {
		return f.Value
	}
	var kept []string
	for pair := range strings.SplitSeq(f.Value, ";") {
		pair = strings.TrimSpace(pair)
		if name, _, _ := strings.Cut(pair, "="); strings.TrimSpace(name) != v.Cookie && pair != "" {
			kept = append(kept, pair)
		}
	}
	return strings.Join(kept, "; ")
}
