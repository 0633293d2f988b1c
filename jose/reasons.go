package jose

import (
	"net/http"

	"github.com/gatehouse/gatehouse"
)

// The reasons are made once: refusing a bad token allocates nothing for them, and
// their text holds nothing that the token said.
var (
	errTooLarge     = refusal("token.too_large", "the token is longer than the limit")
	errSegments     = refusal("token.segments", "a token is exactly three segments")
	errEncrypted    = refusal("token.encrypted", "an encrypted token (JWE) is not expected here")
	errEncoding     = refusal("token.encoding", "a segment is not canonical unpadded base64url")
	errJSON         = refusal("token.malformed", "a segment is not a JSON object")
	errUTF8         = refusal("token.utf8", "the JSON is not valid UTF-8 or holds a lone surrogate")
	errTrailing     = refusal("token.trailing_data", "bytes follow the JSON object")
	errDepth        = refusal("token.too_deep", "the JSON is nested too deeply")
	errBounds       = refusal("token.out_of_bounds", "the JSON holds too many values or too long a number")
	errDuplicate    = refusal("token.duplicate_member", "a member name occurs twice in one JSON object")
	errCaseFolded   = refusal("token.case_folded", "a member name differs from a registered one in case only")
	errCrit         = refusal("token.crit", "critical header extensions are not supported")
	errB64          = refusal("token.b64", "the header names b64 (RFC 7797)")
	errZip          = refusal("token.zip", "the header names zip")
	errEmbeddedKey  = refusal("token.embedded_key", "the header brings a key of its own")
	errHeader       = refusal("token.header", "a header parameter is missing or has the wrong type")
	errAlgNone      = refusal("token.alg_none", "the token is not signed")
	errAlgUnknown   = refusal("token.alg_unknown", "the header names no known signature algorithm")
	errClaimType    = refusal("token.claim_type", "a claim has the wrong type")
	errSignature    = refusal("token.signature", "the signature does not match")
	errSigFormat    = refusal("token.signature_format", "the signature has the wrong length or is out of range")
	errKeyUnfit     = refusal("token.key_unfit", "the key is not for this algorithm or use")
	errKeyUnknown   = refusal("token.key_unknown", "the key set holds no key of this kid")
	errKeyAmbiguous = refusal("token.key_ambiguous", "several keys fit and nothing tells which")
	errProofType    = refusal("token.proof_type", "the typ of a proof is dpop+jwt")
	errProofKey     = refusal("token.proof_key", "a proof brings exactly one public key, fit for its algorithm")
)

func refusal(code, message string) *gatehouse.Error {
	return &gatehouse.Error{Code: code, Message: message, Status: http.StatusUnauthorized}
}

// Reasons about keys, where a key set is read.
var (
	errSetSize      = badKey("keys.too_large", "the key set is longer than the limit")
	errSetShape     = badKey("keys.malformed", "a key set is a JSON object with an array of keys (RFC 7517, section 5)")
	errSetCount     = badKey("keys.too_many", "the key set holds too many keys")
	errKeyShape     = badKey("key.malformed", "a key member is missing or has the wrong type")
	errKeyType      = badKey("key.type", "the key type or curve is not supported")
	errKeyUse       = badKey("key.use", "the key is not for verifying signatures")
	errKeyAlg       = badKey("key.alg", "the key's alg does not fit its type")
	errKeyWeak      = badKey("key.weak", "an RSA key needs 2048 to 8192 bits and an odd exponent of 3 or more")
	errKeyPoint     = badKey("key.point", "the key is not a point on its curve, or one of small order")
	errKeyPrivate   = badKey("key.private", "the key shows its private half")
	errKeySymmetric = badKey("key.symmetric", "a published key cannot be symmetric")
	errKeySecret    = badKey("key.secret", "a secret is at least as long as the hash")
)

func badKey(code, message string) *gatehouse.Error {
	return &gatehouse.Error{Code: code, Message: message}
}
