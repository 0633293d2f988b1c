package lab

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
	"time"
)

// forger is what the token attacks are made with.
type forger struct {
	*attempt
	is     *Issuer
	claims map[string]any // those of a lawful token of the victim's
}

func (f *forger) signed(header map[string]any) string { return f.is.sign("ES256", header, f.claims) }

// access is signed with the type of a lawful access token, and changed claims.
func (f *forger) access(change map[string]any) string {
	for k, v := range change {
		if v == nil {
			delete(f.claims, k)
		} else {
			f.claims[k] = v
		}
	}
	return f.signed(map[string]any{"typ": "at+jwt"})
}

// evil signs with the attacker's own key.
func (f *forger) evil(header map[string]any) string {
	h := map[string]any{"typ": "at+jwt"}
	for k, v := range header {
		h[k] = v
	}
	return f.is.attacker.jws(h, f.claims)
}

func (f *forger) hmac(secret []byte, header map[string]any) string {
	h := map[string]any{"alg": "HS256", "typ": "at+jwt"}
	for k, v := range header {
		h[k] = v
	}
	input := segment(h) + "." + segment(f.claims)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(input))
	return input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// withSignature replaces a token's signature.
func withSignature(token, signature string) string {
	return token[:strings.LastIndexByte(token, '.')+1] + signature
}

// raw signs claims that no map can hold, such as duplicates.
func (f *forger) raw(claims string) string {
	key := f.is.key("ES256")
	input := segment(map[string]any{"alg": "ES256", "kid": key.id, "typ": "at+jwt"}) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	return input + "." + base64.RawURLEncoding.EncodeToString(key.signature(input))
}

// members are the claims as JSON members without the braces.
func (f *forger) members() string {
	raw, err := json.Marshal(f.claims)
	if err != nil {
		panic(err)
	}
	return string(raw[1 : len(raw)-1])
}

