package config

import (
	"slices"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi"
	"github.com/gatehouse/gatehouse/waf"
)

// KnownControls are the names a mode may be given for. Normalising has none: it
// cannot be turned off.
var KnownControls = []string{
	"authn", "authn.requirements", "policy", "limits.address", "limits.caller", "limits.concurrency", "cors", "csrf",
	openapi.SecurityName, openapi.LifecycleName, openapi.RequestName, openapi.ResponseName, waf.RequestName, waf.ResponseName, "egress",
}

// KnownVariables are what the values of header edits may hold in braces.
var KnownVariables = []string{
	"api.name", "client.address", "client.fingerprint", "operation.id", "principal.client", "principal.issuer",
	"principal.subject", "request.id", "trace.id",
}

// ModeOf returns the mode of a control for an operation (nil: for the API at
// large, as for undocumented calls). The nearest word wins: the operation's for
// this control, the operation's for all, the API's for this control, the API's
// for all, the default.
func (c *Config) ModeOf(control string, api *API, op *Operation) gatehouse.Mode {
	if op != nil {
		if m, ok := op.Modes[control]; ok {
			return m
		}
		if op.Mode != nil {
			return *op.Mode
		}
	}
	if api != nil {
		if m, ok := api.Modes[control]; ok {
			return m
		}
		if api.Mode != nil {
			return *api.Mode
		}
	}
	if c.Mode != nil {
		return *c.Mode
	}
	return gatehouse.Enforce
}

func isKnownControl(name string) bool { return slices.Contains(KnownControls, name) }
