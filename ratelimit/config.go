package ratelimit

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
)

// Config is the limits section of gatehouse.yaml. Fill it, call WithDefaults,
// then Validate.
type Config struct {
	Levels []Level `yaml:"levels,omitempty" jsonschema_description:"limits that all must pass"`
	// Failures bounds failed sign-ins and introspections per address.
	Failures FailuresConfig `yaml:"failures,omitempty" jsonschema_description:"failed sign-ins and introspections per address"`
	// Tiers maps a tier to the rates that it has in place of the levels' own.
	Tiers     map[string]map[string]Rate `yaml:"tiers,omitempty" jsonschema_description:"named sets of rates, by level; a claim or an API key's attribute picks one"`
	Suspicion SuspicionConfig            `yaml:"suspicion,omitempty" jsonschema_description:"what becomes of who breaks a limit of its own"`
	// MaxKeys is read once, when the store is made.
	MaxKeys int `yaml:"max_keys,omitempty" jsonschema_description:"greatest number of keys remembered, read at start; default 1000000"`
	// Headers is true where nil.
	Headers *bool `yaml:"headers,omitempty" jsonschema_description:"send RateLimit and RateLimit-Policy; default true"`
}

// Level is one limit. Its key says for whom calls are counted together: an empty
// key for all, otherwise any of api, upstream, operation, endpoint, client, user
// and address.
type Level struct {
	Name  string   `yaml:"name" jsonschema_description:"lower-case name, used in reasons and headers"`
	Key   []string `yaml:"key" jsonschema:"enum=api,enum=upstream,enum=operation,enum=endpoint,enum=client,enum=user,enum=address" jsonschema_description:"what calls are counted by; empty counts all together"`
	Rate  Rate     `yaml:"rate" jsonschema:"type=string" jsonschema_description:"calls per period: 60/min, 5000/s, 100/10s"`
	Burst int      `yaml:"burst,omitempty" jsonschema_description:"calls that may come at once; default the rate's count"`
	Exact bool     `yaml:"exact,omitempty" jsonschema_description:"an exact sliding window: never more than the rate in any period"`
	// Operations overrides Rate by operation id or, where no id fits, by tag; of
	// several tags the strictest counts. It also stands above any tier.
	Operations map[string]Rate `yaml:"operations,omitempty" jsonschema_description:"rates by operation id or tag"`
	// At is where the level was declared.
	At gatehouse.Position `yaml:"-" json:"-"`
}

// FailuresConfig bounds failures.
type FailuresConfig struct {
	Rate Rate `yaml:"rate,omitempty" jsonschema:"type=string" jsonschema_description:"failures per address; default 10/min"`
}

// SuspicionConfig is what becomes of who breaks a limit of its own.
type SuspicionConfig struct {
	Factor float64       `yaml:"factor,omitempty" jsonschema_description:"part of its limits that remains, above 0 and at most 1, which turns suspicion off; default 0.25"`
	For    time.Duration `yaml:"for,omitempty" jsonschema_description:"how long; default 1h"`
}

// Bounds of a configuration.
const (
	maxLevels = 16
	// maxExact bounds the time stamps one key of an exact level may hold.
	maxExact   = 10_000
	maxMaxKeys = 1 << 28
)

// WithDefaults returns c with its defaults filled in.
func (c Config) WithDefaults() Config {
	if c.Failures.Rate.IsZero() {
		c.Failures.Rate = Rate{10, time.Minute}
	}
	if c.Suspicion.Factor == 0 {
		c.Suspicion.Factor = 0.25
	}
	if c.Suspicion.For == 0 {
		c.Suspicion.For = time.Hour
	}
	if c.MaxKeys == 0 {
		c.MaxKeys = 1_000_000
	}
	if c.Headers == nil {
		yes := true
		c.Headers = &yes
	}
	return c
}

// problems gathers every mistake, so that a person can mend them all at once.
type problems []error

func (p *problems) add(path, code, hint, format string, args ...any) {
	*p = append(*p, &gatehouse.Error{
		Code: "config." + code, Message: fmt.Sprintf(format, args...), Hint: hint,
		At: gatehouse.Position{File: path},
	})
}

func (p *problems) rate(path string, r Rate) bool {
	if r.IsZero() {
		p.add(path, "missing", rateHint, "the rate is missing")
	} else if !r.valid() {
		p.add(path, "rate", rateHint, "%d calls in %s is not a usable rate", r.Count, r.Per)
	} else {
		return true
	}
	return false
}

