package document_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse/openapi/document"
)

const shop = `openapi: 3.1.0
info: {title: Shop, summary: Things for sale, version: "1.0"}
servers:
  - url: https://{region}.example.com/v1/
    variables:
      region: {default: eu, enum: [eu, us]}
  - url: /v2
security:
  - oauth: [orders]
paths:
  /orders/{id}:
    parameters:
      - {name: id, in: path, required: true, schema: {type: integer}}
      - {name: Trace, in: header, schema: {type: string}}
    get:
      operationId: getOrder
      tags: [orders]
      x-gatehouse-sunset: 2027-01-01
      parameters:
        - {name: trace, in: header, required: true, schema: {type: string}}
        - $ref: '#/components/parameters/Fields'
        - {name: filter, in: query, style: deepObject, explode: true, schema: {type: object}}
        - {name: at, in: query, content: {application/json: {schema: {type: object}}}}
      responses:
        200:
          description: an order
          content:
            application/json:
              schema: {$ref: '#/components/schemas/Order'}
        4XX: {description: no}
        default: {$ref: '#/components/responses/Problem'}
    delete:
      security: []
      deprecated: true
      servers: [{url: 'https://admin.example.com'}]
      responses: {'204': {description: gone}}
    put:
      security: [{}, {key: [], oauth: [orders]}]
      requestBody: {$ref: '#/components/requestBodies/Order'}
webhooks: {paid: {}, sent: {}}
components:
  parameters:
    Fields:
      name: fields
      in: query
      explode: false
      schema: {type: array, items: {type: string}}
  requestBodies:
    Order:
      required: true
      content:
        application/json: {schema: {$ref: '#/components/schemas/Order'}}
        Multipart/Form-Data:
          schema: {type: object}
          encoding:
            photo: {contentType: 'image/png, image/JPEG', headers: {X-Size: {schema: {type: integer}}, Content-Type: {}}}
            tags: {style: pipeDelimited}
  responses:
    Problem:
      description: what went wrong
      headers:
        Retry-After: {required: true, schema: {type: integer}}
  schemas:
    Order:
      type: object
      properties:
        id: {type: integer}
        total: {type: number, minimum: 0o17}
  securitySchemes:
    key: {type: apiKey, in: header, name: X-Key}
    oauth:
      type: oauth2
      flows:
        clientCredentials: {tokenUrl: https://id.example.com/token, scopes: {orders: read orders}}
`

