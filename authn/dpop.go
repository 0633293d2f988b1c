package authn

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/jose"
)

const (
	// proofSkew is how far a proof's clock may be ahead.
	proofSkew = 5 * time.Second
	// replaySlack covers requests whose head was read before another's, and which
	// are judged after it: the store forgets that much later.
	replaySlack = 10 * time.Second
	maxProofID  = 256 // bytes of jti
	maxProofAge = 10 * time.Minute
)

// proofAlgorithms are published in challenges and metadata, too.
var proofAlgorithms = []string{"ES256", "ES384", "EdDSA", "PS256", "RS256"}

// A prover checks DPoP proofs (RFC 9449, section 4.3).
type prover struct {
	window proofWindow
	store  *replayStore
	limit  int          // of the store
	nonces *nonceSource // nil where none is demanded
}

// check demands exactly one valid proof for this request, this token and the key
// whose thumbprint is jkt. What costs least is looked at first; a proof is marked
// as used only when all else is right, so that nobody fills the store for free.
func (p *prover) check(r *gatehouse.Request, s *shown, jkt string, now time.Time) error {
	switch {
	case s.proofs == 0:
		return errProofMissing
	case s.proofs > 1:
		return errProofMultiple
	}
	t, key, err := jose.ParseProof(s.proof, maxProof)
	if err != nil {
		return proofError(err)
	}
	if !proofAlgorithm(t.Header.Algorithm) {
		return errProofAlgorithm
	}
	thumbprint := key.Thumbprint()
	if subtle.ConstantTimeCompare([]byte(thumbprint), []byte(jkt)) != 1 {
		return errBoundElsewhere
	}
	jti, err := checkProofClaims(t.Claims, r, s.secret, now, &p.window)
	if err != nil {
		return err
	}
	// A wrong nonce is told only to who can sign: the signature comes first.
	if err := t.Verify(key); err != nil {
		return errProofSignature
	}
	if p.nonces != nil {
		nonce, _, err := t.Claims.String("nonce")
		if err != nil || !p.nonces.valid(nonce, now) {
			return errProofNonce
		}
	}
	return p.store.use(newProofID(thumbprint, jti), p.limit, now, now.Add(p.window.age+proofSkew+replaySlack))
}

func newProofID(thumbprint, jti string) proofID {
	sum := hashOf(thumbprint + "\x00" + jti)
	return proofID(sum[:16])
}

func proofAlgorithm(a jose.Algorithm) bool {
	for _, name := range proofAlgorithms {
		if name == string(a) {
			return true
		}
	}
	return false
}

// proofError gives the parser's refusal a name among the proof's own.
func proofError(err error) error {
	var e *gatehouse.Error
	if !errors.As(err, &e) {
		return errProofMalformed
	}
	switch e.Code {
	case "token.proof_type":
		return errProofType
	case "token.proof_key":
		return errProofKey
	case "token.alg_none", "token.alg_unknown":
		return errProofAlgorithm
	}
	return &gatehouse.Error{Code: errProofMalformed.Code, Status: http.StatusUnauthorized, Message: errProofMalformed.Message, Err: err}
}

// checkProofClaims compares what the proof says with the request, and returns its
// jti.
func checkProofClaims(c jose.Claims, r *gatehouse.Request, token string, now time.Time, window *proofWindow) (jti string, err error) {
	jti, _, err = c.String("jti")
	if err != nil || jti == "" || len(jti) > maxProofID {
		return "", errProofMalformed
	}
	if htm, _, err := c.String("htm"); err != nil || htm != r.Method {
		return "", errProofMethod
	}
	htu, _, err := c.String("htu")
	if err != nil || !sameURI(htu, r) {
		return "", errProofURI
	}
	ath, _, err := c.String("ath")
	if err != nil || !isHashOf(ath, token) {
		return "", errProofToken
	}
	iat, ok, err := c.Time("iat")
	switch {
	case err != nil || !ok:
		return "", errProofMalformed
	case iat.After(now.Add(proofSkew)):
		return "", errProofFuture
	case iat.Before(window.oldest(iat, now)):
		return "", errProofStale
	}
	// Proofs need no exp and nbf, but what stands there counts (RFC 7519).
	if exp, ok, err := c.Time("exp"); err != nil {
		return "", errProofMalformed
	} else if ok && !now.Before(exp) {
		return "", errProofStale
	}
	if nbf, ok, err := c.Time("nbf"); err != nil {
		return "", errProofMalformed
	} else if ok && nbf.After(now.Add(proofSkew)) {
		return "", errProofFuture
	}
	return jti, nil
}

// isHashOf reports whether ath is base64url(SHA-256(token)).
func isHashOf(ath, token string) bool {
	sum := hashOf(token)
	var want [43]byte
	base64.RawURLEncoding.Encode(want[:], sum[:])
	return subtle.ConstantTimeCompare(want[:], []byte(ath)) == 1
}

// sameURI compares htu with the request's URI after syntax- and scheme-based
// normalising (RFC 3986, section 6.2). htu has neither query nor fragment.
func sameURI(htu string, r *gatehouse.Request) bool {
	if strings.ContainsAny(htu, "?#") {
		return false
	}
	scheme, rest, ok := strings.Cut(htu, "://")
	if !ok || !gatehouse.EqualFold(scheme, r.Scheme) {
		return false
	}
	authority, path := rest, "/"
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	if !gatehouse.EqualFold(withoutDefaultPort(authority, scheme), withoutDefaultPort(r.Authority, scheme)) {
		return false
	}
	want := r.Path
	if want == "" {
		want = "/"
	}
	return samePath(path, want)
}

func withoutDefaultPort(authority, scheme string) string {
	port := ":443"
	if gatehouse.EqualFold(scheme, "http") {
		port = ":80"
	}
	return strings.TrimSuffix(authority, port)
}

// samePath compares two escaped paths octet by octet. However an octet is
// spelled, it is the same, save a slash: an encoded one separates nothing.
func samePath(a, b string) bool {
	for a != "" && b != "" {
		x, encodedX, restX := octet(a)
		y, encodedY, restY := octet(b)
		if x != y || x == '/' && encodedX != encodedY {
			return false
		}
		a, b = restX, restY
	}
	return a == b
}

func octet(s string) (c byte, encoded bool, rest string) {
	if s[0] == '%' && len(s) >= 3 {
		if hi, lo := unhex(s[1]), unhex(s[2]); hi|lo < 16 {
			return hi<<4 | lo, true, s[3:]
		}
	}
	return s[0], false, s[1:]
}
