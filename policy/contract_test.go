package policy

import (
	"bytes"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

// Where a contract may permit, too, policies that are silent pass, and those that
// forbid or err deny; a review says on what it depends.
func TestAccessContract(t *testing.T) {
	in := shop()
	op := in.op("listOrders")
	op.Access = gatehouse.AccessContract
	s := mustCompile(t, Config{}, in, `
		permit (principal is User, action == Action::"shop.listOrders", resource) when { principal.subject == "alice" };
		forbid (principal is User, action, resource) when { principal.subject == "eve" };`)
	for _, c := range []struct {
		who     *gatehouse.Principal
		outcome gatehouse.Outcome
		code    string
	}{
		{user("alice"), gatehouse.Permit, "policy.permit"},
		{user("bob"), gatehouse.Pass, ""},
		{gatehouse.Anonymous, gatehouse.Pass, ""},
		{user("eve"), gatehouse.Deny, "policy.forbidden"},
	} {
		for range 2 { // the second time from what is kept
			if v := judge(t, s, call(op, c.who)); v.Outcome != c.outcome || v.Reason.Code != c.code {
				t.Errorf("%s: %v %v", c.who.Subject, v.Outcome, v.Reason)
			}
		}
	}
	grants, err := s.WhoCan(t.Context(), Query{API: "shop", Operation: "listOrders"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range grants {
		if !g.Contract || g.Access != Conditional {
			t.Errorf("%+v", g)
		}
	}
	var table bytes.Buffer
	if err := grants.WriteTable(&table); err != nil || !strings.Contains(table.String(), "conditional (contract)") {
		t.Errorf("%v\n%s", err, table.String())
	}
}
