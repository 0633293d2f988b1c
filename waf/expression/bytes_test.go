package expression

import (
	"strings"
	"testing"
)

func TestBytes(t *testing.T) {
	var s, empty, all Bytes
	s.AddString("a\x00\xff")
	s.AddRange('x', 'z')
	all.AddRange(0, 255)
	for b := range 256 {
		if got, want := s.Has(byte(b)), strings.IndexByte("a\x00\xffxyz", byte(b)) >= 0; got != want {
			t.Errorf("%#x: %v, want %v", b, got, want)
		}
	}
	if s.Len() != 6 || all.Len() != 256 || !empty.Empty() || s.Empty() {
		t.Errorf("lengths %d, %d, empty %v", s.Len(), all.Len(), empty.Empty())
	}
	if !all.Contains(&s) || s.Contains(&all) || !s.Contains(&empty) || !s.Intersects(&all) || s.Intersects(&empty) {
		t.Error("relations of sets are wrong")
	}
}

func TestFold(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "abc": "abc", "AbC[Z]": "abc[z]", "ſK\u212A": "skk", "É": "É", "\xc5": "\xc5", "\xe2\x84": "\xe2\x84",
		"a\xe2\x84\u212A": "a\xe2\x84k", "Ł\xc5\xc5\xbf": "Ł\xc5s",
	} {
		if got := Fold(in); got != want {
			t.Errorf("Fold(%q) = %q, want %q", in, got, want)
		}
	}
}

// BenchmarkFold's texts are folded already, and so not copied.
func BenchmarkFold(b *testing.B) {
	const text = "the garden is quiet, and the gate is open: żółć"
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		Fold(text)
	}
}
