package lab

import "strings"

// functionAttacks are API5: functions that are not for customers.
func functionAttacks() []Attack {
	var list []Attack
	call := func(name, title, method, path string, opts ...option) {
		list = append(list, Attack{Name: "bfla-" + name, Title: title, Class: API5, Room: "policy", run: func(a *attempt) (bool, error) {
			p := strings.NewReplacer("{victim}", a.victim.ID, "{order}", a.victim.OrderID, "{payment}", a.victim.PaymentID, "{me}", a.me.ID).Replace(path)
			a.ask(method, p, append(opts, bearer(a.token))...)
			return a.did("admin.function", "payment.settled", "feed.read"), nil
		}})
	}
	call("list-users", "a customer lists all users", "GET", "/accounts/users")
	call("head-users", "a customer asks for the head of that list", "HEAD", "/accounts/users")
	call("delete-user", "a customer deletes a user", "DELETE", "/accounts/users/{victim}")
	call("delete-self", "a customer deletes herself, which only administrators may", "DELETE", "/accounts/users/{me}")
	call("create-item", "a customer sets a price", "POST", "/catalogue/items", jsonBody(map[string]any{"sku": "evil", "name": "x", "price_cents": 1}))
	call("refund", "a customer refunds an order", "POST", "/sales/orders/{order}/refund")
	call("export-orders", "a customer exports all orders", "GET", "/export/orders")
	call("export-users", "a customer exports all users", "GET", "/export/users")
	call("settle", "a customer settles a payment", "POST", "/billing/payments/{payment}/settle")
	call("feed", "a customer reads the partners' feed", "GET", "/partner/feed")
	return append(list,
		Attack{Name: "bfla-partner", Title: "a partner's API key lists all users", Class: API5, Room: "policy", run: func(a *attempt) (bool, error) {
			a.ask("GET", "/accounts/users", with("X-API-Key", a.shop.PartnerKey()))
			a.ask("GET", "/export/orders", with("X-API-Key", a.shop.PartnerKey()))
			return a.did("admin.function"), nil
		}},
		Attack{Name: "bfla-workload", Title: "the settlement workload lists all users", Class: API5, Room: "policy",
			OnlyGateway: "services take no certificates", run: func(a *attempt) (bool, error) {
				a.askAs(a.another(&a.shop.PKI.Settlement, 0), "GET", "/accounts/users")
				return a.received(), nil
			}},
		Attack{Name: "bfla-scope", Title: "a token without the scope the operation needs", Class: API5, Room: "authn", run: func(a *attempt) (bool, error) {
			token := a.shop.Issuer.Token(Claims{Subject: a.me.ID, Roles: []string{"customer"}, Scope: "newsletter"})
			a.ask("POST", "/sales/orders", bearer(token), jsonBody(map[string]any{"sku": "ice", "quantity": 1}))
			return a.did("order.created"), nil
		}},
		Attack{Name: "bfla-anonymous", Title: "a stranger lists all users", Class: API5, Room: "authn", run: func(a *attempt) (bool, error) {
			a.ask("GET", "/accounts/users")
			return a.did("admin.function"), nil
		}},
		methodAttack("override-header", "X-HTTP-Method-Override turns a PATCH into a DELETE", "gateway", "PATCH", "X-HTTP-Method-Override: DELETE"),
		methodAttack("override-method", "X-HTTP-Method does", "gateway", "PATCH", "X-HTTP-Method: DELETE"),
		methodAttack("override-short", "X-Method-Override does", "gateway", "PATCH", "X-Method-Override: DELETE"),
		methodAttack("lower-case-method", "a method in lower case", "gateway", "delete"),
		Attack{Name: "bfla-override-query", Title: "_method in the query does", Class: API5, Room: "openapi", run: func(a *attempt) (bool, error) {
			a.ask("PATCH", "/accounts/users/"+a.me.ID, bearer(a.token), query("_method=DELETE"), jsonBody(map[string]string{"name": "x"}))
			return a.did("user.deleted"), nil
		}})
}

