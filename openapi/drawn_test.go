package openapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// drawn is an operation that was drawn, with its document.
type drawn struct {
	*drawer
	document []byte
	method   string
	params   []drawnParam
	body     *shape
	bodyType string
	answer   *shape
}

type drawnParam struct {
	in, name, style string
	explode         bool
	required        bool
	content         bool // application/json
	shape           *shape
}

// place says which way a parameter is written.
func (p *drawnParam) place() string {
	if p.content {
		return p.in + " content"
	}
	how := p.in + " " + p.style
	if p.explode {
		how += " exploded"
	}
	return how + " " + p.shape.kind
}

// before is a literal: a segment that begins with a semicolon is refused, since it is
// empty for those who cut there.
func (p *drawnParam) before() string {
	if p.style == "matrix" {
		return "s"
	}
	return ""
}

// drawOperation draws a document of one operation.
func drawOperation(d *drawer) *drawn {
	o := &drawn{drawer: d, method: "GET"}
	d.defs = map[string]any{}
	path := "/t"
	var params []any
	for range d.int(0, 4, "parameters") {
		p := d.param()
		if p.in == "path" {
			path += "/" + p.before() + "{" + p.name + "}"
		}
		o.params = append(o.params, p)
		params = append(params, p.document())
	}
	d.text, d.plain, d.whole = false, false, false
	op := map[string]any{"operationId": "op", "security": []any{}}
	if len(params) > 0 {
		op["parameters"] = params
	}
	if d.int(0, 3, "a body") > 0 {
		o.method = d.pick("method", "POST", "PUT", "PATCH")
		o.bodyType = d.pick("type of body", "application/json", "application/json", "application/x-www-form-urlencoded", "multipart/form-data")
		if o.bodyType == "application/json" {
			o.body = d.any(3)
		} else {
			d.text = true
			o.body = d.object(0)
			d.text = false
		}
		op["requestBody"] = map[string]any{"required": true, "content": map[string]any{o.bodyType: map[string]any{"schema": o.body.schema}}}
	}
	o.answer = d.any(3)
	op["responses"] = map[string]any{"200": map[string]any{"description": "fine", "content": map[string]any{"application/json": map[string]any{"schema": o.answer.schema}}},
		"204": map[string]any{"description": "nothing"}}
	version := "3.1.0"
	if d.old {
		version = "3.0.3"
	}
	text, err := json.Marshal(map[string]any{"openapi": version, "info": map[string]any{"title": "drawn", "version": "1"},
		"paths": map[string]any{path: map[string]any{strings.ToLower(o.method): op}}, "components": map[string]any{"schemas": d.defs}})
	if err != nil {
		panic(err)
	}
	o.document = text
	return o
}

// param draws a parameter, in every style there is.
func (d *drawer) param() drawnParam {
	d.text, d.plain, d.whole = true, false, false
	p := drawnParam{in: d.pick("in", "path", "query", "query", "query", "header", "cookie"), name: d.name("p")}
	p.required = p.in == "path" || d.bool("required")
	p.explode = d.bool("explode")
	kinds := []string{"scalar", "array", "object"}
	switch p.in {
	case "path":
		p.style = d.pick("style", "simple", "label", "matrix")
		d.plain, d.whole = p.style == "label", p.style == "label"
	case "header":
		p.style, d.plain = "simple", true
		p.name = "X-" + p.name
	case "cookie":
		p.style, p.explode, kinds = "form", true, kinds[:1]
	default:
		p.style = d.pick("style", "form", "form", "spaceDelimited", "pipeDelimited", "deepObject", "content")
		switch p.style {
		case "spaceDelimited", "pipeDelimited":
			p.explode, d.plain, kinds = false, true, kinds[1:2]
		case "deepObject":
			p.explode, kinds = true, kinds[2:]
		case "content":
			p.style, p.content, d.text = "", true, false
			p.shape = d.any(2)
			return p
		}
	}
	switch d.pick("shape", kinds...) {
	case "scalar":
		p.shape = d.any(0)
	case "array":
		p.shape = d.array(0)
	default:
		p.shape = d.object(0)
	}
	return p
}

func (p *drawnParam) document() map[string]any {
	m := map[string]any{"name": p.name, "in": p.in, "required": p.required}
	if p.content {
		m["content"] = map[string]any{"application/json": map[string]any{"schema": p.shape.schema}}
		return m
	}
	m["schema"], m["style"], m["explode"] = p.shape.schema, p.style, p.explode
	return m
}

