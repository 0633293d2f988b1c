// Package authn turns the credential of a request into a Principal.
//
// A [Service] is made from a [Config] and a [State]; [Service.For] gives one API
// its Authenticator. It accepts access tokens as JWT (RFC 9068) or opaque, asking
// their issuer (RFC 7662), API keys, and client certificates (SPIFFE or DNS
// names); tokens may be bound to a key (DPoP, RFC 9449) or a certificate
// (RFC 8705).
package authn
