package schema

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/strictjson"
)

// quickly fails a test whose work takes long, even on a machine with much to do.
func quickly(t *testing.T, what string, f func()) {
	t.Helper()
	began := time.Now()
	f()
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("%s took %v", what, took)
	}
}

// TestBombs: each value and schema is judged within bounded time and memory.
func TestBombs(t *testing.T) {
	deep := strings.Repeat(`[`, 60) + strings.Repeat(`]`, 60)
	var enum, wide, items, same strings.Builder
	for i := range 20000 {
		fmt.Fprintf(&enum, `"v%d",%d,[%d],`, i, i, i)
		fmt.Fprintf(&wide, `"k%d":%d,`, i, i)
		fmt.Fprintf(&items, `{"a":[%d],"b":"x"},`, i)
		same.WriteString(`{"a":1,"b":[2]},`)
	}
	for _, c := range []struct{ name, schema, value, want string }{
		{"oneOf in oneOf", bomb, deep, "contract.too_complex"},
		{"anyOf in anyOf, with marks", strings.ReplaceAll(bomb, "oneOf", "anyOf"), deep, ""},
		{"unevaluatedProperties in each other", `{"$defs":{"n":{"type":"object","additionalProperties":{"anyOf":[{"$ref":"#/$defs/n"},{"$ref":"#/$defs/n"},{"$ref":"#/$defs/n"}]},"unevaluatedProperties":false}},"$ref":"#/$defs/n"}`,
			strings.Repeat(`{"a":`, 50) + `1` + strings.Repeat(`}`, 50), "contract.too_complex"},
		{"deep recursion", `{"items":{"$ref":"#"}}`, deep, ""},
		{"a dynamic loop", `{"$dynamicAnchor":"a","allOf":[{"$dynamicRef":"#a"}]}`, `1`, "contract.too_complex"},
		{"a huge enum", `{"items":{"enum":[` + enum.String() + `null]}}`, `["v19999",19999.0,[7],[19999]]`, ""},
		{"a huge enum of arrays", `{"items":{"enum":[` + enum.String() + `null]}}`, "[" + strings.Repeat(`[50001],`, 5000) + "1]", "contract.enum"},
		{"many members", `{"patternProperties":{"^k[0-9]+$":{"type":"integer"}}}`, `{` + wide.String() + `"k":1}`, ""},
		{"too many members", `{"maxProperties":3}`, `{` + wide.String() + `"k":1}`, "contract.properties"},
		{"unique items", `{"uniqueItems":true}`, `[` + items.String() + `1]`, ""},
		{"equal items", `{"uniqueItems":true}`, `[` + items.String() + `{"b":"x","a":[3.0]}]`, "contract.unique"},
		{"all items equal", `{"uniqueItems":true}`, `[` + same.String() + `1]`, "contract.unique"},
		{"exponents", `{"items":{"type":"number","multipleOf":0.01,"minimum":0}}`, `[1e300,1.7e308,0e999999999999999999]`, ""},
		{"small exponents", `{"items":{"type":"integer"}}`, `[1e-400000000]`, "contract.type"},
		{"exponents in the schema", `{"maximum":1e400000000,"multipleOf":1e-400000000}`, `1e300`, ""},
		{"lengths beyond any", `{"maxLength":1e100,"maxItems":99999999999999999999}`, `"a"`, ""},
		{"a number of many digits", `{"multipleOf":12345678901234567890123}`, "1" + strings.Repeat("0", 290), "contract.range"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var o Options
			if strings.HasPrefix(c.schema, `{"$defs"`) {
				o.Steps = 1 << 17 // the default takes its time under the race detector
			}
			s, _, err := compiled(t, false, c.schema, o)
			if err != nil {
				t.Fatal(err)
			}
			var v strictjson.Tape
			if err := v.Read([]byte(c.value), &strictjson.Limits{Members: 1 << 20}); err != nil {
				t.Fatal(err)
			}
			for _, r := range []*Report{{Max: 10}, {Cut: true, Marks: []Mark{}}, {Unknown: UnknownReport}} {
				quickly(t, "the check", func() {
					ok := s.Check(&v, 0, r)
					got := ""
					if !ok {
						got = r.Violations[len(r.Violations)-1].Code
					}
					if got != c.want && !(c.want == "" && (r.Cut || r.Unknown != 0) && got == "contract.too_complex") {
						t.Errorf("%q, want %q", got, c.want)
					}
				})
			}
		})
	}
}

