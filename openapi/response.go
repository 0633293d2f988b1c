package openapi

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/body"
	"github.com/gatehouse/gatehouse/openapi/document"
	"github.com/gatehouse/gatehouse/openapi/parameter"
	"github.com/gatehouse/gatehouse/openapi/schema"
)

// responseControl is "openapi.response": status, header and body of the answers of
// one operation.
type responseControl struct {
	op      *operation
	filters bool
	exact   map[int]*answer
	class   [6]*answer // "4XX" is class[4]
	other   *answer    // "default"
	// judged: the body of some answer is looked at, so that the upstream is asked for
	// answers that can be.
	judged bool
	// personal: callers get different answers, which no shared cache may mix up.
	personal bool
}

// answer is one documented response, compiled.
type answer struct {
	doc     *document.Response
	headers *parameter.Headers
	// present are required fields whose value is not judged (Set-Cookie).
	present []string
	body    *body.Reader // nil: no body
	opaque  bool
}

func (op *operation) compileResponse() (*responseControl, error) {
	r := &responseControl{op: op, filters: op.rules.Answers == Filter, exact: map[int]*answer{}}
	r.personal = r.filters && len(op.c.opts.Views)+len(op.c.opts.Masks.Rules) > 0
	var errs []error
	for _, d := range op.doc.Responses {
		a, err := op.compileAnswer(d)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		r.judged = r.judged || a.body != nil && !a.opaque
		status, err := strconv.Atoi(d.Status)
		switch {
		case err == nil:
			r.exact[status] = a
		case strings.EqualFold(d.Status, "default"):
			r.other = a
		case len(d.Status) == 3 && d.Status[0] >= '1' && d.Status[0] <= '5' && strings.EqualFold(d.Status[1:], "XX"):
			r.class[d.Status[0]-'0'] = a
		default:
			errs = append(errs, &gatehouse.Error{Code: "contract.document", Message: fmt.Sprintf("%q is no status", d.Status), At: position(d.Node)})
		}
	}
	return r, errors.Join(errs...)
}

func (op *operation) compileAnswer(d *document.Response) (*answer, error) {
	c := op.c
	a := &answer{doc: d, opaque: opaque(d.Content)}
	var hs []*document.Parameter
	for _, h := range d.Headers {
		if !gatehouse.EqualFold(h.Name, "Set-Cookie") { // many lines, of a syntax of their own
			hs = append(hs, h)
		} else if h.Required {
			a.present = append(a.present, h.Name)
		}
	}
	var errs []error
	var err error
	if len(hs) > 0 {
		if a.headers, err = parameter.CompileHeaders(hs, c.set, schema.Response, parameter.Options{Limits: c.limits}); err != nil {
			errs = append(errs, err)
		}
	}
	if len(d.Content) > 0 {
		if a.body, err = body.Compile(d.Content, c.set, schema.Response, c.bodyOptions()); err != nil {
			errs = append(errs, err)
		} else if op.rules.Answers == Filter {
			errs = append(errs, op.compileShapes(d))
		}
	}
	return a, errors.Join(errs...)
}

// compileShapes finds out how answers of the schemas are filtered.
func (op *operation) compileShapes(d *document.Response) error {
	for _, m := range d.Content {
		if m.Schema == nil {
			continue
		}
		s, err := op.c.set.Compile(m.Schema, schema.Response)
		if err != nil {
			return err
		}
		if _, known := op.c.shapes[s]; !known {
			op.c.shapes[s] = op.c.shapeOf(s)
		}
	}
	return nil
}

// answer returns what the document says of a status; nil for nothing.
func (r *responseControl) answer(status int) *answer {
	if a := r.exact[status]; a != nil {
		return a
	}
	if k := status / 100; k > 0 && k < len(r.class) && r.class[k] != nil {
		return r.class[k]
	}
	return r.other
}

func (r *responseControl) Name() string { return ResponseName }

