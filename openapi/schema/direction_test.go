package schema

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// both compiles a schema for both directions.
func both(t *testing.T, old bool, text string) (request, response *Schema) {
	t.Helper()
	request, set, err := compiled(t, old, text, Options{})
	if err != nil {
		t.Fatal(err)
	}
	response, err = set.compile(request.node.at, request.node.res, Response)
	if err != nil {
		t.Fatal(err)
	}
	return request, response
}

func TestDirection(t *testing.T) {
	const defs = `,"$defs":{
		"ID":{"type":"integer","readOnly":true},
		"Base":{"type":"object","properties":{"id":{"$ref":"#/$defs/ID"},"a":{"type":"string"}}},
		"Closed":{"type":"object","required":["id"],"properties":{"id":{"$ref":"#/$defs/ID"}},"additionalProperties":false}}}`
	for _, c := range []struct {
		name, schema          string
		sent, notSent         string // requests
		returned, notReturned string // responses
	}{
		{"readOnly", `{"properties":{"id":{"readOnly":true}},"required":["id"]`,
			`{}`, `{"id":1}`, `{"id":1}`, `{}`},
		{"writeOnly", `{"properties":{"p":{"writeOnly":true}},"required":["p"]`,
			`{"p":1}`, `{}`, `{}`, `{"p":1}`},
		{"through $ref", `{"properties":{"id":{"$ref":"#/$defs/ID"}},"required":["id"]`,
			`{}`, `{"id":1}`, `{"id":1}`, `{} {"id":"x"}`},
		{"through allOf", `{"properties":{"id":{"allOf":[{"$ref":"#/$defs/ID"},{"minimum":1}]}},"required":["id"]`,
			`{}`, `{"id":1}`, `{"id":1}`, `{} {"id":0}`},
		{"one branch of anyOf", `{"properties":{"id":{"anyOf":[{"$ref":"#/$defs/ID"},{"type":"string"}]}},"required":["id"]`,
			`{"id":"x"}`, `{} {"id":1}`, `{"id":1} {"id":"x"}`, `{}`},
		{"all branches of oneOf", `{"properties":{"id":{"oneOf":[{"$ref":"#/$defs/ID"},{"type":"string","readOnly":true}]}},"required":["id"]`,
			`{}`, `{"id":1} {"id":"x"}`, `{"id":1} {"id":"x"}`, `{}`},
		{"required elsewhere: beside $ref", `{"$ref":"#/$defs/Base","required":["id","a"]`,
			`{"a":"x"}`, `{} {"id":1,"a":"x"}`, `{"id":1,"a":"x"}`, `{"a":"x"}`},
		{"required elsewhere: in another branch of allOf", `{"allOf":[{"$ref":"#/$defs/Base"},{"required":["id","a"]}]`,
			`{"a":"x"}`, `{} {"id":1,"a":"x"}`, `{"id":1,"a":"x"}`, `{"a":"x"}`},
		{"but not in another branch of oneOf", `{"oneOf":[{"required":["id"],"properties":{"id":{"type":"integer"}}},{"$ref":"#/$defs/Base","required":["a"],"type":"string"}]`,
			`{"id":1}`, `{}`, `{"id":1}`, `{}`},
		{"a closed schema in oneOf", `{"oneOf":[{"$ref":"#/$defs/Closed"},{"type":"string"}]`,
			`{} "x"`, `{"id":1}`, `{"id":1}`, `{}`},
		{"items", `{"items":{"$ref":"#/$defs/Base"}`,
			`[{"a":"x"}]`, `[{"id":1}]`, `[{"id":1}]`, `[{"id":"x"}]`},
		{"dependentRequired", `{"properties":{"id":{"readOnly":true},"b":{}},"dependentRequired":{"b":["id"]}`,
			`{"b":1} {}`, `{"b":1,"id":2}`, `{"b":1,"id":2} {}`, `{"b":1}`},
		{"in not and if a schema is taken as it stands", `{"not":{"properties":{"id":{"$ref":"#/$defs/ID"}},"required":["id"]},"if":{"required":["z"]},"then":{"required":["y"]}`,
			`{"id":"x"} {"z":1,"y":1}`, `{"id":1} {"z":1}`, `{"id":"x"}`, `{"id":1}`},
		{"the value itself", `{"readOnly":true`, ``, `1`, `1`, ``},
	} {
		t.Run(c.name, func(t *testing.T) {
			request, response := both(t, false, c.schema+defs)
			judge(t, request, c.sent, c.notSent)
			judge(t, response, c.returned, c.notReturned)
		})
	}
	t.Run("3.0", func(t *testing.T) {
		request, response := both(t, true, `{"type":"object","required":["id","p"],"properties":{"id":{"type":"integer","readOnly":true},"p":{"type":"string","writeOnly":true}}}`)
		judge(t, request, `{"p":"x"}`, `{} {"id":1,"p":"x"}`)
		judge(t, response, `{"id":1}`, `{} {"id":1,"p":"x"}`)
	})
}