// methodAttack makes an operation of another out of one's own.
func methodAttack(name, title, room, method string, fields ...string) Attack {
	return Attack{Name: "bfla-" + name, Title: title, Class: API5, Room: room, run: func(a *attempt) (bool, error) {
		svc := a.shop.Service("users")
		message := a.head(svc, method+" /accounts/users/"+a.me.ID+" HTTP/1.1",
			append(fields, a.auth(), "Content-Type: application/json", "Content-Length: 2")...) + "{}"
		_, err := a.raw(svc, message, 1)
		return a.did("user.deleted"), err
	}}
}

// pathAttacks are API5: other spellings of an administrator's path, which two
// readers could take for two things.
func pathAttacks() []Attack {
	var list []Attack
	spell := func(name, title, service, target string, fields ...string) {
		list = append(list, Attack{Name: "path-" + name, Title: title, Class: API5, Room: "gateway", run: func(a *attempt) (bool, error) {
			svc := a.shop.Service(service)
			t := strings.NewReplacer("{me}", a.me.ID, "{host}", a.host(svc)).Replace(target)
			_, err := a.raw(svc, a.head(svc, "GET "+t+" HTTP/1.1", append(fields, a.auth())...), 1)
			return a.did("admin.function", "zombie.version"), err
		}})
	}
	spell("double-slash", "//", "users", "//accounts/users")
	spell("inner-double-slash", "an empty segment", "users", "/accounts//users")
	spell("dot", "a dot segment", "users", "/accounts/./users")
	spell("dot-dot", "dot segments below one's own", "export", "/export/users/{me}/data/../../../orders")
	spell("encoded-dot-dot", "encoded dot segments", "export", "/export/users/{me}/%2e%2e/%2e%2e/orders")
	spell("encoded-slash", "encoded slashes", "export", "/export/users/{me}%2f..%2f..%2forders")
	spell("backslash", "a backslash", "export", `/export\orders`)
	spell("encoded-backslash", "an encoded backslash", "export", "/export/users/{me}%5c..%5c..%5corders")
	spell("double-encoded", "encoded twice", "export", "/export/%256frders")
	spell("double-encoded-dots", "dot segments encoded twice", "export", "/export/users/{me}/%252e%252e/%252e%252e/orders")
	spell("triple-encoded", "encoded three times", "export", "/export/users/{me}/%25252e%25252e/%25252e%25252e/orders")
	spell("percent-letter", "a letter percent-encoded", "export", "/export/%6frders")
	spell("case", "in capitals", "export", "/EXPORT/ORDERS")
	spell("case-segment", "one segment in capitals", "export", "/export/Orders")
	spell("semicolon", "a path parameter", "export", "/export/orders;jsessionid=1")
	spell("semicolon-dots", "dots behind a path parameter", "export", "/export/users/{me}/..;/..;/orders")
	spell("trailing-slash", "a slash at the end", "export", "/export/orders/")
	spell("trailing-dot", "a dot at the end", "export", "/export/orders/.")
	spell("overlong", "an overlong UTF-8 dot segment", "export", "/export/users/{me}/%c0%ae%c0%ae/%c0%ae%c0%ae/orders")
	spell("nul", "a NUL behind the path", "export", "/export/orders%00.png")
	spell("absolute-form", "an absolute target of another host", "export", "http://internal.localhost/export/orders")
	spell("absolute-form-own", "an absolute target of the own host", "export", "https://{host}/export/orders")
	spell("fragment", "a fragment in the target", "export", "/export/orders#/users/{me}/data")
	spell("original-url", "X-Original-URL", "export", "/export/users/{me}/data", "X-Original-URL: /export/orders")
	spell("rewrite-url", "X-Rewrite-URL", "export", "/export/users/{me}/data", "X-Rewrite-URL: /export/orders")
	spell("bad-percent", "a bad percent-encoding and dots", "legacy", "/v0/%zz/../users")
	return list
}
