package seclang_test

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/waf/seclang"
)

func read(t *testing.T, fsys fstest.MapFS, directives string) *seclang.Program {
	t.Helper()
	program, err := seclang.Read(fsys, directives)
	if err != nil {
		t.Fatal(err)
	}
	return program
}

var samePattern = cmp.Comparer(func(a, b *regexp.Regexp) bool {
	return a == nil && b == nil || a != nil && b != nil && a.String() == b.String()
})

func TestProgram(t *testing.T) {
	fsys := fstest.MapFS{
		"rules/a.conf": {Data: []byte("# first\n\nSecRule ARGS|!ARGS:/^B/|&TX:Count|ARGS_NAMES:X|REQUEST_HEADERS:'/^X-A/' \\\n" +
			"  \"!@pmFromFile words.data\" \\\n  \"id:5,phase:1,block,msg:'One %{tx.a}',severity:2,tag:'a/b',t:none,t:urlDecodeUni,t:lowercase,chain,setvar:'tx.x=+1',skipAfter:END\"\n" +
			"  SecRule REQUEST_METHOD \"^GET$\" \"capture,multiMatch,ctl:ruleRemoveTargetById=9;ARGS:/^Q/,ctl:ruleEngine=Off\"\n")},
		"rules/words.data": {Data: []byte("# x\nFoo\n bar \n")},
	}
	program := read(t, fsys, "SecDefaultAction \"phase:1,deny,status:418,log\"\nSecRuleEngine On\nSecRuleEngine \"DetectionOnly\"\nInclude rules/a.conf\nSecMarker END\n"+
		"SecRuleUpdateTargetById 5 \"!ARGS:q\"\n")
	want := []seclang.Rule{
		{
			ID: 5, Phase: 1, File: "rules/a.conf", Line: 3, Message: "One %{tx.a}", Severity: "critical", Tags: []string{"a/b"},
			SkipAfter: "END", Log: true, Disruptive: "deny", Status: 418,
			Links: []seclang.Link{
				{
					Targets: []seclang.Target{
						{Variable: "ARGS", Except: []seclang.Selector{{Regexp: regexp.MustCompile("^B")}, {Key: "q"}}},
						{Variable: "TX", Key: "count", Count: true, CountKey: "count"},
						{Variable: "ARGS_NAMES", Key: "X"},
						{Variable: "REQUEST_HEADERS", KeyRegexp: regexp.MustCompile("^x-a")},
					},
					Operator:   &seclang.Operator{Name: "pmfromfile", Argument: "words.data", Negated: true, Phrases: []string{"foo", "bar"}},
					Transforms: []string{"urldecodeuni", "lowercase"},
					Actions:    []seclang.Action{{Name: "setvar", Value: "tx.x=+1"}},
				},
				{
					Targets:    []seclang.Target{{Variable: "REQUEST_METHOD"}},
					Operator:   &seclang.Operator{Name: "rx", Argument: "^GET$"},
					MultiMatch: true, Capture: true,
					Actions: []seclang.Action{{Name: "ctl", Value: "ruleRemoveTargetById=9;ARGS:/^Q/"}, {Name: "ctl", Value: "ruleEngine=Off"}},
				},
			},
		},
		{Marker: "END", Line: 5, Links: []seclang.Link{{}}},
	}
	if diff := cmp.Diff(want, program.Rules, samePattern, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(seclang.Rule{}, "Text")); diff != "" {
		t.Error(diff)
	}
	if got := program.Settings["secruleengine"]; got != "DetectionOnly" {
		t.Errorf("SecRuleEngine is %q", got)
	}
	control, err := program.Rules[0].Links[1].Actions[0].Control()
	wantControl := seclang.Control{Name: "ruleRemoveTargetById", Value: "9", Variable: "ARGS", Selector: seclang.Selector{Regexp: regexp.MustCompile("^Q")}}
	if diff := cmp.Diff(wantControl, control, samePattern); err != nil || diff != "" {
		t.Error(err, diff)
	}
	if _, err := program.Rules[0].Links[0].Actions[0].Control(); err == nil {
		t.Error("setvar was taken for ctl")
	}
}

