package waf

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

// What people who mean no harm send: the harness mutates it, and the screen is to
// prove it.

var prose = []string{
	// English
	"Please leave the parcel with the neighbour at number 12, the bell doesn't work.",
	"I'd like to order two of the large ones & one small; is delivery before Friday possible?",
	"Great product, would buy again! 5/5 stars -- it's exactly as described.",
	"The update on 2026-03-01 broke the login page. Steps: 1. open the app 2. sign in 3. select a table from the list",
	"Select your union representative from the drop-down, then insert the card or delete the old one.",
	"Meeting moved to 3:30pm (room B-204). Bring the Q3 figures, order by region.",
	"He said \"we can't do that\" and she replied 'why not?'",
	"Price: $49.99 (incl. 20% VAT) = £41.50 | was: $60",
	"My email's jane.doe+news@example.co.uk, phone +44 20 7946 0958.",
	// German, French, Spanish, Portuguese, Polish, Turkish
	"Können Sie mir bitte die Rechnung für Bestellung Nr. 4711 schicken? Vielen Dank & schöne Grüße aus München!",
	"Straße des 17. Juni 135, Haus B, 10623 Berlin – bitte bei Müller klingeln.",
	"L'été dernier, j'ai commandé une table d'appoint ; elle n'est jamais arrivée. C'est où, s'il vous plaît ?",
	"¿Cuándo llegará mi pedido? ¡Lo necesito para el cumpleaños de mi niño el día 5!",
	"Não consigo iniciar sessão, aparece \"erro inesperado\" (código 0x80070005).",
	"Zażółć gęślą jaźń. Proszę o fakturę na firmę.",
	"Işık ve İstanbul'da teslimat mümkün mü? Kargo ücretsiz mi?",
	// Chinese, Japanese, Korean, Arabic, Hebrew, Russian, Greek, Hindi, Thai
	"请问这个商品什么时候有货?我想买两件,发到上海市浦东新区。",
	"配送日時の変更をお願いします。14時〜16時でお願いできますか?",
	"배송이 언제 도착하나요? 빨리 받고 싶습니다.",
	"متى ستصل طلبيتي؟ أحتاجها قبل يوم الجمعة، شكراً جزيلاً.",
	"מתי תגיע ההזמנה שלי? תודה רבה!",
	"Здравствуйте! Подскажите, пожалуйста, когда придёт заказ № 1234? Спасибо.",
	"Πότε θα φτάσει η παραγγελία μου; Ευχαριστώ πολύ.",
	"मेरा ऑर्डर कब आएगा? कृपया जल्दी बताइए।",
	"สินค้าจะมาถึงเมื่อไหร่คะ ขอบคุณค่ะ",
	// emoji, Markdown, code
	"Love it 😍🔥👍🏽 will order again 🛒🎁 #happy @shop",
	"# Heading\n\n* one\n* two\n\n> quote\n\n[link](https://example.org/a?b=c&d=e) and `code`\n",
	"```go\nfunc main() {\n\tfmt.Println(\"hi\", a[i] != b)\n}\n```",
	"| id | name |\n|----|------|\n| 1  | Ann  |\n| 2  | Bob  |",
	"if (a < b && c > d) { return x ? y : z; } // done",
	"SELECT is a word people use; so are table, where, drop and exec.",
	"Check C:\\Users\\ann\\Documents or ~/notes.txt, then run make all.",
	"x = (a + b) * c / 100; y != 3; f(x) = x^2 - 2x + 1",
	"font-size: 12px; color: #ff00aa; background: url(/img/bg.png)",
}

var names = []string{
	"O'Neil", "Anne-Marie D'Angelo", "Müller-Lüdenscheidt", "José Ángel Núñez", "Łukasz Żak", "Nguyễn Văn An",
	"Smith & Sons Ltd.", "Dr. Martin L. King, Jr.", "van der Berg", "李小龙", "山田 太郎", "Æthelred", "Null", "True", "Order",
	"Select Union Bakery", "N'Golo", "Jean-Luc (Admin)", "Иван Петров", "محمد علي", "Zoë", "Drop Table Café", "root", "Test User #1",
}

var words = strings.Fields(`shoes boots red large cotton summer sale new bike laptop 4k usb-c kids men women size-42
	black+white t-shirt coffee tea gift card garden tools phone case 14inch wireless "noise cancelling" vintage
	sort name asc desc price rating page limit offset filter active pending shipped returned true false null none all
	en de fr en-US de_DE EUR USD 10 25 100 -1 0 3.14 1e3 50% a b id ref utm_source newsletter q search cat`)

