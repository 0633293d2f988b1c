package policy

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/cedar-policy/cedar-go/x/exp/schema/validate"
)

// A checker validates policies against the vocabulary. It names what is unknown
// itself, for the sake of good hints, and leaves types to Cedar's validator.
//
// The validator works through every pair of action and type of principal, which
// for hundreds of operations and policies takes seconds. But operations with the
// same path parameters are alike to it, unless the policy compares actions. So
// one operation of each shape stands for all.
type checker struct {
	*vocabulary
	issuers    []string
	members    map[string][]string // operations of each action, itself or a group
	validators map[string]*validate.Validator
}

func newChecker(v *vocabulary, issuers []string) *checker {
	c := &checker{vocabulary: v, issuers: issuers, members: map[string][]string{},
		validators: map[string]*validate.Validator{}}
	for name, op := range v.ops {
		c.members[name] = append(c.members[name], name)
		for _, class := range classes(op) {
			c.members[class] = append(c.members[class], name)
		}
		for _, t := range op.Tags {
			c.members[tagName(t)] = append(c.members[tagName(t)], name)
		}
	}
	return c
}

// check returns every problem of one policy.
func (c *checker) check(st *statement, p *ast.Policy) []error {
	if errs := c.names(st, p); len(errs) > 0 {
		return errs
	}
	covered := c.covered(p)
	if len(covered) == 0 {
		if _, all := p.Action.(ast.ScopeTypeAll); all || len(c.ops) == 0 {
			return nil
		}
		if in, ok := p.Action.(ast.ScopeTypeIn); ok && (in.Entity.ID == classRead || in.Entity.ID == classWrite) {
			return nil
		}
		return []error{st.fail("policy.unreachable", st.begin(), "the action and the resource exclude each other",
			"the policy applies to no operation")}
	}
	return c.types(st, p, covered)
}

// covered lists the operations that the action and resource scopes let in.
func (c *checker) covered(p *ast.Policy) []string {
	var names []string
	switch s := p.Action.(type) {
	case ast.ScopeTypeAll:
		names = slices.Collect(maps.Keys(c.ops))
	case ast.ScopeTypeEq:
		if c.ops[string(s.Entity.ID)] != nil { // a group is no request's action
			names = []string{string(s.Entity.ID)}
		}
	case ast.ScopeTypeIn:
		names = slices.Clone(c.members[string(s.Entity.ID)])
	case ast.ScopeTypeInSet:
		for _, e := range s.Entities {
			names = append(names, c.members[string(e.ID)]...)
		}
	}
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(n string) bool {
		return !resourceMatches(p.Resource, n, c.ops[n].API.Name)
	})
}

// resourceMatches decides a resource scope for an operation.
func resourceMatches(scope ast.IsResourceScopeNode, name, api string) bool {
	in := func(e cedar.EntityUID) bool {
		return e.Type == typeOperation && string(e.ID) == name || e.Type == typeAPI && string(e.ID) == api
	}
	switch s := scope.(type) {
	case ast.ScopeTypeAll:
		return true
	case ast.ScopeTypeEq:
		return s.Entity.Type == typeOperation && in(s.Entity)
	case ast.ScopeTypeIn:
		return in(s.Entity)
	case ast.ScopeTypeIs:
		return s.Type == typeOperation
	case ast.ScopeTypeIsIn:
		return s.Type == typeOperation && in(s.Entity)
	}
	return false
}

