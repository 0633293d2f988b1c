package parameter_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/parameter"
	"github.com/gatehouse/gatehouse/openapi/schema"
)

const (
	limitParam = `{name: limit, in: query, schema: {type: integer}}`
	sortParam  = `{name: sort, in: query, allowReserved: true, schema: {type: string}}`
	idsParam   = `{name: ids, in: query, explode: false, schema: {type: array, items: {type: string}, maxItems: 2}}`
)

// What one name says twice, or says in a spelling that another reader takes for it.
func TestPollution(t *testing.T) {
	d := operation(t, "/v", parameter.Options{KnownQuery: []string{"api_key"}}, limitParam, sortParam, idsParam)
	for query, want := range map[string][]string{
		"":                       nil,
		"limit=1":                nil,
		"%6c%69mit=1":            nil,
		"limit=1&limit=2":        {"repeated query:limit"},
		"limit=1&%6Cimit=2":      {"repeated query:limit"},
		"limit=1&limit":          {"repeated query:limit"},
		"limit=1&limit%00=2":     {"encoding query"},
		"limit=1&Limit=2":        {"ambiguous query:Limit"},
		"limit=1&limit[]=2":      {"ambiguous query:limit[]"},
		"limit=1&limit%5B0%5D=2": {"ambiguous query:limit[0]"},
		"limit[]=2":              {"ambiguous query:limit[]"},
		"limit+=2":               {"ambiguous query:limit?"},
		"%20limit=2":             {"ambiguous query:?limit"},
		"limit=1;limit=2":        {"separator query:limit"},
		"limit=1;admin=1":        {"separator query:limit"},
		"x=1;limit=2":            {"separator query:x"},
		"sort=a;b":               nil, // allowReserved
		"sort=a%3Bb":             nil,
		"sort=/?:@!$'()*,":       nil,
		"limit=1%3Blimit":        {"type query:limit"},
		"limit=1&&":              nil,
		"&limit=1":               nil,
		"=1":                     {"unknown query:"},
		"api.key=1":              {"ambiguous query:api.key"},
		"api+key=1":              {"ambiguous query:api?key"},
		"=":                      {"unknown query:"},
		"api_key=k":              nil,
		"api_key=k&api_key=l":    {"repeated query:api_key"},
		"API_KEY=k":              {"ambiguous query:API_KEY"},
		"ids=a,b":                nil,
		"ids=a%2Cb,c":            nil,
		"ids=a,b,c":              {"items query:ids"},
		"ids=a&ids=b":            {"repeated query:ids"},
		"ids=":                   nil, // one empty item
		"%":                      {"encoding query"},
		"%FF=1":                  {"encoding query"},
		"__proto__=1":            {"unknown query:__proto__"},
		"new%0d%0aline%1b[31m=1": {"unknown query:new??line?[31m"},
		strings.Repeat("n", 100): {"unknown query:" + strings.Repeat("n", 64) + "..."},
	} {
		found, edits, ok := check(d, queryExchange(query))
		if !cmp.Equal(found, want) {
			t.Errorf("%q: %q, want %q", query, found, want)
		}
		if reported := len(want) > 0 && strings.HasPrefix(want[0], "unknown"); ok != (want == nil || reported) {
			t.Errorf("%q: ok is %v", query, ok)
		}
		if edits.Query != nil || edits.Request != nil || edits.Drop != nil {
			t.Errorf("%q: %+v", query, edits)
		}
	}
}

func TestUnknownQuery(t *testing.T) {
	strip := operation(t, "/v", parameter.Options{UnknownQuery: parameter.Strip, KnownQuery: []string{"api_key"}}, limitParam, sortParam)
	for query, want := range map[string]string{
		"a=1":                                    "",
		"limit=1&a=1":                            "limit=1",
		"a=1&%6cimit=1&b&api_key=k&sort=%7Eb&=x": "%6cimit=1&api_key=k&sort=%7Eb",
	} {
		_, edits, ok := check(strip, queryExchange(query))
		if !ok || edits.Query == nil || *edits.Query != want {
			t.Errorf("%q: %v %v", query, edits.Query, ok)
		}
	}
	if _, edits, ok := check(strip, queryExchange("limit=x&a=1")); ok || edits.Query != nil {
		t.Error("what is refused is edited")
	}
	if _, edits, ok := check(strip, queryExchange("limit=1&sort=a")); !ok || edits.Query != nil {
		t.Error("a query without strangers is edited")
	}
	refuse := operation(t, "/v", parameter.Options{UnknownQuery: parameter.Refuse}, limitParam)
	if found, _, ok := check(refuse, queryExchange("b=1&limit=1&a")); ok || !cmp.Equal(found, []string{"unknown query:b", "unknown query:a"}) {
		t.Errorf("%v %q", ok, found)
	}
	none := operation(t, "/v", parameter.Options{UnknownQuery: parameter.Refuse})
	if _, _, ok := check(none, queryExchange("a=1")); ok {
		t.Error("an operation without parameters takes one")
	}
	if _, _, ok := check(none, queryExchange("")); !ok {
		t.Error("nothing is refused")
	}
}

