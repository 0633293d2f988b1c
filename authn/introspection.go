package authn

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/jose"
)

const (
	maxIntrospection = 64 << 10 // bytes of an answer
	// inactiveTTL is how long a token that is not active is known to be so; such
	// answers have places of their own, so that nobody can push the good ones out.
	inactiveTTL = 10 * time.Second
)

type tokenHash = [sha256.Size]byte

// hashOf hashes a text without a copy of it.
func hashOf(s string) [sha256.Size]byte {
	return sha256.Sum256(unsafe.Slice(unsafe.StringData(s), len(s))) // only read
}

// An introspector asks one issuer about its tokens (RFC 7662).
type introspector struct {
	name     string
	cfg      IntrospectionConfig
	profile  *profile
	audience bool // whether answers must name one
	client   *http.Client
	slots    chan struct{}
	answers  *answerCache
	stats    *introspectionStats
}

type introspectionStats struct{ asked, failed, remembered atomic.Int64 }

func newIntrospector(c IssuerConfig, answers *answerCache, stats *introspectionStats) *introspector {
	in := *c.Introspection
	return &introspector{
		name: c.Name, cfg: in, answers: answers, stats: stats,
		audience: !slices.Contains(c.Exceptions.Missing, "aud"),
		profile: &profile{
			name: c.Name, issuer: c.Issuer, audience: c.Audience, cognito: c.Exceptions.CognitoClients,
			missing: append([]string{"jti"}, c.Exceptions.Missing...), skew: c.ClockSkew, claims: newClaimPaths(c.Claims),
		},
		slots: make(chan struct{}, in.Concurrency),
		client: &http.Client{
			Timeout: in.Timeout,
			Transport: &http.Transport{
				MaxConnsPerHost: in.Concurrency, MaxIdleConnsPerHost: in.Concurrency,
				IdleConnTimeout: time.Minute, TLSHandshakeTimeout: in.Timeout, ForceAttemptHTTP2: true,
				MaxResponseHeaderBytes: 32 << 10,
			},
			// The client's secret goes to the configured place, and nowhere else.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// An answer is what an issuer said about one token. It is immutable; times,
// audience, binding and revocation are looked at whenever it is used.
type answer struct {
	verified verified
	audience []string
	err      *gatehouse.Error // why the token is no good, nil where it is
	until    time.Time        // when it is forgotten
}

// verify judges one token: by what the issuer said a moment ago, or by asking.
func (i *introspector) verify(ctx context.Context, token string, resourceAudience []string, now time.Time) (*verified, error) {
	hash := hashOf(token)
	a := i.answers.get(hash, now)
	if a == nil {
		var err error
		if a, err = i.askOnce(ctx, hash, strings.Clone(token), now); err != nil {
			return nil, err
		}
	} else {
		i.stats.remembered.Add(1)
	}
	switch {
	case a.err != nil:
		return nil, a.err
	case !now.Before(a.verified.expires):
		return nil, errIntrospectExpired
	case now.Before(a.verified.notBefore):
		return nil, errIntrospectEarly
	case len(resourceAudience) > 0 && !meet(a.audience, resourceAudience):
		return nil, errIntrospectAudience
	}
	return &a.verified, nil
}

// askOnce asks unless the same question is under way.
func (i *introspector) askOnce(ctx context.Context, hash tokenHash, token string, now time.Time) (*answer, error) {
	return i.answers.once(ctx, hash, now, func() (*answer, error) { return i.ask(hash, token, now) })
}

// ask puts one question and remembers the answer. It runs on its own time, not on
// that of the request that happened to come first.
func (i *introspector) ask(hash tokenHash, token string, now time.Time) (*answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), i.cfg.Timeout)
	defer cancel()
	i.stats.asked.Add(1)
	claims, err := i.post(ctx, token)
	if err != nil {
		i.stats.failed.Add(1)
		return nil, err
	}
	a, err := i.read(claims, now)
	if err != nil {
		i.stats.failed.Add(1)
		return nil, err
	}
	i.answers.put(hash, a, now)
	return a, nil
}

// post sends the question and reads the answer's claims. The error texts name
// neither token nor secret.
func (i *introspector) post(ctx context.Context, token string) (jose.Claims, error) {
	select {
	case i.slots <- struct{}{}:
		defer func() { <-i.slots }()
	case <-ctx.Done():
		return nil, unreachable(errors.New("too many questions are waiting"))
	}
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, i.cfg.URL, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, unreachable(errors.New("the URL is not usable"))
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	// RFC 6749, section 2.3.1: id and secret are form-encoded first.
	req.SetBasicAuth(url.QueryEscape(i.cfg.ClientID), url.QueryEscape(i.cfg.ClientSecret))
	resp, err := i.client.Do(req)
	if err != nil {
		return nil, unreachable(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxIntrospection+1))
	switch {
	case err != nil:
		return nil, unreachable(err)
	case resp.StatusCode != http.StatusOK:
		return nil, unreachable(fmt.Errorf("the endpoint answered with status %d", resp.StatusCode))
	case len(body) > maxIntrospection:
		return nil, badAnswer(fmt.Errorf("it is longer than %d bytes", maxIntrospection))
	}
	if media, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return nil, badAnswer(errors.New("it is not application/json"))
	}
	claims, err := jose.ParseClaims(string(body))
	if err != nil {
		return nil, badAnswer(err)
	}
	return claims, nil
}

