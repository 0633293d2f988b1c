package config

import (
	"net/http"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi"
	"github.com/gatehouse/gatehouse/waf"
)

// An API is a set of operations under one host and base path.
type API struct {
	Name     string   `yaml:"name" jsonschema:"required" jsonschema_description:"Name in policies, logs and metrics."`
	Hosts    []string `yaml:"hosts" jsonschema_description:"Host names served, *.example.com for one label, * for any. Default: *."`
	BasePath string   `yaml:"base_path" jsonschema_description:"Path prefix of every operation. Default: /."`
	Version  string   `yaml:"version" jsonschema_description:"The API's own version."`
	Owner    string   `yaml:"owner" jsonschema_description:"Team that answers for it."`

	Mode  *gatehouse.Mode           `yaml:"mode" jsonschema_description:"Default mode of every control for this API."`
	Modes map[string]gatehouse.Mode `yaml:"modes" jsonschema_description:"Mode per control, by the control's name."`

	Authenticate []string `yaml:"authenticate" jsonschema_description:"Who may identify callers: names of issuers, api_keys, mtls, cookie."`
	Credentials  string   `yaml:"credentials" jsonschema:"enum=forward,enum=remove,enum=replace" jsonschema_description:"What the upstream gets of the caller's credential: forward it, remove it, or replace it by the signed identity header. Default: forward."`

	Upstream  string             `yaml:"upstream" jsonschema_description:"Upstream that serves this API."`
	Upstreams []WeightedUpstream `yaml:"upstreams" jsonschema_description:"Several upstreams, by weight, instead of one."`
	Rewrite   *Rewrite           `yaml:"rewrite" jsonschema_description:"How the path is changed on its way to the upstream."`
	Timeout   time.Duration      `yaml:"timeout" jsonschema_description:"Time for the whole exchange, streams excepted. Default: 30s."`
	BodyBytes gatehouse.Bytes    `yaml:"body_bytes" jsonschema_description:"Greatest size of a request's body, instead of that of limits_http."`

	Allow        []string `yaml:"allow" jsonschema:"enum=encoded_slash,enum=empty_segment,enum=dot_segment,enum=semicolon,enum=double_encoding,enum=method_override" jsonschema_description:"Ambiguities accepted here that are refused by default."`
	Undocumented string   `yaml:"undocumented" jsonschema:"enum=refuse,enum=report" jsonschema_description:"Calls of operations nobody declared: refuse (404), or report and judge them by policy. Default: refuse."`
	Errors       string   `yaml:"errors" jsonschema:"enum=generic,enum=upstream" jsonschema_description:"What clients see of the upstream's 5xx answers: a generic problem, or the body as it is. Default: generic."`

	CORS            *CORS            `yaml:"cors" jsonschema_description:"Cross-origin calls from browsers (Fetch standard)."`
	CSRF            *CSRF            `yaml:"csrf" jsonschema_description:"Proof of origin for unsafe calls that a cookie authenticates."`
	SecurityHeaders *SecurityHeaders `yaml:"security_headers" jsonschema_description:"Security fields on every answer."`
	Headers         *Headers         `yaml:"headers" jsonschema_description:"Header fields set, added and removed on both sides."`

	Egress *Egress `yaml:"egress" jsonschema_description:"The API is a third party's, called by one's own services through egress listeners only."`

	Contract *openapi.Config `yaml:"contract" jsonschema_description:"The API's OpenAPI document, to which requests and answers are held: the name of its file, or that with more."`

	WAF *waf.Policy `yaml:"waf" jsonschema_description:"How strict the rules of the section waf are for this API, and what is excluded here."`

	Operations []Operation `yaml:"operations" jsonschema_description:"The operations: one method and path template each; with a contract, the id of one of its operations and what is to hold for it besides."`
}

// WithDefaults returns a with its unset values filled in.
func (a API) WithDefaults() API {
	if len(a.Hosts) == 0 {
		a.Hosts = []string{"*"}
	}
	setDefault(&a.BasePath, "/")
	if a.Egress != nil {
		e := a.Egress.WithDefaults()
		a.Egress = &e
		setDefault(&a.Credentials, "remove") // they are for the gateway, not for third parties
	}
	if a.Contract != nil {
		c := a.Contract.WithDefaults()
		a.Contract = &c
	}
	setDefault(&a.Credentials, "forward")
	setDefault(&a.Timeout, 30*time.Second)
	setDefault(&a.Undocumented, "refuse")
	setDefault(&a.Errors, "generic")
	a.Upstreams = withDefaults(a.Upstreams, func(u WeightedUpstream) WeightedUpstream {
		setDefault(&u.Weight, 1)
		return u
	})
	a.Operations = withDefaults(a.Operations, Operation.WithDefaults)
	return a
}

// A WeightedUpstream takes a share of an API's requests.
type WeightedUpstream struct {
	Name   string `yaml:"name" jsonschema:"required" jsonschema_description:"Name of the upstream."`
	Weight int    `yaml:"weight" jsonschema:"minimum=0,maximum=1000000" jsonschema_description:"Share among the weights of all. Default: 1."`
}

