package authn

import (
	"slices"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/jose"
)

// checkKind refuses what is a JWT and no access token (RFC 8725, section 2.8):
// first by typ, then, for issuers whose access tokens have no typ of their own, by
// what only the other kinds carry.
func (p *profile) checkKind(t *jose.Token) error {
	switch typ := mediaType(t.Header.Type); {
	case typ == "dpop+jwt":
		return errJWTProof
	case typ == "logout+jwt" || typ == "secevent+jwt":
		return errJWTLogout
	case !slices.Contains(p.types, typ):
		return errJWTType
	}
	c := t.Claims
	switch {
	case c.Has("htm") || c.Has("htu"):
		return errJWTProof
	case c.Has("events"):
		return errJWTLogout
	case c.Has("at_hash") || c.Has("c_hash") || c.Has("s_hash"):
		return errJWTIDToken
	case c.Has("nonce") && !c.Has("scope") && !c.Has("scp"):
		return errJWTIDToken
	}
	// Keycloak says what a token is in typ, Cognito in token_use.
	for _, name := range []string{"typ", "token_use"} {
		switch s, _ := c[name].(string); strings.ToLower(s) {
		case "id":
			return errJWTIDToken
		case "refresh", "offline":
			return errJWTRefresh
		case "logout":
			return errJWTLogout
		}
	}
	return nil
}

// checkAudience returns the token's audience, of which one is this resource
// server. Amazon Cognito's access tokens have none: there the client is looked up
// in a list.
func (p *profile) checkAudience(c jose.Claims) ([]string, error) {
	aud, ok, err := c.Audience()
	if err != nil {
		return nil, err
	}
	if ok {
		if !meet(aud, p.audience) {
			return nil, errJWTAudience
		}
		return aud, nil
	}
	if len(p.cognito) == 0 {
		return nil, errJWTNoAudience
	}
	use, _, err := c.String("token_use")
	if err != nil {
		return nil, err
	}
	client, _, err := c.String("client_id")
	if err != nil {
		return nil, err
	}
	if use != "access" || !slices.Contains(p.cognito, client) {
		return nil, errJWTClient
	}
	return nil, nil
}

// meet reports whether the two lists share a member.
func meet(a, b []string) bool {
	for _, s := range a {
		if slices.Contains(b, s) {
			return true
		}
	}
	return false
}

// A lifetime is when a token is good, by the issuer's clock. The claims are kept:
// until may be earlier than exp, by the cap on age.
type lifetime struct {
	issued      time.Time
	from, until time.Time
}

func (p *profile) checkTimes(c jose.Claims, now time.Time) (life lifetime, err error) {
	exp, ok, err := c.Time("exp")
	switch {
	case err != nil:
		return life, err
	case !ok:
		return life, errJWTNoExpiry
	case !now.Before(exp.Add(p.skew)):
		return life, errTokenExpired
	}
	iat, ok, err := c.Time("iat")
	switch {
	case err != nil:
		return life, err
	case !ok:
		return life, errJWTNoIssuedAt
	case iat.After(now.Add(p.skew)):
		return life, errJWTFuture
	case !now.Before(iat.Add(p.maxAge + p.skew)):
		return life, errJWTOld
	}
	nbf, _, err := c.Time("nbf")
	if err != nil {
		return life, err
	}
	if nbf.After(now.Add(p.skew)) {
		return life, errJWTEarly
	}
	life = lifetime{issued: iat, from: iat, until: exp}
	if nbf.After(iat) {
		life.from = nbf
	}
	if oldest := iat.Add(p.maxAge); oldest.Before(exp) {
		life.until = oldest
	}
	return life, nil
}

// readConfirmation reads cnf. A binding that is not understood is no binding that
// may be ignored: the token would come down to a bearer token.
func readConfirmation(c jose.Claims) (confirmation, error) {
	cnf, ok, err := c.Object("cnf")
	if err != nil || !ok {
		return confirmation{}, err
	}
	if len(cnf) != 1 {
		return confirmation{}, errJWTBinding
	}
	jkt, hasKey, err := cnf.String("jkt")
	if err != nil {
		return confirmation{}, err
	}
	x5t, hasCert, err := cnf.String("x5t#S256")
	if err != nil {
		return confirmation{}, err
	}
	const sha256Length = 43 // characters of base64url
	if (hasKey && len(jkt) == sha256Length) || (hasCert && len(x5t) == sha256Length) {
		return confirmation{jkt: jkt, x5t: x5t}, nil
	}
	return confirmation{}, errJWTBinding
}

// claimPaths are where an issuer keeps what a Principal needs.
type claimPaths struct{ roles, tier, session, grant claimPath }

