package server

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/waf"
)

// Rules lists the rules of a configuration, and the highest paranoia level of its
// policies: rules of higher levels are not in force anywhere.
func Rules(cfg *config.Config, dir string) ([]waf.Rule, int, error) {
	if cfg.WAF == nil {
		return nil, 0, nil
	}
	a := newAssembly(cfg, dir, nil, slog.New(slog.DiscardHandler))
	if err := a.vocabulary(); err != nil {
		return nil, 0, err
	}
	highest := 0
	for _, p := range a.wafPolicies() {
		highest = max(highest, p.Paranoia, p.Detection)
	}
	files := &ruleFiles{dir: dir}
	c := *cfg.WAF
	c.Rules.Before, c.Rules.After = files.names(c.Rules.Before), files.names(c.Rules.After)
	rules, err := waf.Rules(c, waf.Options{Files: files})
	if err != nil {
		return nil, 0, a.rulesAt(files, err)
	}
	for i := range rules {
		if rules[i].At.File != "" {
			rules[i].At.File = files.shown(rules[i].At.File)
		}
	}
	return rules, highest, nil
}

// CheckRules loads SecLang files, behind the Core Rule Set or alone. The Diagnostics
// are what is wrong with them, as errors, and what of them cannot be proven, as
// warnings. Rules counts those of the files.
func CheckRules(paths []string, core bool) (rules int, ds config.Diagnostics) {
	files := &ruleFiles{dir: "."}
	cfg := waf.Config{Rules: waf.RulesConfig{Core: &core, After: files.names(paths), Responses: true}, Shadow: -1}.WithDefaults()
	w, err := waf.New(cfg, waf.Options{Files: files})
	if err != nil {
		return 0, ruleFaults(config.Error, files, err)
	}
	defer w.Close()
	own := map[string]bool{}
	for _, name := range files.read() {
		own[name] = true
	}
	if err := w.Distrust(); err != nil {
		ds = append(ds, config.Diagnostic{Severity: config.Warning, Code: "waf.unprovable", Message: "nothing would be proven, and every request would go through all rules: " + err.Error()})
	}
	list, err := waf.Rules(cfg, waf.Options{Files: files})
	if err != nil {
		return 0, append(ds, ruleFaults(config.Warning, files, err)...)
	}
	for _, r := range list {
		if !own[r.At.File] {
			continue
		}
		rules++
		if r.Opaque != "" {
			ds = append(ds, ruleFaults(config.Warning, files, &gatehouse.Error{Code: "waf.opaque", At: r.At,
				Message: fmt.Sprintf("rule %s cannot be proven: requests that it might concern go through all rules: %s", r.ID, r.Opaque)})...)
		}
	}
	for level := 1; level <= 4; level++ {
		p := cfg.Policy
		p.Paranoia = level
		if g, err := w.Guard(p); err == nil && g.Unprovable() != "" && w.Distrust() == nil {
			ds = append(ds, config.Diagnostic{Severity: config.Warning, Code: "waf.unprovable", Message: "nothing would be proven, and every request would go through all rules: " + g.Unprovable()})
			break
		}
	}
	return rules, ds
}

// ruleFaults shows errors of rules with the lines they are about.
func ruleFaults(severity config.Severity, files *ruleFiles, err error) config.Diagnostics {
	var list []*gatehouse.Error
	for _, err := range each(err) {
		own := *gatehouse.AsError(err, "waf.directives_invalid", 0)
		if own.At.File != "" {
			own.At.File = files.shown(own.At.File)
		}
		list = append(list, &own)
	}
	return config.InDocument(severity, list, func(file string) (string, bool) {
		text, err := os.ReadFile(filepath.Clean(file))
		return string(text), err == nil
	})
}
