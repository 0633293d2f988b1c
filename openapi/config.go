package openapi

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/filter"
)

// Config is the contract of one API: apis[].contract of gatehouse.yaml. A name of
// a file alone stands for {file: NAME}. Fill it, call WithDefaults, then Validate.
type Config struct {
	File    string   `yaml:"file" jsonschema:"required" jsonschema_description:"OpenAPI document (3.0, 3.1, 3.2, Swagger 2.0), YAML or JSON."`
	Folders []string `yaml:"folders" jsonschema_description:"Folders in which files of references may lie. Default: that of the document."`
	URLs    []string `yaml:"urls" jsonschema_description:"Remote references that may be followed, each spelled out."`
	// Prefix is nil where the document's servers say it.
	Prefix *string `yaml:"prefix" jsonschema_description:"Path prefix of the operations below the API's base path. Default: that of the document's server, less the base path."`

	Rules `yaml:",inline"`

	// Access says who the document alone lets in.
	Access Access `yaml:"access" jsonschema:"enum=policy,enum=secured,enum=document" jsonschema_description:"What security requirements permit: nothing without a policy besides, callers who meet one (secured), or those and everybody where none is required (document). Default: policy."`
	// Limits bound what is read.
	Limits LimitsConfig `yaml:"limits" jsonschema_description:"Bounds of bodies where the schema sets none."`
	// Errors says what clients are told.
	Errors ErrorsConfig  `yaml:"errors" jsonschema_description:"What clients are told of what is wrong with their request."`
	Masks  filter.Config `yaml:"masks" jsonschema_description:"Sensitive values that answers show in part, or not at all. They need answers: filter."`
	Views  []ViewConfig  `yaml:"views" jsonschema_description:"Which callers see which operations and properties. Who has no view sees nothing; without this list everybody sees all."`
	// Fields is the query parameter that selects properties, "" for none.
	Fields string `yaml:"fields" jsonschema_description:"Query parameter by which callers choose properties of an answer. It needs answers: filter."`
	// Serve is the path below the API's base path where each caller gets the document
	// as far as her view goes; "" for nowhere.
	Serve string `yaml:"serve" jsonschema_description:"Path, below the API's base path, where callers get the document as far as they may see it: /openapi.json. It is the operation openapi-document, which needs a policy or access: public like every other. Default: nowhere."`
	// Operations are exceptions, by operation ID.
	Operations map[string]OperationConfig `yaml:"operations" jsonschema_description:"Exceptions and dates, by operationId (METHOD /path where there is none)."`
}

// Rules are what a document leaves open, for an API or for one operation. Empty
// members of an operation's Rules stand for those of its API.
type Rules struct {
	Answers Answers       `yaml:"answers" jsonschema:"enum=check,enum=filter" jsonschema_description:"Answers that break the contract: refuse them (check), or cut them down to what it promises (filter). Default: check."`
	Unknown UnknownConfig `yaml:"unknown" jsonschema_description:"What becomes of what the document does not mention."`
}

// OperationConfig is what holds for one operation instead.
type OperationConfig struct {
	Rules `yaml:",inline"`
	// Deprecated, Sunset, Link and Successor are the end of an operation.
	Deprecated Date   `yaml:"deprecated" jsonschema_description:"Day from which the operation is deprecated (RFC 9745), as 2026-12-31."`
	Sunset     Date   `yaml:"sunset" jsonschema_description:"Day from which the operation is gone (RFC 8594) and answers 410."`
	Link       string `yaml:"link" jsonschema_description:"URL of what to know about the end of the operation."`
	Successor  string `yaml:"successor" jsonschema_description:"URL of what takes the operation's place."`
}

