package gateway

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/gatehouse/gatehouse"
)

func TestPathsMatch(t *testing.T) {
	ops := operations("GET /orders", "GET /orders/{id}", "GET /orders/latest", "DELETE /orders/{id}", "POST /orders/{id}:cancel",
		"GET /users/{user}/orders/{order}", "* /files/{path...}", "GET /files/index", "GET /", "HEAD /only-head", "GET /a/{x}/c", "GET /a/b/{y}",
		"GET /docs/{base}.{ext}", "GET /docs/{name}", "GET /docs/read-{base}.{ext}", "GET /docs/{x}-{y}-c", "PUT /docs/{whole}", "GET /slash/", "POST /slash",
		"GET /grün/{x}ü{y}", "GET /odata/Users('{id}')", "GET /n/{a}2{b}", "OPTIONS /orders", "COPY /orders/{id}")
	p, err := NewPaths(ops)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ method, path, want, params, allow string }{
		{"GET", "/orders", "GET /orders", "", ""},
		{"GET", "/orders/17", "GET /orders/{id}", "id=17", ""},
		{"GET", "/orders/latest", "GET /orders/latest", "", ""},
		{"DELETE", "/orders/latest", "DELETE /orders/{id}", "id=latest", ""},
		{"POST", "/orders/17:cancel", "POST /orders/{id}:cancel", "id=17", ""},
		{"POST", "/orders/a:b:cancel", "POST /orders/{id}:cancel", "id=a:b", ""},
		{"GET", "/orders/17:cancel", "GET /orders/{id}", "id=17:cancel", ""},
		{"POST", "/orders/:cancel", "", "", "COPY,DELETE,GET"},
		{"PUT", "/orders/17:cancel", "", "", "COPY,DELETE,GET,POST"},
		{"HEAD", "/orders", "GET /orders", "", ""},
		{"OPTIONS", "/orders", "OPTIONS /orders", "", ""},
		{"COPY", "/orders/1", "COPY /orders/{id}", "id=1", ""},
		{"GET", "/only-head", "", "", "HEAD"},
		{"PUT", "/orders/17", "", "", "COPY,DELETE,GET"},
		{"PUT", "/orders/latest", "", "", "COPY,DELETE,GET"},
		{"GET", "/orders/", "", "", ""},
		{"GET", "/slash/", "GET /slash/", "", ""},
		{"GET", "/slash", "", "", "POST"},
		{"POST", "/slash/", "", "", "GET"},
		{"GET", "/users/a%20b/orders/9", "GET /users/{user}/orders/{order}", "user=a b,order=9", ""},
		{"GET", "/users/a%2Fb/orders/9", "GET /users/{user}/orders/{order}", "user=a/b,order=9", ""},
		{"PATCH", "/files/a/b/c", "* /files/{path...}", "path=a/b/c", ""},
		{"GET", "/files/index", "GET /files/index", "", ""},
		{"POST", "/files/index", "* /files/{path...}", "path=index", ""},
		{"GET", "/files/", "* /files/{path...}", "path=", ""},
		{"GET", "/", "GET /", "", ""},
		{"GET", "/a/b/c", "GET /a/b/{y}", "y=c", ""},
		{"GET", "/a/d/c", "GET /a/{x}/c", "x=d", ""},
		{"GET", "/nothing", "", "", ""},
		{"GET", "/users//orders/9", "", "", ""},
		{"GET", "/docs/a.tar.gz", "GET /docs/{base}.{ext}", "base=a.tar,ext=gz", ""},
		{"GET", "/docs/.gz", "GET /docs/{name}", "name=.gz", ""},
		{"GET", "/docs/gz.", "GET /docs/{name}", "name=gz.", ""},
		{"GET", "/docs/a..", "GET /docs/{base}.{ext}", "base=a,ext=.", ""},
		{"GET", "/docs/read-a.b", "GET /docs/read-{base}.{ext}", "base=a,ext=b", ""},
		{"GET", "/docs/1-2-c", "GET /docs/{x}-{y}-c", "x=1,y=2", ""},
		{"GET", "/docs/1-2-3-c", "GET /docs/{x}-{y}-c", "x=1-2,y=3", ""},
		{"GET", "/docs/1--c", "GET /docs/{name}", "name=1--c", ""},
		{"PUT", "/docs/a.b", "PUT /docs/{whole}", "whole=a.b", ""},
		{"GET", "/gr%C3%BCn/1%C3%BC2", "GET /grün/{x}ü{y}", "x=1,y=2", ""},
		{"GET", "/odata/Users('17')", "GET /odata/Users('{id}')", "id=17", ""},
		{"GET", "/n/%201", "", "", ""}, // the 2 is part of an escape
		{"GET", "/n/%2021", "GET /n/{a}2{b}", "a= ,b=1", ""},
		{"GET", "/n/a2%2F", "GET /n/{a}2{b}", "a=a,b=/", ""},
		{"GET", "", "", "", ""},
	} {
		m := p.Match(c.method, c.path, nil)
		got := ""
		if m.Route >= 0 {
			got = ops[m.Route].ID
		}
		var params []string
		for _, q := range m.Params {
			params = append(params, q.Name+"="+q.Value)
			if unescapeSegment(q.Raw) != q.Value || !strings.Contains(c.path, q.Raw) {
				t.Errorf("%s: raw %q", c.path, q.Raw)
			}
		}
		if got != c.want || strings.Join(params, ",") != c.params || strings.Join(m.Allow, ",") != c.allow {
			t.Errorf("%s %s: %q %v %v", c.method, c.path, got, params, m.Allow)
		}
	}
}