var userAgents = []string{
	"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36 Edg/138.0.0.0",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
	"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
	"ShopApp/7.12.0 (Android 15; Pixel 9; build 71200)", "ShopApp/7.12 CFNetwork/1568.200.51 Darwin/24.1.0", "okhttp/4.12.0",
	"curl/8.9.1", "Go-http-client/2.0", "python-requests/2.32.3", "PostmanRuntime/7.44.0", "axios/1.7.9",
}

var paths = []string{
	"/", "/v1/items", "/v1/items/4711", "/v1/orders", "/api/v2/users/me", "/catalogue/shoes/running", "/search", "/healthz",
	"/v1/customers/8f14e45f-ceea-467f-a830-00a1b2c3d4e5/addresses", "/files/report-2026-03.pdf", "/v1/items/4711/reviews",
	"/graphql", "/oauth/token", "/static/app.3f2a1b.js", "/v1/carts/current/lines/2", "/fr/catalogue/%C3%A9t%C3%A9",
}

// corpus makes benign messages. The same seed makes the same messages.
type corpus struct{ rnd *rand.Rand }

func pick[T any](rnd *rand.Rand, list []T) T { return list[rnd.IntN(len(list))] }

func (c corpus) uuid() string {
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", c.rnd.Uint32(), c.rnd.Uint32()&0xffff, c.rnd.Uint32()&0xfff, c.rnd.Uint32()&0x3fff|0x8000, c.rnd.Uint64()&0xffffffffffff)
}

func (c corpus) token(alphabet string, n int) string {
	var b strings.Builder
	for range n {
		b.WriteByte(alphabet[c.rnd.IntN(len(alphabet))])
	}
	return b.String()
}

const base64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

func (c corpus) jwt() string {
	return "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJ" + c.token(base64URL, 60+c.rnd.IntN(200)) + "." + c.token(base64URL, 86)
}

// text is a value as a form or a field holds it.
func (c corpus) text() string {
	switch c.rnd.IntN(16) {
	case 0, 1, 2:
		return pick(c.rnd, words)
	case 3:
		return pick(c.rnd, names)
	case 4, 5:
		return pick(c.rnd, prose)
	case 6:
		return c.uuid()
	case 7:
		return fmt.Sprintf("%04d-%02d-%02d", 1950+c.rnd.IntN(90), 1+c.rnd.IntN(12), 1+c.rnd.IntN(28))
	case 8:
		return fmt.Sprintf("2026-%02d-%02dT%02d:%02d:%02d.%03d+02:00", 1+c.rnd.IntN(12), 1+c.rnd.IntN(28), c.rnd.IntN(24), c.rnd.IntN(60), c.rnd.IntN(60), c.rnd.IntN(1000))
	case 9:
		return fmt.Sprintf("+%d (%d) %d-%d", 1+c.rnd.IntN(99), 100+c.rnd.IntN(900), 100+c.rnd.IntN(900), 1000+c.rnd.IntN(9000))
	case 10:
		return strings.ToLower(pick(c.rnd, words)) + "." + c.token("abcdefghij", 5) + "@example." + pick(c.rnd, []string{"com", "org", "co.uk", "de"})
	case 11:
		return fmt.Sprintf("%d %s, %s %05d", 1+c.rnd.IntN(400), pick(c.rnd, []string{"Main St", "Rue de l'Église", "Bahnhofstraße", "Calle Mayor", "N. 5th Ave. #3"}), pick(c.rnd, []string{"Springfield", "Zürich", "São Paulo", "Köln"}), c.rnd.IntN(100000))
	case 12:
		return fmt.Sprint(c.rnd.Int64N(1 << 40))
	case 13:
		return fmt.Sprintf("%.2f", c.rnd.Float64()*1000)
	case 14:
		return "https://" + pick(c.rnd, []string{"shop.example", "cdn.example.net:8443", "example.org"}) + pick(c.rnd, paths)
	default:
		return c.token(base64URL, 8+c.rnd.IntN(40))
	}
}

func (c corpus) query(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(strings.Trim(pick(c.rnd, words), `"`)) + "=" + url.QueryEscape(c.text()))
	}
	return b.String()
}

