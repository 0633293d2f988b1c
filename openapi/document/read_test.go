package document_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse/openapi/document"
)

func read(name, text string) (*document.Node, error) {
	return document.Read("file:///"+name, name, []byte(text), document.Limits{})
}

// YAML is read by the core schema of YAML 1.2.
func TestYAMLValues(t *testing.T) {
	for _, test := range []struct{ yaml, want string }{
		{`a: yes`, `{"a":"yes"}`},
		{`a: [on, off, no, y, n, Yes]`, `{"a":["on","off","no","y","n","Yes"]}`},
		{`a: [true, True, FALSE, tRUE]`, `{"a":[true,true,false,"tRUE"]}`},
		{`a: [null, ~, NULL, Null, nULL, ""]`, `{"a":[null,null,null,null,"nULL",""]}`},
		{`a:`, `{"a":null}`},
		{`a: 2024-01-02`, `{"a":"2024-01-02"}`},
		{`a: 2024-01-02T03:04:05Z`, `{"a":"2024-01-02T03:04:05Z"}`},
		{`a: [0o17, 0x1F, 010, 0b1, 017, -0x1, 0o8, 0x, 0xffffffffffffffffffff]`, `{"a":[15,31,10,"0b1",17,"-0x1","0o8","0x",1208925819614629174706175]}`},
		{`a: [1_000, 1:30, 12e03, +12, -0, 1e400, 12345678901234567890]`, `{"a":["1_000","1:30",12e03,12,-0,1e400,12345678901234567890]}`},
		{`a: [1., .5, -.5, +.5e-3, ., +, "-.", 1.2.3, 1e, 1.0e+5, 0.10]`, `{"a":[1.0,0.5,-0.5,0.5e-3,".","+","-.","1.2.3","1e",1.0e+5,0.10]}`},
		{`a: ['1', "true", !!str 1, !!int 1, !!float 1.5, !!str null, !!null null, !!bool true, ! 12]`, `{"a":["1","true","1",1,1.5,"null",null,true,"12"]}`},
		{"200: ok\n0x1F: a\ntrue: b\nnull: c\n1.0: d\nyes: e", `{"200":"ok","0x1F":"a","true":"b","null":"c","1.0":"d","yes":"e"}`},
		{"a: |\n  x\n  y\nb: >\n  x\n  y\n", `{"a":"x\u000ay\u000a","b":"x y\u000a"}`},
		{`a: "\u00e9\x41\U0001F600\t\/"`, `{"a":"éA😀\u0009/"}`},
		{"a: &x {b: [1]}\nc: *x\nd: [*x, *x]", `{"a":{"b":[1]},"c":{"b":[1]},"d":[{"b":[1]},{"b":[1]}]}`},
		{"a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}\ne: {<<: [{b: 7}, *x], f: 1}", `{"a":{"b":1,"c":2},"d":{"c":3,"b":1},"e":{"f":1,"b":7,"c":2}}`},
		{`"<<": 1`, `{"<<":1}`},
		{"%YAML 1.2\n---\na: 1\n...\n", `{"a":1}`},
		{"\uFEFFa: 1", `{"a":1}`},
		{"{a: 1, b: [x, y]}", `{"a":1,"b":["x","y"]}`},
		{"{\"a\":1,\n\"b\": [true,], # a comment\n}", `{"a":1,"b":[true]}`},
	} {
		n, err := read("a.yaml", test.yaml)
		if err != nil {
			t.Errorf("%s: %v", test.yaml, err)
			continue
		}
		if got := string(n.AppendJSON(nil)); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.yaml, got, test.want)
		}
	}
}

