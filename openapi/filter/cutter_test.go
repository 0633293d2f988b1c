package filter

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse/openapi/schema"
	"github.com/gatehouse/gatehouse/strictjson"
)

// cutNames runs the cutter over text. Members whose name has an x are not declared,
// those with a w are writeOnly.
func cutNames(t testing.TB, text string, view *View, s *Selection, record *Record) string {
	t.Helper()
	var tape strictjson.Tape
	if err := tape.Read([]byte(text), nil); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	marks := make([]schema.Mark, len(tape.Tokens))
	for i := range tape.Tokens {
		marks[i].Flags = schema.Declared
	}
	for i, k := range tape.Tokens {
		if k.Kind != strictjson.Object {
			continue
		}
		for m := i + 1; m < int(k.Next); m = int(tape.Tokens[m+1].Next) {
			name := string(tape.AppendString(nil, m))
			if strings.Contains(name, "x") {
				marks[m+1].Flags = 0
			}
			if strings.Contains(name, "w") {
				marks[m+1].Flags |= schema.WriteOnly
			}
		}
	}
	c := cutter{t: &tape, marks: marks, cut: true, view: view, record: record}
	out, changed := c.run([]byte("before"), s)
	got, ok := strings.CutPrefix(string(out), "before")
	if !ok {
		t.Fatalf("%q: what stood in the memory was changed: %q", text, out)
	}
	if !changed {
		if got != "" {
			t.Errorf("%q: unchanged, yet %q was written", text, got)
		}
		return text
	}
	return got
}

func TestCut(t *testing.T) {
	for _, c := range []struct{ in, out string }{
		{`{}`, `{}`}, {`[]`, `[]`}, {`1`, `1`}, {` "x" `, ` "x" `}, {`["x",{"a":"x"}]`, `["x",{"a":"x"}]`},
		{`{"x":1}`, `{}`}, {`{ "x" : 1 }`, `{  }`}, {`{"x":{"a":[1,2]}}`, `{}`},
		{`{"x":1,"a":2}`, `{"a":2}`}, {`{"a":1,"x":2}`, `{"a":1}`}, {`{"a":1,"x":2,"b":3}`, `{"a":1,"b":3}`},
		{`{"x":1,"x2":2}`, `{}`}, {`{"x":1,"x2":2,"a":3}`, `{"a":3}`}, {`{"a":1,"x":2,"x2":3}`, `{"a":1}`},
		{`{"a":1,"x":2,"b":3,"x2":4,"x3":5,"c":6,"x4":7}`, `{"a":1,"b":3,"c":6}`},
		{"{\n  \"a\": 1,\n  \"x\": 2,\n  \"b\": 3\n}\n", "{\n  \"a\": 1,\n  \"b\": 3\n}\n"},
		{"{\n  \"a\": 1,\n  \"x\": 2\n}", "{\n  \"a\": 1\n}"},
		{"{\n  \"x\": 1,\n  \"a\": 2\n}", "{\n  \"a\": 2\n}"},
		{`{"a" : 1.50e+3 , "x" : 0 , "b" : "\u0061" }`, `{"a" : 1.50e+3 , "b" : "\u0061" }`},
		{`{"a":{"x":1,"b":{"x":2}},"x":3}`, `{"a":{"b":{}}}`},
		{`[{"x":1},{"a":[{"x":1,"b":2}]},3]`, `[{},{"a":[{"b":2}]},3]`},
		{`{"\u0078":1,"a":2}`, `{"a":2}`},
		{`{"w":"secret","a":{"w":[1],"b":2}}`, `{"a":{"b":2}}`},
		{`{"a":1,"x":"}","b":{"x":"\","}}`, `{"a":1,"b":{}}`},
	} {
		if got := cutNames(t, c.in, nil, nil, nil); got != c.out {
			t.Errorf("%s\nbecomes %s\nwant    %s", c.in, got, c.out)
		}
	}
}

func TestWriteOnlyElementsAreRedacted(t *testing.T) {
	var tape strictjson.Tape
	if err := tape.Read([]byte(`[{"a":["s",1,true,null]},"t"]`), nil); err != nil {
		t.Fatal(err)
	}
	marks := make([]schema.Mark, len(tape.Tokens))
	for i := range marks {
		marks[i].Flags = schema.Declared
	}
	marks[1].Flags |= schema.WriteOnly
	c := cutter{t: &tape, marks: marks, cut: true}
	if out, _ := c.run(nil, nil); string(out) != `[{"a":["***",0,false,null]},"t"]` {
		t.Errorf("the element: %s", out)
	}
	marks[0].Flags |= schema.WriteOnly
	if out, _ := c.run(nil, nil); string(out) != `[{"a":["***",0,false,null]},"***"]` {
		t.Errorf("the root: %s", out)
	}
}

