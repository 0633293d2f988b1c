package upstream

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
)

// Config is one upstream: a named service and the endpoints that serve it.
type Config struct {
	Name      string     `yaml:"name" json:"name" jsonschema_description:"name by which APIs refer to this upstream"`
	Endpoints []Endpoint `yaml:"endpoints" json:"endpoints" jsonschema_description:"where the service answers; at least one"`
	Protocol  string     `yaml:"protocol,omitempty" json:"protocol,omitempty" jsonschema:"enum=auto,enum=http1,enum=h2,enum=h2c" jsonschema_description:"auto (HTTP/2 where TLS negotiates it, else HTTP/1.1), http1, h2 or h2c"`
	Balance   string     `yaml:"balance,omitempty" json:"balance,omitempty" jsonschema:"enum=p2c,enum=round_robin" jsonschema_description:"p2c (the less loaded and quicker of two) or round_robin"`
	Health    Health     `yaml:"health,omitempty" json:"health,omitempty" jsonschema_description:"when an endpoint gets no traffic"`
	Timeouts  Timeouts   `yaml:"timeouts,omitempty" json:"timeouts,omitempty" jsonschema_description:"time limits of the way to the upstream"`
	Retries   Retries    `yaml:"retries,omitempty" json:"retries,omitempty" jsonschema_description:"when a failed request is tried again"`
	Breaker   Breaker    `yaml:"breaker,omitempty" json:"breaker,omitempty" jsonschema_description:"circuit breaker of each endpoint"`
	TLS       TLS        `yaml:"tls,omitempty" json:"tls,omitempty" jsonschema_description:"how https endpoints are verified, and who we are to them"`
	// Resolve is how often an endpoint's name is looked up anew.
	Resolve time.Duration `yaml:"resolve,omitempty" json:"resolve,omitempty" jsonschema_description:"how often names of endpoints are looked up again; default 30s"`
}

// Endpoint is one server of an upstream.
type Endpoint struct {
	URL    string `yaml:"url" json:"url" jsonschema_description:"http://host:port or https://host:port, without a path"`
	Weight int    `yaml:"weight,omitempty" json:"weight,omitempty" jsonschema_description:"share of the traffic relative to the others, 1 to 1000; default 1"`
}

// Health says when an endpoint gets no traffic.
type Health struct {
	Path      string        `yaml:"path,omitempty" json:"path,omitempty" jsonschema_description:"path that is asked with GET; none means no active checks"`
	Interval  time.Duration `yaml:"interval,omitempty" json:"interval,omitempty" jsonschema_description:"time between two checks, give or take a tenth; default 5s"`
	Timeout   time.Duration `yaml:"timeout,omitempty" json:"timeout,omitempty" jsonschema_description:"a check without an answer by then has failed; default 1s"`
	Healthy   int           `yaml:"healthy,omitempty" json:"healthy,omitempty" jsonschema_description:"checks in a row that must succeed (status 200 to 399); default 2"`
	Unhealthy int           `yaml:"unhealthy,omitempty" json:"unhealthy,omitempty" jsonschema_description:"checks in a row that must fail; default 3"`
	Passive   Passive       `yaml:"passive,omitempty" json:"passive,omitempty" jsonschema_description:"ejection for failures seen in traffic"`
}

// Passive ejects an endpoint for failures seen in traffic: connection errors,
// timeouts, broken answers and the statuses 502, 503 and 504. No more than half
// of the endpoints are ejected at a time, and never the only one.
type Passive struct {
	Failures int           `yaml:"failures,omitempty" json:"failures,omitempty" jsonschema_description:"failures in a row that eject an endpoint; default 5, -1 for never"`
	Eject    time.Duration `yaml:"eject,omitempty" json:"eject,omitempty" jsonschema_description:"length of the first ejection, doubled each time up to 5 minutes; default 10s"`
}

// Timeouts limit the time a request spends towards the upstream. The whole
// exchange is limited by the context that Forward gets.
type Timeouts struct {
	Connect time.Duration `yaml:"connect,omitempty" json:"connect,omitempty" jsonschema_description:"name lookup, TCP and TLS handshake together; default 2s"`
	Head    time.Duration `yaml:"head,omitempty" json:"head,omitempty" jsonschema_description:"from the request sent to the head of the answer; default 30s"`
	Idle    time.Duration `yaml:"idle,omitempty" json:"idle,omitempty" jsonschema_description:"how long an unused connection is kept; default 90s"`
	Stream  time.Duration `yaml:"stream,omitempty" json:"stream,omitempty" jsonschema_description:"how long an answer that has begun, or an upgraded connection, may be silent; default 5m"`
}

