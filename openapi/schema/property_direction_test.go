package schema

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

// eachSchema calls f with every schema object within v, from the inside out.
func eachSchema(v any, f func(map[string]any)) {
	s, ok := v.(map[string]any)
	if !ok {
		return
	}
	for _, k := range schemaKeywords {
		eachSchema(s[k], f)
	}
	for _, k := range listKeywords {
		if list, ok := s[k].([]any); ok {
			for _, item := range list {
				eachSchema(item, f)
			}
		}
	}
	for _, k := range mapKeywords {
		if m, ok := s[k].(map[string]any); ok {
			for _, item := range m {
				eachSchema(item, f)
			}
		}
	}
	f(s)
}

// TestDirectionSecondOpinion: a schema with readOnly is, in a request, one that
// refuses everything, and so with writeOnly in a response. Where nothing is required
// or negated, a validator that knows of no directions can be told so.
func TestDirectionSecondOpinion(t *testing.T) {
	check := func(t *rapid.T) {
		s, ok := genSchema(t, 3).(map[string]any)
		if !ok {
			return
		}
		s["$defs"] = map[string]any{"a": genSchema(t, 2), "b": genSchema(t, 2), "c": genSchema(t, 1), "x": map[string]any{"$dynamicAnchor": "x"}}
		eachSchema(s, func(m map[string]any) {
			for _, k := range []string{"not", "if", "then", "else", "contains", "minContains", "maxContains", "propertyNames", "required",
				"dependentRequired", "$dynamicRef", "oneOf"} {
				delete(m, k)
			}
			if k := rapid.SampledFrom([]string{"readOnly", "writeOnly", "", "", ""}).Draw(t, "direction"); k != "" {
				m[k] = true
			}
		})
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		request, set, err := compiled(t, false, string(text), Options{})
		if err != nil {
			return // a loop
		}
		response, err := set.compile(request.node.at, request.node.res, Response)
		if err != nil {
			t.Fatal(err)
		}
		values := make([][]byte, 5)
		for i := range values {
			if values[i], err = json.Marshal(genValue(t, 3)); err != nil {
				t.Fatal(err)
			}
		}
		for dir, ours := range []*Schema{request, response} {
			told := decoded(t, text)
			eachSchema(told, func(m map[string]any) {
				if m["readOnly"] == true && dir == int(Request) || m["writeOnly"] == true && dir == int(Response) {
					all, _ := m["allOf"].([]any)
					m["allOf"] = append(all, false)
				}
			})
			text, err := json.Marshal(told)
			if err != nil {
				t.Fatal(err)
			}
			theirs, err := second(t, text, nil, true)
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			for _, v := range values {
				got, want := ours.Check(tape(t, string(v)), 0, nil), theirs.Validate(decoded(t, v)) == nil
				if got != want {
					t.Fatalf("schema %s\nvalue %s\ndirection %d: ours %v, santhosh's %v", text, v, dir, got, want)
				}
			}
		}
	}
	for range 3 { // of 100 schemas each
		rapid.Check(t, check)
	}
}

// TestCut: a value that is valid is not refused for a filter; and where nothing is
// to be cut, the verdict is the same as without.
func TestCut(t *testing.T) {
	check := func(t *rapid.T) {
		text, err := json.Marshal(map[string]any{"allOf": []any{genSchema(t, 3)}, "$defs": map[string]any{
			"a": genSchema(t, 2), "b": map[string]any{"$id": "b.json", "$dynamicAnchor": "x", "type": "object"}, "c": genSchema(t, 1), "x": map[string]any{"$dynamicAnchor": "x"}}})
		if err != nil {
			t.Fatal(err)
		}
		s, _, err := compiled(t, false, string(text), Options{})
		if err != nil {
			return // a loop
		}
		value, err := json.Marshal(genValue(t, 4))
		if err != nil {
			t.Fatal(err)
		}
		v := tape(t, string(value))
		r := Report{Cut: true, Marks: []Mark{}}
		accepted := s.Check(v, 0, &r)
		plain := s.Check(v, 0, nil)
		if plain && !accepted {
			t.Fatalf("schema %s\nvalue %s\nis refused by a cut only: %v", text, value, r.Violations)
		}
		whole := true
		for i := range v.Tokens {
			whole = whole && (r.Marks[i].Flags&Declared != 0 || isName(v.Tokens, i))
		}
		if accepted && whole && !plain {
			t.Fatalf("schema %s\nvalue %s\nnothing is cut, but it is not valid", text, value)
		}
	}
	for range 5 {
		rapid.Check(t, check)
	}
}
