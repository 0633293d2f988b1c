package openapi_test

import (
	"context"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi"
	"github.com/gatehouse/gatehouse/openapi/document"
)

// boundsOf compiles a document of one path and returns the bounds of its operation.
func boundsOf(t *testing.T, path, operation string) []openapi.Bound {
	t.Helper()
	text := "openapi: 3.2.0\ninfo: {title: T, version: \"1\"}\npaths:\n  " + path + ":\n    post:\n      security: []\n      responses: {\"204\": {description: done}}\n" +
		strings.ReplaceAll("\n"+operation, "\n", "\n      ") + `
components:
  schemas:
    Status: {type: string, enum: [open, closed]}
    Item:
      type: object
      properties:
        sku: {type: string, pattern: "^[A-Z]{3}$", maxLength: 3}
        count: {type: integer, minimum: 1, maximum: 2}
        gift: {type: boolean}
        note: {type: string}
        of: {$ref: "#/components/schemas/Item"}
    Kept: {type: object, properties: {status: {$ref: "#/components/schemas/Status"}, id: {type: integer, readOnly: true, enum: [7]}}}
    Order:
      allOf:
        - {$ref: "#/components/schemas/Kept"}
        - {type: object, properties: {items: {type: array, items: {$ref: "#/components/schemas/Item"}}}}
`
	doc, err := openapi.Load(context.Background(), document.Source{Path: "t.yaml", Bytes: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	c, err := openapi.Compile(doc, openapi.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c.Bounds(c.Operations()[0])
}

func TestBounds(t *testing.T) {
	order := []openapi.Bound{
		{Place: "body:/status", Values: []string{"closed", "open"}},
		{Place: "body:/items/*/sku", Pattern: `\A[A-Z]{3}\z`, MaxLength: 3},
		{Place: "body:/items/*/count", Values: []string{"1", "2"}},
		{Place: "body:/items/*/gift", Values: []string{"false", "true"}},
	}
	for name, c := range map[string]struct {
		path, operation string
		want            []openapi.Bound
	}{
		"nothing": {"/x", ``, nil},
		"parameters": {"/x/{id}", `
parameters:
  - {name: id, in: path, required: true, schema: {type: string, format: uuid}}
  - {name: limit, in: query, schema: {type: integer, minimum: 1, maximum: 3}}
  - {name: page, in: query, schema: {type: integer, minimum: 0}}
  - {name: q, in: query, schema: {type: string}}
  - {name: X-Tenant, in: header, schema: {enum: [a, b]}}
  - {name: Accept, in: header, schema: {enum: [a, b]}}
  - {name: theme, in: cookie, schema: {$ref: "#/components/schemas/Status"}}`, []openapi.Bound{
			{Place: "path:id", Pattern: `\A[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\z`},
			{Place: "query:limit", Values: []string{"1", "2", "3"}},
			{Place: "header:x-tenant", Values: []string{"a", "b"}},
			{Place: "cookie:theme", Values: []string{"closed", "open"}},
		}},
		"styles": {"/x/{l}/{m}", `
parameters:
  - {name: l, in: path, required: true, style: label, schema: {enum: [a]}}
  - {name: m, in: path, required: true, style: matrix, schema: {enum: [a]}}
  - {name: each, in: query, schema: {type: array, items: {enum: [a]}}}
  - {name: list, in: query, explode: false, schema: {type: array, items: {enum: [a]}}}
  - {name: pipes, in: query, style: pipeDelimited, explode: false, schema: {type: array, items: {enum: [a]}}}
  - {name: deep, in: query, style: deepObject, explode: true, schema: {type: object, properties: {k: {enum: [a]}}}}
  - {name: members, in: query, schema: {type: object, properties: {m: {enum: [b]}}, additionalProperties: false}}
  - {name: json, in: query, content: {application/json: {schema: {enum: [a]}}}}
  - {name: text, in: query, content: {text/plain: {schema: {enum: [a]}}}}
  - {name: X-List, in: header, schema: {type: array, items: {enum: [a]}}}`, []openapi.Bound{
			{Place: "query:each/*", Values: []string{"a"}}, {Place: "query:deep/k", Values: []string{"a"}},
			{Place: "query:members/m", Values: []string{"b"}}, {Place: "query:text", Values: []string{"a"}},
		}},
		"the whole query": {"/x", `
parameters: [{name: all, in: querystring, content: {application/x-www-form-urlencoded: {schema: {type: object, properties: {k: {enum: [a]}, l: {type: array, items: {const: i}}}}}}}]`, []openapi.Bound{
			{Place: "query:k", Values: []string{"a"}}, {Place: "query:l/*", Values: []string{"i"}}}},
		"JSON": {"/x", `
requestBody: {content: {application/json; charset=utf-8: {schema: {$ref: "#/components/schemas/Order"}}, text/plain: {schema: {enum: [a]}}, application/xml: {schema: {enum: [a]}}}}`, order},
		"+json": {"/x", `
requestBody: {content: {application/vnd.order+json: {schema: {$ref: "#/components/schemas/Order"}}}}`, order},
		"a scalar": {"/x", `
requestBody: {content: {application/json: {schema: {$ref: "#/components/schemas/Status"}}}}`, []openapi.Bound{{Place: "body:", Values: []string{"closed", "open"}}}},
		"forms": {"/x", `
requestBody:
  content:
    application/x-www-form-urlencoded: {schema: {type: object, properties: {limit: {minimum: 1, maximum: 2, type: integer}, tags: {type: array, items: {pattern: "^[a-z]$"}}, deep: {type: object, properties: {a: {enum: [a]}}}}}}
    multipart/form-data: {schema: {type: object, properties: {kind: {$ref: "#/components/schemas/Status"}, file: {type: string, format: binary}}}}`, []openapi.Bound{
			{Place: "body:/limit", Values: []string{"1", "2"}}, {Place: "body:/tags/*", Pattern: `\A[a-z]\z`}, {Place: "body:/kind", Values: []string{"closed", "open"}}}},
		"octets": {"/x", `
requestBody: {content: {image/png: {}}}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, boundsOf(t, c.path, c.operation)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBoundsAreBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString("parameters:")
	for i := range 50 {
		b.WriteString("\n  - {name: p" + strconv.Itoa(i) + ", in: query, schema: {type: boolean}}")
	}
	b.WriteString("\nrequestBody: {content: {application/json: {schema: {type: object, properties: {")
	for i := range 3000 {
		b.WriteString("m" + strconv.Itoa(i) + ": {type: boolean}, ")
	}
	b.WriteString("last: {type: boolean}}}}}}")
	if n := len(boundsOf(t, "/x", b.String())); n != 2000 {
		t.Errorf("%d bounds", n)
	}
}

func TestBoundsOfStrangers(t *testing.T) {
	c := compile(t, "testdata/shop.yaml", openapi.Options{})
	if got := c.Bounds(&gatehouse.Operation{ID: "createOrder"}); got != nil {
		t.Error(got)
	}
}

// TestBoundsOfRealDocuments: what others publish has bounds, in little time.
func TestBoundsOfRealDocuments(t *testing.T) {
	for _, path := range []string{
		filepath.Join(inModule(t, "github.com/moby/moby/api@v1.56.1"), "swagger.yaml"),
		filepath.Join(inModule(t, "github.com/stripe/stripe-mock@v0.203.0"), "embedded/openapi/spec3.json"),
	} {
		c := compile(t, path, openapi.Options{})
		began, bounds, values, distinct := time.Now(), 0, 0, map[string]bool{}
		for _, op := range c.Operations() {
			for _, b := range c.Bounds(op) {
				bounds++
				values += len(b.Values)
				for _, v := range b.Values {
					distinct[v] = true
				}
				if !slices.IsSorted(b.Values) || len(b.Values) > 1000 || len(b.Values) == 0 && b.Pattern == "" {
					t.Errorf("%s: %+v", op.ID, b)
				}
				if _, err := regexp.Compile(b.Pattern); err != nil {
					t.Error(err)
				}
			}
		}
		if bounds == 0 {
			t.Errorf("%s has no bounds", filepath.Base(path))
		}
		t.Logf("%s: %d operations, %d bounds, %d values, %d different ones, in %v", filepath.Base(path), len(c.Operations()), bounds, values, len(distinct), time.Since(began))
	}
}
