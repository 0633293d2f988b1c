package jose

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"slices"
)

// Bounds of RSA keys, in bits: below they are weak (RFC 7518, section 3.3), above
// they make verifying slow for everybody but the attacker.
const (
	minRSA = 2048
	maxRSA = 8192
)

// A Key verifies signatures. It is immutable.
type Key struct {
	id        string
	algorithm Algorithm // the only one it may be used with, "" where kty and crv decide
	curve     string    // "P-256" … "Ed25519", "" for RSA and HMAC
	public    crypto.PublicKey
	order     []byte // of the curve, big-endian; r and s are smaller
	secret    []byte
	// canonical is the JSON that RFC 7638 hashes, and the identity of the material.
	canonical []byte
}

// NewKey makes a key of an *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey.
// An empty id is no id; an empty algorithm leaves the choice to the key's type.
func NewKey(id string, algorithm Algorithm, public crypto.PublicKey) (*Key, error) {
	k := &Key{id: id, algorithm: algorithm, public: public}
	switch p := public.(type) {
	case *rsa.PublicKey:
		if bits := p.N.BitLen(); bits < minRSA || bits > maxRSA || p.N.Bit(0) == 0 || p.E < 3 || p.E&1 == 0 {
			return nil, errKeyWeak
		}
		k.canonical = canonical("e", b64(big.NewInt(int64(p.E)).Bytes()), "kty", "RSA", "n", b64(p.N.Bytes()))
	case *ecdsa.PublicKey:
		point, err := p.Bytes() // refuses what is not on the curve
		if err != nil {
			return nil, errKeyPoint
		}
		k.curve = p.Curve.Params().Name
		if _, ok := curveNamed(k.curve); !ok {
			return nil, errKeyType
		}
		size := (p.Curve.Params().BitSize + 7) / 8
		k.order = p.Curve.Params().N.FillBytes(make([]byte, size))
		k.canonical = canonical("crv", k.curve, "kty", "EC", "x", b64(point[1:1+size]), "y", b64(point[1+size:]))
	case ed25519.PublicKey:
		if len(p) != ed25519.PublicKeySize || smallOrder(p) {
			return nil, errKeyPoint
		}
		k.curve = "Ed25519"
		k.canonical = canonical("crv", "Ed25519", "kty", "OKP", "x", b64(p))
	default:
		return nil, errKeyType
	}
	if algorithm != "" && !k.Fits(algorithm) {
		return nil, errKeyAlg
	}
	return k, nil
}

// NewSecret makes a symmetric key for tokens that this process both makes and
// reads. The secret is at least as long as the algorithm's hash (RFC 7518, section
// 3.2).
func NewSecret(id string, algorithm Algorithm, secret []byte) (*Key, error) {
	m, ok := methodOf(algorithm)
	if !ok || m.family != hmacSHA {
		return nil, errKeyAlg
	}
	if len(secret) < m.hash.Size() {
		return nil, errKeySecret
	}
	return &Key{id: id, algorithm: algorithm, secret: bytes.Clone(secret),
		canonical: canonical("k", b64(secret), "kty", "oct")}, nil
}

// ID returns the key's "kid", "" where it has none.
func (k *Key) ID() string { return k.id }

// Algorithm returns the only algorithm the key is for, "" where its type decides.
func (k *Key) Algorithm() Algorithm { return k.algorithm }

// Public returns the public key, nil for a secret.
func (k *Key) Public() crypto.PublicKey { return k.public }

// Thumbprint returns the base64url SHA-256 thumbprint of the key (RFC 7638, RFC
// 8037 section 2): "jkt" in DPoP.
func (k *Key) Thumbprint() string {
	sum := sha256.Sum256(k.canonical)
	return b64(sum[:])
}

// Fits reports whether the key's type, curve and alg allow the algorithm.
func (k *Key) Fits(a Algorithm) bool {
	m, ok := methodOf(a)
	if !ok || (k.algorithm != "" && k.algorithm != a) {
		return false
	}
	if m.family == hmacSHA {
		return k.secret != nil
	}
	switch k.public.(type) {
	case *rsa.PublicKey:
		return m.family == rsaPKCS1 || m.family == rsaPSS
	case *ecdsa.PublicKey:
		return m.family == ecdsaFixed && m.curve == k.curve
	case ed25519.PublicKey:
		return m.family == ed25519Pure
	}
	return false
}

// lowOrder are the y coordinates, little-endian and without the sign of x, of the
// eight points whose order divides the cofactor, in every encoding that decodes
// (RFC 8032, section 5.1.3; RFC 7748, section 6.1, has their images).
var lowOrder = [...]string{
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
	"\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
	"\x26\xe8\x95\x8f\xc2\xb2\x27\xb0\x45\xc3\xf4\x89\xf2\xef\x98\xf0\xd5\xdf\xac\x05\xd3\xc6\x33\x39\xb1\x38\x02\x88\x6d\x53\xfc\x05",
	"\xc7\x17\x6a\x70\x3d\x4d\xd8\x4f\xba\x3c\x0b\x76\x0d\x10\x67\x0f\x2a\x20\x53\xfa\x2c\x39\xcc\xc6\x4e\xc7\xfd\x77\x92\xac\x03\x7a",
	"\xec\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
	"\xed\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
	"\xee\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
}

// smallOrder reports whether an Ed25519 key is a point under which one signature
// fits many messages: whoever shows it proves possession of nothing.
func smallOrder(p ed25519.PublicKey) bool {
	y := [ed25519.PublicKeySize]byte(p)
	y[31] &= 0x7f
	return slices.Contains(lowOrder[:], string(y[:]))
}