// TestText reads the texts of rules again: they are the same rules.
func TestText(t *testing.T) {
	core, err := seclang.Read(coreruleset.FS, coreRules+"SecRuleUpdateTargetById 942100 \"!ARGS:bio\"\nSecRuleUpdateActionById 942140 \"pass,t:none\"\n")
	if err != nil {
		t.Fatal(err)
	}
	long := read(t, nil, "SecDefaultAction \"phase:2,deny\"\nSecDataset d `\na\n`\nSecRule ARGS \"@pmFromDataset d\" \"id:1,tag:x\"\nSecRule ARGS \\\n\"@rx "+
		strings.Repeat("word word \\\n", 8000)+"\" \"id:2,chain\"\nSecRule ARGS \"x\"\nSecRuleUpdateTargetByTag x \"ARGS_NAMES\"")
	for name, program := range map[string]*seclang.Program{"core": core, "long": long} {
		text := program.Preamble
		for _, rule := range program.Rules {
			text += rule.Text
		}
		again, err := seclang.Read(coreruleset.FS, text)
		if err != nil {
			t.Fatal(name, err)
		}
		// The names of files are now from the root.
		ignored := cmpopts.IgnoreFields(seclang.Rule{}, "File", "Line", "Text")
		names := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Argument" }, cmp.Comparer(func(a, b string) bool {
			return a == b || strings.HasSuffix(a, ".data") && path.Base(a) == path.Base(b)
		}))
		if diff := cmp.Diff(program.Rules, again.Rules, samePattern, ignored, names, cmpopts.EquateEmpty()); diff != "" {
			t.Error(name, diff)
		}
	}
}

func TestOpaque(t *testing.T) {
	for directives, reason := range map[string]string{
		"SecRule ARGS \"@rbl x\" \"id:1\"":                                                         "outside",
		"SecRule ARGS \"@inspectFile x\" \"id:1\"":                                                 "outside",
		"SecRule ARGS \"@restpath /a/{b}\" \"id:1\"":                                               "ARGS_PATH",
		"SecAction \"id:1,setvar:tx.a\"":                                                           "survive",
		"SecAction \"id:1,setvar:!tx.a\"":                                                          "survive",
		"SecRule ARGS \"@pm a  b\" \"id:1\"":                                                       "empty phrase",
		"SecRule ARGS \"@pm\" \"id:1\"":                                                            "empty phrase",
		"SecRule ARGS \"a\" \"id:1,chain\"\nSecRule ARGS \"a\" \"id:2\"":                           "id 2 of its own",
		"SecRule ARGS \"a\" \"chain\"\nSecRule ARGS \"a\"":                                         "without id",
		"SecIgnoreRuleCompilationErrors On\nSecRule ARGS \"a\" \"id:1,chain\"\nSecRule ARGS \"a\"": "SecIgnoreRuleCompilationErrors",
		"SecIgnoreRuleCompilationErrors On\nSecRule ARGS \"a\" \"id:1,chain\"\nSecRule ARGS \"(\"": "left out",
		"SecRule REQUEST_URI:/x/ \"a\" \"id:1\"":                                                   "without keys",
		"SecRule MATCHED_VAR \"a\" \"id:1,t:lowercase\"":                                           "earlier value",
		"SecRule ARGS \"a\" \"id:1,t:lowercase\"\nSecRule &ARGS \"1\" \"id:2,t:length\"":           "count",
		"SecDataset same `\na\n`\nSecRule ARGS \"@pmFromDataset same\" \"id:3,phase:3\"\nSecDataset same `\nb\n`\nSecRule ARGS \"@pmFromDataset same\" \"id:1\"": "earlier set",
	} {
		program := read(t, nil, directives)
		for _, rule := range program.Rules {
			if rule.ID != 3 && (rule.ID == 1 || rule.ID == 0) && !strings.Contains(rule.Opaque, reason) {
				t.Errorf("%s\nopaque %q, not for %q", directives, rule.Opaque, reason)
			}
		}
	}
	for _, directives := range []string{
		"SecRule MATCHED_VAR \"a\" \"id:1\"", "SecRule MATCHED_VAR \"a\" \"id:1,t:lowercase,multiMatch\"", "SecRule &TX:a|TX \"a\" \"id:1,t:lowercase\"",
		"SecRule ARGS \"a\" \"id:1,t:lowercase\"\nSecRule &ARGS:foo \"1\" \"id:2,t:length\"", "SecRule ARGS \"a\" \"id:1,t:lowercase\"\nSecRule &ARGS \"1\" \"id:2,t:none\"",
	} {
		for _, rule := range read(t, nil, directives).Rules {
			if rule.Opaque != "" {
				t.Errorf("%s\nopaque: %s", directives, rule.Opaque)
			}
		}
	}
}

