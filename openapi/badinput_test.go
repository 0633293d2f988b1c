package openapi_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi"
	"github.com/gatehouse/gatehouse/openapi/document"
)

const (
	mostTime   = time.Second
	mostMemory = 64 << 20 // bytes allocated, not held
)

// bounded runs f, which may be slow once where the machine has much to do, but not
// three times, and never hungry.
func bounded(t *testing.T, f func()) {
	t.Helper()
	var took time.Duration
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := time.Now()
		f()
		took = time.Since(began)
		runtime.ReadMemStats(&after)
		n := after.TotalAlloc - before.TotalAlloc
		if n > mostMemory && !raced {
			t.Errorf("%d MB allocated", n>>20)
		}
		t.Logf("%v, %.1f MB", took.Round(100*time.Microsecond), float64(n)/1e6)
		if took < mostTime || raced && took < 8*mostTime {
			return
		}
	}
	t.Errorf("it took %v", took)
}

// hostile is a contract of one operation, made of the schema of its body.
func hostile(t *testing.T, mediaType, schema, more string, l openapi.LimitsConfig) (*openapi.Contract, error) {
	t.Helper()
	if more != "" {
		more = "," + more
	}
	text := `{"openapi":"3.1.0","info":{"title":"t","version":"1"},"paths":{"/p":{"post":{"operationId":"op",
		"parameters":[{"name":"deep","in":"query","style":"deepObject","schema":{"$ref":"#/components/schemas/Tree"}},
			{"name":"json","in":"query","content":{"application/json":{"schema":{}}}},
			{"name":"list","in":"query","schema":{"type":"array","items":{"type":"integer"}}},
			{"name":"word","in":"header","schema":{"type":"string","pattern":"^(?!b)(a+)+$"}}],
		"requestBody":{"content":{"` + mediaType + `":{"schema":` + schema + `}}},"responses":{"204":{"description":"d"}}}}},
		"components":{"schemas":{"Tree":{"type":"object","additionalProperties":{"$ref":"#/components/schemas/Tree"}}` + more + `}}}`
	doc, err := openapi.Load(context.Background(), document.Source{Path: "t.json", Bytes: []byte(text)})
	if err != nil {
		return nil, err
	}
	return openapi.Compile(doc, openapi.Options{Config: openapi.Config{Limits: l}})
}

