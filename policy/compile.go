package policy

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/x/exp/ast"

	"github.com/gatehouse/gatehouse"
)

// Input is what the policies are about.
type Input struct {
	APIs []*gatehouse.API
	// Operations are judged by identity: the exchange carries these pointers.
	Operations []*gatehouse.Operation
	// Entities is the entities file, nil for none.
	Entities *Source
	// Issuers lists every issuer whose tokens are accepted. With exactly one, its
	// users are called by their bare subject (see the package's documentation).
	Issuers []string
}

// A Set is a compiled set of policies. It is immutable and safe for use by many
// goroutines.
type Set struct {
	words     *vocabulary
	directory *directory
	issuers   []string
	zone      *time.Location
	policies  []*policy
	byID      map[cedar.PolicyID]*policy
	names     map[cedar.EntityUID]int // the entities of principal scopes
	plans     map[*gatehouse.Operation]*[2]*plan
	ordered   []*plan // for reviews: by API and operation
	anonymous *caller
	requests  sync.Pool
	contexts  [contextSlots]atomic.Pointer[contextEntry]
}

// A policy is one policy, ready to judge.
type policy struct {
	id     string
	permit bool
	at     gatehouse.Position
	reason gatehouse.Reason
	order  int
	tree   *ast.Policy
	full   *cedar.Policy // as written
	// body has the conditions only: the index has decided the scopes. It is nil
	// where there are none.
	body  *cedar.Policy
	kinds uint8 // of principals that the scope lets in, as 1<<kind
	in    int   // number of the entity the principal must be or be in, -1 for any
	needs needs // of the context
	cost  cost
	// claims lists the claims the conditions read; allClaims says: any.
	claims    []string
	allClaims bool
}

// Compile parses and checks the policies and indexes them by operation. It
// returns all problems of all files joined, each a *gatehouse.Error with the
// place in its file.
func Compile(cfg Config, files []Source, in Input) (*Set, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	words, err := newVocabulary(cfg, in)
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(cfg.TimeZone)
	if err != nil {
		return nil, err
	}
	s := &Set{words: words, issuers: slices.Clone(in.Issuers), zone: zone,
		byID: map[cedar.PolicyID]*policy{}, names: map[cedar.EntityUID]int{},
		plans: make(map[*gatehouse.Operation]*[2]*plan, len(in.Operations))}
	slices.Sort(s.issuers)
	s.issuers = slices.Compact(s.issuers)
	var errs []error
	s.directory, err = readDirectory(in.Entities)
	errs = append(errs, flatten(err)...)
	errs = append(errs, s.directory.misnamed(s.issuers)...)
	check := newChecker(words, s.issuers)
	for _, f := range files {
		errs = append(errs, s.read(f, check)...)
	}
	if len(errs) > 0 {
		return nil, sorted(errs)
	}
	s.requests.New = func() any { return &request{set: s} }
	s.anonymous = s.newCaller(gatehouse.Anonymous)
	s.index(in.Operations)
	return s, nil
}

// read adds the policies of one file.
func (s *Set) read(f Source, check *checker) []error {
	if len(f.Text) > maxFile {
		return []error{&gatehouse.Error{Code: "policy.limit", At: gatehouse.Position{File: f.Name},
			Message: fmt.Sprintf("the file is larger than %v", gatehouse.Bytes(maxFile))}}
	}
	var errs []error
	for _, st := range split(f.Name, string(f.Text)) {
		parsed, err := st.parse()
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if parsed == nil {
			continue
		}
		if len(s.policies) >= maxPolicies {
			return append(errs, st.fail("policy.limit", st.begin(), "", "more than %d policies", maxPolicies))
		}
		p, bad := s.newPolicy(&st, parsed)
		bad = append(bad, check.guarded(&st, p.tree)...)
		if len(bad) > 0 {
			errs = append(errs, bad...)
			continue
		}
		s.policies = append(s.policies, p)
	}
	return errs
}

