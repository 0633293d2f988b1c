package jose

import "testing"

func TestParseProof(t *testing.T) {
	es := testKey(t, "", ES256)
	rs := testKey(t, "", RS256)
	claims := map[string]any{"jti": "1", "htm": "GET", "htu": "https://shop.example.com/orders", "iat": 1}
	public := map[string]any{"kty": "EC", "crv": "P-256", "x": ecX, "y": ecY}
	with := func(name, value string) map[string]any {
		m := map[string]any{name: value}
		for k, v := range public {
			m[k] = v
		}
		return m
	}
	hs := testKey(t, "", HS256)
	for _, tt := range []struct {
		name   string
		key    *SigningKey
		header map[string]any
		code   string
	}{
		{"ES256", es, map[string]any{"typ": "dpop+jwt", "jwk": es.Public()}, ""},
		{"RS256", rs, map[string]any{"typ": "dpop+jwt", "jwk": rs.Public()}, ""},
		{"another key's", es, map[string]any{"typ": "dpop+jwt", "jwk": public}, "token.signature"},
		{"access token", es, map[string]any{"typ": "at+jwt", "jwk": es.Public()}, "token.proof_type"},
		{"no typ", es, map[string]any{"jwk": es.Public()}, "token.proof_type"},
		{"no key", es, map[string]any{"typ": "dpop+jwt"}, "token.proof_key"},
		{"key text", es, map[string]any{"typ": "dpop+jwt", "jwk": "x"}, "token.proof_key"},
		{"key of another type", es, map[string]any{"typ": "dpop+jwt", "jwk": rs.Public()}, "token.proof_key"},
		{"private key", es, map[string]any{"typ": "dpop+jwt", "jwk": with("d", "AAAA")}, "token.proof_key"},
		{"key for encryption", es, map[string]any{"typ": "dpop+jwt", "jwk": with("use", "enc")}, "token.proof_key"},
		{"secret", hs, map[string]any{"typ": "dpop+jwt", "jwk": map[string]any{"kty": "oct", "k": "AAAA"}}, "token.proof_key"},
		{"crit", es, map[string]any{"typ": "dpop+jwt", "jwk": es.Public(), "crit": []string{"jwk"}}, "token.crit"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			raw, err := Sign(tt.key, tt.header, claims)
			if err != nil {
				t.Fatal(err)
			}
			token, key, err := ParseProof(raw, 0)
			if err == nil {
				err = token.Verify(key)
			}
			wantCode(t, err, tt.code)
			if err == nil && key.Thumbprint() != tt.key.Public().Thumbprint() {
				t.Error("another thumbprint")
			}
			_, err = Parse(raw, 0)
			if err == nil && tt.header["jwk"] != nil {
				t.Error("a proof passes as an access token")
			}
		})
	}
}
