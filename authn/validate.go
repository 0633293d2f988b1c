package authn

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
)

// Names of the authentication methods that are not issuers.
const (
	MethodAPIKeys = "api_keys"
	MethodMTLS    = "mtls"
	MethodCookie  = "cookie"
)

// signatures are the algorithms an issuer may use: asymmetric only.
var signatures = []string{"ES256", "ES384", "ES512", "EdDSA",
	"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}

// omissible are the claims of RFC 9068 that an exception may leave out. iat is
// none of them: age and revocation depend on it.
var omissible = []string{"jti", "client_id", "sub"}

// A problems list gathers every mistake of a configuration, so that a person can
// mend them all at once.
type problems []error

func (p *problems) add(path, code, hint, format string, args ...any) {
	*p = append(*p, &gatehouse.Error{
		Code: "config." + code, Message: fmt.Sprintf(format, args...), Hint: hint,
		At: gatehouse.Position{File: path},
	})
}

func (p problems) err() error { return errors.Join(p...) }

func (p *problems) require(path, value string) bool {
	if value == "" {
		p.add(path, "missing", "", "%s is missing", lastKey(path))
		return false
	}
	return true
}

func (p *problems) between(path string, d, low, high time.Duration) {
	if d < low || d > high {
		p.add(path, "range", "", "%s is not between %s and %s", d, low, high)
	}
}

func (p *problems) atLeastOne(path string, n int) {
	if n < 1 {
		p.add(path, "range", "", "%d is less than 1", n)
	}
}

func lastKey(path string) string {
	return path[strings.LastIndexByte(path, '.')+1:]
}

// Validate returns every problem of a configuration that has its defaults, each
// a *gatehouse.Error whose At.File is the path within this section.
func (c Config) Validate() error {
	var p problems
	names, issuers := map[string]int{}, map[string]int{}
	for i, is := range c.Issuers {
		path := fmt.Sprintf("issuers[%d]", i)
		is.validate(&p, path)
		if j, taken := names[is.Name]; taken && is.Name != "" {
			p.add(path+".name", "duplicate", "", "issuers[%d] has the name %q already", j, is.Name)
		}
		names[is.Name] = i
		// One iss selects one key set; the same issuer may be asked about its
		// opaque tokens as well.
		if is.Introspection == nil {
			if j, taken := issuers[is.Issuer]; taken && is.Issuer != "" {
				p.add(path+".issuer", "duplicate", "", "issuers[%d] is %q already", j, is.Issuer)
			}
			issuers[is.Issuer] = i
		}
	}
	if c.APIKeys != nil {
		p.require("api_keys.file", c.APIKeys.File)
		checkHeader(&p, "api_keys.header", c.APIKeys.Header)
	}
	if c.MTLS != nil {
		c.MTLS.validate(&p)
	}
	if c.Cookie != nil && p.require("cookie.name", c.Cookie.Name) && !isToken(c.Cookie.Name) {
		p.add("cookie.name", "cookie_name", "", "%q is not a cookie name", c.Cookie.Name)
	}
	p.between("dpop.max_age", c.DPoP.MaxAge, time.Second, maxProofAge)
	p.atLeastOne("dpop.replay_size", c.DPoP.ReplaySize)
	p.atLeastOne("revocation.size", c.Revocation.Size)
	if v := c.Revocation.OnUnreachable; v != Closed && v != Open {
		p.add("revocation.on_unreachable", "value", "one of closed, open", "unknown value %q", v)
	}
	if id := c.Identity; id != nil {
		p.require("identity.issuer", id.Issuer)
		p.require("identity.key", id.Key)
		p.between("identity.ttl", id.TTL, time.Second, time.Hour)
		checkHeader(&p, "identity.header", id.Header)
		// Of these the gateway takes away what clients send.
		if !strings.HasPrefix(strings.ToLower(id.Header), "x-gatehouse-") {
			p.add("identity.header", "header_name", "X-Gatehouse-…", "%q does not begin with X-Gatehouse-", id.Header)
		}
	}
	return p.err()
}

func (c IssuerConfig) validate(p *problems, path string) {
	if p.require(path+".name", c.Name) &&
		slices.Contains([]string{MethodAPIKeys, MethodMTLS, MethodCookie}, c.Name) {
		p.add(path+".name", "reserved", "choose another name", "%q names a method of authentication", c.Name)
	}
	if p.require(path+".issuer", c.Issuer) && !validIssuer(c.Issuer) {
		p.add(path+".issuer", "issuer", "the exact iss claim, an https URL as a rule", "%q cannot name an issuer", c.Issuer)
	}
	if len(c.Audience) == 0 && len(c.Exceptions.CognitoClients) == 0 {
		p.add(path+".audience", "missing", "the identifiers of this resource server", "audience is missing")
	}
	for i, a := range c.Audience {
		p.require(fmt.Sprintf("%s.audience[%d]", path, i), a)
	}
	for i, a := range c.Algorithms {
		if !slices.Contains(signatures, a) {
			p.add(fmt.Sprintf("%s.algorithms[%d]", path, i), "algorithm",
				"one of "+strings.Join(signatures, ", "), "%q is not an algorithm for access tokens", a)
		}
	}
	p.between(path+".max_age", c.MaxAge, time.Second, 30*24*time.Hour)
	p.between(path+".clock_skew", c.ClockSkew, 0, 60*time.Second)
	allowed := omissible
	if c.Introspection != nil {
		// RFC 7662 leaves aud to the issuer, who was told which resource asks.
		allowed = append(slices.Clone(omissible), "aud")
	}
	for i, m := range c.Exceptions.Missing {
		if !slices.Contains(allowed, m) {
			p.add(fmt.Sprintf("%s.exceptions.missing[%d]", path, i), "value",
				"one of "+strings.Join(allowed, ", "), "%q cannot be left out", m)
		}
	}
	for i, t := range c.Exceptions.Typ {
		checkTyp(p, fmt.Sprintf("%s.exceptions.typ[%d]", path, i), t)
	}
	switch {
	case c.Introspection != nil && !c.Keys.IsZero():
		p.add(path+".introspection", "conflict", "name two issuers for two kinds of token",
			"an issuer has keys or introspection, not both")
	case c.Introspection != nil:
		c.Introspection.validate(p, path+".introspection")
	default:
		c.validateKeys(p, path)
	}
}

// validIssuer wants visible characters without those that stand between an issuer
// and a name in policies and lists of callers, and none of the names by which
// callers without an issuer go.
func validIssuer(s string) bool {
	for _, taken := range []string{MethodAPIKeys, MethodMTLS, MethodCookie} {
		if s == taken {
			return false
		}
	}
	return !strings.HasPrefix(s, "spiffe:") && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || r == '|' || r == '#'
	})
}

