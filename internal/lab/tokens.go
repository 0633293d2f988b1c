package lab

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Claims say what a token is to hold. Whatever is left out has a lawful default.
type Claims struct {
	Subject, ClientID, Scope, Plan string
	Roles, Audience                []string
	SessionID, GrantID             string
	// JKT binds the token to a DPoP key, X5T to a client certificate.
	JKT, X5T string
	// IssuedAt is now, and Life ten minutes, where zero.
	IssuedAt time.Time
	Life     time.Duration
	// Alg is ES256, EdDSA or RS256; ES256 where empty.
	Alg string
	// Extra claims stand over all others; a nil value removes one.
	Extra map[string]any
}

func (is *Issuer) claims(c Claims) map[string]any {
	iat := c.IssuedAt
	if iat.IsZero() {
		iat = time.Now()
	}
	life := c.Life
	if life == 0 {
		life = tokenLife
	}
	if c.ClientID == "" {
		c.ClientID = WebClient
	}
	if len(c.Audience) == 0 {
		c.Audience = []string{Audience}
	}
	m := map[string]any{"iss": is.URL, "sub": c.Subject, "client_id": c.ClientID, "aud": c.Audience,
		"iat": iat.Unix(), "exp": iat.Add(life).Unix(), "jti": rand.Text()}
	for name, v := range map[string]string{"scope": c.Scope, "plan": c.Plan, "sid": c.SessionID, "grant_id": c.GrantID} {
		if v != "" {
			m[name] = v
		}
	}
	if len(c.Roles) > 0 {
		roles := make([]any, len(c.Roles))
		for i, r := range c.Roles {
			roles[i] = r
		}
		m["roles"] = roles
	}
	switch {
	case c.JKT != "":
		m["cnf"] = map[string]any{"jkt": c.JKT}
	case c.X5T != "":
		m["cnf"] = map[string]any{"x5t#S256": c.X5T}
	}
	for k, v := range c.Extra {
		if v == nil {
			delete(m, k)
		} else {
			m[k] = v
		}
	}
	return m
}

// Token makes a signed access token (RFC 9068).
func (is *Issuer) Token(c Claims) string {
	token, _ := is.TokenID(c)
	return token
}

// TokenID is Token and tells the token's jti too.
func (is *Issuer) TokenID(c Claims) (token, jti string) {
	claims := is.claims(c)
	jti, _ = claims["jti"].(string)
	return is.sign(c.Alg, map[string]any{"typ": "at+jwt"}, claims), jti
}

func (is *Issuer) key(alg string) signingKey {
	is.mu.Lock()
	defer is.mu.Unlock()
	for _, k := range is.current {
		if k.alg == alg {
			return k
		}
	}
	return is.current[0]
}

// sign makes a JWS with the issuer's key for alg, and whatever header is asked
// for: over alg and kid, too.
func (is *Issuer) sign(alg string, header, claims map[string]any) string {
	key := is.key(alg)
	return key.jws(header, claims)
}

func (k signingKey) jws(header, claims map[string]any) string {
	h := map[string]any{"alg": k.alg, "kid": k.id}
	maps.Copy(h, header)
	maps.DeleteFunc(h, func(_ string, v any) bool { return v == nil })
	input := segment(h) + "." + segment(claims)
	return input + "." + base64.RawURLEncoding.EncodeToString(k.signature(input))
}

func segment(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // maps of plain values always marshal
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

func (k signingKey) signature(input string) []byte {
	sum := sha256.Sum256([]byte(input))
	switch key := k.private.(type) {
	case ed25519.PrivateKey:
		return ed25519.Sign(key, []byte(input))
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
		if err != nil {
			panic(err)
		}
		out := make([]byte, 64) // RFC 7518, section 3.4
		r.FillBytes(out[:32])
		s.FillBytes(out[32:])
		return out
	case *rsa.PrivateKey:
		out, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
		if err != nil {
			panic(err)
		}
		return out
	}
	panic("lab: no such kind of key")
}

func newECKey(id string) (signingKey, error) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return signingKey{id, "ES256", ec}, err
}

