// Package jose reads, verifies and makes JSON Web Tokens (RFC 7515, 7517, 7518,
// 7519, 7638, 8037, 8725), strictly and on the standard library's cryptography.
//
// [Parse] takes a compact JWS apart and refuses, each with a reason code of its
// own, whatever two readers could read differently: stray bytes, non-zero
// trailing bits, duplicate members, names that differ from a registered one in
// case only, invalid UTF-8, lone surrogates, trailing data, depth and number
// out of bounds. Extensions that would change the meaning of the token (crit,
// b64, zip, enc) are refused, keys that it brings along are never used.
//
// Nothing in a [Token] is true until [Token.Verify] returned nil for a [Key]
// that its reader trusts: a [KeySet] finds it by kid and algorithm. The key
// decides what it is for (kty, crv, use, key_ops, alg); the token only chooses
// among what fits.
//
// HMAC is for keys made by this process ([NewSecret]); a key set never holds
// one. Signing is in sign.go, on go-jose.
package jose