// TestSchemaBombs: schemas that are small on paper compile in bounded time.
func TestSchemaBombs(t *testing.T) {
	var double, wide, chain strings.Builder
	for i := range 60 {
		fmt.Fprintf(&double, `"d%d":{"allOf":[{"$ref":"#/$defs/d%d"},{"$ref":"#/$defs/d%d"}]},`, i, i+1, i+1)
	}
	for i := range 8 {
		fmt.Fprintf(&wide, `"w%d":{"allOf":[%s{}]},`, i, strings.Repeat(fmt.Sprintf(`{"$ref":"#/$defs/w%d"},`, i+1), 100))
	}
	for i := range 5000 {
		fmt.Fprintf(&chain, `"c%d":{"$ref":"#/$defs/c%d"},`, i, i+1)
	}
	for _, c := range []struct{ name, schema, value, want string }{
		{"twice each", `{"$defs":{` + double.String() + `"d60":{"properties":{"a":{"const":1}}}},"$ref":"#/$defs/d0"}`, `{"a":1}`, "contract.too_complex"},
		{"wide", `{"$defs":{` + wide.String() + `"w8":{"properties":{"a":{"const":1}}}},"oneOf":[{"$ref":"#/$defs/w0"},{"$ref":"#/$defs/w1"}]}`, `{"a":1}`, "contract.too_complex"},
		{"a long chain", `{"$defs":{` + chain.String() + `"c5000":{}},"$ref":"#/$defs/c0"}`, ``, "too many schemas apply"},
	} {
		quickly(t, c.name, func() {
			s, _, err := compiled(t, false, c.schema, Options{})
			if err != nil {
				if c.value != "" || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%s: %v", c.name, err)
				}
				return
			}
			if a := s.Property("a"); a == nil || s.Items() != nil || len(s.Properties()) != 1 {
				t.Errorf("%s: %v", c.name, a)
			}
			var r Report
			if s.Check(tape(t, c.value), 0, &r) || r.Violations[0].Code != c.want {
				t.Errorf("%s: %v", c.name, r.Violations)
			}
		})
	}
}

