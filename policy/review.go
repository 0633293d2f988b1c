package policy

import (
	"context"
	"fmt"
	"strings"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/cedar-policy/cedar-go/x/exp/eval"

	"github.com/gatehouse/gatehouse"
)

// Access is what a review concludes. It speaks of requests whose policies can be
// evaluated: a forbid that errs (an overflow, a request without an address) denies
// beyond what a review foresees.
type Access string

const (
	Always      Access = "always"      // whatever the circumstances
	Conditional Access = "conditional" // where the conditions hold
	Never       Access = "never"
)

// A Grant says what one subject may do with one operation, and which policies
// say so.
type Grant struct {
	Subject   string `json:"subject"`   // Role::"admin", or "any User"
	Operation string `json:"operation"` // "shop.getOrder"
	Method    string `json:"method"`    // "GET"; "*" for any
	Path      string `json:"path"`      // with the API's base path
	// Class is "read" or "write": an operation of any method is judged as both.
	Class  string `json:"class"`
	Access Access `json:"access"`
	Public bool   `json:"public,omitempty"`
	// Contract says that whoever meets the security requirement of the API's
	// document may, too.
	Contract bool `json:"contract,omitempty"`
	// Policies are the permits that grant and the forbids that may refuse; of a
	// Never, the forbids that refuse always, or nothing where none permits.
	Policies []PolicyRef `json:"policies"`
}

// A PolicyRef names a policy.
type PolicyRef struct {
	ID     string `json:"id"`
	Effect string `json:"effect"` // "permit" or "forbid"
	At     string `json:"at"`     // file:line:column
	// Condition is what remains to be seen at request time, in Cedar's notation:
	// what is known of subject and operation is worked in. "" stands for always.
	Condition string `json:"condition,omitempty"`
}

func (p *policy) ref(condition string) PolicyRef {
	effect := "forbid"
	if p.permit {
		effect = "permit"
	}
	return PolicyRef{ID: p.id, Effect: effect, At: p.at.String(), Condition: condition}
}

// WhoCan reviews the operations that q selects for each subject; for those of
// [Set.Subjects] where subjects is nil.
func (s *Set) WhoCan(ctx context.Context, q Query, subjects []Subject) (Grants, error) {
	plans, err := s.find(q)
	if err != nil {
		return nil, err
	}
	if subjects == nil {
		subjects = s.Subjects()
	}
	return s.review(ctx, plans, subjects)
}

// WhatCan reviews every operation for one subject.
func (s *Set) WhatCan(ctx context.Context, subject Subject) (Grants, error) {
	return s.review(ctx, s.ordered, []Subject{subject})
}

func (s *Set) review(ctx context.Context, plans []*plan, subjects []Subject) (Grants, error) {
	var grants Grants
	for _, pl := range plans {
		for _, subject := range subjects {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			p, err := s.assume(subject)
			if err != nil {
				return nil, err
			}
			grants = append(grants, p.grant(pl))
		}
	}
	return grants, nil
}

// A prospect is a principal of which only some is known.
type prospect struct {
	set    *Set
	title  string
	kind   kind
	entity cedar.Entity // unknown attributes are eval.Variable
	in     bits
}

