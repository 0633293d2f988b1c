package authn

import "time"

// Config is the authn section of gatehouse.yaml. Fill it, call WithDefaults,
// then Validate. Relative file names are resolved against Options.Dir.
type Config struct {
	Issuers    []IssuerConfig   `yaml:"issuers,omitempty" jsonschema_description:"authorization servers whose access tokens are accepted"`
	APIKeys    *APIKeysConfig   `yaml:"api_keys,omitempty" jsonschema_description:"API keys, stored hashed"`
	MTLS       *MTLSConfig      `yaml:"mtls,omitempty" jsonschema_description:"client certificates that are an identity by themselves"`
	Cookie     *CookieConfig    `yaml:"cookie,omitempty" jsonschema_description:"accept a JWT in a cookie; CSRF checks then apply"`
	DPoP       DPoPConfig       `yaml:"dpop,omitempty" jsonschema_description:"proof of possession (RFC 9449)"`
	Revocation RevocationConfig `yaml:"revocation,omitempty" jsonschema_description:"the list of revoked tokens, sessions, grants and subjects"`
	Identity   *IdentityConfig  `yaml:"identity,omitempty" jsonschema_description:"the signed identity header, for credentials: replace"`
}

// IssuerConfig is one authorization server. Exactly one of Keys and
// Introspection says how its tokens are judged.
type IssuerConfig struct {
	Name     string   `yaml:"name" jsonschema_description:"what apis[].authenticate calls it"`
	Issuer   string   `yaml:"issuer" jsonschema_description:"the exact iss claim of its tokens (RFC 8414)"`
	Audience []string `yaml:"audience,omitempty" jsonschema_description:"identifiers of this resource server; a token must carry one of them"`
	// Algorithms is matched exactly; "none" and HMAC are never allowed.
	Algorithms []string   `yaml:"algorithms,omitempty" jsonschema_description:"signature algorithms accepted; default ES256, EdDSA, RS256, PS256"`
	Keys       KeysConfig `yaml:"keys,omitempty" jsonschema_description:"where its public keys come from: exactly one of discovery, url, file"`
	// MaxAge caps the time since iat, whatever exp says.
	MaxAge    time.Duration `yaml:"max_age,omitempty" jsonschema_description:"greatest age of a token since iat; default 15m"`
	ClockSkew time.Duration `yaml:"clock_skew,omitempty" jsonschema_description:"tolerance between clocks, at most 60s; default 30s"`
	// Exceptions are the named departures from RFC 9068.
	Exceptions    ExceptionsConfig     `yaml:"exceptions,omitempty" jsonschema_description:"named departures from RFC 9068 that this issuer needs"`
	Claims        ClaimsConfig         `yaml:"claims,omitempty" jsonschema_description:"where roles, tier, session and grant stand, as dotted paths"`
	Introspection *IntrospectionConfig `yaml:"introspection,omitempty" jsonschema_description:"ask the issuer about each token (RFC 7662) instead of verifying a signature"`
}

// KeysConfig says where an issuer's public keys come from. Exactly one of
// Discovery, URL and File is set.
type KeysConfig struct {
	Discovery bool          `yaml:"discovery,omitempty" jsonschema_description:"find the key set by the issuer's metadata (RFC 8414, OpenID Connect Discovery)"`
	URL       string        `yaml:"url,omitempty" jsonschema_description:"URL of the key set (RFC 7517); https, or http to loopback"`
	File      string        `yaml:"file,omitempty" jsonschema_description:"file with the key set; read again when it changes"`
	Refresh   time.Duration `yaml:"refresh,omitempty" jsonschema_description:"how often the key set is fetched in the background; default 10m"`
}

// IsZero reports whether no source of keys is set.
func (k KeysConfig) IsZero() bool { return !k.Discovery && k.URL == "" && k.File == "" }