// Step is where the control belongs.
func (r *responseControl) Step() gatehouse.Step { return gatehouse.StepJudgeBody }

// plainAnswer asks for what can be filtered.
var (
	wholeAnswer = []string{"Range", "If-Range"}
	plainAnswer = []gatehouse.Field{{Name: "Accept-Encoding", Value: "identity"}}
)

// Check passes, and sees to it that the answer will be one that can be judged: whole
// and, for filters, without a content coding.
func (r *responseControl) Check(_ context.Context, x *gatehouse.Exchange) (gatehouse.Verdict, error) {
	v := gatehouse.Passed()
	if !r.judged {
		return v, nil
	}
	for i := range x.Request.Header {
		switch name := x.Request.Header[i].Name; {
		case len(name) == len("Range") && gatehouse.EqualFold(name, "Range"):
			v.Edits.Drop = wholeAnswer
		case r.filters && len(name) == len("Accept-Encoding") && likeAcceptEncoding(name):
			v.Edits.Request = plainAnswer
		}
	}
	return v, nil
}

// likeAcceptEncoding takes the spelling with "_" too: CGI-like servers do.
func likeAcceptEncoding(name string) bool {
	return gatehouse.EqualFold(name, "Accept-Encoding") || gatehouse.EqualFold(name, "Accept_Encoding")
}

// CheckResponse judges the head: status, header fields, media type.
func (r *responseControl) CheckResponse(_ context.Context, x *gatehouse.Exchange) (gatehouse.Verdict, error) {
	status := x.Response.Status
	a := r.answer(status)
	if r.judged && r.unasked(x) {
		v := gatehouse.Passed()
		v.Reason = gatehouse.Reason{Code: CodeAnswerUnjudged, Message: "the client asked for a part, or for a content coding; in enforce the gateway would have asked for what can be judged", At: r.op.At}
		return v, nil
	}
	if a == nil {
		if status >= 500 || status == 304 && r.conditional(x) {
			return gatehouse.Passed(), nil // nobody can promise not to fail
		}
		return r.refuse(CodeAnswerStatus, "the document has no answer "+strconv.Itoa(status)+" for this operation", r.op.At), nil
	}
	for _, name := range a.present {
		if x.Response.Header.Count(name) == 0 {
			return r.refuse(CodeAnswerHeader, "the answer lacks the field "+name, position(a.doc.Node)), nil
		}
	}
	if a.headers != nil && status != 304 {
		if v, ok := r.checkHeaders(a, x); !ok {
			return v, nil
		}
	}
	if bodiless(x) {
		return gatehouse.Passed(), nil
	}
	contentType, coding, err := contentFields(x.Response.Header)
	switch {
	case err != nil:
		return r.refuse(err.Code, err.Message, position(a.doc.Node)), nil
	case x.Response.Streaming && a.body == nil:
		return r.refuse(CodeAnswerUnexpected, "the document promises no body with this answer, and the upstream streams one", position(a.doc.Node)), nil
	case a.body == nil || contentType == "" && emptyAnswer(x):
		return gatehouse.Passed(), nil
	case !promised(a.doc.Content, contentType):
		return r.refuse(CodeAnswerContentType, "the document does not promise the media type "+inert(bare(contentType)), position(a.doc.Node)), nil
	case a.opaque:
		return gatehouse.Passed(), nil
	case x.Response.Streaming && !streams(a.doc.Content, contentType):
		return r.refuse(CodeAnswerContentType, "the document does not promise a stream of "+inert(bare(contentType)), position(a.doc.Node)), nil
	case status == 206:
		return r.refuse(CodeAnswerPartial, "a part of an answer cannot be judged", position(a.doc.Node)), nil
	case r.filters && coding != "" && !gatehouse.EqualFold(coding, "identity"):
		return r.refuse(CodeAnswerCoding, "an answer with a content coding cannot be filtered", position(a.doc.Node)), nil
	}
	if r.personal && structured(contentType) && !a.json(contentType) && r.op.c.view(x.Principal).masker.For(x.Principal) != nil {
		return r.refuse(CodeAnswerUnmasked, "an answer of "+inert(bare(contentType))+" cannot be masked, and the caller may not see all of it", position(a.doc.Node)), nil
	}
	v := gatehouse.Passed()
	if r.personal {
		v.Edits.Response = private(x.Response.Header)
	}
	return v, nil
}

