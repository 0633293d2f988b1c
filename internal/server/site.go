package server

import (
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/authn"
	"github.com/gatehouse/gatehouse/gateway"
	"github.com/gatehouse/gatehouse/internal/config"
)

// site compiles the i-th API.
func (a *assembly) site(i int) (*gateway.Site, error) {
	c := &a.cfg.APIs[i]
	shared, err := a.shared(c)
	if err != nil {
		return nil, err
	}
	var routes []*gateway.Route
	for _, s := range a.served[c] {
		routes = append(routes, a.route(shared, c, s))
	}
	s, err := gateway.NewSite(a.apis[i], routes)
	if err != nil {
		return nil, err
	}
	if op := a.catchAll[c]; op != nil {
		s.Undocumented = a.route(shared, c, served{op: op})
	}
	for _, name := range c.Allow {
		if bit, ok := gateway.ParseOddity(name); ok {
			s.Allow |= bit
		}
	}
	if s.CORS, err = cors(c.CORS); err != nil {
		return nil, err
	}
	if s.CORS != nil {
		s.CORS.Mode = a.cfg.ModeOf("cors", c, nil)
	}
	return s, nil
}

// shared is the part of a Route that all operations of an API have in common.
func (a *assembly) shared(c *config.API) (*gateway.Route, error) {
	r := &gateway.Route{Timeout: c.Timeout, BodyBytes: c.BodyBytes, PassErrors: c.Errors == "upstream"}
	var err error
	if r.Forwarder, err = a.forwarder(c); err != nil {
		return nil, err
	}
	if len(c.Authenticate) > 0 {
		if r.Authenticator, err = a.authn.For(a.apiOptions(c)); err != nil {
			return nil, err
		}
	}
	if c.Rewrite != nil {
		r.Rewrite = gateway.Rewrite{StripPrefix: c.Rewrite.StripPrefix, AddPrefix: c.Rewrite.AddPrefix}
	}
	if err := a.egress(c, r); err != nil {
		return nil, err
	}
	if c.SecurityHeaders != nil {
		r.SecurityHeader = gateway.SecurityHeaders(*c.SecurityHeaders).Fields()
	}
	if err := headers(c, r); err != nil {
		return nil, err
	}
	r.Vouch, err = a.vouch(c)
	return r, err
}

// headers compiles the API's header rules into r.
func headers(c *config.API, r *gateway.Route) (err error) {
	h := c.Headers
	if h == nil {
		return nil
	}
	if r.RequestHeader, err = gateway.NewHeaderRules(h.Request.Set, h.Request.Add, h.Request.Remove); err != nil {
		return err
	}
	r.ResponseHeader, err = gateway.NewHeaderRules(h.Response.Set, h.Response.Add, h.Response.Remove)
	return err
}

func (a *assembly) apiOptions(c *config.API) authn.APIOptions {
	o := authn.APIOptions{Methods: c.Authenticate, Resource: resource(c)}
	seen := map[string]bool{}
	for _, op := range a.served[c] {
		for _, s := range op.op.Scopes {
			if !seen[s] {
				seen[s] = true
				o.Scopes = append(o.Scopes, s)
			}
		}
	}
	return o
}

// resource is the API's identifier for RFC 9728: its first host and base path. A
// third party's API has none: what is below its host is for it to say, and nobody
// shall ask it where to sign in with the gateway.
func resource(c *config.API) string {
	if c.Egress != nil {
		return ""
	}
	for _, h := range c.Hosts {
		if !strings.Contains(h, "*") {
			return "https://" + strings.ToLower(h) + strings.TrimSuffix(c.BasePath, "/")
		}
	}
	return ""
}

// vouch says what becomes of the caller's credential.
func (a *assembly) vouch(c *config.API) (gateway.Vouch, error) {
	v := gateway.Vouch{Keep: c.Credentials == "forward", Headers: []string{"authorization", "dpop"}}
	if k := a.cfg.Authn.APIKeys; k != nil {
		v.Headers = append(v.Headers, strings.ToLower(k.Header))
	}
	if ck := a.cfg.Authn.Cookie; ck != nil {
		v.Cookie = ck.Name
	}
	if c.Credentials == "replace" {
		id := a.authn.Identity()
		if id == nil {
			return v, &gatehouse.Error{Code: "config.identity", Message: "credentials: replace needs authn.identity",
				Hint: "add authn.identity with an issuer", At: a.cfg.At("authn")}
		}
		audience := c.Name
		v.Identity = func(x *gatehouse.Exchange) ([]gatehouse.Field, error) { return id.Headers(x, audience) }
	}
	return v, nil
}

// route completes the shared part for one operation.
func (a *assembly) route(shared *gateway.Route, c *config.API, s served) *gateway.Route {
	r, o := *shared, s.cfg
	r.Operation = s.op
	if s.answer != nil {
		r.Forwarder, r.Egress = s.answer, nil
	}
	r.Stages = a.stages(c, s)
	r.AuthMode = a.cfg.ModeOf("authn", c, o)
	r.DefaultDeny = a.cfg.ModeOf("policy", c, o)
	r.CSRF = &gateway.CSRF{Mode: a.cfg.ModeOf("csrf", c, o)}
	if c.CSRF != nil {
		r.CSRF.Cookies, r.CSRF.Origins = c.CSRF.Cookies, c.CSRF.Origins
	}
	if r.Egress != nil {
		e := *r.Egress
		e.Mode = a.cfg.ModeOf("egress", c, o)
		r.Egress = &e
	}
	if o == nil {
		return &r
	}
	if o.Timeout > 0 {
		r.Timeout = o.Timeout
	}
	if o.BodyBytes > 0 {
		r.BodyBytes = o.BodyBytes
	}
	for _, kind := range o.Stream {
		r.Streams |= streamKinds[kind]
	}
	if f := o.Fault; f != nil {
		r.Fault = &gateway.Fault{}
		if f.Delay != nil {
			r.Fault.Delay, r.Fault.DelayPercent = f.Delay.For, f.Delay.Percent
		}
		if f.Abort != nil {
			r.Fault.AbortStatus, r.Fault.AbortPercent = f.Abort.Status, f.Abort.Percent
		}
	}
	return &r
}

var streamKinds = map[string]gateway.StreamKind{"websocket": gateway.StreamWebSocket, "sse": gateway.StreamSSE,
	"grpc": gateway.StreamGRPC, "upload": gateway.StreamUpload}

func cors(c *config.CORS) (*gateway.CORS, error) {
	if c == nil {
		return nil, nil
	}
	out := gateway.CORS{Origins: c.Origins, Methods: c.Methods, Expose: c.Expose, Credentials: c.Credentials, MaxAge: c.MaxAge}
	for _, h := range c.Headers {
		out.Headers = append(out.Headers, strings.ToLower(h))
	}
	return &out, out.Validate()
}

// metadata publishes an API's protected-resource metadata (RFC 9728).
func (a *assembly) metadata(c *config.API, local map[string]gateway.LocalAnswer) error {
	res := resource(c)
	if res == "" || len(c.Authenticate) == 0 {
		return nil
	}
	doc, err := a.authn.Metadata(a.apiOptions(c))
	if err != nil {
		return err
	}
	for _, h := range c.Hosts {
		local[strings.ToLower(h)+authn.MetadataPath(res)] = gateway.LocalAnswer{ContentType: "application/json", Body: doc}
	}
	return nil
}