func rsaPEM(key signingKey) []byte {
	der, err := x509.MarshalPKIXPublicKey(key.private.Public().(*rsa.PublicKey))
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// tokenAttacks are API2: tokens in the victim's name that no issuer would let
// pass. Nothing of them may reach a service.
func tokenAttacks() []Attack {
	var list []Attack
	forge := func(name, title string, token func(f *forger) string) {
		list = append(list, Attack{Name: "jwt-" + name, Title: title, Class: API2, Room: "authn", run: func(a *attempt) (bool, error) {
			f := &forger{a, a.shop.Issuer, a.shop.Issuer.claims(Claims{Subject: a.victim.ID, Roles: []string{"customer"}, Scope: userScope})}
			a.ask("GET", "/accounts/users/"+a.victim.ID, bearer(token(f)))
			return a.received() || a.leaked(a.victim.Secret), nil
		}})
	}
	now := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }

	// The signature.
	for _, alg := range []string{"none", "None", "nOnE", ""} {
		forge("alg-none-"+map[string]string{"none": "lower", "None": "title", "nOnE": "mixed", "": "empty"}[alg],
			"unsigned token, alg "+alg, func(f *forger) string { return withSignature(f.evil(map[string]any{"alg": alg}), "") })
	}
	forge("hmac-with-public-key", "HS256 keyed with the issuer's public RSA key", func(f *forger) string {
		return f.hmac(rsaPEM(f.is.key("RS256")), map[string]any{"kid": f.is.key("RS256").id})
	})
	forge("hmac-with-jwks", "HS256 keyed with the published key set", func(f *forger) string {
		set, _ := keySet(f.is.current)
		return f.hmac(set, map[string]any{"kid": f.is.key("ES256").id})
	})
	forge("hmac-empty", "HS256 with an empty secret", func(f *forger) string { return f.hmac(nil, nil) })
	forge("foreign-key", "signed by the attacker's key under the issuer's kid", func(f *forger) string {
		return f.evil(map[string]any{"kid": f.is.key("ES256").id})
	})
	forge("unknown-kid", "signed by the attacker's key under a kid of its own", func(f *forger) string { return f.evil(nil) })
	forge("kid-path", "kid that walks to a file", func(f *forger) string {
		return f.hmac(nil, map[string]any{"kid": "../../../../dev/null"})
	})
	forge("kid-sql", "kid that is a query", func(f *forger) string {
		return f.hmac([]byte("x"), map[string]any{"kid": "none' UNION SELECT 'x' -- "})
	})
	forge("kid-missing", "no kid, the attacker's key", func(f *forger) string { return f.evil(map[string]any{"kid": nil}) })
	forge("embedded-jwk", "the attacker's key in the header", func(f *forger) string {
		return f.evil(map[string]any{"jwk": f.is.attacker.public()})
	})
	forge("embedded-x5c", "the attacker's certificate in the header", func(f *forger) string {
		return f.evil(map[string]any{"x5c": []string{base64.StdEncoding.EncodeToString(f.shop.PKI.Rogue.Certificate[0])}})
	})
	forge("tampered", "a lawful token with another subject", func(f *forger) string {
		own := strings.Split(f.token, ".")
		return own[0] + "." + segment(f.claims) + "." + own[2]
	})
	forge("stripped", "a lawful token without its signature", func(f *forger) string { return withSignature(f.access(nil), "") })
	forge("two-segments", "a token of two segments", func(f *forger) string {
		return strings.TrimSuffix(withSignature(f.access(nil), ""), ".")
	})
	forge("truncated", "a signature cut short", func(f *forger) string { t := f.access(nil); return t[:len(t)-8] })
	forge("psychic", "an ECDSA signature of zeros (CVE-2022-21449)", func(f *forger) string {
		return withSignature(f.access(nil), base64.RawURLEncoding.EncodeToString(make([]byte, 64)))
	})
	forge("wrong-alg", "an RSA signature said to be PSS", func(f *forger) string {
		return f.is.sign("RS256", map[string]any{"typ": "at+jwt", "alg": "PS256"}, f.claims)
	})
	forge("alg-of-another-key", "the kid of one key with the algorithm of another", func(f *forger) string {
		return f.is.sign("EdDSA", map[string]any{"typ": "at+jwt", "kid": f.is.key("ES256").id}, f.claims)
	})

	// The form.
	forge("crit", "a critical extension nobody knows", func(f *forger) string {
		return f.signed(map[string]any{"typ": "at+jwt", "crit": []string{"exp-not"}, "exp-not": true})
	})
	forge("b64-false", "an unencoded payload (RFC 7797)", func(f *forger) string {
		return f.signed(map[string]any{"typ": "at+jwt", "crit": []string{"b64"}, "b64": false})
	})
	forge("zip", "a compressed payload", func(f *forger) string { return f.signed(map[string]any{"typ": "at+jwt", "zip": "DEF"}) })
	forge("four-segments", "a fourth segment", func(f *forger) string { return f.access(nil) + ".e30" })
	forge("padded", "padded base64", func(f *forger) string {
		p := strings.Split(f.access(nil), ".")
		return p[0] + "." + p[1] + "==." + p[2]
	})
	forge("jwe", "an encrypted token", func(f *forger) string {
		return b64(`{"alg":"dir","enc":"A256GCM"}`) + ".." + b64("123456789012") + "." + b64(f.members()) + "." + b64("1234567890123456")
	})
	forge("duplicate-claim", "two subjects in one token", func(f *forger) string {
		return f.raw(`{"sub":"` + f.me.ID + `",` + f.members() + `}`)
	})
	forge("folded-claim", "an expiry that another spelling overrides", func(f *forger) string {
		f.claims["exp"] = now(-time.Hour)
		return f.raw(`{` + f.members() + `,"EXP":` + "99999999999" + `}`)
	})
	forge("trailing", "claims with something behind them", func(f *forger) string { return f.raw(`{` + f.members() + `}{"sub":"admin"}`) })
	forge("oversize", "a token of 48 kB", func(f *forger) string {
		return f.access(map[string]any{"padding": strings.Repeat("x", 36_000)})
	})

	// The claims.
	forge("expired", "expired an hour ago", func(f *forger) string {
		return f.access(map[string]any{"iat": now(-2 * time.Hour), "exp": now(-time.Hour)})
	})
	forge("no-exp", "without expiry", func(f *forger) string { return f.access(map[string]any{"exp": nil}) })
	forge("exp-string", "an expiry that is no number", func(f *forger) string { return f.access(map[string]any{"exp": "9999999999"}) })
	forge("too-old", "issued a day ago, good for a year", func(f *forger) string {
		return f.access(map[string]any{"iat": now(-24 * time.Hour), "exp": now(8760 * time.Hour)})
	})
	forge("future-nbf", "not valid before tomorrow", func(f *forger) string { return f.access(map[string]any{"nbf": now(24 * time.Hour)}) })
	forge("future-iat", "issued tomorrow", func(f *forger) string {
		return f.access(map[string]any{"iat": now(24 * time.Hour), "exp": now(25 * time.Hour)})
	})
	forge("wrong-issuer", "another issuer's name", func(f *forger) string { return f.access(map[string]any{"iss": "https://evil.example"}) })
	forge("issuer-slash", "the issuer's name with a slash", func(f *forger) string { return f.access(map[string]any{"iss": f.is.URL + "/"}) })
	forge("issuer-mixup", "the name of an issuer whose tokens are opaque", func(f *forger) string { return f.access(map[string]any{"iss": f.is.OpaqueURL}) })
	forge("wrong-audience", "meant for another resource", func(f *forger) string {
		return f.access(map[string]any{"aud": []string{"https://other.example"}})
	})
	forge("audience-prefix", "an audience that begins like ours", func(f *forger) string { return f.access(map[string]any{"aud": Audience + ".evil.example"}) })
	forge("no-audience", "meant for nobody", func(f *forger) string { return f.access(map[string]any{"aud": nil}) })
	forge("no-subject", "nobody's token", func(f *forger) string { return f.access(map[string]any{"sub": nil}) })
	forge("no-jti", "a token that could not be revoked", func(f *forger) string { return f.access(map[string]any{"jti": nil}) })
	forge("id-token", "an ID token as access token", func(f *forger) string {
		f.claims["nonce"], f.claims["aud"] = "n", []string{WebClient, Audience}
		return f.signed(map[string]any{"typ": "JWT"})
	})
	forge("no-typ", "a token without a type", func(f *forger) string { return f.signed(nil) })
	forge("logout-token", "a logout token as access token", func(f *forger) string {
		f.claims["events"] = map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}
		return f.signed(map[string]any{"typ": "logout+jwt"})
	})
	forge("set", "a security event token as access token", func(f *forger) string { return f.signed(map[string]any{"typ": "secevent+jwt"}) })
	forge("random", "nothing but noise", func(f *forger) string { return rand.Text() + "." + segment(f.claims) + "." + rand.Text() })
	return list
}
