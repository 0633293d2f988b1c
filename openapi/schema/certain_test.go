package schema

import (
	"strconv"
	"testing"
)

// TestCertain holds what is decided of a part at a glance to what check says of the
// same value alone: in an object, in an array, and behind references.
func TestCertain(t *testing.T) {
	schemas := []string{
		`true`, `false`, `{}`, `{"type": "null"}`, `{"type": "boolean"}`, `{"type": "integer"}`, `{"type": "number"}`, `{"type": "string"}`,
		`{"type": ["integer", "null"]}`, `{"type": ["string", "array"]}`, `{"type": "object"}`, `{"type": "array"}`,
		`{"minimum": 0}`, `{"maximum": 0}`, `{"exclusiveMinimum": 0}`, `{"exclusiveMaximum": 1}`, `{"minimum": 0.5}`, `{"maximum": 7.5, "type": "integer"}`,
		`{"minimum": 5, "maximum": 3}`, `{"type": "integer", "minimum": -10, "exclusiveMaximum": 1000}`, `{"type": "string", "minimum": 7}`,
		`{"minimum": -9223372036854775808}`, `{"maximum": 9223372036854775807}`, `{"exclusiveMaximum": -9223372036854775808}`, `{"exclusiveMinimum": 1e300}`,
		`{"multipleOf": 2}`, `{"type": "integer", "format": "int32"}`, `{"format": "uint8"}`, `{"format": "int64", "minimum": 3}`, `{"format": "uint64"}`,
		`{"format": "float"}`, `{"format": "double-int"}`, `{"format": "date"}`, `{"format": "decimal"}`,
		`{"maxLength": 0}`, `{"maxLength": 3}`, `{"maxLength": 3, "minLength": 1}`, `{"maxLength": 3, "pattern": "^a"}`, `{"maxLength": 3, "type": "integer"}`,
		`{"maxLength": 30, "format": "date"}`, `{"maxLength": 3, "enum": ["ab", 1]}`, `{"maxLength": 3, "const": "ab"}`, `{"maxLength": 5000000000}`,
		`{"enum": [0, null, "", "ab", true]}`, `{"const": 0}`, `{"const": null}`, `{"properties": {"x": {"type": "integer"}}}`, `{"type": "object", "required": ["x"]}`,
		`{"items": {"type": "string"}}`, `{"maxItems": 0}`, `{"not": {"type": "integer"}}`, `{"anyOf": [{"type": "integer"}, {"type": "string"}]}`,
		`{"$ref": "#/$defs/small"}`, `{"$ref": "#/$defs/chain"}`, `{"$ref": "#/$defs/small", "minimum": 4}`, `{"$ref": "#/$defs/small", "type": "string"}`,
		`{"$ref": "#/$defs/small", "enum": [3, 4000]}`, `{"$ref": "#/$defs/never"}`, `{"$ref": "#/$defs/small", "readOnly": true}`,
		`{"type": "integer", "readOnly": true}`, `{"type": "string", "writeOnly": true}`, `{"maxLength": 9, "x-gatehouse-class": "secret"}`,
	}
	values := []string{
		`null`, `true`, `false`, `0`, `-0`, `1`, `-1`, `3`, `4`, `7`, `255`, `256`, `1000`, `-10`, `-11`, `2147483647`, `2147483648`, `-2147483648`,
		`999999999999999999`, `9223372036854775807`, `9223372036854775808`, `-9223372036854775809`, `1.0`, `0.5`, `1e2`, `1E-2`, `-0.0`, `3e0`, `10000000000000000000000`,
		`""`, `"a"`, `"ab"`, `"abc"`, `"abcd"`, `"äöü"`, `"\u0061bc"`, `"\ud83d\ude00"`, `"😀😀😀"`, `"😀😀😀😀"`, `"2026-11-21"`, `"0"`,
		`[]`, `["a"]`, `[1]`, `{}`, `{"x": 1}`, `{"x": "a"}`,
	}
	const defs = `"$defs": {"small": {"type": "integer", "maximum": 9}, "chain": {"$ref": "#/$defs/link"}, "link": {"$ref": "#/$defs/small"}, "never": false}`
	for _, dir := range []Direction{Request, Response} {
		for _, text := range schemas {
			schema := func(text string) *Schema {
				s, _, err := compiled(t, false, text, Options{})
				if err != nil {
					t.Fatal(text, err)
				}
				return &Schema{set: s.set, node: s.node, dir: dir}
			}
			alone := text // references stand in front of what they lead to
			if text[0] == '{' && text != "{}" {
				alone = text[:len(text)-1] + ", " + defs + "}"
			}
			bare := schema(alone)
			in := schema(`{"properties": {"a": ` + text + `}, ` + defs + `}`)
			listed := schema(`{"items": ` + text + `, ` + defs + `}`)
			behind := schema(`{"properties": {"a": {"$ref": "#/$defs/it"}}, "$defs": {"it": ` + text + `,` + defs[len(`"$defs": {`):] + `}`)
			for _, value := range values {
				var want Report
				ok := bare.Check(tape(t, value), 0, &want)
				for name, c := range map[string]struct {
					s    *Schema
					text string
				}{"member": {in, `{"a": ` + value + `}`}, "item": {listed, `[` + value + `]`}, "behind": {behind, `{"a":` + value + `}`}} {
					for _, cut := range []bool{false, true} {
						r := Report{Cut: cut, Max: 1}
						if cut {
							r.Marks = []Mark{}
						}
						got := c.s.Check(tape(t, c.text), 0, &r)
						if cut && len(want.Violations) > 0 && want.Violations[0].Code == "contract.write_only" && name != "item" {
							continue // it is cut
						}
						if got != ok || !ok && r.Violations[0].Code != want.Violations[0].Code && want.Violations[0].Code != "contract.forbidden" { // items have a code of their own for that
							t.Errorf("%s as %s of %s (cut %s): %v %v, alone %v %v", value, name, text, strconv.FormatBool(cut), got, r.Violations, ok, want.Violations)
						}
					}
				}
			}
		}
	}
}
