package payload

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
)

// introspection is the beginning of what every GraphQL console asks.
const introspection = `query IntrospectionQuery { __schema { queryType { name } types { kind name fields { name } } } }`

func chain(n int) string {
	var b strings.Builder
	b.WriteString("{ ...f0 }")
	for k := range n {
		fmt.Fprintf(&b, " fragment f%d on T { a%d { ...f%d ...f%d } }", k, k, k+1, k+1)
	}
	fmt.Fprintf(&b, " fragment f%d on T { leaf }", n)
	return b.String()
}

func TestGraphQL(t *testing.T) {
	i := inspector(t, Config{GraphQL: GraphQLConfig{Depth: 6, Aliases: 4, Batch: 3, Cost: 500, Directives: 3, Tokens: 400}})
	many := func(format string, n int) string {
		var b strings.Builder
		for k := range n {
			fmt.Fprintf(&b, format+" ", k)
		}
		return b.String()
	}
	for _, c := range []struct {
		query string
		want  []string
	}{
		{"{a{b{c{d{e{f}}}}}}", nil},
		{"{a{b{c{d{e{f{g}}}}}}}", []string{"graphql.depth"}},
		{"{a{...x}} fragment x on T{b{c{...y}}} fragment y on T{d{e{f{g}}}}", []string{"graphql.depth"}},
		{"{a{... on T{b{... @include(if:true){c{d{e{f{g}}}}}}}}}", []string{"graphql.depth"}},
		{strings.Repeat("{a", 1200) + strings.Repeat("}", 1200), []string{"graphql.tokens"}},
		{"{" + many("a%d:x", 4) + "}", nil},
		{"{" + many("a%d:x", 5) + "}", []string{"graphql.aliases"}},
		{"{a:x{...f} b:y{...f} ...f} fragment f on T{p:q}", []string{"graphql.aliases"}},
		{"{x:x y:y z:z a:a b:b}", nil},
		{"{users(first:90){name posts(first:3){id}}}", nil},
		{"{users(first:100){name posts(first:10){id}}}", []string{"graphql.cost"}},
		{"{users(first:99999999999999999999){name posts(last:99999999999999999999){id}}}", []string{"graphql.cost"}},
		{"query($n:Int=200){users(pageSize:$n){name email phone}}", []string{"graphql.cost"}},
		{"query($n:Int!){users(limit:$n){name}}", nil},
		{"{" + many("f%d", 450) + "}", []string{"graphql.tokens"}},
		{"{a @a @b @c}", nil},
		{"{a @a @b @c @d}", []string{"graphql.directives"}},
		{"query @a @b @c @d {a}", []string{"graphql.directives"}},
		{"{...x @a @b @c @d} fragment x on T{y}", []string{"graphql.directives"}},
		{"{...x} fragment x on T{...x}", []string{"graphql.cycle"}},
		{"{a} fragment x on T{...y} fragment y on T{b{...x}}", []string{"graphql.cycle"}},
		{chain(20), []string{"graphql.cost", "graphql.depth"}},
		{introspection, []string{"graphql.introspection"}},
		{`{__type(name:"User"){name}}`, []string{"graphql.introspection"}},
		{`{a{...s}} fragment s on Query{__schema{types{name}}}`, []string{"graphql.introspection"}},
		{`{user{__typename id}}`, nil},
		{`{a`, []string{"graphql.malformed"}},
		{`SELECT 1`, []string{"graphql.malformed"}},
		{`{...x} fragment x on T{y} fragment x on T{z}`, []string{"graphql.malformed"}},
		{`# a comment
		  query Orders($first: Int = 20, $after: String) { orders(first: $first, after: $after) { edges { node { id total } } } }`, nil},
		{`mutation { importImage(url: "http://169.254.169.254/latest") { id } }`, []string{"ssrf.metadata"}},
		{`mutation { f(input: {files: ["../../etc/passwd"]}) { id } }`, []string{"traversal.path"}},
		{`query($u: String = "http://10.0.0.1/") { f(u: $u) }`, []string{"ssrf.private"}},
		{`mutation { f(note: "see http://localhost:3000") { id } }`, nil},
	} {
		for form, in := range map[string]*Input{
			"query":   {Method: "GET", Path: "/api/graphql", Query: "query=" + url.QueryEscape(c.query)},
			"json":    {Method: "POST", Path: "/graphql/", ContentType: "application/json", Body: []byte(`{"query":` + quote(c.query) + `}`)},
			"batch":   {Method: "POST", Path: "/graphql", ContentType: "application/json", Body: []byte(`[{"query":"{a}"},{"query":` + quote(c.query) + `}]`)},
			"graphql": {Method: "POST", Path: "/any", ContentType: "application/graphql", Body: []byte(c.query)},
			"form":    {Method: "POST", Path: "/graphql", ContentType: "application/x-www-form-urlencoded", Body: []byte("query=" + url.QueryEscape(c.query))},
			"upload": {Method: "POST", Path: "/graphql", ContentType: "multipart/form-data; boundary=b",
				Body: []byte("--b\r\nContent-Disposition: form-data; name=\"operations\"\r\n\r\n{\"query\":" + quote(c.query) + "}\r\n--b--\r\n")},
		} {
			if d := cmp.Diff(c.want, rules(i, in)); d != "" {
				t.Errorf("%s %.80s: %s", form, c.query, d)
			}
		}
	}
}

