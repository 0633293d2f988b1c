package payload

import (
	"slices"

	"github.com/gatehouse/gatehouse"
)

// Severity says how bad a successful attack of a rule's kind is.
type Severity string

// Severities, as the Core Rule Set names them.
const (
	Critical Severity = "critical"
	Error    Severity = "error"
	Warning  Severity = "warning"
	Notice   Severity = "notice"
)

// A Rule is one entry of the catalogue.
type Rule struct {
	ID       string // stable and dotted: "payload.ssrf.metadata"
	Title    string // lower-case, for people
	Severity Severity
	Class    string         // of the OWASP API Security Top 10 (2023): "API7:2023"
	Default  gatehouse.Mode // Enforce blocks

	signOnly bool // may not be enforced
}

// Indices of rules, in the catalogue's order.
const (
	ruleGraphQLAlias = iota
	ruleGraphQLBatch
	ruleGraphQLCost
	ruleGraphQLCycle
	ruleGraphQLDepth
	ruleGraphQLDirectives
	ruleGraphQLIntrospection
	ruleGraphQLMalformed
	ruleGraphQLTokens
	ruleJSONDepth
	ruleJSONKeys
	ruleJSONMalformed
	ruleJWTDuplicate
	ruleJWTKey
	ruleJWTKeyURL
	ruleJWTKid
	ruleJWTNone
	ruleNoSQLCode
	ruleNoSQLOperator
	rulePromptExtract
	rulePromptMarker
	rulePromptOverride
	rulePrototypeKey
	rulePrototypePath
	ruleSSRFMetadata
	ruleSSRFNotation
	ruleSSRFPrivate
	ruleSSRFScheme
	ruleTraversalEncoded
	ruleTraversalNull
	ruleTraversalPath
	ruleCount
)

// Classes of the OWASP API Security Top 10 (2023).
const (
	classAuthentication = "API2:2023"
	classProperty       = "API3:2023"
	classConsumption    = "API4:2023"
	classSSRF           = "API7:2023"
	classConfiguration  = "API8:2023"
	classUnsafe         = "API10:2023"
)

const (
	off     = gatehouse.Off
	monitor = gatehouse.Monitor
	enforce = gatehouse.Enforce
)

