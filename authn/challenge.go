package authn

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
)

// challenges are the parts of WWW-Authenticate that do not change (RFC 9110,
// section 11.6.1); an empty one is not offered.
type challenges struct {
	bearer   bool
	dpop     bool
	key      string
	cert     string
	metadata string // resource_metadata="…" (RFC 9728, section 5.1)
	algs     string
}

// prepareChallenges fixes what c asks for.
func (c *chain) prepareChallenges(api APIOptions) {
	ch := &c.challenges
	if c.where.tokens || c.where.cookie != "" {
		ch.dpop = true
		ch.bearer = !c.requireBound
		ch.algs = param("algs", strings.Join(proofAlgorithms, " "))
		if u := MetadataURL(api.Resource); u != "" {
			ch.metadata = param("resource_metadata", u)
		}
	}
	if c.keys != nil {
		// RFC 9110 demands a challenge of every 401; API keys have no registered one.
		ch.key = "APIKey " + param("header", c.where.keyHeader)
	}
	if c.mtls {
		ch.cert = "ClientCertificate"
	}
}

// Challenge implements gatehouse.Challenger. A refusal of a token says what was
// wrong in the words of RFC 6750, section 3.1, RFC 9449, section 7.1, and RFC
// 9470, section 3, and no more.
func (c *chain) Challenge(x *gatehouse.Exchange, status int, r gatehouse.Reason) []gatehouse.Field {
	if status != http.StatusUnauthorized && r.Code != codeScope {
		return nil
	}
	ch := &c.challenges
	why := oauthError(x, r.Code)
	more := requirementParams(x.Operation, r.Code)
	fields := make([]gatehouse.Field, 0, 5)
	offer := func(value string) {
		fields = append(fields, gatehouse.Field{Name: "WWW-Authenticate", Value: value})
	}
	withDPoP := x.Credential.Scheme == "DPoP" || !ch.bearer
	if ch.dpop {
		e := ""
		if withDPoP {
			e = why
		}
		offer(join("DPoP ", ch.algs, errorParams(e), more, ch.metadata))
	}
	if ch.bearer {
		e := ""
		if !withDPoP {
			e = why
		}
		offer(join("Bearer ", errorParams(e), more, ch.metadata))
	}
	if status == http.StatusUnauthorized && ch.key != "" {
		offer(ch.key)
	}
	if status == http.StatusUnauthorized && ch.cert != "" {
		offer(ch.cert)
	}
	if n := c.service.prover.nonces; n != nil && ch.dpop && x.Credential.Scheme == "DPoP" {
		fields = append(fields, n.issue(x.Start).fields...)
	}
	return fields
}

// oauthError returns the error code of a refusal, "" where no token was shown:
// who has shown nothing is told what to show (RFC 6750, section 3.1).
func oauthError(x *gatehouse.Exchange, code string) string {
	switch {
	case code == codeScope:
		return "insufficient_scope"
	case code == codeAuthentication:
		return "insufficient_user_authentication"
	case x.Credential.Scheme == "" || strings.HasPrefix(code, "access."):
		return ""
	case code == errProofNonce.Code:
		return "use_dpop_nonce"
	case code == errBoundElsewhere.Code || code == errDowngrade.Code || code == errUnbound.Code || code == errProofRequired.Code:
		return "invalid_token"
	case strings.HasPrefix(code, "dpop."):
		return "invalid_dpop_proof"
	}
	return "invalid_token"
}

var errorTexts = map[string]string{
	"invalid_token":                    "the access token is not valid",
	"invalid_dpop_proof":               "the DPoP proof is not valid",
	"use_dpop_nonce":                   "the DPoP proof needs the nonce of this resource server",
	"insufficient_scope":               "the access token grants too little",
	"insufficient_user_authentication": "a stronger or more recent authentication is required",
}

func errorParams(code string) string {
	if code == "" {
		return ""
	}
	return param("error", code) + ", " + param("error_description", errorTexts[code])
}

// requirementParams says what the operation demands.
func requirementParams(op *gatehouse.Operation, code string) string {
	if op == nil {
		return ""
	}
	var parts []string
	if len(op.Scopes) > 0 {
		parts = append(parts, param("scope", strings.Join(op.Scopes, " ")))
	}
	if code == codeAuthentication {
		if len(op.ACR) > 0 {
			parts = append(parts, param("acr_values", strings.Join(op.ACR, " ")))
		}
		if op.MaxAge > 0 {
			parts = append(parts, param("max_age", strconv.FormatInt(int64(op.MaxAge/time.Second), 10)))
		}
	}
	return strings.Join(parts, ", ")
}

// param writes name="value". A control character never gets into a header.
func param(name, value string) string {
	var b strings.Builder
	b.WriteString(name)
	b.WriteString(`="`)
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < 0x20 || c >= 0x7f:
			b.WriteByte('?')
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// join puts the parameters that are not empty behind a scheme.
func join(scheme string, params ...string) string {
	var b strings.Builder
	b.WriteString(scheme)
	n := 0
	for _, p := range params {
		if p == "" {
			continue
		}
		if n > 0 {
			b.WriteString(", ")
		}
		b.WriteString(p)
		n++
	}
	return strings.TrimSuffix(b.String(), " ")
}
