package operator

import (
	"errors"
	"fmt"
	"io"
	"math/rand"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"

	"github.com/gatehouse/gatehouse"
)

// expanded are the operators whose argument may be a macro; the test gives every argument
// through one, whatever bytes it has.
var expanded = []string{"beginsWith", "endsWith", "contains", "strmatch", "within", "streq", "eq", "ge", "gt", "le", "lt"}

// plain are the operators whose argument must stand in the rule.
var plain = []string{"pm", "ipMatch", "validateByteRange"}

// without are the operators without an argument.
var without = []string{"unconditionalMatch", "geoLookup", "noMatch", "validateUrlEncoding", "validateUtf8Encoding", "detectSQLi", "detectXSS"}

// newCoraza returns a WAF with one rule for each operator, numbered from 1.
func newCoraza(tb testing.TB, config coraza.WAFConfig, operators ...string) (coraza.WAF, error) {
	tb.Helper()
	var text strings.Builder
	text.WriteString("SecRuleEngine On\n")
	for i, operator := range operators {
		fmt.Fprintf(&text, "SecRule ARGS_GET \"@%s\" \"id:%d,phase:1,pass,nolog,t:none\"\n", operator, i+1)
	}
	return coraza.NewWAF(config.WithDirectives(text.String()))
}

// matches returns the numbers of the rules that match a value.
func matches(waf coraza.WAF, argument, value string) map[int]bool {
	tx := waf.NewTransaction()
	defer tx.Close()
	tx.(plugintypes.TransactionState).Variables().TX().Set("argument", []string{argument})
	tx.AddGetRequestArgument("k", value)
	tx.ProcessRequestHeaders()
	found := map[int]bool{}
	for _, r := range tx.MatchedRules() {
		found[r.Rule().ID()] = true
	}
	return found
}

// A reference has a rule for every operator that takes no argument or a macro.
type reference struct {
	waf   coraza.WAF
	names []string
}

func newReference(tb testing.TB) *reference {
	tb.Helper()
	names := append(append([]string{}, expanded...), without...)
	var rules []string
	for _, name := range expanded {
		rules = append(rules, name+" %{TX.argument}")
	}
	rules = append(rules, without...)
	waf, err := newCoraza(tb, coraza.NewWAFConfig(), rules...)
	if err != nil {
		tb.Fatal(err)
	}
	return &reference{waf, names}
}

func (r *reference) compare(tb testing.TB, argument, value string) {
	tb.Helper()
	want := matches(r.waf, argument, value)
	for i, name := range r.names {
		f, err := Compile(name, argument)
		if err != nil {
			if !strings.Contains(argument, "%{") {
				tb.Errorf("@%s %q: %v", name, argument, err)
			}
			continue
		}
		if got := f(value); got != want[i+1] {
			tb.Errorf("@%s %q of %q = %v", name, argument, value, got)
		}
	}
}

// writable reports whether a rule can hold the argument as it is.
func writable(argument string) bool {
	return argument == strings.TrimSpace(argument) && !strings.ContainsAny(argument, "\"\\\r\n`") && !strings.Contains(argument, "%{")
}

// comparePlain makes a rule for an argument, and gives it all the values.
func comparePlain(tb testing.TB, name, argument string, values ...string) {
	tb.Helper()
	if !writable(argument) {
		return
	}
	f, err := Compile(name, argument)
	waf, refErr := newCoraza(tb, coraza.NewWAFConfig(), name+" "+argument)
	if refErr != nil {
		if err == nil {
			tb.Errorf("@%s %q is compiled; Coraza: %v", name, argument, refErr)
		}
		return
	}
	defer waf.(io.Closer).Close()
	if err != nil {
		if name == "pm" && strings.Contains(" "+argument+" ", "  ") {
			return
		}
		tb.Errorf("@%s %q: %v", name, argument, err)
		return
	}
	for _, value := range values {
		if got, want := f(value), matches(waf, "", value)[1]; got != want {
			tb.Errorf("@%s %q of %q = %v", name, argument, value, got)
		}
	}
}

