package config

import (
	"fmt"
	"path/filepath"

	"github.com/gatehouse/gatehouse/waf"
)

// waf checks the section of the rules, and that their files are there.
func (k *checker) waf() {
	c := k.c.WAF
	if c == nil {
		if n := k.source.exact("waf"); n != nil && n.kind == null {
			k.errorAt("waf", "config.missing", "waf is empty: there would be no rules", "waf: {} for the defaults")
		}
		return
	}
	k.room("waf", c.Validate())
	for name, list := range map[string][]string{"waf.rules.before": c.Rules.Before, "waf.rules.after": c.Rules.After} {
		for i, file := range list {
			path := item(name, i)
			n := k.source.exact(path)
			if file == "" || n == nil || n.expanded {
				continue // Validate says so, or the server
			}
			if !filepath.IsAbs(file) {
				file = filepath.Join(n.file.dir, file)
			}
			if names, err := k.l.env.glob(file); err == nil && len(names) == 0 {
				k.errorAt(path, "config.rules_file", fmt.Sprintf("file %q does not exist", n.text), k.l.similarFile(n.text, file))
			}
		}
	}
}

// policy checks the member waf of an API or an operation; outer is the policy around
// it within the section's.
func (k *checker) policy(path string, p, outer *waf.Policy) {
	path += ".waf"
	switch {
	case p == nil:
		if n := k.source.exact(path); n != nil && n.kind == null {
			k.errorAt(path, "config.missing", "waf is empty", "leave it out, or say paranoia: 2 or the like")
		}
		return
	case k.c.WAF == nil:
		k.errorAt(path, "config.missing", "there are no rules: the section waf is missing", "waf: {} at the top for the defaults")
		return
	}
	err := p.Validate("")
	k.room(path, err)
	if err != nil {
		return
	}
	if whole := k.c.WAFPolicy(outer, p); whole.Detection != 0 && whole.Detection < whole.Paranoia {
		k.errorAt(path, "waf.config", fmt.Sprintf("detection %d is below paranoia %d", whole.Detection, whole.Paranoia), "say detection here, too")
	}
}

// WAFPolicy is the policy that holds where these are said, the outer one first, nil
// where nothing is. The section must be there.
func (c *Config) WAFPolicy(inner ...*waf.Policy) waf.Policy {
	p := c.WAF.Policy
	for _, in := range inner {
		if in != nil {
			p = p.Within(*in)
		}
	}
	return p
}