var catalogue = [ruleCount]Rule{
	ruleGraphQLAlias:         {ID: "payload.graphql.aliases", Title: "a GraphQL operation with too many aliases", Severity: Error, Class: classConsumption, Default: enforce},
	ruleGraphQLBatch:         {ID: "payload.graphql.batch", Title: "too many GraphQL operations in one request", Severity: Error, Class: classConsumption, Default: enforce},
	ruleGraphQLCost:          {ID: "payload.graphql.cost", Title: "a GraphQL operation that costs too much", Severity: Error, Class: classConsumption, Default: enforce},
	ruleGraphQLCycle:         {ID: "payload.graphql.cycle", Title: "GraphQL fragments that spread themselves", Severity: Error, Class: classConsumption, Default: enforce},
	ruleGraphQLDepth:         {ID: "payload.graphql.depth", Title: "a GraphQL operation nested too deeply", Severity: Error, Class: classConsumption, Default: enforce},
	ruleGraphQLDirectives:    {ID: "payload.graphql.directives", Title: "too many GraphQL directives in one place", Severity: Error, Class: classConsumption, Default: enforce},
	ruleGraphQLIntrospection: {ID: "payload.graphql.introspection", Title: "GraphQL introspection", Severity: Warning, Class: classConfiguration, Default: enforce},
	ruleGraphQLMalformed:     {ID: "payload.graphql.malformed", Title: "a GraphQL document that does not read", Severity: Warning, Class: classConfiguration, Default: enforce},
	ruleGraphQLTokens:        {ID: "payload.graphql.tokens", Title: "a GraphQL document with too many tokens", Severity: Error, Class: classConsumption, Default: enforce},
	ruleJSONDepth:            {ID: "payload.json.depth", Title: "JSON nested too deeply", Severity: Error, Class: classConsumption, Default: enforce},
	ruleJSONKeys:             {ID: "payload.json.keys", Title: "JSON with too many members", Severity: Error, Class: classConsumption, Default: enforce},
	ruleJSONMalformed:        {ID: "payload.json.malformed", Title: "JSON that does not read", Severity: Warning, Class: classConfiguration, Default: off},
	ruleJWTDuplicate:         {ID: "payload.jwt.duplicate_member", Title: "a token whose header has a member twice", Severity: Error, Class: classAuthentication, Default: enforce},
	ruleJWTKey:               {ID: "payload.jwt.embedded_key", Title: "a token that brings its own key (jwk)", Severity: Error, Class: classAuthentication, Default: enforce},
	ruleJWTKeyURL:            {ID: "payload.jwt.key_url", Title: "a token that says where to fetch its key (jku, x5u)", Severity: Error, Class: classAuthentication, Default: enforce},
	ruleJWTKid:               {ID: "payload.jwt.kid", Title: "a token whose key id is a path, a URL or a piece of code", Severity: Critical, Class: classAuthentication, Default: enforce},
	ruleJWTNone:              {ID: "payload.jwt.unsigned", Title: "a token without a signature", Severity: Critical, Class: classAuthentication, Default: enforce},
	ruleNoSQLCode:            {ID: "payload.nosql.code", Title: "code for a database to run ($where, $function)", Severity: Critical, Class: classUnsafe, Default: enforce},
	ruleNoSQLOperator:        {ID: "payload.nosql.operator", Title: "a database's operator as a name ($ne, $gt)", Severity: Critical, Class: classUnsafe, Default: enforce},
	rulePromptExtract:        {ID: "payload.prompt.extraction", Title: "a phrase that asks a language model for its instructions", Severity: Notice, Class: classUnsafe, Default: monitor, signOnly: true},
	rulePromptMarker:         {ID: "payload.prompt.marker", Title: "a language model's role marker", Severity: Notice, Class: classUnsafe, Default: monitor, signOnly: true},
	rulePromptOverride:       {ID: "payload.prompt.override", Title: "a phrase that overrides a language model's instructions", Severity: Notice, Class: classUnsafe, Default: monitor, signOnly: true},
	rulePrototypeKey:         {ID: "payload.prototype.key", Title: "a name that reaches an object's prototype", Severity: Critical, Class: classProperty, Default: enforce},
	rulePrototypePath:        {ID: "payload.prototype.path", Title: "a property path that leads to an object's prototype", Severity: Error, Class: classProperty, Default: enforce},
	ruleSSRFMetadata:         {ID: "payload.ssrf.metadata", Title: "a cloud's metadata service as a target", Severity: Critical, Class: classSSRF, Default: enforce},
	ruleSSRFNotation:         {ID: "payload.ssrf.notation", Title: "a URL whose host is an address in an unusual notation", Severity: Warning, Class: classSSRF, Default: monitor},
	ruleSSRFPrivate:          {ID: "payload.ssrf.private", Title: "a host that is not public as a target", Severity: Critical, Class: classSSRF, Default: enforce},
	ruleSSRFScheme:           {ID: "payload.ssrf.scheme", Title: "a URL of a scheme that reaches files or other protocols", Severity: Critical, Class: classSSRF, Default: enforce},
	ruleTraversalEncoded:     {ID: "payload.traversal.encoded", Title: "a path that leads out of its folder, in disguise", Severity: Critical, Class: classUnsafe, Default: enforce},
	ruleTraversalNull:        {ID: "payload.traversal.null_byte", Title: "a null byte in a path", Severity: Critical, Class: classUnsafe, Default: enforce},
	ruleTraversalPath:        {ID: "payload.traversal.path", Title: "a path that leads out of its folder", Severity: Critical, Class: classUnsafe, Default: enforce},
}

// Rules returns the catalogue, ordered by id.
func Rules() []Rule { return slices.Clone(catalogue[:]) }

// Mode returns the mode of a rule by its id, Off of one that is not there.
func (i *Inspector) Mode(id string) gatehouse.Mode {
	for k := range catalogue {
		if catalogue[k].ID == id {
			return i.modes[k]
		}
	}
	return off
}
