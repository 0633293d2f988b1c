package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go"
	cedarast "github.com/cedar-policy/cedar-go/ast"
	"github.com/cedar-policy/cedar-go/x/exp/ast"

	"github.com/gatehouse/gatehouse"
)

type cedarTree = cedarast.Policy

// A plan is the index of one operation, called in one method class: the policies
// whose action and resource scopes let it in, by type of principal.
type plan struct {
	number   int
	op       *gatehouse.Operation
	class    string
	name     string
	action   cedar.Entity
	resource cedar.Entity
	public   bool
	lists    [kinds]candidates
	// noPermit and open are reasons made beforehand.
	noPermit, open gatehouse.Reason
}

// candidates are the policies that may apply to one type of principal, in order.
type candidates struct {
	forbids, permits []*policy
	needs            needs // of all of them
	// steady says that none of them is dear: verdicts can be kept.
	steady bool
}

// index builds the plans.
func (s *Set) index(ops []*gatehouse.Operation) {
	byAction := map[cedar.EntityUID][]*policy{}
	var anyAction []*policy
	for _, p := range s.policies {
		switch scope := p.tree.Action.(type) {
		case ast.ScopeTypeEq:
			byAction[scope.Entity] = append(byAction[scope.Entity], p)
		case ast.ScopeTypeIn:
			byAction[scope.Entity] = append(byAction[scope.Entity], p)
		case ast.ScopeTypeInSet:
			for _, e := range scope.Entities {
				byAction[e] = append(byAction[e], p)
			}
		default:
			anyAction = append(anyAction, p)
		}
	}
	for _, op := range ops {
		pair := new([2]*plan)
		for _, class := range classes(op) {
			pl := s.newPlan(op, class)
			pl.number = len(s.ordered)
			apply := slices.Clone(anyAction)
			apply = append(apply, byAction[pl.action.UID]...)
			for g := range pl.action.Parents.All() {
				apply = append(apply, byAction[g]...)
			}
			pl.fill(apply)
			s.ordered = append(s.ordered, pl)
			pair[classIndex(class == classRead)] = pl
		}
		for i, pl := range pair {
			if pl == nil {
				pair[i] = pair[1-i] // one class whatever the method
			}
		}
		s.plans[op] = pair
	}
	slices.SortFunc(s.ordered, func(a, b *plan) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.class, b.class))
	})
}

func classIndex(read bool) int {
	if read {
		return 0
	}
	return 1
}

// newPlan makes the entities of an operation, which no request changes.
func (s *Set) newPlan(op *gatehouse.Operation, class string) *plan {
	name := actionName(op)
	groups := []cedar.EntityUID{actionUID(class)}
	for _, t := range op.Tags {
		groups = append(groups, actionUID(tagName(t)))
	}
	attrs := cedar.NewRecord(cedar.RecordMap{
		"api":          cedar.String(op.API.Name),
		"operation":    cedar.String(op.ID),
		"endpoint":     cedar.String(op.Endpoint),
		"method":       cedar.String(op.Method),
		"path":         cedar.String(op.Path),
		"tags":         stringSet(op.Tags),
		"undocumented": cedar.Boolean(op.Undocumented),
		"access":       cedar.String(op.Access.String()),
		"params":       paramsUID,
	})
	return &plan{
		op: op, class: class, name: name, public: op.Access == gatehouse.AccessPublic,
		action: cedar.Entity{UID: actionUID(name), Parents: cedar.NewEntityUIDSet(groups...)},
		resource: cedar.Entity{UID: cedar.NewEntityUID(typeOperation, cedar.String(name)),
			Parents:    cedar.NewEntityUIDSet(cedar.NewEntityUID(typeAPI, cedar.String(op.API.Name))),
			Attributes: attrs},
		noPermit: gatehouse.Reason{Code: "policy.no_permit", At: op.At,
			Message: inert(fmt.Sprintf("no policy permits %s to this caller", name)),
			Hint:    inert("gatehouse who-can " + op.Method + " " + op.Path)},
		open: gatehouse.Reason{Code: "policy.public", At: op.At, Message: inert(name + " is public")},
	}
}

// fill sorts the policies whose action scope fits into the lists. A policy with
// several fitting actions comes several times, and counts once.
func (pl *plan) fill(apply []*policy) {
	slices.SortFunc(apply, func(a, b *policy) int { return cmp.Compare(a.order, b.order) })
	for _, p := range slices.Compact(apply) {
		if !resourceMatches(p.tree.Resource, pl.name, pl.op.API.Name) {
			continue
		}
		for k := range pl.lists {
			l := &pl.lists[k]
			switch {
			case p.kinds&(1<<k) == 0:
			case p.permit && pl.public: // public needs no permit
			case p.permit:
				l.permits = append(l.permits, p)
			default:
				l.forbids = append(l.forbids, p)
			}
		}
	}
	// A cheap permit settles what a dear one would only cost time to find out.
	for k := range pl.lists {
		l := &pl.lists[k]
		slices.SortStableFunc(l.permits, func(a, b *policy) int { return cmp.Compare(a.cost, b.cost) })
		l.steady = true
		for _, p := range slices.Concat(l.forbids, l.permits) {
			l.needs |= p.needs
			l.steady = l.steady && p.cost < costDear
		}
	}
}
