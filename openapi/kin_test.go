package openapi_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"pgregory.net/rapid"
)

// A kin is kin-openapi's opinion of a drawn document.
type kin struct{ route *routers.Route }

func newKin(o *drawn) (*kin, error) {
	doc, err := openapi3.NewLoader().LoadFromData(o.document)
	if err != nil {
		return nil, err
	}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			return &kin{&routers.Route{Spec: doc, Path: path, PathItem: item, Method: method, Operation: op}}, nil
		}
	}
	return nil, errors.New("no operation")
}

func (k *kin) input(o *drawn, m *message) *openapi3filter.RequestValidationInput {
	in := &openapi3filter.RequestValidationInput{Request: o.http(m), PathParams: map[string]string{}, Route: k.route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true}}
	for i := range o.params {
		if p := &o.params[i]; p.in == "path" { // as its routers hand them over: decoded
			in.PathParams[p.name] = p.segment(m.values[i], func(s string) string { return s })
		}
	}
	return in
}

func (k *kin) request(o *drawn, m *message) error {
	return openapi3filter.ValidateRequest(context.Background(), k.input(o, m))
}

func (k *kin) answer(o *drawn, m *message, text string) error {
	return openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{RequestValidationInput: k.input(o, m), Status: 200,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader([]byte(text))), Options: k.input(o, m).Options})
}

// A disagreement is what kin-openapi says otherwise, and why it is not followed.
type disagreement struct {
	name, why string
	// kind of faults, and places: all are prefixes. accepts says that kin-openapi takes
	// what is wrong; otherwise it refuses what is right.
	accepts bool
	what    []string
	place   []string
	// says is part of kin's error, where it refuses.
	says string
}

var (
	scalarsAndContent = []string{"query form", "query content", "header simple", "cookie form"}
	bodiesWithCharset = []string{"body application/json", "body application/x-www-form-urlencoded"}
)

// disagreements are those known: see docs/contract.md.
var disagreements = []disagreement{
	{name: "undeclared query parameters", accepts: true, what: []string{"unknown"}, place: []string{"query"},
		why: "the specification is silent; unknown.query says what becomes of them, and refuse is its default"},
	{name: "repeated parameters", accepts: true, what: []string{"repeated"}, place: scalarsAndContent,
		why: "a value that is no array has one spelling (RFC 6570, section 3.2.1); which of two counts, readers decide each in their own way"},
	{name: "members of one name", accepts: true, what: []string{"duplicate"},
		why: "RFC 8259, section 4: names should be unique, and what readers make of two is unpredictable"},
	{name: "data behind the JSON text", accepts: true, what: []string{"behind"}, place: []string{"body application/json"},
		why: "RFC 8259, section 2: a JSON text is one value"},
	{name: "charsets", accepts: true, what: []string{"charset"}, place: bodiesWithCharset,
		why: "RFC 8259, section 8.1: JSON is UTF-8; a reader that believed the label would read another text than the one judged"},
	{name: "formats", accepts: true, what: []string{"format"},
		why: "formats are annotations unless asserted (JSON Schema Validation, section 7.2); Gatehouse asserts them, kin-openapi in 3.0 by patterns alone, so that February has 30 days"},
	{name: "null that goes the wrong way", accepts: true, what: []string{"readOnly", "writeOnly"}, place: []string{"body application/json 3.0", "answer 3.0"},
		why: "OpenAPI 3.0.3, section 4.7.24.2: the property must not be sent, whatever its value"},
	{name: "directions in 3.1", accepts: true, what: []string{"readOnly", "writeOnly"}, place: []string{"body application/json 3.1", "answer 3.1"},
		why: "JSON Schema Validation, section 9.4: annotations, by which the owner may ignore or refuse; kin-openapi obeys them only where a schema falls back to its older validator"},
	{name: "required properties of the other direction in 3.1", what: []string{"request", "answer"}, place: []string{"body application/json 3.1", "3.1"}, says: "missing propert",
		why: "OpenAPI 3.0.3 says that required counts in the one direction alone; 3.1 leaves it open, and no answer could else be had of a resource with a readOnly id"},
	{name: "directions of parameters", accepts: true, what: []string{"readOnly", "writeOnly"}, place: []string{"query content"},
		why: "a parameter is part of a request"},
	{name: "required readOnly properties of parameters", what: []string{"request"}, place: []string{"query content"}, says: "missing",
		why: "a parameter is part of a request"},
	{name: "null as a parameter's content", what: []string{"request"}, place: []string{"query content"}, says: "empty value is not allowed",
		why: "the JSON text null is not empty, and its schema takes it"},
	{name: "objects that are not there", what: []string{"request"}, place: []string{"query form exploded object"}, says: "missing",
		why: "an optional object of which no property is in the query is absent; kin-openapi judges {} as soon as there is any query"},
	{name: "escapes in cookies", what: []string{"request"}, place: []string{"cookie form"},
		why: "OpenAPI 3.1.1, section 4.8.12: style form is RFC 6570's, which percent-encodes; kin-openapi judges the escapes as they stand"},
}

