package server

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// sign issues a certificate as tmpl says, with a key of its own.
func (ca *clientCA) sign(t *testing.T, tmpl *x509.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if tmpl.SerialNumber == nil {
		tmpl.SerialNumber = big.NewInt(time.Now().UnixNano())
	}
	if tmpl.NotAfter.IsZero() {
		tmpl.NotBefore, tmpl.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, ca.cert, &key.PublicKey, ca.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// workload issues an X.509-SVID.
func (ca *clientCA) workload(t *testing.T, id string, more ...string) tls.Certificate {
	t.Helper()
	tmpl := &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	for _, s := range append([]string{id}, more...) {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		tmpl.URIs = append(tmpl.URIs, u)
	}
	return ca.sign(t, tmpl)
}

const orders = "spiffe://shop.example.com/ns/prod/orders"

// newTrusting starts doors for client certificates that ask for one, "tls", or
// insist, "tls-require", with each reader.
func newTrusting(t *testing.T, upstream string) (*house, *clientCA) {
	t.Helper()
	listener := func(name, mode, reader string) string {
		return fmt.Sprintf("  - {name: %s, address: 127.0.0.1:0, http1: %s, tls: {certificates: [{internal: true}], client_certs: {mode: %s, ca: [ca.pem]}}}\n", name, reader, mode)
	}
	before := &house{t: t, dir: t.TempDir()}
	ca := before.clientCA("ca.pem")
	text, err := os.ReadFile(filepath.Join(before.dir, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	h := newDoors(t, doorOptions{upstream: upstream, files: map[string]string{"ca.pem": string(text)},
		listeners: listener("tls", "request", "compat") + listener("tls-strict", "request", "strict") +
			listener("tls-require", "require", "compat") + listener("tls-require-strict", "require", "strict"),
		authn: "  mtls: {identities: {spiffe: [shop.example.com]}}", methods: "main, mtls",
		policy: `permit(principal is Workload, action == Action::"shop.getOrder", resource) when { principal.subject == "` + orders + `" };`})
	return h, ca
}

// asks sends one request with a certificate, and returns the status or "" where
// there was no connection.
func (h *house) asks(proto, listener string, cert *tls.Certificate, path string, header http.Header) (int, error) {
	c := h.with(proto, cert)
	defer c.CloseIdleConnections()
	req, _ := http.NewRequest("GET", "https://"+h.Addr(listener)+path, nil)
	for name, values := range header {
		req.Header[name] = values
	}
	res, err := c.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, err
}

// The identity in a verified client certificate is the principal; everybody else
// is nobody, or not let in at all.
func TestClientCertificates(t *testing.T) {
	t.Parallel()
	up := newWire(t)
	h, ca := newTrusting(t, up.url())
	other := (&house{t: t, dir: t.TempDir()}).clientCA("ca.pem")
	client := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	good := ca.workload(t, orders)
	self, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	const none = -1 // no handshake
	for _, c := range []struct {
		name             string
		cert             *tls.Certificate
		request, require int // the status at the doors that ask for one, and at those that insist
	}{
		{"the workload", &good, 200, 200},
		{"nobody", nil, 401, none},
		{"another workload", new(ca.workload(t, "spiffe://shop.example.com/ns/prod/payments")), 403, 403},
		{"another trust domain", new(ca.workload(t, "spiffe://evil.example/ns/prod/orders")), 401, 401},
		{"a trust domain that looks alike", new(ca.workload(t, "spiffe://shop.example.com.evil.example/ns/prod/orders")), 401, 401},
		{"two identities", new(ca.workload(t, orders, "spiffe://shop.example.com/ns/prod/payments")), 401, 401},
		{"a port in the identity", new(ca.workload(t, "spiffe://shop.example.com:80/ns/prod/orders")), 401, 401},
		{"no identity", new(ca.sign(t, &x509.Certificate{DNSNames: []string{"orders.shop.example.com"}, ExtKeyUsage: client})), 401, 401},
		{"another authority of the same name", new(other.workload(t, orders)), none, none},
		{"a server's certificate", new(ca.sign(t, &x509.Certificate{URIs: []*url.URL{{Scheme: "spiffe", Host: "shop.example.com", Path: "/ns/prod/orders"}},
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})), none, none},
		{"an expired certificate", new(ca.sign(t, &x509.Certificate{URIs: []*url.URL{{Scheme: "spiffe", Host: "shop.example.com", Path: "/ns/prod/orders"}},
			ExtKeyUsage: client, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour)})), none, none},
		{"a certificate of tomorrow", new(ca.sign(t, &x509.Certificate{URIs: []*url.URL{{Scheme: "spiffe", Host: "shop.example.com", Path: "/ns/prod/orders"}},
			ExtKeyUsage: client, NotBefore: time.Now().Add(time.Hour), NotAfter: time.Now().Add(2 * time.Hour)})), none, none},
		{"somebody else's certificate", &tls.Certificate{Certificate: good.Certificate, PrivateKey: self}, none, none},
	} {
		for _, proto := range []string{"h1", "h2"} {
			for listener, want := range map[string]int{"tls": c.request, "tls-strict": c.request, "tls-require": c.require, "tls-require-strict": c.require} {
				if proto == "h2" && strings.HasSuffix(listener, "-strict") {
					continue // the same reader
				}
				got, err := h.asks(proto, listener, c.cert, "/orders/1", nil)
				if err != nil {
					got = none
				}
				if got != want {
					t.Errorf("%s at %s by %s: %d %v, want %d", c.name, listener, proto, got, err, want)
				}
			}
		}
	}
	for _, r := range second(up.take()) {
		if r.target != "/orders/1" {
			t.Errorf("%+v", r)
		}
	}
}

// What a client says about certificates in fields makes it nobody, and reaches no
// service.
func TestCertificateFieldsAreStripped(t *testing.T) {
	t.Parallel()
	up := newWire(t)
	h, ca := newTrusting(t, up.url())
	good := ca.workload(t, orders)
	pemText := url.QueryEscape(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: good.Certificate[0]})))
	spoofed := http.Header{}
	for _, name := range []string{"X-Client-Cert", "X-Client_cert", "X_client_cert", "X-Forwarded-Client-Cert", "X-Ssl-Client-Cert", "Ssl-Client-Cert", "SSL_CLIENT_VERIFY",
		"X-Ssl-Client-S-Dn", "X-Tls-Client-Cert", "X-Arr-Clientcert", "X-Client-Cert-Chain", "Client-Cert", "Client-Cert-Chain", "X-Gatehouse-Subject", "X-Amzn-Mtls-Clientcert"} {
		spoofed[name] = []string{pemText}
	}
	for _, proto := range []string{"h1", "h2"} {
		for _, listener := range []string{"tls", "tls-strict"} {
			if got, err := h.asks(proto, listener, nil, "/orders/1", spoofed); got != 401 {
				t.Errorf("%s: fields alone: %d %v", listener, got, err)
			}
			up.take()
			if got, err := h.asks(proto, listener, &good, "/orders/1", spoofed); got != 200 {
				t.Fatalf("%s: %d %v", listener, got, err)
			}
			_, rs := up.take()
			for name, values := range rs[0].header {
				if strings.Contains(strings.Join(values, ""), pemText) {
					t.Errorf("%s by %s: the service heard %s", listener, proto, name)
				}
			}
		}
	}
}

