package lab

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// errNotApplicable says that a target does not have what an attack aims at.
var errNotApplicable = errors.New("lab: the target has nothing of the kind")

// exposureAttacks are API8: what a careless setup shows and permits.
func exposureAttacks() []Attack {
	var list []Attack
	add := func(name, title, room, onlyGateway string, run func(a *attempt) (bool, error)) {
		list = append(list, Attack{Name: name, Title: title, Class: API8, Room: room, OnlyGateway: onlyGateway, run: run})
	}
	add("stack-trace", "provoke a panic and read the stack", "gateway", "", func(a *attempt) (bool, error) {
		a.ask("GET", "/catalogue/items", query("limit=-1"))
		return a.leaked("goroutine ") || a.leaked("runtime error"), nil
	})
	add("verbose-error", "provoke a database error and read it", "openapi", "", func(a *attempt) (bool, error) {
		a.ask("GET", "/catalogue/items", query("q=%27"))
		return a.leaked("SELECT * FROM"), nil
	})
	add("server-banner", "read what software runs behind", "gateway", "", func(a *attempt) (bool, error) {
		a.ask("GET", "/catalogue/items/tea")
		return a.leaked("shopd"), nil
	})
	add("trace", "TRACE, which shows a request's fields to a script", "gateway", "", func(a *attempt) (bool, error) {
		svc := a.shop.Service("catalogue")
		_, err := a.raw(svc, a.head(svc, "TRACE /catalogue/items HTTP/1.1", "Cookie: "+SessionCookie+"=x"), 1)
		return a.did("trace"), err
	})
	add("connect", "CONNECT to an address inside", "gateway", "services are no proxies", func(a *attempt) (bool, error) {
		svc := a.shop.Service("catalogue")
		replies, err := a.raw(svc, lines("CONNECT "+a.shop.Metadata.Addr+" HTTP/1.1", "Host: "+a.shop.Metadata.Addr, ""), 1)
		return len(replies) > 0 && replies[0].Status < 300, err
	})
	add("open-proxy", "an absolute target of an address inside", "gateway", "services are no proxies", func(a *attempt) (bool, error) {
		svc, inside := a.shop.Service("catalogue"), a.shop.Metadata.Addr
		_, err := a.raw(svc, lines("GET http://"+inside+"/latest/meta-data/"+a.run+" HTTP/1.1", "Host: "+inside, ""), 1)
		return a.did("metadata.read") || a.leaked("cloud-secret"), err
	})
	add("admin-paths", "the gateway's own health and metrics from outside", "gateway", "services have none", func(a *attempt) (bool, error) {
		for _, p := range []string{"/metrics", "/healthz", "/readyz", "/debug/pprof/", "/admin/reload"} {
			a.ask("GET", p, to(a.shop.Service("catalogue")))
		}
		return a.leaked("api_requests_total") || a.leaked("go_goroutines") || a.leaked("pprof"), nil
	})
	add("upgrade-h2c", "an upgrade to h2c that would tunnel past the gateway", "gateway", "net/http does not upgrade to h2c", func(a *attempt) (bool, error) {
		svc := a.shop.Service("stock")
		replies, err := a.raw(svc, a.head(svc, "GET /shop.Stock/Count HTTP/1.1", a.auth(), "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c",
			"HTTP2-Settings: AAMAAABkAAQAAP__"), 1)
		return len(replies) > 0 && replies[0].Status == http.StatusSwitchingProtocols, err
	})
	for _, v := range []struct {
		name    string
		version uint16
	}{{"1.0", tls.VersionTLS10}, {"1.1", tls.VersionTLS11}} {
		add("tls-"+v.name, "TLS "+v.name, "gateway", "services speak no TLS", func(a *attempt) (bool, error) {
			return a.handshake(func(c *tls.Config) { c.MinVersion, c.MaxVersion = v.version, v.version })
		})
	}
	add("tls-no-forward-secrecy", "a cipher suite without forward secrecy", "gateway", "services speak no TLS", func(a *attempt) (bool, error) {
		return a.handshake(func(c *tls.Config) {
			c.MaxVersion = tls.VersionTLS12
			c.CipherSuites = []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_RSA_WITH_AES_128_CBC_SHA}
		})
	})
	add("plain-http", "a token in the clear", "gateway", "services speak no TLS", func(a *attempt) (bool, error) {
		if a.target.HTTP == "" {
			return false, errNotApplicable
		}
		r, err := a.plain("/accounts/users/"+a.me.ID, PublicHost, a.auth())
		if err != nil {
			return false, err
		}
		return a.received() || r.Status < 300, nil
	})
	add("redirect-host", "a redirect to HTTPS that leads elsewhere", "gateway", "services do not redirect", func(a *attempt) (bool, error) {
		if a.target.HTTP == "" {
			return false, errNotApplicable
		}
		r, err := a.plain("/catalogue/items", "evil.example")
		if err != nil {
			return false, err
		}
		return strings.Contains(r.Header.Get("Location"), "evil.example"), nil
	})
	return list
}

// handshake reports whether the gateway agreed to a TLS connection it should not.
func (a *attempt) handshake(change func(*tls.Config)) (bool, error) {
	shake := func(c *tls.Config) error {
		conn, err := dialFrom(a.ctx, a.from, a.target.HTTPS)
		if err != nil {
			return err
		}
		defer conn.Close()
		a.sent.Add(1)
		a.answered.Add(1)
		_ = conn.SetDeadline(time.Now().Add(dialPatience))
		return tls.Client(conn, c).HandshakeContext(a.ctx)
	}
	if err := shake(a.target.tlsConfig(nil)); err != nil {
		return false, fmt.Errorf("%w: a lawful handshake: %w", errInconclusive, err)
	}
	c := a.target.tlsConfig(nil)
	change(c)
	return shake(c) == nil, nil
}

