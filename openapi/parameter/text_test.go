package parameter

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestDecode(t *testing.T) {
	for _, c := range []struct {
		raw  string
		how  coding
		want string
		ok   bool
	}{
		{"", percent, "", true},
		{"abc", percent, "abc", true},
		{"a%20b", percent, "a b", true},
		{"a+b", percent, "a+b", true},
		{"a+b%2B", plus, "a b+", true},
		{"%2525", plus, "%25", true}, // once
		{"a%2", percent, "", false},
		{"a%", percent, "", false},
		{"%zz", plus, "", false},
		{"%4", plus, "", false},
		{"a%20+", verbatim, "a%20+", true},
	} {
		got, ok := decode(nil, c.raw, c.how)
		if ok != c.ok || ok && string(got) != c.want {
			t.Errorf("%q: %q, %v", c.raw, got, ok)
		}
		if escaped(c.raw, c.how) && c.raw == c.want {
			t.Errorf("%q counts as escaped", c.raw)
		}
	}
}

func TestNumbers(t *testing.T) {
	integers := []string{"0", "-0", "17", "-17", "123456789012345678901234567890"}
	numbers := []string{"1.5", "-0.25", "1e3", "1E+3", "1e-3", "1.0", "0.0", "1e400"}
	neither := []string{"", "-", "+1", " 1", "1 ", "01", "-01", "0x1", "1.", ".5", "1e", "1e+", "1.e3", "1,5", "NaN", "Infinity", "١", "1_000", "--1", "1.5.2", "1e3.5", "1\n"}
	for _, s := range integers {
		if !isInteger([]byte(s)) || !isNumber([]byte(s)) {
			t.Errorf("%q is a whole number", s)
		}
	}
	for _, s := range numbers {
		if isInteger([]byte(s)) || !isNumber([]byte(s)) {
			t.Errorf("%q is a number and not a plain integer", s)
		}
	}
	for _, s := range neither {
		if isInteger([]byte(s)) || isNumber([]byte(s)) {
			t.Errorf("%q is no number", s)
		}
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		d    delimiter
		raw  string
		want []string
	}{
		{comma, "a%2Cb,c", []string{"a%2Cb", "c"}},
		{comma, "", []string{""}},
		{comma, ",", []string{"", ""}},
		{dot, "a.b", []string{"a", "b"}},
		{space, "a%20b+c", []string{"a", "b", "c"}},
		{space, "a%2", []string{"a%2"}},
		{pipe, "a|b%7Cc%7cd", []string{"a", "b", "c", "d"}},
		{pipe, "a%7", []string{"a%7"}},
	} {
		var got []string
		for raw, more := c.raw, true; more; {
			var head string
			head, raw, more = c.d.cut(raw)
			got = append(got, head)
		}
		if strings.Join(got, "\x00") != strings.Join(c.want, "\x00") {
			t.Errorf("%q: %q, want %q", c.raw, got, c.want)
		}
	}
}

func FuzzNumber(f *testing.F) {
	f.Add("17")
	f.Add("-1.5e+3")
	f.Fuzz(func(t *testing.T, s string) {
		var n json.Number
		trimmed := strings.TrimSpace(s) == s
		want := trimmed && len(s) > 0 && s[0] != '"' && s != "null" && json.Unmarshal([]byte(s), &n) == nil
		if got := isNumber([]byte(s)); got != want {
			t.Errorf("%q: %v, want %v", s, got, want)
		}
	})
}
