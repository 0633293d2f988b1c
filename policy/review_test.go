package policy

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const reviewed = `@id("staff reads")
permit (principal in Role::"staff", action in Action::"read", resource in API::"shop");

@id("owners")
permit (principal is User, action in [Action::"shop.getProfile", Action::"shop.putProfile"], resource)
when { resource.params.user_id == principal.subject };

@id("exports by night")
permit (principal in Role::"staff", action == Action::"shop.createOrder", resource)
when { context.hour < 6 && resource.api == "shop" && principal has subject };

@id("admins")
permit (principal in Role::"admin", action, resource);

@id("risky")
forbid (principal, action == Action::"shop.createOrder", resource) when { context.risk >= 80 };

@id("no anonymous")
forbid (principal is Anonymous, action, resource in API::"billing");
`

func reviewSet(t testing.TB) *Set {
	in := shop()
	in.Entities = &Source{Name: "entities.json", Text: []byte(`[
	  {"uid": {"type": "Role", "id": "admin"}, "parents": [{"type": "Role", "id": "staff"}], "attrs": {}},
	  {"uid": {"type": "User", "id": "zoe"}, "parents": [{"type": "Role", "id": "admin"}], "attrs": {}}
	]`)}
	return mustCompile(t, Config{}, in, reviewed)
}

// lines prints grants as "subject operation access: policy [condition]; …".
func lines(grants Grants) []string {
	var out []string
	for _, g := range grants {
		var by []string
		for _, p := range g.Policies {
			s := p.Effect + " " + p.ID
			if p.Condition != "" {
				s += " [" + p.Condition + "]"
			}
			by = append(by, s)
		}
		out = append(out, fmt.Sprintf("%s %s %s: %s", g.Subject, g.Operation, g.Access, strings.Join(by, "; ")))
	}
	return out
}

func TestWhoCan(t *testing.T) {
	s := reviewSet(t)
	for _, c := range []struct {
		q    Query
		want []string
	}{
		{Query{Method: "POST", Path: "/v1/orders"}, []string{
			`Anonymous shop.createOrder never: `,
			`any User shop.createOrder never: `,
			`any Client shop.createOrder never: `,
			`any Workload shop.createOrder never: `,
			`Role::"admin" shop.createOrder conditional: permit admins; forbid risky [when { context.risk >= 80 }]`,
			`Role::"staff" shop.createOrder conditional: permit exports by night [when { context.hour < 6 }]; forbid risky [when { context.risk >= 80 }]`,
			`User::"zoe" shop.createOrder conditional: permit admins; forbid risky [when { context.risk >= 80 }]`,
		}},
		{Query{Method: "GET", Path: "/users/17"}, []string{
			`Anonymous shop.getProfile never: `,
			`any User shop.getProfile conditional: permit owners [when { resource.params.user_id == principal.subject }]`,
			`any Client shop.getProfile never: `,
			`any Workload shop.getProfile never: `,
			`Role::"admin" shop.getProfile always: permit staff reads; permit admins`,
			`Role::"staff" shop.getProfile always: permit staff reads`,
			`User::"zoe" shop.getProfile always: permit staff reads; permit admins`,
		}},
		{Query{API: "billing", Operation: "listInvoices"}, []string{
			`Anonymous billing.listInvoices never: forbid no anonymous`,
			`any User billing.listInvoices never: `,
			`any Client billing.listInvoices never: `,
			`any Workload billing.listInvoices never: `,
			`Role::"admin" billing.listInvoices always: permit admins`,
			`Role::"staff" billing.listInvoices never: `,
			`User::"zoe" billing.listInvoices always: permit admins`,
		}},
	} {
		grants, err := s.WhoCan(t.Context(), c.q, nil)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(c.want, lines(grants)); d != "" {
			t.Errorf("%+v: %s", c.q, d)
		}
	}
}

