package authn

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse"
)

// maxCertificates bounds the certificates whose reading is remembered.
const maxCertificates = 4096

// A certificateReader tells who a verified client certificate is. Certificates
// are remembered by identity of the parsed object, of which a connection has one.
type certificateReader struct {
	spiffe []spiffePattern
	dns    []string

	mu    sync.RWMutex
	known map[*x509.Certificate]*knownCertificate
}

type knownCertificate struct {
	thumbprint string // x5t#S256 (RFC 8705, section 3.1)
	principal  *gatehouse.Principal
	err        error // why it is nobody
}

func newCertificateReader(c *MTLSConfig) *certificateReader {
	r := &certificateReader{known: make(map[*x509.Certificate]*knownCertificate)}
	if c != nil {
		for _, s := range c.Identities.SPIFFE {
			if p, ok := parseSPIFFEPattern(s); ok {
				r.spiffe = append(r.spiffe, p)
			}
		}
		r.dns = c.Identities.DNS
	}
	return r
}

// leaf returns the client's certificate, nil where there is none, and an error
// where nobody verified it.
func leaf(state *tls.ConnectionState) (*x509.Certificate, error) {
	if state == nil || len(state.PeerCertificates) == 0 {
		return nil, nil
	}
	cert := state.PeerCertificates[0]
	for _, chain := range state.VerifiedChains {
		if len(chain) > 0 && (chain[0] == cert || chain[0].Equal(cert)) {
			return cert, nil
		}
	}
	return nil, errMTLSUnverified
}

// identify returns the Principal of the connection's certificate. A certificate
// that names nobody who is allowed counts as no credential: it may serve to bind
// tokens only.
func (r *certificateReader) identify(state *tls.ConnectionState, now time.Time) (*gatehouse.Principal, error) {
	cert, err := leaf(state)
	if err != nil {
		return nil, err
	}
	if cert == nil {
		return nil, errNoCredential
	}
	k := r.read(cert)
	if k.err != nil {
		return nil, k.err
	}
	// A connection may outlive its certificate.
	if now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
		return nil, errMTLSExpired
	}
	return k.principal, nil
}

// bound checks that the token's certificate is the connection's (RFC 8705,
// section 3). Any certificate whose key the client proved to hold will do: the
// binding, not a CA, makes it good.
func (r *certificateReader) bound(state *tls.ConnectionState, thumbprint string) error {
	if state == nil || len(state.PeerCertificates) == 0 {
		return errBindingMissing
	}
	k := r.read(state.PeerCertificates[0])
	if subtle.ConstantTimeCompare([]byte(k.thumbprint), []byte(thumbprint)) != 1 {
		return errBindingMismatch
	}
	return nil
}

func (r *certificateReader) read(cert *x509.Certificate) *knownCertificate {
	r.mu.RLock()
	k := r.known[cert]
	r.mu.RUnlock()
	if k != nil {
		return k
	}
	sum := sha256.Sum256(cert.Raw)
	k = &knownCertificate{thumbprint: base64.RawURLEncoding.EncodeToString(sum[:])}
	k.principal, k.err = r.principal(cert, k.thumbprint)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.known) >= maxCertificates {
		clear(r.known)
	}
	r.known[cert] = k
	return k
}

// principal reads the subject alternative names. Exactly one may be an identity;
// an X.509-SVID has exactly one URI (X509-SVID, section 2).
func (r *certificateReader) principal(cert *x509.Certificate, thumbprint string) (*gatehouse.Principal, error) {
	subject, issuer := "", MethodMTLS
	for _, u := range cert.URIs {
		if u.Scheme != "spiffe" {
			continue
		}
		if len(cert.URIs) > 1 {
			return nil, errMTLSAmbiguous
		}
		if r.allowsSPIFFE(u) {
			subject, issuer = u.String(), "spiffe://"+u.Host
		}
	}
	if subject == "" {
		for _, name := range cert.DNSNames {
			if name = strings.ToLower(name); !r.allowsDNS(name) || name == subject {
				continue
			}
			if subject != "" {
				return nil, errMTLSAmbiguous
			}
			subject = name
		}
	}
	if subject == "" {
		return nil, errMTLSUnknown
	}
	return &gatehouse.Principal{
		Subject: subject, Issuer: issuer, ClientID: subject, Method: gatehouse.MethodMTLS,
		Claims: map[string]any{"sub": subject, "x5t#S256": thumbprint}, TokenID: thumbprint,
		IssuedAt: cert.NotBefore, Expires: cert.NotAfter, SenderBound: true,
	}, nil
}

