package schema

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/gatehouse/gatehouse/openapi/document"
	"github.com/gatehouse/gatehouse/strictjson"
)

// A tester is what testing.T and rapid.T have in common.
type tester interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// tree makes a document's nodes of a JSON text, without places.
func tree(t tester, text []byte) *document.Node {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	n := value(t, d)
	if _, err := d.Token(); err != io.EOF {
		t.Fatalf("more than one value: %v", err)
	}
	return n
}

func value(t tester, d *json.Decoder) *document.Node {
	t.Helper()
	token, err := d.Token()
	if err != nil {
		t.Fatal(err)
	}
	switch v := token.(type) {
	case bool:
		if v {
			return &document.Node{Kind: document.Bool, Text: "true"}
		}
		return &document.Node{Kind: document.Bool, Text: "false"}
	case json.Number:
		return &document.Node{Kind: document.Number, Text: v.String()}
	case string:
		return &document.Node{Kind: document.String, Text: v}
	case json.Delim:
		n := &document.Node{Kind: document.Map}
		if v == '[' {
			n.Kind = document.List
			for d.More() {
				n.Items = append(n.Items, value(t, d))
			}
		} else {
			for d.More() {
				name, err := d.Token()
				if err != nil {
					t.Fatal(err)
				}
				n.Keys = append(n.Keys, document.Key{Name: name.(string), Value: value(t, d)})
			}
		}
		if _, err := d.Token(); err != nil {
			t.Fatal(err)
		}
		return n
	}
	return &document.Node{Kind: document.Null}
}

// compiled is the schema of a text on its own, in the given dialect.
func compiled(t tester, old bool, text string, o Options) (*Schema, *Set, error) {
	t.Helper()
	s := newSet(old, o)
	return compileInto(t, s, tree(t, []byte(text)))
}

const home = "http://testsuites.example/schema.json"

func compileInto(t tester, s *Set, n *document.Node) (*Schema, *Set, error) {
	t.Helper()
	if err := s.addFile(home, n); err != nil {
		return nil, s, err
	}
	files := make([]string, 0, len(s.registry.byURI))
	for file := range s.registry.byURI {
		files = append(files, file)
	}
	if err := s.scan(files); err != nil {
		return nil, s, err
	}
	sch, err := s.compile(n, s.registry.byURI[home], Request)
	return sch, s, err
}

func tape(t tester, text string) *strictjson.Tape {
	t.Helper()
	v := new(strictjson.Tape)
	if err := v.Read([]byte(text), &strictjson.Limits{}); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// isName reports whether token i is the name of a member.
func isName(tokens []strictjson.Token, i int) bool {
	for o := range tokens[:i] {
		if tokens[o].Kind != strictjson.Object || int(tokens[o].Next) <= i {
			continue
		}
		for m := o + 1; m < int(tokens[o].Next); m = int(tokens[m+1].Next) {
			if m == i {
				return true
			}
		}
	}
	return false
}
