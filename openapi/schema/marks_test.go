package schema

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse/strictjson"
)

// marked renders a value with what is marked: undeclared members in ( ), writeOnly
// ones in < >, a class behind a #.
func marked(v *strictjson.Tape, marks []Mark, classes []string, i int) string {
	t := v.Tokens[i]
	out := ""
	switch t.Kind {
	case strictjson.Object:
		var members []string
		for m := i + 1; m < int(t.Next); m = int(v.Tokens[m+1].Next) {
			one := string(v.StringBytes(m))
			switch f := marks[m+1].Flags; {
			case f&WriteOnly != 0:
				one = "<" + one + ">"
			case f&Declared == 0:
				one = "(" + one + ")"
			default:
				one += ":" + marked(v, marks, classes, m+1)
			}
			members = append(members, one)
		}
		out = "{" + strings.Join(members, " ") + "}"
	case strictjson.Array:
		var items []string
		for k := i + 1; k < int(t.Next); k = int(v.Tokens[k].Next) {
			items = append(items, marked(v, marks, classes, k))
		}
		out = "[" + strings.Join(items, " ") + "]"
	default:
		out = string(v.Raw(i))
	}
	if c := marks[i].Class; c != 0 {
		out += "#" + classes[c]
	}
	if c := marks[i].Also; c != 0 {
		out += "#" + classes[c]
	}
	return out
}