// TestStale shows why a set of phrases that has changed makes a rule opaque:
// Coraza's cache outlives the configuration that filled it.
func TestStale(t *testing.T) {
	const directives = "SecRule ARGS \"@pmFromFile stale.data\" \"id:1\""
	matches := func(word string) int {
		waf, _, err := load(fstest.MapFS{"stale.data": {Data: []byte(word)}}, directives)
		if err != nil {
			t.Fatal(err)
		}
		tx := request(waf)
		defer tx.Close()
		return len(tx.MatchedRules())
	}
	first := read(t, fstest.MapFS{"stale.data": {Data: []byte("foo")}}, directives)
	before := matches("foo")
	second := read(t, fstest.MapFS{"stale.data": {Data: []byte("qqq")}}, directives)
	after := matches("qqq")
	if before != 1 || after != 1 {
		t.Errorf("matches before and after the file changed: %d, %d", before, after)
	}
	if first.Rules[0].Opaque != "" || second.Rules[0].Opaque == "" {
		t.Errorf("opaque before %q, after %q", first.Rules[0].Opaque, second.Rules[0].Opaque)
	}
}

func TestErrors(t *testing.T) {
	fsys := fstest.MapFS{"bad.conf": {Data: []byte("SecAction \"id:1\"\n\nSecRule ARGS \\\n  \"@nope\" \"id:2\"\nSecMarker\n")}}
	_, err := seclang.Read(fsys, "Nope\n\nInclude bad.conf\nSecAction \"id:1\"\n")
	want := "unknown directive \"nope\"\nbad.conf:3: in SecRule: unknown operator \"nope\"\nbad.conf:5: in SecMarker: expected options\nin SecAction: duplicated rule id 1"
	var got []string
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			var known *gatehouse.Error
			if !errors.As(e, &known) || known.Code != "seclang.directive" {
				t.Errorf("%v: not a *gatehouse.Error of its kind", e)
			}
			got = append(got, strings.TrimPrefix(e.Error(), "in Nope: "))
		}
	}
	if diff := cmp.Diff(want, strings.Join(got, "\n")); diff != "" {
		t.Error(diff)
	}
	if n := strings.Count(fmt.Sprint(errorOf("Nope\n"+strings.Repeat("Nope\n", 1000))), "\n"); n > 30 {
		t.Errorf("%d lines of errors", n)
	}
}

func errorOf(directives string) error {
	_, err := seclang.Read(nil, directives)
	return err
}