// types runs Cedar's strict validator once for each shape of operation.
func (c *checker) types(st *statement, p *ast.Policy, covered []string) []error {
	byShape := map[string][]string{}
	for _, n := range covered {
		shape := shapeOf(c.params[n])
		byShape[shape] = append(byShape[shape], n)
	}
	var errs []error
	seen := map[string]bool{}
	for _, shape := range slices.Sorted(maps.Keys(byShape)) {
		names := byShape[shape]
		one, v := p, (*validate.Validator)(nil)
		if comparesActions(p) {
			v = c.validator(shape, true)
		} else {
			stand := *p
			stand.Action = ast.ScopeTypeEq{Entity: actionUID(c.shapes[shape][0])}
			one, v = &stand, c.validator(shape, false)
		}
		said := map[string]bool{}
		for _, err := range flatten(v.Policy("", one)) {
			if said[err.Error()] {
				continue
			}
			said[err.Error()] = true
			e := c.translate(st, err.Error(), names)
			if !seen[e.Error()] {
				seen[e.Error()] = true
				errs = append(errs, e)
			}
		}
	}
	return errs
}

func (c *checker) validator(shape string, all bool) *validate.Validator {
	key := fmt.Sprint(all, shape)
	if v := c.validators[key]; v != nil {
		return v
	}
	names := c.shapes[shape]
	params := c.params[names[0]]
	if !all {
		names = names[:1]
	}
	v := validate.New(c.forShape(params, names), validate.WithStrict())
	c.validators[key] = v
	return v
}

// comparesActions reports whether the conditions speak of the action.
func comparesActions(p *ast.Policy) bool {
	found := false
	inspect(p, func(n ast.IsNode) bool {
		if v, ok := n.(ast.NodeTypeVariable); ok && v.Name == "action" {
			found = true
		}
		return !found
	})
	return found
}

func inspect(p *ast.Policy, visit func(ast.IsNode) bool) {
	for _, c := range p.Conditions {
		ast.Inspect(ast.NewNode(c.Body), visit)
	}
}

// names checks every entity and type that the policy mentions.
func (c *checker) names(st *statement, p *ast.Policy) []error {
	var errs []error
	add := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	switch s := p.Action.(type) {
	case ast.ScopeTypeEq:
		add(c.action(st, s.Entity))
		if c.groupOnly(s.Entity) {
			add(st.fail("policy.unreachable", st.find(`"`+string(s.Entity.ID)+`"`),
				fmt.Sprintf(`write action in Action::"%s"`, s.Entity.ID), "%v is a group: no request's action equals it", s.Entity))
		}
	case ast.ScopeTypeIn:
		add(c.action(st, s.Entity))
	case ast.ScopeTypeInSet:
		for _, e := range s.Entities {
			add(c.action(st, e))
		}
	}
	add(c.scope(st, "principal", p.Principal, []cedar.EntityType{typeUser, typeClient, typeWorkload, typeAnonymous}, typeRole))
	add(c.scope(st, "resource", p.Resource, []cedar.EntityType{typeOperation}, typeAPI))
	inspect(p, func(n ast.IsNode) bool {
		switch n := n.(type) {
		case ast.NodeValue:
			if uid, ok := n.Value.(cedar.EntityUID); ok {
				add(c.entity(st, uid))
			}
		case ast.NodeTypeIs:
			add(c.typeName(st, n.EntityType))
		case ast.NodeTypeIsIn:
			add(c.typeName(st, n.EntityType))
		}
		return true
	})
	return errs
}

func (c *checker) groupOnly(uid cedar.EntityUID) bool {
	return uid.Type == typeAction && c.actions[string(uid.ID)] && c.ops[string(uid.ID)] == nil
}

// scope checks the principal or resource of a policy's head: it is one of types,
// or in one of them or of parent.
func (c *checker) scope(st *statement, what string, scope ast.IsScopeNode, types []cedar.EntityType, parent cedar.EntityType) error {
	var is cedar.EntityType
	var uid cedar.EntityUID
	in := false
	switch s := scope.(type) {
	case ast.ScopeTypeEq:
		uid = s.Entity
	case ast.ScopeTypeIn:
		uid, in = s.Entity, true
	case ast.ScopeTypeIs:
		is = s.Type
	case ast.ScopeTypeIsIn:
		is, uid, in = s.Type, s.Entity, true
	}
	if is != "" {
		if err := c.typeName(st, is); err != nil {
			return err
		}
		if !slices.Contains(types, is) {
			return st.fail("policy.type", st.find(string(is)), "one of "+joinTypes(types), "no %s is of type %s", what, is)
		}
	}
	if uid.Type == "" {
		return nil
	}
	if err := c.entity(st, uid); err != nil {
		return err
	}
	if !slices.Contains(types, uid.Type) && !(in && uid.Type == parent) {
		hint := "one of " + joinTypes(types)
		if uid.Type == parent {
			hint = fmt.Sprintf("write %s in %v", what, uid)
		}
		return st.fail("policy.type", st.find(string(uid.Type)+"::"), hint, "no %s is of type %s", what, uid.Type)
	}
	return nil
}

