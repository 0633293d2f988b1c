package strictjson

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
)

// refuse returns the error that a Read of text gives.
func refuse(t *testing.T, text string, l *Limits) *Error {
	t.Helper()
	var tape Tape
	err := tape.Read([]byte(text), l)
	if err == nil {
		return nil
	}
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%T is not an *Error", err)
	}
	if len(tape.Tokens) != 0 || tape.Text != nil {
		t.Errorf("%q: the tape of a refused text is not empty", text)
	}
	return e
}

var refusals = []struct {
	name, text, code string
	offset           int
	limits           Limits
}{
	{name: "nothing", text: "", code: CodeEmpty, offset: 0},
	{name: "white space only", text: " \n\t\r ", code: CodeEmpty, offset: 5},
	{name: "form feed is no white space", text: "\f1", code: CodeSyntax, offset: 0},
	{name: "no-break space is no white space", text: "\u00a01", code: CodeSyntax, offset: 0},
	{name: "UTF-8 byte order mark", text: "\xef\xbb\xbf{}", code: CodeBOM, offset: 0},
	{name: "UTF-16 byte order mark", text: "\xff\xfe{\x00}\x00", code: CodeBOM, offset: 0},
	{name: "UTF-16 without a mark", text: "{\x00}\x00", code: CodeSyntax, offset: 1},
	{name: "byte order mark inside", text: "[\xef\xbb\xbf1]", code: CodeSyntax, offset: 1},
	{name: "second value", text: "1 2", code: CodeTrailing, offset: 2},
	{name: "second object", text: "{}{}", code: CodeTrailing, offset: 2},
	{name: "NUL behind", text: "{}\x00", code: CodeTrailing, offset: 2},
	{name: "comment behind", text: "{} // x", code: CodeTrailing, offset: 3},
	{name: "stray bracket behind", text: "[]]", code: CodeTrailing, offset: 2},

	{name: "open array", text: "[", code: CodeTruncated, offset: 1},
	{name: "open array behind a value", text: "[1", code: CodeTruncated, offset: 2},
	{name: "open array behind a comma", text: "[1,", code: CodeTruncated, offset: 3},
	{name: "open object", text: "{", code: CodeTruncated, offset: 1},
	{name: "name without colon at the end", text: `{"a"`, code: CodeTruncated, offset: 4},
	{name: "name without value at the end", text: `{"a":`, code: CodeTruncated, offset: 5},
	{name: "open string", text: `"abc`, code: CodeTruncated, offset: 4},
	{name: "open escape", text: `"abc\`, code: CodeTruncated, offset: 4},
	{name: "half an escape", text: `"\u12`, code: CodeTruncated, offset: 1},
	{name: "half a pair", text: `"\ud800`, code: CodeTruncated, offset: 1},
	{name: "half a pair and a backslash", text: `"\ud800\`, code: CodeTruncated, offset: 1},
	{name: "half a rune at the end", text: "\"\xe2\x82", code: CodeTruncated, offset: 3},
	{name: "half a word", text: "tru", code: CodeTruncated, offset: 3},
	{name: "minus alone", text: "-", code: CodeTruncated, offset: 1},
	{name: "point without digits at the end", text: "1.", code: CodeTruncated, offset: 2},
	{name: "exponent without digits at the end", text: "1e+", code: CodeTruncated, offset: 3},

	{name: "trailing comma in an array", text: "[1,]", code: CodeSyntax, offset: 3},
	{name: "leading comma in an array", text: "[,1]", code: CodeSyntax, offset: 1},
	{name: "two commas", text: "[1,,2]", code: CodeSyntax, offset: 3},
	{name: "no comma", text: "[1 2]", code: CodeSyntax, offset: 3},
	{name: "colon in an array", text: "[1:2]", code: CodeSyntax, offset: 2},
	{name: "array closed by a brace", text: "[1}", code: CodeSyntax, offset: 2},
	{name: "object closed by a bracket", text: `{"a":1]`, code: CodeSyntax, offset: 6},
	{name: "empty array closed by a brace", text: "[}", code: CodeSyntax, offset: 1},
	{name: "empty object closed by a bracket", text: "{]", code: CodeSyntax, offset: 1},
	{name: "trailing comma in an object", text: `{"a":1,}`, code: CodeSyntax, offset: 7},
	{name: "leading comma in an object", text: `{,"a":1}`, code: CodeSyntax, offset: 1},
	{name: "no colon", text: `{"a" 1}`, code: CodeSyntax, offset: 5},
	{name: "two colons", text: `{"a"::1}`, code: CodeSyntax, offset: 5},
	{name: "number as a name", text: `{1:1}`, code: CodeSyntax, offset: 1},
	{name: "bare name", text: `{a:1}`, code: CodeSyntax, offset: 1},
	{name: "single quotes", text: `{'a':1}`, code: CodeSyntax, offset: 1},
	{name: "capital word", text: "True", code: CodeSyntax, offset: 0},
	{name: "misspelled word", text: "nulL", code: CodeSyntax, offset: 3},
	{name: "word that goes on", text: "[nulll]", code: CodeSyntax, offset: 5},
	{name: "NaN", text: "NaN", code: CodeSyntax, offset: 0},
	{name: "Infinity", text: "Infinity", code: CodeSyntax, offset: 0},
	{name: "comment", text: "[1/**/]", code: CodeSyntax, offset: 2},
	{name: "lone closing bracket", text: "]", code: CodeSyntax, offset: 0},
	{name: "NUL between", text: "[1\x00]", code: CodeSyntax, offset: 2},

	{name: "plus", text: "+1", code: CodeSyntax, offset: 0},
	{name: "leading zero", text: "01", code: CodeNumber, offset: 1},
	{name: "leading zero, negative", text: "-01", code: CodeNumber, offset: 2},
	{name: "two zeros", text: "00", code: CodeNumber, offset: 1},
	{name: "no digits before the point", text: ".5", code: CodeSyntax, offset: 0},
	{name: "minus and no digits before the point", text: "-.5", code: CodeNumber, offset: 1},
	{name: "no digits behind the point", text: "[1.]", code: CodeNumber, offset: 3},
	{name: "no digits in the exponent", text: "[1e]", code: CodeNumber, offset: 3},
	{name: "sign and no digits in the exponent", text: "[1E-]", code: CodeNumber, offset: 4},
	{name: "two points", text: "1.2.3", code: CodeTrailing, offset: 3},
	{name: "hexadecimal", text: "[0x1]", code: CodeSyntax, offset: 2},
	{name: "minus infinity", text: "-Infinity", code: CodeNumber, offset: 1},
	{name: "two minuses", text: "--1", code: CodeNumber, offset: 1},
	{name: "fullwidth digit", text: "１", code: CodeSyntax, offset: 0},
	{name: "fullwidth digit inside", text: "[１]", code: CodeSyntax, offset: 1},

	{name: "line break in a string", text: "\"a\nb\"", code: CodeControl, offset: 2},
	{name: "tab in a string", text: "\"\t\"", code: CodeControl, offset: 1},
	{name: "NUL in a string", text: "\"\x00\"", code: CodeControl, offset: 1},
	{name: "unit separator in a long string", text: "\"abcdefghijklmnop\x1f\"", code: CodeControl, offset: 17},
	{name: "control character in a name", text: "{\"\x01\":1}", code: CodeControl, offset: 2},
	{name: "unknown escape", text: `"\x41"`, code: CodeEscape, offset: 1},
	{name: "escaped quote of JavaScript", text: `"\'"`, code: CodeEscape, offset: 1},
	{name: "capital U", text: `"\U0041"`, code: CodeEscape, offset: 1},
	{name: "escape with a wrong digit", text: `"\u00g0"`, code: CodeEscape, offset: 1},
	{name: "escape too short", text: `"\u12"`, code: CodeEscape, offset: 1},
	{name: "escaped NUL byte", text: "\"\\\x00\"", code: CodeEscape, offset: 1},
	{name: "high surrogate alone", text: `"\ud800"`, code: CodeSurrogate, offset: 1},
	{name: "low surrogate alone", text: `"\udc00"`, code: CodeSurrogate, offset: 1},
	{name: "pair the wrong way round", text: `"\udc00\ud800"`, code: CodeSurrogate, offset: 1},
	{name: "two high surrogates", text: `"\ud800\ud800"`, code: CodeSurrogate, offset: 1},
	{name: "high surrogate and a letter", text: `"\ud800abcdef"`, code: CodeSurrogate, offset: 1},
	{name: "high surrogate and another escape", text: `"\ud800\n     "`, code: CodeSurrogate, offset: 1},
	{name: "high surrogate and a wrong escape", text: `"\ud800\uZZZZ"`, code: CodeEscape, offset: 1},

	{name: "continuation byte alone", text: "\"\x80\"", code: CodeUTF8, offset: 1},
	{name: "overlong slash", text: "\"\xc0\xaf\"", code: CodeUTF8, offset: 1},
	{name: "overlong in three bytes", text: "\"\xe0\x80\xaf\"", code: CodeUTF8, offset: 1},
	{name: "surrogate in UTF-8", text: "\"\xed\xa0\x80\"", code: CodeUTF8, offset: 1},
	{name: "beyond U+10FFFF", text: "\"\xf4\x90\x80\x80\"", code: CodeUTF8, offset: 1},
	{name: "five bytes", text: "\"\xf8\x88\x80\x80\x80\"", code: CodeUTF8, offset: 1},
	{name: "Latin-1", text: "\"caf\xe9 au lait\"", code: CodeUTF8, offset: 4},
	{name: "half a rune and a quote", text: "\"\xe2\x82\" ", code: CodeUTF8, offset: 1},
	{name: "valid, then invalid", text: "\"äöü\xff\"", code: CodeUTF8, offset: 7},
	{name: "invalid name", text: "{\"\xff\":1}", code: CodeUTF8, offset: 2},

	{name: "two members of a name", text: `{"a":1,"a":2}`, code: CodeDuplicateName, offset: 7},
	{name: "two empty names", text: `{"":1,"":2}`, code: CodeDuplicateName, offset: 6},
	{name: "far apart", text: `{"a":{"a":1},"b":[{"a":1}],"a":2}`, code: CodeDuplicateName, offset: 27},
	{name: "in an object inside", text: `[{"x":{"b":1,"b":1}}]`, code: CodeDuplicateName, offset: 13},
	{name: "once with escapes", text: `{"a":1,"\u0061":2}`, code: CodeDuplicateName, offset: 7},
	{name: "once with escapes, before", text: `{"\u0061":1,"a":2}`, code: CodeDuplicateName, offset: 12},
	{name: "both with escapes", text: `{"\u0061b":1,"a\u0062":2}`, code: CodeDuplicateName, offset: 13},
	{name: "solidus", text: `{"a/b":1,"a\/b":2}`, code: CodeDuplicateName, offset: 9},
	{name: "surrogate pair and rune", text: `{"😀":1,"\ud83d\ude00":2}`, code: CodeDuplicateName, offset: 10},
	{name: "escaped quote", text: `{"\"":1,"\u0022":2}`, code: CodeDuplicateName, offset: 8},

	{name: "too deep", text: "[[[[1]]]]", code: CodeDepth, offset: 3, limits: Limits{Depth: 3}},
	{name: "too deep, objects", text: `{"a":{"b":{}}}`, code: CodeDepth, offset: 10, limits: Limits{Depth: 2}},
	{name: "too many values", text: "[1,2,3]", code: CodeValues, offset: 5, limits: Limits{Values: 3}},
	{name: "too many values, with names", text: `{"a":1}`, code: CodeValues, offset: 5, limits: Limits{Values: 2}},
	{name: "too many members", text: `{"a":1,"b":2,"c":3}`, code: CodeMembers, offset: 13, limits: Limits{Members: 2}},
	{name: "too many elements", text: "[1,2,3]", code: CodeItems, offset: 5, limits: Limits{Items: 2}},
	{name: "too long a string", text: `["ab","abc"]`, code: CodeString, offset: 6, limits: Limits{String: 2}},
	{name: "too long a name", text: `{"abc":1}`, code: CodeString, offset: 1, limits: Limits{String: 2}},
	{name: "too great a number", text: `[1.7976931348623157e308,1e400]`, code: CodeNumberRange, offset: 24},
	{name: "too great a number with a sign", text: `-1E+309`, code: CodeNumberRange},
	{name: "too great a number of digits", text: `[` + strings.Repeat("9", 310) + `]`, code: CodeNumberRange, offset: 1},
	{name: "too long a number", text: `[12,123]`, code: CodeNumberLength, offset: 4, limits: Limits{Number: 2}},
}

func TestRefusals(t *testing.T) {
	told := map[string]bool{CodeSize: true} // has a test of its own
	for _, c := range refusals {
		told[c.code] = true
		e := refuse(t, c.text, &c.limits)
		if e == nil {
			t.Errorf("%s: %q is accepted", c.name, c.text)
		} else if e.Code != c.code || e.Offset != c.offset {
			t.Errorf("%s: %q: %s at %d, want %s at %d", c.name, c.text, e.Code, e.Offset, c.code, c.offset)
		}
	}
	for _, c := range Codes {
		if !told[c.Code] {
			t.Errorf("no test refuses with %s", c.Code)
		}
	}
}

func TestErrorHoldsNoText(t *testing.T) {
	e := refuse(t, `{"secret":1,"secret":2}`, nil)
	if got, want := e.Error(), "a JSON object has two members of the same name at offset 12"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if e.TooLarge() || !(&Error{Code: CodeDepth}).TooLarge() {
		t.Error("TooLarge is of limits alone")
	}
}

// Texts that are JSON, in the manner of the public suites of edge cases.
var accepted = []string{
	`{}`, `[]`, `""`, `0`, `-0`, `null`, `true`, `false`, ` [ ] `, "\t{\r\n}\n",
	`[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]`,
	`1`, `-1`, `10`, `1.5`, `0.5`, `-0.0`, `1e5`, `1E5`, `1e+5`, `1e-5`, `0e0`, `0e+1`, `-1.25E-0007`,
	`1e308`, `123456789012345678901234567890`, `1e-400000000`, `0e400000000`, `0.00000000000000000000000000000001`,
	`{"":0}`, `{"a":1,"A":2}`, `{"a":{"a":{"a":1}}}`, `[{"a":1},{"a":2}]`, `{"a":1,"a ":2}`,
	"{\"\u00e9\":1,\"e\u0301\":2}", // composed and decomposed are two names
	`"\"\\\/\b\f\n\r\t"`, `"\u0000"`, `"\u00e9\u20AC"`, `"\uD83D\uDE00"`, `"\ud834\udd1e"`, `"\uffff"`,
	`"\\u0061"`, `"\u005Cn"`, "\"\x7f\"", "\"\u2028\u2029\"", "\"\ufeff\"", "\"\ufffd\"", "\"\uffff\"", "\"\U0010ffff\"",
	`"aä€😀"`, `"/"`, `"[{,:}]"`, `["a","b" , "c"]`, `[1,2 ,3 , 4]`, "[1,\n2]", `[null,true,false]`,
	`{"a":[],"b":{},"c":"","d":0,"e":null}`, `{"a":[1,{"b":[2,{"c":3}]}]}`, `[[],[],{}]`,
	`"0123456"`, `"01234567"`, `"012345678"`, `"0123456\n"`, `"0123456ä"`, `"ääääääää"`,
}

func TestAccepted(t *testing.T) {
	var tape Tape
	for _, text := range accepted {
		if err := tape.Read([]byte(text), nil); err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		checkTape(t, &tape)
	}
}

// checkTape checks what the doc of Token promises.
func checkTape(t *testing.T, tape *Tape) {
	t.Helper()
	root := &tape.Tokens[0]
	if int(root.Next) != len(tape.Tokens) {
		t.Fatalf("%q: the root ends at token %d of %d", tape.Text, root.Next, len(tape.Tokens))
	}
	for i := range tape.Tokens {
		k := &tape.Tokens[i]
		raw := string(tape.Raw(i))
		want := map[Kind]string{Null: "nullnull", True: "truetrue", False: "falsefalse", Array: "[]", Object: "{}", String: `""`}[k.Kind]
		switch {
		case k.Kind == Number:
			if strings.Trim(raw, "+-.0123456789eE") != "" || raw == "" {
				t.Errorf("%q: token %d is the number %q", tape.Text, i, raw)
			}
		case k.Kind < Null || k.Kind > Object, len(raw) < 2,
			!strings.HasPrefix(raw, want[:len(want)/2]), !strings.HasSuffix(raw, want[len(want)/2:]):
			t.Errorf("%q: token %d is %v %q", tape.Text, i, k.Kind, raw)
		}
		if k.Kind == String && k.Escaped != strings.Contains(raw, `\`) {
			t.Errorf("%q: token %d: Escaped is %v", tape.Text, i, k.Escaped)
		}
		n, j := 0, i+1
		for ; j < int(k.Next); n++ {
			if k.Kind == Object {
				if tape.Tokens[j].Kind != String || int(tape.Tokens[j].Next) != j+1 {
					t.Fatalf("%q: token %d is no name", tape.Text, j)
				}
				j++
			}
			j = int(tape.Tokens[j].Next)
		}
		if j != int(k.Next) || n != int(k.Count) {
			t.Errorf("%q: token %d has %d, says %d, ends at %d, says %d", tape.Text, i, n, k.Count, j, k.Next)
		}
	}
}

// Every way to break off a text is told as such or as the fault that stands there.
func TestEveryPrefix(t *testing.T) {
	text := `[{"a":"x\u00e9\ud83d\ude00€y","b":[1.5e-3,-20,true,false,null]}, {} ] `
	for n := range len(text) - 2 {
		e := refuse(t, text[:n], nil)
		if e == nil || e.Code != CodeTruncated && (n > 0 || e.Code != CodeEmpty) {
			t.Errorf("%q: %v", text[:n], e)
		}
	}
}

func TestReadPrefix(t *testing.T) {
	var tape Tape
	for _, c := range []struct {
		text string
		end  int
		code string
	}{
		{`{"a":1},{"b":2}`, 7, ""},
		{`  [1] x`, 5, ""},
		{`"a"b`, 3, ""},
		{`12,`, 2, ""},
		{`12`, 0, CodeTruncated},
		{`1.5`, 0, CodeTruncated},
		{`-0`, 0, CodeTruncated},
		{`truex`, 4, ""},
		{`null`, 4, ""},
		{`{"a":1`, 0, CodeTruncated},
		{`{"a":x}`, 0, CodeSyntax},
		{``, 0, CodeEmpty},
	} {
		end, err := tape.ReadPrefix([]byte(c.text), nil)
		code := ""
		if err != nil {
			code = err.(*Error).Code
		}
		if end != c.end || code != c.code || len(tape.Text) != end {
			t.Errorf("%q: %d %q, want %d %q", c.text, end, code, c.end, c.code)
		}
	}
}

// Objects of all sizes, spellings and places of the duplicate.
func TestDuplicateNames(t *testing.T) {
	var tape Tape
	for _, members := range []int{2, 3, few - 1, few, few + 1, few + 2, 100, 1000} {
		for _, escaped := range []bool{false, true} {
			names := make([]string, members)
			for i := range names {
				names[i] = "n" + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + strings.Repeat("y", i/26)
			}
			if escaped {
				names[members/2] = `\u006e` + names[members/2][1:]
			}
			text := func() string {
				return `[{"` + strings.Join(names, `":{"n":1},"`) + `":[]}]`
			}
			if err := tape.Read([]byte(text()), nil); err != nil {
				t.Fatalf("%d members: %v", members, err)
			}
			for _, first := range []int{0, members / 2} {
				for _, second := range []int{members/2 + 1, members - 1} {
					if second <= first || second >= members {
						continue
					}
					held := names[second]
					if names[second] = names[first]; names[second][0] == '\\' {
						names[second] = "n" + names[second][6:]
					}
					offset := 3 + len(strings.Join(names[:second], `":{"n":1},"`)) + len(`":{"n":1},"`) - 1
					e := refuse(t, text(), nil)
					if e == nil || e.Code != CodeDuplicateName || e.Offset != offset {
						t.Errorf("%d members, %d and %d, escaped %v: %v, want at %d", members, first, second, escaped, e, offset)
					}
					names[second] = held
				}
			}
		}
	}
}

func TestMemoryIsGivenBack(t *testing.T) {
	var tape Tape
	huge := []byte("[" + strings.Repeat("1,", 300_000) + "1]")
	if err := tape.Read(huge, nil); err != nil {
		t.Fatal(err)
	}
	if cap(tape.Tokens) < 300_000 {
		t.Fatal("the huge text had no tokens")
	}
	if err := tape.Read([]byte("[1]"), nil); err != nil || cap(tape.Tokens) > keep {
		t.Errorf("%v: %d tokens are kept for a text of 3 bytes", err, cap(tape.Tokens))
	}
	var b bytes.Buffer
	for i := range 9999 {
		b.WriteString(`,"` + strings.Repeat("n", i%50) + string(rune(0x4e00+i)) + `":1`)
	}
	wide := `{"\u0061":"` + strings.Repeat(`\n`, keep) + `"` + b.String() + "}"
	if err := tape.Read([]byte(wide), nil); err != nil {
		t.Fatal(err)
	}
	if tape.StringBytes(2); cap(tape.scratch) < keep {
		t.Error("no scratch memory was used")
	}
	tape.Reset()
	if tape.Text != nil || cap(tape.scratch) > keep || cap(tape.names.slots) > keep {
		t.Error("Reset keeps huge memory")
	}
}

func TestWarmReadDoesNotAllocate(t *testing.T) {
	var tape Tape
	texts := [][]byte{[]byte(order), []byte(wideObject(500)), []byte(`{"\u0061":1,"b":2}`)}
	for _, text := range texts {
		if err := tape.Read(text, nil); err != nil {
			t.Fatal(err)
		}
	}
	limits := &Limits{Depth: 10}
	if n := testing.AllocsPerRun(100, func() {
		for _, text := range texts {
			if tape.Read(text, limits) != nil {
				t.Error("refused")
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Whatever stands behind or before a string's bytes in the word that is scanned,
// the fault is found where it is.
func TestStringScanAtEveryOffset(t *testing.T) {
	for _, bad := range []struct{ bytes, code string }{
		{"\x1f", CodeControl}, {"\xff", CodeUTF8}, {`\q`, CodeEscape}, {"\xc3\xa4\xc3", CodeUTF8},
	} {
		for before := range 20 {
			for after := range 12 {
				text := `"` + strings.Repeat("!", before) + bad.bytes + strings.Repeat("!", after) + `"`
				e := refuse(t, text, nil)
				at := 1 + before
				if bad.bytes[0] == 0xc3 {
					at += 2
				}
				if e == nil || e.Code != bad.code || e.Offset != at {
					t.Fatalf("%q: %v, want %s at %d", text, e, bad.code, at)
				}
			}
		}
	}
}

func TestEveryByteInAString(t *testing.T) {
	for c := range 256 {
		for _, n := range []int{0, 3, 7, 8, 15} {
			text := `"` + strings.Repeat("a", n) + string([]byte{byte(c)}) + strings.Repeat("b", 9) + `"`
			e := refuse(t, text, nil)
			want := ""
			switch {
			case c == '"':
				want = CodeTrailing
			case c == '\\': // \b is an escape
			case c < ' ':
				want = CodeControl
			case c >= 0x80:
				want = CodeUTF8
			}
			if (e == nil) != (want == "") || e != nil && e.Code != want {
				t.Errorf("%q: %v, want %q", text, e, want)
			}
		}
	}
}

func TestCodesAreUnique(t *testing.T) {
	var codes []string
	for _, c := range Codes {
		if slices.Contains(codes, c.Code) || !strings.HasPrefix(c.Code, "json.") {
			t.Errorf("%s stands twice or is no code of ours", c.Code)
		}
		codes = append(codes, c.Code)
	}
}
