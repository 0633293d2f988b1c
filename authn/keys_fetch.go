package authn

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/jose"
)

const (
	maxMetadata  = 256 << 10
	maxRedirects = 3
)

// getter returns how the document of a source is read.
func (k *keyStore) getter(id sourceID) (func(context.Context, string) (string, error), error) {
	if id.file != "" {
		f := &keyFile{path: id.file}
		return f.get, nil
	}
	configured := id.url
	if id.discovery {
		configured = id.issuer
	}
	u, err := url.Parse(configured)
	if err != nil || !allowedURL(u) {
		return nil, &gatehouse.Error{Code: "keys.url", Message: "the URL of an issuer's keys is https, or http to a loopback address"}
	}
	client := newKeyClient(u, k)
	if !id.discovery {
		return func(ctx context.Context, _ string) (string, error) {
			return getDocument(ctx, client, u.String(), jose.MaxKeySet)
		}, nil
	}
	return func(ctx context.Context, _ string) (string, error) {
		jwks, err := discover(ctx, client, u, id.issuer)
		if err != nil {
			return "", err
		}
		return getDocument(ctx, client, jwks, jose.MaxKeySet)
	}, nil
}

// A keyFile reads a file again when its modification time or size changed.
type keyFile struct {
	path    string
	changed time.Time
	size    int64
}

func (f *keyFile) get(_ context.Context, old string) (string, error) {
	info, err := os.Stat(f.path)
	if err != nil {
		return "", err
	}
	if old != "" && info.ModTime().Equal(f.changed) && info.Size() == f.size {
		return old, nil
	}
	if !info.Mode().IsRegular() || info.Size() > jose.MaxKeySet {
		return "", &gatehouse.Error{Code: "keys.file", Message: "not a regular file within the limit"}
	}
	document, err := os.ReadFile(f.path)
	if err != nil {
		return "", err
	}
	f.changed, f.size = info.ModTime(), info.Size()
	return string(document), nil
}

// discover finds the key set's URL in the issuer's metadata: OpenID Connect
// Discovery 1.0, section 4, then RFC 8414, section 3.
func discover(ctx context.Context, client *http.Client, issuer *url.URL, exact string) (string, error) {
	path := strings.TrimSuffix(issuer.EscapedPath(), "/")
	origin := issuer.Scheme + "://" + issuer.Host
	var errs []error
	for _, place := range []string{
		origin + path + "/.well-known/openid-configuration",
		origin + "/.well-known/oauth-authorization-server" + path,
	} {
		document, err := getDocument(ctx, client, place, maxMetadata)
		if err == nil {
			return keySetURL(document, exact)
		}
		errs = append(errs, err)
	}
	return "", errors.Join(errs...)
}

// keySetURL reads metadata. Its issuer is exactly the configured one (RFC 8414,
// section 3.3), or another server could answer for this one.
func keySetURL(metadata, exact string) (string, error) {
	m, err := jose.ParseClaims(metadata)
	if err != nil {
		return "", err
	}
	if issuer, _, _ := m.String("issuer"); issuer != exact {
		return "", &gatehouse.Error{Code: "keys.metadata_issuer", Message: "the metadata is of another issuer"}
	}
	where, _, err := m.String("jwks_uri")
	if err != nil {
		return "", err
	}
	u, err := url.Parse(where)
	if err != nil || !allowedURL(u) {
		return "", &gatehouse.Error{Code: "keys.url", Message: "the metadata's jwks_uri is not a usable https URL"}
	}
	return where, nil
}

// allowedURL wants https, save to a loopback address, and neither user nor
// fragment.
func allowedURL(u *url.URL) bool {
	if u.Host == "" || u.User != nil || u.Fragment != "" {
		return false
	}
	return u.Scheme == "https" || (u.Scheme == "http" && loopback(u.Hostname()))
}

func getDocument(ctx context.Context, client *http.Client, where string, limit int64) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, where, nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", &gatehouse.Error{Code: "keys.status", Message: "the answer's status is " + http.StatusText(resp.StatusCode)}
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return "", err
	}
	if int64(len(body)) > limit {
		return "", &gatehouse.Error{Code: "keys.too_large", Message: "the answer is longer than the limit"}
	}
	return string(body), nil
}

// newKeyClient makes a client for one source. The host that the operator wrote may
// be private; a host that came from data, by redirect or from metadata, must be
// public, which is checked on the address that is dialled, after resolution. It
// keeps no connection, so that none is used for what it was not dialled for, and
// knows no proxy, which would dial in its place.
func newKeyClient(configured *url.URL, k *keyStore) *http.Client {
	trusted := hostPort(configured)
	plain := configured.Scheme == "http"
	return &http.Client{
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				d := &net.Dialer{Timeout: 5 * time.Second}
				if addr != trusted {
					d.Control = onlyAddresses(publicAddr)
				} else if plain {
					d.Control = onlyAddresses(netip.Addr.IsLoopback)
				}
				return d.DialContext(ctx, network, addr)
			},
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: k.roots},
			TLSHandshakeTimeout:    5 * time.Second,
			ResponseHeaderTimeout:  5 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
			DisableKeepAlives:      true,
		},
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects || !allowedURL(req.URL) || (req.URL.Scheme == "http" && !plain) {
				return &gatehouse.Error{Code: "keys.redirect", Message: "the answer redirects too often or to no usable URL"}
			}
			return nil
		},
	}
}

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

func onlyAddresses(allowed func(netip.Addr) bool) func(string, string, syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		ap, err := netip.ParseAddrPort(address)
		if err != nil || !allowed(ap.Addr().Unmap()) {
			return &gatehouse.Error{Code: "keys.address", Message: "the address is not one that keys may be fetched from"}
		}
		return nil
	}
}

// special are blocks that are not public though netip has no name for them (IANA
// special-purpose registries), and those that carry an IPv4 address within.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("192.88.99.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"),
	netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("2001::/23"),
	netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"),
}

// publicAddr reports whether a is an address of the public Internet.
func publicAddr(a netip.Addr) bool {
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() {
		return false
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return true
}
