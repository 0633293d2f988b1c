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

// A chain is the Authenticator of one API.
type chain struct {
	service *Service
	where   extractor
	issuers []string // names of the issuers whose JWTs are accepted
	iss     []string // their iss, in the same order
	asked   []*introspector
	// askFirst says that an issuer is asked whose JWTs the verifier knows, too, for
	// other APIs and by other rules.
	askFirst     bool
	audience     []string
	keys         *apiKeyFile // nil where API keys are not accepted
	mtls         bool
	requireBound bool
	challenges   challenges
}

// errIssuerHere refuses a good token of an issuer that this API does not trust.
var errIssuerHere = refusal(http.StatusUnauthorized, "token.issuer", "this API does not accept the token's issuer")

// Authenticate implements gatehouse.Authenticator: exactly one credential, judged
// by exactly one method. A client certificate is a credential only where nothing
// else was shown; otherwise it is what a token may be bound to.
func (c *chain) Authenticate(ctx context.Context, x *gatehouse.Exchange) (*gatehouse.Principal, error) {
	s, err := c.where.extract(&x.Request)
	x.Credential = gatehouse.Credential{Method: gatehouse.MethodNone, Scheme: s.scheme, Cookie: s.cookie}
	if err != nil {
		return nil, err
	}
	var p *gatehouse.Principal
	switch s.kind {
	case kindToken:
		p, err = c.token(ctx, x, &s)
	case kindKey:
		x.Credential.Method, x.Credential.Token = gatehouse.MethodAPIKey, s.secret
		p, err = c.keys.keys.Load().find(s.secret, x.Start)
	case kindOther:
		return nil, errOtherScheme
	default:
		if !c.mtls {
			return nil, errNoCredential
		}
		if p, err = c.service.certs.identify(x.Peer.TLS, x.Start); err == nil {
			x.Credential.Method = gatehouse.MethodMTLS
		}
	}
	if err != nil {
		return nil, err
	}
	if err := c.service.standing(p, x.Start); err != nil {
		return nil, err
	}
	return p, nil
}

// token judges an access token and how it is bound to whoever shows it.
func (c *chain) token(ctx context.Context, x *gatehouse.Exchange, s *shown) (*gatehouse.Principal, error) {
	x.Credential.Method, x.Credential.Token = gatehouse.MethodJWT, s.secret
	v, err := c.judge(ctx, x, s)
	if err != nil {
		if !isToken68(s.secret) {
			err = errMalformed
		}
		return nil, err
	}
	switch {
	case v.cnf.jkt != "" && s.scheme != "DPoP":
		return nil, errDowngrade
	case v.cnf.jkt == "" && s.scheme == "DPoP":
		return nil, errUnbound
	case v.cnf == (confirmation{}):
		if c.requireBound {
			return nil, errProofRequired
		}
		return v.principal, nil
	}
	if v.cnf.x5t != "" {
		if err := c.service.certs.bound(x.Peer.TLS, v.cnf.x5t); err != nil {
			return nil, err
		}
	}
	if v.cnf.jkt != "" {
		// The store of used proofs forgets by the clock: who waited for an issuer
		// comes too late to be told apart from who was here before.
		if c.service.now().Sub(x.Start) > replaySlack {
			return nil, errProofStale
		}
		if err := c.service.prover.check(&x.Request, s, v.cnf.jkt, x.Start); err != nil {
			return nil, err
		}
	}
	return v.principal, nil
}

// judge sends a token to whoever can judge it: the verifier of signatures, or an
// issuer that is asked. What looks like a JWT is verified first, because a token
// that is remembered is then found without being read.
func (c *chain) judge(ctx context.Context, x *gatehouse.Exchange, s *shown) (*verified, error) {
	if !c.looksSigned(s.secret) {
		return c.ask(ctx, x, s, c.asked)
	}
	if c.askFirst {
		if in := c.askedAbout(s.secret); len(in) > 0 {
			return c.ask(ctx, x, s, in)
		}
	}
	if len(c.issuers) > 0 {
		v, err := c.service.verifier.verify(ctx, s.secret, c.audience, x.Start)
		switch {
		case err == nil && slices.Contains(c.issuers, v.issuer):
			return v, nil
		case err != nil && reasonCode(err) != errIssuerHere.Code:
			return nil, err
		}
	}
	return c.ask(ctx, x, s, c.askedAbout(s.secret))
}

// looksSigned reports whether a token is to be read as a JWT: three segments, the
// first of which begins with an encoded brace. Other texts may have points, too;
// where nobody is asked, the verifier refuses them.
func (c *chain) looksSigned(token string) bool {
	if len(c.asked) == 0 {
		return true
	}
	return strings.Count(token, ".") == 2 && (strings.HasPrefix(token, "ey") || strings.HasPrefix(token, "ew"))
}

// ask puts a token before the issuers that may know it, one after the other.
func (c *chain) ask(ctx context.Context, x *gatehouse.Exchange, s *shown, who []*introspector) (*verified, error) {
	if s.cookie || len(c.asked) == 0 {
		return nil, errIssuerHere
	}
	if !isToken68(s.secret) {
		return nil, errMalformed // nobody is asked about that
	}
	x.Credential.Method = gatehouse.MethodIntrospection
	var first error = errIssuerHere
	for i, in := range who {
		v, err := in.verify(ctx, s.secret, c.audience, x.Start)
		if err == nil {
			return v, nil
		}
		// Who could not be asked might have known the token.
		if i == 0 || statusOf(err) == http.StatusServiceUnavailable {
			first = err
		}
	}
	return nil, first
}

// askedAbout returns who is to be asked about a token that looks like a JWT: the
// issuers that its iss names, which is believed no further than that. Where no
// JWT is accepted, it may yet be anything, and all are asked.
func (c *chain) askedAbout(token string) []*introspector {
	if len(c.asked) == 0 {
		return nil
	}
	t, err := jose.Parse(token, maxCredential)
	if err != nil {
		if len(c.issuers) == 0 {
			return c.asked
		}
		return nil
	}
	iss, _, _ := t.Claims.String("iss")
	if slices.Contains(c.iss, iss) {
		return nil
	}
	var who []*introspector
	for _, in := range c.asked {
		if in.profile.issuer == iss {
			who = append(who, in)
		}
	}
	return who
}

func statusOf(err error) int {
	if e, ok := err.(*gatehouse.Error); ok {
		return e.Status
	}
	return 0
}

// standing asks the lists of revocations, for every request: what the caller's
// credential proved a moment ago may have ended since.
func (s *Service) standing(p *gatehouse.Principal, now time.Time) error {
	revoked, err := s.list.Revoked(p, now)
	if !revoked && s.shared != nil {
		var e error
		if revoked, e = s.shared.Revoked(p, now); e != nil {
			err = e
		}
	}
	switch {
	case revoked:
		return errRevoked
	case err == nil:
		return nil
	case s.revokeOpen:
		s.state.skipped.Add(1)
		return nil
	}
	return errRevocation(err)
}

// StillGood implements gatehouse.Standing.
func (c *chain) StillGood(p *gatehouse.Principal, now time.Time) error {
	if p.IsAnonymous() {
		return nil
	}
	if !p.Expires.IsZero() && !now.Before(p.Expires) {
		return errTokenExpired
	}
	if p.Method == gatehouse.MethodAPIKey && c.keys != nil {
		if k, ok := (*c.keys.keys.Load())[p.TokenID]; !ok || k.principal.Subject != p.Subject {
			return errKeyUnknown
		}
	}
	return c.service.standing(p, now)
}
