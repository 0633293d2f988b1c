package gateway

import (
	"slices"
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

func TestPathsMatch(t *testing.T) {
	ops := operations("GET /orders", "GET /orders/{id}", "POST /orders/{id}:cancel-not", "GET /orders/latest", "DELETE /orders/{id}",
		"GET /users/{user}/orders/{order}", "* /files/{path...}", "GET /files/index", "GET /", "HEAD /only-head", "GET /a/{x}/c", "GET /a/b/{y}")
	ops = slices.DeleteFunc(ops, func(o *gatehouse.Operation) bool { return strings.Contains(o.Path, ":cancel-not") })
	p, err := NewPaths(ops)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ method, path, want, params, allow string }{
		{"GET", "/orders", "GET /orders", "", ""},
		{"GET", "/orders/17", "GET /orders/{id}", "id=17", ""},
		{"GET", "/orders/latest", "GET /orders/latest", "", ""},
		{"DELETE", "/orders/latest", "DELETE /orders/{id}", "id=latest", ""},
		{"HEAD", "/orders", "GET /orders", "", ""},
		{"GET", "/only-head", "", "", "HEAD"},
		{"PUT", "/orders/17", "", "", "DELETE,GET"},
		{"GET", "/orders/", "", "", ""},
		{"GET", "/users/a%20b/orders/9", "GET /users/{user}/orders/{order}", "user=a b,order=9", ""},
		{"PATCH", "/files/a/b/c", "* /files/{path...}", "path=a/b/c", ""},
		{"GET", "/files/index", "GET /files/index", "", ""},
		{"POST", "/files/index", "* /files/{path...}", "path=index", ""},
		{"GET", "/files/", "* /files/{path...}", "path=", ""},
		{"GET", "/", "GET /", "", ""},
		{"GET", "/a/b/c", "GET /a/b/{y}", "y=c", ""},
		{"GET", "/a/d/c", "GET /a/{x}/c", "x=d", ""},
		{"GET", "/nothing", "", "", ""},
		{"GET", "/users//orders/9", "", "", ""},
	} {
		m := p.Match(c.method, c.path, nil)
		got := ""
		if m.Route >= 0 {
			got = ops[m.Route].ID
		}
		var params []string
		for _, q := range m.Params {
			params = append(params, q.Name+"="+q.Value)
		}
		if got != c.want || strings.Join(params, ",") != c.params || strings.Join(m.Allow, ",") != c.allow {
			t.Errorf("%s %s: %q %v %v", c.method, c.path, got, params, m.Allow)
		}
	}
}

func TestPathsRefuses(t *testing.T) {
	for _, bad := range []string{"GET orders", "GET /{a}/{a}", "GET /{a...}/b", "GET /x{a}", "GET /{}", "GET /{a", "GET /a/../b"} {
		if _, err := NewPaths(operations(bad)); err == nil {
			t.Errorf("%s compiles", bad)
		}
	}
	if _, err := NewPaths(operations("GET /{a}", "GET /{b}")); err == nil {
		t.Error("one operation under two names compiles")
	}
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

func FuzzMatch(f *testing.F) {
	p, err := NewPaths(operations("GET /orders/{id}", "GET /a/{x}/c", "GET /a/b/{y}", "* /files/{path...}"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add("GET", "/orders/1")
	f.Add("PUT", "/files/a/b%2Fc")
	f.Fuzz(func(t *testing.T, method, target string) {
		path, odd, perr := canonicalPath(target)
		if perr != nil || target == "" || target[0] != '/' {
			return
		}
		m := p.Match(method, path, nil)
		if m.Route < 0 {
			return
		}
		for _, q := range m.Params {
			if q.Name == "" {
				t.Fatalf("%s %s: a parameter without a name", method, target)
			}
			if q.Name != "path" && odd == 0 && (strings.Contains(q.Value, "/") || q.Value == "") {
				t.Fatalf("%s %s: %s=%q spans segments", method, target, q.Name, q.Value)
			}
		}
	})
}