// assume makes the principal that a subject stands for.
func (s *Set) assume(subject Subject) (*prospect, error) {
	p := &prospect{set: s, title: subject.String()}
	id, roles := cedar.String(subject.ID), subject.Roles
	switch t := cedar.EntityType(subject.Type); t {
	case typeAnonymous:
		p.kind, p.entity, p.in = kindAnonymous, s.anonymous.entity, s.anonymous.in
		return p, nil
	case typeRole:
		p.kind, roles = kindUser, append([]string{subject.ID}, roles...)
		id = anyID
	case typeUser:
		p.kind = kindUser
	case typeClient:
		p.kind = kindClient
	case typeWorkload:
		p.kind = kindWorkload
	default:
		return nil, s.badSubject(string(t))
	}
	if id == "" {
		id = anyID
	}
	uid := cedar.NewEntityUID(kindTypes[p.kind], id)
	unknown := func(name cedar.String) cedar.Value { return eval.Variable("principal." + name) }
	attrs := cedar.RecordMap{}
	for name := range s.words.base.Entities[uid.Type].Shape {
		attrs[name] = unknown(name)
	}
	if roles != nil {
		attrs["roles"] = stringSet(roles)
	}
	if subject.Scopes != nil {
		attrs["scopes"] = stringSet(subject.Scopes)
	}
	if p.kind == kindUser && id != anyID {
		attrs["subject"] = cedar.String(s.unqualified(string(id)))
	}
	parents := s.parents(uid, roles)
	p.entity = cedar.Entity{UID: uid, Parents: cedar.NewEntityUIDSet(parents...), Attributes: cedar.NewRecord(attrs)}
	p.in = s.membership(uid, parents)
	return p, nil
}

// unqualified is the inverse of qualified.
func (s *Set) unqualified(name string) string {
	if len(s.issuers) == 1 {
		return name
	}
	for _, iss := range s.issuers {
		if sub, ok := strings.CutPrefix(name, iss+"|"); ok {
			return sub
		}
	}
	return name
}

// grant evaluates the plan's policies as far as the prospect allows.
func (p *prospect) grant(pl *plan) Grant {
	base := strings.TrimSuffix(pl.op.API.BasePath, "/")
	g := Grant{Subject: p.title, Operation: pl.name, Method: pl.op.Method, Path: base + pl.op.Path,
		Class: pl.class, Public: pl.public, Contract: pl.op.Access == gatehouse.AccessContract, Access: Never, Policies: []PolicyRef{}}
	list := &pl.lists[p.kind]
	env := p.env(pl)
	var always, maybe, refuse []PolicyRef
	for _, f := range list.forbids {
		switch condition, verdict := p.remains(env, f); verdict {
		case Always:
			refuse = append(refuse, f.ref(""))
		case Conditional:
			maybe = append(maybe, f.ref(condition))
		}
	}
	if len(refuse) > 0 {
		g.Policies = refuse
		return g
	}
	forbids := maybe
	maybe = nil
	for _, q := range list.permits {
		switch condition, verdict := p.remains(env, q); verdict {
		case Always:
			always = append(always, q.ref(""))
		case Conditional:
			maybe = append(maybe, q.ref(condition))
		}
	}
	switch {
	case pl.public || len(always) > 0:
		g.Access, g.Policies = Always, append(always, forbids...)
		if len(forbids) > 0 {
			g.Access = Conditional
		}
	case len(maybe) > 0:
		g.Access, g.Policies = Conditional, append(maybe, forbids...)
	case g.Contract:
		g.Access, g.Policies = Conditional, append(g.Policies, forbids...)
	}
	return g
}

// env is a request of which the principal is partly known, and neither the
// context nor the path parameters are.
func (p *prospect) env(pl *plan) eval.Env {
	resource := pl.resource
	attrs := resource.Attributes.Map()
	attrs["params"] = eval.Variable("resource.params")
	resource.Attributes = cedar.NewRecord(attrs)
	return eval.Env{
		Principal: p.entity.UID, Action: pl.action.UID, Resource: resource.UID, Context: eval.Variable("context"),
		Entities: known{p, pl.action, resource},
	}
}

type known struct {
	p                *prospect
	action, resource cedar.Entity
}

// Get implements cedar.EntityGetter.
func (k known) Get(uid cedar.EntityUID) (cedar.Entity, bool) {
	switch uid {
	case k.p.entity.UID:
		return k.p.entity, true
	case k.action.UID:
		return k.action, true
	case k.resource.UID:
		return k.resource, true
	}
	e, ok := k.p.set.directory.entities[uid]
	return e, ok
}

