package policy

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

// benchInput is n operations of one API, half of them with an id.
func benchInput(n int) Input {
	api := &gatehouse.API{Name: "shop", BasePath: "/"}
	in := Input{APIs: []*gatehouse.API{api}, Issuers: []string{issuer}}
	for i := range n {
		op := &gatehouse.Operation{API: api, ID: fmt.Sprintf("op%d", i), Method: []string{"GET", "POST"}[i%2],
			Path: fmt.Sprintf("/things%d/{id}", i), Tags: []string{fmt.Sprintf("group%d", i%20)}}
		op.Endpoint = op.Method + " " + op.Path
		in.Operations = append(in.Operations, op)
	}
	return in
}

// scoped writes n policies spread over the operations: by role, by scope of the
// token, by claim, by owner.
func scoped(b *strings.Builder, n, ops int) {
	for i := range n {
		action := fmt.Sprintf(`action == Action::"shop.op%d"`, i%ops)
		switch i / ops % 4 {
		case 0:
			fmt.Fprintf(b, `permit (principal in Role::"r%d", %s, resource) when { principal.scopes.contains("things:read") };`, i%7, action)
		case 1:
			fmt.Fprintf(b, `permit (principal is User, %s, resource) when { resource.params.id == principal.subject };`, action)
		case 2:
			fmt.Fprintf(b, `forbid (principal, %s, resource) when { context.risk > 90 };`, action)
		case 3:
			fmt.Fprintf(b, `permit (principal, %s, resource) when { context.mtls && principal.tier == "gold" };`, action)
		}
		b.WriteByte('\n')
	}
}

// unscoped writes n policies for every operation: forbids by risk, address, hour
// and kind of token, and permits of some roles.
func unscoped(b *strings.Builder, n int) {
	for i := range n {
		switch i % 4 {
		case 0:
			fmt.Fprintf(b, `forbid (principal, action, resource) when { context.risk >= %d };`, 80+i)
		case 1:
			fmt.Fprintf(b, `forbid (principal, action, resource) when { context.ip.isInRange(ip("198.51.%d.0/24")) };`, i)
		case 2:
			fmt.Fprintf(b, `permit (principal in Role::"staff%d", action, resource);`, i)
		case 3:
			fmt.Fprintf(b, `forbid (principal in Role::"contractor%d", action in Action::"write", resource) when { context.hour < 8 };`, i)
		}
		b.WriteByte('\n')
	}
}

func benchDecide(b *testing.B, s *Set, op *gatehouse.Operation, again bool) {
	p := user("alice", "r0", "r1", "r2", "r3", "r4", "r5", "r6")
	p.Scopes = []string{"things:read"}
	x := call(op, p, "17")
	control, ctx := s.Control(), context.Background()
	if v, err := control.Check(ctx, x); err != nil || v.Outcome != gatehouse.Permit {
		b.Fatal(v, err)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if !again {
			x.Risk = uint8(i % 60) // no verdict is kept from the last time
		}
		if v, _ := control.Check(ctx, x); v.Outcome != gatehouse.Permit {
			b.Fatal(v)
		}
	}
}

// BenchmarkDecide10: ten policies over ten operations, two of them unscoped.
func BenchmarkDecide10(b *testing.B) {
	in := benchInput(10)
	var text strings.Builder
	unscoped(&text, 2)
	scoped(&text, 8, 10)
	benchDecide(b, mustCompile(b, Config{}, in, text.String()), in.Operations[4], false)
}

// BenchmarkDecide1000: a thousand policies over 500 operations, 20 unscoped.
func BenchmarkDecide1000(b *testing.B) {
	in := benchInput(500)
	var text strings.Builder
	unscoped(&text, 20)
	scoped(&text, 980, 500)
	benchDecide(b, mustCompile(b, Config{}, in, text.String()), in.Operations[4], false)
}

// BenchmarkDecideAgain is a caller who repeats a request, judged by a verdict that
// was kept. The operation's policies read no path parameter.
func BenchmarkDecideAgain(b *testing.B) {
	in := benchInput(500)
	var text strings.Builder
	unscoped(&text, 20)
	scoped(&text, 480, 500)
	benchDecide(b, mustCompile(b, Config{}, in, text.String()), in.Operations[4], true)
}

// BenchmarkDecideOneOperation: all ten policies concern the operation.
func BenchmarkDecideOneOperation(b *testing.B) {
	in := benchInput(1)
	var text strings.Builder
	scoped(&text, 4, 1)
	unscoped(&text, 6)
	benchDecide(b, mustCompile(b, Config{}, in, text.String()), in.Operations[0], false)
}

// BenchmarkOwner: the dearest common policy, which reads a path parameter.
func BenchmarkOwner(b *testing.B) {
	in := benchInput(1)
	s := mustCompile(b, Config{}, in, `permit (principal is User, action, resource) when { resource.params.id == "17" };`)
	benchDecide(b, s, in.Operations[0], false)
}

// BenchmarkOwnerEachTimeAnother is the same with a parameter never seen before.
func BenchmarkOwnerEachTimeAnother(b *testing.B) {
	in := benchInput(1)
	s := mustCompile(b, Config{}, in, `permit (principal is User, action, resource) when { resource.params.id != "" };`)
	x := call(in.Operations[0], user("alice"), "17")
	control, ctx := s.Control(), context.Background()
	values := [2]string{"17", "18"}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		x.Params[0].Value = values[i&1]
		if v, _ := control.Check(ctx, x); v.Outcome != gatehouse.Permit {
			b.Fatal(v)
		}
	}
}

// BenchmarkNaive1000 is Cedar without the index, for comparison.
func BenchmarkNaive1000(b *testing.B) {
	in := benchInput(500)
	var text strings.Builder
	unscoped(&text, 20)
	scoped(&text, 980, 500)
	s := mustCompile(b, Config{}, in, text.String())
	p := user("alice", "r0", "r1", "r2", "r3", "r4", "r5", "r6")
	p.Scopes = []string{"things:read"}
	x := call(in.Operations[4], p, "17")
	decide := naiveDecider(s, x)
	b.ReportAllocs()
	for b.Loop() {
		if d, _ := decide(); !d {
			b.Fatal(d)
		}
	}
}

func BenchmarkFirstRequestOfAToken(b *testing.B) {
	in := benchInput(10)
	s := mustCompile(b, Config{}, in, `permit (principal, action, resource);`)
	p := user("alice", "r0", "r1")
	p.Scopes = []string{"things:read"}
	b.ReportAllocs()
	for b.Loop() {
		s.newCaller(p)
	}
}

func BenchmarkCompile1000(b *testing.B) {
	in := benchInput(500)
	var text strings.Builder
	unscoped(&text, 20)
	scoped(&text, 980, 500)
	b.ReportAllocs()
	for b.Loop() {
		mustCompile(b, Config{}, in, text.String())
	}
}
