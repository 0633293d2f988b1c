package policy

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cedar-policy/cedar-go"
	"pgregory.net/rapid"

	"github.com/gatehouse/gatehouse"
)

func writeFile(t *testing.T, dir, name, text string) {
	t.Helper()
	full := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// naive decides by Cedar's own algorithm over all policies as they were written,
// with every entity and the whole context.
func naive(s *Set, x *gatehouse.Exchange) (cedar.Decision, cedar.Diagnostic) {
	return naiveDecider(s, x)()
}

func naiveDecider(s *Set, x *gatehouse.Exchange) func() (cedar.Decision, cedar.Diagnostic) {
	pl := s.plans[x.Operation][classIndex(safeMethod(x.Request.Method))]
	p := x.Principal
	if p == nil {
		p = gatehouse.Anonymous
	}
	who := s.newCaller(p)
	entities := s.directory.entities.Clone()
	for _, e := range []cedar.Entity{who.entity, pl.action, pl.resource,
		{UID: cedar.NewEntityUID(typeAPI, cedar.String(x.Operation.API.Name))}} {
		entities[e.UID] = e
	}
	params := cedar.RecordMap{}
	for _, p := range x.Params {
		params[cedar.String(p.Name)] = cedar.String(p.Value)
	}
	entities[paramsUID] = cedar.Entity{UID: paramsUID, Attributes: cedar.NewRecord(params)}
	all := cedar.NewPolicySet()
	for _, p := range s.policies {
		all.Add(cedar.PolicyID(p.id), p.full)
	}
	m := s.moment(needAll, x, who)
	request := cedar.Request{Principal: who.entity.UID, Action: pl.action.UID, Resource: pl.resource.UID, Context: m.record()}
	return func() (cedar.Decision, cedar.Diagnostic) { return cedar.Authorize(all, entities, request) }
}

// expected is the verdict that the naive answer amounts to: its code, and the
// policies that may stand as the reason.
func expected(s *Set, x *gatehouse.Exchange) (code string, by []string) {
	decision, diag := naive(s, x)
	var erring []string
	for _, r := range diag.Reasons {
		by = append(by, string(r.PolicyID))
	}
	if decision == cedar.Deny && len(by) > 0 {
		return "policy.forbidden", by
	}
	permitErred := false
	for _, e := range diag.Errors {
		if p := s.byID[e.PolicyID]; !p.permit {
			erring = append(erring, p.id)
		} else {
			permitErred = true
		}
	}
	public := x.Operation.Access == gatehouse.AccessPublic
	switch {
	case len(erring) > 0:
		return "policy.error", erring
	case public:
		return "policy.public", nil
	case decision == cedar.Allow:
		return "policy.permit", by
	case permitErred:
		for _, e := range diag.Errors {
			by = append(by, string(e.PolicyID))
		}
		return "policy.error", by
	}
	return "policy.no_permit", nil
}

// genPolicy draws a policy that validates.
func genPolicy(t *rapid.T, i int) string {
	pick := func(label string, from ...string) string { return rapid.SampledFrom(from).Draw(t, label) }
	principal := pick("principal", "principal", "principal", `principal in Role::"r1"`, `principal in Role::"r2"`, `principal in Role::"top"`,
		"principal is User", "principal is Client", "principal is Anonymous", `principal == User::"u1"`, `principal == Client::"c1"`,
		`principal is User in Role::"r3"`, `principal == Workload::"w1"`, `principal in User::"u2"`)
	action := pick("action", "action", "action", `action in Action::"read"`, `action in Action::"write"`, `action == Action::"shop.getOrder"`,
		`action == Action::"shop.files"`, `action in Action::"tag:orders"`, `action in [Action::"shop.export", Action::"shop.files", Action::"tag:orders"]`,
		`action in [Action::"shop.login", Action::"shop.getProfile"]`)
	resource := pick("resource", "resource", "resource", `resource in API::"shop"`, `resource is Operation`, `resource is Operation in API::"shop"`)
	n := rapid.IntRange(0, 2).Draw(t, "conditions")
	var when strings.Builder
	for range n {
		fmt.Fprintf(&when, " %s { %s }", pick("kind", "when", "when", "unless"), pick("condition",
			"context.risk > 50", "context.hour < 12", "context.mtls", `context.ip.isInRange(ip("192.0.2.0/25"))`,
			`context has acr && context.acr == "mfa"`, `context has auth_age && context.auth_age < 60`,
			`principal.roles.contains("r1")`, `principal in Role::"top"`, `principal is User && principal.subject == "u1"`,
			`resource.params has id && resource.params.id == "1"`, `resource.params has user_id`, `resource.tags.contains("orders")`,
			`action in Action::"read"`, `resource in API::"shop"`, `principal.claims has level && principal.claims.level > 1`,
			`context.path like "/v1/o*"`, `context.risk + 9223372036854775800 > 0`, `principal.tier == "gold"`,
			`if context.tls then context.risk < 10 else principal has issuer`, `[1, 2].contains(context.weekday)`,
			`context.host == "a" || resource.undocumented`, `context.method == "GET" && context.now < datetime("2026-11-18T13:00:00Z")`))
	}
	return fmt.Sprintf("@id(\"p%d\") %s (%s, %s, %s)%s;\n", i, pick("effect", "permit", "permit", "forbid"), principal, action, resource, when.String())
}

func genExchange(t *rapid.T, in Input) *gatehouse.Exchange {
	names := func(label string, from ...string) []string {
		return rapid.SliceOfN(rapid.SampledFrom(from), 0, 2).Draw(t, label)
	}
	p := &gatehouse.Principal{
		Subject:  rapid.SampledFrom([]string{"u1", "u2", "c1", "w1"}).Draw(t, "subject"),
		ClientID: rapid.SampledFrom([]string{"web", "c1", ""}).Draw(t, "client"),
		Issuer:   rapid.SampledFrom([]string{issuer, "https://other.example.com"}).Draw(t, "issuer"),
		Method:   rapid.SampledFrom([]gatehouse.Method{"jwt", "jwt", "introspection", "api_key", "mtls", "none"}).Draw(t, "method"),
		Roles:    names("roles", "r1", "r2", "r3", "r4"),
		Tier:     rapid.SampledFrom([]string{"", "gold"}).Draw(t, "tier"),
		ACR:      rapid.SampledFrom([]string{"", "mfa"}).Draw(t, "acr"),
		Claims:   map[string]any{"level": rapid.IntRange(0, 3).Draw(t, "level")},
	}
	if rapid.Bool().Draw(t, "authTime") {
		p.AuthTime = noon.Add(-90e9)
	}
	if p.Method == gatehouse.MethodNone {
		p = gatehouse.Anonymous
	}
	x := call(rapid.SampledFrom(in.Operations).Draw(t, "operation"), p, rapid.SampledFrom([]string{"1", "2"}).Draw(t, "param"))
	if x.Operation.Method == "*" {
		x.Request.Method = rapid.SampledFrom([]string{"GET", "POST", "HEAD", "BREW"}).Draw(t, "request method")
	}
	x.Risk = uint8(rapid.IntRange(0, 100).Draw(t, "risk"))
	if rapid.IntRange(0, 5).Draw(t, "address") == 0 {
		x.Peer.Addr = netip.Addr{}
	}
	return x
}

// The index leaves policies out, and evaluates scopes by itself: it must not
// change a single answer.
func TestIndexIsEqualToNaive(t *testing.T) {
	in := shop()
	in.Entities = &Source{Name: "entities.json", Text: []byte(`[
	  {"uid": {"type": "Role", "id": "r1"}, "parents": [{"type": "Role", "id": "r2"}], "attrs": {}},
	  {"uid": {"type": "Role", "id": "r2"}, "parents": [{"type": "Role", "id": "top"}], "attrs": {}},
	  {"uid": {"type": "Role", "id": "r3"}, "parents": [{"type": "Role", "id": "top"}, {"type": "Role", "id": "r2"}], "attrs": {}},
	  {"uid": {"type": "User", "id": "u2"}, "parents": [{"type": "Role", "id": "r3"}], "attrs": {}},
	  {"uid": {"type": "Workload", "id": "w1"}, "parents": [{"type": "Role", "id": "r1"}], "attrs": {}}
	]`)}
	cfg := Config{Claims: map[string]ClaimType{"level": ClaimLong}}
	rapid.Check(t, func(t *rapid.T) {
		var text strings.Builder
		for i := range rapid.IntRange(0, 12).Draw(t, "policies") {
			text.WriteString(genPolicy(t, i))
		}
		s, err := Compile(cfg, []Source{{Name: "p.cedar", Text: []byte(text.String())}}, in)
		if err != nil {
			// Not every drawing validates (a condition that no operation of the
			// scope can meet); such a set never runs.
			for _, p := range problems(err) {
				if !strings.HasPrefix(p, "policy.type ") && !strings.HasPrefix(p, "policy.unreachable ") {
					t.Fatal(p)
				}
			}
			t.Skip()
		}
		var last *gatehouse.Principal
		for range 10 {
			x := genExchange(t, in)
			if last != nil && rapid.Bool().Draw(t, "same principal") {
				x.Principal = last // and what was kept with it
			}
			last = x.Principal
			v, err := s.Control().Check(t.Context(), x)
			if err != nil {
				t.Fatal(err)
			}
			code, by := expected(s, x)
			if v.Reason.Code != code {
				t.Fatalf("got %s (%s), want %s by %v", v.Reason.Code, v.Reason.Message, code, by)
			}
			if len(by) > 0 && !slices.ContainsFunc(by, func(id string) bool {
				return s.byID[cedar.PolicyID(id)].at == v.Reason.At && strings.Contains(v.Reason.Message, `"`+id+`"`)
			}) {
				t.Fatalf("decided by %q, want one of %v", v.Reason.Message, by)
			}
			if (v.Outcome == gatehouse.Permit) != (code == "policy.permit" || code == "policy.public") {
				t.Fatalf("%s and %v", code, v.Outcome)
			}
		}
	})
}

// What a review says must agree with what the control does.
func TestReviewAgreesWithControl(t *testing.T) {
	in := shop()
	rapid.Check(t, func(t *rapid.T) {
		var text strings.Builder
		for i := range rapid.IntRange(0, 6).Draw(t, "policies") {
			text.WriteString(genPolicy(t, i))
		}
		s, err := Compile(Config{Claims: map[string]ClaimType{"level": ClaimLong}}, []Source{{Name: "p.cedar", Text: []byte(text.String())}}, in)
		if err != nil {
			t.Skip()
		}
		x := genExchange(t, in)
		if x.Principal.Issuer != issuer && x.Principal != gatehouse.Anonymous {
			t.Skip() // no configured issuer: its name is not a subject's
		}
		k, uid := s.identify(x.Principal)
		subject := Subject{Type: string(kindTypes[k]), ID: string(uid.ID), Roles: x.Principal.Roles}
		if subject.Roles == nil {
			subject.Roles = []string{}
		}
		grants, err := s.WhatCan(t.Context(), subject)
		if err != nil {
			t.Fatal(err)
		}
		pl := s.plans[x.Operation][classIndex(safeMethod(x.Request.Method))]
		i := slices.IndexFunc(grants, func(g Grant) bool { return g.Operation == pl.name && g.Class == pl.class })
		v, err := s.Control().Check(t.Context(), x)
		if err != nil {
			t.Fatal(err)
		}
		g := grants[i]
		if v.Reason.Code == "policy.error" {
			return // reviews do not foresee errors
		}
		if g.Access == Always && v.Outcome != gatehouse.Permit || g.Access == Never && v.Outcome != gatehouse.Deny {
			t.Fatalf("the review says %s (%v), the control %v (%s)", g.Access, g.Policies, v.Outcome, v.Reason.Message)
		}
	})
}
