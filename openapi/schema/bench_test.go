package schema

import (
	"testing"

	"github.com/gatehouse/gatehouse/strictjson"
)

const orderSchema = `{
  "$defs": {
    "Address": {"type": "object", "required": ["street", "city", "zip", "country"], "additionalProperties": false, "properties": {
      "street": {"type": "string", "minLength": 1, "maxLength": 100}, "city": {"type": "string", "maxLength": 60},
      "zip": {"type": "string", "pattern": "^[A-Z0-9 -]{3,10}$"}, "country": {"type": "string", "pattern": "^[A-Z]{2}$"}}},
    "Item": {"type": "object", "required": ["sku", "quantity", "price"], "additionalProperties": false, "properties": {
      "sku": {"type": "string", "pattern": "^[A-Z]{3}-[0-9]{4,8}$"}, "quantity": {"type": "integer", "minimum": 1, "maximum": 1000},
      "price": {"type": "number", "exclusiveMinimum": 0, "multipleOf": 0.01}, "note": {"type": "string", "maxLength": 200},
      "options": {"type": "array", "maxItems": 10, "uniqueItems": true, "items": {"type": "string", "enum": ["gift", "express", "fragile"]}}}}
  },
  "type": "object", "required": ["id", "customer", "items", "currency"], "additionalProperties": false,
  "properties": {
    "id": {"type": "string", "format": "uuid"},
    "created": {"type": "string", "format": "date-time"},
    "currency": {"type": "string", "enum": ["EUR", "USD", "GBP"]},
    "customer": {"type": "object", "required": ["email"], "properties": {
      "email": {"type": "string", "format": "email"}, "name": {"type": "string", "maxLength": 80}, "age": {"type": "integer", "format": "int32"}}},
    "shipping": {"$ref": "#/$defs/Address"}, "billing": {"$ref": "#/$defs/Address"},
    "items": {"type": "array", "minItems": 1, "maxItems": 100, "items": {"$ref": "#/$defs/Item"}},
    "payment": {"oneOf": [
      {"type": "object", "required": ["kind", "card"], "properties": {"kind": {"const": "card"}, "card": {"type": "string"}}},
      {"type": "object", "required": ["kind", "iban"], "properties": {"kind": {"const": "iban"}, "iban": {"type": "string"}}}]}
  }
}`

const order = `{
  "id": "3f2b6c1e-8a4d-4a53-9a0f-1f0e8c6f2b11", "created": "2026-11-21T20:15:30.123Z", "currency": "EUR",
  "customer": {"email": "ada.lovelace@example.org", "name": "Ada Lovelace", "age": 36},
  "shipping": {"street": "12 St James's Square", "city": "London", "zip": "SW1Y 4JH", "country": "GB"},
  "billing": {"street": "5 Dorset Street, Marylebone", "city": "London", "zip": "W1U 6QJ", "country": "GB"},
  "items": [
    {"sku": "ABC-12345", "quantity": 2, "price": 19.99, "note": "please wrap it", "options": ["gift", "express"]},
    {"sku": "XYZ-99887", "quantity": 1, "price": 249.00, "options": ["fragile"]},
    {"sku": "QRS-55555", "quantity": 10, "price": 0.45},
    {"sku": "LMN-10203", "quantity": 3, "price": 7.50, "note": "without the blue one, if there is any left at all"}
  ],
  "payment": {"kind": "card", "card": "tok_visa_4242424242424242"}
}`

func BenchmarkCheck(b *testing.B) {
	s, _, err := compiled(b, false, orderSchema, Options{})
	if err != nil {
		b.Fatal(err)
	}
	text := []byte(order)
	v := tape(b, order)
	r := Report{}
	if !s.Check(v, 0, &r) {
		b.Fatal(r.Violations)
	}
	run := func(name string, f func()) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
		})
	}
	run("check", func() { s.Check(v, 0, &r) })
	limits := &strictjson.Limits{}
	run("read", func() { _ = v.Read(text, limits) })
	run("both", func() { _ = v.Read(text, limits); s.Check(v, 0, &r) })
	strict := Report{Unknown: UnknownRefuse}
	run("strict", func() { s.Check(v, 0, &strict) })
	marks := Report{Cut: true, Marks: []Mark{}}
	run("marks", func() { s.Check(v, 0, &marks) })
}
