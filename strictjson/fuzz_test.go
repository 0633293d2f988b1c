package strictjson

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// What encoding/json lets by and we do not. (Invalid UTF-8 and lone surrogates it
// replaces by U+FFFD, of members of the same name it takes the last.)
var stricter = map[string]bool{
	CodeUTF8: true, CodeSurrogate: true, CodeDuplicateName: true,
	CodeDepth: true, CodeValues: true, CodeMembers: true, CodeItems: true, CodeString: true, CodeNumberLength: true, CodeNumberRange: true,
}

// What we accept encoding/json accepts and means the same; what it accepts and we
// do not has one of the reasons above.
func FuzzRead(f *testing.F) {
	for _, text := range accepted {
		f.Add([]byte(text))
	}
	for _, c := range refusals {
		f.Add([]byte(c.text))
	}
	f.Add([]byte(order))
	f.Add([]byte(wideObject(20)))
	f.Fuzz(func(t *testing.T, text []byte) {
		var tape Tape
		err := tape.Read(text, nil)
		valid := json.Valid(text)
		if err != nil {
			e := err.(*Error)
			if e.Offset < 0 || e.Offset > len(text) {
				t.Fatalf("%q: offset %d", text, e.Offset)
			}
			// Text that is cut off inside a rune may be told either way.
			if valid && !stricter[e.Code] && !(e.Code == CodeTruncated && !utf8.Valid(text)) {
				t.Fatalf("%q: encoding/json accepts it, we say %v", text, err)
			}
			return
		}
		if !valid {
			t.Fatalf("%q: encoding/json does not accept it", text)
		}
		checkTape(t, &tape)
		if diff := cmp.Diff(std(t, string(text)), tape.Value(0)); diff != "" {
			t.Fatalf("%q: encoding/json means something else (-std +ours)\n%s", text, diff)
		}
		end, err := tape.ReadPrefix(append(text[:len(text):len(text)], ' '), nil)
		if err != nil || skipSpace(text, end) != len(text) {
			t.Fatalf("%q: as a prefix %v, %d", text, err, end)
		}
		for i := range tape.Tokens {
			if k := tape.Tokens[i]; k.Kind == String {
				var s string
				if err := json.Unmarshal(AppendQuoted(nil, tape.AppendString(nil, i)), &s); err != nil || !tape.Equal(i, s) {
					t.Fatalf("%q: token %d quoted again reads %q, %v", text, i, s, err)
				}
			}
		}
	})
}