// Retries says when a failed request is tried again: only where nothing was
// delivered, or the method is idempotent and the body can be sent once more.
type Retries struct {
	Attempts int     `yaml:"attempts,omitempty" json:"attempts,omitempty" jsonschema_description:"attempts in all, the first included, 1 to 5; default 2"`
	Budget   float64 `yaml:"budget,omitempty" json:"budget,omitempty" jsonschema_description:"retries as a share of requests, above 0 and up to 1; default 0.2"`
}

// Breaker stops asking an endpoint that fails: when a window holds that many
// failures and they are at least half of its requests. After Open one request at
// a time may try.
type Breaker struct {
	Failures int           `yaml:"failures,omitempty" json:"failures,omitempty" jsonschema_description:"failures within the window that open the breaker, if at least half of the requests failed; default 20, -1 for never"`
	Window   time.Duration `yaml:"window,omitempty" json:"window,omitempty" jsonschema_description:"length of the rolling window; default 10s"`
	Open     time.Duration `yaml:"open,omitempty" json:"open,omitempty" jsonschema_description:"how long the breaker stays open before one request may try; default 5s"`
}

// TLS says how https endpoints are verified. Verification cannot be turned off.
type TLS struct {
	CA         string   `yaml:"ca,omitempty" json:"ca,omitempty" jsonschema_description:"PEM file of the authorities that are trusted, instead of the system's"`
	ServerName string   `yaml:"server_name,omitempty" json:"server_name,omitempty" jsonschema_description:"name the certificate must bear; default the endpoint's host"`
	Pins       []string `yaml:"pins,omitempty" json:"pins,omitempty" jsonschema_description:"sha256/BASE64 of a public key (SPKI) of which one must stand in the verified chain"`
	Cert       string   `yaml:"cert,omitempty" json:"cert,omitempty" jsonschema_description:"PEM file of our client certificate"`
	Key        string   `yaml:"key,omitempty" json:"key,omitempty" jsonschema_description:"PEM file of its key"`
}

func (t *TLS) isZero() bool {
	return t.CA == "" && t.ServerName == "" && len(t.Pins) == 0 && t.Cert == "" && t.Key == ""
}

const (
	protocolAuto  = "auto"
	protocolHTTP1 = "http1"
	protocolH2    = "h2"
	protocolH2C   = "h2c"

	balanceP2C        = "p2c"
	balanceRoundRobin = "round_robin"

	maxAttempts  = 5
	maxEndpoints = 1000
	maxWeight    = 1000
	never        = -1 // a count of failures that is never reached
)

// WithDefaults returns the configuration with every absent setting filled in.
func (c Config) WithDefaults() Config {
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	count := func(n *int, v int) {
		if *n == 0 {
			*n = v
		}
	}
	if c.Protocol == "" {
		c.Protocol = protocolAuto
	}
	if c.Balance == "" {
		c.Balance = balanceP2C
	}
	c.Endpoints = append([]Endpoint(nil), c.Endpoints...)
	for i := range c.Endpoints {
		count(&c.Endpoints[i].Weight, 1)
	}
	set(&c.Health.Interval, 5*time.Second)
	set(&c.Health.Timeout, time.Second)
	count(&c.Health.Healthy, 2)
	count(&c.Health.Unhealthy, 3)
	count(&c.Health.Passive.Failures, 5)
	set(&c.Health.Passive.Eject, 10*time.Second)
	set(&c.Timeouts.Connect, 2*time.Second)
	set(&c.Timeouts.Head, 30*time.Second)
	set(&c.Timeouts.Idle, 90*time.Second)
	set(&c.Timeouts.Stream, 5*time.Minute)
	count(&c.Retries.Attempts, 2)
	if c.Retries.Budget == 0 {
		c.Retries.Budget = 0.2
	}
	count(&c.Breaker.Failures, 20)
	set(&c.Breaker.Window, 10*time.Second)
	set(&c.Breaker.Open, 5*time.Second)
	set(&c.Resolve, 30*time.Second)
	return c
}

