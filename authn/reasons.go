package authn

import (
	"net/http"

	"github.com/gatehouse/gatehouse"
)

// The refusals that need no detail are made once: refusing costs no allocation,
// and nobody changes them. doc.go lists every code.
var (
	errNoCredential = &gatehouse.Error{Code: "credential.missing", Status: http.StatusUnauthorized,
		Message: "no credential was shown", Err: gatehouse.ErrNoCredential}
	errOtherScheme = &gatehouse.Error{Code: "credential.unsupported", Status: http.StatusUnauthorized,
		Message: "the credential is of a kind this API does not accept", Err: gatehouse.ErrNoCredential}
	errMultiple       = refusal(http.StatusBadRequest, "credential.multiple", "more than one credential was shown")
	errInQuery        = refusal(http.StatusBadRequest, "credential.in_query", "an access token stands in the query")
	errMalformed      = refusal(http.StatusUnauthorized, "credential.malformed", "the credential is not well formed")
	errCredentialSize = refusal(http.StatusUnauthorized, "credential.too_large", "the credential is too long")

	errKeyUnknown = refusal(http.StatusUnauthorized, "api_key.unknown", "no such API key")
	errKeyExpired = refusal(http.StatusUnauthorized, "api_key.expired", "the API key has expired")

	errMTLSUnverified = refusal(http.StatusUnauthorized, "mtls.unverified", "the client certificate was not verified")
	errMTLSExpired    = refusal(http.StatusUnauthorized, "mtls.expired", "the client certificate is outside its validity")
	errMTLSAmbiguous  = refusal(http.StatusUnauthorized, "mtls.ambiguous", "the client certificate names more than one identity")
	errMTLSUnknown    = &gatehouse.Error{Code: "mtls.unknown", Status: http.StatusUnauthorized,
		Message: "the client certificate names no allowed identity", Err: gatehouse.ErrNoCredential}

	errBindingMissing  = refusal(http.StatusUnauthorized, "binding.certificate_missing", "the token is bound to a certificate and none was shown")
	errBindingMismatch = refusal(http.StatusUnauthorized, "binding.certificate_mismatch", "the token is bound to another certificate")

	errProofMissing   = refusal(http.StatusUnauthorized, "dpop.missing", "the DPoP scheme needs a proof")
	errProofMultiple  = refusal(http.StatusUnauthorized, "dpop.multiple", "more than one DPoP proof was shown")
	errProofMalformed = refusal(http.StatusUnauthorized, "dpop.malformed", "the DPoP proof is not well formed")
	errProofType      = refusal(http.StatusUnauthorized, "dpop.type", "the DPoP proof's typ is not dpop+jwt")
	errProofAlgorithm = refusal(http.StatusUnauthorized, "dpop.algorithm", "the DPoP proof's algorithm is not allowed")
	errProofKey       = refusal(http.StatusUnauthorized, "dpop.key", "the DPoP proof's jwk is not a public key for its algorithm")
	errProofSignature = refusal(http.StatusUnauthorized, "dpop.signature", "the DPoP proof's signature is wrong")
	errProofMethod    = refusal(http.StatusUnauthorized, "dpop.method", "the DPoP proof is for another method")
	errProofURI       = refusal(http.StatusUnauthorized, "dpop.uri", "the DPoP proof is for another URI")
	errProofToken     = refusal(http.StatusUnauthorized, "dpop.token_hash", "the DPoP proof is for another access token")
	errProofStale     = refusal(http.StatusUnauthorized, "dpop.stale", "the DPoP proof is too old")
	errProofFuture    = refusal(http.StatusUnauthorized, "dpop.future", "the DPoP proof comes from the future")
	errProofNonce     = refusal(http.StatusUnauthorized, "dpop.nonce", "the DPoP proof needs the server's nonce")
	errProofReplayed  = refusal(http.StatusUnauthorized, "dpop.replayed", "the DPoP proof was used before")
	errReplayFull     = refusal(http.StatusServiceUnavailable, "dpop.replay_store_full", "the store of used DPoP proofs is full")
	errBoundElsewhere = refusal(http.StatusUnauthorized, "dpop.key_mismatch", "the token is bound to another key")
	errDowngrade      = refusal(http.StatusUnauthorized, "dpop.downgrade", "a token bound to a key was shown as a bearer token")
	errUnbound        = refusal(http.StatusUnauthorized, "dpop.unbound_token", "the token is bound to no key")
	errProofRequired  = refusal(http.StatusUnauthorized, "dpop.required", "only tokens bound to a key are accepted")

	errInactive            = refusal(http.StatusUnauthorized, "introspection.inactive", "the issuer says the token is not active")
	errIntrospectIssuer    = refusal(http.StatusUnauthorized, "introspection.issuer", "the issuer says the token is from another issuer")
	errIntrospectAudience  = refusal(http.StatusUnauthorized, "introspection.audience", "the token is for another audience")
	errIntrospectExpired   = refusal(http.StatusUnauthorized, "introspection.expired", "the token has expired")
	errIntrospectEarly     = refusal(http.StatusUnauthorized, "introspection.not_yet_valid", "the token is not valid yet")
	errIntrospectTokenType = refusal(http.StatusUnauthorized, "introspection.token_type", "the token is not an access token")

	errTokenExpired = refusal(http.StatusUnauthorized, "token.expired", "the token has expired")
	errRevoked      = refusal(http.StatusUnauthorized, "token.revoked", "the credential was revoked")
)

// Codes that are used with a detail of their own.
const (
	codeIntrospectUnreachable = "introspection.unreachable"
	codeIntrospectAnswer      = "introspection.answer"
	codeRevocationUnreachable = "revocation.unreachable"
	codeRevocationFull        = "revocation.full"
	codeScope                 = "token.insufficient_scope"
	codeAuthentication        = "token.insufficient_authentication"
	codeIdentity              = "identity.sign"
)

func refusal(status int, code, message string) *gatehouse.Error {
	return &gatehouse.Error{Code: code, Status: status, Message: message}
}