// remains evaluates one policy: Never where it cannot match, Always where it
// does, else Conditional with what is left of its conditions. A condition that
// errs for certain never permits, and always forbids.
func (p *prospect) remains(env eval.Env, q *policy) (string, Access) {
	if q.in >= 0 && !p.in.has(q.in) {
		return "", Never
	}
	if q.body == nil {
		return "", Always
	}
	bare := tree(q.body)
	rest, keep := eval.PartialPolicy(env, bare)
	if !keep {
		return "", Never
	}
	if len(rest.Conditions) == 0 {
		return "", Always
	}
	var texts []string
	for _, c := range rest.Conditions {
		c.Body = simplify(c.Body)
		if b, ok := boolean(c.Body); ok {
			if b != bool(c.Condition) {
				return "", Never
			}
			continue
		}
		if _, failed := eval.ToPartialError(c.Body); failed {
			if q.permit {
				return "", Never
			}
			return "", Always
		}
		texts = append(texts, conditionText(c))
	}
	if len(texts) == 0 {
		return "", Always
	}
	return strings.Join(texts, " "), Conditional
}

// simplify drops what partial evaluation settled: "x && true" is x, and
// "x && false" is false.
func simplify(n ast.IsNode) ast.IsNode {
	switch v := n.(type) {
	case ast.NodeTypeAnd:
		return simplifyPair(simplify(v.Left), simplify(v.Right), true, func(b ast.BinaryNode) ast.IsNode { return ast.NodeTypeAnd{BinaryNode: b} })
	case ast.NodeTypeOr:
		return simplifyPair(simplify(v.Left), simplify(v.Right), false, func(b ast.BinaryNode) ast.IsNode { return ast.NodeTypeOr{BinaryNode: b} })
	case ast.NodeTypeNot:
		arg := simplify(v.Arg)
		if b, ok := boolean(arg); ok {
			return ast.NodeValue{Value: cedar.Boolean(!b)}
		}
		return ast.NodeTypeNot{UnaryNode: ast.UnaryNode{Arg: arg}}
	}
	return n
}

// simplifyPair joins two sides by an operator of which unit is the neutral value.
func simplifyPair(l, r ast.IsNode, unit bool, join func(ast.BinaryNode) ast.IsNode) ast.IsNode {
	if b, ok := boolean(l); ok {
		if b == unit {
			return r
		}
		return l
	}
	if b, ok := boolean(r); ok {
		if b == unit {
			return l
		}
		return r
	}
	return join(ast.BinaryNode{Left: l, Right: r})
}

func boolean(n ast.IsNode) (value, ok bool) {
	v, ok := n.(ast.NodeValue)
	if !ok {
		return false, false
	}
	b, ok := v.Value.(cedar.Boolean)
	return bool(b), ok
}

// conditionText prints "when { … }" on one line.
func conditionText(c ast.ConditionType) string {
	one := &ast.Policy{Effect: ast.EffectPermit, Principal: ast.ScopeTypeAll{}, Action: ast.ScopeTypeAll{},
		Resource: ast.ScopeTypeAll{}, Conditions: []ast.ConditionType{c}}
	text := string(compileTree(one).MarshalCedar())
	if _, after, ok := strings.Cut(text, ")\n"); ok {
		text = after
	}
	return strings.Map(printable, strings.TrimSuffix(text, ";"))
}

func (s *Set) badSubject(word string) error {
	known := []string{"anonymous", "role:", "user:", "client:", "workload:"}
	for _, sub := range s.Subjects() {
		if sub.ID != "" {
			known = append(known, sub.ID)
		}
	}
	hint := didYouMean(word, known)
	if hint == "" {
		hint = "write role:NAME, user:NAME, client:NAME, workload:NAME or anonymous"
	}
	return subjectError(fmt.Sprintf("%q is no known subject", inert(word)), hint)
}
