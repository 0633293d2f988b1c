package strictjson

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func read(t testing.TB, text string) *Tape {
	t.Helper()
	tape := new(Tape)
	if err := tape.Read([]byte(text), nil); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return tape
}

// std is what encoding/json makes of a text.
func std(t testing.TB, text string) any {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return v
}

func TestValue(t *testing.T) {
	for _, text := range append(accepted, order) {
		if diff := cmp.Diff(std(t, text), read(t, text).Value(0)); diff != "" {
			t.Errorf("%q: encoding/json disagrees (-std +ours)\n%s", text, diff)
		}
	}
}

func TestPointer(t *testing.T) {
	tape := read(t, `{"a":[1,{"b/c":null,"~":{"":true}}],"ä\n":[[],[0]],"x":2}`)
	want := []string{"", "/a", "/a", "/a/0", "/a/1", "/a/1/b~1c", "/a/1/b~1c", "/a/1/~0", "/a/1/~0", "/a/1/~0/", "/a/1/~0/",
		"/ä\n", "/ä\n", "/ä\n/0", "/ä\n/1", "/ä\n/1/0", "/x", "/x"}
	var got []string
	for i := range tape.Tokens {
		got = append(got, tape.Pointer(i))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestStrings(t *testing.T) {
	for _, c := range []struct{ spelled, value string }{
		{`""`, ""}, {`"a"`, "a"}, {`"\u0061"`, "a"}, {`"\\u0061"`, `\u0061`}, {`"\ud83d\ude00!"`, "😀!"},
		{`"x\"\\\/\b\f\n\r\ty"`, "x\"\\/\b\f\n\r\ty"}, {`"\u0000"`, "\x00"}, {`"€\u20ac"`, "€€"},
	} {
		tape := read(t, c.spelled)
		if got := string(tape.AppendString([]byte("x"), 0)); got != "x"+c.value {
			t.Errorf("AppendString of %s: %q", c.spelled, got)
		}
		if got := string(tape.StringBytes(0)); got != c.value {
			t.Errorf("StringBytes of %s: %q", c.spelled, got)
		}
		if !tape.Equal(0, c.value) {
			t.Errorf("%s is not equal to %q", c.spelled, c.value)
		}
		for _, other := range []string{c.value + "x", strings.TrimSuffix("x"+c.value, "x"), c.spelled, c.spelled[1 : len(c.spelled)-1]} {
			if other != c.value && tape.Equal(0, other) {
				t.Errorf("%s is equal to %q", c.spelled, other)
			}
		}
		if again := read(t, string(AppendQuoted(nil, []byte(c.value)))); !again.Equal(0, c.value) {
			t.Errorf("AppendQuoted(%q) reads as %q", c.value, again.StringBytes(0))
		}
	}
}

func TestGet(t *testing.T) {
	tape := read(t, `{"a":{"x":1},"\u0062":[2],"":3}`)
	for name, want := range map[string]string{"a": `{"x":1}`, "b": "[2]", "": "3"} {
		if i := tape.Get(0, name); i < 0 || string(tape.Raw(i)) != want {
			t.Errorf("%q: token %d", name, i)
		}
	}
	if tape.Get(0, "x") >= 0 || tape.Get(tape.Get(0, "b"), "") >= 0 {
		t.Error("found a member that is not there")
	}
}

func TestKinds(t *testing.T) {
	tape := read(t, `[null,false,true,0,"",[],{}]`)
	for i, want := range []string{"array", "null", "false", "true", "number", "string", "array", "object"} {
		k := tape.Tokens[i].Kind
		if k.String() != want || k.IsBool() != (want == "true" || want == "false") || k.IsContainer() != (want == "array" || want == "object") {
			t.Errorf("token %d: %v, want %s", i, k, want)
		}
	}
	if Kind(0).String() != "none" || Kind(99).String() != "none" {
		t.Error("no kind has a name")
	}
}