func TestCookies(t *testing.T) {
	session := `{name: session, in: cookie, required: true, schema: {type: string, pattern: '^[a-z]+$'}}`
	o := parameter.Options{KnownCookies: []string{"consent"}, WithheldCookies: []string{"token"}}
	d := operation(t, "/v", o, session)
	for cookie, want := range map[string][]string{
		"session=abc":                   nil,
		" session = abc ":               nil,
		"consent=1; session=abc;":       nil,
		"token=1; token=2; session=abc": nil,
		"session=abc; session=abd":      {"repeated cookie:session"},
		`session="abc"`:                 {"syntax cookie:session"},
		"session=ABC":                   {"pattern cookie:session"},
		"Session=abc":                   {"missing cookie:session", "unknown cookie:Session"},
		"session":                       {"missing cookie:session", "unknown cookie:session"},
		"":                              {"missing cookie:session"},
		"tracker=1; session=abc":        {"unknown cookie:tracker"},
		"session=%61bc":                 nil,
		"session=a%00bc":                {"encoding cookie:session"},
		"$Version=1; session=abc":       {"ambiguous cookie:$Version"},
		"session=abc; %73ession=x":      {"ambiguous cookie:%73ession"},
		"session=abc; session[]=x":      {"ambiguous cookie:session[]"},
		"session=abc; sess%zz=x":        {"unknown cookie:sess%zz"},
	} {
		found, _, ok := check(d, headerExchange("Cookie", cookie))
		if !cmp.Equal(found, want) || ok != (want == nil || strings.HasPrefix(want[0], "unknown")) {
			t.Errorf("%q: %v %q, want %q", cookie, ok, found, want)
		}
	}
	if found, _, ok := check(d, headerExchange("Cookie", "session=abc", "session=abc")); ok {
		t.Errorf("over two fields: %q", found)
	}

	o.UnknownCookies = parameter.Strip
	d = operation(t, "/v", o, session)
	_, edits, ok := check(d, headerExchange("cookie", "a=1; session=abc; token=secret", "consent=1;b=2"))
	want := []gatehouse.Field{{Name: "Cookie", Value: "session=abc; consent=1"}}
	if !ok || !cmp.Equal(edits.Request, want) {
		t.Errorf("%v %+v", ok, edits)
	}
	d = operation(t, "/v", o)
	if _, edits, ok := check(d, headerExchange("Cookie", "a=1")); !ok || !cmp.Equal(edits.Drop, []string{"Cookie"}) {
		t.Errorf("%v %+v", ok, edits)
	}
	o.UnknownCookies = parameter.Refuse
	d = operation(t, "/v", o)
	if found, _, ok := check(d, headerExchange("Cookie", "a=1")); ok || !cmp.Equal(found, []string{"unknown cookie:a"}) {
		t.Errorf("%v %q", ok, found)
	}
}

