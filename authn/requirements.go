package authn

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// RequirementsName is the name of the Control that checks an operation's scopes,
// authentication contexts and age of login.
const RequirementsName = "authn.requirements"

// Requirements returns the Control "authn.requirements". It denies with 403
// token.insufficient_scope (RFC 6750, section 3.1) or 401
// token.insufficient_authentication (RFC 9470); it permits nothing. To a caller
// with DPoP it gives the next nonce, where nonces are in use.
func (s *Service) Requirements() gatehouse.Control { return requirements{s.prover.nonces} }

type requirements struct{ nonces *nonceSource }

func (requirements) Name() string { return RequirementsName }

// Check implements gatehouse.Control.
func (q requirements) Check(_ context.Context, x *gatehouse.Exchange) (gatehouse.Verdict, error) {
	if op := x.Operation; op != nil && (len(op.Scopes) > 0 || len(op.ACR) > 0 || op.MaxAge > 0) {
		if v, ok := missing(op, x); !ok {
			return v, nil
		}
	}
	v := gatehouse.Passed()
	if q.nonces != nil && x.Credential.Scheme == "DPoP" {
		v.Edits.Response = q.nonces.issue(x.Start).fields
	}
	return v, nil
}

// missing returns the denial for the first thing that op demands and the caller
// lacks. Authentication goes first: a stronger one may bring the scopes along.
func missing(op *gatehouse.Operation, x *gatehouse.Exchange) (gatehouse.Verdict, bool) {
	p := x.Principal
	deny := func(status int, code, message string) (gatehouse.Verdict, bool) {
		return gatehouse.Denied(status, gatehouse.Reason{Code: code, Message: message, At: op.At}), false
	}
	if p.IsAnonymous() {
		return deny(http.StatusUnauthorized, errNoCredential.Code, "the operation has requirements and nobody was identified")
	}
	if len(op.ACR) > 0 && !slices.Contains(op.ACR, p.ACR) {
		return deny(http.StatusUnauthorized, codeAuthentication, "the login's acr is none of "+strings.Join(op.ACR, " "))
	}
	if op.MaxAge > 0 && (p.AuthTime.IsZero() || x.Start.Sub(p.AuthTime) > op.MaxAge) {
		return deny(http.StatusUnauthorized, codeAuthentication, "the login is older than "+op.MaxAge.String()+" or of unknown age")
	}
	for _, scope := range op.Scopes {
		if !p.HasScope(scope) {
			return deny(http.StatusForbidden, codeScope, "the scope "+scope+" is missing")
		}
	}
	return gatehouse.Verdict{}, true
}