func TestCodes(t *testing.T) {
	found := map[string]bool{}
	for _, c := range []struct{ schema, value, want string }{
		{`{"type":"string"}`, `1`, "contract.type  type"},
		{`{"properties":{"a":false}}`, `{"a":1}`, "contract.forbidden /a "},
		{`{"required":["a/b"]}`, `{}`, "contract.required /a~1b required"},
		{`{"dependentRequired":{"a":["b"]}}`, `{"a":1}`, "contract.dependent_required /b dependentRequired"},
		{`{"additionalProperties":false}`, `{"a":1}`, "contract.unknown_property /a additionalProperties"},
		{`{"unevaluatedProperties":false}`, `{"a":1}`, "contract.unknown_property /a unevaluatedProperties"},
		{`{"properties":{"a":{"readOnly":true}}}`, `{"a":1}`, "contract.read_only /a readOnly"},
		{`{"items":{"enum":[1]}}`, `[1,2]`, "contract.enum /1 enum"},
		{`{"const":1}`, `2`, "contract.enum  const"},
		{`{"minimum":1}`, `0`, "contract.range  minimum"},
		{`{"multipleOf":0.1}`, `0.15`, "contract.range  multipleOf"},
		{`{"maxLength":1}`, `"éé"`, "contract.length  maxLength"},
		{`{"pattern":"^a"}`, `"b"`, "contract.pattern  pattern"},
		{`{"pattern":"^(?=a)(a+)+$"}`, `"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac"`, "contract.pattern_timeout  "},
		{`{"format":"uuid"}`, `"x"`, "contract.format  format"},
		{`{"maxItems":1}`, `[1,2]`, "contract.items  maxItems"},
		{`{"prefixItems":[{}],"items":false}`, `[1,2]`, "contract.items /1 items"},
		{`{"unevaluatedItems":false}`, `[1]`, "contract.items /0 unevaluatedItems"},
		{`{"uniqueItems":true}`, `[1,1.0]`, "contract.unique  uniqueItems"},
		{`{"contains":{"const":1}}`, `[2]`, "contract.contains  contains"},
		{`{"maxProperties":0}`, `{"a":1}`, "contract.properties  maxProperties"},
		{`{"anyOf":[{"type":"string"},{"type":"null"}]}`, `1`, "contract.choice  anyOf"},
		{`{"oneOf":[{"type":"number"},{"type":"integer"}]}`, `1`, "contract.choice  oneOf"},
		{`{"oneOf":[{"type":"string"},{"type":"integer","minimum":5}]}`, `1`, "contract.range  minimum"},
		{`{"not":{}}`, `1`, "contract.not  not"},
		{bomb, `[[[[[[[[[[[[1]]]]]]]]]]]]`, "contract.too_complex"},
	} {
		s, _, err := compiled(t, false, c.schema, Options{})
		if err != nil {
			t.Errorf("%s: %v", c.schema, err)
			continue
		}
		var r Report
		if s.Check(tape(t, c.value), 0, &r) || len(r.Violations) != 1 {
			t.Errorf("%s: %s: %v", c.schema, c.value, r.Violations)
			continue
		}
		v := r.Violations[0]
		if got := v.Code + " " + v.Pointer + " " + v.Keyword; !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %s: %q, want %q", c.schema, c.value, got, c.want)
		}
		found[v.Code] = true
	}
	for _, c := range Codes {
		if !found[c.Code] && c.Code != "contract.write_only" { // see TestMarks
			t.Errorf("%s has no case", c.Code)
		}
		delete(found, c.Code)
	}
	if len(found) > 0 {
		t.Errorf("not among Codes: %v", found)
	}
}

// bomb takes 8 times as many steps for each level of the value.
var bomb = `{"$defs":{"n":{"oneOf":[` + strings.Repeat(`{"items":{"$ref":"#/$defs/n"},"type":["array","string"]},`, 7) +
	`{"items":{"$ref":"#/$defs/n"}}]}},"$ref":"#/$defs/n"}`

