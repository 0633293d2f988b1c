package body_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/openapi/body"
	"github.com/gatehouse/gatehouse/openapi/schema"
)

const orderSchema = `{type: object, additionalProperties: false, required: [customer, currency, lines, address], properties: {
	customer: {type: string, pattern: '^c-[0-9]{1,9}$'}, currency: {enum: [EUR, USD, GBP]}, note: {type: string, maxLength: 400}, gift: {type: boolean},
	address: {type: object, required: [street, city, zip], additionalProperties: false, properties: {street: {type: string, maxLength: 80}, city: {type: string, maxLength: 80}, zip: {type: string, maxLength: 12}, country: {type: string, minLength: 2, maxLength: 2}}},
	lines: {type: array, minItems: 1, maxItems: 100, items: {type: object, required: [sku, quantity, price], additionalProperties: false, properties: {
		sku: {type: string, maxLength: 20}, name: {type: string, maxLength: 100}, quantity: {type: integer, minimum: 1, maximum: 99}, price: {type: number, minimum: 0}}}}}}`

func orderText() string {
	var b strings.Builder
	b.WriteString(`{"customer":"c-1017","currency":"EUR","note":"leave it with the neighbours","gift":false,"address":{"street":"Long Lane 17","city":"Hamburg","zip":"20095","country":"DE"},"lines":[`)
	for i := range 9 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"sku":"sku-%04d","name":"a thing of some use, number %d","quantity":%d,"price":%d.50}`, i, i, i+1, i*3)
	}
	b.WriteString("]}")
	return b.String()
}

func BenchmarkJSON(b *testing.B) {
	rd := reader(b, body.Options{Required: true}, `{application/json: {schema: `+orderSchema+`}}`)
	text := []byte(orderText())
	r := schema.Report{Max: 5}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		r.Reset()
		if ok, err := rd.Check("application/json", "", text, &r); !ok || err != nil {
			b.Fatal(err, r.Violations)
		}
	}
}

func BenchmarkGzip(b *testing.B) {
	rd := reader(b, body.Options{Required: true}, `{application/json: {schema: `+orderSchema+`}}`)
	text := []byte(encode(b, "gzip", orderText()))
	r := schema.Report{Max: 5}
	b.ReportAllocs()
	for b.Loop() {
		r.Reset()
		if ok, err := rd.Check("application/json", "gzip", text, &r); !ok || err != nil {
			b.Fatal(err, r.Violations)
		}
	}
}
