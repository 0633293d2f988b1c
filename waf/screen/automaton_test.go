package screen

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/waf/expression"
)

// Whatever occurs is found, in upper case as well; of short literals nothing else is.
func TestAutomaton(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	word := func(n int) string {
		b := make([]byte, 1+rnd.IntN(n))
		for i := range b {
			b[i] = "abcde'(\xc3\xa9"[rnd.IntN(9)]
		}
		return string(b)
	}
	for range 300 {
		literals, names := map[string][]uint16{}, []string{}
		for op := range 1 + rnd.IntN(40) {
			w := word(6)
			names = append(names, w)
			literals[w] = append(literals[w], uint16(op))
		}
		a := newAutomaton(literals)
		for range 50 {
			text := word(30)
			if rnd.IntN(2) == 0 {
				text = strings.ToUpper(text[:len(text)/2]) + text[len(text)/2:]
			}
			found := newBits(len(names))
			var present, want expression.Bytes
			a.scan(text, found, &present)
			want.AddString(text)
			if present != want {
				t.Fatalf("bytes of %q", text)
			}
			for op, w := range names {
				if occurs := strings.Contains(lower(text), w); occurs != found.has(op) {
					t.Fatalf("%q in %q: %v", w, text, !occurs)
				}
			}
		}
	}
}

// lower folds ASCII letters only.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] += 'a' - 'A'
		}
	}
	return string(b)
}
