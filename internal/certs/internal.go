package certs

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
)

const (
	authorityLife = 10 * 365 * 24 * time.Hour
	leafLife      = 90 * 24 * time.Hour
	renewBefore   = 30 * 24 * time.Hour
)

// Internal makes, at first start, an authority and a certificate for hosts in
// dir, and returns the certificate's files. It renews a certificate that is old,
// broken or names other hosts; the authority stays, so that trusting
// internal-ca.pem once suffices. Keys have mode 0600.
func Internal(dir string, hosts []string, now time.Time) (Pair, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Pair{}, internalError(err)
	}
	hosts = withLoopback(hosts)
	pair := Pair{Cert: filepath.Join(dir, "internal.pem"), Key: filepath.Join(dir, "internal.key")}
	ca, caKey, err := authority(dir, now)
	if err != nil {
		return Pair{}, internalError(err)
	}
	if leaf, _, err := readPair(pair); err == nil && leaf.CheckSignatureFrom(ca) == nil && now.Add(renewBefore).Before(leaf.NotAfter) && covers(leaf, hosts) {
		return pair, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Pair{}, internalError(err)
	}
	tmpl := &x509.Certificate{Subject: pkix.Name{CommonName: "gatehouse internal"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(leafLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			tmpl.IPAddresses = append(tmpl.IPAddresses, ip)
		} else {
			tmpl.DNSNames = append(tmpl.DNSNames, h)
		}
	}
	return pair, internalError(issue(pair, tmpl, ca, caKey, key))
}

func internalError(err error) error {
	if err == nil {
		return nil
	}
	return &gatehouse.Error{Code: "certs.internal", Message: "cannot make the internal certificate", Err: err}
}

// withLoopback returns the names a certificate can hold, and this machine's.
func withLoopback(hosts []string) []string {
	names := []string{"localhost", "127.0.0.1", "::1"}
	for _, h := range hosts {
		if h != "*" && !slices.Contains(names, h) {
			names = append(names, strings.ToLower(h))
		}
	}
	return names
}

func covers(leaf *x509.Certificate, hosts []string) bool {
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			if !slices.ContainsFunc(leaf.IPAddresses, ip.Equal) {
				return false
			}
		} else if !slices.Contains(leaf.DNSNames, h) {
			return false
		}
	}
	return true
}

// authority reads the authority of dir, or makes it.
func authority(dir string, now time.Time) (*x509.Certificate, crypto.Signer, error) {
	pair := Pair{Cert: filepath.Join(dir, "internal-ca.pem"), Key: filepath.Join(dir, "internal-ca.key")}
	cert, key, err := readPair(pair)
	if err == nil && now.Before(cert.NotAfter) {
		return cert, key, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err // never replace what somebody may trust because it cannot be read today
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	host, _ := os.Hostname()
	tmpl := &x509.Certificate{Subject: pkix.Name{CommonName: "gatehouse internal authority " + host}, NotBefore: now.Add(-time.Hour),
		NotAfter: now.Add(authorityLife), IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}
	if err := issue(pair, tmpl, tmpl, ecKey, ecKey); err != nil {
		return nil, nil, err
	}
	return readPair(pair)
}

// issue signs tmpl for key and writes both files, the key first, each whole or
// not at all.
func issue(to Pair, tmpl, parent *x509.Certificate, parentKey crypto.Signer, key *ecdsa.PrivateKey) error {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return err
	}
	tmpl.SerialNumber = serial
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, key.Public(), parentKey)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := writeFile(to.Key, "PRIVATE KEY", keyDER, 0o600); err != nil {
		return err
	}
	return writeFile(to.Cert, "CERTIFICATE", der, 0o644)
}

func writeFile(name, kind string, der []byte, mode fs.FileMode) error {
	var b bytes.Buffer
	if err := pem.Encode(&b, &pem.Block{Type: kind, Bytes: der}); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b.Bytes())
	if err := errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

func readPair(p Pair) (*x509.Certificate, crypto.Signer, error) {
	certPEM, err := os.ReadFile(p.Cert)
	if err != nil {
		return nil, nil, err
	}
	keyPEM, err := os.ReadFile(p.Key)
	if err != nil {
		return nil, nil, err
	}
	cb, _ := pem.Decode(certPEM)
	kb, _ := pem.Decode(keyPEM)
	if cb == nil || kb == nil {
		return nil, nil, errors.New("not a PEM file: " + p.Cert)
	}
	cert, err := x509.ParseCertificate(cb.Bytes)
	if err != nil {
		return nil, nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(kb.Bytes)
	if err != nil {
		return nil, nil, err
	}
	signer, ok := key.(*ecdsa.PrivateKey)
	if !ok || !signer.PublicKey.Equal(cert.PublicKey) {
		return nil, nil, errors.New("the key does not belong to " + p.Cert)
	}
	return cert, signer, nil
}
