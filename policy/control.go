package policy

import (
	"context"
	"fmt"
	"iter"

	"github.com/cedar-policy/cedar-go"

	"github.com/gatehouse/gatehouse"
)

// Control returns the Control "policy", which judges by the request's head.
//
// Its reasons: policy.permit and policy.public; policy.forbidden (a forbid
// matched), policy.no_permit (nothing permits) and policy.error (a policy could
// not be evaluated), all three with status 403. Reason.At is the line of the
// policy that decided, or of the operation where none did.
func (s *Set) Control() gatehouse.Control { return control{s} }

type control struct{ set *Set }

func (control) Name() string { return "policy" }

// Check judges x by its Operation, Params, Principal, Peer and Request's head.
func (c control) Check(_ context.Context, x *gatehouse.Exchange) (gatehouse.Verdict, error) {
	pair := c.set.plans[x.Operation]
	if pair == nil {
		return gatehouse.Verdict{}, &gatehouse.Error{Code: "policy.unknown_operation", Status: 503,
			Message: "the policies were not compiled for this operation"}
	}
	pl := pair[classIndex(safeMethod(x.Request.Method))]
	who := c.set.caller(x.Principal)
	r := c.set.requests.Get().(*request)
	r.plan, r.who, r.x = pl, who, x
	v := r.judge()
	r.reset()
	c.set.requests.Put(r)
	return v, nil
}

// A request is one evaluation: it hands Cedar the candidate policies and, only
// when asked, the entities.
type request struct {
	set    *Set
	plan   *plan
	who    *caller
	x      *gatehouse.Exchange
	chosen []*policy // the conditional policies whose scope fits
	params cedar.Entity
}

func (r *request) reset() {
	clear(r.chosen)
	*r = request{set: r.set, chosen: r.chosen[:0]}
}

// judge decides as Cedar does, forbids before permits, and differs in one point:
// a forbid that errs denies.
func (r *request) judge() gatehouse.Verdict {
	list := &r.plan.lists[r.who.kind]
	var need needs
	for _, p := range list.forbids {
		if p.in >= 0 && !r.who.in.has(p.in) {
			continue
		}
		if p.body == nil {
			return gatehouse.Denied(403, p.reason)
		}
		if r.who.mistyped != nil && p.readsAny(r.who.mistyped) {
			return gatehouse.Denied(403, r.mistyped(p))
		}
		need |= p.needs
		r.chosen = append(r.chosen, p)
	}
	var granted *policy // without a condition; these come first
	for _, p := range list.permits {
		if p.in >= 0 && !r.who.in.has(p.in) {
			continue
		}
		if p.body == nil {
			granted = p
			break
		}
		need |= p.needs
		r.chosen = append(r.chosen, p)
	}
	var diag cedar.Diagnostic
	if len(r.chosen) > 0 {
		m := r.set.moment(need, r.x, r.who)
		_, diag = cedar.Authorize(r, r, cedar.Request{
			Principal: r.who.entity.UID,
			Action:    r.plan.action.UID,
			Resource:  r.plan.resource.UID,
			Context:   r.set.context(&m),
		})
	}
	return r.verdict(granted, &diag)
}

func (r *request) verdict(granted *policy, diag *cedar.Diagnostic) gatehouse.Verdict {
	// Where a forbid matched the reasons are forbids, else permits.
	var decided *policy
	if len(diag.Reasons) > 0 {
		decided = r.set.byID[diag.Reasons[0].PolicyID]
		if decided == nil || !decided.permit {
			return gatehouse.Denied(403, decided.denial())
		}
	}
	var failed *cedar.DiagnosticError
	for i := range diag.Errors {
		e := &diag.Errors[i]
		if p := r.set.byID[e.PolicyID]; p == nil || !p.permit {
			return gatehouse.Denied(403, r.failure(p, e))
		}
		failed = e
	}
	switch {
	case r.plan.public:
		return gatehouse.Permitted(r.plan.open)
	case granted != nil:
		return gatehouse.Permitted(granted.reason)
	case decided != nil:
		return gatehouse.Permitted(decided.reason)
	case failed != nil:
		return gatehouse.Denied(403, r.failure(r.set.byID[failed.PolicyID], failed))
	}
	return gatehouse.Denied(403, r.plan.noPermit)
}

// denial is the reason of a forbid that matched.
func (p *policy) denial() gatehouse.Reason {
	if p == nil { // cannot be; were it so, it denies
		return gatehouse.Reason{Code: "policy.forbidden", Message: "forbidden"}
	}
	return p.reason
}

func (r *request) failure(p *policy, e *cedar.DiagnosticError) gatehouse.Reason {
	reason := gatehouse.Reason{Code: "policy.error",
		Message: inert(fmt.Sprintf("policy %q could not be evaluated: %s", e.PolicyID, e.Message)),
		Hint:    "guard what may be absent with has"}
	if p != nil {
		reason.At = p.at
	}
	return reason
}

// readsAny reports whether the conditions read one of the claims.
func (p *policy) readsAny(claims []string) bool {
	if p.allClaims {
		return true
	}
	for _, c := range p.claims {
		for _, m := range claims {
			if c == m {
				return true
			}
		}
	}
	return false
}

func (r *request) mistyped(p *policy) gatehouse.Reason {
	return gatehouse.Reason{Code: "policy.error", At: p.at,
		Message: inert(fmt.Sprintf("policy %q reads a claim that has not its declared type: %s", p.id, quoteList(r.who.mistyped))),
		Hint:    "correct policies.claims in the config, or the issuer"}
}

// All yields the chosen policies, forbids first.
func (r *request) All() iter.Seq2[cedar.PolicyID, *cedar.Policy] {
	return func(yield func(cedar.PolicyID, *cedar.Policy) bool) {
		for _, p := range r.chosen {
			if !yield(cedar.PolicyID(p.id), p.body) {
				return
			}
		}
	}
}

// Get returns an entity that a policy asks for.
func (r *request) Get(uid cedar.EntityUID) (cedar.Entity, bool) {
	switch uid.Type {
	case typeParams:
		return r.pathParams(), uid == paramsUID
	case typeOperation:
		return r.plan.resource, uid == r.plan.resource.UID
	case typeAction:
		return r.plan.action, uid == r.plan.action.UID
	}
	if uid == r.who.entity.UID {
		return r.who.entity, true
	}
	e, ok := r.set.directory.entities[uid]
	return e, ok
}

// pathParams makes the entity of the path parameters, once a request.
func (r *request) pathParams() cedar.Entity {
	if r.params.UID == paramsUID {
		return r.params
	}
	m := make(cedar.RecordMap, len(r.x.Params))
	for _, p := range r.x.Params {
		m[cedar.String(p.Name)] = cedar.String(p.Value)
	}
	r.params = cedar.Entity{UID: paramsUID, Attributes: cedar.NewRecord(m)}
	return r.params
}
