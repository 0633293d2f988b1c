package jose

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"
)

const (
	ecX  = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
	ecY  = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
	edX  = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
	ecJW = `"kty":"EC","crv":"P-256","x":"` + ecX + `","y":"` + ecY + `"`
	edJW = `"kty":"OKP","crv":"Ed25519","x":"` + edX + `"`
)

// modulus makes an odd number of so many bits in base64url; as a key it is worth
// nothing, as a size it is enough.
func modulus(bits int) string {
	n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
	return b64(n.SetBit(n, 0, 1).Bytes())
}

func TestParseKey(t *testing.T) {
	rsaJW := func(bits int, e string) string {
		return fmt.Sprintf(`"kty":"RSA","n":"%s","e":"%s"`, modulus(bits), e)
	}
	for _, tt := range []struct{ name, members, code string }{
		{"EC", ecJW, ""},
		{"Ed25519", edJW, ""},
		{"RSA", rsaJW(2048, "AQAB"), ""},
		{"RSA 8192, e 3", rsaJW(8192, "Aw"), ""},
		{"for signatures", ecJW + `,"use":"sig","key_ops":["verify"],"alg":"ES256","kid":"a","x5c":["junk"]`, ""},

		{"RSA 2047", rsaJW(2047, "AQAB"), "key.weak"},
		{"RSA 8193", rsaJW(8193, "AQAB"), "key.weak"},
		{"RSA e 1", rsaJW(2048, "AQ"), "key.weak"},
		{"RSA e even", rsaJW(2048, "BA"), "key.weak"},
		{"RSA e long", rsaJW(2048, "AQAAAAE"), "key.weak"},
		{"RSA n even", `"kty":"RSA","e":"AQAB","n":"` + b64(new(big.Int).Lsh(big.NewInt(1), 2047).Bytes()) + `"`, "key.weak"},
		{"RSA no n", `"kty":"RSA","e":"AQAB"`, "key.malformed"},
		{"RSA n number", `"kty":"RSA","e":"AQAB","n":7`, "key.malformed"},
		{"RSA n padded", `"kty":"RSA","e":"AQAB","n":"` + modulus(2048) + `=="`, "key.malformed"},
		{"off the curve", `"kty":"EC","crv":"P-256","x":"` + ecX + `","y":"` + ecX + `"`, "key.point"},
		{"infinity", `"kty":"EC","crv":"P-256","x":"` + b64(make([]byte, 32)) + `","y":"` + b64(make([]byte, 32)) + `"`, "key.point"},
		{"short coordinate", `"kty":"EC","crv":"P-256","x":"` + ecX[:40] + `","y":"` + ecY + `"`, "key.point"},
		{"long coordinate", `"kty":"EC","crv":"P-256","x":"AAAA` + ecX + `","y":"` + ecY + `"`, "key.point"},
		{"wrong curve", `"kty":"EC","crv":"P-384","x":"` + ecX + `","y":"` + ecY + `"`, "key.point"},
		{"curve unknown", `"kty":"EC","crv":"secp256k1","x":"` + ecX + `","y":"` + ecY + `"`, "key.type"},
		{"no curve", `"kty":"EC","x":"` + ecX + `","y":"` + ecY + `"`, "key.type"},
		{"X25519", `"kty":"OKP","crv":"X25519","x":"` + edX + `"`, "key.type"},
		{"Ed25519 short", `"kty":"OKP","crv":"Ed25519","x":"AAAA"`, "key.point"},
		{"type unknown", `"kty":"AKP","alg":"ES256","pub":"x"`, "key.type"},
		{"type lower case", strings.Replace(ecJW, "EC", "ec", 1), "key.type"},
		{"no type", `"x":"a"`, "key.malformed"},
		{"symmetric", `"kty":"oct","k":"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"`, "key.symmetric"},
		{"private", ecJW + `,"d":"AA"`, "key.private"},
		{"use enc", ecJW + `,"use":"enc"`, "key.use"},
		{"use list", ecJW + `,"use":["sig"]`, "key.malformed"},
		{"ops sign", ecJW + `,"key_ops":["sign"]`, "key.use"},
		{"ops empty", ecJW + `,"key_ops":[]`, "key.use"},
		{"ops twice", ecJW + `,"key_ops":["verify","verify"]`, "key.use"},
		{"ops text", ecJW + `,"key_ops":"verify"`, "key.malformed"},
		{"alg of another curve", ecJW + `,"alg":"ES384"`, "key.alg"},
		{"alg of another type", ecJW + `,"alg":"RS256"`, "key.alg"},
		{"alg HMAC", rsaJW(2048, "AQAB") + `,"alg":"HS256"`, "key.alg"},
		{"alg of encryption", rsaJW(2048, "AQAB") + `,"alg":"RSA-OAEP"`, "key.alg"},
		{"alg empty", ecJW + `,"alg":""`, "key.alg"},
		{"kid number", ecJW + `,"kid":1`, "key.malformed"},
		{"kid empty", ecJW + `,"kid":""`, "key.malformed"},
		{"member twice", ecJW + `,"kty":"EC"`, "token.duplicate_member"},
		{"twin", ecJW + `,"KTY":"oct"`, "token.case_folded"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseKey("{" + tt.members + "}")
			wantCode(t, err, tt.code)
		})
	}
}

