package openapi_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/gateway"
	"github.com/gatehouse/gatehouse/openapi"
	"github.com/gatehouse/gatehouse/openapi/document"
)

const todo = `
openapi: 3.1.0
info: {title: To do, version: "1"}
paths:
  /tasks:
    post:
      operationId: addTask
      security: []
      requestBody:
        required: true
        content:
          application/json:
            schema: {$ref: "#/components/schemas/Task"}
      responses:
        "201":
          description: added
          content: {application/json: {schema: {$ref: "#/components/schemas/Task"}}}
components:
  schemas:
    Task:
      type: object
      required: [text]
      properties:
        id: {type: integer, readOnly: true}
        text: {type: string, maxLength: 80}
`

// A handler is held to its document: requests are checked, and answers cut down to
// what was promised.
func Example() {
	tasks := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"id":17, "text":"rest", "owner_password":"oops"}`)
	})
	doc, err := openapi.Load(context.Background(), document.Source{Bytes: []byte(todo)})
	if err != nil {
		panic(err)
	}
	contract, err := openapi.Compile(doc, openapi.Options{Config: openapi.Config{
		Rules:  openapi.Rules{Answers: openapi.Filter, Unknown: openapi.UnknownConfig{Properties: openapi.Refuse}},
		Access: openapi.AccessDocument, // who meets the document's security requirements may call
		Errors: openapi.ErrorsConfig{Full: openapi.Who{Everybody: true}},
	}})
	if err != nil {
		panic(err)
	}
	guarded, err := gateway.Wrap(tasks, gateway.Options{Operations: contract.Operations(), ControlsOf: contract.Controls})
	if err != nil {
		panic(err)
	}
	for _, body := range []string{`{"text":"rest"}`, `{"id":1,"text":"rest"}`, `{"text":"rest","admin":true}`} {
		r := httptest.NewRequest("POST", "/tasks", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		guarded.ServeHTTP(w, r)
		answer := w.Body.String()
		if _, errors, found := strings.Cut(answer, `"errors":`); found {
			answer = strings.TrimSpace(errors)
		}
		fmt.Println(w.Code, answer)
	}
	// Output:
	// 201 {"id":17, "text":"rest"}
	// 400 [{"code":"contract.read_only","pointer":"/id"}]}
	// 400 [{"code":"contract.unknown_property","pointer":"/admin"}]}
}

// explained prints what a contract says of an exchange.
type explained struct{ contract *openapi.Contract }

func (e explained) Observe(x *gatehouse.Exchange) {
	for _, why := range e.contract.Explain(&x.Decision) {
		fmt.Println(why.Message)
		fmt.Print(e.contract.Excerpt(why))
	}
}

// Which part of the document a request breaks.
func ExampleContract_Explain() {
	doc, err := openapi.Load(context.Background(), document.Source{Path: "todo.yaml", Bytes: []byte(todo)})
	if err != nil {
		panic(err)
	}
	contract, err := openapi.Compile(doc, openapi.Options{Config: openapi.Config{Access: openapi.AccessDocument}})
	if err != nil {
		panic(err)
	}
	created := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	guarded, err := gateway.Wrap(created, gateway.Options{Operations: contract.Operations(), ControlsOf: contract.Controls,
		Observers: []gatehouse.Observer{explained{contract}}})
	if err != nil {
		panic(err)
	}
	r := httptest.NewRequest("POST", "/tasks", strings.NewReader(`{"text":7}`))
	r.Header.Set("Content-Type", "application/json")
	guarded.ServeHTTP(httptest.NewRecorder(), r)
	// Output:
	// /text: the value is of a JSON type that the schema does not list
	//         text: {type: string, maxLength: 80}
	//                ^
}

// Which texts the requests that pass may have, and where.
func ExampleContract_Bounds() {
	doc, err := openapi.Load(context.Background(), document.Source{Path: "shop.yaml", Bytes: []byte(`openapi: 3.1.0
info: {title: Shop, version: "1"}
paths:
  /orders:
    get:
      operationId: listOrders
      parameters:
        - {name: status, in: query, schema: {enum: [open, closed]}}
        - {name: sku, in: query, schema: {type: string, pattern: "^[A-Z]{3}[0-9]+$"}}
        - {name: q, in: query, schema: {type: string}}
      responses: {"204": {description: none}}
`)})
	if err != nil {
		panic(err)
	}
	contract, err := openapi.Compile(doc, openapi.Options{})
	if err != nil {
		panic(err)
	}
	for _, b := range contract.Bounds(contract.Operations()[0]) {
		fmt.Printf("%s: one of %q, or matches %q\n", b.Place, b.Values, b.Pattern)
	}
	// Output:
	// query:status: one of ["closed" "open"], or matches ""
	// query:sku: one of [], or matches "\\A[A-Z]{3}[0-9]+\\z"
}
