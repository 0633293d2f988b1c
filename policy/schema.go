package policy

import (
	"maps"
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/x/exp/schema"
	"github.com/cedar-policy/cedar-go/x/exp/schema/ast"
	"github.com/cedar-policy/cedar-go/x/exp/schema/resolved"

	"github.com/gatehouse/gatehouse"
)

// Entity types of the schema.
const (
	typeUser      = cedar.EntityType("User")
	typeClient    = cedar.EntityType("Client")
	typeWorkload  = cedar.EntityType("Workload")
	typeAnonymous = cedar.EntityType("Anonymous")
	typeRole      = cedar.EntityType("Role")
	typeAPI       = cedar.EntityType("API")
	typeOperation = cedar.EntityType("Operation")
	typeParams    = cedar.EntityType("Params")
	typeAction    = cedar.EntityType("Action")
)

// kind is a type of principal, as an index.
type kind uint8

const (
	kindUser kind = iota
	kindClient
	kindWorkload
	kindAnonymous
	kinds = 4
)

var kindTypes = [kinds]cedar.EntityType{typeUser, typeClient, typeWorkload, typeAnonymous}

// The params of the request at hand: one entity, looked up only where a policy
// reads it, so that the resource's own entity never changes.
var paramsUID = cedar.NewEntityUID(typeParams, "request")

// Method classes, by the safety of the method (RFC 9110, section 9.2.1).
const (
	classRead  = "read"
	classWrite = "write"
)

func safeMethod(m string) bool {
	return m == "GET" || m == "HEAD" || m == "OPTIONS" || m == "TRACE"
}

// actionName is the id of an operation's Action and Operation.
func actionName(op *gatehouse.Operation) string { return op.API.Name + "." + op.ID }

func actionUID(name string) cedar.EntityUID {
	return cedar.NewEntityUID(typeAction, cedar.String(name))
}

func tagName(tag string) string { return "tag:" + tag }

// classes lists the method classes an operation may be called in.
func classes(op *gatehouse.Operation) []string {
	switch {
	case op.Method == "*":
		return []string{classRead, classWrite}
	case safeMethod(op.Method):
		return []string{classRead}
	}
	return []string{classWrite}
}

