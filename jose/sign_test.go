package jose

import "testing"

func TestSign(t *testing.T) {
	for _, alg := range []Algorithm{RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, HS256, HS384, HS512} {
		t.Run(string(alg), func(t *testing.T) {
			k := testKey(t, "k1", alg)
			raw, err := Sign(k, map[string]any{"typ": "at+jwt"}, map[string]any{"sub": "alice"})
			if err != nil {
				t.Fatal(err)
			}
			token, err := Parse(raw, 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := token.Verify(k.Public()); err != nil {
				t.Fatal(err)
			}
			if h := token.Header; h.Type != "at+jwt" || h.KeyID != "k1" || h.Algorithm != alg {
				t.Errorf("header %+v", h)
			}
		})
	}
}

func TestSignRefuses(t *testing.T) {
	k := testKey(t, "", EdDSA)
	_, err := Sign(k, map[string]any{"alg": "none"}, nil)
	wantCode(t, err, "token.header")
	_, err = Sign(k, nil, func() {})
	wantCode(t, err, "token.sign")
	secret := testKey(t, "", HS256)
	_, err = Sign(k, map[string]any{"jwk": secret.Public()}, map[string]any{})
	wantCode(t, err, "key.symmetric")
	_, err = GenerateKey("", "none")
	wantCode(t, err, "key.alg")
	_, err = NewSigningKey("", ES384, k.private)
	wantCode(t, err, "key.alg")
	_, err = NewSigningKey("", "", k.private)
	wantCode(t, err, "key.type")
}

func TestGenerateKey(t *testing.T) {
	k, err := GenerateKey("", PS256)
	if err != nil {
		t.Fatal(err)
	}
	if k.Algorithm() != PS256 || k.Public().ID() != k.Public().Thumbprint() {
		t.Errorf("made %s for %s", k, k.Algorithm())
	}
}