func TestManyMembers(t *testing.T) {
	props, value, required := map[string]any{}, map[string]any{}, []string{}
	for i := range 200 {
		name := fmt.Sprint("member", i)
		props[name] = map[string]any{"type": "integer", "maximum": i}
		value[name] = i
		required = append(required, name)
	}
	text, err := json.Marshal(map[string]any{"properties": props, "required": required, "additionalProperties": false,
		"dependentRequired": map[string]any{"member1": []string{"member199"}}})
	if err != nil {
		t.Fatal(err)
	}
	s, _, err := compiled(t, false, string(text), Options{})
	if err != nil {
		t.Fatal(err)
	}
	check := func(want string) {
		t.Helper()
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		r := Report{Max: 5}
		got := ""
		if !s.Check(tape(t, string(text)), 0, &r) {
			for _, v := range r.Violations {
				got += v.Code + v.Pointer + " "
			}
		}
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	check("")
	delete(value, "member199")
	check("contract.required/member199 contract.dependent_required/member199 ")
	value["member199"] = 200
	check("contract.range/member199 ")
	value["member199"], value["other"] = 1, 1
	check("contract.unknown_property/other ")
}

func TestOpenAPIFormats(t *testing.T) {
	for _, c := range []struct{ format, valid, invalid string }{
		{"int8", `127 -128 1.0`, `128 1.5`},
		{"int16", `32767`, `32768`},
		{"int32", `2147483647 -2147483648 2e9 "a"`, `2147483648 -2147483649 1e100 0.5`},
		{"int64", `9223372036854775807 -9223372036854775808`, `9223372036854775808 1e30 1e300`},
		{"uint8", `0 255`, `-1 256`},
		{"uint16", `65535`, `65536`},
		{"uint32", `4294967295`, `4294967296 -1`},
		{"uint64", `18446744073709551615 0`, `18446744073709551616 -1 0.5`},
		{"double-int", `9007199254740991`, `9007199254740992`},
		{"float", `3.4028234e38 -1.5`, `3.5e38 1e300`},
		{"double", `1.7976931348623157e308 -1e308 0`, ``}, // the reader has refused what is greater
		{"decimal", `"1.50" "-0.1e5" 7`, `"1." "a" "" "1e"`},
		{"decimal128", `"1.50"`, `".5"`},
		{"byte", `"" "aGk=" "aGkh" "+/+/"`, `"aGk" "aGk-" "a===" "aG=k" "aGl=" "===="`},
		{"base64url", `"" "aGk" "aGk=" "-_-_"`, `"aGk+" "a" "aGk==" "aGl"`},
		{"char", `"a" "é" "𝄞"`, `"" "ab"`},
		{"media-range", `"text/*" "*/*" "text/html;charset=utf-8;q=\"1\""`, `"text" "*/html" "text/html;x" "te(xt/a"`},
		{"http-date", `"Sun,\u002006\u0020Nov\u00201994\u002008:49:37\u0020GMT"`, `"2026-11-21"`},
		{"date-time-local", `"2026-11-21T10:00:00" "2026-11-21T10:00:00.5"`, `"2026-11-21T10:00:00Z" "2026-11-21T10:00:60"`},
		{"time-local", `"10:00:00"`, `"10:00:00Z"`},
		{"binary", `"\u0000"`, ``},
		{"password", `"x"`, ``},
	} {
		s, set, err := compiled(t, false, `{"format":"`+c.format+`"}`, Options{})
		if err != nil || len(set.Warnings()) > 0 {
			t.Errorf("%s: %v %v", c.format, err, set.Warnings())
			continue
		}
		t.Run(c.format, func(t *testing.T) { judge(t, s, c.valid, c.invalid) })
	}
	for _, f := range Formats() {
		if f.Name == "" || f.Means == "" {
			t.Errorf("%+v", f)
		}
	}
}

// FuzzSchema: no JSON text makes compiling or checking panic or hang, and what
// santhosh-tekuri/jsonschema compiles too, it judges alike.
func FuzzSchema(f *testing.F) {
	for _, s := range []string{orderSchema, bomb, `{"type":"object","properties":{"a":{"$ref":"#"}},"unevaluatedProperties":false}`,
		`{"$id":"x","$defs":{"a":{"$anchor":"b","$dynamicAnchor":"c"}},"$dynamicRef":"#c"}`, `{"oneOf":[{"$ref":"#/$defs/a"}],"discriminator":{"propertyName":"k","mapping":{"a":"b"}},"$defs":{"a":true}}`,
		`{"minimum":1e3,"maximum":10,"multipleOf":0.1,"pattern":"^(a|b)*$","format":"uri"}`} {
		f.Add(s, order)
		f.Add(s, `[{"a":1}]`)
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		if len(text) > 2000 || len(value) > 2000 {
			return
		}
		var v, schemaTape strictjson.Tape
		if schemaTape.Read([]byte(text), &strictjson.Limits{}) != nil || v.Read([]byte(value), &strictjson.Limits{}) != nil {
			return
		}
		for _, old := range []bool{false, true} {
			s, set, err := compiled(t, old, text, Options{Steps: 100_000})
			if err != nil {
				continue
			}
			response, err := set.compile(s.node.at, s.node.res, Response)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range []*Schema{s, response} {
				for _, r := range []*Report{{}, {Max: 5, Unknown: UnknownRefuse}, {Cut: true, Marks: []Mark{}}} {
					if !s.Check(&v, 0, r) && len(r.Violations) == 0 {
						t.Fatal("refused without a violation")
					}
				}
			}
			for _, part := range []*Schema{s.Items(), s.Prefix(0), s.Property("a")} {
				if part != nil {
					part.Check(&v, 0, nil)
				}
			}
		}
	})
}
