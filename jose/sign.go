package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/gatehouse/gatehouse"
)

// A SigningKey makes signatures with one algorithm. It prints as nothing but its
// public half.
type SigningKey struct {
	private any
	public  *Key
}

// NewSigningKey makes a signing key of an *rsa.PrivateKey, *ecdsa.PrivateKey,
// ed25519.PrivateKey, or a []byte for HMAC. An empty id stands for the key's
// thumbprint (for HMAC, for none).
func NewSigningKey(id string, algorithm Algorithm, private any) (*SigningKey, error) {
	if secret, ok := private.([]byte); ok {
		k, err := NewSecret(id, algorithm, secret)
		if err != nil {
			return nil, err
		}
		return &SigningKey{private: k.secret, public: k}, nil
	}
	signer, ok := private.(crypto.Signer)
	if !ok || algorithm == "" {
		return nil, errKeyType
	}
	k, err := NewKey(id, algorithm, signer.Public())
	if err != nil {
		return nil, err
	}
	if id == "" {
		k.id = k.Thumbprint()
	}
	return &SigningKey{private: private, public: k}, nil
}

// GenerateKey makes a fresh signing key: RSA of 2048 bits, the algorithm's curve,
// or a secret as long as the hash.
func GenerateKey(id string, algorithm Algorithm) (*SigningKey, error) {
	m, ok := methodOf(algorithm)
	if !ok {
		return nil, errKeyAlg
	}
	var private any
	var err error
	switch m.family {
	case rsaPKCS1, rsaPSS:
		private, err = rsa.GenerateKey(rand.Reader, minRSA)
	case ecdsaFixed:
		var curve elliptic.Curve
		curve, _ = curveNamed(m.curve)
		private, err = ecdsa.GenerateKey(curve, rand.Reader)
	case ed25519Pure:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	case hmacSHA:
		secret := make([]byte, m.hash.Size())
		_, err = rand.Read(secret)
		private = secret
	}
	if err != nil {
		return nil, &gatehouse.Error{Code: "key.generate", Message: "no key was made", Err: err}
	}
	return NewSigningKey(id, algorithm, private)
}

// Public returns the half that verifies. For HMAC that is the secret itself.
func (s *SigningKey) Public() *Key { return s.public }

// Algorithm returns the algorithm the key signs with.
func (s *SigningKey) Algorithm() Algorithm { return s.public.algorithm }

// String keeps the private half out of logs.
func (s *SigningKey) String() string { return "signing key " + s.public.id }

// Sign makes a compact JWS over claims, which are marshalled as JSON. The header
// has alg, the key's kid where it has one, and the given parameters: "typ", say,
// or for a DPoP proof "jwk" with [SigningKey.Public]. A kid of nil in header leaves
// kid out.
func Sign(key *SigningKey, header map[string]any, claims any) (string, error) {
	opts := &gojose.SignerOptions{}
	kid := key.public.id
	for name, v := range header {
		switch name {
		case "kid":
			kid, _ = v.(string)
		case "alg":
			return "", errHeader
		default:
			if k, ok := v.(*Key); ok {
				if k.public == nil {
					return "", errKeySymmetric
				}
				v = json.RawMessage(k.canonical) // the bare material: RFC 9449, section 4.2
			}
			opts.WithHeader(gojose.HeaderKey(name), v)
		}
	}
	if kid != "" {
		opts.WithHeader("kid", kid)
	}
	signer, err := gojose.NewSigner(gojose.SigningKey{
		Algorithm: gojose.SignatureAlgorithm(key.public.algorithm),
		Key:       key.private,
	}, opts)
	if err != nil {
		return "", &gatehouse.Error{Code: "token.sign", Message: "the token was not signed", Err: err}
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", &gatehouse.Error{Code: "token.sign", Message: "the claims are not JSON", Err: err}
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		return "", &gatehouse.Error{Code: "token.sign", Message: "the token was not signed", Err: err}
	}
	return jws.CompactSerialize()
}
