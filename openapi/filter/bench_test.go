package filter

import (
	"io"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse/openapi/schema"
	"github.com/gatehouse/gatehouse/strictjson"
)

// orders is an answer of about 100 KB: an array of orders, of which each has members
// that are not to be sent.
var orders = "[" + strings.TrimSuffix(strings.Repeat(`{"id":"ord_01HZX3M8Q7","customer":{"id":48213,"name":"Ada Lovelace","email":"ada@example.com","password_hash":"$2y$10$abcdefghijkl"},`+
	`"items":[{"sku":"A-1001","title":"Analytical engine, brass","quantity":1,"price":129900.50,"cost":80000},{"sku":"B-2040","title":"Punch cards (box of 500)",`+
	`"quantity":12,"price":19.99,"cost":3.10}],"currency":"GBP","total":130154.38,"paid":true,"coupon":null,"card":"4111111111111111",`+
	`"notes":"Please ring twice. The porter knows.","created":"2026-11-21T21:05:00Z","margin":0.38},`, 190), ",") + "]"

func benchmarkWriter(b *testing.B, o *Options) {
	text := []byte(orders)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		f := NewWriter(io.Discard, o)
		for from := 0; from < len(text); from += 32 << 10 {
			if _, err := f.Write(text[from:min(len(text), from+32<<10)]); err != nil {
				b.Fatal(err)
			}
		}
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWriter(b *testing.B) {
	b.Run("read", func(b *testing.B) { benchmarkWriter(b, &Options{}) })
	b.Run("fields", func(b *testing.B) {
		m := masker(b, Rule{Fields: []string{"card", "*password*"}, Mask: MaskRedact}, Rule{Classes: []string{"secret"}, Mask: MaskRemove})
		benchmarkWriter(b, &Options{View: m.For(nil)})
	})
	b.Run("detectors", func(b *testing.B) {
		m := masker(b, Rule{Detect: Detectors(), Mask: MaskRedact})
		benchmarkWriter(b, &Options{View: m.For(nil)})
	})
	b.Run("hash", func(b *testing.B) {
		m := masker(b, Rule{Fields: []string{"email"}, Mask: MaskHash})
		benchmarkWriter(b, &Options{View: m.For(nil)})
	})
	b.Run("select", func(b *testing.B) {
		s, err := ParseSelection("id,customer(name,email),items/sku,total")
		if err != nil {
			b.Fatal(err)
		}
		benchmarkWriter(b, &Options{Select: s})
	})
}

// What cutting takes, once the text is read and marked.
func BenchmarkCut(b *testing.B) {
	var tape strictjson.Tape
	if err := tape.Read([]byte(orders), nil); err != nil {
		b.Fatal(err)
	}
	marks := make([]schema.Mark, len(tape.Tokens))
	for i := range tape.Tokens {
		marks[i].Flags = schema.Declared
		if i > 0 && tape.Tokens[i-1].Kind == strictjson.String && tape.Equal(i-1, "password_hash") {
			marks[i].Flags = 0
		}
	}
	var r Record
	var dst []byte
	b.SetBytes(int64(len(orders)))
	b.ReportAllocs()
	for b.Loop() {
		r.Reset()
		c := cutter{t: &tape, marks: marks, cut: true, record: &r}
		dst, _ = c.run(dst[:0], nil)
	}
}
