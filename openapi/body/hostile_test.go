package body_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/openapi/body"
	"github.com/gatehouse/gatehouse/strictjson"
)

// Bodies that one reader takes for what was judged and another for something else.
func TestSecondReaders(t *testing.T) {
	const form = `{multipart/form-data: {schema: {type: object, additionalProperties: false, properties: {
		note: {type: string, pattern: '^[^<>]*$'}, role: {type: string, enum: [user]}, tags: {type: array, items: {type: string, pattern: '^[^<>]*$'}},
		file: {type: string, format: binary}, image: {type: string, contentMediaType: image/png}, any: {}, raw: {type: string, pattern: '^[^<>]*$'}}},
		encoding: {raw: {contentType: application/octet-stream}}}}`
	rd := reader(t, body.Options{}, form)
	as := func(name, mediaType, content string) string {
		return "Content-Disposition: form-data; name=" + name + "\nContent-Type: " + mediaType + "\n\n" + content
	}
	inner := "Content-Disposition: form-data; name=role\n\nadmin"
	for what, c := range map[string]struct{ text, want string }{
		// PHP, Werkzeug and others take a line feed alone, or a carriage return, for the end of a line.
		"a delimiter behind a line feed":       {parts(field("note", "x\n--b\n"+inner)), "400 contract.multipart_syntax"},
		"a delimiter behind a carriage return": {parts(field("note", "x\r--b\r"+inner)), "400 contract.multipart_syntax"},
		"an end behind a line feed":            {parts(field("note", "x\n--b--")), "400 contract.multipart_syntax"},
		"a delimiter right behind the header":  {parts(field("note", "--b\r\n"+inner)), "400 contract.multipart_syntax"},
		"no delimiter":                         {parts(field("note", "x\n--a --b")), ""},
		// A part without a file name is text to most, whatever its type.
		"text as octets":                   {parts(as("note", "application/octet-stream", "<b>")), "contract.pattern /note"},
		"text as an image":                 {parts(as("note", "image/png", "<b>")), "contract.pattern /note"},
		"items as octets":                  {parts(as("tags", "application/octet-stream", "a"), as("tags", "application/octet-stream", "<b>")), "contract.pattern /tags/1"},
		"no text at all":                   {parts(as("note", "application/octet-stream", "<b>\xff")), "400 contract.text_encoding"},
		"good text as octets":              {parts(as("role", "application/octet-stream", "user")), ""},
		"binary":                           {parts(as("file", "application/octet-stream", "<b>\xff")), ""},
		"binary by its media type":         {parts(as("image", "image/png", "<b>\xff")), ""},
		"binary where nothing is said":     {parts(as("any", "application/octet-stream", "<b>\xff")), ""},
		"binary as its encoding will have": {parts(as("raw", "application/octet-stream", "<b>\xff")), ""},
		// PHP and Rack read brackets as arrays.
		"an array of what is none": {parts(field("role[]", "admin")), "400 contract.multipart_name"},
		"another case":             {parts(field("Role", "admin")), "400 contract.multipart_name"},
		"brackets":                 {parts(field("note[x]", "admin")), "400 contract.multipart_name"},
	} {
		if got := check(rd, `multipart/form-data; boundary=b`, "", c.text); got != c.want {
			t.Errorf("%s: %q, want %q", what, got, c.want)
		}
	}
}

// A range does not let by, as octets, what its schema says is something else.
func TestRangesOfSomething(t *testing.T) {
	const evil = `{"id":"x","role":"admin"}`
	for _, media := range []string{"*/*", "application/*"} {
		for _, s := range []string{order, `{$ref: '#/components/schemas/Order'}`, `{properties: {id: {type: integer}}, additionalProperties: false}`, `{allOf: [` + order + `]}`} {
			rd := reader(t, body.Options{}, "{'"+media+"': {schema: "+s+"}}", "Order: "+order)
			for _, sent := range []string{"application/octet-stream", "application/x-json", "application/javascript", "application/foo"} {
				if got := check(rd, sent, "", evil); got != "415 contract.media_type" {
					t.Errorf("%s %s as %s: %q", media, s, sent, got)
				}
			}
			if got := check(rd, "application/json", "", evil); !strings.HasPrefix(got, "contract.") {
				t.Errorf("%s %s: %q", media, s, got)
			}
		}
		for _, s := range []string{`{}`, `{type: string}`, `{type: string, format: binary}`, `true`} {
			rd := reader(t, body.Options{}, "{'"+media+"': {schema: "+s+"}}")
			if got := check(rd, "application/octet-stream", "", evil); got != "" {
				t.Errorf("%s %s: %q", media, s, got)
			}
		}
	}
}

