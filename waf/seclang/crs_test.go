package seclang_test

import (
	"testing"

	"github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/corazawaf/coraza/v3/experimental"
	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse/waf/seclang"
)

const coreRules = `Include @coraza.conf-recommended
Include @crs-setup.conf.example
Include @owasp_crs/*.conf
`

func TestCoreRuleSet(t *testing.T) {
	program, err := seclang.Read(coreruleset.FS, coreRules)
	if err != nil {
		t.Fatal(err)
	}
	waf, loaded, err := load(coreruleset.FS, coreRules)
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Check(loaded); err != nil {
		t.Error(err)
	}
	if n := waf.(experimental.WAFWithRules).RulesCount(); n != len(program.Rules) {
		t.Errorf("%d rules, in Coraza %d", len(program.Rules), n)
	}
	count := map[string]int{}
	for _, rule := range program.Rules {
		if rule.Opaque != "" {
			t.Errorf("rule %d is opaque: %s", rule.ID, rule.Opaque)
		}
		if rule.Marker != "" {
			count["markers"]++
		}
		count["rules"]++
		for _, link := range rule.Links {
			count["links"]++
			if link.Operator != nil {
				count["@"+link.Operator.Name]++
			}
			for _, name := range link.Transforms {
				count["t:"+name]++
			}
			for _, action := range link.Actions {
				count[action.Name]++
			}
		}
	}
	// What grep finds in the rules' text.
	want := map[string]int{
		"rules": 661, "links": 733, "markers": 30, "setvar": 678, "ctl": 12, "initcol": 2,
		"@beginswith": 1, "@contains": 4, "@detectsqli": 2, "@detectxss": 2, "@endswith": 6, "@eq": 55, "@ge": 42,
		"@gt": 15, "@ipmatch": 2, "@lt": 190, "@pm": 12, "@pmfromfile": 21, "@rx": 318, "@streq": 7,
		"@unconditionalmatch": 1, "@validatebyterange": 6, "@validateurlencoding": 1,
		"@validateutf8encoding": 1, "@within": 9,
		"t:base64decode": 3, "t:cmdline": 13, "t:compresswhitespace": 5, "t:cssdecode": 23,
		"t:escapeseqdecode": 7, "t:hexencode": 2, "t:htmlentitydecode": 35, "t:jsdecode": 37, "t:length": 3,
		"t:lowercase": 49, "t:normalizepath": 8, "t:normalizepathwin": 4, "t:removecommentschar": 1,
		"t:removenulls": 27, "t:removewhitespace": 11, "t:replacecomments": 9, "t:sha1": 2,
		"t:urldecodeuni": 137, "t:utf8tounicode": 32,
	}
	if diff := cmp.Diff(want, count); diff != "" {
		t.Error(diff)
	}
}
