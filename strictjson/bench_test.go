package strictjson

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// order is a typical body of about 1 KB.
const order = `{"id":"ord_01HZX3M8Q7","customer":{"id":48213,"name":"Ada Lovelace","email":"ada@example.com","address":` +
	`{"street":"12 St James's Square","city":"London","zip":"SW1Y 4JH","country":"GB"}},"items":[{"sku":"A-1001",` +
	`"title":"Analytical engine, brass","quantity":1,"price":129900.50,"tags":["brass","heavy"]},{"sku":"B-2040",` +
	`"title":"Punch cards (box of 500)","quantity":12,"price":19.99,"tags":["paper"]},{"sku":"C-77","title":"Difference table",` +
	`"quantity":3,"price":5,"tags":[]}],"currency":"GBP","total":130154.38,"paid":true,"shipped":false,"coupon":null,` +
	`"notes":"Please ring twice. The porter knows.","created":"2026-11-21T21:05:00Z","updated":"2026-11-21T21:09:30Z",` +
	`"payment":{"method":"card","last4":"4242","expires":"12/29","authorised":true},"history":[{"at":"2026-11-21T21:05:00Z",` +
	`"state":"created","by":"web"},{"at":"2026-11-21T21:06:10Z","state":"paid","by":"card-gateway"}]}`

func wideObject(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"member-%d":%d`, i, i)
	}
	return "{" + b.String()[1:] + "}"
}

var benchTexts = []struct{ name, text string }{
	{"order-1KB", order},
	{"orders-100KB", "[" + strings.Repeat(order+",", 80) + order + "]"},
	{"indented", indented(order)},
	{"numbers", "[" + strings.Repeat("1234.5678,-12,0,", 1000) + "1]"},
	{"text", `["` + strings.Repeat("It was the best of times, it was the worst of times. ", 500) + `"]`},
	{"japanese", `["` + strings.Repeat("最良の時代であり、最悪の時代であった。", 500) + `"]`},
	{"escapes", `["` + strings.Repeat(`a\n\"b\" \u00e9`, 500) + `"]`},
	{"wide-5000", wideObject(5000)},
}

func indented(text string) string {
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return text
	}
	out, _ := json.MarshalIndent(v, "", "  ")
	return string(out)
}

func BenchmarkRead(b *testing.B) {
	for _, c := range benchTexts {
		b.Run(c.name, func(b *testing.B) {
			var tape Tape
			text := []byte(c.text)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if err := tape.Read(text, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The standard library's check of the same text, which finds less.
func BenchmarkValid(b *testing.B) {
	for _, c := range benchTexts[:2] {
		b.Run(c.name, func(b *testing.B) {
			text := []byte(c.text)
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if !json.Valid(text) {
					b.Fatal("invalid")
				}
			}
		})
	}
}

func BenchmarkSplitter(b *testing.B) {
	var s Splitter
	text := []byte(benchTexts[1].text)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		s.Reset()
		for from := 0; from < len(text); from += 32 << 10 {
			s.Feed(text[from:min(len(text), from+32<<10)])
			for {
				piece, err := s.Next()
				if err != nil {
					b.Fatal(err)
				}
				if piece.Kind == More {
					break
				}
			}
		}
		if _, err := s.End(); err != nil {
			b.Fatal(err)
		}
	}
}