// head is a request without a body.
func (c corpus) head(method, target string) *Message {
	m := &Message{
		Client: netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, 0, 113, byte(c.rnd.IntN(256))}), uint16(1024+c.rnd.IntN(60000))),
		Server: netip.MustParseAddrPort("192.0.2.2:443"),
		Method: method, Target: target, Proto: pick(c.rnd, []string{"HTTP/1.1", "HTTP/1.1", "HTTP/2.0"}),
	}
	add := func(name, value string) { m.Header.Add(name, value) }
	add("Host", pick(c.rnd, []string{"shop.example", "api.shop.example", "shop.example:8443"}))
	add("User-Agent", pick(c.rnd, userAgents))
	add("Accept", pick(c.rnd, []string{"*/*", "application/json", "application/json, text/plain, */*", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}))
	if c.rnd.IntN(4) > 0 {
		add("Accept-Language", pick(c.rnd, []string{"en-US,en;q=0.5", "de-DE,de;q=0.9,en;q=0.8", "fr", "zh-CN,zh;q=0.9"}))
		add("Accept-Encoding", pick(c.rnd, []string{"gzip, deflate, br", "gzip, deflate, br, zstd", "gzip"}))
		add("Sec-Fetch-Mode", pick(c.rnd, []string{"cors", "navigate", "no-cors"}))
		add("Sec-Fetch-Site", "same-origin")
		add("Referer", "https://shop.example"+pick(c.rnd, paths)+"?"+c.query(c.rnd.IntN(3)))
	}
	if c.rnd.IntN(3) == 0 {
		add("Authorization", "Bearer "+c.jwt())
	}
	if c.rnd.IntN(2) == 0 {
		cookie := "session=" + c.token(base64URL, 32)
		for range c.rnd.IntN(4) {
			cookie += "; " + strings.Trim(pick(c.rnd, words), `"+%`) + "=" + pick(c.rnd, []string{c.uuid(), c.jwt(), "1", c.token("0123456789abcdef", 40), "GA1.2.1234567890.1700000000", url.QueryEscape(c.text())})
		}
		add("Cookie", cookie)
	}
	if c.rnd.IntN(4) == 0 {
		add("X-Request-Id", c.uuid())
		add("Traceparent", "00-"+c.token("0123456789abcdef", 32)+"-"+c.token("0123456789abcdef", 16)+"-01")
	}
	if c.rnd.IntN(6) == 0 {
		add("If-None-Match", `W/"`+c.token("0123456789abcdef", 16)+`"`)
	}
	if c.rnd.IntN(6) == 0 {
		add("X-Forwarded-For", "198.51.100.7, 10.0.0.3")
	}
	return m
}

func setBody(m *Message, mediaType string, body []byte) *Message {
	m.Header.Set("Content-Type", mediaType)
	m.Header.Set("Content-Length", fmt.Sprint(len(body)))
	m.Body, m.HasBody = body, true
	return m
}

// message is one benign exchange.
func (c corpus) message() *Message {
	path := pick(c.rnd, paths)
	var m *Message
	switch c.rnd.IntN(10) {
	case 0, 1, 2, 3:
		target := path
		if n := c.rnd.IntN(6); n > 0 {
			target += "?" + c.query(n)
		}
		m = c.head(pick(c.rnd, []string{"GET", "GET", "GET", "HEAD", "OPTIONS"}), target)
	case 4, 5:
		m = setBody(c.head("POST", path), "application/x-www-form-urlencoded", []byte(c.query(1+c.rnd.IntN(8))))
	case 6:
		m = setBody(c.head("POST", path), "multipart/form-data; boundary=----"+multipartBoundary, c.multipart(1+c.rnd.IntN(4)))
	default:
		body, err := json.Marshal(c.value(0))
		if err != nil {
			panic(err)
		}
		m = setBody(c.head(pick(c.rnd, []string{"POST", "POST", "PUT", "PATCH"}), path), pick(c.rnd, []string{"application/json", "application/json; charset=utf-8", "application/merge-patch+json"}), body)
	}
	if c.rnd.IntN(8) == 0 {
		c.answer(m)
	}
	return m
}

// value is a JSON document.
func (c corpus) value(depth int) any {
	if depth > 3 || depth > 0 && c.rnd.IntN(2) == 0 {
		switch c.rnd.IntN(6) {
		case 0:
			return c.rnd.IntN(100000)
		case 1:
			return c.rnd.IntN(2) == 0
		case 2:
			return nil
		}
		return c.text()
	}
	if c.rnd.IntN(4) == 0 {
		var list []any
		for range c.rnd.IntN(5) {
			list = append(list, c.value(depth+1))
		}
		return list
	}
	object := map[string]any{}
	for range 1 + c.rnd.IntN(6) {
		object[strings.Trim(pick(c.rnd, words), `"`)] = c.value(depth + 1)
	}
	return object
}

const multipartBoundary = "WebKitFormBoundary7MA4YWxkTrZu0gW"

