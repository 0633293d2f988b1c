package filter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/document"
	"github.com/gatehouse/gatehouse/openapi/schema"
	"github.com/gatehouse/gatehouse/strictjson"
)

// schemas are those of the answers of a shop, and some that a cut can unsettle.
const schemas = `
openapi: 3.1.0
info: {title: Shop, version: "1"}
paths: {}
components:
  schemas:
    Orders: {type: array, items: {$ref: "#/components/schemas/Order"}}
    Order:
      type: object
      required: [id, customer]
      additionalProperties: false
      properties:
        id: {type: string}
        customer: {$ref: "#/components/schemas/Customer"}
        items: {type: array, items: {$ref: "#/components/schemas/Item"}}
        currency: {type: string, enum: [EUR, GBP, USD]}
        total: {type: number}
        paid: {type: boolean}
        coupon: {type: [string, "null"]}
        card: {type: string, x-gatehouse-class: payment}
        notes: {type: string, maxLength: 200}
        created: {type: string, format: date-time}
        extra: {type: object}
        any: {}
    Customer:
      type: object
      required: [id, password]
      properties:
        id: {type: integer}
        name: {type: string}
        email: {type: string, format: email}
        password: {type: string, writeOnly: true}
    Item:
      allOf:
        - {type: object, required: [sku], properties: {sku: {type: string}, title: {type: string}}}
        - {type: object, properties: {quantity: {type: integer, minimum: 1}, price: {type: number}}}
    Map: {type: object, additionalProperties: {type: object, properties: {a: {type: integer}}}}
    Tuple: {type: array, prefixItems: [{type: object, properties: {a: {}}}, {type: object, properties: {b: {}}}], items: {type: object, properties: {c: {}}}}
    # What is cut here changes what is valid, or what is declared.
    Choice:
      anyOf:
        - {type: object, required: [b], properties: {a: {type: integer}}}
        - {type: object, properties: {c: {type: string}}}
    Needs: {type: object, required: [x], properties: {a: {}}}
    Least: {type: object, minProperties: 2, properties: {a: {}, b: {}}}
    One:
      oneOf:
        - {type: object, required: [kind], properties: {kind: {const: one}, a: {}, n: {$ref: "#/components/schemas/One"}}}
        - {type: object, required: [kind], properties: {kind: {const: two}, b: {}, n: {$ref: "#/components/schemas/One"}}}
    NotBoth: {type: object, properties: {a: {}, b: {}}, not: {required: [x, a]}}
    When: {type: object, properties: {a: {}}, if: {required: [x]}, then: {properties: {b: {}}}, else: {required: [a]}}
    Unique: {type: array, uniqueItems: true, items: {type: object, properties: {a: {}}}}
`

type shop struct {
	doc *document.Document
	set *schema.Set
}

