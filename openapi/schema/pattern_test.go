package schema

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestPatterns holds patterns to ECMA-262 where Go's engines mean something else.
func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		engine, pattern string
		yes, no         []string
	}{
		{"runs", `^[A-Z0-9]{3,8}$`, []string{"ABC", "A1B2C3D4"}, []string{"", "AB", "abc", "ABCDEFGHI", "ABC\n", "ÄBC"}},
		{"runs", `^\+?[0-9]{5,15}$`, []string{"+12345", "12345"}, []string{"++12345", "+1234"}},
		{"runs", `^[a-z]+-\d*x?$`, []string{"a-", "ab-12x", "a-x"}, []string{"-1", "a-1xx", "a"}},
		{"runs", `^.*$`, []string{"", "aé𝄞"}, []string{"a\nb", "a\u2028"}},
		{"runs", `^[^/]{1,3}$`, []string{"aé𝄞"}, []string{"", "a/b", "abcd"}},
		{"runs", `^$`, []string{""}, []string{"a", "\n"}},
		{"runs", `^\u{1F432}\uD83D\uDC32$`, []string{"🐲🐲"}, []string{"🐲"}},
		{"runs", `^\x41\cA\t\0$`, []string{"A\x01\t\x00"}, []string{"A"}},
		{"runs", `^\S{2}\s$`, []string{"ab\u00a0", "ab\ufeff", "ab\u2003"}, []string{"ab\u200b", "a\u00a0 "}},
		{"runs", `^.{1,5000}$`, []string{strings.Repeat("é", 5000)}, []string{"", strings.Repeat("é", 5001)}},
		{"fast", `^a*a$`, []string{"a", "aaa"}, []string{"", "b"}}, // a run may not take what the next one needs
		{"fast", `b`, []string{"abc"}, []string{"ac"}},
		{"fast", `^(a|bc)+$`, []string{"abca"}, []string{"abb"}},
		{"fast", `a$`, []string{"ba"}, []string{"a\n"}},
		{"fast", `\d`, []string{"1"}, []string{"١"}},
		{"fast", `\w`, []string{"_"}, []string{"é"}},
		{"fast", `[\s]`, []string{"\u00a0", "\v"}, []string{"x"}},
		{"fast", `[\S]`, []string{"x"}, []string{"\u00a0"}},
		{"fast", `\bb\b`, []string{"a b"}, []string{"ab"}},
		{"fast", `[\b]`, []string{"\b"}, []string{"b"}},
		{"fast", `[[:alpha:]]`, []string{"a]", ":]"}, []string{"z]", "a"}}, // no POSIX classes
		{"fast", `[]`, nil, []string{"", "a", "]"}},
		{"fast", `[^]`, []string{"\n", "a"}, []string{""}},
		{"fast", `^\p{Lu}\p{Script=Greek}$`, []string{"Éα"}, []string{"éα", "ÉA"}},
		{"fast", `^\p{Letter}+$`, []string{"éß"}, []string{"1"}},
		{"fast", `^[^\p{L}]$`, []string{"1"}, []string{"a"}},
		{"fast", `(?<year>\d{4})`, []string{"2026"}, []string{"202"}},
		{"runs", `^{a}$`, []string{"{a}"}, []string{"a"}}, // Annex B
		{"fast", `^[\w-.@]+\.$`, []string{"a-b@."}, []string{"a b."}},
		{"fast", `(?i)^abc$`, []string{"ABC"}, []string{"abd"}},
		{"fast", `^(\u0061|\x62)$`, []string{"a", "b"}, []string{"c"}},
		{"fast", `\uD800`, nil, []string{"\uE000", "a", "\uFFFD"}},
		{"slow", `^(?!admin)[a-z]+$`, []string{"user"}, []string{"admin", "administrator"}},
		{"slow", `^(?=.*\d)(?=.*[a-z]).{4,}$`, []string{"abc1"}, []string{"abcd", "1a"}},
		{"slow", `(?<=a)b`, []string{"ab"}, []string{"cb"}},
		{"slow", `^(a|b)\1$`, []string{"aa", "bb"}, []string{"ab"}},
		{"slow", `^(?<q>['"]).*\k<q>$`, []string{`"a"`, `'a'`}, []string{`"a'`}},
		{"slow", `^(?:(a)|b)\1$`, []string{"aa", "b"}, []string{"ab", "a"}}, // a group that took no part is empty
		{"slow", `^(?!x)\d+$`, []string{"12"}, []string{"١", "12\n"}},
		{"slow", `^(?!x).\w\s$`, []string{"𝄞a\u00a0"}, []string{"\na ", "aé "}},
		{"slow", `^(a{600}){2}$`, []string{strings.Repeat("a", 1200)}, []string{strings.Repeat("a", 1199)}},
	} {
		p, err := newPattern(c.pattern)
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		engine := "slow"
		if p.runs != nil {
			engine = "runs"
		} else if p.fast != nil {
			engine = "fast"
		}
		if engine != c.engine {
			t.Errorf("%s is %s, want %s", c.pattern, engine, c.engine)
		}
		for _, s := range c.yes {
			if !p.MatchString(s) {
				t.Errorf("%s does not match %.40q", c.pattern, s)
			}
		}
		for _, s := range c.no {
			if p.MatchString(s) {
				t.Errorf("%s matches %.40q", c.pattern, s)
			}
		}
	}
}

