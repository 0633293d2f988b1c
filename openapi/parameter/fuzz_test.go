package parameter_test

import (
	"net/url"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/parameter"
	"github.com/gatehouse/gatehouse/openapi/schema"
)

// Whatever a query holds: what is taken reads alike with net/url, which reads as
// frameworks do, and what is left of it after stripping is taken again, unedited.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{
		"limit=1&sort=a+b", "limit=1&limit=2", "ids=a,b%2Cc", "f[a]=1&f%5Bb%5D[c]=2", "f[t][]=1&f[t][]=2", "x=1&limit[]=2",
		"%6cimit=%31", "limit=1;limit=2", "R=1&G=2", "filter=%7B%22a%22:1%7D", "&&=&=x", "p=a|b%7Cc", "s=a%20b+c", "%00=%ff",
	} {
		f.Add(seed)
	}
	d := operation(f, "/v", parameter.Options{UnknownQuery: parameter.Strip}, limitParam, sortParam, idsParam,
		`{name: f, in: query, style: deepObject, explode: true, schema: {type: object, properties: {t: {type: array, items: {type: integer}}, b: {type: object}}}}`,
		`{name: rgb, in: query, schema: {type: object, properties: {R: {type: integer}, G: {type: integer}}}}`,
		`{name: p, in: query, style: pipeDelimited, explode: false, schema: {type: array, items: {type: string}}}`,
		`{name: s, in: query, style: spaceDelimited, explode: false, schema: {type: array, items: {type: [string, integer]}}}`,
		`{name: filter, in: query, content: {application/json: {schema: {type: object}}}}`)
	f.Fuzz(func(t *testing.T, query string) {
		r := schema.Report{Max: 5}
		edits, ok := d.Check(queryExchange(query), &r)
		for _, v := range r.Violations {
			if strings.ContainsFunc(v.Parameter, func(c rune) bool { return c < ' ' || c == 0x7f || c == utf8.RuneError }) {
				t.Errorf("%q: the parameter is called %q", query, v.Parameter)
			}
		}
		if !ok {
			if len(r.Violations) == 0 || edits.Query != nil {
				t.Errorf("%q: refused with %v, %v", query, r.Violations, edits)
			}
			return
		}
		if edits.Query != nil {
			query = *edits.Query
			r.Reset()
			if again, ok := d.Check(queryExchange(query), &r); !ok || again.Query != nil {
				t.Errorf("%q after stripping: %v, %v", query, ok, again.Query)
			}
		}
		values, err := url.ParseQuery(query)
		if err != nil {
			if strings.Contains(query, ";") { // in a parameter that allows it
				return
			}
			t.Fatalf("%q: %v", query, err)
		}
		limits := values["limit"]
		if len(limits) > 1 {
			t.Errorf("%q: %d limits", query, len(limits))
		}
		if len(limits) == 1 && !isPlainInteger(limits[0]) {
			t.Errorf("%q: limit is %q", query, limits[0])
		}
		for name, list := range values {
			for _, v := range list {
				if !utf8.ValidString(v) || strings.Contains(v, "\x00") {
					t.Errorf("%q: %s is %q", query, name, v)
				}
			}
		}
	})
}

func isPlainInteger(s string) bool {
	for _, c := range strings.TrimPrefix(s, "-") {
		if c < '0' || c > '9' {
			return false
		}
	}
	_, err := strconv.ParseFloat(s, 64)
	return err == nil
}

func FuzzCookiesAndPaths(f *testing.F) {
	f.Add("session=a; color=R,1,G,2", ";color=a;color=b")
	f.Add("R=1&G=2; x", ".R=1.G=2")
	f.Add("color=a&color=b;color", "R,1,G")
	o := parameter.Options{UnknownCookies: parameter.Strip}
	var decoders []*parameter.Decoder
	for _, style := range []string{"simple", "label", "matrix"} {
		for _, explode := range []string{"true", "false"} {
			decoders = append(decoders, operation(f, "/c/{color}", o,
				`{name: color, in: path, required: true, style: `+style+`, explode: `+explode+`, schema: {type: [array, object, integer], items: {type: [integer, string]}}}`,
				`{name: color, in: cookie, explode: `+explode+`, schema: {type: [array, object], properties: {R: {type: integer}}}}`))
		}
	}
	f.Fuzz(func(t *testing.T, cookie, path string) {
		for _, d := range decoders {
			x := headerExchange("Cookie", cookie)
			x.Params = []gatehouse.Param{{Name: "color", Raw: path}}
			r := schema.Report{Max: 5}
			edits, ok := d.Check(x, &r)
			if !ok || len(edits.Request) == 0 {
				continue
			}
			x.Request.Header = edits.Request
			if again, ok := d.Check(x, &r); !ok || len(again.Request) > 0 || len(again.Drop) > 0 {
				t.Errorf("%q after stripping is %q: %v %+v", cookie, edits.Request[0].Value, ok, again)
			}
		}
	})
}

func FuzzForm(f *testing.F) {
	f.Add("a=1&b=x&b=y&c={}&d[e]=1")
	f.Add("a=%31&a[]=2;+%00")
	form := formOf(f, formSchema, formEncoding, parameter.Options{})
	f.Fuzz(func(t *testing.T, text string) {
		r := schema.Report{Max: 3}
		if !form.Check(text, &r) {
			if len(r.Violations) == 0 {
				t.Errorf("%q is refused without a word", text)
			}
			return
		}
		values, err := url.ParseQuery(text)
		if err == nil && len(values["n"]) > 1 {
			t.Errorf("%q has n twice", text)
		}
	})
}
