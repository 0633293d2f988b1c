package certs

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestInternalCertificateServes(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	pair, err := Internal(dir, []string{"shop.localhost", "*"}, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{pair.Key, filepath.Join(dir, "internal-ca.key")} {
		if fi, err := os.Stat(key); err != nil || fi.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", key, fi.Mode(), err)
		}
	}
	files, err := Load([]Pair{pair}, time.Hour, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	roots, err := Pool([]string{filepath.Join(dir, "internal-ca.pem")})
	if err != nil {
		t.Fatal(err)
	}
	for name, good := range map[string]bool{"shop.localhost": true, "localhost": true, "127.0.0.1": true, "evil.example": false} {
		if err := handshake(files, roots, name); (err == nil) != good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func handshake(f *Files, roots *x509.CertPool, name string) error {
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{GetCertificate: f.Certificate})
	if err != nil {
		return err
	}
	defer l.Close()
	go func() {
		if c, err := l.Accept(); err == nil {
			_ = c.(*tls.Conn).Handshake()
			c.Close()
		}
	}()
	c, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{RootCAs: roots, ServerName: name})
	if err != nil {
		return err
	}
	return c.Close()
}

func TestInternalKeepsAndRenews(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	read := func() []byte {
		b, err := os.ReadFile(filepath.Join(dir, "internal.pem"))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	make := func(at time.Time, hosts ...string) []byte {
		if _, err := Internal(dir, hosts, at); err != nil {
			t.Fatal(err)
		}
		return read()
	}
	first := make(now, "a")
	ca, _ := os.ReadFile(filepath.Join(dir, "internal-ca.pem"))
	if !bytes.Equal(make(now.Add(24*time.Hour), "a"), first) {
		t.Error("a good certificate was replaced")
	}
	if bytes.Equal(make(now, "a", "b"), first) {
		t.Error("a new host needs a new certificate")
	}
	second := read()
	if bytes.Equal(make(now.Add(leafLife-time.Hour), "a", "b"), second) {
		t.Error("an old certificate was kept")
	}
	if again, _ := os.ReadFile(filepath.Join(dir, "internal-ca.pem")); !bytes.Equal(again, ca) {
		t.Error("the authority changed")
	}
}

func TestInternalNeverReplacesAnAuthorityItCannotRead(t *testing.T) {
	dir := t.TempDir()
	if _, err := Internal(dir, nil, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "internal-ca.key"), []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Internal(dir, nil, time.Now()); err == nil {
		t.Error("a broken authority was replaced")
	}
}

// A changed file is used from the next handshake on; a broken one is not.
func TestFilesAreWatched(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	pairA, err := Internal(a, []string{"a"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	pairB, err := Internal(b, []string{"b"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	f, err := Load([]Pair{pairA}, 5*time.Millisecond, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	serves := func(name string) bool {
		c, err := f.Certificate(&tls.ClientHelloInfo{})
		return err == nil && c.Leaf.VerifyHostname(name) == nil
	}
	if err := os.WriteFile(pairA.Cert, []byte("garbage"), 0o644); err != nil {
		t.Fatal(err)
	}
	time.Sleep(60 * time.Millisecond)
	if !serves("a") {
		t.Fatal("the last good certificate is gone")
	}
	for _, m := range [][2]string{{pairB.Key, pairA.Key}, {pairB.Cert, pairA.Cert}} {
		src, err := os.ReadFile(m[0])
		if err = errors.Join(err, os.WriteFile(m[1], src, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	for range 200 {
		if serves("b") {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the new certificate is not served")
}

// Who closes the files may remove their folder: nobody is renewing them by then.
func TestCloseWaitsForRenewal(t *testing.T) {
	t.Parallel()
	pair, err := Internal(t.TempDir(), nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	began, renewed := make(chan struct{}), false
	f, err := Load([]Pair{pair}, time.Millisecond, func(time.Time) error {
		if !renewed {
			close(began)
			time.Sleep(50 * time.Millisecond)
			renewed = true
		}
		return nil
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	<-began
	f.Close()
	if !renewed {
		t.Error("Close returned while a renewal was under way")
	}
}

func TestBrokenCertificatesAreErrors(t *testing.T) {
	dir := t.TempDir()
	old, err := Internal(dir, nil, time.Now().Add(-2*leafLife))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []Pair{{"/nowhere.pem", "/nowhere.key"}, {old.Cert, filepath.Join(dir, "internal-ca.key")}, old} {
		if _, err := Load([]Pair{p}, time.Hour, nil, slog.Default()); err == nil || !strings.Contains(err.Error(), p.Cert) {
			t.Errorf("%v: %v", p, err)
		}
	}
	if _, err := Pool([]string{old.Key}); err == nil {
		t.Error("a key is no authority")
	}
}
