package filter

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

// spell writes a selection out, with groups only.
func spell(s *Selection) string {
	var parts []string
	for _, m := range s.members {
		if m.sub.all {
			parts = append(parts, m.name)
		} else {
			parts = append(parts, m.name+"("+spell(m.sub)+")")
		}
	}
	return strings.Join(parts, ",")
}

func TestParseSelection(t *testing.T) {
	for text, want := range map[string]string{
		"id": "id", "id,name": "id,name", "a/b": "a(b)", "a/b/c": "a(b(c))", "a(b,c)": "a(b,c)", "a(b/c,d(e))": "a(b(c),d(e))",
		"a/b(c,d),e":  "a(b(c,d)),e",
		"a/b,a/c":     "a(b,c)",
		"a(b),a(c,b)": "a(b,c)",
		"a,a/b":       "a", "a/b,a": "a", "a,a(b(c))": "a", "a/b/c,a/b": "a(b)",
		"id,customer(name,address/city),items/sku": "id,customer(name,address(city)),items(sku)",
		"$ref,@type,x-y_z.1,ä*":                    "$ref,@type,x-y_z.1,ä*",
		strings.Repeat("a/", 15) + "a":             strings.Repeat("a(", 15) + "a" + strings.Repeat(")", 15),
	} {
		s, err := ParseSelection(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		} else if got := spell(s); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
	for _, text := range []string{
		"", ",", "a,", ",a", "a,,b", "/a", "a/", "a//b", "a/,b", "()", "a()", "a(", "a(b", "a)", "a(b))", "a(b)c", "a(b)/c", "a(b)(c)", "(a)",
		"a b", "a, b", "a\tb", "a\x00", "a\x7f", "a(b,)", "a(,b)",
		strings.Repeat("a/", 16) + "a", strings.Repeat("a(", 16) + "a" + strings.Repeat(")", 16),
		strings.Repeat("a,", 256) + "a", strings.Repeat("a", 2049), strings.Repeat("(", 2000),
	} {
		_, err := ParseSelection(text)
		var e *gatehouse.Error
		if !errors.As(err, &e) || e.Code != CodeSelection || e.Status != 400 {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestSelect(t *testing.T) {
	text := `{"id":1,"customer":{"name":"A","age":3,"address":{"city":"L","zip":"1"}},"items":[{"sku":"s","n":1},{"n":2},null,7],"note":null,"x":1}`
	for fields, want := range map[string]string{
		"id":                           `{"id":1}`,
		"nothing":                      `{}`,
		"id,x":                         `{"id":1}`, // what may not be seen cannot be asked for
		"customer":                     `{"customer":{"name":"A","age":3,"address":{"city":"L","zip":"1"}}}`,
		"customer(name,address/city)":  `{"customer":{"name":"A","address":{"city":"L"}}}`,
		"items/sku,note":               `{"items":[{"sku":"s"},{},null,7],"note":null}`,
		"note/deeper,id/deeper":        `{"id":1,"note":null}`,
		"note,items(n),customer/age":   `{"customer":{"age":3},"items":[{"n":1},{"n":2},null,7],"note":null}`,
		"id,customer,items,note,other": strings.TrimSuffix(text, `,"x":1}`) + "}",
	} {
		s, err := ParseSelection(fields)
		if err != nil {
			t.Fatal(err)
		}
		var r Record
		if got := cutNames(t, text, nil, s, &r); got != want {
			t.Errorf("%s: %s\nwant %s", fields, got, want)
		}
		if got, want := cutNames(t, "["+text+" , "+text+"]", nil, s, nil), "["+want+" , "+want+"]"; got != want {
			t.Errorf("%s of an array: %s\nwant %s", fields, got, want)
		}
		if len(r.Places) != 1 || r.Removed != 1 {
			t.Errorf("%s: what was not asked for is recorded: %v", fields, r.Places)
		}
	}
}

// Many names are found as few are.
func TestSelectMany(t *testing.T) {
	var names, members, kept []string
	for i := range 100 {
		name := fmt.Sprintf("n%d", i)
		members = append(members, fmt.Sprintf(`"%s":%d`, name, i))
		if i%3 == 0 {
			names, kept = append(names, name), append(kept, members[i])
		}
	}
	members[3] = `"\u006e3":3`
	kept[1] = members[3]
	s, err := ParseSelection("a(" + strings.Join(names, ",") + ")")
	if err != nil {
		t.Fatal(err)
	}
	in, want := `{"a":{`+strings.Join(members, ",")+"}}", `{"a":{`+strings.Join(kept, ",")+"}}"
	if got := cutNames(t, in, nil, s, nil); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func FuzzParseSelection(f *testing.F) {
	f.Add("id,customer(name,address/city),items/sku")
	f.Add("a(b(c),d),e/f/g(h,i)")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSelection(text)
		if err != nil {
			return
		}
		spelled := spell(s)
		again, err := ParseSelection(spelled)
		if len(spelled) <= maxSelection && (err != nil || spell(again) != spelled) {
			t.Fatalf("%q is %q, and that %v", text, spelled, err)
		}
	})
}

func ExampleParseSelection() {
	s, err := ParseSelection("id,items/sku")
	if err != nil {
		fmt.Println(err)
		return
	}
	out, err := Body([]byte(`{"id":7,"items":[{"sku":"A-1","price":1.50}],"total":1.50}`), &Options{Select: s}, nil)
	fmt.Println(string(out), err)
	// Output: {"id":7,"items":[{"sku":"A-1"}]} <nil>
}
