package server

import (
	"slices"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/authn"
	"github.com/gatehouse/gatehouse/gateway"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/openapi"
	"github.com/gatehouse/gatehouse/ratelimit"
)

// controls is the path's order: cheap before dear, and nobody unauthorised makes
// the dear ones work. Identify (authn, csrf) stands between admit and judge head;
// gateway sees to it and to CORS.
// Those of a contract are nil where its document has nothing for them to judge.
func (a *assembly) controls(s served) []placed {
	c := s.contract
	if c == nil {
		c = new(openapi.Contract) // of nobody's operations
	}
	return []placed{
		{gatehouse.StepAdmit, a.limiter.Admit()},
		{gatehouse.StepJudgeHead, a.limiter.Caller()},
		{gatehouse.StepJudgeHead, a.authn.Requirements()},
		{gatehouse.StepJudgeHead, c.Security(s.op)},
		{gatehouse.StepJudgeHead, a.policy.Control()},
		{gatehouse.StepJudgeHead, c.Lifecycle(s.op)},
		{gatehouse.StepJudgeBody, c.Request(s.op)},
		{gatehouse.StepJudgeBody, a.inspected[s.op].request},
		{gatehouse.StepJudgeBody, c.Response(s.op)},
		{gatehouse.StepJudgeBody, a.inspected[s.op].response},
		{gatehouse.StepJudgeBody, a.concurrency},
	}
}

type placed struct {
	step    gatehouse.Step
	control gatehouse.Control
}

// stages gives the controls their modes for one operation. Those that could say
// nothing of its calls are left out: each costs a clock reading and its part of
// the record.
func (a *assembly) stages(api *config.API, s served) []gateway.Stage {
	var out []gateway.Stage
	for _, p := range a.controls(s) {
		if p.control == nil {
			continue
		}
		switch p.control.Name() {
		case ratelimit.ConcurrencyControl:
			if s.answer != nil || !a.bounded(api) {
				continue
			}
		case authn.RequirementsName:
			if !a.demands(s.op) {
				continue
			}
		case "policy":
			if len(a.policy.Policies()) == 0 && s.op.Access == gatehouse.AccessContract {
				continue // the contract decides alone
			}
		}
		out = append(out, gateway.NewStage(p.step, p.control, a.cfg.ModeOf(p.control.Name(), api, s.cfg)))
	}
	return out
}

// bounded reports whether some upstream of the API takes a limited number of
// requests at once.
func (a *assembly) bounded(api *config.API) bool {
	for _, u := range a.cfg.Upstreams {
		to := u.Name == api.Upstream || slices.ContainsFunc(api.Upstreams, func(w config.WeightedUpstream) bool { return w.Name == u.Name })
		if to && u.Concurrency != nil && u.Concurrency.Limits() {
			return true
		}
	}
	return false
}

// demands reports whether authn.requirements has something to check or to say of
// an operation: what it demands of the caller, and the next nonce for DPoP.
func (a *assembly) demands(op *gatehouse.Operation) bool {
	return a.cfg.Authn.DPoP.Nonce || len(op.Scopes) > 0 || len(op.ACR) > 0 || op.MaxAge > 0
}