// Validate returns all problems joined, each an *gatehouse.Error whose At.File is
// the setting's path within this entry ("endpoints[0].url").
func (c Config) Validate() error {
	var v problems
	v.name(c.Name)
	v.oneOf("protocol", c.Protocol, "", protocolAuto, protocolHTTP1, protocolH2, protocolH2C)
	v.oneOf("balance", c.Balance, "", balanceP2C, balanceRoundRobin)
	v.endpoints(&c)
	v.health(&c.Health)
	v.duration("timeouts.connect", c.Timeouts.Connect, time.Millisecond, time.Hour)
	v.duration("timeouts.head", c.Timeouts.Head, time.Millisecond, 24*time.Hour)
	v.duration("timeouts.idle", c.Timeouts.Idle, time.Millisecond, 24*time.Hour)
	v.duration("timeouts.stream", c.Timeouts.Stream, time.Millisecond, 24*time.Hour)
	v.count("retries.attempts", c.Retries.Attempts, 1, maxAttempts)
	if b := c.Retries.Budget; b != 0 && !(b > 0 && b <= 1) {
		v.add("retries.budget", "is not a share", "a number above 0 and up to 1; retries.attempts: 1 turns retries off")
	}
	if c.Breaker.Failures != never {
		v.count("breaker.failures", c.Breaker.Failures, 1, 1_000_000)
	}
	v.duration("breaker.window", c.Breaker.Window, 10*time.Millisecond, time.Hour)
	v.duration("breaker.open", c.Breaker.Open, time.Millisecond, time.Hour)
	v.duration("resolve", c.Resolve, 10*time.Millisecond, 24*time.Hour)
	v.tls(&c)
	return errors.Join(v...)
}

type problems []error

func (v *problems) add(at, message, hint string) {
	*v = append(*v, &gatehouse.Error{Code: "config.upstream", Message: message, Hint: hint,
		At: gatehouse.Position{File: at}})
}

func (v *problems) name(s string) {
	if s == "" {
		v.add("name", "is missing", "every upstream has a name that APIs refer to")
		return
	}
	for i := 0; i < len(s); i++ {
		if b := s[i]; !isAlnum(b) && b != '-' && b != '_' && b != '.' {
			v.add("name", fmt.Sprintf("%q is not a name", s), "letters, digits, '-', '_' and '.'")
			return
		}
	}
}

func (v *problems) oneOf(at, s string, allowed ...string) {
	for _, a := range allowed {
		if s == a {
			return
		}
	}
	v.add(at, fmt.Sprintf("unknown %s %q", at, s), "one of "+strings.Join(allowed[1:], ", "))
}

// duration lets 0 by, which stands for the default.
func (v *problems) duration(at string, d, least, most time.Duration) {
	if d != 0 && (d < least || d > most) {
		v.add(at, fmt.Sprintf("%v is out of range", d), fmt.Sprintf("from %v to %v", least, most))
	}
}

// count lets 0 by, which stands for the default.
func (v *problems) count(at string, n, least, most int) {
	if n != 0 && (n < least || n > most) {
		v.add(at, fmt.Sprintf("%d is out of range", n), fmt.Sprintf("from %d to %d", least, most))
	}
}

func (v *problems) endpoints(c *Config) {
	if len(c.Endpoints) == 0 {
		v.add("endpoints", "there are none", "at least one endpoint, such as {url: \"http://127.0.0.1:9001\"}")
	}
	if len(c.Endpoints) > maxEndpoints {
		v.add("endpoints", "there are too many", fmt.Sprintf("at most %d", maxEndpoints))
	}
	seen := make(map[string]bool, len(c.Endpoints))
	for i, e := range c.Endpoints {
		at := fmt.Sprintf("endpoints[%d]", i)
		v.count(at+".weight", e.Weight, 1, maxWeight)
		t, err := parseTarget(e.URL)
		if err != nil {
			v.add(at+".url", err.Error(), "http://host:port or https://host:port")
			continue
		}
		if seen[t.String()] {
			v.add(at+".url", fmt.Sprintf("%s stands here twice", t), "give it a greater weight instead")
		}
		seen[t.String()] = true
		if c.Protocol == protocolH2 && t.scheme != "https" {
			v.add(at+".url", "protocol h2 needs https", "protocol: h2c speaks HTTP/2 without TLS")
		}
		if c.Protocol == protocolH2C && t.scheme != "http" {
			v.add(at+".url", "protocol h2c needs http", "protocol: h2 speaks HTTP/2 over TLS")
		}
		if t.scheme != "https" && !c.TLS.isZero() {
			v.add(at+".url", "tls is configured, but this endpoint is not https", "use https, or another upstream for plain endpoints")
		}
	}
}