// UnknownConfig says what becomes of what the document does not mention.
type UnknownConfig struct {
	Query      Unknown  `yaml:"query" jsonschema:"enum=report,enum=strip,enum=refuse" jsonschema_description:"Undeclared query parameters. Default: refuse."`
	Cookies    Unknown  `yaml:"cookies" jsonschema:"enum=report,enum=strip,enum=refuse" jsonschema_description:"Undeclared cookies. Default: report."`
	Properties Unknown  `yaml:"properties" jsonschema:"enum=declared,enum=report,enum=refuse" jsonschema_description:"Undeclared properties of a request, where the schema is open: as the schema says (declared), or stricter. Default: declared."`
	Except     []string `yaml:"except" jsonschema_description:"JSON pointers of properties that may be there all the same, * for any name or index: /items/*/note."`
}

// LimitsConfig bounds what a body may cost.
type LimitsConfig struct {
	Depth        int             `yaml:"depth" jsonschema:"minimum=1" jsonschema_description:"Nesting of JSON. Default: 64."`
	Values       int             `yaml:"values" jsonschema:"minimum=1" jsonschema_description:"JSON values in all, names included. Default: 1000000."`
	Members      int             `yaml:"members" jsonschema:"minimum=1" jsonschema_description:"Members of one object. Default: 10000."`
	Items        int             `yaml:"items" jsonschema:"minimum=1" jsonschema_description:"Elements of one array. Default: 1000000."`
	String       gatehouse.Bytes `yaml:"string" jsonschema_description:"One string. Default: 8MiB."`
	DecodedBytes gatehouse.Bytes `yaml:"decoded_bytes" jsonschema_description:"A body once its content coding is undone. Default: 10MiB."`
	AnswerBytes  gatehouse.Bytes `yaml:"answer_bytes" jsonschema_description:"An answer that is judged whole. Default: 8MiB."`
}

// ErrorsConfig says who is told what.
type ErrorsConfig struct {
	Max  int `yaml:"max" jsonschema:"minimum=1,maximum=100" jsonschema_description:"Greatest number of places named. Default: 10."`
	Full Who `yaml:"full" jsonschema_description:"Callers who learn where their request breaks the contract. Everybody else learns that it does."`
}

// Who selects callers: those who match any of the lists.
type Who struct {
	Everybody bool     `yaml:"everybody" jsonschema_description:"Everybody, strangers too."`
	Roles     []string `yaml:"roles" jsonschema_description:"Callers with one of these roles."`
	Scopes    []string `yaml:"scopes" jsonschema_description:"Callers with one of these scopes."`
	Clients   []string `yaml:"clients" jsonschema_description:"These clients, by id."`
}

// Match reports whether p is among those selected.
func (w *Who) Match(p *gatehouse.Principal) bool {
	if w.Everybody {
		return true
	}
	if p.IsAnonymous() {
		return false
	}
	if len(w.Clients) > 0 && p.ClientID != "" && slices.Contains(w.Clients, p.ClientID) {
		return true
	}
	for _, r := range w.Roles {
		if slices.Contains(p.Roles, r) {
			return true
		}
	}
	for _, s := range w.Scopes {
		if p.HasScope(s) {
			return true
		}
	}
	return false
}

// IsZero reports whether nobody is selected.
func (w *Who) IsZero() bool {
	return !w.Everybody && len(w.Roles) == 0 && len(w.Scopes) == 0 && len(w.Clients) == 0
}

// ViewConfig is what some callers see.
type ViewConfig struct {
	Name       string   `yaml:"name" jsonschema:"required" jsonschema_description:"Name, which x-gatehouse-view in the document may hold."`
	For        Who      `yaml:"for" jsonschema_description:"Callers who have this view. Who matches several has the first."`
	Tags       []string `yaml:"tags" jsonschema_description:"Tags of its operations."`
	Operations []string `yaml:"operations" jsonschema_description:"IDs of its operations. Default, without tags: all."`
	Hide       []string `yaml:"hide" jsonschema_description:"Values of x-gatehouse-class whose properties are left out."`
}

// Answers says what becomes of an answer that breaks the contract.
type Answers string

const (
	Check  Answers = "check"  // it is refused
	Filter Answers = "filter" // what was not promised is removed; what cannot be mended is refused
)

// Unknown says what becomes of what nothing declares.
type Unknown string

