package transform

import (
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"strings"
	"testing"
)

// names are all spellings, sorted.
func names() []string { return slices.Sorted(maps.Keys(byName)) }

// single is a pipeline for every transformation. "none" alone is the empty pipeline.
func single() [][]string {
	var list [][]string
	for _, name := range names() {
		list = append(list, []string{name})
	}
	return list
}

// TestAllOfCoraza: a rule set cannot name a transformation that Lookup does not know.
func TestAllOfCoraza(t *testing.T) {
	all := []string{
		"base64Decode", "base64DecodeExt", "base64Encode", "cmdLine", "compressWhitespace", "cssDecode",
		"escapeSeqDecode", "hexDecode", "hexEncode", "htmlEntityDecode", "jsDecode", "length", "lowercase", "md5",
		"none", "normalisePath", "normalisePathWin", "normalizePath", "normalizePathWin", "removeComments",
		"removeCommentsChar", "removeNulls", "removeWhitespace", "replaceComments", "replaceNulls", "sha1",
		"uppercase", "urlDecode", "urlDecodeUni", "urlEncode", "utf8toUnicode", "trim", "trimLeft", "trimRight",
	}
	if len(all) != len(byName) {
		t.Errorf("%d transformations, want %d", len(byName), len(all))
	}
	for _, name := range all {
		if _, ok := Lookup(strings.ToLower(name)); !ok {
			t.Errorf("%s is unknown", name)
		}
	}
	for _, name := range []string{"", "cmdLine", "sqlHexDecode", "parityEven7bit"} {
		if _, ok := Lookup(name); ok {
			t.Errorf("%q is known", name)
		}
	}
}

