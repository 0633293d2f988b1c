package lab

import "net/http"

const evilOrigin = "https://evil.example"

// browserAttacks are API8: another site's page, in the victim's browser.
func browserAttacks() []Attack {
	var list []Attack
	add := func(name, title string, run func(a *attempt) (bool, error)) {
		list = append(list, Attack{Name: name, Title: title, Class: API8, Room: "gateway", run: run})
	}
	session := func(a *attempt) option { return with("Cookie", SessionCookie+"="+a.tokenFor(a.victim.ID)) }
	for _, o := range []struct{ name, title, origin string }{
		{"evil", "another origin reads an answer", evilOrigin},
		{"null", "the origin null reads an answer", "null"},
		{"suffix", "an origin that begins like ours reads an answer", AppOrigin + ".evil.example"},
		{"prefix", "an origin that ends like ours reads an answer", "https://evil-app.shop.example"},
		{"plain", "our origin without TLS reads an answer", "http://app.shop.example"},
	} {
		add("cors-"+o.name, o.title, func(a *attempt) (bool, error) {
			granted := func(r *reply) bool {
				allowed := r.Header.Get("Access-Control-Allow-Origin")
				return allowed == o.origin || allowed == "*"
			}
			if granted(a.ask("GET", "/accounts/users/"+a.victim.ID, session(a), with("Origin", o.origin), with("Sec-Fetch-Site", "cross-site"))) {
				return true, nil
			}
			preflight := a.ask("OPTIONS", "/accounts/users/"+a.victim.ID, with("Origin", o.origin), with("Access-Control-Request-Method", "PATCH"),
				with("Access-Control-Request-Headers", "authorization"))
			// A public answer, an error, and an API without pages of its own.
			return granted(preflight) || granted(a.ask("GET", "/catalogue/items", with("Origin", o.origin))) ||
				granted(a.ask("GET", "/accounts/nothing", with("Origin", o.origin))) ||
				granted(a.ask("GET", "/v0/status", with("Origin", o.origin))), nil
		})
	}
	forge := func(name, title string, opts ...option) {
		add("csrf-"+name, title, func(a *attempt) (bool, error) {
			a.ask("POST", "/sales/orders", append(opts, session(a), jsonBody(map[string]any{"sku": "ice", "quantity": 1}))...)
			return a.did("order.created"), nil
		})
	}
	forge("origin", "another origin's page orders with the victim's cookie", with("Origin", evilOrigin), with("Sec-Fetch-Site", "cross-site"))
	forge("null", "a sandboxed page does", with("Origin", "null"), with("Sec-Fetch-Site", "cross-site"))
	forge("no-origin", "a request does that shows no origin")
	forge("sibling", "a page of a sibling site does", with("Sec-Fetch-Site", "same-site"))
	forge("referer", "a request does that shows a Referer only", with("Referer", AppOrigin+"/cart"))
	forge("text", "a form does, with a body that is no JSON by its type", with("Origin", evilOrigin), func(r *http.Request) {
		r.Header.Set("Content-Type", "text/plain")
	})
	add("websocket-hijack", "another origin's page opens the victim's chat", func(a *attempt) (bool, error) {
		svc := a.shop.Service("notifications")
		_, err := a.raw(svc, a.head(svc, "GET /notifications/chat HTTP/1.1", "Cookie: "+SessionCookie+"="+a.tokenFor(a.victim.ID),
			"Origin: "+evilOrigin, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="), 1)
		return a.soon(func() bool { return a.did("chat.opened") }), err
	})
	return list
}
