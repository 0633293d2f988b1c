// Package authn turns the credential of a request into a Principal.
//
// A [Service] is made from a [Config] and a [State]; [Service.For] gives one API
// its Authenticator. It accepts access tokens as JWT (RFC 9068) or opaque, asking
// their issuer (RFC 7662), API keys, and client certificates (SPIFFE or DNS
// names); tokens may be bound to a key (DPoP, RFC 9449) or a certificate
// (RFC 8705). [Service.Requirements] checks what an operation demands of the
// credential (RFC 6750, RFC 9470), [Service.Metadata] tells clients what is
// accepted (RFC 9728), [Identity] tells upstreams who calls.
//
// # Promises
//
//   - Exactly one credential and one method: two are refused, one in the query is.
//     A client certificate is a credential only where nothing else was shown.
//   - A Principal never comes from what was not verified. "Cannot judge" is a 503
//     and distinct from "invalid", a 401.
//   - Revocations are asked for every request, remembered tokens included, and for
//     open streams. While the list cannot be read, revocation.on_unreachable
//     decides; what it said last holds in any case.
//   - A token bound to a key is good only with a proof of that key, and never as a
//     bearer token. A proof is good once, and the store of used ones refuses when
//     it is full. Without a shared store, proofs and nonces are per process.
//   - Everything that is remembered is bounded; the State survives a reload.
//   - No error, log or memo holds a secret: keys are kept as hashes, tokens as
//     hashes or within one bounded cache.
//
// An opaque token is shown to every introspection issuer that the API lists, in
// their order, until one knows it: list those only that may see it.
//
// # Files
//
// API keys and revocations are JSON lines, one object each; empty lines and lines
// beginning with # count for nothing:
//
//	{"prefix":"…","hash":"sha256:…","subject":"reports","client":"batch","scopes":["orders:read"],"roles":[],"tier":"gold","expires":"2027-01-01T00:00:00Z","attributes":{"team":"shop"}}
//	{"kind":"subject","id":"alice","issuer":"https://id.example.com","issued_before":"2026-11-21T12:00:00Z","expires":"2026-11-22T12:00:00Z","reason":"password changed"}
//
// kind is jti, subject, session or grant; an API key's jti is its prefix, a
// certificate's its x5t#S256. Both files are looked at twice a second.
//
// # Reason codes
//
// Stable, and the values of the label failure_reason:
//
//	credential.missing, credential.unsupported   nothing, or nothing of a kind that is accepted (wraps ErrNoCredential)
//	credential.multiple, credential.in_query     400
//	credential.malformed, credential.too_large
//	token.too_large, token.segments, token.encrypted, token.encoding, token.malformed, token.utf8,
//	token.trailing_data, token.too_deep, token.out_of_bounds, token.duplicate_member, token.case_folded,
//	token.crit, token.b64, token.zip, token.embedded_key, token.header, token.alg_none, token.alg_unknown,
//	token.claim_type, token.claim_value          the token's form (package jose)
//	token.no_issuer, token.issuer, token.algorithm, token.typ, token.id_token, token.event_token,
//	token.proof, token.refresh_token             not an access token of an accepted issuer
//	token.signature, token.signature_format, token.key_unfit, token.key_unknown, token.key_ambiguous
//	token.no_audience, token.audience, token.client, token.no_subject, token.no_client, token.no_id
//	token.no_expiry, token.expired, token.not_yet_valid, token.no_issued_at, token.issued_in_future, token.too_old
//	token.confirmation                           a binding that is not understood
//	token.revoked                                any credential
//	token.insufficient_scope                     403
//	token.insufficient_authentication            401, acr or auth_time
//	keys.unavailable                             503
//	introspection.inactive, introspection.issuer, introspection.audience, introspection.expired,
//	introspection.not_yet_valid, introspection.token_type
//	introspection.unreachable, introspection.answer   503
//	dpop.missing, dpop.multiple, dpop.malformed, dpop.type, dpop.algorithm, dpop.key, dpop.signature,
//	dpop.method, dpop.uri, dpop.token_hash, dpop.stale, dpop.future, dpop.nonce, dpop.replayed
//	dpop.key_mismatch, dpop.downgrade, dpop.unbound_token, dpop.required
//	dpop.replay_store_full                       503
//	binding.certificate_missing, binding.certificate_mismatch
//	api_key.unknown, api_key.expired
//	mtls.unknown                                 no allowed identity (wraps ErrNoCredential)
//	mtls.unverified, mtls.expired, mtls.ambiguous
//	revocation.unreachable                       503
//	identity.sign                                503, towards the upstream
package authn