func TestNoPatterns(t *testing.T) {
	for _, text := range []string{`(`, `)`, `[a`, `a{2,1}`, `*a`, `a**`, `(?<a`, `(?<a>x)(?<a>y)`, `(?P<a>x)`, `(?>a)`, `\Z`, `\A`, `\a`, `\Qa\E`,
		`\1`, `(a)\2`, `\k<x>(?<y>)`, `\x4`, `\u123`, `\u{110000}`, `\c1`, `\p{Nobody}`, `\p{IsGreek}`, `\pL`, `[z-a]`, `\`, `[\`, `(?<=a)*`,
		`(?-i)a`, `a(?i)b`, strings.Repeat("(", 1000) + strings.Repeat(")", 1000), strings.Repeat("a", 20000)} {
		if p, err := newPattern(text); err == nil {
			t.Errorf("%.40q is a pattern: %v", text, p)
		}
	}
}

// A catastrophic pattern costs a bounded time, however often it is met.
func TestPatternTime(t *testing.T) {
	s, _, err := compiled(t, false, `{"items":{"anyOf":[{"pattern":"^(?=a)(a|aa)+$"},{"pattern":"^(?!b)(a|aa)+$"},{"type":"string","maxLength":1}]}}`, Options{})
	if err != nil {
		t.Fatal(err)
	}
	v := tape(t, "["+strings.Repeat(`"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac",`, 2000)+`"a"]`)
	var r Report
	began := time.Now()
	if s.Check(v, 0, &r) || len(r.Violations) != 1 || r.Violations[0].Code != "contract.pattern_timeout" {
		t.Error(r.Violations)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("took %v", took)
	}
}

func FuzzPattern(f *testing.F) {
	for _, s := range []string{`^[A-Z]{2,3}\d?$`, `(?<a>x)\k<a>`, `[^\]\-\u{1F432}]`, `\p{Lu}|(?=a)`, `a{1000}{1000}`, `^a+b*[^a]$`} {
		f.Add(s, "AB1 x𝄞")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		if len(text) > 200 || len(value) > 200 {
			return
		}
		p, err := newPattern(text)
		if err != nil {
			return
		}
		got := p.MatchString(strings.ToValidUTF8(value, "?"))
		if p.runs == nil {
			return
		}
		// What runs decide, RE2 decides alike.
		tr, err := translate(text, false)
		if err != nil {
			t.Fatal(err)
		}
		re, err := regexp.Compile(tr.out.String())
		if err == nil && re.MatchString(strings.ToValidUTF8(value, "?")) != got {
			t.Fatalf("%q: %q: runs say %v", text, value, got)
		}
	})
}
