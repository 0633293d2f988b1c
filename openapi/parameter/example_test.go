package parameter_test

import (
	"context"
	"fmt"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/document"
	"github.com/gatehouse/gatehouse/openapi/parameter"
	"github.com/gatehouse/gatehouse/openapi/schema"
)

func ExampleDecoder_Check() {
	doc, err := document.Load(context.Background(), document.Source{Path: "shop.yaml", Bytes: []byte(`
openapi: 3.1.0
info: {title: shop, version: "1"}
paths:
  /orders:
    get:
      parameters:
        - {name: limit, in: query, schema: {type: integer, maximum: 100}}
      responses: {"200": {description: the orders}}
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
	d, err := parameter.Compile(doc.Operations[0].Parameters, set, parameter.Options{UnknownQuery: parameter.Strip})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, query := range []string{"limit=20&debug=1", "limit=1000", "limit=1&limit=2"} {
		x := &gatehouse.Exchange{Request: gatehouse.Request{Query: query}}
		r := schema.Report{Max: 5}
		edits, ok := d.Check(x, &r)
		fmt.Println(ok, r.Violations[0].Code, r.Violations[0].Parameter)
		if edits.Query != nil {
			fmt.Println("goes on as", *edits.Query)
		}
	}
	// Output:
	// true contract.parameter_unknown query:debug
	// goes on as limit=20
	// false contract.parameter_range query:limit
	// false contract.parameter_repeated query:limit
}
