package authn

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"sync/atomic"
	"time"

	"github.com/gatehouse/gatehouse"
)

// nonceLife is how long one nonce is handed out; it is accepted as long again.
const nonceLife = 2 * time.Minute

// A nonceSource makes and checks DPoP nonces (RFC 9449, section 9) without
// remembering any: a nonce is the MAC of its time span under a key of this
// process. Replicas do not accept each other's; a client that meets another one
// is told the right one and tries again.
type nonceSource struct {
	key     [32]byte
	current atomic.Pointer[issuedNonce]
}

type issuedNonce struct {
	span   int64
	value  string
	fields []gatehouse.Field // the DPoP-Nonce field, made once
}

func newNonceSource() *nonceSource {
	s := &nonceSource{}
	rand.Read(s.key[:]) // never fails (crypto/rand)
	return s
}

func spanOf(now time.Time) int64 { return now.Unix() / int64(nonceLife/time.Second) }

// issue returns the nonce of now.
func (s *nonceSource) issue(now time.Time) *issuedNonce {
	span := spanOf(now)
	if n := s.current.Load(); n != nil && n.span == span {
		return n
	}
	n := &issuedNonce{span: span, value: s.make(span)}
	n.fields = []gatehouse.Field{{Name: "DPoP-Nonce", Value: n.value}}
	s.current.Store(n)
	return n
}

// valid reports whether nonce is the one of now or the one before.
func (s *nonceSource) valid(nonce string, now time.Time) bool {
	if len(nonce) != 32 {
		return false
	}
	span := spanOf(now)
	return hmac.Equal([]byte(nonce), []byte(s.make(span))) || hmac.Equal([]byte(nonce), []byte(s.make(span-1)))
}

func (s *nonceSource) make(span int64) string {
	mac := hmac.New(sha256.New, s.key[:])
	mac.Write(binary.BigEndian.AppendUint64([]byte("dpop-nonce"), uint64(span)))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:24])
}
