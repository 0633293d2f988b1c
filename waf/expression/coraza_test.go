package expression

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
)

// TestSameAsCoraza asks Coraza itself, with a rule whose operator is @rx, whether texts match
// and what is captured.
func TestSameAsCoraza(t *testing.T) {
	captures := []string{`a(b)?(c)`, `(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)`, `(?i)(k+)|(s+)`, `(\xff)(.)?`, `()x(y*)`}
	for i, pattern := range slices.Concat(trapPatterns, captures) {
		if pattern == "" || strings.HasPrefix(pattern, "|") {
			continue // no operator's argument, says Coraza's parser of directives
		}
		e, err := Compile(pattern)
		if err != nil {
			t.Errorf("%q: %v", pattern, err)
			continue
		}
		waf, err := coraza.NewWAF(coraza.NewWAFConfig().WithDirectives(fmt.Sprintf("SecRuleEngine On\n"+
			`SecRule ARGS_GET:x "@rx %s" "id:7,phase:1,deny,log,capture,t:none"`, strings.ReplaceAll(pattern, `"`, `\"`))))
		if err != nil {
			t.Errorf("%q: %v", pattern, err)
			continue
		}
		rnd := rand.New(rand.NewPCG(9, uint64(i)))
		texts := []string{"", "a", "abc", "ac", "ſ", "\u212A", "\xff", "\uFFFD", "ÿ", "\xc5\xbf", "x", "abcdefghijk", "line\nabc", "xyyy"}
		for range 12 {
			s, _ := e.Generate(rnd)
			texts = append(texts, s, around(rnd, s))
		}
		for _, s := range texts {
			want, captured := askCoraza(waf, s)
			if got := e.MatchString(s); got != want {
				t.Errorf("%q on %q: %v, Coraza says %v", pattern, s, got, want)
			}
			got := e.Submatches(s)
			for len(got) > 0 && len(got) < len(captured) {
				got = append(got, "") // Coraza empties all ten before
			}
			if !slices.Equal(got, captured) {
				t.Errorf("%q on %q captures %q, Coraza %q", pattern, s, got, captured)
			}
		}
	}
}

func askCoraza(waf coraza.WAF, s string) (bool, []string) {
	tx := waf.NewTransaction()
	defer tx.Close()
	tx.AddGetRequestArgument("x", s)
	if tx.ProcessRequestHeaders() == nil {
		return false, nil
	}
	var captured []string
	vars := tx.(plugintypes.TransactionState).Variables().TX()
	for i := range 10 {
		value := vars.Get(fmt.Sprint(i))
		if len(value) == 0 {
			break
		}
		captured = append(captured, value[0])
	}
	return true, captured
}
