package schema

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// genValue draws a JSON value out of few names, numbers and strings, so that
// schemas drawn of the same ones have something to say of it.
func genValue(t *rapid.T, depth int) any {
	top := 9
	if depth == 0 {
		top = 6
	}
	switch rapid.IntRange(0, top).Draw(t, "kind") {
	case 0:
		return nil
	case 1:
		return rapid.Bool().Draw(t, "bool")
	case 2, 3:
		return json.Number(rapid.SampledFrom([]string{"0", "1", "1.0", "-1", "1.5", "2", "1e2", "100", "0.1", "0.30", "3e-1",
			"9007199254740993", "9007199254740992", "123456789012345678901234567890", "1.23456789012345678901e20", "-0", "1E+2", "0.29", "123456789.75", "-1.00", "0.0000000001", "999999999999999999", "2.5"}).Draw(t, "number"))
	case 4, 5, 6:
		return rapid.SampledFrom([]string{"", "a", "ab", "abc", "é", "aé𝄞", "1", "b"}).Draw(t, "string")
	case 7, 8:
		m := map[string]any{}
		for range rapid.IntRange(0, 4).Draw(t, "members") {
			m[rapid.SampledFrom([]string{"a", "b", "c", "ab", "é"}).Draw(t, "name")] = genValue(t, depth-1)
		}
		return m
	}
	list := []any{}
	for range rapid.IntRange(0, 4).Draw(t, "items") {
		list = append(list, genValue(t, depth-1))
	}
	return list
}

var genKeywords = []string{"type", "enum", "const", "multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
	"minLength", "maxLength", "pattern", "minItems", "maxItems", "uniqueItems", "contains", "minContains", "maxContains",
	"minProperties", "maxProperties", "required", "dependentRequired", "dependentSchemas", "properties", "properties", "properties",
	"patternProperties", "additionalProperties", "propertyNames", "items", "prefixItems", "allOf", "anyOf", "oneOf", "oneOf", "not", "if",
	"unevaluatedProperties", "unevaluatedItems", "$ref", "$ref", "$dynamicRef", "$dynamicAnchor"}

func genSchema(t *rapid.T, depth int) any {
	if depth <= 0 || rapid.IntRange(0, 9).Draw(t, "plain") == 0 {
		if rapid.Bool().Draw(t, "bool") {
			return rapid.Bool().Draw(t, "schema")
		}
		return map[string]any{"type": genTypes(t)}
	}
	s := map[string]any{}
	for range rapid.IntRange(1, 4).Draw(t, "keywords") {
		genKeyword(t, s, depth-1)
	}
	return s
}

func genTypes(t *rapid.T) any {
	one := rapid.SampledFrom([]string{"null", "boolean", "integer", "number", "string", "array", "object"})
	if rapid.Bool().Draw(t, "one") {
		return one.Draw(t, "type")
	}
	return rapid.SliceOfNDistinct(one, 1, 3, rapid.ID).Draw(t, "types")
}

