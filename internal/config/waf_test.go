package config

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/waf"
)

func TestWAF(t *testing.T) {
	c, ds := Load("testdata/waf.yaml", testEnv())
	if ds.HasErrors() {
		t.Fatal(ds)
	}
	api := &c.APIs[0]
	op := &api.Operations[0]
	want := waf.Policy{Paranoia: 3, Inbound: 20, Outbound: 4, Exclusions: []waf.Exclusion{
		{Fields: []string{"bio", "orders.*.note"}, Allow: []string{"html"}},
		{Rules: []string{"920300", "payload.ssrf.*"}},
		{Fields: []string{"header:x-note"}, Allow: []string{"any"}},
	}}
	if diff := cmp.Diff(want, c.WAFPolicy(api.WAF, op.WAF)); diff != "" {
		t.Error(diff)
	}
	if p := c.WAFPolicy(nil); p.Paranoia != 2 || len(p.Exclusions) != 2 {
		t.Errorf("%+v", p)
	}
	if c.WAF.Payload.Rules["payload.prompt.*"] != gatehouse.Monitor || c.WAF.Payload.GraphQL.Depth != 9 || c.WAF.Payload.GraphQL.Aliases != 30 {
		t.Errorf("%+v", c.WAF.Payload)
	}
	if m := c.ModeOf(waf.RequestName, api, op); m != gatehouse.Monitor {
		t.Errorf("%v", m)
	}
	if m := c.ModeOf(waf.ResponseName, api, op); m != gatehouse.Off {
		t.Errorf("%v", m)
	}
	changed := *c
	w := *c.WAF
	w.Paranoia, w.Exclusions = 4, nil
	changed.WAF = &w
	var paths []string
	for _, ch := range Diff(c, &changed) {
		paths = append(paths, ch.Path)
	}
	if !slices.Contains(paths, "waf.paranoia") || !slices.Contains(paths, "waf.exclusions[0].allow[0]") {
		t.Errorf("%v", paths)
	}
}