// traps are values where implementations of SecLang are known to differ.
var traps = []string{
	"", " ", "\x00", "a", "/", "//", ".", "..", "/.", "./", "../", "/..", "a/", "a/.", "a//b/./c/../d/", "/a/../../b", ".../", "/\x00",
	"%", "%4", "%41", "%4g", "%%41", "%u", "%U", "%u004", "%u0041", "%U0041", "%uff1c", "%uFF00", "%uff5f", "%uzz41", "%u%41",
	"%u00c4", "%u0100", "%u2019", "+", "a+b%2Bc", "%25%32%35", "%c0%af",
	`\`, `\\`, `\a`, `\q`, `\x`, `\x4`, `\x41`, `\X41`, `\u`, `\u004`, `\u0041`, `\U0041`, `\uff1c`, `\uff00`, `\uff5f`, `\u{}`, `\u{3c}`,
	`\u{0ff1c}`, `\u{1f600}`, `\u{1234567}`, `\u{3c`, `\u{zz}`, `\0`, `\08`, `\101`, `\1012`, `\400`, `\777`, `\377`, `\378`, `\8`,
	"\\\n", "\\\r\n", `\3c x`, `\3c  x`, "\\3c\tx", `\00003cx`, `\000003cx`, `\0`, `\000000`, `\d800`, `\110000`, `\ffffff`, `\ff1c`, `\5c`,
	`\?\'\"`, `\z` + "\x80", "a\\",
	"&", "&lt", "&lt;", "&ltx", "&#0", "&#0;", "&#60", "&#x3c;", "&#x", "&#", "&#128;", "&#xd800;", "&#x110000;", "&notit;", "&nGt;",
	"&AMP", "&ampgt;", "&bogus;", "a=1&lt=2&copy=3",
	"/*", "*/", "/**/", "/*/", "/*a*/", "/*a*/b", "/*a*//*b*/", "/*a-->b", "<!--", "<!--a-->", "<!--a*/b", "<!-->", "<!--->", "<!- -", "-->", "--", "---", "-",
	"a--b", "a#b", "a/*b#c*/d--e", "a/*b", "*/*", "/*a*/#", "/*x*/-- ", "<!--#", "a/*b*/", "//**/*", "--->",
	"a b", "a  b", "a\t\nb", "a\u00a0b", "a\u0085b", "a\xa0b", "a\x85b", "\xc2", "\xa0", "\xa0\xa0", "à", "ą你", "\u2003x\u3000", "\u1680", "a \xffb", "\xff", "\xed\xa0\x80",
	"a\u200bb", "\ufeffx", "\v\fx\v", " \x00x ", "\u00a0x\u00a0",
	"ABC", "ÀÉ", "İ", "ı", "ſ", "K", "ß", "ẞ", "Ǆǅǆ", "ΑΣ", "\xc3\x28A", "A\xff", "\U00010400", "ⓐⒶ",
	`c^m"d' /c  dir`, "a ,;\t/b", `a "/"`, ` "(`, "a, (b", "/ (", "  ", ",", `a " " b`, "C:\\WIN", "x ;", `;"`, `a  "/`, "a /b C",
	"YWJj", "YWJj=", "YWI=", "YQ==", "YQ", "Y", "YW Jj", "YW\r\nJj", "YW.Jj", "YW-_", "-_-_", "YW\x80Jj", "=YWJj", " YWJj", "YWJj!YWJj", "!!!!", "YW\u00a0Jj",
	"61", "6", "6g", "616", "6A6a", "é",
	`C:`, `C:\`, `C:\a:b`, `C:\a.txt::$DATA\`, `a:b`, `1:b`, `\`, `\\a\\b.`, `a. /b../c `, ` `, `a/ /b`, `/ `, `. `, `.. `, `a/... `, `a/.../b.`, `C: `, `:`, `/:`, `:/`, `a:b/`, `c:/`, `c:x/`,
	"😀", "\U0010ffff", "a😀b\xf0\x9f", "\x7f\x80",
}

func TestTraps(t *testing.T) {
	r := newReference(t, single())
	for _, value := range traps {
		r.compare(t, value)
	}
}

// TestBestFit tries the numbers that %uXXXX and \uXXXX can write: all where there are best
// fits, every seventh elsewhere.
func TestBestFit(t *testing.T) {
	r := newReference(t, [][]string{{"urldecodeuni"}, {"jsdecode"}, {"cssdecode"}, {"utf8tounicode"}})
	var text strings.Builder
	for code := 0; code <= 0xffff; code++ {
		if 0x2200 < code && code < 0xfe00 {
			code += 6
		}
		fmt.Fprintf(&text, `%%u%04x\u%04X\u{%x}\%x %c`, code, code, code, code, rune(code))
		if text.Len() > 4096 || code == 0xffff {
			r.compare(t, text.String())
			text.Reset()
		}
	}
}

// fragments make random values that reach most branches.
var fragments = append(slices.Clone(traps),
	"u", "x", "U", "X", "%", "+", "&", ";", "\\", "/", "*", "-", "#", "<", "!", ">", "0", "1", "7", "8", "9", "a", "f", "F", "Z", "{", "}", "'", `"`, "^",
	",", "(", ":", ".", " ", "\n", "\t", "\r", "\x00", "\x80", "\x85", "\xa0", "\xc2", "\xe2\x80", "\xff", "hello", "SELECT", "=", "_", "ff", "00", "41")

func randomValue(rnd *rand.Rand) string {
	var b strings.Builder
	for n := rnd.Intn(12); n > 0; n-- {
		switch rnd.Intn(8) {
		case 0:
			b.WriteByte(byte(rnd.Intn(256)))
		case 1:
			b.WriteRune(rune(rnd.Intn(0x3100)))
		default:
			b.WriteString(fragments[rnd.Intn(len(fragments))])
		}
	}
	return b.String()
}

func randomChain(rnd *rand.Rand) []string {
	list := names()
	chain := make([]string, 2+rnd.Intn(3))
	for i := range chain {
		chain[i] = list[rnd.Intn(len(list))]
	}
	return chain
}

func TestRandomValues(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	r := newReference(t, single())
	for range 300 { // times 34 transformations, twice
		r.compare(t, randomValue(rnd))
	}
}

func TestRandomChains(t *testing.T) {
	rnd := rand.New(rand.NewSource(2))
	for range 10 {
		chains := make([][]string, 20)
		for i := range chains {
			chains[i] = randomChain(rnd)
		}
		r := newReference(t, chains)
		for range 30 {
			r.compare(t, randomValue(rnd))
		}
	}
}

func TestChain(t *testing.T) {
	key := func(names ...string) string {
		t.Helper()
		p, ok := Chain(names)
		if !ok {
			t.Fatalf("%v is unknown", names)
		}
		return p.Key()
	}
	if got := key("normalizepath", "lowercase"); got != "normalisepath,lowercase" {
		t.Errorf("key %q", got)
	}
	if got := key("lowercase", "none", "trim"); got != "trim" {
		t.Errorf("key after none %q", got)
	}
	if got := key(); got != "" {
		t.Errorf("key of nothing %q", got)
	}
	if _, ok := Chain([]string{"lowercase", "rot13"}); ok {
		t.Error("an unknown name makes a pipeline")
	}
	if p, _ := Chain([]string{"urldecodeuni", "length"}); p.Triggers() != nil {
		t.Error("length has no triggers")
	}
	if p, _ := Chain(nil); p.Triggers() == nil || !p.Triggers().Empty() {
		t.Error("the empty pipeline changes nothing")
	}
	p, _ := Chain([]string{"urldecodeuni", "removenulls"})
	for _, c := range []byte("%+\x00") {
		if !p.Triggers().Has(c) {
			t.Errorf("%q is no trigger", c)
		}
	}
	if n := p.Triggers().Len(); n != 3 {
		t.Errorf("%d triggers", n)
	}
}

// TestTriggers applies each transformation to every text of up to two bytes that are no
// triggers.
func TestTriggers(t *testing.T) {
	for _, name := range names() {
		tr, _ := Lookup(name)
		if tr.Triggers == nil {
			continue
		}
		var quiet []byte
		for b := range 256 {
			if !tr.Triggers.Has(byte(b)) {
				quiet = append(quiet, byte(b))
			}
		}
		for _, a := range quiet {
			for _, b := range quiet {
				if s := string([]byte{a, b}); tr.Apply(s) != s || tr.Apply(s[:1]) != s[:1] {
					t.Errorf("%s(%q) = %q", name, s, tr.Apply(s))
				}
			}
		}
		if got := tr.Apply(""); got != "" {
			t.Errorf("%s of nothing = %q", name, got)
		}
	}
}

// TestIdentityDoesNotAllocate: a value without triggers costs no memory.
func TestIdentityDoesNotAllocate(t *testing.T) {
	for _, name := range names() {
		tr, _ := Lookup(name)
		if tr.Triggers == nil || name == "urlencode" {
			continue
		}
		value := "orders"
		if name == "uppercase" {
			value = "ORDERS"
		}
		if name == "hexdecode" {
			value = "zulu"
		}
		if n := testing.AllocsPerRun(20, func() { tr.Apply(value) }); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
	for name, value := range map[string]string{
		"urldecodeuni": "100%sure", "cmdline": "a b /c", "compresswhitespace": "a b c", "removecomments": "a-b*c",
		"replacecomments": "a*b", "normalisepath": "/v1/orders/", "jsdecode": `a\`, "lowercase": "żółw", "trim": "a b",
	} {
		if name == "cmdline" {
			value = "a b c/d"
		}
		tr, _ := Lookup(name)
		if n := testing.AllocsPerRun(20, func() { tr.Apply(value) }); n != 0 {
			t.Errorf("%s of %q allocates %v times", name, value, n)
		}
	}
}

func FuzzTransform(f *testing.F) {
	r := newReference(f, single())
	for _, value := range traps {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if len(value) > 4096 {
			return
		}
		r.compare(t, value)
	})
}

func FuzzChain(f *testing.F) {
	rnd := rand.New(rand.NewSource(3))
	chains := make([][]string, 150)
	for i := range chains {
		chains[i] = randomChain(rnd)
	}
	r := newReference(f, chains)
	for _, value := range traps {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if len(value) > 1024 {
			return
		}
		r.compare(t, value)
	})
}

func BenchmarkApply(b *testing.B) {
	values := map[string]string{
		"identity": "3f2a9c0e-7b1d-4c55-9f6e-0a1b2c3d4e5f",
		"text":     "The quick brown fox, 100% sure; jumps over the lazy dog's back & away",
		"attack":   `%27%20UNION/**/SELECT+\u0041\x41 &lt;script&gt; ..//../etc/passwd -- C:\WIN`,
	}
	for _, name := range []string{"urldecodeuni", "lowercase", "cmdline", "compresswhitespace", "htmlentitydecode",
		"jsdecode", "cssdecode", "removenulls", "normalisepath", "replacecomments", "removewhitespace", "utf8tounicode"} {
		t, _ := Lookup(name)
		for _, kind := range []string{"identity", "text", "attack"} {
			b.Run(name+"/"+kind, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					t.Apply(values[kind])
				}
			})
		}
	}
}

func BenchmarkPipeline(b *testing.B) {
	p, _ := Chain([]string{"utf8tounicode", "urldecodeuni", "htmlentitydecode", "jsdecode", "cssdecode", "removenulls"})
	for _, value := range []string{"3f2a9c0e-7b1d-4c55-9f6e-0a1b2c3d4e5f", "The quick brown fox jumps over the lazy dog"} {
		b.Run(fmt.Sprint(len(value)), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.Apply(value)
			}
		})
	}
}