func TestXMLUnderARange(t *testing.T) {
	rd := reader(t, body.Options{}, "{application/json: {schema: {type: object}}, 'image/*': {}}")
	if got := check(rd, "image/svg+xml", "", "<svg/>"); got != "" {
		t.Errorf("svg: %q", got)
	}
	if got := check(rd, "image/svg+xml", "", "<svg"); !strings.HasPrefix(got, "400 ") {
		t.Errorf("broken svg: %q", got)
	}
}

// The number of values is bounded over all lines and all parts.
func TestValuesTogether(t *testing.T) {
	o := body.Options{Limits: strictjson.Limits{Values: 100}}
	line := "[" + strings.Repeat("1,", 58) + "1]\n"
	lines := reader(t, o, `{application/x-ndjson: {schema: {type: array}}}`)
	form := reader(t, o, `{multipart/form-data: {schema: {type: object, properties: {a: {type: array}, b: {type: array}}}}}`)
	part := func(name string) string {
		return "Content-Disposition: form-data; name=" + name + "\nContent-Type: application/json\n\n" + line
	}
	if one, two := check(lines, "application/x-ndjson", "", line), check(lines, "application/x-ndjson", "", line+line); one != "" || two != "413 json.values" {
		t.Errorf("%q %q", one, two)
	}
	if one, two := check(form, "multipart/form-data; boundary=b", "", parts(part("a"))), check(form, "multipart/form-data; boundary=b", "", parts(part("a"), part("b"))); one != "" || two != "413 json.values" {
		t.Errorf("%q %q", one, two)
	}
}

// Elements of many names take time in proportion.
func TestManyElements(t *testing.T) {
	rd := reader(t, body.Options{}, `{application/xml: {schema: {type: object, xml: {name: r}}}}`)
	var b strings.Builder
	b.WriteString("<r>")
	for i := range 90_000 {
		fmt.Fprintf(&b, "<e%d/>", i)
	}
	b.WriteString("</r>")
	began := time.Now()
	if got := check(rd, "application/xml", "", b.String()); got != "" && !strings.HasPrefix(got, "4") {
		t.Error(got)
	}
	if took := time.Since(began); took > slow {
		t.Errorf("it took %v", took)
	}
}

// All lines together may cost what one body may.
func TestWorkOfLines(t *testing.T) {
	rd := reader(t, body.Options{}, `{application/x-ndjson: {itemSchema: {type: string, pattern: '^(?!b)(a+)+$|b'}}}`)
	if got := check(rd, "application/x-ndjson", "", strings.Repeat("\"aaaa\"\n", 100)); got != "" {
		t.Error(got)
	}
	bomb := reader(t, body.Options{}, `{application/x-ndjson: {itemSchema: {$ref: '#/components/schemas/T'}}}`, `T: {oneOf: [{type: object, required: [c], properties: {c: {$ref: '#/components/schemas/T'}}},
		{type: object, required: [c, d], properties: {c: {$ref: '#/components/schemas/T'}}}, {type: object, required: [c], properties: {c: {$ref: '#/components/schemas/T'}}, minProperties: 2}, {type: integer}]}`)
	line := strings.Repeat(`{"c":`, 11) + "1" + strings.Repeat("}", 11) + "\n"
	if got := check(bomb, "application/x-ndjson", "", line); got != "" {
		t.Error(got)
	}
	began := time.Now()
	if got := check(bomb, "application/x-ndjson", "", strings.Repeat(line, 50_000)); !strings.HasPrefix(got, "contract.too_complex") {
		t.Error(got)
	}
	if took := time.Since(began); took > slow {
		t.Errorf("it took %v", took)
	}
}
