package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/gatehouse/gatehouse/openapi"
	"github.com/gatehouse/gatehouse/openapi/document"
)

// contractDocument is an API of orders, in OpenAPI 3.0 or 3.1: its verb is the
// version. The measured call has parameters in the path, the query and a header,
// and a body of 1 KB.
const contractDocument = `openapi: %s
info: {title: Orders, version: "1"}
paths:
  /customers/{customer_id}/orders:
    parameters:
      - {name: customer_id, in: path, required: true, schema: {type: integer, minimum: 1}}
    post:
      operationId: createOrder
      parameters:
        - {name: notify, in: query, schema: {type: boolean}}
        - {name: channel, in: query, schema: {type: string, enum: [web, app, phone]}}
        - {name: X-Request-Source, in: header, required: true, schema: {type: string, pattern: "^[a-z][a-z0-9-]{2,30}$"}}
      requestBody:
        required: true
        content: {application/json: {schema: {$ref: "#/components/schemas/Order"}}}
      responses:
        "200": {description: taken, content: {application/json: {schema: {$ref: "#/components/schemas/Receipt"}}}}
    get:
      operationId: listOrders
      parameters:
        - {name: limit, in: query, schema: {type: integer, minimum: 1, maximum: 100}}
      responses:
        "200": {description: orders, content: {application/json: {schema: {type: array, items: {$ref: "#/components/schemas/Stored"}}}}}
components:
  schemas:
    Order:
      type: object
      required: [reference, items, address, currency]
      additionalProperties: false
      properties:
        reference: {type: string, format: uuid}
        currency: {type: string, enum: [EUR, USD, GBP, CHF]}
        express: {type: boolean}
        email: {type: string, format: email}
        placed: {type: string, format: date-time}
        note: {type: string, maxLength: 300}
        tags: {type: array, maxItems: 10, items: {type: string, maxLength: 20}}
        address: {$ref: "#/components/schemas/Address"}
        items: {type: array, minItems: 1, maxItems: 50, items: {$ref: "#/components/schemas/Item"}}
    Address:
      type: object
      required: [street, city, country]
      additionalProperties: false
      properties:
        street: {type: string, maxLength: 80}
        city: {type: string, maxLength: 60}
        postcode: {type: string, pattern: "^[A-Z0-9 -]{3,10}$"}
        country: {type: string, minLength: 2, maxLength: 2}
    Item:
      type: object
      required: [sku, quantity]
      additionalProperties: false
      properties:
        sku: {type: string, pattern: "^[A-Z]-[0-9]{4}$"}
        title: {type: string, maxLength: 100}
        quantity: {type: integer, minimum: 1, maximum: 1000}
        price: {type: number, minimum: 0}
    Receipt:
      type: object
      required: [order, items]
      properties:
        order: {type: integer}
        items: {type: array, items: {type: object, properties: {id: {type: integer}, sku: {type: string}, title: {type: string}, quantity: {type: integer}, price: {type: string}}}}
    Stored:
      type: object
      properties:
        id: {type: integer}
        sku: {type: string}
        title: {type: string}
        quantity: {type: integer}
        price: {type: number}
        owner: {type: object, properties: {name: {type: string}, city: {type: string}}}
`

// contractPath and contractHeader are the measured call's.
const (
	contractPath   = "/customers/1042/orders"
	contractQuery  = "notify=true&channel=web"
	contractSource = "checkout-page"
)

// contractBody is an order of 1 KB.
var contractBody = func() string {
	const size = 1024
	const item = `{"sku":"A-1042","title":"Fountain pen, extra fine","quantity":2,"price":39.00}`
	head := `{"reference":"0b1e9f4c-5a0e-4f0e-8a39-6c1cb8a1a1c6","currency":"EUR","express":false,"email":"ada@example.com",` +
		`"placed":"2026-11-21T12:00:00Z","tags":["gift","stationery"],"address":{"street":"12 Analytical Row","city":"London","postcode":"EC1A 1BB","country":"GB"},"items":[` + item
	const tail = `],"note":""}`
	for len(head)+len(item)+1+len(tail) < size-20 {
		head += "," + item
	}
	return head + strings.Replace(tail, `""`, `"`+strings.Repeat("n", size-len(head)-len(tail))+`"`, 1)
}()

// contractList is an answer of 100 KB in which every element has two properties
// that nobody promised.
var contractList = func() string {
	var b strings.Builder
	b.WriteByte('[')
	for i := 0; b.Len() < 100<<10; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%d,"sku":"A-%04d","title":"Fountain pen, extra fine","quantity":2,"price":39.00,"cost":11.25,"owner":{"name":"Ada Lovelace","city":"London","password_hash":"$2y$10$abcdefghijklmnopqrstuv"}}`, i, i%10000)
	}
	b.WriteByte(']')
	return b.String()
}()

// compileContract compiles the document in the given version of OpenAPI.
func compileContract(ctx context.Context, version string, cfg openapi.Config) (*openapi.Contract, error) {
	doc, err := openapi.Load(ctx, document.Source{Path: "orders.yaml", Bytes: []byte(fmt.Sprintf(contractDocument, version))})
	if err != nil {
		return nil, err
	}
	return openapi.Compile(doc, openapi.Options{Config: cfg})
}
