package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/authn"
	"github.com/gatehouse/gatehouse/gateway"
	"github.com/gatehouse/gatehouse/http1"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/policy"
	"github.com/gatehouse/gatehouse/ratelimit"
	"github.com/gatehouse/gatehouse/upstream"
)

// assembly is one configuration, compiled: everything a Snapshot is made of.
type assembly struct {
	cfg   *config.Config
	dir   string // where relative file names start
	state *state
	log   *slog.Logger

	// hash identifies the configuration with the documents of its contracts, whose
	// files are watched as the configuration's own.
	hash     string
	files    []string
	warnings config.Diagnostics // of the contracts

	apis        []*gatehouse.API
	served      map[*config.API][]served
	catchAll    map[*config.API]*gatehouse.Operation // undocumented: report
	pools       map[string]*upstream.Pool
	authn       *authn.Service
	policy      *policy.Set
	limiter     *ratelimit.Limiter
	concurrency *ratelimit.Concurrency
	rules       *ruleSet // nil without the section waf
	opened      bool     // the rules are this one's to close
	inspected   map[*gatehouse.Operation]inspection
	snapshot    *gateway.Snapshot
}

// assemble compiles a configuration. Nothing it starts is visible until the
// Snapshot is swapped in; on error it leaves nothing running. before may be nil.
func assemble(cfg *config.Config, dir string, st *state, before *assembly, log *slog.Logger) (*assembly, error) {
	a := newAssembly(cfg, dir, st, log)
	if err := a.build(before); err != nil {
		a.close()
		return nil, err
	}
	return a, nil
}

func newAssembly(cfg *config.Config, dir string, st *state, log *slog.Logger) *assembly {
	return &assembly{cfg: cfg, dir: dir, hash: cfg.Hash(), state: st, log: log, served: map[*config.API][]served{},
		catchAll: map[*config.API]*gatehouse.Operation{}, pools: map[string]*upstream.Pool{}}
}

func (a *assembly) build(before *assembly) error {
	if err := a.vocabulary(); err != nil {
		return err
	}
	if err := a.compilePolicies(); err != nil {
		return err
	}
	var err error
	if a.authn, err = authn.New(a.cfg.Authn, a.state.authn, authn.Options{Dir: a.dir, Log: a.log}); err != nil {
		return a.at("authn", err)
	}
	deps := ratelimit.Deps{Upstream: a.upstreamNames()}
	limits := a.cfg.Limits
	limits.Levels = slices.Clone(limits.Levels)
	for i := range limits.Levels {
		limits.Levels[i].At = a.cfg.At(fmt.Sprintf("limits.levels[%d]", i))
	}
	if a.limiter, err = ratelimit.New(limits, a.state.limits, deps); err != nil {
		return a.at("limits", err)
	}
	if err := a.openPools(); err != nil {
		return err
	}
	var learned *ratelimit.Concurrency
	if before != nil {
		learned = before.concurrency
	}
	bounds := map[string]ratelimit.ConcurrencyConfig{}
	for _, u := range a.cfg.Upstreams {
		if u.Concurrency != nil {
			bounds[u.Name] = *u.Concurrency
		}
	}
	if a.concurrency, err = ratelimit.NewConcurrency(learned, bounds, deps); err != nil {
		return a.at("upstreams", err)
	}
	if err := a.openRules(before); err != nil {
		return err
	}
	return a.compileSites()
}

// at gives errors that a room reported, by the path within its section, the place
// in the file.
func (a *assembly) at(section string, err error) error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var out []error
		for _, e := range many.Unwrap() {
			out = append(out, a.at(section, e))
		}
		return errors.Join(out...)
	}
	e, ok := err.(*gatehouse.Error)
	if !ok || e.At.Line != 0 {
		return err
	}
	at := gatehouse.Position{}
	if e.At.File != "" {
		at = a.cfg.At(section + "." + e.At.File)
	}
	if at.Line == 0 && (e.At.IsZero() || strings.HasPrefix(e.At.File, section)) {
		at = a.cfg.At(section)
	}
	if at.Line == 0 {
		return err
	}
	c := *e
	c.At = at
	return &c
}

func (a *assembly) compilePolicies() error {
	files, entities, err := a.cfg.Policies.Read(a.dir)
	if err != nil {
		return a.at("policies", err)
	}
	in := policy.Input{APIs: a.apis, Entities: entities}
	for i := range a.cfg.APIs {
		c := &a.cfg.APIs[i]
		for _, s := range a.served[c] {
			in.Operations = append(in.Operations, s.op)
		}
		if op := a.catchAll[c]; op != nil {
			in.Operations = append(in.Operations, op)
		}
	}
	for _, is := range a.cfg.Authn.Issuers {
		in.Issuers = append(in.Issuers, is.Issuer)
	}
	a.policy, err = policy.Compile(a.cfg.Policies, files, in)
	return a.at("policies", err)
}