func joinTypes(types []cedar.EntityType) string {
	var names []string
	for _, t := range types {
		names = append(names, string(t))
	}
	return strings.Join(names, ", ")
}

func (c *checker) action(st *statement, uid cedar.EntityUID) error {
	if uid.Type != typeAction {
		hint := `an action is written Action::"api.operation"`
		if bare, ok := strings.CutSuffix(string(uid.Type), "::Action"); ok {
			hint = fmt.Sprintf("write Action without %q before it", bare+"::")
		}
		return st.fail("policy.unknown_action", st.find(string(uid.Type)), hint, "%v is not an action", uid)
	}
	return c.entity(st, uid)
}

// entity checks one entity by its type.
func (c *checker) entity(st *statement, uid cedar.EntityUID) error {
	id := string(uid.ID)
	at := st.find(string(uid.Type)+`::"`+id+`"`, `"`+id+`"`)
	switch uid.Type {
	case typeAction:
		if c.actions[id] {
			return nil
		}
		hint := didYouMean(id, slices.Collect(maps.Keys(c.actions)))
		if c.apis[id] != nil {
			hint = fmt.Sprintf(`for every operation of an API write resource in API::"%s"`, id)
		} else if c.actions[tagName(id)] {
			hint = fmt.Sprintf("did you mean %q?", tagName(id))
		}
		return st.fail("policy.unknown_action", at, hint, "no operation, tag or method class is called %q", id)
	case typeOperation:
		if c.ops[id] == nil {
			return st.fail("policy.unknown_operation", at, didYouMean(id, slices.Collect(maps.Keys(c.ops))), "no operation is called %q", id)
		}
	case typeAPI:
		if c.apis[id] == nil {
			return st.fail("policy.unknown_api", at, didYouMean(id, slices.Collect(maps.Keys(c.apis))), "no API is called %q", id)
		}
	case typeUser, typeClient:
		if m := misnamed(c.issuers, uid); m != nil {
			return st.fail(m.code, st.find(string(uid.Type)+"::"), m.hint, "%s", m.text)
		}
	case typeAnonymous:
		if uid != anonymousUID {
			return st.fail("policy.unknown_entity", at, "write principal is Anonymous", "there is one Anonymous only")
		}
	case typeParams:
		return st.fail("policy.unknown_entity", at, "read resource.params", "path parameters cannot be named so")
	default:
		return c.typeName(st, uid.Type)
	}
	return nil
}

// misnamed refuses names that nobody has, so that no forbid, and no role that one
// speaks of, falls silent when an issuer comes or goes: a bare subject where it does
// not tell whose it is, and an issuer's where there is one only. A bare Client may
// be an API key's.
func misnamed(issuers []string, uid cedar.EntityUID) *complaint {
	name := string(uid.ID)
	for _, iss := range issuers {
		bare, ok := strings.CutPrefix(name, iss+"|")
		switch {
		case ok && len(issuers) == 1:
			return &complaint{code: "policy.unknown_entity", text: fmt.Sprintf("with one issuer nobody is called %v", uid),
				hint: fmt.Sprintf("write %v", cedar.NewEntityUID(uid.Type, cedar.String(bare)))}
		case ok:
			return nil
		}
	}
	if uid.Type != typeUser || len(issuers) == 1 {
		return nil
	}
	hint := `write User::"ISSUER|SUBJECT"`
	if len(issuers) > 0 {
		hint = fmt.Sprintf(`write User::"%s|%s", or with another issuer`, issuers[0], name)
	}
	return &complaint{code: "policy.ambiguous_user", text: fmt.Sprintf("%v does not say which issuer's user it is", uid), hint: hint}
}