// steps are schemas that refer to the next one twice, n deep.
func steps(word string, n int, last string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"L%d":{"%s":[{"$ref":"#/components/schemas/L%d"},{"$ref":"#/components/schemas/L%d"}]},`, i, word, i+1, i+1)
	}
	fmt.Fprintf(&b, `"L%d":%s`, n, last)
	return b.String()
}

// each writes f of 0 to n-1, with commas between.
func each(n int, f func(i int) string) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(f(i))
	}
	return b.String()
}

// bomb is n MiB of zeros, in a coding.
func bomb(t *testing.T, coding string, n int) string {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch coding {
	case "gzip":
		w, _ = gzip.NewWriterLevel(&b, gzip.BestSpeed)
	case "br":
		w = brotli.NewWriterLevel(&b, 1)
	case "zstd":
		var err error
		if w, err = zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1)); err != nil {
			t.Fatal(err)
		}
	}
	zeros := make([]byte, 1<<20)
	for range n {
		if _, err := w.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

type attack struct {
	name, schema, body string
	code               string // "": it is accepted
	status             int
	more               string // components
	mediaType          string // application/json
	fields             []gatehouse.Field
	query              string
	limits             openapi.LimitsConfig
}

func attacks(t *testing.T) []attack {
	wide := openapi.LimitsConfig{Members: 200_000}
	names := "{" + each(100_000, func(i int) string { return fmt.Sprintf(`"k%d":1`, i) }) + "}"
	alike := each(100_000, func(i int) string { return fmt.Sprintf(`{"a":[%d],"c":"x"}`, i) })
	coded := func(coding string) []gatehouse.Field {
		return []gatehouse.Field{{Name: "Content-Encoding", Value: coding}}
	}
	list := []attack{
		// schemas
		{name: "allOf in allOf", schema: `{"$ref":"#/components/schemas/L0"}`, more: steps("allOf", 25, `{"type":"string"}`), body: `1`, code: "contract.type"},
		{name: "allOf in allOf that accept", schema: `{"$ref":"#/components/schemas/L0"}`, more: steps("allOf", 25, `{}`), body: `1`, code: "contract.too_complex"},
		{name: "oneOf in oneOf", schema: `{"$ref":"#/components/schemas/L0"}`, more: steps("oneOf", 25, `{"type":"string"}`), body: `1`, code: "contract.choice"},
		{name: "oneOf in oneOf that accept", schema: `{"$ref":"#/components/schemas/L0"}`, more: steps("oneOf", 25, `{"unevaluatedItems":false}`), body: `[[]]`, code: "contract.too_complex"},
		{name: "anyOf in anyOf that accept", schema: `{"$ref":"#/components/schemas/L0","unevaluatedProperties":false}`, more: steps("anyOf", 25, `{"properties":{"a":{}}}`), body: `{"a":1}`, code: "contract.too_complex"},
		{name: "anyOf in anyOf", schema: `{"$ref":"#/components/schemas/L0"}`, more: steps("anyOf", 25, `{"type":"string"}`), body: `1`, code: "contract.choice"},
		{name: "a fan of references", schema: `{"type":"array","items":{"oneOf":[` + each(1000, func(i int) string { return fmt.Sprintf(`{"$ref":"#/components/schemas/F%d"}`, i) }) + `]}}`,
			more: each(1000, func(i int) string { return fmt.Sprintf(`"F%d":{"const":%d}`, i, i) }),
			body: "[" + strings.Repeat("7,", 30_000) + "7]", code: "contract.too_complex"},
		{name: "deep recursion", schema: `{"$ref":"#/components/schemas/R"}`, more: `"R":{"type":"array","items":{"$ref":"#/components/schemas/R"}}`, body: strings.Repeat("[", 60) + strings.Repeat("]", 60)},
		{name: "a dynamic loop", schema: `{"$ref":"#/components/schemas/D"}`, more: `"D":{"$id":"https://a.example/d","$dynamicAnchor":"a","allOf":[{"$dynamicRef":"#a"}]}`, body: `1`, code: "contract.too_complex"},
		{name: "a huge enum", schema: `{"type":"array","items":{"enum":[` + each(100_000, func(i int) string { return fmt.Sprintf(`"v%d"`, i) }) + `]}}`,
			body: "[" + each(50_000, func(i int) string { return fmt.Sprintf(`"v%d"`, i+49_999) }) + `,"v"]`, code: "contract.enum"},
		{name: "a catastrophic pattern", schema: `{"pattern":"^(a+)+$"}`, body: `"` + strings.Repeat("a", 200_000) + `!"`, code: "contract.pattern"},
		{name: "a catastrophic pattern that backtracks", schema: `{"pattern":"^(?!b)(a+)+$"}`, body: `"` + strings.Repeat("a", 100_000) + `!"`, code: "contract.pattern_timeout"},
		{name: "many that backtrack", schema: `{"items":{"pattern":"^(?!b)(a+)+$"}}`, body: "[" + each(1000, func(int) string { return `"` + strings.Repeat("a", 40) + `!"` }) + "]", code: "contract.pattern_timeout"},
		{name: "many that backtrack for a while", schema: `{"items":{"anyOf":[{"pattern":"^(?!b)(a+)+$"},{}]}}`, body: "[" + each(1000, func(int) string { return `"` + strings.Repeat("a", 40) + `!"` }) + "]", code: "contract.pattern_timeout"},
		{name: "a pattern of many repeats", schema: `{"pattern":"^((a{1,1000}){1,1000}){1,1000}$"}`, body: `"` + strings.Repeat("a", 10_000) + `!"`, code: "contract.pattern_timeout"},
		{name: "names that backtrack", schema: `{"propertyNames":{"pattern":"^(?!b)(a+)+$"}}`, body: `{"` + strings.Repeat("a", 10_000) + `!":1}`, code: "contract.pattern_timeout"},
		{name: "names and a pattern", schema: `{"propertyNames":{"pattern":"^(k|[0-9])+$"}}`, body: names, limits: wide},
		{name: "names and patterns", schema: `{"patternProperties":{` + each(5, func(i int) string { return fmt.Sprintf(`"^k.*%d$":{"type":"integer"}`, i) }) + `,"^k":{}},"additionalProperties":false}`, body: "{" + each(20_000, func(i int) string { return fmt.Sprintf(`"k%d":1`, i) }) + "}", limits: wide},
		{name: "nearly equal items", schema: `{"uniqueItems":true}`, body: "[" + alike + "]"},
		{name: "two equal items", schema: `{"uniqueItems":true}`, body: "[" + alike + `,{"c":"x","a":[7.0]}]`, code: "contract.unique"},
		{name: "contains", schema: `{"contains":{"required":["a"]},"minContains":100001}`, body: "[" + alike + "]", code: "contract.contains"},
		{name: "contains at most", schema: `{"contains":{"required":["a"]},"maxContains":99999}`, body: "[" + alike + "]", code: "contract.contains"},
		// JSON
		{name: "a million members", schema: `{}`, body: "{" + each(1_000_000, func(i int) string { return fmt.Sprintf(`"%d":1`, i) }) + "}", code: "json.members", status: 413},
		{name: "a million values", schema: `{}`, body: "[" + strings.Repeat("[],", 999_999) + "1]", code: "json.values", status: 413},
		{name: "nested deeply", schema: `{}`, body: strings.Repeat("[", 1_000_000), code: "json.depth", status: 413},
		{name: "objects nested deeply", schema: `{}`, body: strings.Repeat(`{"a":`, 100_000), code: "json.depth", status: 413},
		{name: "a large number", schema: `{"type":"number","maximum":10}`, body: "1e400", code: "json.number_range"},
		{name: "a number larger yet", schema: `{"type":"number","multipleOf":0.01,"maximum":10}`, body: "1e400000000", code: "json.number_range"},
		{name: "an integer larger yet", schema: `{"type":"integer","multipleOf":7}`, body: "1e400000000", code: "json.number_range"},
		{name: "a number beyond all", schema: `{"type":"integer","format":"int64"}`, body: "1e99999999999999999999", code: "json.number_range"},
		{name: "a small number", schema: `{"type":"integer"}`, body: "1e-400000000", code: "contract.type"},
		{name: "a long number", schema: `{}`, body: strings.Repeat("9", 1_000_000), code: "json.number_length", status: 413},
		{name: "a long string", schema: `{}`, body: `"` + strings.Repeat("a", 9<<20) + `"`, code: "json.string_length", status: 413},
		{name: "half a surrogate", schema: `{}`, body: `"\ud800"`, code: "json.lone_surrogate"},
		{name: "the other half", schema: `{}`, body: `"\udc00\ud800"`, code: "json.lone_surrogate"},
		{name: "a byte order mark", schema: `{}`, body: "\ufeff1", code: "json.byte_order_mark"},
		{name: "UTF-16", schema: `{}`, body: "\xff\xfe1\x00", code: "json.byte_order_mark"},
		{name: "a surrogate in UTF-8", schema: `{}`, body: "\"\xed\xa0\x80\"", code: "json.utf8"},
		{name: "an overlong slash", schema: `{}`, body: "\"\xc0\xaf\"", code: "json.utf8"},
		{name: "Latin-1", schema: `{}`, body: "\"\xe9\"", code: "json.utf8"},
		{name: "NaN", schema: `{}`, body: "NaN", code: "json.syntax"},
		// head
		{name: "a charset", schema: `{}`, body: `1`, fields: []gatehouse.Field{{Name: "Content-Type", Value: "application/json; charset=utf-7"}}, code: "contract.charset", status: 415},
		{name: "gzip", schema: `{}`, body: bomb(t, "gzip", 24), fields: coded("gzip"), code: "contract.decompression_limit", status: 413},
		{name: "br", schema: `{}`, body: bomb(t, "br", 24), fields: coded("br"), code: "contract.decompression_limit", status: 413},
		{name: "zstd", schema: `{}`, body: bomb(t, "zstd", 24), fields: coded("zstd"), code: "contract.decompression_limit", status: 413},
		{name: "codings", schema: `{}`, body: bomb(t, "gzip", 1), fields: coded("gzip, gzip, gzip, gzip"), code: "contract.content_coding", status: 415},
		{name: "no gzip", schema: `{}`, body: "1", fields: coded("gzip"), code: "contract.content_coding_invalid"},
		{name: "a header that backtracks", schema: `{}`, body: "1", fields: []gatehouse.Field{{Name: "word", Value: strings.Repeat("a", 5000) + "!"}}, code: "contract.parameter_pattern_timeout"},
		{name: "query parameters", schema: `{}`, body: "1", query: strings.Repeat("a=1&", 100_000), code: "contract.parameter_count"},
		{name: "items of a query", schema: `{}`, body: "1", query: strings.Repeat("list=1&", 100_000), code: "contract.parameter_count"},
		{name: "a deep object", schema: `{}`, body: "1", query: "deep" + strings.Repeat("[a]", 100_000) + "=1", code: "contract.parameter_syntax"},
		{name: "JSON nested in the query", schema: `{}`, body: "1", query: "json=" + strings.Repeat("[", 100_000), code: "contract.parameter_json"},
		{name: "cookies", schema: `{}`, body: "1", fields: []gatehouse.Field{{Name: "Cookie", Value: strings.Repeat("a=1; ", 100_000)}}, code: "contract.parameter_count"},
		// forms, multipart, XML, sequences
		{name: "fields of a form", mediaType: "application/x-www-form-urlencoded", schema: `{"type":"object"}`, body: strings.Repeat("a=1&", 100_000), code: "contract.form_count"},
		{name: "parts", mediaType: "multipart/form-data", schema: `{"type":"object"}`, body: strings.Repeat("--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n", 10_000) + "--b--\r\n",
			fields: []gatehouse.Field{{Name: "Content-Type", Value: "multipart/form-data; boundary=b"}}, code: "contract.multipart_parts", status: 413},
		{name: "a boundary", mediaType: "multipart/form-data", schema: `{"type":"object"}`, body: strings.Repeat("-", 1_000_000),
			fields: []gatehouse.Field{{Name: "Content-Type", Value: "multipart/form-data; boundary=" + strings.Repeat("-", 8000)}}, code: "contract.multipart_boundary"},
		{name: "half boundaries", mediaType: "multipart/form-data", schema: `{"type":"object"}`, body: "--" + strings.Repeat("-", 70) + "\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n" + strings.Repeat("\r\n"+strings.Repeat("-", 71), 50_000),
			fields: []gatehouse.Field{{Name: "Content-Type", Value: "multipart/form-data; boundary=" + strings.Repeat("-", 70)}}, code: "contract.multipart_unterminated"},
		{name: "a billion laughs", mediaType: "application/xml", schema: `{"type":"object"}`, body: `<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><l>&b;</l>`, code: "contract.xml_doctype"},
		{name: "an entity", mediaType: "application/xml", schema: `{"type":"object"}`, body: `<l>&b;</l>`, code: "contract.xml_entity"},
		{name: "elements nested deeply", mediaType: "application/xml", schema: `{"type":"object"}`, body: strings.Repeat("<a>", 100_000), code: "contract.xml_depth", status: 413},
		{name: "elements", mediaType: "application/xml", schema: `{"type":"object"}`, body: "<l>" + strings.Repeat("<a/>", 150_000) + "</l>", code: "contract.xml_size", status: 413},
		{name: "lines", mediaType: "application/x-ndjson", schema: `{}`, body: strings.Repeat("1\n", 150_000), code: "contract.sequence_items", status: 413},
	}
	for i := range list {
		a := &list[i]
		if a.status == 0 {
			a.status = 400
		}
		if a.mediaType == "" {
			a.mediaType = "application/json"
		}
	}
	return list
}

// TestBadInput: each gets its code, in bounded time and memory.
func TestBadInput(t *testing.T) {
	for _, a := range attacks(t) {
		t.Run(a.name, func(t *testing.T) {
			var c *openapi.Contract
			bounded(t, func() {
				var err error
				if c, err = hostile(t, a.mediaType, a.schema, a.more, a.limits); err != nil {
					t.Fatal(err)
				}
			})
			x := &gatehouse.Exchange{Start: time.Now(), Operation: c.Operations()[0], Principal: gatehouse.Anonymous}
			x.Request.Method, x.Request.Query, x.Request.Header = "POST", a.query, a.fields
			if x.Request.Header.Get("Content-Type") == "" {
				x.Request.Header.Add("Content-Type", a.mediaType)
			}
			x.Request.Body = gatehouse.Body{Source: strings.NewReader(a.body), Length: int64(len(a.body))}
			if err := x.Request.Body.ReadWhole(64 << 20); err != nil {
				t.Fatal(err)
			}
			var v gatehouse.Verdict
			var err error
			control := c.Request(x.Operation)
			bounded(t, func() { v, err = control.Check(context.Background(), x) })
			switch {
			case err != nil:
				t.Error(err)
			case a.code == "" && v.Outcome != gatehouse.Pass, a.code != "" && (v.Outcome != gatehouse.Deny || v.Status != a.status || v.Reason.Code != a.code):
				t.Errorf("want %d %q, have %d %+v", a.status, a.code, v.Status, v)
			}
			if len(v.Details) > 10 || len(v.Reason.Message) > 2000 {
				t.Errorf("%d details, a message of %d bytes", len(v.Details), len(v.Reason.Message))
			}
		})
	}
}

// TestBadDocuments: a document does no more harm than a request.
func TestBadDocuments(t *testing.T) {
	for _, d := range []struct{ name, schema, more, code string }{
		{"a reference to itself", `{"$ref":"#/components/schemas/A"}`, `"A":{"$ref":"#/components/schemas/A"}`, "contract.document_cycle"},
		{"references in a circle", `{"$ref":"#/components/schemas/A"}`, `"A":{"$ref":"#/components/schemas/B"},"B":{"$ref":"#/components/schemas/A"}`, "contract.document_cycle"},
		{"a circle in allOf", `{"$ref":"#/components/schemas/A"}`, `"A":{"allOf":[{"$ref":"#/components/schemas/A"}]}`, "contract.document_cycle"},
		{"a long chain", `{"$ref":"#/components/schemas/C0"}`, each(10_000, func(i int) string { return fmt.Sprintf(`"C%d":{"$ref":"#/components/schemas/C%d"}`, i, i+1) }) + `,"C10000":{}`, "contract.schema"},
		{"nested deeply", strings.Repeat(`{"not":`, 5000) + "{}" + strings.Repeat("}", 5000), "", "contract.document_depth"},
		{"a pattern that nothing compiles", `{"pattern":"(a"}`, "", "contract.schema"},
	} {
		t.Run(d.name, func(t *testing.T) {
			bounded(t, func() {
				_, err := hostile(t, "application/json", d.schema, d.more, openapi.LimitsConfig{})
				if err == nil || !strings.Contains(gatehouse.AsError(first(err), "", 0).Code, d.code) {
					t.Errorf("want %s, have %.300v", d.code, err)
				}
			})
		})
	}
}

// first is the first of several errors.
func first(err error) error {
	for {
		joined, ok := err.(interface{ Unwrap() []error })
		if !ok || len(joined.Unwrap()) == 0 {
			return err
		}
		err = joined.Unwrap()[0]
	}
}
