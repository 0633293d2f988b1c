package gateway

import (
	"net/http/httptest"
	"testing"

	"github.com/gatehouse/gatehouse"
)

// An operator's header rules hold for every spelling that a CGI-like service takes
// for the same field.
func TestHeaderRulesAndUnderscores(t *testing.T) {
	var got gatehouse.Header
	f := newFixture(t, forwarder(func(x *gatehouse.Exchange, w gatehouse.ResponseWriter) error {
		got = append(gatehouse.Header(nil), x.Outbound.Header...)
		return w.WriteHead(204, nil)
	}), head(says(permit, nil), gatehouse.Enforce))
	var err error
	if f.route.RequestHeader, err = NewHeaderRules(map[string]string{"x-account": "{principal.subject}"}, nil, []string{"x-debug"}); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "http://api/", nil)
	for _, name := range []string{"X_Account", "x-account", "X_Debug", "x-debug", "X-Other"} {
		r.Header[name] = []string{"forged"}
	}
	f.do(r)
	for _, field := range got {
		if field.Value == "forged" && field.Name != "X-Other" {
			t.Errorf("%s passes", field.Name)
		}
	}
	if got.Count("X-Account") != 1 || got.Get("X-Other") != "forged" {
		t.Errorf("%v", got)
	}
}
