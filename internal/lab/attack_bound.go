package lab

import (
	"encoding/base64"
	"strings"
	"time"
)

// boundTokenAttacks are API2: stolen tokens that are bound to a key or a
// certificate the thief does not have.
func boundTokenAttacks() []Attack {
	var list []Attack
	add := func(name, title string, run func(a *attempt) (bool, error)) {
		list = append(list, Attack{Name: name, Title: title, Class: API2, Room: "authn", run: run})
	}
	path := func(a *attempt) string { return "/accounts/users/" + a.victim.ID }
	// stolen gives the victim's token, bound to a key of hers.
	stolen := func(a *attempt) (*Prover, string, error) {
		p, err := NewProver()
		if err != nil {
			return nil, "", err
		}
		return p, a.shop.Issuer.Token(Claims{Subject: a.victim.ID, Roles: []string{"customer"}, Scope: userScope, JKT: p.Thumbprint()}), nil
	}
	proven := func(name, title string, show func(a *attempt, p *Prover, token string) []option) {
		add("dpop-"+name, title, func(a *attempt) (bool, error) {
			p, token, err := stolen(a)
			if err != nil {
				return false, err
			}
			a.ask("GET", path(a), show(a, p, token)...)
			return a.received() || a.leaked(a.victim.Secret), nil
		})
	}
	dpop := func(token string, proofs ...string) []option {
		opts := []option{with("Authorization", "DPoP "+token)}
		for _, p := range proofs {
			opts = append(opts, also("DPoP", p))
		}
		return opts
	}
	over := func(name, title string, claims func() map[string]any) {
		proven(name, title, func(a *attempt, p *Prover, token string) []option {
			return dpop(token, p.Proof("GET", a.htu(path(a)), token, claims()))
		})
	}
	proven("as-bearer", "a bound token shown as Bearer", func(a *attempt, _ *Prover, token string) []option {
		return []option{bearer(token)}
	})
	proven("as-bearer-with-proof", "a bound token shown as Bearer, with a proof", func(a *attempt, p *Prover, token string) []option {
		return []option{bearer(token), with("DPoP", p.Proof("GET", a.htu(path(a)), token, nil))}
	})
	proven("no-proof", "a bound token without a proof", func(a *attempt, _ *Prover, token string) []option { return dpop(token) })
	proven("other-key", "a proof by the thief's own key", func(a *attempt, _ *Prover, token string) []option {
		own, err := NewProver()
		if err != nil {
			return dpop(token)
		}
		return dpop(token, own.Proof("GET", a.htu(path(a)), token, nil))
	})
	proven("two-proofs", "two proofs", func(a *attempt, p *Prover, token string) []option {
		return dpop(token, p.Proof("GET", a.htu(path(a)), token, nil), p.Proof("GET", a.htu(path(a)), token, nil))
	})
	proven("other-token", "a proof made for another token", func(a *attempt, p *Prover, token string) []option {
		return dpop(token, p.Proof("GET", a.htu(path(a)), a.token, nil))
	})
	proven("other-path", "a proof made for another path", func(a *attempt, p *Prover, token string) []option {
		return dpop(token, p.Proof("GET", a.htu(path(a))+"/orders", token, nil))
	})
	proven("unsigned", "a proof without a signature", func(a *attempt, p *Prover, token string) []option {
		return dpop(token, withSignature(p.Proof("GET", a.htu(path(a)), token, nil), ""))
	})
	proven("zeros", "a proof signed with zeros", func(a *attempt, p *Prover, token string) []option {
		return dpop(token, withSignature(p.Proof("GET", a.htu(path(a)), token, nil), base64.RawURLEncoding.EncodeToString(make([]byte, 64))))
	})
	over("other-method", "a proof made for another method", func() map[string]any { return map[string]any{"htm": "POST"} })
	over("stale", "a proof an hour old", func() map[string]any { return map[string]any{"iat": time.Now().Add(-time.Hour).Unix()} })
	over("future", "a proof from tomorrow", func() map[string]any { return map[string]any{"iat": time.Now().Add(24 * time.Hour).Unix()} })
	over("no-jti", "a proof that could be replayed unseen", func() map[string]any { return map[string]any{"jti": ""} })
	over("no-ath", "a proof bound to no token", func() map[string]any { return map[string]any{"ath": ""} })

	add("dpop-replay", "a proof overheard and shown again", func(a *attempt) (bool, error) {
		p, token, err := stolen(a)
		if err != nil {
			return false, err
		}
		opts := dpop(token, p.Proof("GET", a.htu(path(a)), token, nil))
		if err := must(a.ask("GET", path(a), opts...), 200, "the owner's own call"); err != nil {
			return false, err
		}
		before := a.shop.Received(a.run)
		a.ask("GET", path(a), opts...)
		a.askAs(a.another(nil, 0), "GET", path(a), opts...)
		return a.shop.Received(a.run) > before, nil
	})
	add("dpop-proof-as-token", "a proof shown as access token", func(a *attempt) (bool, error) {
		p, err := NewProver()
		if err != nil {
			return false, err
		}
		proof := p.Proof("GET", a.htu(path(a)), "", a.shop.Issuer.claims(Claims{Subject: a.victim.ID}))
		a.ask("GET", path(a), bearer(proof))
		return a.received(), nil
	})
	certBound := func(a *attempt) string {
		return a.shop.Issuer.Token(Claims{Subject: a.victim.ID, Roles: []string{"customer"}, Scope: userScope, X5T: thumbprint(a.shop.PKI.Device)})
	}
	add("cert-bound-without", "a certificate-bound token without the certificate", func(a *attempt) (bool, error) {
		a.ask("GET", path(a), bearer(certBound(a)))
		return a.received() || a.leaked(a.victim.Secret), nil
	})
	add("cert-bound-other", "a certificate-bound token with another certificate", func(a *attempt) (bool, error) {
		c := a.another(&a.shop.PKI.Settlement, 0)
		a.askAs(c, "GET", path(a), bearer(certBound(a)))
		return a.received() || a.leaked(a.victim.Secret), nil
	})
	add("cert-bound-header", "a certificate-bound token with the certificate in a header", func(a *attempt) (bool, error) {
		pem := base64.StdEncoding.EncodeToString(a.shop.PKI.Device.Certificate[0])
		a.ask("GET", path(a), bearer(certBound(a)), with("X-Client-Cert", pem), with("X-Forwarded-Client-Cert", "Cert="+pem), with("Client-Cert", ":"+pem+":"))
		return a.received() || a.leaked(a.victim.Secret), nil
	})
	add("cnf-unknown", "a token bound in a way nobody knows", func(a *attempt) (bool, error) {
		token := a.shop.Issuer.Token(Claims{Subject: a.victim.ID, Roles: []string{"customer"}, Scope: userScope,
			Extra: map[string]any{"cnf": map[string]any{"kid": strings.Repeat("k", 8)}}})
		a.ask("GET", path(a), bearer(token))
		return a.received() || a.leaked(a.victim.Secret), nil
	})
	return list
}
