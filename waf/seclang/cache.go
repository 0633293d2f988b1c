package seclang

// doubtCache marks the rules for which Coraza may ask the operator about the
// wrong text.
//
// Within a phase Coraza caches what transformations make of a value, not by the
// value, but by its variable, its place among those selected and the address of
// its key. Where a variable without key, or with a key that is one constant in
// memory, changes within a phase, a later rule can be given the text of the
// earlier value. The same happens between a variable and its count, a text
// without key too. TX isn't cached, nor is anything with multiMatch.
func (p *Program) doubtCache() {
	type place struct {
		phase    int
		variable string
	}
	counted := map[place]bool{}
	each := func(f func(rule *Rule, t *Target)) {
		for i := range p.Rules {
			for j := range p.Rules[i].Links {
				link := &p.Rules[i].Links[j]
				if len(link.Transforms) == 0 || link.MultiMatch || link.Operator == nil {
					continue
				}
				for k := range link.Targets {
					f(&p.Rules[i], &link.Targets[k])
				}
			}
		}
	}
	each(func(rule *Rule, t *Target) {
		if t.Count && len(t.CountKey) <= 1 { // keys of one byte are constants in memory, too
			counted[place{rule.Phase, t.Variable}] = true
		}
	})
	each(func(rule *Rule, t *Target) {
		switch {
		case changing[t.Variable]:
			rule.addDoubt("Coraza may give it an earlier value of " + t.Variable + ", transformed")
		case t.Variable != "TX" && counted[place{rule.Phase, t.Variable}]:
			rule.addDoubt("Coraza may confuse values of " + t.Variable + ", transformed, with their count")
		}
	})
}

// changing are the variables that rules change within a phase, and whose keys
// don't tell their values apart.
var changing = map[string]bool{
	"MATCHED_VAR": true, "MATCHED_VAR_NAME": true, "MATCHED_VARS": true, "MATCHED_VARS_NAMES": true,
	"RULE": true, "ENV": true, "ARGS_PATH": true, "HIGHEST_SEVERITY": true, "DURATION": true,
	"REQBODY_PROCESSOR": true, "RES_BODY_PROCESSOR": true,
}

func (r *Rule) addDoubt(reason string) {
	switch r.Opaque {
	case "", reason:
		r.Opaque = reason
	default:
		r.Opaque += "; " + reason
	}
}
