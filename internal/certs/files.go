package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gatehouse/gatehouse"
)

// Pair names the files of one certificate: the PEM chain and its private key.
type Pair struct{ Cert, Key string }

// Files is a set of certificates, one of which is picked by the server name.
type Files struct {
	pairs   []Pair
	log     *slog.Logger
	current atomic.Pointer[[]tls.Certificate]
	stamp   string
	stop    chan struct{}
	stopped chan struct{}
	renew   func(now time.Time) error // of the internal certificate; nil for none
}

// Load reads the certificates and watches their files until Close. At least one
// pair is needed; the first serves clients that send no known server name. renew,
// where not nil, is called before each look, to renew an internal certificate.
func Load(pairs []Pair, every time.Duration, renew func(now time.Time) error, log *slog.Logger) (*Files, error) {
	f := &Files{pairs: pairs, log: log, renew: renew, stop: make(chan struct{}), stopped: make(chan struct{})}
	if err := f.reload(); err != nil {
		return nil, err
	}
	go f.watch(every)
	return f, nil
}

// Close ends the watching. When it returns nothing is read or written any more.
func (f *Files) Close() {
	close(f.stop)
	<-f.stopped
}

func (f *Files) reload() error {
	stamp := stampOf(f.pairs)
	certs := make([]tls.Certificate, 0, len(f.pairs))
	var errs []error
	for _, p := range f.pairs {
		c, err := tls.LoadX509KeyPair(p.Cert, p.Key)
		if err == nil && c.Leaf != nil && time.Now().After(c.Leaf.NotAfter) {
			err = fmt.Errorf("it expired on %s", c.Leaf.NotAfter.Format(time.DateOnly))
		}
		if err != nil {
			errs = append(errs, &gatehouse.Error{Code: "certs.load", Message: "cannot use the certificate " + p.Cert, Err: err})
			continue
		}
		certs = append(certs, c)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	f.stamp = stamp
	f.current.Store(&certs)
	return nil
}

func (f *Files) watch(every time.Duration) {
	defer close(f.stopped)
	tick := time.NewTicker(every)
	defer tick.Stop()
	failed := ""
	for {
		select {
		case <-f.stop:
			return
		case now := <-tick.C:
			if f.renew != nil {
				if err := f.renew(now); err != nil {
					f.log.Error("the internal certificate could not be renewed", "error", err)
				}
			}
			stamp := stampOf(f.pairs)
			if stamp == f.stamp || stamp == failed {
				continue
			}
			if err := f.reload(); err != nil {
				failed = stamp
				f.log.Error("changed certificates are not usable; the last good ones stay", "error", err)
				continue
			}
			f.log.Info("certificates reloaded")
		}
	}
}

// stampOf tells whether files changed: by time, size and identity.
func stampOf(pairs []Pair) string {
	var b strings.Builder
	for _, p := range pairs {
		for _, name := range []string{p.Cert, p.Key} {
			if fi, err := os.Stat(name); err == nil {
				fmt.Fprintf(&b, "%d/%d;", fi.ModTime().UnixNano(), fi.Size())
			} else {
				b.WriteString("-;")
			}
		}
	}
	return b.String()
}

// Certificate picks for a ClientHello: the first that fits its name and
// algorithms, else the first. It is a tls.Config.GetCertificate.
func (f *Files) Certificate(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
	certs := *f.current.Load()
	for i := range certs {
		if h.SupportsCertificate(&certs[i]) == nil {
			return &certs[i], nil
		}
	}
	return &certs[0], nil
}

// Pool reads PEM certificates of authorities.
func Pool(files []string) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	for _, name := range files {
		pem, err := os.ReadFile(name)
		if err != nil {
			return nil, &gatehouse.Error{Code: "certs.ca", Message: "cannot read the authorities' certificates", Err: err}
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, &gatehouse.Error{Code: "certs.ca", Message: "no certificate in " + name, Hint: "a PEM file is needed"}
		}
	}
	return pool, nil
}