// read judges what the issuer said. Only an active that is the boolean true is
// one (RFC 7662, section 2.2).
func (i *introspector) read(c jose.Claims, now time.Time) (*answer, error) {
	active, ok, err := c.Bool("active")
	if err != nil || !ok {
		return nil, badAnswer(errors.New("active is not a boolean"))
	}
	if !active {
		return &answer{err: errInactive, until: now.Add(min(inactiveTTL, i.cfg.CacheTTL))}, nil
	}
	a := &answer{until: now.Add(i.cfg.CacheTTL)}
	if err := i.readActive(a, c, now); err != nil {
		var e *gatehouse.Error
		if !errors.As(err, &e) || e.Status != http.StatusUnauthorized {
			return nil, badAnswer(err)
		}
		a.err, a.until = e, now.Add(min(inactiveTTL, i.cfg.CacheTTL))
	}
	return a, nil
}

func (i *introspector) readActive(a *answer, c jose.Claims, now time.Time) error {
	if err := checkTokenType(c); err != nil {
		return err
	}
	iss, ok, err := c.String("iss")
	if err != nil || ok && iss != i.profile.issuer {
		return errIntrospectIssuer
	}
	if a.audience, ok, err = c.Audience(); err != nil || ok && !meet(a.audience, i.profile.audience) {
		return errIntrospectAudience
	}
	if !ok && i.audience {
		// The named exception: Cognito, whose tokens have none, by a list of clients.
		client, _, _ := c.String("client_id")
		if use, _, _ := c.String("token_use"); use != "access" || client == "" || !slices.Contains(i.profile.cognito, client) {
			return errIntrospectAudience
		}
	}
	life, err := i.times(c, now)
	if err != nil {
		return err
	}
	v := &a.verified
	v.issuer = i.name
	v.notBefore, v.expires = life.from.Add(-i.profile.skew), life.until.Add(i.profile.skew)
	if v.cnf, err = readConfirmation(c); err != nil {
		return err
	}
	if v.principal, err = i.profile.principal(c, life); err != nil {
		return err
	}
	v.principal.Method = gatehouse.MethodIntrospection
	v.principal.SenderBound = v.cnf != (confirmation{})
	if v.principal.Subject == "" {
		v.principal.Subject = v.principal.ClientID // RFC 9068, section 2.2: no user is involved
	}
	if v.principal.Subject == "" {
		return errJWTNoSubject
	}
	return nil
}

// times reads exp, which is demanded, nbf and iat, which may be absent.
func (i *introspector) times(c jose.Claims, now time.Time) (life lifetime, err error) {
	exp, ok, err := c.Time("exp")
	if err != nil {
		return life, err
	}
	if !ok || !now.Before(exp.Add(i.profile.skew)) {
		return life, errIntrospectExpired
	}
	life.until = exp
	if life.issued, _, err = c.Time("iat"); err != nil {
		return life, err
	}
	nbf, _, err := c.Time("nbf")
	if err != nil {
		return life, err
	}
	if life.from = life.issued; nbf.After(life.from) {
		life.from = nbf
	}
	if life.from.After(now.Add(i.profile.skew)) {
		return life, errIntrospectEarly
	}
	return life, nil
}

// checkTokenType refuses refresh and ID tokens, which many issuers call active,
// too.
func checkTokenType(c jose.Claims) error {
	for _, member := range []struct {
		name    string
		allowed []string
	}{
		{"token_type", []string{"bearer", "dpop", "access_token"}},
		{"token_use", []string{"access", "access_token"}},
		{"typ", []string{"bearer", "dpop", "jwt", "at+jwt", "access_token"}},
	} {
		v, ok, err := c.String(member.name)
		if err != nil || ok && !slices.Contains(member.allowed, mediaType(v)) {
			return errIntrospectTokenType
		}
	}
	return nil
}

func unreachable(err error) error {
	// The transport's error quotes the URL, which the operator knows, and nothing
	// of header or body.
	return &gatehouse.Error{Code: codeIntrospectUnreachable, Status: http.StatusServiceUnavailable,
		Message: "the issuer could not be asked about the token", Err: err}
}

func badAnswer(err error) error {
	return &gatehouse.Error{Code: codeIntrospectAnswer, Status: http.StatusServiceUnavailable,
		Message: "the issuer's answer about the token is not usable", Err: err}
}
