package server

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi"
	"github.com/gatehouse/gatehouse/waf"
)

// The rules hear of what contracts say of arguments, of operations whose contract is
// enforced.
func TestBoundsOfContracts(t *testing.T) {
	t.Parallel()
	var counts []string
	for i := range 1000 {
		counts = append(counts, fmt.Sprint(i+1))
	}
	slices.Sort(counts)
	for api, want := range map[string]int{
		"":                                      1000, // count's hold those of limit
		"    modes: {openapi.request: monitor}": 0,
		"    modes: {openapi.request: \"off\"}": 0,
		"    modes: {waf.request: \"off\"}":     0,
		"    modes: {waf.request: monitor}":     1000,
		"    operations: [{id: createOrder, modes: {openapi.request: monitor}}]": 100,
	} {
		h := newPromising(t, "", api)
		got := h.house.Server.current.bounds()
		if len(got.Values) != want || len(got.Patterns) != 0 { // those of a cookie and a header are no arguments
			t.Errorf("%q: %d values, %q", api, len(got.Values), got.Patterns)
		}
		if want == 1000 && !slices.Equal(got.Values, counts) {
			t.Errorf("%q: %.200q", api, got.Values)
		}
		h.Stop()
	}
}

func TestBoundsAreChosen(t *testing.T) {
	t.Parallel()
	long := make([]string, maxBoundValues)
	for i := range long {
		long[i] = fmt.Sprintf("v%05d", i)
	}
	all := []openapi.Bound{{Values: long}, {Values: []string{"b", "a", strings.Repeat("x", 2000)}, Pattern: "rare"}, {Pattern: "often"}, {Pattern: "also"}, {Pattern: "often"},
		{Values: []string{"c", "a"}}, {Pattern: strings.Repeat("x", 2000)}}
	values := boundValues(slices.Clone(all))
	if len(values) != maxBoundValues || !slices.Equal(values[:4], []string{"a", "b", "c", "v00000"}) || !slices.IsSorted(values) {
		t.Errorf("%d values: %.100q", len(values), values)
	}
	if diff := cmp.Diff([]string{"often", "also", "rare"}, boundPatterns(all)); diff != "" {
		t.Error(diff)
	}
	for i := range 2 * maxBoundPatterns {
		all = append(all, openapi.Bound{Pattern: fmt.Sprint(i)})
	}
	if got := boundPatterns(all); len(got) != maxBoundPatterns || got[0] != "often" {
		t.Errorf("%d patterns, the first %q", len(got), got[0])
	}
}

func TestContractHeld(t *testing.T) {
	t.Parallel()
	judged := func(control string, mode gatehouse.Mode, v gatehouse.Verdict) gatehouse.Judgment {
		return gatehouse.Judgment{Control: control, Mode: mode, Verdict: v}
	}
	pass, denied := gatehouse.Passed(), gatehouse.Denied(400, gatehouse.Reason{Code: "contract.request"})
	for name, c := range map[string]struct {
		judgments []gatehouse.Judgment
		want      bool
	}{
		"nobody":          {nil, false},
		"others":          {[]gatehouse.Judgment{judged("policy", gatehouse.Enforce, gatehouse.Permitted(gatehouse.Reason{})), judged("openapi.security", gatehouse.Enforce, pass)}, false},
		"passed":          {[]gatehouse.Judgment{judged("policy", gatehouse.Enforce, pass), judged(openapi.RequestName, gatehouse.Enforce, pass), judged(waf.RequestName, gatehouse.Monitor, denied)}, true},
		"monitor":         {[]gatehouse.Judgment{judged(openapi.RequestName, gatehouse.Monitor, pass)}, false},
		"refused":         {[]gatehouse.Judgment{judged(openapi.RequestName, gatehouse.Enforce, denied)}, false},
		"no verdict":      {[]gatehouse.Judgment{judged(openapi.RequestName, gatehouse.Enforce, gatehouse.Verdict{})}, false},
		"would refuse":    {[]gatehouse.Judgment{judged(openapi.RequestName, gatehouse.Monitor, denied)}, false},
		"not the request": {[]gatehouse.Judgment{judged(openapi.ResponseName, gatehouse.Enforce, pass)}, false},
	} {
		x := &gatehouse.Exchange{Decision: gatehouse.Decision{Judgments: c.judgments}}
		if got := contractHeld(x); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
