package jose

import (
	"crypto/rand"
	"crypto/rsa"
	"sync"
	"testing"
)

// oneRSA is shared by the tests: making an RSA key is what they would spend their
// time on.
var oneRSA = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, minRSA) })

func testKey(t testing.TB, id string, alg Algorithm) *SigningKey {
	t.Helper()
	m, _ := methodOf(alg)
	if m.family != rsaPKCS1 && m.family != rsaPSS {
		k, err := GenerateKey(id, alg)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	private, err := oneRSA()
	if err != nil {
		t.Fatal(err)
	}
	k, err := NewSigningKey(id, alg, private)
	if err != nil {
		t.Fatal(err)
	}
	return k
}