var values = []string{
	"", " ", "0", "1", "-1", "+1", "01", "1 ", " 1", "1_000", "0x10", "abc", "ABC", "a", "-", "+", "--1", "5-", "999999999", "9999999999", "999999999999999999",
	"9223372036854775807", "9223372036854775808", "-9223372036854775808", "99999999999999999999x", "9223372036854775808x", "-99999999999999999999",
	"\x00", "\xff", "é", "k", "K", "\u212a", "ſ", "%", "%4", "%41", "%4g", "%zz", "a%", "a%2", "%%41", "%41%", "\xed\xa0\x80",
	"127.0.0.1", "127.0.0.01", "10.1.2.3", "::1", "::ffff:10.1.2.3", "fe80::1%eth0", "2001:db8::1", "1.2.3", "256.1.1.1", " 10.1.2.3",
	"1' OR '1'='1", "1 UNION SELECT 2", "<script>alert(1)</script>", "x onclick=alert(1)", "javascript:alert(1)", "hello world", "' or 1=1 --", "\"><img src=x onerror=1>",
	"xabcx", "xABCx", "GET POST", "get", "PO", "T P",
}

func TestTextOperators(t *testing.T) {
	r := newReference(t)
	for _, argument := range values {
		for _, value := range values {
			r.compare(t, argument, value)
		}
	}
}

func TestPlainOperators(t *testing.T) {
	for _, argument := range []string{
		"", "127.0.0.1", "10.0.0.0/8,::1", "10.0.0.0/8, 2001:db8::/32 ,bogus,,/,1.2.3.4/99", "::ffff:10.0.0.0/104", "::ffff:10.1.2.3", "fe80::1%eth0", "10.1.2.3/8",
	} {
		comparePlain(t, "ipMatch", argument, values...)
	}
	for _, argument := range []string{
		"", "0-255", "1-255", "32-126", "9,10,13,32-126,128-255", "38,44-46,48-58", " 1 , 2-3", "3-1", "256", "-1", "1-", "1-2-3", "a", ",", "1,", "+1", "0x10", "1 -2", "1-256",
	} {
		comparePlain(t, "validateByteRange", argument, values...)
	}
	for _, argument := range []string{
		"", "abc", "ABC", "abc ab", "ab abc", "a  b", "x y z", "K", "\u212a", "ſ", "É", "é", "İ", "\xff", "@ [ `", "[ {", "@", "get post", "ab bc cd abcd", "1", "zz zzz",
	} {
		comparePlain(t, "pm", argument, append(values, "zz", "É", "é", "s", "S", "@", "`", "[", "{", "xabcdx", "bcd", "\ufffd", "i̇")...)
	}
}

// TestPhrasesFromFile compares lists too long for the rows of an automaton.
func TestPhrasesFromFile(t *testing.T) {
	rnd := rand.New(rand.NewSource(4))
	for round := range 5 {
		n := []int{1, 5, 50, 500, 2500}[round]
		list := make([]string, n)
		for i := range list {
			list[i] = randomText(rnd, "abcdefgh-/._ \xc3\xa9", 3+rnd.Intn(4*round+4))
			list[i] = strings.TrimLeft(strings.TrimSpace(list[i])+"x", "#")
		}
		comparePhrases(t, list, 200, func() string {
			text := randomText(rnd, "abcdefghABCDEFGH-/._ x\xc3\xa9", 10+rnd.Intn(40))
			if rnd.Intn(2) == 0 {
				p := list[rnd.Intn(n)]
				text += p[:rnd.Intn(len(p)+1)] + randomText(rnd, "abcdX", 3)
			}
			return text
		})
	}
	comparePhrases(t, []string{"# nothing"}, 5, func() string { return "abc" })
}

// files gives every file another name: Coraza keeps what it made of a file by its name.
var files atomic.Int64

func comparePhrases(t *testing.T, lines []string, rounds int, next func() string) {
	t.Helper()
	file := fmt.Sprintf("/phrases%d.data", files.Add(1))
	root := fstest.MapFS{file[1:]: {Data: []byte(strings.Join(lines, "\n"))}}
	waf, err := newCoraza(t, coraza.NewWAFConfig().WithRootFS(anyPath{root}), "pmFromFile "+file)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, line := range lines {
		if !strings.HasPrefix(line, "#") {
			list = append(list, line)
		}
	}
	f, err := Phrases(list)
	if err != nil {
		t.Fatal(err)
	}
	hits := 0
	for range rounds {
		value := next()
		got, want := f(value), matches(waf, "", value)[1]
		if got != want {
			t.Errorf("%d phrases in %q = %v", len(list), value, got)
		}
		if got {
			hits++
		}
	}
	if len(list) > 0 && (hits == 0 || hits == rounds) {
		t.Logf("%d phrases: %d of %d values match", len(list), hits, rounds)
	}
}