// same reports whether two keys are of one material.
func (k *Key) same(other *Key) bool { return bytes.Equal(k.canonical, other.canonical) }

// ParseKey reads one public JWK (RFC 7517, section 4) strictly. It refuses
// private and symmetric keys, keys that are not for verifying signatures, weak RSA
// keys and points off their curve. Certificates in it are not looked at.
func ParseKey(jwk string) (*Key, error) {
	m, _, err := readObject(jwk)
	if err != nil {
		return nil, err
	}
	return keyFrom(m)
}

var (
	registeredKeys = []string{"kty", "use", "key_ops", "alg", "kid", "crv", "x", "y", "n", "e", "d", "k"}
	privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "priv"}
)

func keyFrom(jwk Claims) (*Key, error) {
	if folded(jwk, registeredKeys) {
		return nil, errCaseFolded
	}
	for _, name := range privateMembers {
		if jwk.Has(name) {
			return nil, errKeyPrivate
		}
	}
	if err := checkUse(jwk); err != nil {
		return nil, err
	}
	id, hasID, err := jwk.String("kid")
	if err != nil || (hasID && id == "") {
		return nil, errKeyShape
	}
	alg, hasAlg, err := jwk.String("alg")
	if err != nil {
		return nil, errKeyShape
	}
	if hasAlg && !Algorithm(alg).Known() {
		return nil, errKeyAlg
	}
	public, err := publicFrom(jwk)
	if err != nil {
		return nil, err
	}
	return NewKey(id, Algorithm(alg), public)
}

// checkUse reads "use" and "key_ops" (RFC 7517, sections 4.2 and 4.3).
func checkUse(jwk Claims) error {
	use, ok, err := jwk.String("use")
	if err != nil {
		return errKeyShape
	}
	if ok && use != "sig" {
		return errKeyUse
	}
	ops, ok, err := jwk.Strings("key_ops")
	if err != nil {
		return errKeyShape
	}
	if !ok {
		return nil
	}
	verify := 0
	for _, op := range ops {
		if op == "verify" {
			verify++
		}
	}
	if verify != 1 {
		return errKeyUse
	}
	return nil
}

func publicFrom(jwk Claims) (crypto.PublicKey, error) {
	kty, _, err := jwk.String("kty")
	if err != nil {
		return nil, errKeyShape
	}
	switch kty {
	case "RSA":
		return rsaFrom(jwk)
	case "EC":
		return ecFrom(jwk)
	case "OKP":
		if crv, _, _ := jwk.String("crv"); crv != "Ed25519" {
			return nil, errKeyType
		}
		x, err := octets(jwk, "x")
		if err != nil {
			return nil, err
		}
		if len(x) != ed25519.PublicKeySize {
			return nil, errKeyPoint
		}
		return ed25519.PublicKey(x), nil
	case "oct":
		return nil, errKeySymmetric
	case "":
		return nil, errKeyShape
	}
	return nil, errKeyType
}

func rsaFrom(jwk Claims) (crypto.PublicKey, error) {
	n, err := octets(jwk, "n")
	if err != nil {
		return nil, err
	}
	e, err := octets(jwk, "e")
	if err != nil {
		return nil, err
	}
	exponent := new(big.Int).SetBytes(e)
	if exponent.BitLen() > 31 {
		return nil, errKeyWeak
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(exponent.Int64())}, nil
}

func ecFrom(jwk Claims) (crypto.PublicKey, error) {
	crv, _, _ := jwk.String("crv")
	curve, ok := curveNamed(crv)
	if !ok {
		return nil, errKeyType
	}
	x, err := octets(jwk, "x")
	if err != nil {
		return nil, err
	}
	y, err := octets(jwk, "y")
	if err != nil {
		return nil, err
	}
	// RFC 7518, section 6.2.1.2: coordinates are as long as the field.
	if size := (curve.Params().BitSize + 7) / 8; len(x) != size || len(y) != size {
		return nil, errKeyPoint
	}
	point := append(append([]byte{4}, x...), y...)
	public, err := ecdsa.ParseUncompressedPublicKey(curve, point)
	if err != nil {
		return nil, errKeyPoint
	}
	return public, nil
}

func curveNamed(name string) (elliptic.Curve, bool) {
	switch name {
	case "P-256":
		return elliptic.P256(), true
	case "P-384":
		return elliptic.P384(), true
	case "P-521":
		return elliptic.P521(), true
	}
	return nil, false
}

// octets reads a base64url member.
func octets(jwk Claims, name string) ([]byte, error) {
	s, ok, err := jwk.String(name)
	if err != nil || !ok || s == "" {
		return nil, errKeyShape
	}
	b, err := decode(s, 0)
	if err != nil {
		return nil, errKeyShape
	}
	return b, nil
}

// canonical writes an object of string members, already in order (RFC 7638,
// section 3.3). The values need no escaping.
func canonical(pairs ...string) []byte {
	b := []byte{'{'}
	for i := 0; i < len(pairs); i += 2 {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, pairs[i]...)
		b = append(b, `":"`...)
		b = append(b, pairs[i+1]...)
		b = append(b, '"')
	}
	return append(b, '}')
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// MarshalJSON writes the public JWK with use "sig". A secret is refused.
func (k *Key) MarshalJSON() ([]byte, error) {
	if k.public == nil {
		return nil, errKeySymmetric
	}
	var m map[string]string
	if err := json.Unmarshal(k.canonical, &m); err != nil {
		return nil, err
	}
	m["use"] = "sig"
	if k.id != "" {
		m["kid"] = k.id
	}
	if k.algorithm != "" {
		m["alg"] = string(k.algorithm)
	}
	return json.Marshal(m)
}
