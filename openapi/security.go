package openapi

import (
	"context"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/openapi/document"
)

// security is "openapi.security": the alternatives of an operation's security
// requirement, judged by how the caller was identified and by its scopes.
type security struct {
	op *operation
	// alternatives are met by all of their uses; one that is met suffices.
	alternatives []alternative
	stated       bool // the document says something of security here
	views        bool
}

type alternative struct {
	uses   []use
	scopes []string // of all uses
	roles  []string
}

// use is one scheme and who satisfies it.
type use struct {
	name    string
	methods []gatehouse.Method
	cookie  bool // an API key in a cookie: the credential came in one
	mtls    bool
}

// compileSecurity also fills the operation's Scopes and Access.
func (op *operation) compileSecurity() *security {
	s := &security{op: op, stated: op.doc.Security != nil, views: len(op.c.opts.Views) > 0}
	anonymous := op.doc.Security != nil && len(op.doc.Security) == 0
	for i, r := range op.doc.Security {
		a := op.alternative(r)
		if len(a.uses) == 0 {
			anonymous = true
		}
		if i == 0 {
			op.Scopes = slices.Clone(a.scopes)
		} else {
			op.Scopes = slices.DeleteFunc(op.Scopes, func(s string) bool { return !slices.Contains(a.scopes, s) })
		}
		s.alternatives = append(s.alternatives, a)
	}
	if len(op.Scopes) == 0 {
		op.Scopes = nil
	}
	switch access := op.c.opts.Access; {
	case anonymous && access == AccessDocument:
		op.Access = gatehouse.AccessPublic
	case access != AccessPolicy && slices.ContainsFunc(s.alternatives, func(a alternative) bool { return len(a.uses) > 0 }):
		op.Access = gatehouse.AccessContract
	}
	if len(s.alternatives) == 0 && !s.views {
		return nil
	}
	return s
}

// alternative compiles one requirement. Scopes of OAuth 2.0 and OpenID Connect are
// scopes; what other schemes list are roles (OpenAPI 3.1, section 4.8.30).
func (op *operation) alternative(r document.Requirement) alternative {
	var a alternative
	for _, u := range r {
		s := op.c.doc.Schemes[u.Scheme]
		if s == nil {
			a.uses = append(a.uses, use{name: u.Scheme}) // nobody meets it
			continue
		}
		x := use{name: u.Scheme}
		switch {
		case s.Type == "oauth2" || s.Type == "openIdConnect" || s.Type == "http" && (s.Scheme == "bearer" || s.Scheme == "dpop"):
			x.methods = []gatehouse.Method{gatehouse.MethodJWT, gatehouse.MethodIntrospection}
		case s.Type == "apiKey" && s.In == "cookie":
			x.methods, x.cookie = []gatehouse.Method{gatehouse.MethodJWT, gatehouse.MethodIntrospection}, true
		case s.Type == "apiKey":
			x.methods = []gatehouse.Method{gatehouse.MethodAPIKey}
		case s.Type == "mutualTLS":
			x.mtls = true
		}
		a.uses = append(a.uses, x)
		list := &a.roles
		if s.Type == "oauth2" || s.Type == "openIdConnect" {
			list = &a.scopes
		}
		for _, scope := range u.Scopes {
			if !slices.Contains(*list, scope) {
				*list = append(*list, scope)
			}
		}
	}
	return a
}

func (s *security) Name() string { return SecurityName }

// Step is where the control belongs.
func (s *security) Step() gatehouse.Step { return gatehouse.StepJudgeHead }

// Check judges the caller's view first: what she does not see is not there.
func (s *security) Check(_ context.Context, x *gatehouse.Exchange) (gatehouse.Verdict, error) {
	if s.views && !s.op.c.view(x.Principal).has(s.op) {
		return gatehouse.Denied(404, gatehouse.Reason{Code: CodeView, Message: "the caller's view does not hold the operation", At: s.op.At}), nil
	}
	if len(s.alternatives) == 0 {
		return gatehouse.Passed(), nil
	}
	best := unmet
	var closest *alternative
	for i := range s.alternatives {
		a := &s.alternatives[i]
		how := a.judge(x)
		if how == met && len(a.uses) > 0 {
			return s.grant(a), nil
		}
		if how > best {
			best, closest = how, a
		}
	}
	switch {
	case best == met: // by nobody in particular
		return s.grant(closest), nil
	case best == lacksScope:
		// The code that authn's challenge knows (RFC 6750, section 3.1).
		return gatehouse.Denied(403, gatehouse.Reason{Code: CodeScope, Message: "the credential lacks one of: " + strings.Join(slices.Concat(closest.scopes, closest.roles), " "), At: s.op.At}), nil
	case x.Principal.IsAnonymous():
		return gatehouse.Denied(403, gatehouse.Reason{Code: CodeCredential, Message: "the operation needs " + s.wanted(), At: s.op.At}), nil
	}
	return gatehouse.Denied(403, gatehouse.Reason{Code: CodeScheme, Message: "the operation needs " + s.wanted() + ", and the caller came by " + string(x.Principal.Method), At: s.op.At}), nil
}

// grant passes, or permits where the contract's Access says so.
func (s *security) grant(a *alternative) gatehouse.Verdict {
	access := s.op.c.opts.Access
	if access == AccessDocument || access == AccessSecured && len(a.uses) > 0 {
		return gatehouse.Permitted(gatehouse.Reason{Code: CodeGranted, At: s.op.At})
	}
	return gatehouse.Passed()
}

func (s *security) wanted() string {
	var parts []string
	for i := range s.alternatives {
		var names []string
		for _, u := range s.alternatives[i].uses {
			names = append(names, u.name)
		}
		parts = append(parts, strings.Join(names, " with "))
	}
	return strings.Join(parts, " or ")
}

// fit says how far a caller meets an alternative.
type fit uint8

const (
	unmet fit = iota
	lacksScope
	met
)

func (a *alternative) judge(x *gatehouse.Exchange) fit {
	p := x.Principal
	for i := range a.uses {
		u := &a.uses[i]
		switch {
		case u.mtls:
			if p.Method != gatehouse.MethodMTLS && (x.Peer.TLS == nil || len(x.Peer.TLS.PeerCertificates) == 0) {
				return unmet
			}
		case p.IsAnonymous() || !slices.Contains(u.methods, p.Method) || u.cookie && !x.Credential.Cookie:
			return unmet
		}
	}
	for _, scope := range a.scopes {
		if !p.HasScope(scope) {
			return lacksScope
		}
	}
	for _, role := range a.roles {
		if !slices.Contains(p.Roles, role) {
			return lacksScope
		}
	}
	return met
}
