package gateway

import (
	"net/netip"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/http1"
)

// A Snapshot is one configuration, compiled and immutable. An exchange keeps the
// one it began with; a reload swaps it for those to come.
type Snapshot struct {
	// Hash identifies the configuration in every Decision.
	Hash   string
	Router *Router
	// Egress knows the APIs of third parties, which the listeners in EgressListeners,
	// by name, serve instead of the Router's. It is not nil where there are any.
	Egress          *Router
	EgressListeners map[string]bool

	Trusted []netip.Prefix // proxies whose Forwarded fields are believed
	Limits  Limits
	// HTTP1 are the limits of the HTTP/1.1 door.
	HTTP1 *http1.Limits
	// RedirectPort maps a listener's name to the HTTPS port its requests are sent
	// to (308).
	RedirectPort map[string]int
	// Local are the gateway's own documents, by host and canonical path
	// ("shop.example/.well-known/…"). Only paths under /.well-known/ are looked up.
	Local map[string]LocalAnswer
	// SampleTraces is the share of traces begun here that are sampled, 0 to 1.
	SampleTraces float64
	// Risk tells a caller's current risk, after identify. It may be nil.
	Risk func(x *gatehouse.Exchange) uint8
}

// Limits bound what a message may cost before anybody judged it.
type Limits struct {
	HeaderBytes  gatehouse.Bytes
	HeaderFields int
	URIBytes     gatehouse.Bytes
	// BodyBytes holds where a route sets none.
	BodyBytes gatehouse.Bytes
	// ReadTimeout bounds the wait for a body, to which BodyRate earns more.
	ReadTimeout time.Duration
	// WriteTimeout bounds the wait for the client to take a piece of the answer.
	WriteTimeout time.Duration
}

// DefaultLimits are the limits where nothing else is said.
func DefaultLimits() Limits {
	return Limits{HeaderBytes: 64 * gatehouse.KiB, HeaderFields: 100, URIBytes: 8 * gatehouse.KiB,
		BodyBytes: 10 * gatehouse.MiB, ReadTimeout: time.Minute, WriteTimeout: time.Minute}
}

// A Site is one API as it is served: its operations, and what holds for all.
type Site struct {
	API *gatehouse.API
	// Matcher finds the operation; Match.Route indexes Routes.
	Matcher Matcher
	Routes  []*Route
	// Undocumented is the route of paths nobody declared; nil refuses them (404).
	Undocumented *Route
	// Allow are the path oddities this API accepts.
	Allow Oddity
	CORS  *CORS
	base  string // API.BasePath without the trailing slash
}

// NewSite returns a Site for an API whose operations are those of routes.
func NewSite(api *gatehouse.API, routes []*Route) (*Site, error) {
	ops := make([]*gatehouse.Operation, len(routes))
	for i, r := range routes {
		ops[i] = r.Operation
	}
	m, err := NewPaths(ops)
	if err != nil {
		return nil, err
	}
	s := &Site{API: api, Matcher: m, Routes: routes, base: api.BasePath}
	if s.base == "/" {
		s.base = ""
	}
	return s, nil
}

// A LocalAnswer is a document the gateway serves itself.
type LocalAnswer struct {
	ContentType string
	Body        []byte
}

// A Route is an operation with everything that happens to its calls.
type Route struct {
	Operation *gatehouse.Operation
	// Stages are the controls in the order they are asked.
	Stages []Stage
	// Authenticator identifies the caller; nil leaves everybody anonymous.
	Authenticator gatehouse.Authenticator
	// AuthMode is identify's mode. A Principal never comes from a credential that
	// failed, whatever the mode.
	AuthMode gatehouse.Mode
	// DefaultDeny is the mode of "nobody permitted it".
	DefaultDeny gatehouse.Mode
	// Forwarder answers.
	Forwarder gatehouse.Forwarder

	// Timeout bounds the time to the answer's end, for streams to its head; 0: none.
	Timeout   time.Duration
	BodyBytes gatehouse.Bytes // 0: the Snapshot's
	Streams   StreamKind
	Rewrite   Rewrite
	// RequestHeader and ResponseHeader are the operator's header rules.
	RequestHeader, ResponseHeader HeaderRules
	// SecurityHeader is set on every answer, the gateway's own included.
	SecurityHeader []gatehouse.Field
	CSRF           *CSRF
	Fault          *Fault
	// Vouch says what becomes of the caller's credential.
	Vouch Vouch
	// PassErrors lets the upstream's 5xx bodies through.
	PassErrors bool
	// Egress is set where the upstream is a third party's; nil elsewhere.
	Egress *Egress
}

// A Stage is one Control in its place.
type Stage struct {
	Step    gatehouse.Step // StepAdmit, StepJudgeHead or StepJudgeBody
	Control gatehouse.Control
	Mode    gatehouse.Mode

	body     gatehouse.BodyNeed
	response gatehouse.ResponseControl
	whole    bool // the ResponseControl needs the whole answer
	filter   gatehouse.StreamFilter
	finisher gatehouse.Finisher
}

// NewStage looks up, once, what else the control can do.
func NewStage(step gatehouse.Step, c gatehouse.Control, mode gatehouse.Mode) Stage {
	s := Stage{Step: step, Control: c, Mode: mode}
	if b, ok := c.(gatehouse.BodyReader); ok {
		s.body = b.Body()
	}
	s.response, _ = c.(gatehouse.ResponseControl)
	if b, ok := c.(gatehouse.ResponseBodyReader); ok {
		s.whole = b.ResponseBody() == gatehouse.BodyWhole
	}
	s.filter, _ = c.(gatehouse.StreamFilter)
	s.finisher, _ = c.(gatehouse.Finisher)
	return s
}

// StreamKind is a set of endless answers an operation may give.
type StreamKind uint8

// The kinds of streams. They outlive the route's timeout, and end when the
// caller's credential does.
const (
	StreamWebSocket StreamKind = 1 << iota
	StreamSSE
	StreamGRPC
	StreamUpload // a request body without the snapshot's size limit on time
)

// Rewrite changes the path towards the upstream.
type Rewrite struct {
	StripPrefix, AddPrefix string
	// Authority replaces the client's where not empty.
	Authority string
}

func (r Rewrite) path(p string) string {
	if p == "*" {
		return p // OPTIONS asks about the server
	}
	if r.StripPrefix != "" && len(p) >= len(r.StripPrefix) && p[:len(r.StripPrefix)] == r.StripPrefix &&
		(len(p) == len(r.StripPrefix) || p[len(r.StripPrefix)] == '/') {
		if p = p[len(r.StripPrefix):]; p == "" {
			p = "/"
		}
	}
	if r.AddPrefix != "" {
		p = r.AddPrefix + p
	}
	return p
}

// Vouch says what the upstream is told about the caller.
type Vouch struct {
	// Keep passes the credential on as it came.
	Keep bool
	// Headers and Cookie carry the credential, and are removed where Keep is false.
	Headers []string
	Cookie  string
	// Identity returns the signed identity fields that replace it; nil: none.
	Identity func(x *gatehouse.Exchange) ([]gatehouse.Field, error)
}
