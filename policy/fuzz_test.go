package policy

import (
	"errors"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

// FuzzCompile: whatever the text, compiling returns, every problem has a place
// within the text, and what compiles never permits without a permit that Cedar's
// own algorithm finds too.
func FuzzCompile(f *testing.F) {
	for _, seed := range []string{
		"", ";", "permit (principal, action, resource);", reviewed,
		`permit (principal == User::"alice", action == Action::"shop.export", resource) when { context.risk < 3 };`,
		`forbid (principal, action, resource) unless { principal.claims has level && principal.claims.level > 1 };`,
		"permit (principal, action, resource) when { \"\\u{1F600}\" == \"a\nb\" };", "// é; \"\npermit(", `@id("x") @y permit (principal, action, resource);`,
		`permit (principal, action, resource) when { if context has acr then -1 < context.risk * 2 else [1].contains(1) };`,
		`permit (principal, action, resource) when { {a: 1}.a == 1 && context == {} };`,
	} {
		f.Add(seed)
	}
	in := shop()
	cfg := Config{Claims: map[string]ClaimType{"level": ClaimLong}}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Compile(cfg, []Source{{Name: "f.cedar", Text: []byte(text)}}, in)
		if err != nil {
			for _, e := range flatten(err) {
				var g *gatehouse.Error
				if !errors.As(e, &g) || g.At.File != "f.cedar" || g.At.Line < 1 || g.At.Column < 1 ||
					g.At.Line > strings.Count(text, "\n")+1 || strings.ContainsAny(g.Message, "\n\x1b") {
					t.Fatalf("%q", e)
				}
			}
			return
		}
		for _, x := range []struct {
			op string
			p  *gatehouse.Principal
		}{{"export", user("alice", "staff")}, {"getProfile", gatehouse.Anonymous}, {"files", user("alice")}, {"login", nil}} {
			e := call(in.op(x.op), x.p)
			v, err := s.Control().Check(t.Context(), e)
			if err != nil {
				t.Fatal(err)
			}
			if code, by := expected(s, e); v.Reason.Code != code {
				t.Fatalf("got %s, want %s by %v", v.Reason.Code, code, by)
			}
		}
		if _, err := s.WhatCan(t.Context(), Subject{Type: "User"}); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzEntities: whatever the text, reading it returns.
func FuzzEntities(f *testing.F) {
	f.Add(`[{"uid": {"type": "Role", "id": "a"}, "parents": [{"type": "Role", "id": "b"}], "attrs": {}}]`)
	f.Add(`[{"uid": {"__entity": {"type": "User", "id": "a"}}, "parents": [], "attrs": {}}, 1]`)
	f.Fuzz(func(t *testing.T, text string) {
		d, err := readDirectory(&Source{Name: "e.json", Text: []byte(text)})
		if err == nil {
			if _, ok := d.cycle(); ok {
				t.Fatal("a cycle passed")
			}
		}
	})
}