// A certificate that is replaced on disk is served within seconds, to who comes
// then; who was there stays.
func TestCertificateReplacedOnDisk(t *testing.T) {
	t.Parallel()
	up := newWire(t)
	server := func(ca *clientCA) (cert, key string) {
		c := ca.sign(t, &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
		der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	}
	first := (&house{t: t, dir: t.TempDir()}).clientCA("ca.pem")
	second := (&house{t: t, dir: t.TempDir()}).clientCA("ca.pem")
	cert, key := server(first)
	h := newDoors(t, doorOptions{upstream: up.url(), files: map[string]string{"shop.pem": cert, "shop.key": key},
		listeners: "  - {name: tls, address: 127.0.0.1:0, tls: {certificates: [{cert: shop.pem, key: shop.key}]}}"})
	dial := func(ca *clientCA) (*tls.Conn, error) {
		pool := x509.NewCertPool()
		pool.AddCert(ca.cert)
		return tls.Dial("tcp", h.Addr("tls"), &tls.Config{RootCAs: pool, ServerName: "127.0.0.1", NextProtos: []string{"http/1.1"}})
	}
	c, err := dial(first)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r := bufio.NewReader(c)
	ask := func() {
		t.Helper()
		fmt.Fprint(c, "GET /public HTTP/1.1\r\nHost: shop.localhost\r\n\r\n")
		res, err := http.ReadResponse(r, nil)
		if err != nil || res.StatusCode != 200 {
			t.Fatalf("the connection that was open: %v %v", res, err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
	}
	ask()
	// A broken file changes nothing.
	h.write("shop.pem", "garbage")
	cert, key = server(second)
	h.write("shop.key", key)
	ask()
	if c, err := dial(first); err != nil {
		t.Errorf("with broken files: %v", err)
	} else {
		c.Close()
	}
	h.write("shop.pem", cert)
	waitFor(t, "the new certificate", func() bool {
		c, err := dial(second)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	ask()
	if c, err := dial(first); err == nil {
		c.Close()
		t.Error("the old certificate is still served")
	}
}

// What is no handshake, or one of another age, is no request, whatever follows.
func TestHandshakes(t *testing.T) {
	t.Parallel()
	up := newWire(t)
	h := newDoors(t, doorOptions{upstream: up.url(), listeners: allDoors + `
  - {name: tls-h2, address: 127.0.0.1:0, http: [h2], tls: {certificates: [{internal: true}]}}
  - {name: tls-h1, address: 127.0.0.1:0, http: [http/1.1], tls: {certificates: [{internal: true}]}}
  - {name: tls-13, address: 127.0.0.1:0, tls: {certificates: [{internal: true}], min_version: "1.3"}}
  - {name: plain-h1, address: 127.0.0.1:0, http: [http/1.1]}
  - {name: plain-h2, address: 127.0.0.1:0, http: [h2]}`})
	ask := func(c net.Conn) string {
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(late))
		fmt.Fprint(c, "GET /public HTTP/1.1\r\nHost: shop.localhost\r\nConnection: close\r\n\r\n")
		b, _ := io.ReadAll(c)
		return string(b)
	}
	for _, c := range []struct {
		name, listener string
		config         *tls.Config
		good           bool
	}{
		{"TLS 1.2", "tls", &tls.Config{MaxVersion: tls.VersionTLS12}, true},
		{"TLS 1.2 at the strict reader", "tls-strict", &tls.Config{MaxVersion: tls.VersionTLS12}, true},
		{"TLS 1.2 where 1.3 is asked for", "tls-13", &tls.Config{MaxVersion: tls.VersionTLS12}, false},
		{"TLS 1.1", "tls", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, false},
		{"TLS 1.0 at the strict reader", "tls-strict", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, false},
		{"CBC", "tls", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}}, false},
		{"an unknown protocol", "tls", &tls.Config{NextProtos: []string{"smuggled"}}, false},
		{"HTTP/1.1 at the door of HTTP/2", "tls-h2", &tls.Config{NextProtos: []string{"http/1.1"}}, false},
		{"no protocol at the door of HTTP/2", "tls-h2", &tls.Config{}, false},
		{"HTTP/2 at the door of HTTP/1.1", "tls-h1", &tls.Config{NextProtos: []string{"h2"}}, false},
		{"no protocol at the door of HTTP/1.1", "tls-h1", &tls.Config{}, true},
		{"HTTP/1.1 said, HTTP/1.1 spoken", "tls-strict", &tls.Config{NextProtos: []string{"http/1.1"}}, true},
		{"HTTP/2 said, HTTP/1.1 spoken", "tls-strict", &tls.Config{NextProtos: []string{"h2"}}, false},
	} {
		c.config.RootCAs, c.config.ServerName = h.roots(), "127.0.0.1"
		said := ""
		conn, err := tls.Dial("tcp", h.Addr(c.listener), c.config)
		if err == nil {
			said = ask(conn)
		}
		if strings.HasPrefix(said, "HTTP/1.1 200 ") != c.good {
			t.Errorf("%s: %v %q", c.name, err, said)
		}
	}
	if said := ask(h.raw(t, "plain-h2", "")); strings.Contains(said, " 200 ") {
		t.Errorf("HTTP/1.1 at the plain door of HTTP/2: %q", said)
	}
	for _, listener := range []string{"tls", "tls-strict"} {
		if said := ask(h.raw(t, listener, "")); strings.Contains(said, " 200 ") {
			t.Errorf("plain HTTP at %s: %q", listener, said)
		}
	}
	f := h.frames("plain-h1")
	_ = f.open(1, true, pseudo("GET", "/public", here)...)
	if got, _ := f.outcome(1); got == "200" {
		t.Errorf("HTTP/2 at the plain door of HTTP/1.1: %s", got)
	}
	up.take()
	// TLS where none is: the bytes are no request.
	if _, err := tls.Dial("tcp", h.Addr("plain"), &tls.Config{RootCAs: h.roots(), ServerName: "127.0.0.1"}); err == nil {
		t.Error("TLS at the plain door")
	}
	if _, rs := up.take(); len(rs) > 0 {
		t.Errorf("the service heard %+v", rs)
	}
}

// A token bound to a certificate (RFC 8705) is good on that certificate's
// connections only.
func TestCertificateBoundToken(t *testing.T) {
	t.Parallel()
	up := newWire(t)
	h, ca := newTrusting(t, up.url())
	h.write("shop.cedar", `permit(principal is User, action == Action::"shop.getOrder", resource);`)
	if err := h.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	mine, theirs := ca.sign(t, &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}), ca.workload(t, orders)
	bearer := http.Header{"Authorization": {"Bearer " + h.bound(mine)}}
	for _, proto := range []string{"h1", "h2"} {
		for _, listener := range []string{"tls", "tls-strict"} {
			for _, c := range []struct {
				name string
				cert *tls.Certificate
				want int
			}{{"its holder", &mine, 200}, {"another", &theirs, 401}, {"nobody", nil, 401}} {
				if got, err := h.asks(proto, listener, c.cert, "/orders/1", bearer); got != c.want {
					t.Errorf("%s at %s by %s: %d %v, want %d", c.name, listener, proto, got, err, c.want)
				}
			}
		}
	}
}
