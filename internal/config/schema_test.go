package config

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// TestSchema compares the schema with what the decoder accepts: the same keys,
// each described.
func TestSchema(t *testing.T) {
	var s map[string]any
	if err := json.Unmarshal(Schema(), &s); err != nil {
		t.Fatal(err)
	}
	if s["$schema"] != "https://json-schema.org/draft/2020-12/schema" {
		t.Errorf("$schema is %v", s["$schema"])
	}
	defs := s["$defs"].(map[string]any)
	checked := map[reflect.Type]bool{}
	var check func(typ reflect.Type, at string)
	check = func(typ reflect.Type, at string) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice || typ.Kind() == reflect.Map {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || schemaOf(typ) != nil || checked[typ] {
			return
		}
		checked[typ] = true
		def, ok := defs[schemaName(typ)].(map[string]any)
		if !ok {
			t.Errorf("%s: no definition %s", at, schemaName(typ))
			return
		}
		if def["additionalProperties"] != false {
			t.Errorf("%s accepts unknown keys", schemaName(typ))
		}
		properties, _ := def["properties"].(map[string]any)
		fields := fieldsOf(typ)
		for name := range properties {
			if _, ok := fields[name]; !ok {
				t.Errorf("%s.%s is in the schema only", at, name)
			}
		}
		for name, f := range fields {
			p, ok := properties[name].(map[string]any)
			if !ok {
				t.Errorf("%s.%s is not in the schema", at, name)
				continue
			}
			if d, _ := p["description"].(string); d == "" || strings.Contains(d, "\n") {
				t.Errorf("%s.%s has no description of one line", at, name)
			}
			check(typ.FieldByIndex(f.index).Type, at+"."+name)
		}
	}
	check(reflect.TypeFor[Config](), "config")
	if len(checked) < 30 {
		t.Errorf("only %d types were checked", len(checked))
	}
}