const (
	Declared Unknown = "declared" // of properties: what the schema says
	Report   Unknown = "report"   // passed on, and recorded
	Strip    Unknown = "strip"    // taken out of what goes on, and recorded
	Refuse   Unknown = "refuse"
)

// Access says whom a document's security requirements let in.
type Access string

const (
	// AccessPolicy: nobody. A requirement must be met, and a policy must permit.
	AccessPolicy Access = "policy"
	// AccessSecured: who meets a requirement that names a scheme is permitted.
	AccessSecured Access = "secured"
	// AccessDocument: as AccessSecured; and an operation whose security is empty, by
	// the document's word ("security: []"), is open to everybody. One of which the
	// document says nothing is not.
	AccessDocument Access = "document"
)

// A Date is a day or an instant: "2026-12-31", "2026-12-31T12:00:00Z". The zero
// Date is none.
type Date struct{ time.Time }

// UnmarshalText reads a Date (RFC 3339, full-date or date-time).
func (d *Date) UnmarshalText(text []byte) error {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, string(text)); err == nil {
			d.Time = t.UTC()
			return nil
		}
	}
	return &gatehouse.Error{Code: "contract.date", Message: fmt.Sprintf("%q is not a date", text), Hint: "such as 2026-12-31"}
}

// MarshalText writes what UnmarshalText reads.
func (d Date) MarshalText() ([]byte, error) {
	if d.IsZero() {
		return nil, nil
	}
	return []byte(d.Format(time.RFC3339)), nil
}

// WithDefaults fills what is not said.
func (c Config) WithDefaults() Config {
	c.Rules = c.Rules.or(Rules{Answers: Check, Unknown: UnknownConfig{Query: Refuse, Cookies: Report, Properties: Declared}})
	if c.Access == "" {
		c.Access = AccessPolicy
	}
	if c.Errors.Max == 0 {
		c.Errors.Max = 10
	}
	if c.Limits.DecodedBytes == 0 {
		c.Limits.DecodedBytes = 10 * gatehouse.MiB
	}
	if c.Limits.AnswerBytes == 0 {
		c.Limits.AnswerBytes = 8 * gatehouse.MiB
	}
	c.Masks = c.Masks.WithDefaults()
	return c
}

// or returns the rules with d's where r says nothing.
func (r Rules) or(d Rules) Rules {
	if r.Answers == "" {
		r.Answers = d.Answers
	}
	for _, p := range []struct{ to, from *Unknown }{{&r.Unknown.Query, &d.Unknown.Query}, {&r.Unknown.Cookies, &d.Unknown.Cookies},
		{&r.Unknown.Properties, &d.Unknown.Properties}} {
		if *p.to == "" {
			*p.to = *p.from
		}
	}
	if r.Unknown.Except == nil {
		r.Unknown.Except = d.Unknown.Except
	}
	return r
}

