package strictjson

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Texts that are made to cost: each is refused, or read in time that is linear in
// its length.
func TestHostileTexts(t *testing.T) {
	const million, many = 1_000_000, 50_000
	var names, alike, escaped strings.Builder
	for i := range many {
		fmt.Fprintf(&names, `,"%d":0`, i)
	}
	for i := range many / 2 {
		fmt.Fprintf(&alike, `,"aaaaaaaaaaaa%06daaaaaaaaaaaa":0`, i)
		fmt.Fprintf(&escaped, `,"\u0061%06d":0`, i)
	}
	small := strings.Repeat(`{"`+strings.Repeat("a", 500)+`b":0,"`+strings.Repeat("a", 500)+`c":0},`, 2000)
	object := func(members string) string { return "{" + members[1:] + "}" }
	for _, c := range []struct {
		name, text, code string
		limits           Limits
	}{
		{"a million names", "{" + strings.Repeat(`"a":0,`, million), CodeMembers, Limits{}},
		{"many names, allowed", object(names.String()), "", Limits{Members: many, Values: 3 * many}},
		{"names that look alike", object(alike.String()), "", Limits{Members: many}},
		{"names with escapes", object(escaped.String()), "", Limits{Members: many}},
		{"one of them twice", object(names.String() + `,"\u0030":0`), CodeDuplicateName, Limits{Members: 2 * many, Values: 3 * many}},
		{"small objects of long names", "[" + small + "0]", "", Limits{}},
		{"a million brackets", strings.Repeat("[", million), CodeDepth, Limits{}},
		{"many brackets, allowed", strings.Repeat("[", many) + strings.Repeat("]", many), "", Limits{Depth: many, Values: 2 * many}},
		{"a million objects in each other", strings.Repeat(`{"a":`, million), CodeDepth, Limits{}},
		{"a million elements", "[" + strings.Repeat("0,", million) + "0]", CodeValues, Limits{}},
		{"many elements, allowed", "[" + strings.Repeat("0,", many) + "0]", "", Limits{Items: 2 * many, Values: 2 * many}},
		{"a million escapes", `"` + strings.Repeat(`\ud83d\ude00`, million/2) + `"`, "", Limits{}},
		{"a million spaces", strings.Repeat(" \n\t\r", million) + "0", "", Limits{}},
		{"a million digits", strings.Repeat("9", million), CodeNumberLength, Limits{}},
		{"a huge exponent", "1e" + strings.Repeat("9", 300), CodeNumberRange, Limits{}},
		{"a huge negative exponent", "1e-" + strings.Repeat("9", 300), "", Limits{}},
		{"a string without an end", `"` + strings.Repeat("a", 10*million), CodeTruncated, Limits{}},
	} {
		start := time.Now()
		var tape Tape
		code := ""
		if err := tape.Read([]byte(c.text), &c.limits); err != nil {
			code = err.(*Error).Code
		}
		if code != c.code {
			t.Errorf("%s: %q, want %q", c.name, code, c.code)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%s: took %v", c.name, took)
		}
	}
}