func TestPathsRefuses(t *testing.T) {
	for _, bad := range []string{"GET orders", "GET /{a}/{a}", "GET /{a}-{a}", "GET /{a...}/b", "GET /x{a...}", "GET /{}", "GET /{a", "GET /a}",
		"GET /{a}{b}", "GET /a/../b", "GET /a/%2e", "GET /100%", "GET /a?b=c", "GET /#a", "GET /{...}", "GET /{{a}}"} {
		if _, err := NewPaths(operations(bad)); err == nil {
			t.Errorf("%s compiles", bad)
		}
	}
	for _, twice := range [][]string{{"GET /{a}", "GET /{b}"}, {"GET /{a}:x", "GET /{b}:x"}, {"GET /%41", "GET /A"}} {
		if _, err := NewPaths(operations(twice...)); err == nil {
			t.Errorf("%v: one operation under two names compiles", twice)
		}
	}
}

// naivePaths is the meaning of Paths, spelled out: an expression for every
// template, and of those that match the one that comes first in rank.
type naivePaths []naivePath

type naivePath struct {
	method string
	match  *regexp.Regexp
	rank   []string // by segment: the smaller string goes first
}

func newNaivePaths(ops []*gatehouse.Operation) naivePaths {
	var out naivePaths
	hole := regexp.MustCompile(`\{[a-z]+\}`)
	for _, op := range ops {
		n := naivePath{method: op.Method}
		var expr []string
		for _, s := range strings.Split(op.Path[1:], "/") {
			literals := hole.Split(s, -1)
			size := len(strings.Join(literals, ""))
			switch {
			case len(literals) == 1:
				n.rank = append(n.rank, "0")
			case size > 0:
				n.rank = append(n.rank, "1"+string(rune('z'-size))+strings.Join(literals, "\x00"))
			default:
				n.rank = append(n.rank, "2")
			}
			for i := range literals {
				literals[i] = regexp.QuoteMeta(literals[i])
			}
			expr = append(expr, strings.Join(literals, `((?:%[0-9A-F]{2}|[^%/])+)`))
		}
		n.match = regexp.MustCompile("^/" + strings.Join(expr, "/") + "$")
		out = append(out, n)
	}
	return out
}

func (n naivePaths) Match(method, path string) (route int, values, allow []string) {
	route = -1
	for i := range n {
		m := n[i].match.FindStringSubmatch(path)
		if m == nil {
			continue
		}
		allow = append(allow, n[i].method)
		// One node's methods: the exact one, then GET for HEAD.
		if n[i].method != method && (method != "HEAD" || n[i].method != "GET") {
			continue
		}
		better := route < 0
		if !better {
			c := slices.Compare(n[i].rank, n[route].rank)
			better = c < 0 || c == 0 && n[i].method == method
		}
		if better {
			route, values = i, m[1:]
		}
	}
	slices.Sort(allow)
	if route >= 0 {
		return route, values, nil
	}
	return route, nil, slices.Compact(allow)
}