// A claimPath is a path through nested objects: ["realm_access", "roles"]. The
// whole name is tried first, for claims called "https://example.com/roles".
type claimPath struct {
	whole string
	steps []string
}

func newClaimPaths(c ClaimsConfig) claimPaths {
	return claimPaths{newClaimPath(c.Roles), newClaimPath(c.Tier), newClaimPath(c.Session), newClaimPath(c.Grant)}
}

func newClaimPath(s string) claimPath {
	p := claimPath{whole: s}
	if strings.Contains(s, ".") {
		p.steps = strings.Split(s, ".")
	}
	return p
}

// in returns the object that holds the claim, and the claim's name in it.
func (p claimPath) in(c jose.Claims) (jose.Claims, string, error) {
	if len(p.steps) == 0 || c.Has(p.whole) {
		return c, p.whole, nil
	}
	last := len(p.steps) - 1
	for _, step := range p.steps[:last] {
		inner, ok, err := c.Object(step)
		if err != nil || !ok {
			return nil, "", err
		}
		c = inner
	}
	return c, p.steps[last], nil
}

func (p claimPath) text(c jose.Claims) (string, error) {
	if p.whole == "" {
		return "", nil
	}
	c, name, err := p.in(c)
	if err != nil {
		return "", err
	}
	return inertText(c, name)
}

func (p claimPath) list(c jose.Claims) ([]string, error) {
	if p.whole == "" {
		return nil, nil
	}
	c, name, err := p.in(c)
	if err != nil {
		return nil, err
	}
	list, _, err := c.StringOrStrings(name)
	return list, firstError(err, inert(list...))
}

// principal makes the Principal of a token whose times are checked. Claims that a
// decision stands on have exactly the type that they should have.
func (p *profile) principal(c jose.Claims, life lifetime) (*gatehouse.Principal, error) {
	who := &gatehouse.Principal{
		Issuer: p.issuer, Method: gatehouse.MethodJWT,
		Claims: c, IssuedAt: life.issued, Expires: life.until,
	}
	var err error
	for _, f := range []struct {
		field *string
		claim string
		none  *gatehouse.Error // where the claim is required
	}{
		{&who.Subject, "sub", errJWTNoSubject},
		{&who.ClientID, "client_id", errJWTNoClient},
		{&who.TokenID, "jti", errJWTNoID},
		{&who.ACR, "acr", nil},
	} {
		if *f.field, err = inertText(c, f.claim); err != nil {
			return nil, err
		}
		if *f.field == "" && f.none != nil && !slices.Contains(p.missing, f.claim) {
			return nil, f.none
		}
	}
	if who.ClientID == "" { // allowed to be missing: OpenID Connect's word for it
		if who.ClientID, err = inertText(c, "azp"); err != nil {
			return nil, err
		}
	}
	if who.AuthTime, _, err = c.Time("auth_time"); err != nil {
		return nil, err
	}
	if who.Scopes, err = scopes(c); err != nil {
		return nil, err
	}
	if who.Roles, err = p.claims.roles.list(c); err != nil {
		return nil, err
	}
	if who.Tier, err = p.claims.tier.text(c); err != nil {
		return nil, err
	}
	if who.SessionID, err = p.claims.session.text(c); err != nil {
		return nil, err
	}
	if who.GrantID, err = p.claims.grant.text(c); err != nil {
		return nil, err
	}
	return who, nil
}

// scopes reads scope (RFC 9068, section 2.2.3), or scp as Okta and Microsoft
// write it.
func scopes(c jose.Claims) ([]string, error) {
	list, ok, err := c.Words("scope")
	if err == nil && !ok {
		list, _, err = c.Words("scp")
	}
	for _, s := range list {
		// Of an array: joined with others it would be two.
		if strings.IndexByte(s, ' ') >= 0 {
			return nil, errJWTClaimValue
		}
	}
	return list, firstError(err, inert(list...))
}

// inertText reads a string that may go into headers and logs, "" where there is
// none.
func inertText(c jose.Claims, name string) (string, error) {
	s, _, err := c.String(name)
	return s, firstError(err, inert(s))
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// inert refuses control characters, the C1 ones of UTF-8 included: a subject with
// a line break would be two lines of a log, or two headers.
func inert(list ...string) error {
	for _, s := range list {
		for i := 0; i < len(s); i++ {
			if c := s[i]; c < 0x20 || c == 0x7f || (c == 0xc2 && i+1 < len(s) && s[i+1] < 0xa0) {
				return errJWTClaimValue
			}
		}
	}
	return nil
}