func TestKeyFits(t *testing.T) {
	rsaKey := parseKey(t, `{"kty":"RSA","e":"AQAB","n":"`+modulus(2048)+`"}`)
	ec, ed := parseKey(t, "{"+ecJW+"}"), parseKey(t, "{"+edJW+"}")
	bound := parseKey(t, `{"kty":"RSA","alg":"PS256","e":"AQAB","n":"`+modulus(2048)+`"}`)
	secret, err := NewSecret("", HS256, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		key  *Key
		want string
	}{
		"RSA":     {rsaKey, "RS256 RS384 RS512 PS256 PS384 PS512"},
		"P-256":   {ec, "ES256"},
		"Ed25519": {ed, "EdDSA"},
		"bound":   {bound, "PS256"},
		"secret":  {secret, "HS256"},
	} {
		var got []string
		for _, a := range []Algorithm{RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, HS256, HS384, HS512, "none", ""} {
			if tt.key.Fits(a) {
				got = append(got, string(a))
			}
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%s fits %s", name, s)
		}
	}
}

func TestNewKey(t *testing.T) {
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	_, err = NewKey("", "", &weak.PublicKey)
	wantCode(t, err, "key.weak")
	small, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, err = NewKey("", "", &small.PublicKey)
	wantCode(t, err, "key.type")
	_, err = NewKey("", "", "a text")
	wantCode(t, err, "key.type")
	_, err = NewSecret("", HS512, make([]byte, 63))
	wantCode(t, err, "key.secret")
	_, err = NewSecret("", RS256, make([]byte, 64))
	wantCode(t, err, "key.alg")
}

// What a key writes of itself is what it was read from, and no secret.
func TestKeyMarshal(t *testing.T) {
	for _, alg := range []Algorithm{RS256, ES256, ES384, ES512, EdDSA} {
		sk := testKey(t, "", alg)
		if s := fmt.Sprintf("%v %+v %s", sk, sk, sk); strings.Count(s, sk.Public().ID()) != 3 || len(s) > 3*80 {
			t.Errorf("a signing key prints as %s", s)
		}
		document, err := json.Marshal(NewKeySet(sk.Public()))
		if err != nil {
			t.Fatal(err)
		}
		set, err := ParseKeySet(string(document))
		if err != nil || set.Len() != 1 {
			t.Fatalf("%s: %v %v", document, err, set.Skipped())
		}
		for k := range set.Keys() {
			if !k.same(sk.Public()) || k.ID() != sk.Public().Thumbprint() || k.Algorithm() != alg {
				t.Errorf("%s came back as %+v", document, k)
			}
		}
	}
	secret, _ := GenerateKey("", HS256)
	if b, err := json.Marshal(secret.Public()); err == nil {
		t.Errorf("a secret was written: %s", b)
	}
	if b, err := json.Marshal([]any{secret}); err == nil && string(b) != "[{}]" {
		t.Errorf("a signing key was written: %s", b)
	}
}

// Under a key of small order one signature fits many messages: R is the neutral
// point and S is zero. The standard library accepts it.
func TestKeySmallOrder(t *testing.T) {
	neutral := make([]byte, ed25519.PublicKeySize)
	neutral[0] = 1
	forged := make([]byte, ed25519.SignatureSize)
	forged[0] = 1
	if !ed25519.Verify(neutral, []byte("anything"), forged) {
		t.Error("the standard library refuses by itself")
	}
	for _, y := range lowOrder {
		for _, sign := range []byte{0, 0x80} {
			p := []byte(y)
			p[31] |= sign
			_, err := NewKey("", EdDSA, ed25519.PublicKey(p))
			wantCode(t, err, "key.point")
			_, err = ParseKey(`{"kty":"OKP","crv":"Ed25519","x":"` + b64(p) + `"}`)
			wantCode(t, err, "key.point")
			_, _, err = ParseProof(b64([]byte(`{"typ":"dpop+jwt","alg":"EdDSA","jwk":{"kty":"OKP","crv":"Ed25519","x":"`+b64(p)+`"}}`))+
				"."+b64([]byte(`{}`))+"."+b64(forged), 0)
			wantCode(t, err, "token.proof_key")
		}
	}
}
