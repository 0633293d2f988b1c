package server

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi"
	"github.com/gatehouse/gatehouse/waf"
)

// What contracts tell the rules, at most: each value is proven once for every profile of
// the rules, in some ten microseconds.
const (
	maxBoundValues   = 10_000
	maxBoundPatterns = 200
	maxBoundText     = 1024 // bytes of one value or pattern
)

// bounds joins what the contracts say of the arguments of requests, those of the query
// and of bodies, for the rules to prove at load. It asks only the contracts of
// operations in whose calls they count: where both controls are asked, and the contract's
// is in enforce. Where there are more than the rules take, the shortest lists
// and the most frequent patterns go first.
func (a *assembly) bounds() waf.Bounds {
	var all []openapi.Bound
	for i := range a.cfg.APIs {
		c := &a.cfg.APIs[i]
		for _, s := range a.served[c] {
			if s.contract == nil || a.cfg.ModeOf(openapi.RequestName, c, s.cfg) != gatehouse.Enforce || a.cfg.ModeOf(waf.RequestName, c, s.cfg) == gatehouse.Off {
				continue
			}
			for _, b := range s.contract.Bounds(s.op) {
				if strings.HasPrefix(b.Place, "query:") || strings.HasPrefix(b.Place, "body:") {
					all = append(all, b)
				}
			}
		}
	}
	return waf.Bounds{Values: boundValues(all), Patterns: boundPatterns(all)}
}

// boundValues returns the values of the bounds, the shortest lists whole, sorted.
func boundValues(all []openapi.Bound) []string {
	slices.SortStableFunc(all, func(a, b openapi.Bound) int { return cmp.Compare(len(a.Values), len(b.Values)) })
	known := map[string]bool{}
	for _, b := range all {
		for _, v := range b.Values {
			if len(v) <= maxBoundText && len(known) < maxBoundValues {
				known[v] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(known))
}

// boundPatterns returns the patterns of the bounds, those of the most places first.
func boundPatterns(all []openapi.Bound) []string {
	places := map[string]int{}
	for _, b := range all {
		if b.Pattern != "" && len(b.Pattern) <= maxBoundText {
			places[b.Pattern]++
		}
	}
	list := slices.SortedFunc(maps.Keys(places), func(a, b string) int {
		return cmp.Or(cmp.Compare(places[b], places[a]), strings.Compare(a, b))
	})
	return list[:min(len(list), maxBoundPatterns)]
}

// contractHeld reports whether the contract's control has judged the exchange's request in
// enforce, and passed it: only then its bounds count.
func contractHeld(x *gatehouse.Exchange) bool {
	for i := range x.Decision.Judgments {
		if j := &x.Decision.Judgments[i]; j.Control == openapi.RequestName {
			return j.Mode == gatehouse.Enforce && j.Verdict.Outcome == gatehouse.Pass
		}
	}
	return false
}