// spelled is what a value looks like as text.
func spelled(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}

// escaped percent-encodes all but unreserved characters.
func escaped(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}

// list and pairs spell the parts of arrays and objects.
func list(v []any, escape func(string) string) []string {
	out := make([]string, len(v))
	for i := range v {
		out[i] = escape(spelled(v[i]))
	}
	return out
}

func pairs(m map[string]any, between string, escape func(string) string) []string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if between == "," {
			out = append(out, k, escape(spelled(m[k])))
		} else {
			out = append(out, k+between+escape(spelled(m[k])))
		}
	}
	return out
}

// segment spells a path parameter or a header field (OpenAPI 3.1.1, section 4.8.12;
// RFC 6570).
func (p *drawnParam) segment(v any, escape func(string) string) string {
	before, between, name := "", ",", ""
	switch p.style {
	case "label":
		before = "."
	case "matrix":
		before, name = ";", p.name+"="
	}
	if p.explode && p.style != "simple" {
		between = before
	}
	switch v := v.(type) {
	case []any:
		parts := list(v, escape)
		if p.explode && name != "" {
			return before + name + strings.Join(parts, between+name)
		}
		return before + name + strings.Join(parts, between)
	case map[string]any:
		if p.explode {
			return before + strings.Join(pairs(v, "=", escape), between)
		}
		return before + name + strings.Join(pairs(v, ",", escape), ",")
	}
	return before + name + escape(spelled(v))
}

// query spells a query parameter.
func (p *drawnParam) query(v any) []string {
	if p.content {
		text, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		return []string{p.name + "=" + escaped(string(text))}
	}
	switch v := v.(type) {
	case []any:
		parts := list(v, escaped)
		switch {
		case p.style == "spaceDelimited":
			return []string{p.name + "=" + strings.Join(parts, "%20")}
		case p.style == "pipeDelimited":
			return []string{p.name + "=" + strings.Join(parts, "%7C")}
		case !p.explode:
			return []string{p.name + "=" + strings.Join(parts, ",")}
		}
		for i := range parts {
			parts[i] = p.name + "=" + parts[i]
		}
		return parts
	case map[string]any:
		switch {
		case p.style == "deepObject":
			var out []string
			for _, k := range slices.Sorted(maps.Keys(v)) {
				out = append(out, p.name+"["+k+"]="+escaped(spelled(v[k])))
			}
			return out
		case !p.explode:
			return []string{p.name + "=" + strings.Join(pairs(v, ",", escaped), ",")}
		}
		return pairs(v, "=", escaped)
	}
	return []string{p.name + "=" + escaped(spelled(v))}
}

// message is one request of a drawn operation.
type message struct {
	values  []any // of the parameters; absent: not there
	body    any
	twice   int    // index of a parameter that stands twice, -1 for none
	query   string // in addition
	without bool   // a body
	// of the body
	contentType string
	behind      string
}

type absent struct{}

func (o *drawn) request() *message {
	m := &message{twice: -1, contentType: o.bodyType}
	for i := range o.params {
		p := &o.params[i]
		if p.required || o.bool("there") {
			o.text, o.plain = !p.content, p.in == "header" || p.style == "label" || strings.HasSuffix(p.style, "Delimited")
			m.values = append(m.values, o.value(p.shape))
		} else {
			m.values = append(m.values, absent{})
		}
	}
	o.text, o.plain = o.bodyType != "application/json", false
	if o.body != nil {
		m.body = o.value(o.body)
	}
	return m
}

func (m *message) clone() *message {
	c := *m
	c.values = copied(m.values).([]any)
	c.body = copied(m.body)
	return &c
}

func copied(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = copied(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k := range v {
			out[k] = copied(v[k])
		}
		return out
	}
	return v
}

