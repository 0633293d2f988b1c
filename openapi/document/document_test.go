package document_test

import (
	"testing"

	"github.com/gatehouse/gatehouse/openapi/document"
)

const shop = `openapi: 3.1.0
info:
  title: Shop
  version: "1.0"
servers:
  - url: https://{region}.example.com/v1/
    variables:
      region: {default: eu, enum: [eu, us]}
security:
  - oauth: [orders]
paths:
  /orders/{id}:
    parameters:
      - {name: id, in: path, required: true, schema: {type: integer}}
      - {name: Trace, in: header, schema: {type: string}}
    get:
      operationId: getOrder
      parameters:
        - {name: trace, in: header, required: true, schema: {type: string}}
        - $ref: '#/components/parameters/Fields'
      responses:
        200:
          description: an order
          content:
            application/json:
              schema: {$ref: '#/components/schemas/Order'}
        default: {$ref: '#/components/responses/Problem'}
    delete:
      security: []
      deprecated: true
      responses: {'204': {description: gone}}
components:
  parameters:
    Fields:
      name: fields
      in: query
      schema: {type: array, items: {type: string}}
  responses:
    Problem:
      description: what went wrong
      headers:
        Retry-After: {schema: {type: integer}}
  schemas:
    Order:
      type: object
      properties:
        id: {type: integer}
        total: {type: number, minimum: 0o17}
  securitySchemes:
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

func TestView(t *testing.T) {
	d := load(t, shop)
	if len(d.Warnings) > 0 {
		t.Errorf("warnings: %v", d.Warnings)
	}
	if len(d.Operations) != 2 {
		t.Fatalf("%d operations", len(d.Operations))
	}
	if at := d.Locate(d.File + "#/components/schemas/Order/properties/total"); at.String() != "shop.yaml:48:16" {
		t.Errorf("total is at %v", at)
	}
}
