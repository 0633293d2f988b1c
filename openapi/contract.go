package openapi

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/document"
	"github.com/gatehouse/gatehouse/openapi/schema"
	"github.com/gatehouse/gatehouse/strictjson"
)

// Options are what [Compile] needs besides the document. The zero value checks
// requests and answers as strictly as the document says, and permits nothing.
type Options struct {
	Config
	// API is what the operations belong to; nil stands for one called "api" under "/".
	API *gatehouse.API
	// KnownQuery and KnownCookies are names that are not unknown although no
	// operation declares them. Those of the document's API keys are known anyway.
	KnownQuery, KnownCookies []string
	// WithheldCookies are known too, but never reach the upstream (the gateway's own
	// token cookie).
	WithheldCookies []string
}

// A Contract is a document, compiled. It is immutable and for any number of
// goroutines.
type Contract struct {
	doc        *document.Document
	opts       Options
	set        *schema.Set
	operations []*operation
	byOp       map[*gatehouse.Operation]*operation
	views      []*view
	all        view // where there are no views
	limits     strictjson.Limits
	warnings   []*gatehouse.Error
	documents  sync.Map                 // *view -> []byte
	shapes     map[*schema.Schema]shape // of the answers that are filtered
}

// operation is one operation, compiled.
type operation struct {
	*gatehouse.Operation
	c         *Contract
	doc       *document.Operation
	rules     Rules
	except    *schema.Pointers
	request   *requestControl
	response  *responseControl
	security  *security
	lifecycle *lifecycle
}

// Compile turns a document into a contract. The error joins everything that is
// wrong, as *gatehouse.Error with their places; what is only weaker than the
// document asks for is in [Contract.Warnings].
func Compile(doc *document.Document, o Options) (*Contract, error) {
	o.Config = o.Config.WithDefaults()
	if o.File == "" {
		o.File = doc.File
	}
	if err := o.Config.Validate(); err != nil {
		return nil, err
	}
	if o.API == nil {
		o.API = &gatehouse.API{Name: "api", Hosts: []string{"*"}, BasePath: "/"}
	}
	l := &o.Limits
	c := &Contract{doc: doc, opts: o, byOp: map[*gatehouse.Operation]*operation{}, shapes: map[*schema.Schema]shape{},
		limits: strictjson.Limits{Depth: l.Depth, Values: l.Values, Members: l.Members, Items: l.Items, String: int(l.String)}}
	var err error
	if c.set, err = schema.NewSet(doc, schema.Options{}); err != nil {
		return nil, err
	}
	if err := c.compile(); err != nil {
		return nil, err
	}
	if err := c.compileMasks(); err != nil {
		return nil, err
	}
	c.warn()
	return c, nil
}

func (c *Contract) compile() error {
	var errs []error
	ids := map[string]bool{}
	for _, d := range c.doc.Operations {
		op := &operation{c: c, doc: d}
		own := c.opts.Operations[d.ID]
		ids[d.ID] = true
		op.rules = own.Rules.or(c.opts.Rules)
		prefix := c.prefix(d)
		op.Operation = &gatehouse.Operation{API: c.opts.API, ID: d.ID, Method: d.Method, Path: prefix + d.Path, Tags: d.Tags, At: position(d.Node)}
		op.Endpoint = d.Method + " " + strings.TrimSuffix(c.opts.API.BasePath, "/") + op.Path
		errs = append(errs, op.compile(own))
		c.operations = append(c.operations, op)
		c.byOp[op.Operation] = op
	}
	for _, id := range sortedKeys(c.opts.Operations) {
		if !ids[id] {
			errs = append(errs, &gatehouse.Error{Code: "config.contract", Message: fmt.Sprintf("the document has no operation %q", id),
				Hint: near(id, ids), At: gatehouse.Position{File: "operations." + id}})
		}
	}
	errs = append(errs, c.compileViews())
	return errors.Join(errs...)
}