func TestMarks(t *testing.T) {
	for _, c := range []struct{ name, schema, value, want string }{
		{"open", `{"properties":{"a":{}}}`, `{"a":1,"b":2}`, `{a:1 (b)}`},
		{"closed", `{"properties":{"a":{}},"additionalProperties":false}`, `{"a":1,"b":2}`, `{a:1 (b)}`},
		{"unevaluated", `{"properties":{"a":{}},"unevaluatedProperties":false}`, `{"a":1,"b":2}`, `{a:1 (b)}`},
		{"additional", `{"properties":{"a":{}},"additionalProperties":{"type":"integer"}}`, `{"a":1,"b":2}`, `{a:1 b:2}`},
		{"pattern", `{"patternProperties":{"^x-":{}}}`, `{"x-a":1,"b":2}`, `{x-a:1 (b)}`},
		{"writeOnly", `{"properties":{"a":{},"p":{"writeOnly":true,"type":"string"}},"required":["p"]}`, `{"a":1,"p":2}`, `{a:1 <p>}`},
		{"free", `{"properties":{"m":{"type":"object"}}}`, `{"m":{"x":{"y":1}},"n":{}}`, `{m:{x:{y:1}} (n)}`},
		{"true", `{"properties":{"m":true,"n":{}}}`, `{"m":{"x":1},"n":[{"y":1}]}`, `{m:{x:1} n:[{y:1}]}`},
		{"allOf", `{"allOf":[{"properties":{"a":{}}},{"properties":{"b":{}}}]}`, `{"a":1,"b":2,"c":3}`, `{a:1 b:2 (c)}`},
		{"allOf of closed ones", `{"allOf":[{"properties":{"a":{}},"additionalProperties":false},{"properties":{"b":{}}}]}`, `{"a":1,"b":2,"c":3}`, `{a:1 b:2 (c)}`},
		{"nested", `{"items":{"properties":{"a":{"properties":{"b":{}}}}}}`, `[{"a":{"b":1,"c":2}},{"d":1}]`, `[{a:{b:1 (c)}} {(d)}]`},
		{"a failed branch declares nothing", `{"anyOf":[{"properties":{"a":{},"k":{"const":1}},"required":["k"]},{"properties":{"b":{},"k":{"const":2}},"required":["k"]}]}`,
			`{"k":2,"a":1,"b":1}`, `{k:2 (a) b:1}`},
		{"oneOf of closed ones", `{"oneOf":[{"properties":{"a":{}},"required":["a"],"additionalProperties":false},{"properties":{"b":{}},"required":["b"],"additionalProperties":false}]}`,
			`{"b":1,"c":2}`, `{b:1 (c)}`},
		{"a branch that takes the value as it is goes first", `{"oneOf":[{"properties":{"a":{}},"additionalProperties":false},{"properties":{"a":{},"b":{}},"required":["b"],"additionalProperties":false}]}`,
			`{"a":1,"b":2}`, `{a:1 b:2}`},
		{"if", `{"if":{"properties":{"k":{"const":1}}},"then":{"properties":{"a":{}}},"else":{"properties":{"b":{}}}}`, `{"k":1,"a":1,"b":2}`, `{k:1 a:1 (b)}`},
		{"not", `{"not":{"properties":{"a":{"type":"string"}}}}`, `{"a":1}`, `{a:1}`},
		{"class", `{"properties":{"mail":{"x-gatehouse-class":"email"},"card":{"$ref":"#/$defs/card"}},"$defs":{"card":{"x-gatehouse-class":"card"}}}`,
			`{"mail":"a@b.c","card":"4111"}`, `{mail:"a@b.c"#email card:"4111"#card}`},
		{"a class of a failed branch", `{"properties":{"v":{"anyOf":[{"type":"integer","x-gatehouse-class":"n"},{"type":"string","x-gatehouse-class":"s"}]}}}`, `{"v":"x"}`, `{v:"x"#s}`},
		{"contains", `{"contains":{"properties":{"a":{}}}}`, `[{"a":1,"b":2}]`, `[{a:1 b:2}]`},
		{"prefixItems", `{"prefixItems":[{"properties":{"a":{}}}]}`, `[{"b":1},{"b":1}]`, `[{(b)} {b:1}]`},
		{"what is left is counted", `{"properties":{"a":{}},"maxProperties":1}`, `{"a":1,"b":2}`, `{a:1 (b)}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, response := both(t, false, c.schema)
			v := tape(t, c.value)
			r := Report{Cut: true, Marks: []Mark{}}
			if !response.Check(v, 0, &r) {
				t.Fatalf("refused: %v", r.Violations)
			}
			if got := marked(v, r.Marks, response.set.Classes(), 0); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// What a filter cannot mend is a violation all the same.
func TestCutRefuses(t *testing.T) {
	for _, c := range []struct{ schema, value, want string }{
		{`{"properties":{"a":{"type":"string"}},"additionalProperties":false}`, `{"a":1,"b":2}`, "contract.type"},
		{`{"properties":{"a":{}},"minProperties":3}`, `{"a":1,"b":2}`, "contract.properties"},
		{`{"maxProperties":1}`, `{"a":1,"b":2}`, "contract.properties"},
		{`{"writeOnly":true}`, `1`, "contract.write_only"},
		{`{"items":{"writeOnly":true}}`, `[1]`, "contract.write_only"},
		{`{"required":["a"],"additionalProperties":false}`, `{"b":2}`, "contract.required"},
		{`{"oneOf":[{"properties":{"a":{}},"additionalProperties":false},{"properties":{"b":{}},"additionalProperties":false}]}`, `{"a":1,"b":2}`, "contract.choice"},
	} {
		_, response := both(t, false, c.schema)
		r := Report{Cut: true, Marks: []Mark{}}
		if response.Check(tape(t, c.value), 0, &r) || r.Violations[0].Code != c.want {
			t.Errorf("%s: %s: %v, want %s", c.schema, c.value, r.Violations, c.want)
		}
	}
}

func TestUnknown(t *testing.T) {
	const text = `{"allOf":[{"properties":{"a":{"properties":{"b":{}}},"free":{"type":"object"}}}],"properties":{"list":{"items":{"properties":{"n":{}}}}},
		"anyOf":[{"properties":{"x":{"type":"string"}}},{"properties":{"y":{}},"required":["y"]}]}`
	s, _, err := compiled(t, false, text, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		value, unknown string
		except         []string
	}{
		{`{"a":{"b":1},"free":{"z":1},"list":[{"n":1}],"x":"s"}`, "", nil},
		{`{"a":{"b":1,"c":2},"q":1}`, "/a/c /q", nil},
		{`{"list":[{"n":1},{"m":1},{"o":{"p":1}}]}`, "/list/1/m /list/2/o", nil},
		{`{"list":[{"n":1},{"m":1},{"o":{"p":1}}]}`, "/list/1/m", []string{"/list/*/o"}},
		{`{"x":1,"y":1}`, "/x", nil}, // declared by a branch that does not apply
		{`{"q":{"r":1},"s":1}`, "/s", []string{"/q"}},
		{`{"a":[1],"list":{"z":1}}`, "", nil},
	} {
		except, err := NewPointers(c.except...)
		if err != nil {
			t.Fatal(err)
		}
		for mode, accepted := range map[Unknown]bool{UnknownAsDeclared: true, UnknownReport: true, UnknownRefuse: c.unknown == ""} {
			r := Report{Max: 10, Unknown: mode, Exceptions: except}
			if s.Check(tape(t, c.value), 0, &r) != accepted {
				t.Errorf("%s: mode %d: %v", c.value, mode, r.Violations)
			}
			var got []string
			for _, v := range r.Violations {
				got = append(got, v.Pointer)
				if v.Code != "contract.unknown_property" {
					t.Errorf("%s: %s", c.value, v.Code)
				}
			}
			want := strings.Fields(c.unknown)
			if mode == UnknownAsDeclared {
				want = nil
			}
			slices.Sort(got)
			if len(got)+len(want) > 0 && !cmp.Equal(want, got) {
				t.Errorf("%s: mode %d: %v, want %v", c.value, mode, got, want)
			}
		}
	}
}

func TestPointers(t *testing.T) {
	p, err := NewPointers("/a/*/b", "/a/1/c", "/x~1y")
	if err != nil {
		t.Fatal(err)
	}
	for pointer, want := range map[string]bool{"/a/7/b": true, "/a/1/b": true, "/a/1/c": true, "/x~1y": true,
		"/a/2/c": false, "/a": false, "/a/7/b/c": false, "": false} {
		if p.Has(pointer) != want {
			t.Errorf("%q: not %v", pointer, want)
		}
	}
	for _, text := range []string{"", "a/b"} {
		if _, err := NewPointers(text); err == nil {
			t.Errorf("%q is a pointer", text)
		}
	}
}