// ExceptionsConfig names what an issuer's tokens lack.
type ExceptionsConfig struct {
	// Typ lists header types accepted besides at+jwt.
	Typ []string `yaml:"typ,omitempty" jsonschema_description:"header types accepted besides at+jwt, such as JWT"`
	// Missing lists required claims that may be absent.
	Missing []string `yaml:"missing,omitempty" jsonschema_description:"required claims that may be absent: jti, client_id, sub; of introspection aud, too"`
	// CognitoClients replaces the audience check by an allow-list of client_id
	// together with token_use=access.
	CognitoClients []string `yaml:"cognito_clients,omitempty" jsonschema_description:"client ids accepted in place of an audience, for Amazon Cognito, whose access tokens have none"`
}

// ClaimsConfig says where an issuer keeps what a Principal needs: dotted paths
// into the claims. An empty path reads nothing, save Session, which is sid.
type ClaimsConfig struct {
	Roles   string `yaml:"roles,omitempty" jsonschema_description:"path of the roles, a list of strings: realm_access.roles; default roles"`
	Tier    string `yaml:"tier,omitempty" jsonschema_description:"path of the tier of limits"`
	Session string `yaml:"session,omitempty" jsonschema_description:"path of the session id; default sid"`
	Grant   string `yaml:"grant,omitempty" jsonschema_description:"path of the id of the authorization grant"`
}

// IntrospectionConfig is how to ask an issuer about a token (RFC 7662).
type IntrospectionConfig struct {
	URL          string        `yaml:"url" jsonschema_description:"the introspection endpoint; https, or http to loopback"`
	ClientID     string        `yaml:"client_id" jsonschema_description:"this gateway's client id there"`
	ClientSecret string        `yaml:"client_secret" jsonschema:"format=password" jsonschema_description:"its secret, as ${env:NAME} or ${file:PATH}"`
	CacheTTL     time.Duration `yaml:"cache_ttl,omitempty" jsonschema_description:"how long an answer is believed, never beyond exp; default 30s"`
	CacheSize    int           `yaml:"cache_size,omitempty" jsonschema_description:"greatest number of answers kept; default 10000"`
	Timeout      time.Duration `yaml:"timeout,omitempty" jsonschema_description:"for one question; default 2s"`
	Concurrency  int           `yaml:"concurrency,omitempty" jsonschema_description:"greatest number of questions at once; default 64"`
}

// APIKeysConfig is where API keys are kept and how they arrive.
type APIKeysConfig struct {
	File   string `yaml:"file" jsonschema_description:"JSON lines, one key each, with hashes only; read again when it changes"`
	Header string `yaml:"header,omitempty" jsonschema_description:"the header field that carries a key; default X-API-Key"`
}

// MTLSConfig lists the client certificates that are an identity.
type MTLSConfig struct {
	Identities IdentitiesConfig `yaml:"identities" jsonschema_description:"which subject alternative names become principals"`
}

// IdentitiesConfig is the allow-list of subject alternative names.
type IdentitiesConfig struct {
	SPIFFE []string `yaml:"spiffe,omitempty" jsonschema_description:"trust domains (shop.example.com), or paths below one (shop.example.com/ns/prod/*)"`
	DNS    []string `yaml:"dns,omitempty" jsonschema_description:"DNS names; *.svc.example.com stands for exactly one label"`
}

// CookieConfig accepts a JWT in a cookie.
type CookieConfig struct {
	Name string `yaml:"name" jsonschema_description:"the cookie's name"`
}

// DPoPConfig bounds proofs of possession (RFC 9449).
type DPoPConfig struct {
	MaxAge time.Duration `yaml:"max_age,omitempty" jsonschema_description:"greatest age of a proof; default 60s"`
	Nonce  bool          `yaml:"nonce,omitempty" jsonschema_description:"demand a nonce of the server's (RFC 9449 section 9)"`
	// ReplaySize bounds the proofs remembered; a full store refuses.
	ReplaySize int  `yaml:"replay_size,omitempty" jsonschema_description:"greatest number of proofs remembered at once; a full store refuses; default 100000"`
	Require    bool `yaml:"require,omitempty" jsonschema_description:"refuse access tokens that are not bound to a key"`
}

