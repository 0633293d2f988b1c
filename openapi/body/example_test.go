package body_test

import (
	"context"
	"fmt"

	"github.com/gatehouse/gatehouse/openapi/body"
	"github.com/gatehouse/gatehouse/openapi/document"
	"github.com/gatehouse/gatehouse/openapi/schema"
)

func ExampleReader_Check() {
	doc, err := document.Load(context.Background(), document.Source{Path: "shop.yaml", Bytes: []byte(`
openapi: 3.1.0
info: {title: shop, version: "1"}
paths:
  /orders:
    post:
      requestBody:
        required: true
        content:
          application/json:
            schema: {type: object, properties: {quantity: {type: integer, maximum: 10}}}
      responses: {"201": {description: created}}
`)})
	if err != nil {
		fmt.Println(err)
		return
	}
	set, err := schema.NewSet(doc, schema.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	b, err := body.Compile(doc.Operations[0].RequestBody.Content, set, schema.Request, body.Options{Required: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, text := range []string{`{"quantity": 3}`, `{"quantity": 300}`, `{"quantity": 3, "quantity": 300}`} {
		r := schema.Report{Max: 5}
		ok, err := b.Check("application/json", "", []byte(text), &r)
		switch {
		case err != nil:
			fmt.Println(err.Status, err.Code)
		case !ok:
			fmt.Println(r.Violations[0].Code, r.Violations[0].Pointer)
		default:
			fmt.Println("fine")
		}
	}
	// Output:
	// fine
	// contract.range /quantity
	// 400 json.duplicate_name
}