// pathParams lists the parameter names of a path template, sorted.
func pathParams(template string) []string {
	var names []string
	for part := range strings.SplitSeq(template, "{") {
		name, _, closed := strings.Cut(part, "}")
		name = strings.TrimSuffix(name, "...")
		if closed && name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// vocabulary is what policies may speak of.
type vocabulary struct {
	cfg     Config
	apis    map[string]*gatehouse.API
	ops     map[string]*gatehouse.Operation // by action name
	params  map[string][]string             // path parameters, by action name
	actions map[string]bool                 // every action name, groups too
	shapes  map[string][]string             // action names by shape, sorted
	ast     *ast.Schema
	base    *resolved.Schema
}

// shapeOf names the set of path parameters of an operation. Operations of one
// shape have one type environment.
func shapeOf(params []string) string { return strings.Join(params, "/") }

func contextType() ast.RecordType {
	required := func(t ast.IsType) ast.Attribute { return ast.Attribute{Type: t} }
	return ast.RecordType{
		"acr":      {Type: ast.String(), Optional: true},
		"auth_age": {Type: ast.Long(), Optional: true},
		"host":     required(ast.String()),
		"hour":     required(ast.Long()),
		"ip":       required(ast.IPAddr()),
		"method":   required(ast.String()),
		"mtls":     required(ast.Bool()),
		"now":      required(ast.Datetime()),
		"path":     required(ast.String()),
		"risk":     required(ast.Long()),
		"tls":      required(ast.Bool()),
		"weekday":  required(ast.Long()),
	}
}

func principalType(identified bool) ast.RecordType {
	strings := ast.Attribute{Type: ast.Set(ast.String())}
	t := ast.RecordType{
		"method":       {Type: ast.String()},
		"roles":        strings,
		"scopes":       strings,
		"tier":         {Type: ast.String()},
		"sender_bound": {Type: ast.Bool()},
		"claims":       {Type: ast.Type("Claims")},
	}
	if identified {
		for _, name := range []cedar.String{"subject", "issuer", "client_id"} {
			t[name] = ast.Attribute{Type: ast.String()}
		}
	}
	return t
}

func operationType() ast.RecordType {
	t := ast.RecordType{
		"tags":         {Type: ast.Set(ast.String())},
		"undocumented": {Type: ast.Bool()},
		"params":       {Type: ast.EntityType(typeParams)},
	}
	for _, name := range []cedar.String{"api", "operation", "endpoint", "method", "path", "access"} {
		t[name] = ast.Attribute{Type: ast.String()}
	}
	return t
}

func claimsType(claims map[string]ClaimType) ast.RecordType {
	t := ast.RecordType{}
	for name, ct := range claims {
		var is ast.IsType = ast.String()
		switch ct {
		case ClaimLong:
			is = ast.Long()
		case ClaimBool:
			is = ast.Bool()
		case ClaimSet:
			is = ast.Set(ast.String())
		}
		t[cedar.String(name)] = ast.Attribute{Type: is, Optional: true}
	}
	return t
}

func paramsType(names []string, optional bool) ast.RecordType {
	t := ast.RecordType{}
	for _, n := range names {
		t[cedar.String(n)] = ast.Attribute{Type: ast.String(), Optional: optional}
	}
	return t
}

// generate makes the schema of v's operations. In it every path parameter is
// optional, as one type of resource stands for all operations; see forShape.
func (v *vocabulary) generate() error {
	all := map[string]bool{}
	actions := ast.Actions{classRead: {}, classWrite: {}}
	appliesTo := &ast.AppliesTo{
		Resources: []ast.EntityTypeRef{ast.EntityType(typeOperation)},
		Context:   ast.Type("Context"),
	}
	for _, t := range kindTypes {
		appliesTo.Principals = append(appliesTo.Principals, ast.EntityType(t))
	}
	for name, op := range v.ops {
		a := ast.Action{AppliesTo: appliesTo}
		for _, c := range classes(op) {
			a.Parents = append(a.Parents, ast.ParentRefFromID(cedar.String(c)))
		}
		for _, t := range op.Tags {
			actions[cedar.String(tagName(t))] = ast.Action{}
			a.Parents = append(a.Parents, ast.ParentRefFromID(cedar.String(tagName(t))))
		}
		actions[cedar.String(name)] = a
		for _, p := range v.params[name] {
			all[p] = true
		}
	}
	inRole := []ast.EntityTypeRef{ast.EntityType(typeRole)}
	v.ast = &ast.Schema{
		CommonTypes: ast.CommonTypes{
			"Claims":  {Type: claimsType(v.cfg.Claims)},
			"Context": {Type: contextType()},
		},
		Entities: ast.Entities{
			ast.Ident(typeRole):      {ParentTypes: inRole},
			ast.Ident(typeUser):      {ParentTypes: inRole, Shape: principalType(true)},
			ast.Ident(typeClient):    {ParentTypes: inRole, Shape: principalType(true)},
			ast.Ident(typeWorkload):  {ParentTypes: inRole, Shape: principalType(true)},
			ast.Ident(typeAnonymous): {Shape: principalType(false)},
			ast.Ident(typeAPI):       {},
			ast.Ident(typeParams):    {Shape: paramsType(slices.Sorted(maps.Keys(all)), true)},
			ast.Ident(typeOperation): {ParentTypes: []ast.EntityTypeRef{ast.EntityType(typeAPI)}, Shape: operationType()},
		},
		Actions: actions,
	}
	base, err := schema.NewSchemaFromAST(v.ast).Resolve()
	if err != nil {
		return &gatehouse.Error{Code: "policy.schema", Message: "the schema cannot be made from the operations", Err: err}
	}
	v.base = base
	return nil
}

// forShape is the schema as operations of one shape see it: their path
// parameters are required, others unknown. Only the named actions apply.
func (v *vocabulary) forShape(params, names []string) *resolved.Schema {
	s := *v.base
	s.Entities = maps.Clone(s.Entities)
	e := s.Entities[typeParams]
	e.Shape = resolved.RecordType{}
	for _, p := range params {
		e.Shape[cedar.String(p)] = resolved.Attribute{Type: resolved.StringType{}}
	}
	s.Entities[typeParams] = e
	s.Actions = make(map[cedar.EntityUID]resolved.Action, len(v.base.Actions))
	for uid, a := range v.base.Actions {
		a.AppliesTo = nil
		s.Actions[uid] = a
	}
	for _, n := range names {
		s.Actions[actionUID(n)] = v.base.Actions[actionUID(n)]
	}
	return &s
}

// Schema returns the schema the policies were checked against, in Cedar's own
// notation, for editors and other tools.
func (s *Set) Schema() []byte {
	text, err := schema.NewSchemaFromAST(s.words.ast).MarshalCedar()
	if err != nil {
		return nil // the marshaller of a schema that resolved returns no error
	}
	return text
}