// Validate returns all problems, joined. At.File of each is the path within the
// Config.
func (c *Config) Validate() error {
	v := &validation{}
	if c.File == "" {
		v.bad("file", "a contract needs a document", "contract: openapi/shop.yaml")
	}
	c.Rules.validate(v, "")
	v.oneOf("access", string(c.Access), "policy", "secured", "document")
	if c.Prefix != nil && *c.Prefix != "" && (!strings.HasPrefix(*c.Prefix, "/") || strings.HasSuffix(*c.Prefix, "/") || strings.ContainsAny(*c.Prefix, "{}?#")) {
		v.bad("prefix", "a prefix is a path without a slash at its end", "/v1")
	}
	if c.Serve != "" && (!strings.HasPrefix(c.Serve, "/") || strings.HasSuffix(c.Serve, "/") || strings.ContainsAny(c.Serve, "{}?#% ")) {
		v.bad("serve", "this is not the path of a document", "/openapi.json")
	}
	if c.Errors.Max < 0 || c.Errors.Max > 100 {
		v.bad("errors.max", "between 1 and 100 places are named", "")
	}
	for name, n := range map[string]int64{"depth": int64(c.Limits.Depth), "values": int64(c.Limits.Values), "members": int64(c.Limits.Members),
		"items": int64(c.Limits.Items), "string": int64(c.Limits.String), "decoded_bytes": int64(c.Limits.DecodedBytes), "answer_bytes": int64(c.Limits.AnswerBytes)} {
		if n < 0 {
			v.bad("limits."+name, "a limit is greater than zero", "")
		}
	}
	filters := c.Answers == Filter
	for _, id := range sortedKeys(c.Operations) {
		o := c.Operations[id]
		at := "operations." + id
		o.Rules.validate(v, at+".")
		filters = filters || o.Answers == Filter
		if !o.Deprecated.IsZero() && !o.Sunset.IsZero() && o.Sunset.Before(o.Deprecated.Time) {
			v.bad(at+".sunset", "an operation is deprecated before it is gone", "")
		}
		for name, u := range map[string]string{".link": o.Link, ".successor": o.Successor} {
			if u != "" && !validLink(u) {
				v.bad(at+name, "this is not a URL", "https://api.example.com/changes, or /v2/orders")
			}
		}
	}
	c.validateMasks(v, filters)
	c.validateViews(v, filters)
	if c.Fields != "" && !filters {
		v.bad("fields", "choosing properties needs answers: filter", "answers: filter")
	}
	return errors.Join(v.problems...)
}

func (c *Config) validateMasks(v *validation, filters bool) {
	if err := c.Masks.Validate(); err != nil {
		v.within("masks", err)
	}
	if len(c.Masks.Rules) > 0 && !filters {
		v.bad("masks", "masks need answers: filter", "answers: filter")
	}
}

func (c *Config) validateViews(v *validation, filters bool) {
	for i := range c.Views {
		w, at := &c.Views[i], fmt.Sprintf("views[%d]", i)
		if w.Name == "" {
			v.bad(at+".name", "a view has a name", "")
		}
		for j := range c.Views[:i] {
			if c.Views[j].Name == w.Name {
				v.bad(at+".name", fmt.Sprintf("the view %q stands twice", w.Name), "")
			}
		}
		if len(w.Hide) > 0 && !filters {
			v.bad(at+".hide", "hiding properties needs answers: filter", "answers: filter")
		}
		if w.For.IsZero() {
			v.bad(at+".for", "a view is for somebody", "for: {roles: [partner]}, or for: {everybody: true}")
		}
	}
}

func (r *Rules) validate(v *validation, at string) {
	v.oneOf(at+"answers", string(r.Answers), "check", "filter")
	v.oneOf(at+"unknown.query", string(r.Unknown.Query), "report", "strip", "refuse")
	v.oneOf(at+"unknown.cookies", string(r.Unknown.Cookies), "report", "strip", "refuse")
	v.oneOf(at+"unknown.properties", string(r.Unknown.Properties), "declared", "report", "refuse")
	for i, p := range r.Unknown.Except {
		if !strings.HasPrefix(p, "/") {
			v.bad(fmt.Sprintf("%sunknown.except[%d]", at, i), "a JSON pointer begins with a slash", "/items/*/note")
		}
	}
}

// validation collects problems.
type validation struct{ problems []error }

func (v *validation) bad(at, message, hint string) {
	v.problems = append(v.problems, &gatehouse.Error{Code: "config.contract", Message: message, Hint: hint, At: gatehouse.Position{File: at}})
}

// within enters the problems of a part of the configuration.
func (v *validation) within(at string, err error) {
	list := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		list = joined.Unwrap()
	}
	for _, err := range list {
		e := *gatehouse.AsError(err, "config.contract", 0)
		e.At.File = strings.TrimSuffix(at+"."+e.At.File, ".")
		v.problems = append(v.problems, &e)
	}
}

func (v *validation) oneOf(at, s string, words ...string) {
	if s != "" && !slices.Contains(words, s) {
		v.bad(at, fmt.Sprintf("unknown word %q", s), "one of "+strings.Join(words, ", "))
	}
}