// guarded is check with a net: the validator is experimental, and a policy it
// cannot stand is refused.
func (c *checker) guarded(st *statement, p *ast.Policy) (errs []error) {
	defer func() {
		if r := recover(); r != nil {
			errs = []error{st.fail("policy.type", st.begin(), "", "the policy cannot be checked: %v", r)}
		}
	}()
	return c.check(st, p)
}

func (s *Set) newPolicy(st *statement, parsed *cedar.Policy) (*policy, []error) {
	t := tree(parsed)
	p := &policy{permit: bool(parsed.Effect()), at: st.begin(), order: len(s.policies), tree: t, full: parsed}
	var errs []error
	for _, a := range t.Annotations {
		if a.Key == "id" {
			p.id = string(a.Value)
			if p.id == "" || len(p.id) > maxID || inert(p.id) != p.id {
				errs = append(errs, st.fail("policy.id", p.at, "", "an @id has 1 to %d printable characters", maxID))
			}
		}
	}
	if p.id == "" {
		p.id = fmt.Sprintf("%s:%d", path.Base(p.at.File), p.at.Line)
		if s.byID[cedar.PolicyID(p.id)] != nil { // two on a line, or two files of one name
			p.id = p.at.String()
		}
	}
	if other := s.byID[cedar.PolicyID(p.id)]; other != nil {
		errs = append(errs, st.fail("policy.duplicate_id", p.at, "", "the @id %q is already that of the policy at %v", p.id, other.at))
	}
	s.byID[cedar.PolicyID(p.id)] = p
	p.reason = gatehouse.Reason{Code: "policy.permit", Message: fmt.Sprintf("permitted by policy %q", p.id), At: p.at}
	if !p.permit {
		p.reason.Code, p.reason.Message = "policy.forbidden", fmt.Sprintf("forbidden by policy %q", p.id)
	}
	s.principalScope(p)
	if len(t.Conditions) > 0 {
		bare := *t
		bare.Principal, bare.Action, bare.Resource = ast.ScopeTypeAll{}, ast.ScopeTypeAll{}, ast.ScopeTypeAll{}
		p.body = compileTree(&bare)
		p.needs = contextNeeds(t)
		p.claims, p.allClaims = claimsRead(t)
		p.cost = costOf(p)
	}
	return p, errs
}

// principalScope reads the policy's principal scope. Eq is the same as in, save
// for groups, which no request's principal is: only roles have members.
func (s *Set) principalScope(p *policy) {
	const all = 1<<kinds - 1
	ofType := func(t cedar.EntityType) uint8 {
		for k, kt := range kindTypes {
			if kt == t {
				return 1 << k
			}
		}
		return 0
	}
	p.in, p.kinds = -1, all
	member := func(uid cedar.EntityUID) {
		n, ok := s.names[uid]
		if !ok {
			n = len(s.names)
			s.names[uid] = n
		}
		p.in = n
	}
	switch scope := p.tree.Principal.(type) {
	case ast.ScopeTypeEq:
		p.kinds = ofType(scope.Entity.Type)
		member(scope.Entity)
	case ast.ScopeTypeIn:
		if scope.Entity.Type != typeRole {
			p.kinds = ofType(scope.Entity.Type)
		}
		member(scope.Entity)
	case ast.ScopeTypeIs:
		p.kinds = ofType(scope.Type)
	case ast.ScopeTypeIsIn:
		p.kinds = ofType(scope.Type)
		member(scope.Entity)
	}
}

