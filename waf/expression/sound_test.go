package expression

import (
	"flag"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

var generate = flag.Int("gatehouse.generate", 30, "how many matches to generate for each expression")

// soundness fails the test where e refuses s, which it matches.
func soundness(t testing.TB, e *Expression, s string) (violations int) {
	t.Helper()
	gate := e.Gate()
	var present Bytes
	present.AddString(s)
	if !gate.Admits(s) {
		violations++
		t.Errorf("the gate of %.300q refuses its match %q: %+v", e, s, gate)
	}
	if len(gate.Literals) > 0 {
		folded, found := Fold(s), false
		for _, l := range gate.Literals {
			found = found || strings.Contains(folded, l)
		}
		if !found {
			violations++
			t.Errorf("%.300q: none of %q in its match %q", e, gate.Literals, s)
		}
	}
	if !e.CanMatch(&present) {
		violations++
		t.Errorf("%.300q cannot match, says the proof, the bytes of its match %q", e, s)
	}
	return violations
}

// around puts random bytes before and after s, and in it.
func around(rnd *rand.Rand, s string) string {
	junk := func() string {
		b := make([]byte, rnd.IntN(6))
		for i := range b {
			b[i] = byte(rnd.Uint32())
			if rnd.IntN(2) == 0 {
				b[i] &= 0x7F
			}
		}
		return string(b)
	}
	at := rnd.IntN(len(s) + 1)
	switch rnd.IntN(3) {
	case 0:
		return junk() + s + junk()
	case 1:
		return junk() + "\n" + s + "\n" + junk()
	default:
		return s[:at] + junk() + s[at:]
	}
}

// TestGeneratedMatchesPass holds every expression of the Core Rule Set against texts that
// match it: not one may be refused. -gatehouse.generate sets how many.
func TestGeneratedMatchesPass(t *testing.T) {
	seed := uint64(4250)
	total, violations, barren := 0, 0, 0
	for i, r := range append(coreRules(), traps(t)...) {
		rnd := rand.New(rand.NewPCG(seed, uint64(i)))
		made := 0
		for range *generate {
			s, ok := r.Generate(rnd)
			if !ok {
				continue
			}
			made++
			violations += soundness(t, r.Expression, s)
			if s = around(rnd, s); r.MatchString(s) {
				total++
				violations += soundness(t, r.Expression, s)
			}
		}
		total += made
		if made == 0 {
			barren++
			t.Logf("no match generated for %.200q", r)
		}
	}
	t.Logf("%d matches, %d violations, %d expressions without a generated match", total, violations, barren)
	if barren > 10 {
		t.Errorf("%d expressions without a generated match", barren)
	}
}

// trapPatterns are expressions whose analysis is easily wrong.
var trapPatterns = []string{
	`(?i)skill`, `(?i)[ks]{2}x`, `(?i)(?:select|union)\s+k`, `(?i)σας`, `(?i)µ`, `(?i)ǆ`, `(?i)ß`, `(?i)é[à-ï]x`,
	`(?i-s)a.k`, `a(?-i:B)c`, `(?i)a(?-i:kS)c`, `(?i:k)S`, `(?U)a+b`, `(?-m)^a$`, `\Aabc\z`, `^$`, ``, `|abc`, `a||b`,
	`(?:)`, `()*x`, `(a|b|)+cd`, `(?:foo|bar)baz`, `(?:a|b)cd`, `x{3}y`, `x{2,5}y`, `(?:ab){6}`, `(?:ab?){5,}`, `(?:a|){2,}b`,
	`a{0}b`, `a{0,1}b`, `(abc){0}`, `(?:[ab]c){2,3}d`, `.`, `[^a]`, `[^\x00-\x7f]`, `�`, `[�a]b`, `\x{FFFD}`, `[퟿-]q`, `[￰-😀]q`, `\x{212A}`,
	`\x{17F}a`, `ſK`, `[ſK]x`, `\x80`, `\xff\xfe`, `[\x80-\xff]a`, `(?i)\xe9k`, `\xc5`, `\xbfabc`, `\xe2\x84`, `a\xc5\xbfb`, `\xc0\xafs`,
	`[^\x80-\xff]x\x90`, `(?i)[\xe0-\xef]\x80kk`, `\pL+x`, `\p{Greek}{2}`, `\PLa`, `[[:alpha:]]1`, `\bor\b`, `\Bx\B`, `(?m)^x$`, `x$.^y`,
	`a\nb`, `(?s).*\n`, `[^\n]+\n`, `\Q.*\E+`, `é+`, `[é-ü]z`, `日本|語`, `(?i)(?:\x{1E9E}|x)y`, `\\x80`, `\x{2014}-`, `(?:(?:(?:a)b)c)*d`,
	`(?i)(?:k|s)(?:elvin|ſ)`, `(?:a+b+)+c`, `(?:x["'\\]*y["'\\]*z)`, `\x{10FFFF}|a`, `[\x{D7FF}-\x{E000}]q`,
}

func traps(t testing.TB) (list []rule) {
	t.Helper()
	for _, p := range trapPatterns {
		e, err := Compile(p)
		if err != nil {
			t.Fatalf("%q: %v", p, err)
		}
		list = append(list, rule{Expression: e, file: "trap"})
	}
	return list
}

// TestTraps gives each text that matches a chance to be refused, and says which match.
func TestTraps(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		matches       bool
	}{
		{`(?i)skill`, "ſ\u212Aill", true},
		{`(?i)k`, "\u212A", true},
		{`k`, "\u212A", false},
		{`ſ`, "ſ", true},
		{`ſ`, "s", false},
		{`(?i)σ`, "ς", true},
		{`(?i)θ`, "ϴ", true},
		{`(?i)µ`, "Μ", true},
		{`a.b`, "a\xffb", true},
		{`a.b`, "a\nb", true},
		{`a[^x]b`, "a\x80b", true},
		{`a[^\x00-\x7f]b`, "a\xc3b", true},
		{`�`, "\xff", true},
		{`\x{FFFD}`, "\xff", false}, // Coraza takes its first two digits for a byte
		{`�`, "\uFFFD", true},
		{`[￰-�]`, "\xe2\x84", true},
		{`^b$`, "a\nb\nc", true},
		{`\Ab`, "a\nb", false},
		{`(?-m:^b$)`, "a\nb", false},
		{`\bor\b`, "éoré", true},
		{`\xff`, "\xff", true},
		{`\xff`, "ÿ", false},
		{`\xbf`, "ſ", true},
		{`\xbfx`, "ſx", true},
		{`\xc5[\x80-\xff]x`, "ſx", true},
		{`(?i)\xe9k`, "\xc9K", true},
		{`(?i)\xe9k`, "\xc9\u212A", false},
		{`é\xff`, "\xe9\xff", true},
		{`a.\xff`, "a\n\xff", false}, // no (?s) before an expression over bytes
		{`^a\xff`, "b\na\xff", false},
		{`|abc`, "", true},
		{`x{2,3}`, "xx", true},
		{`(?:ab){6}`, "abababababab", true},
		{`(?i)A(?-i:B)c`, "aBC", true},
		{`(?i)A(?-i:B)c`, "abc", false},
		{`\p{Greek}`, "Ω", true},
		{`\pL`, "\xff", false},
		{`\PL`, "\xff", true},
		{`[[:^alpha:]]`, "\x80", true},
		{`\\x80`, "\\x80", true},
	} {
		e, err := Compile(c.pattern)
		if err != nil {
			t.Errorf("%q: %v", c.pattern, err)
			continue
		}
		if got := e.MatchString(c.text); got != c.matches {
			t.Errorf("%q matches %q: %v, want %v", c.pattern, c.text, got, c.matches)
		} else if got {
			soundness(t, e, c.text)
		}
		if got := e.Submatches(c.text) != nil; got != c.matches {
			t.Errorf("%q has submatches in %q: %v, want %v", c.pattern, c.text, got, c.matches)
		}
	}
}

func TestRefusedPatterns(t *testing.T) {
	for _, pattern := range []string{`\C`, `(`, `a{2000}`, `(?=x)`, "\xff", `\xff\u212a`} {
		if e, err := Compile(pattern); err == nil {
			t.Errorf("%s compiles: %+v", strconv.Quote(pattern), e)
		}
	}
}

func FuzzGate(f *testing.F) {
	for _, p := range trapPatterns {
		f.Add(p, "ſ\u212Aill\xff a.b", uint64(1))
	}
	for i, r := range coreRules() {
		if i%10 == 0 {
			f.Add(r.String(), "x", uint64(i))
		}
	}
	f.Fuzz(func(t *testing.T, pattern, s string, seed uint64) {
		if len(pattern) > 1000 || len(s) > 10000 {
			return
		}
		e, err := Compile(pattern)
		if err != nil {
			return
		}
		sameVerdict(t, e, s)
		if e.MatchString(s) {
			soundness(t, e, s)
		}
		if s, ok := e.Generate(rand.New(rand.NewPCG(seed, 1))); ok {
			soundness(t, e, s)
		}
	})
}
