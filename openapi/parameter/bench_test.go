package parameter_test

import (
	"testing"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/parameter"
	"github.com/gatehouse/gatehouse/openapi/schema"
)

// BenchmarkCheck is what most operations have: one parameter of the path, two of the
// query, one of the header.
func BenchmarkCheck(b *testing.B) {
	d := operation(b, "/orders/{id}", parameter.Options{UnknownQuery: parameter.Refuse},
		`{name: id, in: path, required: true, schema: {type: integer, minimum: 1}}`,
		`{name: expand, in: query, schema: {type: string, enum: [lines, customer]}}`,
		`{name: tag, in: query, schema: {type: array, items: {type: string, maxLength: 20}, maxItems: 5}}`,
		`{name: X-Tenant, in: header, required: true, schema: {type: string, pattern: '^[a-z0-9-]{1,20}$'}}`)
	x := &gatehouse.Exchange{Params: []gatehouse.Param{{Name: "id", Value: "1017", Raw: "1017"}}}
	x.Request.Query = "expand=lines&tag=a&tag=b%20c"
	x.Request.Header = gatehouse.Header{{Name: "Accept", Value: "*/*"}, {Name: "User-Agent", Value: "bench"}, {Name: "Accept-Encoding", Value: "gzip"},
		{Name: "Authorization", Value: "Bearer x"}, {Name: "Content-Type", Value: "application/json"}, {Name: "X-Tenant", Value: "acme-17"}}
	r := schema.Report{Max: 5}
	b.ReportAllocs()
	for b.Loop() {
		r.Reset()
		if _, ok := d.Check(x, &r); !ok {
			b.Fatal(r.Violations)
		}
	}
}
