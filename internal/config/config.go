package config

import (
	"net/netip"
	"path/filepath"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/authn"
	"github.com/gatehouse/gatehouse/internal/audit"
	"github.com/gatehouse/gatehouse/internal/telemetry"
	"github.com/gatehouse/gatehouse/policy"
	"github.com/gatehouse/gatehouse/ratelimit"
	"github.com/gatehouse/gatehouse/waf"
)

// Version is the one version of the configuration format.
const Version = 1

// Config is gatehouse.yaml with its defaults filled in and its references
// expanded.
type Config struct {
	Version int      `yaml:"version" jsonschema:"required,minimum=1,maximum=1" jsonschema_description:"Version of this format: 1."`
	Include []string `yaml:"include" jsonschema_description:"Files whose sections are added to this one; glob patterns, relative to this file."`

	Listeners      []Listener     `yaml:"listeners" jsonschema_description:"Where clients connect."`
	TrustedProxies []netip.Prefix `yaml:"trusted_proxies" jsonschema_description:"Networks whose Forwarded and X-Forwarded-* fields are believed."`
	DataDir        string         `yaml:"data_dir" jsonschema_description:"Folder for what the gateway writes. Default: data."`
	LimitsHTTP     HTTPLimits     `yaml:"limits_http" jsonschema_description:"Bounds on messages and connections, before anything is judged."`
	Admin          Admin          `yaml:"admin" jsonschema_description:"Health, metrics and the control socket."`
	Log            Log            `yaml:"log" jsonschema_description:"The gateway's own log, on standard error."`

	Decisions audit.Config     `yaml:"decisions" jsonschema_description:"The decision log: one record per request."`
	Telemetry telemetry.Config `yaml:"telemetry" jsonschema_description:"Traces."`

	Authn    authn.Config     `yaml:"authn" jsonschema_description:"Who may call: issuers, API keys, client certificates."`
	Policies policy.Config    `yaml:"policies" jsonschema_description:"Who may do what: Cedar policies."`
	Limits   ratelimit.Config `yaml:"limits" jsonschema_description:"How often: rates, quotas, tiers."`

	WAF *waf.Config `yaml:"waf" jsonschema_description:"Rules against attacks: the OWASP Core Rule Set, SecLang files, and rules of Gatehouse's own. Left out: none; {} for the defaults."`

	Upstreams []Upstream `yaml:"upstreams" jsonschema_description:"The services behind the gateway."`

	Mode *gatehouse.Mode `yaml:"mode" jsonschema_description:"Default mode of every control. Default: enforce."`

	APIs []API `yaml:"apis" jsonschema_description:"The APIs served."`

	source *source
	hash   string
}

// WithDefaults returns c with every unset value filled in.
func (c Config) WithDefaults() Config {
	setDefault(&c.DataDir, "data")
	c.LimitsHTTP = c.LimitsHTTP.WithDefaults()
	c.Admin = c.Admin.WithDefaults(c.DataDir)
	c.Log = c.Log.WithDefaults()
	setDefault(&c.Decisions.File, filepath.Join(c.DataDir, "decisions.jsonl"))
	c.Decisions = c.Decisions.WithDefaults()
	c.Telemetry = c.Telemetry.WithDefaults()
	c.Authn = c.Authn.WithDefaults()
	c.Policies = c.Policies.WithDefaults()
	c.Limits = c.Limits.WithDefaults()
	if c.WAF != nil {
		w := c.WAF.WithDefaults()
		c.WAF = &w
	}
	c.Listeners = withDefaults(c.Listeners, Listener.WithDefaults)
	c.Upstreams = withDefaults(c.Upstreams, Upstream.WithDefaults)
	c.APIs = withDefaults(c.APIs, API.WithDefaults)
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func withDefaults[T any](list []T, fill func(T) T) []T {
	out := make([]T, len(list))
	for i := range list {
		out[i] = fill(list[i])
	}
	return out
}

// At returns where the value at path stands: "apis[0].operations[2]". Where the
// path leads nowhere it is the nearest place around it.
func (c *Config) At(path string) gatehouse.Position {
	if c.source == nil {
		return gatehouse.Position{}
	}
	return c.source.locate(path).position()
}

// Files lists every file that was read: the main one, the included, those
// named by ${file:…}. A change to one of them is a change of the configuration.
func (c *Config) Files() []string {
	if c.source == nil {
		return nil
	}
	return c.source.read
}
