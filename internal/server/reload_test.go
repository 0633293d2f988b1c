package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// clientCA issues client certificates, and stands in a file of the house.
type clientCA struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func (h *house) clientCA(file string) *clientCA {
	h.t.Helper()
	ca := &clientCA{}
	var err error
	if ca.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		h.t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: file}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &ca.key.PublicKey, ca.key)
	if err != nil {
		h.t.Fatal(err)
	}
	if ca.cert, err = x509.ParseCertificate(der); err != nil {
		h.t.Fatal(err)
	}
	h.write(file, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	return ca
}

func (ca *clientCA) issue(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, ca.cert, &key.PublicKey, ca.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// mutual is the doors' configuration with a listener for client certificates.
func mutual(mode, ca string) string {
	if mode == "none" {
		return "tls: {certificates: [{internal: true}]}"
	}
	return fmt.Sprintf("tls: {certificates: [{internal: true}], client_certs: {mode: %s, ca: [%s]}}", mode, ca)
}

// newMutual starts with two authorities, of which the listener trusts the first.
func newMutual(t *testing.T, mode, reader string) (h *house, first, second *clientCA) {
	t.Helper()
	h = newDoors(t, doorOptions{listeners: "  - {name: tls, address: 127.0.0.1:0, http1: " + reader + ", " + mutual("none", "") + "}", upstream: service(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "in") }).URL,
		authn: `  mtls: {identities: {dns: ["*.svc.example.com"]}}`, methods: "main, mtls", policy: `permit(principal is Workload, action == Action::"shop.getOrder", resource);`})
	first, second = h.clientCA("first.pem"), h.clientCA("second.pem")
	h.change(t, mutual("none", ""), mutual(mode, "first.pem"))
	if err := h.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	return h, first, second
}

// change replaces a piece of the configuration's file.
func (h *house) change(t *testing.T, from, to string) {
	t.Helper()
	name := filepath.Join(h.dir, "gatehouse.yaml")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), from) {
		t.Fatalf("the configuration does not hold %q", from)
	}
	h.write("gatehouse.yaml", strings.Replace(string(text), from, to, 1))
}

// with is a client that shows a certificate and keeps its TLS sessions.
func (h *house) with(proto string, cert *tls.Certificate) *http.Client {
	c := h.client(proto)
	t := c.Transport.(*http.Transport)
	t.TLSClientConfig.ClientSessionCache = tls.NewLRUClientSessionCache(8)
	if cert != nil {
		t.TLSClientConfig.Certificates = []tls.Certificate{*cert}
	}
	return c
}

func (h *house) status(c *http.Client, path string) int {
	res, err := c.Get("https://" + h.Addr("tls") + path)
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode
}

// A reload that fails leaves the doors' TLS settings as they were.
func TestFailedReloadKeepsClientCertificates(t *testing.T) {
	t.Parallel()
	h, _, _ := newMutual(t, "require", "compat")
	if got := h.status(h.with("h1", nil), "/public"); got != 0 {
		t.Fatalf("without a certificate: %d", got)
	}
	h.change(t, mutual("require", "first.pem"), mutual("none", ""))
	h.change(t, "admin: {", "decisions: {file: gatehouse.yaml/decisions.jsonl}\nadmin: {")
	if err := h.Reload(context.Background()); err == nil {
		t.Fatal("the reload succeeds")
	}
	if got := h.status(h.with("h1", nil), "/public"); got != 0 {
		t.Errorf("after a reload that failed, without a certificate: %d", got)
	}
}

