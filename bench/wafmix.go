package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/waf"
)

// The mix is what a shop's API sees on a day without attacks. It was written before
// anybody knew what the rules make of it. Since then one thing was taken out: calls by
// DELETE, which the Core Rule Set refuses as it is delivered, whatever is in them.

var mixTexts = []string{
	"Please leave the parcel with the neighbour at number 12, the bell doesn't work.",
	"The jacket is lovely but one size too small. Can I exchange it for a medium?",
	"I ordered two pairs and only one arrived. Order 4711-22, placed on 1 March.",
	"Great quality, fast delivery, would buy again! 5/5",
	"Is this available in blue & green? My daughter's birthday is on Friday.",
	"The zip broke after a week :( I'd like my money back.",
	"Hi there, could you update my phone number to +44 20 7946 0958? Thanks, Jane",
	"Not as pictured - the colour is darker, more like \"navy\" than \"royal blue\".",
	"We've moved. New address: Flat 3, 27 Mill Lane, Leeds LS1 4AP.",
	"Do you ship to Ireland? What's the cost for 3 kg?",
	"I was charged twice (2 x £49.99) on my card ending 4242.",
	"Soft, warm and washable at 30°C. My dog has stolen it already.",
	"Können Sie mir bitte die Rechnung für Bestellung Nr. 4711 schicken? Vielen Dank & schöne Grüße aus München!",
	"Die Schuhe fallen etwas größer aus, ich würde eine halbe Nummer kleiner nehmen.",
	"Straße des 17. Juni 135, Haus B, 10623 Berlin – bitte bei Müller klingeln.",
	"Leider ist das Paket beschädigt angekommen. Fotos habe ich angehängt.",
	"L'été dernier j'ai commandé une table ; elle n'est jamais arrivée. Où en est-on, s'il vous plaît ?",
	"Très beau produit, conforme à la description. Livraison rapide, merci !",
	"Je souhaite modifier l'adresse de livraison : 12, rue de l'Église, 69003 Lyon.",
	"¿Cuándo llegará mi pedido? ¡Lo necesito para el cumpleaños de mi niño el día 5!",
	"Muy cómodos y bonitos. Los recomiendo al 100 %.",
	"Não consigo iniciar sessão, aparece \"erro inesperado\".",
	"Gostei muito da camisola, mas a cor não é igual à da fotografia.",
	"Ordine arrivato in ritardo, ma il servizio clienti è stato gentilissimo. È possibile avere la fattura?",
	"De maat valt klein uit; ik heb 'm geruild voor een L. Prima service!",
	"Zażółć gęślą jaźń. Proszę o fakturę na firmę, NIP 525-000-12-34.",
	"Kde je moje zásilka? Číslo objednávky je 20260301.",
	"Mycket nöjd, men kartongen var öppnad när den kom.",
	"Siparişim ne zaman gelecek? İstanbul'da teslimat mümkün mü?",
	"请问这个商品什么时候有货?我想买两件,发到上海市浦东新区。",
	"质量很好,物流也快,下次还会再来。",
	"配送日時の変更をお願いします。14時〜16時でお願いできますか?",
	"배송이 언제 도착하나요? 빨리 받고 싶습니다.",
	"متى ستصل طلبيتي؟ أحتاجها قبل يوم الجمعة، شكراً جزيلاً.",
	"מתי תגיע ההזמנה שלי? תודה רבה!",
	"Здравствуйте! Подскажите, пожалуйста, когда придёт заказ № 1234? Спасибо.",
	"Πότε θα φτάσει η παραγγελία μου; Ευχαριστώ πολύ.",
	"मेरा ऑर्डर कब आएगा? कृपया जल्दी बताइए।",
	"สินค้าจะมาถึงเมื่อไหร่คะ ขอบคุณค่ะ",
	"Bao giờ đơn hàng của tôi đến nơi? Cảm ơn.",
	"Love it 😍🔥 will order again 🛒 #happy @shop",
	"See the photos at https://photos.example.org/album/8812?page=2 please.",
	"First line\nSecond line\n\nBest regards,\nTom",
	"Steps: 1. open the app 2. sign in 3. choose \"My orders\" -> nothing happens",
	"If the size is >42 then I take the left one, else the right one :-)",
	"Battery: 3.7 V / 2,600 mAh; charger 5 V, 2 A; weight ~180 g (0.4 lb)",
}