func newShop(t testing.TB) *shop {
	t.Helper()
	doc, err := document.Load(context.Background(), document.Source{Bytes: []byte(schemas)})
	if err != nil {
		t.Fatal(err)
	}
	set, err := schema.NewSet(doc, schema.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &shop{doc, set}
}

func (s *shop) node(name string) *document.Node {
	return s.doc.Root.Get("components").Get("schemas").Get(name)
}

func (s *shop) schema(t testing.TB, name string) *schema.Schema {
	t.Helper()
	sch, err := s.set.Compile(s.node(name), schema.Response)
	if err != nil {
		t.Fatal(err)
	}
	return sch
}

func (s *shop) unsettled(name string) bool {
	return Unsettled(s.node(name), func(_ *document.Node, ref string) *document.Node {
		return s.node(strings.TrimPrefix(ref, "#/components/schemas/"))
	})
}

func TestUnsettled(t *testing.T) {
	s := newShop(t)
	for name, want := range map[string]bool{"Orders": false, "Order": false, "Map": false, "Tuple": false,
		"Choice": true, "Needs": true, "Least": true, "One": true, "NotBoth": true, "When": true, "Unique": true} {
		if got := s.unsettled(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestFilterBySchema(t *testing.T) {
	s := newShop(t)
	for _, c := range []struct {
		schema, in, out string
		places          []Place
	}{
		{"Order", `{"id":"1","customer":{"id":1}}`, `{"id":"1","customer":{"id":1}}`, nil},
		{"Order", `{"id":"1","margin":0.5,"customer":{"id":1,"password":"p","hash":"h"},"items":[{"sku":"a","cost":1},{"sku":"b","price":1.50}]}`,
			`{"id":"1","customer":{"id":1},"items":[{"sku":"a"},{"sku":"b","price":1.50}]}`,
			[]Place{{CodeUndeclared, "/margin"}, {CodeWriteOnly, "/customer/password"}, {CodeUndeclared, "/customer/hash"}, {CodeUndeclared, "/items/*/cost"}}},
		{"Order", `{"id":"1","customer":{"id":1},"extra":{"a":{"b":1}},"any":[{"c":{}}]}`,
			`{"id":"1","customer":{"id":1},"extra":{"a":{"b":1}},"any":[{"c":{}}]}`, nil},
		{"Map", `{"k":{"a":1,"b":2},"l":{}}`, `{"k":{"a":1},"l":{}}`, []Place{{CodeUndeclared, "/k/b"}}},
		{"Tuple", `[{"a":1,"b":2,"c":3},{"a":1,"b":2,"c":3},{"a":1,"b":2,"c":3},{"c":3}]`, `[{"a":1},{"b":2},{"c":3},{"c":3}]`,
			[]Place{{CodeUndeclared, "/*/b"}, {CodeUndeclared, "/*/c"}, {CodeUndeclared, "/*/a"}}},
		{"One", `{"kind":"one","a":1,"b":2,"n":{"kind":"two","a":1,"b":2}}`, `{"kind":"one","a":1,"n":{"kind":"two","b":2}}`,
			[]Place{{CodeUndeclared, "/b"}, {CodeUndeclared, "/n/a"}}},
		// Without b the first branch is met no more, so a is declared no more.
		{"Choice", `{"a":1,"b":2,"c":"d"}`, `{"c":"d"}`, []Place{{CodeUndeclared, "/b"}, {CodeUndeclared, "/a"}}},
	} {
		o := &Options{Schema: s.schema(t, c.schema), Cut: true, Settle: s.unsettled(c.schema)}
		var r Record
		out, err := Body([]byte(c.in), o, &r)
		if err != nil || string(out) != c.out {
			t.Errorf("%s: %v %s\nwant %s", c.schema, err, out, c.out)
		}
		if diff := cmp.Diff(c.places, r.Places); diff != "" {
			t.Errorf("%s: %s", c.schema, diff)
		}
		for n := range 5 {
			streamed, f, err := stream(o, c.in, n+1)
			if err != nil || streamed != c.out {
				t.Errorf("%s, streamed by %d: %v %s", c.schema, n+1, err, streamed)
			}
			if diff := cmp.Diff(c.places, f.Record().Places); diff != "" {
				t.Errorf("%s, streamed: %s", c.schema, diff)
			}
		}
	}
}

func TestFilterRefusesBySchema(t *testing.T) {
	s := newShop(t)
	for _, c := range []struct{ schema, in, code, violation, pointer string }{
		{"Order", `{"id":1,"customer":{"id":1}}`, CodeInvalid, "contract.type", "/id"},
		{"Orders", `[{"id":"1","customer":{"id":1}},{"id":"2","customer":{"id":"x"}}]`, CodeInvalid, "contract.type", "/1/customer/id"},
		{"Orders", `[{"id":"1"}]`, CodeInvalid, "contract.required", "/0/customer"},
		{"Orders", `{"id":"1"}`, CodeInvalid, "contract.type", ""},
		{"Order", `[]`, CodeInvalid, "contract.type", ""},
		{"Needs", `{"x":1,"a":2}`, CodeUnsettled, "", ""},
		{"Least", `{"x":1,"a":2}`, CodeUnsettled, "", ""},
		{"When", `{"x":1,"b":2}`, CodeUnsettled, "", ""},
	} {
		o := &Options{Schema: s.schema(t, c.schema), Cut: true, Settle: s.unsettled(c.schema)}
		_, err := Body([]byte(c.in), o, nil)
		check := func(how string, err error) {
			var e *gatehouse.Error
			if !errors.As(err, &e) || e.Code != c.code || e.Status != 502 {
				t.Errorf("%s, %s: %v", c.schema, how, err)
				return
			}
			var bad *Invalid
			if errors.As(err, &bad) != (c.violation != "") || bad != nil && (bad.Violations[0].Code != c.violation || bad.Violations[0].Pointer != c.pointer) {
				t.Errorf("%s, %s: %v", c.schema, how, err)
			}
			if strings.Contains(err.Error(), `"x"`) {
				t.Errorf("%s, %s: shows a value: %v", c.schema, how, err)
			}
		}
		check("whole", err)
		for n := range 4 {
			out, f, err := stream(o, c.in, n+1)
			check("streamed", err)
			v := f.Verdict()
			if out != "" || v.Outcome != gatehouse.Deny || v.Reason.Code != c.code || c.violation != "" && v.Details[0].Pointer != c.pointer {
				t.Errorf("%s: %q %+v", c.schema, out, v)
			}
		}
	}
}

// Names that came with the answer reach the log short and inert.
func TestVerdictIsInert(t *testing.T) {
	s := newShop(t)
	o := &Options{Schema: s.schema(t, "Map"), Cut: true}
	for _, name := range []string{`\u001b[2Jx\n`, strings.Repeat("ä", 1000)} {
		_, f, err := stream(o, `{"`+name+`":{"a":"x"}}`, 100)
		v := f.Verdict()
		if err == nil || len(v.Details) != 1 {
			t.Fatalf("%v %+v", err, v)
		}
		for _, text := range []string{v.Reason.Message, v.Details[0].Pointer, err.Error()} {
			if len(text) > 2*maxPointer || strings.ContainsAny(text, "\x1b\n\ufffd") {
				t.Errorf("%q", text)
			}
		}
	}
}

func TestExceptionsAndClasses(t *testing.T) {
	s := newShop(t)
	except, err := schema.NewPointers("/*/margin", "/1/hint")
	if err != nil {
		t.Fatal(err)
	}
	orders := s.schema(t, "Orders")
	m, err := NewMasker(Config{Rules: []Rule{{Classes: []string{"payment"}, Mask: MaskLast4}}}, s.set.Classes())
	if err != nil {
		t.Fatal(err)
	}
	one := `{"id":"1","customer":{"id":1},"card":"4111111111111111","margin":{"a":1},"hint":2}`
	o := &Options{Schema: orders, Cut: true, Exceptions: except, View: m.For(nil)}
	want := `{"id":"1","customer":{"id":1},"card":"***1111","margin":{"a":1}`
	out, _, err := stream(o, "["+one+","+one+"]", 50)
	if err != nil || out != "["+want+"},"+want+`,"hint":2}]` {
		t.Errorf("%v %s", err, out)
	}
}

// names are all schemas whose answers are filtered at random.
var names = []string{"Orders", "Order", "Customer", "Item", "Map", "Tuple", "Choice", "Needs", "Least", "One", "NotBoth", "When", "Unique"}

// filters returns the options for each of names.
func filters(t testing.TB) []*Options {
	s := newShop(t)
	var all []*Options
	for _, name := range names {
		all = append(all, &Options{Schema: s.schema(t, name), Cut: true, Settle: s.unsettled(name), Hold: 1})
	}
	return all
}

// keeps says what is wrong with what the filter makes of text, streamed by n bytes:
// what it lets go fits the schema, is a part of what came, and is not changed by
// the filter.
func keeps(t testing.TB, o *Options, text string, n int) (let bool, wrong string) {
	out, err := Body([]byte(text), o, nil)
	whole := *o
	whole.Whole = strings.HasSuffix(o.Schema.Node().Pointer(), "/Unique")
	streamed, _, late := stream(&whole, text, n)
	if (late == nil) != (err == nil) || err == nil && streamed != string(out) {
		return false, fmt.Sprintf("becomes %q %v, streamed %q %v", out, err, streamed, late)
	}
	if err != nil {
		return false, ""
	}
	var tape strictjson.Tape
	if err := tape.Read(out, nil); err != nil {
		return false, fmt.Sprintf("becomes %q: %v", out, err)
	}
	if !o.Schema.Check(&tape, 0, nil) {
		return false, fmt.Sprintf("becomes %q, which is not valid", out)
	}
	if !subset(tape.Value(0), value(t, text)) {
		return false, fmt.Sprintf("becomes %q, which is no part of it", out)
	}
	if again, err := Body(out, o, nil); err != nil || string(again) != string(out) {
		return false, fmt.Sprintf("becomes %q, and that %q %v", out, again, err)
	}
	return true, ""
}

func FuzzFilter(f *testing.F) {
	all := filters(f)
	f.Add(`[{"id":"1","customer":{"id":1,"password":"p"},"x":1,"items":[{"sku":"s","y":1}]}]`, 7)
	f.Add(`{"a":1,"b":2,"c":"d","x":{"a":1}}`, 1)
	f.Add(`{"kind":"one","a":1,"b":2,"n":{"kind":"two","a":1,"b":2}}`, 3)
	f.Add(`[{"a":1,"x":1},{"a":1}]`, 2)
	f.Add(`{"id":"1","customer":{"id":1},"extra":{"a":{"b":1}},"any":[{"c":{}}]}`, 2)
	f.Fuzz(func(t *testing.T, text string, n int) {
		if n <= 0 || len(text) > 1<<12 || (&strictjson.Tape{}).Read([]byte(text), nil) != nil {
			return
		}
		for i, o := range all {
			if _, wrong := keeps(t, o, text, n); wrong != "" {
				t.Fatalf("%s: %q %s", names[i], text, wrong)
			}
		}
	})
}

// object draws an object of the words of the schemas, so that many of them fit.
func object(t *rapid.T, depth int) string {
	all := []string{"a", "b", "c", "x", "kind", "n", "id", "customer", "items", "sku", "price", "password", "any"}
	if depth == 0 {
		all = all[:4]
	}
	var members []string
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(all), 0, 8, rapid.ID[string]).Draw(t, "names") {
		v := rapid.SampledFrom([]string{`1`, `"s"`, `null`, `1.50`}).Draw(t, "value")
		switch name {
		case "kind":
			v = rapid.SampledFrom([]string{`"one"`, `"two"`, `"\u0074wo"`}).Draw(t, "kind")
		case "id":
			v = rapid.SampledFrom([]string{`"1"`, `1`}).Draw(t, "id")
		case "customer", "n", "any", "x":
			if depth > 0 {
				v = object(t, depth-1)
			}
		case "items":
			v = objects(t, depth-1)
		}
		members = append(members, `"`+name+`": `+v)
	}
	return "{ " + strings.Join(members, ", ") + " }"
}

func objects(t *rapid.T, depth int) string {
	var items []string
	for range rapid.IntRange(0, 3).Draw(t, "items") {
		items = append(items, object(t, depth))
	}
	return "[" + strings.Join(items, " , ") + "]"
}

func TestFilterKeepsWhatItPromises(t *testing.T) {
	all := filters(t)
	let := make([]int, len(all))
	rapid.Check(t, func(r *rapid.T) {
		text := objects(r, 2)
		if rapid.Bool().Draw(r, "one") {
			text = object(r, 2)
		}
		n := rapid.IntRange(1, 40).Draw(r, "chunk")
		for i, o := range all {
			ok, wrong := keeps(t, o, text, n)
			if wrong != "" {
				r.Fatalf("%s: %s %s", names[i], text, wrong)
			}
			if ok {
				let[i]++
			}
		}
	})
	t.Log("let go, of each schema:", let)
}

func BenchmarkFilter(b *testing.B) {
	s := newShop(b)
	orders := s.schema(b, "Orders")
	m, err := NewMasker(Config{Rules: []Rule{{Fields: []string{"*password*"}, Classes: []string{"payment"}, Mask: MaskLast4}}}, s.set.Classes())
	if err != nil {
		b.Fatal(err)
	}
	b.Run("check", func(b *testing.B) {
		benchmarkWriter(b, &Options{Schema: orders, Cut: true, Limits: strictjson.Limits{}})
	})
	b.Run("settle", func(b *testing.B) { benchmarkWriter(b, &Options{Schema: orders, Cut: true, Settle: true}) })
	b.Run("mask", func(b *testing.B) { benchmarkWriter(b, &Options{Schema: orders, Cut: true, View: m.For(nil)}) })
}

func ExampleBody() {
	doc, err := document.Load(context.Background(), document.Source{Bytes: []byte(`
openapi: 3.1.0
info: {title: Users, version: "1"}
paths: {}
components:
  schemas:
    User:
      type: object
      properties:
        name: {type: string}
        password: {type: string, writeOnly: true}
`)})
	if err != nil {
		fmt.Println(err)
		return
	}
	set, err := schema.NewSet(doc, schema.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	user, err := set.Compile(doc.Root.Get("components").Get("schemas").Get("User"), schema.Response)
	if err != nil {
		fmt.Println(err)
		return
	}
	var record Record
	out, err := Body([]byte(`{"name":"Ada","password":"x","is_admin":true}`), &Options{Schema: user, Cut: true}, &record)
	fmt.Println(string(out), err)
	fmt.Println(record.Places)
	// Output:
	// {"name":"Ada"} <nil>
	// [{contract.removed_write_only /password} {contract.removed_undeclared /is_admin}]
}

var _ io.WriteCloser = (*Writer)(nil)
