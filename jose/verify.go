package jose

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
)

// Verify checks the token's signature with k. The key must fit the header's
// algorithm; a caller with an allow-list has looked at Header.Algorithm before.
func (t *Token) Verify(k *Key) error {
	if k == nil || !k.Fits(t.Header.Algorithm) {
		return errKeyUnfit
	}
	m, _ := methodOf(t.Header.Algorithm)
	input := bytesOf(t.Input)
	switch m.family {
	case ed25519Pure:
		return verifyEd25519(k.public.(ed25519.PublicKey), input, t.Signature)
	case hmacSHA:
		mac := hmac.New(m.hash.New, k.secret)
		mac.Write(input)
		if !hmac.Equal(mac.Sum(nil), t.Signature) {
			return errSignature
		}
		return nil
	}
	var buf [64]byte
	sum := digest(&buf, m.hash, input)
	if m.family == ecdsaFixed {
		return verifyECDSA(k, sum, t.Signature)
	}
	return verifyRSA(k.public.(*rsa.PublicKey), m, sum, t.Signature)
}

func digest(buf *[64]byte, h crypto.Hash, input []byte) []byte {
	switch h {
	case crypto.SHA256:
		sum := sha256.Sum256(input)
		return append(buf[:0], sum[:]...)
	case crypto.SHA384:
		sum := sha512.Sum384(input)
		return append(buf[:0], sum[:]...)
	default:
		*buf = sha512.Sum512(input)
		return buf[:]
	}
}

func verifyRSA(public *rsa.PublicKey, m method, sum, sig []byte) error {
	if len(sig) != public.Size() {
		return errSigFormat
	}
	var err error
	if m.family == rsaPSS {
		// RFC 7518, section 3.5: the salt is as long as the hash.
		err = rsa.VerifyPSS(public, m.hash, sum, sig, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	} else {
		err = rsa.VerifyPKCS1v15(public, m.hash, sum, sig)
	}
	if err != nil {
		return errSignature
	}
	return nil
}

// verifyECDSA reads the fixed-length form of RFC 7518, section 3.4: r and s, each
// as long as the order of the curve, each from 1 to order-1.
func verifyECDSA(k *Key, sum, sig []byte) error {
	size := len(k.order)
	if len(sig) != 2*size {
		return errSigFormat
	}
	r, s := sig[:size], sig[size:]
	if !inRange(r, k.order) || !inRange(s, k.order) {
		return errSigFormat
	}
	var buf [144]byte // two integers of at most 67 bytes, and two headers
	if !ecdsa.VerifyASN1(k.public.(*ecdsa.PublicKey), sum, appendSignature(buf[:0], r, s)) {
		return errSignature
	}
	return nil
}

// inRange reports 0 < n < order, both big-endian and of one length.
func inRange(n, order []byte) bool {
	zero := true
	for _, b := range n {
		if b != 0 {
			zero = false
			break
		}
	}
	return !zero && bytes.Compare(n, order) < 0
}

// appendSignature writes the DER form (RFC 3279, section 2.2.3) that the standard
// library verifies.
func appendSignature(b, r, s []byte) []byte {
	r, s = trim(r), trim(s)
	n := 2 + derLen(r) + 2 + derLen(s)
	b = append(b, 0x30)
	if n >= 0x80 {
		b = append(b, 0x81)
	}
	b = append(b, byte(n))
	return appendInteger(appendInteger(b, r), s)
}

func appendInteger(b, n []byte) []byte {
	b = append(b, 0x02, byte(derLen(n)))
	if n[0] >= 0x80 {
		b = append(b, 0)
	}
	return append(b, n...)
}

func derLen(n []byte) int {
	if n[0] >= 0x80 {
		return len(n) + 1
	}
	return len(n)
}

func trim(n []byte) []byte {
	for len(n) > 1 && n[0] == 0 {
		n = n[1:]
	}
	return n
}

func verifyEd25519(public ed25519.PublicKey, input, sig []byte) error {
	if len(sig) != ed25519.SignatureSize {
		return errSigFormat
	}
	// The library refuses an s that is not below the order (RFC 8032, section 5.1.7).
	if !ed25519.Verify(public, input, sig) {
		return errSignature
	}
	return nil
}