func TestHeaderParameters(t *testing.T) {
	d := operation(t, "/v", parameter.Options{},
		`{name: X-Tenant, in: header, required: true, schema: {type: string, minLength: 2}}`,
		`{name: X-Ids, in: header, schema: {type: array, items: {type: integer}}}`,
		`{name: Accept, in: header, required: true, schema: {type: integer}}`,
		`{name: content-type, in: header, required: true, schema: {type: integer}}`,
		`{name: Authorization, in: header, required: true, schema: {type: integer}}`)
	for _, c := range []struct {
		h    gatehouse.Header
		want []string
	}{
		{gatehouse.Header{{Name: "x-tenant", Value: "acme"}, {Name: "accept", Value: "*/*"}}, nil},
		{gatehouse.Header{{Name: "X-Tenant", Value: "acme%"}}, nil}, // as it stands
		{gatehouse.Header{{Name: "Accept", Value: "1"}}, []string{"missing header:X-Tenant"}},
		{gatehouse.Header{{Name: "X-Tenant", Value: "a"}}, []string{"length header:X-Tenant"}},
		{gatehouse.Header{{Name: "X-Tenant", Value: "acme"}, {Name: "X-TENANT", Value: "acme"}}, []string{"repeated header:X-Tenant"}},
		{gatehouse.Header{{Name: "X-Tenant", Value: "acme"}, {Name: "X_Tenant", Value: "evil"}}, []string{"ambiguous header:X-Tenant"}},
		{gatehouse.Header{{Name: "X-Tenant", Value: "acme"}, {Name: "X-Ids", Value: "1, 2"}, {Name: "X-Ids", Value: "3"}}, nil},
		{gatehouse.Header{{Name: "X-Tenant", Value: "acme"}, {Name: "X-Ids", Value: "1, 2"}, {Name: "X-Ids", Value: "x"}}, []string{"type header:X-Ids"}},
	} {
		found, _, _ := check(d, &gatehouse.Exchange{Request: gatehouse.Request{Header: c.h}})
		if !cmp.Equal(found, c.want) {
			t.Errorf("%v: %q, want %q", c.h, found, c.want)
		}
	}
}

func TestPathParameters(t *testing.T) {
	d := operation(t, "/c/{color}", parameter.Options{}, `{name: color, in: path, required: true, schema: {type: array, items: {type: string}, maxItems: 2}}`)
	for raw, want := range map[string][]string{
		"a,b":          nil,
		"a%2Cb,c":      nil,
		"a,b,c":        {"items path:color"},
		"a+b":          nil,
		"a%2Fb":        nil,
		"%00":          {"encoding path:color"},
		"%FF":          {"encoding path:color"},
		"%2":           {"encoding path:color"},
		",":            nil,
		"%252C,%2C%2C": nil,
	} {
		if found, _, _ := check(d, pathExchange(raw)); !cmp.Equal(found, want) {
			t.Errorf("%q: %q, want %q", raw, found, want)
		}
	}
	if found, _, _ := check(d, new(gatehouse.Exchange)); !cmp.Equal(found, []string{"missing path:color"}) {
		t.Errorf("%q", found)
	}
	for _, c := range []struct{ style, raw, want string }{
		{"label", "a", "syntax"}, {"matrix", "a", "syntax"}, {"matrix", ";colour=a", "syntax"}, {"matrix", ";color-x=a", "syntax"}, {"matrix", ";color=a;other=b", ""},
	} {
		d := operation(t, "/c/{color}", parameter.Options{}, fmt.Sprintf(`{name: color, in: path, required: true, style: %s, schema: {type: string}}`, c.style))
		if found, _, _ := check(d, pathExchange(c.raw)); len(found) > 0 != (c.want != "") {
			t.Errorf("%s %q: %q", c.style, c.raw, found)
		}
	}
	object := operation(t, "/c/{color}", parameter.Options{}, `{name: color, in: path, required: true, schema: {type: object}}`)
	for raw, want := range map[string][]string{"R,1,G": {"syntax path:color"}, "R": {"syntax path:color"}, "R,1,R,2": {"member_repeated path:color"}, "R,1,%52,2": {"member_repeated path:color"}, "R,1": nil} {
		if found, _, _ := check(object, pathExchange(raw)); !cmp.Equal(found, want) {
			t.Errorf("%q: %q, want %q", raw, found, want)
		}
	}
}