// plain sends a request to the plain listener.
func (a *attempt) plain(path, host string, fields ...string) (*reply, error) {
	conn, err := dialFrom(a.ctx, a.from, a.target.HTTP)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	all := append([]string{"GET " + path + " HTTP/1.1", "Host: " + host, RunHeader + ": " + a.run}, fields...)
	replies, err := a.rawOn(conn, lines(append(all, "")...), 1)
	if err != nil || len(replies) == 0 {
		return &reply{Status: http.StatusBadRequest, Header: http.Header{}}, err
	}
	return replies[0], nil
}

// inventoryAttacks are API9: versions and endpoints nobody remembers.
func inventoryAttacks() []Attack {
	var list []Attack
	for _, c := range []struct{ name, title, path string }{
		{"zombie-users", "all users, from version 0", "/v0/users"},
		{"zombie-user", "one user, from version 0", "/v0/users/alice"},
		{"zombie-orders", "all orders, from version 0", "/sales/v0/orders"},
		{"debug-vars", "a developer's debug endpoint", "/accounts/debug/vars"},
		{"debug-env", "the old version's debug endpoint", "/v0/debug/env"},
	} {
		list = append(list, Attack{Name: c.name, Title: c.title, Class: API9, Room: "gateway", run: func(a *attempt) (bool, error) {
			a.ask("GET", c.path)
			a.ask("GET", c.path, bearer(a.token))
			return a.did("zombie.version", "debug.endpoint") || a.leaked("hunter2"), nil
		}})
	}
	list = append(list,
		Attack{Name: "sunset-operation", Title: "an operation that should be gone, and that nobody took away", Class: API9, Room: "openapi", run: func(a *attempt) (bool, error) {
			a.ask("GET", "/v0/coupons")
			return a.did("sunset.operation"), nil
		}},
		Attack{Name: "undocumented-method", Title: "a method that the document does not have", Class: API9, Room: "openapi", run: func(a *attempt) (bool, error) {
			a.ask("DELETE", "/catalogue/items/tea", bearer(a.token))
			return a.did("undocumented.method"), nil
		}})
	return append(list, Attack{Name: "old-host", Title: "the old version under its old host name", Class: API9, Room: "gateway", run: func(a *attempt) (bool, error) {
		svc := a.shop.Service("legacy")
		for _, host := range []string{"api-v0.localhost", "legacy.internal", "127.0.0.1", "localhost"} {
			if _, err := a.raw(svc, lines("GET /v0/users HTTP/1.1", "Host: "+host, RunHeader+": "+a.run, ""), 1); err != nil {
				return false, err
			}
		}
		return a.did("zombie.version"), nil
	}})
}

// requestForgeryAttacks are API7: addresses inside, fetched by somebody inside.
func requestForgeryAttacks() []Attack {
	var list []Attack
	fetch := func(name, title, path, field string, target func(a *attempt) string) {
		list = append(list, Attack{Name: "ssrf-" + name, Title: title, Class: API7, Room: "waf", run: func(a *attempt) (bool, error) {
			a.ask("POST", path, bearer(a.token), jsonBody(map[string]string{field: target(a)}))
			return a.did("metadata.read"), nil
		}})
	}
	inside := func(a *attempt) string { return a.shop.Metadata.URL() + "/latest/meta-data/" + a.run }
	fetch("import", "import a file from the metadata address", "/media/imports", "url", inside)
	fetch("webhook", "a webhook to the metadata address", "/notifications/webhooks", "callback", inside)
	fetch("decimal", "the metadata address as one number", "/media/imports", "url", func(a *attempt) string {
		_, port, _ := strings.Cut(a.shop.Metadata.Addr, ":")
		return "http://[::ffff:127.0.0.1]:" + port + "/latest/meta-data/" + a.run
	})
	for _, header := range []string{"jku", "x5u"} {
		list = append(list, Attack{Name: "ssrf-" + header, Title: "a token whose " + header + " makes the gateway fetch the attacker's keys", Class: API7, Room: "authn",
			OnlyGateway: "services fetch no keys", run: func(a *attempt) (bool, error) {
				claims := a.shop.Issuer.claims(Claims{Subject: a.victim.ID, Roles: []string{"customer"}, Scope: userScope})
				token := a.shop.Issuer.attacker.jws(map[string]any{"typ": "at+jwt", header: a.shop.Collector.URL() + "/collect/" + a.run + ".json"}, claims)
				a.ask("GET", "/accounts/users/"+a.victim.ID, bearer(token))
				return a.soon(func() bool { return a.did("collector.called") || a.received() }), nil
			}})
	}
	list = append(list, Attack{Name: "ssrf-issuer", Title: "a token whose issuer is the attacker's", Class: API7, Room: "authn",
		OnlyGateway: "services fetch no keys", run: func(a *attempt) (bool, error) {
			claims := a.shop.Issuer.claims(Claims{Subject: a.victim.ID, Extra: map[string]any{"iss": a.shop.Collector.URL() + "/collect/" + a.run}})
			a.ask("GET", "/accounts/users/"+a.victim.ID, bearer(a.shop.Issuer.attacker.jws(map[string]any{"typ": "at+jwt"}, claims)))
			return a.soon(func() bool { return a.did("collector.called") || a.received() }), nil
		}})
	return list
}
