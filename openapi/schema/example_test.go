package schema_test

import (
	"context"
	"fmt"

	"github.com/gatehouse/gatehouse/openapi/document"
	"github.com/gatehouse/gatehouse/openapi/schema"
	"github.com/gatehouse/gatehouse/strictjson"
)

func Example() {
	d, err := document.Load(context.Background(), document.Source{Path: "shop.yaml", Bytes: []byte(`openapi: 3.1.0
info: {title: Shop, version: "1"}
paths: {}
components:
  schemas:
    Order:
      type: object
      required: [id, sku]
      properties:
        id: {type: integer, readOnly: true}
        sku: {type: string, pattern: "^[A-Z]{3}-[0-9]+$"}
        quantity: {type: integer, minimum: 1}
`)})
	if err != nil {
		fmt.Println(err)
		return
	}
	set, err := schema.NewSet(d, schema.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	order, err := set.Compile(d.Root.Find("/components/schemas/Order"), schema.Request)
	if err != nil {
		fmt.Println(err)
		return
	}
	var tape strictjson.Tape
	for _, text := range []string{`{"sku": "ABC-1"}`, `{"id": 7, "sku": "abc", "quantity": 0, "price": 0}`} {
		if err := tape.Read([]byte(text), &strictjson.Limits{}); err != nil {
			fmt.Println(err)
			return
		}
		report := schema.Report{Max: 5}
		fmt.Println(order.Check(&tape, 0, &report))
		for _, v := range report.Violations {
			fmt.Println(v.At, v.Pointer, v.Code)
		}
	}
	// Output:
	// true
	// false
	// shop.yaml:10:29 /id contract.read_only
	// shop.yaml:11:29 /sku contract.pattern
	// shop.yaml:12:35 /quantity contract.range
}