func TestBrokenTexts(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"a.yaml", "a: 1\nb: 2\na: 3", `3:1 contract.document_duplicate_key: the key "a" stands twice (the first is in line 1)`},
		{"a.yaml", "200: 1\n'200': 2", `2:1 contract.document_duplicate_key: the key "200" stands twice (the first is in line 1)`},
		{"a.yaml", "a: 1\n---\nb: 2", `2:1 contract.document_many: the file holds more than one YAML document (keep one)`},
		{"a.yaml", "a: .inf", `1:4 contract.document_number: the number ".inf" cannot be written in JSON (put it in quotes if it is text)`},
		{"a.yaml", "a: [-.inf, .NaN]", `1:5 contract.document_number: the number "-.inf" cannot be written in JSON (put it in quotes if it is text)
1:12 contract.document_number: the number ".NaN" cannot be written in JSON (put it in quotes if it is text)`},
		{"a.yaml", "a: !mine 1", `1:4 contract.document_syntax: YAML: the tag "!mine" means nothing here`},
		{"a.yaml", "a: !!int x", `1:4 contract.document_syntax: YAML: the tag "!!int" means nothing here`},
		{"a.yaml", "a: !!set {x}", `1:4 contract.document_syntax: YAML: the tag "!!set" means nothing here`},
		{"a.yaml", "{a: 1}: 2", `1:1 contract.document_syntax: YAML: a key that is no scalar`},
		{"a.yaml", "a: &x [*x]", `1:8 contract.document_cycle: the alias "*x" stands within its own anchor`},
		{"a.yaml", "a: &x {<<: *x}", `1:12 contract.document_cycle: a map is merged into itself`},
		{"a.yaml", "a: {<<: 7}", `1:9 contract.document_syntax: YAML: << takes a map, an alias of one, or a list of these`},
		{"a.json", `{"a":1,"a":2}`, `1:8 contract.document_duplicate_key: the key "a" stands twice (the first is in line 1)`},
		{"a.json", `{"a":1,"\u0061":2}`, `1:8 contract.document_duplicate_key: the key "a" stands twice (the first is in line 1)`},
		{"a.json", "{\"ä\": 1,\n \"b\": 01}", `2:8 contract.document_syntax: JSON: '1' instead of a comma or }`},
		{"a.json", `{"a": "ä" x}`, `1:11 contract.document_syntax: JSON: 'x' instead of a comma or }`},
		{"a.json", `{"a":1} x`, `1:9 contract.document_syntax: JSON: text behind the end of the JSON value`},
		{"a.json", `{"a":`, `1:6 contract.document_syntax: JSON: the text ends where a value should stand`},
		{"a.json", `{"a":tru}`, `1:6 contract.document_syntax: JSON: 't' instead of a value`},
		{"a.json", `{a:1}`, `1:2 contract.document_syntax: JSON: 'a' instead of a name in quotes`},
		{"a.json", `["\ud800"]`, `1:3 contract.document_syntax: JSON: half of a surrogate pair in a string`},
		{"a.json", `["\ud800\u0041"]`, `1:3 contract.document_syntax: JSON: half of a surrogate pair in a string`},
		{"a.json", `["\x"]`, `1:3 contract.document_syntax: JSON: an unknown escape in a string`},
		{"a.json", `["\u+123"]`, `1:3 contract.document_syntax: JSON: an unknown escape in a string`},
		{"a.json", "[\"a\nb\"]", `1:4 contract.document_syntax: JSON: a control character in a string`},
		{"a.json", `["abc`, `1:6 contract.document_syntax: JSON: a string has no end`},
		{"a.json", `[-]`, `1:2 contract.document_syntax: JSON: '-' instead of a number`},
		{"a.json", `[1,]`, `1:4 contract.document_syntax: JSON: ']' instead of a value`},
	} {
		_, err := read(test.name, test.text)
		var p *document.Problems
		if !errors.As(err, &p) {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		if diff := cmp.Diff(split(test.want), lines(p.Errors)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.text, diff)
		}
	}
}