// The tree finds what the definition says, for any templates and any path.
func TestPathsMeanWhatTheySay(t *testing.T) {
	segment := rapid.SampledFrom([]string{"a", "b", "2", "", "{p}", "{p}a", "a{p}", "{p}-{q}", "{p}2{q}", "{p}a{q}a", "{p}.{q}.{r}", "{p}%20", "a{p}-{q}b"})
	piece := rapid.SampledFrom([]string{"a", "b", "2", "-", ".", "%20", "%2F", "%C3%BC", "aa", "0"})
	rapid.Check(t, func(t *rapid.T) {
		var ops []*gatehouse.Operation
		for range rapid.IntRange(1, 8).Draw(t, "templates") {
			var path strings.Builder
			name := 'a'
			for range rapid.IntRange(1, 3).Draw(t, "segments") {
				path.WriteByte('/')
				for _, r := range segment.Draw(t, "segment") {
					if 'p' <= r && r <= 'r' { // a name of its own for each
						r, name = name, name+1
					}
					path.WriteRune(r)
				}
			}
			op := &gatehouse.Operation{Method: rapid.SampledFrom([]string{"GET", "HEAD", "PUT"}).Draw(t, "method"), Path: path.String()}
			if _, err := NewPaths(append(slices.Clone(ops), op)); err == nil { // no template twice
				ops = append(ops, op)
			}
		}
		p, err := NewPaths(ops)
		if err != nil {
			t.Fatal(err)
		}
		naive := newNaivePaths(ops)
		for range 8 {
			var path strings.Builder
			for range rapid.IntRange(1, 3).Draw(t, "depth") {
				path.WriteByte('/')
				path.WriteString(strings.Join(rapid.SliceOfN(piece, 0, 6).Draw(t, "pieces"), ""))
			}
			method := rapid.SampledFrom([]string{"GET", "HEAD", "PUT", "POST"}).Draw(t, "asked")
			m := p.Match(method, path.String(), nil)
			route, values, allow := naive.Match(method, path.String())
			var got []string
			for _, q := range m.Params {
				got = append(got, q.Raw)
			}
			if m.Route != route || !slices.Equal(got, values) || !slices.Equal(m.Allow, allow) {
				t.Fatalf("%s %s among %v: route %d %q allow %v, want %d %q %v", method, path.String(),
					cmp.Diff(nil, ops), m.Route, got, m.Allow, route, values, allow)
			}
		}
	})
}

func FuzzMatch(f *testing.F) {
	ops := operations("GET /orders/{id}", "GET /a/{x}/c", "GET /a/b/{y}", "* /files/{path...}", "POST /{a}-{b}/{c}.{d}.{e}", "POST /{a}:x")
	p, err := NewPaths(ops)
	if err != nil {
		f.Fatal(err)
	}
	f.Add("GET", "/orders/1")
	f.Add("PUT", "/files/a/b%2Fc")
	f.Add("POST", "/a-b-c/d.e.f%2e")
	f.Add("POST", "/%3a:x:x")
	f.Fuzz(func(t *testing.T, method, target string) {
		path, _, perr := canonicalPath(target)
		if perr != nil || target == "" || target[0] != '/' {
			return
		}
		m := p.Match(method, path, nil)
		if m.Route < 0 {
			return
		}
		// The parameters, put back into the template, are the path.
		back := ops[m.Route].Path
		for _, q := range m.Params {
			if q.Value == "" && q.Name != "path" || unescapeSegment(q.Raw) != q.Value {
				t.Errorf("%q gives the parameter %+v", target, q)
			}
			back = strings.Replace(strings.Replace(back, "{"+q.Name+"}", q.Raw, 1), "{"+q.Name+"...}", q.Raw, 1)
		}
		if back != path {
			t.Errorf("%q became %q", path, back)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	p, err := NewPaths(operations("GET /users/{user}/orders/{order}", "GET /users/{user}/orders/latest", "POST /v1/{name}:cancel", "POST /v1/{name}:run"))
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct{ name, method, path string }{
		{"template", "GET", "/users/17/orders/42"}, {"mixed", "POST", "/v1/jobs:run"}, {"none", "GET", "/users/17/orders/42/x"},
	} {
		b.Run(c.name, func(b *testing.B) {
			params := make([]gatehouse.Param, 0, 4)
			b.ReportAllocs()
			for b.Loop() {
				p.Match(c.method, c.path, params)
			}
		})
	}
}