func TestDeepObject(t *testing.T) {
	d := operation(t, "/v", parameter.Options{}, `{name: f, in: query, style: deepObject, explode: true, schema: {type: object, additionalProperties: false, properties: {
		id: {type: integer}, tags: {type: array, items: {type: string}}, price: {type: object, properties: {min: {type: number}}, additionalProperties: false},
		lines: {type: array, items: {type: object, properties: {n: {type: integer}}, required: [n], additionalProperties: false}}}}}`)
	for query, want := range map[string][]string{
		"f[id]=1":                             nil,
		"f[id]=x":                             {"type query:f"},
		"f[id]=1&f[id]=2":                     {"repeated query:f"},
		"f[id]=1&f%5Bid%5D=2":                 {"repeated query:f"},
		"f[id]=1&f[id][x]=2":                  {"syntax query:f"},
		"f[id][x]=2&f[id]=1":                  {"repeated query:f"},
		"f[price][min]=1.5":                   nil,
		"f[price][min]=1&f[price]=2":          {"repeated query:f"},
		"f[price][max]=1":                     {"unknown_property query:f/price/max"},
		"f[tags]=a&f[tags]=b":                 nil,
		"f[tags][]=a&f[tags][]=b":             nil,
		"f[tags][0]=a&f[tags][1]=b":           nil,
		"f[tags][1]=a&f[tags][0]=b":           {"syntax query:f"},
		"f[tags][0]=a&f[tags][]=b":            {"syntax query:f"},
		"f[tags][0]=a&f[tags]=b":              {"repeated query:f"},
		"f[tags][1000000000]=a":               {"syntax query:f"},
		"f[lines][0][n]=1&f[lines][1][n]=2":   nil,
		"f[__proto__]=1":                      {"ambiguous query:f"},
		"f[constructor][prototype]=1":         {"ambiguous query:f"},
		"f[id]x=1":                            {"syntax query:f"},
		"f[id=1":                              {"syntax query:f"},
		"f[[id]]=1":                           {"syntax query:f"},
		"f[]=1":                               {"syntax query:f"},
		"f=1":                                 {"syntax query:f"},
		"f" + strings.Repeat("[a]", 9) + "=1": {"syntax query:f"},
		"F[id]=1":                             {"ambiguous query:F[id]"},
	} {
		found, _, _ := check(d, queryExchange(query))
		if len(found) != len(want) || len(want) > 0 && !strings.HasPrefix(found[0], strings.Split(want[0], "/")[0]) {
			t.Errorf("%q: %q, want %q", query, found, want)
		}
	}
}

func TestExplodedObjectBesideOthers(t *testing.T) {
	d := operation(t, "/v", parameter.Options{UnknownQuery: parameter.Strip}, limitParam,
		`{name: area, in: query, schema: {type: object, properties: {lat: {type: number}, limit: {type: integer}}, required: [lat]}}`)
	if found, _, ok := check(d, queryExchange("lat=1.5&limit=3")); !ok {
		t.Errorf("%q", found)
	}
	if found, _, _ := check(d, queryExchange("lat=1&lat=2")); !cmp.Equal(found, []string{"member_repeated query:area"}) {
		t.Errorf("%q", found)
	}
	if found, _, _ := check(d, queryExchange("lat=1&lat[]=2")); !cmp.Equal(found, []string{"ambiguous query:lat[]"}) {
		t.Errorf("%q", found)
	}
	if _, edits, ok := check(d, queryExchange("lat=1&lon=2")); !ok || *edits.Query != "lat=1" {
		t.Errorf("%v %+v", ok, edits)
	}
}

func TestEmptyValues(t *testing.T) {
	allowed := operation(t, "/v", parameter.Options{}, `{name: v, in: query, allowEmptyValue: true, schema: {type: integer}}`)
	for query, want := range map[string]bool{"v": true, "v=": true, "v=1": true, "v=x": false, "v&v": false} {
		if _, _, ok := check(allowed, queryExchange(query)); ok != want {
			t.Errorf("%q: %v", query, ok)
		}
	}
	required := operation(t, "/v", parameter.Options{}, `{name: v, in: query, required: true, schema: {type: string, minLength: 1}}`)
	for query, want := range map[string][]string{"": {"missing query:v"}, "v=": {"length query:v"}, "v": {"length query:v"}, "v=x": nil} {
		if found, _, _ := check(required, queryExchange(query)); !cmp.Equal(found, want) {
			t.Errorf("%q: %q", query, found)
		}
	}
}