func TestWhatCan(t *testing.T) {
	s := reviewSet(t)
	subject, err := s.Subject("role:staff")
	if err != nil {
		t.Fatal(err)
	}
	grants, err := s.WhatCan(t.Context(), subject)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]Access{}
	for _, g := range grants {
		got[g.Operation+" "+g.Class] = g.Access
	}
	want := map[string]Access{
		"billing.listInvoices read": Never, "shop.createOrder write": Conditional, "shop.export read": Always,
		"shop.files read": Always, "shop.files write": Never, "shop.getOrder read": Always, "shop.getProfile read": Always,
		"shop.getUserOrder read": Always, "shop.listOrders read": Always, "shop.login write": Always,
		"shop.putProfile write": Conditional, "shop.undocumented read": Always, "shop.undocumented write": Never,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestNamedUserIsWorkedIn(t *testing.T) {
	s := reviewSet(t)
	grants, err := s.WhoCan(t.Context(), Query{Operation: "shop.putProfile"}, []Subject{{Type: "User", ID: "alice"}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`User::"alice" shop.putProfile conditional: permit owners [when { resource.params.user_id == "alice" }]`}
	if d := cmp.Diff(want, lines(grants)); d != "" {
		t.Error(d)
	}
}

func TestSubject(t *testing.T) {
	s := reviewSet(t)
	for text, want := range map[string]string{
		"anonymous": "Anonymous", "role:x": `Role::"x"`, "user:alice": `User::"alice"`, `Client::"c"`: `Client::"c"`,
		"zoe": `User::"zoe"`, "admin": `Role::"admin"`, "any Workload": "any Workload", "user": "any User",
	} {
		got, err := s.Subject(text)
		if err != nil || got.String() != want {
			t.Errorf("%s: %v %v", text, got, err)
		}
	}
	_, err := s.Subject("amdin")
	if err == nil || !strings.Contains(err.Error(), `did you mean "admin"?`) {
		t.Error(err)
	}
	if _, err := s.WhatCan(t.Context(), Subject{Type: "Goblin"}); err == nil {
		t.Error("a goblin may do things")
	}
}

func TestFind(t *testing.T) {
	s := reviewSet(t)
	for _, c := range []struct {
		q    Query
		want string
	}{
		{Query{Method: "GET", Path: "/orders/{id}"}, "shop.getOrder"},
		{Query{Method: "HEAD", Path: "/v1/orders/17"}, "shop.getOrder"},
		{Query{Method: "GET", Path: "/v1/users/u/orders/1"}, "shop.getUserOrder"},
		{Query{Method: "DELETE", Path: "/v1/files/a/b"}, "shop.files"},
		{Query{Operation: "shop.getOrder"}, "shop.getOrder"},
		{Query{API: "shop", Operation: "export"}, "shop.export"},
		{Query{Operation: "shop.exprt"}, `no operation "shop.exprt" (did you mean "shop.export"?)`},
		{Query{API: "billing", Method: "GET", Path: "/nothing"}, `no operation "GET /nothing"`},
	} {
		plans, err := s.find(c.q)
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = plans[0].name
		}
		if got != c.want {
			t.Errorf("%+v: %s, want %s", c.q, got, c.want)
		}
	}
}

func TestWriteTable(t *testing.T) {
	s := reviewSet(t)
	grants, err := s.WhoCan(t.Context(), Query{Operation: "shop.createOrder"}, []Subject{{Type: "Anonymous"}, {Type: "Role", ID: "staff"}})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := grants.WriteTable(&b); err != nil {
		t.Fatal(err)
	}
	want := `SUBJECT        OPERATION         METHOD  PATH        ACCESS       POLICY                   AT               CONDITION
Anonymous      shop.createOrder  POST    /v1/orders  never
Role::"staff"  shop.createOrder  POST    /v1/orders  conditional  permit exports by night  shop.cedar:8:1   when { context.hour < 6 }
                                                                  forbid risky             shop.cedar:15:1  when { context.risk >= 80 }
`
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Error(d)
	}
}

func TestReviewStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := reviewSet(t).WhatCan(ctx, Subject{Type: "User"}); err == nil {
		t.Error("it does not stop")
	}
}
