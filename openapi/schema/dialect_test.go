package schema

import (
	"strings"
	"testing"
)

// TestOpenAPI30 is the dialect of OpenAPI 3.0.
func TestOpenAPI30(t *testing.T) {
	for _, c := range []struct{ name, schema, valid, invalid string }{
		{"nullable", `{"type":"string","nullable":true}`, `null "a"`, `1`},
		{"not nullable", `{"type":"string","nullable":false}`, `"a"`, `null`},
		{"nullable without a type", `{"nullable":true,"minLength":2}`, `null "ab" 1`, `"a"`},
		{"nullable beside allOf", `{"nullable":true,"allOf":[{"type":"object"}]}`, `{} null`, `1`},
		{"nullable beside anyOf", `{"nullable":true,"anyOf":[{"type":"object"},{"type":"string"}]}`, `{} null "a"`, `1`},
		{"not nullable within", `{"allOf":[{"nullable":true,"type":"object"},{"type":"object"}]}`, `{}`, `null`},
		{"nullable beside enum", `{"type":"string","nullable":true,"enum":["a"]}`, `"a" null`, `"b"`},
		{"an enum that lists null", `{"type":"string","nullable":true,"enum":["a",null]}`, `"a" null`, `"b"`},
		{"exclusiveMinimum true", `{"type":"number","minimum":1,"exclusiveMinimum":true}`, `1.1`, `1 0`},
		{"exclusiveMinimum false", `{"type":"number","minimum":1,"exclusiveMinimum":false}`, `1 1.1`, `0`},
		{"exclusiveMaximum true", `{"maximum":1,"exclusiveMaximum":true}`, `0.9 "a"`, `1 2`},
		{"exclusiveMaximum alone", `{"exclusiveMaximum":true}`, `1 2 "a"`, ``},
		{"siblings of $ref are ignored", `{"$ref":"#/$defs/s","minLength":5,"type":"integer"}`, `"a"`, `1`},
		{"const is no keyword", `{"const":1}`, `1 2`, ``},
		{"nor are patternProperties", `{"patternProperties":{"^a":false}}`, `{"a":1}`, ``},
		{"nor if", `{"if":{},"then":{"type":"string"}}`, `1`, ``},
		{"nor prefixItems", `{"prefixItems":[{"type":"string"}]}`, `[1]`, ``},
		{"a property called $ref", `{"type":"object","properties":{"$ref":{"type":"string"}}}`, `{"$ref":"a"}`, `{"$ref":1}`},
		{"$id does not change the base", `{"$id":"http://elsewhere.example/","allOf":[{"$ref":"#/$defs/s"}]}`, `"a"`, `1`},
		{"additionalProperties", `{"properties":{"a":{}},"additionalProperties":false}`, `{"a":1}`, `{"b":1}`},
		{"formats are asserted", `{"type":"string","format":"date"}`, `"2026-11-21"`, `"21.11.2026"`},
		{"int32", `{"type":"integer","format":"int32"}`, `2147483647 -2147483648 1.0`, `2147483648 1.5`},
		{"an integer may be spelled as a float", `{"type":"integer"}`, `1.0 1e2`, `1.5`},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.TrimSuffix(c.schema, "}") + `,"$defs":{"s":{"type":"string"}}}`
			s, _, err := compiled(t, true, text, Options{})
			if err != nil {
				t.Fatal(err)
			}
			judge(t, s, c.valid, c.invalid)
		})
	}
}

// judge checks values, which are separated by spaces.
func judge(t *testing.T, s *Schema, valid, invalid string) {
	t.Helper()
	for _, v := range strings.Fields(valid) {
		var r Report
		if !s.Check(tape(t, v), 0, &r) {
			t.Errorf("%s is refused: %v", v, r.Violations)
		}
	}
	for _, v := range strings.Fields(invalid) {
		var r Report
		if s.Check(tape(t, v), 0, &r) {
			t.Errorf("%s is accepted", v)
		} else if len(r.Violations) == 0 {
			t.Errorf("%s is refused without a violation", v)
		}
	}
}