func (r *certificateReader) allowsSPIFFE(u *url.URL) bool {
	// A SPIFFE ID has no user, port, query or fragment (SPIFFE-ID, section 2).
	if u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.Opaque != "" ||
		u.RawPath != "" || !validTrustDomain(u.Host) || !validSPIFFEPath(u.Path) {
		return false
	}
	for _, p := range r.spiffe {
		if p.match(u.Host, u.Path) {
			return true
		}
	}
	return false
}

func (r *certificateReader) allowsDNS(name string) bool {
	if !validDNSName(name) {
		return false
	}
	for _, p := range r.dns {
		if matchDNS(p, name) {
			return true
		}
	}
	return false
}

// A spiffePattern allows one SPIFFE ID, every ID of a trust domain (path "*"),
// or every ID below a path.
type spiffePattern struct {
	domain string
	path   string // "/ns/prod/", "" for the whole domain
	prefix bool
}

// parseSPIFFEPattern reads "domain", "domain/path" or "domain/path/*".
func parseSPIFFEPattern(s string) (spiffePattern, bool) {
	s = strings.TrimPrefix(s, "spiffe://")
	domain, path, deep := strings.Cut(s, "/")
	if !validTrustDomain(domain) {
		return spiffePattern{}, false
	}
	if !deep || path == "*" {
		return spiffePattern{domain: domain, path: "/", prefix: true}, true
	}
	p := spiffePattern{domain: domain, path: "/" + path}
	if rest, ok := strings.CutSuffix(p.path, "/*"); ok {
		p.path, p.prefix = rest+"/", true
	}
	return p, validSPIFFEPath(strings.TrimSuffix(p.path, "/"))
}

func (p spiffePattern) match(domain, path string) bool {
	if domain != p.domain {
		return false
	}
	if p.prefix {
		return len(path) > len(p.path) && strings.HasPrefix(path, p.path)
	}
	return path == p.path
}

// validTrustDomain follows SPIFFE-ID, section 2.1.
func validTrustDomain(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_') {
			return false
		}
	}
	return s != "" && len(s) <= 255
}

// validSPIFFEPath follows SPIFFE-ID, section 2.2: non-empty segments of
// unreserved characters, none of them relative.
func validSPIFFEPath(s string) bool {
	if s == "" || s[0] != '/' || len(s) > 2048 {
		return false
	}
	for seg := range strings.SplitSeq(s[1:], "/") {
		if seg == "" || seg == "." || seg == ".." {
			return false
		}
		for i := 0; i < len(seg); i++ {
			c := seg[i]
			if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_') {
				return false
			}
		}
	}
	return true
}

// validDNSPattern wants a lower-case host name of at least two labels, the first
// of which may be "*".
func validDNSPattern(s string) bool {
	s = strings.TrimPrefix(s, "*.")
	return validDNSName(s) && strings.IndexByte(s, '.') > 0
}

func validDNSName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := 0; i < len(label); i++ {
			c := label[i]
			if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
				return false
			}
		}
	}
	return true
}

// matchDNS compares a name with a pattern; "*." stands for exactly one label.
func matchDNS(pattern, name string) bool {
	if rest, ok := strings.CutPrefix(pattern, "*"); ok {
		label, found := strings.CutSuffix(name, rest)
		return found && label != "" && strings.IndexByte(label, '.') < 0
	}
	return pattern == name
}