func TestReport(t *testing.T) {
	s, _, err := compiled(t, false, `{"properties":{"a":{"type":"string"},"b":{"type":"integer","minimum":5},"c":{"items":{"maxLength":1}}},"required":["d"]}`, Options{})
	if err != nil {
		t.Fatal(err)
	}
	v := tape(t, `{"a":1,"b":2,"c":["x","yy","zz"]}`)
	for limit, want := range map[int]int{0: 1, 1: 1, 2: 2, 4: 4, 9: 5} {
		r := Report{Max: limit, Base: "/data/0"}
		if s.Check(v, 0, &r) || len(r.Violations) != want {
			t.Errorf("Max %d: %d violations: %v", limit, len(r.Violations), r.Violations)
		}
		if limit == 9 {
			var got []string
			for _, v := range r.Violations {
				got = append(got, v.Pointer)
			}
			slices.Sort(got)
			if d := cmp.Diff([]string{"/data/0/a", "/data/0/b", "/data/0/c/1", "/data/0/c/2", "/data/0/d"}, got); d != "" {
				t.Error(d)
			}
		}
	}
}

// Names that are the client's are reported short and inert.
func TestPointersAreInert(t *testing.T) {
	s, _, err := compiled(t, false, `{"additionalProperties":false}`, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{`\u001b[2Jx\n\u202e`, strings.Repeat("ä", 5000)} {
		var r Report
		if s.Check(tape(t, `{"`+name+`":1}`), 0, &r) {
			t.Fatal("accepted")
		}
		if p := r.Violations[0].Pointer; len(p) > maxPointer+8 || strings.ContainsAny(p, "\x1b\n\u202e") {
			t.Errorf("%q", p)
		}
	}
}

func TestDiscriminator(t *testing.T) {
	const text = `{"components":{"schemas":{
		"Cat":{"type":"object","required":["kind","lives"],"properties":{"kind":{"type":"string"},"lives":{"type":"integer"}}},
		"Dog":{"type":"object","required":["kind","bark"],"properties":{"kind":{"type":"string"},"bark":{"type":"string","minLength":3}}}}},
		"oneOf":[{"$ref":"#/components/schemas/Cat"},{"$ref":"#/components/schemas/Dog"}],
		"discriminator":{"propertyName":"kind","mapping":{"puppy":"Dog","kitten":"#/components/schemas/Cat"}}}`
	for _, c := range []struct {
		value, want string
	}{
		{`{"kind":"Cat","lives":9}`, ""},
		{`{"kind":"kitten","lives":9}`, ""},
		{`{"kind":"puppy","bark":"wo"}`, "contract.length /bark"}, // by the branch that is named
		{`{"kind":"Dog","bark":1}`, "contract.type /bark"},
		{`{"kind":"Cat"}`, "contract.required /lives"},
		{`{"kind":"mouse"}`, "contract.choice "},
		{`{"kind":"Dog","lives":9}`, ""},                               // the schema rules: a cat by another name
		{`{"kind":"Cat","lives":9,"bark":"woof"}`, "contract.choice "}, // and is both
	} {
		s, _, err := compiled(t, false, text, Options{})
		if err != nil {
			t.Fatal(err)
		}
		var r Report
		got := ""
		if !s.Check(tape(t, c.value), 0, &r) {
			got = r.Violations[0].Code + " " + r.Violations[0].Pointer
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.value, got, c.want)
		}
	}
}

func TestPartsForParameters(t *testing.T) {
	s, _, err := compiled(t, false, `{"allOf":[{"$ref":"#/$defs/o"},{"type":["object","null"]}],
		"$defs":{"id":{"type":"integer"},"o":{"type":"object","properties":{"id":{"$ref":"#/$defs/id"},"list":{"type":"array","items":{"enum":["a",1.5]},"prefixItems":[{"type":"boolean"}]},
		"choice":{"anyOf":[{"type":"string"},{"type":"integer"}]}},"additionalProperties":{"type":"null"},"oneOf":[{"properties":{"x":{"type":"string"}}},{"properties":{"x":{"type":"array"}}}]}}}`, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		part *Schema
		want Types
	}{
		{s, Object},
		{s.Property("id"), Integer},
		{s.Property("list"), Array},
		{s.Property("list").Items(), String | Number},
		{s.Property("list").Prefix(0), Boolean},
		{s.Property("choice"), String | Integer},
		{s.Property("other"), Null},
	} {
		if c.part == nil || c.part.Types() != c.want {
			t.Errorf("%v, want %b", c.part, c.want)
		}
	}
	if s.Items() != nil || s.Property("list").Prefix(1) != nil {
		t.Error("a part that nothing declares")
	}
	if got := fmt.Sprint(s.Properties()); got != "[id list choice x]" {
		t.Error(got)
	}
}
