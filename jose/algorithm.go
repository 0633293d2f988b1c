package jose

import (
	"crypto"
	_ "crypto/sha256" // the hashes that the algorithms name
	_ "crypto/sha512"
)

// Algorithm is a JWS "alg" (RFC 7518, section 3.1; RFC 8037, section 3.1).
// Comparison is exact.
type Algorithm string

// The algorithms this package verifies.
const (
	RS256 Algorithm = "RS256"
	RS384 Algorithm = "RS384"
	RS512 Algorithm = "RS512"
	PS256 Algorithm = "PS256"
	PS384 Algorithm = "PS384"
	PS512 Algorithm = "PS512"
	ES256 Algorithm = "ES256"
	ES384 Algorithm = "ES384"
	ES512 Algorithm = "ES512"
	EdDSA Algorithm = "EdDSA" // Ed25519 only
	HS256 Algorithm = "HS256"
	HS384 Algorithm = "HS384"
	HS512 Algorithm = "HS512"
)

// family says what kind of key an algorithm needs.
type family uint8

const (
	rsaPKCS1 family = iota + 1
	rsaPSS
	ecdsaFixed
	ed25519Pure
	hmacSHA
)

type method struct {
	family family
	hash   crypto.Hash
	curve  string // "P-256" …, for ECDSA and Ed25519
}

// methodOf is a switch and no map: it stands on the path of every token.
func methodOf(a Algorithm) (method, bool) {
	switch a {
	case RS256:
		return method{rsaPKCS1, crypto.SHA256, ""}, true
	case RS384:
		return method{rsaPKCS1, crypto.SHA384, ""}, true
	case RS512:
		return method{rsaPKCS1, crypto.SHA512, ""}, true
	case PS256:
		return method{rsaPSS, crypto.SHA256, ""}, true
	case PS384:
		return method{rsaPSS, crypto.SHA384, ""}, true
	case PS512:
		return method{rsaPSS, crypto.SHA512, ""}, true
	case ES256:
		return method{ecdsaFixed, crypto.SHA256, "P-256"}, true
	case ES384:
		return method{ecdsaFixed, crypto.SHA384, "P-384"}, true
	case ES512:
		return method{ecdsaFixed, crypto.SHA512, "P-521"}, true
	case EdDSA:
		return method{ed25519Pure, 0, "Ed25519"}, true
	case HS256:
		return method{hmacSHA, crypto.SHA256, ""}, true
	case HS384:
		return method{hmacSHA, crypto.SHA384, ""}, true
	case HS512:
		return method{hmacSHA, crypto.SHA512, ""}, true
	}
	return method{}, false
}

// Known reports whether this package can verify a.
func (a Algorithm) Known() bool {
	_, ok := methodOf(a)
	return ok
}

// Symmetric reports whether whoever can verify a can also sign: HMAC.
func (a Algorithm) Symmetric() bool {
	m, _ := methodOf(a)
	return m.family == hmacSHA
}
