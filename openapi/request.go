package openapi

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/body"
	"github.com/gatehouse/gatehouse/openapi/filter"
	"github.com/gatehouse/gatehouse/openapi/parameter"
	"github.com/gatehouse/gatehouse/openapi/schema"
)

// requestControl is "openapi.request": the parameters and the body of one operation.
type requestControl struct {
	op     *operation
	params *parameter.Decoder
	body   *body.Reader // nil: the document has none
	// opaque: nothing is said of the body but its media type, so it streams.
	opaque  bool
	unknown schema.Unknown
	// fields is the parameter that selects properties of the answer; own says that the
	// document declares it too, so that the upstream gets it.
	fields string
	own    bool
}

// findings are the memory of one judgment.
type findings struct {
	params, body schema.Report
}

var findingsPool = sync.Pool{New: func() any { return new(findings) }}

func (f *findings) release() {
	clear(f.params.Violations)
	clear(f.body.Violations)
	f.params.Reset()
	f.body.Reset()
	findingsPool.Put(f)
}

func (op *operation) compileRequest() (*requestControl, error) {
	c := op.c
	r := &requestControl{op: op, unknown: propertyRule(op.rules.Unknown.Properties)}
	o := parameter.Options{UnknownQuery: parameterRule(op.rules.Unknown.Query), UnknownCookies: parameterRule(op.rules.Unknown.Cookies),
		KnownQuery: c.opts.KnownQuery, KnownCookies: c.opts.KnownCookies, WithheldCookies: c.opts.WithheldCookies, Limits: c.limits}
	o.Limits.Depth = min(o.Limits.Depth, 32)
	for _, name := range sortedKeys(c.doc.Schemes) {
		if s := c.doc.Schemes[name]; s.Type == "apiKey" && s.In == "query" {
			o.KnownQuery = append(o.KnownQuery[:len(o.KnownQuery):len(o.KnownQuery)], s.Key)
		} else if s.Type == "apiKey" && s.In == "cookie" {
			o.KnownCookies = append(o.KnownCookies[:len(o.KnownCookies):len(o.KnownCookies)], s.Key)
		}
	}
	if c.opts.Fields != "" && op.rules.Answers == Filter {
		r.fields = c.opts.Fields
		for _, p := range op.doc.Parameters {
			r.own = r.own || p.In == "query" && p.Name == r.fields || p.In == "querystring"
		}
		if !r.own {
			o.KnownQuery = append(o.KnownQuery[:len(o.KnownQuery):len(o.KnownQuery)], r.fields)
		}
	}
	var errs []error
	var err error
	if r.params, err = parameter.Compile(op.doc.Parameters, c.set, o); err != nil {
		errs = append(errs, err)
	}
	if b := op.doc.RequestBody; b != nil {
		o := c.bodyOptions()
		o.Required = b.Required
		if r.body, err = body.Compile(b.Content, c.set, schema.Request, o); err != nil {
			errs = append(errs, err)
		}
		r.opaque = opaque(b.Content)
	}
	return r, errors.Join(errs...)
}

func parameterRule(u Unknown) parameter.Unknown {
	switch u {
	case Report:
		return parameter.Report
	case Strip:
		return parameter.Strip
	}
	return parameter.Refuse
}

func propertyRule(u Unknown) schema.Unknown {
	switch u {
	case Report:
		return schema.UnknownReport
	case Refuse:
		return schema.UnknownRefuse
	}
	return schema.UnknownAsDeclared
}

func (r *requestControl) Name() string { return RequestName }

// Step is where the control belongs.
func (r *requestControl) Step() gatehouse.Step { return gatehouse.StepJudgeBody }

// Body asks for the whole body where the document has one.
func (r *requestControl) Body() gatehouse.BodyNeed {
	if r.body == nil || r.opaque {
		return gatehouse.BodyNone
	}
	return gatehouse.BodyWhole
}

