package seclang_test

import (
	"fmt"
	"io/fs"
	"testing"

	"github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/experimental"
	"github.com/corazawaf/coraza/v3/types"
	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse/waf/seclang"
)

const coreRules = `Include @coraza.conf-recommended
Include @crs-setup.conf.example
Include @owasp_crs/*.conf
`

// load gives directives to Coraza. The error is that of NewWAF, or its panic.
func load(fsys fs.FS, directives string) (waf coraza.WAF, loaded []types.RuleMetadata, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("Coraza panics: %v", p)
		}
	}()
	config := coraza.NewWAFConfig().WithRootFS(fsys).WithDirectives(directives)
	config = experimental.WAFConfigWithRuleObserver(config, func(rule types.RuleMetadata) { loaded = append(loaded, rule) })
	waf, err = coraza.NewWAF(config)
	return waf, loaded, err
}

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
	want := map[string]int{}
	if diff := cmp.Diff(want, count); diff != "" {
		t.Error(diff)
	}
}
