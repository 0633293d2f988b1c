package expression

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// ordinary is what APIs are sent: a value a line.
const ordinary = `42
0
1
-17
3.14159
true
false
null
19.99
2147483647
1099511627776
EUR
USD
en-GB
de-DE,de;q=0.9,en;q=0.8
gzip, deflate, br, zstd
keep-alive
application/json
application/json; charset=utf-8
text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8
Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36
Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0
Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1
"Chromium";v="126", "Google Chrome";v="126", "Not.A/Brand";v="8"
?0
same-origin
no-cache
shop.example.com
api.example.com:8443
https://shop.example.com/checkout?step=2
https://www.example.org/articles/2026/11/the-quiet-garden.html
http://localhost:3000/callback
/api/v1/orders/8842/items
/static/js/app.3f9c2b.js
img/products/4711-front.jpg
2026-11-22
2026-11-22T00:05:58Z
2026-11-22T00:05:58.123456+01:00
Sun, 22 Nov 2026 00:05:58 GMT
00:05
550e8400-e29b-41d4-a716-446655440000
0b6f0d2e-7c1b-4b0f-9d57-1c5f2a9f8e33
f47ac10b58cc4372a5670e02b2c3d479
01J9ZQ6Y5C4T8W2K7R3M1N0PXV
d41d8cd98f00b204e9800998ecf8427e
9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
W/"33a64df551425fcc55e4d42a148795d9f25f89d4"
eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIn0.dGhpcyBpcyBub3QgYSBzaWduYXR1cmU
QmFzZTY0IGVuY29kZWQgdGV4dCBmb3IgYSB0ZXN0==
iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ
c2Vzc2lvbi10b2tlbi12YWx1ZQ
Anna
Müller
Jürgen Groß
Łukasz Żółć
José María García
François Lefèvre
O'Brien
D'Angelo
Søren Kierkegård
Дмитрий Иванов
Αλέξανδρος
田中太郎
김민수
محمد
שלום
नमस्ते
Nguyễn Văn An
anna.mueller@example.com
first.last+tag@mail.example.co.uk
+49 30 901820
(555) 123-4567
555-0199
10115 Berlin
Unter den Linden 77
221B Baker Street, London NW1 6XE
DE89370400440532013000
4111 1111 1111 1111
52.520008,13.404954
192.0.2.17
2001:db8::1
#ff8800
blue
pending
order_created
customer.email
snake_case_name
camelCaseName
kebab-case-name
SKU-4711-XL
A-100/B
v1.2.3
size=large
name
createdAt
sort
-price,name
limit
page[size]
filter[status]
q
red running shoes size 42
best pizza in town
How do I reset my password?
The garden is quiet, and the gate is open.
Please leave the parcel with the neighbour; the bell doesn't work.
I'd like to return this item: it's too small. Thanks!
We need 3 more chairs & 2 tables (oak), delivered by Friday.
Great product!!! 10/10 would buy again :-)
Bitte liefern Sie die Ware bis Freitag, den 24. November.
Der Preis beträgt 19,99 € inkl. MwSt.
¿Dónde está la biblioteca? No lo sé.
C'est l'été à Paris – quel bonheur !
Wszystko w porządku, dziękuję.
Спасибо за быструю доставку!
商品がとても気に入りました。
배송이 빨라서 좋아요
Select the colour from the list and update your order.
Drop me a line when you are in town or call the office.
Meeting notes: budget, hiring plan, next steps - see the attached file.
It is 50% off, or 2 for 1; ask in the shop.
Tom & Jerry's "Big" Adventure (2nd edition)
C++ and C# developer, 5+ years
Rock 'n' Roll
AT&T
line one
a
x
N/A
-
*
[1,2,3]
{"a":1,"b":[true,null]}
theme=dark; lang=en; sid=8a7f3c
grant_type=client_credentials&scope=read
traceparent
00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
XMLHttpRequest
document
cors
max-age=0
attachment; filename="report-2026.pdf"
multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW
`

func ordinaryValues() (list []string) {
	for line := range strings.Lines(ordinary) {
		list = append(list, strings.TrimSuffix(line, "\n"))
	}
	return list
}

// TestSelectivity reports how many pairs of an expression and an ordinary value the gate
// and the proof leave to MatchString, and fails where they have become much worse.
func TestSelectivity(t *testing.T) {
	for _, c := range []struct {
		name    string
		of      func(r *rule) bool
		percent float64
	}{
		{"arguments, paranoia level 1", func(r *rule) bool { return r.argument && r.level == 1 }, 2.5},
		{"arguments, all levels", func(r *rule) bool { return r.argument }, 5},
		{"requests", func(r *rule) bool { return !strings.HasPrefix(r.file, "RESPONSE") }, 12},
		{"answers", func(r *rule) bool { return strings.HasPrefix(r.file, "RESPONSE") }, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			if left := selectivity(t, c.of); left > c.percent {
				t.Errorf("%.2f %% of the pairs are left, want at most %.2f", left, c.percent)
			}
		})
	}
}

// selectivity returns the percentage of pairs that are left for MatchString.
func selectivity(t *testing.T, of func(*rule) bool) float64 {
	var rules, pairs, admitted, left, matches int
	for _, r := range coreRules() {
		if !of(&r) {
			continue
		}
		rules++
		gate := r.Gate()
		for _, s := range ordinaryValues() {
			pairs++
			var present Bytes
			present.AddString(s)
			if !gate.Admits(s) {
				continue
			}
			admitted++
			if r.CanMatch(&present) {
				left++
			}
			if r.MatchString(s) {
				matches++
			}
		}
	}
	share := func(n int) float64 { return 100 * float64(n) / float64(pairs) }
	t.Logf("%d expressions, %d pairs: the gate leaves %.2f %%, the proof %.2f %%, %.2f %% match",
		rules, pairs, share(admitted), share(left), share(matches))
	return share(left)
}

func BenchmarkCanMatch(b *testing.B) {
	values := ordinaryValues()
	present := make([]Bytes, len(values))
	for i, s := range values {
		present[i].AddString(s)
	}
	rules := coreRules()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		rules[i%len(rules)].CanMatch(&present[i/len(rules)%len(present)])
	}
}

func BenchmarkCompileCoreRuleSet(b *testing.B) {
	rules := coreRules()
	for b.Loop() {
		for _, r := range rules {
			if _, err := Compile(r.String()); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkAnalyseCoreRuleSet(b *testing.B) {
	rules := coreRules()
	for b.Loop() {
		for _, r := range rules {
			analyse(r.tree())
		}
	}
}

func BenchmarkGenerate(b *testing.B) {
	rules, rnd := coreRules(), rand.New(rand.NewPCG(1, 2))
	for i := 0; b.Loop(); i++ {
		rules[i%len(rules)].Generate(rnd)
	}
}
