package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"math/big"
	"slices"
	"testing"

	gojose "github.com/go-jose/go-jose/v4"
)

// The other half of a second opinion: go-jose verifies what we sign, and accepts
// no signature that we do not.
func TestVerifyAgainstGoJose(t *testing.T) {
	for _, alg := range []Algorithm{RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, HS256} {
		t.Run(string(alg), func(t *testing.T) {
			k := testKey(t, "k", alg)
			raw, err := Sign(k, nil, map[string]any{"sub": "alice"})
			if err != nil {
				t.Fatal(err)
			}
			jws, err := gojose.ParseSignedCompact(raw, []gojose.SignatureAlgorithm{gojose.SignatureAlgorithm(alg)})
			if err != nil {
				t.Fatal(err)
			}
			var public any = k.Public().Public()
			if alg.Symmetric() {
				public = k.private
			}
			if _, err := jws.Verify(public); err != nil {
				t.Error(err)
			}
			token, err := Parse(raw, 0)
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; i < len(token.Signature); i += 1 + len(token.Signature)/40 {
				changed := *token
				changed.Signature = slices.Clone(token.Signature)
				changed.Signature[i] ^= 0x10
				if changed.Verify(k.Public()) == nil {
					t.Fatalf("byte %d is not covered", i)
				}
			}
			for _, n := range []int{0, 1, len(token.Signature) - 1} {
				changed := *token
				changed.Signature = token.Signature[:n]
				if changed.Verify(k.Public()) == nil {
					t.Fatalf("%d bytes are enough", n)
				}
			}
			changed := *token
			changed.Signature = append(slices.Clone(token.Signature), 0)
			if changed.Verify(k.Public()) == nil {
				t.Error("a byte too many")
			}
			changed = *token
			changed.Input += "A"
			wantCode(t, changed.Verify(k.Public()), "token.signature")
		})
	}
}

// RFC 7518, section 3.4, and CVE-2022-21449: r and s from 1 to order-1.
func TestVerifyECDSARange(t *testing.T) {
	for _, alg := range []Algorithm{ES256, ES384, ES512} {
		sk := testKey(t, "k", alg)
		k := sk.Public()
		n := new(big.Int).SetBytes(k.order)
		size := len(k.order)
		token := &Token{Header: Header{Algorithm: alg}, Input: "a.b"}
		one := big.NewInt(1)
		for _, tt := range []struct {
			r, s *big.Int
			code string
		}{
			{new(big.Int), new(big.Int), "token.signature_format"},
			{new(big.Int), one, "token.signature_format"},
			{one, new(big.Int), "token.signature_format"},
			{n, one, "token.signature_format"},
			{one, n, "token.signature_format"},
			{one, new(big.Int).Add(n, one), "token.signature_format"},
			{one, new(big.Int).Sub(n, one), "token.signature"},
		} {
			token.Signature = append(tt.r.FillBytes(make([]byte, size)), tt.s.FillBytes(make([]byte, size))...)
			wantCode(t, token.Verify(k), tt.code)
		}
		// The DER form is another spelling, and refused.
		m, _ := methodOf(alg)
		var buf [64]byte
		der, err := ecdsa.SignASN1(rand.Reader, sk.private.(*ecdsa.PrivateKey), digest(&buf, m.hash, []byte("a.b")))
		if err != nil {
			t.Fatal(err)
		}
		token.Signature = der
		if err := token.Verify(k); err == nil {
			t.Errorf("%s: DER passes", alg)
		}
	}
}

// Short r and s, which only some signatures have, keep their leading zeros.
func TestVerifyECDSAShort(t *testing.T) {
	sk := testKey(t, "k", ES256)
	private := sk.private.(*ecdsa.PrivateKey)
	token := &Token{Header: Header{Algorithm: ES256}, Input: "a.b"}
	sum := sha256.Sum256([]byte("a.b"))
	for short := 0; short < 3; {
		r, s, err := ecdsa.Sign(rand.Reader, private, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		if r.BitLen() > 248 && s.BitLen() > 248 {
			continue
		}
		short++
		token.Signature = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
		if err := token.Verify(sk.Public()); err != nil {
			t.Error(err)
		}
	}
}

// RFC 7518, section 3.5: no other length of salt.
func TestVerifyPSSSalt(t *testing.T) {
	sk := testKey(t, "k", PS256)
	token := &Token{Header: Header{Algorithm: PS256}, Input: "a.b"}
	sum := sha256.Sum256([]byte("a.b"))
	for salt, code := range map[int]string{32: "", 20: "token.signature", 64: "token.signature"} {
		sig, err := rsa.SignPSS(rand.Reader, sk.private.(*rsa.PrivateKey), crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: salt})
		if err != nil {
			t.Fatal(err)
		}
		token.Signature = sig
		wantCode(t, token.Verify(sk.Public()), code)
	}
}

// Algorithm confusion: the key says what it is for.
func TestVerifyUnfit(t *testing.T) {
	sk := testKey(t, "k", RS256)
	for _, alg := range []Algorithm{RS384, PS256, ES256, EdDSA, HS256, "none", ""} {
		token := &Token{Header: Header{Algorithm: alg}, Input: "a.b", Signature: make([]byte, 256)}
		wantCode(t, token.Verify(sk.Public()), "token.key_unfit")
	}
	wantCode(t, (&Token{Header: Header{Algorithm: RS256}}).Verify(nil), "token.key_unfit")
}
