package lab

import (
	"io"
	"net/http"
	"strings"
)

// hugeAnswer is how much a third party sends that was taken over.
const hugeAnswer = 2 * megabyte

// consumptionAttacks are API10: a third party that was taken over.
func consumptionAttacks() []Attack {
	var list []Attack
	add := func(name, title, room string, answer func(a *attempt, w http.ResponseWriter), harm func(a *attempt) bool) {
		list = append(list, Attack{Name: name, Title: title, Class: API10, Room: room, run: func(a *attempt) (bool, error) {
			currency := a.currency()
			a.shop.TakeOver(currency, func(w http.ResponseWriter, _ *http.Request) { answer(a, w) })
			a.cleanup = append(a.cleanup, func() { a.shop.TakeOver(currency, nil) })
			a.ask("POST", "/sales/orders", bearer(a.token), jsonBody(map[string]any{"sku": "ice", "quantity": 3, "currency": currency}))
			return harm(a), nil
		}})
	}
	says := func(contentType, text string) func(*attempt, http.ResponseWriter) {
		return func(_ *attempt, w http.ResponseWriter) {
			w.Header().Set("Content-Type", contentType)
			_, _ = io.WriteString(w, text)
		}
	}
	did := func(effect string) func(*attempt) bool { return func(a *attempt) bool { return a.did(effect) } }
	add("negative-rate", "a rates provider says that money is worth less than nothing", "openapi", says("application/json", `{"rate":-1}`), did("order.negative"))
	add("undeclared-discount", "a rates provider grants itself a say in the price", "openapi", says("application/json", `{"rate":0.9,"discount_cents":1000000}`), did("order.discounted"))
	add("answer-mislabelled", "a rates provider answers with a page", "openapi", says("text/html", `{"rate":0.9}`), did("rates.believed"))
	add("answer-huge", "a rates provider's answer has no end", "openapi", func(_ *attempt, w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"rate":0.9`)
		for range hugeAnswer >> 16 {
			_, _ = io.WriteString(w, strings.Repeat(" ", 1<<16))
		}
		_, _ = io.WriteString(w, "}")
	}, func(a *attempt) bool { return a.shop.Effect(a.run, "rates.bytes") > megabyte })
	add("answer-redirect", "a rates provider sends the shop to the metadata address", "gateway", func(a *attempt, w http.ResponseWriter) {
		w.Header().Set("Location", a.shop.Metadata.URL()+"/latest/meta-data/"+a.run)
		w.WriteHeader(http.StatusFound)
	}, did("metadata.read"))
	return list
}

// currency is one that no other attempt uses at the time. It looks like all others.
func (a *attempt) currency() string {
	letter := func(i int) string { return string(rune('A' + i%26)) }
	return string("QVXYZ"[a.n/676%5]) + letter(a.n/26) + letter(a.n)
}