// newVocabulary collects what policies may speak of, and refuses operations
// whose names clash.
func newVocabulary(cfg Config, in Input) (*vocabulary, error) {
	v := &vocabulary{cfg: cfg, apis: map[string]*gatehouse.API{}, ops: map[string]*gatehouse.Operation{},
		params: map[string][]string{}, shapes: map[string][]string{},
		actions: map[string]bool{classRead: true, classWrite: true}}
	var errs []error
	for _, a := range in.APIs {
		v.apis[a.Name] = a
	}
	for _, op := range in.Operations {
		if op.API == nil || op.API.Name == "" || op.ID == "" {
			errs = append(errs, &gatehouse.Error{Code: "policy.operation", At: op.At,
				Message: fmt.Sprintf("the operation %s %s has no API or no id", op.Method, op.Path)})
			continue
		}
		name := actionName(op)
		if v.ops[name] != nil {
			errs = append(errs, &gatehouse.Error{Code: "policy.operation", At: op.At,
				Message: fmt.Sprintf("two operations are called %q", name), Hint: "give each its own id"})
			continue
		}
		v.apis[op.API.Name] = op.API
		v.ops[name] = op
		v.params[name] = pathParams(op.Path)
		shape := shapeOf(v.params[name])
		v.shapes[shape] = append(v.shapes[shape], name)
		for _, t := range op.Tags {
			v.actions[tagName(t)] = true
		}
	}
	for name, op := range v.ops {
		if v.actions[name] {
			errs = append(errs, &gatehouse.Error{Code: "policy.operation", At: op.At,
				Message: fmt.Sprintf("%q is the name of an operation and of a tag", name)})
		}
		v.actions[name] = true
	}
	if len(errs) > 0 {
		return nil, sorted(errs)
	}
	for _, names := range v.shapes {
		slices.Sort(names)
	}
	return v, v.generate()
}

// sorted joins errors in the order of files and lines.
func sorted(errs []error) error {
	slices.SortStableFunc(errs, func(a, b error) int {
		var x, y *gatehouse.Error
		if !errors.As(a, &x) || !errors.As(b, &y) {
			return 0
		}
		return cmp.Or(strings.Compare(x.At.File, y.At.File), cmp.Compare(x.At.Line, y.At.Line),
			cmp.Compare(x.At.Column, y.At.Column), strings.Compare(x.Message, y.Message))
	})
	return errors.Join(errs...)
}

// claimsRead lists the claims that the conditions read, or all where they use
// principal or its claims as a whole.
func claimsRead(p *ast.Policy) (names []string, all bool) {
	isClaims := func(n ast.IsNode) bool {
		a, ok := n.(ast.NodeTypeAccess)
		if !ok || a.Value != "claims" {
			return false
		}
		v, ok := a.Arg.(ast.NodeTypeVariable)
		return !ok || v.Name == "principal"
	}
	inspect(p, func(n ast.IsNode) bool {
		switch n := n.(type) {
		case ast.NodeTypeAccess:
			if isClaims(n.Arg) {
				names = append(names, string(n.Value))
				return false
			}
			all = all || isClaims(n)
		case ast.NodeTypeHas:
			if isClaims(n.Arg) {
				names = append(names, string(n.Value))
				return false
			}
		}
		return true
	})
	slices.Sort(names)
	return slices.Compact(names), all
}

// Policies describes every policy, in the order of files and lines.
func (s *Set) Policies() []PolicyRef {
	out := make([]PolicyRef, len(s.policies))
	for i, p := range s.policies {
		out[i] = p.ref("")
	}
	return out
}

// Operations returns the names of the operations policies may speak of, sorted.
func (s *Set) Operations() []string { return slices.Sorted(maps.Keys(s.words.ops)) }

// cost ranks policies by what evaluating them takes.
type cost uint8

const (
	costNone cost = iota // no conditions
	costLow
	costDear // reads what must be made for each request
)

func costOf(p *policy) cost {
	c := costLow
	if p.needs&(needNow|needPath) != 0 {
		c = costDear
	}
	inspect(p.tree, func(n ast.IsNode) bool {
		if a, ok := n.(ast.NodeTypeAccess); ok && a.Value == "params" {
			c = costDear
		}
		return true
	})
	return c
}

// compileTree compiles a policy made of a changed copy of a parsed one.
func compileTree(t *ast.Policy) *cedar.Policy { return cedar.NewPolicyFromAST((*cedarTree)(t)) }
