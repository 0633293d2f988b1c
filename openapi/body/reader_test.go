package body_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/openapi/body"
	"github.com/gatehouse/gatehouse/openapi/document"
	"github.com/gatehouse/gatehouse/openapi/schema"
	"github.com/gatehouse/gatehouse/strictjson"
)

// reader compiles the content of a request body, a YAML flow mapping; components are
// the schemas it may refer to.
func reader(t testing.TB, o body.Options, content string, components ...string) *body.Reader {
	t.Helper()
	text := "openapi: 3.2.0\ninfo: {title: t, version: '1'}\npaths:\n  /v:\n    post:\n      responses: {'200': {description: fine}}\n" +
		"      requestBody: {content: " + strings.ReplaceAll(content, "\n", " ") + "}\n" +
		"components: {schemas: {" + strings.ReplaceAll(strings.Join(components, ", "), "\n", " ") + "}}\n"
	doc, err := document.Load(context.Background(), document.Source{Path: "test.yaml", Bytes: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	set, err := schema.NewSet(doc, schema.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o.Document = doc
	b, err := body.Compile(doc.Operations[0].RequestBody.Content, set, schema.Request, o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// slow is far more than anything here takes, on a machine that has other work.
const slow = 10 * time.Second

// check returns "" where a body is taken, else the status and code, or the codes and
// pointers of the violations.
func check(b *body.Reader, contentType, contentEncoding, text string) string {
	r := schema.Report{Max: 5}
	ok, err := b.Check(contentType, contentEncoding, []byte(text), &r)
	if err != nil {
		if ok {
			return "ok in spite of " + err.Error()
		}
		return fmt.Sprintf("%d %s", err.Status, err.Code)
	}
	var found []string
	for _, v := range r.Violations {
		found = append(found, v.Code+" "+v.Pointer)
	}
	if ok != (len(found) == 0) {
		return fmt.Sprintf("%v with %q", ok, found)
	}
	return strings.Join(found, "; ")
}

const order = `{type: object, required: [id], additionalProperties: false, properties: {id: {type: integer}, note: {type: string, maxLength: 5}}}`

func TestMediaTypes(t *testing.T) {
	b := reader(t, body.Options{}, `{
		application/json: {schema: `+order+`},
		application/json;version=2: {schema: {type: object, required: [two]}},
		application/*: {schema: {type: object, required: [range]}},
		text/plain: {schema: {type: string, maxLength: 3}},
		'*/*': {schema: {type: string, maxLength: 2}}}`)
	for _, c := range []struct{ contentType, text, want string }{
		{"application/json", `{"id":1}`, ""},
		{"Application/JSON", `{"id":1}`, ""},
		{" application/json ; charset=utf-8", `{"id":1}`, ""},
		{`application/json; charset="UTF-8"`, `{"id":1}`, ""},
		{"application/json; charset=us-ascii", `{"id":1}`, ""},
		{"application/json; charset=iso-8859-1", `{"id":1}`, "415 contract.charset"},
		{"application/json; charset=utf-16", "{\x00", "415 contract.charset"},
		{"application/json; charset=utf-7", `{"id":1}`, "415 contract.charset"},
		{"application/json; charset=utf-8; charset=utf-16", `{"id":1}`, "415 contract.content_type"},
		{"application/json; charset=utf-8; Charset=utf-8", `{"id":1}`, "415 contract.content_type"},
		{"application/json;version=2", `{"two":1}`, ""},
		{"application/json; Version=2; charset=utf-8", `{"id":1}`, "contract.required /two"},
		{"application/json;version=3", `{"id":1}`, ""},
		{"application/problem+json", `{"range":1}`, ""},
		{"application/problem+json", `{`, "400 json.truncated"},
		{"application/octet-stream", "ab", "415 contract.media_type"}, // the range is for objects
		{"text/plain", "abc", ""},
		{"text/plain", "abcd", "contract.length "},
		{"text/plain", "", ""},
		{"text/plain", "\xff", "400 contract.text_encoding"},
		{"text/plain; charset=latin1", "abc", "415 contract.charset"},
		{"text/html", "abc", "contract.length "},
		{"image/png", "ab", ""},
		{"image/png", "abc", "contract.length "},
		{"", "abc", "415 contract.content_type"},
		{"json", "{}", "415 contract.content_type"},
		{"application/", "{}", "415 contract.content_type"},
		{"*/*", "{}", "415 contract.content_type"},
		{"application/*", "{}", "415 contract.content_type"},
		{"application/json, text/plain", "{}", "415 contract.content_type"},
		{"application/json;", "{}", "415 contract.content_type"},
		{"application/json;;charset=utf-8", "{}", "415 contract.content_type"},
		{"application/json; charset", "{}", "415 contract.content_type"},
		{"application/json; charset=", "{}", "415 contract.content_type"},
		{"application /json", "{}", "415 contract.content_type"},
		{`application/json; charset="utf\-8"`, "{}", "415 contract.content_type"},
		{`application/json; a="b"c`, "{}", "415 contract.content_type"},
		{"application/json" + strings.Repeat(";a=b", 1000), "{}", "415 contract.content_type"},
		{"application/json; a=1; b=2; c=3; d=4; e=5; f=6; g=7; h=8; i=9", "{}", "415 contract.content_type"},
	} {
		if got := check(b, c.contentType, "", c.text); got != c.want {
			t.Errorf("%q %q: %q, want %q", c.contentType, c.text, got, c.want)
		}
	}
	only := reader(t, body.Options{}, `{application/json: {schema: `+order+`}, text/*: {}}`)
	_, err := only.Check("application/xml", "", []byte("<a/>"), new(schema.Report))
	if err == nil || err.Status != 415 || err.Code != body.CodeMediaType || err.Hint != "declared: application/json, text/*" {
		t.Errorf("%+v", err)
	}
	if s, json := only.Schema("application/json; charset=utf-8"); s == nil || !json {
		t.Error("no schema for a filter")
	}
	if s, json := only.Schema("text/plain"); s != nil || json {
		t.Error("a schema for text")
	}
}

func TestMissingAndUnexpected(t *testing.T) {
	var none *body.Reader
	content := `{application/json: {schema: ` + order + `}, text/plain: {}}`
	optional, required := reader(t, body.Options{}, content), reader(t, body.Options{Required: true}, content)
	for _, c := range []struct {
		b                       *body.Reader
		contentType, text, want string
	}{
		{none, "", "", ""},
		{none, "application/json", "", ""},
		{none, "", "x", "400 contract.body_unexpected"},
		{none, "application/json", "{}", "400 contract.body_unexpected"},
		{optional, "", "", ""},
		{optional, "application/json", "", ""},
		{optional, "text/plain", "", ""},
		{optional, "image/png", "", "415 contract.media_type"},
		{required, "", "", "400 contract.body_missing"},
		{required, "application/json", "", "400 contract.body_missing"},
		{required, "text/plain", "", ""}, // an empty text is a text
		{required, "application/json", " ", "400 json.empty"},
	} {
		if got := check(c.b, c.contentType, "", c.text); got != c.want {
			t.Errorf("%q %q: %q, want %q", c.contentType, c.text, got, c.want)
		}
	}
}

func TestJSON(t *testing.T) {
	b := reader(t, body.Options{Limits: strictjson.Limits{Depth: 20, Members: 1000, Items: 1000}}, `{application/json: {schema: `+order+`}, application/merge-patch+json: {}}`)
	for text, want := range map[string]string{
		`{"id":1,"note":"a"}`:        "",
		`{"id":"1"}`:                 "contract.type /id",
		`{"id":1,"role":"admin"}`:    "contract.unknown_property /role",
		`{"id":1,"id":2}`:            "400 json.duplicate_name",
		`{"id":1,"\u0069d":2}`:       "400 json.duplicate_name",
		`{"id":1} {}`:                "400 json.trailing_data",
		"\xEF\xBB\xBF{}":             "400 json.byte_order_mark",
		`{"note":"` + "\xff" + `"}`:  "400 json.utf8",
		`{"note":"\ud800"}`:          "400 json.lone_surrogate",
		`{"id":NaN}`:                 "400 json.syntax",
		`{"id":1e400}`:               "400 json.number_range",
		`{"id":1,}`:                  "400 json.syntax",
		strings.Repeat(`[`, 100_000): "413 json.depth",
	} {
		if got := check(b, "application/json", "", text); got != want {
			t.Errorf("%.40q: %q, want %q", text, got, want)
		}
	}
	many := []byte{'{'}
	for i := range 1_000_000 {
		many = append(strconv.AppendInt(append(many, `"k`...), int64(i), 10), `":1,`...)
	}
	many[len(many)-1] = '}'
	start := time.Now()
	if got := check(b, "application/merge-patch+json", "", string(many)); got != "413 json.members" {
		t.Errorf("a million keys: %q", got)
	}
	if took := time.Since(start); took > slow {
		t.Errorf("took %v", took)
	}
}

func TestTextAndBinary(t *testing.T) {
	b := reader(t, body.Options{}, `{text/plain: {schema: {type: integer, maximum: 20}}, text/csv: {schema: {type: string, pattern: '^[a-z,\n]*$'}},
		text/x-any: {schema: {type: [string, integer], minimum: 3}}, image/*: {schema: {type: string, format: binary, minLength: 2, maxLength: 4}}, application/*: {schema: {type: string, format: binary}}, application/pdf: {schema: {$ref: '#/components/schemas/File'}}}`,
		`File: {type: string, format: binary, maxLength: 3}`)
	for _, c := range []struct{ contentType, text, want string }{
		{"text/plain", "17", ""},
		{"text/plain", "27", "contract.range "},
		{"text/plain", "x", "contract.type "},
		{"text/csv", "a,b\nc,d\n", ""},
		{"text/csv", "a;b", "contract.pattern "},
		{"text/x-any", "17", ""},
		{"text/x-any", "1", ""}, // as a string
		{"image/png", "\x89PNG", ""},
		{"image/png", "\x89", "contract.length "},
		{"image/png", "\x89PNG\r", "contract.length "},
		{"application/pdf", "%PD", ""},
		{"application/pdf", "%PDF", "contract.length "},
		{"application/zip", "PK", ""},
		{"application/json", "{no", ""}, // octets, as the range says
		{"text/plain; charset=latin1", "17", "415 contract.charset"},
	} {
		if got := check(b, c.contentType, "", c.text); got != c.want {
			t.Errorf("%q %q: %q, want %q", c.contentType, c.text, got, c.want)
		}
	}
}

func TestFormBody(t *testing.T) {
	b := reader(t, body.Options{Fields: 10}, `{application/x-www-form-urlencoded: {schema: `+order+`}}`)
	for text, want := range map[string]string{
		"id=1&note=a+b":             "",
		"id=1&note=abcdef":          "contract.length /note",
		"id=1&id=2":                 "contract.form_repeated /id",
		"id=1&role=admin":           "contract.unknown_property /role",
		strings.Repeat("id=1&", 11): "contract.form_count ",
		strings.Repeat("a&", 1e6):   "contract.form_count ",
	} {
		if got := check(b, "application/x-www-form-urlencoded", "", text); got != want {
			t.Errorf("%.40q: %q, want %q", text, got, want)
		}
	}
	if got := check(b, "application/x-www-form-urlencoded; charset=utf-16", "", "id=1"); got != "415 contract.charset" {
		t.Error(got)
	}
}

func TestSequences(t *testing.T) {
	item := `{type: object, required: [n], properties: {n: {type: integer}}}`
	b := reader(t, body.Options{Items: 5}, `{application/x-ndjson: {itemSchema: `+item+`}, application/jsonl: {schema: {type: array, maxItems: 2, items: `+item+`}},
		application/json-seq: {itemSchema: `+item+`}, text/event-stream: {itemSchema: {type: object, required: [data], properties: {data: {type: string, maxLength: 5}, event: {enum: [add, remove]}, retry: {type: integer}}}}}`)
	const nd, lines, seq, events = "application/x-ndjson", "application/jsonl", "application/json-seq", "text/event-stream"
	for _, c := range []struct{ contentType, text, want string }{
		{nd, "{\"n\":1}\n{\"n\":2}\n", ""},
		{nd, "{\"n\":1}\r\n{\"n\":2}", ""},
		{nd, "", ""},
		{nd, "{\"n\":1}\n{\"n\":\"2\"}\n", "contract.type /1/n"},
		{nd, "{\"n\":1}{\"n\":2}\n", "400 json.trailing_data"},
		{nd, "{\"n\":1}\n\n{\"n\":2}\n", "400 contract.sequence"},
		{nd, "{\"n\":1}\r{\"n\":2}\n", "400 contract.sequence"},
		{nd, "{\"n\":1\n}", "400 json.truncated"},
		{nd, strings.Repeat("{\"n\":1}\n", 6), "413 contract.sequence_items"},
		{lines, "{\"n\":1}\n{\"n\":2}\n", ""},
		{lines, "{\"n\":1},{\"n\":2}\n", "400 json.trailing_data"},
		{lines, "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n", "contract.items "},
		{lines, "{}\n", "contract.required /0/n"},
		{lines, "", ""},
		{seq, "\x1e{\"n\":1}\n\x1e{\"n\":2}\n", ""},
		{seq, "\x1e{\"n\":1}\n\x1e{}\n", "contract.required /1/n"},
		{seq, "{\"n\":1}\n", "400 contract.sequence"},
		{seq, "\x1e{\"n\":1}", "400 contract.sequence"},
		{seq, "\x1e\x1e{\"n\":1}\n", "400 contract.sequence"},
		{events, "data: a\n\ndata:b\ndata: c\nevent: add\n\n", ""},
		{events, ": remark\r\n\r\ndata: a\r\nretry: 17\r\nretry: x\r\nid: 1\r\n\r\n", ""},
		{events, "data: a\rdata: b\r\rdata: abcdef\r\r", "contract.length /1/data"},
		{events, "event: update\ndata\n\n", "contract.enum /0/event"},
		{events, "event: add\n\n", "contract.required /0/data"},
		{events, "data: \xff\n\n", "400 json.utf8"},
		{events, "", ""},
	} {
		if got := check(b, c.contentType, "", c.text); got != c.want {
			t.Errorf("%q %q: %q, want %q", c.contentType, c.text, got, c.want)
		}
	}
}

// Every code is listed once, and has the status it says.
func TestCodes(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range body.Codes {
		if seen[c.Code] || !strings.HasPrefix(c.Code, "contract.") || c.Means == "" || c.Status < 400 || c.Status > 415 {
			t.Errorf("%+v", c)
		}
		seen[c.Code] = true
	}
}

// Many bodies at once do not see each other.
func TestConcurrent(t *testing.T) {
	rd := reader(t, body.Options{}, `{application/json: {schema: `+order+`}, application/x-www-form-urlencoded: {schema: `+order+`}, multipart/form-data: {schema: `+order+`}, application/xml: {schema: `+order+`}}`)
	cases := []struct{ contentType, encoding, text, want string }{
		{"application/json", "", `{"id":1}`, ""},
		{"application/json", "gzip", encode(t, "gzip", `{"id":"x"}`), "contract.type /id"},
		{"application/json", "zstd, br", encode(t, "br", encode(t, "zstd", `{"id":1,"a":2}`)), "contract.unknown_property /a"},
		{"application/x-www-form-urlencoded", "", "id=1&note=abcdef", "contract.length /note"},
		{"multipart/form-data; boundary=b", "deflate", encode(t, "deflate", parts(field("id", "17"))), ""},
		{"application/xml", "", "<o><id>17</id></o>", ""},
	}
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := range 60 {
				c := cases[(i+worker)%len(cases)]
				if got := check(rd, c.contentType, c.encoding, c.text); got != c.want {
					t.Errorf("%q: %q, want %q", c.contentType, got, c.want)
				}
			}
		})
	}
	group.Wait()
}