func (c corpus) multipart(n int) []byte {
	var parts []string
	for range n {
		name := strings.Trim(pick(c.rnd, words), `"`)
		if c.rnd.IntN(3) == 0 {
			parts = append(parts, part(name, pick(c.rnd, []string{"photo.jpg", "Rechnung März.pdf", "notes (2).txt", "data.csv"}), c.text()))
		} else {
			parts = append(parts, part(name, "", c.text()))
		}
	}
	return join(parts)
}

func part(name, file, content string) string {
	if file != "" {
		return fmt.Sprintf("Content-Disposition: form-data; name=%q; filename=%q\r\nContent-Type: application/octet-stream\r\n\r\n%s", name, file, content)
	}
	return fmt.Sprintf("Content-Disposition: form-data; name=%q\r\n\r\n%s", name, content)
}

func join(parts []string) []byte {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString("------" + multipartBoundary + "\r\n" + p + "\r\n")
	}
	b.WriteString("------" + multipartBoundary + "--\r\n")
	return []byte(b.String())
}

// answer adds what an upstream may say.
func (c corpus) answer(m *Message) {
	m.HasAnswer, m.Status, m.AnswerProto = true, pick(c.rnd, []int{200, 200, 201, 301, 404, 422, 500}), "HTTP/1.1"
	m.AnswerHeader = gatehouse.Header{{Name: "Server", Value: "nginx"}, {Name: "Date", Value: "Sun, 22 Nov 2026 00:00:00 GMT"}}
	switch c.rnd.IntN(3) {
	case 0:
		m.AnswerHeader.Add("Content-Type", "application/json")
		m.AnswerBody, _ = json.Marshal(c.value(0))
	case 1:
		m.AnswerHeader.Add("Content-Type", "text/html; charset=utf-8")
		m.AnswerBody = []byte("<!doctype html><html><head><title>" + c.text() + "</title></head><body><p>" + c.text() + "</p><a href=\"" + pick(c.rnd, paths) + "\">" + c.text() + "</a></body></html>")
	case 2:
		m.AnswerHeader.Add("Content-Type", "text/plain")
		m.AnswerBody = []byte(c.text() + "\n" + c.text())
	}
	m.HasAnswerBody = true
}

// smallOrder is an order of about 870 bytes with 45 leaves; largeOrder has 7.5 KB.
func smallOrder() []byte { return order(5, 4) }
func largeOrder() []byte { return order(72, 14) }

func order(lines, notes int) []byte {
	type line struct {
		SKU   string  `json:"sku"`
		Title string  `json:"title"`
		Count int     `json:"count"`
		Price float64 `json:"price"`
		Gift  bool    `json:"gift"`
		Tax   int     `json:"tax"`
	}
	o := struct {
		ID       string   `json:"id"`
		Created  string   `json:"created"`
		Currency string   `json:"currency"`
		Channel  string   `json:"channel"`
		Customer any      `json:"customer"`
		Address  any      `json:"address"`
		Lines    []line   `json:"lines"`
		Notes    []string `json:"notes"`
	}{
		ID: "8f14e45f-ceea-467f-a830-00a1b2c3d4e5", Created: "2026-03-01T09:30:00Z", Currency: "EUR", Channel: "web",
		Customer: map[string]any{"id": 48213, "name": "Marie Dupont", "mail": "marie.dupont@example.com"},
		Address:  map[string]any{"street": "Hauptstrasse 12", "zip": "10115", "city": "Berlin", "country": "DE"},
	}
	for i := range lines {
		o.Lines = append(o.Lines, line{fmt.Sprintf("SKU-%05d", 1000+7*i), "Running shoes " + words[i%12], 1 + i%3, 19.95 + float64(i), i%4 == 0, 19})
	}
	for i := range notes {
		o.Notes = append(o.Notes, "Ring twice at door "+fmt.Sprint(i+1))
	}
	out, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return out
}

func TestOrders(t *testing.T) {
	var leaves func(v any) int
	leaves = func(v any) int {
		n := 0
		switch v := v.(type) {
		case map[string]any:
			for _, sub := range v {
				n += leaves(sub)
			}
		case []any:
			for _, sub := range v {
				n += leaves(sub)
			}
		default:
			return 1
		}
		return n
	}
	for _, c := range []struct {
		body   []byte
		bytes  int
		leaves int
	}{{smallOrder(), 870, 45}, {largeOrder(), 7500, 0}} {
		var v any
		if err := json.Unmarshal(c.body, &v); err != nil {
			t.Fatal(err)
		}
		if n := len(c.body); n < c.bytes*97/100 || n > c.bytes*103/100 {
			t.Errorf("%d bytes, want %d", n, c.bytes)
		}
		if n := leaves(v); c.leaves > 0 && n != c.leaves {
			t.Errorf("%d leaves, want %d", n, c.leaves)
		}
	}
}