func TestQuerystring(t *testing.T) {
	asJSON := operation(t, "/v", parameter.Options{}, `{name: q, in: querystring, required: true, content: {application/json: {schema: {type: object, required: [n], properties: {n: {type: array, items: {type: integer}}}}}}}`)
	for query, want := range map[string][]string{
		"%7B%22n%22%3A%5B1%2C2%5D%7D": nil,
		"{%22n%22:[1,2]}":             nil,
		"{%22n%22:[%221%22]}":         {"type querystring:q/n/0"},
		"":                            {"missing querystring:q"},
		"a=1":                         {"json querystring:q"},
	} {
		if found, _, _ := check(asJSON, queryExchange(query)); !cmp.Equal(found, want) {
			t.Errorf("%q: %q, want %q", query, found, want)
		}
	}
	form := operation(t, "/v", parameter.Options{}, `{name: q, in: querystring, content: {application/x-www-form-urlencoded: {schema: {type: object, additionalProperties: false, required: [n], properties: {n: {type: integer}, s: {type: array, items: {type: string}}}}}}}`)
	for query, want := range map[string][]string{
		"":              nil,
		"n=1":           nil,
		"n=1&s=a&s=b+c": nil,
		"n=x":           {"type querystring:q"},
		"s=a":           {"required querystring:q/n"},
		"n=1&n=2":       {"repeated querystring:q"},
		"n=1&other=1":   {"unknown_property querystring:q/other"},
		"n=1&s[]=a":     {"ambiguous querystring:q"},
		"n=1&s=a%00":    {"encoding querystring:q"},
		"n=1;s=a":       {"separator querystring:q"},
	} {
		if found, _, _ := check(form, queryExchange(query)); len(found) != len(want) || len(want) > 0 && !strings.HasPrefix(want[0], found[0]) {
			t.Errorf("%q: %q, want %q", query, found, want)
		}
	}
	if _, err := decoder("/v", parameter.Options{}, `{name: q, in: querystring, content: {application/json: {}}}`, limitParam); err == nil {
		t.Error("a querystring beside a query parameter is taken")
	}
}

func TestCompileErrors(t *testing.T) {
	for _, p := range []string{
		`{name: v, in: query, content: {application/xml: {schema: {type: string}}}}`,
		`{name: v, in: query, style: simple, schema: {type: string}}`,
		`{name: v, in: header, style: form, schema: {type: string}}`,
	} {
		if _, err := decoder("/v", parameter.Options{}, p); err == nil {
			t.Errorf("%s is taken", p)
		}
	}
}

// A million names, and other floods, end early.
func TestBounds(t *testing.T) {
	d := operation(t, "/v", parameter.Options{}, limitParam, `{name: f, in: query, style: deepObject, explode: true, schema: {type: object}}`)
	start := time.Now()
	for what, query := range map[string]string{
		"names":  strings.Repeat("a&", 1e6),
		"same":   strings.Repeat("limit=1&", 1e6),
		"deep":   strings.Repeat("f[a]=1&", 1e6),
		"empty":  strings.Repeat("&", 1e6) + "limit=x",
		"nested": "f" + strings.Repeat("[a]", 1e6) + "=1",
	} {
		if _, _, ok := check(d, queryExchange(query)); ok {
			t.Errorf("%s: taken", what)
		}
	}
	if found, _, _ := check(d, headerExchange("Cookie", strings.Repeat("a=1;", 1e6))); !cmp.Equal(found, []string{"count cookie"}) {
		t.Errorf("%q", found)
	}
	many := new(strings.Builder)
	for i := range 999 {
		fmt.Fprintf(many, "f[a%d]=1&", i)
	}
	if found, _, ok := check(d, queryExchange(many.String())); !ok {
		t.Errorf("999 members: %q", found)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
}

// One report has as many violations as it asks for, and what fails the check comes
// before what is only told.
func TestReportBounds(t *testing.T) {
	d := operation(t, "/v", parameter.Options{}, limitParam, `{name: a, in: query, schema: {type: integer}}`, `{name: b, in: query, schema: {type: integer}}`)
	for most, want := range map[int]int{0: 1, 1: 1, 2: 2, 10: 3} {
		r := schema.Report{Max: most}
		_, ok := d.Check(queryExchange("stranger=1&limit=x&a=y&b=1&"), &r)
		if ok || len(r.Violations) != want || r.Violations[0].Parameter != "query:limit" {
			t.Errorf("max %d: %+v", most, r.Violations)
		}
	}
}

// Many requests at once do not see each other.
func TestConcurrent(t *testing.T) {
	d := operation(t, "/v", parameter.Options{UnknownQuery: parameter.Strip}, limitParam, idsParam, `{name: f, in: query, style: deepObject, explode: true, schema: {type: object}}`)
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := range 100 {
				n := worker*1000 + i
				_, edits, ok := check(d, queryExchange(fmt.Sprintf("limit=%d&x=%d&ids=a,b&f[%d]=1", n, n, n)))
				if want := fmt.Sprintf("limit=%d&ids=a,b&f[%d]=1", n, n); !ok || *edits.Query != want {
					t.Errorf("%v %v", ok, edits)
				}
				if found, _, ok := check(d, queryExchange("limit=x")); ok || len(found) != 1 {
					t.Errorf("%v %q", ok, found)
				}
			}
		})
	}
	group.Wait()
}