// Rewrite changes the path on its way to the upstream: the prefix is taken off
// first, then the other put in front.
type Rewrite struct {
	StripPrefix string `yaml:"strip_prefix" jsonschema_description:"Prefix taken off the path."`
	AddPrefix   string `yaml:"add_prefix" jsonschema_description:"Prefix put in front of the path."`
}

// An Operation is one method and path template. Exactly one of the method keys
// is set; its value is the template, below the API's base path.
type Operation struct {
	Get     string `yaml:"get" jsonschema_description:"Path template of a GET operation: /orders/{id}, or /files/{path...} for the rest."`
	Post    string `yaml:"post" jsonschema_description:"Path template of a POST operation."`
	Put     string `yaml:"put" jsonschema_description:"Path template of a PUT operation."`
	Patch   string `yaml:"patch" jsonschema_description:"Path template of a PATCH operation."`
	Delete  string `yaml:"delete" jsonschema_description:"Path template of a DELETE operation."`
	Head    string `yaml:"head" jsonschema_description:"Path template of a HEAD operation."`
	Options string `yaml:"options" jsonschema_description:"Path template of an OPTIONS operation."`
	Any     string `yaml:"any" jsonschema_description:"Path template of an operation of every method."`

	ID     string        `yaml:"id" jsonschema_description:"Unique name within the API, for policies and limits. Default: the method and the template."`
	Access string        `yaml:"access" jsonschema:"enum=policy,enum=public" jsonschema_description:"policy: a policy must permit it. public: open to everybody. Default: policy."`
	Scopes []string      `yaml:"scopes" jsonschema_description:"Scopes the caller's credential needs, all of them."`
	ACR    []string      `yaml:"acr" jsonschema_description:"Acceptable authentication contexts (RFC 9470)."`
	MaxAge time.Duration `yaml:"max_age" jsonschema_description:"Greatest age of the caller's login (RFC 9470)."`
	Tags   []string      `yaml:"tags" jsonschema_description:"Free labels that policies and limits may name."`

	Stream    []string                  `yaml:"stream" jsonschema:"enum=websocket,enum=sse,enum=grpc,enum=upload" jsonschema_description:"Streams allowed to pass: websocket, sse, grpc, upload."`
	Timeout   time.Duration             `yaml:"timeout" jsonschema_description:"Time for the whole exchange, instead of the API's."`
	BodyBytes gatehouse.Bytes           `yaml:"body_bytes" jsonschema_description:"Greatest size of a request's body, instead of the API's."`
	Mode      *gatehouse.Mode           `yaml:"mode" jsonschema_description:"Default mode of every control for this operation."`
	Modes     map[string]gatehouse.Mode `yaml:"modes" jsonschema_description:"Mode per control, by the control's name."`
	WAF       *waf.Policy               `yaml:"waf" jsonschema_description:"How strict the rules of the section waf are for this operation, and what is excluded here."`
	Fault     *Fault                    `yaml:"fault" jsonschema_description:"Faults injected for testing."`
}

// Route returns the method ("*" for any) and the path template. Of an operation
// that passed Load exactly one method key is set.
func (o *Operation) Route() (method, path string) {
	for _, m := range o.methods() {
		if m.path != "" {
			return m.method, m.path
		}
	}
	return "", ""
}

type methodKey struct{ key, method, path string }

func (o *Operation) methods() [8]methodKey {
	return [8]methodKey{
		{"get", http.MethodGet, o.Get}, {"post", http.MethodPost, o.Post}, {"put", http.MethodPut, o.Put},
		{"patch", http.MethodPatch, o.Patch}, {"delete", http.MethodDelete, o.Delete},
		{"head", http.MethodHead, o.Head}, {"options", http.MethodOptions, o.Options}, {"any", "*", o.Any},
	}
}

// WithDefaults returns o with its unset values filled in.
func (o Operation) WithDefaults() Operation {
	method, path := o.Route()
	if path == "" {
		return o // of a contract, which has the rest
	}
	setDefault(&o.Access, "policy")
	setDefault(&o.ID, method+" "+path)
	return o
}

// Fault is injected into a share of the exchanges.
type Fault struct {
	Delay *FaultDelay `yaml:"delay" jsonschema_description:"Wait before forwarding."`
	Abort *FaultAbort `yaml:"abort" jsonschema_description:"Answer instead of forwarding."`
}

// FaultDelay makes exchanges wait.
type FaultDelay struct {
	Percent float64       `yaml:"percent" jsonschema:"required,minimum=0,maximum=100" jsonschema_description:"Share of the exchanges, 0 to 100."`
	For     time.Duration `yaml:"for" jsonschema:"required" jsonschema_description:"Time to wait."`
}

// FaultAbort answers exchanges with a status.
type FaultAbort struct {
	Percent float64 `yaml:"percent" jsonschema:"required,minimum=0,maximum=100" jsonschema_description:"Share of the exchanges, 0 to 100."`
	Status  int     `yaml:"status" jsonschema:"required,minimum=400,maximum=599" jsonschema_description:"Status of the answer."`
}