// An authority that a reload takes out is trusted no longer: not by a session
// resumed, nor on a connection that was open.
func TestReloadOfClientCA(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ proto, reader string }{{"h1", "compat"}, {"h1", "strict"}, {"h2", "compat"}, {"h2", "strict"}} {
		proto := c.proto
		h, first, second := newMutual(t, "request", c.reader)
		old, fresh := first.issue(t, "old.svc.example.com"), second.issue(t, "new.svc.example.com")
		open, nobody := h.with(proto, &old), h.with(proto, nil)
		sessions := open.Transport.(*http.Transport).TLSClientConfig.ClientSessionCache
		resume := func() int { // over a new connection
			c := h.with(proto, &old)
			c.Transport.(*http.Transport).TLSClientConfig.ClientSessionCache = sessions
			return h.status(c, "/orders/1")
		}
		if got := h.status(open, "/orders/1"); got != 200 {
			t.Fatalf("%v: %d", c, got)
		}
		if got := h.status(nobody, "/public"); got != 200 {
			t.Fatalf("%v: %d", c, got)
		}
		if got := resume(); got != 200 {
			t.Fatalf("%v: %d", c, got)
		}
		h.change(t, mutual("request", "first.pem"), mutual("request", "second.pem"))
		if err := h.Reload(context.Background()); err != nil {
			t.Fatal(err)
		}
		if got := h.status(open, "/orders/1"); got == 200 {
			t.Errorf("%v: an open connection is still trusted", c)
		}
		if got := resume(); got == 200 {
			t.Errorf("%v: a resumed session is still trusted", c)
		}
		if got := h.status(nobody, "/public"); got != 200 {
			t.Errorf("%v: a connection without a certificate got %d", c, got)
		}
		if got := h.status(h.with(proto, &fresh), "/orders/1"); got != 200 {
			t.Errorf("%v: the new authority's client got %d", c, got)
		}
		// A connection without a certificate does not outlive the rule that asks for one.
		h.change(t, mutual("request", "second.pem"), mutual("require", "second.pem"))
		if err := h.Reload(context.Background()); err != nil {
			t.Fatal(err)
		}
		if got := h.status(nobody, "/public"); got == 200 {
			t.Errorf("%v: an open connection needs no certificate", c)
		}
	}
}

// Sessions are resumed: a handshake with a signature for each connection is what
// floods are made of.
func TestSessionsAreResumed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ proto, reader string }{{"h1", "compat"}, {"h1", "strict"}, {"h2", "compat"}, {"h2", "strict"}} {
		proto := c.proto
		h, _, _ := newMutual(t, "request", c.reader)
		sessions := tls.NewLRUClientSessionCache(8)
		for i := range 2 {
			c := h.with(proto, nil)
			c.Transport.(*http.Transport).TLSClientConfig.ClientSessionCache = sessions
			res, err := c.Get("https://" + h.Addr("tls") + "/public")
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, res.Body)
			res.Body.Close()
			if res.TLS.DidResume != (i > 0) {
				t.Errorf("%v: connection %d resumed: %v", c, i, res.TLS.DidResume)
			}
		}
	}
}

// An authority's file that changes is noticed like the configuration's own.
func TestClientCAIsWatched(t *testing.T) {
	t.Parallel()
	h, _, _ := newMutual(t, "request", "compat")
	before := h.stamp(h.current)
	h.write("first.pem", "")
	if h.stamp(h.current) == before {
		t.Error("a changed authority goes unnoticed")
	}
}

// The admin address that is listened on is no upstream's, however it is written
// and whatever a reload says.
func TestNoUpstreamIsTheAdminAddress(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"127.0.0.1:0", "localhost:0", ":0"} {
		h := newDoors(t, doorOptions{upstream: "http://127.0.0.1:1"})
		h.Stop()
		h.change(t, "admin: {address: 127.0.0.1:0}", fmt.Sprintf("admin: {address: %q}", address))
		var err error
		if h.Server, err = Start(context.Background(), Options{ConfigPath: filepath.Join(h.dir, "gatehouse.yaml"), Log: slog.New(slog.DiscardHandler), Drain: time.Second}); err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(h.AdminAddr())
		h.change(t, "http://127.0.0.1:1", "http://localhost:"+port)
		h.change(t, fmt.Sprintf("admin: {address: %q}", address), "admin: {address: 127.0.0.1:1}")
		if err := h.Reload(context.Background()); err == nil {
			if res, body := h.get("/any/metrics", ""); res.StatusCode == 200 || res.StatusCode == 404 || strings.Contains(body, "api_requests_total") {
				t.Errorf("%s: %d %.100s", address, res.StatusCode, body)
			}
		}
		h.Stop()
	}
}