func (c IssuerConfig) validateKeys(p *problems, path string) {
	n := 0
	for _, set := range []bool{c.Keys.Discovery, c.Keys.URL != "", c.Keys.File != ""} {
		if set {
			n++
		}
	}
	if n != 1 {
		p.add(path+".keys", "one_of", "discovery: true, url: … or file: …",
			"keys needs exactly one of discovery, url, file")
		return
	}
	if c.Keys.Discovery {
		checkURL(p, path+".issuer", c.Issuer)
	}
	if c.Keys.URL != "" {
		checkURL(p, path+".keys.url", c.Keys.URL)
	}
	p.between(path+".keys.refresh", c.Keys.Refresh, time.Second, 24*time.Hour)
}

func (c IntrospectionConfig) validate(p *problems, path string) {
	if p.require(path+".url", c.URL) {
		checkURL(p, path+".url", c.URL)
	}
	p.require(path+".client_id", c.ClientID)
	p.require(path+".client_secret", c.ClientSecret)
	p.between(path+".cache_ttl", c.CacheTTL, 0, time.Hour)
	p.between(path+".timeout", c.Timeout, time.Millisecond, time.Minute)
	p.atLeastOne(path+".cache_size", c.CacheSize)
	p.atLeastOne(path+".concurrency", c.Concurrency)
}

func (c MTLSConfig) validate(p *problems) {
	if len(c.Identities.SPIFFE)+len(c.Identities.DNS) == 0 {
		p.add("mtls.identities", "missing", "list spiffe trust domains or dns names",
			"no certificate would be an identity")
	}
	for i, s := range c.Identities.SPIFFE {
		if _, ok := parseSPIFFEPattern(s); !ok {
			p.add(fmt.Sprintf("mtls.identities.spiffe[%d]", i), "pattern",
				"a trust domain, or a path below one that may end in /*", "%q is not a SPIFFE pattern", s)
		}
	}
	for i, s := range c.Identities.DNS {
		if !validDNSPattern(s) {
			p.add(fmt.Sprintf("mtls.identities.dns[%d]", i), "pattern",
				"a host name in lower case; the first label may be *", "%q is not a DNS pattern", s)
		}
	}
}

// checkURL wants https, save to a loopback address.
func checkURL(p *problems, path, s string) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Fragment != "" || u.User != nil {
		p.add(path, "url", "an absolute URL without fragment or user", "%q is not a usable URL", s)
		return
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		p.add(path, "url_scheme", "use https; http is for loopback addresses only", "%q is not https", s)
	}
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

// checkTyp keeps the types of other kinds of token out (RFC 8725, section 3.12).
func checkTyp(p *problems, path, typ string) {
	switch strings.TrimPrefix(strings.ToLower(typ), "application/") {
	case "", "dpop+jwt", "logout+jwt", "secevent+jwt", "entity-statement+jwt", identityTyp:
		p.add(path, "typ", "", "%q is not a type of access token", typ)
	}
}

func checkHeader(p *problems, path, name string) {
	if !isToken(name) {
		p.add(path, "header_name", "", "%q is not a header field name", name)
		return
	}
	for _, taken := range []string{"authorization", "cookie", "dpop", "host", "content-length", "transfer-encoding", "connection"} {
		if gatehouse.EqualFold(name, taken) {
			p.add(path, "header_name", "choose another name", "%q has a meaning of its own", name)
		}
	}
}

// isToken reports whether s is a token (RFC 9110, section 5.6.2).
func isToken(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte("\"(),/:;<=>?@[\\]{}", c) >= 0 {
			return false
		}
	}
	return s != ""
}
