package config

import (
	"bytes"
	"encoding"
	"encoding/json"
	"net/netip"
	"path"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/invopop/jsonschema"

	"github.com/gatehouse/gatehouse"
)

// Schema returns the JSON Schema (draft 2020-12) of gatehouse.yaml, for editors.
// It is a help, and less strict than Load: a reference such as ${env:NAME} may
// stand for any value.
func Schema() []byte { return schemaOnce() }

var schemaOnce = sync.OnceValue(func() []byte {
	r := &jsonschema.Reflector{
		FieldNameTag:               "yaml",
		RequiredFromJSONSchemaTags: true,
		Anonymous:                  true,
		Mapper:                     schemaOf,
		Namer:                      schemaName,
	}
	s := r.Reflect(&Config{})
	fileAlone(s)
	s.ID = "https://gatehouse.dev/schema/gatehouse-1.json"
	s.Title = "gatehouse.yaml"
	s.Description = "The configuration of Gatehouse, a security gateway for HTTP APIs."
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(s); err != nil {
		panic(err) // of our own types: a test reads it
	}
	return b.Bytes()
})

// fileAlone lets the name of the document stand for a contract.
func fileAlone(s *jsonschema.Schema) {
	p, ok := s.Definitions["API"].Properties.Get("contract")
	if !ok {
		panic("an API has no contract") // of our own types: a test reads it
	}
	description := p.Description
	p.Description = ""
	whole := *p
	*p = jsonschema.Schema{Description: description, AnyOf: []*jsonschema.Schema{&whole, {Type: "string"}}}
}

// reference is what may stand wherever a value may.
const reference = `\$\{(env|file):[^}]+\}`

var textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()

// schemaOf returns the schemas of the types that are written as text.
func schemaOf(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return &jsonschema.Schema{Type: "string", Examples: []any{"500ms", "30s", "5m"},
			Pattern: `^(0|([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+|` + reference + `)$`}
	case reflect.TypeFor[gatehouse.Bytes]():
		return &jsonschema.Schema{OneOf: []*jsonschema.Schema{
			{Type: "integer", Minimum: "0"},
			{Type: "string", Pattern: `^([0-9]+ *(B|KiB|MiB|GiB)?|` + reference + `)$`},
		}, Examples: []any{"64KiB", "10MiB"}}
	case reflect.TypeFor[netip.Prefix]():
		return &jsonschema.Schema{Type: "string", Examples: []any{"10.0.0.0/8", "fd00::/8"}}
	case redirectsType:
		return &jsonschema.Schema{OneOf: []*jsonschema.Schema{
			{Type: "string", Enum: []any{RedirectsRefuse, RedirectsSameHost}},
			{Type: "array", Items: &jsonschema.Schema{Type: "string"}},
		}, Examples: []any{RedirectsSameHost}}
	case modeType:
		return &jsonschema.Schema{Type: "string", Enum: []any{"off", "monitor", "enforce"}}
	}
	if t.Kind() != reflect.Pointer && (t.Implements(textMarshaler) || reflect.PointerTo(t).Implements(textMarshaler)) {
		return &jsonschema.Schema{Type: "string"}
	}
	return nil
}

// schemaName keeps the Config of one package apart from that of another.
func schemaName(t reflect.Type) string {
	switch {
	case t.Name() == "": // a list or a mapping stands where it is used
		return ""
	case strings.HasSuffix(t.PkgPath(), "/config"):
		return t.Name()
	}
	return path.Base(t.PkgPath()) + "." + t.Name()
}
