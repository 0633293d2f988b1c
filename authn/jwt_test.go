package authn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/jose"
)

// jwtNow is when the tests of tokens take place.
var jwtNow = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

const (
	jwtIssuer   = "https://id.example.com"
	jwtAudience = "https://shop.example.com"
)

func jwtClock() time.Time { return jwtNow }

// jwtClaims are claims that every check passes.
func jwtClaims() map[string]any {
	return map[string]any{
		"iss": jwtIssuer, "aud": jwtAudience, "sub": "alice", "client_id": "web", "jti": "t1",
		"iat": jwtNow.Unix() - 60, "exp": jwtNow.Unix() + 300, "scope": "orders:read orders:write",
	}
}

// with returns the claims changed: a value of nil takes a claim away.
func with(change map[string]any) map[string]any {
	c := jwtClaims()
	maps.Copy(c, change)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

func jwtKey(t testing.TB, id string, alg jose.Algorithm) *jose.SigningKey {
	t.Helper()
	k, err := jose.GenerateKey(id, alg)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func jwtSign(t testing.TB, k *jose.SigningKey, header, claims map[string]any) string {
	t.Helper()
	h := map[string]any{"typ": "at+jwt"}
	maps.Copy(h, header)
	maps.DeleteFunc(h, func(name string, v any) bool { return v == nil && name != "kid" })
	token, err := jose.Sign(k, h, claims)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// writeKeys writes a key set, and moves the file's time so that the change shows.
func writeKeys(t testing.TB, path string, at time.Time, keys ...*jose.SigningKey) {
	t.Helper()
	var public []*jose.Key
	for _, k := range keys {
		public = append(public, k.Public())
	}
	document, err := json.Marshal(jose.NewKeySet(public...))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, document, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

func jwtConfig(file string) IssuerConfig {
	return IssuerConfig{
		Name: "main", Issuer: jwtIssuer, Audience: []string{jwtAudience, "urn:shop"},
		Keys: KeysConfig{File: file},
	}.WithDefaults()
}

func jwtVerifier(t testing.TB, cfgs ...IssuerConfig) *tokenVerifier {
	t.Helper()
	store := newKeyStore()
	t.Cleanup(func() { store.Close() })
	v, err := newTokenVerifier(cfgs, store, jwtClock)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func wantCode(t testing.TB, err error, code string) {
	t.Helper()
	var e *gatehouse.Error
	switch {
	case code == "" && err == nil:
	case code == "":
		t.Fatalf("refused: %v", err)
	case !errors.As(err, &e):
		t.Fatalf("want %s, got %v", code, err)
	case e.Code != code:
		t.Fatalf("want %s, got %s: %v", code, e.Code, err)
	case e.Status == 0:
		t.Fatalf("%s has no status", code)
	}
}

func TestJWTChecks(t *testing.T) {
	key := jwtKey(t, "k1", jose.ES256)
	stranger := jwtKey(t, "k1", jose.ES256)
	file := filepath.Join(t.TempDir(), "keys.json")
	writeKeys(t, file, jwtNow, key)
	unix := jwtNow.Unix()

	// Each check has a token that it passes and tokens that it refuses.
	for _, tt := range []struct {
		name   string
		header map[string]any
		claims map[string]any
		signer *jose.SigningKey
		change func(c *IssuerConfig)
		code   string
	}{
		{name: "plain"},
		// 5, 7: algorithms.
		{name: "algorithm not listed", change: func(c *IssuerConfig) { c.Algorithms = []string{"EdDSA"} }, code: "token.algorithm"},
		{name: "hmac", signer: jwtKey(t, "k1", jose.HS256), code: "token.algorithm"},
		// 8: a key that the token brings.
		{name: "jwk", header: map[string]any{"jwk": stranger.Public()}, signer: stranger, code: "token.embedded_key"},
		{name: "jku", header: map[string]any{"jku": "https://evil.example/keys"}, signer: stranger, code: "token.signature"},
		{name: "x5c", header: map[string]any{"x5c": []string{"MIIB"}}, signer: stranger, code: "token.signature"},
		{name: "jku beside the right key", header: map[string]any{"jku": "https://evil.example/keys", "x5c": []string{"MIIB"}}},
		{name: "x5u", header: map[string]any{"x5u": "https://evil.example/cert"}, signer: stranger, code: "token.signature"},
		// 9: kid.
		{name: "unknown kid", header: map[string]any{"kid": "../../k1"}, code: "token.key_unknown"},
		{name: "no kid, one key", header: map[string]any{"kid": nil}},
		{name: "wrong key of the right name", signer: stranger, code: "token.signature"},
		// 10 is jose's; here that its refusal arrives.
		{name: "crit", header: map[string]any{"crit": []string{"exp"}}, code: "token.crit"},
		// 11: typ.
		{name: "media type", header: map[string]any{"typ": "application/AT+JWT"}},
		{name: "typ JWT", header: map[string]any{"typ": "JWT"}, code: "token.typ"},
		{name: "typ JWT excepted", header: map[string]any{"typ": "JWT"}, change: func(c *IssuerConfig) { c.Exceptions.Typ = []string{"JWT"} }},
		{name: "no typ", header: map[string]any{"typ": nil}, code: "token.typ"},
		// 12: iss.
		{name: "other issuer", claims: with(map[string]any{"iss": "https://id.example.com/"}), code: "token.issuer"},
		{name: "no issuer", claims: with(map[string]any{"iss": nil}), code: "token.no_issuer"},
		{name: "issuer list", claims: with(map[string]any{"iss": []string{jwtIssuer}}), code: "token.claim_type"},
		// 13: aud.
		{name: "one of several audiences", claims: with(map[string]any{"aud": []string{"https://other.example", "urn:shop"}})},
		{name: "other audience", claims: with(map[string]any{"aud": "https://shop.example.com.evil.example"}), code: "token.audience"},
		{name: "empty audience", claims: with(map[string]any{"aud": []string{}}), code: "token.audience"},
		{name: "no audience", claims: with(map[string]any{"aud": nil}), code: "token.no_audience"},
		{name: "audience number", claims: with(map[string]any{"aud": 1}), code: "token.claim_type"},
		{name: "audience mixed", claims: with(map[string]any{"aud": []any{jwtAudience, 1}}), code: "token.claim_type"},
		{name: "cognito", claims: with(map[string]any{"aud": nil, "token_use": "access", "client_id": "app"}),
			change: func(c *IssuerConfig) { c.Exceptions.CognitoClients = []string{"app"} }},
		{name: "cognito other client", claims: with(map[string]any{"aud": nil, "token_use": "access"}),
			change: func(c *IssuerConfig) { c.Exceptions.CognitoClients = []string{"app"} }, code: "token.client"},
		{name: "cognito no use", claims: with(map[string]any{"aud": nil, "client_id": "app"}),
			change: func(c *IssuerConfig) { c.Exceptions.CognitoClients = []string{"app"} }, code: "token.client"},
		{name: "cognito with another audience", claims: with(map[string]any{"aud": "x", "token_use": "access", "client_id": "app"}),
			change: func(c *IssuerConfig) { c.Exceptions.CognitoClients = []string{"app"} }, code: "token.audience"},
		// 14: exp.
		{name: "no exp", claims: with(map[string]any{"exp": nil}), code: "token.no_expiry"},
		{name: "exp text", claims: with(map[string]any{"exp": "9999999999"}), code: "token.claim_type"},
		{name: "exp null", claims: with(map[string]any{"exp": json.RawMessage("null")}), code: "token.claim_type"},
		{name: "exp infinite", claims: with(map[string]any{"exp": json.Number("1e999")}), code: "token.claim_type"},
		{name: "exp within skew", claims: with(map[string]any{"exp": unix - 29})},
		{name: "exp beyond skew", claims: with(map[string]any{"exp": unix - 30}), code: "token.expired"},
		{name: "exp fraction", claims: with(map[string]any{"exp": json.Number(fmt.Sprintf("%d.5", unix-30))})},
		// 15: nbf, iat, age.
		{name: "nbf within skew", claims: with(map[string]any{"nbf": unix + 30})},
		{name: "nbf", claims: with(map[string]any{"nbf": unix + 31}), code: "token.not_yet_valid"},
		{name: "nbf text", claims: with(map[string]any{"nbf": "0"}), code: "token.claim_type"},
		{name: "iat within skew", claims: with(map[string]any{"iat": unix + 30})},
		{name: "iat", claims: with(map[string]any{"iat": unix + 31}), code: "token.issued_in_future"},
		{name: "old", claims: with(map[string]any{"iat": unix - 900 - 29})},
		{name: "too old", claims: with(map[string]any{"iat": unix - 900 - 30}), code: "token.too_old"},
		{name: "old allowed", claims: with(map[string]any{"iat": unix - 3000}), change: func(c *IssuerConfig) { c.MaxAge = time.Hour }},
		// 16: presence.
		{name: "no iat", claims: with(map[string]any{"iat": nil}), code: "token.no_issued_at"},
		{name: "no sub", claims: with(map[string]any{"sub": nil}), code: "token.no_subject"},
		{name: "empty sub", claims: with(map[string]any{"sub": ""}), code: "token.no_subject"},
		{name: "no client_id", claims: with(map[string]any{"client_id": nil}), code: "token.no_client"},
		{name: "no jti", claims: with(map[string]any{"jti": nil}), code: "token.no_id"},
		{name: "excepted", claims: with(map[string]any{"jti": nil, "client_id": nil, "sub": nil}),
			change: func(c *IssuerConfig) { c.Exceptions.Missing = []string{"jti", "client_id", "sub"} }},
		{name: "sub number", claims: with(map[string]any{"sub": 7}), code: "token.claim_type"},
		{name: "sub line break", claims: with(map[string]any{"sub": "a\r\nx: y"}), code: "token.claim_value"},
		{name: "sub C1", claims: with(map[string]any{"sub": "a\u009b31m"}), code: "token.claim_value"},
		{name: "scope with a space", claims: with(map[string]any{"scope": []string{"orders:read admin"}}), code: "token.claim_value"},
		{name: "scope line break in a string", claims: with(map[string]any{"scope": "orders:read\nadmin"}), code: "token.claim_value"},
		{name: "scope next line", claims: with(map[string]any{"scope": "orders:read\u0085admin"}), code: "token.claim_value"},
		{name: "scope line break", claims: with(map[string]any{"scope": []string{"a\nb"}}), code: "token.claim_value"},
		{name: "acr number", claims: with(map[string]any{"acr": 1}), code: "token.claim_type"},
		{name: "auth_time text", claims: with(map[string]any{"auth_time": "now"}), code: "token.claim_type"},
		{name: "roles object", claims: with(map[string]any{"roles": map[string]any{"admin": true}}), code: "token.claim_type"},
		// 17: other kinds of token.
		{name: "proof by typ", header: map[string]any{"typ": "dpop+jwt"}, code: "token.proof"},
		{name: "logout by typ", header: map[string]any{"typ": "logout+jwt"}, code: "token.event_token"},
		{name: "event by typ", header: map[string]any{"typ": "secevent+jwt"}, code: "token.event_token"},
		{name: "proof by claims", claims: with(map[string]any{"htm": "GET"}), code: "token.proof"},
		{name: "event by claims", claims: with(map[string]any{"events": map[string]any{}}), code: "token.event_token"},
		{name: "id token by hash", claims: with(map[string]any{"at_hash": "x"}), code: "token.id_token"},
		{name: "id token by nonce", claims: with(map[string]any{"nonce": "x", "scope": nil}), code: "token.id_token"},
		{name: "nonce with a scope", claims: with(map[string]any{"nonce": "x"})},
		{name: "id token of Keycloak", claims: with(map[string]any{"typ": "ID"}), code: "token.id_token"},
		{name: "access token of Keycloak", claims: with(map[string]any{"typ": "Bearer"})},
		{name: "refresh token of Keycloak", claims: with(map[string]any{"typ": "Offline"}), code: "token.refresh_token"},
		{name: "id token of Cognito", claims: with(map[string]any{"token_use": "id"}), code: "token.id_token"},
		// 20, 22: the binding is the chain's to check; what it is, is read here.
		{name: "cnf unknown", claims: with(map[string]any{"cnf": map[string]any{"kid": "x"}}), code: "token.confirmation"},
		{name: "cnf two", claims: with(map[string]any{"cnf": map[string]any{"jkt": strings.Repeat("a", 43), "x5t#S256": strings.Repeat("a", 43)}}), code: "token.confirmation"},
		{name: "cnf empty", claims: with(map[string]any{"cnf": map[string]any{}}), code: "token.confirmation"},
		{name: "cnf short", claims: with(map[string]any{"cnf": map[string]any{"jkt": "a"}}), code: "token.confirmation"},
		{name: "cnf text", claims: with(map[string]any{"cnf": "x"}), code: "token.claim_type"},
		{name: "cnf null", claims: with(map[string]any{"cnf": json.RawMessage("null")}), code: "token.claim_type"},
		{name: "cnf key", claims: with(map[string]any{"cnf": map[string]any{"jkt": strings.Repeat("a", 43)}})},
		// 4: twins in case, whatever stands beside them.
		{name: "EXP", claims: with(map[string]any{"EXP": unix + 9}), code: "token.case_folded"},
		{name: "JKT", claims: with(map[string]any{"cnf": map[string]any{"JKT": "a"}}), code: "token.case_folded"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := jwtConfig(file)
			if tt.change != nil {
				tt.change(&cfg)
			}
			v := jwtVerifier(t, cfg)
			if tt.claims == nil {
				tt.claims = jwtClaims()
			}
			if tt.signer == nil {
				tt.signer = key
			}
			token := jwtSign(t, tt.signer, tt.header, tt.claims)
			for range 2 { // from scratch, then from what is remembered
				_, err := v.verify(context.Background(), token, nil, jwtNow)
				wantCode(t, err, tt.code)
			}
			if n := v.cache.len(); (n == 1) != (tt.code == "") {
				t.Errorf("%d tokens are remembered", n)
			}
		})
	}
}

func TestJWTPrincipal(t *testing.T) {
	key := jwtKey(t, "k1", jose.EdDSA)
	file := filepath.Join(t.TempDir(), "keys.json")
	writeKeys(t, file, jwtNow, key)
	cfg := jwtConfig(file)
	cfg.Claims = ClaimsConfig{Roles: "realm_access.roles", Tier: "https://example.com/tier", Session: "sid", Grant: "g.id"}
	cfg.Exceptions.Missing = []string{"client_id"}
	v := jwtVerifier(t, cfg)

	iat := jwtNow.Add(-10 * time.Minute)
	claims := with(map[string]any{
		"iat": iat.Unix(), "exp": jwtNow.Add(time.Hour).Unix(), "nbf": jwtNow.Add(-time.Minute).Unix(),
		"client_id": nil, "azp": "spa", "acr": "mfa", "auth_time": iat.Unix() - 5,
		"realm_access": map[string]any{"roles": []string{"clerk", "auditor"}}, "https://example.com/tier": "gold",
		"sid": "s1", "g": map[string]any{"id": "grant-1"}, "level": json.Number("12345678901234567890"),
		"cnf": map[string]any{"x5t#S256": strings.Repeat("b", 43)},
	})
	got, err := v.verify(context.Background(), jwtSign(t, key, nil, claims), nil, jwtNow)
	if err != nil {
		t.Fatal(err)
	}
	want := &gatehouse.Principal{
		Subject: "alice", Issuer: jwtIssuer, ClientID: "spa", Method: gatehouse.MethodJWT,
		Scopes: []string{"orders:read", "orders:write"}, Roles: []string{"clerk", "auditor"}, Tier: "gold",
		TokenID: "t1", SessionID: "s1", GrantID: "grant-1", ACR: "mfa",
		IssuedAt: iat, AuthTime: iat.Add(-5 * time.Second), Expires: iat.Add(15 * time.Minute), SenderBound: true,
	}
	opts := cmp.Options{cmpopts.IgnoreUnexported(gatehouse.Principal{}), cmpopts.IgnoreFields(gatehouse.Principal{}, "Claims"),
		cmpopts.EquateApproxTime(0)}
	if diff := cmp.Diff(want, got.principal, opts); diff != "" {
		t.Error(diff)
	}
	if n := got.principal.Claims["level"]; n != json.Number("12345678901234567890") {
		t.Errorf("level is %v (%T)", n, n)
	}
	if got.cnf != (confirmation{x5t: strings.Repeat("b", 43)}) || got.issuer != "main" {
		t.Errorf("got %+v of %s", got.cnf, got.issuer)
	}
	if want := jwtNow.Add(-time.Minute - 30*time.Second); !got.notBefore.Equal(want) {
		t.Errorf("not before %s, want %s", got.notBefore, want)
	}
	if want := iat.Add(15*time.Minute + 30*time.Second); !got.expires.Equal(want) {
		t.Errorf("expires %s, want %s", got.expires, want)
	}
}

// A remembered token is judged again by everything that may have changed.
func TestJWTRemembered(t *testing.T) {
	key, other := jwtKey(t, "k1", jose.ES256), jwtKey(t, "k2", jose.ES256)
	file := filepath.Join(t.TempDir(), "keys.json")
	writeKeys(t, file, jwtNow, key)
	v := jwtVerifier(t, jwtConfig(file))
	ctx := context.Background()
	token := jwtSign(t, key, nil, with(map[string]any{"aud": []string{jwtAudience, "https://shop.example.com/admin"}}))

	first, err := v.verify(ctx, token, nil, jwtNow)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := v.verify(ctx, token, nil, jwtNow); err != nil || again != first {
		t.Fatalf("not remembered: %v", err)
	}
	// The audience of the API that is called.
	if again, err := v.verify(ctx, token, []string{"https://shop.example.com/admin"}, jwtNow); err != nil || again != first {
		t.Fatalf("for the admin API: %v", err)
	}
	_, err = v.verify(ctx, token, []string{"https://pay.example.com"}, jwtNow)
	wantCode(t, err, "token.audience")
	// One byte more or less is another token.
	_, err = v.verify(ctx, token[:len(token)-1], nil, jwtNow)
	wantCode(t, err, "token.encoding")
	// Time.
	_, err = v.verify(ctx, token, nil, jwtNow.Add(-91*time.Second))
	wantCode(t, err, "token.issued_in_future")
	// Keys: the issuer withdraws one.
	writeKeys(t, file, jwtNow.Add(time.Second), other)
	_, err = v.verify(ctx, token, nil, jwtNow.Add(2*time.Second))
	wantCode(t, err, "token.key_unknown")
	_, err = v.verify(ctx, token, nil, jwtNow.Add(330*time.Second))
	wantCode(t, err, "token.expired")
}

// A token is judged by the keys of its own issuer only.
func TestJWTIssuersApart(t *testing.T) {
	dir := t.TempDir()
	ours, theirs := jwtKey(t, "k1", jose.ES256), jwtKey(t, "k2", jose.ES256)
	writeKeys(t, filepath.Join(dir, "a"), jwtNow, ours)
	writeKeys(t, filepath.Join(dir, "b"), jwtNow, theirs)
	a, b := jwtConfig(filepath.Join(dir, "a")), jwtConfig(filepath.Join(dir, "b"))
	b.Name, b.Issuer = "other", "https://other.example.com"
	c := IssuerConfig{Name: "asked", Issuer: jwtIssuer, Introspection: &IntrospectionConfig{}}
	v := jwtVerifier(t, a, b, c)
	for _, tt := range []struct {
		key  *jose.SigningKey
		iss  string
		code string
	}{
		{ours, jwtIssuer, ""},
		{theirs, "https://other.example.com", ""},
		{theirs, jwtIssuer, "token.key_unknown"},
		{ours, "https://other.example.com", "token.key_unknown"},
	} {
		_, err := v.verify(context.Background(), jwtSign(t, tt.key, nil, with(map[string]any{"iss": tt.iss})), nil, jwtNow)
		wantCode(t, err, tt.code)
	}
	if _, err := newTokenVerifier([]IssuerConfig{a, a}, newKeyStore(), jwtClock); err == nil {
		t.Error("two issuers of one iss")
	}
	a.Algorithms = []string{"HS256"}
	if _, err := newTokenVerifier([]IssuerConfig{a}, newKeyStore(), jwtClock); err == nil {
		t.Error("an HMAC algorithm")
	}
}
