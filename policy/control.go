package policy

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go"

	"github.com/gatehouse/gatehouse"
)

// Control returns the Control "policy", which judges by the request's head.
//
// Its reasons: policy.permit and policy.public; policy.forbidden (a forbid
// matched), policy.no_permit (nothing permits) and policy.error (a policy could
// not be evaluated), all three with status 403. Reason.At is the line of the
// policy that decided, or of the operation where none did. What nothing permits
// passes where the operation's Access is gatehouse.AccessContract.
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
	list := &pl.lists[who.kind]
	if !list.steady || who.kind == kindAnonymous {
		return c.set.judge(pl, who, x), nil
	}
	// A client mostly repeats itself: the same operation in the same hour, from the
	// same address, without risk.
	m := c.set.moment(list.needs, x, who)
	slot := &who.kept[pl.number%keptVerdicts]
	if k := slot.Load(); k != nil && k.plan == pl && k.moment == m {
		return k.verdict, nil
	}
	v := c.set.judge(pl, who, x)
	slot.Store(&keptVerdict{plan: pl, moment: m.clone(), verdict: v})
	return v, nil
}

// A keptVerdict is what was decided for one caller. Where no policy reads a path
// parameter, a path or the time to the millisecond, caller, plan and moment are
// all that a verdict depends on.
type keptVerdict struct {
	plan    *plan
	moment  moment
	verdict gatehouse.Verdict
}

// keptVerdicts bounds how many verdicts a caller keeps.
const keptVerdicts = 4

func (s *Set) judge(pl *plan, who *caller, x *gatehouse.Exchange) gatehouse.Verdict {
	r := s.requests.Get().(*request)
	r.plan, r.who, r.x = pl, who, x
	v := r.judge()
	r.reset()
	s.requests.Put(r)
	return v
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
	// failure is why a policy could not be evaluated.
	failure gatehouse.Reason
}

func (r *request) reset() {
	clear(r.chosen)
	*r = request{set: r.set, chosen: r.chosen[:0]}
}

// judge decides as Cedar does, forbids before permits, and differs in one point:
// a forbid that errs denies. It stops where the answer is known.
func (r *request) judge() gatehouse.Verdict {
	list := &r.plan.lists[r.who.kind]
	for _, p := range list.forbids {
		if !r.who.inScope(p) {
			continue
		}
		if p.body == nil {
			return gatehouse.Denied(403, p.reason)
		}
		if r.who.mistyped != nil && p.readsAny(r.who.mistyped) {
			return gatehouse.Denied(403, r.mistyped(p))
		}
		r.chosen = append(r.chosen, p)
	}
	// The permits stand in the order of their cost.
	i, granted := 0, (*policy)(nil)
	for ; i < len(list.permits) && list.permits[i].cost < costDear; i++ {
		p := list.permits[i]
		if !r.who.inScope(p) {
			continue
		}
		if p.cost == costNone {
			granted = p
			break
		}
		r.chosen = append(r.chosen, p)
	}
	decided, failed := r.evaluate()
	switch {
	case decided != nil && !decided.permit:
		return gatehouse.Denied(403, decided.reason)
	case failed != nil && !failed.permit:
		return gatehouse.Denied(403, r.failure)
	case r.plan.public:
		return gatehouse.Permitted(r.plan.open)
	case granted != nil:
		return gatehouse.Permitted(granted.reason)
	case decided != nil:
		return gatehouse.Permitted(decided.reason)
	}
	r.chosen = r.chosen[:0]
	for _, p := range list.permits[i:] {
		if r.who.inScope(p) {
			r.chosen = append(r.chosen, p)
		}
	}
	if decided, _ = r.evaluate(); decided != nil {
		return gatehouse.Permitted(decided.reason)
	}
	if r.failure.Code != "" {
		return gatehouse.Denied(403, r.failure)
	}
	if r.plan.op.Access == gatehouse.AccessContract {
		return gatehouse.Passed() // another may have permitted it; else nobody did
	}
	return gatehouse.Denied(403, r.plan.noPermit)
}

// inScope decides the policy's principal scope; the index has decided the type.
func (c *caller) inScope(p *policy) bool { return p.in < 0 || c.in.has(p.in) }

// evaluate lets Cedar evaluate the conditions of the chosen policies. It returns
// the policy that decides, a forbid before a permit, and one that erred, again a
// forbid before a permit, whose failure it keeps.
func (r *request) evaluate() (decided, failed *policy) {
	if len(r.chosen) == 0 {
		return nil, nil
	}
	var need needs
	for _, p := range r.chosen {
		need |= p.needs
	}
	m := r.set.moment(need, r.x, r.who)
	_, diag := cedar.Authorize(r, r, cedar.Request{
		Principal: r.who.entity.UID,
		Action:    r.plan.action.UID,
		Resource:  r.plan.resource.UID,
		Context:   r.set.context(&m),
	})
	if len(diag.Reasons) > 0 { // forbids where one matched, else permits
		decided = r.set.byID[diag.Reasons[0].PolicyID]
	}
	for i := range diag.Errors {
		e := &diag.Errors[i]
		if p := r.set.byID[e.PolicyID]; failed == nil || !p.permit {
			failed = p
			r.failure = gatehouse.Reason{Code: "policy.error", At: p.at, Hint: "guard what may be absent with has",
				Message: inert(fmt.Sprintf("policy %q could not be evaluated: %s", p.id, e.Message))}
			if !p.permit {
				break
			}
		}
	}
	return decided, failed
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

// pathParams makes the entity of the path parameters, once a request. The caller
// keeps the last one: people mostly ask for what is theirs.
func (r *request) pathParams() cedar.Entity {
	if r.params.UID == paramsUID {
		return r.params
	}
	if kept := r.who.lastParams.Load(); kept != nil && slices.Equal(kept.params, r.x.Params) {
		r.params = kept.entity
		return r.params
	}
	kept := &paramsEntry{params: slices.Clone(r.x.Params)}
	size := 0
	m := make(cedar.RecordMap, len(kept.params))
	for i := range kept.params {
		p := &kept.params[i]
		p.Name, p.Value = strings.Clone(p.Name), strings.Clone(p.Value) // not to pin the message's head
		size += len(p.Name) + len(p.Value)
		m[cedar.String(p.Name)] = cedar.String(p.Value)
	}
	kept.entity = cedar.Entity{UID: paramsUID, Attributes: cedar.NewRecord(m)}
	if size <= 256 && r.who.kind != kindAnonymous {
		r.who.lastParams.Store(kept)
	}
	r.params = kept.entity
	return r.params
}

type paramsEntry struct {
	params []gatehouse.Param
	entity cedar.Entity
}