// TestStricter holds what Coraza drops without a word, and Read refuses.
func TestStricter(t *testing.T) {
	for name, directives := range map[string]string{
		"a line too long":    "SecAction \"id:1\"\n# " + strings.Repeat("x", 65536) + "\nSecAction \"id:2\"",
		"an unfinished line": "SecAction \"id:1\"\nSecRule ARGS \\\n  \"@rx foo\" \\\n",
	} {
		waf, loaded, err := load(nil, directives)
		if waf == nil || err != nil || len(loaded) != 1 {
			t.Errorf("%s: Coraza loads %d rules: %v", name, len(loaded), err)
		}
		var known *gatehouse.Error
		if err := errorOf(directives); !errors.As(err, &known) || known.Code != "seclang.line" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBounds(t *testing.T) {
	fsys := fstest.MapFS{
		"loop.conf":  {Data: []byte("Include loop.conf\nInclude loop.conf\n")},
		"large.conf": {Data: make([]byte, seclang.MaxFileBytes+1)},
		"w.data":     {Data: []byte(strings.Repeat("x", 70000))},
	}
	for i := range seclang.MaxFiles {
		fsys[fmt.Sprintf("many/%d.conf", i)] = &fstest.MapFile{Data: []byte("\n")}
	}
	for _, directives := range []string{
		"Include loop.conf", "Include large.conf", "Include many/*.conf\nInclude many/1.conf", "SecRule ARGS \"@pmFromFile w.data\" \"id:1\"",
		"SecRule ARGS \"@pmFromFile large.conf\" \"id:1\"", strings.Repeat("#\n", seclang.MaxTotalBytes/2+1),
	} {
		if _, err := seclang.Read(fsys, directives); err == nil {
			t.Errorf("%.60s: no error", directives)
		}
	}
	if _, err := seclang.Read(fsys, "Include many/*.conf"); err != nil {
		t.Error(err)
	}
	if err := errorOf("Include a.conf"); err == nil {
		t.Error("a file without a file system")
	}
}

func TestCheckDiffers(t *testing.T) {
	const directives = "SecAction \"id:1,phase:1,tag:a\"\nSecMarker A\nSecAction \"id:2\"\nSecRuleRemoveById 1\nSecRuleUpdateActionById 2 \"phase:1\""
	_, loaded, err := load(nil, directives)
	if err != nil {
		t.Fatal(err)
	}
	if err := read(t, nil, directives).Check(loaded); err != nil {
		t.Error(err)
	}
	if err := read(t, nil, directives).Check(loaded[:2]); err == nil {
		t.Error("one rule less")
	}
	for _, other := range []string{
		"SecAction \"id:1,phase:1,tag:a\"\nSecMarker A", strings.Replace(directives, "phase:1", "phase:2", 1), strings.Replace(directives, "Marker A", "Marker B", 1),
		strings.Replace(directives, "id:2", "id:3", 1), "\n" + directives, strings.Replace(directives, "tag:a", "tag:b", 1), strings.Replace(directives, "id:2", "id:2,pass", 1),
		directives + "\nSecMarker C", "",
	} {
		program, err := seclang.Read(nil, other)
		if err != nil {
			continue // it names a rule that isn't there
		}
		var known *gatehouse.Error
		if err := program.Check(loaded); !errors.As(err, &known) || known.Code != "seclang.check" {
			t.Errorf("%s\n%v", other, err)
		}
	}
}

func ExampleRead() {
	program, err := seclang.Read(nil, `
SecDefaultAction "phase:2,deny,status:403,log"
SecRule ARGS|!ARGS:comment "@rx (?i)<script" \
    "id:100,block,t:none,t:urlDecodeUni,msg:'A script in a parameter'"
`)
	if err != nil {
		fmt.Println(err)
		return
	}
	rule := program.Rules[0]
	link := rule.Links[0]
	fmt.Println(rule.ID, rule.Phase, rule.Disruptive, rule.Status, rule.Message)
	fmt.Println(link.Targets[0].Variable, link.Targets[0].Except[0].Key, link.Transforms, link.Operator.Name, link.Operator.Argument)
	// Output:
	// 100 2 deny 403 A script in a parameter
	// ARGS comment [urldecodeuni] rx (?i)<script
}
