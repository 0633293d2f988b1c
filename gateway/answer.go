package gateway

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse"
)

// answer is the gatehouse.ResponseWriter a Forwarder writes to. It holds the
// answer to the controls that judge it, and passes it on to the door.
type answer struct {
	t      *trip
	flow   *flow
	stream *streamWatch

	sent          bool // the head has gone to the client
	released      bool // nothing holds the head back but filters that have written nothing yet
	upgraded      bool
	upstreamError bool // a 5xx body replaced by a problem
	buffering     bool // a control needs the whole answer
	buffer        []byte
	sink          io.Writer
	filters       []*filtering // the last stage's first
	first         filtering    // memory of filters[0]: most routes have one at the most
	changed       bool         // some filter may change the body
	trouble       error        // of the door, while filters wrote to it
	refused       *denial
}

// errRefused ends a Forwarder whose answer a control denied.
var errRefused error = &gatehouse.Error{Code: "answer.refused", Status: 502, Message: "the answer was refused by a control"}

// maxBufferedAnswer bounds an answer that a control wants whole.
const maxBufferedAnswer = 8 << 20

func (a *answer) WriteHead(status int, h gatehouse.Header) error {
	t := a.t
	if status < 200 && status != 101 {
		if status == 100 || t.x.Request.Proto == "HTTP/1.0" {
			return nil // the door answers Expect itself; HTTP/1.0 knows no 1xx (RFC 9110, section 15.2)
		}
		return t.w.WriteHead(status, h)
	}
	x := t.x
	x.Response.Status = status
	x.Response.Header = append(x.Response.Header[:0], h...)
	a.dress(&x.Response.Header)
	x.Response.Streaming = false // the upstream's word does not make a stream: the route has to allow it
	if status == 101 {
		return a.upgrade()
	}
	if status >= 500 && !t.route.PassErrors && !t.grpc() {
		a.upstreamError = true
		return nil // finish writes the problem in its place
	}
	if t.streams(h) {
		a.startStream()
	}
	if err := a.judgeHead(); err != nil || a.buffering {
		return err
	}
	return a.send()
}

// dress puts the gateway's own fields on an answer's header.
func (a *answer) dress(h *gatehouse.Header) {
	t := a.t
	h.DelFunc(func(f gatehouse.Field) bool {
		return isHopByHop(f.Name) && !(t.x.Response.Status == 101 && gatehouse.EqualFold(f.Name, "Upgrade"))
	})
	if t.site != nil && t.site.CORS != nil {
		t.site.CORS.answer(t.x, h)
	}
	if t.route != nil {
		for _, f := range t.route.SecurityHeader {
			if f.Name == "Strict-Transport-Security" && t.x.Request.Scheme != "https" {
				continue
			}
			h.Set(f.Name, f.Value)
		}
	}
	for _, f := range t.responseEdits {
		h.Set(f.Name, inert(f.Value))
	}
	h.Set("X-Request-Id", t.x.ID)
	if t.route != nil && t.x.Principal != nil {
		t.route.ResponseHeader.apply(h, t.x)
	}
}

func (t *trip) grpc() bool {
	return t.route.Streams&StreamGRPC != 0 && strings.HasPrefix(t.x.Response.Header.Get("Content-Type"), "application/grpc")
}

// streams reports whether this is an endless answer of a kind the route allows.
func (t *trip) streams(h gatehouse.Header) bool {
	if t.route.Streams == 0 {
		return false
	}
	media, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return t.route.Streams&StreamSSE != 0 && gatehouse.EqualFold(strings.Trim(media, " \t"), "text/event-stream") || t.grpc()
}

func (a *answer) upgrade() error {
	if a.t.x.Outbound.Upgrade == "" || !gatehouse.EqualFold(a.t.x.Response.Header.Get("Upgrade"), a.t.x.Outbound.Upgrade) {
		return &gatehouse.Error{Code: "upstream.upgrade", Status: 502, Message: "the upstream switches to a protocol nobody asked for"}
	}
	a.t.x.Response.Header.Set("Connection", "Upgrade")
	a.upgraded, a.sent = true, true
	a.startStream()
	return a.t.w.WriteHead(101, a.t.x.Response.Header)
}

