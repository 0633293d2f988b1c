package server

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/openapi"
)

// served is an operation with what the configuration says of it.
type served struct {
	op  *gatehouse.Operation
	cfg *config.Operation // nil where it says nothing of this one
	// contract has the operation's controls; nil where there is none.
	contract *openapi.Contract
	// answer is what the gateway itself answers; nil: the upstream does.
	answer gatehouse.Forwarder
}

// vocabulary makes the APIs and operations that every room then speaks of, and
// reads the contracts.
func (a *assembly) vocabulary() error {
	var errs []error
	for i := range a.cfg.APIs {
		c := &a.cfg.APIs[i]
		api := &gatehouse.API{Name: c.Name, BasePath: c.BasePath, Version: c.Version, Owner: c.Owner}
		for _, h := range c.Hosts {
			api.Hosts = append(api.Hosts, strings.ToLower(h))
		}
		a.apis = append(a.apis, api)
		if c.Contract != nil {
			if err := a.promised(i, c, api); err != nil {
				errs = append(errs, err)
			}
		} else {
			a.declared(i, c, api)
		}
		if c.Undocumented == "report" {
			a.catchAll[c] = &gatehouse.Operation{API: api, ID: "undocumented", Method: "*", Path: "/{path...}", Undocumented: true,
				Endpoint: endpoint("*", c.BasePath, "/{undocumented}"), At: a.cfg.At(fmt.Sprintf("apis[%d]", i))}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return a.limitNames()
}

// declared makes the operations that the configuration lists.
func (a *assembly) declared(i int, c *config.API, api *gatehouse.API) {
	for j := range c.Operations {
		o := &c.Operations[j]
		method, path := o.Route()
		op := &gatehouse.Operation{API: api, ID: o.ID, Method: method, Path: path, Endpoint: endpoint(method, c.BasePath, path)}
		override(op, o)
		op.At = a.cfg.At(fmt.Sprintf("apis[%d].operations[%d]", i, j))
		a.served[c] = append(a.served[c], served{op: op, cfg: o})
	}
}

// override gives an operation what the configuration says of it. Scopes and tags
// are added to those of a contract: nothing that a document demands is dropped.
func override(op *gatehouse.Operation, o *config.Operation) {
	switch o.Access {
	case "public":
		op.Access = gatehouse.AccessPublic
	case "policy":
		op.Access = gatehouse.AccessPolicy
	}
	op.Scopes = union(op.Scopes, o.Scopes)
	op.Tags = union(op.Tags, o.Tags)
	op.ACR, op.MaxAge = o.ACR, o.MaxAge
}

func union(have, more []string) []string {
	if len(have) == 0 {
		return more
	}
	out := slices.Clone(have)
	for _, s := range more {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func endpoint(method, base, path string) string {
	return method + " " + strings.TrimSuffix(base, "/") + path
}

// limitNames checks, where contracts have operations, that those named in limits
// exist: by id, or as a tag. Without contracts package config has done so.
func (a *assembly) limitNames() error {
	known, contracts := map[string]bool{}, false
	for i := range a.cfg.APIs {
		c := &a.cfg.APIs[i]
		contracts = contracts || c.Contract != nil
		for _, s := range a.served[c] {
			known[s.op.ID] = true
			for _, t := range s.op.Tags {
				known[t] = true
			}
		}
	}
	if !contracts {
		return nil
	}
	var errs []error
	for i := range a.cfg.Limits.Levels {
		for _, name := range slices.Sorted(maps.Keys(a.cfg.Limits.Levels[i].Operations)) {
			if !known[name] {
				errs = append(errs, &gatehouse.Error{Code: "config.unknown_operation", Message: fmt.Sprintf("no operation has the id or tag %q", name),
					At: a.cfg.At(fmt.Sprintf("limits.levels[%d].operations.%s", i, name))})
			}
		}
	}
	return errors.Join(errs...)
}
