package gateway

import (
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

func operations(list ...string) []*gatehouse.Operation {
	ops := make([]*gatehouse.Operation, len(list))
	for i, s := range list {
		method, path, _ := strings.Cut(s, " ")
		ops[i] = &gatehouse.Operation{ID: s, Method: method, Path: path, Endpoint: s}
	}
	return ops
}

func TestRouterHosts(t *testing.T) {
	site := func(name, base string, hosts ...string) *Site {
		s, err := NewSite(&gatehouse.API{Name: name, Hosts: hosts, BasePath: base}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	r, err := NewRouter([]*Site{site("shop", "/", "shop.example"), site("v2", "/v2", "shop.example"),
		site("wild", "/", "*.example"), site("any", "/any", "*")})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ host, path, want string }{
		{"shop.example", "/x", "shop"}, {"shop.example", "/v2/x", "v2"}, {"shop.example", "/v2", "v2"}, {"shop.example", "/v22", "shop"},
		{"other.example", "/x", "wild"}, {"a.b.example", "/x", ""}, {"elsewhere", "/any/x", "any"}, {"elsewhere", "/", ""},
	} {
		got := ""
		if s := r.Site(c.host, c.path); s != nil {
			got = s.API.Name
		}
		if got != c.want {
			t.Errorf("%s%s: %q, want %q", c.host, c.path, got, c.want)
		}
	}
	if _, err := NewRouter([]*Site{site("a", "/", "h"), site("b", "/", "h")}); err == nil {
		t.Error("two APIs share a host and base path")
	}
}