func (v *problems) health(h *Health) {
	if h.Path != "" {
		path, query, _ := strings.Cut(h.Path, "?")
		if !validPath(path) || !validQuery(query) {
			v.add("health.path", fmt.Sprintf("%q is not a path", h.Path), "such as /healthz")
		}
	}
	v.duration("health.interval", h.Interval, 10*time.Millisecond, time.Hour)
	v.duration("health.timeout", h.Timeout, time.Millisecond, time.Hour)
	v.count("health.healthy", h.Healthy, 1, 1000)
	v.count("health.unhealthy", h.Unhealthy, 1, 1000)
	if h.Passive.Failures != never {
		v.count("health.passive.failures", h.Passive.Failures, 1, 1_000_000)
	}
	v.duration("health.passive.eject", h.Passive.Eject, time.Millisecond, maxEjection)
}

func (v *problems) tls(c *Config) {
	for i, p := range c.TLS.Pins {
		if _, err := parsePin(p); err != nil {
			v.add(fmt.Sprintf("tls.pins[%d]", i), err.Error(), "sha256/ and the base64 of 32 bytes")
		}
	}
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		v.add("tls", "cert and key go together", "")
	}
	if c.TLS.ServerName != "" && !validAuthority(c.TLS.ServerName) {
		v.add("tls.server_name", fmt.Sprintf("%q is not a host name", c.TLS.ServerName), "")
	}
}

// parsePin reads "sha256/BASE64" (the pin-sha256 of RFC 7469, section 2.4).
func parsePin(s string) (pin [32]byte, err error) {
	b64, ok := strings.CutPrefix(s, "sha256/")
	if !ok {
		return pin, fmt.Errorf("%q is not a pin", s)
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(b64)
	if err != nil || len(raw) != len(pin) {
		return pin, fmt.Errorf("%q is not a pin", s)
	}
	return [32]byte(raw), nil
}

// target is an endpoint's URL taken apart.
type target struct {
	scheme string // "http" or "https"
	host   string // as written, lower case, without brackets
	port   string
	ip     netip.Addr // valid where host is a literal address
}

// authority is host:port as it is dialled, for reports and the Host field.
func (t target) authority() string {
	if strings.IndexByte(t.host, ':') >= 0 {
		return "[" + t.host + "]:" + t.port
	}
	return t.host + ":" + t.port
}

func (t target) String() string { return t.scheme + "://" + t.authority() }

func parseTarget(s string) (target, error) {
	u, err := url.Parse(s)
	if err != nil {
		return target{}, fmt.Errorf("%q is not a URL", s)
	}
	t := target{scheme: u.Scheme, host: strings.ToLower(u.Hostname()), port: u.Port()}
	switch {
	case t.scheme != "http" && t.scheme != "https":
		return target{}, fmt.Errorf("%q is neither http nor https", s)
	case u.User != nil:
		return target{}, errors.New("a URL with a user or password is not accepted")
	case u.Path != "" && u.Path != "/", u.RawQuery != "", u.ForceQuery, u.Fragment != "", u.Opaque != "":
		return target{}, fmt.Errorf("%q has a path, query or fragment", s)
	case !validAuthority(u.Host):
		return target{}, fmt.Errorf("%q has no valid host", s)
	}
	if t.port == "" {
		t.port = "80"
		if t.scheme == "https" {
			t.port = "443"
		}
	}
	if t.port == "0" {
		return target{}, fmt.Errorf("%q has no valid port", s)
	}
	if ip, err := netip.ParseAddr(t.host); err == nil {
		t.ip = ip.Unmap()
		t.host = t.ip.String()
	}
	return t, nil
}
