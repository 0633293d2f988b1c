package gateway_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/gateway"
)

func Example() {
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello") })
	guarded, err := gateway.Wrap(hello, gateway.Options{Operations: []*gatehouse.Operation{
		{ID: "hello", Method: "GET", Path: "/hello", Access: gatehouse.AccessPublic},
		{ID: "secret", Method: "GET", Path: "/secret"}, // nobody permits it: denied
	}})
	if err != nil {
		panic(err)
	}
	for _, path := range []string{"/hello", "/secret", "/%2e%2e/hello", "/other"} {
		w := httptest.NewRecorder()
		guarded.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		fmt.Println(path, w.Code)
	}
	// Output:
	// /hello 200
	// /secret 403
	// /%2e%2e/hello 400
	// /other 404
}
