package openapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi"
	"github.com/gatehouse/gatehouse/openapi/document"
)

func views() openapi.Config {
	cfg := open
	cfg.Answers = openapi.Filter
	cfg.Views = []openapi.ViewConfig{
		{Name: "staff", For: openapi.Who{Roles: []string{"staff"}}},
		{Name: "partner", For: openapi.Who{Scopes: []string{"orders:read"}}, Tags: []string{"orders", "admin"}, Operations: []string{"status"}, Hide: []string{"internal"}},
	}
	return cfg
}

// A caller sees the operations and properties of her view, and no others.
func TestViews(t *testing.T) {
	h := newHouse(t, openapi.Options{Config: views()}, false)
	h.answers(200, `{"id":1,"items":[{"sku":"a","count":1}],"cost":1.50,"note":"n"}`, "Content-Type: application/json")
	for _, c := range []struct {
		who    *gatehouse.Principal
		line   string
		status int
		want   string
	}{
		{writer, "GET /v1/orders/1", 200, `{"id":1,"items":[{"sku":"a","count":1}],"cost":1.50,"note":"n"}`},
		{reader, "GET /v1/orders/1", 200, `{"id":1,"items":[{"sku":"a","count":1}],"note":"n"}`},
		{reader, "DELETE /v1/orders/1", 404, ""}, // x-gatehouse-view: [staff]
		{reader, "PUT /v1/files/a", 404, ""},
		{machine, "GET /v1/orders/1", 404, ""}, // no view at all
		{nil, "GET /v1/status", 404, ""},
	} {
		h.principal = c.who
		status, answer, _ := h.do(c.line, "")
		if status != c.status || c.want != "" && answer != c.want {
			t.Errorf("%s: %d %s", c.line, status, answer)
		}
		if c.status == 404 && (h.decision.Reason.Code != openapi.CodeView || h.arrived != nil) {
			t.Errorf("%s: %+v", c.line, h.decision.Reason)
		}
	}
}

// What differs from caller to caller stays out of shared caches.
func TestPersonalAnswers(t *testing.T) {
	for _, c := range []struct{ said, want string }{{"", "private"}, {"public, max-age=60, s-maxage=600", "private, max-age=60"}, {"no-store", "no-store"}, {"private, no-cache", "private, no-cache"}} {
		h := newHouse(t, openapi.Options{Config: views()}, false)
		h.principal = reader
		h.answers(200, `{"id":1,"items":[{"sku":"a","count":1}]}`, "Content-Type: application/json", "Cache-Control: "+c.said)
		if _, _, header := h.do("GET /v1/orders/1", ""); header.Get("Cache-Control") != c.want {
			t.Errorf("%q: %q", c.said, header.Get("Cache-Control"))
		}
	}
	cfg := open
	cfg.Answers = openapi.Filter
	h := newHouse(t, openapi.Options{Config: cfg}, false)
	h.principal = reader
	h.answers(200, `{"id":1,"items":[{"sku":"a","count":1}]}`, "Content-Type: application/json", "Cache-Control: public")
	if _, _, header := h.do("GET /v1/orders/1", ""); header.Get("Cache-Control") != "public" {
		t.Errorf("the same for everybody: %q", header.Get("Cache-Control"))
	}
}