func TestRefusedSchemas(t *testing.T) {
	for _, c := range []struct {
		schema, want string
		old          bool
	}{
		{`1`, "a schema is an object", false},
		{`true`, "a schema of OpenAPI 3.0 is an object", true},
		{`{"type":"strnig"}`, `there is no type "strnig"`, false},
		{`{"type":["string"]}`, "type is one string in OpenAPI 3.0", true},
		{`{"type":[]}`, "type lists at least one type", false},
		{`{"minLength":-1}`, "minLength is an integer from 0 on", false},
		{`{"minLength":1.5}`, "minLength is an integer from 0 on", false},
		{`{"minLength":"1"}`, "minLength is a number", false},
		{`{"exclusiveMinimum":true}`, "exclusiveMinimum is a number, not a boolean", false},
		{`{"exclusiveMinimum":1}`, "exclusiveMinimum is a boolean", true},
		{`{"multipleOf":0}`, "multipleOf is a number greater than 0", false},
		{`{"required":true}`, "required is a list of strings", false},
		{`{"required":[1]}`, "required is a list of strings", false},
		{`{"properties":[]}`, "properties is an object", false},
		{`{"properties":{"a":3}}`, "a schema is an object, not a number", false},
		{`{"allOf":[]}`, "allOf has at least one schema", false},
		{`{"allOf":{}}`, "allOf is a list", false},
		{`{"enum":1}`, "enum is a list", false},
		{`{"pattern":"("}`, "no regular expression of ECMA-262", false},
		{`{"pattern":"a**"}`, "a quantifier has nothing to repeat", false},
		{`{"pattern":"\\Z"}`, "an escape sequence is not known", false},
		{`{"$ref":"#/nowhere"}`, "leads nowhere", false},
		{`{"$ref":"other.json"}`, "not a part of the document", false},
		{`{"$ref":"#nobody"}`, "names an anchor that is not there", false},
		{`{"$ref":1}`, "$ref is a string", false},
		{`{"$ref":"#"}`, "leads back to itself", false},
		{`{"allOf":[{"anyOf":[{"$ref":"#"}]}]}`, "leads back to itself", false},
		{`{"not":{"$ref":"#"}}`, "leads back to itself", false},
		{`{"dependentSchemas":{"a":{"$ref":"#"}}}`, "leads back to itself", false},
		{`{"$schema":"http://json-schema.org/draft-04/schema#"}`, "dialect", false},
		{`{"$defs":{"a":{"$anchor":"x"},"b":{"$anchor":"x"}}}`, "stands twice", false},
		{`{"readOnly":"yes"}`, "readOnly is a boolean", false},
		{`{"oneOf":[{}],"discriminator":{}}`, "a discriminator has a propertyName", false},
		{`{"x-gatehouse-class":1}`, "x-gatehouse-class is the name of a class", false},
		{`{"nullable":1,"type":"string"}`, "nullable is a boolean", true},
	} {
		_, s, err := compiled(t, c.old, c.schema, Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.schema, err, c.want)
		}
		if len(s.nodes) != 0 {
			t.Errorf("%s: %d nodes are left", c.schema, len(s.nodes))
		}
	}
}

func TestWarnings(t *testing.T) {
	for _, c := range []struct {
		schema, want string
		old          bool
	}{
		{`{"format":"shoe-size"}`, `the format "shoe-size" is not known`, false},
		{`{"nullable":true}`, "nullable is a keyword of OpenAPI 3.0", false},
		{`{"const":1}`, "const is no keyword of OpenAPI 3.0", true},
		{`{"allOf":[{"$ref":"#/x","minLength":1}],"x":{}}`, "minLength beside $ref is ignored", true},
		{`{"oneOf":[{"$ref":"#/x"}],"x":{},"y":{},"discriminator":{"propertyName":"k","mapping":{"a":"#/y"}}}`, "no branch here", false},
	} {
		_, s, err := compiled(t, c.old, c.schema, Options{})
		if err != nil {
			t.Errorf("%s: %v", c.schema, err)
			continue
		}
		w := s.Warnings()
		if len(w) != 1 || !strings.Contains(w[0].Message, c.want) || w[0].Code != "contract.not_enforced" {
			t.Errorf("%s: %v, want %q", c.schema, w, c.want)
		}
	}
}