func randomText(rnd *rand.Rand, alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[rnd.Intn(len(alphabet))]
	}
	return string(b)
}

func TestRandomValues(t *testing.T) {
	rnd := rand.New(rand.NewSource(5))
	r := newReference(t)
	pick := func() string {
		switch rnd.Intn(3) {
		case 0:
			return values[rnd.Intn(len(values))]
		case 1:
			return randomText(rnd, "01279+-_. %aFg'\"<>=/*#\x00\xc3\xa9", rnd.Intn(12))
		}
		s := values[rnd.Intn(len(values))]
		i := rnd.Intn(len(s) + 1)
		return s[i:] + s[:i]
	}
	for range 900 {
		r.compare(t, pick(), pick())
	}
	// Few letters make phrases that overlap.
	for range 120 {
		words := make([]string, 1+rnd.Intn(6))
		for i := range words {
			words[i] = randomText(rnd, "abB-", 1+rnd.Intn(5))
		}
		texts := make([]string, 12)
		for i := range texts {
			texts[i] = randomText(rnd, "aAbB-", rnd.Intn(14))
		}
		comparePlain(t, "pm", strings.Join(words, " "), texts...)
	}
}

// TestLowerTwice: it does no harm that a list of phrases is in lower case already.
func TestLowerTwice(t *testing.T) {
	for r := range rune(0x20000) {
		once := strings.ToLower(string(r))
		if twice := strings.ToLower(once); twice != once {
			t.Errorf("%U becomes %q, then %q", r, once, twice)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, c := range [][2]string{
		{"rx", "a"}, {"rbl", "x"}, {"containsWord", "a"}, {"restpath", "/a"}, {"validateSchema", "a.json"}, {"pmFromFile", "a.data"},
		{"eq", "%{tx.x}"}, {"within", "a %{tx.x} b"}, {"pm", ""}, {"pm", "a  b"}, {"validateByteRange", "1-300"}, {"", ""},
	} {
		f, err := Compile(c[0], c[1])
		var e *gatehouse.Error
		if f != nil || !errors.As(err, &e) || e.Code != "waf.operator" || e.Message == "" {
			t.Errorf("@%s %q: %v", c[0], c[1], err)
		}
		if _, ok := Lookup(c[0], c[1]); ok {
			t.Errorf("@%s %q is known", c[0], c[1])
		}
	}
}

func FuzzOperator(f *testing.F) {
	r := newReference(f)
	for i, argument := range values {
		f.Add(byte(i), argument, values[(i*7+3)%len(values)])
	}
	f.Add(byte(0), "ab abc bcd", "xabCd")
	f.Add(byte(1), "10.0.0.0/8,::1", "10.2.3.4")
	f.Add(byte(2), "1-31,127", "abc")
	f.Fuzz(func(t *testing.T, which byte, argument, value string) {
		if len(argument) > 200 || len(value) > 1000 {
			return
		}
		r.compare(t, argument, value)
		comparePlain(t, plain[int(which)%len(plain)], argument, value, argument, value+argument, strings.ToUpper(argument)+value)
	})
}

func BenchmarkOperator(b *testing.B) {
	text := "The quick brown fox jumps over the lazy dog and reads 3f2a9c0e-7b1d"
	rnd := rand.New(rand.NewSource(6))
	var list []string
	for range 700 {
		list = append(list, "/"+randomText(rnd, "abcdefghijklmnop./", 12))
	}
	phrases, err := Phrases(list)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("phrases700", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			phrases(text)
		}
	})
	for _, c := range [][2]string{{"pm", "union select insert"}, {"within", "GET POST"}, {"eq", "0"}, {"validateByteRange", "32-126"},
		{"validateUrlEncoding", ""}, {"detectSQLi", ""}, {"detectXSS", ""}} {
		f, err := Compile(c[0], c[1])
		if err != nil {
			b.Fatal(err)
		}
		for _, value := range []string{"42", text} {
			b.Run(c[0]+"/"+strconv.Itoa(len(value)), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					f(value)
				}
			})
		}
	}
}
