package jose

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"testing"
)

func benchToken(b *testing.B, alg Algorithm) (string, *Key) {
	b.Helper()
	k := testKey(b, "2026-11", alg)
	raw, err := Sign(k, map[string]any{"typ": "at+jwt"}, map[string]any{
		"iss": "https://id.example.com", "aud": []string{"https://shop.example.com"}, "sub": "alice",
		"client_id": "web", "jti": "0b1e9f4c-5a0e-4f0e-8a39-5d1f3a0f6c11", "iat": 1795262400, "exp": 1795263300,
		"scope": "orders:read orders:write", "realm_access": map[string]any{"roles": []string{"clerk", "auditor"}},
		"sid": "b8a1a1c6-6c1c", "acr": "1",
	})
	if err != nil {
		b.Fatal(err)
	}
	return raw, k.Public()
}

func BenchmarkParse(b *testing.B) {
	raw, _ := benchToken(b, RS256)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(raw, 0); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	for _, alg := range []Algorithm{RS256, ES256, EdDSA} {
		raw, k := benchToken(b, alg)
		b.Run(string(alg), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				t, err := Parse(raw, 0)
				if err != nil {
					b.Fatal(err)
				}
				if err := t.Verify(k); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	raw, k := benchToken(b, RS256)
	t, err := Parse(raw, 0)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("RS256-std", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			sum := sha256.Sum256([]byte(t.Input))
			if err := rsa.VerifyPKCS1v15(k.Public().(*rsa.PublicKey), crypto.SHA256, sum[:], t.Signature); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkMalformed(b *testing.B) {
	raw, _ := benchToken(b, RS256)
	for _, tt := range []struct{ name, token string }{
		{"segments", raw[:100]},
		{"encoding", raw[:len(raw)-1] + "="},
		{"none", b64([]byte(`{"alg":"none"}`)) + raw[40:]},
		{"duplicate", compact(`{"alg":"RS256","kid":"2026-11"}`, `{"iss":"https://id.example.com","sub":"alice","sub":"bob"}`)},
	} {
		b.Run(tt.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(tt.token, 0); err == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}