func (r *requestControl) Check(_ context.Context, x *gatehouse.Exchange) (gatehouse.Verdict, error) {
	f := findingsPool.Get().(*findings)
	defer f.release()
	limit := r.op.c.opts.Errors.Max
	f.params.Max, f.params.Unknown, f.params.Exceptions = limit, r.unknown, nil
	f.body.Max, f.body.Unknown, f.body.Exceptions = limit, r.unknown, r.op.except
	edits, ok := r.params.Check(x, &f.params)
	good, err := r.checkBody(x, &f.body)
	if err != nil {
		return r.op.unreadable(x, err), nil
	}
	if !ok || !good {
		return r.op.deny(x, 400, f.params.Violations, f.body.Violations), nil
	}
	v := gatehouse.Passed()
	v.Edits = edits
	if len(f.params.Violations)+len(f.body.Violations) > 0 {
		r.op.report(&v, f.params.Violations, f.body.Violations)
	}
	if r.fields != "" && x.Request.Query != "" {
		if err := r.selection(x, &v.Edits); err != nil {
			return r.op.unreadable(x, err), nil
		}
	}
	return v, nil
}

// checkBody judges the body. Its errors are those of what could not be read.
func (r *requestControl) checkBody(x *gatehouse.Exchange, report *schema.Report) (bool, *gatehouse.Error) {
	b := &x.Request.Body
	if r.body == nil {
		if b.Source != nil && b.Length != 0 {
			return false, &gatehouse.Error{Code: body.CodeUnexpected, Status: 400, Message: "the document has no body for this operation", At: r.op.At}
		}
		return true, nil
	}
	contentType, coding, err := contentFields(x.Request.Header)
	if err != nil {
		return false, err
	}
	if r.opaque {
		return r.checkOpaque(x, contentType)
	}
	text, _ := b.Bytes()
	return r.body.Check(contentType, coding, text, report)
}

// checkOpaque judges a body by what its head says.
func (r *requestControl) checkOpaque(x *gatehouse.Exchange, contentType string) (bool, *gatehouse.Error) {
	b := &x.Request.Body
	doc := r.op.doc.RequestBody
	switch {
	case b.Source == nil || b.Length == 0:
		if doc.Required {
			return false, &gatehouse.Error{Code: body.CodeMissing, Status: 400, Message: "the operation needs a body", At: position(doc.Node)}
		}
		return true, nil
	case contentType == "":
		return false, &gatehouse.Error{Code: body.CodeContentType, Status: 415, Message: "the body has no Content-Type", At: position(doc.Node)}
	}
	if err := r.body.Takes(contentType); err != nil { // strictly: who is lenient might find another type in it
		err.At = position(doc.Node)
		return false, err
	}
	return true, nil
}

// contentFields returns Content-Type, which stands once, and Content-Encoding,
// whose lines are one list.
func contentFields(h gatehouse.Header) (contentType, coding string, err *gatehouse.Error) {
	types := 0
	for i := range h {
		switch f := &h[i]; {
		case len(f.Name) == len("Content-Type") && gatehouse.EqualFold(f.Name, "Content-Type"):
			types++
			contentType = f.Value
		case len(f.Name) == len("Content-Encoding") && gatehouse.EqualFold(f.Name, "Content-Encoding"):
			if coding != "" {
				coding += ","
			}
			coding += f.Value
		}
	}
	if types > 1 {
		return "", "", &gatehouse.Error{Code: CodeContentTypeRepeated, Status: 415, Message: "the message has several Content-Type fields"}
	}
	return contentType, coding, nil
}

// selection checks the parameter that selects properties, and takes it out of what
// the upstream gets.
func (r *requestControl) selection(x *gatehouse.Exchange, edits *gatehouse.Edits) *gatehouse.Error {
	query := x.Request.Query
	if edits.Query != nil {
		query = *edits.Query
	}
	text, rest, there := cutQuery(query, r.fields)
	if !there {
		return nil
	}
	if _, err := filter.ParseSelection(text); err != nil {
		return gatehouse.AsError(err, "contract.selection", 400)
	}
	if !r.own {
		edits.Query = &rest
	}
	return nil
}

// cutQuery takes the pairs called name out of a raw query. The value is that of the
// last one, decoded.
func cutQuery(query, name string) (value, rest string, there bool) {
	var kept strings.Builder
	for pair := range strings.SplitSeq(query, "&") {
		k, v, _ := strings.Cut(pair, "=")
		if decodeQuery(k) == name {
			value, there = decodeQuery(v), true
			continue
		}
		if kept.Len() > 0 {
			kept.WriteByte('&')
		}
		kept.WriteString(pair)
	}
	if !there {
		return "", query, false
	}
	return value, kept.String(), true
}