func genKeyword(t *rapid.T, s map[string]any, depth int) {
	name := rapid.SampledFrom([]string{"a", "b", "c"})
	count := func() any { return rapid.IntRange(0, 3).Draw(t, "count") }
	list := func() any {
		l := []any{}
		for range rapid.IntRange(1, 3).Draw(t, "branches") {
			l = append(l, genSchema(t, depth))
		}
		return l
	}
	members := func(f func() any) any {
		m := map[string]any{}
		for range rapid.IntRange(1, 3).Draw(t, "members") {
			m[name.Draw(t, "name")] = f()
		}
		return m
	}
	sub := func() any { return genSchema(t, depth) }
	names := func() any { return rapid.SliceOfNDistinct(name, 0, 2, rapid.ID).Draw(t, "names") }
	pattern := func() string {
		return rapid.SampledFrom([]string{"^a", "b", "^[ab]{1,2}$", `^\w+$`, "^.$", "(?!a)b"}).Draw(t, "pattern")
	}
	switch k := rapid.SampledFrom(genKeywords).Draw(t, "keyword"); k {
	case "type":
		s[k] = genTypes(t)
	case "enum":
		s[k] = []any{genValue(t, 1), genValue(t, 1)}
	case "const":
		s[k] = genValue(t, 1)
	case "multipleOf":
		s[k] = json.Number(rapid.SampledFrom([]string{"1", "0.1", "2", "0.3", "1e-3", "7", "1e2", "0.01", "2.50", "123456789.25"}).Draw(t, "multiple"))
	case "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum":
		s[k] = json.Number(rapid.SampledFrom([]string{"0", "1", "1.5", "-2", "100", "9007199254740992.5", "1e25", "0.10", "-1.000000000000000001", "0.000000001"}).Draw(t, "bound"))
	case "minLength", "maxLength", "minItems", "maxItems", "minContains", "maxContains", "minProperties", "maxProperties":
		s[k] = count()
	case "pattern":
		s[k] = pattern()
	case "uniqueItems":
		s[k] = rapid.Bool().Draw(t, "unique")
	case "required":
		s[k] = names()
	case "dependentRequired":
		s[k] = members(names)
	case "properties", "dependentSchemas":
		s[k] = members(sub)
	case "patternProperties":
		s[k] = map[string]any{pattern(): sub()}
	case "allOf", "anyOf", "oneOf", "prefixItems":
		s[k] = list()
	case "if":
		s["if"], s["then"], s["else"] = sub(), sub(), sub()
	case "$ref":
		s[k] = "#/$defs/" + name.Draw(t, "ref")
	case "$dynamicRef":
		s[k] = rapid.SampledFrom([]string{"#/$defs/a", "#x", "b.json#x"}).Draw(t, "dynamic")
	case "$dynamicAnchor":
	default:
		s[k] = sub()
	}
}

// TestSecondOpinion compares our verdicts with santhosh-tekuri/jsonschema's on
// random schemas and values.
func TestSecondOpinion(t *testing.T) {
	compared := 0
	check := func(t *rapid.T) {
		s, ok := genSchema(t, 3).(map[string]any)
		if !ok {
			return
		}
		b, c := genSchema(t, 2), genSchema(t, 2)
		if m, ok := b.(map[string]any); ok {
			m["$dynamicAnchor"] = "x"
			m["$id"] = "b.json"
		} else {
			b = map[string]any{"$id": "b.json", "$dynamicAnchor": "x", "type": "string"}
		}
		s["$defs"] = map[string]any{"a": genSchema(t, 2), "b": b, "c": c, "x": map[string]any{"$dynamicAnchor": "x", "not": map[string]any{"type": "integer"}}}
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		// b's references are relative to b
		text = []byte(strings.ReplaceAll(string(text), `"#/$defs/`, `"`+home+`#/$defs/`))
		ours, _, err := compiled(t, false, string(text), Options{})
		if err != nil {
			if strings.Contains(err.Error(), "leads back to itself") {
				return
			}
			t.Fatalf("%s: %v", text, err)
		}
		theirs, err := second(t, text, nil, true)
		if err != nil {
			t.Fatalf("%s: santhosh: %v", text, err)
		}
		for range 5 {
			v, err := json.Marshal(genValue(t, 3))
			if err != nil {
				t.Fatal(err)
			}
			got, want := ours.Check(tape(t, string(v)), 0, nil), theirs.Validate(decoded(t, v)) == nil
			if got != want {
				t.Fatalf("schema %s\nvalue %s\nours %v, santhosh's %v: %v", text, v, got, want, theirs.Validate(decoded(t, v)))
			}
			compared++
			for _, r := range []*Report{{Max: 100}, {Marks: []Mark{}}, {Unknown: UnknownReport}} {
				if ours.Check(tape(t, string(v)), 0, r) != want {
					t.Fatalf("schema %s\nvalue %s\nwith %+v not %v", text, v, r, want)
				}
				if !want && len(r.Violations) == 0 {
					t.Fatalf("schema %s\nvalue %s\nrefused without a violation", text, v)
				}
			}
		}
	}
	for range 8 { // of 100 schemas each
		rapid.Check(t, check)
	}
	t.Logf("compared %d", compared)
}