// http writes the request.
func (o *drawn) http(m *message) *http.Request {
	target, cookies := "/t", []string{}
	var query []string
	header := http.Header{}
	for i := range o.params {
		p := &o.params[i]
		if _, none := m.values[i].(absent); none {
			continue
		}
		for n := 0; n < 1 || n < 2 && m.twice == i; n++ {
			switch p.in {
			case "path":
				target += "/" + p.before() + p.segment(m.values[i], escaped)
			case "query":
				query = append(query, p.query(m.values[i])...)
			case "header":
				header.Add(p.name, p.segment(m.values[i], func(s string) string { return s }))
			case "cookie":
				cookies = append(cookies, p.name+"="+escaped(spelled(m.values[i])))
			}
		}
	}
	if m.query != "" {
		query = append(query, m.query)
	}
	if len(query) > 0 {
		target += "?" + strings.Join(query, "&")
	}
	if len(cookies) > 0 {
		header.Set("Cookie", strings.Join(cookies, "; "))
	}
	contentType := m.contentType
	var r *http.Request
	if o.body == nil || m.without {
		r = httptest.NewRequest(o.method, "http://a.example"+target, nil)
		contentType = ""
	} else {
		text := o.written(m.body)
		if o.bodyType == "multipart/form-data" {
			if contentType == o.bodyType {
				contentType += "; boundary=drawn"
			}
		}
		r = httptest.NewRequest(o.method, "http://a.example"+target, bytes.NewReader(append(text, m.behind...)))
	}
	r.Header = header
	if contentType != "" {
		header.Set("Content-Type", contentType)
	}
	return r
}

// written spells a body.
func (o *drawn) written(v any) []byte {
	object, _ := v.(map[string]any)
	switch o.bodyType {
	case "application/x-www-form-urlencoded":
		return []byte(strings.Join(pairs(object, "=", escaped), "&"))
	case "multipart/form-data":
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		_ = w.SetBoundary("drawn")
		for _, k := range slices.Sorted(maps.Keys(object)) {
			part, err := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="` + k + `"`}})
			if err != nil {
				panic(err)
			}
			_, _ = part.Write([]byte(spelled(object[k])))
		}
		_ = w.Close()
		return b.Bytes()
	}
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

// A wrong is a request with one thing wrong.
type wrong struct {
	fault
	place  string // "query form array", "body application/json"
	where  string // parameter and pointer, as a verdict names them
	status int
}

// wrongs lists what can be done to m, in place.
func (o *drawn) wrongs(m *message) (out []wrong) {
	for i := range o.params {
		p := &o.params[i]
		name := p.in + ":" + p.name
		add := func(f fault) {
			f.code = "contract.parameter_" + strings.TrimPrefix(f.code, "contract.")
			out = append(out, wrong{f, p.place(), name + f.pointer, 400})
		}
		_, none := m.values[i].(absent)
		if !none && p.required && p.in != "path" {
			add(fault{what: "missing", code: "missing", apply: func() { m.values[i] = absent{} }})
		}
		if none {
			continue
		}
		o.text, o.plain, o.whole = !p.content, true, p.style == "label"
		for _, f := range o.faults(p.shape, m.values[i], "", func(v any) { m.values[i] = v }) {
			if f.what == "duplicate" {
				f.code = "contract.member_repeated"
			}
			if f.code == "contract.type" && !p.content {
				f.pointer = "" // text that spells no value is no value yet
			}
			add(f)
		}
		if p.in != "path" && (p.content || p.shape.kind != "array" && p.shape.kind != "object") {
			add(fault{what: "repeated", code: "repeated", apply: func() { m.twice = i }})
		}
	}
	out = append(out, wrong{fault{what: "unknown", code: "contract.parameter_unknown", apply: func() { m.query = "zz=1" }}, "query", "query:zz", 400})
	if o.body == nil {
		return out
	}
	place := "body " + o.bodyType
	o.text, o.plain, o.whole = o.bodyType != "application/json", false, false
	for _, f := range o.faults(o.body, m.body, "", func(v any) { m.body = v }) {
		if o.text && f.code == "contract.type" {
			f.code = "contract.form_type"
			if o.bodyType == "multipart/form-data" {
				f.code = "contract.multipart_value"
			}
		}
		out = append(out, wrong{f, place, f.pointer, 400})
	}
	out = append(out, wrong{fault{what: "missing", code: "contract.body_missing", apply: func() { m.without = true }}, place, "", 400},
		wrong{fault{what: "media type", code: "contract.media_type", apply: func() { m.contentType = "text/plain" }}, place, "", 415},
		wrong{fault{what: "no media type", code: "contract.content_type", apply: func() { m.contentType = "" }}, place, "", 415},
		wrong{fault{what: "charset", code: "contract.charset", apply: func() { m.contentType = o.bodyType + "; charset=utf-16" }}, place, "", 415})
	if o.bodyType == "multipart/form-data" {
		return slices.Delete(out, len(out)-1, len(out)) // its parts have charsets
	}
	if !o.text {
		out = append(out, wrong{fault{what: "behind", code: "json.trailing_data", apply: func() { m.behind = " {}" }}, place, "", 400})
	}
	return out
}
