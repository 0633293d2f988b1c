package upstream

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"os"
	"path/filepath"

	"github.com/gatehouse/gatehouse"
)

// errPin is returned where a verified chain holds no pinned key.
var errPin = errors.New("no key of the certificate chain is pinned")

// errTLS marks a failed handshake.
type errTLS struct{ err error }

func (e *errTLS) Error() string { return "TLS handshake: " + e.err.Error() }
func (e *errTLS) Unwrap() error { return e.err }

// An identity is what the tls section says, loaded.
type identity struct {
	roots *x509.CertPool // nil: the system's
	certs []tls.Certificate
	pins  [][32]byte
	name  string
	// digest tells two identities apart, contents of files included.
	digest string
}

// loadIdentity reads the files; relative paths start at dir.
func loadIdentity(c *TLS, dir string) (*identity, error) {
	id := &identity{name: c.ServerName}
	sum := sha256.New()
	note(sum, []byte(c.ServerName))
	for _, p := range c.Pins {
		pin, err := parsePin(p)
		if err != nil {
			return nil, err
		}
		note(sum, pin[:])
		id.pins = append(id.pins, pin)
	}
	if c.CA != "" {
		pem, err := readFile(dir, c.CA, "tls.ca")
		if err != nil {
			return nil, err
		}
		note(sum, pem)
		id.roots = x509.NewCertPool()
		if !id.roots.AppendCertsFromPEM(pem) {
			return nil, problemAt("tls.ca", fmt.Errorf("%s holds no certificate", c.CA))
		}
	}
	if c.Cert != "" {
		cert, err := readFile(dir, c.Cert, "tls.cert")
		if err != nil {
			return nil, err
		}
		key, err := readFile(dir, c.Key, "tls.key")
		if err != nil {
			return nil, err
		}
		note(sum, cert)
		note(sum, key)
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			return nil, problemAt("tls.cert", err)
		}
		id.certs = []tls.Certificate{pair}
	}
	id.digest = hex.EncodeToString(sum.Sum(nil))
	return id, nil
}

// note writes one item, its length first, so that no two lists hash alike.
func note(h hash.Hash, item []byte) {
	fmt.Fprintf(h, "%d:", len(item))
	h.Write(item)
}

const maxPEM = 1 << 20

func readFile(dir, name, at string) ([]byte, error) {
	if !filepath.IsAbs(name) {
		name = filepath.Join(dir, name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, problemAt(at, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxPEM))
	if err != nil {
		return nil, problemAt(at, err)
	}
	return b, nil
}

func problemAt(at string, err error) error {
	return &gatehouse.Error{Code: "config.upstream", Err: err, At: gatehouse.Position{File: at}}
}

// client returns the configuration for handshakes with host.
func (id *identity) client(host string, protos ...string) *tls.Config {
	c := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		RootCAs:            id.roots,
		Certificates:       id.certs,
		ServerName:         host,
		NextProtos:         protos,
		ClientSessionCache: tls.NewLRUClientSessionCache(32),
	}
	if id.name != "" {
		c.ServerName = id.name
	}
	if len(id.pins) > 0 {
		c.VerifyConnection = id.verifyPins // it runs for resumed sessions too
	}
	return c
}

// verifyPins is called after the chain has been verified.
func (id *identity) verifyPins(cs tls.ConnectionState) error {
	for _, chain := range cs.VerifiedChains {
		for _, cert := range chain {
			sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
			for i := range id.pins {
				if subtle.ConstantTimeCompare(sum[:], id.pins[i][:]) == 1 {
					return nil
				}
			}
		}
	}
	return errPin
}

// handshake does TLS over c and closes it on failure.
func handshake(ctx context.Context, c net.Conn, cfg *tls.Config, proto string) (net.Conn, error) {
	tc := tls.Client(c, cfg)
	err := tc.HandshakeContext(ctx)
	if err == nil && proto != "" && tc.ConnectionState().NegotiatedProtocol != proto {
		err = errors.New("the server does not speak " + proto)
	}
	if err != nil {
		c.Close()
		return nil, &errTLS{err}
	}
	return tc, nil
}

// plainDial connects within the time limit.
func plainDial(to Timeouts, dial func(context.Context) (net.Conn, error)) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, to.Connect)
		defer cancel()
		c, err := dial(ctx)
		if err != nil {
			return nil, &errDial{err}
		}
		return c, nil
	}
}

// tlsDial connects and does the handshake within one time limit; proto is what
// ALPN must come to, where it is not empty.
func tlsDial(cfg *tls.Config, to Timeouts, dial func(context.Context) (net.Conn, error), proto string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, to.Connect)
		defer cancel()
		c, err := dial(ctx)
		if err != nil {
			return nil, &errDial{err}
		}
		return handshake(ctx, c, cfg, proto)
	}
}
