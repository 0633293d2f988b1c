package jose

import "testing"

func TestRoundTrip(t *testing.T) {
	for _, alg := range []Algorithm{RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, HS256, HS384, HS512} {
		k, err := GenerateKey("k1", alg)
		if err != nil {
			t.Fatal(alg, err)
		}
		raw, err := Sign(k, map[string]any{"typ": "at+jwt"}, map[string]any{"sub": "alice", "n": 1.5})
		if err != nil {
			t.Fatal(alg, err)
		}
		tok, err := Parse(raw, 0)
		if err != nil {
			t.Fatal(alg, err)
		}
		if err := tok.Verify(k.Public()); err != nil {
			t.Fatal(alg, err)
		}
		if tok.Header.Type != "at+jwt" || tok.Header.KeyID != "k1" || tok.Header.Algorithm != alg {
			t.Fatalf("%s: header %+v", alg, tok.Header)
		}
		tok.Signature[3] ^= 1
		if err := tok.Verify(k.Public()); err != errSignature {
			t.Fatal(alg, err)
		}
	}
	k, _ := GenerateKey("", ES256)
	raw, err := Sign(k, map[string]any{"typ": "dpop+jwt", "jwk": k.Public(), "kid": nil}, map[string]any{"jti": "1"})
	if err != nil {
		t.Fatal(err)
	}
	tok, key, err := ParseProof(raw, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := tok.Verify(key); err != nil {
		t.Fatal(err)
	}
	if key.Thumbprint() != k.Public().Thumbprint() {
		t.Fatal("thumbprint")
	}
}
