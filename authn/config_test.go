package authn

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse/gatehouse"
)

// wholeConfig sets every section.
func wholeConfig() Config {
	return Config{
		Issuers: []IssuerConfig{
			{Name: "main", Issuer: "https://id.example.com", Audience: []string{"https://shop.example.com"},
				Keys: KeysConfig{Discovery: true}},
			{Name: "legacy", Issuer: "https://old.example.com", Audience: []string{"https://shop.example.com"},
				Exceptions:    ExceptionsConfig{Missing: []string{"aud"}},
				Introspection: &IntrospectionConfig{URL: "https://old.example.com/introspect", ClientID: "gate", ClientSecret: "s"}},
		},
		APIKeys:    &APIKeysConfig{File: "keys.jsonl"},
		MTLS:       &MTLSConfig{Identities: IdentitiesConfig{SPIFFE: []string{"shop.example.com"}, DNS: []string{"*.svc.example.com"}}},
		Cookie:     &CookieConfig{Name: "access_token"},
		Revocation: RevocationConfig{File: "revoked.jsonl"},
		Identity:   &IdentityConfig{Issuer: "https://gate.internal", Key: "identity.key"},
	}
}

func TestConfigDefaults(t *testing.T) {
	c := wholeConfig()
	got := c.WithDefaults()
	if err := got.Validate(); err != nil {
		t.Fatal(err)
	}
	if c.APIKeys.Header != "" || c.Issuers[0].MaxAge != 0 {
		t.Error("WithDefaults changed the original")
	}
	if diff := cmp.Diff(got, got.WithDefaults()); diff != "" {
		t.Error("WithDefaults is not idempotent", diff)
	}
	if got.Issuers[0].MaxAge != 15*time.Minute || got.APIKeys.Header != "X-API-Key" || got.Revocation.OnUnreachable != Closed {
		t.Errorf("defaults: %+v", got)
	}
	if err := (Config{}).WithDefaults().Validate(); err != nil {
		t.Error("the empty configuration is valid:", err)
	}
}

