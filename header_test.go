package gatehouse_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

// Every byte at every place of a word and of what is left behind it.
func TestValidValue(t *testing.T) {
	for length := range 20 {
		plain := bytes.Repeat([]byte{'a'}, length)
		if !gatehouse.ValidValue(string(plain)) {
			t.Errorf("%d letters are no value", length)
		}
		for at := range length {
			for c := range 256 {
				v := bytes.Clone(plain)
				v[at] = byte(c)
				if got, want := gatehouse.ValidValue(string(v)), c == '\t' || c >= 0x20 && c != 0x7f; got != want {
					t.Errorf("%q: %v", v, got)
				}
			}
		}
	}
}

func FuzzValidValue(f *testing.F) {
	f.Add("Bearer abcdefghijklmn")
	f.Add("\x80\x1f\x80\x20\x00\xff\x7f\x7e\x09")
	f.Fuzz(func(t *testing.T, s string) {
		bad := func(c byte) bool { return c < 0x20 && c != '\t' || c == 0x7f }
		want := true
		for i := range len(s) {
			want = want && !bad(s[i])
		}
		if got := gatehouse.ValidValue(s); got != want {
			t.Errorf("%q: %v", s, got)
		}
	})
}

func BenchmarkValidValue(b *testing.B) {
	token := strings.Repeat("eyJhbGciOiJFUzI1NiJ9", 32)
	for b.Loop() {
		if !gatehouse.ValidValue(token) {
			b.Fatal("a token is a value")
		}
	}
}
