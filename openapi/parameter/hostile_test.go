package parameter_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/parameter"
)

// A schema that names no type asserts what it says of the one value that is there:
// it is not taken for a list or a number, of which it says nothing.
func TestUntyped(t *testing.T) {
	for _, c := range []struct {
		in, schema, raw string
		ok              bool
	}{
		{"query", `{pattern: '^[a-z]+$'}`, "v=abc", true},
		{"query", `{pattern: '^[a-z]+$'}`, "v=<script>", false},
		{"query", `{pattern: '^[a-z]+$'}`, "v=123", false},
		{"query", `{pattern: '^[a-z]+$'}`, "v=abc&v=abc", false},
		{"query", `{maxLength: 3}`, "v=12345", false},
		{"query", `{maxLength: 3}`, "v=false", false},
		{"query", `{format: uuid}`, "v=x", false},
		{"query", `{minimum: 1, maximum: 9}`, "v=99", false},
		{"query", `{minimum: 1, maximum: 9}`, "v=abc", false},
		{"query", `{minimum: 1, maximum: 9}`, "v=9", true},
		{"query", `{allOf: [{pattern: '^[a-z]+$'}]}`, "v=<script>", false},
		{"query", `{enum: [a, 1]}`, "v=1", true},
		{"query", `{enum: [a, 1]}`, "v=b", false},
		{"query", `{items: {type: integer}, maxItems: 2}`, "v=1&v=2", true},
		{"query", `{items: {type: integer}, maxItems: 2}`, "v=1&v=2&v=3", false},
		{"query", `{}`, "v=1", true},
		{"query", `{}`, "v=a,b", true},
		{"query", `{pattern: '^[a-z]+$', type: string}`, "v=123", false},
		{"header", `{pattern: '^[a-z]+$'}`, "<script>", false},
		{"header", `{maxLength: 3}`, "R,100", false},
		{"header", `{pattern: '^[a-z]+$'}`, "abc", true},
		{"cookie", `{pattern: '^[a-z]+$'}`, "v=<script>", false},
		{"path", `{pattern: '^[a-z]+$'}`, "a,B", false},
	} {
		path := "/v"
		if c.in == "path" {
			path = "/v/{v}"
		}
		d := operation(t, path, parameter.Options{}, "{name: v, in: "+c.in+", required: true, schema: "+c.schema+"}")
		x := queryExchange(c.raw)
		switch c.in {
		case "header":
			x = headerExchange("V", c.raw)
		case "cookie":
			x = headerExchange("Cookie", c.raw)
		case "path":
			x = &gatehouse.Exchange{Params: []gatehouse.Param{{Name: "v", Raw: c.raw, Value: c.raw}}}
		}
		if found, _, ok := check(d, x); ok != c.ok {
			t.Errorf("%s %s %q: %v %v", c.in, c.schema, c.raw, ok, found)
		}
	}
}

// What is withheld stays so, declared or known besides or not.
func TestWithheldCookies(t *testing.T) {
	for _, o := range []parameter.Options{
		{WithheldCookies: []string{"token"}},
		{WithheldCookies: []string{"token"}, KnownCookies: []string{"token"}},
	} {
		o.UnknownCookies = parameter.Strip
		for _, params := range [][]string{{`{name: id, in: cookie, schema: {type: string}}`},
			{`{name: id, in: cookie, schema: {type: string}}`, `{name: token, in: cookie, schema: {type: string}}`}} {
			d := operation(t, "/v", o, params...)
			_, edits, ok := check(d, headerExchange("Cookie", "id=1; token=secret; tracker=1"))
			if want := []gatehouse.Field{{Name: "Cookie", Value: "id=1"}}; !ok || !cmp.Equal(edits.Request, want) {
				t.Errorf("%v: %v %+v", params, ok, edits)
			}
		}
	}
}