// A broken YAML text gives the line.
func TestYAMLSyntax(t *testing.T) {
	for _, text := range []string{"a: 1\nb: [1\nc: 2", "a: 1\n\tb: 2", "a: 'x\n", "a: *nobody", "a: b: c", "@a", "a: 1\n b: 2", "- a\nb: 1"} {
		_, err := read("a.yaml", text)
		var p *document.Problems
		if !errors.As(err, &p) || p.Errors[0].Code != "contract.document_syntax" || p.Errors[0].At.Line < 1 {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestPlaces(t *testing.T) {
	for name, text := range map[string]string{
		"a.json": "{\n  \"ä\": [1, \"ü\", {\"x~/ y\": true}]\n}",
		"a.yaml": "\n\"ä\": [1, \"ü\", {\"x~/ y\": true}]",
	} {
		n, err := read(name, text)
		if err != nil {
			t.Fatal(err)
		}
		x := n.Get("ä").Items[2].Get("x~/ y")
		if got, want := x.Pointer(), "/ä/2/x~0~1 y"; got != want {
			t.Errorf("%s: pointer %q, want %q", name, got, want)
		}
		if got, want := x.URL(), "file:///"+name+"#/%C3%A4/2/x~0~1%20y"; got != want {
			t.Errorf("%s: URL %q, want %q", name, got, want)
		}
		if n.Find(x.Pointer()) != x {
			t.Errorf("%s: the pointer leads elsewhere", name)
		}
		column := 27
		if name == "a.yaml" {
			column = 25
		}
		if x.At.Line != 2 || x.At.Column != column {
			t.Errorf("%s: at %v, want 2:%d", name, x.At, column)
		}
		if at := n.Get("ä").Items[2].KeyAt("x~/ y"); at.Line != 2 || at.Column != column-9 {
			t.Errorf("%s: the key is at %v", name, at)
		}
	}
}

// Bombs are refused quickly, whatever they are made of.
func TestBombs(t *testing.T) {
	laughs := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c <= 'k'; c++ {
		laughs += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+string(c-1)+",", 10) + "]\n"
	}
	merges := "a: &a {x: 1}\n"
	for c := 'b'; c <= 'z'; c++ {
		merges += string(c) + ": &" + string(c) + " {<<: [*" + string(c-1) + ", *" + string(c-1) + "], " + string(c) + string(c) + ": 1}\n"
	}
	limits := document.Limits{Bytes: 4 << 20, Nodes: 100_000}
	for _, test := range []struct{ name, file, text, code string }{
		{"a billion laughs", "a.yaml", laughs, "contract.document_size"},
		{"merges of merges", "a.yaml", merges, "contract.document_size"},
		{"deep JSON", "a.json", strings.Repeat("[", 1<<20), "contract.document_depth"},
		{"deep JSON objects", "a.json", strings.Repeat(`{"a":`, 1<<18), "contract.document_depth"},
		{"deep YAML", "a.yaml", "a: " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000), "contract.document_depth"},
		{"deeper YAML", "a.yaml", "a: " + strings.Repeat("[", 1<<20), "contract.document_size"},
		{"a ladder of YAML", "a.yaml", strings.Repeat("- ", 9000) + "a", "contract.document_depth"},
		{"many values of JSON", "a.json", "[" + strings.Repeat("1,", 1<<20) + "1]", "contract.document_size"},
		{"many values of YAML", "a.yaml", "- [" + strings.Repeat("1,", 1<<20) + "1]", "contract.document_size"},
		{"a long key with many children", "a.json", `{"` + strings.Repeat("k", 1<<20) + `":[` + strings.Repeat("1,", 99_000) + "1]}", ""},
		{"many keys", "a.json", manyKeysJSON(90_000), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			began := time.Now()
			_, err := document.Read("file:///"+test.file, test.file, []byte(test.text), limits)
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
			var p *document.Problems
			switch {
			case test.code == "" && err != nil:
				t.Error(err)
			case test.code != "" && (!errors.As(err, &p) || p.Errors[0].Code != test.code):
				t.Errorf("%v", err)
			}
		})
	}
}

func manyKeysJSON(n int) string {
	m := make(map[int]int, n)
	for i := range n {
		m[i] = i
	}
	text, _ := json.Marshal(m)
	return string(text)
}
