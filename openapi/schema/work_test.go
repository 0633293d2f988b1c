package schema_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/openapi/document"
	"github.com/gatehouse/gatehouse/openapi/schema"
	"github.com/gatehouse/gatehouse/strictjson"
)

// Work is bounded by what it costs: where branches multiply, a large value in each
// is not gone over each time.
func TestWorkIsBounded(t *testing.T) {
	nested := func(leaf string) string {
		return strings.Repeat(`{"c":`, 24) + leaf + strings.Repeat("}", 24)
	}
	var members strings.Builder
	for i := range 9999 {
		fmt.Fprintf(&members, `"m%d":1,`, i)
	}
	object := "{" + members.String() + `"z":1}`
	text := strings.Repeat("a", 4<<20)
	var there, back []string
	for i := range 5000 {
		name := fmt.Sprintf(`"\n%s%d":1`, strings.Repeat("n", 900), i)
		there, back = append(there, name), append([]string{name}, back...)
	}
	tree := func(leaf string) string {
		return `{oneOf: [{type: object, required: [c], properties: {c: {$ref: '#/components/schemas/T'}, b: {}}},
			{type: object, required: [c], properties: {c: {$ref: '#/components/schemas/T'}}}, ` + leaf + `]}`
	}
	for name, c := range map[string]struct{ schema, value string }{
		"members":  {tree("{type: object, required: [q]}"), nested(object)},
		"items":    {tree("{type: array, items: {}, not: {}}"), nested("[" + strings.Repeat("1,", 500_000) + "1]")},
		"string":   {tree("{type: string, minLength: 8000000}"), nested(`"` + text + `"`)},
		"escapes":  {tree("{type: string, enum: [a, b]}"), nested(`"\n` + text + `"`)},
		"format":   {tree("{type: string, format: email}"), nested(`"` + text + `"`)},
		"unique":   {tree("{type: array, uniqueItems: true}"), nested(`["a` + text[1<<21:] + `","b` + text[1<<21:] + `",1,1]`)},
		"equal":    {`{type: array, uniqueItems: true}`, "[{" + strings.Join(there, ",") + "},{" + strings.Join(back, ",") + "}]"},
		"constant": {tree("{const: {" + strings.ReplaceAll(members.String(), ":", ": ") + "zz: 1}}"), nested(object)},
		"tagged": {`{oneOf: [{type: object, required: [c, k], properties: {k: {const: a}, c: {$ref: '#/components/schemas/T'}}},
			{type: object, required: [c, k], properties: {k: {enum: [a, b]}, c: {$ref: '#/components/schemas/T'}}}, {type: object, properties: {k: {const: z}}, required: [k]}]}`,
			strings.Repeat(`{"k":"a","c":`, 24) + object + strings.Repeat("}", 24)},
		"unknown":     {`{type: array, items: {type: object, properties: {a: {}}}}`, "[" + strings.Repeat(`{"b":1},`, 250_000) + `{"b":1}]`},
		"unknown too": {`{type: object, properties: {a: {}}}`, object},
	} {
		text := "openapi: 3.1.0\ninfo: {title: t, version: '1'}\npaths: {}\ncomponents: {schemas: {T: " + strings.ReplaceAll(c.schema, "\n", " ") + "}}\n"
		doc, err := document.Load(context.Background(), document.Source{Path: "test.yaml", Bytes: []byte(text)})
		if err != nil {
			t.Fatal(name, err)
		}
		set, err := schema.NewSet(doc, schema.Options{})
		if err != nil {
			t.Fatal(name, err)
		}
		s, err := set.Compile(doc.Root.Find("/components/schemas/T"), schema.Request)
		if err != nil {
			t.Fatal(name, err)
		}
		var tape strictjson.Tape
		if err := tape.Read([]byte(c.value), nil); err != nil {
			t.Fatal(name, err)
		}
		except, err := schema.NewPointers("/*/x")
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range []schema.Report{{Max: 3}, {Max: 3, Unknown: schema.UnknownRefuse}, {Max: 3, Unknown: schema.UnknownRefuse, Exceptions: except}} {
			began := time.Now()
			if s.Check(&tape, 0, &r) && r.Unknown == schema.UnknownRefuse {
				t.Errorf("%s: it is taken", name)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("%s: it took %v, %v", name, took, r.Violations)
			}
		}
	}
}
