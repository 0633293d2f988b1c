package filter

import (
	"math/rand/v2"
	"testing"

	"github.com/gatehouse/gatehouse/strictjson"
)

// TestNotedOnce holds the places of a record, of which most are known again without
// their pointer, to those that a record of one place each spells.
func TestNotedOnce(t *testing.T) {
	var tape strictjson.Tape
	if err := tape.Read([]byte(`["a","b","a/b","a~1b","*","","\u0061","a\/b","é","b\u0000","?","*/a","~0","x\ny","a/","/"]`), nil); err != nil {
		t.Fatal(err)
	}
	bases := []string{"", "/*", "/17"}
	codes := []string{CodeUndeclared, CodeMasked}
	r := Record{Max: 1000}
	for range 200 {
		r.Reset() // which keeps the spellings of the places
		want := map[Place]bool{}
		for range rand.IntN(400) {
			base, code := bases[rand.IntN(len(bases))], codes[rand.IntN(len(codes))]
			path := make([]int, rand.IntN(4))
			for i := range path {
				if path[i] = rand.IntN(len(tape.Tokens)); path[i] == 0 {
					path[i] = element
				}
			}
			var one Record
			one.note(code, base, &tape, path)
			want[one.Places[0]] = true
			r.note(code, base, &tape, path)
			if len(r.Places) != len(want) || !want[r.Places[len(r.Places)-1]] {
				t.Fatalf("%q in %q: %d places, want %d", one.Places[0].Pointer, base, len(r.Places), len(want))
			}
		}
		for _, p := range r.Places {
			if !want[p] {
				t.Fatalf("%+v was never noted", p)
			}
		}
	}
}
