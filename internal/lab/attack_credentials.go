package lab

import (
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"time"
)

// credentialAttacks are API2: how credentials are shown, guessed and outlived.
func credentialAttacks() []Attack {
	return append(append(shownAttacks(), guessAttacks()...), revokedAttacks()...)
}

// shownAttacks show credentials where or as they must not be shown.
func shownAttacks() []Attack {
	var list []Attack
	add := func(name, title, room string, run func(a *attempt) (bool, error)) {
		list = append(list, Attack{Name: name, Title: title, Class: API2, Room: room, run: run})
	}
	// own shows the attacker's lawful token in an unlawful way.
	own := func(name, title string, opts func(a *attempt) []option) {
		add(name, title, "authn", func(a *attempt) (bool, error) {
			a.ask("GET", "/accounts/users/"+a.me.ID, opts(a)...)
			return a.received(), nil
		})
	}
	own("no-credential", "no credential at all", func(*attempt) []option { return nil })
	own("token-in-query", "a token in the query string", func(a *attempt) []option { return []option{query("access_token=" + a.token)} })
	own("two-authorizations", "two Authorization fields", func(a *attempt) []option {
		return []option{bearer(a.token), also("Authorization", "Bearer "+a.tokenFor(a.victim.ID))}
	})
	own("token-and-key", "a token and an API key together", func(a *attempt) []option {
		return []option{bearer(a.token), with("X-API-Key", a.shop.PartnerKey())}
	})
	own("token-and-cookie", "a token and a session cookie of somebody else's", func(a *attempt) []option {
		return []option{bearer(a.token), with("Cookie", SessionCookie+"="+a.tokenFor(a.victim.ID))}
	})
	own("two-cookies", "two session cookies", func(a *attempt) []option {
		return []option{with("Cookie", SessionCookie+"="+a.token+"; "+SessionCookie+"="+a.tokenFor(a.victim.ID))}
	})
	own("cookie-tampered", "a session cookie changed by hand", func(a *attempt) []option {
		return []option{with("Cookie", SessionCookie+"="+withSignature(a.token, "AAAA"))}
	})
	own("basic", "user name and password with every call", func(a *attempt) []option {
		return []option{with("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(a.me.ID+":"+a.me.Password)))}
	})
	own("bearer-comma", "two tokens in one field", func(a *attempt) []option {
		return []option{bearer(a.token + ", Bearer " + a.token)}
	})
	add("mtls-rogue-ca", "a workload's name on a certificate of one's own authority", "gateway", func(a *attempt) (bool, error) {
		c := a.another(&a.shop.PKI.Rogue, 0)
		a.askAs(c, "POST", "/billing/payments/"+a.victim.PaymentID+"/settle")
		a.answered.Add(1) // a refused handshake is an answer
		return a.did("payment.settled"), nil
	})
	add("mtls-header", "a workload's name in a header field", "gateway", func(a *attempt) (bool, error) {
		a.ask("POST", "/billing/payments/"+a.victim.PaymentID+"/settle", with("X-Client-Cert-Subject", SettlementID),
			with("X-Forwarded-Client-Cert", "URI="+SettlementID))
		return a.did("payment.settled"), nil
	})
	return list
}

// guessAttacks try many.
func guessAttacks() []Attack {
	return []Attack{
		{Name: "login-brute-force", Title: "guess a password from a list", Class: API2, Room: "ratelimit", run: func(a *attempt) (bool, error) {
			for _, p := range passwords {
				a.ask("POST", "/auth/login", jsonBody(map[string]string{"username": a.victim.ID, "password": p}))
			}
			return a.did("login.succeeded"), nil
		}},
		{Name: "login-spoofed-address", Title: "guess a password, with another X-Forwarded-For each time", Class: API2, Room: "ratelimit", run: func(a *attempt) (bool, error) {
			for i, p := range passwords {
				from := fmt.Sprintf("203.0.113.%d", i)
				a.ask("POST", "/auth/login", jsonBody(map[string]string{"username": a.victim.ID, "password": p}),
					with("X-Forwarded-For", from), with("X-Real-IP", from), with("Forwarded", "for="+from))
			}
			return a.did("login.succeeded"), nil
		}},
		{Name: "login-distributed", Title: "guess a password from many addresses", Class: API2, Room: "behavior", run: func(a *attempt) (bool, error) {
			for i, p := range passwords {
				a.askAs(a.another(nil, i), "POST", "/auth/login", jsonBody(map[string]string{"username": a.victim.ID, "password": p}))
			}
			return a.did("login.succeeded"), nil
		}},
		{Name: "api-key-guess", Title: "guess the secret half of an API key", Class: API2, Room: "authn", run: func(a *attempt) (bool, error) {
			key := a.shop.PartnerKey()
			for range 20 {
				guess := key[:len(key)-8] + strings.Repeat("a", 7) + string("bcdefghijklmnopq"[a.rng.IntN(16)])
				if guess != key {
					a.ask("GET", "/partner/feed", with("X-API-Key", guess))
				}
			}
			a.ask("GET", "/partner/feed", with("X-API-Key", key[:16]))
			return a.did("feed.read"), nil
		}},
		{Name: "api-key-as-bearer", Title: "an API key as bearer token", Class: API2, Room: "authn", run: func(a *attempt) (bool, error) {
			a.ask("GET", "/partner/feed", bearer(a.shop.PartnerKey()))
			return a.received(), nil
		}},
		{Name: "introspection-flood", Title: "make the gateway ask the issuer about guessed tokens", Class: API2, Room: "ratelimit",
			OnlyGateway: "services do not introspect", run: func(a *attempt) (bool, error) {
				for i := range 60 {
					a.ask("GET", "/accounts/users/"+a.me.ID, bearer(fmt.Sprintf("%s%s.%d", guessMark, a.run, i)))
				}
				return a.received() || a.shop.Effect(a.run, "introspected") > 20, nil
			}},
		{Name: "bad-token-flood", Title: "make the gateway verify forged tokens without end", Class: API2, Room: "ratelimit",
			OnlyGateway: "services do not verify", run: func(a *attempt) (bool, error) {
				judged := 0
				for range 60 {
					if a.ask("GET", "/accounts/users/"+a.me.ID, bearer(withSignature(a.token, strings.Repeat("A", 86)))).Status == 401 {
						judged++
					}
				}
				return a.received() || judged > 20, nil
			}},
	}
}

// revokedAttacks use credentials after their end.
func revokedAttacks() []Attack {
	var list []Attack
	for _, kind := range []string{"jti", "subject", "session"} {
		list = append(list, Attack{Name: "revoked-" + kind, Title: "a token whose " + kind + " was revoked", Class: API2, Room: "authn", run: func(a *attempt) (bool, error) {
			session := "s-" + a.run
			token, jti := a.shop.Issuer.TokenID(Claims{Subject: a.me.ID, Roles: []string{"customer"}, Scope: userScope, SessionID: session})
			if err := must(a.ask("GET", "/accounts/users/"+a.me.ID, bearer(token)), 200, "the call before"); err != nil {
				return false, err
			}
			if err := a.revoke(kind, map[string]string{"jti": jti, "subject": a.me.ID, "session": session}[kind]); err != nil {
				return false, err
			}
			before := a.shop.Received(a.run)
			a.ask("GET", "/accounts/users/"+a.me.ID, bearer(token))
			return a.shop.Received(a.run) > before, nil
		}})
	}
	return append(list,
		Attack{Name: "opaque-inactive", Title: "an opaque token that its issuer ended", Class: API2, Room: "authn", run: func(a *attempt) (bool, error) {
			token := a.shop.Issuer.Opaque(Claims{Subject: a.victim.ID, Roles: []string{"customer"}, Scope: userScope})
			a.shop.Issuer.Deactivate(token)
			a.ask("GET", "/accounts/users/"+a.victim.ID, bearer(token))
			return a.received() || a.leaked(a.victim.Secret), nil
		}},
		Attack{Name: "opaque-other-audience", Title: "an opaque token meant for another resource", Class: API2, Room: "authn", run: func(a *attempt) (bool, error) {
			token := a.shop.Issuer.Opaque(Claims{Subject: a.victim.ID, Roles: []string{"customer"}, Audience: []string{"https://other.example"}})
			a.ask("GET", "/accounts/users/"+a.victim.ID, bearer(token))
			return a.received() || a.leaked(a.victim.Secret), nil
		}},
		Attack{Name: "stream-outlives-token", Title: "events go on after the token was revoked", Class: API2, Room: "gateway", slow: true, run: func(a *attempt) (bool, error) {
			token, jti := a.shop.Issuer.TokenID(Claims{Subject: a.me.ID, Roles: []string{"customer"}, Scope: userScope})
			r, err := a.request(a.ctx, "GET", "/notifications/events", bearer(token), query("count=1000"))
			if err != nil {
				return false, err
			}
			a.sent.Add(1)
			resp, err := a.http.Do(r)
			if err != nil {
				return false, err
			}
			defer resp.Body.Close()
			a.answered.Add(1)
			first := make([]byte, 8)
			if _, err := io.ReadFull(resp.Body, first); err != nil || resp.StatusCode != 200 {
				return false, fmt.Errorf("%w: no event came: %d %v", errInconclusive, resp.StatusCode, err)
			}
			if err := a.revoke("jti", jti); err != nil {
				return false, err
			}
			ended := make(chan struct{})
			go func() {
				_, _ = io.Copy(io.Discard, resp.Body)
				close(ended)
			}()
			select {
			case <-ended:
				return false, nil
			case <-time.After(a.patience):
				return true, nil
			}
		}})
}

func (a *attempt) revoke(kind, value string) error {
	if a.target.Revoke == nil {
		if a.target.direct() {
			return nil // nobody listens
		}
		return errNotApplicable
	}
	return a.target.Revoke(a.ctx, kind, value)
}
