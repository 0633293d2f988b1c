package payload_test

import (
	"fmt"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/waf/payload"
)

func Example() {
	inspector, err := payload.New(payload.Config{
		Rules: map[string]gatehouse.Mode{"payload.nosql.*": gatehouse.Monitor},
		SSRF:  payload.SSRFConfig{Allow: []string{"*.partner.internal"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	request := &payload.Input{
		Method: "POST", Path: "/hooks", Query: "owner[$ne]=nobody",
		ContentType: "application/json",
		Body: []byte(`{"callbacks":[
			"https://hooks.example.com/orders",
			"https://a.partner.internal/orders",
			"http://0xA9.254.43518/latest/meta-data/"]}`),
	}
	inspector.Inspect(request, func(f payload.Finding) bool {
		fmt.Println(f.Mode, f.Rule.ID, f.Rule.Severity, "at", f.Place)
		if f.Hint != "" {
			fmt.Println("  ", f.Hint)
		}
		return true
	})
	// Output:
	// monitor payload.nosql.operator critical at query:owner[$ne]
	// enforce payload.ssrf.metadata critical at body:/callbacks/2
	//    by its address, in an unusual notation
}