func load(t testing.TB, text string) *document.Document {
	t.Helper()
	d, err := document.Load(t.Context(), document.Source{Path: "shop.yaml", Bytes: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// outline writes what a document's view says, one line per thing.
func outline(d *document.Document) string {
	var b strings.Builder
	for _, s := range d.Servers {
		fmt.Fprintf(&b, "server %s hosts %v base %q\n", s.URL, s.Hosts, s.BasePath)
	}
	for _, op := range d.Operations {
		fmt.Fprintf(&b, "%s: %s %s tags %v deprecated %v security %v of %v\n", op.ID, op.Method, op.Path, op.Tags, op.Deprecated, op.Security, len(op.Servers))
		for _, p := range op.Parameters {
			fmt.Fprintf(&b, "  %s:%s required %v %s explode %v", p.In, p.Name, p.Required, p.Style, p.Explode)
			if p.Content != nil {
				fmt.Fprintf(&b, " %s", p.Content.Type)
			}
			b.WriteByte('\n')
		}
		if op.RequestBody != nil {
			fmt.Fprintf(&b, "  body required %v\n", op.RequestBody.Required)
			outlineContent(&b, op.RequestBody.Content)
		}
		for _, r := range op.Responses {
			fmt.Fprintf(&b, "  %s\n", r.Status)
			for _, h := range r.Headers {
				fmt.Fprintf(&b, "    header %s required %v %s %v\n", h.Name, h.Required, h.Style, h.Explode)
			}
			outlineContent(&b, r.Content)
		}
	}
	return b.String()
}

func outlineContent(b *strings.Builder, content []*document.Media) {
	for _, m := range content {
		fmt.Fprintf(b, "    %s schema %s items %v\n", m.Type, m.Schema.Pointer(), m.ItemSchema.Pointer())
		for _, name := range []string{"photo", "tags"} {
			if e := m.Encoding[name]; e != nil {
				fmt.Fprintf(b, "      %s %q headers %d %s explode %v set %v\n", name, e.ContentType, len(e.Headers), e.Style, e.Explode, e.Set)
			}
		}
	}
}

func TestView(t *testing.T) {
	d := load(t, shop)
	if len(d.Warnings) > 0 {
		t.Errorf("warnings: %v", d.Warnings)
	}
	const want = `server https://{region}.example.com/v1/ hosts [eu.example.com us.example.com] base "/v1"
server /v2 hosts [] base "/v2"
getOrder: GET /orders/{id} tags [orders] deprecated false security [[{oauth [orders]}]] of 2
  header:trace required true simple explode false
  query:fields required false form explode false
  query:filter required false deepObject explode true
  query:at required false form explode true application/json
  path:id required true simple explode false
  200
    application/json schema /paths/~1orders~1{id}/get/responses/200/content/application~1json/schema items 
  4XX
  default
    header Retry-After required true simple false
DELETE /orders/{id}: DELETE /orders/{id} tags [] deprecated true security [] of 1
  path:id required true simple explode false
  header:Trace required false simple explode false
  204
PUT /orders/{id}: PUT /orders/{id} tags [] deprecated false security [[] [{key []} {oauth [orders]}]] of 2
  path:id required true simple explode false
  header:Trace required false simple explode false
  body required true
    application/json schema /components/requestBodies/Order/content/application~1json/schema items 
    multipart/form-data schema /components/requestBodies/Order/content/Multipart~1Form-Data/schema items 
      photo ["image/png" "image/jpeg"] headers 1 form explode true set false
      tags [] headers 0 pipeDelimited explode false set true
`
	if diff := cmp.Diff(want, outline(d)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if d.Operations[1].Security == nil || d.Operations[0].Node.Str("x-gatehouse-sunset") != "2027-01-01" {
		t.Error("security: [] must not be nil, and extensions be there")
	}
	if d.Title != "Shop" || d.Summary != "Things for sale" || d.APIVersion != "1.0" || d.Dialect != document.JSONSchema202012 || len(d.Webhooks) != 2 {
		t.Errorf("%+v", d)
	}
	if s := d.Schemes["oauth"]; s.Type != "oauth2" || len(s.Scopes) != 1 {
		t.Errorf("%+v", s)
	}
	if at := d.Locate(d.File + "#/components/schemas/Order/properties/total"); at.String() != "shop.yaml:68:16" {
		t.Errorf("total is at %v", at)
	}
	if n := d.Root.Find("/components/schemas/Order/properties/total").Any().(map[string]any); n["minimum"] != json.Number("15") {
		t.Errorf("%v", n)
	}
}

func TestView32(t *testing.T) {
	d := load(t, `openapi: 3.2.0
info: {title: T, version: "1"}
paths:
  /search:
    summary: shared
    query:
      parameters: [{name: q, in: querystring, content: {application/x-www-form-urlencoded: {schema: {type: object}}}}]
      responses:
        200:
          description: found
          content:
            application/jsonl: {itemSchema: {type: object}}
            text/csv: {$ref: '#/components/mediaTypes/CSV'}
    additionalOperations:
      PURGE: {operationId: purge}
    parameters: [{name: sid, in: cookie, style: cookie, schema: {type: string}}]
components:
  mediaTypes: {CSV: {schema: {type: string}}}
`)
	const want = `server / hosts [] base ""
QUERY /search: QUERY /search tags [] deprecated false security [] of 1
  querystring:q required false  explode false application/x-www-form-urlencoded
  cookie:sid required false cookie explode true
  200
    application/jsonl schema  items /paths/~1search/query/responses/200/content/application~1jsonl/itemSchema
    text/csv schema /components/mediaTypes/CSV/schema items 
purge: PURGE /search tags [] deprecated false security [] of 1
  cookie:sid required false cookie explode true
`
	if diff := cmp.Diff(want, outline(d)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if d.Operations[0].Security != nil {
		t.Error("no security was said")
	}
	errs, _ := problems(t, "openapi: 3.2.0\ninfo: {title: T, version: '1'}\npaths: {/a: {additionalOperations: {GET: {}, 'a b': {}}, get: {parameters: [{name: q, in: querystring, content: {text/plain: {}}}, {name: r, in: query, schema: {}}]}}}")
	wantErrs := []string{`3:37 contract.document_method: "GET" is no name of an additional method`, `3:46 contract.document_method: "a b" is no name of an additional method`,
		`3:77 contract.document_parameter: an operation has parameters both in the query and in the querystring`}
	if diff := cmp.Diff(wantErrs, errs); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestServers(t *testing.T) {
	many := "{a}{a}{a}{a}{a}{a}{a}"
	for _, test := range []struct{ servers, want string }{
		{"[]", `server / hosts [] base ""`},
		{"[{url: /}]", `server / hosts [] base ""`},
		{"[{url: ''}]", `server  hosts [] base ""`},
		{"[{url: v1/}]", `server v1/ hosts [] base "/v1"`},
		{"[{url: ../../v1}]", `server ../../v1 hosts [] base "/v1"`},
		{"[{url: 'HTTPS://API.Example.com:8443/a%2Fb'}]", `server HTTPS://API.Example.com:8443/a%2Fb hosts [api.example.com:8443] base "/a%2Fb"`},
		{"[{url: '//example.com/x'}]", `server //example.com/x hosts [example.com] base "/x"`},
		{"[{url: 'http://{h}/{v}', variables: {h: {default: a, enum: [a, b]}, v: {default: v1, enum: [v1, v2]}}}]",
			"server http://{h}/{v} hosts [a b] base \"/v1\"\nserver http://{h}/{v} hosts [a b] base \"/v2\""},
		{"[{url: 'http://" + many + "', variables: {a: {default: a, enum: [a, b]}}}]", "server http://" + many + " hosts 64"},
	} {
		d := load(t, head+"paths: {}\nservers: "+test.servers)
		got := strings.TrimSuffix(outline(d), "\n")
		if strings.HasSuffix(test.want, "64") {
			if len(d.Servers) != 1 || len(d.Servers[0].Hosts) > 64 || len(d.Warnings) != 1 {
				t.Errorf("%d hosts, %v", len(d.Servers[0].Hosts), d.Warnings)
			}
			continue
		}
		if got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.servers, got, test.want)
		}
	}
}
