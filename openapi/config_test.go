package openapi_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi"
	"github.com/gatehouse/gatehouse/openapi/filter"
)

// A configuration's problems are told all at once, each at its path.
func TestConfigValidate(t *testing.T) {
	good := openapi.Config{File: "shop.yaml"}.WithDefaults()
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	prefix := "v1/"
	bad := openapi.Config{Prefix: &prefix, Rules: openapi.Rules{Answers: "refuse", Unknown: openapi.UnknownConfig{Query: "drop", Cookies: "x", Properties: "strip", Except: []string{"note"}}},
		Access: "all", Errors: openapi.ErrorsConfig{Max: 1000}, Limits: openapi.LimitsConfig{Depth: -1}, Fields: "fields",
		Masks: filter.Config{Rules: []filter.Rule{{}}},
		Views: []openapi.ViewConfig{{Hide: []string{"a"}}, {Name: "x", For: openapi.Who{Everybody: true}}, {Name: "x", For: openapi.Who{Everybody: true}}},
		Operations: map[string]openapi.OperationConfig{"get": {Deprecated: date(t, "2027-01-01"), Sunset: date(t, "2026-01-01"), Link: "javascript:x", Successor: "a b",
			Rules: openapi.Rules{Answers: "x"}}}}
	var got []string
	for _, e := range bad.Validate().(interface{ Unwrap() []error }).Unwrap() {
		got = append(got, e.(*gatehouse.Error).At.File)
	}
	slices.Sort(got)
	want := []string{"access", "answers", "errors.max", "fields", "file", "limits.depth", "masks", "masks.rules[0]", "operations.get.answers", "operations.get.link",
		"operations.get.successor", "operations.get.sunset", "prefix", "unknown.cookies", "unknown.except[0]", "unknown.properties", "unknown.query",
		"views[0].for", "views[0].hide", "views[0].name", "views[2].name"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func date(t *testing.T, s string) (d openapi.Date) {
	t.Helper()
	if err := d.UnmarshalText([]byte(s)); err != nil {
		t.Fatal(err)
	}
	if text, err := d.MarshalText(); err != nil || !strings.HasPrefix(string(text), s) {
		t.Fatalf("%s: %v", text, err)
	}
	return d
}

func TestDate(t *testing.T) {
	for _, bad := range []string{"", "2026", "2026-13-01", "1.1.2026", "2026-01-01T00:00"} {
		var d openapi.Date
		if d.UnmarshalText([]byte(bad)) == nil {
			t.Errorf("%q is a date", bad)
		}
	}
	if d := date(t, "2026-01-02T03:04:05Z"); d.Hour() != 3 {
		t.Error(d)
	}
}

func TestWho(t *testing.T) {
	p := &gatehouse.Principal{Method: gatehouse.MethodJWT, ClientID: "c", Roles: []string{"r"}, Scopes: []string{"s"}}
	for _, c := range []struct {
		who                openapi.Who
		matches, strangers bool
	}{
		{openapi.Who{}, false, false}, {openapi.Who{Everybody: true}, true, true}, {openapi.Who{Roles: []string{"x", "r"}}, true, false},
		{openapi.Who{Scopes: []string{"s"}}, true, false}, {openapi.Who{Clients: []string{"c"}}, true, false}, {openapi.Who{Clients: []string{""}}, false, false},
	} {
		if c.who.Match(p) != c.matches || c.who.Match(gatehouse.Anonymous) != c.strangers || c.who.Match(nil) != c.strangers {
			t.Errorf("%+v", c.who)
		}
	}
}

func TestPrefix(t *testing.T) {
	v2 := "/v2"
	none := ""
	for _, c := range []struct {
		base   string
		prefix *string
		want   string
	}{{"/", nil, "/v1/status"}, {"/v1", nil, "/status"}, {"/shop", nil, "/status"}, {"/", &v2, "/v2/status"}, {"/", &none, "/status"}, {"/v", nil, "/status"}} {
		contract := compile(t, "testdata/shop.yaml", openapi.Options{API: &gatehouse.API{Name: "shop", BasePath: c.base}, Config: openapi.Config{Prefix: c.prefix}})
		for _, op := range contract.Operations() {
			if op.ID == "status" && op.Path != c.want {
				t.Errorf("base path %s: %s", c.base, op.Path)
			}
		}
	}
}

// What cannot be enforced is said, at its place.
func TestWarnings(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, "api.yaml", `openapi: 3.1.0
info: {title: T, version: "1"}
servers: [{url: /a}, {url: /b}]
webhooks: {hook: {post: {responses: {"200": {description: d}}}}}
components:
  securitySchemes:
    basic: {type: http, scheme: basic}
    key: {type: apiKey, in: header, name: k}
    token: {type: http, scheme: bearer}
paths:
  /x/{m}:
    post:
      operationId: x
      deprecated: true
      security: [{key: [], token: []}]
      parameters:
        - {name: m, in: path, required: true, style: matrix, schema: {type: string}}
      requestBody:
        content:
          application/json:
            schema: {type: object, properties: {a: {type: string}}}
          application/protobuf:
            schema: {type: object}
      responses:
        "200":
          description: d
          content:
            text/event-stream: {}
            application/json: {}
  /y:
    trace:
      responses: {}
  /z:
    get:
      security: [{}, {key: []}]
      responses: {"204": {description: d}}
`)
	c := compile(t, dir+"/api.yaml", openapi.Options{})
	var got []string
	for _, w := range c.Warnings() {
		if w.At.Line == 0 {
			t.Errorf("%s stands nowhere", w.Code)
		}
		got = append(got, w.Code)
		if len(c.Excerpt(w)) == 0 {
			t.Errorf("%s has no excerpt", w.Code)
		}
	}
	slices.Sort(got)
	got = slices.DeleteFunc(slices.Compact(got), func(s string) bool { return !strings.HasPrefix(s, "contract.warn_") })
	want := []string{openapi.WarnAnswers, openapi.WarnAnything, openapi.WarnDeprecated, openapi.WarnMedia, openapi.WarnMethod, openapi.WarnOpen, openapi.WarnPath,
		openapi.WarnSecurity, openapi.WarnServers, openapi.WarnStream, openapi.WarnWebhooks}
	slices.Sort(want)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
