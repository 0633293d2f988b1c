package seclang

import (
	"fmt"
	"slices"

	"github.com/corazawaf/coraza/v3/types"

	"github.com/gatehouse/gatehouse"
)

// Check compares the Program with what Coraza's rule observer
// (experimental.WAFConfigWithRuleObserver) reported, in order, while it loaded
// the same directives from the same file system: the rules and markers that were
// added, also those that were removed later, each with its phase, severity, tags,
// file, line and text. The observer's values don't change with later updates, so
// loaded may hold them as they came.
//
// A difference means that the rules were read wrongly, or aren't the same: the
// Program must not be used. The error is a *gatehouse.Error with the code
// "seclang.check".
func (p *Program) Check(loaded []types.RuleMetadata) error {
	for i, want := range p.added {
		if i >= len(loaded) {
			return differs("Coraza has loaded %d rules, not %d; the next is %v", len(loaded), len(p.added), want)
		}
		if got := loaded[i]; !want.equal(got) {
			return differs("Coraza's rule number %d is %d (marker %q) in phase %d at %s:%d, not %v",
				i, got.ID(), got.SecMark(), got.Phase(), got.File(), got.Line(), want)
		}
	}
	if len(loaded) > len(p.added) {
		return differs("Coraza has loaded %d rules, not %d; the next is %d", len(loaded), len(p.added), loaded[len(p.added)].ID())
	}
	return nil
}

// added is a rule at the moment it was added to the set, with Coraza's own file
// and line.
type added struct {
	id, phase int
	marker    string
	severity  types.RuleSeverity
	tags      []string
	file      string
	line      int
	text      string
}

func (a added) equal(rule types.RuleMetadata) bool {
	return a.id == rule.ID() && a.phase == int(rule.Phase()) && a.marker == rule.SecMark() &&
		a.severity == rule.Severity() && slices.Equal(a.tags, rule.Tags()) &&
		a.file == rule.File() && a.line == rule.Line() && a.text == rule.Raw()
}

func (a added) String() string {
	if a.marker != "" {
		return fmt.Sprintf("marker %q at %s:%d", a.marker, a.file, a.line)
	}
	return fmt.Sprintf("%d in phase %d at %s:%d", a.id, a.phase, a.file, a.line)
}

func differs(format string, args ...any) error {
	return &gatehouse.Error{Code: "seclang.check", Message: "the rules were read differently: " + fmt.Sprintf(format, args...)}
}
