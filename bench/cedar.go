package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/policy"
)

// cedar10 is ten policies over ten operations, two of them unscoped.
func cedar10(ctx context.Context, _ *bench) (result, error) { return cedar(ctx, 10, 10, 2) }

// cedar1000 is a thousand policies over 500 operations, 20 of them unscoped.
func cedar1000(ctx context.Context, _ *bench) (result, error) { return cedar(ctx, 1000, 500, 20) }

// cedar judges calls of one caller. Each differs in its risk from the one before,
// so that no verdict is kept from the last time.
func cedar(ctx context.Context, policies, operations, unscoped int) (result, error) {
	set, ops, err := compilePolicies(policies, operations, unscoped)
	if err != nil {
		return result{}, err
	}
	op := ops[4]
	x := request("")
	x.API, x.Operation, x.Params = op.API, op, []gatehouse.Param{{Name: "id", Value: "17"}}
	x.Principal = clerk()
	control := set.Control()
	judge := func(vary bool) task {
		return func(n int) error {
			for i := range n {
				if vary {
					x.Risk = uint8(i % 60)
				}
				if v, err := control.Check(ctx, x); err != nil || v.Outcome != gatehouse.Permit {
					return fmt.Errorf("cedar: %v: %v %v", v.Outcome, v.Reason, err)
				}
			}
			return nil
		}
	}
	r, err := scaled(ctx, judge(true))
	if err != nil {
		return r, err
	}
	again, err := scaled(ctx, judge(false))
	r.notes = append(r.notes, fmt.Sprintf("%.3f µs where the same request comes again", again.value))
	return r, err
}

func clerk() *gatehouse.Principal {
	return &gatehouse.Principal{Subject: "alice", Issuer: issuer, ClientID: "web", Method: gatehouse.MethodJWT, Tier: "gold",
		Scopes: []string{"things:read"}, Roles: []string{"r0", "r1", "r2", "r3", "r4", "r5", "r6"}}
}

// compilePolicies spreads policies over the operations of one API: by role and
// scope, by owner, by risk, by tier; the unscoped concern every operation.
func compilePolicies(policies, operations, unscoped int) (*policy.Set, []*gatehouse.Operation, error) {
	api := &gatehouse.API{Name: "shop", BasePath: "/"}
	var ops []*gatehouse.Operation
	for i := range operations {
		op := &gatehouse.Operation{API: api, ID: fmt.Sprintf("op%d", i), Method: []string{"GET", "POST"}[i%2],
			Path: fmt.Sprintf("/things%d/{id}", i), Tags: []string{fmt.Sprintf("group%d", i%20)}}
		op.Endpoint = op.Method + " " + op.Path
		ops = append(ops, op)
	}
	text := everywhere(unscoped) + perOperation(policies-unscoped, operations)
	set, err := policy.Compile(policy.Config{}.WithDefaults(), []policy.Source{{Name: "bench.cedar", Text: []byte(text)}},
		policy.Input{APIs: []*gatehouse.API{api}, Operations: ops, Issuers: []string{issuer}})
	return set, ops, err
}

func perOperation(n, operations int) string {
	var b strings.Builder
	for i := range n {
		action := fmt.Sprintf(`action == Action::"shop.op%d"`, i%operations)
		switch i / operations % 4 {
		case 0:
			fmt.Fprintf(&b, "permit (principal in Role::%q, %s, resource) when { principal.scopes.contains(\"things:read\") };\n", fmt.Sprint("r", i%7), action)
		case 1:
			fmt.Fprintf(&b, "permit (principal is User, %s, resource) when { resource.params.id == principal.subject };\n", action)
		case 2:
			fmt.Fprintf(&b, "forbid (principal, %s, resource) when { context.risk > 90 };\n", action)
		case 3:
			fmt.Fprintf(&b, "permit (principal, %s, resource) when { context.mtls && principal.tier == \"gold\" };\n", action)
		}
	}
	return b.String()
}

func everywhere(n int) string {
	var b strings.Builder
	for i := range n {
		switch i % 4 {
		case 0:
			fmt.Fprintf(&b, "forbid (principal, action, resource) when { context.risk >= %d };\n", 80+i)
		case 1:
			fmt.Fprintf(&b, "forbid (principal, action, resource) when { context.ip.isInRange(ip(\"198.51.%d.0/24\")) };\n", i)
		case 2:
			fmt.Fprintf(&b, "permit (principal in Role::\"staff%d\", action, resource);\n", i)
		case 3:
			fmt.Fprintf(&b, "forbid (principal in Role::\"contractor%d\", action in Action::\"write\", resource) when { context.hour < 8 };\n", i)
		}
	}
	return b.String()
}