// judgeHead asks the ResponseControls that need no body; where one needs it the
// answer is held back.
func (a *answer) judgeHead() error {
	for i := range a.t.route.Stages {
		s := &a.t.route.Stages[i]
		if s.Mode == gatehouse.Off {
			continue
		}
		if s.response == nil {
			continue
		}
		if s.whole && !a.t.x.Response.Streaming && !a.bodiless() {
			a.buffering = true
			continue
		}
		if err := a.judge(s); err != nil {
			return err
		}
	}
	return nil
}

func (a *answer) judge(s *Stage) error {
	t := a.t
	t.mark = time.Since(t.x.Start)
	edits := len(t.responseEdits) // those before are on the header already
	v, err := t.checkResponse(s.response)
	if v.Outcome == gatehouse.Deny && v.Status == 0 {
		v.Status = 502
	}
	if d := t.rule(s.Control.Name(), gatehouse.StepJudgeBack, s.Mode, v, err); d != nil {
		a.refused = d
		return errRefused
	}
	for _, f := range t.responseEdits[edits:] {
		t.x.Response.Header.Set(f.Name, inert(f.Value))
	}
	return nil
}

func (t *trip) checkResponse(c gatehouse.ResponseControl) (v gatehouse.Verdict, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = t.panicked(p)
		}
	}()
	return c.CheckResponse(t.ctx, t.x)
}

// bodiless reports whether the answer has no body, whatever its fields say
// (RFC 9110, section 6.4.1).
func (a *answer) bodiless() bool {
	x := a.t.x
	return x.Request.Method == "HEAD" || x.Response.Status == 204 || x.Response.Status == 304
}

// send sets up what the body passes through, and releases the head. Where there
// are filters it goes out with the first byte they write.
func (a *answer) send() error {
	t := a.t
	switch {
	case t.x.Response.Streaming:
	case t.x.Request.Method == "HEAD":
		a.describe()
	case !a.bodiless():
		if err := a.filter(); err != nil {
			return err
		}
	}
	a.released = true
	if len(a.filters) > 0 {
		return nil
	}
	a.sent = true
	return t.w.WriteHead(t.x.Response.Status, t.x.Response.Header)
}

func (a *answer) Write(p []byte) (int, error) {
	switch {
	case a.upstreamError:
		return len(p), nil
	case a.buffering:
		if len(a.buffer)+len(p) > maxBufferedAnswer {
			a.refused = failure("answer", &gatehouse.Error{Code: "answer.length", Status: 502, Message: "the answer is too large to be judged whole"})
			return 0, errRefused
		}
		a.buffer = append(a.buffer, p...)
		return len(p), nil
	}
	return a.pass(p)
}

// pass lets a part of the body go on, through the filters where there are any.
func (a *answer) pass(p []byte) (int, error) {
	if len(a.filters) > 0 {
		return a.sink.Write(p)
	}
	n, err := a.t.w.Write(p)
	a.t.x.Response.Bytes += int64(n)
	return n, err
}

func (a *answer) Flush() error {
	if !a.sent {
		return nil
	}
	return a.t.w.Flush()
}

func (a *answer) WriteTrailer(h gatehouse.Header) error {
	a.t.x.Response.Trailer = append(a.t.x.Response.Trailer[:0], h...)
	if !a.sent || len(a.filters) > 0 {
		return nil // finish writes them behind the body
	}
	return a.t.w.WriteTrailer(h)
}

func (a *answer) Upgrade() (io.ReadWriteCloser, error) {
	if !a.upgraded {
		return nil, errors.New("gateway: no upgrade was agreed on")
	}
	return a.t.w.Upgrade()
}

