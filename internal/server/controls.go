package server

import (
	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/gateway"
	"github.com/gatehouse/gatehouse/internal/config"
)

// controls is the path's order: cheap before dear, and nobody unauthorised makes
// the dear ones work. Identify (authn, csrf) stands between admit and judge head;
// gateway sees to it and to CORS.
func (a *assembly) controls() []placed {
	return []placed{
		{gatehouse.StepAdmit, a.limiter.Admit()},
		{gatehouse.StepJudgeHead, a.limiter.Caller()},
		{gatehouse.StepJudgeHead, a.authn.Requirements()},
		{gatehouse.StepJudgeHead, a.policy.Control()},
		{gatehouse.StepJudgeBody, a.concurrency},
	}
}

type placed struct {
	step    gatehouse.Step
	control gatehouse.Control
}

// stages gives the controls their modes for one operation.
func (a *assembly) stages(api *config.API, op *config.Operation) []gateway.Stage {
	var out []gateway.Stage
	for _, p := range a.controls() {
		out = append(out, gateway.NewStage(p.step, p.control, a.cfg.ModeOf(p.control.Name(), api, op)))
	}
	return out
}
