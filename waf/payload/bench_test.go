package payload

import (
	"strings"
	"testing"
)

func BenchmarkInspect(b *testing.B) {
	i := inspector(b)
	prose := `{"text":` + quote(strings.Repeat("It was the best of times, it was the worst of times... ", 200)) + `}`
	japanese := `{"text":` + quote(strings.Repeat("最良の時代であり、最悪の時代であった。", 200)) + `}`
	for _, c := range []struct {
		name string
		in   Input
	}{
		{"get-3-arguments", Input{Method: "GET", Path: "/v1/orders", Query: "page=2&sort=-created&q=brass+engine", Header: browser}},
		{"json-1KB-48-leaves", Input{Method: "POST", Path: "/v1/orders", ContentType: "application/json", Body: []byte(order)}},
		{"json-1KB-browser", Input{Method: "POST", Path: "/v1/orders", Header: browser, ContentType: "application/json", Body: []byte(order)}},
		{"form", Input{Method: "POST", Path: "/login", ContentType: "application/x-www-form-urlencoded", Body: []byte("user=ada%40example.com&password=correct+horse&next=%2Faccount")}},
		{"prose-11KB", Input{Method: "POST", Path: "/v1/notes", ContentType: "application/json", Body: []byte(prose)}},
		{"japanese-11KB", Input{Method: "POST", Path: "/v1/notes", ContentType: "application/json", Body: []byte(japanese)}},
		{"graphql", Input{Method: "POST", Path: "/graphql", ContentType: "application/json",
			Body: []byte(`{"query":"query Orders($n: Int) { orders(first: $n) { edges { node { id total customer { name email } } } } }","variables":{"n":20}}`)}},
	} {
		b.Run(c.name, func(b *testing.B) {
			found := func(f Finding) bool {
				b.Fatal(f.Rule.ID, f.Place)
				return true
			}
			b.ReportAllocs()
			for b.Loop() {
				i.Inspect(&c.in, found)
			}
		})
	}
	// Hostile values that all rules look at closely: the time must stay linear.
	for _, c := range []struct{ name, value string }{
		{"dots", strings.Repeat("../", 1<<14)},
		{"steps", "'" + strings.Repeat(`..\..\..\a`, 1<<13)},
		{"block", "{a(b:\"\"\"" + strings.Repeat("\n \\\"\"\"", 1<<14) + "\"\"\")}"},
		{"comments", strings.Repeat("#\n", 1<<15) + "{a}"},
		{"string", "{a(b:\"" + strings.Repeat("\\u0041", 1<<13) + "\")}"},
		{"words", strings.Repeat("aaaaaaaaaaaaaaaaaa.", 1<<12)},
		{"schemes", strings.Repeat("a://", 1<<14)},
		{"percents", strings.Repeat("%25", 1<<14)},
		{"brackets", strings.Repeat("[", 1<<15)},
	} {
		b.Run("hostile-"+c.name, func(b *testing.B) {
			in := &Input{Path: "/graphql", ContentType: "application/json", Body: []byte(`{"query":` + quote(c.value) + `}`)}
			b.SetBytes(int64(len(in.Body)))
			for b.Loop() {
				i.Inspect(in, func(Finding) bool { return true })
			}
		})
	}
}
