package waf

import (
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/waf/payload"
)

// Config is the section waf of gatehouse.yaml. Fill it, call WithDefaults, then
// Validate.
type Config struct {
	Rules   RulesConfig `yaml:"rules" jsonschema_description:"Which SecLang rules there are: the Core Rule Set, and files of your own."`
	Policy  `yaml:",inline"`
	Payload payload.Config `yaml:"payload" jsonschema_description:"Rules of Gatehouse's own, beyond the Core Rule Set: SSRF, NoSQL, GraphQL, tokens, prototypes, paths, JSON."`
	Replay  ReplayConfig   `yaml:"replay" jsonschema_description:"Bounds of what requests may cost that cannot be proven harmless at once and go through all rules."`
	Shadow  float64        `yaml:"shadow" jsonschema:"minimum=-1,maximum=100" jsonschema_description:"Percentage of proven requests that go through all rules as well, off the path, to check the proof. Default: 0.1; negative: none."`
}

// RulesConfig says which rules are loaded.
type RulesConfig struct {
	// Core is nil for yes.
	Core      *bool    `yaml:"core" jsonschema_description:"Load the OWASP Core Rule Set. Default: true."`
	Before    []string `yaml:"before" jsonschema_description:"SecLang files read before the Core Rule Set: settings such as tx.allowed_methods, exclusions by ctl."`
	After     []string `yaml:"after" jsonschema_description:"SecLang files read after it: rules of your own, SecRuleRemoveById, SecRuleUpdateTargetById."`
	Responses bool     `yaml:"responses" jsonschema_description:"Inspect answers, too. Bodies of text/plain, text/html and text/xml are held back until they are judged. Default: false."`
}

// Policy is how strict the rules are, for everything, an API or an operation. Empty
// members of an inner one stand for those of the outer one; exclusions add up.
type Policy struct {
	Paranoia   int         `yaml:"paranoia" jsonschema:"minimum=1,maximum=4" jsonschema_description:"Paranoia level whose rules block. Default: 1."`
	Detection  int         `yaml:"detection" jsonschema:"minimum=1,maximum=4" jsonschema_description:"Paranoia level up to which rules are evaluated and recorded. Default: as paranoia."`
	Inbound    int         `yaml:"inbound" jsonschema:"minimum=1" jsonschema_description:"Anomaly score from which a request is refused. Default: 5, one critical rule."`
	Outbound   int         `yaml:"outbound" jsonschema:"minimum=1" jsonschema_description:"Anomaly score from which an answer is refused. Default: 4."`
	Exclusions []Exclusion `yaml:"exclusions" jsonschema_description:"What certain fields may hold all the same, or rules that do not apply."`
}

// Exclusion takes fields out of rules, or rules out altogether.
type Exclusion struct {
	Fields []string `yaml:"fields" jsonschema_description:"Names of arguments, in the query, a form or a JSON body: bio, orders.*.note. header:NAME and cookie:NAME for those. Default: the rules do not apply to anything."`
	Allow  []string `yaml:"allow" jsonschema_description:"What they may hold: html, sql, shell, php, java, path, url, code, any."`
	Rules  []string `yaml:"rules" jsonschema_description:"Rules that do not apply: an id (942100, payload.ssrf.private), a range (941100-941199), a family (payload.ssrf.*) or a tag (attack-xss)."`
}

// ReplayConfig bounds what unproven requests may cost.
type ReplayConfig struct {
	Workers int           `yaml:"workers" jsonschema:"minimum=1" jsonschema_description:"Requests that go through all rules at once. Default: half of the processors."`
	Queue   int           `yaml:"queue" jsonschema:"minimum=0" jsonschema_description:"Requests that may wait for that. Default: 64 for each worker."`
	Wait    time.Duration `yaml:"wait" jsonschema_description:"How long one may wait; then it is refused with 503. Default: 2s."`
	Budget  time.Duration `yaml:"budget" jsonschema_description:"Processor time per second that one caller, or one address, may use up this way; beyond it requests are refused with 429. Default: 250ms."`
	Burst   time.Duration `yaml:"burst" jsonschema_description:"What may be saved up of the budget. Default: 2s."`
	// Bytes bounds a request, since the engine needs some ten microseconds for each.
	Bytes   gatehouse.Bytes `yaml:"bytes" jsonschema_description:"Size, body and head, up to which a request goes through all rules; a larger one that cannot be proven is refused with 413. Default: 1MiB."`
	Callers int             `yaml:"callers" jsonschema:"minimum=1" jsonschema_description:"Callers and addresses whose budgets are kept in memory. Default: 100000."`
}

// kinds maps what a field may hold to the tags of the rules against it.
var kinds = map[string][]string{
	"html": {"attack-xss"}, "sql": {"attack-sqli"}, "shell": {"attack-rce"}, "php": {"attack-injection-php"},
	"java": {"attack-injection-java"}, "path": {"attack-lfi"}, "url": {"attack-rfi", "attack-ssrf"},
	"code": {"attack-rce", "attack-injection-php", "attack-injection-java", "attack-injection-generic", "attack-ssti"},
	"any":  {"OWASP_CRS"},
}

// WithDefaults fills what is empty.
func (c Config) WithDefaults() Config {
	if c.Rules.Core == nil {
		yes := true
		c.Rules.Core = &yes
	}
	c.Policy = c.Policy.WithDefaults()
	c.Payload = c.Payload.WithDefaults()
	c.Replay = c.Replay.WithDefaults()
	if c.Shadow == 0 {
		c.Shadow = 0.1
	}
	return c
}