// finish completes an answer whose Forwarder has returned.
func (a *answer) finish() error {
	t := a.t
	switch {
	case a.upstreamError:
		a.replaceError()
		return nil
	case a.upgraded || a.refused != nil:
		return nil
	case a.buffering:
		if err := a.judgeWhole(); err != nil {
			return err
		}
	case !a.released:
		return &gatehouse.Error{Code: "upstream.no_answer", Status: 502, Message: "nothing answered"}
	}
	if len(a.filters) > 0 {
		if err := a.endFilters(); err != nil {
			return err
		}
	}
	if (a.buffering || len(a.filters) > 0) && len(t.x.Response.Trailer) > 0 {
		return t.w.WriteTrailer(t.x.Response.Trailer)
	}
	return nil
}

// judgeWhole asks the controls that wanted the whole answer, and releases it.
func (a *answer) judgeWhole() error {
	t := a.t
	t.x.Response.Body = a.buffer
	for i := range t.route.Stages {
		s := &t.route.Stages[i]
		if s.Mode != gatehouse.Off && s.whole && s.response != nil {
			if err := a.judge(s); err != nil {
				return err
			}
		}
	}
	if err := a.send(); err != nil {
		return err
	}
	_, err := a.pass(a.buffer)
	return err
}

// replaceError writes a problem in place of the upstream's 5xx body: what failed
// inside is for the log.
func (a *answer) replaceError() {
	t := a.t
	x := t.x
	h := &x.Response.Header
	h.DelFunc(func(f gatehouse.Field) bool {
		return strings.HasPrefix(strings.ToLower(f.Name), "content-") && !isSecurityField(f.Name) || describesBody(f)
	})
	h.Set("Content-Type", "application/problem+json")
	t.write(x.Response.Status, appendProblem(nil, x.Response.Status, "upstream.error", x.ID, nil))
}

func isSecurityField(name string) bool {
	return gatehouse.EqualFold(name, "Content-Security-Policy")
}

// startStream lifts the route's timeout from an endless answer, and watches that
// the caller's credential stays good instead.
func (a *answer) startStream() {
	t := a.t
	t.x.Response.Streaming = true
	a.flow.lift()
	if e, ok := t.w.(interface{ Endless() }); ok {
		e.Endless()
	}
	if t.x.Principal.IsAnonymous() {
		return
	}
	standing, _ := t.route.Authenticator.(gatehouse.Standing)
	a.stream = watchStream(t.x.Principal, standing, a.flow.cancel)
}

const streamCheckEvery = time.Second

// streamWatch cancels a stream whose credential expired or was revoked.
type streamWatch struct {
	mu      sync.Mutex
	timer   *time.Timer
	stopped bool
}

func watchStream(p *gatehouse.Principal, standing gatehouse.Standing, cancel func(error)) *streamWatch {
	w := &streamWatch{}
	tick := func() {
		err := stillGood(p, standing, time.Now())
		w.mu.Lock()
		defer w.mu.Unlock()
		switch {
		case w.stopped:
		case err != nil:
			cancel(gatehouse.AsError(err, "stream.ended", 401))
		default:
			w.timer.Reset(streamCheckEvery)
		}
	}
	w.mu.Lock()
	w.timer = time.AfterFunc(streamCheckEvery, tick)
	w.mu.Unlock()
	return w
}

// stillGood runs outside of the request's goroutine: nobody else catches its panic.
func stillGood(p *gatehouse.Principal, standing gatehouse.Standing, now time.Time) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &gatehouse.Error{Code: "authn.panic", Status: 503, Message: "the check of a stream's credential panicked: " + fmt.Sprint(r)}
		}
	}()
	if standing != nil {
		return standing.StillGood(p, now)
	}
	if !p.Expires.IsZero() && !now.Before(p.Expires) {
		return &gatehouse.Error{Code: "token.expired", Status: 401, Message: "the stream outlived its credential"}
	}
	return nil
}

func (w *streamWatch) stop() {
	w.mu.Lock()
	w.stopped = true
	w.timer.Stop()
	w.mu.Unlock()
}
