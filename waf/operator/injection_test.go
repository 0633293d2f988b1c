package operator

import (
	"math/rand"
	"strings"
	"testing"

	"github.com/corazawaf/libinjection-go"
)

var injections = strings.Fields(`select union or and not in like into outfile x'41' n'a' q'(a)' 1e5 1f 0x41 0b1 1or 1union 1e 123abc user
	onclick= onerror=alert(1) style=x href=javascript:1 src=data:, xmlns= <svg <script> </x> <!doctype <!--[if <? <% > " ' / // -- # /* */ /*! \ ; ( ) , . = a b _ 1 $
	@@version sleep(1) information_schema a.b ` + "`")

// TestShortcuts: what is answered without libinjection is what libinjection answers.
func TestShortcuts(t *testing.T) {
	rnd := rand.New(rand.NewSource(7))
	short := [2]int{}
	check := func(value string) {
		t.Helper()
		sqli, _ := libinjection.IsSQLi(value)
		if got := detectSQLi(value); got != sqli {
			t.Fatalf("SQL in %q: %v", value, got)
		}
		if got, want := detectXSS(value), libinjection.IsXSS(value); got != want {
			t.Fatalf("script in %q: %v", value, got)
		}
		if oneToken(value) {
			short[0]++
		}
		if !strings.ContainsAny(value, "<=") {
			short[1]++
		}
	}
	for range 8000 {
		var b strings.Builder
		for n := 1 + rnd.Intn(5); n > 0; n-- {
			b.WriteString(injections[rnd.Intn(len(injections))])
			if rnd.Intn(3) == 0 {
				b.WriteByte(" \t\x00\xa0/\"'`"[rnd.Intn(8)])
			}
		}
		check(b.String())
		check(randomText(rnd, "beqnuxXUNIONor_0123", 1+rnd.Intn(8)))
	}
	if short[0] < 2000 || short[1] < 2000 {
		t.Errorf("few values took a shortcut: %v", short)
	}
}

func FuzzShortcuts(f *testing.F) {
	for _, value := range injections {
		f.Add(value)
		f.Add("x" + value + "y")
	}
	f.Fuzz(func(t *testing.T, value string) {
		sqli, _ := libinjection.IsSQLi(value)
		if detectSQLi(value) != sqli {
			t.Errorf("SQL in %q", value)
		}
		if detectXSS(value) != libinjection.IsXSS(value) {
			t.Errorf("script in %q", value)
		}
	})
}
