package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse/gatehouse"
)

// Gateway walks exchanges along the path. It is safe for concurrent use.
type Gateway struct {
	snapshot  atomic.Pointer[Snapshot]
	recorder  gatehouse.Recorder
	ready     func() error // of the recorder
	observers []gatehouse.Observer
	log       *slog.Logger
	trips     sync.Pool
}

// Equipment is what a Gateway reports to. It outlives every Snapshot.
type Equipment struct {
	// Recorder keeps every Decision. If it has a method Ready() error, requests are
	// refused (503) while that returns an error. It may be nil.
	Recorder  gatehouse.Recorder
	Observers []gatehouse.Observer
	Log       *slog.Logger // nil: slog.Default
}

// New returns a Gateway with its first Snapshot.
func New(s *Snapshot, e Equipment) *Gateway {
	g := &Gateway{recorder: e.Recorder, observers: e.Observers, log: e.Log}
	if g.log == nil {
		g.log = slog.Default()
	}
	if r, ok := e.Recorder.(interface{ Ready() error }); ok {
		g.ready = r.Ready
	}
	g.trips.New = func() any { return new(trip) }
	g.snapshot.Store(s)
	return g
}

// Swap makes s the Snapshot of the exchanges to come and returns the one before.
func (g *Gateway) Swap(s *Snapshot) *Snapshot { return g.snapshot.Swap(s) }

// Snapshot returns the current Snapshot.
func (g *Gateway) Snapshot() *Snapshot { return g.snapshot.Load() }

// Serve walks one exchange to its end: the answer is written to w, the Decision
// recorded, the observers told. The door has filled x.Start, x.Peer.Socket, .TLS,
// .Fingerprint and .Listener, and of x.Request: Proto, Method, Scheme, Target,
// Authority, Header and Body as received.
func (g *Gateway) Serve(ctx context.Context, x *gatehouse.Exchange, w gatehouse.ResponseWriter) {
	g.serve(ctx, x, w, false)
}

// serve is Serve; checked says what the door has done of normalise's work.
func (g *Gateway) serve(ctx context.Context, x *gatehouse.Exchange, w gatehouse.ResponseWriter, checked bool) {
	t := g.trips.Get().(*trip)
	t.g, t.s, t.x, t.w, t.ctx = g, g.snapshot.Load(), x, w, ctx
	t.answer.t = t
	t.mark, t.checked = 0, checked
	defer g.end(t)
	if d := t.walk(); d != nil {
		t.refuse(d)
	}
}

// Refuse ends an exchange whose message a door could not read: it is answered and
// recorded like every other refusal. The door has filled of x what it knows.
func (g *Gateway) Refuse(ctx context.Context, x *gatehouse.Exchange, w gatehouse.ResponseWriter, err *gatehouse.Error) {
	t := g.trips.Get().(*trip)
	t.g, t.s, t.x, t.w, t.ctx = g, g.snapshot.Load(), x, w, ctx
	t.answer.t = t
	defer g.end(t)
	x.Decision.ConfigHash = t.s.Hash
	x.Principal = gatehouse.Anonymous
	x.Peer.Addr = x.Peer.Socket.Addr().Unmap()
	x.Trace = startTrace(x.Request.Header, t.s.SampleTraces, false)
	t.name()
	t.refuse(refusal("http1", err))
}

