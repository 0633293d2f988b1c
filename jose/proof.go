package jose

import "github.com/gatehouse/gatehouse"

// ParseProof takes a DPoP proof apart (RFC 9449, section 4.2): a JWS of typ
// dpop+jwt whose header brings the public key it is signed with. The key fits the
// algorithm, which is asymmetric, and shows no private half.
//
// As with [Parse], nothing is true before Token.Verify returned nil for the
// returned key; and then it proves no more than possession of that key. Whoever
// asks compares the key's [Key.Thumbprint] with what the access token says.
func ParseProof(proof string, limit int) (*Token, *Key, error) {
	t, err := parse(proof, limit)
	if err != nil {
		return nil, nil, err
	}
	if !gatehouse.EqualFold(t.Header.Type, "dpop+jwt") {
		return nil, nil, errProofType
	}
	if t.Header.Algorithm.Symmetric() {
		return nil, nil, errProofKey
	}
	jwk, ok := t.Header.jwk.(map[string]any)
	if !ok {
		return nil, nil, errProofKey
	}
	k, err := keyFrom(jwk)
	if err != nil || !k.Fits(t.Header.Algorithm) {
		return nil, nil, errProofKey
	}
	return t, k, nil
}
