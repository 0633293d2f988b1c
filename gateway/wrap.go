package gateway

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/gatehouse/gatehouse"
)

// Options say how Wrap guards a handler. The zero value denies everything.
type Options struct {
	// API names the API in decisions; "api" where empty.
	API string
	// Operations are what the handler serves. Where there are none, one catch-all
	// operation "any" stands for every method and path.
	Operations []*gatehouse.Operation
	// Public opens the catch-all operation to everybody.
	Public bool
	// Authenticator identifies callers; nil leaves everybody anonymous.
	Authenticator gatehouse.Authenticator
	// Controls are asked in this order, after identify. One that looks at the body is
	// asked after those that do not, and one with a method Step() gatehouse.Step where
	// it says.
	Controls []gatehouse.Control
	// ControlsOf returns further controls of one operation; it may be nil.
	ControlsOf func(op *gatehouse.Operation) []gatehouse.Control
	// Monitor records what would be refused, and refuses only ambiguous messages.
	Monitor bool
	// CORS and CSRF need no Mode here: it follows Monitor.
	CORS *CORS
	CSRF *CSRF
	// Streams are the endless answers the handler gives (SSE, gRPC).
	Streams StreamKind
	// Limits bound messages; nil means DefaultLimits.
	Limits    *Limits
	Recorder  gatehouse.Recorder
	Observers []gatehouse.Observer
	Log       *slog.Logger
}

// Wrap puts the gateway's path in front of a handler, within one process. The
// handler finds the caller with [PrincipalFrom]. It cannot hijack connections.
//
// It returns an error where the operations do not compile.
func Wrap(next http.Handler, o Options) (http.Handler, error) {
	name := o.API
	if name == "" {
		name = "api"
	}
	api := &gatehouse.API{Name: name, Hosts: []string{"*"}, BasePath: "/"}
	ops := o.Operations
	if len(ops) == 0 {
		access := gatehouse.AccessPolicy
		if o.Public {
			access = gatehouse.AccessPublic
		}
		ops = []*gatehouse.Operation{{ID: "any", Method: "*", Path: "/{path...}", Endpoint: "* /{path...}", Access: access}}
	}
	mode := gatehouse.Enforce
	if o.Monitor {
		mode = gatehouse.Monitor
	}
	csrf := &CSRF{Mode: mode}
	if o.CSRF != nil {
		csrf.Cookies, csrf.Origins = o.CSRF.Cookies, o.CSRF.Origins
	}
	stages := make([]Stage, len(o.Controls))
	for i, c := range o.Controls {
		stages[i] = NewStage(stepOf(c), c, mode)
	}
	routes := make([]*Route, len(ops))
	for i, op := range ops {
		if op.API == nil {
			op.API = api
		}
		if op.Endpoint == "" {
			op.Endpoint = op.Method + " " + op.Path
		}
		own := stages
		if o.ControlsOf != nil {
			own = slices.Clone(stages)
			for _, c := range o.ControlsOf(op) {
				own = append(own, NewStage(stepOf(c), c, mode))
			}
		}
		routes[i] = &Route{Operation: op, Stages: own, Authenticator: o.Authenticator, AuthMode: mode,
			DefaultDeny: mode, Forwarder: handlerForwarder{next}, Streams: o.Streams, CSRF: csrf,
			PassErrors: true, Vouch: Vouch{Keep: true}}
	}
	site, err := NewSite(api, routes)
	if err != nil {
		return nil, err
	}
	if o.CORS != nil {
		cors := *o.CORS
		cors.Mode = mode
		if err := cors.Validate(); err != nil {
			return nil, err
		}
		site.CORS = &cors
	}
	router, err := NewRouter([]*Site{site})
	if err != nil {
		return nil, err
	}
	limits := DefaultLimits()
	if o.Limits != nil {
		limits = *o.Limits
	}
	g := New(&Snapshot{Router: router, Limits: limits}, Equipment{Recorder: o.Recorder, Observers: o.Observers, Log: o.Log})
	door := NewDoor(g)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		door.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestKey{}, r)))
	}), nil
}

// stepOf is where a control is asked.
func stepOf(c gatehouse.Control) gatehouse.Step {
	if s, ok := c.(interface{ Step() gatehouse.Step }); ok {
		return s.Step()
	}
	if b, ok := c.(gatehouse.BodyReader); ok && b.Body() != gatehouse.BodyNone {
		return gatehouse.StepJudgeBody
	}
	return gatehouse.StepJudgeHead
}

type requestKey struct{}
type principalKey struct{}