func TestRecord(t *testing.T) {
	var r Record
	text := `[{"a":1,"x":1,"b":{"w":1,"c/d~":{"x":2}}},{"x":1},{"b":{"w":0,"x\n\u202e":0}}]`
	cutNames(t, text, nil, nil, &r)
	want := []Place{{CodeUndeclared, "/*/x"}, {CodeWriteOnly, "/*/b/w"}, {CodeUndeclared, "/*/b/c~1d~0/x"}, {CodeUndeclared, "/*/b/x??"}}
	if diff := cmp.Diff(want, r.Places); diff != "" {
		t.Error(diff)
	}
	if r.Removed != 6 || r.Masked != 0 || r.More {
		t.Errorf("removed %d, masked %d, more %v", r.Removed, r.Masked, r.More)
	}
	v := r.Verdict()
	if v.Reason.Code != CodeFiltered || v.Reason.Message != "removed 6, masked 0" || len(v.Details) != 4 || v.Details[1].Pointer != "/*/b/w" {
		t.Errorf("%+v", v)
	}
	r.Reset()
	if v := r.Verdict(); v.Reason.Code != "" || v.Details != nil {
		t.Errorf("nothing was done, yet %+v", v)
	}

	r.Max = 2
	cutNames(t, text, nil, nil, &r)
	if len(r.Places) != 2 || !r.More || r.Removed != 6 {
		t.Errorf("%d places of at most 2", len(r.Places))
	}
	r = Record{}
	deep := strings.Repeat(`{"ä\u0000`+strings.Repeat("ö", 60)+`":`, 40) + `{"x":1}` + strings.Repeat("}", 40)
	cutNames(t, deep, nil, nil, &r)
	if p := r.Places[0].Pointer; len(p) > maxPointer || !strings.HasSuffix(p, "…") || strings.ContainsAny(p, "\x00\ufffd") {
		t.Errorf("%q", p)
	}
}

// subset reports whether out is in without some members.
func subset(out, in any) bool {
	switch o := out.(type) {
	case map[string]any:
		i, ok := in.(map[string]any)
		if !ok {
			return false
		}
		for name, v := range o {
			if w, there := i[name]; !there || !subset(v, w) {
				return false
			}
		}
		return true
	case []any:
		i, ok := in.([]any)
		return ok && slices.EqualFunc(o, i, subset)
	}
	return cmp.Equal(out, in)
}

func value(t testing.TB, text string) any {
	t.Helper()
	var tape strictjson.Tape
	if err := tape.Read([]byte(text), nil); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return tape.Value(0)
}

// remains is what a cut leaves, told from the decoded value.
func remains(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for name := range maps.Keys(v) {
			if !strings.ContainsAny(name, "xw") {
				out[name] = remains(v[name])
			}
		}
		return out
	case []any:
		out := make([]any, 0, len(v))
		for _, e := range v {
			out = append(out, remains(e))
		}
		return out
	}
	return v
}

func FuzzCut(f *testing.F) {
	for _, text := range []string{
		`{"a":1,"x":2,"b":[{"x":1},{"w":{"x":1}}]}`, `{"x":1}`, `[{"x":1,"x2":2}]`, "{ \"x\" : 1 , \"a\" : 1.0e5 }", `"x"`, `{"\u0078":1}`,
	} {
		f.Add(text, "a,b/c")
	}
	f.Fuzz(func(t *testing.T, text, fields string) {
		if len(text) > 1<<12 || (&strictjson.Tape{}).Read([]byte(text), nil) != nil {
			return
		}
		before := value(t, text)
		out := cutNames(t, text, nil, nil, nil)
		if diff := cmp.Diff(remains(before), value(t, out)); diff != "" {
			t.Fatalf("%q becomes %q\n%s", text, out, diff)
		}
		if again := cutNames(t, out, nil, nil, nil); again != out {
			t.Fatalf("%q becomes %q, and that %q", text, out, again)
		}
		s, err := ParseSelection(fields)
		if err != nil {
			return
		}
		selected := cutNames(t, text, nil, s, nil)
		if !subset(value(t, selected), value(t, out)) {
			t.Fatalf("%q of %q is %q", fields, text, selected)
		}
		if again := cutNames(t, selected, nil, s, nil); again != selected {
			t.Fatalf("%q of %q is %q, and of that %q", fields, text, selected, again)
		}
		if !json.Valid([]byte(selected)) {
			t.Fatalf("%q of %q is %q", fields, text, selected)
		}
	})
}