func disagrees(accepts bool, what, place, says string) *disagreement {
	for i := range disagreements {
		d := &disagreements[i]
		begins := func(of []string, s string) bool {
			return len(of) == 0 || slices.ContainsFunc(of, func(p string) bool { return strings.HasPrefix(s, p) })
		}
		if d.accepts == accepts && begins(d.what, what) && begins(d.place, place) && strings.Contains(says, d.says) {
			return d
		}
	}
	return nil
}

// TestSecondOpinion asks kin-openapi of what was drawn. Where it does not say what
// Gatehouse says, that must be one of the disagreements known.
func TestSecondOpinion(t *testing.T) {
	seen := map[string]int{}
	note := func(r *rapid.T, accepts bool, what, place, says string, show func() string) {
		if d := disagrees(accepts, what, place, says); d != nil {
			seen[d.name]++
			return
		}
		key := "NEW accepts"
		if !accepts {
			key = "NEW refuses"
		}
		key += " " + what + " | " + place + " | "
		if seen[key]++; seen[key] == 1 {
			t.Errorf("%s %.300q\n%.2500s", key, says, show())
		}
	}
	manyTimes(t, func(r *rapid.T) {
		o := drawOperation(&drawer{t: r, old: rapid.Bool().Draw(r, "3.0")})
		version := "3.1"
		if o.old {
			version = "3.0"
		}
		k, err := newKin(o)
		if err != nil {
			note(r, false, "load", version, err.Error(), func() string { return string(o.document) })
			return
		}
		m := o.request()
		if err := k.request(o, m); err != nil {
			note(r, false, "request", o.blamed(err, version), err.Error(), func() string { return line(o.http(m)) + "\n" + string(o.document) })
		} else {
			for range 4 {
				m := m.clone()
				list := o.wrongs(m)
				f := list[o.int(0, len(list)-1, "fault")]
				f.apply()
				if k.request(o, m) == nil {
					note(r, true, f.what, f.place+" "+version, "", func() string { return line(o.http(m)) + "\n" + string(o.document) })
				}
			}
		}
		o.text, o.plain, o.whole, o.answers = false, false, false, true
		value := o.value(o.answer)
		text := o.answered(value)
		if err := k.answer(o, m, text); err != nil {
			note(r, false, "answer", version, err.Error(), func() string { return text + "\n" + string(o.document) })
			return
		}
		for range 2 {
			broken := copied(value)
			list := o.faults(o.answer, broken, "", func(v any) { broken = v })
			f := list[o.int(0, len(list)-1, "fault")]
			f.apply()
			text := o.answered(broken)
			if k.answer(o, m, text) == nil {
				note(r, true, f.what, "answer "+version, "", func() string { return text + "\n" + string(o.document) })
			}
		}
	})
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		t.Logf("%d times: %s", seen[name], name)
	}
}

// blamed is the place of the parameter that kin names in an error, or the body's.
func (o *drawn) blamed(err error, version string) string {
	for i := range o.params {
		if strings.Contains(err.Error(), `"`+o.params[i].name+`"`) && strings.HasPrefix(err.Error(), "parameter") {
			return o.params[i].place() + " " + version
		}
	}
	return "body " + o.bodyType + " " + version
}
