package authn

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"path/filepath"
	"testing"

	"github.com/gatehouse/gatehouse/jose"
)

// benchmarkToken makes a token of a usual size: some 600 bytes with ES256, 850 with
// RS256.
func benchmarkToken(b *testing.B, alg jose.Algorithm) (*tokenVerifier, string, *jose.SigningKey) {
	b.Helper()
	key := jwtKey(b, "2026-11", alg)
	file := filepath.Join(b.TempDir(), "keys.json")
	writeKeys(b, file, jwtNow, key)
	cfg := jwtConfig(file)
	cfg.Claims.Roles = "realm_access.roles"
	v := jwtVerifier(b, cfg)
	token := jwtSign(b, key, nil, with(map[string]any{
		"realm_access": map[string]any{"roles": []string{"clerk", "auditor"}}, "sid": "b8a1a1c6-6c1c",
		"preferred_username": "alice", "email_verified": true, "acr": "1", "jti": "0b1e9f4c-5a0e-4f0e-8a39-5d1f3a0f6c11",
	}))
	return v, token, key
}

// token-cached-us
func BenchmarkTokenCached(b *testing.B) {
	v, token, _ := benchmarkToken(b, jose.RS256)
	ctx := context.Background()
	if _, err := v.verify(ctx, token, nil, jwtNow); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.verify(ctx, token, nil, jwtNow); err != nil {
			b.Fatal(err)
		}
	}
}

// token-rs256/std: ours beside the raw verification, in one run.
func BenchmarkTokenRS256(b *testing.B) {
	v, token, key := benchmarkToken(b, jose.RS256)
	ctx := context.Background()
	b.Run("gatehouse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			forget(v.cache, token)
			if _, err := v.verify(ctx, token, nil, jwtNow); err != nil {
				b.Fatal(err)
			}
		}
	})
	t, err := jose.Parse(token, 0)
	if err != nil {
		b.Fatal(err)
	}
	public, input := key.Public().Public().(*rsa.PublicKey), []byte(t.Input)
	b.Run("std", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			sum := sha256.Sum256(input)
			if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], t.Signature); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// forget makes the next look at token the first one.
func forget(c *tokenCache, token string) {
	hash := c.hash(token)
	s := c.shard(hash)
	for i, e := range s.ring {
		if e.hash == hash {
			s.remove(i)
			return
		}
	}
}

// token-malformed-us: refused before any signature is looked at.
func BenchmarkTokenMalformed(b *testing.B) {
	v, token, _ := benchmarkToken(b, jose.ES256)
	_, stale, _ := benchmarkToken(b, jose.RS256)
	ctx := context.Background()
	for _, tt := range []struct{ name, token string }{
		{"encoding", token[:len(token)-1] + "="},
		{"truncated", token[:len(token)/2]},
		{"claims", token[:len(token)-90] + "." + token[len(token)-86:]},
		{"algorithm", stale},
	} {
		b.Run(tt.name, func(b *testing.B) {
			if tt.name == "algorithm" {
				v.profiles[jwtIssuer].algorithms = []jose.Algorithm{jose.ES256}
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.verify(ctx, tt.token, nil, jwtNow); err == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}
