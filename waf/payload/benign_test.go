package payload

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

// order is a body of 1 KB with 48 values.
const order = `{"id":"ord_01HZX3M8Q7","customer":{"id":48213,"name":"Ada Lovelace","email":"ada@example.com","address":` +
	`{"street":"12 St James's Square","city":"London","zip":"SW1Y 4JH","country":"GB"}},"items":[{"sku":"A-1001",` +
	`"title":"Analytical engine, brass","quantity":1,"price":129900.50,"tags":["brass","heavy"]},{"sku":"B-2040",` +
	`"title":"Punch cards (box of 500)","quantity":12,"price":19.99,"tags":["paper"]},{"sku":"C-77","title":"Difference table",` +
	`"quantity":3,"price":5,"tags":["wood","x"]}],"currency":"GBP","total":130154.38,"paid":true,"shipped":false,"coupon":null,` +
	`"notes":"Please ring twice. The porter knows.","created":"2026-11-21T21:05:00Z","updated":"2026-11-21T21:09:30Z",` +
	`"payment":{"method":"card","last4":"4242","expires":"12/29","authorised":true},"history":[{"at":"2026-11-21T21:05:00Z",` +
	`"state":"created","by":"web"},{"at":"2026-11-21T21:06:10Z","state":"paid","by":"card-gateway"}],"image":"https://cdn.example.com/a/1001.jpg"}`

// browser is what a browser sends.
var browser = gatehouse.Header{
	{Name: "Host", Value: "shop.example.com"},
	{Name: "User-Agent", Value: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"},
	{Name: "Accept", Value: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"},
	{Name: "Accept-Language", Value: "en-GB,en;q=0.5"},
	{Name: "Accept-Encoding", Value: "gzip, deflate, br, zstd"},
	{Name: "Referer", Value: "https://shop.example.com/catalogue?page=2"},
	{Name: "Connection", Value: "keep-alive"},
	{Name: "Cookie", Value: "session=4f0c2b5f9be44d0c9d6d4d6f; theme=dark; consent=a%2Fb"},
	{Name: "Sec-Fetch-Dest", Value: "empty"},
	{Name: "Sec-Fetch-Mode", Value: "cors"},
	{Name: "X-Request-ID", Value: "5d9d8c8e-7c3e-4b43-8f38-0a4c5bfae7b1"},
}

// ordinary values of every kind.
var ordinary = []string{
	"", "a", "true", "-1", "3.14159", "1e10", "+49 170 1234567", "SW1Y 4JH", "O'Brien", "x@example.com", "$10.00", "100%", "50% off!",
	"550e8400-e29b-41d4-a716-446655440000", "01HZX3M8Q7ZJ4T5V6W7X8Y9Z0A", "2026-11-21", "2026-11-21T21:05:00.123+01:00", "21:05", "12/29",
	"R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7", "iVBORw0KGgoAAAANSUhEUgAAAAUA//8/+A==", "data:image/gif;base64,R0lGODlhAQABAAAAACw=",
	"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "de305d54-75b4-431b-adb2-eb6b9e546014.pdf",
	"https://example.com", "https://example.com/a/b?c=d&e=f#g", "https://en.wikipedia.org/wiki/Foo_(bar)", "https://maps.example.com/@48.1,11.5,12z",
	"https://example.com/redirect?to=https%3A%2F%2Fother.example%2F", "//cdn.example.com/x.js", "/orders/42", "orders/42/items", "image/png", "text/html; charset=utf-8",
	"v1.2.3", "1.2.3.4", "2001:db8::1", "00:1b:44:11:3a:b7", "C:\\Users\\ada\\notes.txt", "/home/ada/notes.txt", "./run.sh", "a.b.c", "com.example.app",
	"SELECT name FROM users", "if (a && b) { return c[0]; }", "func main() { fmt.Println(\"hi\") }", "<b>bold</b>", "{{ name }}", "${name}", "a[0].b[1]", "x => x.y",
	"# Title\n\n* one\n* two\n\n[link](https://example.com/a/../b) and `code`\n\n```go\nimport \"../x\"\n```\n", "| a | b |\n|---|---|\n| 1 | 2 |",
	"It was the best of times, it was the worst of times... and so on.", "Wait; what?! (Really.) 'Yes' -- \"no\" & maybe: 1/2 or 3/4.",
	"Größe: 10 µm – „schön“ … straße", "L'été, c'était déjà fini : voilà…", "¿Qué tal? ¡Año nuevo!", "Съешь ещё этих мягких французских булок, да выпей чаю.",
	"最良の時代であり、最悪の時代であった。", "全角１２３、ＡＢＣ。ｶﾅ", "这是最好的时代，这是最坏的时代。", "그것은 최고의 시대였고, 최악의 시대였다.", "كان أفضل الأوقات، وكان أسوأ الأوقات.", "זה היה הזמן הטוב ביותר",
	"यह सबसे अच्छा समय था।", "😀👍🏽 family: 👨‍👩‍👧‍👦", "①②③ steps: ❶ first", "H₂O, E=mc², 10⁻³", "½ ¾ № ™ ©",
	"eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJlLW9mLTY0LWJ5dGVz", "{\"type\":\"Point\",\"coordinates\":[11.5,48.1]}", "[1,2,3]", "{not json}",
	"Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore magna aliqua.",
}

func TestOrdinaryTraffic(t *testing.T) {
	i := inspector(t, Config{LLM: LLMConfig{Fields: []string{"prompt", "note"}}})
	for _, value := range ordinary {
		for _, name := range []string{"note", "q", "items[0][name]", "data.attributes.title", "x-tag"} {
			expect(t, i, "", name, value, append(bodies, "header")...)
		}
		if !strings.ContainsAny(value, "\n") && !strings.HasPrefix(value, "2001:db8") {
			expect(t, i, "", "url", value, bodies...)
		}
	}
	all, _ := json.Marshal(ordinary)
	catalogue := `{"products":[` + strings.Repeat(order+",", 50) + order + `],"text":` + string(all) + `}`
	for _, in := range []*Input{
		{Method: "POST", Path: "/orders", Header: browser, ContentType: "application/json", Body: []byte(order)},
		{Method: "PUT", Path: "/catalogue", Header: browser, ContentType: "application/json", Body: []byte(catalogue)},
		{Method: "GET", Path: "/v1.2/orders/a..b", Query: "page=2&sort=-created&q=brass+engine", Header: browser},
		{Method: "GET", Path: "/search", Query: "q=" + url.QueryEscape("10.0.0.1 localhost ../ $ne __proto__")},
	} {
		if got := findings(i, in); got != nil {
			t.Errorf("%s %s: %v", in.Method, in.Path, got)
		}
	}
}