// What is served is a document again: of the view, and with nothing that is for the
// gateway alone.
func TestDocumentFor(t *testing.T) {
	c := compile(t, "testdata/shop.yaml", openapi.Options{Config: views()})
	if c.DocumentFor(machine) != nil || c.DocumentFor(gatehouse.Anonymous) != nil {
		t.Error("who has no view is shown something")
	}
	type shown struct {
		Paths, Schemas, Properties []string
		Servers                    string
	}
	for _, v := range []struct {
		who  *gatehouse.Principal
		want shown
	}{
		{writer, shown{[]string{"DELETE /orders/{id}", "GET /orders", "GET /orders/{id}", "GET /status", "POST /orders", "POST /orders/{id}:cancel", "PUT /files/{name}"},
			[]string{"Item", "Order"}, []string{"id", "items", "note", "card", "secret", "cost"}, "/v1"}},
		{reader, shown{[]string{"GET /orders", "GET /orders/{id}", "GET /status", "POST /orders", "POST /orders/{id}:cancel"},
			[]string{"Item", "Order"}, []string{"id", "items", "note", "card", "secret"}, "/v1"}},
	} {
		text := c.DocumentFor(v.who)
		if !json.Valid(text) {
			t.Fatalf("%s", text)
		}
		for _, never := range []string{"x-", "security", "shop.example", "id.example", "Unused", "hidden"} {
			if strings.Contains(string(text), never) {
				t.Errorf("%q is served: %s", never, text)
			}
		}
		doc, err := openapi.Load(context.Background(), document.Source{Bytes: text})
		if err != nil {
			t.Fatalf("what is served is no document: %v\n%s", err, text)
		}
		if _, err := openapi.Compile(doc, openapi.Options{}); err != nil {
			t.Errorf("it does not compile: %v", err)
		}
		got := shown{Servers: doc.Servers[0].BasePath}
		for _, op := range doc.Operations {
			got.Paths = append(got.Paths, op.Method+" "+op.Path)
		}
		slices.Sort(got.Paths)
		schemas := doc.Root.Get("components").Get("schemas")
		for _, k := range schemas.Keys {
			got.Schemas = append(got.Schemas, k.Name)
		}
		slices.Sort(got.Schemas)
		for _, k := range schemas.Get("Order").Get("properties").Keys {
			got.Properties = append(got.Properties, k.Name)
		}
		if d := cmp.Diff(v.want, got); d != "" {
			t.Errorf("%s: %s", v.who.Subject, d)
		}
		if again := c.DocumentFor(v.who); &again[0] != &text[0] {
			t.Error("a view is rendered twice")
		}
	}
}

// References out of the document, into the middle of it and back to themselves all
// find their place in the one that is served.
func TestDocumentForBundles(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, "api.yaml", `
openapi: 3.0.3
info: {title: T, version: "1"}
paths:
  /a/{b}:
    parameters: [{$ref: "parts.yaml#/parameters/b"}]
    post:
      parameters: [{$ref: "#/components/parameters/q"}]
      requestBody: {$ref: "parts.yaml#/bodies/tree"}
      responses:
        "200":
          description: d
          headers: {x-rate: {$ref: "parts.yaml#/headers/rate"}}
          content: {application/json: {schema: {$ref: "#/paths/~1c/get/responses/200/content/application~1json/schema/properties/x-deep"}}}
  /c:
    get:
      responses:
        "200":
          description: d
          content: {application/json: {schema: {type: object, required: [x-deep], properties: {x-deep: {type: string, x-internal: 1, enum: [x-a, b]}}}}}
components:
  parameters: {q: {name: q, in: query, schema: {$ref: "parts.yaml#/schemas/Node"}}}
  schemas:
    Node: {type: integer}
    Pet: {type: object, discriminator: {propertyName: kind, mapping: {cat: Cat, dog: "parts.yaml#/schemas/Dog"}}, properties: {kind: {type: string}}}
    Cat: {allOf: [{$ref: "#/components/schemas/Pet"}]}
`)
	writeFile(t, dir, "parts.yaml", `
parameters: {b: {name: b, in: path, required: true, schema: {type: string}}}
bodies: {tree: {content: {application/json: {schema: {$ref: "#/schemas/Node"}}}}}
headers: {rate: {schema: {$ref: "api.yaml#/components/schemas/Node"}}}
schemas:
  Node: {type: object, properties: {next: {$ref: "#/schemas/Node"}, pet: {$ref: "api.yaml#/components/schemas/Pet"}}}
  Dog: {type: object, properties: {bark: {type: boolean}}}
`)
	c := compile(t, dir+"/api.yaml", openapi.Options{})
	served := c.DocumentFor(gatehouse.Anonymous)
	doc, err := openapi.Load(context.Background(), document.Source{Bytes: served})
	if err != nil {
		t.Fatalf("%v\n%s", err, served)
	}
	if _, err := openapi.Compile(doc, openapi.Options{}); err != nil {
		t.Fatalf("%v\n%s", err, served)
	}
	names := map[string]bool{}
	for _, k := range doc.Root.Get("components").Get("schemas").Keys {
		names[k.Name] = true
	}
	if d := cmp.Diff(map[string]bool{"Node": true, "Node_2": true, "Pet": true, "Cat": true, "Dog": true, "x-deep": true}, names); d != "" {
		t.Errorf("%s\n%s", d, served)
	}
	if s := string(served); strings.Contains(s, "parts.yaml") || strings.Contains(s, "x-internal") || !strings.Contains(s, `"x-rate"`) || !strings.Contains(s, `"x-a"`) {
		t.Error(fmt.Sprint(s))
	}
}