// newSigningKeys makes one key for each algorithm.
func newSigningKeys(name string) ([]signingKey, error) {
	ec, err := newECKey("es-" + name)
	if err != nil {
		return nil, err
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	return []signingKey{ec, {"ed-" + name, "EdDSA", ed}, {"rs-" + name, "RS256", rs}}, nil
}

func (k signingKey) public() jose.JSONWebKey {
	return jose.JSONWebKey{Key: k.private.Public(), KeyID: k.id, Algorithm: k.alg, Use: "sig"}
}

// keySet is the JSON of the keys' public halves (RFC 7517).
func keySet(keys []signingKey) ([]byte, error) {
	set := jose.JSONWebKeySet{}
	for _, k := range keys {
		set.Keys = append(set.Keys, k.public())
	}
	return json.Marshal(set)
}

// thumbprint is the key's JWK thumbprint (RFC 7638).
func (k signingKey) thumbprint() string {
	jwk := k.public()
	sum, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(sum)
}

// verifyJWT checks signature, type, issuer, audience and life.
func verifyJWT(token string, keys []signingKey, issuer string) (map[string]any, bool) {
	sig, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256, jose.EdDSA, jose.RS256})
	if err != nil || sig.Signatures[0].Header.ExtraHeaders[jose.HeaderType] != "at+jwt" {
		return nil, false
	}
	for _, k := range keys {
		if k.id != sig.Signatures[0].Header.KeyID || k.alg != sig.Signatures[0].Header.Algorithm {
			continue
		}
		raw, err := sig.Verify(k.private.Public())
		if err != nil {
			return nil, false
		}
		var claims map[string]any
		if json.Unmarshal(raw, &claims) != nil || claims["iss"] != issuer || !hasAudience(claims["aud"]) {
			return nil, false
		}
		exp, ok := claims["exp"].(float64)
		now := float64(time.Now().Unix())
		iat, _ := claims["iat"].(float64)
		return claims, ok && now < exp && iat <= now+5
	}
	return nil, false
}

func hasAudience(aud any) bool {
	list, _ := aud.([]any)
	for _, a := range list {
		if a == Audience {
			return true
		}
	}
	return aud == Audience
}

// A Prover makes proofs of possession (RFC 9449) with a key of its own.
type Prover struct{ key signingKey }

// NewProver makes a key.
func NewProver() (*Prover, error) {
	key, err := newECKey("")
	return &Prover{key}, err
}

// Thumbprint is the cnf.jkt of tokens bound to the key.
func (p *Prover) Thumbprint() string { return p.key.thumbprint() }

// Proof makes a DPoP header for one request with one access token. Claims in over
// replace the lawful ones.
func (p *Prover) Proof(method, htu, token string, over map[string]any) string {
	sum := sha256.Sum256([]byte(token))
	claims := map[string]any{"jti": rand.Text(), "htm": method, "htu": htu, "iat": time.Now().Unix(),
		"ath": base64.RawURLEncoding.EncodeToString(sum[:])}
	maps.Copy(claims, over)
	jwk := jose.JSONWebKey{Key: p.key.private.Public()}
	raw, err := jwk.MarshalJSON()
	if err != nil {
		panic(err)
	}
	h := map[string]any{"alg": p.key.alg, "typ": "dpop+jwt", "jwk": json.RawMessage(raw)}
	input := segment(h) + "." + segment(claims)
	return input + "." + base64.RawURLEncoding.EncodeToString(p.key.signature(input))
}

// proofThumbprint reads the key of a proof after checking that it signed it.
func proofThumbprint(proof string) (string, bool) {
	sig, err := jose.ParseSignedCompact(proof, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil || sig.Signatures[0].Header.JSONWebKey == nil {
		return "", false
	}
	jwk := sig.Signatures[0].Header.JSONWebKey
	if _, err := sig.Verify(jwk); err != nil {
		return "", false
	}
	sum, err := jwk.Thumbprint(crypto.SHA256)
	return base64.RawURLEncoding.EncodeToString(sum), err == nil && strings.Count(proof, ".") == 2
}