// RevocationConfig is the list of what is no longer good.
type RevocationConfig struct {
	File          string `yaml:"file,omitempty" jsonschema_description:"JSON lines, one revocation each; watched"`
	OnUnreachable string `yaml:"on_unreachable,omitempty" jsonschema:"enum=closed,enum=open" jsonschema_description:"what to do while the list cannot be read: closed (503, default) or open"`
	Size          int    `yaml:"size,omitempty" jsonschema_description:"greatest number of revocations in the file; default 1000000"`
}

// IdentityConfig signs what upstreams are told about the caller.
type IdentityConfig struct {
	Issuer string        `yaml:"issuer" jsonschema_description:"the iss claim of the identity token"`
	TTL    time.Duration `yaml:"ttl,omitempty" jsonschema_description:"life of an identity token; default 60s"`
	Key    string        `yaml:"key" jsonschema_description:"file of the Ed25519 private key (PKCS #8, PEM); made with mode 0600 when missing"`
	Header string        `yaml:"header,omitempty" jsonschema_description:"the header field that carries the token, one of X-Gatehouse-…; default X-Gatehouse-Identity"`
}

// Defaults of the configuration.
const (
	defaultMaxAge      = 15 * time.Minute
	defaultClockSkew   = 30 * time.Second
	defaultRefresh     = 10 * time.Minute
	defaultCacheTTL    = 30 * time.Second
	defaultCacheSize   = 10_000
	defaultTimeout     = 2 * time.Second
	defaultConcurrency = 64
	defaultKeyHeader   = "X-API-Key"
	defaultProofAge    = 60 * time.Second
	defaultReplaySize  = 100_000
	defaultRevocations = 1_000_000
	defaultIdentityTTL = 60 * time.Second
	identityHeader     = "X-Gatehouse-Identity"
)

// Values of RevocationConfig.OnUnreachable.
const (
	Closed = "closed"
	Open   = "open"
)

// WithDefaults returns a copy in which everything that was left out has its
// default. The original is not changed.
func (c Config) WithDefaults() Config {
	issuers := make([]IssuerConfig, len(c.Issuers))
	for i, is := range c.Issuers {
		issuers[i] = is.WithDefaults()
	}
	c.Issuers = issuers
	if c.APIKeys != nil {
		k := *c.APIKeys
		def(&k.Header, defaultKeyHeader)
		c.APIKeys = &k
	}
	def(&c.DPoP.MaxAge, defaultProofAge)
	def(&c.DPoP.ReplaySize, defaultReplaySize)
	def(&c.Revocation.OnUnreachable, Closed)
	def(&c.Revocation.Size, defaultRevocations)
	if c.Identity != nil {
		id := *c.Identity
		def(&id.TTL, defaultIdentityTTL)
		def(&id.Header, identityHeader)
		c.Identity = &id
	}
	return c
}

// WithDefaults fills what was left out of one issuer.
func (c IssuerConfig) WithDefaults() IssuerConfig {
	if len(c.Algorithms) == 0 {
		c.Algorithms = []string{"ES256", "EdDSA", "RS256", "PS256"}
	}
	def(&c.MaxAge, defaultMaxAge)
	def(&c.ClockSkew, defaultClockSkew)
	def(&c.Claims.Roles, "roles")
	def(&c.Claims.Session, "sid")
	if !c.Keys.IsZero() {
		def(&c.Keys.Refresh, defaultRefresh)
	}
	if c.Introspection != nil {
		in := *c.Introspection
		def(&in.CacheTTL, defaultCacheTTL)
		def(&in.CacheSize, defaultCacheSize)
		def(&in.Timeout, defaultTimeout)
		def(&in.Concurrency, defaultConcurrency)
		c.Introspection = &in
	}
	return c
}

func def[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