var (
	mixNames = []string{"Marie Dupont", "Jane O'Neil", "Jürgen Müller-Lüdenscheidt", "José Núñez", "Łukasz Żak", "Nguyễn Văn An",
		"Anne-Marie D'Angelo", "李小龙", "山田 太郎", "Иван Петров", "محمد علي", "Smith & Sons Ltd.", "Dr. Martin King, Jr.", "Zoë van der Berg",
		"Ayşe Yılmaz", "Tom Baker", "Priya Raghunathan", "Kofi Mensah"}
	mixStreets = []string{"12 Mill Lane", "Hauptstraße 4a", "Rue de l'Église 27", "Calle Mayor, 3-2º B", "221B Baker Street", "Via Roma 10/bis",
		"N. 5th Ave. #300", "Kungsgatan 8", "ul. Długa 15 m. 4", "Keizersgracht 101-III"}
	mixCities = []string{"Leeds", "Zürich", "São Paulo", "Köln", "Paris", "Kraków", "東京", "Москва", "St. John's", "'s-Hertogenbosch"}
	mixWords  = []string{"shoes", "running shoes", "red boots", "t-shirt", "usb-c cable 2m", "café", "kids' bike", "4k monitor", "sofa bed", "wool & silk",
		"écharpe", "Wanderschuhe", "zapatos", "コーヒー", "кофе", "gift card", "\"noise cancelling\"", "size 42", "garden table", "phone case 14 pro",
		"black+white", "50% off", "drop earrings", "union jack mug", "table from oak", "script font stamp"}
	mixKeys   = []string{"q", "page", "limit", "offset", "sort", "order", "filter", "brand", "size", "colour", "min_price", "max_price", "lang", "currency", "category", "in_stock", "from", "to"}
	mixValues = []string{"1", "2", "25", "100", "name", "-price", "asc", "desc", "rating", "true", "false", "nike,adidas", "42", "navy blue", "9.99", "250", "en", "de-DE", "EUR", "2026-03-01", "2026-12-31T23:59:59Z", "shoes/running", "all", ""}
	mixPaths  = []string{"/v1/items", "/v1/items/4711", "/v1/items/4711/reviews", "/v1/search", "/v1/catalogue/shoes/running", "/v1/users/me", "/v1/orders",
		"/v1/customers/8f14e45f-ceea-467f-a830-00a1b2c3d4e5/addresses", "/v1/carts/current/lines/2", "/fr/catalogue/%C3%A9t%C3%A9", "/v1/stores"}
	mixAgents = []string{"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
		"ShopApp/7.12.0 (Android 15; Pixel 9; build 71200)", "ShopApp/7.12 CFNetwork/1568.200.51 Darwin/24.1.0"}
	mixAccepts = []string{"application/json", "application/json, text/plain, */*", "*/*", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
	mixSpeaks  = []string{"en-US,en;q=0.5", "de-DE,de;q=0.9,en;q=0.8", "fr-FR,fr;q=0.9", "zh-CN,zh;q=0.9", "ja"}
)

// wafMix makes n messages, always the same.
func wafMix(n int) []*waf.Message {
	x := mixer{rand.New(rand.NewPCG(17, 42))}
	list := make([]*waf.Message, n)
	for i := range list {
		list[i] = x.message(i)
	}
	return list
}

type mixer struct{ *rand.Rand }

func (x mixer) of(list []string) string { return list[x.IntN(len(list))] }

func (x mixer) letters(alphabet string, n int) string {
	var b strings.Builder
	for range n {
		b.WriteByte(alphabet[x.IntN(len(alphabet))])
	}
	return b.String()
}

const (
	hexDigits = "0123456789abcdef"
	base64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
)

func (x mixer) uuid() string {
	return fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", x.Uint32(), x.Uint32()&0xffff, x.Uint32()&0xfff, x.Uint32()&0xfff, x.Uint64()&0xffffffffffff)
}

// token looks like a signed one: RS256 or ES256, some claims.
func (x mixer) token() string {
	head := []string{"eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9", "eyJhbGciOiJSUzI1NiIsImtpZCI6IjIwMjYtMTEifQ"}[x.IntN(2)]
	return head + ".eyJ" + x.letters(base64URL, 80+x.IntN(250)) + "." + x.letters(base64URL, []int{86, 342}[x.IntN(2)])
}

func (x mixer) mail() string {
	return x.letters("abcdefghijklmnopqrstuvwxyz", 4+x.IntN(6)) + []string{".", "+news", "_", ""}[x.IntN(4)] + fmt.Sprint(x.IntN(100)) + "@example." + x.of([]string{"com", "org", "co.uk", "de"})
}

func (x mixer) head(method, target string) *waf.Message {
	m := &waf.Message{Client: wafClient, Server: wafServer, Method: method, Target: target, Proto: x.of([]string{"HTTP/1.1", "HTTP/2.0"})}
	add := func(name, value string) { m.Header = append(m.Header, gatehouse.Field{Name: name, Value: value}) }
	add("Host", "shop.example.com")
	add("User-Agent", x.of(mixAgents))
	add("Accept", x.of(mixAccepts))
	add("Accept-Encoding", "gzip, deflate, br")
	add("Accept-Language", x.of(mixSpeaks))
	if x.IntN(2) == 0 {
		add("Referer", "https://shop.example.com/search?q="+url.QueryEscape(x.of(mixWords)))
		add("Sec-Fetch-Mode", "cors")
		add("Sec-Fetch-Site", "same-origin")
	}
	if x.IntN(3) == 0 {
		add("Authorization", "Bearer "+x.token())
	}
	if x.IntN(2) == 0 {
		cookie := "sid=" + x.letters(base64URL, 32)
		for _, c := range []string{"; _ga=GA1.2." + fmt.Sprint(x.Uint32()) + ".1700000000", "; access=" + x.token(), "; csrf=" + x.letters(hexDigits, 40),
			"; cart=" + x.uuid(), "; consent=" + url.QueryEscape(`{"stats":true,"ads":false}`), "; lang=en"} {
			if x.IntN(3) == 0 {
				cookie += c
			}
		}
		add("Cookie", cookie)
	}
	return m
}

// query has a search and some settings.
func (x mixer) query() string {
	v := url.Values{"q": {x.of(mixWords)}}
	for range x.IntN(5) {
		v.Set(x.of(mixKeys[1:]), x.of(mixValues))
	}
	return v.Encode()
}

// message is one of five kinds in turns.
func (x mixer) message(i int) *waf.Message {
	switch i % 5 {
	case 0: // catalogue
		return x.head("GET", x.of(mixPaths)+"?"+x.query())
	case 1: // a form
		v := url.Values{"name": {x.of(mixNames)}, "email": {x.mail()}, "street": {x.of(mixStreets)}, "city": {x.of(mixCities)},
			"zip": {fmt.Sprintf("%05d", x.IntN(100000))}, "phone": {fmt.Sprintf("+%d (0)%d %d-%d", 30+x.IntN(60), 20+x.IntN(80), x.IntN(900)+100, x.IntN(9000)+1000)}}
		if x.IntN(2) == 0 {
			v.Set("message", x.of(mixTexts))
		}
		return withBody(x.head("POST", "/v1/contact"), "application/x-www-form-urlencoded", []byte(v.Encode()))
	case 2: // free text
		return x.json("/v1/items/4711/reviews", map[string]any{"rating": 1 + x.IntN(5), "title": x.of(mixWords), "text": x.of(mixTexts) + " " + x.of(mixTexts),
			"author": map[string]any{"name": x.of(mixNames), "city": x.of(mixCities)}, "created": "2026-03-01T09:30:00Z", "language": x.of([]string{"en", "de", "fr", "zh"})})
	case 3: // an order
		var lines []any
		for range 1 + x.IntN(8) {
			lines = append(lines, map[string]any{"sku": fmt.Sprintf("SKU-%05d", x.IntN(100000)), "title": x.of(mixWords), "count": 1 + x.IntN(3), "price": float64(x.IntN(20000)) / 100, "gift": x.IntN(2) == 0})
		}
		return x.json("/v1/orders", map[string]any{"id": x.uuid(), "currency": "EUR", "lines": lines, "note": x.of(mixTexts), "coupon": nil,
			"customer": map[string]any{"name": x.of(mixNames), "mail": x.mail()}, "address": map[string]any{"street": x.of(mixStreets), "city": x.of(mixCities), "zip": fmt.Sprint(x.IntN(100000))}})
	}
	// A call with a token in a cookie.
	m := x.head("GET", "/v1/customers/"+x.uuid()+"/orders?limit=25&after="+x.letters(base64URL, 24))
	m.Header.Set("Cookie", "__Host-session="+x.token()+"; refresh="+x.letters(base64URL, 64))
	m.Header.Add("X-Request-Id", x.uuid())
	m.Header.Add("Traceparent", "00-"+x.letters(hexDigits, 32)+"-"+x.letters(hexDigits, 16)+"-01")
	return m
}

func (x mixer) json(path string, v any) *waf.Message {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // as browsers write it
	if err := e.Encode(v); err != nil {
		panic(err) // it holds nothing that has no JSON
	}
	return withBody(x.head("POST", path), "application/json", []byte(strings.TrimSpace(b.String())))
}
