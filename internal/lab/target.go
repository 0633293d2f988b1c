package lab

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"slices"
	"time"
)

// A Target is what the clients call: a gateway in front of the shop or, with an
// empty HTTPS, the services themselves.
type Target struct {
	Shop *Shop
	// HTTPS and HTTP are host:port of the gateway's TLS and plain listeners; the
	// plain one may be empty.
	HTTPS, HTTP string
	// CA signed the gateway's certificate for PublicHost.
	CA *x509.CertPool
	// Revoke puts a credential on the gateway's revocation list and returns when
	// it holds. Kind is "jti", "subject" or "session". It may be nil: attacks with
	// revoked credentials are then left out.
	Revoke func(ctx context.Context, kind, value string) error
	// Rooms are the rooms of the gateway that defend. Attacks that wait for
	// another room count as open. Nil stands for DefaultRooms.
	Rooms []string
}

// DefaultRooms are the rooms that the first gateway has.
var DefaultRooms = []string{"gateway", "authn", "policy", "ratelimit", "openapi", "waf"}

func (t *Target) direct() bool { return t.HTTPS == "" }

func (t *Target) defended(room string) bool {
	rooms := t.Rooms
	if rooms == nil {
		rooms = DefaultRooms
	}
	return slices.Contains(rooms, room)
}

// authority is the host and port that clients ask for.
func (t *Target) authority(svc *Service) string {
	if t.direct() {
		return svc.Addr
	}
	_, port, _ := net.SplitHostPort(t.HTTPS)
	return net.JoinHostPort(PublicHost, port)
}

// origin is scheme and authority of what clients ask for.
func (t *Target) origin(svc *Service) string {
	if t.direct() {
		return "http://" + svc.Addr
	}
	return "https://" + t.authority(svc)
}

// errNoConnection says that the target could not even be reached: nothing was
// proved.
var errNoConnection = errors.New("lab: the target cannot be reached")

const dialPatience = 10 * time.Second

// dialFrom connects from a source address of its own, so that each client can be
// told by its address. Where the system has only 127.0.0.1, that serves.
func dialFrom(ctx context.Context, from netip.Addr, addr string) (net.Conn, error) {
	d := net.Dialer{Timeout: dialPatience}
	if from.IsValid() {
		d.LocalAddr = &net.TCPAddr{IP: from.AsSlice()}
	}
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil && from.IsValid() && ctx.Err() == nil {
		d.LocalAddr = nil
		conn, err = d.DialContext(ctx, "tcp", addr)
	}
	if err != nil {
		return nil, errors.Join(errNoConnection, err)
	}
	return conn, nil
}

// dial opens a connection to the service, through the gateway's TLS listener
// where there is one. next lists the protocols offered by ALPN.
func (t *Target) dial(ctx context.Context, from netip.Addr, svc *Service, cert *tls.Certificate, next ...string) (net.Conn, error) {
	if t.direct() {
		return dialFrom(ctx, from, svc.Addr)
	}
	conn, err := dialFrom(ctx, from, t.HTTPS)
	if err != nil {
		return nil, err
	}
	tc := tls.Client(conn, t.tlsConfig(cert, next...))
	ctx, cancel := context.WithTimeout(ctx, dialPatience)
	defer cancel()
	if err := tc.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return tc, nil
}

func (t *Target) tlsConfig(cert *tls.Certificate, next ...string) *tls.Config {
	c := &tls.Config{RootCAs: t.CA, ServerName: PublicHost, NextProtos: next}
	if cert != nil {
		// Whatever authorities the server names: an attacker shows what she has.
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return cert, nil }
	}
	return c
}

// sources hands out source addresses, one for each client. All of 127.0.0.0/8 is
// loopback on Linux.
func sources(block byte, n int) netip.Addr {
	return netip.AddrFrom4([4]byte{127, block + byte(n>>16&0x3f), byte(n >> 8), byte(n)})
}