func (op *operation) compile(own OperationConfig) error {
	var errs []error
	var err error
	if except := op.rules.Unknown.Except; len(except) > 0 { // nil costs nothing
		if op.except, err = schema.NewPointers(except...); err != nil {
			errs = append(errs, err)
		}
	}
	op.security = op.compileSecurity()
	if op.lifecycle, err = op.compileLifecycle(own); err != nil {
		errs = append(errs, err)
	}
	if op.request, err = op.compileRequest(); err != nil {
		errs = append(errs, err)
	}
	if op.response, err = op.compileResponse(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// prefix is what stands between the API's base path and the document's path.
func (c *Contract) prefix(d *document.Operation) string {
	if c.opts.Prefix != nil {
		return *c.opts.Prefix
	}
	servers := d.Servers
	if len(servers) == 0 {
		servers = c.doc.Servers
	}
	if len(servers) == 0 {
		return ""
	}
	server := strings.TrimSuffix(servers[0].BasePath, "/")
	base := strings.TrimSuffix(c.opts.API.BasePath, "/")
	if rest, ok := strings.CutPrefix(server, base); ok && (rest == "" || rest[0] == '/') {
		return rest
	}
	return "" // the operator's base path stands in the server's place
}

// Operations returns the operations, in the document's order. Their Access is
// AccessPolicy; where the Config's Access says so it is AccessContract or, where the
// document asks for no credential, AccessPublic. Scopes are those that every way to
// meet the security requirement needs. The caller may change what is his to say
// (limits, tags, access) before the first request.
func (c *Contract) Operations() []*gatehouse.Operation {
	out := make([]*gatehouse.Operation, len(c.operations))
	for i, op := range c.operations {
		out[i] = op.Operation
	}
	return out
}

// Document returns what the contract was compiled from.
func (c *Contract) Document() *document.Document { return c.doc }

// Controls returns the controls of one of the Contract's operations in the order
// of the path: "openapi.lifecycle", "openapi.security" (where there is something
// to judge), "openapi.request" and "openapi.response". Of another operation there
// are none.
func (c *Contract) Controls(op *gatehouse.Operation) []gatehouse.Control {
	var out []gatehouse.Control
	for _, control := range []gatehouse.Control{c.Lifecycle(op), c.Security(op), c.Request(op), c.Response(op)} {
		if control != nil {
			out = append(out, control)
		}
	}
	return out
}

// Request returns "openapi.request", which judges parameters and body; nil for an
// operation that is not the Contract's. It belongs into StepJudgeBody.
func (c *Contract) Request(op *gatehouse.Operation) gatehouse.Control {
	if o := c.byOp[op]; o != nil {
		return o.request
	}
	return nil
}

// Response returns "openapi.response", which judges, cuts and masks answers; nil
// for an operation that is not the Contract's. Its Check passes, and asks the
// upstream for an answer that can be judged: whole, and in filter without a content
// coding. It belongs into StepJudgeBody.
func (c *Contract) Response(op *gatehouse.Operation) gatehouse.Control {
	if o := c.byOp[op]; o != nil {
		return o.response
	}
	return nil
}

// Security returns "openapi.security", which judges the alternatives of the
// security requirement and the caller's view; nil where the document asks for
// nothing and there are no views. It belongs into StepJudgeHead.
func (c *Contract) Security(op *gatehouse.Operation) gatehouse.Control {
	if o := c.byOp[op]; o != nil && o.security != nil {
		return o.security
	}
	return nil
}

// Lifecycle returns "openapi.lifecycle", which tells of an operation's end; nil
// where none is in sight. It belongs into StepJudgeHead.
func (c *Contract) Lifecycle(op *gatehouse.Operation) gatehouse.Control {
	if o := c.byOp[op]; o != nil && o.lifecycle != nil {
		return o.lifecycle
	}
	return nil
}

func position(n *document.Node) gatehouse.Position {
	if n == nil {
		return gatehouse.Position{}
	}
	return n.At
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// near returns a hint at a name that differs in case only, or begins alike.
func near(name string, known map[string]bool) string {
	for _, k := range sortedKeys(known) {
		if strings.EqualFold(k, name) || len(name) > 3 && strings.HasPrefix(strings.ToLower(k), strings.ToLower(name)) {
			return fmt.Sprintf("did you mean %q?", k)
		}
	}
	return "an operationId, or METHOD /path where there is none"
}
