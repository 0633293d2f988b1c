package document_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"testing/fstest"

	"github.com/gatehouse/gatehouse/openapi/document"
)

// FuzzLoad: whatever a document says, loading it ends with a document or with
// errors, and every operation of a document has what others rely on.
func FuzzLoad(f *testing.F) {
	for _, text := range []string{shop, swagger, head + "paths: {}", `{"openapi":"3.0.0","info":{"title":"t","version":"1"},"paths":{"/a/{b}":{"$ref":"#/paths/~1a~1{b}"}}}`,
		head + "components: {schemas: {A: {$ref: other.yaml#x, $id: 'y#z'}, B: {$dynamicRef: '#a', allOf: [{$ref: '#/components/schemas/B'}]}}}",
		"swagger: '2.0'\npaths: {/a: {$ref: '#/paths/~1a', parameters: [{$ref: '#/parameters/a'}]}}\nparameters: {a: {$ref: '#/parameters/a'}}"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		files := fstest.MapFS{"api.yaml": {Data: []byte(text)}, "other.yaml": {Data: []byte("$anchor: x\nparameters: {a: {in: body}}")}}
		d, err := document.Load(t.Context(), document.Source{FS: files, Path: "api.yaml", Limits: document.Limits{Bytes: 1 << 20, Nodes: 20_000, Aliased: 1000}})
		if err != nil {
			var p *document.Problems
			if !errors.As(err, &p) || len(p.Errors) == 0 {
				t.Fatalf("%T", err)
			}
			for _, e := range p.Errors {
				_ = p.Excerpt(e)
				if e.Code == "" || e.Message == "" {
					t.Errorf("%+v", e)
				}
			}
			return
		}
		for _, op := range d.Operations {
			if op.Node == nil || op.Method == "" || op.Path == "" || op.ID == "" || len(op.Servers) == 0 {
				t.Errorf("%+v", op)
			}
			for _, p := range op.Parameters {
				if p.Node == nil || p.Name == "" || p.In == "" || (p.Schema == nil) == (p.Content == nil) || p.Style == "" && p.In != "querystring" {
					t.Errorf("%+v", p)
				}
				if p.Schema != nil && p.Schema.File() == d.File && d.Node(p.Schema.URL()) == nil {
					t.Errorf("%s leads nowhere", p.Schema.URL())
				}
			}
			if op.RequestBody != nil {
				media(t, d, op.RequestBody.Content)
			}
			for _, r := range op.Responses {
				media(t, d, r.Content)
			}
		}
	})
}

func media(t *testing.T, d *document.Document, content []*document.Media) {
	for _, m := range content {
		if m.Node == nil || m.Type == "" {
			t.Errorf("%+v", m)
		}
		if m.Schema != nil && m.Schema.File() == d.File && d.Root.Find(m.Schema.Pointer()) != m.Schema {
			t.Errorf("%s leads elsewhere", m.Schema.Pointer())
		}
	}
}

// FuzzJSON: our reader of JSON accepts what encoding/json does and reads the same,
// but for names that stand twice and halves of surrogate pairs.
func FuzzJSON(f *testing.F) {
	for _, text := range []string{`{"a":[1,-0.5e+7,"x\u00e9\ud83d\ude00\n",true,false,null,{}]}`, `[[],[""],01]`, `"\ud800"`, " 1 ", `{"a":1,"a":2}`, "\"\x7f\u2028\"", `[1,]`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		n, err := document.Read("file:///a.json", "a.json", text, document.Limits{})
		valid := json.Valid(text)
		if err != nil {
			var p *document.Problems
			if !errors.As(err, &p) {
				t.Fatalf("%T", err)
			}
			switch code := p.Errors[0].Code; {
			case !valid || code == "contract.document_duplicate_key" || code == "contract.document_encoding" || code == "contract.document_depth":
			case bytes.Contains(text, []byte(`\u`)): // half of a surrogate pair
			default:
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if !valid && !bytes.HasPrefix(text, []byte("\uFEFF")) {
			t.Fatalf("%q was accepted", text)
		}
		if !valid {
			return
		}
		want, got := canonical(t, text), canonical(t, n.AppendJSON(nil))
		if !bytes.Equal(got, want) {
			t.Fatalf("%q was read as %s", text, got)
		}
	})
}

func canonical(t *testing.T, text []byte) []byte {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// FuzzYAML: the reader of YAML ends, and what it reads is a value of JSON.
func FuzzYAML(f *testing.F) {
	for _, text := range []string{"a: &x [1, *x]", "a: &x {<<: *x}", "? [a]\n: b", "- - - 0o17\n- .inf", "a: |\n b\n--- c", "%YAML 1.2\n---\n!!str a: !x b", "{a: 1, 'b': \"\\x41\"}", "&a a: *a", "*a : b"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		n, err := document.Read("file:///a.yaml", "a.yaml", text, document.Limits{Nodes: 20_000, Aliased: 1000})
		if err != nil {
			return
		}
		if out := n.AppendJSON(nil); !json.Valid(out) {
			t.Fatalf("%q was read as %s", text, out)
		}
	})
}
