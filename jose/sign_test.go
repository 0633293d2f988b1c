package jose

import "testing"

func TestSign(t *testing.T) {
	for _, alg := range []Algorithm{RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, HS256, HS384, HS512} {
		t.Run(string(alg), func(t *testing.T) {
			k, err := GenerateKey("k1", alg)
			if err != nil {
				t.Fatal(err)
			}
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
	k, err := GenerateKey("", EdDSA)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Sign(k, map[string]any{"alg": "none"}, nil)
	wantCode(t, err, "token.header")
	_, err = Sign(k, nil, func() {})
	wantCode(t, err, "token.sign")
	secret, err := GenerateKey("", HS256)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Sign(k, map[string]any{"jwk": secret.Public()}, map[string]any{})
	wantCode(t, err, "key.symmetric")
	_, err = GenerateKey("", "none")
	wantCode(t, err, "key.alg")
	_, err = NewSigningKey("", ES384, k.private)
	wantCode(t, err, "key.alg")
	_, err = NewSigningKey("", "", k.private)
	wantCode(t, err, "key.type")
}
