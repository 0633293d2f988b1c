package telemetry

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/gatehouse/gatehouse"
)

// Config is the section telemetry of the configuration.
type Config struct {
	Traces Traces `yaml:"traces" jsonschema_description:"OpenTelemetry traces"`
}

// Traces says where spans go.
type Traces struct {
	Endpoint string   `yaml:"endpoint" jsonschema_description:"base URL of an OTLP/HTTP collector, such as http://127.0.0.1:4318; without one no spans are exported"`
	Sample   *float64 `yaml:"sample" jsonschema:"minimum=0,maximum=1" jsonschema_description:"share of new traces that is sampled, 0 to 1 (default 0.1)"`
	Service  string   `yaml:"service" jsonschema_description:"service.name of the spans (default gatehouse)"`
}

// WithDefaults returns c with the defaults filled in.
func (c Config) WithDefaults() Config {
	if c.Traces.Sample == nil {
		tenth := 0.1
		c.Traces.Sample = &tenth
	}
	if c.Traces.Service == "" {
		c.Traces.Service = "gatehouse"
	}
	return c
}

// Validate returns every problem of c, after WithDefaults.
func (c Config) Validate() error {
	var errs []error
	bad := func(field, message, hint string) {
		errs = append(errs, &gatehouse.Error{Code: "config.telemetry", Message: message, Hint: hint,
			At: gatehouse.Position{File: field}})
	}
	if e := c.Traces.Endpoint; e != "" {
		u, err := url.Parse(e)
		switch {
		case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "":
			// The text may hold a credential: it is not repeated.
			bad("traces.endpoint", "not the base URL of a collector", "such as http://127.0.0.1:4318")
		case u.User != nil || u.RawQuery != "" || u.Fragment != "":
			bad("traces.endpoint", "a collector's URL has no user, query or fragment", "")
		}
	}
	if s := c.Traces.Sample; s != nil && !(*s >= 0 && *s <= 1) {
		bad("traces.sample", fmt.Sprintf("%v is not a share", *s), "0 to 1")
	}
	if len(c.Traces.Service) > 255 {
		bad("traces.service", "the service name is too long", "at most 255 bytes")
	}
	return errors.Join(errs...)
}

// Ratio returns the share of new traces to sample: 0 where none are exported.
func (t Traces) Ratio() float64 {
	if t.Endpoint == "" || t.Sample == nil {
		return 0
	}
	return *t.Sample
}

// LogConfig is the section log of the configuration.
type LogConfig struct {
	Level string `yaml:"level" jsonschema:"enum=debug,enum=info,enum=warn,enum=error" jsonschema_description:"least level that is logged: debug, info, warn or error (default info)"`
}

// WithDefaults returns c with the defaults filled in.
func (c LogConfig) WithDefaults() LogConfig {
	if c.Level == "" {
		c.Level = "info"
	}
	return c
}

// Validate returns every problem of c, after WithDefaults.
func (c LogConfig) Validate() error {
	if _, ok := levels[c.Level]; !ok {
		return &gatehouse.Error{Code: "config.log", Message: fmt.Sprintf("unknown level %q", c.Level),
			Hint: "debug, info, warn or error", At: gatehouse.Position{File: "level"}}
	}
	return nil
}