func TestConfigProblems(t *testing.T) {
	for _, tc := range []struct {
		path, code string
		change     func(c *Config)
	}{
		{"issuers[0].name", "config.missing", func(c *Config) { c.Issuers[0].Name = "" }},
		{"issuers[0].name", "config.reserved", func(c *Config) { c.Issuers[0].Name = "mtls" }},
		{"issuers[1].name", "config.duplicate", func(c *Config) { c.Issuers[1].Name = "main" }},
		{"issuers[0].issuer", "config.missing", func(c *Config) { c.Issuers[0].Issuer, c.Issuers[0].Keys = "", KeysConfig{File: "f"} }},
		{"issuers[0].issuer", "config.url_scheme", func(c *Config) { c.Issuers[0].Issuer = "http://id.example.com" }},
		{"issuers[0].issuer", "config.issuer", func(c *Config) { c.Issuers[0].Issuer, c.Issuers[0].Keys = "api_keys", KeysConfig{File: "f"} }},
		{"issuers[0].issuer", "config.issuer", func(c *Config) {
			c.Issuers[0].Issuer, c.Issuers[0].Keys = "spiffe://shop.example.com", KeysConfig{File: "f"}
		}},
		{"issuers[0].issuer", "config.issuer", func(c *Config) {
			c.Issuers[0].Issuer, c.Issuers[0].Keys = "https://id.example.com|a", KeysConfig{File: "f"}
		}},
		{"issuers[1].issuer", "config.issuer", func(c *Config) { c.Issuers[1].Issuer = "https://old.example.com\x00" }},
		{"issuers[0].audience", "config.missing", func(c *Config) { c.Issuers[0].Audience = nil }},
		{"issuers[0].audience[0]", "config.missing", func(c *Config) { c.Issuers[0].Audience = []string{""} }},
		{"issuers[0].algorithms[1]", "config.algorithm", func(c *Config) { c.Issuers[0].Algorithms = []string{"ES256", "HS256"} }},
		{"issuers[0].algorithms[0]", "config.algorithm", func(c *Config) { c.Issuers[0].Algorithms = []string{"none"} }},
		{"issuers[0].max_age", "config.range", func(c *Config) { c.Issuers[0].MaxAge = -time.Second }},
		{"issuers[0].clock_skew", "config.range", func(c *Config) { c.Issuers[0].ClockSkew = 61 * time.Second }},
		{"issuers[0].keys", "config.one_of", func(c *Config) { c.Issuers[0].Keys = KeysConfig{} }},
		{"issuers[0].keys", "config.one_of", func(c *Config) { c.Issuers[0].Keys.File = "f" }},
		{"issuers[0].keys.url", "config.url_scheme", func(c *Config) { c.Issuers[0].Keys = KeysConfig{URL: "ftp://x/"} }},
		{"issuers[0].exceptions.missing[0]", "config.value", func(c *Config) { c.Issuers[0].Exceptions.Missing = []string{"exp"} }},
		{"issuers[0].exceptions.missing[0]", "config.value", func(c *Config) { c.Issuers[0].Exceptions.Missing = []string{"aud"} }},
		{"issuers[0].exceptions.typ[0]", "config.typ", func(c *Config) { c.Issuers[0].Exceptions.Typ = []string{"application/DPoP+jwt"} }},
		{"issuers[1].introspection", "config.conflict", func(c *Config) { c.Issuers[1].Keys.File = "f" }},
		{"issuers[1].introspection.url", "config.url_scheme", func(c *Config) { c.Issuers[1].Introspection.URL = "http://10.0.0.1/" }},
		{"issuers[1].introspection.url", "config.url", func(c *Config) { c.Issuers[1].Introspection.URL = "https://u:p@x/" }},
		{"issuers[1].introspection.client_id", "config.missing", func(c *Config) { c.Issuers[1].Introspection.ClientID = "" }},
		{"issuers[1].introspection.client_secret", "config.missing", func(c *Config) { c.Issuers[1].Introspection.ClientSecret = "" }},
		{"issuers[1].introspection.cache_size", "config.range", func(c *Config) { c.Issuers[1].Introspection.CacheSize = -1 }},
		{"api_keys.file", "config.missing", func(c *Config) { c.APIKeys.File = "" }},
		{"api_keys.header", "config.header_name", func(c *Config) { c.APIKeys.Header = "Authorization" }},
		{"api_keys.header", "config.header_name", func(c *Config) { c.APIKeys.Header = "X Key" }},
		{"mtls.identities", "config.missing", func(c *Config) { c.MTLS.Identities = IdentitiesConfig{} }},
		{"mtls.identities.spiffe[0]", "config.pattern", func(c *Config) { c.MTLS.Identities.SPIFFE = []string{"Shop/*"} }},
		{"mtls.identities.dns[0]", "config.pattern", func(c *Config) { c.MTLS.Identities.DNS = []string{"*"} }},
		{"mtls.identities.dns[0]", "config.pattern", func(c *Config) { c.MTLS.Identities.DNS = []string{"*.com"} }},
		{"cookie.name", "config.cookie_name", func(c *Config) { c.Cookie.Name = "a b" }},
		{"dpop.max_age", "config.range", func(c *Config) { c.DPoP.MaxAge = time.Hour }},
		{"dpop.replay_size", "config.range", func(c *Config) { c.DPoP.ReplaySize = -1 }},
		{"revocation.on_unreachable", "config.value", func(c *Config) { c.Revocation.OnUnreachable = "maybe" }},
		{"revocation.size", "config.range", func(c *Config) { c.Revocation.Size = -1 }},
		{"identity.issuer", "config.missing", func(c *Config) { c.Identity.Issuer = "" }},
		{"identity.key", "config.missing", func(c *Config) { c.Identity.Key = "" }},
		{"identity.header", "config.header_name", func(c *Config) { c.Identity.Header = "X-User" }},
		{"identity.ttl", "config.range", func(c *Config) { c.Identity.TTL = 2 * time.Hour }},
	} {
		c := wholeConfig()
		tc.change(&c)
		err := c.WithDefaults().Validate()
		if err == nil {
			t.Errorf("%s: no problem found", tc.path)
			continue
		}
		found := false
		for _, one := range err.(interface{ Unwrap() []error }).Unwrap() {
			var e *gatehouse.Error
			found = found || errors.As(one, &e) && e.At.File == tc.path && e.Code == tc.code
		}
		if !found {
			t.Errorf("want %s at %s, got %v", tc.code, tc.path, err)
		}
	}
}

func TestConfigProblemsTogether(t *testing.T) {
	c := wholeConfig()
	c.Issuers[0].Audience, c.Issuers[0].Name, c.Cookie.Name = nil, "", ""
	err := c.WithDefaults().Validate()
	if n := len(err.(interface{ Unwrap() []error }).Unwrap()); n != 3 {
		t.Errorf("want 3 problems at once, got %d: %v", n, err)
	}
}