// Validate returns all mistakes, each a *gatehouse.Error whose At.File is the
// path within the section: "levels[2].rate".
func (c Config) Validate() error {
	var p problems
	if len(c.Levels) > maxLevels {
		p.add("levels", "range", "", "%d levels are more than %d", len(c.Levels), maxLevels)
	}
	names := map[string]Level{}
	for i, l := range c.Levels {
		l.validate(&p, fmt.Sprintf("levels[%d]", i))
		if _, twice := names[l.Name]; twice {
			p.add(fmt.Sprintf("levels[%d].name", i), "duplicate", "", "a level called %q stands above", l.Name)
		}
		names[l.Name] = l
	}
	if c.Failures.Rate != (Rate{}) {
		p.rate("failures.rate", c.Failures.Rate)
	}
	for _, tier := range slices.Sorted(maps.Keys(c.Tiers)) {
		for _, level := range slices.Sorted(maps.Keys(c.Tiers[tier])) {
			c.validateTier(&p, names, tier, level)
		}
	}
	if f := c.Suspicion.Factor; !(f >= 0 && f <= 1) {
		p.add("suspicion.factor", "range", "a quarter is 0.25", "%v is not above 0 and at most 1", f)
	}
	if d := c.Suspicion.For; d < 0 || d > maxPer {
		p.add("suspicion.for", "range", "", "%s is not from 0 to 31 days", d)
	}
	if c.MaxKeys < 0 || c.MaxKeys > maxMaxKeys {
		p.add("max_keys", "range", "", "%d is not from 1 to %d", c.MaxKeys, maxMaxKeys)
	}
	return errors.Join(p...)
}

func (c Config) validateTier(p *problems, names map[string]Level, tier, level string) {
	path, r := "tiers."+tier+"."+level, c.Tiers[tier][level]
	l, ok := names[level]
	switch {
	case !ok:
		p.add(path, "unknown_level", "one of "+strings.Join(slices.Sorted(maps.Keys(names)), ", "), "there is no level called %q", level)
	case l.early():
		p.add(path, "tier", "add client or user to the level's key", "level %q is judged before the caller's tier is known", level)
	}
	if p.rate(path, r) && ok {
		l.validateExact(p, path, r)
		l.validateBurst(p, path, r)
	}
}

func (l Level) validate(p *problems, path string) {
	if !validName(l.Name) {
		p.add(path+".name", "name", "lower-case letters, digits, _ and -, at most 32", "%.40q is not a name for a level", l.Name)
	} else if l.Name == failuresName {
		p.add(path+".name", "name", "choose another name", "%q is the limit of failed sign-ins", l.Name)
	}
	if _, err := l.parts(); err != nil {
		p.add(path+".key", "key", "any of "+strings.Join(partNames[1:], ", ")+", or none for all calls together", "%s", err)
	}
	if p.rate(path+".rate", l.Rate) {
		l.validateExact(p, path+".rate", l.Rate)
		l.validateBurst(p, path+".burst", l.Rate)
	}
	if l.Burst < 0 {
		p.add(path+".burst", "range", "", "%d is less than 1", l.Burst)
	}
	if l.Exact && l.Burst != 0 {
		p.add(path+".burst", "conflict", "leave out burst or exact", "an exact window has no burst of its own")
	}
	if len(l.Operations) > 0 && !slices.Contains(l.Key, "operation") && !slices.Contains(l.Key, "endpoint") {
		p.add(path+".operations", "conflict", "add endpoint or operation to the key",
			"rates by operation need a key that tells operations apart")
	}
	for _, op := range slices.Sorted(maps.Keys(l.Operations)) {
		if at := path + ".operations." + op; p.rate(at, l.Operations[op]) {
			l.validateExact(p, at, l.Operations[op])
			l.validateBurst(p, at, l.Operations[op])
		}
	}
}

func (l Level) validateExact(p *problems, path string, r Rate) {
	if l.Exact && r.Count > maxExact {
		p.add(path, "range", "leave out exact", "an exact window holds at most %d calls", maxExact)
	}
}

// validateBurst keeps the time to fill an empty bucket representable.
func (l Level) validateBurst(p *problems, path string, r Rate) {
	if l.Burst < 0 || l.Burst > maxCount || l.Rate.Count > 0 && !l.Exact && l.limit(r).Burst > int64(maxRecovery/r.interval()) {
		p.add(path, "range", "", "a burst that takes over %d days to come back", int(maxRecovery.Hours()/24))
	}
}

func validName(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= 32
}