// end closes the exchange, whatever happened: permits are given back, the
// decision is recorded, observers are told.
func (g *Gateway) end(t *trip) {
	if p := recover(); p != nil {
		g.log.Error("panic in a request", "request_id", t.x.ID, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		t.survive(p)
	}
	x := t.x
	x.Decision.Total = time.Since(x.Start)
	for _, f := range t.finishers {
		g.guard(x, "finish", func() { f.Finish(x) })
	}
	if g.recorder != nil {
		g.guard(x, "record", func() {
			if err := g.recorder.Append(x); err != nil {
				g.log.Error("a decision could not be recorded", "request_id", x.ID, "error", err)
			}
		})
	}
	for _, o := range g.observers {
		g.guard(x, "observe", func() { o.Observe(x) })
	}
	clear(t.finishers)
	clear(t.drop)
	clear(t.answer.filters)
	*t = trip{answer: answer{buffer: t.answer.buffer[:0], filters: t.answer.filters[:0]}, finishers: t.finishers[:0], spare: t.spareBody(),
		responseEdits: clearFields(t.responseEdits), requestEdits: clearFields(t.requestEdits), drop: t.drop[:0]}
	g.trips.Put(t)
}

func clearFields(f []gatehouse.Field) []gatehouse.Field {
	clear(f)
	return f[:0]
}

// guard keeps a panic of one finisher or observer from the others.
func (g *Gateway) guard(x *gatehouse.Exchange, what string, f func()) {
	defer func() {
		if p := recover(); p != nil {
			g.log.Error("panic after a request", "in", what, "request_id", x.ID, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	f()
}

// trip is the state of one walk.
type trip struct {
	g   *Gateway
	s   *Snapshot
	x   *gatehouse.Exchange
	w   gatehouse.ResponseWriter
	ctx context.Context // the client's

	site  *Site
	route *Route
	mark  time.Duration // end of the last judgment, since x.Start

	finishers []gatehouse.Finisher // of the controls asked so far

	client, traceparent string // as the upstream is told

	checked       bool // the door has validated the header's fields
	permitted     bool
	requestEdits  []gatehouse.Field
	responseEdits []gatehouse.Field
	drop          []string // fields the upstream is not shown
	query         *string  // what it is shown instead of the client's
	body          *boundedBody
	spare         *boundedBody // for the next exchange
	answer        answer
}

// walk is the path (DESIGN, section 3). It returns why the exchange ends early.
func (t *trip) walk() *denial {
	x := t.x
	x.Decision.ConfigHash = t.s.Hash
	x.Principal = gatehouse.Anonymous
	x.Peer.Addr = x.Peer.Socket.Addr().Unmap()
	odd, err := normalise(x, &t.s.Limits, t.checked)
	if err == nil {
		err = peerAddr(x, t.s.Trusted)
	}
	x.Trace = startTrace(x.Request.Header, t.s.SampleTraces, contains(t.s.Trusted, x.Peer.Socket.Addr().Unmap()))
	t.name()
	if err != nil {
		return refusal("normalise", err)
	}
	if t.g.ready != nil {
		if err := t.g.ready(); err != nil {
			return failure("record", &gatehouse.Error{Code: "record.unavailable", Status: 503, Message: "the decision log cannot be written", Err: err})
		}
	}
	if done, d := t.document(); done || d != nil {
		return d
	}
	if d := t.match(odd); d != nil {
		return d
	}
	if done, d := t.localAnswer(); done || d != nil {
		return d
	}
	if d := t.announcedBody(); d != nil {
		return d
	}
	if d := t.judge(gatehouse.StepAdmit); d != nil {
		return d
	}
	if d := t.identify(); d != nil {
		return d
	}
	if d := t.judge(gatehouse.StepJudgeHead); d != nil {
		return d
	}
	if d := t.defaultDeny(); d != nil {
		return d
	}
	if d := t.judge(gatehouse.StepJudgeBody); d != nil {
		return d
	}
	if done, d := t.lastHop(); done || d != nil {
		return d
	}
	return t.forward()
}

// match is step 2: host and path to API and operation.
func (t *trip) match(odd Oddity) *denial {
	x := t.x
	if x.Request.Path == "*" { // it asks about the server as a whole, and is nobody's operation
		return refusal("match", &gatehouse.Error{Code: "match.no_api", Status: 404, Message: "OPTIONS * asks for no API"})
	}
	router, egress := t.s.router(x.Peer.Listener)
	site := router.Site(x.Request.Host, x.Request.Path)
	if site == nil {
		if err := odd.refusal(); err != nil {
			return refusal("normalise", err)
		}
		if egress && !router.knows(x.Request.Host) {
			return destinationRefused()
		}
		return refusal("match", &gatehouse.Error{Code: "match.no_api", Status: 404, Message: "no API has this host and path"})
	}
	t.site, x.API = site, site.API
	if err := (odd &^ site.Allow).refusal(); err != nil {
		return refusal("normalise", err)
	}
	if t.s.RedirectPort[x.Peer.Listener] != 0 || site.CORS != nil && isPreflight(&x.Request) && site.CORS.answers(x) {
		return nil // the gateway's own answers need no operation
	}
	path := x.Request.Path[len(site.base):]
	if path == "" {
		path = "/"
	}
	m := site.Matcher.Match(x.Request.Method, path, x.Params)
	x.Params = m.Params
	switch {
	case m.Route >= 0:
		t.route = site.Routes[m.Route]
	case site.Undocumented != nil:
		t.route = site.Undocumented
	case len(m.Allow) > 0:
		t.responseEdits = append(t.responseEdits, gatehouse.Field{Name: "Allow", Value: joinMethods(m.Allow)})
		return refusal("match", &gatehouse.Error{Code: "match.method", Status: 405, Message: "the path does not have this method"})
	default:
		return refusal("match", &gatehouse.Error{Code: "match.undocumented", Status: 404, Message: "the API documents no such operation"})
	}
	x.Operation = t.route.Operation
	x.Outbound.Upgrade = t.wantedUpgrade()
	return nil
}

// judge asks the controls of one step in order.
func (t *trip) judge(step gatehouse.Step) *denial {
	for i := range t.route.Stages {
		s := &t.route.Stages[i]
		if s.Step != step || s.Mode == gatehouse.Off {
			continue
		}
		if s.body == gatehouse.BodyWhole {
			if d := t.readBody(); d != nil {
				return d
			}
		}
		if s.finisher != nil {
			t.finishers = append(t.finishers, s.finisher)
		}
		v, err := t.check(s.Control)
		if d := t.rule(s.Control.Name(), step, s.Mode, v, err); d != nil {
			return d
		}
	}
	return nil
}

// check asks a control; a panic is an error of that control alone.
func (t *trip) check(c gatehouse.Control) (v gatehouse.Verdict, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = t.panicked(p)
		}
	}()
	return c.Check(t.ctx, t.x)
}

// panicked logs a control's stack and returns the error it counts as.
func (t *trip) panicked(p any) error {
	t.g.log.Error("panic in a control", "request_id", t.x.ID, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	return &gatehouse.Error{Code: "control.panic", Status: 503, Message: "the control panicked; the stack is in the log"}
}

// rule enters a verdict into the decision and obeys it as far as the mode says.
// What is not clearly a pass or a permit counts as a denial.
func (t *trip) rule(name string, step gatehouse.Step, mode gatehouse.Mode, v gatehouse.Verdict, err error) *denial {
	now := time.Since(t.x.Start) // the monotonic clock alone: half of what time.Now reads
	took := now - t.mark
	t.mark = now
	if err != nil {
		v = gatehouse.Verdict{Status: 503, Reason: gatehouse.AsError(err, "control.error", 503).Reason()}
	} else if v.Outcome == gatehouse.Undecided {
		v.Status, v.Reason = 503, gatehouse.Reason{Code: "control.undecided", Message: "the control returned no verdict"}
	}
	good := v.Outcome == gatehouse.Pass || v.Outcome == gatehouse.Permit
	t.x.Decision.Judge(gatehouse.Judgment{Control: name, Step: step, Mode: mode, Verdict: v, Took: took,
		WouldBlock: !good && mode == gatehouse.Monitor})
	if good && v.Outcome == gatehouse.Permit {
		t.permitted = true
	}
	if mode != gatehouse.Enforce {
		return nil
	}
	t.edit(&v.Edits)
	if good {
		return nil
	}
	status := v.Status
	if status < 400 || status > 599 {
		status = 403
	}
	result := gatehouse.Blocked
	if v.Outcome == gatehouse.Undecided || step == gatehouse.StepIdentify && status == 503 {
		result = gatehouse.Failed
	}
	// A stranger may yet be somebody: 401 asks who (RFC 9110, section 15.5.2).
	if status == 403 && step == gatehouse.StepJudgeHead && t.x.Principal.IsAnonymous() && t.route.Authenticator != nil {
		status = 401
	}
	d := &denial{status: status, by: name, result: result, reason: v.Reason}
	if v.Public {
		d.details = v.Details
	}
	t.challenge(d)
	return d
}

// edit keeps what a control asks for until the messages are made.
func (t *trip) edit(e *gatehouse.Edits) {
	t.requestEdits = append(t.requestEdits, e.Request...)
	t.responseEdits = append(t.responseEdits, e.Response...)
	t.drop = append(t.drop, e.Drop...)
	if e.Query != nil {
		t.query = e.Query
	}
}

func (t *trip) challenge(d *denial) {
	if d.status != 401 && d.status != 403 || t.route == nil {
		return
	}
	if c, ok := t.route.Authenticator.(gatehouse.Challenger); ok {
		d.fields = append(d.fields, c.Challenge(t.x, d.status, d.reason)...)
	}
}

// identify is step 5, with the CSRF check that depends on how the caller was
// identified.
func (t *trip) identify() *denial {
	x, r := t.x, t.route
	if r.Authenticator != nil && r.AuthMode != gatehouse.Off {
		if t.mark == 0 { // else the last judgment ended just now
			t.mark = time.Since(t.x.Start)
		}
		p, err := t.authenticate()
		v := gatehouse.Passed()
		switch {
		case err == nil && p != nil:
			x.Principal = p
		case errors.Is(err, gatehouse.ErrNoCredential):
			v.Reason.Code = "credential.missing"
			if e, ok := err.(*gatehouse.Error); ok {
				v.Reason.Code = e.Code
			}
			err = nil
		case err == nil:
			err = &gatehouse.Error{Code: "authn.undecided", Status: 503, Message: "the authenticator named nobody"}
			fallthrough
		default:
			e := gatehouse.AsError(err, "authn.invalid", 401)
			v, err = gatehouse.Denied(statusOf(e, 401), e.Reason()), nil
		}
		if d := t.rule("authn", gatehouse.StepIdentify, r.AuthMode, v, err); d != nil {
			return d
		}
	}
	if t.s.Risk != nil {
		x.Risk = t.s.Risk(x)
	}
	return t.csrf()
}

func (t *trip) authenticate() (p *gatehouse.Principal, err error) {
	defer func() {
		if r := recover(); r != nil {
			p, err = nil, t.panicked(r)
		}
	}()
	return t.route.Authenticator.Authenticate(t.ctx, t.x)
}

// defaultCSRF holds where nothing is configured: the gateway's own token cookie
// is protected always.
var defaultCSRF = &CSRF{Mode: gatehouse.Enforce}

func (t *trip) csrf() *denial {
	c := t.route.CSRF
	if c == nil {
		c = defaultCSRF
	}
	if c.Mode == gatehouse.Off {
		return nil
	}
	if r, bad := c.check(t.x); bad {
		return t.rule("csrf", gatehouse.StepIdentify, c.Mode, gatehouse.Denied(403, r), nil)
	}
	return nil
}

// defaultDeny refuses what nobody permitted.
func (t *trip) defaultDeny() *denial {
	mode := t.route.DefaultDeny
	if t.permitted || t.route.Operation.Access == gatehouse.AccessPublic || mode == gatehouse.Off {
		return nil
	}
	if mode == gatehouse.Monitor && t.x.Decision.WouldBlock {
		return nil // said already
	}
	return t.rule("access", gatehouse.StepJudgeHead, mode, gatehouse.Denied(403, gatehouse.Reason{
		Code: "access.no_permit", Message: "no control permitted the call, and the operation is not public",
		Hint: "add a policy that permits it, or say access: public", At: t.route.Operation.At}), nil)
}
