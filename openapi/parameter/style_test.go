package parameter_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/document"
	"github.com/gatehouse/gatehouse/openapi/parameter"
	"github.com/gatehouse/gatehouse/openapi/schema"
)

// operation loads a document of one operation with these parameters (YAML flow
// mappings) and compiles its decoder.
func operation(t testing.TB, path string, o parameter.Options, params ...string) *parameter.Decoder {
	t.Helper()
	d, err := decoder(path, o, params...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func decoder(path string, o parameter.Options, params ...string) (*parameter.Decoder, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "openapi: 3.2.0\ninfo: {title: t, version: '1'}\npaths:\n  %s:\n    get:\n      responses: {'200': {description: fine}}\n      parameters: [%s]\n", path,
		strings.ReplaceAll(strings.Join(params, ", "), "\n", " "))
	doc, err := document.Load(context.Background(), document.Source{Path: "test.yaml", Bytes: []byte(b.String())})
	if err != nil {
		return nil, err
	}
	set, err := schema.NewSet(doc, schema.Options{})
	if err != nil {
		return nil, err
	}
	return parameter.Compile(doc.Operations[0].Parameters, set, o)
}

// check returns the codes and places of what is wrong.
func check(d *parameter.Decoder, x *gatehouse.Exchange) (found []string, edits gatehouse.Edits, ok bool) {
	r := schema.Report{Max: 10}
	edits, ok = d.Check(x, &r)
	for _, v := range r.Violations {
		found = append(found, strings.TrimPrefix(v.Code, "contract.parameter_")+" "+v.Parameter+v.Pointer)
	}
	return found, edits, ok
}

func pathExchange(raw string) *gatehouse.Exchange {
	return &gatehouse.Exchange{Params: []gatehouse.Param{{Name: "color", Raw: raw}}}
}

func queryExchange(query string) *gatehouse.Exchange {
	return &gatehouse.Exchange{Request: gatehouse.Request{Query: query}}
}

func headerExchange(name string, values ...string) *gatehouse.Exchange {
	x := new(gatehouse.Exchange)
	for _, v := range values {
		x.Request.Header.Add(name, v)
	}
	return x
}

// The values of the specification's examples, each with the schema that takes
// exactly them.
const (
	blue   = `{type: string, const: blue}`
	empty  = `{type: string, const: ''}`
	colors = `{type: array, items: {type: string}, const: [blue, black, brown]}`
	rgb    = `{type: object, properties: {R: {type: integer}, G: {type: integer}, B: {type: integer}}, additionalProperties: false, const: {R: 100, G: 200, B: 150}}`
)

func TestStyles(t *testing.T) {
	for _, c := range []struct {
		in, style string
		explode   bool
		schema    string
		raw       string
	}{
		{"path", "simple", false, blue, "blue"},
		{"path", "simple", true, blue, "blue"},
		{"path", "simple", false, colors, "blue,black,brown"},
		{"path", "simple", true, colors, "blue,black,brown"},
		{"path", "simple", false, rgb, "R,100,G,200,B,150"},
		{"path", "simple", true, rgb, "R=100,G=200,B=150"},
		{"path", "label", false, empty, "."},
		{"path", "label", false, blue, ".blue"},
		{"path", "label", true, blue, ".blue"},
		{"path", "label", false, colors, ".blue,black,brown"},
		{"path", "label", true, colors, ".blue.black.brown"},
		{"path", "label", false, rgb, ".R,100,G,200,B,150"},
		{"path", "label", true, rgb, ".R=100.G=200.B=150"},
		{"path", "matrix", false, empty, ";color"},
		{"path", "matrix", true, empty, ";color"},
		{"path", "matrix", false, blue, ";color=blue"},
		{"path", "matrix", true, blue, ";color=blue"},
		{"path", "matrix", false, colors, ";color=blue,black,brown"},
		{"path", "matrix", true, colors, ";color=blue;color=black;color=brown"},
		{"path", "matrix", false, rgb, ";color=R,100,G,200,B,150"},
		{"path", "matrix", true, rgb, ";R=100;G=200;B=150"},

		{"query", "form", false, empty, "color="},
		{"query", "form", true, empty, "color="},
		{"query", "form", true, empty, "color"},
		{"query", "form", false, blue, "color=blue"},
		{"query", "form", true, blue, "color=blue"},
		{"query", "form", false, colors, "color=blue,black,brown"},
		{"query", "form", true, colors, "color=blue&color=black&color=brown"},
		{"query", "form", false, rgb, "color=R,100,G,200,B,150"},
		{"query", "form", true, rgb, "R=100&G=200&B=150"},
		{"query", "spaceDelimited", false, colors, "color=blue%20black%20brown"},
		{"query", "spaceDelimited", false, colors, "color=blue+black+brown"},
		{"query", "spaceDelimited", false, rgb, "color=R%20100%20G%20200%20B%20150"},
		{"query", "pipeDelimited", false, colors, "color=blue%7Cblack%7cbrown"},
		{"query", "pipeDelimited", false, colors, "color=blue|black|brown"},
		{"query", "pipeDelimited", false, rgb, "color=R%7C100%7CG%7C200%7CB%7C150"},
		{"query", "deepObject", true, rgb, "color%5BR%5D=100&color%5BG%5D=200&color%5BB%5D=150"},
		{"query", "deepObject", true, rgb, "color[R]=100&color[G]=200&color[B]=150"},

		{"header", "simple", false, blue, "blue"},
		{"header", "simple", false, colors, "blue, black ,brown"},
		{"header", "simple", true, colors, "blue,black,brown"},
		{"header", "simple", false, rgb, "R,100,G,200,B,150"},
		{"header", "simple", true, rgb, "R=100,G=200,B=150"},

		{"cookie", "form", true, empty, "color="},
		{"cookie", "form", true, blue, "other=1; color=blue"},
		{"cookie", "form", false, colors, "color=blue,black,brown"},
		{"cookie", "form", true, colors, "color=blue&color=black&color=brown"},
		{"cookie", "form", false, rgb, "color=R,100,G,200,B,150"},
		{"cookie", "form", true, rgb, "R=100&G=200&B=150"},
		{"cookie", "cookie", true, blue, "color=blue"},
		{"cookie", "cookie", false, colors, "color=blue,black,brown"},
		{"cookie", "cookie", true, colors, "color=blue; color=black; color=brown"},
		{"cookie", "cookie", true, rgb, "R=100; G=200; B=150"},
	} {
		t.Run(fmt.Sprintf("%s %s %v %s", c.in, c.style, c.explode, c.raw), func(t *testing.T) {
			path := "/c"
			if c.in == "path" {
				path = "/c/{color}"
			}
			make := func(s string) *parameter.Decoder {
				return operation(t, path, parameter.Options{}, fmt.Sprintf("{name: color, in: %s, required: true, style: %s, explode: %v, schema: %s}", c.in, c.style, c.explode, s))
			}
			var x *gatehouse.Exchange
			switch c.in {
			case "path":
				x = pathExchange(c.raw)
			case "query":
				x = queryExchange(c.raw)
			case "header":
				x = headerExchange("Color", c.raw)
			case "cookie":
				x = headerExchange("Cookie", c.raw)
			}
			if found, _, ok := check(make(c.schema), x); !ok {
				t.Errorf("refused: %v", found)
			}
			if _, _, ok := check(make(strings.NewReplacer("blue]", "red]", "const: blue", "const: red", "brown]", "red]", "150}", "151}", "const: ''", "const: x").Replace(c.schema)), x); ok {
				t.Error("another value is taken as well")
			}
		})
	}
}

// What one value may be spelled as, by the types of its schema.
func TestTypes(t *testing.T) {
	for _, c := range []struct{ schema, raw, want string }{
		{`{type: integer}`, "17", ""},
		{`{type: integer}`, "-17", ""},
		{`{type: integer, maximum: 9}`, "17", "range query:v"},
		{`{type: integer}`, "%31%37", ""},
		{`{type: integer}`, "", "type query:v"},
		{`{type: integer}`, "%2B1", "type query:v"},
		{`{type: integer}`, "+1", "type query:v"}, // a space and 1
		{`{type: integer}`, "1+", "type query:v"},
		{`{type: integer}`, "0x1", "type query:v"},
		{`{type: integer}`, "01", "type query:v"},
		{`{type: integer}`, "1e3", "type query:v"},
		{`{type: integer}`, "1.0", "type query:v"},
		{`{type: integer}`, "%D9%A1", "type query:v"}, // an Arabic digit
		{`{type: number}`, "1e3", ""},
		{`{type: number}`, "1.50", ""},
		{`{type: number}`, ".5", "type query:v"},
		{`{type: number}`, "NaN", "type query:v"},
		{`{type: number}`, strings.Repeat("9", 500), "json query:v"},
		{`{type: boolean}`, "true", ""},
		{`{type: boolean}`, "TRUE", "type query:v"},
		{`{type: boolean}`, "1", "type query:v"},
		{`{type: boolean}`, "yes", "type query:v"},
		{`{type: string, const: 'true'}`, "true", ""},
		{`{type: string, const: '17'}`, "17", ""},
		{`{type: string, const: a b+c}`, "a+b%2Bc", ""},
		{`{type: string, const: 'q"\q'}`, "q%22%5Cq", ""},
		{`{type: string, maxLength: 1}`, "%F0%9F%98%80", ""},
		{`{type: string}`, "%00", "encoding query:v"},
		{`{type: string}`, "%FF", "encoding query:v"},
		{`{type: string}`, "%C0%AF", "encoding query:v"},
		{`{type: string}`, "%ED%A0%80", "encoding query:v"}, // a surrogate
		{`{type: string}`, "%4", "encoding query:v"},
		{`{type: [integer, 'null'], const: null}`, "", ""},
		{`{type: [integer, 'null'], const: null}`, "null", ""},
		{`{type: [integer, string], const: 17}`, "17", ""},
		{`{type: [integer, string], const: x17}`, "x17", ""},
		{`{oneOf: [{type: integer, maximum: 9}, {type: string, minLength: 2}]}`, "17", ""}, // as a string
		{`{oneOf: [{type: integer, maximum: 9}, {type: string, minLength: 3}]}`, "17", "range|choice query:v"},
		{`{oneOf: [{type: array, items: {type: string}, minItems: 2}, {type: string}]}`, "a", ""},
		{`{type: array, items: {type: [integer, string]}, const: [1, a]}`, "1&v=a", ""},
		{`{type: array, prefixItems: [{type: string}, {type: integer}], const: ['1', 1]}`, "1&v=1", ""},
		{`{const: 17}`, "17", ""},
		{`true`, "anything", ""},
		{`{enum: [a, b]}`, "c", "enum query:v"},
	} {
		t.Run(c.schema+" "+c.raw, func(t *testing.T) {
			d := operation(t, "/v", parameter.Options{}, "{name: v, in: query, schema: "+c.schema+"}")
			found, _, ok := check(d, queryExchange("v="+c.raw))
			if ok != (c.want == "") {
				t.Fatalf("%v %v", ok, found)
			}
			got := strings.Join(found, "; ")
			if alternatives, place, two := strings.Cut(c.want, "|"); two {
				second, in, _ := strings.Cut(place, " ")
				if got != alternatives+" "+in && got != second+" "+in {
					t.Errorf("%q", got)
				}
			} else if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestContent(t *testing.T) {
	filter := `{name: filter, in: query, content: {application/json: {schema: {type: object, properties: {id: {type: integer}}, additionalProperties: false}}}}`
	d := operation(t, "/v", parameter.Options{}, filter,
		`{name: X-Note, in: header, content: {text/plain: {schema: {type: string, maxLength: 3}}}}`)
	for query, want := range map[string][]string{
		"filter=%7B%22id%22:17%7D":                          nil,
		"filter={%22id%22:+17}":                             nil, // a space
		"filter=%7B%22id%22:%2217%22%7D":                    {"type query:filter/id"},
		"filter=%7B%22id%22:1,%22id%22:2%7D":                {"member_repeated query:filter"},
		"filter=%7B%22id%22:1,%22%5Cu0069d%22:2%7D":         {"member_repeated query:filter"},
		"filter=%7B%22id%22:1%7Dx":                          {"json query:filter"},
		"filter=%EF%BB%BF%7B%7D":                            {"json query:filter"},
		"filter=":                                           {"json query:filter"},
		"filter=%22%5Cud800%22":                             {"json query:filter"},
		"filter={}&filter={}":                               {"repeated query:filter"},
		"filter=%5B%5B%5B%5B" + strings.Repeat("%5B", 1000): {"json query:filter"},
	} {
		if found, _, _ := check(d, queryExchange(query)); !cmp.Equal(found, want) {
			t.Errorf("%s: %v, want %v", query, found, want)
		}
	}
	for value, want := range map[string][]string{"abc": nil, "17": nil, "abcd": {"length header:X-Note"}, "\xff": {"encoding header:X-Note"}} {
		if found, _, _ := check(d, headerExchange("x-note", value)); !cmp.Equal(found, want) {
			t.Errorf("%q: %v, want %v", value, found, want)
		}
	}
}