// upstreamNames tells the limits which upstream an exchange goes to. Of several
// by weight the heaviest stands for all.
func (a *assembly) upstreamNames() func(x *gatehouse.Exchange) string {
	names := map[*gatehouse.API]string{}
	for i, api := range a.apis {
		c := &a.cfg.APIs[i]
		names[api] = c.Upstream
		heaviest := -1
		for _, u := range c.Upstreams {
			if u.Weight > heaviest {
				names[api], heaviest = u.Name, u.Weight
			}
		}
	}
	return func(x *gatehouse.Exchange) string { return names[x.API] }
}

func (a *assembly) openPools() error {
	for i, u := range a.cfg.Upstreams {
		p, err := upstream.NewPool(u.Config, a.state.upstreams, a.poolOptions(u.Name))
		if err != nil {
			return a.at(fmt.Sprintf("upstreams[%d]", i), err)
		}
		a.pools[u.Name] = p
	}
	return nil
}

func (a *assembly) close() {
	for _, p := range a.pools {
		p.Close()
	}
	a.closeRules()
}

func (a *assembly) compileSites() error {
	sites := map[*config.API]*gateway.Site{}
	local := map[string]gateway.LocalAnswer{}
	for i := range a.cfg.APIs {
		s, err := a.site(i)
		if err != nil {
			return a.at(fmt.Sprintf("apis[%d]", i), err)
		}
		sites[&a.cfg.APIs[i]] = s
		if err := a.metadata(&a.cfg.APIs[i], local); err != nil {
			return a.at(fmt.Sprintf("apis[%d]", i), err)
		}
	}
	router, egress, err := a.routers(sites)
	if err != nil {
		return a.at("apis", err)
	}
	l := a.cfg.LimitsHTTP
	a.snapshot = &gateway.Snapshot{Hash: a.hash, Router: router, Egress: egress, EgressListeners: map[string]bool{}, Trusted: a.cfg.TrustedProxies, SampleTraces: a.cfg.Telemetry.Traces.Ratio(),
		RedirectPort: map[string]int{}, Local: local, HTTP1: http1Limits(l), Limits: gateway.Limits{HeaderBytes: l.HeaderBytes, HeaderFields: l.HeaderFields, URIBytes: l.URIBytes,
			BodyBytes: l.BodyBytes, ReadTimeout: l.ReadTimeout, WriteTimeout: l.WriteTimeout},
		Risk: func(x *gatehouse.Exchange) uint8 { return a.limiter.Risk(context.Background(), x) }}
	for _, l := range a.cfg.Listeners {
		if l.RedirectHTTPS != 0 {
			a.snapshot.RedirectPort[l.Name] = l.RedirectHTTPS
		}
		if l.Egress {
			a.snapshot.EgressListeners[l.Name] = true
		}
	}
	return nil
}

func http1Limits(l config.HTTPLimits) *http1.Limits {
	out := http1.DefaultLimits()
	out.HeadBytes, out.Fields, out.TargetBytes = int(l.HeaderBytes), l.HeaderFields, int(l.URIBytes)
	out.ReadHead, out.ReadBody, out.Write, out.Idle = l.ReadHeaderTimeout, l.ReadTimeout, l.WriteTimeout, l.IdleTimeout
	return &out
}

// checkSites compiles paths, header rules and CORS of every API, and the router.
func (a *assembly) checkSites() error {
	sites := map[*config.API]*gateway.Site{}
	var errs []error
	for i := range a.cfg.APIs {
		c := &a.cfg.APIs[i]
		var routes []*gateway.Route
		for _, s := range a.served[c] {
			routes = append(routes, &gateway.Route{Operation: s.op})
		}
		s, err := gateway.NewSite(a.apis[i], routes)
		if err == nil {
			sites[c] = s
		}
		_, corsErr := cors(c.CORS)
		for _, err := range []error{err, corsErr, headers(c, &gateway.Route{})} {
			if err != nil {
				errs = append(errs, a.at(fmt.Sprintf("apis[%d]", i), err))
			}
		}
	}
	_, _, err := a.routers(sites)
	return errors.Join(append(errs, a.at("apis", err))...)
}

func (a *assembly) forwarder(c *config.API) (gatehouse.Forwarder, error) {
	if c.Upstream != "" {
		return a.pools[c.Upstream], nil
	}
	var branches []upstream.Branch
	for _, u := range c.Upstreams {
		branches = append(branches, upstream.Branch{To: a.pools[u.Name], Weight: u.Weight})
	}
	return upstream.NewSplit(branches...)
}

// hosts lists every host name the APIs serve, for the internal certificate.
func (a *assembly) hosts() []string {
	var out []string
	for _, api := range a.apis { // of third parties too: services may call them by TLS with the gateway
		for _, h := range api.Hosts {
			if !slices.Contains(out, h) {
				out = append(out, h)
			}
		}
	}
	return out
}
