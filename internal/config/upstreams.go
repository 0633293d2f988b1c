package config

import (
	"github.com/gatehouse/gatehouse/ratelimit"
	"github.com/gatehouse/gatehouse/upstream"
)

// An Upstream is a named service, and how many requests it gets at once.
type Upstream struct {
	upstream.Config `yaml:",inline"`

	Concurrency *ratelimit.ConcurrencyConfig `yaml:"concurrency" jsonschema_description:"Greatest number of requests at once. Without it there is no limit."`
}

// WithDefaults returns u with its unset values filled in.
func (u Upstream) WithDefaults() Upstream {
	u.Config = u.Config.WithDefaults()
	if u.Concurrency != nil {
		c := u.Concurrency.WithDefaults()
		u.Concurrency = &c
	}
	return u
}
