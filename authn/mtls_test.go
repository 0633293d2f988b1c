package authn

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"math/big"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

// A testCA issues client certificates.
type testCA struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newTestCA(t testing.TB) *testCA {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"}, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &testCA{cert, key, pool}
}

func (ca *testCA) issue(t testing.TB, uris, dns []string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: dns, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}}
	for _, s := range uris {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		tmpl.URIs = append(tmpl.URIs, u)
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, ca.cert, &key.PublicKey, ca.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: cert}
}

// connect shakes hands over a pipe and returns what the server saw.
func (ca *testCA) connect(t testing.TB, client tls.Certificate, auth tls.ClientAuthType) *tls.ConnectionState {
	t.Helper()
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	server := tls.Server(a, &tls.Config{Certificates: []tls.Certificate{ca.issue(t, nil, []string{"gate.example.com"})}, ClientAuth: auth, ClientCAs: ca.pool})
	go func() {
		c := tls.Client(b, &tls.Config{RootCAs: ca.pool, ServerName: "gate.example.com", Certificates: []tls.Certificate{client}})
		c.Handshake()
		c.Read(make([]byte, 1)) // takes the session tickets
	}()
	if err := server.Handshake(); err != nil {
		t.Fatal(err)
	}
	state := server.ConnectionState()
	return &state
}

func thumbprintOf(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func TestMTLSIdentity(t *testing.T) {
	ca := newTestCA(t)
	r := newCertificateReader(&MTLSConfig{Identities: IdentitiesConfig{
		SPIFFE: []string{"shop.example.com", "other.example.com/ns/prod/*", "third.example.com/only"},
		DNS:    []string{"*.svc.example.com", "one.example.com"},
	}})
	for _, tc := range []struct {
		name      string
		uris, dns []string
		want      string
		code      string
	}{
		{name: "trust domain", uris: []string{"spiffe://shop.example.com/ns/prod/sa/orders"}, want: "spiffe://shop.example.com/ns/prod/sa/orders"},
		{name: "below a path", uris: []string{"spiffe://other.example.com/ns/prod/x"}, want: "spiffe://other.example.com/ns/prod/x"},
		{name: "exact path", uris: []string{"spiffe://third.example.com/only"}, want: "spiffe://third.example.com/only"},
		{name: "dns wildcard", dns: []string{"orders.svc.example.com"}, want: "orders.svc.example.com"},
		{name: "dns exact", dns: []string{"ONE.example.com", "unlisted.example.com"}, want: "one.example.com"},
		{name: "spiffe before dns", uris: []string{"spiffe://shop.example.com/a"}, dns: []string{"one.example.com"}, want: "spiffe://shop.example.com/a"},

		{name: "beside the path", uris: []string{"spiffe://other.example.com/ns/production"}, code: "mtls.unknown"},
		{name: "the path itself", uris: []string{"spiffe://other.example.com/ns/prod"}, code: "mtls.unknown"},
		{name: "below an exact path", uris: []string{"spiffe://third.example.com/only/x"}, code: "mtls.unknown"},
		{name: "no path", uris: []string{"spiffe://shop.example.com"}, code: "mtls.unknown"},
		{name: "another domain", uris: []string{"spiffe://evil.example.com/ns/prod"}, code: "mtls.unknown"},
		{name: "subdomain", uris: []string{"spiffe://a.shop.example.com/x"}, code: "mtls.unknown"},
		{name: "port", uris: []string{"spiffe://shop.example.com:1/x"}, code: "mtls.unknown"},
		{name: "query", uris: []string{"spiffe://shop.example.com/x?y"}, code: "mtls.unknown"},
		{name: "user", uris: []string{"spiffe://u@shop.example.com/x"}, code: "mtls.unknown"},
		{name: "dot segment", uris: []string{"spiffe://other.example.com/ns/prod/../dev"}, code: "mtls.unknown"},
		{name: "encoded", uris: []string{"spiffe://shop.example.com/a%2Fb"}, code: "mtls.unknown"},
		{name: "another scheme", uris: []string{"https://shop.example.com/x"}, code: "mtls.unknown"},
		{name: "two labels", dns: []string{"a.b.svc.example.com"}, code: "mtls.unknown"},
		{name: "the wildcard itself", dns: []string{"*.svc.example.com"}, code: "mtls.unknown"},
		{name: "no name", code: "mtls.unknown"},
		{name: "two uris", uris: []string{"spiffe://shop.example.com/a", "spiffe://shop.example.com/b"}, code: "mtls.ambiguous"},
		{name: "spiffe and another uri", uris: []string{"https://x.example.com/", "spiffe://shop.example.com/b"}, code: "mtls.ambiguous"},
		{name: "two names", dns: []string{"a.svc.example.com", "b.svc.example.com"}, code: "mtls.ambiguous"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cert := ca.issue(t, tc.uris, tc.dns).Leaf
			state := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{cert}, VerifiedChains: [][]*x509.Certificate{{cert, ca.cert}}}
			for range 2 { // read, and remembered
				p, err := r.identify(state, time.Now())
				wantCode(t, err, tc.code)
				if err == nil && (p.Subject != tc.want || p.Method != gatehouse.MethodMTLS || !p.SenderBound || p.Expires != cert.NotAfter) {
					t.Errorf("got %+v", p)
				}
			}
		})
	}
}

func TestMTLSHandshake(t *testing.T) {
	ca, stranger := newTestCA(t), newTestCA(t)
	r := newCertificateReader(&MTLSConfig{Identities: IdentitiesConfig{SPIFFE: []string{"shop.example.com"}}})
	uri := []string{"spiffe://shop.example.com/orders"}
	state := ca.connect(t, ca.issue(t, uri, nil), tls.VerifyClientCertIfGiven)
	p, err := r.identify(state, time.Now())
	if err != nil || p.Subject != uri[0] {
		t.Fatal(p, err)
	}
	_, err = r.identify(state, state.PeerCertificates[0].NotAfter.Add(time.Second))
	wantCode(t, err, "mtls.expired")

	unverified := ca.connect(t, stranger.issue(t, uri, nil), tls.RequireAnyClientCert)
	_, err = r.identify(unverified, time.Now())
	wantCode(t, err, "mtls.unverified")
	for _, none := range []*tls.ConnectionState{nil, {}} {
		_, err = r.identify(none, time.Now())
		wantCode(t, err, "credential.missing")
	}

	// RFC 8705, section 3: the binding makes it good, be it self-signed.
	thumb := thumbprintOf(unverified.PeerCertificates[0])
	wantCode(t, r.bound(unverified, thumb), "")
	wantCode(t, r.bound(state, thumb), "binding.certificate_mismatch")
	wantCode(t, r.bound(unverified, thumb[:42]), "binding.certificate_mismatch")
	wantCode(t, r.bound(&tls.ConnectionState{}, thumb), "binding.certificate_missing")
}

func TestMTLSBounded(t *testing.T) {
	r := newCertificateReader(nil)
	for range maxCertificates + 10 {
		r.read(&x509.Certificate{})
	}
	if n := len(r.known); n > maxCertificates {
		t.Errorf("%d certificates remembered", n)
	}
}
