package authn

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/jose"
)

const proofURI = "https://shop.example.com/orders/1"

func proofRequest() *gatehouse.Request {
	return &gatehouse.Request{Method: "POST", Scheme: "https", Authority: "shop.example.com", Path: "/orders/1", Query: "a=b"}
}

func ath(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// proof signs a DPoP proof for proofRequest and the token "token"; a nil value
// takes a member away.
func proof(t testing.TB, key *jose.SigningKey, header, change map[string]any) string {
	t.Helper()
	h := map[string]any{"typ": "dpop+jwt", "jwk": key.Public(), "kid": nil}
	maps.Copy(h, header)
	maps.DeleteFunc(h, func(name string, v any) bool { return v == nil && name != "kid" })
	c := map[string]any{"jti": "j1", "htm": "POST", "htu": proofURI, "iat": jwtNow.Unix(), "ath": ath("token")}
	maps.Copy(c, change)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	p, err := jose.Sign(key, h, c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestDPoPProof(t *testing.T) {
	key, other := jwtKey(t, "", jose.ES256), jwtKey(t, "", jose.ES256)
	rsa512, secret := jwtKey(t, "", jose.RS512), jwtKey(t, "", jose.HS256)
	jkt := key.Public().Thumbprint()
	type m = map[string]any
	good := proof(t, key, nil, nil)
	bad := func(header, claims m) []string { return []string{proof(t, key, header, claims)} }
	at := func(d time.Duration) int64 { return jwtNow.Add(d).Unix() }
	for _, tc := range []struct {
		name   string
		proofs []string
		jkt    string
		code   string
	}{
		{name: "good", proofs: []string{good}},
		{name: "oldest", proofs: bad(nil, m{"iat": at(-60 * time.Second)})},
		{name: "a little ahead", proofs: bad(nil, m{"iat": at(5 * time.Second)})},
		{name: "default port, case", proofs: bad(nil, m{"htu": "HTTPS://Shop.Example.com:443/orders/1"})},
		{name: "another spelling", proofs: bad(nil, m{"htu": "https://shop.example.com/%6frders/%31"})},
		{name: "typ with prefix", proofs: bad(m{"typ": "application/dpop+jwt"}, nil), code: "dpop.type"},
		{name: "none", code: "dpop.missing"},
		{name: "two", proofs: []string{good, good}, code: "dpop.multiple"},
		{name: "two in one field", proofs: []string{good + ", " + good}, code: "dpop.malformed"},
		{name: "empty", proofs: []string{""}, code: "dpop.malformed"},
		{name: "too long", proofs: []string{strings.Repeat("a", maxProof+1)}, code: "dpop.malformed"},
		{name: "typ", proofs: bad(m{"typ": "JWT"}, nil), code: "dpop.type"},
		{name: "no typ", proofs: bad(m{"typ": nil}, nil), code: "dpop.type"},
		{name: "no jwk", proofs: bad(m{"jwk": nil}, nil), code: "dpop.key"},
		{name: "private jwk", proofs: bad(m{"jwk": m{"kty": "OKP", "crv": "Ed25519", "x": ath("x"), "d": ath("d")}}, nil), code: "dpop.key"},
		{name: "hmac", proofs: []string{hmacProof(t, secret)}, code: "dpop.key"},
		{name: "algorithm", proofs: []string{proof(t, rsa512, nil, nil)}, jkt: rsa512.Public().Thumbprint(), code: "dpop.algorithm"},
		{name: "unsigned", proofs: []string{b64(`{"typ":"dpop+jwt","alg":"none","jwk":{}}`) + "." + b64(`{}`) + "."}, code: "dpop.algorithm"},
		{name: "another key", proofs: []string{proof(t, other, nil, nil)}, code: "dpop.key_mismatch"},
		{name: "key of another", proofs: []string{proof(t, other, m{"jwk": key.Public()}, nil)}, code: "dpop.signature"},
		{name: "changed", proofs: []string{swapPayload(good, proof(t, key, nil, m{"jti": "j2"}))}, code: "dpop.signature"},
		{name: "method", proofs: bad(nil, m{"htm": "GET"}), code: "dpop.method"},
		{name: "method case", proofs: bad(nil, m{"htm": "post"}), code: "dpop.method"},
		{name: "no method", proofs: bad(nil, m{"htm": nil}), code: "dpop.method"},
		{name: "path", proofs: bad(nil, m{"htu": "https://shop.example.com/orders/2"}), code: "dpop.uri"},
		{name: "longer path", proofs: bad(nil, m{"htu": proofURI + "/x"}), code: "dpop.uri"},
		{name: "encoded slash", proofs: bad(nil, m{"htu": "https://shop.example.com/orders%2F1"}), code: "dpop.uri"},
		{name: "scheme", proofs: bad(nil, m{"htu": "http://shop.example.com/orders/1"}), code: "dpop.uri"},
		{name: "host", proofs: bad(nil, m{"htu": "https://evil.example.com/orders/1"}), code: "dpop.uri"},
		{name: "port", proofs: bad(nil, m{"htu": "https://shop.example.com:8443/orders/1"}), code: "dpop.uri"},
		{name: "user", proofs: bad(nil, m{"htu": "https://x@shop.example.com/orders/1"}), code: "dpop.uri"},
		{name: "query", proofs: bad(nil, m{"htu": proofURI + "?a=b"}), code: "dpop.uri"},
		{name: "fragment", proofs: bad(nil, m{"htu": proofURI + "#"}), code: "dpop.uri"},
		{name: "relative", proofs: bad(nil, m{"htu": "/orders/1"}), code: "dpop.uri"},
		{name: "no uri", proofs: bad(nil, m{"htu": nil}), code: "dpop.uri"},
		{name: "ath", proofs: bad(nil, m{"ath": ath("another")}), code: "dpop.token_hash"},
		{name: "no ath", proofs: bad(nil, m{"ath": nil}), code: "dpop.token_hash"},
		{name: "stale", proofs: bad(nil, m{"iat": at(-61 * time.Second)}), code: "dpop.stale"},
		{name: "future", proofs: bad(nil, m{"iat": at(6 * time.Second)}), code: "dpop.future"},
		{name: "no iat", proofs: bad(nil, m{"iat": nil}), code: "dpop.malformed"},
		{name: "iat text", proofs: bad(nil, m{"iat": "now"}), code: "dpop.malformed"},
		{name: "exp", proofs: bad(nil, m{"exp": at(0)}), code: "dpop.stale"},
		{name: "nbf", proofs: bad(nil, m{"nbf": at(time.Minute)}), code: "dpop.future"},
		{name: "no jti", proofs: bad(nil, m{"jti": nil}), code: "dpop.malformed"},
		{name: "long jti", proofs: bad(nil, m{"jti": strings.Repeat("j", 257)}), code: "dpop.malformed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := &prover{window: proofWindow{age: time.Minute}, store: newReplayStore(), limit: 10}
			s := &shown{secret: "token", proofs: len(tc.proofs)}
			if len(tc.proofs) > 0 {
				s.proof = tc.proofs[len(tc.proofs)-1]
			}
			if tc.jkt == "" {
				tc.jkt = jkt
			}
			wantCode(t, p.check(proofRequest(), s, tc.jkt, jwtNow), tc.code)
			if tc.code != "" && p.store.len() != 0 {
				t.Error("a refused proof took a place in the store")
			}
		})
	}
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// hmacProof is signed with a secret that its own jwk shows.
func hmacProof(t testing.TB, key *jose.SigningKey) string {
	t.Helper()
	p, err := jose.Sign(key, map[string]any{"typ": "dpop+jwt", "jwk": map[string]any{"kty": "oct", "k": ath("k")}}, map[string]any{"jti": "j"})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func swapPayload(a, b string) string {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	return x[0] + "." + y[1] + "." + x[2]
}

func TestDPoPReplay(t *testing.T) {
	key := jwtKey(t, "", jose.EdDSA)
	jkt := key.Public().Thumbprint()
	p := &prover{window: proofWindow{age: time.Minute}, store: newReplayStore(), limit: 2}
	check := func(claims map[string]any, now time.Time) error {
		return p.check(proofRequest(), &shown{secret: "token", proofs: 1, proof: proof(t, key, nil, claims)}, jkt, now)
	}
	wantCode(t, check(nil, jwtNow), "")
	// The jti counts, not the text of the proof.
	wantCode(t, check(map[string]any{"extra": 1}, jwtNow), "dpop.replayed")
	for _, later := range []time.Duration{0, 30 * time.Second, 60 * time.Second} {
		wantCode(t, check(nil, jwtNow.Add(later)), "dpop.replayed")
	}
	wantCode(t, check(nil, jwtNow.Add(61*time.Second)), "dpop.stale")
	wantCode(t, check(map[string]any{"jti": "j2"}, jwtNow), "")
	wantCode(t, check(map[string]any{"jti": "j3"}, jwtNow), "dpop.replay_store_full")
}

func TestDPoPNonce(t *testing.T) {
	key := jwtKey(t, "", jose.ES256)
	jkt := key.Public().Thumbprint()
	p := &prover{window: proofWindow{age: time.Minute}, store: newReplayStore(), limit: 100, nonces: newNonceSource()}
	n := 0
	check := func(nonce any) error {
		n++
		s := &shown{secret: "token", proofs: 1, proof: proof(t, key, nil, map[string]any{"jti": fmt.Sprint(n), "nonce": nonce})}
		return p.check(proofRequest(), s, jkt, jwtNow)
	}
	wantCode(t, check(nil), "dpop.nonce")
	wantCode(t, check("x"), "dpop.nonce")
	wantCode(t, check(7), "dpop.nonce")
	wantCode(t, check(newNonceSource().issue(jwtNow).value), "dpop.nonce")
	wantCode(t, check(p.nonces.issue(jwtNow.Add(-2*nonceLife)).value), "dpop.nonce")
	wantCode(t, check(p.nonces.issue(jwtNow.Add(nonceLife)).value), "dpop.nonce")
	wantCode(t, check(p.nonces.issue(jwtNow.Add(-nonceLife)).value), "")
	wantCode(t, check(p.nonces.issue(jwtNow).value), "")
}

// The example of RFC 9449, section 7.1.
func TestDPoPExampleOfTheRFC(t *testing.T) {
	const text = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6Ik" +
		"VDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCR" +
		"nMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JE" +
		"QSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIj" +
		"oiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0Z" +
		"WRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNF" +
		"c05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71E" +
		"OptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
	p := &prover{window: proofWindow{age: time.Minute}, store: newReplayStore(), limit: 10}
	r := &gatehouse.Request{Method: "GET", Scheme: "https", Authority: "resource.example.org", Path: "/protectedresource"}
	s := &shown{secret: "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU", proofs: 1, proof: text}
	wantCode(t, p.check(r, s, "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I", time.Unix(1562262618, 0)), "")
}

func FuzzDPoPProof(f *testing.F) {
	// All fuzzing processes have one key, or no input would get beyond it.
	key, err := jose.NewSigningKey("", jose.EdDSA, ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		f.Fatal(err)
	}
	jkt := key.Public().Thumbprint()
	good := proof(f, key, nil, nil)
	f.Add(good, proofURI, "POST")
	f.Add(good+".", proofURI+"?", "post")
	f.Add(proof(f, key, nil, map[string]any{"jti": "x\u0000", "exp": 1e300, "nonce": []any{}}), proofURI, "POST")
	f.Add("e30.e30.e30", "https://shop.example.com/%6frders/1", "GET")
	f.Fuzz(func(t *testing.T, text, uri, method string) {
		p := &prover{window: proofWindow{age: time.Minute}, store: newReplayStore(), limit: 10}
		s := &shown{secret: "token", proofs: 1, proof: text}
		if err := p.check(proofRequest(), s, jkt, jwtNow); err == nil && text != good && !strings.HasPrefix(text, strings.Split(good, ".")[0]) {
			t.Fatalf("accepted %q", text)
		}
		r := proofRequest()
		r.Method = method
		if sameURI(uri, r) && strings.ContainsAny(uri, "?#@ ") {
			t.Fatalf("%q is the request's URI", uri)
		}
		if !samePath(uri, uri) {
			t.Fatalf("%q is not itself", uri)
		}
	})
}

func BenchmarkDPoPProof(b *testing.B) {
	key := jwtKey(b, "", jose.ES256)
	jkt, text := key.Public().Thumbprint(), proof(b, key, nil, nil)
	p := &prover{window: proofWindow{age: time.Minute}, store: newReplayStore(), limit: 10}
	r, s := proofRequest(), &shown{secret: "token", proofs: 1, proof: text}
	b.ReportAllocs()
	for b.Loop() {
		p.store = newReplayStore()
		if err := p.check(r, s, jkt, jwtNow); err != nil {
			b.Fatal(err)
		}
	}
}

// A request that waited longer than the store allows for is refused: what it shows
// may have been used, and forgotten, meanwhile.
func TestDPoPWaitedTooLong(t *testing.T) {
	h := newHouse(t, nil)
	token := h.token(map[string]any{"cnf": map[string]any{"jkt": h.proof.Public().Thumbprint()}})
	for waited, code := range map[time.Duration]string{0: "", replaySlack: "", replaySlack + time.Second: "dpop.stale"} {
		x := h.dpop(token, map[string]any{"jti": waited.String(), "iat": jwtNow.Add(-waited).Unix()})
		x.Start = jwtNow.Add(-waited)
		_, err := h.chain(APIOptions{Methods: []string{"main"}}).Authenticate(context.Background(), x)
		wantCode(t, err, code)
	}
}

// A longer max_age does not bring proofs back to life that were used, and
// forgotten, under the shorter one.
func TestDPoPReplayOverReload(t *testing.T) {
	h := newHouse(t, nil)
	ctx := context.Background()
	token := h.token(map[string]any{"cnf": map[string]any{"jkt": h.proof.Public().Thumbprint()}, "exp": jwtNow.Add(time.Hour).Unix()})
	at := func(iat, now time.Duration) *gatehouse.Exchange {
		x := h.dpop(token, map[string]any{"jti": iat.String(), "iat": jwtNow.Add(iat).Unix()})
		x.Start = jwtNow.Add(now)
		return x
	}
	ask := func(x *gatehouse.Exchange, code string) {
		t.Helper()
		_, err := h.chain(APIOptions{Methods: []string{"main"}}).Authenticate(ctx, x)
		wantCode(t, err, code)
	}
	ask(at(0, 0), "")
	ask(at(5*time.Second, 0), "")
	h.cfg.DPoP.MaxAge = 5 * time.Minute
	h.svc = h.service() // at jwtNow
	h.svc.Settle()
	ask(at(0, 10*time.Second), "dpop.replayed")
	ask(at(30*time.Second, 30*time.Second), "")
	// By now the store has forgotten what was used before.
	ask(at(76*time.Second, 76*time.Second), "")
	ask(at(0, 80*time.Second), "dpop.stale")
	ask(at(5*time.Second, 80*time.Second), "dpop.stale")
	ask(at(30*time.Second, 80*time.Second), "dpop.replayed")
	ask(at(40*time.Second, 110*time.Second), "")
}
