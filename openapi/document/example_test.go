package document_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/gatehouse/gatehouse/openapi/document"
)

func ExampleLoad() {
	d, err := document.Load(context.Background(), document.Source{Path: "orders.yaml", Bytes: []byte(`
openapi: 3.1.0
info: {title: Orders, version: "1"}
paths:
  /orders/{id}:
    get:
      operationId: getOrder
      parameters:
        - {name: id, in: path, required: true, schema: {type: integer}}
      responses:
        200: {description: the order}
`)})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, op := range d.Operations {
		fmt.Println(op.Method, op.Path, op.ID, op.Parameters[0].Name, d.Locate(op.Node.URL()))
	}
	// Output: GET /orders/{id} getOrder id orders.yaml:7:7
}

func ExampleProblems() {
	_, err := document.Load(context.Background(), document.Source{Path: "orders.yaml", Bytes: []byte(`
openapi: 3.1.0
info: {title: Orders, version: "1"}
paths:
  /orders/{id}:
    get:
      parameters:
        - {name: Id, in: path, required: true, schema: {$ref: '#/components/schemas/Id'}}
components:
  schemas: {ID: {type: integer}}
`)})
	var problems *document.Problems
	if errors.As(err, &problems) {
		for _, e := range problems.Errors {
			fmt.Println(e)
			fmt.Println(problems.Excerpt(e))
		}
	}
	// Output:
	// orders.yaml:6:5: the path parameter "id" of GET /orders/{id} is not declared
	//     get:
	//     ^
	// orders.yaml:8:11: the path parameter "Id" is not in the path "/orders/{id}" (did you mean "id"?)
	//         - {name: Id, in: path, required: true, schema: {$ref: '#/components/schemas/Id'}}
	//           ^
	// orders.yaml:8:63: the reference "#/components/schemas/Id" leads nowhere (did you mean "ID"?)
	//         - {name: Id, in: path, required: true, schema: {$ref: '#/components/schemas/Id'}}
	//                                                               ^
}