// PrincipalFrom returns who calls, for a handler behind Wrap; nobody is
// [gatehouse.Anonymous].
func PrincipalFrom(ctx context.Context) *gatehouse.Principal {
	if p, ok := ctx.Value(principalKey{}).(*gatehouse.Principal); ok {
		return p
	}
	return gatehouse.Anonymous
}

// handlerForwarder lets an http.Handler answer.
type handlerForwarder struct{ next http.Handler }

func (f handlerForwarder) Forward(ctx context.Context, x *gatehouse.Exchange, w gatehouse.ResponseWriter) error {
	ctx = context.WithValue(ctx, principalKey{}, x.Principal)
	original := ctx.Value(requestKey{}).(*http.Request)
	r := original.Clone(ctx)
	// The handler sees the canonical message, the one that was judged.
	o := &x.Outbound
	r.Header = make(http.Header, len(o.Header))
	for _, field := range o.Header {
		r.Header.Add(field.Name, field.Value)
	}
	r.Method, r.Host = o.Method, o.Authority
	if o.Path != "*" {
		r.URL.RawPath, r.URL.Path = o.Path, unescapeSegment(o.Path)
		if r.URL.RawPath == r.URL.Path {
			r.URL.RawPath = ""
		}
	}
	r.URL.RawQuery = o.Query
	r.RequestURI = o.Path
	if o.Query != "" {
		r.RequestURI += "?" + o.Query
	}
	if x.Request.Body.Present() {
		body := &lentBody{body: &x.Request.Body}
		defer body.Close()
		r.Body, r.ContentLength = body, x.Request.Body.Length
	} else {
		r.Body = http.NoBody
	}
	hw := &handlerWriter{to: w, header: http.Header{}}
	defer hw.end()
	f.next.ServeHTTP(hw, r)
	return hw.finish()
}

// handlerWriter is the http.ResponseWriter a wrapped handler writes to, as long as
// the exchange lasts: a handler that keeps it must not write into the next caller's
// answer.
type handlerWriter struct {
	header http.Header

	mu      sync.Mutex
	to      gatehouse.ResponseWriter
	started bool
	err     error
}

func (w *handlerWriter) end() {
	w.mu.Lock()
	w.to, w.started, w.err = nil, true, http.ErrHandlerTimeout
	w.mu.Unlock()
}

func (w *handlerWriter) Header() http.Header { return w.header }

func (w *handlerWriter) WriteHeader(status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writeHeader(status)
}

func (w *handlerWriter) writeHeader(status int) {
	if w.started {
		return
	}
	if status >= 200 {
		w.started = true
	}
	var h gatehouse.Header
	for name, values := range w.header {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			continue
		}
		for _, v := range values {
			h.Add(name, v)
		}
	}
	if err := w.to.WriteHead(status, h); err != nil && w.err == nil {
		w.err = err
	}
}

func (w *handlerWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.started {
		if w.header.Get("Content-Type") == "" {
			w.header.Set("Content-Type", http.DetectContentType(p))
		}
		w.writeHeader(http.StatusOK)
	}
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.to.Write(p)
	if err != http.ErrBodyNotAllowed { // of a 204 or 304: the answer is whole without it
		w.err = err
	}
	return n, err
}

// FlushError is what http.ResponseController calls.
func (w *handlerWriter) FlushError() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.started {
		w.writeHeader(http.StatusOK)
	}
	if w.err != nil {
		return w.err
	}
	return w.to.Flush()
}

// Flush is FlushError for those who look for http.Flusher.
func (w *handlerWriter) Flush() { _ = w.FlushError() }

func (w *handlerWriter) finish() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.started {
		w.writeHeader(http.StatusOK)
	}
	if w.err != nil {
		return w.err
	}
	var trailer gatehouse.Header
	for name, values := range w.header {
		if name, ok := strings.CutPrefix(name, http.TrailerPrefix); ok {
			for _, v := range values {
				trailer.Add(name, v)
			}
		}
	}
	if len(trailer) > 0 {
		return w.to.WriteTrailer(trailer)
	}
	return nil
}

// lentBody is the body as long as the exchange lasts: a handler that keeps it
// must not read the next caller's.
type lentBody struct {
	mu   sync.Mutex
	body *gatehouse.Body
}

func (b *lentBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.body == nil {
		return 0, http.ErrBodyReadAfterClose
	}
	return b.body.Read(p)
}

func (b *lentBody) Close() error {
	b.mu.Lock()
	b.body = nil
	b.mu.Unlock()
	return nil
}
