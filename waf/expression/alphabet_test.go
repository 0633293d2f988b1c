package expression

import (
	"math/rand/v2"
	"regexp"
	"regexp/syntax"
	"strings"
	"testing"
)

func bytesOf(parts ...string) (set Bytes) {
	for _, p := range parts {
		if len(p) == 3 && p[1] == '-' {
			set.AddRange(p[0], p[2])
			continue
		}
		set.AddString(p)
	}
	return set
}

func TestAlphabet(t *testing.T) {
	for _, c := range []struct {
		pattern string
		set     Bytes
		length  int
	}{
		{`^[A-Z0-9]{3,8}$`, bytesOf("A-Z", "0-9"), 8},
		{`\A[A-Z]{3}-[0-9]+\z`, bytesOf("A-Z", "0-9", "-"), 0},
		{`^$`, Bytes{}, 0},
		{`^(?:red|green)$`, bytesOf("red", "green"), 5},
		{`^red$|^green$`, bytesOf("red", "green"), 5},
		{`(?:^a|^b)c(?:d$|e$)`, bytesOf("abcde"), 3},
		{`(^(a)$)`, bytesOf("a"), 1},
		{`\b^\bx\b$`, bytesOf("x"), 1},
		{`^?^x$`, bytesOf("x"), 1},
		{`(?:^a)+$`, bytesOf("a"), 0},
		{`^(?:)*x{0}y{2}(?:ab?){1,3}$`, bytesOf("yab"), 8},
		{`(?i)^k$`, bytesOf("kK", "\u212A"), 3},
		{`^é$`, bytesOf("é"), 2},
		{`^[é-ü]{2}$`, bytesOf("\xc3", "\xa9-\xbc"), 4},
		{`^[\x{800}-\x{FFC}]$`, bytesOf("\xe0", "\xa0-\xbf", "\x80-\xbf"), 3},
		{`^[\x{7FF}-\x{800}]$`, bytesOf("\xdf\xbf", "\xe0\xa0\x80"), 3},
		{`^[\x{1F600}-\x{1F64F}]$`, bytesOf("\xf0\x9f", "\x98-\x99", "\x80-\xbf"), 4},
		{`^\d\w\s$`, bytesOf("0-9", "A-Z", "a-z", "_", " \t\n\f\r"), 3},
		{`^[^\x00-\x{10FFFF}]$`, Bytes{}, 0},
	} {
		set, length, ok := Alphabet(c.pattern)
		if !ok {
			t.Errorf("%q has no alphabet", c.pattern)
			continue
		}
		if c.pattern == `^[^\x00-\x{10FFFF}]$` {
			if !set.Empty() {
				t.Errorf("%q never matches: %v", c.pattern, set)
			}
			continue
		}
		if length != c.length {
			t.Errorf("%q has at most %d bytes, want %d", c.pattern, length, c.length)
		}
		if !set.Contains(&c.set) {
			t.Errorf("%q: bytes are missing: %q, want %q", c.pattern, members(&set), members(&c.set))
		}
		if extra := set.Len() - c.set.Len(); extra != 0 {
			t.Errorf("%q has %d bytes too many: %q", c.pattern, extra, members(&set))
		}
	}
}

func members(s *Bytes) string {
	var b strings.Builder
	for c := range 256 {
		if s.Has(byte(c)) {
			b.WriteByte(byte(c))
		}
	}
	return b.String()
}

// TestNoAlphabet lists patterns that say nothing of the whole text.
func TestNoAlphabet(t *testing.T) {
	for _, pattern := range []string{
		``, `a`, `^a`, `a$`, `^a|b$`, `^a|b`, `^a$|b`, `(?:^a$)?`, `(?:^a$)*`, `x^a$`, `^a$x`, `^?a$`, `^a$?`, `(?m)^a$`, `(?m:^)a$`,
		`^a(?m:$)`, `\ba\b`, `(?:^|x)a$`, `(?=^a$)`, `^(?!b)a$`, `^(a)\1$`, `^a{1,2000}$`, `^[`, `^\ud83d$`, "^\xff$",
	} {
		if set, _, ok := Alphabet(pattern); ok {
			t.Errorf("%q has the alphabet %q", pattern, members(&set))
		}
	}
}

// matchesOf makes texts that pattern matches.
func matchesOf(pattern string, rnd *rand.Rand, tries int, f func(string)) {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return
	}
	n, match := new(reader).read(re), regexp.MustCompile(pattern)
	for range tries {
		w := writer{rnd: rnd}
		w.write(n)
		if s := string(w.out); match.MatchString(s) {
			f(s)
		}
	}
}

// consists fails the test where s is not of the alphabet.
func consists(t testing.TB, pattern, s string, set *Bytes, length int) {
	t.Helper()
	var present Bytes
	present.AddString(s)
	if !set.Contains(&present) {
		t.Errorf("%.300q matches %.300q, of which the alphabet lacks bytes: %q", pattern, s, members(set))
	}
	if length > 0 && len(s) > length || set.Empty() && s != "" {
		t.Errorf("%.300q matches %d bytes, more than %d", pattern, len(s), length)
	}
}

// TestAlphabetHoldsMatches holds generated matches against the alphabet: of the patterns
// that are easily misread, anchored, and of all expressions of the Core Rule Set.
func TestAlphabetHoldsMatches(t *testing.T) {
	patterns := append([]string{}, trapPatterns...)
	for _, r := range coreRules() {
		patterns = append(patterns, r.String())
	}
	known, texts := 0, 0
	for i, p := range patterns {
		rnd := rand.New(rand.NewPCG(5, uint64(i)))
		for _, pattern := range []string{p, `^(?:` + p + `)$`, `\A(?i:` + p + `)\z`} {
			set, length, ok := Alphabet(pattern)
			if !ok {
				continue
			}
			known++
			matchesOf(pattern, rnd, 20, func(s string) {
				texts++
				consists(t, pattern, s, &set, length)
			})
		}
	}
	t.Logf("%d alphabets, %d texts", known, texts)
	if known < 500 || texts < 2000 {
		t.Errorf("only %d alphabets and %d texts", known, texts)
	}
}

func FuzzAlphabet(f *testing.F) {
	for _, p := range trapPatterns {
		f.Add("^(?:"+p+")$", "ſ\u212Aill\xff a.b", uint64(1))
		f.Add(p, "a", uint64(2))
	}
	f.Fuzz(func(t *testing.T, pattern, s string, seed uint64) {
		if len(pattern) > 1000 || len(s) > 10000 {
			return
		}
		set, length, ok := Alphabet(pattern)
		if !ok {
			return
		}
		if regexp.MustCompile(pattern).MatchString(s) {
			consists(t, pattern, s, &set, length)
		}
		matchesOf(pattern, rand.New(rand.NewPCG(seed, 1)), 5, func(s string) { consists(t, pattern, s, &set, length) })
	})
}
