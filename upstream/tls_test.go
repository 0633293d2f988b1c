package upstream

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func pinOf(c *x509.Certificate) string {
	sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return "sha256/" + base64.StdEncoding.EncodeToString(sum[:])
}

func TestTLS(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) })
	s := tlsServer(t, h, true)
	ca := caFile(t, s)
	none := "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	for name, c := range map[string]struct {
		tls  TLS
		code string // "": it works
	}{
		"trusted":       {TLS{CA: ca}, ""},
		"unknown ca":    {TLS{}, "upstream.tls"},
		"wrong name":    {TLS{CA: ca, ServerName: "other.test"}, "upstream.tls"},
		"right name":    {TLS{CA: ca, ServerName: "example.com"}, ""},
		"pinned":        {TLS{CA: ca, Pins: []string{none, pinOf(s.Certificate())}}, ""},
		"another pin":   {TLS{CA: ca, Pins: []string{none}}, "upstream.pin"},
		"pin, no trust": {TLS{Pins: []string{pinOf(s.Certificate())}}, "upstream.tls"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPool(t, func(cfg *Config) { cfg.TLS = c.tls }, s.URL)
			w := &recorder{}
			err := p.Forward(context.Background(), request("GET", "/"), w)
			if c.code != "" {
				wantError(t, err, c.code, 502)
				return
			}
			if err != nil || w.text() != "HTTP/2.0" {
				t.Errorf("%v %q", err, w.text())
			}
		})
	}
	t.Run("h2 demanded", func(t *testing.T) {
		old := tlsServer(t, h, false)
		p := newPool(t, func(c *Config) { c.TLS.CA = caFile(t, old); c.Protocol = "h2" }, old.URL)
		wantError(t, p.Forward(context.Background(), request("GET", "/"), &recorder{}), "upstream.tls", 502)
	})
	t.Run("tls 1.1", func(t *testing.T) {
		old := httptest.NewUnstartedServer(h)
		old.TLS = &tls.Config{MaxVersion: tls.VersionTLS11}
		old.Config.ErrorLog = quiet
		old.StartTLS()
		defer old.Close()
		p := newPool(t, func(c *Config) { c.TLS.CA = caFile(t, old) }, old.URL)
		wantError(t, p.Forward(context.Background(), request("GET", "/"), &recorder{}), "upstream.tls", 502)
	})
	t.Run("not tls", func(t *testing.T) {
		plain := httptest.NewServer(h)
		plain.Config.ErrorLog = quiet
		defer plain.Close()
		p := newPool(t, nil, "https"+plain.URL[len("http"):])
		wantError(t, p.Forward(context.Background(), request("GET", "/"), &recorder{}), "upstream.tls", 502)
	})
}

func TestClientCertificate(t *testing.T) {
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "gate"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, _ := x509.ParseCertificate(der)
	raw, _ := x509.MarshalPKCS8PrivateKey(key)
	for name, block := range map[string]*pem.Block{
		"gate.pem": {Type: "CERTIFICATE", Bytes: der}, "gate.key": {Type: "PRIVATE KEY", Bytes: raw}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.TLS.PeerCertificates[0].Subject.CommonName)
	}))
	s.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: x509.NewCertPool()}
	s.TLS.ClientCAs.AddCert(cert)
	s.Config.ErrorLog = quiet
	s.StartTLS()
	defer s.Close()

	ca := caFile(t, s)
	cfg := Config{Name: "m", Endpoints: []Endpoint{{URL: s.URL}}, TLS: TLS{CA: ca, Cert: "gate.pem", Key: "gate.key"}}
	p, err := NewPool(cfg, nil, Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if w := forward(t, p, request("GET", "/")); w.text() != "gate" {
		t.Errorf("got %q", w.text())
	}
	without := newPool(t, func(c *Config) { c.TLS.CA = ca }, s.URL)
	if err := without.Forward(context.Background(), request("GET", "/"), &recorder{}); err == nil {
		t.Error("it worked without a certificate")
	}
	for _, c := range []TLS{{CA: "nowhere.pem"}, {CA: "gate.key"}, {Cert: "gate.key", Key: "gate.pem"}, {Cert: "gate.pem", Key: "x"}} {
		cfg.TLS = c
		if _, err := NewPool(cfg, nil, Options{Dir: dir}); err == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
}
