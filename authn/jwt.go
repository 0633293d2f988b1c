package authn

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/jose"
)

// confirmation is a token's cnf claim (RFC 7800): at most one is non-empty. Both
// empty, the token is bound to nothing.
type confirmation struct {
	jkt string // thumbprint of a DPoP key (RFC 9449, section 6)
	x5t string // SHA-256 thumbprint of a certificate (RFC 8705, section 3.1)
}

// verified is what a token proved. It is immutable and shared by all requests
// that show the token; confirmation and revocation are looked at in each.
type verified struct {
	principal *gatehouse.Principal
	cnf       confirmation
	// The proof is good from notBefore until just before expires; both have the
	// issuer's clock skew in them.
	notBefore, expires time.Time
	issuer             string // the name of the issuer in the configuration
}

// goodAt reports whether now is within the token's time.
func (v *verified) goodAt(now time.Time) bool {
	return !now.Before(v.notBefore) && now.Before(v.expires)
}

// A tokenVerifier verifies the JWT access tokens of all issuers that publish
// keys. It belongs to one configuration; what it remembers dies with it, its keys
// live in the keyStore.
type tokenVerifier struct {
	profiles map[string]*profile // by exact iss
	cache    *tokenCache
	sources  []sourceID
}

// A profile is how one issuer's tokens are judged.
type profile struct {
	name       string
	issuer     string
	audience   []string
	algorithms []jose.Algorithm
	types      []string // lower case, without "application/"
	cognito    []string
	missing    []string
	maxAge     time.Duration
	skew       time.Duration
	claims     claimPaths
	keys       *keySource
}

// newTokenVerifier makes a verifier for the issuers among cfgs that are judged by
// signature; those that are asked (introspection) are passed over. It begins to
// fetch their keys and does not wait for them.
func newTokenVerifier(cfgs []IssuerConfig, keys *keyStore, now func() time.Time) (*tokenVerifier, error) {
	v := &tokenVerifier{profiles: map[string]*profile{}, cache: newTokenCache(defaultTokenCache)}
	for _, c := range cfgs {
		if c.Introspection != nil {
			continue
		}
		if _, taken := v.profiles[c.Issuer]; taken {
			return nil, &gatehouse.Error{Code: "config.duplicate", Message: "two issuers of one iss",
				At: gatehouse.Position{File: "issuers"}}
		}
		p, err := newProfile(c)
		if err != nil {
			return nil, err
		}
		id := sourceID{issuer: c.Issuer, discovery: c.Keys.Discovery, url: c.Keys.URL, file: c.Keys.File}
		if p.keys, err = keys.source(id, c.Keys.Refresh); err != nil {
			return nil, err
		}
		v.sources = append(v.sources, id)
		v.profiles[c.Issuer] = p
	}
	for _, p := range v.profiles {
		p.keys.prefetch(now())
	}
	return v, nil
}

func newProfile(c IssuerConfig) (*profile, error) {
	p := &profile{
		name: c.Name, issuer: c.Issuer, audience: c.Audience,
		types:   []string{"at+jwt"},
		cognito: c.Exceptions.CognitoClients, missing: c.Exceptions.Missing,
		maxAge: c.MaxAge, skew: c.ClockSkew, claims: newClaimPaths(c.Claims),
	}
	for _, a := range c.Algorithms {
		// A public key must never become an HMAC secret (RFC 8725, section 2.1).
		if alg := jose.Algorithm(a); !alg.Known() || alg.Symmetric() {
			return nil, &gatehouse.Error{Code: "config.algorithm",
				Message: "not an algorithm for access tokens", At: gatehouse.Position{File: "issuers"}}
		}
		p.algorithms = append(p.algorithms, jose.Algorithm(a))
	}
	for _, typ := range c.Exceptions.Typ {
		p.types = append(p.types, mediaType(typ))
	}
	return p, nil
}

// verify judges one token. The audience of the API that is called, where given,
// is demanded besides the issuer's. Errors have Status 401, or 503 where the
// issuer's keys could not be had.
func (v *tokenVerifier) verify(ctx context.Context, token string, resourceAudience []string, now time.Time) (*verified, error) {
	hash := v.cache.hash(token)
	if e := v.cache.get(hash, token); e != nil {
		keys, err := e.profile.keys.current(ctx, now)
		if err == nil && keys == e.keys && e.verified.goodAt(now) && e.meant(resourceAudience) {
			return &e.verified, nil
		}
	}
	t, err := jose.Parse(token, jose.MaxToken)
	if err != nil {
		return nil, err
	}
	p, err := v.profileOf(t.Claims)
	if err != nil {
		return nil, err
	}
	e, err := p.judge(t, now)
	if err != nil {
		return nil, err
	}
	if !e.meant(resourceAudience) {
		return nil, errJWTAudience
	}
	if e.keys, err = p.checkSignature(ctx, t, now); err != nil {
		return nil, err
	}
	// What is remembered must not pin the message that carried it.
	e.token = strings.Clone(token)
	v.cache.put(hash, e, now)
	return &e.verified, nil
}