func (c *checker) typeName(st *statement, t cedar.EntityType) error {
	known := []string{string(typeRole), string(typeAPI), string(typeOperation), string(typeAction)}
	for _, k := range kindTypes {
		known = append(known, string(k))
	}
	if slices.Contains(known, string(t)) {
		return nil
	}
	hint := didYouMean(string(t), known)
	if i := strings.LastIndex(string(t), "::"); i >= 0 && slices.Contains(known, string(t)[i+2:]) {
		hint = fmt.Sprintf("write %s without %q before it", string(t)[i+2:], string(t)[:i+2])
	}
	return st.fail("policy.unknown_type", st.find(string(t)), hint, "unknown entity type %s", t)
}

var (
	attrMissing = regexp.MustCompile("^attribute `([^`]+)` on entity type `([^`]+)` not found$")
	ctxMissing  = regexp.MustCompile("^attribute `([^`]+)` in context for .* not found$")
	attrUnsafe  = regexp.MustCompile("^unable to guarantee safety of access to optional attribute `([^`]+)`")
)

// translate turns the validator's words into ours, with a place and a hint.
func (c *checker) translate(st *statement, msg string, names []string) error {
	leaf := func(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }
	spot := func(path string) []string {
		return []string{"." + leaf(path), `["` + leaf(path) + `"]`, leaf(path)}
	}
	if m := attrMissing.FindStringSubmatch(msg); m != nil {
		at := st.find(spot(m[1])...)
		switch cedar.EntityType(m[2]) {
		case typeParams:
			return st.fail("policy.type", at, paramHint(m[1], c.params[names[0]]),
				"operation %s has no path parameter %q", names[0], m[1])
		case typeAnonymous:
			if slices.Contains([]string{"subject", "issuer", "client_id"}, m[1]) {
				return st.fail("policy.type", at, "write principal is User (or Client, or Workload) in the policy's head",
					"an anonymous caller has no %s", m[1])
			}
		}
		known := attributesOf(c.base.Entities[cedar.EntityType(m[2])].Shape)
		if claim, ok := strings.CutPrefix(m[1], "claims."); ok {
			return st.fail("policy.type", at, "list it in the config, at policies.claims, with its type", "unknown claim %q", claim)
		}
		return st.fail("policy.type", at, didYouMean(m[1], known), "%s has no attribute %q", m[2], m[1])
	}
	if m := ctxMissing.FindStringSubmatch(msg); m != nil {
		known := attributesOf(c.base.Actions[actionUID(names[0])].AppliesTo.Context)
		return st.fail("policy.type", st.find("context."+m[1], m[1]), didYouMean(m[1], known), "the context has no attribute %q", m[1])
	}
	if m := attrUnsafe.FindStringSubmatch(msg); m != nil {
		of := "context"
		if strings.HasPrefix(m[1], "claims.") {
			of = "principal.claims"
		}
		return st.fail("policy.type", st.find(spot(m[1])...), fmt.Sprintf("test it first: %s has %s && …", of, leaf(m[1])),
			"%q may be absent", leaf(m[1]))
	}
	return st.fail("policy.type", st.begin(), "", "%s", msg)
}

func paramHint(word string, params []string) string {
	if hint := didYouMean(word, params); hint != "" {
		return hint
	}
	if len(params) == 0 {
		return "name the action in the policy's head, or test resource.params has " + word
	}
	return "it has " + strings.Join(params, ", ")
}

func attributesOf[M ~map[cedar.String]V, V any](shape M) []string {
	var names []string
	for n := range shape {
		names = append(names, string(n))
	}
	return names
}