// WithDefaults fills what is empty.
func (p Policy) WithDefaults() Policy {
	return Policy{Paranoia: 1, Inbound: 5, Outbound: 4}.Within(p)
}

// Within returns the policy that holds where inner is said inside p.
func (p Policy) Within(inner Policy) Policy {
	pick := func(outer *int, in int) {
		if in != 0 {
			*outer = in
		}
	}
	pick(&p.Paranoia, inner.Paranoia)
	pick(&p.Detection, inner.Detection)
	pick(&p.Inbound, inner.Inbound)
	pick(&p.Outbound, inner.Outbound)
	p.Exclusions = slices.Concat(p.Exclusions, inner.Exclusions)
	return p
}

// WithDefaults fills what is empty.
func (c ReplayConfig) WithDefaults() ReplayConfig {
	if c.Workers == 0 {
		c.Workers = max(1, runtime.GOMAXPROCS(0)/2)
	}
	if c.Queue == 0 {
		c.Queue = 64 * c.Workers
	}
	if c.Wait == 0 {
		c.Wait = 2 * time.Second
	}
	if c.Budget == 0 {
		c.Budget = 250 * time.Millisecond
	}
	if c.Burst == 0 {
		c.Burst = 2 * time.Second
	}
	if c.Bytes == 0 {
		c.Bytes = 1 << 20
	}
	if c.Callers == 0 {
		c.Callers = 100_000
	}
	return c
}

func invalid(at, hint, format string, args ...any) error {
	return &gatehouse.Error{Code: "waf.config", Message: fmt.Sprintf(format, args...), Hint: hint, At: gatehouse.Position{File: at}}
}

// Validate returns all that is wrong, joined.
func (c Config) Validate() error {
	errs := []error{c.Policy.Validate(""), prefixed("payload", c.Payload.Validate())}
	if c.Shadow > 100 {
		errs = append(errs, invalid("shadow", "a percentage", "shadow is more than 100"))
	}
	r := c.Replay
	for name, bad := range map[string]bool{"workers": r.Workers < 1, "queue": r.Queue < 0, "wait": r.Wait < 0, "budget": r.Budget < 0, "burst": r.Burst < r.Budget/100, "callers": r.Callers < 1, "bytes": r.Bytes < 1} {
		if bad {
			errs = append(errs, invalid("replay."+name, "", "%s is too small", name))
		}
	}
	for name, list := range map[string][]string{"before": c.Rules.Before, "after": c.Rules.After} {
		for i, f := range list {
			if f == "" || strings.ContainsAny(f, "\"\n") || strings.HasPrefix(f, "@") {
				errs = append(errs, invalid(fmt.Sprintf("rules.%s[%d]", name, i), "", "%q is not the name of a file", f))
			}
		}
	}
	return errors.Join(errs...)
}

// prefixed puts a section before the places of joined errors.
func prefixed(section string, err error) error {
	if err == nil {
		return nil
	}
	list := []error{err}
	if j, ok := err.(interface{ Unwrap() []error }); ok {
		list = j.Unwrap()
	}
	for i, err := range list {
		if e, ok := err.(*gatehouse.Error); ok {
			own := *e
			own.At.File = strings.TrimSuffix(section+"."+e.At.File, ".")
			list[i] = &own
		}
	}
	return errors.Join(list...)
}

// Validate returns all that is wrong, joined; at is the section's path and a dot,
// or nothing.
func (p Policy) Validate(at string) error {
	var errs []error
	for name, v := range map[string]int{"paranoia": p.Paranoia, "detection": p.Detection} {
		if v < 0 || v > 4 {
			errs = append(errs, invalid(at+name, "1 to 4", "there is no paranoia level %d", v))
		}
	}
	if p.Detection != 0 && p.Detection < p.Paranoia {
		errs = append(errs, invalid(at+"detection", "", "detection %d is below paranoia %d", p.Detection, p.Paranoia))
	}
	if p.Inbound < 0 || p.Outbound < 0 {
		errs = append(errs, invalid(at+"inbound", "", "a threshold is negative"))
	}
	for i, x := range p.Exclusions {
		errs = append(errs, x.validate(fmt.Sprintf("%sexclusions[%d]", at, i)))
	}
	return errors.Join(errs...)
}

var (
	ruleSpelled  = regexp.MustCompile(`^[0-9]{1,9}(-[0-9]{1,9})?$|^payload[.][a-z_.]*[a-z*]$|^[A-Za-z][A-Za-z0-9_/-]*$`)
	fieldSpelled = regexp.MustCompile(`^((header|cookie):)?[^\s"'|:;,\\/]+$`)
)

func (x Exclusion) validate(at string) error {
	var errs []error
	if len(x.Allow)+len(x.Rules) == 0 {
		errs = append(errs, invalid(at, "say allow: [html] or rules: [942100]", "the exclusion excludes nothing"))
	}
	for i, k := range x.Allow {
		if kinds[k] == nil {
			errs = append(errs, invalid(fmt.Sprintf("%s.allow[%d]", at, i), "html, sql, shell, php, java, path, url, code, any", "%q is not a kind of content", k))
		}
	}
	for i, r := range x.Rules {
		if !ruleSpelled.MatchString(r) {
			errs = append(errs, invalid(fmt.Sprintf("%s.rules[%d]", at, i), "an id, a range of ids, a family such as payload.ssrf.* or a tag", "%q is not a rule", r))
		}
	}
	for i, f := range x.Fields {
		if !fieldSpelled.MatchString(f) {
			errs = append(errs, invalid(fmt.Sprintf("%s.fields[%d]", at, i), "bio, orders.*.note, header:NAME, cookie:NAME", "%q is not the name of a field", f))
		}
	}
	return errors.Join(errs...)
}