func TestGraphQLBatchAndVariables(t *testing.T) {
	i := inspector(t, Config{GraphQL: GraphQLConfig{Batch: 3, Cost: 100, Paths: []string{"/api"}}})
	for _, c := range []struct {
		path, body string
		want       []string
	}{
		{"/graphql", `[` + strings.Repeat(`{"query":"{a}"},`, 2) + `{"query":"{a}"}]`, nil},
		{"/graphql", `[` + strings.Repeat(`{"query":"{a}"},`, 3) + `{"query":"{a}"}]`, []string{"graphql.batch"}},
		{"/elsewhere", `[` + strings.Repeat(`{"query":"{a}"},`, 3) + `{"query":"{a}"}]`, []string{"graphql.batch"}},
		{"/elsewhere", `[` + strings.Repeat(`{"query":"red shoes"},`, 3) + `{"query":"{a"}]`, nil},
		{"/graphql", `[` + strings.Repeat(`{"extensions":{"persistedQuery":{"version":1}}},`, 3) + `{"query":"{a}"}]`, []string{"graphql.batch"}},
		{"/graphql", `{"query":"query($n:Int){a(first:$n){b}}","variables":{"n":50}}`, nil},
		{"/graphql", `{"query":"query($n:Int){a(first:$n){b}}","variables":{"n":200}}`, []string{"graphql.cost"}},
		{"/graphql", `{"query":"query($n:Int){a(first:$n){b}}","variables":{"n":1e300}}`, nil},
		{"/graphql", `{"query":"query($u:String){a(u:$u){b}}","variables":{"u":"http://10.0.0.1"}}`, []string{"ssrf.private"}},
		{"/graphql", `{"extensions":{"persistedQuery":{"version":1}}}`, nil},
		{"/graphql", `{"query":""}`, nil},
		{"/api", `{"query":"red shoes"}`, []string{"graphql.malformed"}},
		{"/search", `{"query":"red shoes"}`, nil},
		{"/search", `{"query":"query {"}`, nil},
		{"/search", `{"query":"{\"match\":{\"a\":1}}"}`, nil},
		{"/search", `{"query":{"match":{"a":1}}}`, nil},
		{"/search", `{"query":"{__schema{types{name}}}"}`, []string{"graphql.introspection"}},
	} {
		in := &Input{Method: "POST", Path: c.path, ContentType: "application/json", Body: []byte(c.body)}
		if d := cmp.Diff(c.want, rules(i, in)); d != "" {
			t.Errorf("%s %s: %s", c.path, c.body, d)
		}
	}
	open := inspector(t, Config{GraphQL: GraphQLConfig{Introspection: true}, Rules: map[string]gatehouse.Mode{"payload.graphql.malformed": gatehouse.Off}})
	for _, q := range []string{introspection, "{"} {
		if got := rules(open, &Input{Path: "/graphql", ContentType: "application/graphql", Body: []byte(q)}); got != nil {
			t.Errorf("%s: %v", q, got)
		}
	}
}
