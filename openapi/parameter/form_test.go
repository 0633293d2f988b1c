package parameter_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse/openapi/document"
	"github.com/gatehouse/gatehouse/openapi/parameter"
	"github.com/gatehouse/gatehouse/openapi/schema"
)

const (
	formSchema = `{type: object, additionalProperties: false, required: [n], properties: {
		n: {type: integer}, s: {type: string}, tags: {type: array, items: {type: string}, maxItems: 2}, address: {type: object, properties: {city: {type: string}}, required: [city]},
		note: {type: [integer, string]}, raw: {type: string}, ids: {type: array, items: {type: integer}}, filter: {type: object, properties: {min: {type: number}}, additionalProperties: false},
		lines: {type: array, items: {type: object, required: [q]}}, blob: {}}}`
	formEncoding = `{ids: {style: pipeDelimited, explode: false}, filter: {style: deepObject, explode: true}, raw: {allowReserved: true}, blob: {contentType: application/json}}`
)

func formOf(t testing.TB, s, encoding string, o parameter.Options) *parameter.Form {
	t.Helper()
	text := "openapi: 3.2.0\ninfo: {title: t, version: '1'}\npaths:\n  /v:\n    post:\n      responses: {'200': {description: fine}}\n" +
		"      requestBody: {content: {application/x-www-form-urlencoded: {schema: " + strings.ReplaceAll(s, "\n", " ") + ", encoding: " + encoding + "}}}\n"
	doc, err := document.Load(context.Background(), document.Source{Path: "test.yaml", Bytes: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	set, err := schema.NewSet(doc, schema.Options{})
	if err != nil {
		t.Fatal(err)
	}
	form, err := parameter.CompileForm(doc.Operations[0].RequestBody.Content[0], set, schema.Request, o)
	if err != nil {
		t.Fatal(err)
	}
	return form
}

func TestForm(t *testing.T) {
	form := formOf(t, formSchema, formEncoding, parameter.Options{})
	for text, want := range map[string]string{
		"n=1":                              "",
		"n=1&s=a+b%26":                     "",
		"n=1&s=17":                         "",
		"s=a":                              "contract.required /n",
		"":                                 "contract.required /n",
		"n=x":                              "contract.form_type /n",
		"n=1&n=2":                          "contract.form_repeated /n",
		"n=1&%6e=2":                        "contract.form_repeated /n",
		"n=1&s=a&s=b":                      "contract.form_repeated /s",
		"n=1&tags=a":                       "",
		"n=1&tags=a&tags=b":                "",
		"n=1&tags=a&tags=b&tags=c":         "contract.items /tags",
		"n=1&tags[]=a":                     "contract.form_ambiguous /tags[]",
		"n=1&Tags=a":                       "contract.form_ambiguous /Tags",
		"n=1&N=2":                          "contract.form_ambiguous /N",
		"n=1&n+=2":                         "contract.form_ambiguous /n?",
		"n=1&tags=a,b":                     "",
		`n=1&address={"city":"Rom"}`:       "",
		`n=1&address={"city":"Rom"},"n":2`: "contract.form_json /address",
		`n=1&address={}`:                   "contract.required /address/city",
		`n=1&address={},"s":"x"`:           "contract.form_json /address",
		`n=1&lines={"q":1},{"q":2}`:        "contract.form_json /lines",
		`n=1&address=Rom`:                  "contract.form_json /address",
		"n=1&note=17":                      "",
		"n=1&note=x":                       "",
		"n=1&raw=a;b":                      "",
		"n=1&s=a;b":                        "contract.form_separator /s",
		"n=1&ids=1|2%7C3":                  "",
		"n=1&ids=1|x":                      "contract.form_type /ids",
		"n=1&ids=1&ids=2":                  "contract.form_repeated /ids",
		"n=1&filter[min]=1.5":              "",
		"n=1&filter[min]=x":                "contract.form_type /filter",
		"n=1&filter[max]=1":                "contract.unknown_property /filter/max",
		"n=1&filter=x":                     "contract.form_syntax /filter",
		`n=1&lines={"q":1}&lines={"q":2}`:  "",
		`n=1&lines={"q":1}&lines={}`:       "contract.required /lines/1/q",
		"n=1&blob=[1,{}]":                  "",
		"n=1&blob=x":                       "contract.form_json /blob",
		"n=1&other=2":                      "contract.unknown_property /other",
		"n=1&s=%00":                        "contract.form_encoding /s",
		"n=1&s=%FF":                        "contract.form_encoding /s",
		"n=1&%":                            "contract.form_encoding ",
		"n=1&%FF=1":                        "contract.form_encoding ",
		"n=1\n":                            "contract.form_type /n",
		strings.Repeat("a&", 2000):         "contract.form_count ",
	} {
		r := schema.Report{Max: 1}
		ok := form.Check(text, &r)
		got := ""
		for _, v := range r.Violations {
			got = v.Code + " " + v.Pointer
		}
		if ok != (want == "") || !cmp.Equal(got, want) {
			t.Errorf("%.60q: %q, want %q", text, got, want)
		}
	}
}

func TestFormBounds(t *testing.T) {
	form := formOf(t, `{type: object}`, `{}`, parameter.Options{Pieces: 2e6})
	var b strings.Builder
	for i := range 9_000 {
		b.WriteString("a" + strings.Repeat("b", i%7) + string(rune('a'+i%26)) + strings.Repeat("c", i/200) + "=1&")
	}
	start := time.Now()
	r := schema.Report{}
	form.Check(b.String(), &r)
	form.Check(strings.Repeat("same=1&", 1e5), &r)
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
}