func (v *tokenVerifier) profileOf(c jose.Claims) (*profile, error) {
	iss, ok, err := c.String("iss")
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, errJWTNoIssuer
	}
	p, ok := v.profiles[iss]
	if !ok {
		return nil, errJWTIssuer
	}
	return p, nil
}

// judge checks everything about a token but its signature, cheapest first, and
// makes the Principal that it stands for once the signature is checked too.
func (p *profile) judge(t *jose.Token, now time.Time) (*cached, error) {
	if !slices.Contains(p.algorithms, t.Header.Algorithm) {
		return nil, errJWTAlgorithm
	}
	if err := p.checkKind(t); err != nil {
		return nil, err
	}
	e := &cached{profile: p}
	e.verified.issuer = p.name
	var err error
	if e.audience, err = p.checkAudience(t.Claims); err != nil {
		return nil, err
	}
	life, err := p.checkTimes(t.Claims, now)
	if err != nil {
		return nil, err
	}
	e.verified.notBefore, e.verified.expires = life.from.Add(-p.skew), life.until.Add(p.skew)
	if e.verified.cnf, err = readConfirmation(t.Claims); err != nil {
		return nil, err
	}
	if e.verified.principal, err = p.principal(t.Claims, life); err != nil {
		return nil, err
	}
	// The chain hands it out only with the proof.
	e.verified.principal.SenderBound = e.verified.cnf != (confirmation{})
	return e, nil
}

// checkSignature finds the key and verifies. A kid that the set does not know
// makes the source look once more, as often as it allows.
func (p *profile) checkSignature(ctx context.Context, t *jose.Token, now time.Time) (*keyVersion, error) {
	keys, err := p.keys.current(ctx, now)
	if err != nil {
		return nil, err
	}
	key, err := keys.set.Find(&t.Header)
	if err != nil && reasonCode(err) == "token.key_unknown" {
		if keys, err = p.keys.newer(ctx, now, keys); err != nil {
			return nil, err
		}
		key, err = keys.set.Find(&t.Header)
	}
	if err != nil {
		return nil, err
	}
	return keys, t.Verify(key)
}

func reasonCode(err error) string {
	if e, ok := err.(*gatehouse.Error); ok {
		return e.Code
	}
	return ""
}

// mediaType compares types as RFC 7515, section 4.1.9 says: without case, and
// "application/" may be left out.
func mediaType(typ string) string {
	typ = strings.ToLower(typ)
	return strings.TrimPrefix(typ, "application/")
}

// The refusals of this file and of jwt_claims.go; jose has those of form.
var (
	errJWTNoIssuer    = refusal(http.StatusUnauthorized, "token.no_issuer", "the token names no issuer")
	errJWTIssuer      = refusal(http.StatusUnauthorized, "token.issuer", "the token is of an issuer that is not configured")
	errJWTAlgorithm   = refusal(http.StatusUnauthorized, "token.algorithm", "the issuer's tokens are not signed with this algorithm")
	errJWTType        = refusal(http.StatusUnauthorized, "token.typ", "the header's typ is not that of an access token")
	errJWTIDToken     = refusal(http.StatusUnauthorized, "token.id_token", "an ID token is not an access token")
	errJWTLogout      = refusal(http.StatusUnauthorized, "token.event_token", "a logout or security event token is not an access token")
	errJWTProof       = refusal(http.StatusUnauthorized, "token.proof", "a DPoP proof is not an access token")
	errJWTRefresh     = refusal(http.StatusUnauthorized, "token.refresh_token", "a refresh token is not an access token")
	errJWTNoAudience  = refusal(http.StatusUnauthorized, "token.no_audience", "the token names no audience")
	errJWTAudience    = refusal(http.StatusUnauthorized, "token.audience", "the token is for another audience")
	errJWTClient      = refusal(http.StatusUnauthorized, "token.client", "the token is of a client that is not listed")
	errJWTNoExpiry    = refusal(http.StatusUnauthorized, "token.no_expiry", "the token has no exp")
	errJWTEarly       = refusal(http.StatusUnauthorized, "token.not_yet_valid", "the token is not valid yet")
	errJWTFuture      = refusal(http.StatusUnauthorized, "token.issued_in_future", "the token was issued in the future")
	errJWTOld         = refusal(http.StatusUnauthorized, "token.too_old", "the token was issued too long ago")
	errJWTNoIssuedAt  = refusal(http.StatusUnauthorized, "token.no_issued_at", "the token has no iat")
	errJWTNoSubject   = refusal(http.StatusUnauthorized, "token.no_subject", "the token has no sub")
	errJWTNoClient    = refusal(http.StatusUnauthorized, "token.no_client", "the token has no client_id")
	errJWTNoID        = refusal(http.StatusUnauthorized, "token.no_id", "the token has no jti")
	errJWTClaimValue  = refusal(http.StatusUnauthorized, "token.claim_value", "a claim holds a character that it cannot have")
	errJWTBinding     = refusal(http.StatusUnauthorized, "token.confirmation", "the token is bound in a way that is not understood")
	errJWTUnavailable = &gatehouse.Error{Code: "keys.unavailable", Status: http.StatusServiceUnavailable,
		Message: "the issuer's keys could not be fetched"}
)
