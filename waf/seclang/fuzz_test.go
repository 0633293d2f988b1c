package seclang_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/waf/seclang"
)

var fuzzFiles = fstest.MapFS{
	"a.conf":     {Data: []byte("SecRule ARGS \"@pmFromFile w.data\" \"id:900,chain\"\nInclude b*.conf\n")},
	"b.conf":     {Data: []byte("SecRule REQUEST_METHOD \"@streq GET\"\n")},
	"loop.conf":  {Data: []byte("Include loop.conf\n")},
	"loops.conf": {Data: []byte("Include lo*.conf\nInclude lo*.conf\n")},
	"w.data":     {Data: []byte("foo\n# no\nbar\n")},
}

// dangerous are directives that make Coraza touch the world while it loads.
var dangerous = regexp.MustCompile(`(?i)log|upload|remote|dir|limit`)

// FuzzRead reads anything. Where Read accepts it, so must Coraza, and it must
// have loaded the same rules; where Coraza accepts it, Read may only object to
// what Coraza would drop.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"SecRule ARGS|!ARGS:/^a/|&TX:b \"@rx ^f\\\"oo$\" \"id:1,phase:2,t:none,t:lowercase,msg:'a, b',chain\"\nSecRule REQUEST_HEADERS:'/x/' \"!@within %{tx.a}\" \"setvar:tx.b=+1\"",
		"Include a.conf\nSecRuleRemoveById 900-901\nSecMarker \"END\"",
		"Include loop.conf", "Include loops.conf",
		"SecDataset d `\na\nb\n`\nSecRule ARGS \"@pmFromDataset d\" \"id:2,ctl:ruleRemoveTargetById=1-5;ARGS:/x/\"",
		"SecDefaultAction \"phase:2,deny,capture\"\nSecAction \"id:3,block,skipAfter:END\"\n# no\nSecRuleUpdateActionById 3 \"pass\"\nSecRuleUpdateTargetByTag x \"!ARGS\"",
		"SecIgnoreRuleCompilationErrors On\nSecRule NOPE \\\n \"a\" \"chain\"", "SecRule ARGS:/a/|XML:/* \"@pm a b\" \"id:4,multiMatch\"", "`\n`", "\\", "SecRule ARGS \"@ipMatch ::1\" \"id:5\"",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, directives string) {
		program, err := seclang.Read(fuzzFiles, directives)
		if err == nil {
			for _, rule := range program.Rules {
				if len(rule.Links) == 0 || rule.Phase > 5 {
					t.Errorf("impossible rule: %+v", rule)
				}
			}
		}
		if len(directives) > 4096 || dangerous.MatchString(directives) {
			return
		}
		waf, loaded, corazaErr := load(fuzzFiles, directives)
		if waf != nil {
			defer waf.(interface{ Close() error }).Close()
		}
		var known *gatehouse.Error
		switch {
		case corazaErr != nil && strings.Contains(corazaErr.Error(), "interface conversion"):
			// Its cache has something else under the same key, maybe of another case.
		case err == nil && corazaErr != nil:
			t.Errorf("Coraza: %v", corazaErr)
		case err == nil:
			if err := program.Check(loaded); err != nil {
				t.Error(err)
			}
		case corazaErr == nil && errors.As(err, &known) && known.Code != "seclang.line":
			t.Error(err)
		}
	})
}