func (a *answer) json(contentType string) bool {
	_, json := a.body.Schema(contentType)
	return json
}

// private keeps an answer out of shared caches (RFC 9111, section 5.2.2.7), those
// too that listen to fields of their own before Cache-Control (RFC 9213).
func private(h gatehouse.Header) []gatehouse.Field {
	var edits []gatehouse.Field
	for i := range h {
		switch name := strings.ToLower(h[i].Name); {
		case strings.HasSuffix(name, "cdn-cache-control"), name == "surrogate-control":
			edits = append(edits, gatehouse.Field{Name: h[i].Name, Value: "no-store"})
		case name == "x-accel-expires":
			edits = append(edits, gatehouse.Field{Name: h[i].Name, Value: "0"})
		}
	}
	kept := "private"
	for v := range h.Values("Cache-Control") {
		for part := range strings.SplitSeq(v, ",") {
			part = strings.Trim(part, " \t")
			name, _, _ := strings.Cut(part, "=")
			switch {
			case gatehouse.EqualFold(name, "no-store"):
				return edits
			case part == "", gatehouse.EqualFold(name, "private"), gatehouse.EqualFold(name, "public"), gatehouse.EqualFold(name, "s-maxage"):
			default:
				kept += ", " + part
			}
		}
	}
	return append(edits, gatehouse.Field{Name: "Cache-Control", Value: kept})
}

// unasked reports whether the answer is one that Check would have had otherwise: in
// monitor nothing is changed, and what enforce would have got is not known.
func (r *responseControl) unasked(x *gatehouse.Exchange) bool {
	part := x.Response.Status == 206 && x.Request.Header.Count("Range") > 0
	coded := r.filters && x.Response.Header.Count("Content-Encoding") > 0 && x.Request.Header.Count("Accept-Encoding") > 0
	if !part && !coded {
		return false
	}
	for i := range x.Decision.Judgments {
		if j := &x.Decision.Judgments[i]; j.Control == ResponseName {
			return j.Mode == gatehouse.Monitor
		}
	}
	return false
}

// conditional reports whether 304 may answer the request: it was conditional, and
// there is an answer it can stand for.
func (r *responseControl) conditional(x *gatehouse.Exchange) bool {
	return (r.exact[200] != nil || r.class[2] != nil || r.other != nil) && (x.Request.Method == "GET" || x.Request.Method == "HEAD") &&
		(x.Request.Header.Count("If-None-Match") > 0 || x.Request.Header.Count("If-Modified-Since") > 0)
}

func bodiless(x *gatehouse.Exchange) bool {
	return x.Request.Method == "HEAD" || x.Response.Status == 204 || x.Response.Status == 304
}

func emptyAnswer(x *gatehouse.Exchange) bool {
	return x.Response.Header.Get("Content-Length") == "0"
}

func (r *responseControl) refuse(code, message string, at gatehouse.Position) gatehouse.Verdict {
	return gatehouse.Denied(502, gatehouse.Reason{Code: code, Message: message, At: at})
}

func (r *responseControl) checkHeaders(a *answer, x *gatehouse.Exchange) (gatehouse.Verdict, bool) {
	f := findingsPool.Get().(*findings)
	defer f.release()
	f.params.Max = r.op.c.opts.Errors.Max
	if a.headers.Check(x.Response.Header, &f.params) {
		return gatehouse.Verdict{}, true
	}
	v := r.op.deny(x, 502, f.params.Violations)
	v.Reason.Code, v.Public = CodeAnswerHeader, false
	return v, false
}
